"""What 'auto' stands for, and which windows learn and which calibrate."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.multioutput import MultiOutputRegressor
from sklearn.utils import get_tags

from skdeep.base.regressor import DeepRegressor
from skdeep.forecast.clock import DAY, season_by_autocorrelation, season_of, seconds
from skdeep.forecast.series import Series
from skdeep.forecast.windows import Windows, least_scale

SEASONS_IN_WINDOW, LEAST_WINDOW = 2, 12
_WEEKS_FOR_LAG = 4
_DAYS_OF_WEEK = 7


def season(given: Any, all_series: list[Series]) -> int:
    """Steps of a season."""
    if given != "auto":
        return int(given)
    longest = max(all_series, key=len)
    known = None if longest.index is None else season_of(longest.index)
    if known is not None:
        return known
    return season_by_autocorrelation(longest.values[:, 0], len(longest) // 3)


def lags(given: Any, season: int, block: int, all_series: list[Series]) -> tuple[int, ...]:
    """Distances of values before the window, as far as they are known `block` steps ahead."""
    if given is None:
        return ()
    shortest = min(len(series) for series in all_series)
    if isinstance(given, str):
        step = seconds(all_series[0].index)
        week = _DAYS_OF_WEEK * season
        is_short = step is not None and step < 0.9 * DAY
        given = [week] if is_short and shortest >= _WEEKS_FOR_LAG * week else []
    numbers = np.asarray(given)
    if numbers.ndim != 1 or (numbers.size and (numbers.dtype.kind not in "iu" or min(given) < 1)):
        raise ValueError(f"seasonal_lags={given!r}: expected positive integers, 'auto' or None.")
    return tuple(sorted({int(lag) * -(-block // int(lag)) for lag in numbers}))


def window(given: Any, season: int, horizon: int, shortest: int) -> int:
    """Steps of a window."""
    if given != "auto":
        return int(given)
    wanted = max(SEASONS_IN_WINDOW * season, horizon, LEAST_WINDOW)
    return max(1, min(wanted, (shortest - horizon) // 3))


def windows(forecaster: Any, all_series: list[Series], regressor: Any) -> tuple[Windows, int]:
    """Windows and the season for the parameters of a `Forecaster`."""
    horizon = int(forecaster.horizon)
    block = horizon if forecaster.strategy == "direct" else 1
    steps = season(forecaster.season, all_series)
    shortest = min(len(series) for series in all_series)
    step = seconds(all_series[0].index)
    if forecaster.calendar is True and step is None:
        raise ValueError(
            "calendar=True: expected y with a DatetimeIndex or a PeriodIndex, whose dates it reads."
        )
    made = Windows(
        window=window(forecaster.window, steps, horizon, shortest),
        block=block,
        lags=lags(forecaster.seasonal_lags, steps, block, all_series),
        center=forecaster.instance_norm,
        as_sequence=bool(get_tags(regressor).input_tags.three_d_array),
        lagged=forecaster.exogenous == "lagged",
        step=step if forecaster.calendar else None,
        floor=least_scale(all_series),
    )
    needed = made.past + horizon
    for i, series in enumerate(all_series):
        if len(series) < needed:
            name = "y" if len(all_series) == 1 else f"y[{i}]"
            raise ValueError(
                f"{name} has {len(series)} steps, but a window of {made.window}"
                + (f" with the lags {list(made.lags)}" if made.lags else "")
                + f" and a horizon of {horizon} need {needed} or more: use a smaller `window` or "
                "`horizon`, or a longer series."
            )
    return made, steps


def fitted(regressor: Any, parts: list[tuple[Any, Any]]) -> Any:
    """A clone of the regressor, fitted on rows and targets of all series."""
    rows = np.concatenate([rows for rows, _ in parts])
    targets = np.concatenate([targets for _, targets in parts])
    model = clone(regressor)
    if targets.shape[1] == 1:
        targets = targets[:, 0]
    elif not (isinstance(model, DeepRegressor) or get_tags(model).target_tags.multi_output):
        model = MultiOutputRegressor(model)
    return model.fit(rows, targets)


def calibration_errors(
    regressor: Any,
    plan: Windows,
    all_series: list[Series],
    known: list[np.ndarray],
    fraction: float,
    horizon: int,
) -> np.ndarray:
    """Errors at the end of the series of a model that has not seen it.

    Parameters
    ----------
    regressor : estimator
    plan : Windows
    all_series : list of Series
    known : list of ndarray
        `covariates` of each series.
    fraction : float
        Share of the steps of each series that the model does not see.
    horizon : int

    Returns
    -------
    ndarray of shape (n_windows, horizon, n_channels)
        In units of the windows; none where the series are too short.
    """
    n_channels = all_series[0].values.shape[1]
    parts, held_out = [], []
    for series, covered in zip(all_series, known):
        end = min(len(series) - int(np.ceil(fraction * len(series))), len(series) - horizon)
        if end < plan.past + plan.block:
            continue
        parts.append(plan.training_rows(series[:end], covered[:end]))
        begin = end - plan.past
        held_out.append((series[begin:], covered[begin:]))
    if not parts:
        return np.empty((0, horizon, n_channels))
    model = fitted(regressor, parts)
    errors = []
    for series, covered in held_out:
        past, ahead, seen = plan.slices(series, covered, horizon)
        n_exog = 0 if series.exog is None else series.exog.shape[1]
        made = plan.roll_out(model.predict, past, seen, n_exog, horizon)
        units = plan.units(past[:, plan.past - plan.window :])
        errors.append((ahead - made) / units.scale)
    return np.concatenate(errors)
