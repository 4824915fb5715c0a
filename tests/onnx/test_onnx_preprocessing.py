"""Files of scikit-learn's transformers, before a perceptron and alone."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.impute import KNNImputer, MissingIndicator, SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

pytest.importorskip("skl2onnx")
pytest.importorskip("onnxruntime")

from agreement import assert_close, outputs

from skdeep import MLPClassifier
from skdeep.onnx import to_onnx

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Found unknown categories"),
]
RNG = np.random.default_rng(0)
N = 1000
TABLE = pd.DataFrame(
    {
        "gaps": np.where(RNG.random(N) < 0.1, np.nan, RNG.normal(size=N)),
        "single": RNG.normal(size=N).astype(np.float32),
        "count": RNG.integers(0, 9, N),
        "kind": RNG.choice(["x", "y", "z"], N, p=[0.6, 0.395, 0.005]),
        "maybe": pd.array(RNG.choice(["u", "v", None], N), dtype="str"),
        "flag": RNG.random(N) < 0.3,
        "level": np.where(RNG.random(N) < 0.1, np.nan, RNG.integers(0, 3, N) / 2),
    }
)
Y = np.digitize(TABLE["single"] + TABLE["count"], [2, 5])
NEW = TABLE.assign(
    kind=np.where(TABLE["flag"], "new", TABLE["kind"]),
    count=np.where(TABLE["flag"], 77, TABLE["count"]),
    level=np.where(TABLE["flag"], 0.3, TABLE["level"]),
)


def check(model, rows=(TABLE,), method="transform"):
    proto = to_onnx(model, rows[0], methods=[method])
    for X in rows:
        for n in (1, 7, N):
            (found,) = outputs(proto, X[:n]).values()
            expected = getattr(model, method)(X[:n])
            expected = expected.toarray() if hasattr(expected, "toarray") else np.asarray(expected)
            if found.dtype.kind == "f":
                expected = expected.astype(float)
            assert_close(found, expected)


def test_pipeline_as_many_write_it():
    """Imputed and scaled numbers, imputed and encoded texts, a perceptron."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    texts = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="missing"),
        OneHotEncoder(handle_unknown="ignore"),
    )
    columns = ColumnTransformer(
        [
            ("numbers", numbers, make_column_selector(dtype_include=np.number)),
            ("texts", texts, ["kind", "maybe"]),
        ]
    )
    mlp = MLPClassifier((8,), max_iter=3, random_state=0, device="cpu")
    model = make_pipeline(columns, mlp).fit(TABLE, Y)
    check(model, (TABLE, NEW), "predict_proba")
    check(model, (TABLE, NEW), "predict")


TEXTS = ["kind", "maybe"]
ENCODERS = {
    "one hot": OneHotEncoder(handle_unknown="ignore"),
    "one hot, first dropped": OneHotEncoder(drop="first", handle_unknown="ignore"),
    "one hot, binary": OneHotEncoder(drop="if_binary", handle_unknown="ignore"),
    "one hot, rare": OneHotEncoder(min_frequency=20, handle_unknown="infrequent_if_exist"),
    "one hot, few": OneHotEncoder(max_categories=2, handle_unknown="infrequent_if_exist"),
    "ordinal": OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
    "ordinal, missing": OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=-1,
        encoded_missing_value=-2,
        min_frequency=20,
    ),
    "target": TargetEncoder(cv=2, random_state=0),
}


@pytest.mark.parametrize("columns", [TEXTS, ["count", "level", "flag"], [*TEXTS, "level"]], ids=str)
@pytest.mark.parametrize("name", ENCODERS)
def test_encoders(name, columns):
    encoder = ENCODERS[name].fit(TABLE[columns], Y)
    if not name.startswith("ordinal") or "missing" in name:  # else NaN stays NaN
        check(encoder, (TABLE[columns], NEW[columns]))
    if len(columns) < 3 or "kind" not in columns:
        complete = TABLE[columns].dropna()
        known = ENCODERS[name].fit(complete, Y[: len(complete)])
        check(known, (complete, NEW[columns].loc[complete.index]))


def test_encoder_that_refuses_unknown_levels():
    check(OneHotEncoder(drop="first").fit(TABLE[TEXTS]), (TABLE[TEXTS],))


def test_encoder_of_arrays():
    X = np.c_[RNG.integers(0, 4, N), RNG.integers(0, 2, N)].astype(float)
    encoder = OneHotEncoder(handle_unknown="ignore").fit(X)
    (found,) = outputs(to_onnx(encoder, X), X + 1).values()
    assert_close(found, encoder.transform(X + 1).toarray())


NUMBERS = ["gaps", "single", "count", "flag"]
COMPLETE = ["single", "count", "flag"]
TRANSFORMERS = {
    "mean": (SimpleImputer(), NUMBERS),
    "indicated": (SimpleImputer(strategy="median", add_indicator=True), NUMBERS),
    "of a number": (SimpleImputer(missing_values=3, strategy="most_frequent"), ["count"]),
    "indicators": (MissingIndicator(), ["gaps", "single", "level"]),
    "all indicators": (MissingIndicator(features="all"), ["gaps", "single"]),
    "of neighbours": (KNNImputer(), ["gaps", "single"]),
    "scaled": (StandardScaler(), COMPLETE),
    "range": (MinMaxScaler(), COMPLETE),
    "robust": (RobustScaler(), COMPLETE),
    "normalised": (Normalizer(), COMPLETE),
    "yeo-johnson": (PowerTransformer(), NUMBERS),
    "plain yeo-johnson": (PowerTransformer(standardize=False), ["gaps", "count"]),
    "ranks": (QuantileTransformer(n_quantiles=100), NUMBERS),
    "normal scores": (
        QuantileTransformer(n_quantiles=100, output_distribution="normal"),
        NUMBERS,
    ),
    "bins": (KBinsDiscretizer(4, encode="ordinal"), ["single", "count"]),
    "one hot bins": (KBinsDiscretizer(4, encode="onehot", strategy="uniform"), ["single", "count"]),
    "two": (Binarizer(threshold=0.5), COMPLETE),
    "squares": (PolynomialFeatures(), COMPLETE),
    "products": (PolynomialFeatures(3, interaction_only=True, include_bias=False), COMPLETE),
    "cubes": (PolynomialFeatures((2, 3)), COMPLETE),
    "function": (FunctionTransformer(np.square), ["single", "count"]),
}


@pytest.mark.filterwarnings("ignore:Bins whose width are too small")
@pytest.mark.parametrize("name", TRANSFORMERS)
def test_numbers(name):
    transformer, columns = TRANSFORMERS[name]
    check(transformer.fit(TABLE[columns]), (TABLE[columns],))
    X = TABLE[columns].astype(np.float32)
    check(transformer.fit(X), (X,))


@pytest.mark.parametrize("columns", [["single"], ["single", "count"], ["kind"]], ids=str)
def test_columns_that_pass(columns):
    """Transformers that hold others, alone in a file, with nothing to do or little."""
    X = TABLE[["single", "count", "kind", "maybe"]]
    passing = ColumnTransformer([("some", "passthrough", columns)])
    check(passing.fit(X), (X,))
    if "single" in columns:
        scaled = ColumnTransformer([("some", StandardScaler(), columns)])
        check(make_pipeline(scaled, "passthrough").fit(X), (X,))
    check(FunctionTransformer().fit(X[columns]), (X[columns],))


def test_box_cox():
    X = TABLE[["count"]] + 1.5
    check(PowerTransformer(method="box-cox").fit(X), (X,))


def test_columns_without_a_value():
    X = TABLE[["gaps", "single"]].assign(nothing=np.nan)
    with pytest.warns(UserWarning, match="Skipping features without any observed"):
        imputer = SimpleImputer().fit(X)
        expected = imputer.transform(X)
    (found,) = outputs(to_onnx(imputer, X), X).values()
    assert_close(found, expected)
    check(SimpleImputer(keep_empty_features=True, strategy="constant").fit(X), (X,))


def test_texts():
    for strategy in ("most_frequent", "constant"):
        imputer = SimpleImputer(strategy=strategy, fill_value="?").fit(TABLE[TEXTS])
        check(imputer, (TABLE[TEXTS],))
    with pytest.raises(ValueError, match="add_indicator=True of texts would put numbers and texts"):
        imputer = SimpleImputer(strategy="most_frequent", add_indicator=True).fit(TABLE[TEXTS])
        to_onnx(imputer, TABLE[TEXTS])
