"""Forecaster: what it predicts, for which kinds of series."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import CNNRegressor, LSTMRegressor
from skdeep.forecast import Forecaster, mean_absolute_scaled_error, seasonal_naive


def monthly(n=120, noise=0.0, kind="period"):
    values = 50 + 0.3 * np.arange(n) + 5 * np.sin(np.arange(n) * np.pi / 6)
    values = values + noise * np.random.default_rng(0).normal(size=n)
    index = pd.period_range("2001-01", periods=n, freq="M")
    return pd.Series(values, index if kind == "period" else index.to_timestamp(), name="sales")


class Recorder(RegressorMixin, BaseEstimator):
    """Remembers what it was fitted on, and predicts zeros."""

    def fit(self, X, y):
        self.X_, self.y_ = np.array(X), np.array(y)
        self.n_outputs_ = 1 if y.ndim == 1 else y.shape[1]
        return self

    def predict(self, X):
        self.seen_ = np.array(X)
        return np.zeros((len(X), self.n_outputs_))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def plain(**parameters):
    """A forecaster without what 'auto' adds."""
    options = {"season": 1, "seasonal_lags": None, "calendar": False, "instance_norm": None}
    options["calibration_folds"] = None
    return Forecaster(Recorder(), **{**options, **parameters})


# --- rows --------------------------------------------------------------------------------------


def test_rows_are_windows_and_what_follows():
    y = np.arange(10.0) ** 2
    model = plain(horizon=2, window=3).fit(y).regressor_
    expected = [(y[t - 2 : t + 1], y[t + 1 : t + 3]) for t in range(2, 8)]
    np.testing.assert_array_equal(model.X_, [x for x, _ in expected])
    np.testing.assert_array_equal(model.y_, [ahead for _, ahead in expected])


@pytest.mark.parametrize("center", ["last", "mean"])
def test_windows_are_in_units_of_their_own(center):
    y = np.random.default_rng(0).normal(size=40).cumsum()
    model = plain(horizon=2, window=5, instance_norm=center).fit(y).regressor_
    for row, t in enumerate(range(4, 38)):
        window = y[t - 4 : t + 1]
        middle = window[-1] if center == "last" else window.mean()
        np.testing.assert_allclose(model.X_[row], (window - middle) / window.std())
        np.testing.assert_allclose(model.y_[row], (y[t + 1 : t + 3] - middle) / window.std())


def test_channels_exogenous_columns_and_lags():
    y = np.random.default_rng(0).normal(size=(30, 2))
    X = np.random.default_rng(1).normal(size=(30, 3))
    forecaster = plain(horizon=2, window=3, seasonal_lags=[5, 1]).fit(y, X)
    assert forecaster.seasonal_lags_ == (2, 5)  # of 1, the least multiple that is known
    first = 4  # of 5 steps before t + 1 = 5, the first is there
    for row, t in enumerate(range(first, 28)):
        parts = [y[t - 2 : t + 1], y[t - 1 : t + 1], y[t - 4 : t - 2], X[t : t + 3]]
        np.testing.assert_array_equal(
            forecaster.regressor_.X_[row], np.concatenate([p.ravel() for p in parts])
        )
        np.testing.assert_array_equal(forecaster.regressor_.y_[row], y[t + 1 : t + 3].ravel())


def test_lagged_columns_end_with_the_window():
    y, X = np.arange(20.0), np.random.default_rng(1).normal(size=20)
    forecaster = plain(horizon=2, window=3, exogenous="lagged").fit(y, X)
    for row, t in enumerate(range(2, 18)):
        parts = [y[t - 2 : t + 1], X[t - 2 : t + 1]]
        np.testing.assert_array_equal(forecaster.regressor_.X_[row], np.concatenate(parts))
    forecaster.predict()
    np.testing.assert_array_equal(forecaster.regressor_.seen_[0], [17, 18, 19, *X[17:]])


def test_sequences_have_known_columns_shifted_to_the_steps_to_come():
    class Sequential(Recorder):
        def __sklearn_tags__(self):
            tags = super().__sklearn_tags__()
            tags.input_tags.three_d_array = True
            return tags

    y, X = np.arange(20.0), np.random.default_rng(1).normal(size=(20, 2))
    forecaster = plain(horizon=2, window=3, seasonal_lags=[4]).set_params(regressor=Sequential())
    model = forecaster.fit(y, X).regressor_
    first = 4  # 4 before the step 1 of the window shifted by 2
    for row, t in enumerate(range(first, 18)):
        np.testing.assert_array_equal(model.X_[row, :, 0], y[t - 2 : t + 1])
        np.testing.assert_array_equal(model.X_[row, :, 1], y[t - 4 : t - 1])
        np.testing.assert_array_equal(model.X_[row, :, 2:], X[t : t + 3])


# --- forecasts ---------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
@pytest.mark.parametrize("kind", ["period", "time", "integer", "array"])
def test_a_line_with_a_season_goes_on_in_the_index_it_came_with(kind, strategy):
    whole = monthly(132, kind=kind)
    if kind == "integer":
        whole = pd.Series(whole.to_numpy(), pd.RangeIndex(10, 10 + 2 * 132, 2), name="sales")
    y, future = whole[:120], whole[120:]
    y, future = (y.to_numpy(), future.to_numpy()) if kind == "array" else (y, future)
    forecaster = Forecaster(LinearRegression(), horizon=12, strategy=strategy, calendar=False)
    predicted = forecaster.fit(y).predict()
    assert forecaster.season_ == 12
    if kind == "array":
        np.testing.assert_allclose(predicted, future)
    else:
        pd.testing.assert_series_equal(predicted, future, check_freq=False)


def test_a_frame_of_two_channels():
    whole = pd.DataFrame({"a": monthly(100), "b": -3 * monthly(100).to_numpy()})
    forecaster = Forecaster(LinearRegression(), horizon=4, calendar=False).fit(whole[:90])
    pd.testing.assert_frame_equal(forecaster.predict(10), whole[90:])
    interval = forecaster.predict_interval(0.5)
    assert interval.shape == (4, 4) and interval.index.equals(whole.index[90:94])
    assert list(interval["b"].columns) == ["lower", "upper"]


def test_one_model_for_a_list_of_series():
    rng = np.random.default_rng(0)
    y = [10 * k + np.sin(np.arange(60 + k) * np.pi / 6 + k) for k in range(4)]
    forecaster = Forecaster(LinearRegression(), horizon=3, window=14).fit(y)
    found = forecaster.predict()
    for k, forecast in enumerate(found):
        ahead = 10 * k + np.sin((60 + k + np.arange(3)) * np.pi / 6 + k)
        np.testing.assert_allclose(forecast, ahead, atol=1e-6)
    other = 500 + np.sin(np.arange(20) * np.pi / 6)
    ahead = 500 + np.sin(np.arange(20, 23) * np.pi / 6)
    np.testing.assert_allclose(forecaster.predict(context=other), ahead, atol=1e-6)
    assert len(forecaster.predict(context=[other, other])) == 2
    assert forecaster.score([other, rng.normal(size=40)]) < -0.1


def test_known_columns_of_the_future_count():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(210, 1))
    y = 5 * X[:, 0] + 0.01 * rng.normal(size=210)
    forecaster = Forecaster(Ridge(), horizon=5, season=1, window=4, instance_norm=None)
    forecaster.fit(y[:200], X[:200])
    np.testing.assert_allclose(forecaster.predict(X=X[200:205]), y[200:205], atol=0.5)
    np.testing.assert_allclose(forecaster.predict(10, X=X[200:]), y[200:], atol=0.5)
    same = forecaster.predict(X=X[150:205], context=y[150:200])
    np.testing.assert_allclose(same, forecaster.predict(X=X[200:205]))


def test_context_continues_like_the_end_of_the_series():
    y = monthly(120, noise=1.0)
    forecaster = Forecaster(Ridge(), horizon=6).fit(y[:110])
    again = forecaster.predict(context=y[40:110])
    pd.testing.assert_series_equal(again, forecaster.predict())
    assert forecaster.predict(context=y).index[0] == y.index[-1] + 1


@pytest.mark.parametrize(
    "regressor",
    [
        HistGradientBoostingRegressor(max_iter=20),
        make_pipeline(StandardScaler(), Ridge()),
        LSTMRegressor((8,), max_iter=15, random_state=0, device="cpu"),
        CNNRegressor(n_filters=4, max_iter=12, random_state=0, device="cpu"),
    ],
    ids=lambda r: type(r).__name__,
)
def test_regressors_of_all_kinds(regressor):
    y = monthly(150, noise=0.2)
    forecaster = Forecaster(regressor, horizon=6).fit(y[:140])
    naive = seasonal_naive(y[:140], 6, 12)
    error = mean_absolute_scaled_error(y[140:146], forecaster.predict(), y[:140], 12)
    assert error < 0.8 * mean_absolute_scaled_error(y[140:146], naive, y[:140], 12)


def test_default_regressor_is_an_lstm_with_the_seed():
    y = monthly(100, noise=0.2)
    first, second = (Forecaster(horizon=3, random_state=3).fit(y) for _ in range(2))
    pd.testing.assert_series_equal(first.predict(), second.predict())
    assert isinstance(first.regressor_, LSTMRegressor) and first.regressor_.random_state == 3


def test_default_is_far_better_than_the_season_before():
    y = monthly(170, noise=1.0)
    result = Forecaster(horizon=12, random_state=0).backtest(y, test_size=36)
    assert result.mase.mean() < 0.8 * result.naive_mase.mean()


def test_regressors_that_predict_one_output_are_fitted_for_each():
    y = monthly(150)
    one = Forecaster(HistGradientBoostingRegressor(max_iter=2), horizon=4).fit(y)
    assert len(one.regressor_.estimators_) == 4
    many = LSTMRegressor((2,), max_iter=1, device="cpu")
    assert Forecaster(many, horizon=4, calibration_folds=None).fit(y).regressor_.n_outputs_ == 4


def test_calendar_has_the_cycles_that_the_series_holds_twice():
    def width(n, freq, **parameters):
        y = pd.Series(np.sin(np.arange(n)), pd.date_range("2021-01-01", periods=n, freq=freq))
        forecaster = Forecaster(Recorder(), window=3, horizon=1, seasonal_lags=None, **parameters)
        return forecaster.set_params(calibration_folds=None).fit(y).regressor_.X_.shape[1] - 3

    assert width(40, "h") == 0  # less than two days
    assert width(24 * 20, "h") == 4 + 5  # day, and week with its weekend
    assert width(500, "D") == 5
    assert width(800, "D") == 5 + 4
    assert width(30, "MS") == 4
    assert width(30, "YS") == 0
    assert width(800, "D", calendar=False) == 0


# --- intervals, scores, backtests ----------------------------------------------------------------


def test_intervals_hold_what_comes():
    rng = np.random.default_rng(0)
    y = rng.normal(size=1500)
    forecaster = Forecaster(Ridge(), horizon=4, window=8, season=1).fit(y[:1000])
    for coverage in (0.5, 0.9):
        found = [
            (e[:, 0] <= y[t : t + 4]) & (y[t : t + 4] <= e[:, 1])
            for t in range(1000, 1496)
            for e in [forecaster.predict_interval(coverage, context=y[t - 20 : t])]
        ]
        assert abs(np.mean(found) - coverage) < 0.05


def test_interval_is_a_quantile_of_the_errors_of_windows_left_out():
    y = np.random.default_rng(0).normal(size=200)
    options = {"horizon": 2, "window": 3, "season": 1, "instance_norm": None}
    forecaster = Forecaster(Ridge(), calibration_folds=4, **options).fit(y)
    rows = np.array([y[t - 3 : t] for t in range(3, 199)])
    ahead = np.array([y[t : t + 2] for t in range(3, 199)])
    errors = []
    for fold in range(4):
        part = range(fold * 49, fold * 49 + 49)
        apart = [i for i in range(196) if min(abs(i - j) for j in part) >= 2]
        model = Ridge().fit(rows[apart], ahead[apart])
        errors += list(np.abs(ahead[part] - model.predict(rows[part])))
    half = np.sort(errors, 0)[int(np.ceil(197 * 0.8)) - 1]
    predicted = forecaster.predict()
    expected = np.stack([predicted - half, predicted + half], 1)
    np.testing.assert_allclose(forecaster.predict_interval(0.8), expected)


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_intervals_come_from_models_that_have_not_seen_what_they_are_judged_by(strategy):
    """A regressor that remembers the steps of a line has errors wherever it has not been."""

    class Memory(RegressorMixin, BaseEstimator):
        def fit(self, X, y):
            self.known_ = {value for value in np.ravel(y)}
            self.width_ = 1 if y.ndim == 1 else y.shape[1]
            return self

        def predict(self, X):
            ahead = np.round(X[:, -1:]) + 1 + np.arange(self.width_)
            seen = np.isin(ahead, list(self.known_))
            return np.where(seen, ahead, -1e6)[:, : self.width_]

        def __sklearn_tags__(self):
            tags = super().__sklearn_tags__()
            tags.target_tags.multi_output = True
            return tags

    options = {"horizon": 3, "window": 2, "season": 1, "instance_norm": None}
    forecaster = Forecaster(Memory(), strategy=strategy, **options).fit(np.arange(60.0))
    assert (np.abs(forecaster.residuals_[:, 0]) > 1e5).all()
    assert len(forecaster.residuals_) == 60 - 2 - 3 + 1


def test_too_few_windows_for_the_coverage():
    forecaster = Forecaster(Ridge(), horizon=2, window=5).fit(np.arange(30.0))
    assert np.isinf(forecaster.predict_interval(0.99)).all()


def test_score_is_minus_mase_of_forecasts_a_horizon_apart():
    y = monthly(150, noise=1.0)
    forecaster = Forecaster(Ridge(), horizon=6).fit(y[:120])
    made = [forecaster.predict(context=y[:t]).to_numpy()[: 150 - t] for t in range(120, 150, 6)]
    expected = mean_absolute_scaled_error(y[120:], np.concatenate(made), y[:120], 12)
    assert forecaster.score(y[120:]) == pytest.approx(-expected)


def test_backtest():
    y = monthly(150, noise=1.0)
    result = Forecaster(Ridge(), horizon=6).backtest(y, test_size=30, stride=3)
    forecaster = Forecaster(Ridge(), horizon=6).fit(y[:120])
    assert list(result.origins) == list(range(120, 150, 3))
    for row, t in enumerate(result.origins):
        n = min(6, 150 - t)
        made = forecaster.predict(context=y[:t])[:n]
        np.testing.assert_allclose(result.forecasts[row, :n, 0], made)
        assert np.isnan(result.forecasts[row, n:]).all()
        np.testing.assert_array_equal(result.naive[row, :n, 0], y[t - 12 : t - 12 + n])
        ends = forecaster.predict_interval(context=y[:t])[:n]
        np.testing.assert_allclose(result.lower[row, :n, 0], ends["lower"])
        np.testing.assert_allclose(result.upper[row, :n, 0], ends["upper"])
    assert result.mae.shape == result.mase.shape == result.coverage.shape == (6,)
    assert result.mase.mean() < result.naive_mase.mean()
    assert result.mae[0] == pytest.approx(
        np.abs(result.forecasts[:, 0, 0] - y.to_numpy()[result.origins]).mean()
    )


def test_backtest_with_a_fit_at_each_origin():
    y = monthly(130, noise=1.0)
    result = Forecaster(Ridge(), horizon=6).backtest(y, test_size=18, refit=True, coverage=None)
    assert result.coverage is None
    for row, t in enumerate(result.origins):
        made = Forecaster(Ridge(), horizon=6).fit(y[:t]).predict()
        np.testing.assert_allclose(result.forecasts[row, :, 0], made)


# --- searches ------------------------------------------------------------------------------------


def test_grid_search_over_a_series():
    y = monthly(150, noise=1.0)
    grid = {"window": [2, 24], "regressor__alpha": [0.1, 10.0]}
    search = GridSearchCV(Forecaster(Ridge(), horizon=6), grid, cv=TimeSeriesSplit(3)).fit(y)
    assert search.best_params_["window"] == 24
    train, test = next(iter(TimeSeriesSplit(3).split(y)))
    scored = clone(search.estimator).set_params(**search.cv_results_["params"][3])
    expected = scored.fit(y.iloc[train]).score(y.iloc[test])
    assert search.cv_results_["split0_test_score"][3] == pytest.approx(expected)


def test_grid_search_with_exogenous_columns():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 1))
    y = X[:, 0] + 0.1 * rng.normal(size=200)
    grid = {"regressor__alpha": [0.1, 1e5]}
    search = GridSearchCV(
        Forecaster(Ridge(), horizon=2, season=1, window=3), grid, cv=TimeSeriesSplit(3)
    )
    assert search.fit(y, X).best_params_ == {"regressor__alpha": 0.1}


def test_optuna_search():
    pytest.importorskip("optuna")
    from skdeep.tuning import OptunaSearchCV

    y = monthly(120, noise=1.0)
    space = {"window": [4, 24]}
    search = OptunaSearchCV(
        Forecaster(Ridge(), horizon=6), space, n_trials=4, cv=TimeSeriesSplit(2), random_state=0
    )
    assert search.fit(y).best_params_["window"] == 24


def test_nothing_after_the_fold_counts():
    """A series whose future is noise: folds, errors and intervals are those of its past."""
    y = monthly(120, noise=0.5)
    noisy = y.copy()
    noisy[90:] = 1e6 * np.random.default_rng(1).normal(size=30)
    splits = list(TimeSeriesSplit(3).split(y))
    assert splits[-1][0][-1] == 89
    forecasters = [Forecaster(Ridge(), horizon=6).fit(s.iloc[splits[-1][0]]) for s in (y, noisy)]
    pd.testing.assert_series_equal(forecasters[0].predict(), forecasters[1].predict())
    search = GridSearchCV(Forecaster(Ridge(), horizon=6), {"window": [12, 24]}, cv=splits[:2])
    for name in ("split0_test_score", "split1_test_score"):
        one, two = (search.fit(s).cv_results_[name] for s in (y, noisy))
        np.testing.assert_array_equal(one, two)
    results = [Forecaster(Ridge(), horizon=6).backtest(s, test_size=30) for s in (y, noisy)]
    np.testing.assert_array_equal(results[0].forecasts[0], results[1].forecasts[0])
    np.testing.assert_array_equal(results[0].upper[0], results[1].upper[0])


def test_forecasts_of_noise_are_no_better_than_noise():
    """A leak of the future would show: white noise cannot be forecast."""
    y = np.random.default_rng(0).normal(size=600)
    scores = []
    for train, test in TimeSeriesSplit(3).split(y):
        forecaster = Forecaster(HistGradientBoostingRegressor(), horizon=3, window=6, season=1)
        scores.append(forecaster.fit(y[train]).score(y[test]))
    error_of_the_mean = np.abs(y).mean() / np.abs(np.diff(y)).mean()
    assert np.mean(scores) < -0.95 * error_of_the_mean
