"""Files as such: who can read them, what they say of themselves, how large they are."""

import json
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

pytest.importorskip("skl2onnx")
pytest.importorskip("onnxruntime")

import skl2onnx
from agreement import assert_close, outputs, session
from skl2onnx import _parse, _supported_operators
from skl2onnx.common import _registration

import skdeep
from skdeep import CNNClassifier, MLPClassifier, RealMLPClassifier
from skdeep.onnx import save, to_onnx
from skdeep.onnx._register import FAMILIES, register

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
LIGHT = {"hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0, "device": "cpu"}
RNG = np.random.default_rng(0)
TABLE = pd.DataFrame({"size": RNG.normal(size=200), "kind": RNG.choice(["a", "b", "c"], 200)})
Y = np.where(TABLE["size"] + (TABLE["kind"] == "a") > 0, "yes", "no")

ALONE = """
import sys

import numpy as np
import onnxruntime

run = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
rows = {"size": np.array([[0.5], [np.nan]]), "kind": np.array([["b"], ["new"]], dtype=object)}
label, proba = run.run(["label", "probabilities"], rows)
heavy = {"torch", "sklearn", "pandas", "skdeep", "skl2onnx", "onnx"} & set(sys.modules)
print(label.tolist(), proba.tolist(), sorted(heavy), sep="|")
"""


def test_a_process_that_has_only_onnxruntime_and_numpy(tmp_path):
    clf = RealMLPClassifier(n_estimators=2, **LIGHT).fit(TABLE, Y)
    save(clf, TABLE, tmp_path / "model.onnx")
    command = [sys.executable, "-I", "-c", ALONE, str(tmp_path / "model.onnx")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    label, proba, heavy = done.stdout.split("|")
    rows = pd.DataFrame({"size": [0.5, np.nan], "kind": ["b", "new"]})
    assert heavy.strip() == "[]"
    assert label == str(clf.predict(rows).tolist())
    assert_close(json.loads(proba), clf.predict_proba(rows))


def test_metadata():
    parts = ColumnTransformer(
        [("n", StandardScaler(), ["size"]), ("c", OneHotEncoder(), ["kind"])], sparse_threshold=0
    )
    pipe = make_pipeline(parts, MLPClassifier(**LIGHT)).fit(TABLE, Y)
    proto = to_onnx(pipe, TABLE, inputs="types")
    found = {entry.key: entry.value for entry in proto.metadata_props}
    assert found == {
        "skdeep": skdeep.__version__,
        "class": "Pipeline",
        "feature_names": '["size", "kind"]',
        "classes": '["no", "yes"]',
        "inputs": '{"float64": ["size"], "string": ["kind"]}',
    }
    assert (proto.producer_name, proto.producer_version) == ("skdeep", skdeep.__version__)
    assert {d.domain: d.version for d in proto.opset_import} == {"": 18, "ai.onnx.ml": 3}
    found = session(proto).get_modelmeta().custom_metadata_map
    assert json.loads(found["classes"]) == pipe.classes_.tolist()


def size_of_weights(model):
    module = model.net_.module_
    tensors = [*module.parameters(), *module.buffers()]
    return sum(t.numel() * t.element_size() for t in tensors)


def test_size_and_time():
    """A file is its weights and 20 kB at most, and written in less than a second."""
    X, y = make_classification(200, 30, n_informative=10, n_classes=4, random_state=0)
    series = RNG.normal(size=(200, 40, 2)).astype(np.float32)
    for model, rows in (
        (MLPClassifier(**LIGHT | {"hidden_layer_sizes": (256, 256)}), X),
        (
            RealMLPClassifier(max_iter=1, random_state=0, device="cpu"),
            pd.DataFrame(X).add_prefix("x"),
        ),
        (CNNClassifier(max_iter=1, kernels=None, random_state=0, device="cpu"), series),
    ):
        model.fit(rows, y)
        to_onnx(model, rows)  # once, for what is read at the first call
        started = time.perf_counter()
        proto = to_onnx(model, rows)
        assert time.perf_counter() - started < 1
        assert len(proto.SerializeToString()) <= size_of_weights(model) + 20_000


def test_size_of_one_hot_columns():
    """A table of what becomes of 300 levels would take 300 numbers for each."""
    X = pd.DataFrame({"level": [f"level {i % 300}" for i in range(600)]})
    pipe = make_pipeline(OneHotEncoder(sparse_output=False), MLPClassifier(**LIGHT))
    pipe.fit(X, np.arange(600) % 2)
    names = sum(len(name) + 2 for name in set(X["level"]))
    size = len(to_onnx(pipe, X).SerializeToString())
    assert size <= size_of_weights(pipe[-1]) + names + 20_000


def test_skl2onnx_is_left_as_it_was():
    """Only skdeep's classes are registered, and a call leaves nothing behind."""
    tables = (
        _supported_operators.sklearn_operator_name_map,
        _parse.sklearn_parsers_map,
        _registration._converter_pool,
        _registration._shape_calculator_pool,
    )
    register()
    before = [dict(table) for table in tables]
    pipe = make_pipeline(StandardScaler(), MLPClassifier(**LIGHT)).fit(TABLE[["size"]], Y)
    to_onnx(pipe, TABLE[["size"]])
    assert [dict(table) for table in tables] == before
    ours = [cls for cls in before[0] if cls.__module__.startswith("skdeep")]
    assert set(ours) == set(FAMILIES)
    theirs = skl2onnx.to_onnx(LogisticRegression().fit(TABLE[["size"]], Y), TABLE[["size"]][:1])
    assert [o.name for o in theirs.graph.output] == ["output_label", "output_probability"]


def test_skl2onnx_itself_knows_skdeep():
    register()
    X = TABLE[["size"]].to_numpy(np.float32)
    pipe = make_pipeline(StandardScaler(), MLPClassifier(**LIGHT)).fit(X, Y)
    options = {id(pipe): {"zipmap": False}}
    proto = skl2onnx.to_onnx(pipe, X[:1], options=options, target_opset=18)
    label, proba = session(proto).run(["label", "probabilities"], {"X": X})
    assert label.tolist() == pipe.predict(X).tolist()
    assert_close(proba, pipe.predict_proba(X))


def test_same_model_same_bytes():
    clf = MLPClassifier(**LIGHT).fit(TABLE[["size"]], Y)
    first, second = (to_onnx(clf, TABLE[["size"]]).SerializeToString() for _ in range(2))
    assert first == second


def test_names_of_inputs():
    """Of any characters, of nodes and of outputs."""
    names = ["size in m²", "a b", "a_b", "label", "gemm", "gemm_", "x3"]
    X = pd.DataFrame(RNG.normal(size=(200, len(names))), columns=names)
    clf = MLPClassifier(**LIGHT).fit(X, Y)
    proto = to_onnx(clf, X)
    found = [value.name for value in proto.graph.input]
    assert found == ["size in m²", "a b", "a_b", "label_input", "gemm", "gemm_", "x3"]
    assert_close(outputs(proto, X)["probabilities"], clf.predict_proba(X))
