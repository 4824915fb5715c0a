"""Other series than those of `fit`, read and checked against them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from skdeep.forecast.series import Series, read_one


def of_context(forecaster: Any, context: Any, X: Any, n: int) -> tuple[Series, Any]:
    """The end of a context, and the exogenous columns of the `n` steps to come."""
    past = forecaster._windows.past
    if X is None or forecaster.exogenous == "lagged":
        return read_like_fit(forecaster, context, X, "context").end(past), None
    length = len(context)
    if len(X) != length + n:
        raise ValueError(
            f"X has {len(X)} rows: expected {length + n}, those of the {length} steps of the "
            f"context and of the {n} steps to come."
        )
    first = X.iloc[:length] if hasattr(X, "iloc") else X[:length]
    rest = X.iloc[length:] if hasattr(X, "iloc") else X[length:]
    return read_like_fit(forecaster, context, first, "context").end(past), rest


def read_like_fit(forecaster: Any, y: Any, X: Any, name: str) -> Series:
    """Another series, checked against those of `fit`."""
    series = read_one(y, X, name, forecaster._ends[0], "y in fit")
    if series.values.shape[1] != forecaster.n_channels_:
        raise ValueError(
            f"{name} has {series.values.shape[1]} channels, but Forecaster was fitted with "
            f"{forecaster.n_channels_}."
        )
    if series.n_exog != forecaster.n_exogenous_:
        raise ValueError(
            f"X has {series.n_exog} columns for {name}, but Forecaster was fitted with "
            f"{forecaster.n_exogenous_}."
        )
    has_times = isinstance(series.index, (pd.DatetimeIndex, pd.PeriodIndex))
    if forecaster._windows.cycles and not has_times:
        raise ValueError(
            f"{name} has no index of times, but Forecaster was fitted with columns of the "
            "calendar: expected a Series or DataFrame like y."
        )
    return series
