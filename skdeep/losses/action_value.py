"""Losses of values of actions."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from skdeep.losses.base import Loss


class ActionValue(Loss):
    """Huber loss (Huber, 1964) of the value of the action that was taken, and a conservative term.

    The term is ``conservative * (logsumexp(raw) - raw[action])``: it lowers the values of all
    actions against that of the logged one (Kumar et al., 2020, "CQL(H)").

    Parameters
    ----------
    delta : float, default=1.0
        Error beyond which the loss is linear.
    conservative : float, default=0.0

    Shapes
    ------
    raw : (n_samples, n_actions); target : (n_samples, 2), the number of the action and its value;
    returns (n_samples,).

    Examples
    --------
    >>> import torch
    >>> from skdeep.losses import ActionValue
    >>> ActionValue()(torch.tensor([[0.0, 4.0]]), torch.tensor([[1.0, 1.0]]))
    tensor([2.5000])
    """

    def __init__(self, delta: float = 1.0, conservative: float = 0.0) -> None:
        super().__init__()
        self.delta, self.conservative = delta, conservative

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        value = raw.gather(1, target[:, :1].long())[:, 0]
        loss = F.huber_loss(value, target[:, 1], reduction="none", delta=self.delta)
        if self.conservative:
            loss = loss + self.conservative * (raw.logsumexp(1) - value)
        return loss

    def with_gradient(self, raw: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The losses and their derivatives by `raw`."""
        action = target[:, :1].long()
        error = raw.gather(1, action) - target[:, 1:]
        slope = error.clamp(-self.delta, self.delta)
        elements = (slope * (error - 0.5 * slope))[:, 0]
        if not self.conservative:
            return elements, torch.zeros_like(raw).scatter_(1, action, slope)
        value = error[:, 0] + target[:, 1]
        total = raw.logsumexp(1)
        gradient = (raw - total[:, None]).exp_().mul_(self.conservative)
        gradient.scatter_add_(1, action, slope - self.conservative)
        return elements.add_(total - value, alpha=self.conservative), gradient
