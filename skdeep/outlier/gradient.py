"""Gradients of masked networks."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skdeep.engine import Autograd
from skdeep.nets.blocks import hooks_of
from skdeep.nets.masked import MaskedNet

_aten = torch.ops.aten
_KNOWN: dict[type, Any] = {
    # activation -> itself, and f(gradient, input), which overwrites the gradient by that of input
    nn.SiLU: (F.silu, lambda g, z: _aten.silu_backward.grad_input(g, z, grad_input=g)),
    nn.ReLU: (torch.relu, lambda g, z: _aten.threshold_backward.grad_input(g, z, 0, grad_input=g)),
}


class TrimmedAutograd(Autograd):
    """Gradient without the rows of largest loss, which may be outliers (least trimmed squares,
    Rousseeuw, 1984; for autoencoders Zhou and Paffenroth, 2017).

    Parameters
    ----------
    module, loss, flat
        As for `Autograd`.
    n_members : int, default=1
        Number of networks, whose losses are concatenated; each leaves out its own rows.

    Attributes
    ----------
    share : float
        Share of the rows of a batch that are left out; 0 at the start.
    """

    def __init__(self, module: nn.Module, loss: Any, flat: Any, n_members: int = 1) -> None:
        super().__init__(module, loss, flat)
        self.n_members, self.share = n_members, 0.0

    def __call__(self, x: Any, target: Any, weight: Tensor | None) -> Tensor:
        with torch.enable_grad():
            elements = self.loss(self.module(x), target).unflatten(0, (self.n_members, -1))
            n_out = int(self.share * elements.shape[1])
            if n_out:
                elements = elements.sort(1).values[:, : elements.shape[1] - n_out]
            loss = elements.mean()
            self.flat.backward(loss)
        return loss.detach()


class MaskedBackprop(TrimmedAutograd):
    """Gradient of `skdeep.losses.MaskedSquaredError` of a `MaskedNet`.

    On a CPU autograd's bookkeeping takes as long as the arithmetic of tables with few columns, and
    its temporary arrays a third of the time of those with many. Other activations than 'silu' and
    'relu', networks on other devices and those that hooks watch are left to autograd.

    Parameters
    ----------
    module : MaskedNet
    loss : MaskedSquaredError
    flat : FlatParameters
        Of the module.
    n_members : int, default=1
    """

    def __init__(self, module: MaskedNet, loss: Any, flat: Any, n_members: int = 1) -> None:
        super().__init__(module, loss, flat, n_members)
        self._input = module.masked_input
        self._hooks = [hook for m in module.modules() for hook in hooks_of(m)]
        self._layers = [(linear.weight.data, linear.bias.data) for linear in module.linears]
        self._grads: list[Any] = [(m.weight.grad, m.bias.grad) for m in module.linears]
        kinds = {type(activation) for activation in module.activations}
        self._applies = flat.values.device.type == "cpu" and kinds <= _KNOWN.keys()
        self._activate, self._derive = _KNOWN.get(kinds.pop(), (None, None))

    def __call__(self, x: Any, target: Any, weight: Tensor | None) -> Tensor:
        if not self._applies or any(self._hooks):
            return super().__call__(x, target, weight)
        inputs, x, counted = self._input(x)
        before, after, last = [], [inputs], len(self._layers) - 1
        for weights, bias in self._layers[:last]:
            before.append(torch.baddbmm(bias, after[-1], weights))
            after.append(self._activate(before[-1]))
        weights, bias = self._layers[last]
        delta = torch.baddbmm(bias, after[-1], weights).sub_(x).mul_(counted)
        loss = self._scaled(delta, counted.sum(2).clamp_(min=1))
        for i in range(last, -1, -1):
            weight_grad, bias_grad = self._grads[i]
            torch.bmm(after[i].mT, delta, out=weight_grad)
            torch.sum(delta, 1, keepdim=True, out=bias_grad)
            if i:
                delta = self._derive(torch.bmm(delta, self._layers[i][0].mT), before[i - 1])
        return loss

    def _scaled(self, errors: Tensor, n_counted: Tensor) -> Tensor:
        """The mean loss of the rows that are not left out; `errors` become its derivatives."""
        elements = torch.linalg.vecdot(errors, errors).div_(n_counted)
        n_out = int(self.share * elements.shape[1])
        if n_out:
            n_kept = elements.shape[1] - n_out
            kept = elements.topk(n_kept, 1, largest=False, sorted=False).indices
            share = torch.zeros_like(elements).scatter_(1, kept, 1 / (n_kept * len(elements)))
        else:
            share = torch.full_like(elements, 1 / elements.numel())
        errors.mul_((2 * share / n_counted).unsqueeze(2))
        return (elements * share).sum()
