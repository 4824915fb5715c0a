"""Features of series from fixed and random convolution kernels of nine steps.

Series are laid out with time first, (length, n_samples, n_channels): reductions over time then run
over whole rows of memory.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LENGTH = 9
"""Steps that a kernel looks at."""
TRIPLES = tuple(itertools.combinations(range(LENGTH), 3))
"""Of each of the 84 kernels of MiniRocket (Dempster et al., 2021), the places with weight 2; the
others have weight -1."""
POOLINGS = ("ppv", "mean", "index", "stretch")
"""What `pooled` returns for each bias, in its order."""


def fixed_weights() -> Tensor:
    """The 84 kernels of MiniRocket: weights -1 and three times 2, with a sum of 0.

    Returns
    -------
    Tensor of shape (84, 9)
    """
    weights = torch.full((len(TRIPLES), LENGTH), -1.0)
    for row, places in zip(weights, TRIPLES):
        row[list(places)] = 2.0
    return weights


def convolved(x: Tensor, weights: Tensor, dilation: int) -> Tensor:
    """Responses of kernels at each step, with zeros before and after the series.

    Parameters
    ----------
    x : Tensor of shape (length, n_samples, n_channels)
    weights : Tensor of shape (n_kernels, n_channels, 9)
    dilation : int
        Distance between the steps that a kernel looks at.

    Returns
    -------
    Tensor of shape (length, n_samples, n_kernels)
    """
    n = len(x)
    reach = LENGTH // 2 * dilation
    padded = torch.nn.functional.pad(x, (0, 0, 0, 0, reach, reach))
    shifts = [padded[k * dilation : k * dilation + n] for k in range(LENGTH)]
    return torch.cat(shifts, 2) @ weights.transpose(1, 2).flatten(1).T


def inside(there: Tensor, lengths: Tensor, dilation: int) -> Tensor:
    """Steps at which a kernel does not reach over the ends of the series; all where it always does.

    Parameters
    ----------
    there : Tensor of bool of shape (length, n_samples)
        False for padding and missing values.
    lengths : Tensor of shape (n_samples,)
    dilation : int

    Returns
    -------
    Tensor of bool of shape (length, n_samples)
    """
    reach = LENGTH // 2 * dilation
    step = torch.arange(len(there), device=there.device)[:, None]
    whole = (step >= reach) & (step < lengths - reach)
    return there & (whole | (lengths <= 2 * reach))


def pooled(
    responses: Tensor,
    biases: Tensor,
    counted: Tensor,
    lengths: Tensor,
    poolings: Sequence[str] = POOLINGS,
) -> Tensor:
    """Poolings of the positive values of responses minus biases (Tan et al., 2022).

    'ppv' is the share of positive values, 'mean' their mean, 'index' the mean of their places, and
    'stretch' the longest run of them, the last two over the length of the series; 0 where there are
    none.

    Parameters
    ----------
    responses : Tensor of shape (length, n_samples, n_kernels)
        -inf where a response does not count.
    biases : Tensor of shape (n_biases, n_kernels)
    counted : Tensor of shape (n_samples, n_kernels)
        How many responses count.
    lengths : Tensor of shape (n_samples,)
    poolings : sequence of str
        Of `POOLINGS`.

    Returns
    -------
    Tensor of shape (n_samples, n_poolings * n_biases * n_kernels)
    """
    length, n_samples, n_kernels = responses.shape
    steps = torch.arange(length, dtype=responses.dtype, device=responses.device)
    sums = torch.stack([torch.ones_like(steps), steps])
    n, total = counted.clamp(min=1), lengths[:, None].to(responses.dtype)
    positive, above = torch.empty_like(responses), torch.empty_like(responses)
    out: dict[str, list[Tensor]] = {name: [] for name in poolings}
    for bias in biases:
        torch.gt(responses, bias, out=positive)  # much faster than by way of bool
        count, places = (sums @ positive.flatten(1)).unflatten(1, (n_samples, n_kernels))
        some = count.clamp(min=1)
        if "ppv" in out:
            out["ppv"].append(count / n)
        if "mean" in out:
            torch.sub(responses, bias, out=above).clamp_(min=0)
            out["mean"].append(above.sum(0) / some)
        if "index" in out:
            out["index"].append(places / (some * total))
        if "stretch" in out:
            out["stretch"].append(_longest(positive) / total)
    return torch.cat([part for name in poolings for part in out[name]], 1)


def _longest(positive: Tensor) -> Tensor:
    """Length of the longest run of ones in each column."""
    ones = positive.to(torch.int16 if len(positive) < 2**15 else torch.int32)
    run, best = torch.zeros_like(ones[0]), torch.zeros_like(ones[0])
    for step in ones.unbind():
        run.add_(step).mul_(step)
        torch.maximum(best, run, out=best)
    return best.to(positive.dtype)


def competed(responses: Tensor, there: Tensor, group_size: int) -> Tensor:
    """How often kernels win in their groups (Hydra: Dempster et al., 2023).

    At each step, the kernel of a group with the largest response wins the response, if that is
    positive, and the one with the smallest response wins 1; of equal ones, all win. The
    features are the square roots of the means over time, because counts are skewed.

    Parameters
    ----------
    responses : Tensor of shape (length, n_samples, n_kernels)
        The kernels of a group lie ``n_kernels / group_size`` apart.
    there : Tensor of bool of shape (length, n_samples)
        Steps that count.
    group_size : int

    Returns
    -------
    Tensor of shape (n_samples, 2 * n_kernels)
    """
    groups = responses.unflatten(2, (group_size, -1))
    weight = there.to(responses.dtype)
    n = weight.sum(0).clamp(min=1)[:, None]
    weight = weight[:, :, None, None]
    wins, sums = torch.empty_like(groups), []
    best = _extreme(groups, torch.maximum)
    torch.eq(groups, best, out=wins).mul_(best.clamp_(min=0).mul_(weight))
    sums.append(wins.sum(0).flatten(1))
    torch.eq(groups, _extreme(groups, torch.minimum), out=wins)
    if not there.all():
        wins.mul_(weight)
    sums.append(wins.sum(0).flatten(1))
    return (torch.cat(sums, 1) / n).sqrt_()


def _extreme(groups: Tensor, larger: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Largest or smallest response of each group, by halves: five times as fast as `amax` where
    there are few groups."""
    while (n := groups.shape[2]) > 1:
        half = -(-n // 2)
        groups = larger(groups[:, :, :half], groups[:, :, n - half :])
    return groups
