"""What perceptrons read: sparse rows, labels, dtypes, frames, tensors."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from perceptron_data import X_diabetes, X_iris, both, output, y_diabetes, y_iris
from sklearn.datasets import (
    make_multilabel_classification,
)
from sklearn.exceptions import ConvergenceWarning

from skdeep import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer. Maximum iterations")


@both
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_sparse_is_dense(cls, X, y, solver):
    X = np.where(np.median(X) < X, X, 0.0)
    params = {"max_iter": 20, "random_state": 0, "solver": solver, "hidden_layer_sizes": (20,)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        dense = cls(**params).fit(X, y)
        for container in (sp.csr_array, sp.csc_array, sp.coo_matrix):
            sparse = cls(**params).fit(container(X), y)
            np.testing.assert_allclose(output(dense, X), output(sparse, X), rtol=1e-6, atol=1e-9)
            np.testing.assert_allclose(output(dense, X), output(dense, container(X)), rtol=1e-9)


def test_wide_sparse_rows_are_not_made_dense():
    X = sp.random_array((300, 200_000), density=1e-4, format="csr", rng=0, dtype=np.float32)
    y = np.arange(300) % 2
    for params in ({}, {"dropout": 0.5}, {"early_stopping": True}):
        clf = MLPClassifier((4,), max_iter=2, random_state=0, **params).fit(X, y)
        assert clf.predict_proba(X).shape == (300, 2)


@pytest.mark.parametrize(
    "labels", [["b", "a", "c"], [7, -3, 100], [True, False, True], [1.0, 0, 2]]
)
def test_any_labels(labels):
    y = np.array(labels)[y_iris]
    clf = MLPClassifier(max_iter=100, learning_rate_init=0.01, random_state=0).fit(X_iris, y)
    np.testing.assert_array_equal(clf.classes_, np.unique(y))
    predicted = clf.predict(X_iris)
    assert predicted.dtype == y.dtype
    assert (predicted == y).mean() > 0.9
    assert clf.predict_proba(X_iris).shape == (150, len(np.unique(y)))


def test_one_class():
    clf = MLPClassifier(max_iter=2).fit(X_iris, np.full(150, "only"))
    assert set(clf.predict(X_iris)) == {"only"}
    np.testing.assert_array_equal(clf.predict_proba(X_iris), np.ones((150, 1)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int32, np.uint8, bool])
@both
def test_precision_follows_the_data(cls, X, y, dtype):
    X = (X * 10).astype(dtype)
    est = cls(max_iter=2, random_state=0).fit(X, y)
    expected = np.float32 if dtype == np.float32 else np.float64
    assert {a.dtype for a in [*est.coefs_, *est.intercepts_]} == {np.dtype(expected)}
    assert output(est, X).dtype == expected
    for name in ("float32", "float64"):
        est.set_params(dtype=name).fit(X, y)
        assert est.coefs_[0].dtype == output(est, X).dtype == name


def test_frames():
    frame = pd.DataFrame(X_iris, columns=list("abcd"))
    clf = MLPClassifier(max_iter=2).fit(frame, pd.Series(y_iris))
    assert list(clf.feature_names_in_) == list("abcd")
    with pytest.raises(ValueError, match="feature names should match"):
        clf.predict(frame[list("dcba")])
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        clf.predict(X_iris)
    clf.fit(X_iris, y_iris)
    assert not hasattr(clf, "feature_names_in_")


@both
def test_tensors_are_arrays(cls, X, y):
    params = {"max_iter": 5, "random_state": 0, "device": "cpu"}
    expected = cls(**params).fit(X, y)
    weight = np.ones(len(y))
    got = cls(**params).fit(torch.tensor(X), torch.tensor(y), sample_weight=torch.tensor(weight))
    np.testing.assert_array_equal(output(expected, X), output(got, torch.tensor(X)))
    assert isinstance(got.predict(torch.tensor(X)), np.ndarray)
    assert got.n_features_in_ == X.shape[1]


@pytest.mark.parametrize(
    "X, message",
    [
        (torch.zeros(3), "Expected 2D array"),
        (torch.zeros(0, 4), r"Found array with 0 sample\(s\)"),
        (torch.zeros(3, 0), r"0 feature\(s\)"),
        (torch.full((3, 4), torch.nan), "Input X contains NaN"),
        (torch.full((3, 4), torch.inf), "Input X contains infinity"),
        (torch.zeros(4, 4), "inconsistent numbers of samples"),
        (torch.zeros(3, 4, dtype=torch.complex64), "Complex data not supported"),
    ],
)
def test_bad_tensors(X, message):
    with pytest.raises(ValueError, match=message):
        MLPClassifier().fit(X, [0, 1, 1])


def test_tensor_with_wrong_width():
    clf = MLPClassifier(max_iter=2).fit(X_iris, y_iris)
    with pytest.raises(ValueError, match="X has 3 features, but MLPClassifier is expecting 4"):
        clf.predict(torch.zeros(2, 3))


def test_multilabel_and_sparse_labels():
    X, Y = make_multilabel_classification(n_samples=100, random_state=0)
    clf = MLPClassifier(max_iter=100, learning_rate_init=0.01, random_state=0).fit(X, Y)
    assert clf.predict(X).shape == Y.shape
    assert clf.score(X, Y) > 0.5
    again = MLPClassifier(max_iter=100, learning_rate_init=0.01, random_state=0)
    again.fit(X, sp.csr_array(Y))
    np.testing.assert_array_equal(clf.predict_proba(X), again.predict_proba(X))


def test_wide_predictions_in_pieces():
    reg = MLPRegressor(hidden_layer_sizes=1000, max_iter=1, random_state=0).fit(
        X_diabetes, y_diabetes
    )
    many = np.tile(X_diabetes, (40, 1))
    np.testing.assert_allclose(reg.predict(many), np.tile(reg.predict(X_diabetes), 40), rtol=1e-9)
