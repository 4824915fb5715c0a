"""What Forecaster says of series that it cannot use."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.utils.estimator_checks import check_param_validation

from skdeep.forecast import Forecaster


def daily(n=60):
    index = pd.date_range("2020-01-01", periods=n, freq="D")
    return pd.Series(np.sin(np.arange(n)), index)


def forecaster(**parameters):
    return Forecaster(Ridge(), **{"horizon": 3, "window": 5, "calendar": False, **parameters})


def raises(text, kind=ValueError):
    return pytest.raises(kind, match=re.escape(text))


def test_series_shorter_than_the_window():
    with raises("y has 6 steps, but a window of 5 and a horizon of 3 need 8 or more"):
        forecaster().fit(np.arange(6.0))
    with raises("y[1] has 4 steps"):
        forecaster().fit([np.arange(20.0), np.arange(4.0)])
    with raises("context has 4 steps: expected 5 or more"):
        forecaster().fit(np.arange(20.0)).predict(context=np.arange(4.0))
    assert len(forecaster().fit(np.arange(8.0)).predict()) == 3


@pytest.mark.parametrize("center", ["last", "mean", None])
@pytest.mark.parametrize("value", [0.0, 7.5, 1e12])
def test_constant_series(center, value):
    model = forecaster(instance_norm=center).fit(np.full(90, value))
    np.testing.assert_allclose(model.predict(), value, rtol=1e-6)
    np.testing.assert_allclose(model.predict_interval(), value, rtol=1e-6)
    assert model.score(np.full(6, value)) == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("unit", [1e300, 1e-300])
def test_units_beyond_the_range_of_squares(unit):
    y = unit * np.sin(np.arange(60.0) * np.pi / 2)
    with raises(f"The largest absolute value of y is {unit:g}: its standard deviation"):
        forecaster().fit(y)
    with raises("Give y in other units"):
        forecaster().fit(np.column_stack([y, np.ones(60)]))
    assert np.isfinite(forecaster().fit(y / unit * 1e100).predict()).all()


def test_gap_in_the_index():
    y = daily().drop(pd.Timestamp("2020-01-10"))
    with raises("The index of y has gaps: with the frequency D, 1 times are missing (2020-01-10"):
        forecaster().fit(y)
    y = daily().to_period("D").drop(pd.Period("2020-01-10", "D"))
    with raises("The index of y has gaps"):
        forecaster().fit(y)
    with raises("integers have to grow in equal steps"):
        forecaster().fit(pd.Series(np.arange(20.0)).drop(3))


def test_duplicates_in_the_index():
    y = daily()
    with raises("The index of y has 1 times more than once (2020-01-03 00:00:00)"):
        forecaster().fit(pd.concat([y[:3], y[2:]]))


def test_index_out_of_order():
    with raises("The index of y is not in the order of time"):
        forecaster().fit(daily()[::-1])


def test_missing_time():
    y = daily()
    y.index = y.index[:-1].append(pd.DatetimeIndex([pd.NaT]))
    with raises("The index of y contains NaT"):
        forecaster().fit(y)


def test_frequency_that_cannot_be_inferred():
    times = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(40) ** 2, unit="h")
    with raises("The frequency of the index of y cannot be inferred from its 40 times"):
        forecaster().fit(pd.Series(np.arange(40.0), times))


def test_index_of_another_kind():
    with raises("The index of y is a Index of", TypeError):
        forecaster().fit(pd.Series(np.arange(20.0), list("abcdefghijklmnopqrst")))


@pytest.mark.parametrize("n", [2, 4])
def test_exogenous_columns_of_another_number_of_steps_than_the_horizon(n):
    X = np.arange(40.0)[:, None]
    model = forecaster().fit(np.arange(40.0), X)
    with raises(f"X has {n} rows: expected 3, one for each step of the horizon"):
        model.predict(X=X[:n])
    with raises("X has 11 rows: expected 13"):
        model.predict(X=X[:11], context=np.arange(10.0))


def test_exogenous_columns_of_other_numbers():
    y, X = np.arange(40.0), np.arange(80.0).reshape(40, 2)
    model = forecaster().fit(y, X)
    with raises("fitted with 2 exogenous columns that are known in the future"):
        model.predict()
    with raises("X has 1 columns, but Forecaster was fitted with 2"):
        model.predict(X=X[:3, :1])
    with raises("X has 39 rows, but y has 40"):
        forecaster().fit(y, X[1:])
    with raises("X was given, but this Forecaster was fitted without X"):
        forecaster().fit(y).predict(X=X[:3])
    with raises("with lagged columns, of the past alone"):
        forecaster(exogenous="lagged").fit(y, X).predict(X=X[:3])
    with raises("expected X to be a list of as many, got a ndarray"):
        forecaster().fit([y, y], X)


def test_exogenous_columns_of_other_times():
    y = daily()
    X = y.to_frame("x")
    with raises("is not that of y"):
        forecaster().fit(y[1:], X[:-1])
    with raises("is not that of the steps to come"):
        forecaster().fit(y[:-3], X[:-3]).predict(X=X[:3])
    assert len(forecaster().fit(y[:-3], X[:-3]).predict(X=X[-3:])) == 3


def test_missing_values():
    y = daily()
    y.iloc[7] = np.nan
    with raises("Input y contains NaN. Forecaster does not accept missing values"):
        forecaster().fit(y)
    with raises("Input y[1] contains NaN"):
        forecaster().fit([np.arange(20.0), np.r_[np.arange(20.0), np.nan]])
    with raises("Input X contains NaN"):
        forecaster().fit(np.arange(60.0), y.to_numpy())
    with raises("Input y contains infinity"):
        forecaster().fit(np.r_[np.arange(20.0), np.inf])


@pytest.mark.parametrize("dtype", ["int64", "uint8", "Int64", bool])
def test_integers(dtype):
    values = np.arange(60) % 7 > 2 if dtype is bool else np.arange(60) % 7
    found = forecaster().fit(pd.Series(values, dtype=dtype)).predict()
    expected = forecaster().fit(values.astype(float)).predict()
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.float64


def test_series_of_other_lengths_in_a_list():
    y = [np.sin(np.arange(n)) for n in (40, 9, 25)]
    assert [len(f) for f in forecaster().fit(y).predict()] == [3, 3, 3]


def test_unlike_series_in_a_list():
    with raises("y[1] has 2 channels, but y[0] has 1"):
        forecaster().fit([np.arange(20.0), np.ones((20, 2))])
    with raises("y[1] has a DatetimeIndex, but y[0] has no index"):
        forecaster().fit([np.arange(20.0), daily()])
    hourly = daily().set_axis(pd.date_range("2020", periods=60, freq="h"))
    with raises("y[1] has the frequency h, but y[0] has D"):
        forecaster().fit([daily(), hourly])


def test_other_channels_or_columns_of_the_context():
    model = forecaster().fit(np.ones((40, 2)).cumsum(0))
    with raises("context has 1 channels, but Forecaster was fitted with 2"):
        model.predict(context=np.arange(10.0))
    dated = Forecaster(Ridge(), horizon=2).fit(daily())
    with raises("context has no index of times"):
        dated.predict(context=np.arange(40.0))


def test_what_is_no_series():
    for y in (3.0, "abc", None):
        with pytest.raises((ValueError, TypeError)):
            forecaster().fit(y)
    with raises("Found array with dim 3"):
        forecaster().fit(np.ones((5, 4, 3)))


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"horizon": 0}, "The 'horizon' parameter of Forecaster must be an int"),
        ({"window": 0}, "The 'window' parameter of Forecaster must be"),
        ({"strategy": "both"}, "The 'strategy' parameter of Forecaster must be"),
        ({"seasonal_lags": [0]}, "seasonal_lags=[0]: expected positive integers"),
        ({"seasonal_lags": [1.5]}, "seasonal_lags=[1.5]: expected positive integers"),
        ({"calendar": True}, "calendar=True: expected y with a DatetimeIndex"),
        ({"calibration_folds": 1}, "The 'calibration_folds' parameter of Forecaster"),
    ],
)
def test_parameters(parameters, text):
    with raises(text):
        forecaster(**parameters).fit(np.arange(40.0))


def test_arguments_of_methods():
    y = np.sin(np.arange(60.0))
    with pytest.raises(NotFittedError):
        forecaster().predict()
    model = forecaster().fit(y)
    with raises("horizon=0: expected a positive integer or None"):
        model.predict(0)
    with raises("horizon=4: intervals are calibrated for 3 steps"):
        model.predict_interval(horizon=4)
    with raises("coverage must be in (0, 1), got 1"):
        model.predict_interval(1)
    with raises("set calibration_folds before fit"):
        forecaster(calibration_folds=None).fit(y).predict_interval()
    with raises("test_size=1.5: expected a share in (0, 1)"):
        model.backtest(y, test_size=1.5)
    with raises("stride=0: expected a positive integer or None"):
        model.backtest(y, stride=0)
    with raises("backtest takes one series"):
        model.backtest([y, y])


def test_a_failed_fit_leaves_the_forecaster_as_it_was():
    model = forecaster().fit(np.sin(np.arange(60.0)))
    before = model.predict()
    with pytest.raises(ValueError):
        model.fit(np.arange(4.0))
    np.testing.assert_array_equal(model.predict(), before)


def test_ranges_of_parameters():
    check_param_validation("Forecaster", Forecaster())


def test_columns_in_another_order():
    y = pd.DataFrame({"a": np.arange(40.0), "b": -np.arange(40.0)})
    X = pd.DataFrame({"p": np.arange(40.0), "q": np.ones(40)})
    model = forecaster().fit(y)
    turned = "are ['b', 'a'], but Forecaster was fitted with ['a', 'b']"
    with raises(f"The columns of context {turned}: expected the same columns in the same order"):
        model.predict(context=y[["b", "a"]])
    with raises(f"The columns of y {turned}"):
        model.score(y[["b", "a"]])
    with raises(f"The columns of y[1] {turned}"):
        forecaster().fit([y, y[["b", "a"]]])
    with raises("The columns of X are ['q', 'p']"):
        forecaster().fit(y, X).predict(X=X[["q", "p"]][:3])
    with raises("The columns of X are ['q', 'p']"):
        forecaster().fit(y, X).predict(X=X[["q", "p"]][:13], context=y[:10])
    with raises("The columns of X[1] are ['q', 'p']"):
        forecaster().fit([y, y], [X, X[["q", "p"]]])
    np.testing.assert_array_equal(model.predict(context=y.to_numpy()), model.predict(context=y))


def test_context_of_another_frequency_or_time_zone():
    hourly = daily().set_axis(pd.date_range("2020", periods=60, freq="h", tz="Europe/Berlin"))
    model = forecaster(calendar=False).fit(hourly)
    with raises("context has the frequency 2h, but y in fit has h"):
        model.predict(context=hourly[::2])
    with raises("The index of context has the time zone None, but that of y in fit has Europe/B"):
        model.predict(context=hourly.tz_localize(None))
    with raises("The index of context has the time zone UTC"):
        model.predict(context=hourly.tz_convert("UTC"))
    with raises("context has a PeriodIndex, but y in fit has a DatetimeIndex"):
        model.predict(context=hourly.tz_localize(None).to_period())
    with raises("y has the frequency 2h, but y in fit has h"):
        model.score(hourly[::2])
    counted = forecaster().fit(pd.Series(np.arange(40.0), np.arange(40) * 10))
    with raises("The index of context grows in steps of 1, but that of y in fit in steps of 10"):
        counted.predict(context=pd.Series(np.arange(40.0)))


@pytest.mark.parametrize("freq", ["B", "MS", "2D", "W-WED"])
def test_few_times_have_the_frequency_of_fit(freq):
    times = pd.date_range("2024-01-03", periods=60, freq=freq)
    y = pd.Series(np.sin(np.arange(60.0)), times)
    model = forecaster().fit(y[:40])
    few = pd.Series(y.to_numpy()[40:42], pd.DatetimeIndex(times[40:42].to_numpy()))
    assert few.index.freq is None
    assert model.score(few) == model.score(y[40:42])
    week = pd.Series(y.to_numpy()[35:40], pd.DatetimeIndex(times[35:40].to_numpy()))
    short = forecaster(window=5).fit(y[:40])
    np.testing.assert_array_equal(short.predict(context=week).index, times[40:43])


def test_lagged_columns_are_not_known_beyond_a_block():
    y, X = np.arange(40.0), np.arange(40.0)[:, None]
    with raises("horizon=3: forecasts beyond 1 step follow from those before"):
        forecaster(exogenous="lagged", strategy="recursive").fit(y, X)
    with raises("horizon=5: forecasts beyond 3 steps follow from those before"):
        forecaster(exogenous="lagged").fit(y, X).predict(5)
    one = forecaster(exogenous="lagged", strategy="recursive", horizon=1)
    assert one.fit(y, X).predict() == pytest.approx([40.0], abs=0.5)


def test_errors_are_not_in_units_of_rounding():
    y = np.tile(np.linspace(0.1, 0.9, 7), 20)
    y[70:] += np.spacing(y[70:])
    assert forecaster(season=7).fit(y[:120]).score(y[120:]) > -1
