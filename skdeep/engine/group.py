"""Training by several processes (`torch.distributed`), of which each has a share of the rows.

All hold the same weights: a step adds up the gradients of all processes, weighted by their rows, in
one exchange of the flat vector.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch import distributed as dist

from skdeep.data.batches import n_rows
from skdeep.engine.steps import SingleStep

if TYPE_CHECKING:
    from skdeep.engine.training import Training

PATIENCE = 60.0
"""Seconds after which a process that does not answer is taken for dead."""


def group_size() -> int:
    """Number of processes that train together: those of `torchrun`, else 1."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def join_group(device: torch.device) -> tuple[int, int]:
    """Number of this process, and of all; the group is made where there is none."""
    if not dist.is_initialized():
        backend = "nccl" if device.type == "cuda" else "gloo"
        dist.init_process_group(backend, timeout=datetime.timedelta(seconds=PATIENCE))
    return dist.get_rank(), dist.get_world_size()


def sum_over_group(values: Tensor) -> Tensor:
    """Add up tensors of all processes, in place.

    Raises
    ------
    RuntimeError
        If a process is gone.
    """
    try:
        dist.all_reduce(values)
    except RuntimeError as error:
        raise RuntimeError(
            f"One of the {dist.get_world_size()} processes of this fit is gone, or has not "
            f"answered for {PATIENCE:.0f} seconds: {error}"
        ) from error
    return values


class GroupStep(SingleStep):
    """`SingleStep` on the batches of all processes, which may differ in their rows; a process whose
    rows are used up gives an empty batch."""

    def objective(self, x: Any, target: Any, weight: Tensor | None) -> Tensor:
        """Write the gradient of data loss and penalty; return what is reported."""
        grads = self.optimizers[0].flat.grads
        sums = grads.new_zeros(len(grads) + 2)
        if n_rows(x):
            total = grads.new_tensor(float(n_rows(x))) if weight is None else weight.sum()
            loss = self.gradient(x, target, weight)
            sums[:-2], sums[-2], sums[-1] = grads, loss, 1.0
            sums.mul_(total)
        sum_over_group(sums)
        torch.div(sums[:-2], sums[-1], out=grads)
        return self.penalty.add_to(sums[-2] / sums[-1] * self.data_scale, sums[-1])


def agreed(run: Training, total: Tensor, n_done: int) -> tuple[Tensor, int]:
    """Sum of losses and number of rows of an epoch over all processes; running moments, which each
    has of its own rows, become their mean."""
    if type(run.step) is not GroupStep:
        return total, n_done
    numbers = torch.cat([total.double().reshape(-1), total.new_tensor([n_done]).double()])
    sum_over_group(numbers)
    for flat in run.flats:
        for buffer in flat.buffers:
            if buffer.is_floating_point():
                sum_over_group(buffer).div_(dist.get_world_size())
    return numbers[:-1].reshape(total.shape).to(total.dtype), int(numbers[-1])


def step_class() -> Callable[..., SingleStep]:
    """The step of a fit on a stream: by this process alone, or by all of its group."""
    return GroupStep if group_size() > 1 else SingleStep
