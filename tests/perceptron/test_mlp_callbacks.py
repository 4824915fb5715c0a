"""Callbacks of scikit-learn and of skorch."""

import numpy as np
import pytest
import torch
from perceptron_data import X_iris, both, output, y_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from skdeep import MLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer. Maximum iterations")


class Recorder:
    """A scikit-learn callback that counts tasks and may ask to stop."""

    def __init__(self, stop_after=np.inf):
        self.tasks, self.models, self.stop_after = [], [], stop_after

    def setup(self, estimator, context):
        self.tasks.append("setup")

    def teardown(self, estimator, context):
        self.tasks.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.tasks.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.tasks.append(f"end {context.task_name}")
        self.models.append(fitted_estimator)
        return len(self.models) >= self.stop_after


@both
def test_callback_sees_every_epoch(cls, X, y):
    recorder = Recorder()
    est = cls(max_iter=3, random_state=0).set_callbacks(recorder).fit(X, y)
    epochs = ["begin epoch", "end epoch"] * 3
    assert recorder.tasks == ["setup", "begin fit", *epochs, "end fit", "teardown"]
    for n_epochs, model in enumerate(recorder.models[:3], start=1):
        check_is_fitted(model)
        direct = cls(max_iter=n_epochs, random_state=0).fit(X, y)
        np.testing.assert_array_equal(output(direct, X), output(model, X))
        assert model.n_iter_ == n_epochs
    np.testing.assert_array_equal(output(est, X), output(recorder.models[-1], X))


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_callback_stops(solver):
    clf = MLPClassifier(solver=solver, max_iter=50).set_callbacks(Recorder(stop_after=2))
    assert clf.fit(X_iris, y_iris).n_iter_ == 2


def test_callbacks_of_sklearn_in_a_search():
    from sklearn.callback import ProgressBar, ScoringMonitor
    from sklearn.model_selection import GridSearchCV

    pytest.importorskip("rich")
    monitor = ScoringMonitor(scoring="accuracy")
    clf = MLPClassifier(max_iter=4, random_state=0).set_callbacks(monitor)
    pipe = make_pipeline(StandardScaler(), clf)
    search = GridSearchCV(pipe, {"mlpclassifier__alpha": [1e-4, 1.0]}, cv=2)
    search.set_callbacks(ProgressBar()).fit(X_iris, y_iris)
    rows = [r for log in monitor.get_logs("all") for r in log.data if r["task_name"] == "epoch"]
    assert len(rows) == (2 * 2 + 1) * 4
    assert all(0 <= r["accuracy"] <= 1 for r in rows)


def test_failed_fit_tears_callbacks_down():
    recorder = Recorder()
    clf = MLPClassifier(max_iter=3).set_callbacks(recorder)
    with pytest.raises(ValueError, match="inconsistent numbers"):
        clf.fit(X_iris, y_iris[:5])
    assert recorder.tasks == ["setup", "begin fit", "teardown"]
    assert not hasattr(clf, "_callback_fit_ctx")


def test_skorch_callbacks(tmp_path):
    from skorch.callbacks import Callback, Checkpoint, EarlyStopping, LRScheduler

    class Batches(Callback):
        seen = 0

        def on_grad_computed(self, net, named_parameters, **kwargs):
            Batches.seen += 1
            assert all(p.grad is not None for _, p in named_parameters)

    given = [
        LRScheduler("StepLR", step_size=1, gamma=0.5),
        Checkpoint(dirname=tmp_path, monitor=None),
        Batches(),
        EarlyStopping("train_loss", patience=2, threshold=0.3, sink=lambda line: None),
    ]
    clf = MLPClassifier(max_iter=50, skorch_callbacks=given, batch_size=50)
    clf.fit(X_iris, y_iris)
    assert clf.n_iter_ == 3
    assert Batches.seen == 9
    assert clf.net_.history[:, "learning_rate"] == [0.001, 0.0005, 0.00025]
    assert (tmp_path / "params.pt").exists()
    assert given[-1].misses_ == 0  # the user's objects are as they were
    before = clf.predict_proba(X_iris)
    clf.net_.load_params(f_params=tmp_path / "params.pt")
    np.testing.assert_array_equal(before, clf.predict_proba(X_iris))


@pytest.mark.parametrize("given", [None, object(), len, ("name", 1), (), "name"])
def test_skorch_callbacks_of_no_kind(given):
    with pytest.raises(ValueError, match="skorch_callbacks=.*: expected callbacks of skorch"):
        MLPClassifier(max_iter=1, skorch_callbacks=[given]).fit(X_iris, y_iris)


def test_hooks_of_callbacks_see_training():
    from skorch.callbacks import Callback

    seen = []

    class Probe(Callback):
        def on_train_begin(self, net, **kwargs):
            for layer in net.module_.linears:
                layer.register_forward_hook(lambda _, x, out: seen.append((out, out.clone())))

        def on_epoch_end(self, net, **kwargs):
            assert seen and all(torch.equal(now, then) for now, then in seen)

    options = {"max_iter": 3, "random_state": 0, "dtype": "float64", "device": "cpu"}
    probed = MLPClassifier((8,), skorch_callbacks=[Probe()], **options).fit(X_iris, y_iris)
    plain = MLPClassifier((8,), **options).fit(X_iris, y_iris)
    assert len(seen) >= 6
    np.testing.assert_allclose(probed.predict_proba(X_iris), plain.predict_proba(X_iris), 1e-10)


def test_checkpoint_of_the_best_epoch(tmp_path):
    from skorch.callbacks import Checkpoint

    best = Checkpoint(dirname=tmp_path, load_best=True)  # watches valid_loss_best
    clf = MLPClassifier(max_iter=60, random_state=0, skorch_callbacks=best, learning_rate_init=0.1)
    y_wrong = 2 - y_iris[1::2]
    clf.fit(X_iris[::2], y_iris[::2], X_val=X_iris[1::2], y_val=y_wrong)
    proba = clf.predict_proba(X_iris[1::2])
    loss = -np.log(proba[np.arange(75), y_wrong]).mean()
    assert loss == pytest.approx(min(clf.validation_loss_curve_))
    assert loss < clf.validation_loss_curve_[-1]


def test_epoch_scoring_of_skorch():
    from skorch.callbacks import EpochScoring

    def error(net, X, y):
        wrong = net.infer(torch.as_tensor(X)).argmax(1).cpu() != torch.as_tensor(y)
        return wrong.double().mean().item()

    given = [EpochScoring(error, on_train=train, name=f"error {train}") for train in (True, False)]
    clf = MLPClassifier(max_iter=3, skorch_callbacks=given)
    clf.fit(X_iris[::2], y_iris[::2], X_val=X_iris[1::2], y_val=y_iris[1::2])
    for train, rows in ((True, slice(0, None, 2)), (False, slice(1, None, 2))):
        last = clf.net_.history[-1, f"error {train}"]
        assert last == pytest.approx(1 - clf.score(X_iris[rows], y_iris[rows]))
