"""Losses of two players against formulas by hand."""

import numpy as np
import torch

from skdeep.losses.adversarial import (
    LogLikelihood,
    gradient_penalty,
    relativistic,
    squared_gradient,
    vanilla_critic,
    vanilla_generator,
    wasserstein,
)

REAL = torch.tensor([0.5, -1.0, 30.0], dtype=torch.float64)
MADE = torch.tensor([1.5, 2.0, -30.0], dtype=torch.float64)


def test_formulas():
    r, m = REAL.numpy(), MADE.numpy()
    np.testing.assert_allclose(relativistic(REAL, MADE), np.log1p(np.exp(-(r - m))))
    np.testing.assert_allclose(wasserstein(REAL, MADE), m - r)
    sigmoid = 1 / (1 + np.exp(-np.r_[r, m]))
    wanted = -np.log(sigmoid[:3]) - np.log1p(-sigmoid[3:])
    np.testing.assert_allclose(vanilla_critic(REAL, MADE), wanted, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(vanilla_generator(MADE), -np.log(sigmoid[3:]))
    rows = torch.tensor([[-1.0, -2.0], [-0.5, 0.0]])
    assert LogLikelihood()(rows, None).tolist() == [3.0, 0.5]


def test_penalties_of_a_known_gradient():
    x = torch.randn(6, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x.requires_grad_()
    score = (x**2).sum(1)  # gradient 2 x
    squared = squared_gradient(score, x)
    np.testing.assert_allclose(squared.detach(), 4 * (x**2).sum(1).detach())
    np.testing.assert_allclose(
        gradient_penalty((x**2).sum(1), x).detach(),
        (2 * x.norm(dim=1).detach() - 1) ** 2,
        rtol=1e-6,
    )
    packs = (x**2).sum(1).view(3, 2).sum(1)  # a score for two rows
    np.testing.assert_allclose(
        squared_gradient(packs, x).detach(), 4 * (x**2).sum(1).view(3, 2).sum(1).detach()
    )
    squared.sum().backward()  # of second order
    torch.testing.assert_close(x.grad, 8 * x.detach())
