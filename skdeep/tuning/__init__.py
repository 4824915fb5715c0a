"""Hyper-parameter search with Optuna's samplers and pruners and scikit-learn's API.

scikit-learn evaluates candidates as in any search (folds, scores, `cv_results_`, refit, metadata,
joblib); Optuna proposes and stores them. `search` combines the two, `pruning` prunes candidates in
the middle of their training, `spaces` has the default search spaces. Optuna is imported here and,
for its figures, in `skdeep.plotting`.

Workers are joblib's: ``n_jobs=2`` for processes, ``joblib.parallel_config("dask")`` for those of a
dask cluster, ``joblib.parallel_config("dask", resources={"GPU": 1})`` for workers that were
started with one device each. The best candidate is refitted in the calling process: leave
``device="auto"`` if that machine has no GPU.
"""

from skdeep.tuning.pruning import PruneTrials
from skdeep.tuning.search import OptunaSearchCV
from skdeep.tuning.spaces import search_space

__all__ = ["OptunaSearchCV", "PruneTrials", "search_space"]
