"""Gradient for modules that mix rows, use their weights or hold several networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from skdeep.engine.device import mixed_precision
from skdeep.engine.steps import Autograd
from skdeep.losses.reduce import weighted_mean

if TYPE_CHECKING:
    from skdeep.engine.optim import FlatParameters
    from skdeep.engine.protocols import Loss


class MixingAutograd(Autograd):
    """Gradient of the mean loss over rows and members of a `ConvNet`.

    The loss of a row mixed from two is that of both labels, weighted by their shares; each share
    has the weight of its row.

    Parameters
    ----------
    module : torch.nn.Module
        Takes ``module(x, weight)``; has `partner` and `share`, see `skdeep.nets.convnet.ConvNet`.
    loss : callable
    flat : FlatParameters
    mixed : bool, default=False
        Whether the forward pass is in mixed precision.
    """

    module: Any  # with attributes of its own

    def __init__(
        self, module: nn.Module, loss: Loss, flat: FlatParameters, mixed: bool = False
    ) -> None:
        super().__init__(module, loss, flat)
        self.forward: Callable[..., Tensor] = module
        if mixed:
            self.forward = mixed_precision(module, flat.values.dtype, flat.values.device)

    def __call__(
        self, x: Tensor | tuple[Tensor, Tensor], target: Tensor, weight: Tensor | None
    ) -> Tensor:
        with torch.enable_grad():
            raw = self.forward(x) if weight is None else self.forward(x, weight)
            loss = self._loss(raw, target, weight)
            self.flat.backward(loss)
        return loss.detach()

    def _loss(self, raw: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
        partner, share = self.module.partner, self.module.share
        if partner is None:
            return weighted_mean(self._elements(raw, target), weight)
        own = torch.ones_like(share) if weight is None else weight
        elements = torch.stack([self._elements(raw, t) for t in (target, target[partner])])
        weights = torch.stack([share * own, (1 - share) * own[partner]])
        return weighted_mean(elements.flatten(), weights.flatten())

    def _elements(self, raw: Tensor, target: Tensor) -> Tensor:
        """One loss for each row, averaged over members."""
        if raw.ndim == 2:
            return self.loss(raw, target)
        n_members = raw.shape[1]
        repeated = target.repeat_interleave(n_members, 0)
        return self.loss(raw.flatten(0, 1), repeated).unflatten(0, (-1, n_members)).mean(1)
