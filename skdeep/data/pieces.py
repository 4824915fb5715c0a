"""Piecewise processing of rows of any kind: statistics, forward passes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from skdeep.data.batches import chunks, to_tensor
from skdeep.data.rows import LoadedRows, MappedRows, PaddedRows, RaggedRows, SparseRows

if TYPE_CHECKING:
    from skdeep.data.rows import DeviceRows

STATISTICS_ROWS = 10_000
"""That means and deviations of channels are taken from, at most."""

SCALES, SCALES_ROWS, SHORT = 10, 1000, 8
"""See `scales_differ`."""

FAR = 1e-6
"""Variance over squared mean below which a channel is far from zero."""

LARGEST = {"cpu": 2**22, "cuda": 2**27}
"""Numbers in the widest layer of a forward pass."""


@torch.no_grad()
def channel_statistics(x: DeviceRows, weight: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel over all rows and places, ignoring NaN.

    Of more than 10,000 rows, 10,000 at equal distances are looked at.

    Parameters
    ----------
    x : Tensor of shape (n_samples, n_channels, ...), LoadedRows or PaddedRows
    weight : Tensor of shape (n_samples,), default=None

    Returns
    -------
    mean, deviation : Tensor of float64 of shape (n_channels,)
        The deviation of constant channels is 1.
    """
    mean, variance = _moments(x, weight)
    floor = 1e-12 * mean.square()
    if x.dtype == torch.float64:
        far = variance < FAR * mean.square()
        if far.any():  # squares of numbers far from zero leave nothing of their differences
            shift, exact = _moments(x, weight, mean)
            mean = torch.where(far, mean + shift, mean)
            variance = torch.where(far, exact, variance)
            floor = torch.where(far, 1e-26 * mean.square(), floor)
    return mean, torch.where(variance > floor, variance.sqrt(), 1.0)


def _moments(
    x: DeviceRows, weight: Tensor | None, shift: Tensor | float = 0.0
) -> tuple[Tensor, Tensor]:
    """Mean and variance of each channel minus `shift`."""
    n = x.shape[0]
    rows = torch.arange(0, n, max(1, n // STATISTICS_ROWS))
    weight = torch.ones(n) if weight is None else weight.cpu()
    weight = weight.double()[rows]
    sums = torch.zeros(())
    for piece in rows.split(_piece_size(x)):
        batch = x[piece.to(x.device)] if not isinstance(x, LoadedRows) else x[piece]
        inside = None
        if not isinstance(batch, tuple):
            values = batch
        else:
            values, lengths = batch
            inside = (torch.arange(values.shape[2], device=x.device) < lengths[:, None])[:, None]
        values = values.flatten(2).double()
        if not isinstance(shift, float):
            values = values - shift[:, None]
        there = ~torch.isnan(values) if inside is None else ~torch.isnan(values) & inside
        values = values.nan_to_num()
        factor = weight[: len(piece), None].to(values.device)
        weight = weight[len(piece) :]
        parts = [there.sum(2), (values * there).sum(2), (values.square() * there).sum(2)]
        sums = sums + torch.stack([(p * factor).sum(0) for p in parts])
    count, total, squares = sums
    mean = total / count.clamp(min=1e-12)
    return mean, (squares / count.clamp(min=1e-12) - mean.square()).clamp(min=0)


def _piece_size(x: DeviceRows) -> int:
    """Rows whose statistics are taken at once: few for a CPU's cache, many for other devices."""
    if not isinstance(x, Tensor) or x.device.type == "cpu":
        return 100
    return max(100, LARGEST["cpu"] // max(x[0].numel(), 1))


def is_far(X: np.ndarray | Tensor | MappedRows | RaggedRows) -> bool:
    """Whether float32 would lose the differences between values: the mean of a channel is more than
    a thousand standard deviations from zero.

    Of more than 1,000 rows, 1,000 at equal distances are looked at.

    Parameters
    ----------
    X : ndarray, Tensor, MappedRows or RaggedRows of float64
        Checked rows with the channels first.
    """
    values = X.values if isinstance(X, RaggedRows) else X
    values = values[:: max(1, len(values) // SCALES_ROWS)]
    if isinstance(values, MappedRows):
        values = np.array(values.load())
    values = to_tensor(values)[:, :, None]
    mean, variance = _moments(values, None)
    shift, variance = _moments(values, None, mean)
    size = (mean + shift).square()
    return bool(((variance < FAR * size) & (variance > 1e-26 * size)).any())


@torch.no_grad()
def scales_differ(x: DeviceRows) -> bool:
    """Whether the standard deviations of series over time differ by orders of magnitude: in any
    channel the 95 % quantile is above `SCALES` times the 5 % quantile.

    Of more than 1,000 rows, 1,000 at equal distances are looked at. Series of fewer than `SHORT`
    steps are ignored.

    Parameters
    ----------
    x : Tensor of shape (n_samples, n_channels, length), LoadedRows or PaddedRows

    Examples
    --------
    >>> import torch
    >>> from skdeep.data.pieces import scales_differ
    >>> x = torch.arange(10.0).repeat(30, 1, 1)
    >>> scales_differ(x), scales_differ(x * torch.logspace(-1, 1, 30)[:, None, None])
    (False, True)
    """
    n, found = x.shape[0], []
    for row in range(0, n, max(1, n // SCALES_ROWS)):
        values = x[torch.tensor([row])]
        values = values[0] if isinstance(values, tuple) else values
        if values.shape[2] >= SHORT:
            values = values[0].double()
            there = ~torch.isnan(values)
            count = there.sum(1).clamp(min=1)
            centred = (values - (values.nan_to_num().sum(1) / count)[:, None]).nan_to_num()
            found.append((centred.square().sum(1) / count).sqrt().cpu())
    if not found:
        return False
    low, high = torch.stack(found).quantile(torch.tensor([0.05, 0.95]).double(), 0)
    return bool((high > SCALES * low).any())


def pieces(module: nn.Module, x: DeviceRows) -> tuple[Tensor, ...]:
    """Row numbers of each piece of a forward pass; series of similar length are grouped."""
    n_samples, sides = x.shape[0], list(x.shape)[2:]
    if n_samples == 1:  # to look through the parameters takes longer than its way through some
        return (torch.arange(1),)
    if isinstance(x, PaddedRows):
        sides = [int(x.lengths.max())]
    width = max((p.shape[0] for p in module.parameters() if p.ndim > 2), default=1)
    device = next(module.parameters()).device
    budget = LARGEST["cpu" if device.type == "cpu" else "cuda"]
    rows = max(1, min(1024, budget // (width * math.prod(sides))))
    order = torch.arange(n_samples)
    if isinstance(x, PaddedRows):
        order = x.lengths.cpu().argsort(stable=True)
    return order.split(rows)


def in_pieces(module: nn.Module, x: DeviceRows, function: Callable[[Any], Tensor]) -> Tensor:
    """Apply a function to rows piece by piece, to bound its memory."""
    cut = pieces(module, x)
    device = next(module.parameters()).device
    out = [function(x[piece.to(device)]) for piece in cut]
    if not isinstance(x, PaddedRows):
        return torch.cat(out)
    back = torch.cat(cut).argsort()
    return torch.cat(out)[back.to(device)]


def forward(module: nn.Module, x: Any) -> Tensor:
    """Raw scores of all rows, in chunks where there are many."""
    n_samples = x.shape[0]
    if len(x.shape) > 2:
        return in_pieces(module, x, module)
    if not isinstance(x, SparseRows) and n_samples <= 256:
        return module(x)
    parameters = list(module.parameters())
    cut = chunks(n_samples, max(p.shape[0] for p in parameters), parameters[0].device)
    return torch.cat([module(x[piece]) for piece in cut])
