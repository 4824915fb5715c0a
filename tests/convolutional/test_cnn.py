"""Convolutional estimators: what the common checks do not ask."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV
from torch import nn

from skdeep import CNNClassifier, CNNRegressor, LSTMClassifier
from skdeep.engine import wants_mixed
from skdeep.nets.blocks import ACTIVATIONS
from skdeep.nets.conv import Conv2d, ConvNormReLU

RNG = np.random.default_rng(0)
DIGITS, LABELS = load_digits(return_X_y=True)
X, y = RNG.normal(size=(40, 12, 2)).astype("f4"), np.arange(40) % 3
X[:, :, 0] += y[:, None]
PICTURES = RNG.normal(size=(40, 8, 6, 3)).astype("f4")
FIXED = {"architecture": "resnet", "n_filters": (4, 6), "max_iter": 3, "random_state": 0}


def cnn(**parameters):
    return CNNClassifier(**{**FIXED, "device": "cpu", **parameters})


def raw_scores(clf, rows):
    module = clf.net_.module_
    with torch.inference_mode():
        return module(torch.as_tensor(np.moveaxis(rows, -1, 1)).contiguous())


# --- quality ---------------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", ["auto", "lenet"])
def test_digits(architecture):
    clf = CNNClassifier(architecture, image_shape=(8, 8), max_iter=10, random_state=0, device="cpu")
    clf.set_params(n_filters=(16, 32), hidden_layer_sizes=(50,)).fit(DIGITS[:1000], LABELS[:1000])
    assert clf.score(DIGITS[1000:], LABELS[1000:]) > 0.92


def test_series_that_differ_in_frequency():
    t = np.linspace(0, 1, 40)
    frequency, phase = RNG.uniform(3, 9, 120), RNG.uniform(0, 6, 120)
    waves = np.sin(2 * np.pi * frequency[:, None] * t + phase[:, None])[:, :, None]
    clf = CNNClassifier(n_filters=4, max_iter=40, random_state=0, device="cpu")
    clf.fit(waves[:80], frequency[:80] > 6)
    assert clf.score(waves[80:], frequency[80:] > 6) > 0.9
    target = np.column_stack([1000 * frequency, -frequency])
    reg = CNNRegressor("resnet", n_filters=(8, 16), max_iter=60, random_state=0, device="cpu")
    reg.fit(waves[:80], target[:80])
    assert r2_score(target[80:], reg.predict(waves[80:])) > 0.8


def test_regression_by_quantiles_and_validation_in_the_units_of_y():
    target = 1e4 + 100 * X[:, :, 0].mean(1)
    scores = {}
    for quantile in (0.1, 0.9):
        reg = CNNRegressor(
            **{**FIXED, "max_iter": 60}, loss="quantile", quantile=quantile, device="cpu"
        ).fit(X, target)
        scores[quantile] = np.mean(target <= reg.predict(X))
    assert scores[0.1] < 0.4 < 0.6 < scores[0.9]
    reg = CNNRegressor(**{**FIXED, "max_iter": 30}, early_stopping=True, device="cpu")
    assert 0.2 < reg.fit(X, target).best_validation_score_ <= 1


# --- what comes out --------------------------------------------------------------------------


@pytest.mark.parametrize("n_estimators", [1, 3])
def test_transform_is_what_the_last_layer_sees(n_estimators):
    clf = cnn(n_estimators=n_estimators).fit(X, y)
    features = clf.transform(X)
    assert features.shape == (40, 6 * n_estimators)
    assert len(clf.get_feature_names_out()) == 6 * n_estimators
    raw = raw_scores(clf, X).reshape(40, n_estimators, 3)
    for i, head in enumerate(clf.net_.module_.heads):
        mine = torch.as_tensor(features[:, 6 * i : 6 * i + 6]) @ head.weight.T + head.bias
        np.testing.assert_allclose(mine.detach(), raw[:, i], atol=1e-5)
    frame = clf.set_output(transform="pandas").transform(X)
    assert frame.columns[0] == "cnnclassifier0"


def test_members_differ_and_their_probabilities_are_averaged():
    clf = cnn(n_estimators=3, kernels=None).fit(X, y)
    proba = torch.softmax(raw_scores(clf, X), 2).numpy()
    assert np.abs(proba[:, 0] - proba[:, 1]).max() > 1e-3
    np.testing.assert_allclose(clf.predict_proba(X), proba.mean(1), atol=1e-6)
    two = cnn(n_estimators=2, kernels=None).fit(X, y == 1)
    expected = torch.sigmoid(raw_scores(two, X)).mean(1)[:, 0]
    np.testing.assert_allclose(two.predict_proba(X)[:, 1], expected, atol=1e-6)
    reg = CNNRegressor(**FIXED, n_estimators=2, kernels=None, device="cpu").fit(X, y)
    scaled = raw_scores(reg, X).mean(1)[:, 0].numpy() * y.std() + y.mean()
    np.testing.assert_allclose(reg.predict(X), scaled.clip(0, 2), atol=1e-5)


@pytest.mark.parametrize("rows", [X, PICTURES], ids=["series", "pictures"])
def test_saliency_is_the_slope_times_the_distance_from_the_mean(rows):
    clf = cnn(dtype="float64", kernels=None).fit(rows, y)
    mean = clf.net_.module_.scale.mean.numpy()
    label, row = clf.predict(rows[:1])[0], rows[:1].astype(float)
    saliency = clf.saliency(rows[:1], [label])
    np.testing.assert_allclose(clf.saliency(rows[:1]), saliency)
    assert saliency.shape == row.shape
    for place in [(0, 3, 1), (0, 7, 0)] if rows is X else [(0, 3, 1, 2), (0, 7, 0, 1)]:
        moved = []
        for step in (1e-5, -1e-5):
            other = row.copy()
            other[place] += step
            moved.append(float(raw_scores(clf, other)[0, label]))
        slope = (moved[0] - moved[1]) / 2e-5
        expected = slope * (row[place] - mean[place[-1]])
        assert saliency[place] == pytest.approx(expected, rel=1e-4, abs=1e-8)


def test_saliency_of_series_of_unequal_length_and_of_two_classes():
    series = [RNG.normal(size=(n, 2)) for n in range(3, 43)]
    clf = cnn().fit(series, y == 0)
    one, other = (clf.saliency(series, np.full(40, label)) for label in (True, False))
    for x, a, b in zip(series, one, other):
        assert a.shape == x.shape
        np.testing.assert_allclose(a, -b, atol=1e-7)
    with pytest.raises(ValueError, match="classes not in"):
        clf.saliency(series, np.full(40, 7))


SCALED = RNG.normal(size=(60, 30, 1)).cumsum(1) * 10.0 ** RNG.uniform(-3, 1, (60, 1, 1))
RISES = (SCALED[:, -1, 0] > SCALED[:, 0, 0]).astype(int)


@pytest.mark.parametrize("cls", [CNNClassifier, LSTMClassifier])
def test_small_series_beside_large_ones(cls):
    scores, network = {}, {"kernels": None}
    for own in ("auto", True, False):
        clf = cls(own_scale=own, max_iter=15, random_state=0, device="cpu", **network)
        scores[own] = clf.fit(SCALED[:40], RISES[:40]).predict_proba(SCALED[40:])
    np.testing.assert_array_equal(scores["auto"], scores[True])
    right = {own: np.mean(p.argmax(1) == RISES[40:]) for own, p in scores.items()}
    assert right[True] > max(right[False], 0.8)
    same = SCALED / SCALED.std(1, keepdims=True)
    a, b = (
        clf.set_params(own_scale=own).fit(same, RISES).predict_proba(same)
        for own in ("auto", False)
    )
    np.testing.assert_array_equal(a, b)


def test_series_by_their_own_scales():
    clf = cnn(own_scale=True, dtype="float64").fit([x[: 3 + i % 9] for i, x in enumerate(X)], y)
    module = clf.net_.module_.eval()
    assert module.trunks[0].blocks[0].layers[0].conv.weight.shape[1] == 4
    seen = []
    module.trunks[0].register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    rows, row = (
        [X[0, :3], X[1].astype(float) * 100 + 7],
        torch.as_tensor(X[1].T.astype(float) * 100 + 7),
    )
    clf.transform(rows)
    own = (row - row.mean(1, keepdim=True)) / row.std(1, correction=0, keepdim=True)
    torch.testing.assert_close(seen[0][1, 2:], own, rtol=1e-6, atol=1e-6)
    assert (seen[0][0, :, 3:] == 0).all()
    assert [s.shape for s in clf.saliency(rows)] == [(3, 2), (12, 2)]


# --- networks --------------------------------------------------------------------------------


def test_lenet_by_parameters():
    clf = CNNClassifier(
        "lenet",
        n_filters=(3, 5),
        kernel_size=(3, 2),
        activation="tanh",
        pooling="mean",
        hidden_layer_sizes=(7, 4),
        max_iter=1,
        random_state=0,
    ).fit(PICTURES, y)
    trunk = clf.net_.module_.trunks[0]
    assert [tuple(c.weight.shape) for c in trunk.convs] == [(3, 3, 3, 3), (5, 3, 2, 2)]
    assert [tuple(m.weight.shape) for m in trunk.linears] == [(7, 5), (4, 7)]
    assert {type(pool) for pool in trunk.pools} == {nn.AvgPool2d}
    assert isinstance(trunk.activations[0], nn.Tanh)


class Plain(nn.Module):
    """A network of a user's, with a last layer for other classes."""

    def __init__(self, n_channels=3):
        super().__init__()
        self.conv = nn.Conv2d(n_channels, 5, 3)
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(5, 100)

    def forward(self, x):
        return self.fc(self.drop(torch.relu(self.conv(x)).mean((2, 3))))


def test_module_of_the_user():
    module = Plain()
    before = [p.detach().clone() for p in module.parameters()]
    state = torch.random.get_rng_state()
    clf = cnn(architecture=module).fit(PICTURES, y)
    again = clone(clf).fit(PICTURES, y)
    assert torch.equal(state, torch.random.get_rng_state())
    np.testing.assert_array_equal(clf.predict_proba(PICTURES), again.predict_proba(PICTURES))
    assert all(torch.equal(a, b) for a, b in zip(before, module.parameters()))
    assert clf.transform(PICTURES).shape == (40, 5) and module.fc.out_features == 100
    other = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(other.predict_proba(PICTURES), clf.predict_proba(PICTURES))


def test_factory_of_the_user():
    shapes = []

    def factory(shape):
        shapes.append(shape)
        return Plain(shape[0])

    fits = [cnn(architecture=factory, random_state=s).fit(PICTURES, y) for s in (0, 0, 1)]
    assert set(shapes) == {(3, 8, 6)}
    a, b, c = (clf.predict_proba(PICTURES) for clf in fits)
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)
    with pytest.raises(TypeError, match="must return a torch.nn.Module, got int"):
        cnn(architecture=lambda shape: 3).fit(PICTURES, y)
    with pytest.raises(ValueError, match=r"Plain does not take rows of shape \(3, 8, 6\)"):
        cnn(architecture=Plain(2)).fit(PICTURES, y)


@pytest.mark.parametrize("source", ["estimator", "module", "dict", "file"])
def test_pretrained_and_frozen(source, tmp_path):
    teacher = cnn().fit(PICTURES, y)
    module = teacher.net_.module_
    given = {"estimator": teacher, "module": module, "dict": module.state_dict()}.get(source)
    if source == "file":
        given = tmp_path / "weights.pt"
        torch.save(module.state_dict(), given)
    clf = cnn(pretrained=given, freeze=True, random_state=1).fit(PICTURES[:20], np.arange(20) % 2)
    np.testing.assert_array_equal(clf.transform(PICTURES), teacher.transform(PICTURES))
    assert len(clf.classes_) == 2
    free = cnn(pretrained=given, random_state=1).fit(PICTURES[:20], y[:20])
    assert np.abs(free.transform(PICTURES) - teacher.transform(PICTURES)).max() > 1e-4


def test_pretrained_module_of_the_user_without_its_last_layer(tmp_path):
    module = Plain()
    torch.save(module.state_dict(), tmp_path / "w.pt")
    clf = cnn(architecture=Plain, pretrained=str(tmp_path / "w.pt"), freeze=True)
    clf.set_params(architecture=lambda shape: Plain()).fit(PICTURES, y)
    found = clf.net_.module_.trunks[0].module.conv.weight
    assert torch.equal(found, module.conv.weight)


def test_weights_of_another_network():
    teacher = cnn().fit(PICTURES, y)
    with pytest.raises(ValueError, match="does not fit the architecture: .*another shape"):
        cnn(n_filters=(5, 6), pretrained=teacher).fit(PICTURES, y)
    with pytest.raises(ValueError, match="expected a path, a state dict"):
        cnn(pretrained=3).fit(PICTURES, y)


@pytest.mark.parametrize("content", [b"", b"weights: none\n", b"\x80\x04K\x01.", b"PK\x03\x04"])
def test_pretrained_file_without_weights(content, tmp_path):
    path = tmp_path / "weights.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="pretrained='.*weights.pt': expected a file"):
        cnn(pretrained=path).fit(PICTURES, y)


@pytest.mark.parametrize(
    "kept", [[torch.zeros(3)], torch.zeros(3), {"a": 1.5}, {3: torch.zeros(3)}]
)
def test_pretrained_file_without_a_state_dict(kept, tmp_path):
    torch.save(kept, tmp_path / "weights.pt")
    with pytest.raises(ValueError, match="pretrained='.*weights.pt': expected .* state dict"):
        cnn(pretrained=tmp_path / "weights.pt").fit(PICTURES, y)
    with pytest.raises(FileNotFoundError, match="missing.pt"):
        cnn(pretrained=tmp_path / "missing.pt").fit(PICTURES, y)


# --- small images ----------------------------------------------------------------------------


def fill_free_memory():
    """NaN where memory is given out next, for what reads what nobody wrote."""
    sizes = [4**i for i in range(3, 10)]
    _ = [torch.full((n,), float("nan")) for n in sizes for _ in range(20)]


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (1, 7), (7, 1), (3, 3), (3, 1)])
@pytest.mark.parametrize("make", [Conv2d, ConvNormReLU], ids=["convolution", "block"])
@pytest.mark.parametrize("stride", [1, 2])
def test_small_images_in_bfloat16_read_their_own_memory(make, shape, stride):
    options = {"padding": 1, "bias": False} if make is Conv2d else {}
    layer, g = make(8, 8, 3, stride=stride, **options), torch.Generator().manual_seed(0)
    x = torch.randn(16, 8, *shape, generator=g).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        for p in layer.parameters():
            p.normal_(generator=g)

    def gradients(mixed):
        fill_free_memory()
        given = x.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            out = layer(given)
        wanted = [given, *layer.parameters()]
        return [out.detach(), *torch.autograd.grad(out.float().square().sum(), wanted)]

    exact = gradients(False)
    for _ in range(3):
        for found, expected in zip(gradients(True), exact):
            scale = float(expected.abs().max())
            torch.testing.assert_close(found.float(), expected, rtol=0.1, atol=0.05 * scale + 1e-2)


@pytest.mark.parametrize("architecture", ["resnet", "lenet"])
@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (1, 5), (5, 1)])
def test_small_images_train_the_same_each_time(architecture, shape):
    rows = np.random.default_rng(0).random((40, *shape, 3)).astype("f4")
    found = []
    for _ in range(3):
        fill_free_memory()
        clf = CNNClassifier(architecture, max_iter=2, random_state=0, device="cpu", amp=True)
        found.append(clf.fit(rows, y).predict_proba(rows))
    assert np.isfinite(found[0]).all()
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


# --- training --------------------------------------------------------------------------------


@pytest.mark.parametrize("augment", ["shift", "flip", "crop", "noise", "scale", "mixup", "cutmix"])
def test_augmented_pictures(augment):
    plain = cnn(augment=None).fit(PICTURES, y).predict_proba(PICTURES)
    given = "shift" if augment == "shift" else {augment: 0.5}
    rows = PICTURES.repeat(2, 1).repeat(2, 2) if augment == "shift" else PICTURES
    plain = plain if rows is PICTURES else cnn(augment=None).fit(rows, y).predict_proba(rows)
    a, b = (cnn(augment=given).fit(rows, y).predict_proba(rows) for _ in "ab")
    np.testing.assert_array_equal(a, b)
    assert not np.allclose(a, plain)


@pytest.mark.parametrize("augment", ["jitter", ["scale", "warp"], "mixup", "cutmix"])
@pytest.mark.parametrize("ragged", [False, True])
def test_augmented_series(augment, ragged):
    rows = [x[: 1 + i % 12] for i, x in enumerate(X)] if ragged else X
    weight = np.arange(40) % 4
    plain = cnn().fit(rows, y, weight).predict_proba(rows)
    changed = cnn(augment=augment).fit(rows, y, weight).predict_proba(rows)
    assert np.isfinite(changed).all() and not np.allclose(changed, plain)


@pytest.mark.parametrize("architecture", ["lenet", "resnet", "inception", Plain()])
def test_mixed_precision(architecture):
    rows = PICTURES if isinstance(architecture, Plain) else [x[: 1 + i] for i, x in enumerate(X)]
    n_filters = 4 if architecture == "inception" else (4, 6)
    full, mixed, auto = (
        cnn(architecture=architecture, n_filters=n_filters, amp=amp).fit(rows, y)
        for amp in (False, True, "auto")
    )
    a, b, c = (clf.predict_proba(rows) for clf in (full, mixed, auto))
    assert not np.array_equal(a, b)
    np.testing.assert_allclose(a, b, atol=0.1)
    assert b.dtype == np.float32
    has_units = wants_mixed("auto", torch.float32, "cpu", on_cpu=True)
    np.testing.assert_array_equal(b if has_units else a, c)
    exact = [cnn(dtype="float64", amp=amp).fit(X, y).predict_proba(X) for amp in (False, "auto")]
    np.testing.assert_array_equal(*exact)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_in_mixed_precision(activation):
    clf = cnn(architecture="lenet", activation=activation, hidden_layer_sizes=(8,))
    full, mixed = (clf.set_params(amp=amp).fit(X, y).predict_proba(X) for amp in (False, True))
    assert not np.array_equal(full, mixed)
    np.testing.assert_allclose(full, mixed, atol=0.02)


def test_planned_epochs():
    assert cnn(max_iter="auto", n_filters=(2,)).fit(X, y).n_iter_ == 300
    many = np.zeros((3000, 4, 1), "f4")
    clf = cnn(max_iter="auto", n_filters=(1,)).fit(many, np.arange(3000) % 2)
    assert clf.n_iter_ == 12


def test_precision():
    for rows, dtype in ((X.astype(float), "float32"), (X[:, :, 0].astype(float), "float64")):
        assert str(cnn().fit(rows, y).net_.dtype) == f"torch.{dtype}"
    assert cnn(dtype="float64").fit(X, y).predict_proba(X).dtype == np.float64


def test_standardised_inside():
    a = cnn().fit(PICTURES, y).predict_proba(PICTURES)
    b = cnn().fit(50 * PICTURES + 7, y).predict_proba(50 * PICTURES + 7)
    np.testing.assert_allclose(a, b, atol=1e-3)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_skorch_callbacks_with_series_of_unequal_length():
    from skorch.callbacks import LRScheduler

    series = [x[: 1 + i % 12] for i, x in enumerate(X)]
    callback = LRScheduler(policy="StepLR", step_size=1, gamma=0.5)
    clf = cnn(skorch_callbacks=[callback], learning_rate="constant").fit(series, y)
    assert clf.n_iter_ == 3


def test_grid_search_over_pictures():
    search = GridSearchCV(cnn(max_iter=2), {"n_filters": [(2,), (3, 4)]}, cv=2).fit(PICTURES, y)
    assert len(search.cv_results_["mean_test_score"]) == 2


@pytest.mark.parametrize("bytes_", [False, True])
def test_rows_that_do_not_fit_the_device_come_batch_by_batch(monkeypatch, bytes_):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 255, (60, 8, 8, 1)).astype("u1" if bytes_ else "f4")
    y = np.arange(60) % 3
    params = {"max_iter": 2, "batch_size": 16, "random_state": 0, "device": "cpu"}
    expected = CNNClassifier(**params).fit(X, y)
    asked = []
    monkeypatch.setattr("skdeep.inputs.arrays.fits", lambda size, device: asked.append(size))
    found = CNNClassifier(**params).fit(X, y)
    assert asked[0] == X.nbytes
    np.testing.assert_array_equal(found.predict_proba(X), expected.predict_proba(X))


# --- functions of the user's as augmentations --------------------------------------------------


class Shifted:
    """Adds 1 to each number and remembers what it was given."""

    def __init__(self):
        self.seen = []

    def __call__(self, x):
        self.seen.append(x)
        return x + 1.0


@pytest.mark.parametrize("rows", [PICTURES, (PICTURES * 20 + 128).clip(0, 255).astype("u1")])
def test_a_function_changes_training_rows_alone(rows):
    change = Shifted()
    clf = cnn(augment=change, max_iter=2, batch_size=16).fit(rows, y)
    assert sum(map(len, change.seen)) == 2 * len(rows)
    batch = change.seen[0]
    assert batch.shape[1:] == (3, 8, 6) and batch.dtype == torch.float32
    first = np.moveaxis(rows, -1, 1).astype("f4")
    assert all((first == b.numpy()).all((1, 2, 3)).any() for b in batch)  # in the units of X
    n_seen = len(change.seen)
    moved = cnn(augment=None, max_iter=2, batch_size=16).fit(rows, y)
    assert not np.array_equal(clf.predict_proba(rows), moved.predict_proba(rows))
    assert len(change.seen) == n_seen


def test_functions_and_names_together():
    change = Shifted()
    a = cnn(augment=[change, "flip"], max_iter=2).fit(PICTURES, y).predict_proba(PICTURES)
    b = cnn(augment=["flip", change], max_iter=2).fit(PICTURES, y).predict_proba(PICTURES)
    np.testing.assert_array_equal(a, b)  # functions see the rows as they are
    again = pickle.loads(pickle.dumps(cnn(augment=torch.flip, max_iter=2)))
    assert again.augment is torch.flip


def test_a_model_with_a_function_pickles():
    clf = cnn(augment=torch.nan_to_num, max_iter=2).fit(PICTURES, y)
    same = pickle.loads(pickle.dumps(clf)).predict_proba(PICTURES)
    np.testing.assert_array_equal(same, clf.predict_proba(PICTURES))


@pytest.mark.parametrize(
    "change, got",
    [(lambda x: x[:, :, 1:], r"shape \(\d+, 3, 7, 6\)"), (lambda x: 3, "a <class 'int'>")],
)
def test_what_a_function_returns_is_checked(change, got):
    with pytest.raises(ValueError, match=rf"augment=.* and returned {got}: expected a Tensor"):
        cnn(augment=change, max_iter=2).fit(PICTURES, y)
