"""Ensembles of RealMLP, TabM and trees."""

import functools
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import make_classification, make_regression
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdeep import RealMLPClassifier, RealMLPRegressor, TabMClassifier, TabMRegressor, persistence
from skdeep.ensemble import (
    TabularEnsembleClassifier,
    TabularEnsembleRegressor,
    WeightedEnsembleClassifier,
)
from skdeep.ensemble.held_out import fit_and_hold_out
from skdeep.ensemble.selection import greedy_weights

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
LIGHT = {"hidden_layer_sizes": (8,), "max_iter": 4, "random_state": 0, "device": "cpu"}
TREES = {"n_estimators": 30, "bootstrap": True, "oob_score": True, "random_state": 0}


def networks(kind):
    classes = {
        "classifier": (RealMLPClassifier, TabMClassifier),
        "regressor": (RealMLPRegressor, TabMRegressor),
    }
    real, tabm = classes[kind]
    return [("realmlp", real(**LIGHT)), ("tabm", tabm(n_estimators=2, **LIGHT))]


CLASSIFIERS = [*networks("classifier"), ("trees", ExtraTreesClassifier(**TREES))]
REGRESSORS = [*networks("regressor"), ("trees", ExtraTreesRegressor(**TREES))]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(
    [
        TabularEnsembleClassifier([CLASSIFIERS[0], ("linear", LogisticRegression())]),
        TabularEnsembleRegressor([REGRESSORS[0], ("linear", Ridge())]),
    ]
)
def test_sklearn_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def mixed():
    """A frame with texts and missing values, and labels."""
    X, y = make_classification(500, 5, n_informative=4, n_redundant=0, random_state=0)
    frame = pd.DataFrame(X, columns=list("abcde"))
    frame["kind"] = np.where(X[:, 0] > 0, "up", "down")
    frame = frame.mask(np.random.RandomState(0).rand(*frame.shape) < 0.05)
    return frame, np.array(["no", "yes"])[y]


@pytest.mark.parametrize("name", ["realmlp", "tabm"])
def test_rows_that_networks_hold_out(name):
    """Their predictions are those of members that have not seen the rows."""
    X, y = make_regression(400, 4, noise=20, random_state=0)
    member = dict(networks("regressor"))[name]
    member.set_params(max_iter=40, hidden_layer_sizes=(64,))
    rows, predictions = fit_and_hold_out(member, X, y, {}, None)
    assert (np.diff(rows) > 0).all()
    assert len(rows) == 80 * member._design.n_networks  # each holds out a fifth of its own
    assert predictions.shape == rows.shape
    whole = member.predict(X)[rows]
    assert np.std(predictions - y[rows]) > np.std(whole - y[rows]) > 0
    residuals = np.sort(np.abs(predictions - y[rows]))
    np.testing.assert_allclose(residuals, member._residuals[:, 0], rtol=1e-4)


def test_rows_that_are_out_of_bag():
    X, y = make_classification(200, 4, n_classes=3, n_informative=3, n_redundant=0, random_state=0)
    forest = ExtraTreesClassifier(**TREES)
    rows, predictions = fit_and_hold_out(forest, X, y, {}, np.arange(3))
    np.testing.assert_array_equal(predictions, forest.oob_decision_function_[rows])
    assert len(rows) > 190


def test_folds_of_other_estimators():
    X, y = make_regression(50, 3, noise=1, random_state=0)
    rows, predictions = fit_and_hold_out(Ridge(), X, y, {}, None)
    np.testing.assert_array_equal(rows, np.arange(50))
    np.testing.assert_allclose(predictions, cross_val_predict(Ridge(), X, y, cv=KFold(5)))


def test_weights_are_chosen_on_common_rows(mixed):
    X, y = mixed
    members = [*networks("classifier"), ("linear", make_pipeline(StandardScaler(), Scored()))]
    frame = X[list("abcde")].fillna(0.0)
    ensemble = TabularEnsembleClassifier(members, scoring="accuracy", n_rounds=5).fit(frame, y)
    assert ensemble.weights_.sum() == pytest.approx(1)
    assert (ensemble.weights_ >= 1 / 8 - 1e-12).all()  # each keeps its share of the start
    mean = np.tensordot(
        ensemble.weights_, [m.predict_proba(frame) for m in ensemble.estimators_], 1
    )
    np.testing.assert_allclose(ensemble.predict_proba(frame), mean)
    equal = TabularEnsembleClassifier(members, n_rounds=0).fit(frame, y)
    np.testing.assert_allclose(equal.weights_, 1 / 3)


class Scored(LogisticRegression):
    """A linear classifier under a name of its own."""


def test_selection_from_equal_weights():
    rng = np.random.RandomState(0)
    target = rng.normal(size=60)
    predictions = target + rng.normal(size=(3, 60)) * [[0.1], [3], [3]]

    def score(p, y):
        return -np.square(p - y).mean()

    weights = greedy_weights(predictions, target, score, 20, start=True)
    assert weights[0] > 0.8 and (weights > 0).all()
    counts, best = np.ones(3), (score(predictions.mean(0), target), np.ones(3))
    for _ in range(20):
        tried = [counts + np.eye(3)[i] for i in range(3)]
        scores = [score(c @ predictions / c.sum(), target) for c in tried]
        counts = tried[int(np.argmax(scores))]
        best = max(best, (max(scores), counts), key=lambda pair: pair[0])
    np.testing.assert_allclose(weights, best[1] / best[1].sum())


def test_default_members_take_mixed_frames(mixed):
    X, y = mixed
    clf = TabularEnsembleClassifier(max_time=6, random_state=0, device="cpu").fit(X, y)
    assert list(clf.named_estimators_) == ["trees", "realmlp", "tabm"]
    assert clf.score(X, y) > 0.85
    assert clf.predict_proba(X).shape == (500, 2)
    np.testing.assert_array_equal(clf.feature_names_in_, X.columns)


def test_regressors_of_several_outputs():
    X, y = make_regression(300, 4, n_targets=2, noise=1, random_state=0)
    reg = TabularEnsembleRegressor(REGRESSORS).fit(X, y)
    assert reg.predict(X).shape == y.shape
    assert list(reg.named_estimators_) == ["realmlp", "tabm", "trees"]


def test_few_rows_have_equal_weights():
    X, y = make_classification(40, 4, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clf = TabularEnsembleClassifier(CLASSIFIERS).fit(X, y)
    np.testing.assert_allclose(clf.weights_, 1 / 3)


def test_seeds_files_and_sample_weights(mixed, tmp_path):
    X, y = mixed[0][list("abcde")].fillna(0.0), mixed[1]
    weight = np.random.RandomState(0).uniform(0.5, 2, len(y))
    first, second = (
        TabularEnsembleClassifier(CLASSIFIERS).fit(X, y, sample_weight=weight) for _ in range(2)
    )
    wanted = first.predict_proba(X)
    np.testing.assert_array_equal(second.predict_proba(X), wanted)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(first)).predict_proba(X), wanted)
    persistence.save(first, tmp_path / "model")
    np.testing.assert_array_equal(persistence.load(tmp_path / "model").predict_proba(X), wanted)


def test_a_time_limit_is_shared(mixed):
    X, y = mixed
    limits = []

    class Watched(RealMLPClassifier):
        def fit(self, X, y):
            limits.append(self.max_time)
            return super().fit(X, y)

    members = [(name, Watched(**LIGHT)) for name in "ab"]
    TabularEnsembleClassifier(members, max_time=100.0).fit(X, y)
    assert 49 < limits[0] <= 50 < 90 < limits[1] <= 100


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"estimators": [("a", Ridge())]}, "'a' is Ridge.*: expected a classifier"),
        ({"n_rounds": -1}, "The 'n_rounds' parameter"),
        ({"max_time": 0}, "The 'max_time' parameter"),
        ({"categorical_features": "all"}, "The 'categorical_features' parameter"),
    ],
)
def test_bad_parameters(parameters, message, mixed):
    with pytest.raises(ValueError, match=message):
        TabularEnsembleClassifier(**parameters).fit(*mixed)


@pytest.fixture
def light(monkeypatch):
    """Small networks in place of the default members."""
    for cls, kinds, trees in (
        (TabularEnsembleClassifier, (RealMLPClassifier, TabMClassifier), ExtraTreesClassifier),
        (TabularEnsembleRegressor, (RealMLPRegressor, TabMRegressor), ExtraTreesRegressor),
    ):
        small = [functools.partial(kind, hidden_layer_sizes=(8,), max_iter=30) for kind in kinds]
        monkeypatch.setattr(cls, "_default_members", (small, trees))


def test_sample_weights_reach_all_default_members(light):
    X, y = np.random.RandomState(0).randint(2, size=(200, 2)), np.arange(200) % 2
    weight = np.where(y == 1, 1e-9, 1.0)
    clf = TabularEnsembleClassifier(random_state=0, device="cpu")
    for routed in (False, True):
        with (
            warnings.catch_warnings(action="ignore"),
            config_context(enable_metadata_routing=routed),
        ):
            clf.fit(X, y, sample_weight=weight)
            assert all((member.predict(X) == 0).all() for member in clf.estimators_)


def test_sample_weights_reach_the_last_step_of_pipelines():
    X, y = make_classification(200, 4, random_state=0)
    weight = np.where(y == 1, 1e-9, 1.0)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    clf = WeightedEnsembleClassifier([("a", pipeline), ("b", LogisticRegression())])
    assert (clf.fit(X, y, sample_weight=weight).predict(X) == 0).all()


@pytest.mark.parametrize(("scale", "offset"), [(1e-9, 0.0), (1.0, 1e9)])
def test_trees_predict_targets_of_any_units(light, scale, offset):
    X, y = make_regression(200, 4, random_state=0)
    y = y / y.std()
    reg = TabularEnsembleRegressor(random_state=0, device="cpu")
    with warnings.catch_warnings(action="ignore"):
        wanted = reg.fit(X, y).named_estimators_["trees"].predict(X)
        found = reg.fit(X, scale * y + offset).named_estimators_["trees"].predict(X)
    np.testing.assert_allclose((found - offset) / scale, wanted, atol=0.1)


def test_out_of_bag_predictions_are_in_the_units_of_y():
    X, y = make_regression(200, 4, random_state=0)
    forest = ExtraTreesRegressor(50, bootstrap=True, oob_score=True, random_state=0)
    scaled = TransformedTargetRegressor(forest, transformer=StandardScaler())
    rows, held_out = fit_and_hold_out(scaled, X, 1e6 + y, {}, None)
    np.testing.assert_array_equal(rows, np.arange(200))
    assert held_out.shape == y.shape
    assert r2_score(1e6 + y, held_out) > 0.7
