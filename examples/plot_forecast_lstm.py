"""
===========================================
Forecasts of a monthly and an hourly series
===========================================

`Forecaster` makes rows of windows of the past, and forecasts all steps of the horizon with any
regressor. Its default is a small `LSTMRegressor` beside a linear model. A backtest forecasts the
end of each series from many origins, by models that have not seen it, and compares the errors with
those of the seasonal naive forecast, which repeats the last year or the last day. The intervals are
to contain 90 % of the values.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor

from skdeep.forecast import Forecaster
from skdeep.plotting import ForecastDisplay

rng = np.random.default_rng(0)


def wandering(n, memory, size):
    """A level that wanders around 0."""
    level = np.zeros(n)
    for t in range(1, n):
        level[t] = memory * level[t - 1] + rng.normal(0, size)
    return level


months = pd.period_range("2000-01", periods=240, freq="M")
t = np.arange(240)
sales = (100 + 0.4 * t + wandering(240, 0.9, 1.5)) * (1 + 0.15 * np.sin(2 * np.pi * t / 12))
hours = pd.date_range("2024-01-01", periods=24 * 7 * 6, freq="h")
hour, is_weekend = hours.hour.to_numpy(), hours.day_of_week.to_numpy() >= 5
peaks = np.exp(-(((hour - 19) / 3) ** 2)) + 0.6 * np.exp(-(((hour - 8) / 2) ** 2))
demand = 40 + wandering(len(hours), 0.98, 0.5) + np.where(is_weekend, 12, 20) * peaks
demand += rng.normal(0, 0.7, len(hours))
series = {
    "sales": (pd.Series(sales, months), 12),
    "demand": (pd.Series(demand, hours), 24),
}

# %%
# Each model forecasts the last fifth of both series; errors are in units of those of the seasonal
# naive forecast before.

backtests = {}
for name, (y, horizon) in series.items():
    for regressor in (None, HistGradientBoostingRegressor(max_iter=50, random_state=0)):
        label = "boosted trees" if regressor else "default"
        forecaster = Forecaster(regressor, horizon=horizon, random_state=0)
        if regressor:  # without intervals, which take three more fits
            forecaster.set_params(calibration_folds=None)
        result = forecaster.backtest(y, coverage=None if regressor else 0.9)
        backtests[name, label] = result
        print(f"{name}, {label}: MASE {result.mase.mean():.2f}")
    result = backtests[name, "default"]
    print(f"{name}, seasonal naive: MASE {result.naive_mase.mean():.2f}")
    print(f"{name}: {result.coverage.mean():.0%} of the values are in the intervals")

# %%
# The last forecast of each series, and the errors of each step ahead.

figure, axes = plt.subplots(2, 2, figsize=(11, 7), layout="constrained")
for row, (name, (y, horizon)) in zip(axes, series.items()):
    forecaster = Forecaster(horizon=horizon, random_state=0).fit(y[:-horizon])
    ForecastDisplay.from_estimator(
        forecaster, y[:-horizon], truth=y[-horizon:], n_history=4 * horizon, ax=row[0]
    )
    row[0].set(title=f"The last forecast of {name}", ylabel=name)
    row[0].tick_params("x", rotation=30)
    low, high = row[0].get_ylim()
    row[0].set_ylim(low, high + 0.3 * (high - low))  # room for the legend
    row[0].legend(ncols=2, loc="upper center")
    steps = np.arange(1, horizon + 1)
    shown = {label: backtests[name, label].mase for label in ("default", "boosted trees")}
    shown["seasonal naive"] = backtests[name, "default"].naive_mase
    for color, (label, errors) in zip(("C0", "C1", "0.35"), shown.items()):
        row[1].plot(steps, errors, color=color, label=label)
    row[1].set(title="Errors of the backtest", xlabel="steps ahead", ylabel="MASE")
    row[1].set_ylim(0, 1.35 * max(map(max, shown.values())))
    row[1].legend(ncols=3, loc="upper center")
plt.show()
