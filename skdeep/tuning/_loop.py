"""The loop of a search: ask for a batch of candidates, evaluate it and tell the study."""

import time
import warnings
from typing import Any

import joblib
import numpy as np
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import TrialState
from sklearn.exceptions import FitFailedWarning

from skdeep._compat import SearchState, _insert_error_scores, all_fits_failed
from skdeep.tuning import _optuna, _record
from skdeep.tuning._packed import INDEPENDENT_BATCH, Evaluation, trains_in_packs
from skdeep.tuning._samplers import draws_apart

_MOST_STEPS = 30
"""Epochs of a curve that a study keeps as intermediate values, evenly spread: enough to draw it.
Each is a write to the storage, which for a database is some milliseconds."""

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0  # seconds between looks at what others evaluate


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
        self.search, self.space, self.stoppers = search, session.space, session.stoppers
        self.study, self.evaluate, self.limit = study, evaluate, limit
        self.state = SearchState(evaluate)
        self.library, self.prunes = session.library, session.prune is not None
        self._evaluation = _own_evaluation(search, self.state, session.library)
        self.first_error = None
        self.n_evaluated = 0
        self._asked = []  # trials that this run owns, by their numbers in the storage
        self._deadline = session.deadline

    def run(self, context):
        """Evaluate trials until there are enough or time is over.

        Parameters
        ----------
        context : sklearn.callback.CallbackContext
            Of the search.
        """
        with _optuna.stoppable(self.study) as told_to_stop, _optuna.owning() as self._run:
            try:
                while not told_to_stop() and (batch := self._next_batch(told_to_stop)):
                    self._evaluate(batch, context)
            except KeyboardInterrupt:
                if not any(map(self._counts, self._finished())):
                    raise
                warnings.warn("Search interrupted by user; the best candidate so far is kept.")
            finally:
                for trial_id in self._asked:
                    _optuna.release(self.study, trial_id)

    def _next_batch(self, told_to_stop):
        """Trials to evaluate: those of processes that died, then new ones."""
        pause = _SHORTEST_PAUSE
        while not (told_to_stop() or (self._is_late() and self.n_evaluated)):
            trials = self.study.get_trials(deepcopy=False)
            running = [t for t in trials if _optuna.is_of_a_search(t)]
            orphans = [t for t in running if _optuna.is_orphan(t, self._run)]
            in_work = [t for t in running if t not in orphans]
            n_left = self.limit - sum(map(self._counts, trials))
            wanted = n_left - len(in_work)
            if written := [t for t in orphans if _record.restore(t) is not None]:
                self._tell_again(written)
            elif wanted > 0:
                if batch := self._ask(trials, orphans, bool(in_work), wanted):
                    return batch
            elif n_left <= 0 or self._is_late() or not self._can_wait_for(in_work):
                return []
            else:  # what other processes evaluate just now belongs to the results
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
        return []

    def _is_late(self):
        return time.monotonic() >= self._deadline

    def _can_wait_for(self, in_work):
        """Whether a trial belongs to this machine, where dead processes are detected."""
        if any(map(_optuna.is_in_work, in_work)):
            return True
        numbers = [t.number for t in in_work]
        warnings.warn(
            f"Another machine evaluates the trials {numbers} of the study "
            f"{self.study.study_name!r}, so that they are not among the results: fit again later. "
            "If its process has died, `study_.tell(number, state=optuna.trial.TrialState.FAIL)` "
            "lets others take their place."
        )
        return False

    def _tell_again(self, orphans):
        """Tell the study the recorded scores of candidates whose process died."""
        for frozen in orphans:
            _optuna.take_over(self.study, frozen, self._run)
            trial = _optuna.suggest(self.study, frozen._trial_id, {})
            curves = (_record.curves(frozen), _record.was_pruned(frozen))
            self._tell(trial, _record.restore(frozen), curves)

    def _ask(self, trials, orphans, in_company, wanted):
        """Trials of a batch; none if another process was faster.

        A search that was killed goes on with the batches that it would have had, since what is
        drawn depends on which candidates are finished.
        """
        size = self.search.n_trials_per_batch or self._batch_size()
        n_new = most = int(min(size, wanted))
        if not in_company:
            block = (orphans[0].number if orphans else len(trials)) // size
            orphans = [t for t in orphans if t.number // size == block]
            n_new = (block + 1) * size - len(trials)
        for frozen in orphans[:most]:
            _optuna.take_over(self.study, frozen, self._run)
            self._asked.append(frozen._trial_id)
        for _ in range(min(n_new, most - len(self._asked))):
            trial_id = _optuna.ask(self.study, self._run)
            if self._is_one_too_many(trial_id):
                _optuna.release(self.study, trial_id)
                break
            self._asked.append(trial_id)
        return [_optuna.suggest(self.study, i, self.space.distributions) for i in self._asked]

    def _batch_size(self):
        """Large where batches do not matter: a pruner compares candidates with earlier ones."""
        in_packs = self._evaluation is not None and self._evaluation.packs
        if in_packs and not self.prunes and draws_apart(self.study.sampler):
            return INDEPENDENT_BATCH
        return joblib.effective_n_jobs(self.search.n_jobs)

    def _is_one_too_many(self, trial_id):
        """Whether several processes asked for the last trial at the same time."""
        trials = self.study.get_trials(deepcopy=False)
        number = next(t.number for t in trials if t._trial_id == trial_id)
        before = [t for t in trials if t.number < number]
        return sum(self._counts(t) or _optuna.is_of_a_search(t) for t in before) >= self.limit

    def n_fits(self):
        """The most fits that this process may have to make; None where that is open."""
        n_finished = len(self._finished())
        if np.isinf(self.limit) or (self.library is not None and n_finished):
            return None
        return max(0, self.limit - n_finished) * self.search.n_splits_

    def _evaluate(self, batch, context):
        params = [self.space.decode(trial.params) for trial in batch]
        first, n_splits = self.n_evaluated, self.search.n_splits_
        started, n_before = time.monotonic(), len(self.state.outcomes)
        try:
            shifted = _Shifted(context, first * n_splits)
            if self._evaluation is None:
                self.evaluate(params, callback_ctx=shifted)
                outcomes = self.state.outcomes[n_before:]
            else:
                outcomes = self._evaluation(params, shifted)
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
            if None in folds:
                continue
            self._remember(trial.number, folds)
            self._tell(trial, folds, curves.get(first + i))
            self._asked.remove(trial._trial_id)
        if None in outcomes:
            raise KeyboardInterrupt

    def _remember(self, number, folds):
        """Put the predictions of a candidate into the library, and take them out of outcomes."""
        predictions = [fold.pop("predictions", None) for fold in folds]
        if self.library is not None and not any(p is None for p in predictions):
            self.library.predictions[number] = predictions

    def _curves(self, context):
        """(scores of the epochs by fold, whether it was stopped) of each candidate."""
        found: dict[Any, Any] = {}
        for stopper in self.stoppers:
            for series, candidate, scores, pruned in stopper.ledger(context).fits():
                if isinstance(candidate, int):
                    by_series, lost = found.get(candidate, ({}, False))
                    curves = {series: scores} if scores else {}
                    found[candidate] = ({**by_series, **curves}, lost or pruned)
        return found

    def _failure(self, error, seconds):
        """Record of a failed fit, as scikit-learn makes it."""
        score = self.search.error_score
        if isinstance(names := self.search._metric_names(), list):
            score = dict.fromkeys(names, score)
        outcome = {"fit_error": error, "test_scores": score, "n_test_samples": 0}
        if self.search.return_train_score:
            outcome["train_scores"] = score
        return {**outcome, "fit_time": seconds, "score_time": 0.0}

    def _tell(self, trial, folds, curves):
        by_series, pruned = curves or ({}, False)
        values = self.search._objective_values(folds)
        options = {"skip_if_finished": True}
        try:
            _record.store(trial, folds, by_series, pruned)
            if by_series and len(self.study.directions) == 1:
                _report(trial, list(by_series.values()))
            if values is None:
                frozen = self.study.tell(trial, state=TrialState.FAIL, **options)
            elif pruned:
                frozen = self.study.tell(trial, state=TrialState.PRUNED, **options)
            else:
                frozen = self.study.tell(trial, values, **options)
        except UpdateFinishedTrialError:
            return  # a process that took over the same orphan was faster
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
        """Whether a trial was evaluated by this or an earlier search."""
        return frozen.state.is_finished() and _record.restore(frozen) is not None

    def _finished(self):
        trials = self.study.get_trials(deepcopy=False)
        return [trial for trial in trials if self._counts(trial)]

    def finish(self, context):
        """Compute `cv_results_` of all trials of the study, including those of earlier processes.

        Parameters
        ----------
        context : sklearn.callback.CallbackContext
            Of the search.

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
        pruned = np.array(list(map(_record.was_pruned, trials)), dtype=bool)
        shown = self.stoppers or pruned.any()
        results = self.search._make_results(params, outcomes, pruned if shown else None)
        self.state.finish(params, outcomes, results)
        if self.library is not None:
            self._complete_library(trials, params, context)

    def _complete_library(self, trials, params, context):
        """Number the predictions of the best candidates as in `cv_results_`; candidates of earlier
        processes, whose predictions are not stored, are evaluated again."""
        scores, n_splits = [], self.search.n_splits_
        for trial in trials:
            values = self.search._objective_values(_record.restore(trial))
            scores.append(np.nan if values is None else values[0])
        complete = [trial.state == TrialState.COMPLETE for trial in trials]
        best = self.library.best(np.array(scores), complete)
        known = self.library.predictions
        missing = [i for i in best if trials[i].number not in known]
        if missing:
            shifted = _Shifted(context, self.n_evaluated * n_splits)
            outcomes = self._evaluation([params[i] for i in missing], shifted)
            for k, i in enumerate(missing):
                self._remember(trials[i].number, outcomes[k * n_splits : (k + 1) * n_splits])
        numbers = {i: trials[i].number for i in best}
        self.library.predictions = {i: known[n] for i, n in numbers.items() if n in known}

    def _raise_first_cause(self, params, outcomes):
        n_trials = len(params)
        error = self.first_error or next(
            (fold["fit_error"] for fold in outcomes if fold["fit_error"]), None
        )
        head = f"All the {n_trials} trials of the search failed. "
        if error is not None:
            raise ValueError(f"{head}The first cause:\n{error}")
        # The fits succeeded, the scores failed. Scoring once more raises the cause.
        self.state.raise_errors()
        try:
            self.evaluate(params[:1])
        except Exception as cause:
            raise ValueError(f"{head}The first cause:\n{type(cause).__name__}: {cause}") from cause
        raise ValueError(f"{head}No score is finite: the scorer returned NaN or infinity.")


def _report(trial, curves):
    """Report the mean over the folds after each epoch as intermediate values of a trial."""
    longest = max(map(len, curves))
    steps = np.unique(np.linspace(0, longest - 1, _MOST_STEPS).round().astype(int))
    known = trial._cached_frozen_trial.intermediate_values  # by a process that died
    for step in set(steps.tolist()).difference(known):
        reached = [scores[step] for scores in curves if len(scores) > step]
        trial.report(float(np.mean(reached)), step)


def _own_evaluation(search, state, library):
    """What evaluates candidates in place of scikit-learn's searches, where that is wanted: such
    that their networks train as one, or with their predictions for an ensemble."""
    packs = trains_in_packs(search.estimator)
    if search.packed is True and not packs and search.verbose > 0:
        print(f"packed=True: {search.estimator} has no network that can be trained with others.")
    if (packs and search.packed is not False) or library is not None:
        return Evaluation(search, state, library)
    return None


class _Shifted:
    """Numbers candidates across batches, as in a search with one batch."""

    def __init__(self, context, first):
        self.context, self.first = context, first

    def subcontext(self, task_name, task_id):
        return self.context.subcontext(task_name=task_name, task_id=self.first + task_id)
