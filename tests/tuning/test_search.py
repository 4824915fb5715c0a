"""`OptunaSearchCV`: candidates, results, seeds, objectives, what it leaves behind."""

import pickle
import random

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState
from scipy import stats
from scripted import Scripted
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdeep import MLPClassifier
from skdeep.tuning import OptunaSearchCV

C = {"C": FloatDistribution(1e-2, 1e2, log=True)}
A = {"a": FloatDistribution(0.0, 1.0)}


def assert_same_results(left, right):
    """Equal but for the four columns of times."""
    assert left.keys() == right.keys()
    for name in left:
        if not name.endswith("_time"):
            np.testing.assert_array_equal(left[name], right[name], err_msg=name)


# --- proposals ------------------------------------------------------------------------------


def test_finds_the_best(data):
    search = OptunaSearchCV(Scripted(), A, n_trials=40, random_state=0).fit(*data)
    assert abs(search.best_params_["a"] - 0.3) < 0.05
    assert search.best_estimator_.a == search.best_params_["a"]
    assert search.study_.best_value == pytest.approx(search.best_score_)
    assert len(search.trials_dataframe()) == 40
    assert not [c for c in search.trials_dataframe() if "skdeep" in c]


@pytest.mark.parametrize(
    "sampler",
    [
        None,
        "random",
        optuna.samplers.TPESampler(n_startup_trials=2),
        optuna.samplers.RandomSampler(),
        lambda seed: optuna.samplers.TPESampler(seed=seed, n_startup_trials=3),
    ],
)
def test_same_seed_same_candidates(data, sampler):
    search = OptunaSearchCV(Scripted(), A, n_trials=6, sampler=sampler, random_state=3)
    first, second = (clone(search).fit(*data).cv_results_ for _ in "ab")
    assert_same_results(first, second)
    other = clone(search).set_params(random_state=4).fit(*data).cv_results_
    assert first["params"] != other["params"]
    assert len({p["a"] for p in first["params"]}) == 6


def test_global_state_untouched(data):
    before = pickle.dumps(np.random.get_state()), random.getstate()
    OptunaSearchCV(Scripted(), A, n_trials=3).fit(*data)
    assert before == (pickle.dumps(np.random.get_state()), random.getstate())


def test_random_state_instance(data):
    results = [
        OptunaSearchCV(Scripted(), A, n_trials=3, random_state=np.random.RandomState(0))
        .fit(*data)
        .cv_results_
        for _ in "ab"
    ]
    assert_same_results(*results)


def test_grid_is_that_of_scikit_learn(data):
    grid = {"max_depth": [3, 1, None], "criterion": ["gini", "entropy"], "ccp_alpha": [0.0, 0.1]}
    ours = OptunaSearchCV(
        DecisionTreeClassifier(random_state=0), grid, sampler="grid", n_trials=None
    ).fit(*data)
    theirs = GridSearchCV(DecisionTreeClassifier(random_state=0), grid).fit(*data)
    assert_same_results(ours.cv_results_, theirs.cv_results_)
    assert ours.best_params_ == theirs.best_params_


def test_sampler_of_optuna_with_a_grid(data):
    sampler = optuna.samplers.GridSampler({"a": [0.1, 0.2, 0.3]})
    search = OptunaSearchCV(Scripted(), A, sampler=sampler, n_trials=50).fit(*data)
    assert sorted(p["a"] for p in search.cv_results_["params"]) == [0.1, 0.2, 0.3]


def test_spaces_of_all_kinds(data):
    pipe = make_pipeline(StandardScaler(), MLPClassifier(max_iter=1, device="cpu"))
    space = {
        "standardscaler": [StandardScaler(), MinMaxScaler(), "passthrough"],
        "mlpclassifier__hidden_layer_sizes": [(4,), (4, 4), 5],
        "mlpclassifier__alpha": stats.loguniform(1e-6, 1e-2),
        "mlpclassifier__dropout": stats.uniform(0.1, 0.2),
        "mlpclassifier__random_state": stats.randint(2, 5),
        "mlpclassifier__learning_rate_init": stats.expon(scale=1e-3),
        "mlpclassifier__n_iter_no_change": stats.poisson(3, loc=1),
        "mlpclassifier__class_weight": np.array([None, "balanced"], dtype=object),
    }
    search = OptunaSearchCV(pipe, space, n_trials=6, cv=2, random_state=1, error_score="raise")
    with pytest.warns(UserWarning, match="Maximum iterations"):
        search.fit(*data)
    for params in search.cv_results_["params"]:
        assert params["mlpclassifier__hidden_layer_sizes"] in [(4,), (4, 4), 5]
        assert 1e-6 <= params["mlpclassifier__alpha"] <= 1e-2
        assert 0.1 <= params["mlpclassifier__dropout"] <= 0.3
        assert params["mlpclassifier__random_state"] in (2, 3, 4)
        assert params["mlpclassifier__learning_rate_init"] > 0
        assert isinstance(params["mlpclassifier__n_iter_no_change"], int)
    pickle.loads(pickle.dumps(search)).predict(data[0])


def test_default_space_behind_a_pipeline(data):
    pipe = make_pipeline(StandardScaler(), MLPClassifier(max_iter=1, device="cpu"))
    with pytest.warns(UserWarning, match="Maximum iterations"):
        search = OptunaSearchCV(pipe, n_trials=2, cv=2).fit(*data)
    assert "mlpclassifier__learning_rate_init" in search.best_params_


# --- workers --------------------------------------------------------------------------------


def test_results_do_not_depend_on_n_jobs(data):
    search = OptunaSearchCV(
        LogisticRegression(), C, n_trials=6, n_trials_per_batch=2, cv=3, random_state=0
    )
    serial, again = (clone(search).fit(*data).cv_results_ for _ in "ab")
    assert_same_results(serial, again)
    with_two = clone(search).set_params(n_jobs=2).fit(*data)
    assert_same_results(serial, with_two.cv_results_)


def test_batch_is_the_number_of_jobs(data, monkeypatch):
    from skdeep.tuning import _loop

    sizes = []

    class Recording(_loop.Loop):
        def _evaluate(self, batch, context):
            sizes.append(len(batch))
            super()._evaluate(batch, context)

    monkeypatch.setattr("skdeep.tuning.search.Loop", Recording)
    OptunaSearchCV(Scripted(), A, n_trials=3).fit(*data)
    OptunaSearchCV(Scripted(), A, n_trials=5, n_jobs=2, cv=2).fit(*data)
    OptunaSearchCV(Scripted(), A, n_trials=5, n_trials_per_batch=3).fit(*data)
    assert sizes == [1, 1, 1, 2, 2, 1, 3, 2]


# --- limits ---------------------------------------------------------------------------------


def test_timeout(data):
    search = OptunaSearchCV(Scripted(), A, n_trials=None, timeout=0.3).fit(*data)
    assert len(search.cv_results_["params"]) >= 2
    search = OptunaSearchCV(Scripted(), A, n_trials=9, timeout=1e-9).fit(*data)
    assert len(search.cv_results_["params"]) == 1  # one at least


def test_study_callbacks_stop_the_search(data):
    seen = []

    def callback(study, trial):
        seen.append((trial.number, trial.value))
        if len(seen) == 3:
            study.stop()

    search = OptunaSearchCV(Scripted(), A, n_trials=10, study_callbacks=[callback]).fit(*data)
    assert [number for number, _ in seen] == [0, 1, 2]
    np.testing.assert_allclose([value for _, value in seen], search.cv_results_["mean_test_score"])
    with pytest.raises(RuntimeError, match="optimize|invoked inside"):
        search.study_.stop()  # outside of a search it is what it was


# --- metrics and objectives -----------------------------------------------------------------

METRICS = ["accuracy", "neg_log_loss"]


def test_several_objectives(data):
    search = OptunaSearchCV(
        LogisticRegression(), C, n_trials=5, scoring=METRICS, objectives=METRICS, refit="accuracy"
    ).fit(*data)
    assert len(search.study_.directions) == 2
    assert search.study_.best_trials
    best = search.cv_results_["mean_test_accuracy"].max()
    assert search.best_score_ == best
    values = np.array([t.values for t in search.study_.trials])
    for column, name in zip(values.T, METRICS):
        np.testing.assert_array_equal(column, search.cv_results_[f"mean_test_{name}"])


def test_study_with_several_directions(data):
    study = optuna.create_study(directions=["maximize", "maximize"])
    search = OptunaSearchCV(
        LogisticRegression(), C, n_trials=2, scoring=METRICS, refit=False, study=study
    ).fit(*data)
    assert len(study.trials) == 2 and not hasattr(search, "best_index_")
    three = [*METRICS, "f1_macro"]
    study = optuna.create_study(directions=["maximize", "maximize"])
    with pytest.raises(ValueError, match="say by `objectives` which ones"):
        clone(search).set_params(study=study, scoring=three).fit(*data)


@pytest.mark.parametrize(
    ("refit", "objectives", "told"),
    [
        (False, None, "accuracy"),
        ("neg_log_loss", None, "neg_log_loss"),
        ("neg_log_loss", "accuracy", "accuracy"),
        (lambda results: 1, None, "accuracy"),
    ],
)
def test_the_metric_that_is_searched_for(data, refit, objectives, told):
    search = OptunaSearchCV(
        LogisticRegression(), C, n_trials=2, scoring=METRICS, refit=refit, objectives=objectives
    ).fit(*data)
    values = [trial.value for trial in search.study_.trials]
    np.testing.assert_array_equal(values, search.cv_results_[f"mean_test_{told}"])
    if callable(refit):
        assert search.best_index_ == 1


# --- failures -------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the (test|train) scores are non-finite")
@pytest.mark.parametrize("n_trials_per_batch", [1, 2, 8])
def test_failing_candidates_are_failed_trials(data, n_trials_per_batch):
    search = OptunaSearchCV(
        Scripted(fail_above=0.5),
        A,
        n_trials=8,
        sampler="random",
        n_trials_per_batch=n_trials_per_batch,
        random_state=0,
        return_train_score=True,
    ).fit(*data)
    failed = np.array([p["a"] > 0.5 for p in search.cv_results_["params"]])
    assert failed.any() and not failed.all()
    np.testing.assert_array_equal(np.isnan(search.cv_results_["mean_test_score"]), failed)
    states = [trial.state for trial in search.study_.trials]
    assert [state == TrialState.FAIL for state in states] == failed.tolist()
    assert search.best_params_["a"] <= 0.5
    assert (search.cv_results_["mean_fit_time"] >= 0).all()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the (test|train) scores are non-finite")
@pytest.mark.parametrize("as_callable", [False, True])
def test_failing_candidates_with_several_metrics(data, as_callable):
    def score(estimator, X, y):
        return {"accuracy": estimator.score(X, y), "other": 2.0}

    search = OptunaSearchCV(
        Scripted(fail_above=0.5),
        {"a": [0.9, 0.1, 0.8, 0.2]},
        sampler="grid",
        scoring=score if as_callable else ["accuracy", "f1_macro"],
        refit="accuracy",
    ).fit(*data)
    np.testing.assert_array_equal(np.isnan(search.cv_results_["mean_test_accuracy"]), [1, 0, 1, 0])


# --- what it leaves -------------------------------------------------------------------------


def test_nothing_of_a_fit_stays_behind(data):
    search = OptunaSearchCV(Scripted(), A, n_trials=2)
    before = set(vars(search))
    search.fit(*data)
    assert not {k for k in set(vars(search)) - before if not k.endswith("_")} - {"_checked_cv_orig"}
    again = pickle.loads(pickle.dumps(search))
    assert again.best_params_ == search.best_params_
    assert len(again.study_.trials) == 2
    clone(search)


def test_verbose(data, capsys):
    OptunaSearchCV(Scripted(), A, n_trials=3, verbose=1, random_state=0).fit(*data)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Trial")]
    assert len(lines) == 3
    assert lines[-1].startswith("Trial 3/3: 0.") and "best 0." in lines[-1]


def test_no_lines_of_optuna(data, capfd):
    OptunaSearchCV(Scripted(), A, n_trials=2).fit(*data)
    assert capfd.readouterr().err == ""


def test_progress_bar(data, capsys):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    search = OptunaSearchCV(LogisticRegression(), C, n_trials=3, cv=2)
    search.set_callbacks(ProgressBar()).fit(*data)
    assert "OptunaSearchCV - search" in capsys.readouterr().out
    assert len(search._skl_callbacks) == 1


def test_nested_cross_validation(data):
    search = OptunaSearchCV(LogisticRegression(), C, n_trials=2, cv=2, random_state=0)
    scores = cross_val_score(search, *data, cv=3)
    np.testing.assert_array_equal(scores, cross_val_score(search, *data, cv=3, n_jobs=2))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@parametrize_with_checks(
    [
        OptunaSearchCV(
            LogisticRegression(),
            {"C": [0.1, 1.0]},
            n_trials=2,
            cv=2,
            random_state=0,
            error_score="raise",  # as scikit-learn sets it for these checks of its searches
        )
    ],
    expected_failed_checks=lambda search: {
        "check_supervised_y_no_nan": "LogisticRegression alone fails it under warnings as errors"
    },
)
def test_sklearn_checks(estimator, check):
    check(estimator)
