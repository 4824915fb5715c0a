"""A process that is forked after a fit with several threads computes, too."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")

PROGRAM = """
import warnings
warnings.simplefilter("ignore")
import joblib, numpy as np, torch
import skdeep

kind = "{kind}"
rng = np.random.RandomState(0)
X, y = rng.normal(size=(2000, 100)).astype("f"), rng.randint(0, 2, 2000)

def work(i):
    if kind == "perceptron":  # whose steps are above `engine.recipe.SMALL_STEP`
        clf = skdeep.MLPClassifier((512,), batch_size=2000, max_iter=2, random_state=0)
        return clf.fit(X, y).predict_proba(X), torch.get_num_threads()
    kernels = skdeep.preprocessing.RandomKernels(random_state=0)
    return kernels.fit_transform(X[:100, :, None]), torch.get_num_threads()

torch.set_num_threads(2)
before, n_threads = work(0)
assert n_threads == torch.get_num_threads() == 2
found = joblib.Parallel(2, backend="multiprocessing")(joblib.delayed(work)(i) for i in range(2))
for after, n_threads in found:
    assert n_threads == 1
    np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-5)
assert torch.get_num_threads() == 2
"""


@pytest.mark.parametrize("kind", ["perceptron", "kernels"])
def test_joblib_that_forks(kind):
    command = [sys.executable, "-c", PROGRAM.format(kind=kind)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
