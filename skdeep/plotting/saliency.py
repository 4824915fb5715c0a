"""What a network looks at, drawn over an image, a series or a text."""

import numpy as np

from skdeep.plotting._panels import check_matplotlib


class SaliencyDisplay:
    """How much each part of one row speaks for (red) and against (blue) a prediction.

    Make it with `from_estimator`; the constructor takes what an estimator's `saliency` returned.

    Parameters
    ----------
    saliency : array-like of shape (height, width[, n_channels]), (length[, n_channels]) or \
(n_tokens,)
        Of one row, channels last.

    x : array-like of the same shape, or list of str
        The row: an image, a series, or the tokens of a text.

    title : str, default=None
        Drawn above: what the prediction is, say.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    artist_ : matplotlib artist
        What has the colours: an image, the points of a series (one collection for each channel),
        or the texts.

    See Also
    --------
    skdeep.CNNClassifier.saliency : Where the numbers are from.

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

    def __init__(self, saliency, x, *, title=None):
        self.saliency = saliency
        self.x = x
        self.title = title

    @classmethod
    def from_estimator(cls, estimator, x, y=None, *, ax=None, title="auto", **kwargs):
        """Explain the prediction for one row and draw it.

        Parameters
        ----------
        estimator : fitted estimator
            With a method `saliency`.

        x : array-like
            One row of X.

        y : object, default=None
            The class that is meant; None stands for the predicted one.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        title : str or None, default='auto'
            'auto' names what is explained.

        **kwargs : dict
            For `plot`.

        Returns
        -------
        display : SaliencyDisplay
        """
        check_matplotlib(f"{cls.__name__}.from_estimator")
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

    def plot(self, *, ax=None, cmap="coolwarm"):
        """Draw the row, coloured by what it says.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        cmap : str or matplotlib Colormap, default='coolwarm'
            Its middle stands for 0.

        Returns
        -------
        display : SaliencyDisplay

        Raises
        ------
        ValueError
            If the shapes of saliency and row are none of those that can be drawn.
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
    """The image in grey, and the sum over channels of what it says above it."""
    grey = x if x.ndim == 2 else x.mean(2)
    summed = values if values.ndim == 2 else values.sum(2)
    largest = np.abs(summed).max() or 1.0
    ax.imshow(grey, cmap="gray_r")
    artist = ax.imshow(summed, alpha=0.6, **{**colors, "vmin": -largest, "vmax": largest})
    ax.set_axis_off()
    ax.figure.colorbar(artist, ax=ax)
    return artist


def _draw_series(ax, x, values, colors):
    """A line for each channel, with points in colours."""
    x, values = (a.reshape(len(a), -1) for a in (x, values))
    steps = np.arange(len(x))
    artists = []
    for channel in range(x.shape[1]):
        ax.plot(steps, x[:, channel], color="0.7", linewidth=1, zorder=1)
        artists.append(
            ax.scatter(steps, x[:, channel], c=values[:, channel], s=14, zorder=2, **colors)
        )
    ax.set_xlabel("step")
    ax.figure.colorbar(artists[0], ax=ax)
    return artists


def _draw_text(ax, tokens, values, colors, width=60):
    """Tokens in lines of about `width` characters, each on its colour."""
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
