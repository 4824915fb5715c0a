"""Files of estimators that hold a perceptron: pipelines, searches, ensembles, calibration."""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeClassifier

pytest.importorskip("skl2onnx")
pytest.importorskip("onnxruntime")

from agreement import check

from skdeep import MLPClassifier, MLPRegressor
from skdeep.ensemble import WeightedEnsembleClassifier, WeightedEnsembleRegressor
from skdeep.tuning import OptunaSearchCV

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
LIGHT = {"max_iter": 8, "learning_rate_init": 0.01, "random_state": 0, "device": "cpu"}
X, Y = make_classification(1000, 6, n_informative=6, n_redundant=0, n_classes=3, random_state=0)
TEXTS = np.array(["low", "mid", "high"])[Y]
TWO = (Y == 1).astype(int)
NUMBERS = X @ np.arange(6) + np.sin(X[:, 0])
POSITIVE = np.exp(NUMBERS / 6)
BOTH = ["predict", "predict_proba"]


def mlp():
    return MLPClassifier((16,), **LIGHT)


def reg():
    return MLPRegressor(hidden_layer_sizes=(16,), **LIGHT)


def pipe():
    return make_pipeline(StandardScaler(), mlp())


def parts(**options):
    return ColumnTransformer(
        [
            ("s", StandardScaler(), [0, 2]),
            ("p", "passthrough", [5, 1]),
            ("q", PCA(2), slice(2, 5)),
            ("d", "drop", [3]),
        ],
        **options,
    )


def calibrated(method, estimator=None):
    return CalibratedClassifierCV(estimator or pipe(), cv=2, method=method)


CLASSIFIERS = {
    "columns": make_pipeline(parts(transformer_weights={"s": 2.0}), mlp()),
    "remainder": make_pipeline(
        ColumnTransformer([("m", MinMaxScaler(), [True, False] * 3)], remainder="passthrough"),
        mlp(),
    ),
    "columns of columns": make_pipeline(
        ColumnTransformer([("a", StandardScaler(), [3, 0, 1])], remainder=RobustScaler()),
        ColumnTransformer([("b", MaxAbsScaler(), [-1, 2])], remainder="passthrough"),
        "passthrough",
        mlp(),
    ),
    "union": make_pipeline(
        FeatureUnion(
            [("a", StandardScaler()), ("b", PCA(2)), ("c", "drop"), ("d", "passthrough")],
            transformer_weights={"b": 3.0},
        ),
        mlp(),
    ),
    "search": GridSearchCV(pipe(), {"mlpclassifier__alpha": [1e-3]}, cv=2),
    "sigmoid": calibrated("sigmoid"),
    "sigmoid of one": CalibratedClassifierCV(pipe(), cv=2, ensemble=False),
    "temperature": calibrated("temperature"),
    "of scores": calibrated("sigmoid", LogisticRegression()),
    "temperature of scores": calibrated("temperature", LogisticRegression()),
    "soft votes": VotingClassifier(
        [("a", pipe()), ("b", LogisticRegression()), ("x", "drop"), ("c", mlp())],
        voting="soft",
        weights=[1, 2, 9, 3],
    ),
    "stack": StackingClassifier(
        [("a", pipe()), ("b", LogisticRegression())], cv=2, final_estimator=mlp()
    ),
    "stack with X": StackingClassifier(
        [("a", pipe()), ("x", "drop"), ("b", RidgeClassifier())], cv=2, passthrough=True
    ),
    "stacked labels": StackingClassifier(
        [("a", pipe()), ("b", mlp())], cv=2, stack_method="predict"
    ),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers(name):
    model = CLASSIFIERS[name]
    for y in (TEXTS, TWO):
        for dtype in (np.float64, np.float32):
            model.fit(X.astype(dtype), y)
            assert check(model, X.astype(dtype), BOTH) == ["label", "probabilities"]


@pytest.mark.parametrize(
    "model",
    [
        BaggingClassifier(mlp(), n_estimators=2, max_features=0.7, random_state=0),
        OneVsRestClassifier(mlp()),
    ],
)
def test_those_that_skl2onnx_takes_apart(model):
    for dtype in (np.float64, np.float32):
        check(model.fit(X.astype(dtype), Y), X.astype(dtype), BOTH)


OTHERS = [
    *(LogisticRegression(), LinearDiscriminantAnalysis(), GaussianNB(), KNeighborsClassifier()),
    *(RandomForestClassifier(9), ExtraTreesClassifier(9), DecisionTreeClassifier(max_depth=5)),
    *(GradientBoostingClassifier(n_estimators=5), AdaBoostClassifier(n_estimators=5)),
]


@pytest.mark.parametrize("other", OTHERS, ids=str)
def test_votes_of_unlike_classifiers(other):
    """Some of which skl2onnx has in single precision only."""
    votes = VotingClassifier([("a", mlp()), ("b", other)], voting="soft")
    for y in (TEXTS, TWO):
        check(votes.fit(X, y), X, BOTH)


@pytest.mark.parametrize("other", [Ridge(), RandomForestRegressor(9), SVR()], ids=str)
def test_votes_of_unlike_regressors(other):
    votes = VotingRegressor([("a", reg()), ("b", other)])
    check(votes.fit(X, NUMBERS), X, ["predict"])


def test_frozen():
    check(calibrated("sigmoid", FrozenEstimator(pipe().fit(X, Y))).fit(X, Y), X, BOTH)


def test_isotonic_calibration():
    """In single precision its steep pieces would make much of the last digit."""
    for y in (TEXTS, TWO):
        check(calibrated("isotonic").fit(X, y), X, BOTH)


def test_weighted_ensembles():
    """Members without probabilities, and such as know some of the classes alone."""
    members = [("a", pipe()), ("b", RidgeClassifier()), ("c", mlp()), ("d", LogisticRegression())]
    for y in (TEXTS, TWO, TWO == 1):
        model = WeightedEnsembleClassifier(members, weights=[1, 2, 0, 3]).fit(X, y)
        assert check(model, X, BOTH) == ["label", "probabilities"]
    model = WeightedEnsembleClassifier(members, weights=[1, 2, 0, 3]).fit(X, TEXTS)
    model.estimators_[0].fit(X[Y < 2], TEXTS[Y < 2])
    check(model, X, BOTH)
    for y in (NUMBERS, np.c_[NUMBERS, POSITIVE]):
        members = [("a", reg()), ("b", Ridge())]
        model = WeightedEnsembleRegressor(members, weights=[1, 3]).fit(X, y)
        assert check(model, X, ["predict"]) == ["variable"]


@pytest.mark.parametrize("refit", [True, "ensemble"])
def test_search_with_optuna(refit):
    space = {"mlpclassifier__alpha": [1e-3, 1e-2]}
    search = OptunaSearchCV(pipe(), space, n_trials=2, cv=2, refit=refit, random_state=0)
    check(search.fit(X, TEXTS), X, BOTH)


def test_hard_votes():
    votes = [("a", pipe()), ("b", LogisticRegression()), ("c", mlp())]
    model = VotingClassifier(votes, voting="hard", weights=[1, 2, 4]).fit(X, TEXTS)
    assert check(model, X, ["predict"]) == ["label"]


@pytest.mark.parametrize("positive", ["no", "yes"])
@pytest.mark.parametrize("method", ["predict_proba", "decision_function"])
def test_thresholds(positive, method):
    y = np.where(TWO, "yes", "no")
    inner = pipe() if method == "predict_proba" else LogisticRegression()
    model = FixedThresholdClassifier(
        inner, threshold=0.3, pos_label=positive, response_method=method
    ).fit(X, y)
    check(model, X, BOTH)
    assert (model.predict(X) != model.estimator_.predict(X)).any()


def test_tuned_threshold():
    model = TunedThresholdClassifierCV(pipe(), scoring="f1", cv=2).fit(X, TWO)
    check(model, X, BOTH)


REGRESSORS = {
    "search": (GridSearchCV(reg(), {"alpha": [1e-3]}, cv=2), NUMBERS),
    "votes": (VotingRegressor([("a", reg()), ("b", Ridge())], weights=[1, 3]), NUMBERS),
    "stack": (StackingRegressor([("a", reg()), ("b", Ridge())], reg(), cv=2), NUMBERS),
    "bag": (BaggingRegressor(reg(), n_estimators=2, random_state=0), NUMBERS),
    "several": (MultiOutputRegressor(reg()), np.c_[NUMBERS, POSITIVE]),
}
TARGETS = {
    "logarithm": FunctionTransformer(np.log, np.exp),
    "standard": StandardScaler(),
    "yeo-johnson": PowerTransformer(),
    "box-cox": PowerTransformer(method="box-cox"),
    "range": MinMaxScaler((-1, 3)),
    "steps": make_pipeline(FunctionTransformer(np.log1p, np.expm1), RobustScaler()),
    "normal scores": QuantileTransformer(n_quantiles=200, output_distribution="normal"),
    "few ranks": QuantileTransformer(n_quantiles=10),
    "ranks": QuantileTransformer(n_quantiles=900),
}


@pytest.mark.parametrize("name", REGRESSORS)
def test_regressors(name):
    model, y = REGRESSORS[name]
    for dtype in (np.float64, np.float32):
        assert check(model.fit(X.astype(dtype), y), X.astype(dtype), ["predict"]) == ["variable"]


@pytest.mark.parametrize("name", TARGETS)
def test_transformed_targets(name):
    model = TransformedTargetRegressor(reg(), transformer=TARGETS[name], check_inverse=False)
    y = NUMBERS if name in ("yeo-johnson", "standard") else POSITIVE
    for target in (y, np.c_[y, np.sqrt(np.abs(y)) + 1]):
        assert check(model.fit(X, target), X, ["predict"]) == ["variable"]
