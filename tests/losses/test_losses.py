"""Losses against slow loops, scikit-learn's losses and autograd."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import (
    log_loss,
    mean_pinball_loss,
    mean_poisson_deviance,
    mean_squared_error,
)

from skdeep import losses

RNG = np.random.RandomState(0)
RAW = torch.from_numpy(RNG.normal(size=(8, 3)))
NUMBERS = torch.from_numpy(RNG.normal(size=(8, 3)))
LABELS = torch.from_numpy(RNG.randint(0, 3, 8))
BITS = torch.from_numpy(RNG.randint(0, 2, (8, 3)).astype(float))
COUNTS = torch.from_numpy(RNG.poisson(2, (8, 3)).astype(float))


def loop(raw, target, one):
    """Sum over outputs of a scalar formula, in plain Python."""
    return torch.tensor(
        [sum(one(r, t) for r, t in zip(*rows)) for rows in zip(raw.tolist(), target.tolist())],
        dtype=torch.float64,
    )


def sigmoid(r):
    return 1 / (1 + math.exp(-r))


LOOPS = [
    (losses.SquaredError(), NUMBERS, lambda r, t: (r - t) ** 2 / 2),
    (losses.AbsoluteError(), NUMBERS, lambda r, t: abs(r - t)),
    (
        losses.Huber(0.7),
        NUMBERS,
        lambda r, t: (r - t) ** 2 / 2 if abs(r - t) <= 0.7 else 0.7 * (abs(r - t) - 0.35),
    ),
    (losses.Quantile(0.2), NUMBERS, lambda r, t: 0.2 * (t - r) if t >= r else 0.8 * (r - t)),
    (
        losses.Poisson(),
        COUNTS,
        lambda r, t: (t * math.log(t) if t else 0.0) - t * r - t + math.exp(r),
    ),
    (
        losses.BinaryCrossEntropy(),
        BITS,
        lambda r, t: -math.log(sigmoid(r)) if t else -math.log(1 - sigmoid(r)),
    ),
]


@pytest.mark.parametrize("loss, target, one", LOOPS, ids=lambda x: type(x).__name__)
def test_against_loops(loss, target, one):
    torch.testing.assert_close(loss(RAW, target), loop(RAW, target, one))


@pytest.mark.parametrize("smoothing", [0.0, 0.15])
def test_cross_entropy_against_loop(smoothing):
    expected = []
    for raw, label in zip(RAW.tolist(), LABELS.tolist()):
        total = sum(map(math.exp, raw))
        logp = [r - math.log(total) for r in raw]
        target = [smoothing / 3 + (1 - smoothing) * (c == label) for c in range(3)]
        expected.append(-sum(t * p for t, p in zip(target, logp)))
    torch.testing.assert_close(
        losses.CrossEntropy(smoothing)(RAW, LABELS), torch.tensor(expected, dtype=torch.float64)
    )


def test_against_sklearn():
    proba = torch.softmax(RAW, 1).numpy()
    np.testing.assert_allclose(losses.CrossEntropy()(RAW, LABELS).mean(), log_loss(LABELS, proba))
    raw, y = RAW[:, :1], NUMBERS[:, :1]
    pinball = losses.Quantile(0.3)(raw, y).mean()
    np.testing.assert_allclose(pinball, mean_pinball_loss(y, raw, alpha=0.3))
    squared = losses.SquaredError()(raw, y).mean()
    np.testing.assert_allclose(2 * squared, mean_squared_error(y, raw))
    poisson = losses.Poisson()(raw, COUNTS[:, :1]).mean()
    np.testing.assert_allclose(2 * poisson, mean_poisson_deviance(COUNTS[:, :1], raw.exp()))


@pytest.mark.parametrize(
    "loss, target",
    [(loss, target) for loss, target, _ in LOOPS]
    + [
        (losses.BinaryCrossEntropy(0.2), BITS),
        (losses.CrossEntropy(), LABELS),
        (losses.CrossEntropy(0.3), LABELS),
    ],
    ids=lambda x: type(x).__name__,
)
@pytest.mark.parametrize("transposed", [False, True])
def test_derivatives(loss, target, transposed):
    raw = RAW.t().contiguous().t() if transposed else RAW
    leaf = raw.clone().requires_grad_()
    loss(leaf, target).sum().backward()
    elements, gradient = loss.with_gradient(raw.clone(memory_format=torch.preserve_format), target)
    torch.testing.assert_close(elements, loss(RAW, target))
    torch.testing.assert_close(gradient, leaf.grad)


def test_weighted_mean_is_repetition():
    elements = torch.tensor([1.0, 5.0, 2.0], dtype=torch.float64)
    weight = torch.tensor([2.0, 0.0, 3.0], dtype=torch.float64)
    repeated = torch.tensor([1.0, 1.0, 2.0, 2.0, 2.0], dtype=torch.float64)
    torch.testing.assert_close(losses.weighted_mean(elements, weight), repeated.mean())
    torch.testing.assert_close(losses.weighted_mean(elements), elements.mean())


def test_config_makes_the_same_loss():
    for loss in (losses.Huber(2.0), losses.Quantile(0.9), losses.CrossEntropy(0.1)):
        assert type(loss)(**loss.config).config == loss.config


def test_quantile_minimiser_is_the_quantile():
    y = torch.from_numpy(RNG.normal(size=(999, 1)))
    grid = torch.linspace(-3, 3, 601, dtype=torch.float64)
    total = [losses.Quantile(0.9)(torch.full_like(y, c), y).mean() for c in grid.tolist()]
    best = grid[int(np.argmin(total))].item()
    assert abs(best - np.quantile(y, 0.9)) < 0.02
