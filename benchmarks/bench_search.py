"""Searches: epochs saved by pruning, cost of a search over its fits, gain of two processes."""

import time
import warnings

import numpy as np
import optuna
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neural_network import MLPClassifier as SklearnClassifier

if __package__:
    from . import _common as common
else:
    import _common as common

from skdeep import MLPClassifier
from skdeep.tuning import OptunaSearchCV, PruneTrials, search_space

SPACE = {**search_space(MLPClassifier()), "hidden_layer_sizes": [(32,), (64,), (128,), (64, 64)]}
PRUNERS = {
    "off": optuna.pruners.NopPruner(),
    "default": None,
    "median": optuna.pruners.MedianPruner(5, 5),
}


def table(n_samples):
    X, y = make_classification(
        n_samples, 20, n_informative=8, n_classes=4, class_sep=0.8, random_state=0
    )
    return X.astype(np.float32), y


def quietly(search, X, y):
    """Seconds of a fit, without what it says of convergence."""
    started = time.perf_counter()
    with warnings.catch_warnings(action="ignore"):
        search.fit(X, y)
    return time.perf_counter() - started


def pruning(n_samples, n_trials, epochs, pruner, seed=0):
    """Epochs trained, best score and seconds of a random search with 5 folds.

    The sampler does not look at scores, so that the candidates are the same for each pruner.
    """
    prune = PruneTrials(PRUNERS[pruner])
    search = OptunaSearchCV(
        MLPClassifier(max_iter=epochs, tol=0, random_state=0),
        SPACE,
        n_trials=n_trials,
        cv=5,
        sampler="random",
        random_state=seed,
        refit=False,
        n_trials_per_batch=1,
    ).set_callbacks(prune)
    seconds = quietly(search, *table(n_samples))
    scores, ranks = (search.cv_results_[f"{name}_test_score"] for name in ("mean", "rank"))
    return int(prune.fits_["n_epochs"].sum()), float(scores[ranks.argmin()]), seconds


def overhead(n_trials, storage=None):
    """Milliseconds per fit that a search takes beyond the fits and scores, and a grid search's."""
    X, y = table(500)
    clf = SklearnClassifier((8,), max_iter=2)
    rates = np.geomspace(1e-4, 1e-1, n_trials).tolist()
    found = []
    for search in (
        OptunaSearchCV(
            clf,
            {"learning_rate_init": optuna.distributions.FloatDistribution(1e-4, 1e-1, log=True)},
            n_trials=n_trials,
            storage=storage,
            random_state=0,
            refit=False,
            cv=5,
        ),
        GridSearchCV(clf, {"learning_rate_init": rates}, refit=False, cv=5),
    ):
        seconds = quietly(search, X, y)
        work = search.cv_results_["mean_fit_time"] + search.cv_results_["mean_score_time"]
        found.append(1000 * (seconds - 5 * work.sum()) / (5 * n_trials))
    return found


def two_processes(n_samples, n_trials, epochs):
    """Seconds with one and with two processes, both after a first search that started them."""
    X, y = table(n_samples)
    search = OptunaSearchCV(
        MLPClassifier((128,), max_iter=epochs, batch_size=32, tol=0, random_state=0),
        {"alpha": optuna.distributions.FloatDistribution(1e-6, 1e-2, log=True)},
        n_trials=2,
        n_trials_per_batch=2,
        cv=StratifiedKFold(2),
        n_jobs=2,
        refit=False,
        random_state=0,
    )
    quietly(search, X[:200], y[:200])  # starts the workers
    found = [
        quietly(search.set_params(n_jobs=n_jobs, n_trials=n_trials), X, y) for n_jobs in (1, 2)
    ]
    return *found, float(search.cv_results_["mean_fit_time"].mean())


class Search:
    """Epochs and best score of a small search, by pruner."""

    params = tuple(PRUNERS)
    param_names = ("pruner",)
    timeout = 600

    def setup(self, pruner):
        common.one_thread()

    def track_epochs(self, pruner):
        return pruning(1000, 15, 20, pruner)[0]

    def track_best_score(self, pruner):
        return pruning(1000, 15, 20, pruner)[1]


class Overhead:
    """Milliseconds per fit beyond the fit itself."""

    def track_milliseconds(self):
        return overhead(40)[0]


def main():
    args = common.arguments(
        __doc__,
        repeat=2,
        rows={"type": int, "default": 5000},
        trials={"type": int, "default": 40},
        epochs={"type": int, "default": 30},
    )
    common.one_thread()
    ours, theirs = overhead(40)
    print(f"overhead per fit: {ours:.1f} ms; GridSearchCV: {theirs:.1f} ms")
    one, two, fit = two_processes(20_000, 4, 40)
    print(f"two processes: {one:.1f} s -> {two:.1f} s, {one / two:.2f}x (fits of {fit:.1f} s)")
    print(f"{args.trials} candidates x 5 folds, {args.rows} rows, {args.epochs} epochs each")
    for seed in range(args.repeat):
        for pruner in PRUNERS:
            epochs, best, seconds = pruning(args.rows, args.trials, args.epochs, pruner, seed)
            print(
                f"  seed {seed}, pruner {pruner}: {epochs} epochs, best {best:.4f}, {seconds:.0f} s"
            )


if __name__ == "__main__":
    main()
