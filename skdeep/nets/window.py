"""What windows of series need in a network of forecasts: units of their own and a linear skip."""

from __future__ import annotations

import torch
from torch import Tensor, nn

EPS = 1e-5
"""Added to the variance of a window, in units of a channel's (Kim et al., 2022)."""


class Window(nn.Module):
    """Instance normalisation of series, undone on the scores, and a linear layer beside a network.

    With `center`, each channel of a series is less its last value (NLinear of Zeng et al., 2023)
    or its mean (reversible instance normalisation of Kim et al., 2022), and divided by its standard
    deviation; scores are in the units of the first channel. With `length`, a linear layer of all
    steps is added to the scores; it has no part in the training.

    Parameters
    ----------
    n_channels : int
    n_outputs : int
    center : {'last', 'mean'} or None, default=None
    length : int, default=0
        Steps of each series for the linear layer; 0 for none.

    Attributes
    ----------
    factor, shift : Tensor of shape (n_outputs,)
        Units of scores: ``score * factor + shift`` is one in units of targets, given one in those
        of the first channel.
    weight : Tensor of shape (n_outputs, n_channels * length)
    bias : Tensor of shape (n_outputs,)

    Examples
    --------
    >>> import torch
    >>> from skdeep.nets.window import Window
    >>> window = Window(1, 2, center="last")
    >>> x, units = window.normed(torch.tensor([[[1.0, 3.0, 5.0]]]))
    >>> x[0, 0].round(decimals=2)
    tensor([-2.4500, -1.2200,  0.0000])
    >>> window.finish(torch.tensor([[1.2247, 2.4495]]), x, units).round(decimals=2)
    tensor([[7., 9.]])
    """

    factor: Tensor
    shift: Tensor
    weight: Tensor
    bias: Tensor

    def __init__(
        self, n_channels: int, n_outputs: int, center: str | None = None, length: int = 0
    ) -> None:
        super().__init__()
        self.center, self.length = center, length
        self.register_buffer("factor", torch.ones(n_outputs))
        self.register_buffer("shift", torch.zeros(n_outputs))
        self.register_buffer("weight", torch.zeros(n_outputs, n_channels * length))
        self.register_buffer("bias", torch.zeros(n_outputs))

    def normed(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Series in units of their own, and those of the first channel.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_channels, length)
        mask : Tensor of shape (n_samples, 1, length), default=None
            True, or 1, at steps that are no padding.

        Returns
        -------
        x : Tensor of the same shape
        units : Tensor of shape (n_samples, 2)
            What it was less, and divided by.
        """
        if self.center is None:
            return x, x.new_zeros(())
        inside = torch.ones_like(x[:, :1]) if mask is None else mask.to(x.dtype)
        count = inside.sum(2, keepdim=True).clamp(min=1)
        mean = (x * inside).sum(2, keepdim=True) / count
        spread = (((x - mean) * inside).square().sum(2, keepdim=True) / count + EPS).sqrt()
        center = mean
        if self.center == "last":
            last = (count - 1).long().expand(-1, x.shape[1], -1)
            center = x.gather(2, last)
        units = torch.cat([center[:, 0], spread[:, 0]], 1)
        return (x - center) / spread * inside, units

    def finish(self, scores: Tensor, x: Tensor, units: Tensor) -> Tensor:
        """Scores with those of the linear layer, in units of the targets.

        Parameters
        ----------
        scores : Tensor of shape (n_samples, n_outputs) or (n_samples, n_members, n_outputs)
        x, units : see `normed`

        Returns
        -------
        Tensor of the shape of `scores`
        """
        if self.length:
            linear = self.linear(x)
            scores = scores + (linear if scores.ndim == 2 else linear[:, None])
        if self.center is None:
            return scores
        units = units.reshape(len(units), 2, *[1] * (scores.ndim - 1))
        return (scores * units[:, 1] + units[:, 0]) * self.factor + self.shift

    def linear(self, x: Tensor) -> Tensor:
        """Scores of the linear layer, in full precision, of series in units of their own."""
        with torch.autocast(x.device.type, enabled=False):
            return x.flatten(1).to(self.weight.dtype) @ self.weight.T + self.bias
