"""Hand-written gradients of masked networks against those of autograd."""

import numpy as np
import pytest
import torch
from torch import nn

from skdeep.engine.optim import FlatParameters
from skdeep.losses import MaskedSquaredError
from skdeep.nets.blocks import set_generator
from skdeep.nets.masked import MaskedNet
from skdeep.outlier.gradient import MaskedBackprop, TrimmedAutograd

SOURCES = (0, 1, 1, 2, 3)


def found(kind, activation, x, share, hook=None):
    """Loss and gradient of one step of two networks, the mask being the same in each call."""
    net = MaskedNet(2, SOURCES, (7, 6), activation).double()
    net.initialize(np.random.RandomState(0))
    set_generator(net, torch.Generator().manual_seed(1))
    if hook is not None:
        net.activations[0].register_forward_hook(hook)
    flat = FlatParameters(net)
    step = kind(net, MaskedSquaredError(), flat, n_members=2)
    step.share = share
    flat.grads.fill_(7.0)  # what is there is overwritten
    with torch.no_grad():
        loss = step(x, x.flatten(0, 1), None)
    return loss, flat.grads


def rows(gaps):
    x = torch.randn(2, 20, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    if gaps:
        x[0, 3, 2] = x[1, 5, :3] = x[1, 7] = float("nan")
    return x


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.3])
@pytest.mark.parametrize("activation", ["silu", "relu", "tanh"])
def test_gradients_are_those_of_autograd(activation, share, gaps):
    x = rows(gaps)
    fast, slow = (found(kind, activation, x, share) for kind in (MaskedBackprop, TrimmedAutograd))
    torch.testing.assert_close(fast, slow, rtol=1e-12, atol=1e-14)
    assert slow[1].abs().max() > 0.01


def test_hooks_are_called():
    seen = []
    whole = found(MaskedBackprop, "silu", rows(True), 0.0)
    watched = found(MaskedBackprop, "silu", rows(True), 0.0, lambda *_: seen.append(1))
    assert seen == [1]
    torch.testing.assert_close(watched, whole)


class Members(nn.Module):
    """A number of its own for each network."""

    def __init__(self):
        super().__init__()
        self.center = nn.Parameter(torch.zeros(2, 1))

    def forward(self, x):
        return (x - self.center).flatten()


ERRORS = torch.tensor([[1.0, 2.0, 3.0, 100.0], [50.0, 4.0, 5.0, 6.0]])


@pytest.mark.parametrize("share, n_out", [(0.0, 0), (0.24, 0), (0.25, 1), (0.5, 2)])
def test_the_worst_rows_of_each_member_are_left_out(share, n_out):
    net = Members()
    step = TrimmedAutograd(net, lambda raw, target: raw.square(), FlatParameters(net), n_members=2)
    step.share = share
    loss = step(ERRORS, None, None)
    kept = ERRORS.sort(1).values[:, : 4 - n_out]
    assert loss.item() == pytest.approx(kept.square().mean().item())
    torch.testing.assert_close(net.center.grad[:, 0], -2 * kept.sum(1) / kept.numel())
