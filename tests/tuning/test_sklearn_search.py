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

_DICTS = "has a list of several dicts as its space; a study of Optuna has one space"
_ORDER = "expects the candidates of ParameterSampler; Optuna draws others, and may repeat them"
_NAN = "no candidate has a finite score, which is an error here and a warning there"
NOT_OURS = {
    "test_grid_search_bad_param_grid": "wording of ParameterGrid; see test_bad_input.py",
    "test_grid_search_cv_results": _DICTS,
    "test_random_search_cv_results": _DICTS,
    "test_grid_search_cv_results_multimetric": _DICTS,
    "test_custom_run_search": _DICTS,
    "test_refit_callable_out_bound": _ORDER,
    "test_search_cv_timing": _ORDER,
    "test_search_default_iid": _ORDER,
    "test_search_cv_results_rank_tie_breaking": _ORDER,
    "test_search_with_2d_array": _ORDER,
    "test_unsupported_sample_weight_scorer": _NAN,
    "test_search_cv_results_none_param": _NAN,
    "test_predict_proba_disabled": "searches an empty space, which is an error here",
}


class GridSearchCV(OptunaSearchCV):
    """`sklearn.model_selection.GridSearchCV` by Optuna."""

    _parameter_constraints = {**OptunaSearchCV._parameter_constraints, "param_grid": [dict, list]}

    sampler, n_trials, n_trials_per_batch = "grid", None, 1000
    timeout = study = storage = pruner = random_state = study_callbacks = objectives = None
    packed = "auto"

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
        grid = self.param_grid
        return grid[0] if isinstance(grid, list) and len(grid) == 1 else grid


class RandomizedSearchCV(OptunaSearchCV):
    """`sklearn.model_selection.RandomizedSearchCV` by Optuna."""

    _parameter_constraints = {**OptunaSearchCV._parameter_constraints, "n_iter": [int]}

    sampler, n_trials_per_batch = "random", 1000
    timeout = study = storage = pruner = study_callbacks = objectives = None
    packed = "auto"

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
globals().update(  # pickle looks for the classes here
    {
        k: v
        for k, v in _namespace.items()
        if getattr(v, "__module__", None) == __name__ and isinstance(v, type)
    }
)


def test_most_of_the_suite_is_run():
    assert len(_found) - len(NOT_OURS) >= 75
