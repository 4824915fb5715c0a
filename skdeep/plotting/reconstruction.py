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
    originals : array-like of shape (n_samples, n_features)

    reconstructions : array-like of shape (n_samples, n_features)

    image_shape : tuple of int, default=None
        Height and width, where rows are pictures; else they are drawn as curves.

    targets : array-like of shape (n_samples, n_features), default=None
        A third line: the rows before noise was added, say.

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

    def __init__(self, originals, reconstructions, *, image_shape=None, targets=None):
        self.originals = originals
        self.reconstructions = reconstructions
        self.image_shape = image_shape
        self.targets = targets

    @classmethod
    def from_estimator(cls, estimator, X, *, image_shape=None, targets=None, n_rows=8):
        """Restore the first rows of X and draw them.

        Parameters
        ----------
        estimator : estimator
            With `reconstruct`, or with `transform` and `inverse_transform`.

        X : array-like of shape (n_samples, n_features)

        image_shape : tuple of int, default=None

        targets : array-like of shape (n_samples, n_features), default=None

        n_rows : int, default=8
            How many rows to draw.

        Returns
        -------
        display : ReconstructionDisplay
        """
        check_is_fitted(estimator)
        X = np.asarray(X)[:n_rows]
        if hasattr(estimator, "reconstruct"):
            restored = estimator.reconstruct(X)
        else:
            restored = estimator.inverse_transform(estimator.transform(X))
        targets = None if targets is None else np.asarray(targets)[:n_rows]
        return cls(X, restored, image_shape=image_shape, targets=targets).plot()

    def plot(self, *, cmap="gray_r"):
        """Draw the rows.

        Parameters
        ----------
        cmap : str, default='gray_r'
            Colours of pictures.

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
            for ax, row in zip(line, np.asarray(rows)):
                if self.image_shape is None:
                    ax.plot(row, linewidth=0.8)
                else:
                    ax.imshow(np.reshape(row, self.image_shape), cmap=cmap)
                ax.set(xticks=[], yticks=[])
            line[0].set_ylabel(label)
        self.axes_, self.figure_ = axes, figure
        return self
