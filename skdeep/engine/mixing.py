"""The gradient for modules that mix rows, know their weights or are several networks."""

import torch

from skdeep.engine.precision import mixed_precision
from skdeep.engine.steps import Autograd
from skdeep.losses.reduce import weighted_mean


class MixingAutograd(Autograd):
    """Gradient of the mean loss over rows and members of a `ConvNet`.

    A row that was mixed of two has the loss of both labels, by their shares; each share counts
    with the weight of the row that it came from.

    Parameters
    ----------
    module : torch.nn.Module
        Takes ``module(x, weight)``; has `partner` and `share`, see `skdeep.nets.convnet.ConvNet`.
    loss : callable
    flat : FlatParameters
    mixed : bool, default=False
        Whether the forward pass is in mixed precision.
    """

    def __init__(self, module, loss, flat, mixed=False):
        super().__init__(module, loss, flat)
        self.forward = module
        if mixed:
            self.forward = mixed_precision(module, flat.values.dtype, flat.values.device)

    def __call__(self, x, target, weight):
        self.flat.grads.zero_()
        with torch.enable_grad():
            raw = self.forward(x) if weight is None else self.forward(x, weight)
            loss = self._loss(raw, target, weight)
            loss.backward()
        return loss.detach()

    def _loss(self, raw, target, weight):
        partner, share = self.module.partner, self.module.share
        if partner is None:
            return weighted_mean(self._elements(raw, target), weight)
        own = torch.ones_like(share) if weight is None else weight
        elements = torch.stack([self._elements(raw, t) for t in (target, target[partner])])
        weights = torch.stack([share * own, (1 - share) * own[partner]])
        return weighted_mean(elements.flatten(), weights.flatten())

    def _elements(self, raw, target):
        """One loss for each row, the mean over members."""
        if raw.ndim == 2:
            return self.loss(raw, target)
        n_members = raw.shape[1]
        repeated = target.repeat_interleave(n_members, 0)
        return self.loss(raw.flatten(0, 1), repeated).unflatten(0, (-1, n_members)).mean(1)
