"""Beginner's mistakes: each message names what was given, and the parameter or column."""

import re

import numpy as np
import pandas as pd
import pytest

from skdeep import (
    CNNClassifier,
    LSTMClassifier,
    MLPClassifier,
    MLPRegressor,
    RealMLPClassifier,
    RealMLPRegressor,
    TabMClassifier,
)

rng = np.random.RandomState(0)
X = rng.normal(size=(40, 3))
y = (X[:, 0] > 0).astype(int)
IMAGES = rng.rand(40, 8, 8, 1)
FRAME = pd.DataFrame(X, columns=list("abc")).assign(town=["x", "y"] * 20)
CLASSIFIERS = [MLPClassifier, RealMLPClassifier, TabMClassifier]

MISTAKES = {
    "numbers as classes": (
        lambda: MLPClassifier().fit(X, X[:, 0]),
        "Unknown label type: continuous. Maybe you are trying to fit a classifier, which expects "
        "discrete classes on a regression target with continuous values.",
    ),
    "text in a column": (
        lambda: MLPClassifier().fit(FRAME, y),
        "columns that are no numbers: 'town'",
    ),
    "text in many columns": (
        lambda: MLPClassifier().fit(pd.concat([FRAME[["town"]]] * 5, axis=1, keys=range(5)), y),
        "and 2 more",
    ),
    "text as targets": (lambda: MLPRegressor().fit(X, ["a"] * 40), "y holds 'a'"),
    "no y": (
        lambda: MLPClassifier().fit(X),
        "MLPClassifier.fit() missing 1 required positional argument: 'y'",
    ),
    "no y for images": (
        lambda: CNNClassifier().fit(IMAGES),
        "CNNClassifier.fit() missing 1 required positional argument: 'y'",
    ),
    "no y for a regressor": (lambda: RealMLPRegressor().fit(X), "RealMLPRegressor.fit() missing"),
    "a number as the schedule": (
        lambda: MLPClassifier(learning_rate=0.01).fit(X, y),
        "Got 0.01 instead",
    ),
    "where the rate goes": (
        lambda: MLPClassifier(learning_rate=0.01).fit(X, y),
        "a number is for 'learning_rate_init'",
    ),
    "where the rate of tables goes": (
        lambda: RealMLPClassifier(learning_rate=0.01).fit(X, y),
        "a number is for 'learning_rate_init'",
    ),
    "an unknown solver": (
        lambda: MLPClassifier(solver="adamm").fit(X, y),
        "The 'solver' parameter of MLPClassifier must be a str among",
    ),
    "layers as text": (
        lambda: MLPClassifier(hidden_layer_sizes="100").fit(X, y),
        "The 'hidden_layer_sizes' parameter of MLPClassifier",
    ),
    "an unknown augmentation": (
        lambda: CNNClassifier(augment="rotate").fit(IMAGES, y),
        "augment='rotate': for images expected any of",
    ),
    "one row": (lambda: MLPClassifier().fit(X[:, 0], y), "Expected 2D array, got 1D array"),
    "rows and targets of other lengths": (
        lambda: MLPClassifier().fit(X, y[:10]),
        "inconsistent numbers of samples: [40, 10]",
    ),
    "missing values": (
        lambda: MLPClassifier().fit(np.where(X > 1, np.nan, X), y),
        "Input X contains NaN",
    ),
    "other columns": (
        lambda: MLPClassifier(max_iter=1).fit(X, y).predict(X[:, :2]),
        "X has 2 features, but MLPClassifier is expecting 3 features",
    ),
    "not fitted": (
        lambda: LSTMClassifier().predict(X),
        "This LSTMClassifier instance is not fitted yet",
    ),
    "a batch of nothing": (lambda: MLPClassifier(batch_size=0).fit(X, y), "batch_size"),
    "a device that is not there": (
        lambda: MLPClassifier(device="cuda:99").fit(X, y),
        "device='cuda:99' is not available",
    ),
}


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("name", MISTAKES)
def test_the_message_says_what_to_do(name):
    mistake, message = MISTAKES[name]
    with pytest.raises((ValueError, TypeError), match=re.escape(message)) as caught:
        mistake()
    assert len(str(caught.value)) < 1500  # not the whole array


@pytest.mark.parametrize("cls", CLASSIFIERS)
def test_numbers_as_classes_are_refused_everywhere(cls):
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        cls().fit(X, X[:, 0])


def test_an_error_of_the_users_own_is_left_alone():
    class Mine(MLPClassifier):
        def _check_parameters(self):
            raise TypeError("mine.fit() missing 1 thing")

    with pytest.raises(TypeError, match=re.escape("mine.fit() missing 1 thing")):
        Mine().fit(X, y)
