"""Hyper-parameter search: Optuna's samplers and pruners behind scikit-learn's interface.

scikit-learn's part is that of any search (folds, scores, `cv_results_`, refit, metadata, joblib);
Optuna's is to propose candidates and to remember them. `search` joins the two, `pruning` stops
candidates in the middle of their training, `spaces` has the ranges to search in. Optuna is
imported here and, for its figures, in `skdeep.plotting`.

Workers are joblib's: ``n_jobs=2`` for processes, ``joblib.parallel_config("dask")`` for those of a
dask cluster, ``joblib.parallel_config("dask", resources={"GPU": 1})`` for workers that each were
started with one device. The best candidate is refitted where `fit` was called: leave ``device`` at
``"auto"`` if that machine has no GPU.
"""

from skdeep.tuning.pruning import PruneTrials
from skdeep.tuning.search import OptunaSearchCV
from skdeep.tuning.spaces import search_space

__all__ = ["OptunaSearchCV", "PruneTrials", "search_space"]
