"""Variational autoencoders (Kingma and Welling, 2014)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import islice, pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skdeep.nets.autoencoder import activations, read_shared_slope
from skdeep.nets.blocks import Linear, RandomModule, activate

_SMALLEST_STD = 0.05  # of Gaussian outputs: a column without noise would outweigh all others
_FIRST_VARIANCE = 0.1  # small, or codes would be given up before the decoder can read them
LOG_VARIANCES = (-10.0, 10.0)  # of codes


class Draw(RandomModule):
    """Sample codes from their means and log variances; the means outside of training."""

    def forward(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        if not self.is_drawing():
            return mean
        noise = torch.empty_like(mean).normal_(generator=self.generator)
        return mean + noise * (0.5 * log_variance).exp()


class VAENet(nn.Module):
    """Encoder to a normal distribution over codes, decoder to a distribution over rows.

    Parameters
    ----------
    n_features : int
    hidden_layer_sizes : tuple of int
        Of the encoder; the decoder mirrors it.
    n_components : int
        Width of the code.
    activation : str, default='relu'
    likelihood : {'gaussian', 'bernoulli'}, default='gaussian'
        Gaussian outputs have a learned variance for each column.
    draws_codes : bool, default=True
        Whether training samples codes; else it uses their means.

    Shapes
    ------
    x : (n_samples, n_features); returns the outputs (means, or raw scores before the sigmoid),
    the log variances of the columns (n_features,), and means and log variances of the codes, both
    (n_samples, n_components).

    Examples
    --------
    >>> import torch
    >>> from skdeep.nets.vae import VAENet
    >>> VAENet(4, (8,), 2).encode(torch.zeros(3, 4))[0].shape
    torch.Size([3, 2])
    """

    def __init__(
        self,
        n_features: int,
        hidden_layer_sizes: Sequence[int],
        n_components: int,
        activation: str = "relu",
        likelihood: str = "gaussian",
        draws_codes: bool = True,
    ) -> None:
        super().__init__()
        self.config = {
            "n_features": int(n_features),
            "hidden_layer_sizes": tuple(int(n) for n in hidden_layer_sizes),
            "n_components": int(n_components),
            "activation": activation,
            "likelihood": likelihood,
            "draws_codes": bool(draws_codes),
        }
        self.likelihood = likelihood
        down = [n_features, *hidden_layer_sizes, 2 * n_components]
        up = [n_components, *reversed(hidden_layer_sizes), n_features]
        self.encoder = nn.ModuleList(Linear(i, o) for i, o in pairwise(down))
        self.decoder = nn.ModuleList(Linear(i, o) for i, o in pairwise(up))
        self.activations = activations(activation, 2 * len(hidden_layer_sizes))
        self.register_load_state_dict_pre_hook(read_shared_slope)
        self.draw = Draw() if draws_codes else None
        start = math.log(math.expm1(_FIRST_VARIANCE * math.log(2)))
        self.spread = nn.Parameter(torch.full((n_features,), start))

    def _run(self, linears: nn.ModuleList, h: Tensor) -> Tensor:
        n_hidden = len(linears) - 1
        first = 0 if linears is self.encoder else n_hidden
        for linear, activation in zip(linears, islice(self.activations, first, first + n_hidden)):
            h = activate(activation, linear(h), linear)
        return linears[-1](h)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Means and log variances of the codes."""
        mean, log_variance = self._run(self.encoder, x).chunk(2, dim=1)
        return mean, log_variance.clamp(*LOG_VARIANCES)

    def decode(self, z: Tensor) -> Tensor:
        """Outputs of codes, before the sigmoid of 'bernoulli'."""
        return self._run(self.decoder, z)

    @property
    def log_variance(self) -> Tensor:
        """Log variance of each column, bounded from below."""
        return (F.softplus(self.spread) / math.log(2) + _SMALLEST_STD**2).log()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        mean, log_variance = self.encode(x)
        code = mean if self.draw is None else self.draw(mean, log_variance)
        return self.decode(code), self.log_variance, mean, log_variance

    def means(self, raw: Tensor) -> Tensor:
        """Expected rows from outputs."""
        return torch.sigmoid(raw) if self.likelihood == "bernoulli" else raw

    def log_likelihood_bound(self, x: Tensor, noise: Tensor) -> Tensor:
        """The importance-weighted bound of Burda et al. (2016).

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
        noise : Tensor of shape (n_draws, n_components)
            Standard normal, the same for all rows, so that results of rows are independent.

        Returns
        -------
        Tensor of shape (n_samples,)
        """
        mean, log_variance = self.encode(x)
        std = (0.5 * log_variance).exp()
        weights = []
        for draw in noise:
            z = mean + std * draw
            prior_to_posterior = 0.5 * (draw.square() - z.square() + log_variance).sum(1)
            weights.append(
                prior_to_posterior
                - negative_log_likelihood(self.decode(z), self.log_variance, x, self.likelihood)
            )
        return torch.logsumexp(torch.stack(weights), 0) - math.log(len(noise))


def negative_log_likelihood(
    raw: Tensor, log_variance: Tensor, x: Tensor, likelihood: str
) -> Tensor:
    """Negative log-likelihood of each row, given the decoder's outputs for its code."""
    if likelihood == "bernoulli":
        return F.binary_cross_entropy_with_logits(raw, x, reduction="none").sum(1)
    squares = (x - raw).square() * (-log_variance).exp()
    return 0.5 * (squares + log_variance + math.log(2 * math.pi)).sum(1)
