"""Rows beside what an autoencoder makes of them."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdeep.plotting._panels import check_matplotlib


class ReconstructionDisplay:
    """Rows as they are in the first line, as an autoencoder restores them in the second.

    It is recommended to make a display with `from_estimator`. All parameters are stored as
    attributes.

    Parameters
    ----------
    originals : array-like of shape (n_samples, n_features), or list of ndarray
        Vectors or series (length, n_channels), which are drawn as curves, or images: rows of
        shape (height, width, n_channels), and all rows with `image_shape`.

    reconstructions : array-like of the shape of originals

    image_shape : tuple of int, default=None
        (height, width) or (height, width, n_channels), where rows are flat or grey images.

    targets : array-like of the shape of originals, default=None
        A third line: the rows before noise was added, say.

    data_format : {'channels_last', 'channels_first'}, default='channels_last'
        Where rows have their channels; with 'channels_first' so has `image_shape`.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (n_lines, n_samples)
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from skdeep.plotting import ReconstructionDisplay
    >>> X = load_digits().data
    >>> restored = PCA(8).fit(X).inverse_transform(PCA(8).fit_transform(X))
    >>> ReconstructionDisplay(X[:5], restored[:5], image_shape=(8, 8)).plot().axes_.shape
    (2, 5)
    """

    def __init__(
        self,
        originals,
        reconstructions,
        *,
        image_shape=None,
        targets=None,
        data_format="channels_last",
    ):
        self.originals = originals
        self.reconstructions = reconstructions
        self.image_shape = image_shape
        self.targets = targets
        self.data_format = data_format

    @classmethod
    def from_estimator(cls, estimator, X, *, image_shape=None, targets=None, n_rows=8):
        """Restore the first rows of X and draw them.

        Parameters
        ----------
        estimator : estimator
            With `reconstruct`, or with `transform` and `inverse_transform`.

        X : array-like of shape (n_samples, n_features), or rows as the estimator takes them

        image_shape : tuple of int, default=None
            None stands for the estimator's, where it has one.

        targets : array-like of the shape of X, default=None

        n_rows : int, default=8
            How many rows to draw.

        Returns
        -------
        display : ReconstructionDisplay
        """
        check_is_fitted(estimator)
        X = X[:n_rows] if isinstance(X, (list, tuple)) else np.asarray(X)[:n_rows]
        if hasattr(estimator, "reconstruct"):
            restored = estimator.reconstruct(X)
        else:
            restored = estimator.inverse_transform(estimator.transform(X))
        last = estimator[-1] if hasattr(estimator, "steps") else estimator
        if image_shape is None:
            image_shape = getattr(last, "image_shape", None)
        return cls(
            X,
            restored,
            image_shape=image_shape,
            targets=None if targets is None else targets[:n_rows],
            data_format=getattr(last, "data_format", "channels_last"),
        ).plot()

    def plot(self, *, cmap="gray_r"):
        """Draw the rows.

        Parameters
        ----------
        cmap : str, default='gray_r'
            Colours of images.

        Returns
        -------
        display : ReconstructionDisplay
        """
        check_matplotlib("ReconstructionDisplay")
        import matplotlib.pyplot as plt

        lines = {"input": self.originals, "restored": self.reconstructions}
        if self.targets is not None:
            lines["target"] = self.targets
        n_rows = len(self.originals)
        size = (1.2 * n_rows, 1.3 * len(lines))
        figure, axes = plt.subplots(len(lines), n_rows, figsize=size, squeeze=False, sharey=True)
        for line, (label, rows) in zip(axes, lines.items()):
            for ax, row in zip(line, rows):
                row = np.asarray(row)
                if self._is_image(row):
                    ax.imshow(self._drawn(row), cmap=cmap)
                else:
                    ax.plot(self._drawn(row), linewidth=0.8)
                ax.set(xticks=[], yticks=[])
            line[0].set_ylabel(label)
        self.axes_, self.figure_ = axes, figure
        return self

    def _is_image(self, row):
        return self.image_shape is not None or row.ndim == 3

    def _drawn(self, row):
        """A row as matplotlib draws it: channels last, colours from 0 to 1."""
        row = row if self.image_shape is None else row.reshape(self.image_shape)
        is_image = self._is_image(row)
        if row.ndim < (3 if is_image else 2):
            return row
        row = np.moveaxis(row, 0, -1) if self.data_format == "channels_first" else row
        if not is_image:
            return row
        if row.shape[2] == 1:
            return row[:, :, 0]
        are_bytes = np.asarray(self.originals[0]).dtype == np.uint8
        return np.clip(row / 255 if are_bytes else row, 0, 1)
