"""Data for tests of perceptrons."""

import pytest
from sklearn.datasets import load_diabetes, load_digits, load_iris

from skdeep import MLPClassifier, MLPRegressor

X_digits, y_digits = load_digits(return_X_y=True)
X_digits = X_digits / 16
X_iris, y_iris = load_iris(return_X_y=True)
X_diabetes, y_diabetes = load_diabetes(return_X_y=True, scaled=True)
y_diabetes = (y_diabetes - y_diabetes.mean()) / y_diabetes.std()

BOTH = [(MLPClassifier, X_iris, y_iris), (MLPRegressor, X_diabetes, y_diabetes)]
both = pytest.mark.parametrize("cls, X, y", BOTH, ids=["classifier", "regressor"])


def output(estimator, X):
    return getattr(estimator, "predict_proba", estimator.predict)(X)
