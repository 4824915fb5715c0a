"""Measures of synthetic images, over features of a classifier.

The usual network for such features is trained on photographs; for digits, clothes or spectra a
classifier of the same data is more informative ("classifier Frechet distance").
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np
from scipy import linalg
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_array

from skdeep.metrics._unlike import comparable_features

_ACTIVATIONS: dict[str, Callable] = {
    "identity": lambda x: x,
    "logistic": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
}


def classifier_features(classifier: Any, X: Any) -> np.ndarray:
    """Features of rows or images according to a fitted classifier.

    Parameters
    ----------
    classifier : estimator
        A fitted classifier. The features of a perceptron (with `coefs_`, `intercepts_` and one of
        scikit-learn's activations) are its last hidden layer, those of any other classifier the
        logarithms of `predict_proba`.
    X : array-like of shape (n_samples, ...)
        Rows in the format of the classifier; images are flattened for a perceptron.

    Returns
    -------
    ndarray of shape (n_samples, n_features)

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skdeep.metrics import classifier_features
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier_features(LogisticRegression(max_iter=500).fit(X, y), X).shape
    (150, 3)
    """
    if hasattr(classifier, "coefs_") and getattr(classifier, "activation", None) in _ACTIVATIONS:
        h = check_array(X, dtype=np.float64, allow_nd=True, input_name="X")
        h = h.reshape(len(h), -1)
        if h.shape[1] != len(classifier.coefs_[0]):
            raise ValueError(
                f"X has {h.shape[1]} features, but {type(classifier).__name__} is expecting "
                f"{len(classifier.coefs_[0])} features as input."
            )
        activation = _ACTIVATIONS[classifier.activation]
        for weight, bias in zip(classifier.coefs_[:-1], classifier.intercepts_[:-1]):
            h = activation(h @ weight + bias)
        return h
    if not hasattr(classifier, "predict_proba"):
        raise TypeError(
            f"classifier={classifier!r}: expected a fitted classifier with predict_proba, or a "
            "perceptron."
        )
    return np.log(np.clip(classifier.predict_proba(X), 1e-12, None))


def frechet_distance(real: Any, made: Any) -> float:
    """Frechet distance between two sets of features, each modelled as a Gaussian.

    ``|m - n|^2 + tr(C + D - 2 (C D)^(1/2))`` with the means m, n and covariances C, D (Dowson and
    Landau, 1982; over features of images Heusel et al., NeurIPS 2017).

    Parameters
    ----------
    real, made : array-like of shape (n_samples, n_features)
        Features of real and synthetic rows, at least two rows each.

    Returns
    -------
    float
        0 for equal means and covariances.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep.metrics import frechet_distance
    >>> X = np.random.default_rng(0).normal(size=(100, 3))
    >>> round(frechet_distance(X, X + 2), 6)
    12.0
    """
    real, made = comparable_features(real, made, 2)
    shift = real.mean(0) - made.mean(0)
    a, b = np.atleast_2d(np.cov(real.T)), np.atleast_2d(np.cov(made.T))
    # The trace of (C D)^(1/2) from the symmetric C^(1/2) D C^(1/2), which has the same
    # eigenvalues and no complex rounding.
    values, vectors = linalg.eigh(a)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    middle = np.sqrt(np.clip(linalg.eigvalsh(root @ b @ root), 0, None)).sum()
    return float(max(shift @ shift + np.trace(a) + np.trace(b) - 2 * middle, 0.0))


def classifier_frechet_distance(classifier: Any, real: Any, made: Any) -> float:
    """Frechet distance over the features of a classifier of the data.

    Parameters
    ----------
    classifier : estimator
        Fitted on real images; see `classifier_features`.
    real, made : array-like of shape (n_samples, ...)
        Real and synthetic rows.

    Returns
    -------
    float
        Comparable between generators for one classifier only.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skdeep.metrics import classifier_frechet_distance
    >>> X, y = load_digits(return_X_y=True)
    >>> classifier = LogisticRegression(max_iter=500).fit(X / 16, y)
    >>> near = classifier_frechet_distance(classifier, X[:800] / 16, X[800:] / 16)
    >>> near < classifier_frechet_distance(classifier, X[:800] / 16, X[800:] / 32)
    True
    """
    return frechet_distance(*(classifier_features(classifier, x) for x in (real, made)))


def precision_recall(real: Any, made: Any, n_neighbors: int = 3) -> tuple[float, float]:
    """Precision and recall of synthetic points.

    A point is covered by a set of points if it lies within the ball around one of them whose radius
    is the distance to its neighbour number `n_neighbors` (Kynkaanniemi et al., NeurIPS 2019).

    Parameters
    ----------
    real, made : array-like of shape (n_samples, n_features)
        Features; more than `n_neighbors` rows each.
    n_neighbors : int, default=3
        Neighbour that defines the radius of a ball.

    Returns
    -------
    precision : float
        Fraction of synthetic points that are covered by the real ones.
    recall : float
        Fraction of real points that are covered by the synthetic ones.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep.metrics import precision_recall
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> precision, recall = precision_recall(X, X[:100] * 0.1)
    >>> precision > 0.9, recall < 0.1
    (True, True)
    """
    if isinstance(n_neighbors, bool) or not isinstance(n_neighbors, Integral) or n_neighbors < 1:
        raise ValueError(f"n_neighbors={n_neighbors!r}: expected an integer of at least 1.")
    real, made = comparable_features(real, made, n_neighbors + 1)
    return _covered(made, real, n_neighbors), _covered(real, made, n_neighbors)


def _covered(points: np.ndarray, others: np.ndarray, n_neighbors: int) -> float:
    """Fraction of `points` within the ball of one of the `others`."""
    index = NearestNeighbors(n_neighbors=n_neighbors + 1).fit(others)
    radius = index.kneighbors(others)[0][:, -1]
    inside = np.zeros(len(points), dtype=bool)
    for start in range(0, len(points), 1000):
        chunk = points[start : start + 1000]
        square = (chunk**2).sum(1)[:, None] + (others**2).sum(1) - 2 * chunk @ others.T
        inside[start : start + 1000] = (square <= radius**2 + 1e-12).any(1)
    return float(inside.mean())
