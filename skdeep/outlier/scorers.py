"""Outlier scores of rows, from their values and their residuals; and where outliers begin.

A scorer is fitted on the values `x` of the training rows and on their residuals `r` (what each
value is above its prediction from the others), and gives each row's contributions: one number for
each column, whose sum is the row's outlier score. They are scikit-learn estimators so that
`skdeep.persistence` may write them into files without code.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.neighbors import NearestNeighbors

from skdeep.outlier.covariance import Precision, shrunk_precision

SMALLEST_SPREAD = 0.01
"""Of residuals, in standard deviations of their column: a value that others predict without error
must not make a rounding error an outlier."""

_MAD = 1.4826  # median absolute deviation to standard deviation, of a normal distribution
SELF = 1e-6  # distance, in shares of a row's own length, below which two rows are the same
_FLOOR = 0.05  # of the median: rows that have twins must not make all others outliers
_TINY = 1e-12
_PIECE = 2**22  # numbers in a temporary array of differences


class SquaredResiduals(BaseEstimator):
    """Sum of squared residuals.

    Parameters
    ----------
    spread : {None, 'standard', 'robust'}, default=None
        Divide each column by the root mean square of the training residuals, or by their median
        absolute value (times 1.4826), so that columns that nothing predicts do not drown others.
    """

    def __init__(self, spread: Any = None):
        self.spread = spread

    def fit(self, x: Any, r: np.ndarray) -> Self:
        self.scale_ = np.ones(r.shape[1])
        if self.spread == "standard":
            self.scale_ = residual_spread(r)
        elif self.spread == "robust":
            mad = _MAD * np.median(np.abs(r), axis=0)
            # Where half of the residuals are 0 (sparse columns), the usual spread stands in.
            self.scale_ = np.where(mad > SMALLEST_SPREAD, mad, residual_spread(r))
        return self

    def contributions(self, x: Any, r: np.ndarray) -> np.ndarray:
        return np.square(r / self.scale_)


class Mahalanobis(BaseEstimator):
    """Squared Mahalanobis distance of [x, r] under the covariance matrix of Ledoit and Wolf
    (2004), which few rows do not make singular.

    A column's contribution is its share of the quadratic form, which correlated columns may make
    negative.

    Parameters
    ----------
    trim : float in [0, 1), default=0.0
        Share of the training rows, the farthest ones, without which the centre and the matrix
        are worked out again: one concentration step (Rousseeuw and Van Driessen, 1999).
    """

    basis_, ridge_ = None, 1.0  # files of earlier versions have none

    def __init__(self, trim: float = 0.0):
        self.trim = trim

    def fit(self, x: Any, r: np.ndarray) -> Self:
        self.scale_ = residual_spread(r)
        v = np.hstack([x, r / self.scale_])
        self.location_, self.precision_, self.basis_, self.ridge_ = shrunk_precision(v, self.trim)
        return self

    def _known(self) -> Precision:
        return Precision(self.location_, self.precision_, self.basis_, self.ridge_)

    def score(self, x: Any, r: np.ndarray) -> np.ndarray:
        """Sum of the contributions, without computing them."""
        return self._known().distances(np.hstack([x, r / self.scale_]))

    def contributions(self, x: Any, r: np.ndarray) -> np.ndarray:
        parts = self._known().parts(np.hstack([x, r / self.scale_]))
        return parts[:, : x.shape[1]] + parts[:, x.shape[1] :]


class Neighbors(BaseEstimator):
    """Mean squared distance to the nearest training rows in [x, r].

    Parameters
    ----------
    n_neighbors : int
    leave_out_self : bool
        Whether a training row that is equal to the row in question is left out once: where
        training rows are scored, it is the row itself.
    """

    def __init__(self, n_neighbors: int, leave_out_self: bool):
        self.n_neighbors, self.leave_out_self = n_neighbors, leave_out_self

    def fit(self, x: Any, r: np.ndarray) -> Self:
        self.scale_ = residual_spread(r)
        self.rows_ = np.hstack([x, r / self.scale_])
        return self

    def _with(self, other: Any) -> Self:
        """The rows of another scorer."""
        self.rows_, self._tree = other.rows_, other._search()
        return self

    def _search(self) -> Any:
        """Nearest-neighbour search, built when it is needed: trees are compiled code, which saved
        files cannot hold."""
        if "_tree" not in self.__dict__:
            self._tree = NearestNeighbors().fit(self.rows_)
        return self._tree

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in super().__getstate__().items() if k != "_tree"}

    def _nearest(self, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        n_rows, search = len(self.rows_), self._search()
        if not self.leave_out_self:
            return search.kneighbors(v, min(self.n_neighbors, n_rows))
        wanted = min(self.n_neighbors + 1, n_rows)
        distance, place = search.kneighbors(v, wanted)
        if wanted == 1:
            return distance, place
        is_self = distance[:, 0] <= SELF * (1 + np.linalg.norm(v, axis=1))
        keep = np.where(is_self[:, None], np.arange(1, wanted), np.arange(wanted - 1))
        return np.take_along_axis(distance, keep, 1), np.take_along_axis(place, keep, 1)

    def _differences(self, v: np.ndarray, place: np.ndarray) -> np.ndarray:
        """Mean squared difference to the nearest rows, for each column."""
        step = max(1, _PIECE // (v.shape[1] * place.shape[1]))
        pieces = [slice(i, i + step) for i in range(0, len(v), step)]
        parts = [np.square(v[p, None] - self.rows_[place[p]]).mean(1) for p in pieces]
        return np.concatenate(parts)

    def score(self, x: Any, r: np.ndarray) -> np.ndarray:
        """Sum of the contributions, without computing them."""
        distance, _ = self._nearest(np.hstack([x, r / self.scale_]))
        return np.square(distance).mean(1)

    def contributions(self, x: Any, r: np.ndarray) -> np.ndarray:
        v, n = np.hstack([x, r / self.scale_]), x.shape[1]
        parts = self._differences(v, self._nearest(v)[1])
        return parts[:, :n] + parts[:, n:]


class Local(Neighbors):
    """Geometric mean of two numbers, each relative to what is usual where the row is.

    The first is the mean squared distance to the nearest training rows, divided by the root of
    theirs to their own nearest: halfway between the distance to neighbours (Ramaswamy et al.,
    2000), which overlooks outliers near dense groups, and its ratio to theirs, as in the local
    outlier factor (Breunig et al., 2000), which knows no far away. The second is the mean squared
    residual, divided by the root of the nearest rows' mean.
    """

    def fit(self, x: Any, r: np.ndarray) -> Self:
        self.scale_ = residual_spread(r)
        self.rows_ = np.array(x)
        own, _ = Neighbors(self.n_neighbors, True)._with(self)._nearest(self.rows_)
        self.usual_distance_ = np.square(own).mean(1)
        self.usual_residual_ = np.square(r / self.scale_).mean(1)
        self.floors_ = [
            _FLOOR * np.median(usual) + _TINY
            for usual in (self.usual_distance_, self.usual_residual_)
        ]
        return self

    def _both(self, x: Any, r: np.ndarray) -> tuple[np.ndarray, np.ndarray, Any, np.ndarray]:
        """Both factors, their divisors, and the nearest rows."""
        distance, place = self._nearest(x)
        usual = (self.usual_distance_, self.usual_residual_)
        divisors = [np.sqrt(u[place].mean(1) + low) for u, low in zip(usual, self.floors_)]
        return np.square(distance).mean(1), np.square(r / self.scale_).mean(1), divisors, place

    def score(self, x: Any, r: np.ndarray) -> np.ndarray:
        distance, residual, divisors, _ = self._both(x, r)
        return np.sqrt(distance / divisors[0]) * np.sqrt(residual / divisors[1])

    def contributions(self, x: Any, r: np.ndarray) -> np.ndarray:
        """Contributions: half by shares in the distance, half by shares in the residual."""
        distance, residual, divisors, place = self._both(x, r)
        whole = np.sqrt(distance / divisors[0]) * np.sqrt(residual / divisors[1])
        far = self._differences(x, place)
        off = np.square(r / self.scale_)
        shares = sum(part / np.maximum(part.sum(1, keepdims=True), _TINY) for part in (far, off))
        return 0.5 * whole[:, None] * shares


class Sampled(Mahalanobis):
    """Geometric mean of `Mahalanobis` and of the mean squared distance in x to the nearest tenth
    of a few training rows drawn at random (Sugiyama and Borgwardt, 2013).

    The first sees broken relations between columns, and one centre; the second sees any number of
    centres. A tenth of a sample is more than a bunch of outliers, which near one another would
    hide from their nearest neighbours, can have in it.

    Parameters
    ----------
    trim : float in [0, 1)
        Of `Mahalanobis`.
    rows : ndarray of int
        The rows drawn; see `SAMPLE`.
    """

    SAMPLE = 100

    def __init__(self, trim: float = 0.0, rows: Any = None):
        super().__init__(trim)
        self.rows = rows

    def fit(self, x: Any, r: np.ndarray) -> Self:
        super().fit(x, r)
        rows, none = x[self.rows], np.zeros((len(self.rows), 0))
        self.near_ = Neighbors(max(1, len(rows) // 10), True)
        self.near_.scale_, self.near_.rows_ = np.ones(0), np.hstack([rows, none])
        return self

    def _distance(self, x: Any) -> np.ndarray:
        return self.near_.score(x, np.zeros((len(x), 0)))

    def score(self, x: Any, r: np.ndarray) -> np.ndarray:
        whole = np.maximum(super().score(x, r), 0.0)
        return np.sqrt(whole) * np.sqrt(self._distance(x))

    def contributions(self, x: Any, r: np.ndarray) -> np.ndarray:
        """Contributions: half by shares in each of the factors."""
        parts = super().contributions(x, r)
        _, place = self.near_._nearest(x)
        far = self.near_._differences(x, place)
        wholes = [np.maximum(p.sum(1, keepdims=True), _TINY) for p in (parts, far)]
        shares = parts / wholes[0] + far / wholes[1]
        return 0.5 * self.score(x, r)[:, None] * shares


def total(scorer: Any, x: Any, r: np.ndarray) -> np.ndarray:
    """Outlier score of each row."""
    score = getattr(scorer, "score", None)
    return score(x, r) if score is not None else scorer.contributions(x, r).sum(1)


def residual_spread(r: np.ndarray) -> np.ndarray:
    """Root mean square of each column of residuals, `SMALLEST_SPREAD` at least."""
    return np.maximum(np.sqrt(np.square(r).mean(0)), SMALLEST_SPREAD)


class Tail(BaseEstimator):
    """Share of held-out rows that score at least as high.

    It is fitted on outlier scores of rows that the network was not trained on. Of more than 1,000
    of them as many quantiles are kept, the largest values among them.
    """

    LARGEST = 1000

    def fit(self, scores: Any) -> Self:
        self.n_rows_ = n = len(scores)
        ranks = np.arange(n)
        if n > self.LARGEST:
            ranks = np.unique(n - np.geomspace(1, n, self.LARGEST).astype(int))
        self.ranks_, self.values_ = ranks, np.sort(scores)[ranks]
        return self

    def probability(self, scores: Any) -> np.ndarray:
        """``(1 + number of scores at least as high) / (1 + number of rows)`` (Davison and Hinkley,
        1997: never 0)."""
        place = np.searchsorted(self.values_, scores, side="left")
        below = np.append(self.ranks_, self.n_rows_)[place]
        return (1.0 + self.n_rows_ - below) / (1.0 + self.n_rows_)
