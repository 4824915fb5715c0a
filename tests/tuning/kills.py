"""Searches that are killed at random moments, and whether something was lost; a program.

``python kills.py SEED N_KILLS STORAGE N_PROCESSES FOLDER`` prints a line for each loss. The
processes are forks of this one, so that each is there at once.
"""

import os
import random
import select
import shutil
import signal
import sys
import threading
import time
import warnings

import numpy as np
from optuna.distributions import FloatDistribution
from optuna.samplers import RandomSampler, TPESampler
from optuna.storages import JournalStorage, RDBStorage
from optuna.storages._rdb import models
from optuna.storages.journal import JournalFileBackend
from sklearn.linear_model import LogisticRegression
from sqlalchemy import create_engine

from skdeep.tuning import OptunaSearchCV

WRITES = [
    "create_new_study",
    "create_new_trial",
    "set_study_user_attr",
    "set_trial_param",
    "set_trial_state_values",
    "set_trial_user_attr",
]
LONGEST = 60.0  # seconds that a search may take, waiting for locks of the dead included
rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3))
y = (X[:, 0] + rng.normal(size=40) > 0).astype(int)
SPACE = {
    "C": FloatDistribution(1e-3, 1e3, log=True),
    "tol": FloatDistribution(1e-6, 1e-1, log=True),
    "intercept_scaling": FloatDistribution(0.5, 2.0),
}


def tpe(seed):
    return TPESampler(seed=seed, n_startup_trials=2)


def search(storage, n_processes):
    """What a search comes to. With several processes, candidates may not depend on others."""
    sampler = tpe if n_processes == 1 else RandomSampler
    found = OptunaSearchCV(
        LogisticRegression(), SPACE, n_trials=5, cv=2, storage=storage, sampler=sampler,
        random_state=0,
    ).fit(X, y)  # fmt: skip
    scores = found.cv_results_["mean_test_score"].tolist()
    return repr((found.cv_results_["params"], scores, found.best_params_))


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_a_write(number, before):
    """End this process before or after a write to a storage."""
    count = iter(range(10**6))

    def deadly(write):
        def wrapped(*args, **kwargs):
            here = next(count) == number
            if here and before:
                die()
            done = write(*args, **kwargs)
            return die() if here else done

        return wrapped

    for cls in (JournalStorage, RDBStorage):
        for name in WRITES:
            setattr(cls, name, deadly(getattr(cls, name)))


def die_in_a_line(number):
    """End this process in the middle of a line of a journal, with the lock in its hands."""
    append, count = JournalFileBackend.append_logs, iter(range(10**6))

    def half(self, logs):
        if next(count) < number:
            return append(self, logs)
        self._lock.acquire()
        with open(self._file_path, "ab") as file:
            file.write(b'{"op_code":5,"worker_id":"' + b"x" * (number % 7))
        die()

    JournalFileBackend.append_logs = half


def die_later(seconds):
    threading.Timer(seconds, die).start()


def start(storage, n_processes, prepare=None):
    """(process, pipe) of a fork that searches."""
    reader, writer = os.pipe()
    process = os.fork()
    if process:
        os.close(writer)
        return process, reader
    os.close(reader)
    try:
        warnings.simplefilter("ignore")
        if prepare is not None:
            prepare()
        text = search(storage, n_processes)
    except BaseException as error:
        text = f"{type(error).__name__}: {error}"
    os.write(writer, text.encode())
    os._exit(0)


def end(process, reader):
    """What a fork wrote; nothing if it was killed."""
    text, deadline = b"", time.monotonic() + LONGEST
    while True:
        ready = select.select([reader], [], [], max(0.0, deadline - time.monotonic()))[0]
        part = os.read(reader, 65536) if ready else b"no end"
        text += part
        if not ready or not part:
            break
    if not ready:
        os.kill(process, signal.SIGKILL)
    os.close(reader)
    os.waitpid(process, 0)
    return text.decode()


def random_death(chance, is_journal, seconds):
    """(its name, a function that prepares it)."""
    kind = chance.choice(["write", "write", "moment"] + ["line"] * is_journal)
    if kind == "write":
        number, before = chance.randrange(30), chance.random() < 0.5
        return f"write {number} {before}", lambda: die_at_a_write(number, before)
    if kind == "line":
        number = chance.randrange(40)
        return f"line {number}", lambda: die_in_a_line(number)
    moment = chance.uniform(0.0, 1.2 * seconds)
    return f"moment {moment:.3f}", lambda: die_later(moment)


def main(seed, n_kills, kind, n_processes, folder):
    chance, n_killed, number = random.Random(seed), 0, 0
    expected = end(*start(None, n_processes))
    assert expected.startswith("("), expected
    seconds, tables = None, os.path.join(folder, "tables.db")
    while n_killed < n_kills:
        number += 1
        path = os.path.join(folder, f"{kind}-{n_processes}-{seed}-{number}")
        storage = path if kind == "journal" else f"sqlite:///{path}.db"
        if seconds is None:  # the first one is not killed
            started = time.monotonic()
            ends, names = [end(*start(storage, n_processes))], []
            seconds = time.monotonic() - started
            if kind == "database":
                engine = create_engine(f"sqlite:///{tables}")
                models.BaseModel.metadata.create_all(engine)
                engine.dispose()
        else:
            if kind == "database" and chance.random() < 0.7:  # to make the tables takes longest
                shutil.copy(tables, f"{path}.db")
            deaths = [random_death(chance, kind == "journal", seconds)]
            if n_processes == 2:  # the other one dies as well, or sees it all
                again = random_death(chance, kind == "journal", seconds)
                deaths.append(again if chance.random() < 0.3 else ("lives", None))
            names = [name for name, _ in deaths]
            ends = [end(*one) for one in [start(storage, n_processes, d) for _, d in deaths]]
            n_killed += ends.count("")
            ends = [text for text in ends if text]
        ends.append(end(*start(storage, n_processes)))
        for text in ends:
            if text != expected:
                print(f"{number} {names}: {text[:400]}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5])
