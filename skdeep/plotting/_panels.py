"""Axes next to other axes, with a common legend that does not hide their curves."""

from __future__ import annotations

from typing import Any

import numpy as np

# Where the legend may be, the first being liked best: its lower left corner, in shares of the width
# and height that it leaves free.
_PLACES = {
    "upper right": (1, 1),
    "center right": (1, 0.5),
    "lower right": (1, 0),
    "upper left": (0, 1),
    "lower left": (0, 0),
    "upper center": (0.5, 1),
    "lower center": (0.5, 0),
    "center left": (0, 0.5),
}


def check_matplotlib(caller):
    """Raise an error if Matplotlib, an optional dependency, is not installed.

    Parameters
    ----------
    caller : str
        What needs it.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{caller} requires matplotlib. Install it with `pip install 'skdeep[plot]'`."
        ) from error


class Panels:
    """Axes with room for further curves on their right scale and in a strip below.

    Kept on the axes, so that a second display drawn there finds what the first has made.

    Parameters
    ----------
    main : matplotlib Axes
    """

    def __init__(self, main: Any):
        self.main = main
        self.sides: dict[str, Any] = {}
        self.entries: list[Any] = []  # of the legend, in the order of drawing
        self.legend = None
        self.n_colors = 0

    @classmethod
    def of(cls, ax: Any):
        """The panels of `ax`: those of an earlier display, or new ones."""
        if not hasattr(ax, "_skdeep_panels"):
            ax._skdeep_panels = cls(ax)
        return ax._skdeep_panels

    def next_color(self):
        """The next colour of the user's cycle; the axes count together."""
        self.n_colors += 1
        return f"C{self.n_colors - 1}"

    def side(self, place: str):
        """Axes that share the x axis of the main ones.

        Parameters
        ----------
        place : {'right', 'below'}
            With a scale of its own on the right of the main axes, or in a strip below, which
            they give up.

        Returns
        -------
        matplotlib Axes
        """
        figure = self.main.figure
        if self.sides.get(place) not in figure.axes:
            current = figure.gca()
            self.sides[place] = self.main.twinx() if place == "right" else self._strip()
            figure.sca(current)  # what the user draws next goes where it would have gone
        return self.sides[place]

    def _overlaid(self):
        """The main axes and the ones on top of them."""
        right = self.sides.get("right")
        return [self.main] if right not in self.main.figure.axes else [self.main, right]

    def _strip(self, share=0.24, gap=0.05):
        main, spec = self.main, self.main.get_subplotspec()
        if spec is not None:
            grid = spec.subgridspec(2, 1, height_ratios=[1 - share, share], hspace=gap)
            for ax in self._overlaid():
                ax.set_subplotspec(grid[0])
            strip = main.figure.add_subplot(grid[1], sharex=main)
        else:
            x, y, width, height = main.get_position(original=True).bounds
            for ax in self._overlaid():
                ax.set_position([x, y + share * height, width, (1 - share) * height])
            strip = main.figure.add_axes([x, y, width, (share - gap) * height], sharex=main)
        main.tick_params(labelbottom=False)
        main.set_xlabel("")
        main.figure.align_ylabels([main, strip])
        return strip

    def draw_legend(self):
        """One legend for `entries`, where it covers the least of the curves.

        Matplotlib's own search for the best place sees the curves of one axes only.
        """
        self.entries = [line for line in self.entries if line.axes is not None]
        labels = [line.get_label() for line in self.entries]
        if self.legend is not None and self.legend.axes is not None:
            self.legend.remove()
        # On the topmost axes, or their curves would run through the text.
        top = self._overlaid()[-1]
        self.legend = top.legend(self.entries, labels, loc=self._free_place(labels), framealpha=0.9)
        return self.legend

    def _free_place(self, labels):
        lines = [line for ax in self._overlaid() for line in ax.get_lines()]
        points = np.concatenate([_positions(line, self.main) for line in lines])
        size = self._legend_size(labels)
        covered = {}
        for name, share in _PLACES.items():
            corner = np.array(share) * (1 - size)
            inside = (points >= corner) & (points <= corner + size)
            covered[name] = inside.all(axis=1).sum()
        return min(covered, key=covered.__getitem__)

    def _legend_size(self, labels):
        """About the width and height of a legend, as shares of the axes.

        The exact size is known only when the figure is drawn.
        """
        import matplotlib as mpl
        from matplotlib.font_manager import FontProperties

        font = FontProperties(size=mpl.rcParams["legend.fontsize"]).get_size_in_points()
        em = font * self.main.figure.dpi / 72
        wide, high = 0.55 * max(map(len, labels)) + 5, 1.45 * len(labels) + 2
        return np.minimum([wide * em / self.main.bbox.width, high * em / self.main.bbox.height], 1)


def _positions(line, ax, step=0.01):
    """Points on a curve `step` apart, in shares of the width and height of `ax`."""
    line.axes.autoscale_view()
    transform = line.get_transform() - ax.transAxes
    points = transform.transform(line.get_xydata())
    points = points[np.isfinite(points).all(axis=1)]
    if len(points) < 2 or np.ptp(points[:, 0]) == 0:  # a dot, or the line at the best epoch
        return np.empty((0, 2))
    length = np.append(0, np.cumsum(np.hypot(*np.diff(points, axis=0).T)))
    along = np.arange(0, length[-1], step)
    return np.column_stack([np.interp(along, length, p) for p in points.T])
