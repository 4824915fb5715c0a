"""Gradients of many networks of one shape, computed at once.

One matrix product serves a layer of all of them. `skdeep.engine.steps` has the same passes for one
network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from skdeep.engine.steps import Autograd, PlainBackprop

    Views = Mapping[nn.Parameter, tuple[Tensor, Tensor]]


class PackedBackprop:
    """Gradients of plain perceptrons that train side by side.

    Parameters
    ----------
    first : PlainBackprop
        Of the first of the networks, which differ in their weights alone.
    views : mapping of torch.nn.Parameter to (Tensor, Tensor)
        Values and gradients of the parameters of the first network, for all networks: one more
        axis in front.
    """

    def __init__(self, first: PlainBackprop, views: Views) -> None:
        self.loss, self.activate, self.derive = first.loss, first.activate, first.derive
        layers: Any = first.layers
        self.layers = [
            ((views[w][0], views[b][0].unsqueeze(1)), (views[w][1], views[b][1].unsqueeze(1)))
            for w, b in layers
        ]

    def __call__(self, x: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
        """Write the gradients of the (weighted) mean losses and return these losses.

        Parameters
        ----------
        x : Tensor of shape (n_networks, n_samples, n_features)
        target : Tensor of shape (n_networks * n_samples, ...)
        weight : Tensor of shape (n_networks, n_samples) or None

        Returns
        -------
        Tensor of shape (n_networks,)
        """
        n_networks, n_rows = x.shape[:2]
        outputs = [x]
        last = len(self.layers) - 1
        for (w, b), _ in self.layers[:last]:
            outputs.append(self.activate(torch.baddbmm(b, outputs[-1], w.transpose(1, 2))))
        raw = self._head(outputs[-1])
        elements, delta = self.loss.with_gradient(raw.flatten(1).t(), target)
        losses = elements.view(n_networks, n_rows)
        delta = delta.t().view(-1, n_networks, n_rows).permute(1, 2, 0)
        if weight is None:
            losses = losses.mean(1)
            delta.mul_(1.0 / n_rows)
        else:
            share = weight / weight.sum(1, keepdim=True)
            losses = (losses * share).sum(1)
            delta.mul_(share.unsqueeze(2))
        for i in range(last, -1, -1):
            (w, _), (w_grad, b_grad) = self.layers[i]
            _outer(delta, outputs[i], w_grad)
            torch.sum(delta, 1, keepdim=True, out=b_grad)
            if i:
                delta = self.derive(torch.bmm(delta, w), outputs[i])
        return losses

    def end_pass(self) -> None:
        """Nothing: the networks learn by gradients alone."""

    def _head(self, x: Tensor) -> Tensor:
        """Raw scores, outputs first: softmax over few columns is several times faster so.

        Returns
        -------
        Tensor of shape (n_outputs, n_networks, n_samples)
        """
        (w, b), _ = self.layers[-1]
        raw = torch.baddbmm(b.transpose(1, 2), w, x.transpose(1, 2))
        return raw.transpose(0, 1).contiguous()


class PackedAutograd:
    """Gradients of the mean losses of modules that are computed as one, by autograd.

    Parameters
    ----------
    gradients : sequence of Autograd
        Of modules with ``pack(modules, parameters)``.
    views : mapping of torch.nn.Parameter to (Tensor, Tensor)
        Values and gradients of the parameters of the first module, for all modules: one more axis
        in front.
    """

    def __init__(self, gradients: Sequence[Autograd], views: Views) -> None:
        first = gradients[0]
        self.loss = first.loss
        self.leaves = {p: value.detach().requires_grad_() for p, (value, _) in views.items()}
        self.grads = [grad for _, grad in views.values()]
        modules: Any = [gradient.module for gradient in gradients]
        self.forward = modules[0].pack(modules, self.leaves)

    def __call__(self, x: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
        """Write the gradients of the (weighted) mean losses and return these losses, one for each
        module; shapes as for `PackedBackprop`."""
        with torch.enable_grad():
            elements = self.loss(self.forward(x).flatten(0, 1), target).view(x.shape[:2])
            if weight is None:
                losses = elements.mean(1)
            else:
                losses = (elements * weight).sum(1) / weight.sum(1)
            found = torch.autograd.grad(losses.sum(), list(self.leaves.values()))
        for mine, grad in zip(self.grads, found):
            mine.copy_(grad)
        return losses.detach()

    def end_pass(self) -> None:
        """Give the modules what they learn without gradients."""
        self.forward.end_pass()


def _outer(delta: Tensor, x: Tensor, out: Tensor) -> None:
    """Gradients of weights into `out`, along the way that it lies in memory; torch makes one call
    of a batch of products where the result is contiguous, which `out` is not."""
    if out.stride(2) == 1:
        out.copy_(torch.bmm(delta.transpose(1, 2), x))
    else:
        out.transpose(1, 2).copy_(torch.bmm(x.transpose(1, 2), delta))
