"""What 'auto' stands for, and which windows learn and which calibrate."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.multioutput import MultiOutputRegressor
from sklearn.utils import get_tags

from skdeep.forecast.clock import DAY, cycles_of, season_by_autocorrelation, season_of, seconds
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
    floor = least_scale(all_series)
    steps = season(forecaster.season, all_series)
    shortest = min(len(series) for series in all_series)
    longest = max(all_series, key=len)
    if forecaster.calendar is True and seconds(longest.index) is None:
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
        cycles=cycles_of(longest.index) if forecaster.calendar else (),
        floor=floor,
    )
    check_lagged(made, horizon, all_series[0].n_exog)
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


def check_lagged(windows: Windows, horizon: int, n_exog: int) -> None:
    """Raise if exogenous columns of the past alone were needed for steps that have not come."""
    if n_exog and windows.lagged and horizon > windows.block:
        raise ValueError(
            f"horizon={horizon}: forecasts beyond {windows.block} "
            f"{'step follow' if windows.block == 1 else 'steps follow'} from those before, for "
            "which columns with exogenous='lagged' are not known. Expected a shorter horizon, or "
            "strategy='direct' with a longer `horizon` in the constructor."
        )


def fitted(regressor: Any, parts: list[tuple[Any, Any]]) -> Any:
    """A clone of the regressor, fitted on rows and targets of all series."""
    rows = np.concatenate([rows for rows, _ in parts])
    targets = np.concatenate([targets for _, targets in parts])
    model = clone(regressor)
    if targets.shape[1] == 1:
        targets = targets[:, 0]
    elif not get_tags(model).target_tags.multi_output:
        model = MultiOutputRegressor(model)
    return model.fit(rows, targets)


def calibration_errors(
    regressor: Any,
    plan: Windows,
    all_series: list[Series],
    known: list[np.ndarray],
    n_folds: int,
    horizon: int,
) -> np.ndarray:
    """Errors of the windows of each part of the series by a model of the windows of the others.

    Windows are cut into `n_folds` parts in the order of time. Training leaves out those that share
    a target with the part.

    Parameters
    ----------
    regressor : estimator
    plan : Windows
    all_series : list of Series
    known : list of ndarray
        `covariates` of each series.
    n_folds : int
    horizon : int

    Returns
    -------
    ndarray of shape (n_windows, horizon, n_channels)
        In units of the windows, in the order of time within each series; of a part without windows
        to learn from there are none.
    """
    n_channels = all_series[0].values.shape[1]
    rows = [plan.training_rows(series, covered) for series, covered in zip(all_series, known)]
    errors = []
    for fold in range(n_folds):
        cuts = [(fold * len(x) // n_folds, (fold + 1) * len(x) // n_folds) for x, _ in rows]
        parts = [_outside(x, y, cut, horizon) for (x, y), cut in zip(rows, cuts)]
        if not sum(len(x) for x, _ in parts):
            continue
        model = fitted(regressor, parts)
        for series, covered, (begin, end) in zip(all_series, known, cuts):
            past, ahead, seen = (v[begin:end] for v in plan.slices(series, covered, horizon))
            if not len(past):
                continue
            made = plan.roll_out(model.predict, past, seen, series.n_exog, horizon)
            units = plan.units(past[:, plan.past - plan.window :])
            errors.append((ahead - made) / units.scale)
    return np.concatenate(errors) if errors else np.empty((0, horizon, n_channels))


def _outside(rows, targets, cut, horizon):
    """Rows and targets of the windows that share no target with those of a part."""
    start = np.arange(len(rows))
    apart = (start <= cut[0] - horizon) | (start >= cut[1] - 1 + horizon)
    return rows[apart], targets[apart]
