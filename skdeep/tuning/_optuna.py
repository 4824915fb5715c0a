"""Optuna without its log messages: storages, studies, owners of trials, and private names.

Optuna logs a line for each study that is made. Its verbosity belongs to the whole process, so
these lines, and only those of the thread that makes a study here, are filtered out.
"""

import contextlib
import logging
import os
import threading
import time
import uuid

import optuna
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError, SQLAlchemyError

from skdeep.tuning._journal import open_journal
from skdeep.tuning._processes import is_running, process_name

OWNER = "skdeep:owner"
"""User attribute of a running trial: the process and the run of a search that evaluate it; empty
where that one gave it up. Trials without it are not of a search."""

_LOGGERS = (
    "optuna.storages._in_memory",
    "optuna.storages._rdb.storage",
    "optuna.storages.journal._storage",
)
_RUNS: set[str] = set()  # names of the runs of searches in this process
_BUSY_SECONDS = 60  # that SQLite waits for another process's write


def open_storage(storage):
    """Optuna storage from the user's parameter.

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
    if isinstance(storage, (str, os.PathLike)):
        return open_journal(os.fsdecode(storage))
    return optuna.storages.get_storage(storage)


def _open_database(url):
    """Optuna storage in a database whose tables another process may be creating.

    Optuna looks whether there are tables and then makes them: of two processes that begin at the
    same moment one fails, and finds them when it looks again.
    """
    try:
        known = make_url(url)
        options = {}
        if known.get_backend_name() == "sqlite":
            options["connect_args"] = {"timeout": _BUSY_SECONDS}
        for pause in (0.2, 0.5, 1.0, 2.0):
            try:
                return optuna.storages.RDBStorage(url, engine_kwargs=dict(options))
            except (IntegrityError, OperationalError, ProgrammingError) as error:
                if not isinstance(error, IntegrityError) and "exists" not in str(error):
                    raise
                time.sleep(pause)
        return optuna.storages.RDBStorage(url, engine_kwargs=dict(options))
    except (SQLAlchemyError, StorageInternalError, ImportError, ValueError, RuntimeError) as error:
        with contextlib.suppress(SQLAlchemyError):  # where it is no URL, it is shown as it is
            url = make_url(url).render_as_string(hide_password=True)
        cause = getattr(error, "orig", None) or error
        raise ValueError(f"storage={url!r} cannot be opened: {cause}") from error


def open_study(storage, name, *, n_objectives=1, sampler=None, pruner=None):
    """The study of that name, created if needed, which maximises.

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
    """Allow `study.stop()` to be called; Optuna allows it in `Study.optimize` only.

    Yields
    ------
    callable
        Whether the study was stopped.
    """
    before = study._thread_local.in_optimize_loop
    study._thread_local.in_optimize_loop, study._stop_flag = True, False
    try:
        yield lambda: study._stop_flag
    finally:
        study._thread_local.in_optimize_loop, study._stop_flag = before, False


@contextlib.contextmanager
def owning():
    """Name that owns the trials of one run of a search until the run ends.

    Yields
    ------
    str
    """
    name = uuid.uuid4().hex[:12]
    _RUNS.add(name)
    try:
        yield name
    finally:
        _RUNS.discard(name)


def ask(study, run):
    """New trial, owned from its creation, by its id."""
    for frozen in study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
        # Trials that somebody enqueued: signed first, so that a kill leaves no running one that
        # is nobody's, and signed again, since two may have signed.
        take_over(study, frozen, run)
        with contextlib.suppress(UpdateFinishedTrialError):
            if study._storage.set_trial_state_values(frozen._trial_id, TrialState.RUNNING):
                take_over(study, frozen, run)
                return frozen._trial_id
    template = create_trial(state=TrialState.RUNNING, user_attrs={OWNER: f"{_me()}|{run}"})
    return study._storage.create_new_trial(study._study_id, template)


def take_over(study, frozen, run):
    """Take over a trial whose process died."""
    with contextlib.suppress(UpdateFinishedTrialError):
        study._storage.set_trial_user_attr(frozen._trial_id, OWNER, f"{_me()}|{run}")


def suggest(study, trial_id, distributions):
    """The trial with a value for each parameter.

    Of a trial whose process died those that are there are kept, and drawn once more all the same,
    so that the others are what they would have been.
    """
    study._thread_local.cached_all_trials = None  # as `ask` of Optuna does it
    trial = optuna.Trial(study, trial_id)
    known = set(trial.params)
    again = set() if known.issuperset(distributions) else known
    for name, distribution in distributions.items():
        if name in again and _is_drawn(trial, name, distribution):
            frozen = trial._get_latest_trial()
            study.sampler.sample_independent(study, frozen, name, distribution)
        trial._suggest(name, distribution)
    return trial


def _is_drawn(trial, name, distribution):
    """Whether a parameter's value is sampled independently."""
    return not (
        trial._is_fixed_param(name, distribution)
        or distribution.single()
        or trial._is_relative_param(name, distribution)
    )


def release(study, trial_id):
    """Release a running trial, so that a later search can take it over."""
    with contextlib.suppress(UpdateFinishedTrialError):
        study._storage.set_trial_user_attr(trial_id, OWNER, "")


def is_of_a_search(frozen):
    """Whether this is a running trial of a search, whose process may be dead."""
    return frozen.state == TrialState.RUNNING and OWNER in frozen.user_attrs


def is_in_work(frozen):
    """Whether a run of a search evaluates this trial.

    Returns
    -------
    bool or None
        None where it is of another machine, whose processes cannot be seen from here.
    """
    owner = frozen.user_attrs.get(OWNER)
    if not is_of_a_search(frozen) or not owner:
        return False
    process, _, run = owner.rpartition("|")
    return run in _RUNS if process == _me() else is_running(process)


def is_orphan(frozen, run):
    """Whether no search evaluates this trial although its state is running.

    The run of a search that asks evaluates none at that moment.
    """
    if not is_of_a_search(frozen):
        return False
    return frozen.user_attrs[OWNER].endswith(f"|{run}") or is_in_work(frozen) is False


def _me():
    return process_name()
