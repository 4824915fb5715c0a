"""Forecasts of series by any regressor: windows, several steps, intervals and backtests."""

from skdeep.forecast.forecaster import Forecaster
from skdeep.forecast.measures import mean_absolute_scaled_error, seasonal_naive

__all__ = ["Forecaster", "mean_absolute_scaled_error", "seasonal_naive"]
