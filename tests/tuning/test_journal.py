"""Journals that a process left in the middle of a write."""

import os
import signal
import warnings

import pytest
from optuna.distributions import FloatDistribution
from optuna.storages.journal import JournalFileSymlinkLock
from scripted import Scripted

from skdeep.tuning import OptunaSearchCV
from skdeep.tuning._journal import Lock
from skdeep.tuning._optuna import open_storage


def candidates(data, path):
    search = OptunaSearchCV(
        Scripted(), {"a": FloatDistribution(0.0, 1.0)}, n_trials=4, storage=path, random_state=0
    )
    return [p["a"] for p in search.fit(*data).cv_results_["params"]]


@pytest.fixture
def journal(data, tmp_path):
    path = tmp_path / "journal"
    return path, candidates(data, path)


@pytest.mark.parametrize("n_lost", [1, 20, 500])
def test_a_cut_last_line(data, journal, n_lost):
    path, expected = journal
    path.write_bytes(path.read_bytes()[:-n_lost])
    with pytest.warns(UserWarning, match="last line of the journal '.*journal' was cut short"):
        assert candidates(data, path) == expected
    assert path.read_bytes().endswith(b"\n")
    assert candidates(data, path) == expected


def test_ended_lines_that_cannot_be_read(data, journal):
    path, expected = journal
    path.write_bytes(path.read_bytes() + b"\0" * 30 + b"\n")
    with pytest.warns(UserWarning, match=r"its last 1 line\(s\), 31 bytes, are dropped"):
        assert candidates(data, path) == expected


def test_a_damaged_line_in_the_middle_is_named(data, journal):
    path, _ = journal
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], b'{"op_code"\n', *lines[3:]]))
    with pytest.raises(
        ValueError, match="journal' is not a journal that Optuna can read: line 4 of"
    ):
        candidates(data, path)


@pytest.mark.parametrize("content", [b"a table\n1,2", b'{"a": 1}\n', b"x"])
def test_other_files_are_left_alone(data, tmp_path, content):
    path = tmp_path / "notes"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="notes' is not a journal"):
        candidates(data, path)
    assert path.read_bytes() == content


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process is forked")
def test_the_lock_of_a_dead_process(tmp_path):
    path = str(tmp_path / "journal")
    open_storage(path)
    child = os.fork()
    if not child:
        Lock(path).acquire()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert os.path.islink(path + ".lock")
    lock = Lock(path)
    lock.acquire()  # at once; Optuna's own would wait for half a minute
    lock.release()
    assert sorted(os.listdir(tmp_path)) == ["journal"]


def test_the_lock_of_another_program_is_respected(tmp_path):
    path = str(tmp_path / "journal")
    open_storage(path)
    other, lock = JournalFileSymlinkLock(path), Lock(path)
    other.acquire()
    with warnings.catch_warnings(action="error"):
        lock.grace_period = 0.1  # after which Optuna takes any lock away
        lock.acquire()
    lock.release()
    with pytest.raises(RuntimeError, match="did not possess"):
        other.release()
