"""Losses of generators and critics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

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


def critic_loss(
    critic: Callable[[torch.Tensor], torch.Tensor],
    real: torch.Tensor,
    made: torch.Tensor,
    *,
    loss: str,
    penalty: float,
    noise: torch.Generator,
    pac: int = 1,
) -> torch.Tensor:
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
    generator : torch.nn.Module
        ``generator(z, label)`` makes samples.
    critic : torch.nn.Module
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

    def critic_loss(self, batch: Any) -> torch.Tensor:
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

    def generator_loss(self, batch: Any) -> torch.Tensor:
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

    def _against_critic(
        self, real: torch.Tensor, made: torch.Tensor, label: torch.Tensor | None
    ) -> torch.Tensor:
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
