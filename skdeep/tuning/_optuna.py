"""Optuna, spoken to quietly: studies, seeds, owners of trials, and its private names.

Optuna logs a line for each study that is made. Its verbosity belongs to the whole process, so
these lines, and only those of the thread that makes a study here, are filtered out.
"""

import contextlib
import copy
import itertools
import logging
import os
import socket
import threading
import time
import uuid
from datetime import datetime
from pathlib import Path

import numpy as np
import optuna
from optuna.samplers import BaseSampler, GridSampler, RandomSampler, TPESampler
from optuna.samplers._lazy_random_state import LazyRandomState
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import TrialState
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

OWNER = "skdeep:owner"
"""User attribute of a running trial: who evaluates it; empty where that one gave it up."""

_LOGGERS = (
    "optuna.storages._in_memory",
    "optuna.storages._rdb.storage",
    "optuna.storages.journal._storage",
)
_PROCESS = uuid.uuid4().hex[:12]  # tells this process from an earlier one of the same number
_UNOWNED_SECONDS = 60  # a trial without an owner may be one that was asked for this very moment


def open_storage(storage):
    """An Optuna storage from what the user gave.

    Parameters
    ----------
    storage : str, path-like, Optuna storage or None
        A string with ``://`` is the URL of a database, another one the path of a journal file.

    Returns
    -------
    optuna.storages.BaseStorage
    """
    if storage is None:
        return optuna.storages.InMemoryStorage()
    if isinstance(storage, str) and "://" in storage:
        return _open_database(storage)
    if isinstance(storage, (str, Path)):
        return JournalStorage(JournalFileBackend(str(storage)))
    return optuna.storages.get_storage(storage)


def _open_database(url):
    """Optuna's storage in a database, also where another process makes its tables just now.

    Optuna looks whether there are tables and then makes them: of two processes that begin at the
    same moment one fails, and finds them when it looks again.
    """
    for pause in (0.2, 0.5, 1.0, 2.0):
        try:
            return optuna.storages.RDBStorage(url)
        except (IntegrityError, OperationalError, ProgrammingError) as error:
            if not isinstance(error, IntegrityError) and "exists" not in str(error):
                raise
            time.sleep(pause)
    return optuna.storages.RDBStorage(url)  # what is wrong now is the user's to know


def open_study(storage, name, *, n_objectives=1, sampler=None, pruner=None):
    """The study of that name that maximises, made if it is not there.

    Parameters
    ----------
    storage : optuna.storages.BaseStorage
    name : str
    n_objectives : int, default=1
    sampler, pruner : of Optuna, default=None

    Returns
    -------
    optuna.Study
    """
    with contextlib.suppress(optuna.exceptions.DuplicatedStudyError), _quiet():
        storage.create_new_study([StudyDirection.MAXIMIZE] * n_objectives, name)
    return optuna.load_study(study_name=name, storage=storage, sampler=sampler, pruner=pruner)


@contextlib.contextmanager
def _quiet():
    thread = threading.get_ident()

    def is_of_another(record):
        return record.thread != thread

    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addFilter(is_of_another)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(is_of_another)


@contextlib.contextmanager
def stoppable(study):
    """Let `study.stop()` be called; Optuna allows it in `Study.optimize` alone.

    Yields
    ------
    callable
        Whether the study was told to stop.
    """
    before = study._thread_local.in_optimize_loop
    study._thread_local.in_optimize_loop, study._stop_flag = True, False
    try:
        yield lambda: study._stop_flag
    finally:
        study._thread_local.in_optimize_loop, study._stop_flag = before, False


def ask(study, distributions):
    """A new trial with a value for each parameter, owned by this process."""
    trial = study.ask()
    trial.set_user_attr(OWNER, _me())
    return _suggest_all(trial, distributions)


def revive(study, frozen, distributions):
    """Take over a trial whose process died, with the parameters that it had or would have had."""
    trial = optuna.Trial(study, frozen._trial_id)
    trial.set_user_attr(OWNER, _me())
    return _suggest_all(trial, distributions)


def _suggest_all(trial, distributions):
    for name, distribution in distributions.items():
        trial._suggest(name, distribution)
    return trial


def release(study, trial):
    """Give up a running trial, so that a later search takes it over."""
    with contextlib.suppress(optuna.exceptions.UpdateFinishedTrialError):
        study._storage.set_trial_user_attr(trial._trial_id, OWNER, "")


def is_orphan(frozen):
    """Whether nobody evaluates this trial any more although it is said to be running."""
    if frozen.state != TrialState.RUNNING:
        return False
    owner = frozen.user_attrs.get(OWNER)
    if owner is None:
        started = frozen.datetime_start or datetime.now()
        return time.time() - started.timestamp() > _UNOWNED_SECONDS
    if not owner:
        return True
    host, process, token = owner.rsplit("|", 2)
    if host != socket.gethostname():
        return False  # nothing is known about it here
    if int(process) == os.getpid():
        return token != _PROCESS
    return not _is_alive(int(process))


def _me():
    return f"{socket.gethostname()}|{os.getpid()}|{_PROCESS}"


def _is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it belongs to somebody else
        return True
    return True


class PerTrialSampler(BaseSampler):
    """A sampler whose randomness depends on the seed and on the number of the trial alone.

    A storage keeps no state of a generator. With this, a search that is resumed draws what it
    would have drawn.

    Parameters
    ----------
    make : callable
        ``make(seed)`` gives an Optuna sampler.
    seed : int
    """

    def __init__(self, make, seed):
        self.make, self.seed = make, seed
        self._running = {}

    def _of(self, trial):
        if trial.number not in self._running:
            words = np.random.SeedSequence([self.seed, trial.number]).generate_state(1)
            self._running[trial.number] = self.make(int(words[0]))
        return self._running[trial.number]

    def before_trial(self, study, trial):
        self._of(trial).before_trial(study, trial)

    def infer_relative_search_space(self, study, trial):
        return self._of(trial).infer_relative_search_space(study, trial)

    def sample_relative(self, study, trial, search_space):
        return self._of(trial).sample_relative(study, trial, search_space)

    def sample_independent(self, study, trial, param_name, param_distribution):
        sampler = self._of(trial)
        return sampler.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study, trial, state, values):
        self._of(trial).after_trial(study, trial, state, values)
        self._running.pop(trial.number, None)


def reseeded(sampler, seed):
    """A copy of a sampler whose generators start from `seed`.

    Parameters
    ----------
    sampler : optuna.samplers.BaseSampler
    seed : int

    Returns
    -------
    optuna.samplers.BaseSampler
    """
    sampler = copy.deepcopy(sampler)
    _reseed(sampler, seed)
    return sampler


def _reseed(sampler, seed):
    for name, value in sorted(vars(sampler).items()):
        if isinstance(value, LazyRandomState):
            setattr(sampler, name, LazyRandomState(seed))
        elif isinstance(value, BaseSampler):
            _reseed(value, seed)


class OrderedGrid(GridSampler):
    """All combinations of values, in the order of scikit-learn's `ParameterGrid`."""

    def __init__(self, grid):
        super().__init__(grid)
        self._all_grids = list(itertools.product(*self._search_space.values()))


def make_sampler(sampler, space, seed):
    """(sampler whose randomness depends on the trial's number, number of trials it can give).

    Parameters
    ----------
    sampler : {'tpe', 'random', 'grid'}, optuna.samplers.BaseSampler, callable or None
    space : skdeep.tuning._space.Space
    seed : int

    Returns
    -------
    sampler : PerTrialSampler or OrderedGrid
    limit : float
        Infinite but for a grid.
    """
    if isinstance(sampler, str) and sampler == "grid":
        sampler = OrderedGrid(space.grid())
    if isinstance(sampler, GridSampler):
        return sampler, len(sampler._all_grids)
    if isinstance(sampler, BaseSampler):
        return PerTrialSampler(_Reseeded(sampler), seed), np.inf
    make = {None: _tpe, "tpe": _tpe, "random": RandomSampler}.get(sampler, sampler)
    return PerTrialSampler(make, seed), np.inf


def _tpe(seed):
    return TPESampler(seed=seed)


class _Reseeded:
    def __init__(self, sampler):
        self.sampler = sampler

    def __call__(self, seed):
        return reseeded(self.sampler, seed)
