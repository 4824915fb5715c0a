"""VariationalAutoencoder: what each option does, and what makes no sense."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.utils.estimator_checks import (
    check_sample_weight_equivalence_on_dense_data,
)

from skdeep import VariationalAutoencoder

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

QUICK = {"random_state": 0, "device": "cpu", "learning_rate": "cosine", "tol": 0}


def error(net, X, target=None):
    return np.square(net.reconstruct(X) - (X if target is None else target)).mean()


def test_bound_of_a_model_whose_likelihood_is_known():
    """Where rows do not depend on the code, the likelihood is that of the output alone."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(500, 3)) * [0.5, 1.0, 2.0]
    vae = VariationalAutoencoder(2, n_draws=10, max_iter=1, random_state=0, device="cpu").fit(X)
    module = vae.net_.module_
    with torch.no_grad():
        for linear in (*module.encoder[-1:], *module.decoder):
            linear.weight.zero_()
            linear.bias.zero_()
        variance = torch.tensor([0.25, 1.0, 4.0], dtype=torch.float64)
        module.spread.copy_(torch.log(torch.expm1((variance - 0.05**2) * np.log(2))))
    exact = -0.5 * (X**2 / [0.25, 1, 4] + np.log(2 * np.pi * np.array([0.25, 1, 4]))).sum(1)
    np.testing.assert_allclose(vae.score_samples(X), exact, rtol=1e-9)


def test_without_hidden_layers_all_maps_are_linear():
    X = np.random.RandomState(0).normal(size=(60, 4))
    vae = VariationalAutoencoder(2, hidden_layer_sizes=(), max_iter=3, random_state=0).fit(X)
    codes = vae.transform(X)
    np.testing.assert_allclose(vae.transform((X[:30] + X[30:]) / 2), (codes[:30] + codes[30:]) / 2)
    np.testing.assert_allclose(vae.inverse_transform(codes), vae.reconstruct(X))


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
def test_vae_learns_and_samples(digits, likelihood):
    X, X_test, *_ = digits
    vae = VariationalAutoencoder(
        8, likelihood=likelihood, max_iter=40, learning_rate_init=0.005, **QUICK
    ).fit(X)
    assert vae.score_samples(X_test).mean() > vae.score_samples(1 - X_test).mean() + 20
    assert np.square(vae.reconstruct(X_test) - X_test).mean() < 0.6 * X_test.var(0).mean()
    np.testing.assert_allclose(
        vae.inverse_transform(vae.transform(X_test)), vae.reconstruct(X_test), atol=1e-12
    )
    rows = vae.sample(500, random_state=0)
    np.testing.assert_array_equal(rows, vae.sample(500, random_state=0))
    np.testing.assert_array_equal(vae.sample(5), vae.sample(5))  # by the seed of the estimator
    assert not np.array_equal(vae.sample(5), vae.sample(5, random_state=np.random.RandomState(1)))
    assert np.corrcoef(rows.mean(0), X.mean(0))[0, 1] > 0.95
    draws = vae.sample(500, random_state=0, mean=False)
    assert draws.std(0).mean() > rows.std(0).mean()
    if likelihood == "bernoulli":
        assert set(np.unique(draws)) == {0.0, 1.0}


def test_more_draws_tighten_the_bound(digits):
    X = digits[0]
    vae = VariationalAutoencoder(4, likelihood="bernoulli", max_iter=20, **QUICK).fit(X)
    bounds = [vae.set_params(n_draws=n).score_samples(X[:200]).mean() for n in (1, 10, 200)]
    assert bounds[0] < bounds[1] < bounds[2]


def test_beta_limits_what_codes_say(digits):
    X = digits[0]
    spread = [
        VariationalAutoencoder(4, likelihood="bernoulli", beta=beta, max_iter=30, **QUICK)
        .fit(X)
        .transform(X)
        .std(0)
        .mean()
        for beta in (0.1, 20.0)
    ]
    assert spread[1] < 0.5 * spread[0]


def test_without_drawn_codes_nothing_is_random_and_weights_are_repetitions(digits):
    X, X_test, *_ = digits
    options = {"likelihood": "bernoulli", "max_iter": 40, "learning_rate_init": 0.005}
    drawn, held = (
        VariationalAutoencoder(8, draw_codes=draw, **options, **QUICK).fit(X)
        for draw in (True, False)
    )
    assert error(held, X_test) < 0.9 * error(drawn, X_test)
    assert np.isfinite(held.score_samples(X_test)).all()
    for name in ("gaussian", "bernoulli"):
        vae = VariationalAutoencoder(draw_codes=False, likelihood=name, max_iter=40)
        if name == "gaussian":  # the data of the check are no probabilities
            check_sample_weight_equivalence_on_dense_data("VariationalAutoencoder", vae)
        weight = np.arange(100) % 3
        common = vae.set_params(random_state=0, device="cpu", max_iter=5)
        weighted = clone(common).fit(X[:100], sample_weight=weight)
        repeated = clone(common).fit(np.repeat(X[:100], weight, axis=0))
        np.testing.assert_allclose(weighted.transform(X), repeated.transform(X), rtol=1e-6)


def test_vae_refuses():
    X = np.random.RandomState(0).normal(size=(20, 3))
    with pytest.raises(ValueError, match=r"likelihood='bernoulli' needs values in \[0, 1\]"):
        VariationalAutoencoder(likelihood="bernoulli").fit(X)
    vae = VariationalAutoencoder(2, max_iter=1, device="cpu").fit(X)
    with pytest.raises(ValueError, match="n_samples=0"):
        vae.sample(0)
