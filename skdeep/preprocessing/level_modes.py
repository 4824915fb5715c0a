"""Levels of a column as positions: each frequent one is a mode, the rare ones share another."""

import warnings
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from skdeep.preprocessing.typed import from_objects
from skdeep.preprocessing.values import (
    checked_description,
    dense,
    dtype_from,
    warn_of_identifier,
)

_IDENTIFIER = 0.95  # share of different values from which text looks like an identifier


@dataclass
class LevelModes:
    """Modes of a categorical column: its levels, pooled rare levels, and 'missing'.

    Parameters
    ----------
    levels : list
        The levels with a mode of their own.
    pooled : list
        Rarer levels that share the next mode.
    pool_share : ndarray of shape (n_pooled,)
        Cumulated share of each of them in that mode.
    has_missing : bool
    described : str or dict
        The type of the column; see `described_dtype`.
    counts : ndarray of shape (n_modes,)
    """

    levels: list
    pooled: list
    pool_share: np.ndarray
    has_missing: bool
    described: object
    counts: np.ndarray = field(default_factory=lambda: np.empty(0))

    is_number = False

    @property
    def dtype(self):
        """Type of decoded columns."""
        return dtype_from(self.described)

    def __len__(self):
        return len(self.levels) + bool(self.pooled) + self.has_missing

    @classmethod
    def learn(cls, values, max_categories):
        """Learn the levels of a Series, at most `max_categories` with a mode of their own."""
        described, values = checked_description(values), dense(values)
        codes, uniques = _factorized(values)
        counts = np.bincount(codes[codes >= 0], minlength=len(uniques))
        n = int(counts.sum())
        if len(uniques) > max_categories:
            _warn_of_many_levels(values.name, len(uniques), n, max_categories)
        order = np.argsort(-counts, kind="stable")
        kept, rest = order[:max_categories], order[max_categories:]
        share = np.cumsum(counts[rest]) / max(counts[rest].sum(), 1)
        missing = n < len(values)
        self = cls(
            [uniques[i] for i in kept], [uniques[i] for i in rest], share, missing, described
        )
        self.counts = np.bincount(np.floor(self.encode(values)).astype(int), minlength=len(self))
        return self

    def encode(self, values):
        """Positions of a Series' values.

        Raises
        ------
        ValueError
            If a level, or a missing value, was not there in fit.
        """
        pool = len(self.levels)
        number = {level: i + 0.5 for i, level in enumerate(self.levels)}
        middle = self.pool_share - 0.5 * np.diff(self.pool_share, prepend=0.0)
        number |= {level: pool + place for level, place in zip(self.pooled, middle)}
        codes, uniques = _factorized(dense(values))
        unknown = [u for u in uniques if u not in number]
        if unknown:
            raise ValueError(f"Column {values.name!r} has a level that fit did not see: {unknown}.")
        if (codes < 0).any() and not self.has_missing:
            raise ValueError(f"Column {values.name!r} has missing values, but had none in fit.")
        return np.array([*(number[u] for u in uniques), len(self) - 0.5])[codes]

    def decode(self, positions):
        """Levels at positions, as an array of the column's type."""
        mode = np.floor(positions).astype(int)
        table = np.empty(len(self.levels) + len(self.pooled) + 1, dtype=object)
        table[:] = [*self.levels, *self.pooled, None if self.dtype == object else np.nan]
        index = np.minimum(mode, len(self.levels))
        if self.pooled:
            inside = np.searchsorted(self.pool_share, positions - mode, side="right")
            inside = np.minimum(inside, len(self.pooled) - 1)
            index = np.where(mode == len(self.levels), len(self.levels) + inside, index)
        if self.has_missing:
            index = np.where(mode == len(self) - 1, len(table) - 1, index)
        return from_objects(table[index], self.dtype)

    def exactly(self, values):
        """A Series of levels as an array of the column's type."""
        return from_objects(values.to_numpy(dtype=object), self.dtype)

    def log_densities(self, positions):
        """Log-probability of each level within its mode: nonzero for pooled levels only."""
        out = np.zeros(len(positions))
        if self.pooled:
            pooled = positions.astype(int) == len(self.levels)
            place = np.searchsorted(self.pool_share, positions[pooled] % 1, side="right")
            share = np.diff(self.pool_share, prepend=0.0)
            out[pooled] = np.log(share[np.minimum(place, len(share) - 1)])
        return out

    def out_of_range(self, values):
        """Return a pair of None: levels have no range."""
        return None, None


def _factorized(values):
    try:
        codes, uniques = pd.factorize(values)
        return codes, list(uniques)
    except (TypeError, NotImplementedError) as error:
        raise ValueError(
            f"Column {values.name!r} has cells that hold no single value ({error}): expected "
            "numbers, dates, text or other levels."
        ) from None


def _warn_of_many_levels(name, n_levels, n, limit):
    if n_levels >= _IDENTIFIER * n:
        warn_of_identifier(name, n)
        return
    warnings.warn(
        f"Column {name!r} has {n_levels} levels: those beyond the max_categories={limit} most "
        "frequent ones are learned as one and sampled by their frequency only."
    )
