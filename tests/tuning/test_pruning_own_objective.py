"""`with PruneTrials(trial=trial)`: objectives that cross-validate end as PRUNED."""

import os

import numpy as np
import optuna
import pytest
from sklearn.datasets import make_classification
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import MLPClassifier
from skdeep.tuning import PruneTrials

pytestmark = [
    pytest.mark.usefixtures("training_ends_early"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

X, y = make_classification(n_samples=300, n_features=8, n_informative=6, random_state=0)
RATES = [0.05, 0.02, 1e-6, 1e-7]  # the last two lose; the pruner spares the first two
N_EPOCHS = 12


def network(rate):
    fixed = {"max_iter": N_EPOCHS, "tol": 0, "n_iter_no_change": 50, "random_state": 0}
    return MLPClassifier((8,), learning_rate_init=rate, device="cpu", **fixed)


def pipeline(rate):
    return make_pipeline(StandardScaler(), network(rate))


def study_of(rates=RATES, **options):
    options.setdefault("pruner", optuna.pruners.MedianPruner(n_startup_trials=2, n_warmup_steps=1))
    study = optuna.create_study(direction="maximize", **options)
    for rate in rates:
        study.enqueue_trial({"rate": rate})
    return study


def score(estimator, **options):
    return cross_val_score(estimator, X, y, cv=3, **options).mean()


def scored_in_the_block(make, **options):
    def objective(trial):
        with PruneTrials(trial=trial) as prune:
            estimator = make(trial.suggest_float("rate", 1e-8, 1.0)).set_callbacks(prune)
            return score(estimator, **options)

    return objective


def states(study):
    return [trial.state.name for trial in study.trials]


def check(study):
    assert states(study) == ["COMPLETE"] * 2 + ["PRUNED"] * 2
    for trial in study.trials:
        epochs = sorted(trial.intermediate_values)
        assert epochs == list(range(len(epochs)))
        assert (len(epochs) == N_EPOCHS) == (trial.state.name == "COMPLETE")
        assert np.isfinite(list(trial.intermediate_values.values())).all()


@pytest.mark.parametrize("make", [network, pipeline])
@pytest.mark.parametrize("scoring", [None, "neg_log_loss"])
def test_folds_one_after_another(make, scoring):
    study = study_of()
    study.optimize(scored_in_the_block(make, scoring=scoring), n_trials=4)
    check(study)
    first = study.trials[0].values[0]
    cv = score(make(RATES[0]), scoring=scoring)
    assert first == pytest.approx(cv, abs=0.5 if scoring else 0.1)  # the first fold held rows out


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_folds_at_once(backend):
    import joblib

    study = study_of()
    with joblib.parallel_config(backend, n_jobs=2):
        study.optimize(scored_in_the_block(pipeline), n_trials=4)
    check(study)


def test_folds_in_processes_with_a_journal_file(tmp_path):
    backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / "journal"))
    study = study_of(storage=optuna.storages.JournalStorage(backend))
    study.optimize(scored_in_the_block(network, n_jobs=2), n_trials=4)
    check(study)


def test_the_other_folds_stop_after_an_epoch():
    study = study_of([0.01], pruner=optuna.pruners.ThresholdPruner(lower=2.0, n_warmup_steps=2))
    fits = []

    class Watched(MLPClassifier):
        def score(self, X, y, sample_weight=None):
            fits.append(self.n_iter_)
            return super().score(X, y, sample_weight)

    def make(rate):
        return Watched(**network(rate).get_params())

    study.optimize(scored_in_the_block(make), n_trials=1)
    assert states(study) == ["PRUNED"] and fits == [3, 1, 1]


def test_error_score_raise():
    study = study_of()
    study.optimize(scored_in_the_block(network, error_score="raise"), n_trials=4)
    check(study)


def test_a_single_fit_in_the_block():
    study = study_of()

    def objective(trial):
        clf = network(trial.suggest_float("rate", 1e-8, 1.0))
        with PruneTrials(trial=trial) as prune:
            return clf.set_callbacks(prune).fit(X, y).score(X, y)

    study.optimize(objective, n_trials=4)
    check(study)


def test_errors_of_the_objective_are_its_own():
    study = study_of([0.01], pruner=optuna.pruners.ThresholdPruner(lower=2.0))

    def objective(trial):
        with PruneTrials(trial=trial) as prune:
            network(0.01).set_callbacks(prune).fit(X, y)
            raise KeyError("mine")

    study.optimize(objective, n_trials=1, catch=KeyError)
    assert states(study) == ["FAIL"]


def test_all_folds_fail():
    """For reasons of their own: an error as without the callback, and no trial is pruned."""
    study = study_of([0.01])

    def objective(trial):
        with PruneTrials(trial=trial) as prune:
            clf = MLPClassifier(hidden_layer_sizes=(-1,)).set_callbacks(prune)
            return score(clf)

    with pytest.raises(ValueError, match="All the 3 fits failed"):
        study.optimize(objective, n_trials=1)
    assert states(study) == ["FAIL"]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
def test_some_folds_fail():
    """A trial that is pruned is so whatever its other folds give; one that is not fails."""

    class Fragile(MLPClassifier):
        def fit(self, X, y):
            if X[0, 0] != FIRST:  # all folds but the first
                raise ValueError("fragile")
            return super().fit(X, y)

    FIRST = X[100, 0]
    folds = [(np.r_[100:300], np.r_[:100]), (np.r_[:200], np.r_[200:300])]
    for lower, state in ((2.0, "PRUNED"), (-1.0, "FAIL")):
        study = study_of([0.01], pruner=optuna.pruners.ThresholdPruner(lower=lower))

        def objective(trial):
            with PruneTrials(trial=trial) as prune:
                clf = Fragile(**network(0.01).get_params()).set_callbacks(prune)
                return cross_val_score(clf, X, y, cv=folds).mean()

        study.optimize(objective, n_trials=1)
        assert states(study) == [state]


def test_without_the_block_a_warning_says_what_to_write():
    study = study_of([0.01], pruner=optuna.pruners.ThresholdPruner(lower=2.0))

    def objective(trial):
        return score(network(0.01).set_callbacks(PruneTrials(trial=trial)))

    with (
        pytest.warns(UserWarning, match=r"write `with PruneTrials\(trial=trial\) as prune:`"),
        pytest.warns(FitFailedWarning, match="1 fits failed out of a total of 3"),
    ):
        study.optimize(objective, n_trials=1)
    assert states(study) == ["FAIL"]


def test_without_the_block_the_error_of_another_process_says_it():
    study = study_of([0.01], pruner=optuna.pruners.ThresholdPruner(lower=2.0))

    def objective(trial):
        clf = network(0.01).set_callbacks(PruneTrials(trial=trial))
        return score(clf, n_jobs=2)

    with pytest.raises(ValueError, match=r"write `with PruneTrials\(trial=trial\) as prune:`"):
        study.optimize(objective, n_trials=1)


def test_after_the_block_fits_are_not_watched():
    study = study_of([0.01])
    trial = study.ask()
    with PruneTrials(trial=trial) as prune:
        clf = network(0.01).set_callbacks(prune)
        score(clf)
    study.tell(trial, 1.0)
    plain = network(0.01).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(clf.fit(X, y).predict_proba(X), plain)


def test_a_block_needs_a_trial():
    with pytest.raises(ValueError, match="trial=None"), PruneTrials():
        pass


def test_no_files_left(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    study = study_of([0.01])
    study.optimize(scored_in_the_block(network, n_jobs=2), n_trials=1)
    assert not [name for name in os.listdir(tmp_path) if name.startswith("skdeep")]
