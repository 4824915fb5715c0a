"""Two processes that `torchrun` has started."""

import os
import pickle
import signal
import subprocess
import sys

import numpy as np
import pytest
from test_groups import EXACT, EndsAt, weights_of

import skdeep
from skdeep.scale import DiskRows

pytestmark = [pytest.mark.scale, pytest.mark.filterwarnings("default")]

N = 301


def given():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(N, 5))
    return X, np.where(X[:, 0] + X[:, 1] > 0.2, "yes", "no"), rng.randint(1, 4, N).astype(float)


def classifier():
    return skdeep.MLPClassifier((16,), max_iter=30, batch_size=N, alpha=0.1, **EXACT)


class Presses(EndsAt):
    """Ctrl-C in the third epoch, to this process alone."""

    def on_fit_task_end(self, estimator, context, **kwargs):
        super().on_fit_task_end(estimator, context, **kwargs)
        if hasattr(context, "epoch_values") and len(self.seen) == 3:
            os.kill(os.getpid(), signal.SIGINT)


def fits():
    """What each process does."""
    X, y, weight = given()
    exact = classifier().fit(DiskRows(X), y, weight)
    alone = classifier().fit(X, y, weight)
    ended = classifier().set_callbacks(Presses("loss", patience=100))
    ended._skl_callbacks[0].seen = []
    return exact, alone, ended.fit(DiskRows(X), y)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Models of both processes."""
    folder = tmp_path_factory.mktemp("found")
    (folder / "script.py").write_text(f"""
import os, pickle, sys
sys.path.insert(0, {os.path.dirname(__file__)!r})
import test_torchrun
models = [m.set_callbacks() for m in test_torchrun.fits()]
with open(os.path.join({str(folder)!r}, os.environ["RANK"]), "wb") as file:
    pickle.dump(models, file)
""")
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run([*start, folder / "script.py"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [pickle.loads((folder / rank).read_bytes()) for rank in "01"]


def test_both_train_as_one_process_does(found):
    X, y, weight = given()
    whole = classifier().fit(X, y, weight)
    for exact, alone, _ in found:
        np.testing.assert_allclose(weights_of(exact), weights_of(whole), atol=1e-10)
        np.testing.assert_array_equal(weights_of(alone), weights_of(whole))
    np.testing.assert_array_equal(*(weights_of(models[0]) for models in found))


def test_ctrl_c_in_one_ends_both(found):
    one, other = (models[2] for models in found)
    assert one.n_iter_ == other.n_iter_ == 4  # the fourth was begun
    np.testing.assert_array_equal(weights_of(one), weights_of(other))
