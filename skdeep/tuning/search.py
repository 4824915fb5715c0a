"""Hyper-parameter search with Optuna's samplers and scikit-learn's API."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral, Real
from os import PathLike
from typing import Any, Literal, Self

import numpy as np
import optuna
from optuna.samplers import BaseSampler
from scipy.stats import rankdata
from sklearn.utils.validation import check_is_fitted

from skdeep._compat import BaseSearchCV, Interval, StrOptions, with_doc_link
from skdeep.base.disk import check_splits
from skdeep.tuning._loop import Loop
from skdeep.tuning._session import Session


@with_doc_link
class OptunaSearchCV(BaseSearchCV):
    """Hyper-parameter search with Optuna, scored by cross-validation.

    It is used like `sklearn.model_selection.RandomizedSearchCV`. An Optuna study proposes batches
    of candidates, which are evaluated on all folds like those of any search of scikit-learn and
    reported to the study, until there are `n_trials` or `timeout` is reached. All candidates use
    the same folds.

    Parameters
    ----------
    estimator : estimator
        An estimator of any library. It must have a `score` method, or `scoring` must be passed.

    param_distributions : dict of str to distribution or list, default=None
        Parameter names mapped to distributions of `optuna.distributions` or `scipy.stats`, or to
        lists of values. If None, ``search_space(estimator)`` is used.

    n_trials : int or None, default=20
        Number of candidates of the study, including those of earlier processes. None is no limit
        and requires `timeout` or a grid sampler.

    timeout : float, default=None
        Seconds after which no further candidates are started. Networks of skdeep that are being
        trained, alone or in a Pipeline, stop at the end of the current epoch, and their candidates
        count as pruned. Estimators without epochs are completed: those of other libraries,
        ``solver='lbfgs'``, and networks within other meta-estimators. The refit of the best
        candidate is not limited.

    n_trials_per_batch : int, default=None
        Number of candidates that are proposed at once. If None, the number of jobs (of all workers,
        on a dask cluster). The results depend on it, but not on `n_jobs`.

    study : optuna.Study, default=None
        An existing study, to be maximised. The search adds trials to it; a study belongs to one
        search only, so that nothing leaks from other data.

    storage : str, path-like or Optuna storage, default=None
        Where the study is stored, so that the same call resumes a search that was stopped for any
        reason: the URL of a database (``sqlite:///file``), or the path of a journal file. Each
        combination of data set, estimator, scoring, space and the code they call has its own
        study. Several processes may work on one study: each stops when all candidates are
        evaluated, and takes over those of a dead process of the same machine. If None, the study
        is kept in memory.

    sampler : {'tpe', 'random', 'grid'}, Optuna sampler or callable, default=None
        Sampler of candidates. None is 'tpe' (Bergstra et al., 2011), or that of `study`. 'grid'
        enumerates all combinations of lists in the order of `ParameterGrid`. A callable takes a
        seed and returns a sampler. The seed of each trial is derived from `random_state` and the
        number of the trial.

    pruner : optuna.pruners.BasePruner, default=None
        Stops the training of unpromising candidates; see `PruneTrials`. None does not prune.

    scoring : str, callable, list, tuple or dict, default=None
        As in `GridSearchCV`, including multiple metrics.

    n_jobs : int, default=None
        Number of parallel jobs of joblib: processes, or as configured by `joblib.parallel_config`.

    refit : bool, str or callable, default=True
        As in `GridSearchCV`. With multiple metrics the name of one, which is the objective unless
        `objectives` is passed. 'ensemble' makes `best_estimator_` a
        `skdeep.ensemble.WeightedEnsembleClassifier` or regressor of candidates, fitted on all rows;
        their weights are chosen greedily among the 50 best candidates by the first objective of
        their weighted mean on the rows of all test folds (Caruana et al., 2004), without sample
        weights. Predictions of all candidates for all rows are in memory then.

    cv : int, cross-validation generator or iterable, default=None
        As in `GridSearchCV`. With `storage` it must be reproducible.

    verbose : int, default=0
        From 1, print a line for each batch and for each candidate with the best score so far; from
        2, for each fit.

    pre_dispatch : int or str, default='2*n_jobs'
        As in `GridSearchCV`.

    error_score : 'raise' or float, default=nan
        Score of failed fits. Candidates whose mean score is not finite are failed trials.

    random_state : int, RandomState instance or None, default=None
        Seed of the sampler. None uses fresh entropy, not NumPy's global generator.

    return_train_score : bool, default=False
        Whether `cv_results_` includes scores on the training rows.

    packed : {'auto'} or bool, default='auto'
        Whether the networks of the candidates of a batch, on all folds, are trained side by side
        in the same tensor operations, which takes a fraction of the time for small ones. The scores
        are the same up to rounding. It is done for `MLPClassifier` and `MLPRegressor`, alone or
        inside of other estimators, where networks have the same widths, activation and batch
        size; other parameters may differ. Networks too large to gain by it and those with
        ``solver='lbfgs'``, `max_time` or `skorch_callbacks` are trained one by one; `verbose`
        says how many and why. Steps of a Pipeline before its last are fitted once for
        each fold and setting of theirs. Where `n_trials_per_batch` is None, 'random' and 'grid'
        propose 32 candidates at once, but not with a pruner, which compares candidates with those
        of earlier batches; a batch that is killed is evaluated again. Jobs share the
        candidates of a batch. False trains all networks one by one.

    study_callbacks : list of callable, default=None
        Called as ``callback(study, trial)`` after each trial, in this process, like those of
        `optuna.Study.optimize`. ``study.stop()`` stops the search.

    objectives : str or list of str, default=None
        Metrics of `scoring` that the study maximises. A list of several is a multi-objective
        search: ``study_.best_trials`` is the Pareto front, and `refit` selects the metric that
        determines `best_params_`. None is the metric of `refit`, otherwise the first one.

    Attributes
    ----------
    cv_results_ : dict of ndarrays
        As in `GridSearchCV`, with all trials of the study in order. With a pruner or a timeout
        there is a column 'pruned'; pruned candidates are ranked behind all others.

    best_estimator_, best_score_, best_params_, best_index_, refit_time_, scorer_, n_splits_, \
multimetric_
        As in `GridSearchCV`.

    study_ : optuna.Study
        The study, with a trial for each candidate; also available if `fit` was interrupted or
        raised an error.

    objective_names_ : list of str
        Objectives of the study: names of metrics, or 'score'.

    n_features_in_, classes_, feature_names_in_
        Those of `best_estimator_`.

    See Also
    --------
    PruneTrials : Callback that prunes candidates.
    search_space : Default search space of an estimator.
    skdeep.plotting.SearchDisplay : Progress of the search.

    Notes
    -----
    Ctrl-C stops the search and keeps the best candidate so far, which is then refitted.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skdeep.tuning import OptunaSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> space = {"C": loguniform(1e-3, 1e3)}
    >>> search = OptunaSearchCV(LogisticRegression(max_iter=500), space, random_state=0)
    >>> bool(search.fit(X, y).best_score_ > 0.97)
    True
    >>> len(search.cv_results_["params"])
    20
    """

    __module__ = "skdeep.tuning"
    _checked_cv_orig: Any

    study_: optuna.Study
    best_estimator_: Any

    _parameter_constraints: dict = {
        **BaseSearchCV._parameter_constraints,
        "param_distributions": [dict, None],
        "n_trials": [Interval(Integral, 1, None, closed="left"), None],
        "timeout": [Interval(Real, 0, None, closed="neither"), None],
        "n_trials_per_batch": [Interval(Integral, 1, None, closed="left"), None],
        "study": [optuna.Study, None],
        "storage": [str, PathLike, optuna.storages.BaseStorage, None],
        "sampler": [StrOptions({"tpe", "random", "grid"}), BaseSampler, callable, None],
        "pruner": [optuna.pruners.BasePruner, None],
        "random_state": ["random_state"],
        "packed": [StrOptions({"auto"}), "boolean"],
        "study_callbacks": [list, tuple, None],
        "objectives": [str, list, tuple, None],
    }

    def __init__(
        self,
        estimator: Any,
        param_distributions: dict[str, Any] | None = None,
        *,
        n_trials: int | None = 20,
        timeout: float | None = None,
        n_trials_per_batch: int | None = None,
        study: Any = None,
        storage: Any = None,
        sampler: Any = None,
        pruner: Any = None,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: bool | str | Callable[..., Any] = True,
        cv: Any = None,
        verbose: bool | int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        error_score: str | float = np.nan,
        random_state: int | np.random.RandomState | None = None,
        return_train_score: bool = False,
        packed: bool | Literal["auto"] = "auto",
        study_callbacks: Sequence[Any] | None = None,
        objectives: str | Sequence[str] | None = None,
    ):
        self.estimator = estimator
        self.param_distributions = param_distributions
        self.n_trials = n_trials
        self.timeout = timeout
        self.n_trials_per_batch = n_trials_per_batch
        self.study = study
        self.storage = storage
        self.sampler = sampler
        self.pruner = pruner
        self.scoring = scoring
        self.n_jobs = n_jobs
        self.refit = refit
        self.cv = cv
        self.verbose = verbose
        self.pre_dispatch = pre_dispatch
        self.error_score = error_score
        self.random_state = random_state
        self.return_train_score = return_train_score
        self.packed = packed
        self.study_callbacks = study_callbacks
        self.objectives = objectives

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Search, and refit the best candidate.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Targets.

        **params : dict of str to object
            Passed to the `fit` of the estimator, the scorer and the splitter, as in
            `GridSearchCV`.

        Returns
        -------
        self : OptunaSearchCV
        """
        self._validate_params()
        check_splits(X)
        self._session = session = Session(self, params)
        before = getattr(self, "_skl_callbacks", [])
        self.set_callbacks(*session.callbacks)
        try:
            super().fit(X, y, **params)
            if session.library is not None:
                fit_params = self._get_routed_params_for_fit(params).estimator.fit
                folds = session.folds.folds
                self.best_estimator_ = session.library.ensemble(X, y, folds, fit_params)
            return self
        finally:
            self.set_callbacks(*before)
            del self._session

    def _get_scorers(self):
        """Scorers, and the name of the metric that chooses `best_index_`."""
        scorers, metric = super()._get_scorers()
        if metric == "ensemble":
            metric = np.atleast_1d(self.objectives or list(self.scoring))[0]
        return scorers, metric

    def _check_refit_for_multimetric(self, scores):
        if self.refit != "ensemble":
            super()._check_refit_for_multimetric(scores)
        elif callable(self.scoring):
            raise ValueError(
                "refit='ensemble' needs one metric, or several as a list or dict of scorers, not a "
                "callable that gives several."
            )

    def _check_input_parameters(self, X, y, split_params):
        self._checked_cv_orig = self._session.check(self._checked_cv_orig, X, y, split_params)

    def _run_search(self, evaluate_candidates, *, callback_ctx=None):
        """Evaluate trials of the study; called by scikit-learn."""
        session = self._session
        self.study_, limit = session.open_study()
        self._objective_names(self._metric_names())  # raises where there is no such metric
        loop = Loop(self, session, self.study_, evaluate_candidates, limit)
        n_fits = loop.n_fits()
        context = callback_ctx.subcontext(
            task_name="search", max_subtasks=n_fits, sequential_subtasks=False
        ).call_on_fit_task_begin(estimator=self)
        session.recall(self.study_, context)
        try:
            loop.run(context)
        finally:
            if self.study is not None:
                self.study.sampler = session.sampler_before
        loop.finish(context)
        context.call_on_fit_task_end(estimator=self)

    def _format_results(self, candidate_params, n_splits, out, more_results=None):
        """Do nothing after each batch: `_make_results` is called once at the end."""
        return {}

    def _make_results(self, params, outcomes, pruned):
        """`cv_results_` of the given candidates."""
        more = None if pruned is None else {"pruned": pruned}
        results = super()._format_results(params, self.n_splits_, outcomes, more)
        if pruned is None:
            return results
        for name in results:
            if name.startswith("rank_test_"):
                behind = results[name] + pruned * (len(params) + 1)
                results[name] = rankdata(behind, method="min").astype(np.int32)
        return results

    def _metric_names(self):
        """Names of several metrics; None for a single one, or if a callable names them."""
        return None if self.scoring is None or callable(self.scoring) else _names(self.scoring)

    def _objective_values(self, folds):
        """Means of the optimised metrics, or None if one is not finite."""
        scores = [fold["test_scores"] for fold in folds]
        known = next((list(score) for score in scores if isinstance(score, dict)), None)
        means = [
            np.mean([score[name] if isinstance(score, dict) else score for score in scores])
            for name in self._objective_names(known)
        ]
        return [float(mean) for mean in means] if np.isfinite(means).all() else None

    def _objective_names(self, known):
        n_objectives = len(self.study_.directions)
        if self.objectives is not None:
            names = [self.objectives] if isinstance(self.objectives, str) else self.objectives
            unknown = set(names) - set(["score"] if known is None else known)
            if unknown and known is not None:
                raise ValueError(f"objectives={self.objectives!r} are not among {known}.")
            return names
        if n_objectives > 1:
            if known is not None and len(known) != n_objectives:
                raise ValueError(
                    f"The study has {n_objectives} directions and scoring gives {known}: say by "
                    "`objectives` which ones."
                )
            return known or ["score"] * n_objectives
        if known is None:
            return ["score"]
        return [self.refit] if self.refit in known else known[:1]

    @property
    def objective_names_(self) -> list[str]:
        """Names of what `study_` optimises, in the order of its directions."""
        check_is_fitted(self, "study_")
        known = self._metric_names()
        if known is None and getattr(self, "multimetric_", False):  # a callable named them
            prefix = "mean_test_"
            known = [k.removeprefix(prefix) for k in self.cv_results_ if k.startswith(prefix)]
        if known is None and isinstance(self.scoring, str):
            return [self.scoring]
        return list(self._objective_names(known))

    def __getstate__(self):
        """State without the study while a running search is sent to a worker."""
        state = super().__getstate__()
        if "_session" in state:
            state = {k: v for k, v in state.items() if k not in ("_session", "study_")}
            state |= {"study": None, "storage": None, "study_callbacks": None}
        return state

    def trials_dataframe(self) -> Any:
        """Return the trials of the study as a table.

        Returns
        -------
        DataFrame
            As `optuna.Study.trials_dataframe` gives it, without what the search notes for itself.
        """
        table = self.study_.trials_dataframe()
        return table.drop(columns=[c for c in table if c.startswith("user_attrs_skdeep:")])


def _names(scoring):
    return None if isinstance(scoring, str) else list(scoring)
