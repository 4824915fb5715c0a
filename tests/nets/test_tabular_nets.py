"""Layers of members side by side: derivatives, embeddings, initial weights."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from skdeep.nets import realmlp, tabm
from skdeep.nets.blocks import Dropout
from skdeep.nets.realmlp import PARAMETRIC, ParametricActivation
from skdeep.nets.tabm import LevelEmbedding

PLAIN = {"selu": torch.selu, "mish": F.mish, "relu": torch.relu, "silu": F.silu}


@pytest.mark.parametrize("name", PARAMETRIC)
def test_parametric_activation_against_autograd(name):
    x = torch.linspace(-30, 30, 401, dtype=torch.float64).reshape(1, -1, 1).requires_grad_()
    layer = ParametricActivation(1, 1, name).double()
    layer.slope.data.fill_(0.7)
    a = torch.full((1, 1, 1), 0.7, dtype=torch.float64, requires_grad=True)
    expected = x + a * (PLAIN[name](x) - x)
    got = layer(x)
    factor = torch.linspace(-1, 1, 401, dtype=torch.float64).reshape(1, -1, 1)
    grads = torch.autograd.grad((got * factor).sum(), [x, layer.slope])
    wanted = torch.autograd.grad((expected * factor).sum(), [x, a])
    torch.testing.assert_close(got, expected)
    torch.testing.assert_close(grads, wanted)


def test_dropout_share_and_scale():
    layer = Dropout(0.3)
    layer.generator = torch.Generator().manual_seed(0)
    x = torch.ones(2, 100, 501)
    out = layer(x)
    assert abs((out == 0).float().mean() - 0.3) < 0.01
    torch.testing.assert_close(out[out > 0].unique(), torch.tensor([1 / 0.7]))
    layer.eval()
    assert layer(x) is x


def test_relu_with_dropout_against_autograd():
    layer = Dropout(0.5)
    layer.generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 50, 7, requires_grad=True)
    source = torch.nn.Identity()
    out = layer.after_relu(torch.nn.ReLU(), source(x * 1.0), source)
    (grad,) = torch.autograd.grad(out.sum(), x)
    torch.testing.assert_close(grad, 2.0 * (out > 0))
    kept = out > 0
    torch.testing.assert_close(out[kept], 2 * x[kept])


def test_level_embedding():
    layer = LevelEmbedding(2, [3, 4], 5)
    layer.initialize(np.random.RandomState(0))
    codes = torch.tensor([[0.0, 3.0], [2.0, 0.0]]).expand(2, 2, 2)
    out = layer(codes).unflatten(2, (2, 5))
    assert not out[:, 0, 0].any()
    assert not out[:, 1, 1].any()
    torch.testing.assert_close(out[1, 0, 1], layer.weight[1, 3 + 3])
    torch.testing.assert_close(out[0, 1, 0], layer.weight[0, 2])


def test_data_driven_weights_give_unit_variance():
    rng = np.random.RandomState(0)
    net = realmlp.RealMLPNet(2, 4, 1, [], [16, 16], 3, "selu", 0.0)
    x = torch.as_tensor(rng.normal(size=(500, 5)), dtype=torch.float32)
    realmlp.initialize(net, rng, 0.1, x)
    with torch.no_grad():
        h = net.embed(x.expand(2, -1, -1))
        z = net.linears[0](h)
    torch.testing.assert_close(z.std(1, correction=0), torch.ones(2, 16), atol=1e-3, rtol=0)
    inside = (z > 0).float().mean(1)  # every unit's hyperplane goes through the data
    assert inside.min() > 0
    assert inside.max() < 1


def test_packed_members_equal_single_ones():
    rng = np.random.RandomState(0)
    pack = realmlp.RealMLPNet(3, 2, 1, [4], [8, 8], 2, "mish", 0.0).double()
    x = torch.as_tensor(np.column_stack([rng.normal(size=(9, 3)), rng.randint(0, 4, 9)]))
    realmlp.initialize(pack, rng, 0.1, x)
    single = realmlp.RealMLPNet(1, 2, 1, [4], [8, 8], 2, "mish", 0.0).double()
    for member in range(3):
        single.load_state_dict({k: v[[member]] for k, v in pack.state_dict().items()})
        torch.testing.assert_close(single(x)[:, 0], pack(x)[:, member])


def test_piecewise_linear_embedding():
    layer = tabm.PiecewiseLinearEmbedding(2, 1, 4, 2)
    layer.initialize(np.random.RandomState(0), [np.array([0.0, 1.0, 3.0])])
    x = torch.tensor([[-1.0], [0.5], [2.0], [5.0]])
    with torch.no_grad():
        plain = layer(x[None])
        assert not torch.equal(plain[0], plain[1])
        for network in range(2):
            line = x * layer.weight[network, 0, -1] + layer.bias[network, 0]
            torch.testing.assert_close(plain[network], line)
        layer.weight[1, 0, 0] = torch.tensor([10.0, 0.0])
        layer.weight[1, 0, 1] = torch.tensor([0.0, 10.0])
        code = (layer(x[None]) - plain) / 10
        torch.testing.assert_close(layer(x.expand(2, -1, -1)), layer(x[None]))
    assert not code[0].any()
    torch.testing.assert_close(code[1], torch.tensor([[0, 0], [0.5, 0], [1, 0.5], [1, 1]]))


@pytest.mark.parametrize("is_mini", [True, False])
def test_tabm_shared_and_own_rows_agree(is_mini):
    rng = np.random.RandomState(0)
    net = _random_tabm(2, 3, is_mini)
    x = torch.as_tensor(np.column_stack([rng.normal(size=(6, 3)), rng.randint(0, 5, 6)])).float()
    shared = net(x)
    for n_sets in (2, 6):  # of each network, of each member
        own = net(x.expand(n_sets, -1, -1)).unflatten(0, (6, 6))
        torch.testing.assert_close(shared, own.transpose(0, 1))
    for kept in ([0, 2], [1], [0, 3, 5], [4, 5]):
        torch.testing.assert_close(net(x, members=kept), shared[:, kept])
    assert not torch.allclose(shared[:, 0], shared[:, 1])


@pytest.mark.parametrize("is_mini", [True, False])
def test_tabm_networks_share_nothing(is_mini):
    net = _random_tabm(3, 2, is_mini)
    x = torch.cat(
        [torch.randn(6, 5, 3, generator=torch.Generator().manual_seed(0)), torch.ones(6, 5, 1)], 2
    )
    net(x).unflatten(0, (3, 10))[1].sum().backward()
    for parameter in net.parameters():
        assert not parameter.grad[[0, 2]].any()
        assert parameter.grad[1].any()


def _random_tabm(n_networks, n_members, is_mini):
    """With all weights drawn, those too which are 0 or 1 at the start."""
    rng = np.random.RandomState(0)
    net = tabm.TabMNet(n_networks, n_members, 2, 1, [5], [8, 8], 2, 0.0, n_bins=4, is_mini=is_mini)
    tabm.initialize(net, rng, [np.array([-1.0, 0.0, 1.0])] * 2)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(torch.as_tensor(rng.normal(size=parameter.shape)))
    return net
