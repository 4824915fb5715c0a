"""What is loaded is what was saved."""

import pickle
from collections import OrderedDict

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import scipy.special
import torch
from safetensors.numpy import load_file
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import BaggingClassifier, StackingRegressor, VotingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import KNNImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold, RandomizedSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    QuantileTransformer,
    StandardScaler,
)

from skdeep import MLPClassifier, MLPRegressor
from skdeep.persistence import load, save

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def again(obj, folder):
    save(obj, folder / "model.skdeep")
    return load(folder / "model.skdeep")


def assert_same(a, b):
    """The same types and values, down to the last bit, all the way down."""
    assert type(a) is type(b)
    if isinstance(a, np.ma.MaskedArray):
        assert_same(np.ma.getmask(a), np.ma.getmask(b))
        assert_same(a.filled(), b.filled())
    elif isinstance(a, (np.ndarray, np.generic)):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        if b.flags.forc:
            assert a.flags.f_contiguous == b.flags.f_contiguous
        if a.dtype == object:
            assert_same(a.ravel().tolist(), b.ravel().tolist())
        else:
            assert a.tobytes() == b.tobytes()
    elif sp.issparse(a):
        assert a.format == b.format
        assert_same(a.data, b.data)
        if a.format in ("csr", "csc"):
            assert_same([a.indices, a.indptr], [b.indices, b.indptr])
        assert_same(a.toarray(), b.toarray())
    elif isinstance(a, torch.Tensor):
        assert a.requires_grad == b.requires_grad
        assert_same(a.detach().numpy(), b.detach().numpy())
    elif isinstance(a, dict):
        assert_same(list(a.items()), list(b.items()))
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for x, y in zip(a, b):
            assert_same(x, y)
    elif isinstance(a, np.random.RandomState):
        assert_same(a.get_state(legacy=False), b.get_state(legacy=False))
    elif a is None or type(a).__eq__ is not object.__eq__:
        assert a == b or a != a
    elif isinstance(a, (type, type(make_pipeline), np.ufunc)):
        assert a is b
    else:
        state, other = a.__getstate__(), b.__getstate__()
        assert state.keys() == other.keys()
        for name in state:
            assert_same(state[name], other[name])


FAST = {"max_iter": 3, "random_state": 0}


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"solver": "lbfgs"},
        {"solver": "sgd", "learning_rate": "adaptive"},
        {"normalization": "batch", "dropout": 0.1, "activation": "prelu"},
        {"early_stopping": True, "batch_size": 7},
        {"dtype": "float32", "device": "auto"},
        {"device": torch.device("cpu")},
        {"random_state": np.random.RandomState(3)},
        {
            "random_state": np.int64(3),
            "alpha": np.float32(0.1),
            "hidden_layer_sizes": (np.int64(5),),
        },
        {"hidden_layer_sizes": np.array([5, 4])},
        {"class_weight": {0: 1.0, 1: 2, 2: 3}},
        {"class_weight": "balanced", "max_time": 100},
    ],
    ids=lambda params: " ".join(params) or "defaults",  # the same in every process
)
def test_params(params, data, tmp_path):
    X, y = data
    model = MLPClassifier(**(FAST | params))
    assert_same(again(model, tmp_path), model)
    model.fit(X, y)
    loaded = again(model, tmp_path)
    assert_same(loaded, model)
    assert_same(loaded.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "labels",
    [
        np.array(["cat", "dog", "éléphant"]),
        np.array(["cat", "dog", "owl"], dtype=object),
        np.array([True, False, True]),
        np.array([-1, 5, 7], dtype=np.int8),
    ],
    ids=["str", "object", "bool", "int8"],
)
def test_labels(labels, dtype, data, tmp_path):
    X, y = data
    X, y = X.astype(dtype), labels[y]
    weight = {label: 2.0 for label in np.unique(y).tolist()}
    model = MLPClassifier(class_weight=weight, **FAST).fit(X, y)
    loaded = again(model, tmp_path)
    assert_same(loaded, model)
    assert_same(loaded.predict(X), model.predict(X))


def test_fitted_attributes(data, tmp_path):
    X, y = data
    X = pd.DataFrame(X, columns=list("abcdef"))
    model = MLPClassifier(**FAST).fit(X, y, X_val=X[:20], y_val=y[:20])
    loaded = again(model, tmp_path)
    for name in ("loss_curve_", "validation_loss_curve_", "classes_", "feature_names_in_", "t_"):
        assert_same(getattr(loaded, name), getattr(model, name))
    assert loaded.net_.history == model.net_.history
    assert loaded.coefs_[0].flags.writeable
    assert_same(loaded.coefs_, model.coefs_)
    assert_same(loaded.predict_proba(X), model.predict_proba(X))
    assert_same(pickle.loads(pickle.dumps(loaded)), model)
    assert_same(clone(loaded), clone(model))


def test_regressor_and_multilabel(data, tmp_path):
    X, y = data
    reg = MLPRegressor(**FAST).fit(sp.csr_matrix(X), np.column_stack([y, X[:, 0]]))
    assert_same(again(reg, tmp_path).predict(X), reg.predict(X))
    clf = MLPClassifier(**FAST).fit(X, np.column_stack([y == 0, y > 0]).astype(int))
    assert_same(again(clf, tmp_path).predict_proba(X), clf.predict_proba(X))


@pytest.mark.parametrize("solver", ["adam", "sgd", "adagrad"])
def test_a_stream_goes_on(solver, data, tmp_path):
    X, y = data
    seeds = np.random.RandomState(0)
    model = MLPClassifier(solver=solver, batch_size=20, dropout=0.1, random_state=seeds)
    model.partial_fit(X, y, classes=[0, 1, 2]).partial_fit(X, y)
    loaded = again(model, tmp_path)
    for _ in range(2):
        model.partial_fit(X, y)
        loaded.partial_fit(X, y)
    assert_same(loaded.coefs_ + loaded.intercepts_, model.coefs_ + model.intercepts_)
    assert_same(loaded.random_state, model.random_state)
    assert_same(loaded.loss_curve_, model.loss_curve_)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_opens_without_the_device_it_was_made_on(data, tmp_path):
    X, y = data
    model = MLPClassifier(device="auto", **FAST).fit(X, y)
    model.net_.device = "cuda:0"  # what a fit on a GPU leaves
    loaded = again(model, tmp_path)
    assert loaded.net_.device == "cpu"
    assert loaded.device == "auto"
    assert_same(loaded.predict_proba(X), model.predict_proba(X))


def mlp():
    return MLPClassifier((8,), max_iter=2, random_state=0)


def frame(X):
    X = pd.DataFrame(X, columns=list("abcdef"))
    return X.assign(color=np.where(X.a > 0, "red", "blue"))


COMPOSITES = {
    "pipeline": make_pipeline(StandardScaler(), mlp()),
    "grid": GridSearchCV(
        make_pipeline(StandardScaler(), mlp()),
        {"mlpclassifier__hidden_layer_sizes": [(4,), (5, 5)], "mlpclassifier__alpha": [0.1]},
        cv=KFold(2),
        scoring="accuracy",
    ),
    "grid without scoring": GridSearchCV(mlp(), {"alpha": np.array([0.1, 0.2])}, cv=2),
    "grid with two scores": GridSearchCV(
        mlp(), {"alpha": range(1, 3)}, cv=2, scoring=["accuracy", "roc_auc_ovr"], refit="accuracy"
    ),
    "random search": RandomizedSearchCV(
        mlp(), {"alpha": [0.1, 1]}, n_iter=2, cv=2, random_state=np.random.RandomState(0)
    ),
    "calibrated": CalibratedClassifierCV(mlp(), cv=2),
    "voting": VotingClassifier([("a", mlp()), ("b", LogisticRegression())], voting="soft"),
    "bagging": BaggingClassifier(mlp(), n_estimators=2, random_state=0),
    "one against the rest": OneVsRestClassifier(mlp()),
    "score function": make_pipeline(SelectKBest(k=2), mlp()),
    "union": make_pipeline(make_union(StandardScaler(), QuantileTransformer(n_quantiles=9)), mlp()),
    "functions": make_pipeline(
        FunctionTransformer(scipy.special.expit, inverse_func=scipy.special.logit),
        FunctionTransformer(np.arctan),
        KNNImputer(),
        mlp(),
    ),
}


@pytest.mark.parametrize("name", COMPOSITES)
def test_composites_with_a_classifier(name, data, tmp_path):
    X, y = data
    model = COMPOSITES[name]
    assert_same(again(model, tmp_path), model)
    model = clone(model).fit(X, np.array(["low", "mid", "top"])[y])
    loaded = again(model, tmp_path)
    assert_same(loaded, model)
    assert_same(loaded.predict_proba(X), model.predict_proba(X))


def test_columns(data, tmp_path):
    X, y = data
    X = frame(X)
    columns = ColumnTransformer(
        [("n", StandardScaler(), ["a", "b"]), ("c", OneHotEncoder(dtype=np.float32), ["color"])],
        remainder="passthrough",
    )
    model = make_pipeline(columns, mlp()).fit(X, y)
    loaded = again(model, tmp_path)
    assert_same(loaded.predict_proba(X), model.predict_proba(X))
    assert_same(loaded[:-1].get_feature_names_out(), model[:-1].get_feature_names_out())


def test_regressors(data, tmp_path):
    X, y = data
    inner = make_pipeline(
        StandardScaler(), MLPRegressor(hidden_layer_sizes=8, max_iter=2, random_state=0)
    )
    model = TransformedTargetRegressor(inner, transformer=StandardScaler()).fit(X, y)
    assert_same(again(model, tmp_path).predict(X), model.predict(X))
    logs = TransformedTargetRegressor(inner, func=np.log1p, inverse_func=np.expm1).fit(X, y)
    assert_same(again(logs, tmp_path).predict(X), logs.predict(X))
    stack = StackingRegressor([("a", inner), ("b", Ridge())], final_estimator=Ridge(), cv=2)
    stack.fit(X, y)
    assert_same(again(stack, tmp_path).predict(X), stack.predict(X))


def test_metadata_routing(data, tmp_path):
    X, y = data
    with config_context(enable_metadata_routing=True):
        weighted = mlp().set_fit_request(sample_weight=True).set_score_request(sample_weight=False)
        model = GridSearchCV(weighted, {"alpha": [1]}, cv=2)
        model.fit(X, y, sample_weight=np.ones(len(y)))
        loaded = again(model, tmp_path)
        assert str(loaded.get_metadata_routing()) == str(model.get_metadata_routing())
        assert_same(loaded.predict_proba(X), model.predict_proba(X))


def test_text(tmp_path):
    texts, y = ["a dog barks", "the cat sleeps", "a dog sleeps", "cats bark"], [0, 1, 0, 1]
    model = make_pipeline(TfidfVectorizer(), mlp()).fit(texts, y)
    assert_same(again(model, tmp_path).predict_proba(texts), model.predict_proba(texts))


VALUES = [
    {"a.b": [1, 2.5, None, True], ("t", 1): {3: "x"}, True: 0, None: {}, np.int64(4): ()},
    [float("inf"), -0.0, 1e-320, 10**30, "\ud800 \x00 é", ""],
    {1, 2, "x"},
    frozenset({(1, 2)}),
    (slice(1, None), range(3, 9, 2), 2 + 3j, b"", b"\x00pickle"),
    OrderedDict(b=1, a=2),
    np.float64("nan"),
    (np.float16(1.5), np.str_("é"), np.bool_(True), np.datetime64("2020-01-02"), np.complex64(1j)),
    np.arange(24.0).reshape(2, 3, 4),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.arange(24).reshape(4, 6)[::2, ::3],
    np.array(1.5),
    np.empty((0, 3)),
    np.array(["a", "éé"]),
    np.array([b"a", b"bb"]),
    np.array(["2020-01-01", "NaT"], dtype="datetime64[D]"),
    np.array([1 + 2j]),
    np.arange(3, dtype=">i4"),
    np.arange(3, dtype=np.longdouble),
    np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    np.array([[1, "x"], [None, [2]]], dtype=object),
    np.ma.array([1.0, 2.0], mask=[True, False], fill_value=7.0),
    np.ma.array([1, "x"], mask=[False, True], dtype=object),
    np.ma.array([1.0, 2.0]),
    sp.csr_matrix(np.diag([1.0, 0, 2])),
    sp.csr_array(([1.0, 2.0, 3.0, 4.0], [2, 0, 0, 1], [0, 3, 4])),  # unsorted, with a duplicate
    sp.csc_array(np.diag([1, 0, 2]).astype(np.int8)),
    sp.coo_matrix(np.diag([1.0, 0, 2])),
    sp.coo_array(np.arange(3.0)),
    sp.dia_array(np.diag([1.0, 0, 2])),
    np.dtype("U5"),
    [np.float32, str, np.log1p, scipy.special.logit],
    torch.arange(6.0).reshape(2, 3),
    torch.nn.Parameter(torch.tensor(2.0), requires_grad=False),
    torch.device("cuda:1"),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda v: f"{type(v).__name__}")
def test_values(value, tmp_path):
    assert_same(
        again(FunctionTransformer(kw_args={"value": value}), tmp_path).kw_args, {"value": value}
    )


def test_identity_is_kept(tmp_path):
    seeds, array, shared = np.random.RandomState(0), np.arange(3), {"a": 1}
    held = (seeds, array, shared, shared, array, seeds)
    model = FunctionTransformer(kw_args={"held": held})
    shared["me"] = model  # and a cycle
    loaded = again(model, tmp_path)
    a, b, c, d, e, f = loaded.kw_args["held"]
    assert a is f and b is e and c is d
    assert c["me"] is loaded


def test_same_model_same_bytes(data, tmp_path):
    X, y = data
    model = make_pipeline(StandardScaler(), mlp()).fit(X, y)
    save(model, tmp_path / "a")
    save(model, tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_weights_have_their_names(data, tmp_path):
    X, y = data
    model = make_pipeline(StandardScaler(), mlp()).fit(X, y)
    save(model, tmp_path / "model")
    arrays = load_file(tmp_path / "model")
    prefix = "steps.1.1.net_.module_state.tensors."
    state = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
    assert state.keys() == model[-1].net_.module_.state_dict().keys()
    assert_same(
        state["linears.0.weight"], model[-1].net_.module_.linears[0].weight.detach().cpu().numpy()
    )


def test_training_rows_are_not_in_the_file(data, tmp_path):
    X, y = data
    for name, repeats in (("few", 1), ("many", 50)):
        model = MLPClassifier(batch_size=30, **FAST)
        save(model.fit(np.tile(X, (repeats, 1)), np.tile(y, repeats)), tmp_path / name)
    sizes = [(tmp_path / name).stat().st_size for name in ("few", "many")]
    assert abs(sizes[0] - sizes[1]) < 200


def test_an_estimator_without_arrays(tmp_path):
    assert type(again(BaseEstimator(), tmp_path)) is BaseEstimator
