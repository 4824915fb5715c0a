"""Losses of regressors: one value per sample, summed over the outputs."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from skdeep.losses.base import Loss


class RegressionLoss(Loss):
    """Base class of regression losses.

    Shapes
    ------
    raw, target : (n_samples, n_outputs); returns (n_samples,).
    """

    def elementwise(self, raw: Tensor, target: Tensor) -> Tensor:
        """Loss of each value."""
        raise NotImplementedError

    def derivative(self, raw: Tensor, target: Tensor) -> Tensor:
        """Derivative of each value's loss with respect to `raw`."""
        raise NotImplementedError

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        return self.elementwise(raw, target).sum(1)

    def with_gradient(self, raw: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Losses and their derivatives with respect to `raw`."""
        return self(raw, target), self.derivative(raw, target)


class SquaredError(RegressionLoss):
    """Half the squared error, ``(raw - target) ** 2 / 2``."""

    def elementwise(self, raw: Tensor, target: Tensor) -> Tensor:
        return 0.5 * (raw - target).square()

    def derivative(self, raw: Tensor, target: Tensor) -> Tensor:
        return raw - target


class AbsoluteError(RegressionLoss):
    """``|raw - target|``; its minimiser is the median."""

    def elementwise(self, raw: Tensor, target: Tensor) -> Tensor:
        return (raw - target).abs()

    def derivative(self, raw: Tensor, target: Tensor) -> Tensor:
        return torch.sign(raw - target)


class Huber(RegressionLoss):
    """Half the squared error up to `delta`, from there on ``delta * (|error| - delta / 2)``
    (Huber, 1964).

    Parameters
    ----------
    delta : float > 0 or sequence of float, default=1.0
        In the units of the target; one for each output, or for all.
    """

    def __init__(self, delta: float | Sequence[float] = 1.0) -> None:
        super().__init__()
        self.delta = delta

    def elementwise(self, raw: Tensor, target: Tensor) -> Tensor:
        if isinstance(self.delta, (int, float)):
            return F.huber_loss(raw, target, reduction="none", delta=self.delta)
        error = (raw - target).abs()
        near = error.minimum(raw.new_tensor(self.delta))
        return near * (error - 0.5 * near)

    def derivative(self, raw: Tensor, target: Tensor) -> Tensor:
        if isinstance(self.delta, (int, float)):
            return (raw - target).clamp_(-self.delta, self.delta)
        delta = raw.new_tensor(self.delta)
        return (raw - target).clamp_(-delta, delta)


class Quantile(RegressionLoss):
    """The pinball loss, minimised by a quantile of the target (Koenker and Bassett, 1978).

    Parameters
    ----------
    quantile : float in (0, 1), default=0.5
        At 0.5 this is half the absolute error.
    """

    def __init__(self, quantile: float = 0.5) -> None:
        super().__init__()
        self.quantile = quantile

    def elementwise(self, raw: Tensor, target: Tensor) -> Tensor:
        missing = target - raw
        return torch.maximum(self.quantile * missing, (self.quantile - 1) * missing)

    def derivative(self, raw: Tensor, target: Tensor) -> Tensor:
        above = (raw > target).to(raw.dtype)
        return torch.where(raw == target, torch.zeros_like(raw), above - self.quantile)


class Poisson(RegressionLoss):
    """Half the Poisson deviance, with the exponential of `raw` as the prediction.

    ``y log(y / p) - y + p`` with ``p = exp(raw)`` and ``y >= 0``.
    """

    def elementwise(self, raw: Tensor, target: Tensor) -> Tensor:
        return torch.xlogy(target, target) - target * raw - target + raw.exp()

    def derivative(self, raw: Tensor, target: Tensor) -> Tensor:
        return raw.exp() - target
