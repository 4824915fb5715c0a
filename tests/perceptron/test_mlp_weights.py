"""Class weights and sample weights of perceptrons."""

import warnings

import numpy as np
import pytest
from perceptron_data import X_iris, y_iris
from sklearn.datasets import (
    make_classification,
    make_multilabel_classification,
)

from skdeep import MLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer. Maximum iterations")


def test_class_weight_is_sample_weight():
    X, y = make_classification(150, 5, weights=[0.9], random_state=0)
    params = {"max_iter": 30, "random_state": 0}
    by_class = MLPClassifier(class_weight={0: 1.0, 1: 4.0}, **params).fit(X, y)
    by_row = MLPClassifier(**params).fit(X, y, sample_weight=np.where(y == 1, 4.0, 1.0))
    np.testing.assert_array_equal(by_class.predict_proba(X), by_row.predict_proba(X))
    balanced = MLPClassifier(class_weight="balanced", **params).fit(X, y)
    counts = np.bincount(y)
    factors = len(y) / (2 * counts)
    by_row.fit(X, y, sample_weight=factors[y])
    np.testing.assert_allclose(balanced.predict_proba(X), by_row.predict_proba(X), rtol=1e-9)


def test_balanced_weights_count_weighted_rows():
    X, y = make_classification(60, 4, n_informative=3, n_redundant=0, random_state=0)
    weight = np.random.RandomState(0).randint(0, 4, 60)
    params = {"max_iter": 20, "random_state": 0, "class_weight": "balanced"}
    weighted = MLPClassifier(**params).fit(X, y, sample_weight=weight)
    repeated = MLPClassifier(**params).fit(X.repeat(weight, axis=0), y.repeat(weight))
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-7)


def test_class_weight_of_labels_and_of_streams():
    labels = np.array(["no", "yes"])[(y_iris == 2).astype(int)]
    clf = MLPClassifier(class_weight={"yes": 100.0}, max_iter=50, random_state=0)
    assert (clf.fit(X_iris, labels).predict(X_iris) == "yes").mean() > 0.5
    with pytest.raises(
        ValueError, match="class_weight 'balanced' is not supported for partial_fit"
    ):
        MLPClassifier(class_weight="balanced").partial_fit(X_iris, labels, classes=["no", "yes"])
    MLPClassifier(class_weight={"no": 2.0}).partial_fit(X_iris, labels, classes=["no", "yes"])
    X, Y = make_multilabel_classification(n_samples=50, random_state=0)
    MLPClassifier(class_weight="balanced", max_iter=3).fit(X, Y)


@pytest.mark.parametrize("n_rows", [40, 150, 199])
def test_early_stopping_respects_weights(n_rows):
    """Up to one full batch, a weight is a repeated row, also for the validation split."""
    rng = np.random.RandomState(0)
    X, y = make_classification(n_rows, 6, random_state=1)
    weight = rng.randint(0, 3, n_rows)
    weight = np.where(np.arange(n_rows) < 200 - n_rows, weight, np.minimum(weight, 1))
    params = {"early_stopping": True, "max_iter": 30, "random_state": 0, "batch_size": 200}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        weighted = MLPClassifier(**params).fit(X, y, sample_weight=weight)
        rows = rng.permutation(np.arange(n_rows).repeat(weight))
        repeated = MLPClassifier(**params).fit(X[rows], y[rows])
    assert len(rows) <= 200
    np.testing.assert_allclose(weighted.validation_scores_, repeated.validation_scores_)
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-6)
