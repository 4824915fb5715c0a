"""Saliency of an image, a series or a text."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from skdeep.plotting._panels import check_matplotlib

BAR = "contribution to the prediction"


class SaliencyDisplay:
    """Contribution of each part of a row for (red) and against (blue) a prediction.

    It is recommended to use `from_estimator` to create a display. All parameters are stored as
    attributes.

    Parameters
    ----------
    saliency : array-like of shape (height, width[, n_channels]), (length[, n_channels]) or \
(n_tokens,)
        Saliency of one row, channels last, as returned by the `saliency` method of an estimator.

    x : array-like of the same shape, or list of str
        The row: an image, a series, or the tokens of a text.

    title : str, default=None
        Title of the axes, for example the prediction.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the row.

    figure_ : matplotlib Figure
        Figure containing it.

    artist_ : matplotlib artist
        The coloured artist: an image, the points of a series (one collection per channel), or the
        texts.

    See Also
    --------
    skdeep.CNNClassifier.saliency : Computes the saliency.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from skdeep import CNNClassifier
    >>> from skdeep.plotting import SaliencyDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = CNNClassifier(image_shape=(8, 8), max_iter=2, random_state=0, device="cpu")
    >>> display = SaliencyDisplay.from_estimator(clf.fit(X[:500], y[:500]), X[0])
    >>> plt.show()
    """

    artist_: Any
    ax_: Any
    figure_: Any

    def __init__(self, saliency: Any, x: Any, *, title: str | None = None):
        self.saliency = saliency
        self.x = x
        self.title = title

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        x: Any,
        y: Any = None,
        *,
        ax: Any = None,
        title: str | None = "auto",
        **kwargs: Any,
    ) -> Self:
        """Explain the prediction for one row and draw it.

        Parameters
        ----------
        estimator : fitted estimator
            With a method `saliency`.

        x : array-like
            One row of X.

        y : object, default=None
            The class to explain. If None, the predicted class is used.

        ax : matplotlib Axes, default=None
            Axes to draw on. If None, a new figure is created.

        title : str or None, default='auto'
            Title of the axes; 'auto' names the explained class or value.

        **kwargs : dict
            Keyword arguments of `plot`.

        Returns
        -------
        display : SaliencyDisplay
        """
        check_matplotlib(f"{cls.__name__}.from_estimator")
        rows: list | np.ndarray
        rows = [np.asarray(x)] if getattr(estimator, "input_shape_", (0,))[0] is None else [x]
        rows = rows if rows[0] is not x else np.asarray(x)[None]
        meant = None if y is None else [y]
        saliency = np.asarray(estimator.saliency(rows, meant)[0])
        shown = np.asarray(x)
        if getattr(estimator, "data_format", "channels_last") == "channels_first":
            saliency, shown = (
                np.moveaxis(a, 0, -1) if a.ndim > 1 else a for a in (saliency, shown)
            )
        shown = shown.reshape(saliency.shape)
        if title == "auto":
            what = estimator.predict(rows)[0] if y is None else y
            title = f"Saliency for {what}"
        return cls(saliency, shown, title=title).plot(ax=ax, **kwargs)

    def plot(self, *, ax: Any = None, cmap: Any = "coolwarm") -> Self:
        """Draw the row, coloured by its saliency.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on. If None, a new figure is created.

        cmap : str or matplotlib Colormap, default='coolwarm'
            Colormap; its middle is 0.

        Returns
        -------
        display : SaliencyDisplay

        Raises
        ------
        ValueError
            If the shapes of saliency and row differ or cannot be drawn.
        """
        check_matplotlib(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt

        values = np.asarray(self.saliency, dtype=float)
        is_text = all(isinstance(token, str) for token in self.x)
        if is_text and len(self.x) != len(values):
            raise ValueError(f"{len(self.x)} tokens have {len(values)} numbers of saliency.")
        if not is_text and np.shape(self.x) != values.shape:
            raise ValueError(
                f"saliency has the shape {values.shape}, x has {np.shape(self.x)}: they must be "
                "the same."
            )
        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        largest = np.abs(values).max() or 1.0
        colors = {"cmap": cmap, "vmin": -largest, "vmax": largest}
        if is_text:
            self.artist_ = _draw_text(ax, self.x, values, colors)
        elif values.ndim == 3 or (values.ndim == 2 and min(values.shape) > 4):
            self.artist_ = _draw_image(ax, np.asarray(self.x), values, colors)
        else:
            self.artist_ = _draw_series(ax, np.asarray(self.x), values, colors)
        if self.title is not None:
            ax.set_title(self.title)
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _draw_image(ax, x, values, colors):
    """Draw the image in grey, and over it the saliency summed over channels."""
    grey = x if x.ndim == 2 else x.mean(2)
    summed = values if values.ndim == 2 else values.sum(2)
    largest = np.abs(summed).max() or 1.0
    ax.imshow(grey, cmap="gray_r")
    artist = ax.imshow(summed, alpha=0.6, **{**colors, "vmin": -largest, "vmax": largest})
    ax.set_axis_off()
    ax.figure.colorbar(artist, ax=ax, label=BAR)
    return artist


def _draw_series(ax, x, values, colors):
    """Draw a line for each channel, with coloured points."""
    x, values = (a.reshape(len(a), -1) for a in (x, values))
    steps = np.arange(len(x))
    artists = []
    for channel in range(x.shape[1]):
        ax.plot(steps, x[:, channel], color="0.7", linewidth=1, zorder=1)
        artists.append(
            ax.scatter(steps, x[:, channel], c=values[:, channel], s=14, zorder=2, **colors)
        )
    ax.set_xlabel("step")
    ax.figure.colorbar(artists[0], ax=ax, label=BAR)
    return artists


def _draw_text(ax, tokens, values, colors, width=60):
    """Draw tokens in lines of about `width` characters, with coloured backgrounds."""
    import matplotlib

    norm = matplotlib.colors.Normalize(colors["vmin"], colors["vmax"])
    cmap = (
        matplotlib.colormaps[colors["cmap"]] if isinstance(colors["cmap"], str) else colors["cmap"]
    )
    column, line, artists = 0, 0, []
    for token, value in zip(tokens, values):
        if column and column + len(token) > width:
            column, line = 0, line + 1
        artists.append(
            ax.text(
                column,
                line,
                token,
                family="monospace",
                bbox={"facecolor": cmap(norm(value)), "edgecolor": "none", "pad": 1.5},
            )
        )
        column += len(token) + 1
    ax.set_xlim(0, width)
    ax.set_ylim(line + 1, -1)
    ax.set_axis_off()
    return artists
