"""Searches that go on where an earlier process stopped, also one that was killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState
from scripted import Scripted
from sklearn.linear_model import LogisticRegression
from sqlalchemy.exc import IntegrityError, OperationalError

from skdeep.tuning import OptunaSearchCV
from skdeep.tuning._optuna import OWNER, open_storage

A = {"a": FloatDistribution(0.0, 1.0)}
METRICS = ["accuracy", "neg_log_loss"]

SCRIPT = """
import sys, time
import numpy as np
from optuna.distributions import FloatDistribution
from optuna.samplers import TPESampler
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_classification
from skdeep.tuning import OptunaSearchCV

class Slow(ClassifierMixin, BaseEstimator):
    def __init__(self, a=0.0):
        self.a = a
    def fit(self, X, y):
        with open(sys.argv[2], "a") as file:
            file.write(f"{self.a!r}\\n")
        time.sleep(float(sys.argv[3]))
        self.classes_ = np.unique(y)
        return self
    def score(self, X, y):
        return 1.0 - (self.a - 0.3) ** 2

search = OptunaSearchCV(
    Slow(), {"a": FloatDistribution(0.0, 1.0)}, n_trials=20, storage=sys.argv[1] or None, cv=2,
    refit=False, random_state=0, sampler=TPESampler(n_startup_trials=3),
).fit(*make_classification(random_state=0))
print(search.best_params_["a"], [p["a"] for p in search.cv_results_["params"]])
"""


def start(*arguments):
    root = str(Path(__file__).parents[2])
    paths = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.parametrize("kind", ["journal", pytest.param("database", marks=pytest.mark.slow)])
def test_killed_and_resumed(tmp_path, kind):
    storage = tmp_path / "journal"
    storage = str(storage) if kind == "journal" else f"sqlite:///{storage}.db"
    whole, log = start("", tmp_path / "whole", 0), tmp_path / "log"
    killed = start(storage, log, 0.15)
    deadline = time.monotonic() + 60
    while len(lines(log)) < 13 and time.monotonic() < deadline:
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)  # in the first fold of the seventh candidate
    killed.communicate()
    expected = whole.communicate()[0]
    fitted = lines(log)
    assert len(fitted) == 13
    resumed = start(storage, log, 0)
    assert resumed.communicate()[0] == expected  # all candidates, and the best
    after = lines(log)[13:]
    assert after[:2] == [fitted[-1]] * 2  # the one that was cut short
    assert len(after) == 2 * 14  # the six that were finished are not evaluated again
    assert not set(after) & set(fitted[:12])
    (name,) = optuna.get_all_study_names(_storage(storage))
    study = optuna.load_study(study_name=name, storage=_storage(storage))
    assert [t.state for t in study.trials] == [TrialState.COMPLETE] * 20


def _storage(text):
    from skdeep.tuning._optuna import open_storage

    return open_storage(text)


def test_all_is_restored_without_a_fit(data, tmp_path):
    search = OptunaSearchCV(
        LogisticRegression(),
        {"C": [0.1, 1.0, 10.0]},
        n_trials=4,
        storage=tmp_path / "journal",
        scoring=METRICS,
        refit="neg_log_loss",
        return_train_score=True,
        random_state=0,
    )
    first = search.fit(*data).cv_results_
    search.set_params(n_trials=4, n_jobs=2).fit(*data)  # refits, in this process
    for name, values in first.items():
        np.testing.assert_array_equal(values, search.cv_results_[name], err_msg=name)
    more = search.set_params(n_trials=6, n_jobs=None).fit(*data)
    assert len(more.cv_results_["params"]) == 6
    np.testing.assert_array_equal(
        first["mean_test_accuracy"], more.cv_results_["mean_test_accuracy"][:4]
    )
    assert len(optuna.get_all_study_names(_storage(str(tmp_path / "journal")))) == 1


def test_other_data_other_study(data, tmp_path):
    X, y = data
    search = OptunaSearchCV(Scripted(), A, n_trials=2, storage=tmp_path / "journal", random_state=0)
    search.fit(X, y)
    search.fit(X[::2], y[::2])
    search.fit(X, 2 - y)
    search.set_params(cv=3).fit(X, y)
    search.set_params(scoring="accuracy").fit(X, y)
    assert len(optuna.get_all_study_names(_storage(str(tmp_path / "journal")))) == 5


def test_tables_are_recognised(data, tmp_path):
    X, y = data
    table = pd.DataFrame(X).assign(text=["a", "b"] * 60, missing=[None, 1.0] * 60)
    search = OptunaSearchCV(Scripted(), A, n_trials=1, storage=tmp_path / "journal", random_state=0)
    search.fit(table, pd.Series(y))
    search.fit(table.copy(), pd.Series(y.copy()))
    storage = _storage(str(tmp_path / "journal"))
    assert len(optuna.get_all_study_names(storage)) == 1
    search.fit(table.assign(text="a"), pd.Series(y))
    search.fit(table.rename(columns={"text": "other"}), pd.Series(y))
    search.fit(table.assign(lists=[[1]] * 120), pd.Series(y))  # cells that cannot be hashed
    assert len(optuna.get_all_study_names(storage)) == 4


def test_seed_of_an_unseeded_search_is_kept(data, tmp_path):
    search = OptunaSearchCV(Scripted(), A, n_trials=3, storage=tmp_path / "journal")
    search.fit(*data)
    resumed = search.set_params(n_trials=6).fit(*data)
    assert len({p["a"] for p in resumed.cv_results_["params"]}) == 6


def test_interrupted_and_resumed(data, tmp_path):
    search = OptunaSearchCV(
        Scripted(interrupt_above=0.6), A, n_trials=8, storage=tmp_path / "journal", random_state=0
    )
    whole = OptunaSearchCV(Scripted(), A, n_trials=8, random_state=0).fit(*data)
    with pytest.warns(UserWarning, match="Search interrupted"):
        search.fit(*data)
    n_done = len(search.cv_results_["params"])
    assert 0 < n_done < 8
    # The one that was interrupted is taken over, and interrupted again.
    with pytest.warns(UserWarning, match="Search interrupted"):
        search.fit(*data)
    assert len(search.study_.trials) == n_done + 1
    expected = [p["a"] for p in whole.cv_results_["params"]]
    assert [p["a"] for p in search.cv_results_["params"]] == expected[:n_done]


def test_trials_of_a_living_process_are_left_alone(data, tmp_path):
    search = OptunaSearchCV(Scripted(), A, n_trials=2, storage=tmp_path / "journal", random_state=0)
    search.fit(*data)
    study = search.study_
    other, dead = study.ask(A), study.ask(A)
    other.set_user_attr(OWNER, f"another-machine|{os.getpid()}|1|0")
    dead.set_user_attr(OWNER, study.trials[0].user_attrs[OWNER].rsplit("|", 1)[0] + "|before")
    with pytest.warns(UserWarning, match=r"Another machine evaluates the trials \[2\]"):
        search.set_params(n_trials=4).fit(*data)
    states = [trial.state.name for trial in search.study_.trials]
    assert states == ["COMPLETE", "COMPLETE", "RUNNING", "COMPLETE"]
    assert len(search.cv_results_["params"]) == 3


def test_enqueued_trials_come_first(data):
    study = optuna.create_study(direction="maximize")
    study.enqueue_trial({"a": 0.25})
    search = OptunaSearchCV(Scripted(), A, n_trials=3, study=study, random_state=0).fit(*data)
    assert search.cv_results_["params"][0] == {"a": 0.25}
    assert len(search.cv_results_["params"]) == 3


@pytest.mark.parametrize("words", ["UNIQUE constraint failed", "table studies already exists"])
def test_a_database_that_another_process_is_making(monkeypatch, tmp_path, words):
    kind = IntegrityError if "UNIQUE" in words else OperationalError
    made = []
    storage = optuna.storages.RDBStorage

    def late(url, **options):
        made.append(url)
        if len(made) == 1:
            raise kind("CREATE", {}, Exception(words))
        return storage(url, **options)

    monkeypatch.setattr(optuna.storages, "RDBStorage", late)
    url = f"sqlite:///{tmp_path / 'search.db'}"
    assert open_storage(url).get_all_studies() == []
    assert made == [url, url]


def test_a_database_that_cannot_be_opened(tmp_path):
    with pytest.raises(ValueError, match=r"storage='sqlite:.*' cannot be opened: unable to open"):
        open_storage(f"sqlite:///{tmp_path / 'nowhere' / 'search.db'}")


def test_trials_are_owned_from_their_first_moment(data, tmp_path):
    """Whatever the last write of a process was, its trial can be told from one in work."""
    search = OptunaSearchCV(Scripted(), A, n_trials=2, storage=tmp_path / "journal", random_state=0)
    search.fit(*data)
    journal = (tmp_path / "journal").read_text().splitlines()
    made = [line for line in journal if '"op_code":4' in line]
    assert len(made) == 2 and all(OWNER in line for line in made)


def test_two_parameters_of_which_one_was_drawn(data):
    """What is drawn for the second does not depend on whether the first was there already."""
    space = {"a": FloatDistribution(0.0, 1.0), "fail_above": FloatDistribution(2.0, 9.0)}
    whole = OptunaSearchCV(Scripted(), space, n_trials=3, random_state=0).fit(*data)
    study = optuna.create_study(direction="maximize")
    template = optuna.trial.create_trial(
        state=TrialState.RUNNING,
        params={"a": whole.cv_results_["params"][0]["a"]},
        distributions={"a": space["a"]},
        user_attrs={OWNER: ""},
    )
    study._storage.create_new_trial(study._study_id, template)
    search = OptunaSearchCV(Scripted(), space, n_trials=3, study=study, random_state=0).fit(*data)
    assert search.cv_results_["params"] == whole.cv_results_["params"]


def test_orphans_beyond_the_number_of_trials_are_left(data):
    study = optuna.create_study(direction="maximize")
    search = OptunaSearchCV(Scripted(), A, n_trials=2, study=study, random_state=0).fit(*data)
    for _ in range(2):
        template = optuna.trial.create_trial(state=TrialState.RUNNING, user_attrs={OWNER: ""})
        study._storage.create_new_trial(study._study_id, template)
    assert len(search.set_params(n_trials=3).fit(*data).cv_results_["params"]) == 3
    assert [t.state.name for t in study.trials] == ["COMPLETE"] * 3 + ["RUNNING"]
