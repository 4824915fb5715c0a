"""Classes in an embedding: prototypes, neighbours, calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.metrics import euclidean_distances

_CHUNK = 2**24  # numbers in a piece of the matrix of distances to all rows kept


@dataclass(frozen=True)
class KnownClasses:
    """Classes and the embeddings of their rows.

    Attributes
    ----------
    labels : ndarray of shape (n_classes,)
        In order.
    counts : ndarray of int of shape (n_classes,)
        Rows of each class.
    means : ndarray of shape (n_classes, n_components)
    rows : ndarray of shape (n_rows, n_components) or None
        Embeddings of all rows, where distances are those to neighbours.
    numbers : ndarray of int of shape (n_rows,) or None
        The class number of each of these.
    """

    labels: np.ndarray
    counts: np.ndarray
    means: np.ndarray
    rows: np.ndarray | None = None
    numbers: np.ndarray | None = None

    @classmethod
    def none(cls, labels: np.ndarray, width: int) -> KnownClasses:
        """No classes, in an embedding of the given width; `labels` are like those to come."""
        return cls(labels[:0], np.zeros(0, dtype=np.int64), np.zeros((0, width)))

    def add(self, Z: np.ndarray, y: np.ndarray, *, keep_rows: bool) -> KnownClasses:
        """Add rows with embeddings Z and classes y."""
        labels, numbers, counts = np.unique(y, return_inverse=True, return_counts=True)
        classes = np.union1d(self.labels, labels)
        old, new = np.searchsorted(classes, self.labels), np.searchsorted(classes, labels)
        sums = np.zeros((len(classes), Z.shape[1]))
        sums[old] = self.means * self.counts[:, None]
        np.add.at(sums, new[numbers], Z)
        count = np.zeros(len(classes), dtype=np.int64)
        count[old] = self.counts
        count[new] += counts
        rows, of_rows = self.rows, self.numbers
        if keep_rows:
            before = [] if rows is None else [rows]
            known = np.zeros(0, np.int64) if of_rows is None else old[of_rows]
            rows = np.concatenate([*before, Z])
            of_rows = np.concatenate([known, new[numbers]])
        return KnownClasses(classes, count, sums / count[:, None], rows, of_rows)

    def distances(
        self, Z: np.ndarray, n_neighbors: int | None, own: np.ndarray | None = None
    ) -> np.ndarray:
        """Distances of embeddings to classes.

        Parameters
        ----------
        Z : ndarray of shape (n_samples, n_components)
        n_neighbors : int or None
            Mean distance to that many nearest rows of each class; None for that to its mean.
        own : ndarray of int of shape (n_samples,), default=None
            Class numbers of rows that count as rows of these classes already, the last that were
            added; each is left out of its own class.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        if n_neighbors is not None:
            return self._neighbor_distances(Z, n_neighbors, own)
        distances = euclidean_distances(Z, self.means)
        if own is not None:
            rows, count = np.arange(len(Z)), self.counts[own][:, None]
            without = (self.means[own] * count - Z) / np.maximum(count - 1, 1)
            distances[rows, own] = np.linalg.norm(Z - without, axis=1)
        return distances

    def _neighbor_distances(
        self, Z: np.ndarray, n_neighbors: int, own: np.ndarray | None
    ) -> np.ndarray:
        kept: Any = self.rows
        distances = np.empty((len(Z), len(self.labels)))
        members = [np.flatnonzero(self.numbers == c) for c in range(len(self.labels))]
        size = max(1, _CHUNK // len(kept))
        for start in range(0, len(Z), size):
            part = euclidean_distances(Z[start : start + size], kept)
            if own is not None:
                here = np.arange(len(part))
                part[here, len(kept) - len(Z) + start + here] = np.inf
            for c, rows in enumerate(members):
                k = min(n_neighbors, len(rows))
                near = np.partition(part[:, rows], k - 1, axis=1)[:, :k]
                near = np.where(np.isfinite(near), near, np.nan)
                distances[start : start + size, c] = np.nanmean(near, axis=1)
        return distances


def fit_temperature(distances: np.ndarray, target: np.ndarray) -> float:
    """Divisor of distances to classes before a softmax, from rows of known classes."""
    scale = float(distances.mean()) or 1.0

    def cost(log_temperature: float) -> float:
        scores = log_softmax(-distances / (scale * np.exp(log_temperature)), axis=1)
        # As if one more row were of any class: else no temperature is low enough for rows
        # that are all right.
        right = scores[np.arange(len(target)), target].sum()
        return -(right + scores.mean()) / (len(target) + 1)

    best = minimize_scalar(cost, bounds=(-10, 5), method="bounded")
    return scale * float(np.exp(best.x))


def distance_exceeded(distances: np.ndarray, rate: float | None) -> float:
    """Distance to the nearest class that this share of rows exceeds; infinite for None."""
    if rate is None:
        return np.inf
    return float(np.quantile(distances.min(1), 1 - rate))


def label_of_unknown(labels: np.ndarray) -> Any:
    """Label of rows of no known class, of the type of `labels`."""
    return "unknown" if labels.dtype.kind in "OUS" else -1
