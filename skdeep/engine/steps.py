"""Training steps: gradients, penalties and updates by one batch, and averages over many steps.

A step is called with a batch, autograd being disabled, and returns its losses as a new tensor on
the device without synchronising with it. `loss_names` are the names of the losses in the history;
the first is watched by training unless there is a validation score.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skdeep.data.batches import n_rows
from skdeep.engine.packed_gradients import PackedAutograd, PackedBackprop
from skdeep.losses.reduce import weighted_mean
from skdeep.nets.blocks import hooks_of

if TYPE_CHECKING:
    from skdeep.data.batches import Batch
    from skdeep.engine.optim import FlatOptimizer, FlatParameters
    from skdeep.engine.packed_gradients import Views
    from skdeep.engine.protocols import Gradient, Loss, Validator
    from skdeep.nets.blocks import MLPNet


class Penalty:
    """``alpha / n * ((1 - l1_ratio) / 2 * |W|_2^2 + l1_ratio * |W|_1)`` over all weights W,
    n being the weight of the batch, as in scikit-learn.

    Parameters
    ----------
    flat : FlatParameters
    l2, l1 : float
        The two shares of `alpha`.
    """

    def __init__(self, flat: FlatParameters, l2: float, l1: float = 0.0) -> None:
        self.weights, self.grads = flat.weights, flat.weight_grads
        self.l2, self.l1 = l2, l1

    def add_to(self, loss: Tensor, total_weight: float | Tensor) -> Tensor:
        """Add the penalty to `loss` in place, and its gradient to the gradient of the weights.

        Parameters
        ----------
        loss : Tensor of shape ()
        total_weight : float or Tensor of shape ()
            Weight of the batch.
        """
        if not (self.l2 or self.l1):
            return loss
        if isinstance(total_weight, torch.Tensor):
            loss.add_(self._value() / total_weight)
            self.grads.add_(self._gradient() / total_weight)
        elif self.l1:
            loss.add_(self._value(), alpha=1.0 / total_weight)
            self.grads.add_(self._gradient(), alpha=1.0 / total_weight)
        else:  # the usual case, without temporaries
            loss.add_(torch.dot(self.weights, self.weights), alpha=0.5 * self.l2 / total_weight)
            self.grads.add_(self.weights, alpha=self.l2 / total_weight)
        return loss

    def _value(self) -> Tensor:
        return 0.5 * self.l2 * torch.dot(self.weights, self.weights) + (
            self.l1 * self.weights.abs().sum()
        )

    def _gradient(self) -> Tensor:
        return self.l2 * self.weights + self.l1 * torch.sign(self.weights)


class Autograd:
    """Gradient of the mean loss of any module, by autograd.

    The loss sees the output for the whole batch at once, so it may be one value per row, or one
    per pair or triplet that it forms inside the batch (siamese networks); their number may
    change from batch to batch, and a batch without any has the loss 0.

    Parameters
    ----------
    module : torch.nn.Module
    loss : callable
        ``loss(output, target)`` of shape (n_rows,) or (n_pairs,).
    flat : FlatParameters
    """

    def __init__(self, module: Callable[..., Any], loss: Loss, flat: FlatParameters) -> None:
        self.module, self.loss, self.flat = module, loss, flat

    def __call__(self, x: Any, target: Any, weight: Tensor | None) -> Tensor:
        with torch.enable_grad():
            elements = self.loss(self.module(x), target)
            if not len(elements):
                self.flat.grads.zero_()
                return elements.new_zeros(())
            loss = weighted_mean(elements, weight)
            self.flat.backward(loss)
        return loss.detach()

    def pack_key(self) -> Any:
        """What gradients that can be computed side by side have in common; None where none can."""
        described = self.module.pack_key() if hasattr(self.module, "pack_key") else None
        if described is None or type(self) is not Autograd:
            return None
        loss: Any = self.loss
        return described, type(loss), tuple(sorted(loss.config.items()))

    def pack(self, gradients: Sequence[Autograd], views: Views) -> PackedAutograd:
        """The gradients of several with the same `pack_key`, this one being the first."""
        return PackedAutograd(gradients, views)


_NARROW = 16  # outputs
_aten = torch.ops.aten
_KNOWN: dict[str, Any] = {  # activation -> itself, f(gradient, output); both overwrite the first
    "identity": (lambda z: z, lambda g, a: g),
    "logistic": (
        Tensor.sigmoid_,
        lambda g, a: _aten.sigmoid_backward.grad_input(g, a, grad_input=g),
    ),
    "tanh": (Tensor.tanh_, lambda g, a: _aten.tanh_backward.grad_input(g, a, grad_input=g)),
    "relu": (Tensor.relu_, lambda g, a: _aten.threshold_backward.grad_input(g, a, 0, grad_input=g)),
}


class PlainBackprop:
    """Hand-written gradients of a plain `MLPNet`: on the networks that tables need, autograd's
    bookkeeping takes as long as the arithmetic.

    Parameters
    ----------
    net : MLPNet
        One that `applies_to` accepts, whose parameters have their ``.grad`` set.
    loss : torch.nn.Module
        With `with_gradient(raw, target)`, one loss and one row of derivatives per sample.
    watched : callable, default=None
        Gradient to use instead while the network has hooks, which these passes do not call.
    """

    def __init__(self, net: MLPNet, loss: Any, watched: Gradient | None = None) -> None:
        self.loss, self.watched = loss, watched
        self._hooks = [] if watched is None else [h for m in net.modules() for h in hooks_of(m)]
        self.layers = [(m.weight, m.bias) for m in net.linears]
        self.grads: list[Any] = [(w.grad, b.grad) for w, b in self.layers]
        self._shares: dict[int, Tensor] = {}
        self.activation = net.activation
        self.activate, self.derive = _KNOWN[net.activation]

    @staticmethod
    def applies_to(net: nn.Module, loss: nn.Module) -> bool:
        """Whether these gradients are implemented for the network and loss."""
        return (
            getattr(net, "is_plain", False)
            and net.activation in _KNOWN
            and hasattr(loss, "with_gradient")
        )

    def pack_key(self) -> Any:
        """What networks that can be trained side by side have in common; None where hooks watch."""
        if any(self._hooks):
            return None
        shapes = tuple(tuple(w.shape) for w, _ in self.layers)
        loss = type(self.loss), tuple(sorted(self.loss.config.items()))
        return type(self), shapes, self.activation, loss

    def pack(self, gradients: Sequence[PlainBackprop], views: Views) -> PackedBackprop:
        """The passes of networks with the same `pack_key`, this one being the first."""
        return PackedBackprop(self, views)

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
        """``1 / n`` for each of n rows, cached: nearly all batches have the same n."""
        n = len(elements)
        if n not in self._shares:
            self._shares[n] = torch.full_like(elements, 1.0 / n)
        return self._shares[n]


def _head(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Output layer; for few outputs as the transpose of a contiguous matrix, which speeds up the
    product and the softmax after it."""
    if len(bias) > _NARROW or x.is_sparse:
        return F.linear(x, weight, bias)
    return torch.addmm(bias.unsqueeze(1), weight, x.t()).t()


def _outer(delta: Tensor, x: Tensor, out: Tensor) -> None:
    if x.is_sparse:
        out.copy_(torch.mm(x.t(), delta).t())
    else:
        torch.mm(delta.t(), x, out=out)


def _largest_norm(clip: Any) -> float | None:
    """`clip` as a float: torch has no integers beyond 64 bits."""
    clip = clip.item() if hasattr(clip, "item") else clip  # float32 has not that largest number
    try:
        return None if clip is None else float(clip)
    except OverflowError:
        return sys.float_info.max


def _update(optimizer: FlatOptimizer, clip: float | None) -> None:
    """Clip the gradient to a norm of at most `clip` (Pascanu et al., 2013) and step."""
    if clip is not None:
        grads = optimizer.flat.grads
        grads.mul_((clip / (torch.linalg.vector_norm(grads) + 1e-6)).clamp_(max=1.0))
    optimizer.step()


class SingleStep:
    """Step of one network.

    Parameters
    ----------
    optimizer : FlatOptimizer
    gradient : callable
        ``gradient(x, target, weight)`` writes the gradient of the data loss and returns the loss.
    penalty : Penalty
    clip : float or None
        Largest norm of the whole gradient.
    data_scale : float, default=1.0
        Factor of the reported data loss (scikit-learn reports the mean over outputs but minimises
        the sum).
    """

    loss_names = ("train_loss",)

    def __init__(
        self,
        optimizer: FlatOptimizer,
        gradient: Gradient,
        penalty: Penalty,
        clip: float | None = None,
        data_scale: float = 1.0,
    ) -> None:
        self.optimizers = (optimizer,)
        self.gradient, self.penalty = gradient, penalty
        self.clip, self.data_scale = _largest_norm(clip), data_scale

    def objective(self, x: Any, target: Any, weight: Tensor | None) -> Tensor:
        """Write the gradient of data loss and penalty; return what is reported."""
        loss = self.gradient(x, target, weight)
        if self.data_scale != 1.0:
            loss = loss * self.data_scale
        return self.penalty.add_to(loss, n_rows(x) if weight is None else weight.sum())

    def __call__(self, batch: Batch, on_gradient: Callable[[], None] | None = None) -> Tensor:
        loss = self.objective(*batch)
        if on_gradient is not None:
            on_gradient()
        _update(self.optimizers[0], self.clip)
        return loss


class TwoPlayerStep:
    """Step of two networks with an optimizer each: a generator and a discriminator.

    The discriminator takes `ratio` steps for each step of the generator; both losses go into the
    history.

    Parameters
    ----------
    generator_loss, discriminator_loss : callable
        Called with the batch; each returns a scalar. They draw noise and detach tensors themselves.
    generator_optimizer, discriminator_optimizer : FlatOptimizer
    ratio : int, default=1
    clip : float or None
    """

    loss_names = ("generator_loss", "discriminator_loss")

    def __init__(
        self,
        generator_loss: Callable[[Batch], Tensor],
        discriminator_loss: Callable[[Batch], Tensor],
        generator_optimizer: FlatOptimizer,
        discriminator_optimizer: FlatOptimizer,
        ratio: int = 1,
        clip: float | None = None,
    ) -> None:
        self.optimizers = (generator_optimizer, discriminator_optimizer)
        self.players = {
            "generator": (generator_loss, generator_optimizer),
            "discriminator": (discriminator_loss, discriminator_optimizer),
        }
        self.ratio, self.clip = ratio, _largest_norm(clip)
        self._last: dict[str, Tensor] = {}
        self._count = 0

    def _play(self, name: str, batch: Batch, on_gradient: Callable[[], None] | None) -> None:
        loss, optimizer = self.players[name]
        for each in self.optimizers:
            each.flat.grads.zero_()
        with torch.enable_grad():
            value = loss(batch)
            value.backward(inputs=optimizer.flat.parameters)
        if on_gradient is not None:
            on_gradient()
        _update(optimizer, self.clip)
        self._last[name] = value.detach()

    def __call__(self, batch: Batch, on_gradient: Callable[[], None] | None = None) -> Tensor:
        self._play("discriminator", batch, on_gradient)
        self._count += 1
        if self._count % self.ratio == 0 or "generator" not in self._last:
            self._play("generator", batch, on_gradient)
        return torch.stack([self._last["generator"], self._last["discriminator"]])


class MovingAverage:
    """Exponential moving average of the parameters (Polyak and Juditsky, 1992; Tarvainen and
    Valpola, 2017; for generators Yaz et al., 2019).

    The decay is smaller at the beginning: that of step t is ``min(decay, t / (t + 10))``, so that
    initial weights are forgotten.

    Parameters
    ----------
    flat : FlatParameters
    decay : float
        In [0, 1); 0 means no averaging.
    count : int, default=0
        Steps already taken: after many, the current parameters are not treated as initial weights.
    """

    def __init__(self, flat: FlatParameters, decay: float, count: int = 0) -> None:
        self.flat, self.decay = flat, decay
        self.values = flat.values.detach().clone()
        self.count = count

    @torch.no_grad()
    def update(self) -> None:
        """Update the average with the parameters after a step."""
        self.count += 1
        decay = min(self.decay, self.count / (self.count + 10))
        self.values.lerp_(self.flat.values, 1 - decay)

    def under(self, validator: Validator | None) -> Validator | None:
        """The same validator, evaluated with the average; None stays None."""
        if validator is None:
            return None

        def validate() -> tuple[float | None, float | None]:
            own = self.flat.values.detach().clone()
            self.apply()
            try:
                return validator()
            finally:
                with torch.no_grad():
                    self.flat.values.copy_(own)

        return validate

    @torch.no_grad()
    def apply(self) -> None:
        """Replace the parameters by the average."""
        self.flat.values.copy_(self.values)
