"""Measures over features, against formulas by hand."""

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPClassifier

from skdeep.metrics import (
    classifier_features,
    classifier_frechet_distance,
    frechet_distance,
    precision_recall,
)


def test_frechet_distance_is_the_formula():
    rng = np.random.RandomState(0)
    a, b = rng.normal(size=(200, 4)), rng.normal(1, 2, size=(150, 4)) @ rng.normal(size=(4, 4))
    C, D = np.cov(a.T), np.cov(b.T)
    wanted = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(C + D - 2 * sqrtm(C @ D).real)
    assert frechet_distance(a, b) == pytest.approx(wanted)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a[:, :1], a[:, :1] + 3) == pytest.approx(9)


def test_precision_and_recall_equal_a_slow_loop():
    rng = np.random.RandomState(0)
    real, made = rng.normal(size=(60, 2)), rng.normal(0.5, 0.5, size=(50, 2))

    def covered(points, others):
        radius = np.sort(cdist(others, others), 1)[:, 3]
        return (cdist(points, others) <= radius).any(1).mean()

    assert precision_recall(real, made) == (covered(made, real), covered(real, made))


def test_features_of_a_classifier():
    X, y = load_digits(return_X_y=True)
    X = X / 16
    mlp = MLPClassifier((12, 6), max_iter=5, random_state=0)
    with pytest.warns(UserWarning, match="converged"):
        mlp.fit(X, y)
    features = classifier_features(mlp, X.reshape(-1, 8, 8))
    assert features.shape == (len(X), 6)
    scores = features @ mlp.coefs_[-1] + mlp.intercepts_[-1]
    np.testing.assert_array_equal(mlp.classes_[scores.argmax(1)], mlp.predict(X))
    logistic = LogisticRegression(max_iter=300).fit(X, y)
    noise = np.random.RandomState(0).uniform(size=X.shape)
    near, far = (classifier_frechet_distance(logistic, X, x) for x in (X[::2], noise))
    assert near < 0.1 * far


@pytest.mark.parametrize("measure", [frechet_distance, precision_recall])
def test_features_that_cannot_be_compared(measure):
    A = np.random.RandomState(0).normal(size=(30, 4))
    with pytest.raises(ValueError, match="same number of features, got 3 and 4"):
        measure(A[:, :3], A)
    with pytest.raises(ValueError, match="made contains a value too large"):
        measure(A, A * 1e200)
    with pytest.raises(ValueError, match="NaN"):
        measure(A, A * np.nan)


@pytest.mark.parametrize("n_neighbors", ["a", 0, 1.5, None, True])
def test_numbers_of_neighbours(n_neighbors):
    A = np.random.RandomState(0).normal(size=(30, 4))
    with pytest.raises(ValueError, match=f"n_neighbors={n_neighbors!r}: expected an integer"):
        precision_recall(A, A, n_neighbors)


def test_classifiers_of_no_kind():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(TypeError, match="expected a fitted classifier with predict_proba"):
        classifier_features(LinearRegression(), X)
    perceptron = MLPClassifier(5, solver="lbfgs", alpha=1, max_iter=5000, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="X has 3 features, but MLPClassifier is expecting 4"):
        classifier_features(perceptron, X[:, :3])
