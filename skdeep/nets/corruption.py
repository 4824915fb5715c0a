"""Corruption of the input of denoising autoencoders (Vincent et al., 2010)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from skdeep.nets.blocks import RandomModule


class Corruption(RandomModule):
    """Corrupt a copy of the input in training.

    Parameters
    ----------
    kind : {'masking', 'gaussian', 'salt_and_pepper'}
        'masking' sets a share `rate` of the values to 0; 'gaussian' adds noise of the standard
        deviation `rate`; 'salt_and_pepper' sets a share `rate` of the values to `low` or `high`
        of their column, with equal probability.
    rate : float
    low, high : tuple of float, default=()
        Of 'salt_and_pepper': smallest and largest value of each column, or channel.
    n_axes : int, default=0
        Axes behind that of columns or channels.

    Shapes
    ------
    x : (n_samples, ...); returns the same shape.
    """

    low: Tensor
    high: Tensor

    def __init__(
        self,
        kind: str,
        rate: float,
        low: Sequence[float] = (),
        high: Sequence[float] = (),
        n_axes: int = 0,
    ) -> None:
        super().__init__()
        self.kind, self.rate = kind, rate
        if kind == "salt_and_pepper":
            for name, values in (("low", low), ("high", high)):
                edge = torch.tensor(values, dtype=torch.float64).view(-1, *[1] * n_axes)
                self.register_buffer(name, edge, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.corrupt(x, self.generator) if self.is_drawing() else x

    def corrupt(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return a corrupted copy of `x`.

        Parameters
        ----------
        x : Tensor of shape (n_samples, ...)
        generator : torch.Generator
        """
        if self.kind == "gaussian":
            return x + torch.empty_like(x).normal_(0.0, self.rate, generator=generator)
        draws = torch.empty_like(x).uniform_(generator=generator)
        if self.kind == "masking":
            return x * (draws >= self.rate)
        corrupted = torch.where(draws < 0.5 * self.rate, self.low.to(x.dtype), x)
        is_high = (draws >= 0.5 * self.rate) & (draws < self.rate)
        return torch.where(is_high, self.high.to(x.dtype), corrupted)
