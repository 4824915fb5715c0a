"""Searches whose candidates train as one network, against the same searches one by one."""

import warnings

import joblib
import numpy as np
import optuna
import pytest
from scipy.stats import loguniform
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import MLPClassifier, MLPRegressor
from skdeep.engine import together
from skdeep.tuning import OptunaSearchCV, PruneTrials

SMALL = {"hidden_layer_sizes": (6,), "max_iter": 5, "batch_size": 32, "random_state": 0}
SPACE = {"learning_rate_init": loguniform(1e-3, 1e-1), "alpha": [1e-4, 1.0]}


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


@pytest.fixture
def packs(monkeypatch):
    """Sizes of the packs that are trained."""
    sizes = []

    class Counted(together.Pack):
        def __init__(self, runs):
            super().__init__(runs)
            sizes.append(len(runs))

    monkeypatch.setattr(together, "Pack", Counted)
    return sizes


def assert_same(estimator, space, X, y, fit_params=None, **options):
    """`cv_results_` but the times are those of candidates that are evaluated one by one."""
    options = {"sampler": "random", "n_trials": 5, "cv": 3, "random_state": 0} | options
    results = []
    for packed in ("auto", False):
        search = OptunaSearchCV(estimator, space, packed=packed, **options)
        results.append(search.fit(X, y, **fit_params or {}).cv_results_)
    packed, alone = results
    assert list(packed) == list(alone)
    assert packed["params"] == alone["params"]
    for name in packed:
        if name.startswith(("split", "mean", "std", "rank")) and "time" not in name:
            np.testing.assert_allclose(packed[name], alone[name], rtol=1e-6, err_msg=name)
    assert (packed["mean_fit_time"] > 0).all()
    return packed


@pytest.mark.parametrize("sampler", ["random", "grid", "tpe"])
def test_samplers(sampler, iris, packs):
    space = {"learning_rate_init": [0.01, 0.1], "alpha": [0.1, 1.0]} if sampler == "grid" else SPACE
    with joblib.parallel_config(backend="threading"):
        assert_same(MLPClassifier(**SMALL), space, *iris, sampler=sampler, n_trials=4, n_jobs=2)
    assert sum(packs) == 12


def test_widths_and_batch_sizes_make_groups(iris, packs):
    space = {"hidden_layer_sizes": [(6,), (4, 4)], "batch_size": [32, 16]}
    assert_same(MLPClassifier(**SMALL), space, *iris, sampler="grid", n_trials=None)
    assert packs == [3, 3, 3, 3]


def test_metrics_train_scores_and_weights(iris):
    X, y = iris
    weight = np.random.RandomState(0).uniform(0.5, 2, len(y))
    assert_same(
        MLPClassifier(**SMALL),
        SPACE,
        X,
        y,
        fit_params={"sample_weight": weight},
        scoring=["accuracy", "neg_log_loss"],
        refit="neg_log_loss",
        return_train_score=True,
    )


def test_a_callable_metric(iris):
    def scores(estimator, X, y):
        return {"accuracy": estimator.score(X, y), "loss": -estimator.loss_}

    assert_same(MLPClassifier(**SMALL), SPACE, *iris, scoring=scores, refit="loss")


def test_early_stopping(iris):
    clf = MLPClassifier(**SMALL | {"early_stopping": True, "max_iter": 20})
    assert_same(clf, SPACE, *iris)


class Counting(TransformerMixin, BaseEstimator):
    """Counts its fits."""

    n_fits = 0

    def __init__(self, factor=1.0):
        self.factor = factor

    def fit(self, X, y=None):
        Counting.n_fits += 1
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return X * self.factor


def test_steps_before_the_network_are_fitted_once_per_fold(iris, packs):
    pipe = make_pipeline(StandardScaler(), Counting(), MLPClassifier(**SMALL))
    rates = {"mlpclassifier__learning_rate_init": [0.001, 0.01, 0.1]}
    search = OptunaSearchCV(pipe, rates, sampler="grid", cv=3, refit=False)
    Counting.n_fits = 0
    search.fit(*iris)
    assert Counting.n_fits == 3
    assert packs == [9]
    Counting.n_fits = 0
    search.set_params(param_distributions=rates | {"counting__factor": [0.5, 1.0]}).fit(*iris)
    assert Counting.n_fits == 6
    assert_same(pipe, rates | {"counting__factor": [0.5, 1.0]}, *iris)


def test_a_network_inside_of_another_estimator(packs):
    X, y = load_diabetes(return_X_y=True)
    reg = TransformedTargetRegressor(MLPRegressor(**SMALL), transformer=StandardScaler())
    assert_same(reg, {"regressor__alpha": [0.1, 1.0, 10.0]}, X, y)
    assert sum(packs) == 15


def test_what_cannot_be_packed_is_named(iris, packs, capsys):
    """It is trained alone, and `verbose` says why."""
    space = {"max_time": [None, 60.0], "alpha": [0.1, 1.0]}
    options = {"sampler": "grid", "n_trials": None, "cv": 3, "refit": False}
    OptunaSearchCV(MLPClassifier(**SMALL), space, verbose=1, **options).fit(*iris)
    assert packs == [6]
    told = capsys.readouterr().out
    assert "6 of 12 fits were trained as one with others; alone: 6 with max_time" in told
    assert_same(MLPClassifier(**SMALL), space, *iris, sampler="grid", n_trials=None)


def test_dropout_and_noise(iris, packs):
    space = {"dropout": [0.1, 0.5], "input_noise": [0.1, 0.2]}
    assert_same(MLPClassifier(**SMALL), space, *iris, sampler="grid", n_trials=None)
    assert packs == [12]


def test_an_estimator_that_cannot_be_packed_is_named(iris, capsys):
    search = OptunaSearchCV(
        LogisticRegression(), {"C": [0.1, 1.0]}, sampler="grid", packed=True, verbose=1
    )
    assert search.fit(*iris).best_score_ > 0.9
    assert "packed=True: LogisticRegression() has no network" in capsys.readouterr().out


def test_a_candidate_that_diverges_fails_alone(iris, packs):
    space = {"learning_rate_init": [0.01, 1e300]}
    clf = MLPClassifier(**SMALL, solver="sgd")
    search = OptunaSearchCV(clf, space, sampler="grid", cv=3)
    with pytest.warns() as caught:
        search.fit(*iris)
    told = [str(w.message) for w in caught if w.category is FitFailedWarning]
    assert len(told) == 1 and "3 fits failed out of a total of 6" in told[0]
    assert packs == [6]
    scores = search.cv_results_["mean_test_score"]
    assert np.isnan(scores).tolist() == [False, True]
    assert search.study_.trials[1].state == optuna.trial.TrialState.FAIL
    with pytest.raises(ValueError, match="non-finite"):
        search.set_params(error_score="raise").fit(*iris)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
def test_all_members_failing(iris):
    clf = MLPClassifier(**SMALL, solver="sgd")
    search = OptunaSearchCV(clf, {"learning_rate_init": [1e299, 1e300]}, sampler="grid", cv=3)
    with pytest.raises(ValueError, match=r"All the 2 trials of the search failed[\s\S]*non-finite"):
        search.fit(*iris)


def test_one_class_in_a_fold(iris):
    X, y = iris
    folds = [(np.arange(50), np.arange(50, 100)), (np.arange(100), np.arange(100, 150))]
    assert_same(MLPClassifier(**SMALL), SPACE, X, y, cv=folds)


def test_pruned_members_leave(iris):
    """Candidates of the second batch that lose are pruned in the middle of their pack."""
    rates = [0.05, 0.02, 0.01, 0.02, 0.05, 0.01, 1e-5, 1e-6, 0.03, 1e-7]
    clf = MLPClassifier(**SMALL | {"max_iter": 30, "tol": 0, "n_iter_no_change": 30})
    prune = PruneTrials()
    search = OptunaSearchCV(
        clf, {"learning_rate_init": rates}, sampler="grid", n_trials_per_batch=5, cv=3
    ).set_callbacks(prune)
    search.fit(*iris)
    pruned = search.cv_results_["pruned"]
    assert not pruned[:5].any() and pruned[[6, 7, 9]].all()
    assert search.best_params_["learning_rate_init"] == 0.05
    epochs = prune.fits_.groupby("candidate")["n_epochs"].max()
    assert epochs[9] < 30 == epochs[0]


def test_timeout_ends_all_members(iris):
    clf = MLPClassifier(**SMALL | {"max_iter": 10**6, "n_iter_no_change": 10**6})
    search = OptunaSearchCV(
        clf, SPACE, sampler="random", n_trials=4, timeout=0.5, cv=2, refit=False
    )
    search.fit(*iris)
    assert search.cv_results_["pruned"].all()


def test_storage_goes_on(iris, tmp_path):
    options = {"sampler": "random", "cv": 3, "random_state": 0, "refit": False}
    path = tmp_path / "journal"
    clf = MLPClassifier(**SMALL)
    whole = OptunaSearchCV(clf, SPACE, n_trials=6, **options).fit(*iris)
    OptunaSearchCV(clf, SPACE, n_trials=3, storage=path, **options).fit(*iris)
    rest = OptunaSearchCV(clf, SPACE, n_trials=6, storage=path, **options).fit(*iris)
    np.testing.assert_array_equal(
        rest.cv_results_["mean_test_score"], whole.cv_results_["mean_test_score"]
    )


class Interrupt:
    """Ctrl-C in an epoch of the second pack."""

    def __init__(self, epoch):
        self.left = epoch

    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        self.left -= context.task_name == "epoch"
        if self.left == 0:
            raise KeyboardInterrupt


def test_interrupt_keeps_what_is_finished(iris, packs):
    """Candidates of the first pack are; those of the second are not."""
    interrupt = Interrupt(5 * 3 + 4)
    clf = MLPClassifier(**SMALL).set_callbacks(interrupt)
    space = {"hidden_layer_sizes": [(6,), (7,)]}
    search = OptunaSearchCV(clf, space, sampler="grid", cv=3)
    with pytest.warns(UserWarning, match="Search interrupted by user"):
        search.fit(*iris)
    assert search.cv_results_["params"] == [{"hidden_layer_sizes": (6,)}]
    assert packs == [3, 3]


def test_interrupt_before_anything_is_finished(iris):
    clf = MLPClassifier(**SMALL).set_callbacks(Interrupt(4))
    with pytest.raises(KeyboardInterrupt):
        OptunaSearchCV(clf, SPACE, sampler="random", n_trials=2, cv=3).fit(*iris)


def test_processes(iris):
    assert_same(MLPClassifier(**SMALL), SPACE, *iris, n_jobs=2)
