"""Checks of pairs and triplets, and thresholds of their distances, with NumPy only."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

_KINDS = {2: ("pairs", "n_pairs"), 3: ("triplets", "n_triplets")}
STRATEGIES = ("accuracy", "f_beta", "max_tpr", "max_tnr")


def split_tuples(tuples: Any, size: int) -> Any:
    """Rows and row numbers of an array of pairs or triplets of rows.

    Parameters
    ----------
    tuples : array-like of shape (n_tuples, size, ...)
    size : {2, 3}

    Returns
    -------
    rows : ndarray of shape (n_tuples * size, ...)
    numbers : ndarray of int64 of shape (n_tuples, size)

    Raises
    ------
    ValueError
        If the rows of a tuple differ in shape, or there are not `size` of them.
    """
    name, count = _KINDS[size]
    wanted = f"expected an array of shape ({count}, {size}, n_features), or row numbers and X"
    tuples = _as_array(tuples, name, wanted)
    if tuples.ndim < 3 or tuples.shape[1] != size:
        raise ValueError(f"{name} of shape {tuples.shape}: {wanted}.")
    if not tuples.size:
        raise ValueError(f"Found array with 0 sample(s) or features: {name} is empty; {wanted}.")
    numbers = np.arange(len(tuples) * size).reshape(-1, size)
    return tuples.reshape(-1, *tuples.shape[2:]), numbers


def _as_array(given: Any, name: str, wanted: str) -> np.ndarray:
    try:
        return np.asarray(given)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{name} of unequal shape: {wanted}. {error}") from None


def check_numbers(tuples: Any, size: int, n_rows: int) -> np.ndarray:
    """Check row numbers of pairs or triplets of the rows of X.

    Parameters
    ----------
    tuples : array-like of int of shape (n_tuples, size)
    size : {2, 3}
    n_rows : int

    Returns
    -------
    ndarray of int64 of shape (n_tuples, size)

    Raises
    ------
    ValueError
        If they are not integers in [0, n_rows).
    """
    name, count = _KINDS[size]
    tuples = _as_array(tuples, name, f"with X, expected row numbers of shape ({count}, {size})")
    if tuples.ndim != 2 or tuples.shape[1] != size or tuples.dtype.kind not in "iu":
        raise ValueError(
            f"{name} of shape {tuples.shape} and type {tuples.dtype}: with X, expected row numbers "
            f"of shape ({count}, {size})."
        )
    if not len(tuples):
        raise ValueError(f"Found array with 0 sample(s): {name} is empty.")
    if tuples.min() < 0 or tuples.max() >= n_rows:
        raise ValueError(
            f"{name} name the rows {tuples.min()} to {tuples.max()}, but X has {n_rows} rows: "
            f"expected numbers from 0 to {n_rows - 1}."
        )
    return tuples.astype(np.int64)


def check_pair_labels(y: Any, n_pairs: int) -> tuple[np.ndarray, np.ndarray]:
    """Check labels of pairs; return them and their coding.

    Parameters
    ----------
    y : array-like of shape (n_pairs,)
        1 for similar pairs; -1, or 0, for others.
    n_pairs : int

    Returns
    -------
    similar : ndarray of bool of shape (n_pairs,)
    coding : ndarray of shape (2,)
        The label of dissimilar and of similar pairs.

    Raises
    ------
    ValueError
        If there are other labels, only one kind, or not as many as pairs.
    """
    y = _as_array(y, "y", f"expected {n_pairs} labels, one for each pair")
    if y.shape != (n_pairs,):
        raise ValueError(f"y has the shape {y.shape}, but there are {n_pairs} pairs.")
    found = set(y.tolist()) if y.dtype.kind in "biuf" else set(map(str, y))
    if not (found <= {-1, 1} or found <= {0, 1}):
        shown = sorted(found, key=str)[:5]
        raise ValueError(f"y holds {shown}: expected 1 for similar pairs and -1, or 0, for others.")
    if len(found) < 2:
        raise ValueError(f"y holds only {found.pop()}: expected similar and dissimilar pairs.")
    return y == 1, np.array([-1 if -1 in found else 0, 1])


def best_threshold(
    distances: np.ndarray,
    similar: np.ndarray,
    strategy: str = "accuracy",
    *,
    beta: float = 1.0,
    min_rate: float = 0.9,
) -> float:
    """Best distance up to which pairs are classified as similar.

    Parameters
    ----------
    distances : ndarray of shape (n_pairs,)
    similar : ndarray of bool of shape (n_pairs,)
        With both values.
    strategy : {'accuracy', 'f_beta', 'max_tpr', 'max_tnr'}, default='accuracy'
    beta : float, default=1.0
    min_rate : float, default=0.9
        See `SiameseTransformer.calibrate_threshold`.

    Returns
    -------
    float
        Half-way between two distances; the widest gap among equally good ones.
    """
    order = np.argsort(distances, kind="stable")
    d, similar = distances[order], similar[order]
    ends = np.flatnonzero(np.append(np.diff(d) > 0, True))  # equal distances stand together
    taken = np.concatenate([[0], ends + 1])
    hits = np.concatenate([[0], np.cumsum(similar)[ends]])
    n_similar, n_other = similar.sum(), (~similar).sum()
    tpr, tnr = hits / n_similar, 1 - (taken - hits) / n_other
    quality = {
        "accuracy": hits + tnr * n_other,
        "f_beta": (1 + beta**2) * hits / (taken + beta**2 * n_similar),
        "max_tpr": np.where(tnr >= min_rate, tpr + 1e-6 * tnr, -1.0),
        "max_tnr": np.where(tpr >= min_rate, tnr + 1e-6 * tpr, -1.0),
    }[strategy]
    edges = np.concatenate([[d[0] - 1], d[ends], [d[-1] + 1]])
    best = np.flatnonzero(quality >= quality.max() - 1e-12)
    gaps = np.diff(edges)
    gaps[[0, -1]] = 0  # beyond all distances: as wide as one likes
    widest = best[np.argmax(gaps[best])]
    return float((edges[widest] + edges[widest + 1]) / 2)


def fit_sigmoid(distances: np.ndarray, similar: np.ndarray) -> tuple[float, float]:
    """Slope and intercept of the log-odds that a pair is similar, given its distance.

    Platt's method (1999, "Probabilistic outputs for support vector machines") with his targets,
    ``(n_similar + 1) / (n_similar + 2)`` and ``1 / (n_other + 2)``, which keep the slope finite
    where a threshold separates the pairs.

    Parameters
    ----------
    distances : ndarray of shape (n_pairs,)
    similar : ndarray of bool of shape (n_pairs,)

    Returns
    -------
    slope, intercept : float
    """
    n_similar, n_other = similar.sum(), (~similar).sum()
    target = np.where(similar, (n_similar + 1) / (n_similar + 2), 1 / (n_other + 2))
    center, scale = distances.mean(), distances.std() or 1.0
    x = np.tile((distances - center) / scale, 2)[:, None]
    y = np.repeat([1, 0], len(distances))
    weight = np.concatenate([target, 1 - target])
    model = LogisticRegression(C=np.inf).fit(x, y, sample_weight=weight)
    slope = float(model.coef_[0, 0] / scale)
    return slope, float(model.intercept_[0] - slope * center)


def sigmoid_proba(distances: np.ndarray, slope: float, intercept: float) -> np.ndarray:
    """Probability of each pair being similar."""
    return expit(slope * distances + intercept)


def draw_pairs(labels: np.ndarray, n_pairs: int, rng: np.random.RandomState) -> Any:
    """Pairs of row numbers, half of them (or as many as there are) of one class.

    Parameters
    ----------
    labels : ndarray of int of shape (n_samples,)
        Class numbers.
    n_pairs : int
    rng : numpy.random.RandomState

    Returns
    -------
    pairs : ndarray of int64 of shape (n_drawn, 2)
    similar : ndarray of bool of shape (n_drawn,)
    """
    order = np.argsort(labels, kind="stable")
    counts = np.bincount(labels)
    first = np.concatenate([[0], counts.cumsum()[:-1]])
    left = rng.choice(np.flatnonzero(counts[labels] > 1), n_pairs // 2)
    place = np.empty(len(labels), dtype=np.int64)
    place[order] = np.arange(len(labels))
    own, start = counts[labels[left]], first[labels[left]]
    # Another row of the class: 1 to count - 1 places further, round its members.
    step = 1 + (rng.uniform(size=len(left)) * (own - 1)).astype(np.int64)
    right = order[start + (place[left] - start + step) % own]
    a, b = rng.randint(len(labels), size=(2, n_pairs - n_pairs // 2))
    other = labels[a] != labels[b]
    pairs = np.concatenate([np.stack([left, right], 1), np.stack([a[other], b[other]], 1)])
    return pairs, np.repeat([True, False], [len(left), int(other.sum())])
