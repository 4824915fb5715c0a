"""Files of outlier detectors."""

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline

pytest.importorskip("skl2onnx")
pytest.importorskip("onnxruntime")

from agreement import assert_close, outputs
from rows import SIZES, check_sizes, rng

from skdeep import AutoencoderOutlierDetector, GANOutlierDetector
from skdeep.nets.blocks import ACTIVATIONS
from skdeep.onnx import to_onnx
from skdeep.preprocessing import SlidingWindow

ALL = ["predict", "decision_function", "score_samples", "predict_tail_proba"]
METHODS = ["mse", "normalized", "robust", "mahalanobis", "neighbors", "latent_knn", "local"]


def numbers(n=1000):
    draws = rng()
    X = draws.normal(size=(n, 5))
    X[:, 1] = X[:, 0] + 0.1 * X[:, 1]
    X[0], X[1, 2] = 50, 1e12
    X[draws.random(X.shape) < 0.1] = np.nan
    X[:, 4] = 7
    X[3, 4] = 8
    return X


def frame(n=1000):
    draws, X = rng(), numbers(n)
    out = pd.DataFrame(X[:, :2], columns=["size", "length of it"])
    out["kind"] = draws.choice(["a", "b", "c"], n)
    out["many"] = draws.choice([f"level {i}" for i in range(50)], n)
    out["flag"] = X[:, 2] > 0
    out["two"] = draws.choice([1, 2], n)
    out["one level"] = "x"
    out["constant"] = 3
    out["nothing"] = np.nan
    out["code"] = pd.Categorical(draws.choice([3, 5, 9], n))
    return out


def detector(X, **parameters):
    options = {"hidden_layer_sizes": (16, 8), "max_iter": 2, "random_state": 0, "device": "cpu"}
    return AutoencoderOutlierDetector(**{**options, **parameters}).fit(X[:200])


@pytest.mark.parametrize("score_method", ["mahalanobis", "sampled"])
def test_more_columns_than_rows(score_method):
    X = rng().normal(size=(250, 300))
    model = detector(X, score_method=score_method)
    assert model._scorer.basis_ is not None
    found = outputs(to_onnx(model, X, methods=["score_samples"]), X)
    assert_close(found["score_samples"], model.score_samples(X))


@pytest.mark.parametrize("novelty", [True, False])
@pytest.mark.parametrize("score_method", [*METHODS, "sampled"])
def test_scores(score_method, novelty):
    X = numbers()
    model = detector(X, score_method=score_method, novelty=novelty)
    proto = to_onnx(model, X, methods=ALL)
    for n in SIZES:
        found = outputs(proto, X[:n])
        assert list(found) == ["label", "scores", "score_samples", "predict_tail_proba"]
        for value, method in zip(found.values(), ALL):
            assert_close(value, getattr(model, method)(X[:n]), 1e-9)
    check_sizes(model, X, ALL)
    assert set(model.predict(X).tolist()) == {-1, 1}


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_and_members(activation):
    X = numbers()
    for contamination, n_estimators in (("auto", 1), (0.2, 3)):
        options = {"activation": activation, "contamination": contamination}
        check_sizes(detector(X, n_estimators=n_estimators, **options), X, ALL)


def test_tables():
    X = frame()
    model = detector(X, novelty=True)
    new = X.copy()
    new.loc[::3, "kind"] = "unseen"
    new.loc[::5, "many"] = None
    new.loc[1::7, "one level"] = "other"
    new.loc[2::9, "constant"] = 4
    new.loc[4::9, "nothing"] = 1.0
    new["code"] = new["code"].cat.add_categories([11])
    new.loc[::11, "code"] = 11
    proto = to_onnx(model, new, methods=ALL)
    for n in SIZES:
        rows = new[:n]
        for value, method in zip(outputs(proto, rows).values(), ALL):
            assert_close(value, getattr(model, method)(rows), 1e-9)


def test_a_table_of_which_nothing_varies():
    X = pd.DataFrame({"a": np.full(50, 3.0), "b": ["x"] * 50})
    model = detector(X)
    new = X.copy()
    new.loc[1, "a"], new.loc[2, "b"], new.loc[3, "a"] = 4.0, "y", np.nan
    found = outputs(to_onnx(model, new), new)
    assert_close(found["label"], model.predict(new))
    assert_close(found["scores"], model.decision_function(new))


def test_few_rows_and_streams():
    X = numbers()
    check_sizes(detector(X[1:3], score_method="neighbors"), X, ALL)
    stream = AutoencoderOutlierDetector((8,), random_state=0, device="cpu", max_reference_rows=30)
    for start in (0, 100, 200):
        stream.partial_fit(X[start : start + 100])
    check_sizes(stream, X, ALL[:-1])


def test_windows_of_a_series():
    X = rng().normal(size=(1000, 2)).cumsum(0)
    pipe = make_pipeline(SlidingWindow(4), detector(X)).fit(X[:200])
    found = outputs(to_onnx(pipe, X[:2]), X)
    assert_close(found["label"], pipe.predict(X))
    assert_close(found["scores"], pipe.decision_function(X))


SEARCHES = {
    "dense": ({"hidden_layer_sizes": (8, 6)}, (5,)),
    "no steps": ({"search_steps": 0, "feature_weight": 0.5, "hidden_layer_sizes": 8}, (5,)),
    "features alone": (
        {"feature_weight": 1.0, "search_learning_rate": 0.3, "hidden_layer_sizes": 8},
        (5,),
    ),
    "windows": ({"network": "lstm", "hidden_layer_sizes": 6, "search_steps": 5}, (10, 2)),
    "patches": ({"network": "lstm", "hidden_layer_sizes": (6, 4)}, (35, 1)),
    "windows of one channel": (
        {"network": "lstm", "hidden_layer_sizes": 6, "search_steps": 3},
        (7,),
    ),
}


@pytest.mark.filterwarnings("ignore")  # of generators that are hardly trained
@pytest.mark.parametrize("kind", SEARCHES)
def test_searches_for_codes(kind):
    options, shape = SEARCHES[kind]
    X = rng().normal(size=(1000 if len(shape) == 1 else 60, *shape))
    model = GANOutlierDetector(max_iter=2, random_state=0, device="cpu", **options).fit(X[:100])
    X[0] *= 30
    check_sizes(model, X, ALL[:-1], 1e-9)
    assert set(model.predict(X).tolist()) == {-1, 1}
    if len(shape) == 2:
        with pytest.raises(ValueError, match=rf"X has windows of shape \(3, {shape[1]}\), but fit"):
            to_onnx(model, X[:, :3])
