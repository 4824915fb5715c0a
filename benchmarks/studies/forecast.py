"""Forecaster on public series against the seasonal naive forecast: errors and coverage.

    OMP_NUM_THREADS=1 python benchmarks/studies/forecast.py [--only default] [--series co2]

The series are those that statsmodels ships, those of pmdarima where it is installed, and an hourly
one that is made. Each is forecast over its last fifth from origins a horizon apart, by a model that
is fitted once, on what lies before. The table has the MASE of each model over that of the seasonal
naive forecast, and the share of values within 90 % intervals.
"""

import argparse
import importlib
import time
import warnings

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge

from skdeep.forecast import Forecaster

HORIZONS = {"monthly": 12, "quarterly": 8, "weekly": 13, "hourly": 24, "yearly": 5}


def of_statsmodels():
    """Name, kind and series of what statsmodels ships."""

    def frame(name):
        module = importlib.import_module(f"statsmodels.datasets.{name}")
        return module.load_pandas().data if hasattr(module, "load_pandas") else module.load().data

    co2 = frame("co2")["co2"]
    weekly = co2.resample("W-SAT").mean().interpolate()
    yield "co2", "weekly", weekly
    yield "co2", "monthly", co2.resample("MS").mean().interpolate()
    elnino = frame("elnino").set_index("YEAR")
    months = pd.date_range(f"{int(elnino.index[0])}-01", periods=elnino.size, freq="MS")
    yield "elnino", "monthly", pd.Series(elnino.to_numpy().ravel(), months).dropna()
    equipment = frame("elec_equip").iloc[:, -1]
    equipment.index = pd.date_range(equipment.index[0], periods=len(equipment), freq="MS")
    yield "elec_equip", "monthly", equipment.astype(float)
    macro = frame("macrodata")
    quarters = pd.period_range("1959Q1", periods=len(macro), freq="Q")
    for name in ("realgdp", "unemp"):
        yield name, "quarterly", pd.Series(macro[name].to_numpy(), quarters)
    spots = frame("sunspots")
    years = pd.period_range(str(int(spots["YEAR"].iloc[0])), periods=len(spots), freq="Y")
    yield "sunspots", "yearly", pd.Series(spots["SUNACTIVITY"].to_numpy(), years)


def of_pmdarima():
    """Name, kind and series of what pmdarima ships, nothing where it is not installed."""
    try:
        datasets = importlib.import_module("pmdarima.datasets")
    except ImportError:
        return
    for name, start, freq, kind in (
        ("airpassengers", "1949-01", "MS", "monthly"),
        ("wineind", "1980-01", "MS", "monthly"),
        ("ausbeer", "1956-01", "QS", "quarterly"),
        ("woolyrnq", "1965-01", "QS", "quarterly"),
    ):
        values = getattr(datasets, f"load_{name}")()
        values = values[np.isfinite(values)]
        index = pd.date_range(start, periods=len(values), freq=freq)
        yield name, kind, pd.Series(values, index)
    values = datasets.load_taylor().reshape(-1, 2).mean(1)
    index = pd.date_range("2000-06-05", periods=len(values), freq="h")
    yield "taylor", "hourly", pd.Series(values, index)


def made():
    """An hourly demand: days, weeks, a weather that wanders, and noise."""
    rng = np.random.default_rng(0)
    index = pd.date_range("2023-01-02", periods=24 * 7 * 12, freq="h")
    hour, day = index.hour.to_numpy(), index.day_of_week.to_numpy()
    weather = np.zeros(len(index))
    for t in range(1, len(index)):
        weather[t] = 0.99 * weather[t - 1] + rng.normal(0, 0.6)
    shape = np.exp(-0.5 * ((hour - 19) / 2.5) ** 2) + 0.6 * np.exp(-0.5 * ((hour - 8) / 2.0) ** 2)
    values = 40 + weather + np.where(day < 5, 20, 14) * shape + rng.normal(0, 0.8, len(index))
    yield "made", "hourly", pd.Series(values, index)


MODELS = {
    "default": lambda horizon: Forecaster(horizon=horizon, random_state=0),
    "boosting": lambda horizon: Forecaster(
        HistGradientBoostingRegressor(random_state=0), horizon=horizon
    ),
    "ridge": lambda horizon: Forecaster(Ridge(), horizon=horizon),
}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=MODELS, nargs="*", default=list(MODELS))
    parser.add_argument("--series", nargs="*", help="names; all by default")
    args = parser.parse_args()
    print(
        f"{'series':24s}{'steps':>6s}",
        *(f"{name:>10s}{'cover':>7s}{'s':>6s}" for name in args.only),
    )
    rows = []
    for source in (of_statsmodels, of_pmdarima, made):
        for name, kind, y in source():
            if args.series and name not in args.series:
                continue
            row = []
            for model in args.only:
                started = time.perf_counter()
                result = MODELS[model](HORIZONS[kind]).backtest(y)
                ratio = result.mase.mean() / result.naive_mase.mean()
                row += [ratio, result.coverage.mean(), time.perf_counter() - started]
            rows.append(row)
            print(f"{name + ' ' + kind:24s}{len(y):6d}", shown(row), flush=True)
    print(f"{'mean':30s}", shown(np.mean(rows, 0)))


def shown(row):
    """Ratio, coverage and seconds of each model."""
    cells = np.reshape(row, (-1, 3))
    return " ".join(f"{ratio:10.3f}{cover:7.2f}{seconds:6.1f}" for ratio, cover, seconds in cells)


if __name__ == "__main__":
    warnings.simplefilter("ignore", FutureWarning)
    main()
