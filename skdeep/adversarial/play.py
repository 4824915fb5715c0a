"""Generators against critics: their losses, the weights that are kept, and collapse."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor, nn

from skdeep import engine
from skdeep.base.learning import Task
from skdeep.losses.adversarial import (
    gradient_penalty,
    relativistic,
    squared_gradient,
    vanilla_critic,
    vanilla_generator,
    wasserstein,
)

COLLAPSED = 0.1
"""Spread of synthetic samples, over that of real ones, below which a generator has collapsed."""


def critic_loss(
    critic: Callable[[Tensor], Tensor],
    real: Tensor,
    made: Tensor,
    *,
    loss: str,
    penalty: float,
    noise: torch.Generator,
    pac: int = 1,
) -> Tensor:
    """The mean loss of a critic, with the penalties on its gradient.

    Parameters
    ----------
    critic : callable
        Gives a score for each `pac` neighbouring samples.
    real, made : Tensor of shape (n_samples, ...)
        Without gradients.
    loss : {'relativistic', 'vanilla', 'wgan-gp'}
    penalty : float
        Strength of the penalties; 'vanilla' has none.
    noise : torch.Generator
        Draws where 'wgan-gp' asks for the gradient.
    pac : int, default=1
    """
    if loss == "vanilla":
        return vanilla_critic(critic(real), critic(made)).mean()
    if loss == "wgan-gp":
        shape = (len(real) // pac, *[1] * (real.ndim - 1))
        mix = torch.rand(shape, device=real.device, generator=noise).to(real.dtype)
        mix = mix.repeat_interleave(pac, 0)
        between = (mix * real + (1 - mix) * made).requires_grad_()
        at_between = gradient_penalty(critic(between), between)
        return (wasserstein(critic(real), critic(made)) + penalty * at_between).mean()
    real, made = real.detach().requires_grad_(), made.detach().requires_grad_()
    at_real, at_made = critic(real), critic(made)
    at_both = squared_gradient(at_real, real) + squared_gradient(at_made, made)
    return (relativistic(at_real, at_made) + 0.5 * penalty * at_both).mean()


class Play:
    """Losses of a generator of rows or images from codes, and of its critic.

    Parameters
    ----------
    generator : nn.Module
        ``generator(z, label)`` makes samples.
    critic : nn.Module
        ``critic(x, label)`` gives a score of each sample.
    loss : {'relativistic', 'vanilla', 'wgan-gp'}
    penalty : float
        Strength of the penalties on the critic's gradient; a schedule may change it.
    latent_size : int
    noise : torch.Generator
    conditional : bool, default=False
        Whether the batch's target is a label for both players.
    cycle : float, default=0.0
        Weight, in the generator's loss, of the squared errors of real samples decoded from the
        codes that its ``encode`` finds, and of the codes found for synthetic samples.
    """

    def __init__(
        self,
        generator: Any,
        critic: Any,
        loss: Any,
        penalty: float,
        latent_size: int,
        noise: Any,
        conditional: bool = False,
        cycle: float = 0.0,
    ):
        self.generator, self.critic = generator, critic
        self.loss, self.penalty = loss, penalty
        self.latent_size, self.noise, self.conditional = latent_size, noise, conditional
        self.cycle = cycle

    def _synthetic(self, batch: Any) -> tuple[Any, Any, Any]:
        """Codes, samples generated from them, and the labels for both players."""
        x, label, _ = batch
        code = torch.randn(len(x), self.latent_size, device=x.device, generator=self.noise)
        code, label = code.to(x.dtype), label if self.conditional else None
        return code, self.generator(code, label), label

    def critic_loss(self, batch: Any) -> Tensor:
        """Loss of the critic."""
        with torch.no_grad():
            _, made, label = self._synthetic(batch)
        return critic_loss(
            lambda x: self.critic(x, label),
            batch[0],
            made,
            loss=self.loss,
            penalty=self.penalty,
            noise=self.noise,
        )

    def generator_loss(self, batch: Any) -> Tensor:
        """Loss of the generator."""
        real = batch[0]
        code, made, label = self._synthetic(batch)
        loss = self._against_critic(real, made, label)
        if self.cycle:
            again = self.generator(self.generator.encode(real))
            found = self.generator.encode(made.detach())
            error = (real - again).square().mean() + (code - found).square().mean()
            loss = loss + self.cycle * error
        return loss

    def _against_critic(self, real: Tensor, made: Tensor, label: Tensor | None) -> Tensor:
        score = self.critic(made, label)
        if self.loss == "vanilla":
            return vanilla_generator(score).mean()
        if self.loss == "wgan-gp":
            return -score.mean()
        with torch.no_grad():
            at_real = self.critic(real, label)
        return relativistic(score, at_real).mean()


def two_player_step(estimator: Any, task: Task, play: Any) -> engine.TwoPlayerStep:
    """Step of critic and generator, by the parameters of an estimator."""
    generator, critic = task.net.flat_optimizers_
    return engine.TwoPlayerStep(
        play.generator_loss,
        play.critic_loss,
        generator,
        critic,
        ratio=estimator.critic_ratio,
        clip=task.recipe.gradient_clip_norm,
    )


class BestParts:
    """Keeps the best weights of each part of a network, by the part's own loss.

    Parameters
    ----------
    parts : sequence of nn.Module

    Attributes
    ----------
    losses : list of float
        The lowest so far, of each part.
    epochs : list of int
        When they were reached, from 1.
    """

    def __init__(self, parts: Iterable[nn.Module]) -> None:
        self.parts = list(parts)
        self.losses = [float("inf")] * len(self.parts)
        self.epochs = [0] * len(self.parts)
        self.saved: list[list[Tensor] | None] = [None] * len(self.parts)
        self._epoch = 0

    def observe(self, losses: Iterable[float]) -> None:
        """Take the losses of a finished epoch and keep the weights of the parts that improved."""
        self._epoch += 1
        for i, loss in enumerate(losses):
            if loss < self.losses[i]:
                self.losses[i], self.epochs[i] = loss, self._epoch
                self.saved[i] = [p.detach().clone() for p in self.parts[i].parameters()]

    def save(self) -> None:
        """Do nothing: `observe` keeps weights part by part."""

    @torch.no_grad()
    def restore(self) -> None:
        """Restore the kept weights."""
        for part, saved in zip(self.parts, self.saved):
            for p, kept in zip(part.parameters(), saved or ()):
                p.copy_(kept)


class BestAverage:
    """Keeps the average of the best epoch and restores it as the network's weights.

    Parameters
    ----------
    average : MovingAverage
    """

    def __init__(self, average: engine.MovingAverage) -> None:
        self.average = average
        self.saved: Tensor | None = None

    def save(self) -> None:
        """Keep the current average."""
        self.saved = self.average.values.clone()

    @torch.no_grad()
    def restore(self) -> None:
        """Replace the parameters by the kept average, if there is one."""
        if self.saved is not None:
            self.average.flat.values.copy_(self.saved)


def spread(x: Tensor | np.ndarray) -> float:
    """Mean over the features of the standard deviation over the samples.

    Parameters
    ----------
    x : Tensor of shape (n_samples, ...)

    Returns
    -------
    float
    """
    return float(torch.as_tensor(x).flatten(1).double().std(0, correction=0).mean())


def warn_where_collapsed(made: Tensor | np.ndarray, real: Tensor | np.ndarray) -> float:
    """Warn if synthetic samples vary far less than real ones; return the ratio of their spreads.

    Parameters
    ----------
    made, real : Tensor of shape (n_samples, ...)

    Returns
    -------
    float
        1 where the real samples do not vary at all.
    """
    wanted = spread(real)
    ratio = spread(made) / wanted if wanted else 1.0
    if ratio < COLLAPSED:
        warnings.warn(
            f"The generator has collapsed: its samples vary {ratio:.2g} times as much as the data. "
            "Another random_state, a lower learning rate or a larger batch_size may help.",
            ConvergenceWarning,
        )
    return ratio
