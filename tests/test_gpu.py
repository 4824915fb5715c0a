"""What needs a CUDA device; skips itself where there is none."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import (
    Autoencoder,
    CNNClassifier,
    MLPClassifier,
    MLPRegressor,
    RealMLPClassifier,
    RealMLPRegressor,
    SiameseClassifier,
    SiameseTransformer,
    TabMClassifier,
    TabMRegressor,
)
from skdeep.engine import wants_mixed

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
    pytest.mark.filterwarnings("ignore:Stochastic Optimizer. Maximum iterations"),
    pytest.mark.filterwarnings("ignore:lbfgs failed to converge"),
]

X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
BOTH = pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
TABLES = pytest.mark.parametrize(
    "cls", [RealMLPClassifier, RealMLPRegressor, TabMClassifier, TabMRegressor]
)


def output(estimator, X):
    return getattr(estimator, "predict_proba", estimator.predict)(X)


@BOTH
def test_auto_is_the_gpu(cls):
    est = cls(max_iter=2).fit(X, y)
    assert all(p.is_cuda for p in est.net_.module_.parameters())
    assert isinstance(output(est, X), np.ndarray)
    assert all(isinstance(c, np.ndarray) for c in est.coefs_)


@BOTH
@pytest.mark.parametrize("settings", [{}, {"solver": "sgd"}, {"solver": "lbfgs", "max_iter": 5}])
def test_near_the_cpu(cls, settings):
    params = {"max_iter": 5, "random_state": 0, "dtype": "float64"} | settings
    gpu, cpu = (cls(device=d, **params).fit(X, y) for d in ("cuda", "cpu"))
    np.testing.assert_allclose(output(gpu, X), output(cpu, X), rtol=1e-6, atol=1e-8)


@BOTH
def test_pickle_opens_on_the_cpu(cls):
    est = cls(max_iter=5, random_state=0).fit(X, y)
    state = est.net_.__getstate__()
    assert torch.device(state["device"]).type == "cuda"
    state["device"] = "cuda:99"  # a device that is not there
    twin = pickle.loads(pickle.dumps(est))
    twin.net_.__setstate__(state)
    assert not any(p.is_cuda for p in twin.net_.module_.parameters())
    np.testing.assert_allclose(output(est, X), output(twin, X), rtol=1e-5, atol=1e-5)


def test_tensors_on_the_gpu_stay_there(monkeypatch):
    X_gpu, y_gpu = torch.tensor(X, device="cuda"), torch.tensor(y, device="cuda")
    copied = []
    original = torch.Tensor.cpu

    def spy(self, *args, **kwargs):
        copied.append(self.numel())
        return original(self, *args, **kwargs)

    monkeypatch.setattr(torch.Tensor, "cpu", spy)
    clf = MLPClassifier(max_iter=2, random_state=0).fit(X_gpu, y_gpu)
    predicted = clf.predict(X_gpu)
    assert max(copied) < X_gpu.numel() / 10
    assert isinstance(predicted, np.ndarray)
    monkeypatch.undo()
    expected = MLPClassifier(max_iter=2, random_state=0).fit(X, y)
    np.testing.assert_array_equal(predicted, expected.predict(X))


@pytest.mark.parametrize(
    "settings", [{"dropout": 0.3}, {"normalization": "batch"}, {"input_noise": 0.1}], ids=repr
)
def test_noise_on_the_device(settings):
    params = {"max_iter": 20, "random_state": 0, "learning_rate_init": 0.01} | settings
    before = torch.cuda.get_rng_state()
    clf = MLPClassifier(**params).fit(X[:1000], y[:1000])
    assert torch.equal(before, torch.cuda.get_rng_state())
    assert clf.score(X[1000:], y[1000:]) > 0.85


def test_search_on_the_gpu():
    pipe = make_pipeline(StandardScaler(), MLPClassifier(max_iter=5, random_state=0))
    search = GridSearchCV(pipe, {"mlpclassifier__alpha": [1e-4, 1e-2]}, cv=2).fit(X, y)
    assert search.best_score_ > 0.5


def test_out_of_memory_names_the_batch():
    reg = MLPRegressor(hidden_layer_sizes=(4000, 4000), max_iter=1, batch_size=64)
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(100e6 / total)
    try:
        with pytest.raises(torch.OutOfMemoryError, match="ran out of memory"):
            reg.fit(X, y)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def test_sparse_rows():
    import scipy.sparse as sp

    dense, sparse = (
        MLPClassifier(max_iter=5, random_state=0).fit(data, y) for data in (X, sp.csr_array(X))
    )
    np.testing.assert_allclose(dense.predict_proba(X), sparse.predict_proba(X), atol=1e-3)


def test_stream_and_warm_start():
    clf = MLPClassifier(random_state=0, warm_start=True, max_iter=2)
    for _ in range(3):
        clf.partial_fit(X, y, classes=np.arange(10))
    again = pickle.loads(pickle.dumps(clf)).partial_fit(X, y)
    np.testing.assert_allclose(
        again.predict_proba(X), clf.partial_fit(X, y).predict_proba(X), atol=1e-4
    )
    clf.set_params(device="cpu").fit(X, y)
    assert not any(p.is_cuda for p in clf.net_.module_.parameters())


def test_siamese_pictures_near_the_cpu():
    pictures = X.reshape(-1, 8, 8)
    settings = {"image_shape": (8, 8), "max_iter": 5, "random_state": 0}
    on_gpu = SiameseClassifier(**settings).fit(pictures[:1000], y[:1000])
    assert all(p.is_cuda for p in on_gpu.net_.module_.parameters())
    assert isinstance(on_gpu.class_distance(pictures), np.ndarray)
    on_cpu = SiameseClassifier(**settings, device="cpu").fit(pictures[:1000], y[:1000])
    scores = [est.score(pictures[1000:], y[1000:]) for est in (on_gpu, on_cpu)]
    assert min(scores) > 0.85 and abs(scores[0] - scores[1]) < 0.06
    pairs = np.arange(1000).reshape(-1, 2)
    siamese = SiameseTransformer(**settings | {"early_stopping": True})
    siamese.fit_pairs(pairs, y[pairs[:, 0]] == y[pairs[:, 1]], X=pictures)
    assert np.isfinite(siamese.pair_distance(pairs, X=pictures)).all()


@TABLES
def test_tables_near_the_cpu(cls):
    params = {"max_iter": 3, "random_state": 0, "dtype": "float64", "dropout": 0.0}
    gpu, cpu = (cls(device=d, **params).fit(X[:600], y[:600]) for d in ("cuda", "cpu"))
    assert gpu.best_epochs_ == cpu.best_epochs_
    np.testing.assert_allclose(output(gpu, X), output(cpu, X), rtol=1e-5, atol=1e-6)


@TABLES
def test_tables_in_mixed_precision(cls):
    device = torch.device("cuda")
    native = torch.cuda.get_device_capability(device) >= (8, 0)
    assert wants_mixed("auto", torch.float32, device) == native
    assert not wants_mixed("auto", torch.float64, device)
    mixed, full = (
        cls(max_iter=20, random_state=0, amp=amp).fit(X[:1000], y[:1000]) for amp in (True, False)
    )
    assert next(mixed.net_.module_.parameters()).dtype == torch.float32
    assert mixed.score(X[1000:], y[1000:]) > full.score(X[1000:], y[1000:]) - 0.05


@pytest.mark.parametrize("augment", ["auto", ["flip", "crop", "noise", "mixup"], "cutmix"])
def test_pictures_of_bytes_in_mixed_precision(augment):
    pictures = (X * 255).astype("u1").reshape(-1, 8, 8, 1)
    clf = CNNClassifier(max_iter=8, augment=augment, random_state=0).fit(pictures[:1000], y[:1000])
    assert clf.score(pictures[1000:], y[1000:]) > 0.85
    assert clf.transform(pictures).dtype == np.float32
    assert clf.saliency(pictures[:3]).shape == (3, 8, 8, 1)
    again = pickle.loads(pickle.dumps(clf)).set_params(device="cpu")
    # Convolutions of float32 are in TF32 on the GPU: rows between two classes may change sides.
    assert np.mean(again.predict(pictures) == clf.predict(pictures)) > 0.995


def test_series_of_unequal_length_near_the_cpu():
    series = [row[: 20 + i % 40, None] for i, row in enumerate(X[:200])]
    params = {"max_iter": 3, "n_filters": 4, "dtype": "float64", "random_state": 0}
    gpu, cpu = (CNNClassifier(device=d, **params).fit(series, y[:200]) for d in ("cuda", "cpu"))
    np.testing.assert_allclose(gpu.predict_proba(series), cpu.predict_proba(series), atol=1e-6)


@pytest.mark.parametrize("noise", [None, "masking"])
def test_autoencoders_of_pictures_and_series(noise):
    series = [row[: 20 + i % 40, None] for i, row in enumerate(X[:200])]
    pictures = X[:200].reshape(-1, 8, 8, 1)
    for encoder, rows in (("conv", pictures), ("lstm", series)):
        params = {"encoder": encoder, "dtype": "float64", "max_iter": 3, "random_state": 0}
        params |= {"noise": noise, "n_filters": (8, 8)}
        gpu, cpu = (Autoencoder((16, 4), device=d, **params).fit(rows) for d in ("cuda", "cpu"))
        lengths = [len(row) for row in rows] if encoder == "lstm" else None
        made = gpu.inverse_transform(gpu.transform(rows), lengths)
        for one, other in zip(made, gpu.reconstruct(rows)):
            np.testing.assert_allclose(one, other, atol=1e-5)
        if noise is None:
            np.testing.assert_allclose(gpu.transform(rows), cpu.transform(rows), atol=1e-5)
        again = pickle.loads(pickle.dumps(gpu)).set_params(device="cpu")
        np.testing.assert_allclose(again.score_samples(rows), gpu.score_samples(rows), atol=1e-5)


# --- replayed steps -----------------------------------------------------------------------------


@pytest.fixture
def replays(monkeypatch):
    """Counts the replays of recordings, and keeps why steps were not replayed."""
    from skdeep.engine import graph

    made, reasons, capture = [], [], graph.capture

    def counting(*args):
        replay = capture(*args)
        return lambda: (made.append(1), replay())

    one_pass = graph.Recorder.one_pass

    def noting(self, run):
        result = one_pass(self, run)
        reasons.append(self.reason)
        return result

    monkeypatch.setattr(graph, "capture", counting)
    monkeypatch.setattr(graph.Recorder, "one_pass", noting)
    return made, reasons


REPLAYED = [
    MLPClassifier((64, 32), max_iter=30),
    MLPClassifier(
        (64,), max_iter=30, dropout=0.3, normalization="batch", solver="adamw", alpha=0.1
    ),
    MLPClassifier((64,), max_iter=30, solver="sgd", learning_rate="cosine", input_noise=0.1),
    RealMLPClassifier(max_iter=30, amp=False),
    RealMLPClassifier(max_iter=30, amp=True),
    TabMClassifier(max_iter=20, amp=False),
    CNNClassifier("lenet", max_iter=20, augment=None, amp=False),
]


@pytest.mark.parametrize("estimator", REPLAYED, ids=lambda e: repr(e)[:50])
def test_replayed_steps_learn_what_plain_ones_learn(estimator, replays, monkeypatch):
    rows = X.reshape(-1, 8, 8, 1) if isinstance(estimator, CNNClassifier) else X
    models = [clone(estimator).set_params(random_state=0, batch_size=64) for _ in range(3)]
    for model in models[:2]:
        model.fit(rows[:1000], y[:1000])
    made, reasons = replays
    assert len(made) > 100, reasons
    assert set(reasons) == {None}
    np.testing.assert_array_equal(output(models[0], rows), output(models[1], rows))
    monkeypatch.setattr("skdeep.engine.training.can_record", lambda device: False)
    models[2].fit(rows[:1000], y[:1000])
    scores = [m.score(rows[1000:], y[1000:]) for m in models]
    assert abs(scores[0] - scores[2]) < 0.04 and scores[0] > 0.85


def test_replayed_steps_are_the_plain_ones(replays, monkeypatch):
    models = [MLPClassifier((32,), dtype="float64", max_iter=20, random_state=0) for _ in range(2)]
    models[0].fit(X, y)
    assert len(replays[0]) > 100, replays[1]
    monkeypatch.setattr("skdeep.engine.training.can_record", lambda device: False)
    models[1].fit(X, y)
    np.testing.assert_allclose(*[m.predict_proba(X) for m in models], rtol=1e-3, atol=1e-6)


def test_products_are_in_full_precision_after_a_fit():
    before = torch.backends.cuda.matmul.fp32_precision
    MLPClassifier(max_iter=2).fit(X, y)
    assert torch.backends.cuda.matmul.fp32_precision == before


# --- several devices, several processes ---------------------------------------------------------


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="one CUDA device")
@pytest.mark.parametrize("estimator", REPLAYED, ids=lambda e: repr(e)[:50])
def test_the_second_device(estimator):
    rows = X.reshape(-1, 8, 8, 1) if isinstance(estimator, CNNClassifier) else X
    model = clone(estimator).set_params(device="cuda:1", batch_size=64).fit(rows[:1000], y[:1000])
    assert {str(p.device) for p in model.net_.module_.parameters()} == {"cuda:1"}
    assert model.score(rows[1000:], y[1000:]) > 0.85 and torch.cuda.current_device() == 0


@pytest.mark.slow
def test_processes_share_a_card():
    """Each has a CUDA context of its own; their kernels take turns."""
    search = GridSearchCV(
        RealMLPClassifier(max_iter=5, random_state=0), {"dropout": [0.0, 0.1]}, cv=2, n_jobs=2
    )
    assert search.fit(X[:600], y[:600]).best_score_ > 0.5
