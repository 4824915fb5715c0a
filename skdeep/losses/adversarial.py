"""Losses of generators and critics."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from skdeep.losses.base import Loss


class LogLikelihood(Loss):
    """Negative log-likelihood of a row, from the log-probabilities of its columns.

    Shapes
    ------
    output : (n_samples, n_columns); the target is not looked at. Returns (n_samples,).
    """

    def forward(self, output: Tensor, target: Tensor | None) -> Tensor:
        return -output.sum(1)


def relativistic(real: Tensor, made: Tensor) -> Tensor:
    """``log(1 + exp(-(C(real) - C(made))))``: the critic's loss for pairs, and with the two
    exchanged the generator's (Jolicoeur-Martineau, 2019; Huang et al., NeurIPS 2024, "R3GAN").

    Its best critic is, up to a constant, the logarithm of the ratio of the two densities.
    """
    return softplus(made - real)


def vanilla_critic(real: Tensor, made: Tensor) -> Tensor:
    """Cross-entropy of a critic of real and synthetic samples (Goodfellow et al., 2014)."""
    return binary_cross_entropy_with_logits(
        real, torch.ones_like(real), reduction="none"
    ) + binary_cross_entropy_with_logits(made, torch.zeros_like(made), reduction="none")


def vanilla_generator(made: Tensor) -> Tensor:
    """The generator's side, in the form that does not saturate (Goodfellow et al., 2014)."""
    return binary_cross_entropy_with_logits(made, torch.ones_like(made), reduction="none")


def wasserstein(real: Tensor, made: Tensor) -> Tensor:
    """``C(made) - C(real)`` (Arjovsky et al., 2017)."""
    return made - real


def squared_gradient(score: Tensor, inputs: Tensor) -> Tensor:
    """Squared norm of the gradient of each critic's score by its inputs: R1 on real, R2 on made
    inputs (Mescheder et al., ICML 2018).

    Parameters
    ----------
    score : Tensor of shape (n_scores,)
    inputs : Tensor of shape (n_samples, ...)
        n_samples a multiple of n_scores: the inputs of one score are neighbours.

    Returns
    -------
    Tensor of shape (n_scores,)
    """
    (gradient,) = torch.autograd.grad(score.sum(), inputs, create_graph=True)
    return gradient.reshape(len(score), -1).square().sum(1)


def gradient_penalty(score: Tensor, inputs: Tensor) -> Tensor:
    """``(|gradient| - 1)^2`` of a critic between real and synthetic inputs (Gulrajani et al.,
    2017)."""
    return ((squared_gradient(score, inputs) + 1e-12).sqrt() - 1).square()
