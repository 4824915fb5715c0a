"""Searches that end in an ensemble."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris, load_wine
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, make_scorer, mean_pinball_loss
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import MLPClassifier, MLPRegressor
from skdeep.ensemble import WeightedEnsembleClassifier, WeightedEnsembleRegressor
from skdeep.tuning import OptunaSearchCV

SPACE = {"learning_rate_init": [0.003, 0.03], "alpha": [1e-4, 1.0]}


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


@pytest.fixture(scope="module")
def wine():
    X, y = load_wine(return_X_y=True)
    return StandardScaler().fit_transform(X), np.array(["a", "b", "c"])[y]


def search_of(estimator, space, **options):
    options = {
        "sampler": "grid",
        "n_trials": None,
        "cv": KFold(3, shuffle=True, random_state=0),
    } | (options)
    return OptunaSearchCV(estimator, space, refit="ensemble", **options)


@pytest.mark.parametrize("packed", ["auto", False])
def test_weights_are_chosen_on_the_test_folds(packed, wine):
    X, y = wine
    clf = MLPClassifier((5,), max_iter=10, random_state=0)
    search = search_of(clf, SPACE, scoring="neg_log_loss", packed=packed).fit(X, y)
    ensemble = search.best_estimator_
    assert isinstance(ensemble, WeightedEnsembleClassifier)
    numbers = [int(name.split("_")[1]) for name in ensemble.named_estimators_]
    mean, best = 0, -np.inf
    for number, weight in zip(numbers, ensemble.weights_):
        member = clone(clf).set_params(**search.cv_results_["params"][number])
        p = cross_val_predict(member, X, y, cv=search.cv, method="predict_proba")
        mean, best = mean + weight * p, max(best, -log_loss(y, p))
    assert -log_loss(y, mean) >= best - 1e-12
    assert best == pytest.approx(search.best_score_, rel=0.1)  # the mean over folds
    alone = clone(clf).set_params(**search.cv_results_["params"][numbers[0]]).fit(X, y)
    np.testing.assert_allclose(
        ensemble.estimators_[0].predict_proba(X), alone.predict_proba(X), rtol=1e-6
    )
    np.testing.assert_array_equal(search.classes_, ["a", "b", "c"])
    assert search.predict_proba(X).shape == (len(y), 3)
    assert search.score(X, y) == pytest.approx(-log_loss(y, search.predict_proba(X)))
    again = clone(ensemble).fit(X, y)
    np.testing.assert_allclose(again.predict_proba(X), ensemble.predict_proba(X), rtol=1e-6)


def test_other_libraries_and_processes(wine):
    space = {"max_depth": [1, 3, None], "min_samples_leaf": [1, 5]}
    search = search_of(ExtraTreesClassifier(10, random_state=0), space, n_jobs=2).fit(*wine)
    assert search.best_estimator_.score(*wine) > 0.9
    assert search.best_estimator_.weights_.sum() == pytest.approx(1)


def test_pipelines_and_several_metrics(wine):
    pipe = make_pipeline(StandardScaler(), LogisticRegression())
    search = search_of(pipe, {"logisticregression__C": [0.01, 0.1, 1.0]})
    search.set_params(scoring=["neg_log_loss", "accuracy"], objectives="neg_log_loss").fit(*wine)
    assert search.best_index_ == search.cv_results_["mean_test_neg_log_loss"].argmax()
    assert len(search.best_estimator_.estimators_) >= 1


def test_quantiles():
    X, y = load_diabetes(return_X_y=True)
    pinball = make_scorer(mean_pinball_loss, greater_is_better=False, alpha=0.9)
    reg = MLPRegressor("quantile", (8,), quantile=0.9, max_iter=150, random_state=0)
    search = search_of(reg, {"learning_rate_init": [0.03, 0.1]}, scoring=pinball).fit(X, y)
    assert isinstance(search.best_estimator_, WeightedEnsembleRegressor)
    assert np.mean(y < search.predict(X)) > 0.7


def test_candidates_that_fail_are_left_out():
    X, y = load_iris(return_X_y=True)
    clf = MLPClassifier((5,), solver="sgd", max_iter=20, random_state=0)
    search = search_of(clf, {"learning_rate_init": [0.1, 1e300]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.fit(X, y)
    assert list(search.best_estimator_.named_estimators_) == ["candidate_0"]


def test_candidates_of_an_earlier_process(wine, tmp_path):
    """Their predictions are not stored: they are evaluated again."""
    clf = MLPClassifier((5,), max_iter=10, random_state=0)
    whole = search_of(clf, SPACE, scoring="neg_log_loss").fit(*wine)
    path = tmp_path / "journal"
    first = OptunaSearchCV(
        clf, SPACE, sampler="grid", n_trials=2, cv=whole.cv, scoring="neg_log_loss", storage=path
    )
    first.set_params(refit="ensemble").fit(*wine)
    rest = search_of(clf, SPACE, scoring="neg_log_loss", storage=path).fit(*wine)
    assert list(rest.best_estimator_.named_estimators_) == list(
        whole.best_estimator_.named_estimators_
    )
    np.testing.assert_allclose(rest.best_estimator_.weights_, whole.best_estimator_.weights_)


def test_bad_input(wine):
    X, y = wine
    with pytest.raises(ValueError, match="expected a classifier or a regressor"):
        search_of(StandardScaler(), {"with_std": [True]}, scoring=lambda e, X: 0.0).fit(X)
    labels = np.c_[y == "a", y == "b"].astype(int)
    with pytest.raises(ValueError, match="one label for each row, got y with the type 'multilabel"):
        search_of(MLPClassifier(), SPACE).fit(X, labels)

    def two(estimator, X, y):
        return {"a": 1.0, "b": 2.0}

    with pytest.raises(ValueError, match="several as a list or dict of scorers"):
        search_of(LogisticRegression(), {"C": [1.0]}, scoring=two).fit(X, y)
