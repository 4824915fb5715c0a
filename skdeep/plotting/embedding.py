"""Codes in two dimensions."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.decomposition import PCA
from sklearn.utils.validation import check_is_fitted

from skdeep.plotting._faces import axes_for


class EmbeddingDisplay:
    """Scatter plot of the codes of rows, coloured by a label or a number.

    It is recommended to use `from_estimator` or `from_predictions` to create a display. All
    parameters are stored as attributes.

    Parameters
    ----------
    codes : array-like of shape (n_samples, n_components)
        Codes. If they have more than two components, the first two principal components are drawn.

    labels : array-like of shape (n_samples,), default=None
        Up to 20 distinct values are drawn with a legend, more with a colour bar.

    name : str, default=None
        Title of the axes.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the points.

    figure_ : matplotlib Figure
        Figure containing them.

    points_ : ndarray of shape (n_samples, 2)
        Coordinates of the points.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeep.plotting import EmbeddingDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> EmbeddingDisplay(X, y).plot().points_.shape
    (150, 2)
    """

    points_: Any
    ax_: Any
    figure_: Any

    def __init__(self, codes: Any, labels: Any = None, *, name: str | None = None):
        self.codes = codes
        self.labels = labels
        self.name = name

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any = None, *, name: str | None = None, ax: Any = None
    ) -> Self:
        """Transform X with a fitted transformer and draw the codes.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator with `transform`.

        X : array-like of shape (n_samples, n_features)
            Rows to encode.

        y : array-like of shape (n_samples,), default=None
            Labels or numbers that colour the points.

        name : str, default=None
            Title of the axes. If None, the name of the estimator's class is used.

        ax : matplotlib Axes, default=None
            Axes to draw on. If None, a new figure is created.

        Returns
        -------
        display : EmbeddingDisplay
        """
        check_is_fitted(estimator)
        last = estimator[-1] if hasattr(estimator, "steps") else estimator
        name = type(last).__name__ if name is None else name
        return cls(estimator.transform(X), y, name=name).plot(ax)

    @classmethod
    def from_predictions(
        cls, codes: Any, labels: Any = None, *, name: str | None = None, ax: Any = None
    ) -> Self:
        """Draw precomputed codes.

        Parameters
        ----------
        codes : array-like of shape (n_samples, n_components)
            Codes.

        labels : array-like of shape (n_samples,), default=None
            Labels or numbers that colour the points.

        name : str, default=None
            Title of the axes.

        ax : matplotlib Axes, default=None
            Axes to draw on. If None, a new figure is created.

        Returns
        -------
        display : EmbeddingDisplay
        """
        return cls(codes, labels, name=name).plot(ax)

    def plot(self, ax: Any = None, *, size: float = 8) -> Self:
        """Draw the points.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on. If None, a new figure is created.

        size : float, default=8
            Area of the points, in points squared.

        Returns
        -------
        display : EmbeddingDisplay
        """
        ax = axes_for("EmbeddingDisplay", ax)
        codes = np.asarray(self.codes, dtype=float)
        if codes.shape[1] > 2:
            codes = PCA(2).fit_transform(codes)
        elif codes.shape[1] == 1:
            codes = np.column_stack([codes[:, 0], np.zeros(len(codes))])
        self.points_ = codes
        values = None if self.labels is None else np.asarray(self.labels)
        kinds = np.unique([] if values is None else values)
        if values is None:
            ax.scatter(*codes.T, s=size)
        elif len(kinds) <= 20:
            for kind in kinds:
                ax.scatter(*codes[values == kind].T, s=size, label=str(kind))
            ax.legend(markerscale=2, fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))
        else:
            ax.figure.colorbar(ax.scatter(*codes.T, s=size, c=values), ax=ax, label="label")
        ax.set(xlabel="component 1", ylabel="component 2", title=self.name or "")
        self.ax_, self.figure_ = ax, ax.figure
        return self
