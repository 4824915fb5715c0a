"""The gradient over mixed rows, weights and members, against a slow loop."""

import pytest
import torch

from skdeep.engine import MixingAutograd
from skdeep.engine.optim import FlatParameters
from skdeep.losses import CrossEntropy


class Net(torch.nn.Module):
    def __init__(self, n_members, partner, share):
        super().__init__()
        self.layer = torch.nn.Linear(3, 4 * n_members)
        self.partner, self.share, self.n_members = partner, share, n_members

    def forward(self, x, weight=None):
        out = self.layer(x)
        return out if self.n_members == 1 else out.unflatten(1, (self.n_members, 4))


@pytest.mark.parametrize("n_members", [1, 2])
@pytest.mark.parametrize("mixes", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_slow_loop(n_members, mixes, weighted):
    x, target = torch.randn(5, 3), torch.tensor([0, 3, 1, 2, 2])
    partner, share = torch.tensor([1, 0, 4, 2, 3]), torch.tensor([0.9, 0.5, 0.1, 1.0, 0.3])
    weight = torch.tensor([1.0, 2.0, 0.5, 3.0, 1.0]) if weighted else None
    net = Net(n_members, *((partner, share) if mixes else (None, None)))
    flat = FlatParameters(net)
    loss = MixingAutograd(net, CrossEntropy(), flat)(x, target, weight)

    total, norm = 0.0, 0.0
    raw = net(x).reshape(5, n_members, 4)
    for i in range(5):
        parts = [(i, 1.0)] if not mixes else [(i, share[i]), (partner[i], 1 - share[i])]
        for row, part in parts:
            w = part * (weight[row] if weighted else 1.0)
            log_proba = torch.log_softmax(raw[i], 1)[:, target[row]]
            total, norm = total - w * log_proba.mean(), norm + w
    expected = total / norm
    gradient = torch.autograd.grad(expected, list(net.parameters()))
    torch.testing.assert_close(loss, expected.detach())
    for parameter, slope in zip(net.parameters(), gradient):
        torch.testing.assert_close(parameter.grad, slope)
