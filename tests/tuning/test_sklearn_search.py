"""scikit-learn's own tests of its searches, run on `OptunaSearchCV`.

The installed `sklearn/model_selection/tests/test_search.py` is executed with classes under the
names `GridSearchCV` and `RandomizedSearchCV` that are `OptunaSearchCV` with the sampler 'grid' or
'random', and one batch. `NOT_OURS` lists the tests that cannot apply, each with its reason.
"""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from skdeep.tuning import OptunaSearchCV

pytestmark = pytest.mark.filterwarnings("default")  # as scikit-learn runs them

NOT_OURS = {}


class GridSearchCV(OptunaSearchCV):
    """`sklearn.model_selection.GridSearchCV` by Optuna."""

    _parameter_constraints = {**OptunaSearchCV._parameter_constraints, "param_grid": [dict, list]}

    sampler, n_trials, n_trials_per_batch = "grid", None, 1000
    timeout = study = storage = pruner = random_state = study_callbacks = objectives = None

    def __init__(
        self,
        estimator,
        param_grid,
        *,
        scoring=None,
        n_jobs=None,
        refit=True,
        cv=None,
        verbose=0,
        pre_dispatch="2*n_jobs",
        error_score=np.nan,
        return_train_score=False,
    ):
        self.estimator, self.param_grid = estimator, param_grid
        self.scoring, self.n_jobs, self.refit, self.cv = scoring, n_jobs, refit, cv
        self.verbose, self.pre_dispatch = verbose, pre_dispatch
        self.error_score, self.return_train_score = error_score, return_train_score

    @property
    def param_distributions(self):
        return self.param_grid


class RandomizedSearchCV(OptunaSearchCV):
    """`sklearn.model_selection.RandomizedSearchCV` by Optuna."""

    _parameter_constraints = {**OptunaSearchCV._parameter_constraints, "n_iter": [int]}

    sampler, n_trials_per_batch = "random", 1000
    timeout = study = storage = pruner = study_callbacks = objectives = None

    def __init__(
        self,
        estimator,
        param_distributions,
        *,
        n_iter=10,
        scoring=None,
        n_jobs=None,
        refit=True,
        cv=None,
        verbose=0,
        pre_dispatch="2*n_jobs",
        random_state=None,
        error_score=np.nan,
        return_train_score=False,
    ):
        self.estimator, self.param_distributions = estimator, param_distributions
        self.n_iter, self.random_state = n_iter, random_state
        self.scoring, self.n_jobs, self.refit, self.cv = scoring, n_jobs, refit, cv
        self.verbose, self.pre_dispatch = verbose, pre_dispatch
        self.error_score, self.return_train_score = error_score, return_train_score

    @property
    def n_trials(self):
        return self.n_iter


def _tests():
    path = Path(importlib.util.find_spec("sklearn.model_selection.tests.test_search").origin)
    source = path.read_text().replace("@pytest.mark.thread_unsafe\n", "")  # not a marker of ours
    generator = "yield_namespace_device_dtype_combinations()"
    source = source.replace(generator, f"list({generator})")  # pytest asks for a list
    for name in ("GridSearchCV", "RandomizedSearchCV"):
        assert source.count(f"    {name},\n") >= 1
        source = source.replace(f"    {name},\n", "", 1)
    namespace = {
        "__name__": __name__,
        "GridSearchCV": GridSearchCV,
        "RandomizedSearchCV": RandomizedSearchCV,
    }
    exec(compile(source, str(path), "exec"), namespace)
    return namespace


_namespace = _tests()
_found = {name: value for name, value in _namespace.items() if name.startswith("test_")}
assert set(NOT_OURS) <= set(_found)
globals().update({name: test for name, test in _found.items() if name not in NOT_OURS})
