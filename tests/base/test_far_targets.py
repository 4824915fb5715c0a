"""Targets far from zero: what comes back is exact in the user's units."""

import numpy as np
import pytest
from sklearn.base import clone

import skdeep

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SHORT = {"max_iter": 12, "random_state": 0, "device": "cpu"}
FAMILIES = {
    "realmlp": (skdeep.RealMLPRegressor(hidden_layer_sizes=(32,), **SHORT), False),
    "tabm": (skdeep.TabMRegressor(hidden_layer_sizes=(32,), n_estimators=4, **SHORT), False),
    "cnn": (skdeep.CNNRegressor(n_filters=(8,), hidden_layer_sizes=(16,), **SHORT), True),
    "lstm": (skdeep.LSTMRegressor(**SHORT), True),
}
families = pytest.mark.parametrize("family", FAMILIES)


def rows(family, dtype=np.float64, n=160):
    estimator, is_series = FAMILIES[family]
    rng = np.random.RandomState(0)
    X = rng.normal(size=(n, 8 if is_series else 3)).astype(dtype)
    y = (X[:, 0] + 0.5 * X[:, 1]).astype(np.float64)
    return clone(estimator), X[:, :, None] if is_series else X, y


@families
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_time_stamps(family, dtype):
    """The same predictions as for targets around 0, moved."""
    estimator, X, y = rows(family, dtype)
    far = 1.7e9 + 30 * y
    predicted = clone(estimator).fit(X, far).predict(X)
    assert predicted.dtype == np.float64
    near = clone(estimator).fit(X, y - y.mean()).predict(X)
    if family != "lstm":  # whose loss is in units of y
        np.testing.assert_allclose((predicted - far.mean()) / 30, near, atol=2e-3)
    assert np.corrcoef(predicted, far)[0, 1] ** 2 > 0.8
    assert len(np.unique(predicted)) > 120


@families
def test_several_outputs_each_in_its_own_units(family):
    estimator, X, y = rows(family, np.float32)
    Y = np.column_stack([1.7e9 + 30 * y, y])
    predicted = estimator.fit(X, Y).predict(X)
    assert predicted.dtype == np.float64
    for k in range(2):
        assert np.corrcoef(predicted[:, k], Y[:, k])[0, 1] ** 2 > 0.8


@pytest.mark.parametrize("family", ["realmlp", "tabm", "cnn"])
@pytest.mark.parametrize("scale", [1e-200, 1e-60, 1e60, 1e200])
def test_targets_of_extreme_size(family, scale):
    estimator, X, y = rows(family)
    predicted = estimator.fit(X, scale * y).predict(X)
    assert np.isfinite(predicted).all()
    assert np.corrcoef(predicted / scale, y)[0, 1] ** 2 > 0.8


@families
def test_constant_far_from_zero(family):
    estimator, X, _ = rows(family, n=40)
    predicted = estimator.fit(X, np.full(40, 1.7e9 + 0.25)).predict(X)
    np.testing.assert_allclose(
        predicted, 1.7e9 + 0.25, rtol=0, atol=1e-6 if family != "lstm" else 1
    )


@pytest.mark.parametrize("family", ["realmlp", "tabm"])
def test_intervals_far_from_zero(family):
    estimator, X, y = rows(family)
    far = 1.7e9 + 30 * y
    low, high = estimator.fit(X, far).predict_interval(X, 0.9).T
    assert low.dtype == np.float64
    assert np.mean((low <= far) & (far <= high)) > 0.8
    assert (high - low < 300).all()


@pytest.mark.parametrize("family", ["realmlp", "tabm"])
def test_precision_of_answers_is_that_of_the_rows(family):
    for dtype in (np.float32, np.float64):
        estimator, X, y = rows(family, dtype)
        assert estimator.fit(X, y).predict(X).dtype == dtype


@pytest.mark.parametrize("cls", [skdeep.RealMLPClassifier, skdeep.TabMClassifier])
def test_probabilities_have_the_precision_of_the_rows(cls):
    _, X, y = rows("realmlp")
    estimator = cls(n_estimators=2, hidden_layer_sizes=(8,), max_iter=2, random_state=0)
    double, single = (clone(estimator).fit(Z, y > 0) for Z in (X, X.astype(np.float32)))
    assert double.predict_proba(X).dtype == double.predict_log_proba(X).dtype == np.float64
    np.testing.assert_allclose(double.predict_proba(X).sum(1), 1, rtol=1e-15)
    assert single.predict_proba(X.astype(np.float32)).dtype == np.float32
