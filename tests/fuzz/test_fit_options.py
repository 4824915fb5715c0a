"""Each pair of options of `fit`, for each family that has them.

A fit with two options together is compared with what must not depend on them: the container of
the rows, rows of weight zero, callbacks that look on.
"""

import inspect

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from fit_options import is_possible, options_of, pairwise
from fuzz_subjects import BY_NAME
from skorch.callbacks import Callback

N, N_VAL = 40, 12
MATRICES = ["array", "list", "frame", "tensor", "sparse"]
TABLES = ["array", "list", "frame", "mixed frame"]
LABELS, NUMBERS = ["binary", "three classes", "words"], ["one", "two"]

FAMILIES = {
    "MLPClassifier": (MATRICES, [*LABELS, "several labels"]),
    "MLPRegressor": (MATRICES, NUMBERS),
    "RealMLPClassifier": (TABLES, [*LABELS, "several labels"]),
    "RealMLPRegressor": (TABLES, NUMBERS),
    "TabMClassifier": (TABLES, [*LABELS, "several labels"]),
    "TabMRegressor": (TABLES, NUMBERS),
    "CNNClassifier": (["array", "series", "tensor series", "ragged"], LABELS),
    "CNNRegressor": (["array", "series", "tensor series", "ragged"], NUMBERS),
    "LSTMClassifier": (["array", "series", "tensor series", "ragged"], LABELS),
    "LSTMRegressor": (["array", "series", "tensor series", "ragged"], NUMBERS),
    "SiameseClassifier": (["array", "list", "frame", "tensor"], LABELS),
    "SiameseTransformer": (["array", "list", "frame", "tensor"], LABELS),
    "Autoencoder": (["array", "list", "frame", "tensor"], []),
    "VariationalAutoencoder": (["array", "list", "frame", "tensor"], []),
    "RBM": (["array", "list", "frame", "tensor"], []),
    "AutoencoderOutlierDetector": (TABLES, []),
    "GANOutlierDetector": (["array", "list", "frame", "tensor"], []),
    "TabularGAN": (TABLES, []),
}


class Epochs(Callback):
    """A skorch callback that counts epochs."""

    n = 0

    def on_epoch_end(self, net, **kwargs):
        self.n += 1
        Epochs.last = self.n


class Tasks:
    """A scikit-learn callback that counts the tasks of a fit."""

    max_estimator_depth = None

    def __init__(self):
        self.n = 0

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        self.n += 1


def rows_of(rng, n, container, dtype):
    """Rows in plain arrays, exact in float32; `contained` puts them into the container."""
    if container in ("series", "tensor series", "ragged"):
        return rng.random((n, 7, 2), np.float32).astype(dtype)
    X = rng.random((n, 4), np.float32).astype(dtype)
    X[:, 3] = X[:, 3] > 0.5
    return X


def contained(X, container):
    if container in ("array", "series"):
        return X
    if container == "list":
        return X.tolist()
    if container == "frame":
        return pd.DataFrame(X).add_prefix("x")
    if container == "mixed frame":
        frame = pd.DataFrame(X).add_prefix("x")
        return frame.assign(x3=np.where(X[:, 3] > 0, "yes", "no"))
    if container == "sparse":
        return sp.csr_matrix(X)
    if container == "ragged":
        return list(X)
    return torch.as_tensor(X)


def target_of(rng, n, outputs):
    if outputs is None:
        return None
    whole = rng.permutation(np.arange(n) % 3)
    return {
        "binary": whole // 2,
        "three classes": whole,
        "words": np.array(["no", "yes", "perhaps"])[whole],
        "several labels": (whole[:, None] == np.arange(3)).astype(int),
        "one": whole + rng.random(n),
        "two": np.c_[whole + rng.random(n), rng.random(n)],
    }[outputs]


def data_of(row):
    """X, y and the keyword arguments of `fit`."""
    rng = np.random.default_rng(0)
    X = rows_of(rng, N, row["container"], row["rows"])
    y = target_of(rng, N, row.get("outputs"))
    kwargs = {}
    if row.get("weights") == "drawn":
        kwargs["sample_weight"] = rng.random(N) + 0.1
    elif row.get("weights") == "some zero":
        kwargs["sample_weight"] = rng.permutation(np.arange(N) % 5 > 0) * 1.0
    if row.get("validation", "no") != "no":
        kwargs["X_val"] = rows_of(rng, N_VAL, row["container"], row["rows"])
        if y is not None:
            kwargs["y_val"] = target_of(rng, N_VAL, row["outputs"])
        if row["validation"] == "weighted rows":
            kwargs["sample_weight_val"] = rng.random(N_VAL) + 0.1
    return X, y, kwargs


def estimator_of(name, row, **changed):
    subject = BY_NAME[name]
    known = inspect.signature(subject.cls).parameters
    options = {k: v for k, v in row.items() if k in known and k != "skorch_callbacks"}
    if row.get("class_weight") == "dict":
        labels = ["no", "yes", "perhaps"] if row["outputs"] == "words" else [0, 1, 2]
        n_classes = 2 if row["outputs"] == "binary" else 3
        options["class_weight"] = {c: 1.0 + i for i, c in enumerate(labels[:n_classes])}
    if options.get("early_stopping") and row.get("validation", "no") == "no":
        options["validation_fraction"] = 0.3
    estimator = subject.make({**options, "max_iter": 2, "device": "cpu", **changed})
    if row["skorch_callbacks"]:
        estimator.set_params(skorch_callbacks=[Epochs()])
    return estimator


def fitted(name, row, container=None, keep=None, **changed):
    """The estimator after `fit`, or `partial_fit`, and scikit-learn's callback."""
    container = row["container"] if container is None else container
    X, y, kwargs = data_of(row)
    if keep is not None:
        X, y = X[keep], y if y is None else y[keep]
        kwargs["sample_weight"] = kwargs["sample_weight"][keep]
    X = contained(X, container)
    if "X_val" in kwargs:
        kwargs["X_val"] = contained(kwargs["X_val"], container)
    estimator = estimator_of(name, row, **changed)
    tasks = Tasks()
    if row["callbacks"]:
        estimator.set_callbacks(tasks)
    method = row.get("fitting", "fit")
    if method == "partial_fit":
        if "sample_weight" not in inspect.signature(estimator.partial_fit).parameters:
            kwargs.pop("sample_weight", None)
        if "classes" in inspect.signature(estimator.partial_fit).parameters:
            kwargs["classes"] = [0, 1, 2] if y.ndim == 2 else np.unique(y)
    arguments = (X,) if y is None else (X, y)
    getattr(estimator, method)(*arguments, **kwargs)
    return estimator, tasks


def answers(estimator, X):
    """What the estimator says of rows, by the names of the methods."""
    names = ("predict", "predict_proba", "transform", "score_samples", "decision_function")
    return {m: np.asarray(getattr(estimator, m)(X)) for m in names if hasattr(estimator, m)}


def check_answers(estimator, row, X, said):
    """Finite, of the right length and type."""
    for method, answer in said.items():
        assert len(answer) == N, method
        if answer.dtype.kind == "f":
            assert np.isfinite(answer).all(), method
            is_wide = row["rows"] == "float64" and row.get("dtype") is None and X.ndim == 2
            if is_wide and method in ("predict", "predict_proba"):
                assert answer.dtype == np.float64, (method, answer.dtype)
    y = data_of(row)[1]
    if y is not None and "predict" in said:
        assert said["predict"].shape == y.shape
    if "predict_proba" in said and row.get("outputs") not in (None, "several labels"):
        assert said["predict_proba"].shape == (N, len(np.unique(y)))
        np.testing.assert_allclose(said["predict_proba"].sum(1), 1, rtol=1e-5)
        assert set(np.unique(said["predict"])) <= set(np.unique(y))


def cases():
    for name, (containers, outputs) in FAMILIES.items():
        cls = BY_NAME[name].cls
        factors = options_of(cls, containers, outputs)
        for i, row in enumerate(pairwise(factors, is_possible)):
            yield pytest.param(name, row, id=f"{name}-{i}")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("name", "row"), list(cases()))
def test_options_of_fit_go_together(name, row):
    X, _, _ = data_of(row)
    estimator, tasks = fitted(name, row)
    given = contained(X, row["container"])
    said = answers(estimator, given)
    check_answers(estimator, row, X, said)
    if row["skorch_callbacks"]:
        assert Epochs.last >= 1
    if row["callbacks"]:
        assert tasks.n >= 1
    if row.get("validation", "no") != "no" and hasattr(estimator, "validation_loss_curve_"):
        curve = estimator.validation_loss_curve_
        assert curve is not None and np.isfinite(curve).all()
    check_watching_changes_nothing(name, row, given, said)
    check_container_changes_nothing(name, row, X, said)
    check_weight_zero_is_absence(name, row, given, said)
    if row.get("warm_start"):
        check_goes_on(estimator, name, row, given, said)


def check_watching_changes_nothing(name, row, given, said):
    """Callbacks and a limit that is not reached leave the same model, seed for seed."""
    quiet = {**row, "skorch_callbacks": False, "callbacks": False}
    again = answers(fitted(name, quiet)[0], given)
    for method, answer in again.items():
        np.testing.assert_array_equal(answer, said[method], err_msg=method)


def check_container_changes_nothing(name, row, X, said):
    """The same rows in an array give the same model, up to the order of sums."""
    if row["container"] in ("array", "series", "mixed frame", "ragged"):
        return  # series in a list are put into batches by their length
    plain = "series" if X.ndim == 3 else "array"
    if row["container"] == "list":
        row, X = {**row, "rows": "float64"}, X.astype(float)
    again = answers(fitted(name, row, container=plain)[0], X)
    for method, answer in again.items():
        if answer.dtype.kind == "f":
            np.testing.assert_allclose(answer, said[method], rtol=1e-3, atol=1e-4, err_msg=method)
        else:
            assert np.mean(answer == said[method]) > 0.9, method


def check_weight_zero_is_absence(name, row, given, said):
    """A row of weight zero is a row that is not there; exactly, where no rows are held out."""
    held_out = row.get("early_stopping", True) and row.get("validation") == "no"
    if row.get("weights") != "some zero" or held_out or row.get("fitting") == "partial_fit":
        return
    keep = data_of(row)[2]["sample_weight"] > 0
    again = answers(fitted(name, row, keep=keep)[0], given)
    for method, answer in again.items():
        if answer.dtype.kind == "f":
            np.testing.assert_allclose(answer, said[method], rtol=1e-5, atol=1e-6, err_msg=method)


def check_goes_on(estimator, name, row, given, said):
    """A second fit with `warm_start` starts from the first."""
    X, y, kwargs = data_of(row)
    if "X_val" in kwargs:
        kwargs["X_val"] = contained(kwargs["X_val"], row["container"])
    first = estimator.t_
    estimator.fit(*((given,) if y is None else (given, y)), **kwargs)
    assert estimator.t_ >= first
    again = answers(estimator, given)
    check_answers(estimator, row, X, again)
    if not row.get("early_stopping"):  # else the weights may be those of the first fit still
        moved = [(a != said[m]).any() for m, a in again.items() if a.dtype.kind == "f"]
        assert any(moved)


def test_covering_array_has_every_pair():
    factors = {"a": [0, 1, 2], "b": [0, 1], "c": ["x", "y", "z"], "d": [0, 1]}
    rows = pairwise(factors, lambda row: not (row["a"] == 0 and row["b"] == 1))
    pairs = {((a, row[a]), (b, row[b])) for row in rows for a in factors for b in factors if a < b}
    wanted = sum(len(factors[a]) * len(factors[b]) for a in factors for b in factors if a < b)
    assert len(pairs) == wanted - 1
    assert len(rows) < 18
