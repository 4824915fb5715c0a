"""What a fit leaves alone in its process: threads, the environment, the compiler."""

import subprocess
import sys


def test_solvers_leave_the_environment_and_the_compiler_alone():
    code = """
import os, sys, warnings
import numpy as np
from skdeep import MLPRegressor
from skdeep.engine import BOUNDED_SCHEDULES, SOLVERS
warnings.simplefilter("ignore")
X, before = np.random.RandomState(0).normal(size=(20, 3)), dict(os.environ)
for solver in [*SOLVERS, "lbfgs"]:
    MLPRegressor(solver=solver, max_iter=2, device="cpu").fit(X, X[:, 0])
    assert dict(os.environ) == before, solver
    assert "torch._dynamo" not in sys.modules, solver
for schedule in [*BOUNDED_SCHEDULES, "plateau", "adaptive", "exponential"]:
    MLPRegressor(learning_rate=schedule, max_iter=2, device="cpu").fit(X, X[:, 0])
    assert dict(os.environ) == before, schedule
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_first_fit_does_not_import_the_compiler():
    """`torch.optim` would, for more than a second in every worker of a search."""
    script = """
import sys
from skdeep import MLPClassifier
MLPClassifier(max_iter=2).partial_fit([[0.0], [1.0]], [0, 1], classes=[0, 1]).predict([[1.0]])
print("torch._dynamo" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr


def test_threads_of_small_and_large_steps():
    """In a process of its own: the suite itself runs on one thread."""
    script = """
import torch
torch.set_num_threads(2)
import threading
from skdeep.engine import threads_for
seen = []
for rows, parameters in ((200, 2000), (10_000, 10_000)):
    with threads_for(rows, parameters):
        seen.append(torch.get_num_threads())
        other = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        other.start(); other.join()
    seen.append(torch.get_num_threads())
print(seen)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[1, 2, 2, 2, 2, 2]", done.stdout + done.stderr
