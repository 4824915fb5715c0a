"""Contributions of columns by integrated gradients."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from settings import DATA
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import NotFittedError

from skdeep import (
    MLPClassifier,
    MLPRegressor,
    RealMLPClassifier,
    RealMLPRegressor,
    TabMClassifier,
    TabMRegressor,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

TABLES = [
    RealMLPClassifier(n_estimators=2, max_iter=15, random_state=0, max_one_hot=2),
    RealMLPRegressor(n_estimators=2, max_iter=15, random_state=0),
    TabMClassifier(n_estimators=4, max_iter=15, random_state=0, max_one_hot=2),
    TabMRegressor(n_estimators=4, max_iter=15, random_state=0),
]


def raw_scores(estimator, X):
    """The raw output that is explained, of every class or output."""
    _, x = estimator._placed(X)
    module = estimator.net_.in_double()
    with torch.no_grad():
        scores = estimator._table_scores(module)
        return scores.score([p.double() for p in scores.split(x)]).numpy()


@pytest.mark.parametrize("estimator", TABLES, ids=lambda e: type(e).__name__)
def test_contributions_sum_up_to_the_difference(estimator):
    classes = "Classifier" in type(estimator).__name__
    X, y = DATA["frame_classes" if classes else "frame_numbers"]()
    estimator = clone(estimator).fit(X, y)
    base = X.iloc[3:4]
    found = estimator.explain(X.iloc[:20], baseline=base, n_steps=256)
    assert isinstance(found, pd.DataFrame)
    assert list(found.columns) == list(X.columns) and found.index.equals(X.index[:20])
    if classes:
        raw, start = raw_scores(estimator, X.iloc[:20]), raw_scores(estimator, base)
        best = raw.argmax(1)
        expected = (raw - start)[np.arange(20), best]
    else:
        expected = estimator.predict(X.iloc[:20]) - estimator.predict(base)
    spread = np.abs(expected).max()
    np.testing.assert_allclose(found.sum(axis=1), expected, atol=0.01 * spread)
    np.testing.assert_allclose(found.iloc[3], 0, atol=1e-12)
    same = X.iloc[:20] == base.iloc[0]
    assert np.abs(found.to_numpy()[same.to_numpy()]).max() < 1e-12  # what does not differ


@pytest.mark.parametrize("estimator", TABLES, ids=lambda e: type(e).__name__)
def test_the_baseline_is_a_row_of_which_nothing_is_known(estimator):
    X, y = DATA["frame_classes" if "Classifier" in type(estimator).__name__ else "frame_numbers"]()
    X = X.assign(kind=X["kind"].astype(object))
    estimator = clone(estimator).fit(X, y)
    nothing = X.iloc[:1].copy()
    for name in X:
        nothing[name] = pd.Series([np.nan], dtype=object if X[name].dtype == object else float)
    unknown = estimator.encoder_.encode_unknown()
    np.testing.assert_array_equal(unknown, estimator.encoder_.encode(nothing)[0])
    assert len(estimator.encoder_.sources()) == len(unknown)
    np.testing.assert_allclose(
        estimator.explain(X.iloc[:5]), estimator.explain(X.iloc[:5], baseline=nothing), atol=1e-12
    )


def test_a_linear_network_is_explained_by_its_weights():
    X, y = load_diabetes(return_X_y=True)
    reg = MLPRegressor(hidden_layer_sizes=(), random_state=0, max_iter=30).fit(X, y)
    base = X[:2]
    expected = (X - base.mean(0)) * reg.coefs_[0][:, 0]
    np.testing.assert_allclose(reg.explain(X, baseline=base, n_steps=1), expected, atol=1e-10)
    np.testing.assert_allclose(reg.explain(sp.csr_array(X)), X * reg.coefs_[0][:, 0], atol=1e-10)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_classes(n_classes):
    X, y = load_iris(return_X_y=True)
    X, y = X[y < n_classes], np.array(["a", "b", "c"])[y[y < n_classes]]
    clf = MLPClassifier((8,), activation="tanh", random_state=0, max_iter=30).fit(X, y)
    probability = clf.predict_proba(X)
    zero = clf.predict_proba(np.zeros((1, 4)))
    own = clf.explain(X, y=np.full(len(X), "b"), n_steps=64).sum(1)
    other = clf.explain(X, y=np.full(len(X), "a"), n_steps=64).sum(1)
    if n_classes == 2:
        np.testing.assert_allclose(own, -other)
        odds = np.log(probability[:, 1] / probability[:, 0]) - np.log(zero[0, 1] / zero[0, 0])
        np.testing.assert_allclose(own, odds, atol=1e-6)
    else:
        ratio = np.log(probability[:, 1] / probability[:, 0]) - np.log(zero[0, 1] / zero[0, 0])
        np.testing.assert_allclose(own - other, ratio, atol=1e-6)
    np.testing.assert_allclose(clf.explain(X), clf.explain(X, y=clf.predict(X)))


def test_outputs_of_a_regressor():
    X, y = load_diabetes(return_X_y=True)
    Y = np.c_[y, 2 * y + 5]
    reg = MLPRegressor(hidden_layer_sizes=(8,), activation="tanh", random_state=0, max_iter=30).fit(
        X, Y
    )
    difference = reg.predict(X) - reg.predict(np.zeros((1, X.shape[1])))
    for i in range(2):
        found = reg.explain(X, y=np.full(len(X), i), n_steps=64)
        np.testing.assert_allclose(found.sum(1), difference[:, i], atol=1e-6)
    np.testing.assert_allclose(reg.explain(X), reg.explain(X, y=np.zeros(len(X), int)))


def test_bad_input():
    X, y = load_iris(return_X_y=True)
    clf = MLPClassifier((4,), max_iter=2, random_state=0)
    with pytest.raises(NotFittedError):
        clf.explain(X)
    clf.fit(X, y)
    with pytest.raises(ValueError, match="n_steps=0: expected a positive integer"):
        clf.explain(X, n_steps=0)
    with pytest.raises(ValueError, match="3 features, but MLPClassifier is expecting 4"):
        clf.explain(X, baseline=X[:1, :3])
    with pytest.raises(ValueError, match="y"):
        clf.explain(X, y=np.full(len(X), 7))


@pytest.mark.slow
def test_equals_captum():
    """captum's integrated gradients with the same quadrature."""
    captum = pytest.importorskip("captum.attr")
    X, y = load_iris(return_X_y=True)
    clf = MLPClassifier((8,), random_state=0, max_iter=30, dtype="float64").fit(X, y)
    module = clf.net_.module_
    method = captum.IntegratedGradients(module)
    expected = method.attribute(
        torch.as_tensor(X), target=torch.as_tensor(clf.predict(X)), n_steps=32
    )
    np.testing.assert_allclose(clf.explain(X), expected.detach().numpy(), rtol=1e-6, atol=1e-9)
