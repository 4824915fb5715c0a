"""Answers for few rows in double precision: which rows come along must not show."""

import pickle

import numpy as np
import pytest
import torch

from skdeep import RealMLPClassifier, RealMLPRegressor


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 5))
    return X, X[:, 0] + rng.normal(size=90)


@pytest.mark.parametrize("cls", [RealMLPClassifier, RealMLPRegressor])
def test_a_row_alone_is_the_row_among_others(cls, data):
    X, y = data
    y = np.digitize(y, [-0.5, 0.5]) if cls is RealMLPClassifier else y
    model = cls(n_estimators=2, max_iter=10, random_state=0, device="cpu").fit(X, y)
    answer = getattr(model, "predict_proba", model.predict)
    alone = np.concatenate([answer(row[None]) for row in X[:20]])
    np.testing.assert_allclose(answer(X[:20]), alone, rtol=1e-12)
    np.testing.assert_allclose(answer(X)[:20], alone, rtol=1e-4)  # of many, in single precision


def test_changed_weights_are_seen(data):
    X, y = data
    model = RealMLPRegressor(n_estimators=1, max_iter=3, random_state=0, device="cpu").fit(X, y)
    before = model.predict(X[:5])
    with torch.no_grad():
        for p in model.net_.module_.parameters():
            p.mul_(0.5)
    assert np.abs(model.predict(X[:5]) - before).max() > 1e-3


def test_pickles_hold_one_copy(data):
    X, y = data
    model = RealMLPRegressor(n_estimators=1, max_iter=3, random_state=0, device="cpu").fit(X, y)
    size = len(pickle.dumps(model))
    expected = model.predict(X[:5])
    assert len(pickle.dumps(model)) == size
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X[:5]), expected)
