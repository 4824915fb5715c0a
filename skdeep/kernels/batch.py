"""Some series with time first, and their features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from skdeep.nets import kernels

GROUP_SIZE = 8
"""Kernels of a group that compete (Dempster et al., 2023)."""
VALUES_COMPETING = 2**18
"""Most responses of competing kernels that are held in memory at once: of a cache's size."""


class Batch:
    """Some series with time first.

    Parameters
    ----------
    x : Tensor of shape (length, n_samples, n_channels)
        0 where a value is missing.
    there : Tensor of bool of shape (length, n_samples)
    lengths : Tensor of shape (n_samples,)
    """

    def __init__(self, x: Tensor, there: Tensor, lengths: Tensor) -> None:
        self.x, self.there, self.lengths = x, there, lengths

    def pooled(self, block: dict[str, Any], turn: int, poolings: Sequence[str]) -> Tensor:
        """Features of the fixed kernels of a block; `turn` decides which half may reach over the
        ends of a series."""
        dilation = block["dilation"]
        responses = kernels.convolved(self.x, weights_of(block, self.x.device), dilation)
        whole = kernels.inside(self.there, self.lengths, dilation)
        lowest = -torch.inf
        half, stretch = responses[:, :, turn::2], _stretch(whole)
        if stretch is None:
            half.masked_fill_(~whole[:, :, None], lowest)
        else:  # far less is written
            half[: stretch.start] = lowest
            half[stretch.stop :] = lowest
        if not self.there.all():
            responses.masked_fill_(~self.there[:, :, None], lowest)
        counted = torch.empty(responses.shape[1:], device=responses.device)
        counted[:] = self.there.sum(0)[:, None]
        counted[:, turn::2] = whole.sum(0).to(counted.dtype)[:, None]
        biases = torch.as_tensor(block["biases"], device=responses.device)
        return kernels.pooled(responses, biases, counted, self.lengths.clamp(min=1), poolings)

    def competed(self, block: dict[str, Any]) -> Tensor:
        """Features of the competing kernels of a block."""
        weights = torch.as_tensor(block["weights"], device=self.x.device)
        rows = max(1, VALUES_COMPETING // (len(self.x) * len(weights)))
        out = []
        for x, there in zip(self.x.split(rows, 1), self.there.split(rows, 1)):
            responses = kernels.convolved(x, weights, block["dilation"])
            out.append(kernels.competed(responses, there, GROUP_SIZE))
        return torch.cat(out)


def _stretch(whole: Tensor) -> slice | None:
    """The steps that are marked, if they are one stretch of time, the same in all series."""
    steps = whole[:, 0].nonzero()[:, 0]
    if not len(steps) or not (whole == whole[:, :1]).all():
        return None
    start, stop = int(steps[0]), int(steps[-1]) + 1
    return slice(start, stop) if stop - start == len(steps) else None


def differences(x: Tensor, there: Tensor, lengths: Tensor) -> Batch:
    """First differences of series; a series of one step has none."""
    if len(x) == 1:
        return Batch(torch.zeros_like(x), torch.zeros_like(there), lengths - 1)
    both = there[1:] & there[:-1]
    return Batch((x[1:] - x[:-1]) * both[:, :, None], both, lengths - 1)


def weights_of(block: dict[str, Any], device: torch.device) -> Tensor:
    """Weights of the fixed kernels of a block: (84, n_channels, 9)."""
    channels = torch.as_tensor(block["channels"], dtype=torch.float32, device=device)
    return kernels.fixed_weights().to(device)[:, None] * channels[:, :, None]
