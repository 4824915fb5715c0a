"""`PruneTrials`: who is stopped, when, by which rows, in which process."""

import os
import pickle

import numpy as np
import optuna
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import make_classification, make_regression
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import skdeep
from skdeep import MLPClassifier, MLPRegressor
from skdeep.base.estimator import DeepEstimator
from skdeep.tuning import OptunaSearchCV, PruneTrials

pytestmark = [
    pytest.mark.usefixtures("training_ends_early"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

X, y = make_classification(n_samples=300, n_features=8, n_informative=6, random_state=0)
RATES = [0.05, 0.02, 0.01, 1e-6, 1e-7, 0.03]  # the fourth and fifth lose
PRUNER = optuna.pruners.MedianPruner(n_startup_trials=2, n_warmup_steps=1)


def network(**parameters):
    fixed = {"max_iter": 12, "tol": 0, "n_iter_no_change": 50, "random_state": 0, "device": "cpu"}
    return MLPClassifier((8,), **fixed, **parameters)


def pipeline(**parameters):
    return make_pipeline(StandardScaler(), network(**parameters))


GRID = {"mlpclassifier__learning_rate_init": RATES}


def check_losers(fits):
    """The two that learn nothing were stopped on every fold, the three best ran in full."""
    n_epochs = fits.groupby("candidate")["n_epochs"].agg(list)
    for loser in (3, 4):
        assert max(n_epochs[loser]) < 12
        assert fits[fits["candidate"] == loser]["pruned"].all()
    assert n_epochs[0] == n_epochs[1] == [12] * len(n_epochs[0])
    assert fits["score"].between(0, 1).all()


# --- in searches ----------------------------------------------------------------------------


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_grid_search(n_jobs):
    prune = PruneTrials(PRUNER)
    search = GridSearchCV(pipeline(), GRID, cv=3, n_jobs=n_jobs).set_callbacks(prune).fit(X, y)
    assert len(prune.fits_) == 6 * 3
    if n_jobs is None:
        check_losers(prune.fits_)
    else:  # when who is compared is for chance to say
        assert prune.fits_["pruned"].any()
    assert search.best_estimator_[-1].n_iter_ == 12  # the refit is not watched
    assert search.best_estimator_[-1].validation_scores_ is None
    assert search.best_params_["mlpclassifier__learning_rate_init"] > 1e-3


def table_pipeline():
    """A step that takes no callbacks, of which scikit-learn would warn."""
    encoder = make_column_transformer((StandardScaler(), slice(0, 8)))
    return Pipeline([("encoder", encoder), ("inner", pipeline())])


def test_behind_an_encoder_and_a_second_pipeline():
    prune = PruneTrials(PRUNER)
    grid = {"inner__mlpclassifier__learning_rate_init": RATES}
    search = GridSearchCV(table_pipeline(), grid, cv=3).set_callbacks(prune).fit(X, y)
    check_losers(prune.fits_)
    for pipe in (search.best_estimator_, search.estimator):
        assert not hasattr(pipe[-1][-1], "_skl_callbacks")


def test_networks_that_are_candidates():
    prune = PruneTrials(PRUNER)
    pipe = make_pipeline(StandardScaler(), "passthrough")
    grid = {"passthrough": [network(learning_rate_init=rate) for rate in RATES]}
    GridSearchCV(pipe, grid, cv=3, scoring="accuracy").set_callbacks(prune).fit(X, y)
    check_losers(prune.fits_)


def test_same_candidates_with_and_without():
    full = GridSearchCV(pipeline(validation_fraction=0.2), GRID, cv=3).fit(X, y)
    search = GridSearchCV(pipeline(validation_fraction=0.2), GRID, cv=3)
    search.set_callbacks(PruneTrials(PRUNER)).fit(X, y)
    name = "mlpclassifier__learning_rate_init"
    assert min(search.best_params_[name], full.best_params_[name]) > 1e-3
    np.testing.assert_array_equal(  # refits of equal parameters are equal
        clone(full.best_estimator_).set_params(**search.best_params_).fit(X, y).predict_proba(X),
        search.best_estimator_.predict_proba(X),
    )


def test_optuna_search():
    search = OptunaSearchCV(
        pipeline(), GRID, sampler="grid", n_trials=None, cv=3, pruner=PRUNER
    ).fit(X, y)
    pruned = search.cv_results_["pruned"]
    assert pruned[[3, 4]].all() and not pruned[:2].any()
    states = [t.state.name == "PRUNED" for t in search.study_.trials]
    assert states == pruned.tolist()
    ranks = search.cv_results_["rank_test_score"]
    assert ranks[pruned].min() > ranks[~pruned].max()
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    for trial in search.study_.trials:
        steps = trial.intermediate_values
        assert len(steps) == (12 if trial.state.name == "COMPLETE" else max(steps) + 1)
    assert not hasattr(search, "_skl_callbacks")
    pickle.loads(pickle.dumps(search))
    again = clone(search).fit(X, y)
    np.testing.assert_array_equal(pruned, again.cv_results_["pruned"])


def test_successive_halving_of_optuna_and_of_scikit_learn():
    pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=2, reduction_factor=2)
    search = OptunaSearchCV(pipeline(), GRID, sampler="grid", cv=3, pruner=pruner).fit(X, y)
    assert search.cv_results_["pruned"].any()
    prune = PruneTrials(PRUNER)
    halving = HalvingGridSearchCV(pipeline(), GRID, cv=3, random_state=0, min_resources=60)
    halving.set_callbacks(prune).fit(X, y)
    assert set(prune.fits_["round"]) >= {0, 1}


def test_candidates_of_an_earlier_process_are_compared_with(tmp_path):
    search = OptunaSearchCV(
        pipeline(), GRID, sampler="grid", n_trials=6, cv=3, pruner=PRUNER, random_state=0
    )
    whole = clone(search).fit(X, y).cv_results_["pruned"]
    search.set_params(storage=tmp_path / "journal", n_trials=3).fit(X, y)
    search.set_params(n_trials=6).fit(X, y)
    np.testing.assert_array_equal(search.cv_results_["pruned"], whole)


def test_regression():
    X, y = make_regression(n_samples=200, n_features=5, random_state=0)
    reg = MLPRegressor(hidden_layer_sizes=(8,), max_iter=8, tol=0, random_state=0, device="cpu")
    prune = PruneTrials(PRUNER)
    grid = {"mlpregressor__learning_rate_init": [0.1, 0.05, 0.05, 1e-7]}
    pipe = make_pipeline(StandardScaler(), reg)
    GridSearchCV(pipe, grid, cv=2).set_callbacks(prune).fit(X, y)
    assert prune.fits_.query("candidate == 3")["pruned"].all()


@pytest.mark.parametrize("cls", [skdeep.RealMLPClassifier, skdeep.TabMRegressor])
def test_networks_with_members(cls):
    prune = PruneTrials(PRUNER)
    estimator = cls((8,), n_estimators=2, max_iter=6, random_state=0, device="cpu")
    rates = [0.05, 0.04, 0.03, 1e-9]
    search = GridSearchCV(estimator, {"learning_rate_init": rates}, cv=2, refit=False)
    search.set_callbacks(prune).fit(X, y)
    n_epochs = prune.fits_.groupby("candidate")["n_epochs"].max()
    assert n_epochs[0] > n_epochs[3] or prune.fits_["pruned"].any()
    assert prune.fits_["score"].notna().all()


# --- which rows decide ----------------------------------------------------------------------


def seen_rows(monkeypatch, run):
    """Rows (by their first feature) that were trained on and validated on, for each fit."""
    seen = []
    phases = DeepEstimator._phases

    def spy(self, task, past):
        both = (task.data, task.held_out)
        seen.append([None if d is None else set(d[0][:, 0].tolist()) for d in both])
        return phases(self, task, past)

    with monkeypatch.context() as patch:
        patch.setattr(DeepEstimator, "_phases", spy)
        run()
    return seen


def test_test_fold_never_decides(monkeypatch):
    cv = KFold(3)
    search = GridSearchCV(network(), {"alpha": [0.1]}, cv=cv).set_callbacks(PruneTrials())
    *fits, refit = seen_rows(monkeypatch, lambda: search.fit(X, y))
    for (trained, held_out), (train, test) in zip(fits, cv.split(X)):
        assert len(held_out) == 20 and len(trained) == 180
        assert not (trained | held_out) & set(X[test, 0])
        assert trained | held_out == set(X[train, 0])
    assert refit[0] == set(X[:, 0]) and refit[1] is None


def test_rows_of_ones_own(monkeypatch):
    X_val, y_val = X[:50], y[:50]
    search = GridSearchCV(network(), {"alpha": [0.1]}, cv=2).set_callbacks(PruneTrials())
    fits = seen_rows(monkeypatch, lambda: search.fit(X[50:], y[50:], X_val=X_val, y_val=y_val))
    assert all(held_out == set(X_val[:, 0]) for _, held_out in fits)
    assert [len(trained) for trained, _ in fits] == [125, 125, 250]


def test_early_stopping_and_pruning_share_their_rows(monkeypatch):
    search = GridSearchCV(network(early_stopping=True), {"alpha": [0.1]}, cv=3, refit=False)
    alone = seen_rows(monkeypatch, lambda: search.fit(X, y))
    both = seen_rows(monkeypatch, lambda: search.set_callbacks(PruneTrials()).fit(X, y))
    assert alone == both


def test_too_few_rows_to_hold_out():
    search = GridSearchCV(network(validation_fraction=0.005), {"alpha": [0.1]}, cv=2, refit=False)
    with pytest.warns(UserWarning, match="Pruning has no effect: the validation split would hold"):
        search.set_callbacks(PruneTrials()).fit(X, y)


def test_what_cannot_be_stopped(data):
    prune = PruneTrials(PRUNER)
    search = GridSearchCV(network(solver="lbfgs"), {"alpha": [0.1, 1.0]}, cv=2)
    search.set_callbacks(prune).fit(X, y)
    assert len(prune.fits_) == 0
    OptunaSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression()),
        {"logisticregression__C": [0.1, 1.0]},
        n_trials=2,
        pruner=PRUNER,
    ).fit(X, y)


def test_bare_fit_is_not_watched():
    clf = network().set_callbacks(PruneTrials()).fit(X, y)
    plain = network().fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), plain.predict_proba(X))


# --- by hand --------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [network, pipeline, table_pipeline])
def test_objective_of_ones_own(make):
    study = optuna.create_study(direction="maximize", pruner=PRUNER)
    for rate in RATES:
        study.enqueue_trial({"rate": rate})

    def objective(trial):
        (name,) = [k for k in make().get_params() if k.endswith("learning_rate_init")]
        clf = make().set_params(**{name: trial.suggest_float("rate", 1e-8, 1.0)})
        clf.set_callbacks(PruneTrials(trial=trial)).fit(X, y)
        return clf.score(X, y)

    study.optimize(objective, n_trials=6)
    for trial in study.trials:
        assert len(trial.intermediate_values) == 12 or trial.state.name == "PRUNED"
    states = [trial.state.name for trial in study.trials]
    assert states[:2] == ["COMPLETE"] * 2 and states[3:5] == ["PRUNED"] * 2


def test_pruned_fit_leaves_the_model_as_it_was():
    study = optuna.create_study(direction="maximize", pruner=optuna.pruners.ThresholdPruner(2.0))
    clf = network().fit(X, y)
    before = clf.predict_proba(X)
    with pytest.raises(optuna.TrialPruned, match="pruned at epoch 1"):
        clf.set_callbacks(PruneTrials(trial=study.ask())).fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), before)


def test_pipeline_with_its_own_validation_rows():
    import sklearn

    study = optuna.create_study(direction="maximize", pruner=optuna.pruners.NopPruner())
    trial = study.ask()
    with sklearn.config_context(enable_metadata_routing=True):
        clf = network().set_fit_request(X_val=True, y_val=True)
        pipe = Pipeline([("s", StandardScaler()), ("m", clf)], transform_input=["X_val"])
        pipe.set_callbacks(PruneTrials(trial=trial))
        pipe.fit(X[50:], y[50:], X_val=X[:50], y_val=y[:50])
    last = trial.storage.get_trial(trial._trial_id).intermediate_values[11]
    assert last == pytest.approx(pipe.score(X[:50], y[:50]))


# --- what it leaves -------------------------------------------------------------------------


def test_no_files_left(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    prune = PruneTrials(PRUNER)
    GridSearchCV(network(), {"alpha": [0.1, 0.2]}, cv=2, n_jobs=2).set_callbacks(prune).fit(X, y)
    assert len(prune.fits_) == 4
    assert not [name for name in os.listdir(tmp_path) if name.startswith("skdeep")]


def test_shared_storage(tmp_path):
    prune = PruneTrials(PRUNER, storage=tmp_path / "scores")
    search = GridSearchCV(pipeline(), GRID, cv=3).set_callbacks(prune).fit(X, y)
    check_losers(prune.fits_)
    search.fit(X, y)  # a second search does not see the first
    check_losers(prune.fits_)


def test_failed_fits_are_no_trials():
    prune = PruneTrials(PRUNER)
    search = GridSearchCV(network(), {"learning_rate_init": [0.01, 1e30]}, cv=2)
    with pytest.warns(UserWarning):
        search.set_callbacks(prune).fit(X, y)
    assert set(prune.fits_["candidate"]) >= {0}
