"""Batch normalisation with weights of rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Gradient: TypeAlias = Callable[[Any, Any, Tensor | None], Tensor]


class BatchNorm(nn.Module):
    """Batch normalisation (Ioffe and Szegedy, 2015) with weights of rows: a weight of 2 is a row
    given twice, and padding is ignored.

    Parameters
    ----------
    n_channels : int
    momentum : float, default=0.1
        Share of a batch in the running mean and variance, torch's default.
    eps : float, default=1e-5

    Attributes
    ----------
    row_weight : Tensor of shape (n_samples,), or None
        Weights of the next batch; see `set_row_weight`.

    Shapes
    ------
    x : (n_samples, n_channels, ...); mask : (n_samples, 1, length) or None; returns that of x.

    Examples
    --------
    >>> import torch
    >>> from skdeep.nets.batch_norm import BatchNorm
    >>> BatchNorm(1)(torch.tensor([[[1.0]], [[3.0]]])).flatten().tolist()
    [-0.9999949932098389, 0.9999949932098389]
    """

    row_weight: Tensor | None = None
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, n_channels: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.weight = nn.Parameter(torch.ones(n_channels))
        self.bias = nn.Parameter(torch.zeros(n_channels))
        self.register_buffer("running_mean", torch.zeros(n_channels))
        self.register_buffer("running_var", torch.ones(n_channels))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        if self.training and x.numel() == x.shape[1]:  # one number has no variance
            return self._scaled(x, self.running_mean, self.running_var)
        if not self.training or (mask is None and self.row_weight is None):
            return F.batch_norm(
                x,
                self.running_mean,
                self.running_var,
                self.weight,
                self.bias,
                self.training,
                self.momentum,
                self.eps,
            )
        # In mixed precision x has 8 bits, too few for sums and counts.
        exact = x.to(self.weight.dtype)
        mean, var, count = self._moments(exact, mask)
        with torch.no_grad():
            unbiased = var * (count / (count - 1).clamp(min=1))
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
            self.running_var.lerp_(unbiased.to(self.running_var.dtype), self.momentum)
        return self._scaled(exact, mean, var).to(x.dtype)

    def _moments(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Mean, variance and number of values of each channel."""
        weight = x.new_ones(len(x)) if self.row_weight is None else self.row_weight.to(x.dtype)
        weight = weight.view(-1, *[1] * (x.ndim - 1))
        weight = weight.expand(-1, 1, *x.shape[2:]) if mask is None else weight * mask
        axes = [0, *range(2, x.ndim)]
        count = weight.sum()
        mean = (x * weight).sum(axes) / count
        var = ((x - per_channel(mean, x)).square() * weight).sum(axes) / count
        return mean, var, count

    def _scaled(self, x: Tensor, mean: Tensor, var: Tensor) -> Tensor:
        scale = self.weight * (var + self.eps).rsqrt()
        return x * per_channel(scale, x) + per_channel(self.bias - mean * scale, x)


def per_channel(values: Tensor, x: Tensor) -> Tensor:
    """Values of the channels in a shape that fits rows."""
    return values.view(1, -1, *[1] * (x.ndim - 2))


def set_row_weight(module: nn.Module, weight: Tensor | None) -> None:
    """Set the weights of the next batch's rows in every layer that computes statistics over rows.

    Parameters
    ----------
    module : torch.nn.Module
    weight : Tensor of shape (n_samples,), or None
    """
    for layer in module.modules():
        if isinstance(layer, BatchNorm):
            layer.row_weight = weight


def weighing(module: nn.Module, gradient: Gradient) -> Gradient:
    """A gradient with the weights of rows set in normalisation layers over the batch.

    Parameters
    ----------
    module : torch.nn.Module
    gradient : callable
        ``gradient(x, target, weight)``.
    """
    if not any(isinstance(layer, BatchNorm) for layer in module.modules()):
        return gradient

    def weighed(x: Any, target: Any, weight: Tensor | None) -> Tensor:
        set_row_weight(module, weight)
        try:
            return gradient(x, target, weight)
        finally:
            set_row_weight(module, None)

    return weighed
