"""Tables as positions: the mode of each cell plus a place inside it.

Mode-specific normalisation (Xu et al., NeurIPS 2019) says of a number which mode of its column it
belongs to and where in the mode it lies. There the modes are Gaussians of a mixture whose fit
takes minutes; here they are stretches between quantiles, single frequent values, and "missing",
which takes one sort. A category's modes are its levels. So a row of mixed types becomes a row of
numbers ``mode + place`` with the place in [0, 1), and comes back with its types.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skdeep.preprocessing.clocks import learn_wall
from skdeep.preprocessing.level_modes import LevelModes
from skdeep.preprocessing.typed import from_floats, from_integers, from_values
from skdeep.preprocessing.values import (
    checked_description,
    comparable,
    counts_rows,
    dense,
    dtype_from,
    granularity,
    kind_of,
    to_floats,
    to_integers,
    warn_of_identifier,
)

_N_PLACES = 8  # quantiles stored inside a mode
BELOW_ONE = 1 - 2.0**-12  # places stay below 1 in float32, for up to 2,048 modes
LARGEST = 2**53  # up to which float64 has all integers


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
        What the values are; see `skdeep.preprocessing.values.kind_of`.
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
            warn_of_identifier(values.name, len(values))
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


def quantile_grid(known, n_bins, n_places, n_single=0):
    """Quantiles of the modes of sorted numbers.

    Parameters
    ----------
    known : ndarray of shape (n_samples,)
    n_bins : int
        Number of modes, about.
    n_places : int
        Quantiles that divide a mode.
    n_single : int, default=0
        Number of distinct values up to which each is a mode of its own.

    Returns
    -------
    ndarray of shape (n_modes, n_places + 1)
    """
    uniques, counts = np.unique(known, return_counts=True)
    if len(uniques) <= max(n_bins, n_single):
        return np.repeat(uniques[:, None], n_places + 1, axis=1)
    is_single = counts >= 1.5 * len(known) / n_bins
    n_free = counts[~is_single].sum()
    bins_left = max(n_bins - is_single.sum(), 8)
    run = np.cumsum(np.r_[False, is_single[:-1]] | is_single)  # a new number at each single value
    grids = []
    for number in np.unique(run):
        members = run == number
        if is_single[members].any():
            grids.append(np.repeat(uniques[members], n_places + 1)[None])
            continue
        rows = np.repeat(uniques[members], counts[members])
        n = int(np.clip(round(bins_left * len(rows) / n_free), 1, members.sum()))
        edges = np.quantile(rows, np.linspace(0, 1, n * n_places + 1))
        index = np.arange(n)[:, None] * n_places + np.arange(n_places + 1)
        grids.append(edges[index])
    return np.concatenate(grids)


@dataclass
class Steps:
    """Values of a column as numbers of steps from the smallest one, and back, by integers: as
    float64, identifiers and time stamps would come back as values that do not exist.

    Parameters
    ----------
    kind : dict
        See `kind_of`.
    origin, last : int
        The smallest and the largest value.
    step : int
        All differences are multiples of it.
    storage : {'int64', 'uint64', 'object'}
    known : list or ndarray
        Where there are more steps than float64 can count: the values that occurred. Then the
        numbers are their ranks, and none but these values come back.
    """

    kind: dict
    origin: int = 0
    last: int = 0
    step: int = 1
    storage: str = "int64"
    known: Any = field(default_factory=list)

    @classmethod
    def learn(cls, values, kind):
        """Learn the steps of a Series, not all of whose values are missing."""
        whole, missing = to_integers(values, kind)
        known = np.unique(whole[~missing])
        if kind.get("tz") is not None and "wall" not in kind:
            wall = learn_wall(known, kind)
            if wall:
                return cls.learn(values, {**kind, "wall": wall})
        low, high = int(known[0]), int(known[-1])
        self = cls(kind, low, high, 1, str(known.dtype))
        offsets = self._offsets(known)
        self.step = int(np.gcd.reduce(offsets)) or 1
        if int(offsets[-1]) // self.step > LARGEST:
            self.known = known.tolist() if self.storage == "object" else known
        return self

    @property
    def is_small(self):
        """Whether float64 represents all values exactly."""
        return self.kind["name"] == "integer" and self.origin >= -LARGEST and self.last <= LARGEST

    @property
    def unit(self):
        """Size of a step in the units of the data."""
        scale = self.kind.get("scale", 0)
        return 1.0 if len(self.known) else self.step / 10**scale

    def _offsets(self, whole):
        if self.storage == "object":
            return whole - self.origin
        return whole.astype(np.uint64) - np.uint64(self.origin % 2**64)

    def _stored(self, whole):
        """Integers clipped to the range of fit, as stored in fit."""
        if whole.dtype != self.storage or self.storage == "object":
            inside = [min(max(int(i), self.origin), self.last) for i in whole]
            out = np.empty(len(inside), dtype=self.storage)
            out[:] = inside
            return out
        return np.clip(whole, *np.array([self.origin, self.last], dtype=self.storage))

    def encode(self, values):
        """Numbers of steps as float64, NaN if missing; values out of range are clipped."""
        whole, missing = to_integers(values, self.kind)
        whole = self._stored(whole)
        if len(self.known):
            known = np.asarray(self.known, dtype=self.storage)
            out = np.minimum(np.searchsorted(known, whole), len(known) - 1).astype(np.float64)
        else:
            step = self.step if self.storage == "object" else np.uint64(self.step)
            out = (self._offsets(whole) // step).astype(np.float64)
        return np.where(missing, np.nan, out)

    def decode(self, x, dtype):
        """Values of the given type from numbers of steps, NaN if missing."""
        missing = np.isnan(x)
        count = np.round(np.where(missing, 0.0, x))
        if len(self.known):
            whole = np.asarray(self.known, dtype=self.storage)[count.astype(np.int64)]
        elif self.storage == "object":
            whole = np.array([self.origin + int(c) * self.step for c in count], dtype=object)
        else:
            offsets = count.astype(np.uint64) * np.uint64(self.step)
            whole = (offsets + np.uint64(self.origin % 2**64)).astype(self.storage)
        return from_integers(whole, missing, self.kind, dtype)

    def is_outside(self, values):
        """Whether a value lies outside the range."""
        whole, missing = to_integers(values, self.kind)
        return any(not self.origin <= int(i) <= self.last for i in whole[~missing])

    def limits(self, dtype):
        """Smallest and largest value, in the given type."""
        ends = np.array([self.origin, self.last], dtype=self.storage)
        return tuple(from_integers(ends, np.zeros(2, dtype=bool), self.kind, dtype))
