"""A recurrent layer in one direction, and the reversal of padded sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from skdeep.nets.blocks import RandomModule

if TYPE_CHECKING:
    pass

_GATES = {"lstm": 4, "gru": 3, "rnn": 1}
_KERNELS: dict[str, Any] = {"lstm": torch.lstm, "gru": torch.gru, "rnn": torch.rnn_tanh}


class Recurrence(RandomModule):
    """One recurrent layer in one direction, over torch's kernels; gates in torch's order.

    In training a share `p` of the recurrent weights is left out, the same ones in all steps, and
    the others grow by ``1 / (1 - p)`` (Merity, Keskar and Socher, 2018).

    Shapes
    ------
    x : (length, n_samples, n_in), start : (n_samples, n_units), the outputs before the first step,
    or None for zeros; returns (length, n_samples, n_units).
    """

    def __init__(self, cell: str, n_in: int, n_units: int, p: float = 0.0) -> None:
        super().__init__()
        self.cell, self.n_units, self.p = cell, n_units, p
        rows = _GATES[cell] * n_units
        self.weight_in = nn.Parameter(torch.zeros(rows, n_in))
        self.weight_recurrent = nn.Parameter(torch.zeros(rows, n_units))
        self.bias_in = nn.Parameter(torch.zeros(rows))
        self.bias_recurrent = nn.Parameter(torch.zeros(rows))

    def forward(self, x: Tensor, start: Tensor | None = None) -> Tensor:
        recurrent: Tensor = self.weight_recurrent
        if self.p and self.is_drawing():
            kept = torch.empty_like(recurrent).uniform_(generator=self.generator).lt_(1 - self.p)
            recurrent = recurrent * kept.div_(1 - self.p)
        weights = [self.weight_in, recurrent, self.bias_in, self.bias_recurrent]
        if x.is_cuda:
            weights = _side_by_side(weights)
        zeros = x.new_zeros(1, x.shape[1], self.n_units)
        start = zeros if start is None else start[None]
        state = (start, zeros) if self.cell == "lstm" else start
        # cuDNN and oneDNN store what the backward pass needs in training mode only.
        keeps = torch.is_grad_enabled()
        return _KERNELS[self.cell](x, state, weights, True, 1, 0.0, keeps, False, False)[0]


def _side_by_side(weights: list[Tensor]) -> list[Tensor]:
    """The same weights in one contiguous block, as cuDNN requires; it would copy them with a
    warning."""
    sizes = [w.numel() for w in weights]
    block = torch.cat([w.reshape(-1) for w in weights])
    return [part.view_as(w) for part, w in zip(block.split(sizes), weights)]


class _Reversal(torch.autograd.Function):
    """Permutation of rows that is its own inverse."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, order: Tensor) -> Tensor:
        ctx.save_for_backward(order)
        return x.flatten(0, 1).index_select(0, order).view_as(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (order,) = ctx.saved_tensors
        return grad.flatten(0, 1).index_select(0, order).view_as(grad), None


def reversal(length: int, lengths: Tensor) -> Tensor:
    """Index that reverses each sequence and leaves padding in place.

    Parameters
    ----------
    length : int
        Steps, padding included.
    lengths : Tensor of int of shape (n_samples,)

    Returns
    -------
    Tensor of int of shape (length * n_samples,)
        For `reverse`.
    """
    steps = torch.arange(length, device=lengths.device)[:, None]
    source = lengths - 1 - steps
    source = torch.where(source < 0, steps, source)
    return (source * len(lengths) + torch.arange(len(lengths), device=lengths.device)).flatten()


def reverse(x: Tensor, order: Tensor | None = None) -> Tensor:
    """Reverse sequences in time; `order` is None where all have one length.

    Shapes
    ------
    x : (length, n_samples, n_channels), order : (length * n_samples,); returns the shape of x.
    """
    return x.flip(0) if order is None else _Reversal.apply(x, order)
