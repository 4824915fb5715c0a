"""Fits that were ended and go on from their checkpoint, with the bits of one that never stopped."""

import os
import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris

import skdeep
from skdeep import persistence
from skdeep.callbacks import Checkpoint

pytest.importorskip("safetensors")

X, y = load_iris(return_X_y=True)
FITS = {
    "early stopping": ("MLPClassifier", {"early_stopping": True, "dropout": 0.1}),
    "falling rate": (
        "MLPClassifier",
        {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 1, "tol": 0.1},
    ),
    "per step": ("MLPRegressor", {"learning_rate": "one_cycle", "batch_size": 20}),
    "members": ("RealMLPClassifier", {}),
    "refit": ("RealMLPClassifier", {"refit": True}),
    "tabm": ("TabMClassifier", {}),
    "cnn": ("CNNClassifier", {"n_filters": 4}),
    "lstm": ("LSTMClassifier", {"hidden_layer_sizes": (8,)}),
    "noise": ("Autoencoder", {"hidden_layer_sizes": (8, 2), "noise": "gaussian"}),
    "masks": ("AutoencoderOutlierDetector", {"hidden_layer_sizes": (8,)}),
    "classes": ("SiameseTransformer", {"hidden_layer_sizes": (8,)}),
}


def model_of(name, n=6):
    kind, options = FITS[name]
    return getattr(skdeep, kind)(**options, max_iter=n, random_state=0, device="cpu")


def fit(model, *callbacks):
    if callbacks:
        model.set_callbacks(*callbacks)
    with warnings.catch_warnings(action="ignore"):
        return model.fit(X, y)


def state_of(model):
    module = model.net_.module_
    tensors = [*module.parameters(), *module.buffers()]
    return np.concatenate([t.detach().double().numpy().ravel() for t in tensors])


class Ends:
    """Raises before an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context, **kwargs):
        if context.task_name == "epoch" and context.task_id == self.epoch:
            raise InterruptedError

    def on_fit_task_end(self, estimator, context, **kwargs): ...


@pytest.mark.parametrize("name, every", [("early stopping", 2), *((name, 1) for name in FITS)])
def test_same_bits_as_never_having_stopped(name, every, tmp_path):
    whole = fit(model_of(name))
    path = tmp_path / "fit"
    with pytest.raises(InterruptedError):
        fit(model_of(name), Checkpoint(path, every=every, resume=True), Ends(3))
    seen = []
    resumed = fit(model_of(name), Checkpoint(path, resume=True), Counts(seen))
    assert len(seen) == whole.n_iter_ - (3 if every == 1 else 2)  # and no epoch twice
    np.testing.assert_array_equal(state_of(resumed), state_of(whole))
    assert resumed.loss_curve_ == whole.loss_curve_ and resumed.n_iter_ == whole.n_iter_
    assert resumed.validation_scores_ == whole.validation_scores_
    again = fit(model_of(name), Checkpoint(path, resume=True))  # a fit that had ended
    np.testing.assert_array_equal(state_of(again), state_of(whole))
    assert not hasattr(again, "_training_state")


class Counts(Ends):
    def __init__(self, seen):
        self.seen = seen

    def on_fit_task_begin(self, estimator, context, **kwargs):
        if context.task_name == "epoch":
            self.seen.append(context.task_id)


class Stops(Counts):
    """Ends training after an epoch."""

    def __init__(self, epoch, seen):
        super().__init__(seen)
        self.epoch = epoch

    def on_fit_task_end(self, estimator, context, **kwargs):
        return context.task_name == "epoch" and context.task_id + 1 == self.epoch


@pytest.mark.parametrize("every", [1, 2])
@pytest.mark.parametrize("first", [True, False])
def test_a_fit_that_a_callback_ended_does_not_go_on(first, every, tmp_path):
    seen = []
    callbacks = [Checkpoint(tmp_path / "fit", every=every, resume=True), Stops(3, seen)]
    ended = fit(model_of("per step"), *(callbacks if first else callbacks[::-1]))
    assert ended.n_iter_ == 3 and len(seen) == 3
    again = fit(model_of("per step"), Checkpoint(tmp_path / "fit", resume=True), Counts(seen))
    assert len(seen) == 3 and again.n_iter_ == 3
    np.testing.assert_array_equal(state_of(again), state_of(ended))


def test_the_file_is_a_model_of_its_epoch(tmp_path):
    fit(model_of("early stopping"), Checkpoint(tmp_path / "fit", resume=True))
    model = persistence.load(tmp_path / "fit")
    assert model.n_iter_ == 6 and model.predict(X).shape == y.shape


CHILD = """
import sys
import numpy as np
from skdeep import RealMLPClassifier
from skdeep.callbacks import Checkpoint
from sklearn.datasets import load_iris

model = RealMLPClassifier(max_iter=60, random_state=0, device="cpu", n_estimators=2)
if sys.argv[2] == "resume":
    model.set_callbacks(Checkpoint(sys.argv[1] + ".fit", resume=True))
model.fit(*load_iris(return_X_y=True))
np.save(sys.argv[1] + ".npy", model.predict_proba(load_iris().data))
"""


def child(tmp_path, name, *args):
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path / name), *args], env=env)


def test_kill_9_at_random_epochs(tmp_path):
    assert child(tmp_path, "whole", "plain").wait(120) == 0
    n_kills = 0
    for seed in range(2):
        process = child(tmp_path, "killed", "resume")
        while not (tmp_path / "killed.fit").exists() and process.poll() is None:
            time.sleep(0.01)
        time.sleep(np.random.RandomState(seed).uniform(0.05, 0.3))
        process.send_signal(signal.SIGKILL)
        n_kills += process.wait(60) == -signal.SIGKILL
    assert n_kills
    assert child(tmp_path, "killed", "resume").wait(120) == 0
    np.testing.assert_array_equal(np.load(tmp_path / "killed.npy"), np.load(tmp_path / "whole.npy"))


def test_disk_full_at_a_checkpoint_leaves_the_one_before(tmp_path):
    resource = pytest.importorskip("resource")
    path = tmp_path / "fit"
    with pytest.raises(InterruptedError):
        fit(model_of("early stopping"), Checkpoint(path, resume=True), Ends(2))
    content = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    model = model_of("early stopping")
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(content) // 2, limits[1]))
    try:
        with pytest.raises(OSError, match="checkpoint of epoch 3 could not be written"):
            fit(model, Checkpoint(path, resume=True))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not hasattr(model, "net_")
    assert path.read_bytes() == content and os.listdir(tmp_path) == ["fit"]
    resumed = fit(model_of("early stopping"), Checkpoint(path, resume=True))
    np.testing.assert_array_equal(state_of(resumed), state_of(fit(model_of("early stopping"))))


def test_checkpoints_of_other_fits_are_refused(tmp_path):
    path = tmp_path / "fit"
    fit(model_of("early stopping", 2), Checkpoint(path, resume=True))
    resume = Checkpoint(path, resume=True)
    for params, said in [
        ({"alpha": 0.3}, "alpha"),
        ({"max_iter": 9}, "max_iter"),
        ({"random_state": 1}, "initial weights"),
    ]:
        with pytest.raises(ValueError, match=f"another fit.*{said}"):
            fit(model_of("early stopping", 2).set_params(**params), resume)
    with pytest.raises(ValueError, match="another fit.*rows"):
        model_of("early stopping", 2).set_callbacks(resume).fit(X[:90], y[:90])
    with pytest.raises(ValueError, match="random_state=None: Checkpoint"):
        fit(model_of("early stopping").set_params(random_state=None), resume)
    persistence.save(skdeep.MLPClassifier(), path)
    with pytest.raises(ValueError, match="without a state of training"):
        fit(model_of("early stopping"), resume)
    for options in ({"monitor": "loss"}, {}):
        with pytest.raises(ValueError, match="resume=True goes on from the last epoch"):
            Checkpoint("fit{epoch}" if not options else "fit", resume=True, **options)


def test_generators_of_others_are_left_alone(tmp_path):
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()
    fit(model_of("noise", 2), Checkpoint(tmp_path / "fit", resume=True))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]
