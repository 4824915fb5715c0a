"""What is refused, and what the refusal says."""

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState
from scripted import Scripted
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import MLPClassifier, RealMLPClassifier
from skdeep.tuning import OptunaSearchCV, PruneTrials

A = {"a": FloatDistribution(0.0, 1.0)}


@pytest.mark.parametrize(
    ("space", "error", "message"),
    [
        ({}, ValueError, "param_distributions is empty"),
        ({"a": []}, ValueError, "'a' has an empty list of values"),
        ({"a": 1.0}, TypeError, r"'a' needs a distribution.*got 1.0.*wrapped in a list"),
        ({"a": "abc"}, TypeError, "'a' needs a distribution"),
        ({1: [1]}, TypeError, "Names of parameters must be str, got 1"),
        ([{"a": [1]}], ValueError, "'param_distributions' parameter of OptunaSearchCV must be"),
    ],
)
def test_space(data, space, error, message):
    with pytest.raises(error, match=message):
        OptunaSearchCV(Scripted(), space).fit(*data)


def test_no_default_space(data):
    with pytest.raises(ValueError, match=r"no default search space for Scripted\(\)"):
        OptunaSearchCV(Scripted()).fit(*data)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("mlpclassifier__learning_rate_int", "mlpclassifier__learning_rate_init"),
        ("learning_rate_init", "mlpclassifier__learning_rate_init"),
        ("mlp__alpha", "mlpclassifier__alpha"),
    ],
)
def test_unknown_parameter_names_the_nearest(data, name, nearest):
    pipe = make_pipeline(StandardScaler(), MLPClassifier())
    message = f"(?s)Invalid parameter '{name}' for estimator.*Did you mean '{nearest}'.*Valid"
    with pytest.raises(ValueError, match=message):
        OptunaSearchCV(pipe, {name: [0.1]}).fit(*data)


def test_parameters_of_estimators_that_are_candidates(data):
    pipe = make_pipeline(StandardScaler(), "passthrough")
    space = {"passthrough": [LogisticRegression()], "passthrough__C": [0.1, 1.0]}
    search = OptunaSearchCV(pipe, space, n_trials=1, scoring="accuracy").fit(*data)
    assert search.best_params_["passthrough__C"] <= 1


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_trials": None}, "n_trials=None and timeout=None"),
        ({"n_trials": 0}, "'n_trials' parameter of OptunaSearchCV"),
        ({"timeout": -1.0}, "'timeout' parameter of OptunaSearchCV"),
        ({"n_trials_per_batch": 0}, "'n_trials_per_batch' parameter of OptunaSearchCV"),
        ({"sampler": "bayes"}, "'sampler' parameter of OptunaSearchCV"),
        ({"pruner": "median"}, "'pruner' parameter of OptunaSearchCV"),
        ({"sampler": "grid"}, "sampler='grid' needs a finite number of values.*'a'"),
        ({"objectives": ["accuracy", "f1_macro"], "scoring": ["accuracy"], "refit": False}, "amo"),
    ],
)
def test_parameters(data, params, message):
    with pytest.raises(ValueError, match=message):
        OptunaSearchCV(Scripted(), A, **params).fit(*data)


def test_studies_that_cannot_be_used(data, tmp_path):
    search = OptunaSearchCV(Scripted(), A, n_trials=1, storage=tmp_path / "journal")
    with pytest.raises(ValueError, match="give it an int as random_state"):
        search.set_params(cv=KFold(3, shuffle=True)).fit(*data)
    with pytest.raises(ValueError, match="study and storage are both given"):
        search.set_params(cv=3, study=optuna.create_study(direction="maximize")).fit(*data)
    with pytest.raises(ValueError, match="scores are to be maximised"):
        search.set_params(storage=None, study=optuna.create_study()).fit(*data)


def test_pruner_twice(data):
    search = OptunaSearchCV(Scripted(), A, pruner=optuna.pruners.MedianPruner())
    with pytest.raises(ValueError, match="set one of them"):
        search.set_callbacks(PruneTrials()).fit(*data)
    with pytest.raises(TypeError, match="pruner must be an Optuna pruner or None, got 'median'"):
        PruneTrials("median")


def failing_scorer(estimator, X, y):
    raise RuntimeError("no score today")


def nan_scorer(estimator, X, y):
    return np.nan


@pytest.mark.filterwarnings("ignore:Scoring failed:UserWarning")
@pytest.mark.parametrize("scoring", [failing_scorer, {"a": failing_scorer}])
def test_scorer_that_fails(data, scoring):
    search = OptunaSearchCV(
        Scripted(), A, n_trials=2, scoring=scoring, refit="a" if isinstance(scoring, dict) else True
    )
    with pytest.raises(ValueError, match="(?s)All the 2 trials.*RuntimeError: no score today"):
        search.fit(*data)
    assert [t.state for t in search.study_.trials] == [TrialState.FAIL] * 2
    assert not hasattr(search, "best_estimator_")
    with pytest.raises(RuntimeError, match="no score today"):
        search.set_params(error_score="raise").fit(*data)


def test_scorer_that_gives_nan(data):
    search = OptunaSearchCV(Scripted(), A, n_trials=2, scoring=nan_scorer)
    with pytest.raises(ValueError, match="No score is finite"):
        search.fit(*data)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.parametrize("error_score", [np.nan, 0.0])
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_all_trials_fail(data, error_score, n_jobs):
    search = OptunaSearchCV(
        Scripted(fail_above=-1.0), A, n_trials=4, cv=2, error_score=error_score, n_jobs=n_jobs
    )
    with pytest.raises(ValueError, match="(?s)All the 4 trials of the search.*is too much"):
        search.fit(*data)
    assert len(search.study_.trials) == 4


def test_interrupt_keeps_the_best_so_far(data):
    space = {"a": [0.1, 0.2, 0.9, 0.3]}
    search = OptunaSearchCV(Scripted(interrupt_above=0.5), space, sampler="grid", cv=2)
    with pytest.warns(UserWarning, match="Search interrupted by user"):
        search.fit(*data)
    assert search.best_params_ == {"a": 0.2}
    assert search.predict(data[0]).shape == (120,)
    assert search.study_.best_params == {"a": 0.2}
    assert len(search.study_.get_trials(states=(TrialState.COMPLETE,))) == 2


def test_interrupt_before_the_first_candidate(data):
    search = OptunaSearchCV(Scripted(interrupt_above=-1.0), A)
    with pytest.raises(KeyboardInterrupt):
        search.fit(*data)
    assert len(search.study_.trials) == 1


@pytest.mark.parametrize("cls", [MLPClassifier, RealMLPClassifier])
def test_interrupt_reaches_the_search_through_a_network(cls, data):
    """A network alone would end its training and go on."""

    class Interrupt:
        n_epochs = 0

        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context):
            Interrupt.n_epochs += context.task_name == "epoch"
            if Interrupt.n_epochs == 5:
                raise KeyboardInterrupt

    clf = cls((4,), max_iter=2, device="cpu").set_callbacks(Interrupt())
    search = OptunaSearchCV(clf, {"alpha": [0.1, 0.2, 0.3]}, sampler="grid", cv=2, packed=False)
    with pytest.warns(UserWarning, match="Maximum iterations|interrupted by user") as caught:
        search.fit(*data)
    assert any("Search interrupted by user" in str(w.message) for w in caught)
    assert not any("Training interrupted" in str(w.message) for w in caught)
    assert len(search.cv_results_["params"]) == 1


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"study_callbacks": [print, 3]}, r"study_callbacks\[1\]=3: expected a callable"),
        ({"sampler": lambda seed: 3}, "gave 3 for a seed: expected a sampler of Optuna"),
        ({"storage": "foo://bar"}, "storage='foo://bar' cannot be opened"),
        ({"storage": "mysql://user:secret@nowhere/x"}, r"storage='mysql://user:\*\*\*@nowhere/x'"),
        ({"storage": "/nowhere/journal"}, "storage='/nowhere/journal' cannot be opened: No such"),
        (
            {"scoring": ["accuracy"], "refit": False, "objectives": ["auc"]},
            r"objectives=\['auc'\] are not among \['accuracy'\]",
        ),
    ],
)
def test_checked_before_the_first_fit(data, tmp_path, parameters, message):
    log = tmp_path / "log"
    search = OptunaSearchCV(Scripted(log=str(log)), {"a": [0.1, 0.2]}, n_trials=2, **parameters)
    with pytest.raises((ValueError, TypeError), match=message):
        search.fit(*data)
    assert not log.exists()
