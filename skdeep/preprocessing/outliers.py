"""Encoder for outlier detectors, which keeps everything that could be an outlier."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdeep.preprocessing.columns import check_table, numbers, weighted_quantiles
from skdeep.preprocessing.levels import levels_in
from skdeep.preprocessing.tabular import TabularEncoder

FENCE = 10.0
"""Values this many quartile distances from the median are moved there before means and standard
deviations are taken, and scaled values beyond this many standard deviations grow by their
logarithm only: one wild value must neither hide all others nor blow up a network."""

_PIECE = 2**22  # numbers that are worked on at a time
_PASS = 2**16  # rows that are encoded at a time


class OutlierEncoder(TabularEncoder):
    """`TabularEncoder` for outlier detectors.

    Columns are standardised, not clipped at three units as for prediction; missing numbers stay
    NaN; a category with more than `max_one_hot` levels is encoded as the rarity of its level,
    ``-log((count + 1) / (n_samples + 1))``; and columns that were constant in `fit` come last, as 0
    if unchanged and ``sqrt(n_samples)`` otherwise, the value of a single deviating row.

    Attributes
    ----------
    sources_ : ndarray of int of shape (n_columns,)
        Input column of each varying column; -1 for a table without any.

    constant_sources_ : ndarray of int of shape (n_constant,)
        The same for the constant columns, which come after them.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep.preprocessing.outliers import OutlierEncoder
    >>> encoder = OutlierEncoder().fit(np.array([[0.0, 7.0], [1.0, 7.0], [2.0, 7.0], [3.0, 7.0]]))
    >>> encoder.transform(np.array([[3.0, 7.0], [np.nan, 8.0]])).round(2)
    array([[1.34, 0.  ],
           [ nan, 2.  ]], dtype=float32)
    """

    def __init__(self, *, categorical_features: Any = "from_dtype", max_one_hot: int = 32):
        super().__init__(
            numeric="robust", categorical_features=categorical_features, max_one_hot=max_one_hot
        )

    def _learn(self, X, weight):
        super()._learn(X, weight)
        self._rarity = {j: _rarity(self._codes(X, j), self._count(j)) for j in self._numbered}
        rarity = self._rare_columns(X)
        self._rare_center = rarity.mean(0)
        spread = rarity.std(0)
        self._rare_scale = np.where(spread > 0, spread, 1.0)
        self.sources_ = own = self.sources()
        places = np.flatnonzero(~self.is_categorical_)
        constant = np.setdiff1d(places, [*self._many, *self._two])
        levels = numbers(X, constant, self._names) if len(constant) else np.zeros((len(X), 0))
        self._constants = np.array([_first_known(column) for column in levels.T])
        one_level = [j for j in np.flatnonzero(self.is_categorical_) if j not in set(own.tolist())]
        self._constant_numbers, self._constant_levels = constant, [int(j) for j in one_level]
        self.constant_sources_ = np.array([*constant, *one_level], dtype=np.int64)
        self._surprise = float(soft_clip(np.sqrt(len(X))))
        return self

    def _count(self, j):
        return len(levels_in(self._levels[j]))

    def _learn_scales(self, R, weight):
        width = max(1, _PIECE // len(R))
        starts = range(0, max(R.shape[1], 1), width)
        parts = [_fenced_moments(R[:, i : i + width], weight) for i in starts]
        self._center, spread = (np.concatenate(part) for part in zip(*parts))
        if not np.isfinite(self._center + spread).all():
            raise ValueError("X holds values too large to be squared: scale it first.")
        self._scale = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)

    def encode(self, X: Any):
        """`transform` for a validated table."""
        if len(X) <= _PASS:
            return self._encode(X)
        n_columns = len(self.sources_) + len(self.constant_sources_)
        out = np.empty((len(X), n_columns), np.float32)
        rows = X.iloc if hasattr(X, "iloc") else X
        for start in range(0, len(X), _PASS):
            part = slice(start, start + _PASS)
            out[part] = self._encode(rows[part])
        return out

    def _encode(self, X):
        with np.errstate(over="ignore"):
            out = soft_clip((self._raw(X) - self._center) * self._scale)
        rare = soft_clip((self._rare_columns(X) - self._rare_center) / self._rare_scale)
        return np.concatenate([out, rare, self._deviations(X)], axis=1, dtype=np.float32)

    def _rare_columns(self, X):
        if not self._numbered:
            return np.zeros((len(X), 0))
        return np.stack([self._rarity[j][self._codes(X, j) + 1] for j in self._numbered], 1)

    def _deviations(self, X):
        """Deviations of the constant columns from their constants, per row."""
        out = np.zeros((len(X), len(self.constant_sources_)))
        n = len(self._constant_numbers)
        if n:
            now = numbers(X, self._constant_numbers, self._names)
            gap = np.abs(now - self._constants)
            out[:, :n] = gap > 1e-9 * np.maximum(np.abs(now), np.abs(self._constants))
            never_known = np.isnan(self._constants)
            out[:, :n][:, never_known] = ~np.isnan(now[:, never_known])
        for place, j in enumerate(self._constant_levels, start=n):
            out[:, place] = self._codes(X, j) != 0
        return out * self._surprise

    def transform(self, X: Any) -> np.ndarray:
        """Encode the columns.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of float32 of shape (n_samples, n_columns + n_constant)
        """
        X = check_table(self, X, categorical_features=self.categorical_features, reset=False)
        return self.encode(X)


def _fenced_moments(R, weight):
    """Mean and standard deviation of each column, values far from the median moved nearer."""
    with np.errstate(over="ignore", invalid="ignore"):
        low, center, high = weighted_quantiles(R, [0.25, 0.5, 0.75], weight)
        reach = np.where(high > low, FENCE * (high - low), np.inf)
        fenced = np.clip(R, center - reach, center + reach)
        mean = _nanmean(fenced)
        return mean, np.sqrt(_nanmean(np.square(fenced - mean)))


def soft_clip(z):
    """Clip `z` smoothly: unchanged up to `FENCE` on either side, logarithmic beyond."""
    size = np.minimum(np.abs(z), np.finfo(np.float64).max)
    with np.errstate(invalid="ignore"):
        beyond = FENCE + np.log1p(np.maximum(size - FENCE, 0.0))
        return np.where(size > FENCE, np.sign(z) * beyond, z)


def _rarity(codes, n_levels):
    """Rarity of levels -1 (missing or unknown), 0, 1, ..."""
    counts = np.bincount(codes + 1, minlength=n_levels + 1)
    return -np.log((counts + 1) / (len(codes) + 1))


def _first_known(column):
    known = column[~np.isnan(column)]
    return known[0] if len(known) else np.nan


def _nanmean(R):
    counts = np.maximum((~np.isnan(R)).sum(0), 1)
    return np.nansum(R, axis=0) / counts
