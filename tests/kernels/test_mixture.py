"""A network and a linear model on kernels as one estimator."""

import pickle

import numpy as np
import pytest
import torch
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.linear_model import Ridge

from skdeep import CNNClassifier, CNNRegressor, LSTMClassifier, LSTMRegressor, persistence
from skdeep.kernels.head import ALPHAS, choose_weight, fit_head, head_scores, mixed
from skdeep.preprocessing import RandomKernels

FEW = RandomKernels(n_kernels=336, n_groups=2)
CNN = {"n_filters": 4, "max_iter": 2, "random_state": 0, "device": "cpu", "amp": False}
LSTM = {"hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0, "device": "cpu"}


def waves(n=48, length=40, classes=3, seed=0):
    """Series whose frequency is their class."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    t = np.arange(length) + rng.uniform(0, 60, (n, 1))
    X = np.sin(t / (2 + 0.8 * y[:, None])) + 0.4 * rng.normal(size=(n, length))
    return X[:, :, None], y


def features(n=30, width=50, seed=0):
    return np.random.default_rng(seed).normal(size=(n, width)).astype(np.float32)


def test_left_out_scores_are_those_of_models_without_the_row():
    F, y = features(), features(width=2, seed=1)[:, :2]
    weight = np.random.default_rng(2).uniform(0.5, 2, 30)
    fit = fit_head(F, y, weight, "identity")
    Z = (F - fit.state["mean"]) * fit.state["scale"]
    alphas, errors = [], []
    for alpha in ALPHAS:
        out = []
        for row in range(30):
            kept = np.arange(30) != row
            ridge = Ridge(alpha).fit(Z[kept], y[kept], sample_weight=weight[kept])
            out.append(ridge.predict(Z[[row]])[0])
        alphas.append(np.array(out))
        errors.append(np.average((alphas[-1] - y) ** 2, axis=0, weights=weight).mean())
    best = min(range(len(ALPHAS)), key=errors.__getitem__)
    np.testing.assert_allclose(fit.left_out, alphas[best], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("activation", ["softmax", "logistic"])
def test_scores_are_as_sharp_as_left_out_rows_allow(activation):
    rng = np.random.default_rng(0)
    F = features(200, 30)
    noisy = F[:, 0] + 1.5 * rng.normal(size=200) > 0
    target = noisy.astype(int) if activation == "softmax" else noisy[:, None].astype(float)
    fit = fit_head(F, target, None, activation)

    def loss(factor):
        raw = fit.left_out * factor
        p = softmax(raw, 1)[:, 1] if activation == "softmax" else expit(raw[:, 0])
        return -np.where(noisy, np.log(p), np.log(1 - p)).mean()

    assert loss(1.0) < min(loss(0.7), loss(1.4))
    assert (fit.left_out != head_scores(fit.state, F)).all()


def test_scores_of_separated_classes_stay_finite():
    F, y = features(40, 5), np.arange(40) % 2
    F[:, 0] = 4 * y
    scores = head_scores(fit_head(F, y, None, "softmax").state, F)
    assert np.isfinite(scores).all()
    assert (scores.argmax(1) == y).all()


@pytest.mark.parametrize(
    ("activation", "predict"),
    [
        ("softmax", lambda r: softmax(r, 1)),
        ("logistic", expit),
        ("identity", np.asarray),
    ],
)
def test_predictions_are_averaged(activation, predict):
    raw, scores = torch.as_tensor(np.random.default_rng(0).normal(size=(2, 6, 3)))
    out = mixed(raw, scores, 0.3, activation).numpy()
    raw, scores = raw.numpy(), scores.numpy()
    np.testing.assert_allclose(predict(out), 0.3 * predict(scores) + 0.7 * predict(raw), rtol=1e-9)


def test_the_weight_follows_the_better_model_with_the_number_of_rows():
    rng = np.random.default_rng(0)
    chosen = []
    for n in (4, 40, 400):
        y = torch.as_tensor(rng.integers(0, 2, n))
        good, bad = 4.0 * torch.eye(2)[y], torch.zeros(n, 2)
        chosen.append(choose_weight(bad, good, y, None, "softmax"))
        assert choose_weight(good, bad, y, None, "softmax") == pytest.approx(1 - chosen[-1])
    assert 0.5 <= chosen[0] < chosen[1] <= chosen[2] == pytest.approx(0.95)


@pytest.mark.parametrize(("cls", "params"), [(CNNClassifier, CNN), (LSTMClassifier, LSTM)])
@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities_are_those_of_network_and_linear_model(classes, cls, params):
    X, y = waves(classes=classes)
    both = cls(kernels=FEW, **params).fit(X, y)
    network = cls(kernels=None, **params).fit(X, y)
    assert network.kernels_ is None
    assert (network.kernel_weight_, both.kernel_weight_) == (0.0, 0.5)
    scores = head_scores(both._kernel_head, both.kernels_.transform(X))
    linear = softmax(scores, 1) if classes == 3 else np.c_[1 - expit(scores), expit(scores)]
    wanted = (linear + network.predict_proba(X)) / 2
    np.testing.assert_allclose(both.predict_proba(X), wanted, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(both.transform(X), network.transform(X))
    np.testing.assert_array_equal(both.saliency(X), network.saliency(X))


def test_few_series_are_learnt():
    (X, y), (X_new, y_new) = waves(30), waves(60, seed=1)
    clf = CNNClassifier(kernels="auto", **CNN).fit(X, y)
    network = CNNClassifier(kernels=None, **CNN).fit(X, y)
    assert clf.score(X_new, y_new) > max(0.9, network.score(X_new, y_new))


def test_numbers_and_several_labels():
    X, y = waves(60)
    reg = CNNRegressor(kernels="auto", **CNN).fit(X, 100.0 * y)
    assert reg.score(X, 100.0 * y) > CNNRegressor(kernels=None, **CNN).fit(X, 100.0 * y).score(
        X, 100.0 * y
    )
    two = CNNRegressor(kernels=FEW, **CNN).fit(X, np.c_[y, -y])
    assert two.predict(X).shape == (60, 2)
    several = CNNClassifier(kernels=FEW, **CNN).fit(X, np.c_[y == 0, y == 1].astype(int))
    assert several.predict_proba(X).shape == (60, 2)


def test_recurrent_networks():
    X, y = waves(60)
    flat = list(X[..., 0])
    unequal = [x[: 20 + i % 20] for i, x in enumerate(flat)]
    for rows in (X, X[..., 0], flat, unequal):
        clf = LSTMClassifier(kernels=FEW, **LSTM).fit(rows, y)
        assert clf.score(rows, y) > 0.9
        clf.set_params(kernels="auto").fit(rows, y)
        assert (clf.kernels_ is not None) == (rows is X or rows is unequal)  # no matrices
    ids = np.random.default_rng(0).integers(1, 9, (60, 20))
    tokens = LSTMClassifier(kernels="auto", vocabulary_size="auto", **LSTM).fit(ids, y)
    assert tokens.kernels_ is None
    reg = LSTMRegressor(kernels=FEW, **LSTM).fit(X, 100.0 * y)
    assert reg.score(X, 100.0 * y) > 0.7
    assert LSTMRegressor(kernels="auto", loss="huber", **LSTM).fit(X, y).kernels_ is None


def test_a_warm_start_fits_the_linear_model_again():
    (X, y), (X_new, y_new) = waves(40), waves(80, seed=1)
    clf = LSTMClassifier(kernels=FEW, warm_start=True, **LSTM).fit(X, y)
    first = clf._kernel_head["coef"]
    clf.fit(X_new, y_new)
    assert clf._kernel_head["coef"].shape == first.shape
    assert not np.array_equal(clf._kernel_head["coef"], first)
    clf.set_params(kernels=None).fit(X, y)
    assert clf.kernels_ is None


def test_lengths_missing_values_weights_and_seeds():
    X, y = waves()
    ragged = [x[: 20 + i % 20] for i, x in enumerate(X)]
    holes = X.copy()
    holes[::3, 5:8] = np.nan
    for rows, own in ((ragged, {}), (holes, {"missing": "mask"}), (X[..., 0], {})):
        clf = CNNClassifier(kernels=FEW, **CNN, **own)
        one = clf.fit(rows, y, sample_weight=1.0 + y).predict_proba(rows)
        again = clone(clf).fit(rows, y, sample_weight=1.0 + y).predict_proba(rows)
        np.testing.assert_array_equal(one, again)
        assert np.isfinite(one).all()


def test_held_out_rows_choose_the_weight():
    X, y = waves(60)
    clf = CNNClassifier(kernels="auto", **CNN).fit(
        X, y, X_val=waves(90, seed=3)[0], y_val=np.arange(90) % 3
    )
    assert clf.kernel_weight_ > 0.7  # a network of two epochs knows little
    assert CNNClassifier(kernels=FEW, early_stopping=True, **CNN).fit(X, y).kernel_weight_ != 0.0


def test_where_auto_leaves_kernels_out():
    X, y = waves()
    for rows, target in (
        (X[:, :8], y),
        (X[:8], y[:8]),
        (X[..., 0], y),
        (X.reshape(48, 8, 5, 1), y),
        (X, 0 * y),
    ):
        assert (
            CNNClassifier(
                "lenet", kernel_size=2, pool_size=1, kernels="auto", max_iter=1, device="cpu"
            )
            .fit(rows, target)
            .kernels_
            is None
        )
    assert CNNRegressor(loss="absolute_error", kernels="auto", **CNN).fit(X, y).kernels_ is None


def test_errors():
    X, y = waves()
    with pytest.raises(ValueError, match="is for series, and X holds images"):
        CNNClassifier(kernels=FEW, max_iter=1).fit(X.reshape(48, 8, 5, 1), y)
    with pytest.raises(ValueError, match="with loss='absolute_error' expected None"):
        CNNRegressor(kernels=FEW, loss="absolute_error").fit(X, y)
    with pytest.raises(ValueError, match="is for series, and X holds token ids"):
        LSTMClassifier(kernels=FEW, vocabulary_size="auto").fit(np.ones((6, 20), int), y[:6])
    with pytest.raises(ValueError, match="'kernels' parameter of CNNClassifier"):
        CNNClassifier(kernels="all").fit(X, y)


def test_files(tmp_path):
    X, y = waves()
    clf = CNNClassifier(kernels=FEW, **CNN).fit(X, y)
    wanted = clf.predict_proba(X)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(clf)).predict_proba(X), wanted)
    persistence.save(clf, tmp_path / "model")
    np.testing.assert_array_equal(persistence.load(tmp_path / "model").predict_proba(X), wanted)
