"""Files in the ONNX format beside the models that they were written from: one row, many, size."""

import functools
import json
import time
import warnings

import numpy as np
import onnxruntime
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skdeep import CNNClassifier, MLPClassifier, RealMLPClassifier
from skdeep.onnx import to_onnx

if __package__:
    from . import _common as common
else:
    import _common as common

MANY = 100_000
CALLS = 20  # of one row, in a turn
QUICK = {"max_iter": 1, "random_state": 0, "device": "cpu"}


def frame(n=2_000, seed=0):
    """Numbers and texts, some of them missing."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(rng.normal(size=(n, 6)), columns=[f"number {i}" for i in range(6)])
    for name, n_levels in (("few", 4), ("some", 12), ("many", 60)):
        table[name] = rng.choice([f"{name} {i}" for i in range(n_levels)], n)
    y = np.where(table["number 0"] + (table["few"] == "few 1") > 0, "yes", "no")
    table.loc[rng.random(n) < 0.1, "number 1"] = np.nan
    return table, y


def mlp():
    """A perceptron on an array."""
    task = common.TASKS["large"]._replace(n=2_000, epochs=1)
    X, y = common.make_data(task)
    return MLPClassifier(task.hidden, **QUICK), X, y


def mlp_pipeline():
    """A perceptron behind a ColumnTransformer, on a frame."""
    texts = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include=float)),
        (texts, make_column_selector(dtype_exclude=float)),
    )
    X, y = frame()
    return make_pipeline(columns, MLPClassifier(**QUICK)), X.fillna(0.0), y


def realmlp():
    """RealMLP on a frame."""
    return RealMLPClassifier(**QUICK), *frame()


def cnn():
    """A convolutional network on series."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 100, 3)).astype(np.float32)
    return CNNClassifier(kernels=None, **QUICK), X, (X[:, :, 0].mean(1) > 0).astype(int)


MODELS = {"mlp": mlp, "mlp pipeline": mlp_pipeline, "realmlp": realmlp, "cnn": cnn}


@functools.cache
def fitted(name):
    """A model, some rows, and its file."""
    model, X, y = MODELS[name]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
    return model, X, to_onnx(model, X)


def loaded(proto):
    """A session of one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def feed(session, X):
    """Rows as a session takes them."""
    if not isinstance(X, pd.DataFrame):
        return {"X": X}
    columns = json.loads(session.get_modelmeta().custom_metadata_map["inputs"])
    return {name: X[held].to_numpy() for name, held in columns.items()}


def size_of_weights(model):
    """Bytes of the parameters and buffers of a network."""
    module = (model[-1] if hasattr(model, "steps") else model).net_.module_
    tensors = [*module.parameters(), *module.buffers()]
    return sum(t.numel() * t.element_size() for t in tensors)


def calls(name, n_rows):
    """Predictions of a model and of its file for the same rows.

    A row of a frame comes as arrays, as from a request: a file takes them as they are, the model a
    frame.
    """
    model, X, proto = fitted(name)
    rows = (
        X.iloc[:1] if n_rows == 1 and hasattr(X, "iloc") else np.resize(X, (n_rows, *X.shape[1:]))
    )
    session = loaded(proto)
    method = "predict_proba" if n_rows == 1 else "predict"
    output = ["probabilities"] if n_rows == 1 else ["label"]
    given = feed(session, rows)
    return {
        "skdeep": functools.partial(getattr(model, method), rows),
        "file": functools.partial(session.run, output, given),
    }


class Predict:
    """Time of one prediction, in seconds."""

    params = (tuple(MODELS), ("skdeep", "file"))
    param_names = ("model", "candidate")

    def setup(self, model, candidate):
        common.one_thread()
        self.call = calls(model, 1)[candidate]
        self.call()

    def time_one_row(self, model, candidate):
        self.call()


class Convert:
    """Time to write a file, in seconds, and what it is larger than its weights, in bytes."""

    params = tuple(MODELS)
    param_names = ("model",)

    def setup(self, model):
        common.one_thread()
        self.model, self.X, self.proto = fitted(model)

    def time_convert(self, model):
        to_onnx(self.model, self.X)

    def track_overhead(self, model):
        return len(self.proto.SerializeToString()) - size_of_weights(self.model)


def main():
    args = common.arguments(__doc__, repeat=15)
    common.one_thread()
    for name in MODELS:
        model, X, proto = fitted(name)
        times = []
        for _ in range(args.repeat):
            started = time.perf_counter()
            to_onnx(model, X)
            times.append(time.perf_counter() - started)
        size, weights = len(proto.SerializeToString()), size_of_weights(model)
        print(
            f"{name}: written in {np.median(times):.3f} s, {len(proto.graph.node)} nodes, "
            f"{size:,} bytes, {weights:,} of them weights"
        )
        one = common.interleave(calls(name, 1), args.repeat, number=CALLS)
        common.print_times(f"{name}, one row", one)
    many = common.interleave(calls("mlp", MANY), args.repeat)
    common.print_times(f"mlp, predict of {MANY:,} rows", many)


if __name__ == "__main__":
    main()
