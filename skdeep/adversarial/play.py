"""What two players over vectors, windows or pictures minimise."""

import torch

from skdeep.losses.adversarial import (
    gradient_penalty,
    relativistic,
    squared_gradient,
    vanilla_critic,
    vanilla_generator,
    wasserstein,
)


class Play:
    """Losses of a generator and a critic, as functions of a batch of real samples.

    Parameters
    ----------
    generator : torch.nn.Module
        ``generator(z, label)`` makes samples.
    critic : torch.nn.Module
        ``critic(x, label)`` gives a score of each sample.
    loss : {'relativistic', 'vanilla', 'wgan-gp'}
    penalty : float
        Strength of the penalties on the critic's gradient; 'vanilla' has none.
    latent_size : int
    noise : torch.Generator
    conditional : bool, default=False
        Whether the batch's target is a label for both players.
    cycle : float, default=0.0
        Weight, in the generator's loss, of the squared error with which it makes a real sample
        from the code that its ``encode`` finds, and a code from the sample made of it.
    """

    def __init__(
        self, generator, critic, loss, penalty, latent_size, noise, conditional=False, cycle=0.0
    ):
        self.generator, self.critic = generator, critic
        self.loss, self.penalty = loss, penalty
        self.latent_size, self.noise, self.conditional = latent_size, noise, conditional
        self.cycle, self._code = cycle, None

    def _make(self, batch):
        x, label, _ = batch
        z = torch.randn(len(x), self.latent_size, device=x.device, generator=self.noise)
        label = label if self.conditional else None
        self._code = z.to(x.dtype)
        return x, self.generator(self._code, label), label

    def critic_loss(self, batch):
        """The critic's loss, with the penalties on its gradient."""
        with torch.no_grad():
            real, made, label = self._make(batch)
        if self.loss == "vanilla":
            return vanilla_critic(self.critic(real, label), self.critic(made, label)).mean()
        if self.loss == "wgan-gp":
            shape = (len(real), *[1] * (real.ndim - 1))
            mix = torch.rand(shape, device=real.device, generator=self.noise).to(real.dtype)
            between = (mix * real + (1 - mix) * made).requires_grad_()
            penalty = gradient_penalty(self.critic(between, label), between)
            value = wasserstein(self.critic(real, label), self.critic(made, label))
            return (value + self.penalty * penalty).mean()
        real = real.detach().clone().requires_grad_()
        made.requires_grad_()
        at_real, at_made = self.critic(real, label), self.critic(made, label)
        penalty = squared_gradient(at_real, real) + squared_gradient(at_made, made)
        return (relativistic(at_real, at_made) + 0.5 * self.penalty * penalty).mean()

    def generator_loss(self, batch):
        """The generator's loss."""
        real, made, label = self._make(batch)
        loss = self._answer(real, made, label)
        if self.cycle:
            again = self.generator(self.generator.encode(real))
            code = self.generator.encode(made.detach())
            error = (real - again).square().mean() + (self._code - code).square().mean()
            loss = loss + self.cycle * error
        return loss

    def _answer(self, real, made, label):
        score = self.critic(made, label)
        if self.loss == "vanilla":
            return vanilla_generator(score).mean()
        if self.loss == "wgan-gp":
            return -score.mean()
        with torch.no_grad():
            at_real = self.critic(real, label)
        return relativistic(score, at_real).mean()
