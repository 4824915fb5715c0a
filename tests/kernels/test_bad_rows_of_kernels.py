"""Series that kernels, and networks beside them, cannot or can hardly learn from."""

import numpy as np
import pytest

from skdeep import CNNClassifier, LSTMClassifier
from skdeep.preprocessing import RandomKernels

FEW = RandomKernels(n_kernels=168, n_groups=2, random_state=0, device="cpu")
QUICK = {"kernels": FEW, "max_iter": 1, "random_state": 0, "device": "cpu"}
CLASSIFIERS = {
    "cnn": CNNClassifier("resnet", n_filters=4, **QUICK),
    "lstm": LSTMClassifier((4,), **QUICK),
}
Y = np.arange(12) % 2


def series(length=30, channels=1):
    return np.random.default_rng(0).normal(size=(12, length, channels)) + Y[:, None, None]


@pytest.fixture(params=CLASSIFIERS)
def clf(request):
    return CLASSIFIERS[request.param]


@pytest.mark.parametrize("length", [1, 2, 5, 8])
def test_series_that_are_shorter_than_a_kernel_are_padded(clf, length):
    X = series(length)
    padded = np.concatenate([X, np.zeros((12, 20 - length, 1))], 1)
    assert np.isfinite(clf.fit(X, Y).predict_proba(X)).all()
    short = FEW.fit(list(padded) + [x[:length] for x in X])  # kernels of 20 steps
    assert np.isfinite(short.transform([x[:length] for x in X])).all()


@pytest.mark.parametrize("value", [0.0, 1.0, -1e6])
def test_constant_series(clf, value):
    X = np.full((12, 30, 1), value)
    proba = clf.fit(X, Y).predict_proba(X)
    np.testing.assert_allclose(proba, 0.5, atol=0.05)  # nothing to tell the classes apart
    X = series()
    X[3] = value
    assert np.isfinite(clf.fit(X, Y).predict_proba(X)).all()


def test_missing_numbers_name_their_parameter(clf):
    X = series()
    X[2, 4] = np.nan
    for fit in (lambda: clf.fit(X, Y), lambda: FEW.fit(X)):
        with pytest.raises(ValueError, match="Input X contains NaN"):
            fit()
    fitted = FEW.fit(series())
    with pytest.raises(ValueError, match="Input X contains NaN"):
        fitted.transform(X)
    X[2, 4] = np.inf
    with pytest.raises(ValueError, match="Input X contains infinity"):
        FEW.fit(X)


def test_a_series_without_any_number():
    X = series()
    X[0] = np.nan
    model = RandomKernels(84, n_groups=2, missing="mask", random_state=0)
    assert np.isfinite(model.fit(X[1:]).transform(X)).all()


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint8, bool])
def test_integers_are_numbers(clf, dtype):
    X = np.round(20 + 5 * series()).clip(0, 50).astype(dtype)
    wanted = FEW.fit(X.astype(float)).transform(X.astype(float))
    np.testing.assert_allclose(FEW.fit(X).transform(X), wanted, rtol=1e-5, atol=1e-5)
    assert np.isfinite(clf.fit(X, Y).predict_proba(X)).all()


def test_one_series_of_another_length(clf):
    X = [*series()[:-1], series(17)[-1]]
    assert clf.fit(X, Y).predict(X).shape == (12,)  # `fit` saw unequal lengths
    clf.fit(series(), Y)
    with pytest.raises(ValueError, match="series of unequal length, but .* the length 30"):
        clf.predict(X)
    with pytest.raises(ValueError, match="series of unequal length, but RandomKernels is"):
        FEW.fit(series()).transform(X)


def test_one_series_of_other_channels(clf):
    X = [*series()[:-1], series(channels=2)[-1]]
    for fit in (lambda: clf.fit(X, Y), lambda: FEW.fit(X)):
        with pytest.raises(ValueError, match=r"the same number of channels, got \[1, 2\]"):
            fit()
