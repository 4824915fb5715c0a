"""Steps that are replayed, on the CPU: the recording is a call of what would be recorded."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, make_classification

from skdeep import (
    CNNClassifier,
    MLPClassifier,
    MLPRegressor,
    RealMLPClassifier,
    RealMLPRegressor,
    TabMClassifier,
    TabMRegressor,
)
from skdeep.engine import graph, training

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer. Maximum iterations")

X, y = make_classification(450, 12, n_informative=8, n_classes=3, random_state=0)
X32 = X.astype(np.float32)
FIT = {"max_iter": 16, "random_state": 0, "device": "cpu", "batch_size": 32}
DOUBLE = {"dtype": "float64"} | FIT


@pytest.fixture
def recorded(monkeypatch):
    """Have steps recorded; returns a function that says how many were replayed since."""
    calls = []

    def capture(body, device, generators):
        def replay():
            calls.append(len(generators))
            body()

        return replay

    def count():
        n = len(calls)
        calls.clear()
        return n

    monkeypatch.setattr(graph, "capture", capture)
    monkeypatch.setattr(training, "can_record", lambda device: True)
    return count


def plain(estimator, *data, monkeypatch, **options):
    with monkeypatch.context() as patch:
        patch.setattr(training, "can_record", lambda device: False)
        return estimator.fit(*data, **options)


def weights(estimator):
    net = estimator.net_
    flat = [*net.module_.parameters(), *net.module_.buffers()]
    return torch.cat([t.detach().double().flatten() for t in flat])


def same(a, b, rtol=1e-4):
    """Whether two models are equal up to the rounding of a rate."""
    torch.testing.assert_close(weights(a), weights(b), rtol=rtol, atol=rtol)
    for name in ("loss_curve_", "validation_scores_"):
        if getattr(a, name, None) is not None:
            np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-4)
    assert a.n_iter_ == b.n_iter_ and a.net_.history[-1].keys() == b.net_.history[-1].keys()


PERCEPTRONS = [
    {},
    {"solver": "adamw", "alpha": 0.1},
    {"solver": "amsgrad", "alpha": 0.1, "l1_ratio": 0.5},
    {"solver": "sgd", "learning_rate_init": 0.05},
    {"solver": "sgd", "momentum": 0.0, "learning_rate": "invscaling"},
    {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 1, "tol": 1.0},
    {"solver": "sgd", "nesterovs_momentum": False, "learning_rate": "cosine"},
    {"learning_rate": "one_cycle", "gradient_clip_norm": 0.5},
    {"learning_rate": "plateau", "tol": 1.0, "n_iter_no_change": 2},
    {"dropout": 0.4},
    {"dropout": 0.2, "normalization": "batch", "activation": "tanh"},
    {"input_noise": 0.2, "normalization": "layer", "activation": "gelu"},
    {"early_stopping": True, "n_iter_no_change": 3, "learning_rate_init": 0.02},
    {"shuffle": False},
    {"batch_size": 50},  # without a smaller batch at the end
    {"class_weight": "balanced", "label_smoothing": 0.1},
]


@pytest.mark.parametrize("settings", PERCEPTRONS, ids=repr)
def test_perceptrons(recorded, monkeypatch, settings):
    models = [MLPClassifier((16, 8), **DOUBLE | settings) for _ in range(2)]
    plain(models[0], X, y, monkeypatch=monkeypatch)
    models[1].fit(X, y)
    assert recorded() > 5 * models[1].n_iter_
    same(*models)


@pytest.mark.parametrize("solver", graph.RecordedOptimizer.SOLVERS)
def test_single_precision(recorded, monkeypatch, solver):
    models = [MLPClassifier((16,), solver=solver, **FIT | {"max_iter": 10}) for _ in range(2)]
    plain(models[0], X32, y, monkeypatch=monkeypatch)
    models[1].fit(X32, y)
    assert recorded() > 100
    same(*models, rtol=1e-3)


def test_weights_of_rows_and_several_outputs(recorded, monkeypatch):
    weight = np.random.default_rng(0).uniform(0.5, 2.0, len(X))
    Y = np.stack([X[:, 0], X[:, 1] ** 2], 1)
    models = [MLPRegressor("huber", (16,), **DOUBLE) for _ in range(2)]
    plain(models[0], X, Y, monkeypatch=monkeypatch, sample_weight=weight)
    models[1].fit(X, Y, sample_weight=weight)
    assert recorded() > 100
    same(*models)


TABLES = [
    (RealMLPClassifier, {}),
    (RealMLPRegressor, {"dropout": 0.3, "alpha": 0.1, "gradient_clip_norm": 1.0}),
    (RealMLPClassifier, {"early_stopping": False, "parametric_activation": False}),
    (TabMClassifier, {"n_estimators": 4, "n_networks": 2}),
    (TabMRegressor, {"n_estimators": 4, "n_networks": 2, "averaging": 2.0, "alpha": 0.1}),
    (TabMRegressor, {"n_estimators": 4, "n_networks": 1, "dropout": 0.0, "averaging": 0.0}),
]


@pytest.mark.parametrize("cls, settings", TABLES)
def test_tables(recorded, monkeypatch, cls, settings):
    settings = {"hidden_layer_sizes": (16,), "amp": False} | DOUBLE | settings
    models = [cls(**settings) for _ in range(2)]
    target = y if "Classifier" in cls.__name__ else X[:, 0]
    plain(models[0], X, target, monkeypatch=monkeypatch)
    models[1].fit(X, target)
    assert recorded() > 5 * models[1].n_iter_
    assert models[0].best_epochs_ == models[1].best_epochs_
    same(*models)


@pytest.mark.parametrize("augment", [None, "auto"])
def test_images(recorded, monkeypatch, augment):
    images, digits = load_digits(return_X_y=True)
    images = images[:400].reshape(-1, 8, 8, 1) / 16
    settings = {"architecture": "lenet", "n_filters": (4, 4), "kernel_size": 3, "amp": False}
    settings |= DOUBLE | {"max_iter": 10, "augment": augment}
    models = [CNNClassifier(**settings) for _ in range(2)]
    plain(models[0], images, digits[:400], monkeypatch=monkeypatch)
    models[1].fit(images, digits[:400])
    assert recorded() > 60
    same(*models)


def test_streams_go_on_from_replayed_steps(recorded, monkeypatch):
    """Step counts and moments are those of a run without replays."""
    models = [MLPClassifier((16,), **DOUBLE, warm_start=True) for _ in range(2)]
    for i, model in enumerate(models):
        for _ in range(2):
            plain(model, X, y, monkeypatch=monkeypatch) if i == 0 else model.fit(X, y)
        model.partial_fit(X, y)
    assert recorded() > 200
    same(*models)


def test_same_seed_same_bits(recorded):
    models = [MLPClassifier((16,), dropout=0.3, **FIT).fit(X, y) for _ in range(2)]
    assert recorded() > 200 and torch.equal(*map(weights, models))


def test_time_ends_a_pass(recorded, monkeypatch):
    clock = iter(np.arange(0.0, 1e6, 0.01))
    monkeypatch.setattr("skdeep.engine.training.time.monotonic", lambda: next(clock))
    clf = MLPClassifier((16,), max_time=1.0, **FIT).fit(X, y)
    assert 0 < recorded() < 150 and clf.n_iter_ < FIT["max_iter"]
    assert 0 < clf.t_ < FIT["max_iter"] * len(X)


# --- where nothing is replayed ------------------------------------------------------------------


def equal_to_plain(monkeypatch, **settings):
    models = [MLPClassifier((16,), **FIT | settings) for _ in range(2)]
    plain(models[0], X, y, monkeypatch=monkeypatch)
    models[1].fit(X, y)
    return torch.equal(*map(weights, models)) and models[0].loss_curve_ == models[1].loss_curve_


def test_recordings_that_fail(recorded, monkeypatch):
    def fail(body, device, generators):
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(graph, "capture", fail)
    assert equal_to_plain(monkeypatch) and equal_to_plain(monkeypatch, dropout=0.2)


@pytest.mark.parametrize("settings", [{}, {"dropout": 0.3}, {"solver": "sgd"}], ids=repr)
@pytest.mark.parametrize("fault", ["does nothing", "old numbers", "old rows"])
def test_recordings_that_are_wrong_are_noticed(recorded, monkeypatch, settings, fault):
    def capture(body, device, generators):
        recorder, calls = body.__self__, []

        def replay():
            calls.append(0)
            if fault == "does nothing":
                return
            if fault == "old numbers":  # as if Python's rate had been recorded
                recorder.table.mul_(0.5)
            if fault == "old rows" and len(calls) > 1:
                recorder.at.fill_(0)
            body()

        return replay

    monkeypatch.setattr(graph, "capture", capture)
    models = [MLPClassifier((16,), **DOUBLE | settings) for _ in range(2)]
    plain(models[0], X, y, monkeypatch=monkeypatch)
    models[1].fit(X, y)
    same(*models)


def test_hooks_and_other_solvers(recorded, monkeypatch):
    assert equal_to_plain(monkeypatch, solver="nadam") and not recorded()
    assert equal_to_plain(monkeypatch, batch_size=200) and not recorded()  # too few steps
    assert equal_to_plain(monkeypatch, max_iter=5) and not recorded()
    hook = torch.nn.modules.module.register_module_forward_hook(lambda *a: None)
    hook.remove()

    from skorch.callbacks import Callback

    class Listener(Callback):
        def on_batch_end(self, net, **kwargs):
            self.heard = True

    assert equal_to_plain(monkeypatch, skorch_callbacks=[Listener()]) and not recorded()


def test_sparse_rows(recorded, monkeypatch):
    import scipy.sparse as sp

    models = [MLPClassifier((16,), **FIT) for _ in range(2)]
    plain(models[0], sp.csr_array(X), y, monkeypatch=monkeypatch)
    models[1].fit(sp.csr_array(X), y)
    assert not recorded() and torch.equal(*map(weights, models))
