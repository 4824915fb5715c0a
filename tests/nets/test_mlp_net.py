"""Blocks and initial weights."""

import math

import numpy as np
import pytest
import torch

from skdeep.nets.blocks import (
    ACTIVATIONS,
    Dropout,
    GaussianNoise,
    Linear,
    MLPNet,
    initialize,
    set_generator,
)


def test_building_draws_nothing():
    before = torch.random.get_rng_state()
    MLPNet((4, 8, 8, 2), dropout=0.5, normalization="batch", input_noise=0.1)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_bend(name):
    net = MLPNet((1, 4, 1), name).double()
    initialize(net, "auto", np.random.RandomState(0))
    x = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    y = net(x).detach()
    bend = (y[2:] - 2 * y[1:-1] + y[:-2]).abs().max()
    assert (bend < 1e-12) == (name == "identity")


def test_dropout_rate_scale_and_generator():
    layer = Dropout(0.3).train()
    x = torch.ones(200, 500)
    assert layer(x) is x  # nobody handed it a generator
    layer.generator = torch.Generator().manual_seed(0)
    y = layer(x)
    share = (y == 0).float().mean().item()
    assert abs(share - 0.3) < 4 * math.sqrt(0.3 * 0.7 / x.numel())
    torch.testing.assert_close(y.max().item(), 1 / 0.7)
    layer.generator.manual_seed(0)
    assert torch.equal(y, layer(x))
    assert layer.eval()(x) is x


def test_noise_scale():
    layer = GaussianNoise(0.5).train()
    set_generator(layer, torch.Generator().manual_seed(0))
    added = layer(torch.zeros(400, 400))
    assert abs(added.std().item() - 0.5) < 0.01
    assert abs(added.mean().item()) < 0.01


@pytest.mark.parametrize(
    "scheme, variance",
    [
        ("xavier_uniform", 2 / 700),
        ("xavier_normal", 2 / 700),
        ("he_uniform", 2 / 400),
        ("he_normal", 2 / 400),
        ("auto", 2 / 700),
    ],
)
def test_variance_of_initial_weights(scheme, variance):
    layer = Linear(400, 300)
    initialize(layer, scheme, np.random.RandomState(0))
    assert abs(layer.weight.var().item() / variance - 1) < 0.02
    assert bool(layer.bias.abs().sum() == 0) == (scheme != "auto")


@pytest.mark.parametrize("shape", [(30, 50), (50, 30), (40, 40)])
def test_orthogonal(shape):
    layer = Linear(*shape).double()
    initialize(layer, "orthogonal", np.random.RandomState(0))
    w = layer.weight.detach()
    small = w @ w.T if w.shape[0] < w.shape[1] else w.T @ w
    torch.testing.assert_close(small, torch.eye(len(small), dtype=torch.float64))
