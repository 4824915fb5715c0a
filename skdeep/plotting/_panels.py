"""Axes beside other axes, and a legend that hides none of their curves."""

import numpy as np


def side_panel(ax, place):
    """Axes that share the x axis of `ax`: those that an earlier call made, or new ones.

    Parameters
    ----------
    ax : matplotlib Axes
    place : {'right', 'below'}
        On top of `ax` with its own y axis on the right, or in a strip below that `ax` gives up.

    Returns
    -------
    matplotlib Axes
    """
    panels = ax.__dict__.setdefault("_skdeep_panels", {})
    known = panels.get(place)
    if known is not None and known in ax.figure.axes:
        return known
    current = ax.figure.gca()
    panel = ax.twinx() if place == "right" else _strip_below(ax, panels.get("right"))
    panel._skdeep_main = ax
    panels[place] = panel
    ax.figure.sca(current)  # the axes that the user draws on next stay the same
    if place == "right":
        panel.spines["top"].set_visible(False)
    return panel


def _strip_below(ax, twin, share=0.24, gap=0.08):
    """Split the place of `ax` (and of its twin): a strip below for new axes."""
    figure, spec = ax.figure, ax.get_subplotspec()
    if spec is not None:
        grid = spec.subgridspec(2, 1, height_ratios=[1 - share, share], hspace=gap)
        for each in filter(None, (ax, twin)):
            each.set_subplotspec(grid[0])
        strip = figure.add_subplot(grid[1], sharex=ax)
    else:
        x, y, width, height = ax.get_position().bounds
        for each in filter(None, (ax, twin)):
            each.set_position([x, y + share * height, width, (1 - share - gap / 2) * height])
        strip = figure.add_axes([x, y, width, (share - gap / 2) * height], sharex=ax)
    ax.tick_params(labelbottom=False)
    ax.set_xlabel("")
    return strip


def legend_in_free_place(ax):
    """One legend for `ax` and its panels, where it covers the fewest curves.

    Matplotlib's own search for the best place sees one axes only.
    """
    panels = [p for p in getattr(ax, "_skdeep_panels", {}).values() if p in ax.figure.axes]
    handles, labels = [], []
    for each in (ax, *panels):
        for handle, label in zip(*each.get_legend_handles_labels()):
            handles.append(handle)
            labels.append(label)
    on_top = [p for p in panels if p.get_subplotspec() == ax.get_subplotspec()]
    return handles, labels, on_top
