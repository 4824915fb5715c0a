"""Loss of the value of an action, with its conservative term."""

import math

import pytest
import torch

from skdeep.losses import ActionValue


def batch(n=40, n_actions=3):
    generator = torch.Generator().manual_seed(0)
    raw = 3 * torch.randn(n, n_actions, generator=generator, dtype=torch.float64)
    action = torch.randint(n_actions, (n,), generator=generator)
    value = 3 * torch.randn(n, generator=generator, dtype=torch.float64)
    return raw, torch.stack([action.double(), value], 1)


def slow(raw, target, delta, conservative):
    """The formula, row by row."""
    losses = []
    for values, (action, wanted) in zip(raw.tolist(), target.tolist()):
        error = values[int(action)] - wanted
        huber = error**2 / 2 if abs(error) <= delta else delta * (abs(error) - delta / 2)
        gap = math.log(sum(math.exp(v) for v in values)) - values[int(action)]
        losses.append(huber + conservative * gap)
    return torch.tensor(losses, dtype=torch.float64)


@pytest.mark.parametrize("conservative", [0.0, 0.7])
@pytest.mark.parametrize("delta", [0.5, 1.0, 10.0])
def test_equals_a_slow_loop(delta, conservative):
    raw, target = batch()
    loss = ActionValue(delta, conservative)
    expected = slow(raw, target, delta, conservative)
    torch.testing.assert_close(loss(raw, target), expected)
    torch.testing.assert_close(loss.with_gradient(raw, target)[0], expected)


@pytest.mark.parametrize("conservative", [0.0, 0.7])
def test_gradient_is_that_of_autograd(conservative):
    raw, target = batch()
    loss = ActionValue(1.0, conservative)
    leaf = raw.clone().requires_grad_()
    loss(leaf, target).sum().backward()
    torch.testing.assert_close(loss.with_gradient(raw, target)[1], leaf.grad)
