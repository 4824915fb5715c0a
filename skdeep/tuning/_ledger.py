"""Scores of all fits of a search, shared between worker processes."""

import os
import shutil
import tempfile
import weakref

import optuna
from optuna.trial import TrialState, create_trial

from skdeep.tuning._optuna import open_storage, open_study

_SERIES, _GIVEN_UP = "series ", "given up"  # names of studies
_CANDIDATE = "candidate"  # user attribute of a trial


class Ledger:
    """An Optuna study for each series of fits (those of a fold), with a trial for each fit.

    A pruner compares the fits of one fold, so that they saw the same rows. The study is in memory
    until the ledger is sent to another process, then in a journal file that is deleted with
    `close`.

    Parameters
    ----------
    pruner : optuna.pruners.BasePruner
    storage : str, path-like or None
        Where processes of several machines reach it.
    prefix : str, default=''
        Of the names of the studies, where a storage holds several searches.
    """

    def __init__(self, pruner, storage=None, prefix=""):
        self.pruner, self.prefix = pruner, prefix
        self._storage = open_storage(storage)
        self._folder = None
        self._is_shared = storage is not None
        self._studies = {}

    def __getstate__(self):
        self._share()
        return {**self.__dict__, "_studies": {}}

    def _share(self):
        """Move the study to a file that other processes can open."""
        if self._is_shared:
            return
        self._folder = tempfile.mkdtemp(prefix="skdeep-")
        # A search that is killed leaves the folder; one that ends in any other way does not.
        self._finalizer = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        target = open_storage(os.path.join(self._folder, "journal"))
        for study in self._studies.values():
            copied = open_study(target, study.study_name, pruner=self.pruner)
            copied.add_trials(study.get_trials(deepcopy=False))
            for name, value in study.user_attrs.items():
                copied.set_user_attr(name, value)
        self._storage, self._studies, self._is_shared = target, {}, True

    def close(self):
        """Delete the file, if there is one."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _study(self, name):
        if name not in self._studies:
            self._studies[name] = open_study(
                self._storage, f"{self.prefix}{name}", pruner=self.pruner
            )
        return self._studies[name]

    def begin(self, series, candidate):
        """Begin a trial for a new fit; the fits of a series are compared with each other."""
        trial = self._study(_SERIES + series).ask()
        trial.set_user_attr(_CANDIDATE, candidate)
        return trial

    def end(self, series, trial, pruned):
        """End a fit."""
        values = trial.storage.get_trial(trial._trial_id).intermediate_values
        study = self._study(_SERIES + series)
        if pruned:
            study.tell(trial, state=TrialState.PRUNED)
        else:
            study.tell(trial, values[max(values)])

    def add(self, series, candidate, scores, pruned):
        """Add a fit of an earlier process."""
        self._study(_SERIES + series).add_trial(
            create_trial(
                state=TrialState.PRUNED if pruned else TrialState.COMPLETE,
                value=scores[-1],
                intermediate_values=dict(enumerate(scores)),
                user_attrs={_CANDIDATE: candidate},
            )
        )

    def give_up(self, candidate):
        """Mark a candidate that lost on one fold: its other fits are stopped."""
        self._study(_GIVEN_UP).set_user_attr(str(candidate), True)

    def is_given_up(self, candidate):
        """Whether a candidate lost on one of its folds."""
        return str(candidate) in self._study(_GIVEN_UP).user_attrs

    def fits(self):
        """All fits as (series, candidate, scores of the epochs, whether it was stopped)."""
        found = []
        for summary in self._storage.get_all_studies():
            name = summary.study_name.removeprefix(self.prefix)
            if summary.study_name.startswith(self.prefix + _SERIES):
                for trial in self._study(name).get_trials(deepcopy=False):
                    scores = [v for _, v in sorted(trial.intermediate_values.items())]
                    pruned = trial.state == TrialState.PRUNED
                    candidate = trial.user_attrs.get(_CANDIDATE)
                    found.append((name.removeprefix(_SERIES), candidate, scores, pruned))
        return found


def default_pruner():
    """Pruner that stops a candidate whose best score so far is in the lower 40 % of the others'
    scores.

    Those are the scores at the same epoch of candidates that trained in full. The rule is the
    median stopping rule of Golovin et al. (Google Vizier, KDD 2017) with 60 % kept instead of
    half, since one loss on any of the folds stops a candidate: in three random searches of
    `benchmarks/bench_search.py` (seeds 0 to 2) it left the best of 40 alone each time, for 38 to
    46 % of the epochs; the median lost it once, for 33 to 39 %. 5 candidates to begin with are
    Optuna's default; 5 epochs of warm-up let the first steps of training pass.
    """
    return optuna.pruners.PercentilePruner(60.0, n_startup_trials=5, n_warmup_steps=5)
