"""Every network follows the callbacks of a search, or says that it does not."""

import numpy as np
import optuna
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import skdeep
from skdeep.base.estimator import DeepEstimator
from skdeep.tuning import OptunaSearchCV, PruneTrials

pytestmark = [
    pytest.mark.usefixtures("training_ends_early"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:The generator makes"),
    pytest.mark.filterwarnings("ignore:.*collapse"),
]

rng = np.random.default_rng(0)
CLASSES = np.arange(60) % 2
ROWS = rng.normal(size=(60, 4)) + CLASSES[:, None]
IMAGES = rng.normal(size=(60, 8, 8)) + CLASSES[:, None, None]
SERIES = rng.normal(size=(60, 6, 2)) + CLASSES[:, None, None]
UNIT = (ROWS - ROWS.min()) / np.ptp(ROWS)
TABLES = {"hidden_layer_sizes": (8,), "n_estimators": 2}
FAMILIES = {
    "Autoencoder": (ROWS, {"hidden_layer_sizes": (3,)}),
    "AutoencoderOutlierDetector": (ROWS, {"hidden_layer_sizes": (8,)}),
    "CNNClassifier": (IMAGES, {}),
    "CNNRegressor": (IMAGES, {}),
    "FittedQClassifier": (ROWS, {"hidden_layer_sizes": (8,), "updates_per_iter": 2}),
    "GANOutlierDetector": (ROWS, {"hidden_layer_sizes": (8,)}),
    "ImageGAN": (IMAGES, {"channels": (8, 8)}),
    "LSTMClassifier": (SERIES, {"hidden_layer_sizes": (4,)}),
    "LSTMRegressor": (SERIES, {"hidden_layer_sizes": (4,)}),
    "MLPClassifier": (ROWS, {"hidden_layer_sizes": (8,)}),
    "MLPRegressor": (ROWS, {"hidden_layer_sizes": (8,)}),
    "RBM": (UNIT, {"n_components": 4}),
    "RealMLPClassifier": (ROWS, TABLES),
    "RealMLPRegressor": (ROWS, TABLES),
    "SiameseClassifier": (ROWS, {"hidden_layer_sizes": (8,)}),
    "SiameseTransformer": (ROWS, {"hidden_layer_sizes": (8,)}),
    "TabMClassifier": (ROWS, TABLES),
    "TabMRegressor": (ROWS, TABLES),
    "TabularGAN": (ROWS, {"hidden_layer_sizes": (8,), "critic_layer_sizes": (8,)}),
    "VariationalAutoencoder": (ROWS, {"hidden_layer_sizes": (8,), "n_components": 2}),
}
WITHOUT_A_SCORE = {"GANOutlierDetector"}


def score(estimator, X, y=None):
    """Any number; what counts here is which epochs there were."""
    return float(estimator.n_iter_)


def make(name, **parameters):
    X, own = FAMILIES[name]
    estimator = getattr(skdeep, name)(**own, max_iter=3, random_state=0, device="cpu")
    if "early_stopping" in estimator.get_params():
        parameters = {"early_stopping": False, **parameters}
    return estimator.set_params(**parameters), X


def test_all_families_are_here():
    public = [getattr(skdeep, name) for name in skdeep.__all__]
    classes = [found for found in public if isinstance(found, type)]
    assert {c.__name__ for c in classes if issubclass(c, DeepEstimator)} == set(FAMILIES)


@pytest.mark.parametrize("name", FAMILIES)
def test_scores_of_all_epochs_or_an_error(name):
    estimator, X = make(name)
    prune = PruneTrials(optuna.pruners.NopPruner())
    grid = {"learning_rate_init": [0.001, 0.002]}
    search = GridSearchCV(estimator, grid, cv=2, scoring=score, refit=False, error_score="raise")
    search.set_callbacks(prune)
    if name in WITHOUT_A_SCORE:
        with pytest.raises(ValueError, match=f"{name} has no validation score of an epoch"):
            search.fit(X, CLASSES)
        return
    search.fit(X, CLASSES)
    assert prune.fits_["n_epochs"].tolist() == [3] * 4
    assert np.isfinite(prune.fits_["score"]).all()


@pytest.mark.parametrize("name", sorted(set(FAMILIES) - WITHOUT_A_SCORE))
def test_losers_are_stopped(name):
    estimator, X = make(name)
    study = optuna.create_study(pruner=optuna.pruners.ThresholdPruner(lower=np.inf))
    with pytest.raises(optuna.TrialPruned, match="pruned at epoch 1"):
        estimator.set_callbacks(PruneTrials(trial=study.ask())).fit(X, CLASSES)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_timeout_ends_the_candidate_in_work(name):
    estimator, X = make(name, max_iter=100_000)
    search = OptunaSearchCV(
        estimator,
        {"learning_rate_init": [0.001, 0.002]},
        n_trials=50,
        timeout=0.5,
        cv=2,
        scoring=score,
        refit=False,
        random_state=0,
    )
    search.fit(X, CLASSES)
    assert search.cv_results_["pruned"][-1]
    assert search.study_.trials[-1].state.name == "PRUNED"
    assert search.cv_results_["mean_test_score"][-1] < 50_000


@pytest.mark.parametrize("name", ["RealMLPClassifier", "TabMRegressor", "TabularGAN", "ImageGAN"])
def test_rows_that_are_watched_decide_about_nothing(name):
    """The same candidate, trained on fewer rows: no epoch is chosen by the rows held out."""
    estimator, X = make(name)
    study = optuna.create_study(pruner=optuna.pruners.NopPruner())
    trial = study.ask()
    watched = clone(estimator).set_callbacks(PruneTrials(trial=trial)).fit(X, CLASSES)
    assert watched.n_iter_ == 3 and watched.validation_scores_ is None
    assert watched.best_validation_score_ is None
    assert getattr(watched, "best_epochs_", None) is None
    assert len(study.trials[0].intermediate_values) == 3
