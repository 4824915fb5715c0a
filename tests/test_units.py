"""Estimators that standardise for themselves do not ask in which units X and y are."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skdeep import (
    Autoencoder,
    AutoencoderOutlierDetector,
    CNNClassifier,
    CNNRegressor,
    GANOutlierDetector,
    LSTMClassifier,
    LSTMRegressor,
    RealMLPClassifier,
    RealMLPRegressor,
    TabMClassifier,
    TabMRegressor,
)
from skdeep.preprocessing import RandomKernels

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer. Maximum iterations")

UNITS = [2.0**-100, 2.0**-20, 2.0**40]
"""Powers of two change no digit. The first is that of 1e-30."""

rng = np.random.RandomState(0)
SERIES = np.sin(np.arange(24) * (0.3 + 0.5 * (np.arange(20) % 2))[:, None] + rng.rand(20, 1))
ROWS = rng.randn(60, 3)
SHORT = {"max_iter": 2, "random_state": 0, "device": "cpu"}


def classes(X):
    return np.arange(len(X)) % 2


def numbers(X):
    return X[:, 0] - 0.3 * X[:, 1] + 0.2


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(
    ("X", "estimator"),
    [
        (SERIES, CNNClassifier(kernels="auto", **SHORT)),
        (SERIES, LSTMClassifier(kernels="auto", **SHORT)),
        (ROWS, RealMLPClassifier(n_estimators=2, **SHORT)),
        (ROWS, TabMClassifier(n_estimators=2, **SHORT)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_classifiers(X, estimator, unit):
    probabilities = estimator.fit(X, classes(X)).predict_proba(X)
    other = estimator.fit(X * unit, classes(X)).predict_proba(X * unit)
    assert_allclose(other, probabilities, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(
    ("X", "estimator"),
    [
        (SERIES, CNNRegressor(**SHORT)),
        (SERIES, LSTMRegressor(**SHORT)),
        (SERIES, LSTMRegressor(instance_norm="last", linear_skip=True, **SHORT)),
        (ROWS, RealMLPRegressor(n_estimators=2, **SHORT)),
        (ROWS, TabMRegressor(n_estimators=2, **SHORT)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_regressors(X, estimator, unit):
    predicted = estimator.fit(X, numbers(X)).predict(X)
    other = estimator.fit(X * unit, numbers(X) * unit).predict(X * unit)
    assert_allclose(other / unit, predicted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(
    ("X", "estimator", "method"),
    [
        (SERIES, RandomKernels(random_state=0, device="cpu"), "transform"),
        (SERIES[:, :, None], Autoencoder((4,), encoder="conv", **SHORT), "transform"),
        (SERIES[:, :, None], Autoencoder((4,), encoder="lstm", **SHORT), "transform"),
        (ROWS, AutoencoderOutlierDetector(**SHORT), "score_samples"),
        (ROWS, GANOutlierDetector(**SHORT), "score_samples"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_unsupervised(X, estimator, method, unit):
    found = getattr(estimator.fit(X), method)(X)
    other = getattr(estimator.fit(X * unit), method)(X * unit)
    assert_allclose(other, found, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_huber_delta_is_in_the_units_of_y(n_outputs):
    y = np.column_stack([numbers(SERIES), 50 * SERIES[:, 3]])[:, :n_outputs]
    y = y[:, 0] if n_outputs == 1 else y
    small = LSTMRegressor(loss="huber", huber_delta=0.1, **SHORT).fit(SERIES, y)
    large = LSTMRegressor(loss="huber", huber_delta=0.1 * 2.0**30, **SHORT)
    large.fit(SERIES, y * 2.0**30)
    assert_allclose(large.predict(SERIES) / 2.0**30, small.predict(SERIES), rtol=1e-5)
    assert small.loss_ != LSTMRegressor(loss="huber", huber_delta=1.0, **SHORT).fit(SERIES, y).loss_
