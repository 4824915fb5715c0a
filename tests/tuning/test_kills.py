"""Searches that are killed at random: no trial is lost, none is another, the best is the same."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")


def losses(seed, n_kills, kind, n_processes, folder):
    """What was lost, a line for each."""
    paths = os.pathsep.join([str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")])
    arguments = [seed, n_kills, kind, n_processes, folder]
    done = subprocess.run(
        [sys.executable, str(HERE / "kills.py"), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("n_processes", [1, 2])
@pytest.mark.parametrize("kind", ["journal", "database"])
def test_some_kills(tmp_path, kind, n_processes):
    assert losses(7, 3 if kind == "journal" else 2, kind, n_processes, tmp_path) == ""


@pytest.mark.slow
@pytest.mark.parametrize("n_processes", [1, 2])
@pytest.mark.parametrize("kind", ["journal", "database"])
def test_many_kills(tmp_path, kind, n_processes):
    assert losses(0, 50, kind, n_processes, tmp_path) == ""
