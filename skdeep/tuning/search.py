"""Hyper-parameter search with Optuna's samplers behind scikit-learn's interface."""

from numbers import Integral, Real
from os import PathLike

import numpy as np
import optuna
from scipy.stats import rankdata
from sklearn.utils.validation import check_is_fitted

from skdeep._compat import BaseSearchCV, Interval, StrOptions
from skdeep.tuning._loop import Loop
from skdeep.tuning._session import Session


class OptunaSearchCV(BaseSearchCV):
    """Search for the best parameters with Optuna, scored by cross-validation.

    It is used like `sklearn.model_selection.RandomizedSearchCV`. A batch of candidates is asked
    from an Optuna study, evaluated on all folds like those of any search of scikit-learn, and
    told to the study, until there are `n_trials` or `timeout` is over. The folds are made once.

    Parameters
    ----------
    estimator : estimator
        Of any library. It needs a method `score`, or `scoring` must be given.

    param_distributions : dict of str to distribution or list, default=None
        Names of parameters with distributions of `optuna.distributions` or `scipy.stats`, or
        lists to choose from. None is ``search_space(estimator)``.

    n_trials : int or None, default=20
        Number of candidates that the study is to have, those of an earlier process included.
        None is no limit; then `timeout` must be given, or the sampler be a grid.

    timeout : float, default=None
        Seconds after which no further candidates are begun. Networks of skdeep that are in
        training then, alone or in a Pipeline, end it with the epoch that they are in, and their
        candidates are kept as pruned. What has no epochs is finished: estimators of other
        libraries, ``solver='lbfgs'``, and networks within other meta-estimators. The refit of the
        best candidate is not limited.

    n_trials_per_batch : int, default=None
        Candidates that are asked for at once. None is the number of jobs (of all workers, on a
        dask cluster). The results depend on it, but not on `n_jobs`.

    study : optuna.Study, default=None
        A study of one's own, to maximise. The search adds to its trials; it may belong to one
        search only, so that nothing leaks from other data.

    storage : str, path-like or Optuna storage, default=None
        Where the study is kept, so that a search that ended for any reason is resumed by the
        same call: the URL of a database (``sqlite:///file``), or the path of a journal file. For
        each data set, estimator, scoring, space and the code of what they call there is a study
        of its own. Several processes may work on one: each ends when all candidates are there,
        and takes over those of a process of its machine that died. None is memory.

    sampler : {'tpe', 'random', 'grid'}, Optuna sampler or callable, default=None
        None is 'tpe' (Bergstra et al., 2011), or that of `study`. 'grid' takes all combinations
        of lists in the order of `ParameterGrid`. A callable gives a sampler for a seed. The seed
        of each trial comes from `random_state` and from the number of the trial.

    pruner : optuna.pruners.BasePruner, default=None
        Stops the training of candidates that lose; see `PruneTrials`. None stops none.

    scoring : str, callable, list, tuple or dict, default=None
        As in `GridSearchCV`, several metrics included.

    n_jobs : int, default=None
        Fits that run at once, by joblib: processes, or what `joblib.parallel_config` says.

    refit : bool, str or callable, default=True
        As in `GridSearchCV`. With several metrics the name of one, which is the one that is
        searched for unless `objectives` is given.

    cv : int, cross-validation generator or iterable, default=None
        As in `GridSearchCV`. With `storage` it must give the same folds again.

    verbose : int, default=0
        From 1 on, a line for each batch and for each candidate with the best score so far; from
        2 on, for each fit.

    pre_dispatch : int or str, default='2*n_jobs'
        As in `GridSearchCV`.

    error_score : 'raise' or float, default=nan
        Score of a fit that fails. Candidates whose mean score is not finite are failed trials.

    random_state : int, RandomState instance or None, default=None
        Seed of the sampler. None takes fresh entropy, not NumPy's global generator.

    return_train_score : bool, default=False
        Whether `cv_results_` has scores on the training rows.

    study_callbacks : list of callable, default=None
        Called as ``callback(study, trial)`` after each trial, in this process, as those of
        `optuna.Study.optimize` are (for MLflow, say). ``study.stop()`` ends the search.

    objectives : str or list of str, default=None
        Metrics of `scoring` that the study maximises. A list of several is a search with several
        objectives: ``study_.best_trials`` has those that no other beats in all of them, and
        `refit` says which metric decides for `best_params_`. None is the metric of `refit`, or
        else the first one.

    Attributes
    ----------
    cv_results_ : dict of ndarrays
        As in `GridSearchCV`, all trials of the study in their order. With a pruner or a timeout
        there is a column 'pruned'; the ranks of pruned candidates are behind all others.

    best_estimator_, best_score_, best_params_, best_index_, refit_time_, scorer_, n_splits_, \
multimetric_
        As in `GridSearchCV`.

    study_ : optuna.Study
        With a trial for each candidate; also there if `fit` was interrupted or raised.

    objective_names_ : list of str
        What the study maximises: names of metrics, or 'score'.

    n_features_in_, classes_, feature_names_in_
        Those of `best_estimator_`.

    See Also
    --------
    PruneTrials : How candidates are stopped.
    search_space : The default space of an estimator.
    skdeep.plotting.SearchDisplay : How the search went.

    Notes
    -----
    Ctrl-C ends the search and keeps the best candidate so far, which is then refitted.

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
    _parameter_constraints: dict = {
        **BaseSearchCV._parameter_constraints,
        "param_distributions": [dict, None],
        "n_trials": [Interval(Integral, 1, None, closed="left"), None],
        "timeout": [Interval(Real, 0, None, closed="neither"), None],
        "n_trials_per_batch": [Interval(Integral, 1, None, closed="left"), None],
        "study": [optuna.Study, None],
        "storage": [str, PathLike, optuna.storages.BaseStorage, None],
        "sampler": [
            StrOptions({"tpe", "random", "grid"}),
            optuna.samplers.BaseSampler,
            callable,
            None,
        ],
        "pruner": [optuna.pruners.BasePruner, None],
        "random_state": ["random_state"],
        "study_callbacks": [list, tuple, None],
        "objectives": [str, list, tuple, None],
    }

    def __init__(
        self,
        estimator,
        param_distributions=None,
        *,
        n_trials=20,
        timeout=None,
        n_trials_per_batch=None,
        study=None,
        storage=None,
        sampler=None,
        pruner=None,
        scoring=None,
        n_jobs=None,
        refit=True,
        cv=None,
        verbose=0,
        pre_dispatch="2*n_jobs",
        error_score=np.nan,
        random_state=None,
        return_train_score=False,
        study_callbacks=None,
        objectives=None,
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
        self.study_callbacks = study_callbacks
        self.objectives = objectives

    def fit(self, X, y=None, **params):
        """Search, and refit the best candidate.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Their targets.

        **params : dict of str to object
            Passed to the `fit` of the estimator, the scorer and the splitter, as in
            `GridSearchCV`.

        Returns
        -------
        self : OptunaSearchCV
        """
        self._validate_params()
        session = Session(self, params)
        before = getattr(self, "_skl_callbacks", [])
        self._session = session
        self.set_callbacks(*session.callbacks)
        try:
            return super().fit(X, y, **params)
        finally:
            self.set_callbacks(*before)
            del self._session

    def _check_input_parameters(self, X, y, split_params):
        cv = self._session.check(self._checked_cv_orig, X, y, split_params)
        self._checked_cv_orig = cv

    def _run_search(self, evaluate_candidates, *, callback_ctx=None):
        """Evaluate trials of the study; called by scikit-learn."""
        session = self._session
        self.study_, limit = session.open_study()
        self._objective_names(self._metric_names())  # raises where there is no such metric
        loop = Loop(self, session, self.study_, evaluate_candidates, limit)
        n_fits = None if np.isinf(limit) else loop.n_missing() * self.n_splits_
        context = callback_ctx.subcontext(
            task_name="search", max_subtasks=n_fits, sequential_subtasks=False
        ).call_on_fit_task_begin(estimator=self)
        session.recall(self.study_, context)
        try:
            loop.run(context)
        finally:
            if self.study is not None:
                self.study.sampler = session.sampler_before
        loop.finish()
        context.call_on_fit_task_end(estimator=self)

    def _format_results(self, candidate_params, n_splits, out, more_results=None):
        """Nothing after each batch: `_make_results` is called once, when all are there."""
        return {}

    def _make_results(self, params, outcomes, pruned):
        """`cv_results_` of these candidates."""
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
        """Names of several metrics; None where there is one, or where a callable names them."""
        return None if self.scoring is None or callable(self.scoring) else _names(self.scoring)

    def _objective_values(self, folds):
        """Means of the metrics that are searched for, or None where one is not finite."""
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
    def objective_names_(self):
        """What `study_` optimises, in the order of its directions."""
        check_is_fitted(self, "study_")
        known = self._metric_names()
        if known is None and getattr(self, "multimetric_", False):  # a callable named them
            prefix = "mean_test_"
            known = [k.removeprefix(prefix) for k in self.cv_results_ if k.startswith(prefix)]
        if known is None and isinstance(self.scoring, str):
            return [self.scoring]
        return list(self._objective_names(known))

    def __getstate__(self):
        """Without the study, where the search is sent to a worker while it runs."""
        state = super().__getstate__()
        if "_session" in state:
            state = {k: v for k, v in state.items() if k not in ("_session", "study_")}
            state |= {"study": None, "storage": None, "study_callbacks": None}
        return state

    def trials_dataframe(self):
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
