"""Files of perceptrons, alone and at the end of pipelines."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_classification, make_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

pytest.importorskip("skl2onnx")
pytest.importorskip("onnxruntime")

from agreement import check

from skdeep import MLPClassifier, MLPRegressor
from skdeep.nets.blocks import ACTIVATIONS

pytestmark = pytest.mark.filterwarnings(
    f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning"
)
LIGHT = {"hidden_layer_sizes": (8, 8), "max_iter": 3, "random_state": 0, "device": "cpu"}
X, Y = make_classification(1000, 6, n_informative=4, n_classes=3, random_state=0)
TARGETS = {
    "three classes": Y,
    "two classes": Y == 1,
    "texts": np.array(["low", "mid", "high"])[Y],
    "several labels": np.eye(3, dtype=int)[Y],
    "one class": np.zeros(len(Y), int),
    "floats": Y.astype(float),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations(activation, dtype):
    for normalization in (None, "batch", "layer"):
        clf = MLPClassifier(
            activation=activation,
            normalization=normalization,
            dropout=0.1,
            input_noise=0.1,
            **LIGHT,
        )
        clf.fit(X.astype(dtype), Y)
        names = check(clf, X.astype(dtype), ["predict", "predict_proba"])
        assert names == ["label", "probabilities"]


@pytest.mark.parametrize("kind", TARGETS)
def test_targets(kind):
    pipe = make_pipeline(StandardScaler(), MLPClassifier(**LIGHT)).fit(X, TARGETS[kind])
    check(pipe, X, ["predict", "predict_proba"])
    check(pipe, X.astype(np.float32), ["predict", "predict_proba"])


@pytest.mark.parametrize("loss", ["squared_error", "poisson", "quantile"])
@pytest.mark.parametrize("n_targets", [1, 3])
def test_numbers(loss, n_targets):
    X, y = make_regression(1000, 6, n_targets=n_targets, random_state=0)
    reg = MLPRegressor(loss, **LIGHT).fit(X, np.abs(y) / 100)
    assert check(reg, X, ["predict"]) == ["variable"]


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.int32, np.uint8, np.bool_])
def test_types_of_rows(dtype):
    """Of whole numbers, and of another precision than in fit."""
    rows = np.abs(3 * X).astype(dtype)
    for model in (MLPClassifier(**LIGHT), make_pipeline(StandardScaler(), MLPClassifier(**LIGHT))):
        check(model.fit(rows.astype(np.float64), Y), rows, ["predict", "predict_proba"])


@pytest.mark.parametrize("inputs", ["columns", "types"])
def test_frames(inputs):
    frame = pd.DataFrame(X[:, :3], columns=["a", "b", "c"]).astype({"b": np.float32})
    frame["n"] = np.arange(len(X)) % 7
    frame["flag"] = X[:, 3] > 0
    for model in (MLPClassifier(**LIGHT), make_pipeline(StandardScaler(), MLPClassifier(**LIGHT))):
        check(model.fit(frame, Y), frame, ["predict", "predict_proba"], inputs=inputs)
