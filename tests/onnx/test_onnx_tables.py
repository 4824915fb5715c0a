"""Files of what reads mixed tables: the encoder, RealMLP and TabM."""

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import VotingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

pytest.importorskip("skl2onnx")
pytest.importorskip("onnxruntime")

from agreement import assert_close, check, outputs

from skdeep import (
    MLPClassifier,
    RealMLPClassifier,
    RealMLPRegressor,
    TabMClassifier,
    TabMRegressor,
)
from skdeep.onnx import to_onnx
from skdeep.preprocessing import TabularEncoder

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
QUICK = {"max_iter": 2, "random_state": 0, "device": "cpu", "n_estimators": 4}
QUICK |= {"hidden_layer_sizes": (32, 32)}
BOTH: dict = {"predict": {}, "predict_proba": {}}
SIZES = (1, 7, 1000)


def frame(n=1000, seed=0, unseen=()):
    """Numbers of all kinds, texts, booleans and categories, with missing values."""
    rng = np.random.default_rng(seed)
    whole = pd.Series(rng.integers(1, 5, n))
    return pd.DataFrame(
        {
            "size": np.where(rng.random(n) < 0.1, np.nan, 3 * rng.normal(size=n) + 1e3),
            "kind": rng.choice(["a", "b", "c", *unseen], n),
            "city": rng.choice([f"c{i}" for i in range(40)] + list(unseen), n),
            "yes": rng.random(n) < 0.4,
            "two": rng.choice([3.0, 7.0, np.nan], n),
            "count": rng.poisson(3, n),
            "level": pd.Categorical(whole),
            "text": rng.choice(["u", "v", None], n),
            "single": np.round(rng.normal(size=n), 1).astype(np.float32),
            "constant": np.ones(n),
            "maybe": rng.choice([True, False, None], n),
            "whole": whole.astype("Int64").where(rng.random(n) < 0.8),
            "share": pd.Categorical(rng.choice([0.1, 0.25, 1.5], n)),
        }
    )


X, NEW = frame(), frame(seed=1, unseen=["new", "", "None"])
Y = np.digitize(X["size"].fillna(1e3) - 1e3 + 2 * (X["kind"] == "a") + X["count"], [2, 4])
NUMBERS = X["size"].fillna(1e3).to_numpy() + X["count"].to_numpy()


def check_table(model, methods, rows=(X, NEW), **options):
    """A file says what the model says, of rows with unseen levels and missing values."""
    proto = to_onnx(model, rows[0], methods=methods, **options)
    for table in rows:
        for n in SIZES:
            found = outputs(proto, table[:n])
            for value, (method, arguments) in zip(found.values(), methods.items()):
                assert_close(value, getattr(model, method)(table[:n], **arguments))
    return proto


@pytest.mark.parametrize("inputs", ["columns", "types"])
@pytest.mark.parametrize("max_one_hot", [1, 3, 64])
@pytest.mark.parametrize("numeric", ["robust", "quantile"])
def test_encoder(numeric, max_one_hot, inputs):
    encoder = TabularEncoder(numeric=numeric, max_one_hot=max_one_hot).fit(X)
    proto = check_table(encoder, {"transform": {}}, inputs=inputs)
    kinds = ["string", "float64", "bool", "int64", "float32"]
    names = {value.name for value in proto.graph.input}
    assert names == (set(X.columns) if inputs == "columns" else set(kinds))


def test_many_quantiles():
    """More than fit into two digits, with knots that are equal."""
    table = pd.concat([frame(1000, seed) for seed in range(12)], ignore_index=True)
    encoder = TabularEncoder(numeric="quantile").fit(table)
    assert len(encoder._quantiles) > 256 and (np.diff(encoder._quantiles, axis=0) == 0).any()
    far = NEW.assign(size=NEW["size"] * np.where(NEW["yes"], 1e6, -1.0))
    check_table(encoder, {"transform": {}}, rows=(table[:1000], far))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_encoder_of_arrays(dtype):
    rng = np.random.default_rng(0)
    array = np.c_[rng.normal(size=(1000, 2)), rng.integers(0, 30, (1000, 2)), np.ones(1000)]
    array = np.where(rng.random(array.shape) < 0.1, np.nan, array).astype(dtype)
    encoder = TabularEncoder(categorical_features=[2], max_one_hot=8).fit(array)
    new = array.copy()
    new[::3, 2] = 77
    check_table(encoder, {"transform": {}}, rows=(array, new))


@pytest.mark.parametrize("column", [np.ones(9), ["a"] * 9])
def test_encoder_of_nothing(column):
    table = pd.DataFrame({"x": column})
    check_table(TabularEncoder().fit(table), {"transform": {}}, rows=(table,))


CLASSIFIERS = {
    "realmlp": RealMLPClassifier(**QUICK),
    "realmlp, calibrated": RealMLPClassifier(calibrate=True, parametric_activation=False, **QUICK),
    "realmlp, plain": RealMLPClassifier(
        activation="mish", embedding_size=0, scaling_layer=False, **{**QUICK, "n_estimators": 1}
    ),
    "realmlp, double": RealMLPClassifier(dtype="float64", activation="silu", **QUICK),
    "tabm": TabMClassifier(n_networks=2, **QUICK),
    "tabm, full": TabMClassifier(variant="full", calibrate=True, **QUICK),
    "tabm, plain": TabMClassifier(embedding_size=0, max_one_hot=8, n_networks=1, **QUICK),
    "tabm, double": TabMClassifier(dtype="float64", n_networks=2, **QUICK),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers(name):
    texts, several = np.array(["low", "mid", "high"])[Y], np.eye(3, dtype=int)[Y]
    for y in (texts, Y == 1, several):
        check_table(CLASSIFIERS[name].fit(X, y), BOTH)


@pytest.mark.parametrize("reg", [RealMLPRegressor(**QUICK), TabMRegressor(n_networks=2, **QUICK)])
def test_regressors(reg):
    """With targets far from zero, which take double precision, and intervals."""
    methods = {"predict": {}, "predict_interval": {"coverage": 0.8}}
    for y in (NUMBERS, np.c_[NUMBERS, 2 * NUMBERS], 1e4 * NUMBERS + 1e9):
        check_table(reg.fit(X, y), methods)


def test_pruned():
    clf = TabMClassifier(n_networks=2, **{**QUICK, "n_estimators": 8}).fit(X, Y)
    clf.prune(NEW, Y, 3)
    check_table(clf, BOTH)


def test_arrays():
    numbers = np.random.default_rng(0).normal(size=(1000, 4))
    for dtype in (np.float32, np.float64):
        for clf in (RealMLPClassifier(**QUICK), TabMClassifier(**QUICK)):
            check(clf.fit(numbers.astype(dtype), Y), numbers.astype(dtype), list(BOTH))


def test_inside_others():
    """As a step, in ensembles, behind a transformer of columns of different types."""
    parts = [
        ("table", TabularEncoder(), ["kind", "size", "yes", "maybe"]),
        ("numbers", StandardScaler(), ["count", "single"]),
        ("levels", OneHotEncoder(handle_unknown="ignore"), ["city", "text"]),
    ]
    mlp = MLPClassifier((8,), max_iter=3, random_state=0, device="cpu")
    realmlp = RealMLPClassifier(**QUICK)
    for model in (
        make_pipeline(TabularEncoder(), mlp),
        make_pipeline(ColumnTransformer(parts), mlp),
        make_pipeline(ColumnTransformer([("all", "passthrough", list(X))]), "passthrough", realmlp)
        .set_params(columntransformer__verbose_feature_names_out=False)
        .set_output(transform="pandas"),
        VotingClassifier(
            [("a", realmlp), ("b", make_pipeline(TabularEncoder(), mlp))], voting="soft"
        ),
        CalibratedClassifierCV(realmlp, cv=2),
    ):
        check_table(model.fit(X, Y), BOTH)
