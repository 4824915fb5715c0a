"""Forecasts from many origins of a series, and their errors by step."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import clone

from skdeep.forecast.measures import half_widths, naive_scale, seasonal_naive
from skdeep.forecast.series import Series, is_list, read_one


def rolled(forecaster: Any, series: Series, start: int, stride: int) -> tuple[Any, Any, Any]:
    """Forecasts of a fitted forecaster within a series.

    Parameters
    ----------
    forecaster : Forecaster
    series : Series
    start : int
        First step that is forecast; as many as a window needs lie before it.
    stride : int
        Steps between origins.

    Returns
    -------
    truth, forecasts : ndarray of shape (n_origins, horizon, n_channels)
        NaN after the end of the series.
    scale : ndarray of shape (n_origins, 1, n_channels)
        Units of the windows.
    """
    windows, horizon = forecaster._windows, int(forecaster.horizon)
    n_ahead = -(-horizon // windows.block) * windows.block
    if len(series) <= start:
        raise ValueError(
            f"y has {len(series)} steps, of which {start} are the past of the first forecast: "
            "nothing is left to score."
        )
    index = series.index
    known = windows.covariates(series, index, 0)
    origins = np.arange(start, len(series), stride)
    truth = np.full((len(origins), horizon, series.values.shape[1]), np.nan)
    # What is known of steps after the end belongs to forecasts that are left out.
    known = np.concatenate([known, np.repeat(known[-1:], n_ahead, 0)])
    past = np.stack([series.values[t - windows.past : t] for t in origins])
    covered = np.stack([known[t - windows.past : t + n_ahead] for t in origins])
    made = windows.roll_out(forecaster.regressor_.predict, past, covered, series.n_exog, horizon)
    for row, t in enumerate(origins):
        came = series.values[t : t + horizon]
        truth[row, : len(came)] = came
    scale = np.broadcast_to(
        windows.units(past[:, windows.past - windows.window :]).scale,
        (len(past), 1, truth.shape[2]),
    )
    return truth, np.where(np.isnan(truth), np.nan, made), scale


@dataclass(frozen=True)
class Backtest:
    """Errors of forecasts from many origins.

    Attributes
    ----------
    origins : ndarray of shape (n_origins,)
        Number of the first step that each forecasts.
    truth, forecasts, naive : ndarray of shape (n_origins, horizon, n_channels)
        What came, its forecasts and those that repeat the last season; NaN after the end.
    lower, upper : ndarray of shape (n_origins, horizon, n_channels) or None
        Ends of the intervals.
    scale : ndarray of shape (n_channels,)
        Mean absolute error of the seasonal naive forecast before the first origin.
    """

    origins: np.ndarray
    truth: np.ndarray
    forecasts: np.ndarray
    naive: np.ndarray
    lower: np.ndarray | None
    upper: np.ndarray | None
    scale: np.ndarray

    @property
    def mae(self) -> np.ndarray:
        """Mean absolute error of each step, (horizon,); the mean over channels."""
        return np.nanmean(np.abs(self.truth - self.forecasts), (0, 2))

    @property
    def mase(self) -> np.ndarray:
        """Mean absolute scaled error of each step, (horizon,)."""
        return np.nanmean(np.abs(self.truth - self.forecasts) / self.scale, (0, 2))

    @property
    def naive_mase(self) -> np.ndarray:
        """That of the seasonal naive forecast."""
        return np.nanmean(np.abs(self.truth - self.naive) / self.scale, (0, 2))

    @property
    def coverage(self) -> np.ndarray | None:
        """Share of values within the intervals, of each step."""
        if self.lower is None or self.upper is None:
            return None
        inside = (self.lower <= self.truth) & (self.truth <= self.upper)
        return np.nanmean(np.where(np.isnan(self.truth), np.nan, inside), (0, 2))

    @classmethod
    def of(
        cls,
        forecaster: Any,
        y: Any,
        X: Any,
        *,
        test_size: float | int,
        stride: int | None,
        refit: bool,
        coverage: float | None,
    ) -> Backtest:
        """See `Forecaster.backtest`."""
        if is_list(y):
            raise ValueError("backtest takes one series: call it for each of the list.")
        series, horizon = read_one(y, X), int(forecaster.horizon)
        stride = n_steps("stride", stride, horizon)
        start = len(series) - _n_test(test_size, len(series))
        origins = np.arange(start, len(series), stride)
        stages = [(t, t + horizon) for t in origins] if refit else [(start, len(series))]
        parts = []
        for begin, end in stages:
            seen = None if X is None else _head(X, begin)
            model = clone(forecaster).fit(_head(y, begin), seen)
            part = series[begin - model._windows.past : end]
            truth, made, scale = rolled(model, part, model._windows.past, stride)
            half = None
            if coverage is not None:
                half = half_widths(model.residuals_, coverage, horizon) * scale
            season = model.season_
            repeated = [
                seasonal_naive(series.values[:t], horizon, min(season, t))
                for t in range(begin, min(end, len(series)), stride)
            ][: len(made)]
            parts.append((truth[: len(made)], made, np.stack(repeated), half))
        truth, made, naive = (np.concatenate([p[i] for p in parts]) for i in range(3))
        half = None if coverage is None else np.concatenate([p[3] for p in parts])
        return cls(
            origins=origins,
            truth=truth,
            forecasts=made,
            naive=np.where(np.isnan(truth), np.nan, naive),
            lower=None if half is None else made - half,
            upper=None if half is None else made + half,
            scale=naive_scale(series.values[:start], season),
        )


def n_steps(name: str, given: Any, default: int) -> int:
    """A number of steps that a user gave, or the default for None."""
    if given is None:
        return int(default)
    if not isinstance(given, Integral) or isinstance(given, bool) or int(given) < 1:
        raise ValueError(f"{name}={given!r}: expected a positive integer or None.")
    return int(given)


def _n_test(test_size, n_steps):
    is_share = isinstance(test_size, Real) and not isinstance(test_size, Integral)
    number = round(float(test_size) * n_steps) if is_share else test_size
    if (
        not isinstance(number, Integral)
        or isinstance(number, bool)
        or not 0 < int(number) < n_steps
    ):
        raise ValueError(
            f"test_size={test_size!r}: expected a share in (0, 1), or a number of steps below the "
            f"{n_steps} of y."
        )
    return int(number)


def _head(y, n):
    return y.iloc[:n] if hasattr(y, "iloc") else np.asarray(y)[:n]
