"""Forward and backward passes of a plain perceptron, written out by hand.

On the networks that tables need, autograd's bookkeeping takes as long as the arithmetic. A stack
of linear layers with one of the four activations whose derivative follows from their output needs
no bookkeeping: the passes below are a few matrix products each. `tests/nets/test_backprop.py`
holds them against autograd.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skdeep.nets.blocks import hooks_of

if TYPE_CHECKING:
    from skdeep.nets.mlp import MLPNet

_NARROW = 16

_aten = torch.ops.aten
_DERIVATIVES = {  # activation -> f(gradient, output), which overwrites the gradient
    "identity": lambda g, a: g,
    "logistic": lambda g, a: _aten.sigmoid_backward.grad_input(g, a, grad_input=g),
    "tanh": lambda g, a: _aten.tanh_backward.grad_input(g, a, grad_input=g),
    "relu": lambda g, a: _aten.threshold_backward.grad_input(g, a, 0, grad_input=g),
}
_INPLACE = {
    "identity": lambda z: z,
    "logistic": torch.Tensor.sigmoid_,
    "tanh": torch.Tensor.tanh_,
    "relu": torch.Tensor.relu_,
}


class PlainBackprop:
    """Gradients of a plain `MLPNet` without autograd.

    Parameters
    ----------
    net : MLPNet
        One that `applies_to` accepts, whose parameters have their ``.grad`` set.
    loss : torch.nn.Module
        With `with_gradient(raw, target)`, one loss and one row of derivatives per sample.
    watched : callable, default=None
        What to call in its place while the network has hooks, which see nothing of these passes.
    """

    def __init__(
        self, net: MLPNet, loss: Any, watched: Callable[..., Tensor] | None = None
    ) -> None:
        self.loss, self.watched = loss, watched
        self._hooks = [] if watched is None else [h for m in net.modules() for h in hooks_of(m)]
        self.layers = [(m.weight, m.bias) for m in net.linears]
        self.grads: list[Any] = [(w.grad, b.grad) for w, b in self.layers]
        self._shares: dict[int, Tensor] = {}
        self.activate = _INPLACE[net.activation]
        self.derive = _DERIVATIVES[net.activation]

    @staticmethod
    def applies_to(net: nn.Module, loss: nn.Module) -> bool:
        """Whether this class can stand in for autograd."""
        return (
            getattr(net, "is_plain", False)
            and net.activation in _DERIVATIVES
            and hasattr(loss, "with_gradient")
        )

    def __call__(self, x: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
        """Write the gradient of the (weighted) mean loss and return that loss.

        Called with autograd off.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features), dense or sparse COO
        target : Tensor of shape (n_samples,) or (n_samples, n_outputs)
        weight : Tensor of shape (n_samples,) or None

        Returns
        -------
        Tensor of shape ()
        """
        if self.watched is not None and any(self._hooks):
            return self.watched(x, target, weight)
        outputs = [x]
        last = len(self.layers) - 1
        for w, b in self.layers[:last]:
            outputs.append(self.activate(F.linear(outputs[-1], w, b)))
        raw = _head(outputs[-1], *self.layers[last])
        elements, delta = self.loss.with_gradient(raw, target)
        if weight is None:
            loss = torch.dot(elements, self._equal_shares(elements))
            delta.mul_(1.0 / len(elements))
        else:
            share = weight / weight.sum()
            loss = torch.dot(elements, share)
            delta.mul_(share.unsqueeze(1))
        for i in range(last, -1, -1):
            w_grad, b_grad = self.grads[i]
            _outer(delta, outputs[i], w_grad)
            torch.sum(delta, 0, out=b_grad)
            if i:
                delta = self.derive(torch.mm(delta, self.layers[i][0]), outputs[i])
        return loss

    def _equal_shares(self, elements: Tensor) -> Tensor:
        """``1 / n`` for each of n rows; kept, since nearly all batches have the same n."""
        n = len(elements)
        if n not in self._shares:
            self._shares[n] = torch.full_like(elements, 1.0 / n)
        return self._shares[n]


def _head(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The output layer; for few outputs as the transpose of a contiguous matrix, which makes
    the product and the softmax after it faster."""
    if len(bias) > _NARROW or x.is_sparse:
        return F.linear(x, weight, bias)
    return torch.addmm(bias.unsqueeze(1), weight, x.t()).t()


def _outer(delta: Tensor, x: Tensor, out: Tensor) -> None:
    if x.is_sparse:
        out.copy_(torch.mm(x.t(), delta).t())
    else:
        torch.mm(delta.t(), x, out=out)
