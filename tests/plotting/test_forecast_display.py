"""`ForecastDisplay`: series, forecasts and intervals, with and without an index."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit

from skdeep.forecast import Forecaster

plt = pytest.importorskip("matplotlib.pyplot")
plt.switch_backend("Agg")

from skdeep.plotting import ForecastDisplay  # noqa: E402

VALUES = 10 + np.sin(np.arange(90) / 4)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def series(kind):
    index = {
        "period": pd.period_range("2001-01", periods=90, freq="M"),
        "time": pd.date_range("2001-01", periods=90, freq="MS"),
        "number": pd.RangeIndex(5, 95),
    }
    return VALUES if kind == "array" else pd.Series(VALUES, index[kind])


@pytest.mark.parametrize("kind", ["array", "number", "period", "time"])
def test_curves_are_the_series_and_what_the_forecaster_says(kind):
    y = series(kind)
    past, future = y[:80], y[80:]
    forecaster = Forecaster(Ridge(), horizon=6, window=8).fit(past)
    display = ForecastDisplay.from_estimator(
        forecaster, past, truth=future, coverage=0.8, n_history=30
    )
    np.testing.assert_allclose(display.line_.get_ydata(), forecaster.predict())
    np.testing.assert_allclose(display.history_line_.get_ydata(), VALUES[50:80])
    np.testing.assert_allclose(display.truth_line_.get_ydata(), VALUES[80:])
    lines = (display.history_line_, display.line_, display.truth_line_)
    x = [np.asarray(line.get_xydata())[:, 0] for line in lines]
    step = np.diff(x[0]).mean()
    assert x[1][0] == x[2][0] and x[1][0] - x[0][-1] == pytest.approx(step, rel=0.1)
    (outline,) = display.interval_.get_paths()
    ends = np.asarray(forecaster.predict_interval(0.8))
    assert outline.vertices[:, 1].min() == pytest.approx(ends.min())
    assert outline.vertices[:, 1].max() == pytest.approx(ends.max())
    shown = [text.get_text() for text in display.legend_.get_texts()]
    assert shown == ["History", "What came", "Forecast", "80 % interval"]


def test_two_forecasts_on_the_same_axes_share_the_series():
    first = ForecastDisplay.from_predictions(VALUES[:80], VALUES[80:], name="one")
    second = ForecastDisplay.from_predictions(
        VALUES[:80], 2 * VALUES[80:], ax=first.ax_, name="two", interval=np.ones((10, 2))
    )
    assert second.history_line_ is None and len(first.ax_.lines) == 3
    assert first.line_.get_color() != second.line_.get_color()
    assert tuple(second.interval_.get_facecolor()[0, :3]) == plt.matplotlib.colors.to_rgb(
        second.line_.get_color()
    )
    shown = [text.get_text() for text in second.legend_.get_texts()]
    assert shown == ["History", "one", "two", "two: interval"]


def test_a_channel_of_several():
    y = np.stack([VALUES, -VALUES], 1)
    forecaster = Forecaster(Ridge(), horizon=4, window=8).fit(y)
    display = ForecastDisplay.from_estimator(forecaster, y, channel=1)
    np.testing.assert_allclose(display.line_.get_ydata(), forecaster.predict()[:, 1])
    with pytest.raises(ValueError, match="channel=2: forecast has 2, numbered from 0"):
        ForecastDisplay.from_estimator(forecaster, y, channel=2)


def test_search_exogenous_columns_and_options_of_matplotlib():
    X = np.random.default_rng(0).normal(size=(90, 1))
    search = GridSearchCV(
        Forecaster(Ridge(), horizon=5, window=4), {"window": [3, 6]}, cv=TimeSeriesSplit(2)
    ).fit(VALUES[:85] + X[:85, 0], X[:85])
    display = ForecastDisplay.from_estimator(
        search, VALUES[:85] + X[:85, 0], X, coverage=None, line_kw={"color": "red"}
    )
    assert display.interval_ is None and display.line_.get_color() == "red"
    expected = search.best_estimator_.predict(X=X[85:])
    np.testing.assert_allclose(display.line_.get_ydata(), expected)


def test_errors():
    with pytest.raises(NotFittedError):
        ForecastDisplay.from_estimator(Forecaster(Ridge()), VALUES)
    with pytest.raises(ValueError, match=r"interval has the shape \(3, 2\): expected two ends"):
        ForecastDisplay.from_predictions(VALUES, VALUES[:5], interval=np.ones((3, 2)))
