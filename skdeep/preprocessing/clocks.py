"""Instants as local times of their time zone, in which all days have the same length."""

import numpy as np
import pandas as pd

_DAY = 86_400
_HALF_HOUR = 1_800  # clocks change by no less
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def learn_wall(instants, kind):
    """Relation of instants with a time zone to local times.

    Parameters
    ----------
    instants : ndarray of int64
        Sorted, in units since 1970 in UTC.
    kind : dict
        'unit' and 'tz'.

    Returns
    -------
    'clock', 'day' or None
        'clock': at equal steps there, a day or an hour, and each is identified by its time on the
        wall. 'day': at the first moment of days, which is not midnight where the clock jumps over
        it. None: equal steps, if any, are those of UTC.
    """
    per_second = _PER_SECOND[kind["unit"]]
    wall = to_wall(instants, {**kind, "wall": "clock"})
    step = np.gcd.reduce(np.diff(wall)) if len(wall) > 1 else 0
    if step == 0:
        step = np.gcd(wall[0], _DAY * per_second)
    is_even = step > _HALF_HOUR * per_second and step >= np.gcd.reduce(np.diff(instants), initial=0)
    if is_even and np.array_equal(from_wall(wall, kind), instants):
        return "clock"
    days = wall // (_DAY * per_second)
    if len(days) > 1 and np.array_equal(from_wall(days, {**kind, "wall": "day"}), instants):
        return "day"
    return None


def to_wall(instants, kind):
    """Local times, in units since 1970; in days if `kind` says so."""
    index = pd.DatetimeIndex(np.asarray(instants, dtype=np.int64).view(f"M8[{kind['unit']}]"))
    wall = index.tz_localize("UTC").tz_convert(kind["tz"]).tz_localize(None).asi8
    return wall // (_DAY * _PER_SECOND[kind["unit"]]) if kind["wall"] == "day" else wall


def from_wall(wall, kind):
    """Instants of local times: the first of two, and the end of a gap for missing times."""
    wall = np.asarray(wall, dtype=np.int64)
    if kind.get("wall") == "day":
        wall = wall * (_DAY * _PER_SECOND[kind["unit"]])
    index = pd.DatetimeIndex(wall.view(f"M8[{kind['unit']}]"))
    first = np.ones(len(index), dtype=bool)
    return index.tz_localize(kind["tz"], ambiguous=first, nonexistent="shift_forward").asi8
