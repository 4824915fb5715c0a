"""Bad parameters and bad data: which error a perceptron raises."""

import numpy as np
import pytest
from perceptron_data import X_iris, y_iris
from sklearn.exceptions import NotFittedError

from skdeep import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer. Maximum iterations")


@pytest.mark.parametrize(
    "name, value",
    [
        ("batch_size", 0),
        ("solver", "newton"),
        ("activation", "step"),
        ("learning_rate", "linear"),
        ("dropout", 1.0),
        ("dropout", -0.1),
        ("l1_ratio", 1.5),
        ("gradient_clip_norm", 0),
        ("normalization", "group"),
        ("weight_init", "zeros"),
        ("input_noise", -1),
        ("max_time", 0),
        ("device", 3),
        ("dtype", "float16"),
        ("class_weight", "even"),
        ("label_smoothing", 1.0),
        ("skorch_callbacks", "all"),
        ("hidden_layer_sizes", 0),
        ("max_iter", 1.5),
        ("alpha", -1),
    ],
)
def test_bad_parameters(name, value):
    message = f"The '{name}' parameter of MLPClassifier must be"
    with pytest.raises(ValueError, match=message) as error:
        MLPClassifier(**{name: value}).fit(X_iris, y_iris)
    assert type(error.value).__name__ == "InvalidParameterError"


@pytest.mark.parametrize(
    "name, value", [("loss", "log"), ("huber_delta", 0), ("quantile", 1.0), ("quantile", 0)]
)
def test_bad_parameters_of_the_regressor(name, value):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of MLPRegressor must be"):
        MLPRegressor(**{name: value}).fit(X_iris, y_iris)


@pytest.mark.parametrize(
    "params, message",
    [
        ({"device": "cuda:99"}, "device='cuda:99' is not available"),
        ({"device": "toaster"}, "device='toaster': expected 'auto', 'cpu', 'cuda'"),
        ({"solver": "lbfgs", "dropout": 0.1}, "solver='lbfgs' needs a loss without noise"),
        ({"hidden_layer_sizes": (5, -1)}, "hidden_layer_sizes must be > 0"),
    ],
)
def test_bad_combinations(params, message):
    with pytest.raises(ValueError, match=message):
        MLPClassifier(**params).fit(X_iris, y_iris)


@pytest.mark.parametrize(
    "X, y, weight, message",
    [
        (X_iris, y_iris, np.zeros(150), "Sample weights must contain at least one non-zero"),
        (X_iris, y_iris, -np.ones(150), "Negative values in data passed to `sample_weight`"),
        (X_iris * np.nan, y_iris, None, "Input X contains NaN"),
        (X_iris[:0], y_iris[:0], None, r"Found array with 0 sample\(s\)"),
        (X_iris, y_iris + 0.5, None, "Unknown label type"),
        (X_iris, None, None, "requires y to be passed"),
    ],
)
def test_bad_data(X, y, weight, message):
    with pytest.raises(ValueError, match=message):
        MLPClassifier().fit(X, y, sample_weight=weight)


def test_not_fitted():
    with pytest.raises(NotFittedError):
        MLPClassifier().predict(X_iris)
    assert not hasattr(MLPClassifier(), "coefs_")
