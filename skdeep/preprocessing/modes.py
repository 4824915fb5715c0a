"""Tables as positions: the mode of each cell plus a place inside it.

Mode-specific normalisation (Xu et al., NeurIPS 2019) says of a number which mode of its column it
belongs to and where in the mode it lies. There the modes are Gaussians of a mixture whose fit
takes minutes; here they are stretches between quantiles, single frequent values, and "missing",
which takes one sort. A category's modes are its levels. So a row of mixed types becomes a row of
numbers ``mode + place`` with the place in [0, 1), and comes back with its types.
"""

import warnings
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from skdeep.preprocessing.exact import Steps, kind_of
from skdeep.preprocessing.values import (
    checked_description,
    comparable,
    counts_rows,
    dense,
    dtype_from,
    from_floats,
    from_objects,
    from_values,
    granularity,
    quantile_grid,
    to_floats,
)

_N_PLACES = 8  # quantiles stored inside a mode
BELOW_ONE = 1 - 2.0**-12  # places stay below 1 in float32, for up to 2,048 modes
_IDENTIFIER = 0.95  # share of different values from which text looks like an identifier


@dataclass
class NumberModes:
    """Modes of a column of numbers or dates.

    Parameters
    ----------
    grid : ndarray of shape (n_modes, n_places + 1)
        Quantiles within each mode, both ends included; a single value is repeated.
    has_missing : bool
        Whether a last mode stands for missing values.
    described : str or dict
        The type that the column comes back as; see `described_dtype`.
    step : float
        The numbers are multiples of it, counted from `start`; 0 for any number.
    start : float
    decimals : int or None
    counts : ndarray of shape (n_modes + has_missing,)
        Training rows in each mode.
    kind : dict
        What the values are; see `skdeep.preprocessing.exact.kind_of`.
    steps : dict or None
        Fields of the `Steps` that the grid counts, where float64 does not hold the values
        themselves.
    """

    grid: np.ndarray
    has_missing: bool
    described: object
    step: float = 0.0
    start: float = 0.0
    decimals: int | None = None
    counts: np.ndarray = field(default_factory=lambda: np.empty(0))
    kind: dict = field(default_factory=lambda: {"name": "float"})
    steps: dict | None = None

    is_number = True

    @property
    def dtype(self):
        """Type of decoded columns."""
        return dtype_from(self.described)

    def __len__(self):
        return len(self.grid) + self.has_missing

    @classmethod
    def learn(cls, values, n_bins, n_single=0):
        """Learn the modes of a Series, about `n_bins` of them, or one for each of up to `n_single`
        distinct values."""
        described, values = checked_description(values), dense(values)
        kind, missing = kind_of(values), values.isna().to_numpy(dtype=bool)
        if missing.all():
            nothing = np.empty((0, _N_PLACES + 1))
            return cls(nothing, True, described, counts=np.array([len(values)]), kind=kind)
        steps = None if kind["name"] == "float" else Steps.learn(values, kind)
        if steps is None or steps.is_small:
            x, steps = to_floats(values), None
        else:
            x, kind = steps.encode(values), steps.kind
        known = np.sort(x[~missing])
        with np.errstate(over="ignore"):
            if not np.isfinite(known[-1] - known[0]):
                raise ValueError(
                    f"Input X contains a value too large for dtype('float64'): column "
                    f"{values.name!r} spans from {known[0]} to {known[-1]}."
                )
        if kind["name"] == "integer" and counts_rows(x, steps):
            _warn_of_identifier(values.name, len(values))
        grid = quantile_grid(known, n_bins, _N_PLACES, n_single)
        self = cls(grid, bool(missing.any()), described, start=float(known[0]), kind=kind)
        if steps is not None:
            self.steps = dict(vars(steps))
        else:
            self.step, self.decimals = granularity(known, kind)
        codes = np.floor(self.encode(values)).astype(int)
        self.counts = np.bincount(codes, minlength=len(self))
        return self

    @property
    def _steps(self):
        return None if self.steps is None else Steps(**self.steps)

    def encode(self, values):
        """Positions of a Series' values; those out of range are assigned to the nearest mode.

        Raises
        ------
        ValueError
            If values are missing and there were none in fit.
        """
        values, steps = comparable(values, self.kind, self.dtype), self._steps
        x = to_floats(values) if steps is None else steps.encode(values)
        missing = np.isnan(x)
        if missing.any() and not self.has_missing:
            raise ValueError(f"Column {values.name!r} has missing values, but had none in fit.")
        if not len(self.grid):
            return np.zeros(len(x))
        x = np.where(missing, self.grid[0, 0], x)
        mode = np.minimum(np.searchsorted(self.grid[:, -1], x), len(self.grid) - 1)
        place = np.interp(x, self.grid.ravel(), self._places().ravel()) - mode
        single = self.grid[mode, 0] == self.grid[mode, -1]
        place = np.where(single, 0.5, np.clip(place, 0.0, BELOW_ONE))
        return np.where(missing, len(self.grid) + 0.5, mode + place)

    def decode(self, positions, limits=None):
        """Values at positions, as an array of the column's type.

        Parameters
        ----------
        positions : ndarray of shape (n_samples,)
        limits : tuple of float or None
            Smallest and largest number, or number of steps, that is returned.
        """
        n = len(self.grid)
        out = np.full(len(positions), np.nan)
        known = positions < n
        if n:
            out[known] = np.interp(positions[known], self._places().ravel(), self.grid.ravel())
        if limits is not None:
            out = np.clip(out, *limits)
        return self.from_numbers(out)

    def from_numbers(self, out):
        """Numbers, or numbers of steps, as an array of the column's type; NaN if missing."""
        if self.steps is not None:
            return self._steps.decode(out, self.dtype)
        if self.step:
            out = self.start + np.round((out - self.start) / self.step) * self.step
        elif self.decimals is not None:
            out = np.round(out, self.decimals)
        return from_floats(out, self.kind, self.dtype)

    def _places(self):
        inside = np.linspace(0.0, BELOW_ONE, self.grid.shape[1])
        return np.arange(len(self.grid))[:, None] + inside

    def log_densities(self, positions):
        """Logarithm of the density inside each value's mode: 0 for single values and 'missing'.

        Parameters
        ----------
        positions : ndarray of shape (n_samples,)
            What `encode` makes of the values.
        """
        n_modes = len(self.grid)
        out = np.zeros(len(positions))
        if not n_modes:
            return out
        mode = np.minimum(positions.astype(int), n_modes - 1)
        piece = np.minimum((positions - mode) / BELOW_ONE * _N_PLACES, _N_PLACES - 1).astype(int)
        width = self.grid[mode, piece + 1] - self.grid[mode, piece]
        inside = (positions < n_modes) & (width > 0)
        out[inside] = -np.log(width[inside] * _N_PLACES)
        if self.steps is not None:
            out[inside] -= np.log(self._steps.unit)
        return out

    def out_of_range(self, values):
        """Range as values of the column's type, if one of `values` lies outside, else a pair of
        None."""
        known, values = self.grid.ravel(), comparable(values, self.kind, self.dtype)
        if self.steps is not None:
            steps = self._steps
            return steps.limits(self.dtype) if steps.is_outside(values) else (None, None)
        x = to_floats(values)
        if not len(known) or not ((x < known[0]) | (x > known[-1])).any():
            return None, None
        return tuple(from_floats(known[[0, -1]], self.kind, self.dtype))

    def exactly(self, values):
        """A Series as an array of the column's type.

        Raises
        ------
        ValueError
            If a value is none of that type, like 2.5 of integers.
        """
        values = comparable(values, self.kind, self.dtype, whole=True)
        return from_values(values, self.kind, self.dtype)

    def scaled_edges(self):
        """Ends of each mode in units of the quartiles' distance, softly clipped at 3."""
        if not len(self.grid):
            return np.zeros((1, 2))
        ends = self.grid[:, [0, -1]]
        with np.errstate(over="ignore"):
            centers = self.grid.mean(1)
        if not np.isfinite(centers).all():  # their sums are too large
            centers = (self.grid / self.grid.shape[1]).sum(1)
        share = np.repeat(centers, np.maximum(self.counts[: len(self.grid)], 1))
        low, middle, high = np.quantile(share, [0.25, 0.5, 0.75])
        with np.errstate(over="ignore"):
            scale = (high - low) or np.ptp(ends) / 2 or 1.0
            z = np.clip((ends - middle) / scale, -1e100, 1e100)  # whose square is finite
        z = z / np.sqrt(1 + (z / 3) ** 2)
        return np.concatenate([z, np.zeros((int(self.has_missing), 2))])


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


def learn_modes(values, n_bins, max_categories, n_single=0):
    """Learn the modes of a column.

    Parameters
    ----------
    values : Series of shape (n_samples,)
    n_bins, max_categories : int
        Largest number of modes, but for rounding, of numbers and of categories.
    n_single : int, default=0
        Number of distinct numbers of a column up to which each is a mode of its own.

    Returns
    -------
    NumberModes or LevelModes

    Raises
    ------
    ValueError
        If numbers are infinite or complex.
    """
    if getattr(values.dtype, "kind", "O") == "c":
        raise ValueError(f"Complex data not supported: column {values.name!r}.")
    if kind_of(dense(values)) is None:
        return LevelModes.learn(values, max_categories)
    return NumberModes.learn(values, n_bins, n_single)


def _factorized(values):
    try:
        codes, uniques = pd.factorize(values)
        return codes, list(uniques)
    except (TypeError, NotImplementedError) as error:
        raise ValueError(
            f"Column {values.name!r} has cells that hold no single value ({error}): expected "
            "numbers, dates, text or other levels."
        ) from None


def _warn_of_identifier(name, n):
    warnings.warn(
        f"Column {name!r} has a different value in each of its {n} rows, like an identifier: leave "
        "it out, for synthetic rows cannot have a meaningful one."
    )


def _warn_of_many_levels(name, n_levels, n, limit):
    if n_levels >= _IDENTIFIER * n:
        _warn_of_identifier(name, n)
        return
    warnings.warn(
        f"Column {name!r} has {n_levels} levels: those beyond the max_categories={limit} most "
        "frequent ones are learned as one and sampled by their frequency only."
    )
