"""Weighted ensembles of unlike estimators."""

import pickle

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris, make_regression
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict, train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdeep import persistence
from skdeep.ensemble import WeightedEnsembleClassifier, WeightedEnsembleRegressor

CLASSIFIERS = [
    ("trees", ExtraTreesClassifier(10, max_depth=3, random_state=0)),
    ("bayes", GaussianNB()),
    ("ridge", RidgeClassifier()),
]
REGRESSORS = [("trees", ExtraTreesRegressor(10, random_state=0)), ("ridge", Ridge())]


@parametrize_with_checks(
    [
        WeightedEnsembleClassifier(
            [
                ("linear", LogisticRegression()),
                ("tree", DecisionTreeClassifier(max_depth=3, random_state=0)),
            ],
            cv=3,
            n_rounds=5,
        ),
        WeightedEnsembleRegressor(
            [("linear", Ridge()), ("near", KNeighborsRegressor(3))], cv=3, n_rounds=5
        ),
    ]
)
def test_sklearn_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return train_test_split(X[:, :6], y, random_state=0, stratify=y)


def test_weights_come_from_rows_that_were_held_out(cancer):
    """No worse on them than the best member."""
    X, _, y, _ = cancer
    ensemble = WeightedEnsembleClassifier(CLASSIFIERS[:2], cv=KFold(4)).fit(X, y)
    names = list(ensemble.named_estimators_)
    held_out = {
        name: cross_val_predict(member, X, y, cv=KFold(4), method="predict_proba")
        for name, member in CLASSIFIERS[:2]
    }
    mean = sum(w * held_out[name] for name, w in zip(names, ensemble.weights_))
    best = min(log_loss(y, p) for p in held_out.values())
    assert log_loss(y, mean) <= best
    assert ensemble.weights_.sum() == pytest.approx(1)


def test_probabilities_are_the_weighted_mean(cancer):
    X, X_test, y, y_test = cancer
    weights = [3, 1, 0]
    ensemble = WeightedEnsembleClassifier(CLASSIFIERS, weights=weights).fit(X, y)
    alone = [clone(e).fit(X, y).predict_proba(X_test) for _, e in CLASSIFIERS[:2]]
    np.testing.assert_allclose(
        ensemble.predict_proba(X_test), 0.75 * alone[0] + 0.25 * alone[1], rtol=1e-12
    )
    assert [type(e).__name__ for e in ensemble.estimators_] == [
        "ExtraTreesClassifier",
        "GaussianNB",
    ]
    assert ensemble.score(X_test, y_test) > 0.85


def test_a_classifier_without_probabilities(cancer):
    X, X_test, y, _ = cancer
    ridge = WeightedEnsembleClassifier(CLASSIFIERS, weights=[0, 0, 1]).fit(X, y)
    p = ridge.predict_proba(X_test)
    assert np.isin(p, [0, 1]).all()
    np.testing.assert_array_equal(
        ridge.predict(X_test), RidgeClassifier().fit(X, y).predict(X_test)
    )


def test_classes_that_a_fold_lacks():
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    ensemble = WeightedEnsembleClassifier(CLASSIFIERS[:2], cv=KFold(3), scoring="accuracy")
    assert ensemble.fit(X, names).score(X, names) > 0.9  # each fold lacks the class it is tested on


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_regressors(n_outputs):
    X, y = make_regression(120, 5, n_targets=n_outputs, noise=10, random_state=0)
    reg = WeightedEnsembleRegressor(REGRESSORS, n_rounds=20).fit(X, y)
    alone = [clone(e).fit(X, y).predict(X) for _, e in REGRESSORS]
    by_name = dict(zip(reg.named_estimators_, reg.weights_))
    mean = sum(by_name.get(name, 0) * p for (name, _), p in zip(REGRESSORS, alone))
    np.testing.assert_allclose(reg.predict(X), mean)
    assert reg.predict(X).shape == y.shape
    held_out = [cross_val_predict(e, X, y) for _, e in REGRESSORS]
    mean = sum(by_name.get(name, 0) * p for (name, _), p in zip(REGRESSORS, held_out))
    best = min(mean_squared_error(y, p) for p in held_out)
    assert mean_squared_error(y, mean) <= best * (1 + 1e-9)


def test_parameters_of_members(cancer):
    X, _, y, _ = cancer
    ensemble = WeightedEnsembleClassifier(CLASSIFIERS[:2], weights=[0.5, 0.5])
    assert ensemble.get_params()["trees__max_depth"] == 3
    search = GridSearchCV(ensemble, {"trees__max_depth": [1, 2], "bayes": ["drop"]}, cv=2)
    with pytest.raises(ValueError, match="All the 4 fits failed"):  # two weights, one estimator
        search.set_params(estimator__weights=[1.0]).fit(X, y)
    assert search.set_params(estimator__weights=[0.5, 0.5]).fit(X, y).best_score_ > 0.8


def test_sample_weights_and_routing(cancer):
    X, _, y, _ = cancer
    weight = np.random.RandomState(0).randint(0, 3, len(y))
    two = CLASSIFIERS[:2]
    whole = WeightedEnsembleClassifier(two, weights=[1, 1]).fit(X, y, sample_weight=weight)
    alone = [clone(e).fit(X, y, sample_weight=weight).predict_proba(X) for _, e in two]
    np.testing.assert_allclose(whole.predict_proba(X), np.mean(alone, axis=0))
    assert WeightedEnsembleClassifier(two, cv=2, n_rounds=3).fit(X, y, sample_weight=weight)
    with config_context(enable_metadata_routing=True):
        routed = [(n, clone(e).set_fit_request(sample_weight=n == "trees")) for n, e in two]
        ensemble = WeightedEnsembleClassifier(routed, weights=[1, 1])
        mixed = ensemble.fit(X, y, sample_weight=weight).predict_proba(X)
    plain = clone(two[1][1]).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(mixed, (alone[0] + plain) / 2)


def test_files(cancer, tmp_path):
    X, X_test, y, _ = cancer
    ensemble = WeightedEnsembleClassifier(CLASSIFIERS[:2], weights=[1, 2]).fit(X, y)
    wanted = ensemble.predict_proba(X_test)
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(ensemble)).predict_proba(X_test), wanted
    )
    persistence.save(ensemble, tmp_path / "model")
    np.testing.assert_array_equal(
        persistence.load(tmp_path / "model").predict_proba(X_test), wanted
    )


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"estimators": []}, r"estimators=\[\]: expected a non-empty list"),
        ({"estimators": [("a", Ridge())]}, "'a' is Ridge.*: expected a classifier"),
        ({"estimators": [("a", "drop")]}, "All estimators are 'drop'"),
        (
            {"weights": [1.0]},
            r"weights has the shape \(1,\): expected one weight for each of",
        ),
        (
            {"weights": [-1.0, 2.0]},
            r"weights=\[-1.0, 2.0\]: expected numbers that are not",
        ),
        ({"weights": [0, 0]}, r"with a positive sum"),
        ({"weights": "equal"}, "The 'weights' parameter"),
        ({"n_rounds": 0}, "The 'n_rounds' parameter"),
    ],
)
def test_bad_parameters(parameters, message, cancer):
    X, _, y, _ = cancer
    ensemble = WeightedEnsembleClassifier(CLASSIFIERS[:2]).set_params(**parameters)
    with pytest.raises(ValueError, match=message):
        ensemble.fit(X, y)


def test_several_labels_are_refused(cancer):
    X, _, y, _ = cancer
    with pytest.raises(ValueError, match="y should be a 1d array"):
        WeightedEnsembleClassifier(CLASSIFIERS[:2]).fit(X, np.c_[y, y])
