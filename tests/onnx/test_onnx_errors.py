"""What cannot be written, or not from these rows, is an error that says what and where."""

import datetime
import decimal

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.kernel_approximation import RBFSampler
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

pytest.importorskip("skl2onnx")

from skdeep import MLPClassifier, MLPRegressor, RealMLPRegressor, TabMRegressor
from skdeep.onnx import to_onnx
from skdeep.preprocessing import TabularEncoder

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
LIGHT = {"hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0, "device": "cpu"}
X, Y = load_iris(return_X_y=True, as_frame=True)


def mlp(X=X, y=Y):
    return MLPClassifier(**LIGHT).fit(X, y)


@pytest.mark.parametrize(
    "model", [MLPClassifier(), make_pipeline(StandardScaler(), MLPClassifier())]
)
def test_unfitted(model):
    with pytest.raises(NotFittedError, match=f"This {type(model).__name__} instance is not fitted"):
        to_onnx(model, X)


def test_other_columns():
    pipe = make_pipeline(StandardScaler(), MLPClassifier(**LIGHT)).fit(X, Y)
    for model in (pipe, mlp()):
        with pytest.raises(
            ValueError, match="Feature names must be in the same order as they were"
        ):
            to_onnx(model, X[X.columns[::-1]])
        with pytest.raises(ValueError, match=r"unseen at fit time:\n- length"):
            to_onnx(model, X.rename(columns={"petal length (cm)": "length"}))
    with pytest.raises(ValueError, match="X has 3 features, but MLPClassifier is expecting 4"):
        to_onnx(mlp(X.to_numpy()), X.to_numpy()[:, :3])
    with pytest.raises(ValueError, match="X has several columns of the name 'a'"):
        to_onnx(mlp(X.to_numpy()), X.set_axis(list("abca"), axis=1))
    with pytest.raises(ValueError, match="inputs='rows': expected 'columns' or 'types'"):
        to_onnx(mlp(), X, inputs="rows")


DAY = datetime.date(2020, 1, 31)
REFUSED = {
    "instants": (pd.to_datetime(["2020-01-31"] * 2), r"dates or times \(datetime64\[.*\]\)"),
    "days": ([DAY, None], r"dates \(datetime\.date\)"),
    "durations": (pd.to_timedelta([1, 2], "h"), r"dates or times \(timedelta64\[.*\]\)"),
    "months": (pd.period_range("2020-01", periods=2, freq="M"), r"dates or times \(Period\)"),
    "money": ([decimal.Decimal("1.5"), None], r"decimals \(Decimal\)"),
    "pairs": ([(1, 2), (3, 4)], r"values of the type tuple"),
    "complex": ([1j, 2j], r"values of the type complex128"),
    "levels": (pd.Categorical([DAY, DAY]), r"dates \(datetime\.date\)"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_types_that_onnx_cannot_carry(kind):
    values, what = REFUSED[kind]
    table = pd.DataFrame({"a": [1.0, 2.0], kind: values})
    with pytest.raises(ValueError, match=f"Column '{kind}' holds {what}, which tensors of ONNX"):
        to_onnx(TabularEncoder().fit(pd.DataFrame({"a": [1.0, 2.0], kind: ["x", "y"]})), table)


@pytest.mark.parametrize(
    ("dtype", "what"),
    [("timestamp[s][pyarrow]", "dates or times"), ("decimal128(3, 1)[pyarrow]", "decimals")],
)
def test_types_of_arrow_that_onnx_cannot_carry(dtype, what):
    pytest.importorskip("pyarrow")
    if what == "decimals":
        import pyarrow as pa

        dtype = pd.ArrowDtype(pa.decimal128(3, 1))
    table = pd.DataFrame({"when": pd.array([None, None], dtype=dtype)})
    encoder = TabularEncoder().fit(pd.DataFrame({"when": [1.0, 2.0]}))
    with pytest.raises(ValueError, match=f"Column 'when' holds {what}"):
        to_onnx(encoder, table)


def test_array_of_dates():
    with pytest.raises(ValueError, match=r"X holds dates or times \(datetime64\[D\]\)"):
        to_onnx(mlp(X.to_numpy()), np.full((2, 4), "2020-01-31", "datetime64[D]"))


def test_sparse_rows():
    clf = mlp(sp.csr_matrix(X.to_numpy()))
    with pytest.raises(TypeError, match=r"X is sparse \(csr_matrix\), and ONNX files take dense"):
        to_onnx(clf, sp.csr_matrix(X.to_numpy()))
    frame = X.astype(pd.SparseDtype("float64"))
    with pytest.raises(TypeError, match="Column 'sepal length .* is sparse"):
        to_onnx(mlp(), frame)


def double(x):
    return 2 * x


def products(x, y):
    return x @ y.T


class Mine(MLPClassifier):
    pass


def test_steps_that_cannot_be_written():
    def model(step):
        parts = ColumnTransformer([("left", step, [0, 1])], remainder="passthrough")
        return make_pipeline(parts, MLPClassifier(**LIGHT)).fit(X.to_numpy(), Y)

    with pytest.raises(
        ValueError,
        match="step 'columntransformer__left': the callable func=double cannot be written; known",
    ):
        to_onnx(model(FunctionTransformer(double)), X.to_numpy())
    pipe = make_pipeline(StandardScaler(), SVC(kernel=products)).fit(X, Y)
    with pytest.raises(ValueError, match="step 'svc': skl2onnx cannot write this SVC: "):
        to_onnx(pipe, X)
    with pytest.raises(
        ValueError,
        match="step 'columntransformer__left': neither skdeep nor skl2onnx can write a RBFSampler",
    ):
        to_onnx(model(RBFSampler(random_state=0)), X.to_numpy())
    with pytest.raises(ValueError, match="neither skdeep nor skl2onnx can write a Mine"):
        to_onnx(Mine(**LIGHT).fit(X, Y), X)


def test_callables_of_targets():
    reg = TransformedTargetRegressor(
        MLPRegressor(**LIGHT), func=double, inverse_func=double, check_inverse=False
    ).fit(X, Y)
    message = r"step 'transformer_': the callable inverse_func=double cannot be written; known are"
    with pytest.raises(ValueError, match=message):
        to_onnx(reg, X)


def test_methods_that_cannot_be_written():
    with pytest.raises(ValueError, match=r"predict_interval of a MLPClassifier cannot be written"):
        to_onnx(mlp(), X, methods=["predict", "predict_interval"])
    with pytest.raises(ValueError, match="predict of a MLPClassifier has no argument 'threshold'"):
        to_onnx(mlp(), X, methods={"predict": {"threshold": 0.3}})
    pipe = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    with pytest.raises(
        ValueError, match="step 'logisticregression': skl2onnx does not write score"
    ):
        to_onnx(pipe, X, methods=["score"])
    votes = VotingClassifier([("a", MLPClassifier(**LIGHT))], voting="hard").fit(X, Y)
    with pytest.raises(ValueError, match="predict_proba of a VotingClassifier cannot be written"):
        to_onnx(votes, X, methods=["predict_proba"])
    several = np.eye(3, dtype=int)[Y]
    stack = StackingClassifier([("a", MLPClassifier(**LIGHT))], MLPClassifier(**LIGHT), cv=2)
    with pytest.raises(
        ValueError, match="a StackingClassifier of several labels cannot be written"
    ):
        to_onnx(stack.fit(X, several), X)


@pytest.mark.parametrize("cls", [RealMLPRegressor, TabMRegressor])
def test_intervals_that_cannot_be_written(cls):
    options = {**LIGHT, "n_estimators": 1}
    reg = cls(early_stopping=False, **options).fit(X, Y)
    with pytest.raises(ValueError, match="predict_interval needs rows that training held out"):
        to_onnx(reg, X, methods=["predict_interval"])
    reg = cls(**options).fit(X, Y)
    with pytest.raises(ValueError, match=r"coverage must be in \(0, 1\), got 1.5"):
        to_onnx(reg, X, methods={"predict_interval": {"coverage": 1.5}})


def test_classes_that_are_no_labels_in_onnx():
    y = np.array(["2020-01-01", "2020-01-02", "2020-01-03"], dtype="datetime64[D]")[Y]
    with pytest.raises(ValueError, match=r"its classes are of the type datetime64\[D\] \(such as"):
        to_onnx(mlp(y=y), X)


def test_numbers_and_texts_in_one_tensor():
    table = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": ["x", "y", "z"]})
    model = FunctionTransformer().fit(table)
    with pytest.raises(ValueError, match="numbers and texts would have to be in one tensor"):
        to_onnx(model, table)


def test_columns_of_another_type_than_in_fit():
    encoder = TabularEncoder().fit(pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": ["x", "y", "z"]}))
    with pytest.raises(ValueError, match="column 'a' is not numeric here, but it was in fit"):
        to_onnx(encoder, pd.DataFrame({"a": ["1", "2"], "b": ["x", "y"]}))
    with pytest.raises(ValueError, match="column 'b' held 'x' and the like in fit, but here it is"):
        to_onnx(encoder, pd.DataFrame({"a": [1.0, 2.0], "b": [1, 2]}))
    with pytest.warns(UserWarning, match="holds numbers and text"):
        encoder = TabularEncoder().fit(pd.DataFrame({"c": [1, "1", "2"]}, dtype=object))
    with pytest.raises(ValueError, match="column 'c' has several levels that are '1' as texts"):
        to_onnx(encoder, pd.DataFrame({"c": ["1", "2"]}))
