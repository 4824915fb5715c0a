"""What one batch does to the parameters."""

import numpy as np
import pytest
import torch
from torch import nn

from skdeep.engine.optim import FlatOptimizer, FlatParameters
from skdeep.engine.steps import Autograd, Penalty, SingleStep, TwoPlayerStep
from skdeep.losses import SquaredError

X = torch.linspace(-1, 2, 12, dtype=torch.float64).reshape(6, 2)
Y = torch.linspace(3, -2, 6, dtype=torch.float64)[:, None]
W = torch.tensor([1.0, 0.0, 2.0, 0.5, 3.0, 1.0], dtype=torch.float64)


def linear(n_in=2, n_out=1, value=0.5):
    module = nn.Linear(n_in, n_out).double()
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(torch.linspace(-value, 1.0, p.numel()).view_as(p))
    return module


def sgd(module, rate=0.1):
    return FlatOptimizer(FlatParameters(module), "sgd", rate, momentum=0.0)


def single(module, *, l2=0.0, l1=0.0, rate=0.1, **options):
    optimizer = sgd(module, rate)
    gradient = Autograd(module, SquaredError(), optimizer.flat)
    return SingleStep(optimizer, gradient, Penalty(optimizer.flat, l2, l1), **options)


# --- penalty ---------------------------------------------------------------------------------


@pytest.mark.parametrize("l2, l1", [(0.3, 0.0), (0.3, 0.7), (0.0, 0.7), (0.0, 0.0)])
@pytest.mark.parametrize("total", [5, torch.tensor(5.0).double()], ids=["rows", "weight"])
def test_penalty_is_its_formula(l2, l1, total):
    flat = FlatParameters(linear(3, 2))
    with torch.no_grad():
        flat.grads.fill_(1.0)
        loss = Penalty(flat, l2, l1).add_to(torch.tensor(1.0).double(), total)
    w = flat.weights
    expected = 1.0 + (0.5 * l2 * (w**2).sum() + l1 * w.abs().sum()) / 5
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(flat.weight_grads, 1.0 + (l2 * w + l1 * w.sign()) / 5)
    assert (flat.grads[flat.n_weights :] == 1).all()  # biases are not penalised


# --- gradients -------------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [None, W])
def test_gradient_is_that_of_the_weighted_mean(weight):
    module = linear()
    flat = FlatParameters(module)
    loss = Autograd(module, SquaredError(), flat)(X, Y, weight)
    w = np.ones(6) if weight is None else weight.numpy()
    theta, bias = module.weight.detach().numpy()[0], module.bias.item()
    residual = X.numpy() @ theta + bias - Y.numpy()[:, 0]
    assert loss.item() == pytest.approx((w * residual**2).sum() / w.sum() / 2)
    np.testing.assert_allclose(module.weight.grad[0], (w * residual) @ X.numpy() / w.sum())
    assert module.bias.grad.item() == pytest.approx((w * residual).sum() / w.sum())


def test_gradients_do_not_add_up_from_batch_to_batch():
    module = linear()
    flat = FlatParameters(module)
    gradient = Autograd(module, SquaredError(), flat)
    gradient(X, Y, None)
    first = flat.grads.clone()
    gradient(X, Y, None)
    assert torch.equal(flat.grads, first)


def test_a_batch_without_pairs_teaches_nothing():
    module = linear()
    flat = FlatParameters(module)
    flat.grads.fill_(1.0)
    loss = Autograd(module, lambda out, y: out[:0, 0], flat)(X, Y, None)
    assert loss.item() == 0.0
    assert not flat.grads.any()


# --- one network -----------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [None, W])
def test_a_step_goes_down_the_gradient_of_loss_and_penalty(weight):
    module = linear()
    before = {name: p.detach().clone() for name, p in module.named_parameters()}
    with torch.no_grad():
        loss = single(module, l2=0.4, l1=0.2)((X, Y, weight))
    leaf = {name: p.clone().requires_grad_() for name, p in before.items()}
    elements = 0.5 * (X @ leaf["weight"].T + leaf["bias"] - Y).square()[:, 0]
    w = torch.ones(6).double() if weight is None else weight
    penalty = 0.2 * leaf["weight"].square().sum() + 0.2 * leaf["weight"].abs().sum()
    expected = ((w * elements).sum() + penalty) / w.sum()
    expected.backward()
    torch.testing.assert_close(loss, expected.detach())
    for name, p in module.named_parameters():
        torch.testing.assert_close(p.detach(), before[name] - 0.1 * leaf[name].grad)


def test_what_is_reported_can_be_scaled_without_another_step():
    plain, scaled = linear(), linear()
    with torch.no_grad():
        loss = single(plain)((X, Y, None))
        reported = single(scaled, data_scale=0.25)((X, Y, None))
    assert reported.item() == pytest.approx(0.25 * loss.item())
    assert torch.equal(plain.weight, scaled.weight)


def test_listeners_see_the_gradient_before_the_update():
    module, seen = linear(), []
    before = module.weight.detach().clone()

    def look():
        seen.append((module.weight.detach().clone(), module.weight.grad.clone()))

    with torch.no_grad():
        single(module)((X, Y, None), look)
    ((weight, gradient),) = seen
    assert torch.equal(weight, before)
    torch.testing.assert_close(module.weight.detach(), before - 0.1 * gradient)


@pytest.mark.parametrize("clip, factor", [(0.01, None), (1e6, 1.0), (10**400, 1.0), (None, 1.0)])
def test_clipping_bounds_the_norm_of_the_gradient(clip, factor):
    module = linear()
    before = torch.cat([p.detach().flatten() for p in module.parameters()])
    free = linear()
    with torch.no_grad():
        single(module, rate=1.0, clip=clip)((X, Y, None))
        single(free, rate=1.0)((X, Y, None))
    moved, full = (
        torch.cat([p.detach().flatten() for p in m.parameters()]) - before for m in (module, free)
    )
    if factor is None:
        assert moved.norm().item() == pytest.approx(clip, rel=1e-3)
        torch.testing.assert_close(moved / moved.norm(), full / full.norm())
    else:
        torch.testing.assert_close(moved, full)


# --- two networks ----------------------------------------------------------------------------


def players(joint, other, **options):
    generator, discriminator = linear(1, 1, 0.5), linear(1, 1, 0.25)
    step = TwoPlayerStep(
        lambda batch: joint(generator, discriminator, batch),
        lambda batch: other(generator, discriminator, batch),
        sgd(generator),
        sgd(discriminator),
        **options,
    )
    return generator, discriminator, step


ONE = torch.ones(4, 1).double()


def through_both(generator, discriminator, batch):
    return discriminator(generator(batch[0])).mean()


def no_gradient(generator, discriminator, batch):
    return 0.0 * through_both(generator, discriminator, batch)


def numbers(module):
    return torch.cat([p.detach().flatten() for p in module.parameters()])


@torch.no_grad()
def test_a_loss_through_both_moves_its_own_player_alone():
    generator, discriminator, step = players(through_both, no_gradient)
    before = numbers(generator), numbers(discriminator)
    step((ONE, ONE, None))
    assert torch.equal(numbers(discriminator), before[1])
    slope = discriminator.weight.item()
    torch.testing.assert_close(numbers(generator), before[0] - 0.1 * slope)


@torch.no_grad()
def test_the_discriminator_moves_first():
    """So the generator's loss is judged by the discriminator after its step."""
    generator, discriminator, step = players(through_both, through_both)
    expected = through_both(generator, discriminator, (ONE,)).item()
    losses = step((ONE, ONE, None))
    assert losses[1].item() == pytest.approx(expected)
    assert losses[0].item() < expected  # the discriminator has stepped down the same loss


@torch.no_grad()
@pytest.mark.parametrize("ratio, expected", [(1, 6), (2, 4), (3, 3)])
def test_the_generator_waits_for_its_turn(ratio, expected):
    """It plays in the first step, too: the history needs its loss."""
    played = []

    def joint(generator, discriminator, batch):
        played.append("generator")
        return through_both(generator, discriminator, batch)

    def other(generator, discriminator, batch):
        played.append("discriminator")
        return through_both(generator, discriminator, batch)

    *_, step = players(joint, other, ratio=ratio)
    for _ in range(6):
        assert step((ONE, ONE, None)).shape == (2,)
    assert played.count("generator") == expected
    assert played.count("discriminator") == 6


@torch.no_grad()
def test_a_player_that_waits_keeps_its_last_loss():
    *_, step = players(through_both, through_both, ratio=3)
    losses = [step((ONE * i, ONE, None)) for i in (1.0, 2.0, 3.0)]
    assert losses[0][0] == losses[1][0] != losses[2][0]
    assert losses[0][1] != losses[1][1]


@torch.no_grad()
def test_clipping_is_for_each_player():
    generator, discriminator, step = players(
        lambda g, d, b: 1e4 * through_both(g, d, b),
        lambda g, d, b: 1e4 * through_both(g, d, b),
        clip=0.01,
    )
    before = numbers(generator), numbers(discriminator)
    step((ONE, ONE, None))
    for player, old in zip((generator, discriminator), before):
        assert (numbers(player) - old).norm().item() == pytest.approx(0.1 * 0.01, rel=1e-3)


@torch.no_grad()
def test_listeners_hear_of_both_players():
    *_, step = players(through_both, through_both)
    heard = []
    step((ONE, ONE, None), lambda: heard.append(1))
    assert len(heard) == 2
