"""Restricted Boltzmann machines."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skdeep.nets.blocks import Linear

if TYPE_CHECKING:
    import numpy as np


class RBMNet(nn.Module):
    """Weights and formulas of an RBM with binary hidden units.

    The energy is ``-h W v - c h - b v`` for binary visible units and
    ``|v - b|^2 / 2 - h W v - c h`` for Gaussian ones of unit variance (Hinton, 2012, "A practical
    guide to training restricted Boltzmann machines").

    Parameters
    ----------
    n_visible, n_hidden : int
    visible : {'bernoulli', 'gaussian'}, default='bernoulli'
    n_chains : int, default=0
        Chains of sampling that persistent contrastive divergence goes on with.

    Shapes
    ------
    v : (n_samples, n_visible), dense or sparse; returns the probabilities of the hidden units,
    (n_samples, n_hidden).

    Examples
    --------
    >>> import torch
    >>> from skdeep.nets.rbm import RBMNet
    >>> RBMNet(4, 2).free_energy(torch.zeros(3, 4)).shape
    torch.Size([3])
    """

    chains: Tensor

    def __init__(
        self, n_visible: int, n_hidden: int, visible: str = "bernoulli", n_chains: int = 0
    ) -> None:
        super().__init__()
        self.config = {
            "n_visible": int(n_visible),
            "n_hidden": int(n_hidden),
            "visible": visible,
            "n_chains": int(n_chains),
        }
        self.visible = visible
        self.hidden = Linear(n_visible, n_hidden)
        self.visible_bias = nn.Parameter(torch.zeros(n_visible))
        self.register_buffer("chains", torch.zeros(n_chains, n_visible))

    def forward(self, v: Tensor) -> Tensor:
        return torch.sigmoid(self.hidden(_dense(v)))

    def visible_means(self, h: Tensor) -> Tensor:
        """Means of the visible units given the hidden ones."""
        sums = F.linear(h, self.hidden.weight.t(), self.visible_bias)
        return torch.sigmoid(sums) if self.visible == "bernoulli" else sums

    def free_energy(self, v: Tensor) -> Tensor:
        """Free energy, minus the log of the sum over all hidden states of ``exp(-energy)``."""
        v = _dense(v)
        below = F.softplus(self.hidden(v)).sum(1)
        if self.visible == "bernoulli":
            return -(v @ self.visible_bias) - below
        return 0.5 * (v - self.visible_bias).square().sum(1) - below

    def mean_step(self, v: Tensor) -> Tensor:
        """One mean-field update in place of a Gibbs step (Welling and Hinton, 2002)."""
        return self.visible_means(self(v))

    def gibbs_step(self, v: Tensor, generator: torch.Generator) -> Tensor:
        """One Gibbs step: hidden units, then visible ones."""
        h = _flip(self(v), generator)
        means = self.visible_means(h)
        if self.visible == "bernoulli":
            return _flip(means, generator)
        return means + torch.empty_like(means).normal_(generator=generator)


class ContrastiveDivergence:
    """Gradient of the loss of an `RBMNet`: CD-k (Hinton, 2002) or, with persistent chains, PCD
    (Tieleman, 2008).

    Parameters
    ----------
    net : RBMNet
        Whose parameters have their ``.grad`` set.
    generator : torch.Generator or None
        None takes the means of all units instead of sampling them.
    n_steps : int, default=1
        Rounds of Gibbs sampling for each batch.
    """

    def __init__(self, net: RBMNet, generator: torch.Generator | None, n_steps: int = 1) -> None:
        self.net, self.generator, self.n_steps = net, generator, n_steps
        self.chains = net.chains if len(net.chains) else None

    def __call__(self, x: Tensor, target: Any, weight: Tensor | None) -> Tensor:
        """Write the gradient and return the mean squared reconstruction error."""
        net, x = self.net, _dense(x)
        h = net(x)
        fantasy = x if self.chains is None else self.chains
        for _ in range(self.n_steps):
            if self.generator is None:
                fantasy = net.mean_step(fantasy)
            else:
                fantasy = net.gibbs_step(fantasy, self.generator)
        if self.chains is not None:
            self.chains.copy_(fantasy)
        h_fantasy = net(fantasy)
        share = torch.full_like(x[:, 0], 1 / len(x)) if weight is None else weight / weight.sum()
        # Without chains each fantasy belongs to a row and has its weight.
        other = share if self.chains is None else torch.full_like(fantasy[:, 0], 1 / len(fantasy))
        v, v_fantasy = x * share[:, None], fantasy * other[:, None]
        for parameter, gradient in (
            (net.hidden.weight, h_fantasy.t() @ v_fantasy - h.t() @ v),
            (net.hidden.bias, other @ h_fantasy - share @ h),
            (net.visible_bias, v_fantasy.sum(0) - v.sum(0)),
        ):
            assert parameter.grad is not None
            parameter.grad.copy_(gradient)
        errors = (net.visible_means(h) - x).square().mean(1)
        return torch.dot(errors, share)


def _dense(v: Tensor) -> Tensor:
    return v.to_dense() if v.is_sparse else v


def _flip(p: Tensor, generator: torch.Generator) -> Tensor:
    return (torch.empty_like(p).uniform_(generator=generator) < p).to(p.dtype)


@torch.no_grad()
def initialize_rbm(net: RBMNet, rng: np.random.RandomState, means: np.ndarray | Tensor) -> None:
    """Draw small weights, and set visible biases to the logits or means of the units (Hinton, 2012,
    section 8)."""
    net.hidden.weight.copy_(torch.as_tensor(rng.normal(0.0, 0.01, tuple(net.hidden.weight.shape))))
    net.hidden.bias.zero_()
    means = torch.as_tensor(means, dtype=net.visible_bias.dtype, device=net.visible_bias.device)
    if net.visible == "bernoulli":
        edge = 1 / (1 + math.exp(4.0))  # a pixel that is always off must be able to come back
        means = torch.logit(means.clamp(edge, 1 - edge))
    net.visible_bias.copy_(means)
