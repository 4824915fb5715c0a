"""Restrictions of a column, such as intervals and sets of values, as pieces of its modes."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from skdeep.preprocessing.modes import BELOW_ONE
from skdeep.preprocessing.values import comparable, to_floats, to_integers

_FINE = 1e-6  # of the range: resolution of numbers that are multiples of nothing
_ROUNDING = 1e-6  # of a step


@dataclass
class Allowed:
    """What a column may be.

    Parameters
    ----------
    modes : ndarray of int of shape (n_pieces,)
        The modes that are allowed, in part or whole.
    low, high : ndarray of shape (n_pieces,)
        Places in the mode between which the values lie.
    share : ndarray of shape (n_pieces,)
        The piece's share of the probability of its mode.
    limits : tuple of float or None
        Of the numbers of an interval; see `NumberModes.decode`.
    values : Series or None
        Of a set of numbers: the value of each piece.
    """

    modes: np.ndarray
    low: np.ndarray
    high: np.ndarray
    share: np.ndarray
    limits: tuple | None = None
    values: pd.Series | None = None

    def decode(self, modes, positions):
        """Values at drawn positions, which are allowed to the last bit."""
        if self.values is None:
            return modes.decode(positions, self.limits) if self.limits else modes.decode(positions)
        own = self.modes + self.low
        order = np.argsort(own)
        between = (own[order][1:] + own[order][:-1]) / 2
        index = order[np.searchsorted(between, positions)]
        return modes.exactly(self.values.iloc[index].reset_index(drop=True))


def value_pieces(modes, values):
    """Pieces of a set of values.

    Parameters
    ----------
    modes : NumberModes or LevelModes
    values : Series
        Not empty, all values known in fit or inside its range.
    """
    positions, first = np.unique(modes.encode(values), return_index=True)
    values = values.iloc[first].reset_index(drop=True)
    number, n = positions.astype(int), len(positions)
    if not modes.is_number:
        low, high, share = np.zeros(n), np.full(n, BELOW_ONE), np.ones(n)
        pooled = (number == len(modes.levels)) if modes.pooled else np.zeros(n, dtype=bool)
        ends = np.concatenate([[0.0], modes.pool_share])
        rank = np.searchsorted(modes.pool_share, positions[pooled] - number[pooled], side="right")
        low[pooled], high[pooled] = ends[rank], np.nextafter(ends[rank + 1], 0)
        share[pooled] = high[pooled] - low[pooled]
        return Allowed(number, low, high, share)
    place = positions - number
    density = np.exp(modes.log_densities(positions))
    single = _is_single(modes)[number]
    share = np.where(single, 1.0, np.minimum(density * _resolution(modes), 1.0))
    return Allowed(number, place, place, share, values=values)


def interval_pieces(modes, low, high, closed, name):
    """Pieces of an interval of numbers or dates.

    Parameters
    ----------
    modes : NumberModes
    low, high : object
        Ends in the type of the column; None for no end.
    closed : {'left', 'right', 'both', 'neither'}
        Which ends belong to it.
    name : object
        Of the column, for error messages.

    Raises
    ------
    ValueError
        If no value of `fit` lies in the interval.
    """
    if not modes.is_number:
        raise ValueError("it holds levels, of which there are no intervals: expected a set")
    limits = _limits(modes, low, high, closed, name)
    pieces = [] if limits is None else _overlaps(modes, *limits)
    if not pieces:
        raise ValueError("no value of fit lies in that interval")
    number, first, last, share = (np.array(part) for part in zip(*pieces))
    return Allowed(number.astype(int), first, last, share, limits)


def _limits(modes, low, high, closed, name):
    """Smallest and largest number, or number of steps, in an interval; None if there is none."""
    if not len(modes.grid):
        return None
    ends = modes.grid[0, 0], modes.grid[-1, -1]
    if low is not None:
        ends = max(ends[0], _end(modes, low, 1, closed in ("left", "both"), name)), ends[1]
    if high is not None:
        ends = ends[0], min(ends[1], _end(modes, high, -1, closed in ("right", "both"), name))
    return ends if ends[0] <= ends[1] else None


def _end(modes, value, direction, is_closed, name):
    """The first number, or number of steps, that is inside, from an end of an interval."""
    series = comparable(pd.Series([value], name=name), modes.kind, modes.dtype)
    if series.isna().any():
        raise ValueError("an end of the interval is missing: expected a value, or None for no end")
    if modes.steps is not None:
        return _step_end(modes._steps, series, direction, is_closed)
    x, unit = float(to_floats(series)[0]), _unit(modes)
    if not unit:
        return x if is_closed else np.nextafter(x, direction * np.inf)
    count = (x - modes.start) / unit
    nearest = round(count)
    if abs(count - nearest) > _ROUNDING:
        nearest = math.ceil(count) if direction > 0 else math.floor(count)
    elif not is_closed:
        nearest += direction
    end = modes.start + nearest * unit
    return end if modes.decimals is None else round(end, modes.decimals)


def _step_end(steps, series, direction, is_closed):
    value = int(to_integers(series, steps.kind)[0][0])
    if len(steps.known):
        known = [int(v) for v in steps.known]
        inside = [
            i
            for i, v in enumerate(known)
            if (v - value) * direction > 0 or (is_closed and v == value)
        ]
        if not inside:
            return math.inf * direction
        return float(inside[0] if direction > 0 else inside[-1])
    count, rest = divmod(value - steps.origin, steps.step)
    if rest:
        return float(count + (direction > 0))
    return float(count if is_closed else count + direction)


def _overlaps(modes, low, high):
    """Mode, places and share of the parts of modes that lie between two numbers."""
    half = 0.5 if modes.steps is not None else _unit(modes) / 2
    grid, places = modes.grid, np.linspace(0.0, BELOW_ONE, modes.grid.shape[1])
    pieces = []
    for number, (row, is_single) in enumerate(zip(grid, _is_single(modes))):
        if is_single:
            if low <= row[0] <= high:
                pieces.append((number, 0.5, 0.5, 1.0))
            continue
        a, b = max(low - half, row[0]), min(high + half, row[-1])
        if a <= b:  # beyond both ends, so that repeated quantiles are inside
            ends = np.interp([np.nextafter(a, -np.inf), np.nextafter(b, np.inf)], row, places)
            pieces.append((number, *ends, max((ends[1] - ends[0]) / BELOW_ONE, 1e-12)))
    return pieces


def _is_single(modes):
    """Whether each mode, "missing" included, is a single value."""
    return np.append(modes.grid[:, 0] == modes.grid[:, -1], [True] * modes.has_missing)


def _unit(modes):
    """What numbers are multiples of; 0 for nothing."""
    return modes.step or (0.0 if modes.decimals is None else 10.0**-modes.decimals)


def _resolution(modes):
    """Width that a single number stands for, in the units of the data."""
    if modes.steps is not None:
        return modes._steps.unit
    return _unit(modes) or _FINE * max(modes.grid[-1, -1] - modes.grid[0, 0], 1e-300)
