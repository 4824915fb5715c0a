"""What stands in for the parts of a step that change from step to step, where it is recorded.

Each has its numbers for the steps to come (`numbers`), takes those of a step as tensors on the
device (`turn`), and counts the steps that were made (`advance`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from skdeep.engine.optim import FlatOptimizer
    from skdeep.engine.steps import MovingAverage

_SMALLEST_PIECE, _MOST_PIECES, _CHUNK = 2048, 30, 65_536
_FAR = 1e30  # a step number at which Adam's corrections of its moments are 1


class RecordedOptimizer:
    """Stands in for a `FlatOptimizer` in a step that is recorded.

    Parameters
    ----------
    optimizer : FlatOptimizer
        Of one of `SOLVERS`; it has made a step.
    """

    SOLVERS = ("adam", "adamw", "amsgrad", "sgd")

    def __init__(self, optimizer: FlatOptimizer) -> None:
        self.optimizer, self.flat = optimizer, optimizer.flat
        self.state = optimizer.torch_optimizer.state[self.flat.values]
        whole = [(slice(None), 1.0, 1.0)]
        self.parts = self.flat.groups or whole
        weights = [(slice(0, self.flat.n_weights), 1.0, 1.0)]
        decayed = self.flat.groups or weights
        self.decayed = [part for part in decayed if optimizer.weight_decay and part[2]]
        self.n_numbers = len(self.parts) + len(self.decayed)
        self.rates: Sequence[Tensor] = ()
        self.keeps: Sequence[Tensor] = ()

    def numbers(self, ahead: int) -> list[float]:
        """What the step after `ahead` others depends on: the rate of each part of the parameters,
        and what is left of each that decays."""
        group, rate = self.optimizer.torch_optimizer.param_groups[0], self.optimizer.learning_rate
        decay = rate * self.optimizer.weight_decay
        if self.optimizer.solver == "adam":  # with its epsilon, torch's would change in each step
            (beta_1, beta_2), t = group["betas"], self.state["count"] + ahead + 1
            rate *= math.sqrt(1 - beta_2**t) / (1 - beta_1**t)
        return [rate * lr for _, lr, _ in self.parts] + [
            1 - decay * lr * factor for _, lr, factor in self.decayed
        ]

    def turn(self, numbers: Sequence[Tensor]) -> None:
        """Take the numbers of the next step, tensors of one float64; none after it."""
        self.rates = [n.float() for n in numbers[: len(self.parts)]]
        self.keeps = numbers[len(self.parts) :]

    def step(self) -> None:
        """Update the parameters from the gradient, as `FlatOptimizer.step` does."""
        values = self.flat.values
        for (part, _, _), keep in zip(self.decayed, self.keeps):
            values[part].mul_(keep)
        update = self._sgd if self.optimizer.solver == "sgd" else self._adam
        for (part, _, _), rate in zip(self.parts, self.rates):
            update(part, rate)

    def _adam(self, part: slice, rate: Tensor) -> None:
        group, state = self.optimizer.torch_optimizer.param_groups[0], self.state
        if part == self.parts[0][0]:
            state["step"] += 1
        step = state["step"]
        if self.optimizer.solver == "adam":  # `numbers` has the corrections
            step = torch.full_like(step, _FAR)
        values = _pieces(self.flat.values[part])
        torch._fused_adam_(
            values,
            _pieces(self.flat.grads[part]),
            _pieces(state["exp_avg"][part]),
            _pieces(state["exp_avg_sq"][part]),
            _pieces(state["max_exp_avg_sq"][part]) if group["amsgrad"] else [],
            [step] * len(values),
            lr=rate,
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            weight_decay=0.0,
            eps=self.optimizer.epsilon,
            amsgrad=group["amsgrad"],
            maximize=False,
        )

    def _sgd(self, part: slice, rate: Tensor) -> None:
        group = self.optimizer.torch_optimizer.param_groups[0]
        torch._fused_sgd_(
            [self.flat.values[part]],
            [self.flat.grads[part]],
            [self.state["momentum_buffer"][part]] if group["momentum"] else [],
            weight_decay=0.0,
            momentum=group["momentum"],
            lr=rate,
            dampening=0.0,
            nesterov=group["nesterov"],
            maximize=False,
            is_first_step=False,
        )

    def advance(self, n: int) -> None:
        """The device has made `n` steps."""
        if "count" in self.state:
            self.state["count"] += n


def _pieces(vector: Tensor) -> list[Tensor]:
    """Parts of a vector, each for a block of threads of its own: torch's kernel gives one block
    65,536 numbers, which leaves most of a device without work."""
    size = max(-(-len(vector) // _MOST_PIECES), _SMALLEST_PIECE)
    return list(vector.split(min(size, _CHUNK)))


class RecordedAverage:
    """Stands in for a `MovingAverage`."""

    n_numbers = 1

    def __init__(self, average: MovingAverage) -> None:
        self.average = average
        self.weight = average.values.new_zeros(())

    def numbers(self, ahead: int) -> list[float]:
        count = self.average.count + ahead + 1
        return [1 - min(self.average.decay, count / (count + 10))]

    def turn(self, numbers: Sequence[Tensor]) -> None:
        if numbers:
            self.weight = numbers[0].to(self.average.values.dtype)

    def update(self) -> None:
        self.average.values.lerp_(self.average.flat.values, self.weight)

    def advance(self, n: int) -> None:
        self.average.count += n


class RecordedDropout:
    """The share of a `skdeep.nets.blocks.Dropout`, which a schedule may change."""

    n_numbers = 2

    def __init__(self, layer: Any) -> None:
        self.layer = layer

    def numbers(self, ahead: int) -> list[float]:
        return [float(self.layer.threshold), 1 / (1 - self.layer.p)]

    def turn(self, numbers: Sequence[Tensor]) -> None:
        self.layer.recorded = (numbers[0].to(torch.int16), numbers[1]) if numbers else None

    def advance(self, n: int) -> None:
        """Nothing: the schedule has changed the layer."""
