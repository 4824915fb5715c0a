"""Searches whose candidates train as one network, beside the same searches one by one.

    OMP_NUM_THREADS=1 python benchmarks/bench_packed.py --repeat 5

Each search has `--candidates` candidates (learning rates and penalties) on 5 folds, without refit,
in turns:

packed      `OptunaSearchCV`, candidates trained as one, two processes
one by one  the same with ``packed=False``, two processes
sklearn     `GridSearchCV` over scikit-learn's `MLPClassifier`, two processes

All processes are started before. `--memory` prints the growth of the peak memory of a packed
search over 100 fits on 100,000 x 50 in float64, as a multiple of the size of X.
"""

import resource
import statistics
import time
import warnings

import numpy as np
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier as SklearnClassifier

if __package__:
    from . import _common as common
else:
    import _common as common

from skdeep import MLPClassifier
from skdeep.tuning import OptunaSearchCV

SHAPES = {  # rows, columns, hidden layers, batch size, epochs
    "small": (2_000, 10, (100,), 32, 20),
    "medium": (10_000, 20, (100,), 200, 20),
    "large": (10_000, 50, (256, 256, 256), 256, 4),
}
N_FOLDS = 5


def data(n_rows, n_columns):
    return make_classification(
        n_rows,
        n_columns,
        n_informative=8,
        n_classes=5,
        n_clusters_per_class=1,
        random_state=0,
    )


def searches(hidden, batch_size, epochs, n_candidates):
    """The searches by their names."""
    grid = {
        "learning_rate_init": np.geomspace(1e-4, 1e-2, -(-n_candidates // 2)).tolist(),
        "alpha": [1e-4, 1e-2],
    }
    options = {
        "hidden_layer_sizes": hidden,
        "batch_size": batch_size,
        "max_iter": epochs,
        "n_iter_no_change": common.NEVER,
        "random_state": 0,
    }
    ours = {"n_jobs": 2, "refit": False, "cv": N_FOLDS, "n_trials": n_candidates}
    return {
        "packed": OptunaSearchCV(MLPClassifier(**options), grid, sampler="grid", **ours),
        "one by one": OptunaSearchCV(
            MLPClassifier(**options), grid, sampler="grid", packed=False, **ours
        ),
        "sklearn": GridSearchCV(
            SklearnClassifier(**options), grid, n_jobs=2, refit=False, cv=N_FOLDS
        ),
    }


def seconds(search, X, y):
    started = time.perf_counter()
    with warnings.catch_warnings(action="ignore"):
        search.fit(X, y)
    return time.perf_counter() - started


def compare(shape, n_candidates, repeat):
    """Seconds of each search in each turn, and the largest difference of a fold's score."""
    n_rows, n_columns, hidden, batch_size, epochs = SHAPES[shape]
    X, y = data(n_rows, n_columns)
    found = searches(hidden, batch_size, epochs, n_candidates)
    for search in searches((2,), batch_size, 1, 2).values():
        seconds(search, X[:500], y[:500])  # starts the processes
    times = {name: [] for name in found}
    for _ in range(repeat):
        for name, search in found.items():
            times[name].append(seconds(search, X, y))
    scores = {
        name: np.stack([s.cv_results_[f"split{k}_test_score"] for k in range(N_FOLDS)])
        for name, s in found.items()
    }
    return times, np.abs(scores["packed"] - scores["one by one"]).max()


def memory():
    """Growth of the peak memory of a packed search, as a multiple of the size of X."""
    X, y = data(100_000, 50)
    search = searches((20,), 1000, 1, 20)["packed"].set_params(n_jobs=1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds(search, X, y)
    return 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / X.nbytes


class Packed:
    """Seconds of a packed search of the small shape, over those of the same one by one."""

    timeout = 600

    def track_ratio(self):
        common.one_thread()
        times, _ = compare("small", 8, 1)
        return times["packed"][0] / times["one by one"][0]


def main():
    args = common.arguments(
        __doc__,
        repeat=3,
        candidates={"type": int, "default": 20},
        shapes={"nargs": "+", "default": list(SHAPES), "choices": list(SHAPES)},
        memory={"action": "store_true"},
    )
    common.one_thread()
    if args.memory:
        print(f"peak memory grows by {memory():.1f} times the size of X")
        return
    for shape in args.shapes:
        n_candidates = args.candidates if shape != "large" else min(args.candidates, 8)
        times, difference = compare(shape, n_candidates, args.repeat)
        print(f"{shape} {SHAPES[shape]}, {n_candidates} candidates x {N_FOLDS} folds")
        for name, taken in times.items():
            ratio = statistics.median(t / p for t, p in zip(taken, times["packed"]))
            print(f"  {name:12s} {statistics.median(taken):7.2f} s  {ratio:5.2f} x packed")
        print(f"  largest difference of a fold's score, packed and one by one: {difference:.1e}")


if __name__ == "__main__":
    main()
