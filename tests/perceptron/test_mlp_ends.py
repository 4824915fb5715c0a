"""How training ends: time, Ctrl-C, divergence, failures; and what it prints."""

import re
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from perceptron_data import (
    X_diabetes,
    X_iris,
    both,
    y_diabetes,
    y_iris,
)
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skdeep import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer. Maximum iterations")


@both
def test_max_time(cls, X, y):
    est = cls(max_iter=10**7, max_time=0.3, tol=0, n_iter_no_change=np.inf, random_state=0)
    start = time.monotonic()
    est.fit(X, y)
    assert time.monotonic() - start < 5
    assert 1 < est.n_iter_ < 10**7
    assert est.best_loss_ == min(est.loss_curve_)


def test_max_time_ends_an_epoch_and_lbfgs():
    X, y = np.random.RandomState(0).normal(size=(200_000, 20)), np.arange(200_000) % 2
    start = time.monotonic()
    clf = MLPClassifier((200, 200), batch_size=10, max_time=0.5).fit(X, y)
    assert clf.n_iter_ == 1
    MLPClassifier(solver="lbfgs", max_iter=10**5, max_fun=10**6, tol=0, max_time=0.5).fit(
        X[:2000], y[:2000]
    )
    assert time.monotonic() - start < 20


def test_time_over_brings_the_best_weights_back():
    """Training that gets worse ends with the weights of its best epoch."""
    X, y = X_iris[::2], y_iris[::2]
    X_val, y_val = X_iris[1::2], 2 - y_iris[1::2]  # wrong labels: the loss rises
    clf = MLPClassifier(
        max_iter=10**7, max_time=0.5, random_state=0, tol=0, n_iter_no_change=np.inf
    ).fit(X, y, X_val=X_val, y_val=y_val)
    curve = clf.validation_loss_curve_
    assert min(curve) < curve[-1]
    proba = clf.predict_proba(X_val)
    assert -np.log(proba[np.arange(75), y_val]).mean() == pytest.approx(min(curve))


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_interrupt_keeps_the_best_so_far(solver, monkeypatch):
    """Ctrl-C may come anywhere; here it comes in the middle of a step."""
    from skdeep.engine import SingleStep

    original, calls = SingleStep.objective, []

    def interrupted(self, *batch):
        calls.append(1)
        if len(calls) == 33:
            raise KeyboardInterrupt
        return original(self, *batch)

    monkeypatch.setattr(SingleStep, "objective", interrupted)
    clf = MLPClassifier(solver=solver, max_iter=1000, max_fun=1000, batch_size=50, random_state=0)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        clf.fit(X_iris, y_iris)
    assert 3 < clf.n_iter_ < 40
    if solver == "adam":
        assert len(clf.loss_curve_) == 10  # of three batches each; the 11th epoch does not count
    proba = clf.predict_proba(X_iris)
    assert -np.log(proba[np.arange(150), y_iris]).mean() < np.log(3)


def test_ctrl_c_in_a_process():
    """The signal itself, in a process of its own."""
    script = """
import os, signal, threading, warnings
import numpy as np
from skdeep import MLPClassifier
X = np.random.RandomState(0).normal(size=(500, 5)); y = (X[:, 0] > 0).astype(int)
MLPClassifier(max_iter=1).partial_fit(X, y, classes=[0, 1])
clf = MLPClassifier(max_iter=10**8, tol=0, n_iter_no_change=np.inf)
signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background ignore it
threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    clf.fit(X, y)
print([str(w.message) for w in caught], clf.score(X, y) > 0.9)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "['Training interrupted by user.'] True", done.stderr


def test_nan_names_epoch_and_cause():
    reg = MLPRegressor(max_iter=3, random_state=0).fit(X_diabetes, y_diabetes)
    expected = reg.predict(X_diabetes)
    start = re.escape(
        "Solver produced non-finite parameter weights. The input data may contain large values "
        "and need to be preprocessed."
    )
    with pytest.raises(ValueError, match=start + r".*epoch \d+.*X holds values up to 1e\+200"):
        reg.fit(X_diabetes * 0 + 1e200, y_diabetes)
    with pytest.raises(ValueError, match=start + r".*epoch 1.*y holds values up to 1e\+200"):
        reg.fit(X_diabetes, y_diabetes * 0 + 1e200)
    wild = clone(reg).set_params(solver="sgd", learning_rate_init=1e6, max_iter=100)
    with pytest.raises(ValueError, match=start + r".*epoch \d+.*learning_rate_init=1000000.0"):
        wild.fit(X_diabetes, y_diabetes)
    np.testing.assert_array_equal(expected, reg.predict(X_diabetes))


def test_diverging_with_early_stopping_warns_and_keeps_the_best():
    reg = MLPRegressor(
        activation="identity", solver="sgd", learning_rate_init=1.0, max_iter=20,
        early_stopping=True, random_state=0,
    )  # fmt: skip
    with pytest.warns(ConvergenceWarning, match="Training diverged in epoch"):
        reg.fit(X_iris, y_iris)
    assert np.isnan(reg.validation_scores_[-1])
    assert np.isfinite(reg.predict(X_iris)).all()


def test_out_of_memory_names_the_batch(monkeypatch):
    from skdeep.engine import SingleStep

    def fails(self, batch, on_gradient=None):
        raise torch.OutOfMemoryError("Tried to allocate 20.00 GiB")

    monkeypatch.setattr(SingleStep, "__call__", fails)
    with pytest.raises(
        torch.OutOfMemoryError, match="ran out of memory with batch_size=150: try a smaller one"
    ):
        MLPClassifier().fit(X_iris, y_iris)


def test_failed_partial_fit_keeps_weights():
    reg = MLPRegressor(solver="sgd", learning_rate_init=1e-2, random_state=0)
    reg.partial_fit(X_diabetes, y_diabetes)
    expected = reg.predict(X_diabetes)
    twin = MLPRegressor(solver="sgd", learning_rate_init=1e-2, random_state=0)
    twin.partial_fit(X_diabetes, y_diabetes)
    with pytest.raises(ValueError, match="non-finite"):
        reg.partial_fit(X_diabetes, y_diabetes * 1e200)
    np.testing.assert_array_equal(expected, reg.predict(X_diabetes))
    reg.partial_fit(X_diabetes, y_diabetes)
    twin.partial_fit(X_diabetes, y_diabetes)
    np.testing.assert_array_equal(twin.predict(X_diabetes), reg.predict(X_diabetes))


def test_interrupt_in_the_first_epoch():
    from skorch.callbacks import Callback

    class Interrupt(Callback):
        def on_batch_end(self, net, **kwargs):
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="Training interrupted by user"):
        clf = MLPClassifier(skorch_callbacks=Interrupt()).fit(X_iris, y_iris)
    assert clf.loss_curve_ == [] and len(clf.net_.history) == 0
    assert np.isfinite(clf.predict_proba(X_iris)).all()


def test_verbose(capsys):
    MLPClassifier(max_iter=2, verbose=True, early_stopping=True).fit(X_iris, y_iris)
    out = capsys.readouterr().out
    number = r"-?\d+\.\d+"
    line = rf"Iteration 2/2, loss = {number}, validation score = {number}, at most 0 s left"
    assert re.fullmatch(line, out.splitlines()[1])
    MLPClassifier(max_iter=2, verbose=True, solver="sgd", tol=10, n_iter_no_change=1,
                  learning_rate="adaptive").fit(X_iris, y_iris)  # fmt: skip
    MLPRegressor(max_iter=60, verbose=1, tol=1e9, n_iter_no_change=3).fit(X_iris, y_iris)
    out = capsys.readouterr().out
    assert "Training loss did not improve more than tol=1000000000.000000 for 3" in out
    assert out.endswith("Stopping.\n")
