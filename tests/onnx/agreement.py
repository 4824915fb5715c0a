"""Runs files in the ONNX format, and compares what they say with what the estimators say."""

import json

import numpy as np
import onnx
import onnxruntime
import pandas as pd

from skdeep.onnx import to_onnx


def assert_lean(graph):
    """No node and no weight is there in vain."""
    bodies = [a.g for node in graph.node for a in node.attribute if a.HasField("g")]
    nodes = [node for g in (graph, *bodies) for node in g.node]
    used = {name for node in nodes for name in node.input}
    used |= {output.name for g in (graph, *bodies) for output in g.output}
    assert [tensor.name for tensor in graph.initializer if tensor.name not in used] == []
    assert [node.name for node in nodes if used.isdisjoint(node.output)] == []


def session(proto):
    """A checked model, ready to run on one thread."""
    onnx.checker.check_model(proto, full_check=True)
    assert_lean(proto.graph)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


_TYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
    "tensor(string)": object,
}


def feed(run, X):
    """What a session is given for X: an array, or the columns of a frame, in the types that it
    asks for; missing texts stay what they are, None or NaN."""
    if not isinstance(X, pd.DataFrame):
        return {"X": X}
    columns = json.loads(run.get_modelmeta().custom_metadata_map["inputs"])
    given = {}
    for known in run.get_inputs():
        values, dtype = X[columns[known.name]], _TYPES[known.type]
        missing = {"na_value": np.nan} if "float" in known.type or "double" in known.type else {}
        given[known.name] = values.to_numpy(dtype=dtype, **missing)
    return given


def outputs(proto, X):
    """Each output of a model, by its name."""
    run = session(proto)
    names = [output.name for output in run.get_outputs()]
    return dict(zip(names, run.run(names, feed(run, X))))


def assert_close(found, expected, tolerance=1e-5):
    """Labels are equal; the largest difference of numbers is `tolerance`, in units of the largest
    number where this is more than 1."""
    found, expected = np.asarray(found), np.asarray(expected)
    if found.ndim == 2 and found.shape[1] == 1 and expected.ndim == 1:
        found = found[:, 0]
    if expected.dtype.kind != "f":
        assert found.tolist() == expected.tolist()
    else:
        unit = max(1.0, np.abs(expected).max())
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * unit)


def check(model, X, methods, **options):
    """Each output of the file of a model, in the order of `methods`, is what the method returns,
    for X, its first 7 rows and its first one. Returns the outputs' names."""
    proto = to_onnx(model, X, methods=list(methods), **options)
    for rows in (X, X[:7], X[:1]):
        found = outputs(proto, rows)
        assert len(found) == len(methods)
        for value, method in zip(found.values(), methods):
            assert_close(value, getattr(model, method)(rows))
    return list(found)
