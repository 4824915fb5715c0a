"""Rows and their reconstructions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdeep.plotting._panels import check_matplotlib


class ReconstructionDisplay:
    """Rows in the first line, and their reconstructions by an autoencoder in the second.

    It is recommended to use `from_estimator` to create a display. All parameters are stored as
    attributes.

    Parameters
    ----------
    originals : array-like of shape (n_samples, n_features), or list of ndarray
        Vectors or series (length, n_channels), which are drawn as curves, or images: rows of
        shape (height, width, n_channels), and all rows with `image_shape`.

    reconstructions : array-like of the shape of originals
        The reconstructed rows.

    image_shape : tuple of int, default=None
        (height, width) or (height, width, n_channels), for flat or grey images.

    targets : array-like of the shape of originals, default=None
        Rows of a third line, for example before noise was added.

    data_format : {'channels_last', 'channels_first'}, default='channels_last'
        Position of the channels in rows and in `image_shape`.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (n_lines, n_samples)
        Axes with the rows.

    figure_ : matplotlib Figure
        Figure containing them.

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

    axes_: Any
    figure_: Any

    def __init__(
        self,
        originals: Any,
        reconstructions: Any,
        *,
        image_shape: Sequence[int] | None = None,
        targets: Any = None,
        data_format: str = "channels_last",
    ):
        self.originals = originals
        self.reconstructions = reconstructions
        self.image_shape = image_shape
        self.targets = targets
        self.data_format = data_format

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        image_shape: Sequence[int] | None = None,
        targets: Any = None,
        n_rows: int = 8,
    ) -> Self:
        """Reconstruct the first rows of X and draw them.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator with `reconstruct`, or with `transform` and `inverse_transform`.

        X : array-like of shape (n_samples, n_features), or other input of the estimator
            Rows to reconstruct.

        image_shape : tuple of int, default=None
            If None, that of the estimator is used, if any.

        targets : array-like of the shape of X, default=None
            Rows of a third line.

        n_rows : int, default=8
            Number of rows to draw.

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

    def plot(self, *, cmap: Any = "gray_r") -> Self:
        """Draw the rows.

        Parameters
        ----------
        cmap : str, default='gray_r'
            Colormap of images with one channel.

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
        figure, axes = plt.subplots(
            len(lines), n_rows, figsize=size, squeeze=False, sharey=True, layout="constrained"
        )
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
        """Convert a row for matplotlib: channels last, colours in [0, 1]."""
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
