"""The ten faults of `optuna_integration.OptunaSearchCV` 5.0, each a test that it is not ours."""

import pickle

import numpy as np
import optuna
import pytest
import sklearn
from scripted import Scripted
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, check_cv, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skdeep import MLPClassifier
from skdeep.tuning import OptunaSearchCV, PruneTrials

pytestmark = pytest.mark.usefixtures("training_ends_early")

C = {"C": optuna.distributions.FloatDistribution(1e-2, 1e2, log=True)}


def noise_scores(seed, n_trials):
    """Mean score of all folds, the best one and whether a candidate was stopped, on labels that
    nothing can predict."""
    rng = np.random.RandomState(seed)
    X, y = rng.normal(size=(200, 300)), rng.randint(0, 2, 200)
    search = OptunaSearchCV(
        MLPClassifier((16,), max_iter=25, random_state=seed),
        {
            "learning_rate_init": optuna.distributions.FloatDistribution(1e-4, 1e-1, log=True),
            "alpha": optuna.distributions.FloatDistribution(1e-6, 1e-1, log=True),
        },
        n_trials=n_trials,
        cv=KFold(5, shuffle=True, random_state=rng),  # other folds each time it is asked
        pruner=optuna.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=3),
        random_state=seed,
        refit=True,
    ).fit(X, y)
    folds = [search.cv_results_[f"split{i}_test_score"] for i in range(5)]
    return np.mean(folds), search.best_score_, search.cv_results_["pruned"].any()


def test_fault_1_leak_when_pruning():
    scores, best, pruned = np.transpose([noise_scores(seed, n_trials=8) for seed in range(3)])
    assert pruned.any()
    assert abs(scores.mean() - 0.5) < 0.05  # the wider bound of fewer trials
    assert abs(best.mean() - 0.5) < 0.1


@pytest.mark.slow
def test_fault_1_leak_when_pruning_in_full():
    scores, best, pruned = np.transpose([noise_scores(seed, n_trials=20) for seed in range(5)])
    assert pruned.any()
    assert abs(scores.mean() - 0.5) < 0.03
    assert abs(best.mean() - 0.5) < 0.1


def test_fault_1_folds_are_made_once():
    class Counting(KFold):
        calls = 0

        def split(self, *args, **kwargs):
            Counting.calls += 1
            return super().split(*args, **kwargs)

    search = OptunaSearchCV(Scripted(), {"a": [0.0, 1.0]}, n_trials=5, cv=Counting(3))
    search.fit(np.zeros((30, 1)), np.arange(30) % 2)
    assert Counting.calls == 1


def test_fault_2_not_a_classifier(data):
    search = OptunaSearchCV(LogisticRegression(), C, n_trials=2)
    assert is_classifier(search) and not is_regressor(search)
    assert is_regressor(OptunaSearchCV(Ridge(), {"alpha": [1.0]}))
    assert isinstance(check_cv(3, data[1], classifier=is_classifier(search)), StratifiedKFold)
    assert cross_val_score(search, *data, cv=2).min() > 0.4


def test_fault_3_threads_instead_of_processes(data):
    import os

    def score(estimator, X, y):
        return {"accuracy": estimator.score(X, y), "process": float(os.getpid())}

    search = OptunaSearchCV(
        LogisticRegression(), C, n_trials=4, n_jobs=2, scoring=score, refit="accuracy", cv=2
    ).fit(*data)
    processes = {p for i in range(2) for p in search.cv_results_[f"split{i}_test_process"].tolist()}
    assert os.getpid() not in processes


def test_fault_4_multimetric_scoring(data):
    names = ["accuracy", "neg_log_loss"]
    search = OptunaSearchCV(
        LogisticRegression(), C, n_trials=3, scoring=names, refit="neg_log_loss", random_state=0
    ).fit(*data)
    assert search.multimetric_
    for name in names:
        assert np.isfinite(search.cv_results_[f"mean_test_{name}"]).all()
    assert search.best_score_ == search.study_.best_value
    assert search.best_score_ == search.cv_results_["mean_test_neg_log_loss"].max()
    assert search.score(*data) < 0  # the metric of `refit`


def test_fault_5_error_score_raise_hides_the_cause(data):
    search = OptunaSearchCV(Scripted(1.0, fail_above=0.5), {"a": [1.0]}, error_score="raise")
    with pytest.raises(RuntimeError, match=r"a=1.0 is too much"):
        search.fit(*data)


def test_fault_6_metadata_routing(data):
    X, y = data
    weight, groups = np.arange(len(y)) % 3, np.arange(len(y)) % 4
    with sklearn.config_context(enable_metadata_routing=True):
        clf = LogisticRegression().set_fit_request(sample_weight=True)
        clf.set_score_request(sample_weight=True)
        search = OptunaSearchCV(clf, C, n_trials=2, cv=GroupKFold(4), random_state=0)
        search.fit(X, y, sample_weight=weight, groups=groups)
        unweighted = clone(search).fit(X, y, sample_weight=np.ones(len(y)), groups=groups)
    assert len(search.cv_results_["params"]) == 2
    assert not np.array_equal(search.best_estimator_.coef_, unweighted.best_estimator_.coef_)
    for train, test in GroupKFold(4).split(X, y, groups):
        assert not set(groups[train]) & set(groups[test])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
def test_fault_7_default_model_when_all_trials_fail(data):
    search = OptunaSearchCV(Scripted(fail_above=0.5), {"a": [1.0, 2.0]}, n_trials=3)
    with pytest.raises(ValueError, match=r"(?s)All the 3 trials.*RuntimeError: a=\d.0 is too much"):
        search.fit(*data)
    assert not hasattr(search, "best_estimator_")
    assert len(search.study_.trials) == 3


def test_fault_8_cv_results_without_params_and_ranks(data):
    from sklearn.model_selection import RandomizedSearchCV

    search = OptunaSearchCV(LogisticRegression(), C, n_trials=3, return_train_score=True).fit(*data)
    usual = RandomizedSearchCV(
        LogisticRegression(), {"C": [0.1, 1.0, 10.0]}, n_iter=3, return_train_score=True
    ).fit(*data)
    assert search.cv_results_.keys() == usual.cv_results_.keys()
    assert search.cv_results_["params"][search.best_index_] == search.best_params_
    assert isinstance(search.cv_results_["param_C"], np.ma.MaskedArray)


def test_fault_9_methods_and_attributes_of_the_estimator(data):
    search = OptunaSearchCV(LinearSVC(), C, n_trials=2).fit(*data)
    assert not hasattr(search, "predict_proba") and hasattr(search, "decision_function")
    assert search.n_features_in_ == 6
    np.testing.assert_array_equal(search.classes_, [0, 1, 2])
    assert hasattr(search, "set_callbacks")


def test_fault_10_storage_and_nested_cross_validation(data, tmp_path):
    storage = f"sqlite:///{tmp_path / 'studies.db'}"
    search = OptunaSearchCV(LogisticRegression(), C, n_trials=3, storage=storage, random_state=0)
    kept = cross_val_score(search, *data, cv=3)
    in_memory = cross_val_score(search.set_params(storage=None), *data, cv=3)
    np.testing.assert_array_equal(kept, in_memory)
    # Each outer fold has a study of its own: nothing is known there of the rows it is scored on.
    names = optuna.get_all_study_names(storage)
    assert len(names) == 3
    assert {len(optuna.load_study(study_name=n, storage=storage).trials) for n in names} == {3}


def test_fault_10_a_study_belongs_to_one_search(data):
    X, y = data
    study = optuna.create_study(direction="maximize")
    search = OptunaSearchCV(LogisticRegression(), C, n_trials=3, study=study, random_state=0)
    assert search.fit(X, y).study_ is study
    search.fit(X, y)  # the same search: there is nothing left to do
    assert len(study.trials) == 3
    with pytest.raises(ValueError, match="has trials of another search"):
        search.fit(X[::2], y[::2])
    assert np.isfinite(cross_val_score(clone(search).set_params(study=None), X, y)).all()


def test_pruning_callback_survives_clone_and_pickle(data):
    """The eleventh one: skorch's callback for Optuna breaks `clone`."""
    study = optuna.create_study(direction="maximize")
    for prune in (PruneTrials(), PruneTrials(trial=study.ask())):
        pipe = make_pipeline(StandardScaler(), MLPClassifier((4,), max_iter=2))
        copied = clone(pipe.set_callbacks(prune))
        assert copied.fit(*data).score(*data) >= 0
        pickle.loads(pickle.dumps(prune))
