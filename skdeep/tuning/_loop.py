"""Ask for a batch of candidates, have them evaluated, tell the study: again and again."""

import time
import warnings

import joblib
import numpy as np
from optuna.trial import TrialState
from sklearn.exceptions import FitFailedWarning

from skdeep._compat import SearchState, _insert_error_scores, all_fits_failed
from skdeep.tuning import _optuna, _record

_MOST_STEPS = 30
"""Epochs of a curve that a study keeps as intermediate values, evenly spread: enough to draw it.
Each is a write to the storage, which for a database is some milliseconds."""


class Loop:
    """One run of a search over its study.

    Parameters
    ----------
    search : OptunaSearchCV
    session : Session
    study : optuna.Study
    evaluate : callable
        What `BaseSearchCV.fit` gives to `_run_search`.
    limit : float
        Trials that the study is to have.
    """

    def __init__(self, search, session, study, evaluate, limit):
        self.search, self.space, self.prune = search, session.space, session.prune
        self.study, self.evaluate, self.limit = study, evaluate, limit
        self.state = SearchState(evaluate)
        self.first_error = None
        self.n_evaluated = 0
        self._asked = []
        self._deadline = np.inf
        if search.timeout is not None:
            self._deadline = time.monotonic() + search.timeout

    def run(self, context):
        """Evaluate trials until there are enough or time is over.

        Parameters
        ----------
        context : sklearn.callback.CallbackContext
            Of the search.
        """
        with _optuna.stoppable(self.study) as told_to_stop:
            try:
                while not told_to_stop() and (batch := self._next_batch()):
                    self._asked = list(batch)
                    self._evaluate(batch, context)
            except KeyboardInterrupt:
                if not any(map(self._counts, self._finished())):
                    raise
                warnings.warn("Search interrupted by user; the best candidate so far is kept.")
            finally:
                for trial in self._asked:
                    _optuna.release(self.study, trial)

    def _next_batch(self):
        """Trials to evaluate now: those of processes that died, then new ones."""
        if time.monotonic() >= self._deadline and self.n_evaluated:
            return []
        frozen = self.study.get_trials(deepcopy=False)
        orphans = [t for t in frozen if _optuna.is_orphan(t)]
        for trial in [t for t in orphans if _record.restore(t)]:
            self._tell(_optuna.revive(self.study, trial, {}), _record.restore(trial), None)
            orphans.remove(trial)
        size = self.search.n_trials_per_batch or joblib.effective_n_jobs(self.search.n_jobs)
        distributions = self.space.distributions
        if orphans:
            return [_optuna.revive(self.study, t, distributions) for t in orphans[:size]]
        size = int(min(size, self.n_missing()))
        return [_optuna.ask(self.study, distributions) for _ in range(size)]

    def n_missing(self):
        """Number of trials that are still to be evaluated, by this process or another one."""
        trials = self.study.get_trials(deepcopy=False)
        taken = [
            t
            for t in trials
            if self._counts(t) or (t.state == TrialState.RUNNING and not _optuna.is_orphan(t))
        ]
        return max(0, self.limit - len(taken))

    def _evaluate(self, batch, context):
        params = [self.space.decode(trial.params) for trial in batch]
        first, n_splits = self.n_evaluated, self.search.n_splits_
        started, n_before = time.monotonic(), len(self.state.outcomes)
        try:
            self.evaluate(params, callback_ctx=_Shifted(context, first * n_splits))
            outcomes = self.state.outcomes[n_before:]
        except ValueError as error:
            if not all_fits_failed(error):
                raise
            self.first_error = self.first_error or str(error).strip()
            warnings.warn(str(error), FitFailedWarning)
            seconds = (time.monotonic() - started) / (len(batch) * n_splits)
            outcomes = [self._failure(str(error), seconds) for _ in range(len(batch) * n_splits)]
        self.n_evaluated += len(batch)
        curves = self._curves(context)
        for i, trial in enumerate(batch):
            folds = outcomes[i * n_splits : (i + 1) * n_splits]
            self._tell(trial, folds, curves.get(first + i))
            self._asked.remove(trial)

    def _curves(self, context):
        """(scores of the epochs by fold, whether it was stopped) of each candidate."""
        found = {}
        fits = self.prune.ledger(context).fits() if self.prune else ()
        for series, candidate, scores, pruned in fits:
            if isinstance(candidate, int):
                by_series, lost = found.get(candidate, ({}, False))
                found[candidate] = ({**by_series, series: scores}, lost or pruned)
        return found

    def _failure(self, error, seconds):
        """What scikit-learn would have recorded of a fit that failed."""
        score = self.search.error_score
        if isinstance(names := self.search._metric_names(), list):
            score = dict.fromkeys(names, score)
        outcome = {"fit_error": error, "test_scores": score, "n_test_samples": 0}
        if self.search.return_train_score:
            outcome["train_scores"] = score
        return {**outcome, "fit_time": seconds, "score_time": 0.0}

    def _tell(self, trial, folds, curves):
        by_series, pruned = curves or ({}, False)
        _record.store(trial, folds, by_series)
        if pruned:
            trial.set_user_attr(_record.PRUNED, True)
        values = self.search._objective_values(folds)
        if by_series and len(self.study.directions) == 1:
            _report(trial, list(by_series.values()))
        options = {"skip_if_finished": True}
        if values is None:
            frozen = self.study.tell(trial, state=TrialState.FAIL, **options)
        elif pruned:
            frozen = self.study.tell(trial, state=TrialState.PRUNED, **options)
        else:
            frozen = self.study.tell(trial, values, **options)
        if self.search.verbose > 0:
            self._print(frozen, values)
        for callback in self.search.study_callbacks or ():
            callback(self.study, frozen)

    def _print(self, frozen, values):
        limit = "" if np.isinf(self.limit) else f"/{int(self.limit)}"
        shown = "failed" if values is None else ", ".join(f"{value:.4f}" for value in values)
        best = ""
        if len(self.study.directions) == 1:
            complete = self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
            if complete:
                best = f"; best {max(t.value for t in complete):.4f}"
        state = " (stopped early)" if frozen.state == TrialState.PRUNED else ""
        print(f"Trial {frozen.number + 1}{limit}: {shown}{state}{best}")

    def _counts(self, frozen):
        """Whether a trial was evaluated by a search, this one or an earlier one."""
        return frozen.state.is_finished() and _record.restore(frozen) is not None

    def _finished(self):
        trials = self.study.get_trials(deepcopy=False)
        return [trial for trial in trials if self._counts(trial)]

    def finish(self):
        """Make `cv_results_` of all trials of the study, also those of earlier processes.

        Raises
        ------
        ValueError
            Where all trials failed, with the first cause.
        """
        trials = self._finished()
        params = [self.space.decode(trial.params) for trial in trials]
        outcomes = [dict(fold) for trial in trials for fold in _record.restore(trial)]
        no_score = all(trial.state == TrialState.FAIL for trial in trials)
        if trials and (no_score or all(fold["fit_error"] for fold in outcomes)):
            self._raise_first_cause(params, outcomes)
        if callable(self.search.scoring):
            _insert_error_scores(outcomes, self.search.error_score)
        pruned = np.array([_record.PRUNED in trial.user_attrs for trial in trials])
        results = self.search._make_results(params, outcomes, pruned if self.prune else None)
        self.state.finish(params, outcomes, results)

    def _raise_first_cause(self, params, outcomes):
        n_trials = len(params)
        error = self.first_error or next(
            (fold["fit_error"] for fold in outcomes if fold["fit_error"]), None
        )
        head = f"All the {n_trials} trials of the search failed. "
        if error is not None:
            raise ValueError(f"{head}The first cause:\n{error}")
        # The fits went well: it was the scores. The cause is told by scoring once more.
        self.state.raise_errors()
        try:
            self.evaluate(params[:1])
        except Exception as cause:
            raise ValueError(f"{head}The first cause:\n{type(cause).__name__}: {cause}") from cause
        raise ValueError(f"{head}No score is finite: the scorer returned NaN or infinity.")


def _report(trial, curves):
    """Mean over the folds after each epoch, as the intermediate values of a trial."""
    longest = max(map(len, curves))
    steps = np.unique(np.linspace(0, longest - 1, _MOST_STEPS).round().astype(int))
    for step in steps.tolist():
        reached = [scores[step] for scores in curves if len(scores) > step]
        trial.report(float(np.mean(reached)), step)


class _Shifted:
    """Numbers the candidates of all batches throughout, as those of a search with one batch."""

    def __init__(self, context, first):
        self.context, self.first = context, first

    def subcontext(self, task_name, task_id):
        return self.context.subcontext(task_name=task_name, task_id=self.first + task_id)
