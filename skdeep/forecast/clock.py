"""The index of a series: checks, its continuation, its season and columns of the calendar."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

DAY, YEAR = 86_400.0, 365.2425 * 86_400.0
HARMONICS = 2
"""Sine and cosine of each cycle of the calendar, and of half of it."""
_SHOWN = 3  # times that an error names


def checked_index(
    index: Any, name: str, like: pd.Index | None = None, other: str = "y"
) -> pd.Index | None:
    """The index of a series with its frequency.

    Parameters
    ----------
    index : pandas Index
        A DatetimeIndex, a PeriodIndex, or integers in equal steps.
    name : str
        Of the series, for errors.
    like : DatetimeIndex, PeriodIndex or RangeIndex, default=None
        The index of another series, whose frequency is expected. One of times and one of integers
        are not compared.
    other : str, default='y'
        Name of that series.

    Returns
    -------
    DatetimeIndex, PeriodIndex or RangeIndex

    Raises
    ------
    TypeError
        If it is of another kind.
    ValueError
        If it has duplicates, is not sorted, has gaps, no frequency or another one than `like`.
    """
    if not isinstance(index, (pd.DatetimeIndex, pd.PeriodIndex)):
        found = _checked_integers(index, name)
        return _with_step_of(like, found, name, other) if isinstance(like, pd.RangeIndex) else found
    if index.hasnans:
        raise ValueError(f"The index of {name} contains NaT.")
    repeated = index[index.duplicated()].unique()
    if len(repeated):
        raise ValueError(
            f"The index of {name} has {len(repeated)} times more than once ({_shown(repeated)}): "
            f"keep one value of each, with {name}.groupby(level=0).mean() for example."
        )
    if not index.is_monotonic_increasing:
        raise ValueError(f"The index of {name} is not in the order of time: use sort_index().")
    wanted: Any = like if isinstance(like, (pd.DatetimeIndex, pd.PeriodIndex)) else None
    if wanted is not None:
        _check_kind(index, wanted, name, other)
        expected = _whole(index, wanted.freq)
        if index.equals(expected):  # also where they are too few to tell a frequency from
            return expected
    full = _without_gaps(index, name)
    if wanted is not None:
        raise ValueError(
            f"{name} has the frequency {_freq_name(full.freq)}, but {other} has "
            f"{_freq_name(wanted.freq)}: resample them to one."
        )
    return full


def _without_gaps(index: Any, name: str) -> Any:
    """The index with its frequency, which is inferred if it has none."""
    freq = index.freq if index.freq is not None else _frequency(index, name)
    full = _whole(index, freq)
    if len(full) != len(index):
        missing = full.difference(index)
        raise ValueError(
            f"The index of {name} has gaps: with the frequency {_freq_name(freq)}, {len(missing)} "
            f"times are missing ({_shown(missing)}). Fill them, with "
            f"{name}.asfreq({_freq_name(freq)!r}).interpolate() for example."
        )
    return full


def _whole(index: Any, freq: Any) -> Any:
    """All times of a frequency from the first to the last of an index."""
    if isinstance(index, pd.PeriodIndex):
        return pd.period_range(index[0], index[-1], freq=freq)
    return pd.date_range(index[0], index[-1], freq=freq)


def _check_kind(index, like, name, other):
    if type(index) is not type(like):
        raise ValueError(
            f"{name} has a {type(index).__name__}, but {other} has a {type(like).__name__}."
        )
    zones = [getattr(times, "tz", None) for times in (index, like)]
    if str(zones[0]) != str(zones[1]):
        raise ValueError(
            f"The index of {name} has the time zone {zones[0]}, but that of {other} has "
            f"{zones[1]}: use tz_localize() or tz_convert()."
        )


def _with_step_of(like, index, name, other):
    """Integers in equal steps, checked against the steps of others."""
    if len(index) == 1:
        return pd.RangeIndex(index.start, index.start + like.step, like.step)
    if index.step != like.step:
        raise ValueError(
            f"The index of {name} grows in steps of {index.step}, but that of {other} in steps of "
            f"{like.step}."
        )
    return index


def _checked_integers(index, name):
    if not pd.api.types.is_integer_dtype(index.dtype):
        raise TypeError(
            f"The index of {name} is a {type(index).__name__} of {index.dtype}: expected a "
            "DatetimeIndex, a PeriodIndex or integers."
        )
    numbers = index.to_numpy()
    steps = np.diff(numbers)
    step = int(steps[0]) if len(steps) else 1
    if step <= 0 or (steps != step).any():
        raise ValueError(
            f"The index of {name} has gaps, duplicates or no order: integers have to grow in equal "
            "steps. Use reset_index(drop=True) if the rows are equally spaced in time."
        )
    return pd.RangeIndex(int(numbers[0]), int(numbers[-1]) + step, step)


def _frequency(index, name):
    """Frequency of sorted times without duplicates, of which some may be missing."""
    found = _inferred(index)
    if found is not None:
        return pd.tseries.frequencies.to_offset(found)
    pieces = [index[i : i + 5] for i in range(0, max(1, len(index) - 4), 5)]
    inferred = Counter(map(_inferred, pieces))
    inferred.pop(None, None)
    for freq, _ in inferred.most_common():
        full = pd.date_range(index[0], index[-1], freq=freq)
        if index.isin(full).all():
            return pd.tseries.frequencies.to_offset(freq)
    raise ValueError(
        f"The frequency of the index of {name} cannot be inferred from its {len(index)} times "
        f"({_shown(index)}): they are not equally spaced. Resample the series, with "
        f"{name}.resample('D').mean() for example, or set index.freq."
    )


def _inferred(index):
    if len(index) < 3:
        return None
    with warnings.catch_warnings(action="ignore"):  # pandas 3.1 tells of another type to come
        return pd.infer_freq(index)


def _freq_name(freq):
    return getattr(freq, "freqstr", str(freq))


def _shown(times):
    names = ", ".join(str(time) for time in times[:_SHOWN])
    return names + (", ..." if len(times) > _SHOWN else "")


def following(index: Any, n: int) -> Any:
    """The n steps after an index of `checked_index`.

    Examples
    --------
    >>> import pandas as pd
    >>> from skdeep.forecast.clock import following
    >>> following(pd.period_range("2001-01", periods=3, freq="M"), 2).astype(str).tolist()
    ['2001-04', '2001-05']
    """
    if isinstance(index, pd.RangeIndex):
        return pd.RangeIndex(index.stop, index.stop + n * index.step, index.step)
    if isinstance(index, pd.PeriodIndex):
        return pd.period_range(index[-1], periods=n + 1, freq=index.freq)[1:]
    return pd.date_range(index[-1], periods=n + 1, freq=index.freq)[1:]


def seconds(index: Any) -> float | None:
    """Median length of a step; None for integers."""
    if isinstance(index, pd.RangeIndex) or index is None or len(index) < 2:
        return None
    times = index.to_timestamp() if isinstance(index, pd.PeriodIndex) else index.tz_localize(None)
    return float(np.median(np.diff(times.to_numpy()) / np.timedelta64(1, "s")))


def season_of(index: Any) -> int | None:
    """Steps of the season that goes with a frequency; None where none does.

    A day for steps below a day, a week for days, a year for weeks, months and quarters, as in the
    M4 competition (Makridakis et al., 2020), but for weeks, which have 1 there.
    """
    step = seconds(index)
    if step is None:
        return None
    if step < 0.9 * DAY:
        return max(2, round(DAY / step))
    if step < 1.5 * DAY:
        return 5 if _freq_name(index.freq).startswith(("B", "C")) else 7
    season = round(YEAR / step)
    return season if season > 1 else None


def cycles_of(index: Any) -> tuple[str, ...]:
    """Cycles of the calendar that a series can be learned by: those of several steps, of which it
    holds two or more. Of a season seen once, nothing tells its trend from its cycle.

    Parameters
    ----------
    index : index or None

    Returns
    -------
    tuple of {'day', 'week', 'year'}

    Examples
    --------
    >>> import pandas as pd
    >>> from skdeep.forecast.clock import cycles_of
    >>> cycles_of(pd.date_range("2020-01-01", periods=24 * 30, freq="h"))
    ('day', 'week')
    """
    step = seconds(index)
    if step is None:
        return ()
    return tuple(
        name
        for name, length in CYCLES.items()
        if step < 0.9 * length / _SHORTEST_CYCLE[name] and step * len(index) >= 2 * length
    )


CYCLES = {"day": DAY, "week": 7 * DAY, "year": YEAR}
_SHORTEST_CYCLE = {"day": 1, "week": 4.5, "year": 1}
"""Steps of a cycle, at least: a week is one of days, or of hours."""


def calendar(index: Any, cycles: tuple[str, ...]) -> np.ndarray:
    """Columns of the calendar: sines and cosines of the time in each cycle, and, with that of the
    week, whether it is a Saturday or Sunday.

    Parameters
    ----------
    index : DatetimeIndex or PeriodIndex
    cycles : tuple of {'day', 'week', 'year'}

    Returns
    -------
    ndarray of shape (n_steps, n_columns)
    """
    times = index.to_timestamp() if isinstance(index, pd.PeriodIndex) else index
    of_day = (times - times.normalize()).to_numpy() / np.timedelta64(1, "s") / DAY
    phases = {
        "day": of_day,
        "week": (times.day_of_week.to_numpy() + of_day) / 7,
        "year": (times.day_of_year.to_numpy() - 1 + of_day) / 365.2425,
    }
    columns = [
        wave(2 * np.pi * k * phases[cycle])
        for cycle in cycles
        for k in range(1, HARMONICS + 1)
        for wave in (np.sin, np.cos)
    ]
    if "week" in cycles:
        columns.append((times.day_of_week.to_numpy() >= 5).astype(float))
    return np.stack(columns, 1) if columns else np.empty((len(times), 0))


def season_by_autocorrelation(values: np.ndarray, most: int) -> int:
    """Season of a series of unknown frequency: the highest peak of the autocorrelation of its
    differences, or 1 if none is above `LEAST_CORRELATION`.

    Parameters
    ----------
    values : ndarray of shape (n_steps,)
    most : int
        Longest season.

    Returns
    -------
    int

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep.forecast.clock import season_by_autocorrelation
    >>> season_by_autocorrelation(np.sin(np.arange(200) * 2 * np.pi / 12), 60)
    12
    """
    change = np.diff(values)
    change = change - change.mean()
    n, total = len(change), float(change @ change)
    most = min(most, n // 3)
    if most < 3 or total <= 0:
        return 1
    size = 1 << (2 * n - 1).bit_length()
    power = np.abs(np.fft.rfft(change, size)) ** 2
    lags = np.arange(most + 2)
    # Sums over n - lag products, as means: a peak at a long lag is not less for that.
    found = np.fft.irfft(power, size)[: most + 2] / total * n / (n - lags)
    inner = found[1:-1]
    is_peak = (inner > found[:-2]) & (inner >= found[2:]) & (lags[1:-1] >= 2)
    if not is_peak.any():
        return 1
    best = float(inner[is_peak].max())
    if best < LEAST_CORRELATION:
        return 1
    # The shortest among peaks that are nearly as high: twice a season is one as well.
    return int(lags[1:-1][is_peak & (inner >= 0.9 * best)][0])


LEAST_CORRELATION = 0.3
"""Of differences at the distance of a season. White noise of 100 steps reaches 0.3 at one of 33
lags in one of ten series."""
