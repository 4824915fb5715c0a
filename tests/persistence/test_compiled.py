"""Estimators with compiled parts: the same predictions, or refused where an index is wrong."""

import numpy as np
import pytest
from sklearn.cluster import Birch, KMeans
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.neighbors import (
    KernelDensity,
    KNeighborsClassifier,
    KNeighborsRegressor,
    LocalOutlierFactor,
)
from sklearn.preprocessing import SplineTransformer, StandardScaler
from sklearn.svm import SVC, SVR, OneClassSVM
from sklearn.tree import DecisionTreeClassifier

from skdeep import MLPClassifier, RealMLPClassifier
from skdeep.persistence import load, save

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

FEW = {"n_estimators": 3, "random_state": 0}
HIST = {"max_iter": 2, "max_depth": 2, "random_state": 0}
MLP = MLPClassifier((3,), max_iter=2, random_state=0, device="cpu")
MODELS = {
    "tree": DecisionTreeClassifier(max_depth=3),
    "forest": RandomForestClassifier(**FEW),
    "extra trees": ExtraTreesRegressor(**FEW),
    "boosting": GradientBoostingClassifier(**FEW),
    "boosting from zero": GradientBoostingClassifier(init="zero", **FEW),
    "boosting from a model": GradientBoostingClassifier(init=LogisticRegression(), **FEW),
    "huber": GradientBoostingRegressor(loss="huber", **FEW),
    "histograms": HistGradientBoostingClassifier(**HIST),
    "histograms, categories": HistGradientBoostingRegressor(categorical_features=[6], **HIST),
    "neighbors": KNeighborsClassifier(algorithm="kd_tree"),
    "ball tree": KNeighborsRegressor(algorithm="ball_tree", p=3),
    "brute force": KNeighborsClassifier(algorithm="brute", metric="cosine"),
    "density": KernelDensity(),
    "local": LocalOutlierFactor(novelty=True),
    "isolation": IsolationForest(max_features=2, **FEW),
    "vectors": SVC(),
    "linear vectors": SVR(kernel="linear"),
    "one class": OneClassSVM(),
    "sgd": SGDClassifier(loss="modified_huber"),
    "gaussian process": GaussianProcessRegressor(RBF() + WhiteKernel()),
    "splines": SplineTransformer(),
    "voting": VotingClassifier(
        [("mlp", MLP), ("hist", HistGradientBoostingClassifier(**HIST)), ("svc", SVC())]
    ),
    "stacking": StackingClassifier(
        [("mlp", MLP), ("forest", RandomForestClassifier(**FEW)), ("knn", KNeighborsClassifier())],
        cv=2,
    ),
}


@pytest.fixture
def rows(data):
    X, y = data
    return np.column_stack([X, y]), y


def again(model, folder):
    save(model, folder / "model")
    return load(folder / "model")


@pytest.mark.parametrize("name", MODELS)
def test_the_same_answers(name, rows, tmp_path):
    X, y = rows
    model = MODELS[name].fit(X, y)
    loaded = again(model, tmp_path)
    methods = [m for m in ("predict", "score_samples", "transform") if hasattr(model, m)]
    assert methods
    for method in methods:
        np.testing.assert_array_equal(getattr(loaded, method)(X), getattr(model, method)(X))


def test_a_stream_of_boosting_goes_on(rows, tmp_path):
    X, y = rows
    model = HistGradientBoostingClassifier(**HIST, warm_start=True).fit(X, y)
    loaded = again(model, tmp_path)
    for each in (model, loaded):
        each.set_params(max_iter=4).fit(X, y)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_what_is_not_supported_is_refused_by_name(rows, tmp_path):
    with pytest.raises(TypeError, match=r"_CFNode.*trusted="):
        save(Birch().fit(rows[0]), tmp_path / "model")
    model = KNeighborsClassifier(algorithm="ball_tree", metric="mahalanobis")
    model.set_params(metric_params={"VI": np.eye(7)}).fit(*rows)
    with pytest.raises(TypeError, match="BallTree with a metric of Mahalanobis"):
        save(model, tmp_path / "model")
    assert not list(tmp_path.iterdir())


def _with(array, **changes):
    array = array.copy()
    for name, value in changes.items():
        array[name][0] = value
    return array


def _tree_of_other_features(fitted):
    fitted["tree_"] = DecisionTreeClassifier().fit(np.eye(9), np.arange(9) % 3).tree_


def _stage_of_more_trees(fitted):
    stages = fitted["estimators_"]
    fitted["estimators_"] = np.column_stack([stages, stages])


def _set(**values):
    return lambda fitted: fitted.update(values)


def _cut(name, *cut):
    return lambda fitted: fitted.update({name: fitted[name][cut]})


def _first_predictor(change):
    def apply(fitted):
        predictor = fitted["_predictors"][0][0]
        predictor.nodes = _with(predictor.nodes, **change)

    return apply


MISFITS = {
    "tree of other features": (DecisionTreeClassifier(), _tree_of_other_features),
    "tree of fewer classes": (DecisionTreeClassifier(), _cut("classes_", slice(2))),
    "forest of other features": (RandomForestClassifier(**FEW), _set(n_features_in_=3)),
    "stages of more trees": (GradientBoostingClassifier(**FEW), _stage_of_more_trees),
    "stages of other features": (GradientBoostingClassifier(**FEW), _set(n_features_in_=3)),
    "stages from other classes": (
        GradientBoostingClassifier(**FEW),
        _set(init_=DummyClassifier().fit([[0], [1]], [0, 1])),
    ),
    "histograms, a child behind the last": (
        HistGradientBoostingClassifier(**HIST),
        _first_predictor({"left": 10**6}),
    ),
    "histograms, a cycle": (HistGradientBoostingClassifier(**HIST), _first_predictor({"left": 0})),
    "histograms, a feature behind the last": (
        HistGradientBoostingClassifier(**HIST),
        _first_predictor({"feature_idx": 99}),
    ),
    "histograms, a category that is none": (
        HistGradientBoostingClassifier(**HIST),
        _first_predictor({"is_categorical": 1}),
    ),
    "narrow vectors": (SVC(), _cut("support_vectors_", slice(None), slice(2))),
    "few vectors": (SVC(), _cut("support_vectors_", slice(2))),
    "few coefficients": (SVC(), _cut("_dual_coef_", slice(1))),
    "counts of vectors": (SVC(), _set(_n_support=np.array([10**6, 1, 1], np.int32))),
    "narrow centres": (KMeans(2, n_init=1), _cut("cluster_centers_", slice(None), slice(2))),
    "few targets of neighbours": (KNeighborsClassifier(), _cut("_y", slice(3))),
    "classes of neighbours": (KNeighborsClassifier(), _set(classes_=np.array([0]))),
    "coefficients": (LogisticRegression(), _cut("coef_", slice(None), slice(2))),
    "classes of coefficients": (LogisticRegression(), _set(classes_=np.arange(7))),
    "means": (StandardScaler(), _cut("mean_", slice(2))),
    "features of a network": (MLP, _set(n_features_in_=3)),
    "classes of a network": (MLP, _set(classes_=np.arange(7))),
    "outputs of a network": (MLP, _set(n_outputs_=7, classes_=np.arange(7))),
}


@pytest.mark.parametrize("name", MISFITS)
def test_parts_that_do_not_fit(name, rows, tmp_path, monkeypatch):
    model, spoil = MISFITS[name]
    model.fit(*rows)
    spoil(vars(model))
    with pytest.raises(TypeError, match=r"cannot be saved: .*(do not fit|parents|parent)"):
        save(model, tmp_path / "model")
    monkeypatch.setattr("skdeep.persistence._encode.check_model", lambda model: None)
    save(model, tmp_path / "model")
    with pytest.raises(ValueError, match="do not fit|parent"):
        load(tmp_path / "model")


@pytest.mark.parametrize(
    "change",
    [
        {"left_child": 10**6},
        {"left_child": 0},
        {"right_child": -7},
        {"feature": 99},
        {"feature": -1},
    ],
    ids=str,
)
def test_nodes_of_a_tree(change, rows):
    from skdeep.persistence._registry import PLAIN

    tree = DecisionTreeClassifier(max_depth=2).fit(*rows).tree_
    packed = PLAIN["tree"].pack(tree)
    assert PLAIN["tree"].unpack(packed).node_count == tree.node_count
    nodes = packed[4].copy()
    for name, value in change.items():
        nodes[name][0] = value
    with pytest.raises(ValueError, match="a tree (with|that)"):
        PLAIN["tree"].unpack([*packed[:4], nodes, packed[5]])
    with pytest.raises(ValueError, match="depth"):
        PLAIN["tree"].unpack([*packed[:3], 0, *packed[4:]])
    with pytest.raises(ValueError, match="values"):
        PLAIN["tree"].unpack([*packed[:5], packed[5][:1]])


def test_encoder_of_another_table(data, tmp_path, monkeypatch):
    X, y = data
    params = {"hidden_layer_sizes": (4,), "max_iter": 1, "random_state": 0, "device": "cpu"}
    model = RealMLPClassifier(**params).fit(X, y)
    model.encoder_ = RealMLPClassifier(**params).fit(X[:, :3], y).encoder_
    with pytest.raises(TypeError, match="encoder that do not fit"):
        save(model, tmp_path / "model")
    monkeypatch.setattr("skdeep.persistence._encode.check_model", lambda model: None)
    save(model, tmp_path / "model")
    with pytest.raises(ValueError, match="encoder that do not fit"):
        load(tmp_path / "model")
