"""RBM: what each option does, and what makes no sense."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import (
    check_sample_weight_equivalence_on_dense_data,
    check_sample_weight_equivalence_on_sparse_data,
)

from skdeep import RBM, MLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("visible", ["bernoulli", "gaussian"])
def test_free_energy_is_that_of_a_sum_over_all_states(visible):
    rng = np.random.RandomState(0)
    X = rng.uniform(size=(30, 5)) if visible == "bernoulli" else rng.normal(size=(30, 5))
    rbm = RBM(4, visible=visible, max_iter=3, random_state=0, device="cpu").fit(X)
    W, b, c = rbm.components_, rbm.intercept_visible_, rbm.intercept_hidden_
    for v, score in zip(X, rbm.score_samples(X)):
        total = 0.0
        for state in range(16):
            h = np.array([state >> i & 1 for i in range(4)])
            energy = -h @ W @ v - c @ h
            energy += -b @ v if visible == "bernoulli" else 0.5 * np.sum((v - b) ** 2)
            total += np.exp(-energy)
        assert score == pytest.approx(np.log(total))


@pytest.mark.parametrize("method", ["cd", "pcd"])
def test_a_step_is_that_of_a_numpy_loop(method):
    rng = np.random.RandomState(0)
    X = (rng.uniform(size=(6, 5)) < 0.5).astype(float)
    options = {
        "method": method, "batch_size": 6, "shuffle": False, "learning_rate_init": 0.1,
        "random_state": 0, "device": "cpu",
    }  # fmt: skip
    start = RBM(3, max_iter=1, **options).fit(X)
    W, b, c = (
        np.array(a) for a in (start.components_, start.intercept_visible_, start.intercept_hidden_)
    )
    chains = start.net_.module_.chains.numpy().copy()
    generator = torch.Generator()
    after = start.partial_fit(X)
    generator.manual_seed(int(np.random.RandomState(0).randint(2**31 - 1)))

    def flip(p):
        return torch.empty(p.shape, dtype=torch.float64).uniform_(generator=generator).numpy() < p

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    v = (X if method == "cd" else chains).astype(float)
    h = flip(sigmoid(v @ W.T + c)).astype(float)
    v = flip(sigmoid(h @ W + b)).astype(float)
    for i in range(3):
        for j in range(5):
            data = np.mean([sigmoid(W[i] @ x + c[i]) * x[j] for x in X])
            model = np.mean([sigmoid(W[i] @ x + c[i]) * x[j] for x in v])
            assert after.components_[i, j] == pytest.approx(W[i, j] + 0.1 * (data - model))
    expected = b + 0.1 * (X.mean(0) - v.mean(0))
    np.testing.assert_allclose(after.intercept_visible_, expected)


@pytest.mark.parametrize("visible", ["bernoulli", "gaussian"])
def test_means_instead_of_states(digits, visible):
    """Mean-field contrastive divergence: the step of a loop, and weights are repetitions."""
    X = digits[0][:60]
    options = {"method": "cd", "draw_states": False, "batch_size": 1000, "visible": visible}
    options |= {"learning_rate_init": 0.1, "max_iter": 1, "device": "cpu", "random_state": 0}
    start = RBM(5, **options).fit(X)
    W, b, c = (
        np.array(a) for a in (start.components_, start.intercept_visible_, start.intercept_hidden_)
    )

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    after = start.partial_fit(X)
    h = sigmoid(X @ W.T + c)
    v = h @ W + b if visible == "gaussian" else sigmoid(h @ W + b)
    h_again = sigmoid(v @ W.T + c)
    step = (h.T @ X - h_again.T @ v) / len(X)
    np.testing.assert_allclose(after.components_, W + 0.1 * step, rtol=1e-9)
    np.testing.assert_allclose(after.intercept_hidden_, c + 0.1 * (h - h_again).mean(0))
    weight = np.arange(60) % 3
    again = clone(start).set_params(max_iter=5)
    weighted = clone(again).fit(X, sample_weight=weight)
    repeated = again.fit(np.repeat(X, weight, axis=0))
    np.testing.assert_allclose(weighted.transform(X), repeated.transform(X), rtol=1e-9)


def test_means_pass_the_check_of_weights_and_learn(digits):
    X, X_test, *_ = digits
    options = {"method": "cd", "draw_states": False}
    check_sample_weight_equivalence_on_dense_data("RBM", RBM(batch_size=1000, **options))
    check_sample_weight_equivalence_on_sparse_data("RBM", RBM(batch_size=1000, **options))
    rbm = RBM(64, max_iter=30, random_state=0, device="cpu", **options).fit(X)
    restored = rbm.inverse_transform(rbm.transform(X_test))
    assert np.square(restored - X_test).mean() < 0.5 * X_test.var(0).mean()
    with pytest.raises(ValueError, match="draw_states=False needs method='cd'"):
        RBM(draw_states=False).fit(X)


def test_rbm_learns_a_distribution():
    """Two bits that are always equal, a third that is not: what is sampled says the same."""
    rng = np.random.RandomState(0)
    a = rng.randint(0, 2, 500)
    X = np.column_stack([a, a, rng.randint(0, 2, 500)]).astype(float)
    rbm = RBM(8, learning_rate_init=0.1, max_iter=60, random_state=0, device="cpu").fit(X)
    good, bad = rbm.score_samples([[0, 0, 1], [1, 1, 1]]), rbm.score_samples([[0, 1, 1], [1, 0, 1]])
    assert good.min() > bad.max() + 1
    rows = rbm.gibbs(X, 50)
    assert (rows[:, 0] == rows[:, 1]).mean() > 0.85
    assert rows[:, 2].mean() == pytest.approx(0.5, abs=0.1)


def test_rbm_starts_an_mlp(digits):
    X, X_test, y, y_test = digits
    rbm = RBM(100, max_iter=15, random_state=0, device="cpu").fit(X)
    mlp = MLPClassifier((100,), "logistic", warm_start=True, max_iter=1, random_state=0)
    with warnings.catch_warnings(category=ConvergenceWarning, action="ignore"):
        mlp.fit(X, y)
        scratch = clone(mlp).set_params(max_iter=6).fit(X, y).score(X_test, y_test)
        mlp.coefs_ = [rbm.components_.T, mlp.coefs_[1]]
        mlp.intercepts_ = [rbm.intercept_hidden_, mlp.intercepts_[1]]
        started = mlp.set_params(max_iter=5).fit(X, y).score(X_test, y_test)
    assert started > scratch


def test_rbm_kinds_of_visible_units(digits):
    X = digits[0]
    assert RBM(5, max_iter=1).fit(X).visible_ == "bernoulli"
    scaled = StandardScaler().fit_transform(X)
    gaussian = RBM(50, max_iter=20, random_state=0, device="cpu").fit(scaled)
    assert gaussian.visible_ == "gaussian"
    restored = gaussian.inverse_transform(gaussian.transform(scaled))
    assert np.square(restored - scaled).mean() < 0.9 * np.square(scaled).mean()
    with pytest.raises(ValueError, match=r"visible='bernoulli' needs values in \[0, 1\]"):
        RBM(visible="bernoulli").fit(scaled)
    with pytest.raises(ValueError, match="n_steps=0"):
        gaussian.gibbs(scaled, 0)


@pytest.mark.slow
def test_rbm_features_of_moved_digits():
    """scikit-learn's example: features of a machine under logistic regression."""
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import minmax_scale

    X, y = load_digits(return_X_y=True)
    square = X.reshape(-1, 8, 8)
    moved = [square]
    for axis, cut, end in ((1, slice(1, None), 7), (1, slice(None, 7), 0),
                           (2, slice(1, None), 7), (2, slice(None, 7), 0)):  # fmt: skip
        kept = square[:, cut] if axis == 1 else square[:, :, cut]
        moved.append(np.insert(kept, end, 0, axis=axis))
    X, y = minmax_scale(np.concatenate(moved).reshape(-1, 64)), np.tile(y, 5)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=0)
    rbm = RBM(100, learning_rate_init=0.06, max_iter=10, random_state=0, device="cpu")
    pipe = make_pipeline(rbm, LogisticRegression(C=6000, max_iter=1000)).fit(X_train, y_train)
    assert pipe.score(X_test, y_test) >= 0.92
