"""Trunks: shapes, padding, weights of rows, initial weights."""

import copy

import numpy as np
import pytest
import torch

from skdeep.nets import trunks
from skdeep.nets.batch_norm import BatchNorm, set_row_weight
from skdeep.nets.conv import Standardize, draw_weights, mask_of
from skdeep.nets.trunks import TRUNKS, LeNet

SHAPES = [(1, 1), (2, 3), (1, 50), (3, None), (1, 28, 28), (3, 66, 64), (1, 8, 8), (1, 1, 1)]
CASES = [(n, s) for n in TRUNKS for s in SHAPES if not (n == "inception" and len(s) == 3)]


def make(name, shape):
    net = TRUNKS[name](shape).double()
    draw_weights(net, np.random.RandomState(0))
    x = torch.randn(4, *(n or 13 for n in shape), generator=torch.Generator().manual_seed(0))
    x, mask = x.double(), None
    if None in shape:
        mask = mask_of(x, torch.tensor([13, 7, 1, 13]))
        x = x * mask
    return net, x, mask


@pytest.mark.parametrize("name, shape", CASES)
def test_output_and_gradient(name, shape):
    net, x, mask = make(name, shape)
    out = net(x, mask)
    assert out.shape == (4, net.width)

    def loss():
        return net(x, mask).sin().sum()  # a sum of squares after batch normalisation is constant

    loss().backward()
    parameters = list(net.parameters())
    assert all(p.grad is not None for p in parameters)
    g = torch.Generator().manual_seed(0)
    ways = [torch.randn(p.shape, generator=g).double() for p in parameters]
    values = []
    with torch.no_grad():
        for step in (1e-9, -2e-9):
            for p, way in zip(parameters, ways):
                p.add_(way, alpha=step)
            values.append(loss())
    slope = sum((p.grad * way).sum() for p, way in zip(parameters, ways))
    torch.testing.assert_close((values[0] - values[1]) / 2e-9, slope, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", TRUNKS)
def test_padding_changes_nothing(name):
    net, x, mask = make(name, (3, None))
    padded = net.eval()(x, mask)
    for i, length in enumerate([13, 7, 1, 13]):
        torch.testing.assert_close(net(x[i : i + 1, :, :length]), padded[i : i + 1])


@pytest.mark.parametrize("name, shape", CASES)
def test_a_weight_is_a_repeated_row(name, shape):
    net, x, mask = make(name, shape)
    twin, repeated = copy.deepcopy(net), [0, 1, 1, 2, 3]
    set_row_weight(net, torch.tensor([1.0, 2.0, 1.0, 1.0]))
    expected = twin(x[repeated], None if mask is None else mask[repeated])
    torch.testing.assert_close(net(x, mask)[repeated], expected)
    for mine, other in zip(net.buffers(), twin.buffers()):
        torch.testing.assert_close(mine, other)


@pytest.mark.parametrize("name", ["resnet", "inception"])
def test_order_in_memory_changes_nothing(name, monkeypatch):
    results = []
    for plain in (False, True):
        net, x, mask = make(name, (3, None))
        if plain:
            monkeypatch.setattr(trunks, "as_images", lambda x, mask: (x, mask))
        out, maps = net(x, mask), net.maps(x, mask)
        out.square().sum().backward()
        results.append([out, maps, *(p.grad for p in net.parameters()), *net.buffers()])
    torch.testing.assert_close(*results)


@pytest.mark.parametrize("given", ["mask", "weight"])
def test_moments_of_a_mixed_batch_are_exact(given):
    """Sums over 2,001 numbers of 8 bits need more than 8 bits."""
    x = torch.randn(3, 4, 667, generator=torch.Generator().manual_seed(0)).bfloat16() + 2
    mixed, exact = BatchNorm(4), BatchNorm(4).double()
    mask = torch.ones(3, 1, 667) if given == "mask" else None
    for norm in (mixed, exact):
        norm.row_weight = torch.ones(3) if given == "weight" else None
    out = mixed(x, mask)
    assert out.dtype == torch.bfloat16
    expected = exact(x.double(), None if mask is None else mask.double())
    torch.testing.assert_close(out, expected.bfloat16(), rtol=1e-2, atol=1e-2)
    for name in ("running_mean", "running_var"):
        got, wanted = getattr(mixed, name), getattr(exact, name)
        torch.testing.assert_close(got, wanted.float(), rtol=1e-5, atol=1e-6)


def test_batch_norm_is_torchs():
    x = torch.randn(5, 3, 7, generator=torch.Generator().manual_seed(0))
    ours, torchs = BatchNorm(3), torch.nn.BatchNorm1d(3)
    weighted = BatchNorm(3)
    weighted.row_weight = torch.ones(5)
    expected = torchs(x)
    for norm in (ours, weighted):
        torch.testing.assert_close(norm(x), expected)
        torch.testing.assert_close(norm.running_var, torchs.running_var)
        torch.testing.assert_close(norm.eval()(x), torchs.eval()(x))
        torchs.train()


@pytest.mark.parametrize("activation", ["tanh", "relu", "logistic"])
def test_pooling_before_a_monotone_activation_is_the_same(activation):
    net = LeNet((1, 12, 12), (4, 5), 3, activation, hidden_layer_sizes=(6,)).double()
    draw_weights(net, np.random.RandomState(0))
    x = torch.randn(3, 1, 12, 12, generator=torch.Generator().manual_seed(0)).double()
    assert net.pools_first
    first = net(x)
    net.pools_first = False
    torch.testing.assert_close(net(x), first)


def test_lenet_is_the_plain_stack():
    net = LeNet((1, 28, 28), (20, 50), 5, "tanh", hidden_layer_sizes=(500,))
    draw_weights(net, np.random.RandomState(0))
    x = torch.randn(2, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    conv = torch.nn.functional.conv2d
    pool = torch.nn.functional.max_pool2d
    y = pool(torch.tanh(conv(x, net.convs[0].weight, net.convs[0].bias)), 2)
    y = pool(torch.tanh(conv(y, net.convs[1].weight, net.convs[1].bias)), 2)
    y = torch.tanh(y.flatten(1) @ net.linears[0].weight.T + net.linears[0].bias)
    torch.testing.assert_close(net(x), y)


def test_draw_weights_draws_from_the_generator_alone():
    state = torch.random.get_rng_state()
    nets = [TRUNKS["resnet"]((1, 20)) for _ in range(2)]
    for net in nets:
        draw_weights(net, np.random.RandomState(1))
    assert torch.equal(state, torch.random.get_rng_state())
    for a, b in zip(*(net.parameters() for net in nets)):
        assert torch.equal(a, b)
    weight = nets[0].blocks[1].layers[0].conv.weight
    assert float(weight.detach().std()) == pytest.approx((2 / (64 * 7)) ** 0.5, rel=0.02)


def test_standardize_takes_bytes_and_missing_numbers():
    layer = Standardize(2)
    layer.mean.copy_(torch.tensor([10.0, 0.0]))
    layer.scale.copy_(torch.tensor([0.5, 1.0]))
    bytes_ = torch.tensor([[[14], [3]]], dtype=torch.uint8)
    assert layer(bytes_).tolist() == [[[2.0], [3.0]]]
    layer.has_missing = True
    assert layer(torch.tensor([[[float("nan")], [1.0]]])).tolist() == [[[0.0], [1.0]]]
