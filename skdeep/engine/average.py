"""Moving averages of weights, which are validated and kept in place of the last weights."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from skdeep.engine.training import Training

if TYPE_CHECKING:
    from skdeep.data.batches import Batch
    from skdeep.engine.net import DeepNet
    from skdeep.engine.optim import FlatParameters
    from skdeep.engine.protocols import Step, Validator


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

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Use the average as the parameters within a ``with`` block."""
        own = self.flat.values.detach().clone()
        self.apply()
        try:
            yield
        finally:
            with torch.no_grad():
                self.flat.values.copy_(own)

    def under(self, validator: Validator | None) -> Validator | None:
        """The same validator, evaluated with the average; None stays None."""
        if validator is None:
            return None

        def validate() -> tuple[float | None, float | None]:
            with self.applied():
                return validator()

        return validate

    @torch.no_grad()
    def apply(self) -> None:
        """Replace the parameters by the average."""
        self.flat.values.copy_(self.values)


class _FollowedStep:
    """A step after which a moving average is updated.

    Parameters
    ----------
    step : callable
        See `skdeep.engine.steps`.
    average : MovingAverage
    """

    def __init__(self, step: Step, average: MovingAverage) -> None:
        self.step, self.average = step, average
        self.loss_names, self.optimizers = step.loss_names, step.optimizers

    def __call__(self, batch: Batch, on_gradient: Callable[[], None] | None = None) -> Tensor:
        losses = self.step(batch, on_gradient)
        self.average.update()
        return losses


class BestParts:
    """Keeps the best weights of each part of a network, by the part's own loss.

    Parameters
    ----------
    parts : sequence of torch.nn.Module

    Attributes
    ----------
    losses : list of float
        The lowest so far, of each part.
    epochs : list of int
        When they were reached, from 1.
    """

    def __init__(self, parts: Iterable[nn.Module]) -> None:
        self.parts = list(parts)
        self.losses = [float("inf")] * len(self.parts)
        self.epochs = [0] * len(self.parts)
        self.saved: list[list[Tensor] | None] = [None] * len(self.parts)
        self._epoch = 0

    def observe(self, losses: Iterable[float]) -> None:
        """Take the losses of a finished epoch and keep the weights of the parts that improved."""
        self._epoch += 1
        for i, loss in enumerate(losses):
            if loss < self.losses[i]:
                self.losses[i], self.epochs[i] = loss, self._epoch
                self.saved[i] = [p.detach().clone() for p in self.parts[i].parameters()]

    def save(self) -> None:
        """Do nothing: `observe` keeps weights part by part."""

    @torch.no_grad()
    def restore(self) -> None:
        """Restore the kept weights."""
        for part, saved in zip(self.parts, self.saved):
            for p, kept in zip(part.parameters(), saved or ()):
                p.copy_(kept)


class BestAverage:
    """Keeps the average of the best epoch and restores it as the network's weights.

    Parameters
    ----------
    average : MovingAverage
    """

    def __init__(self, average: MovingAverage) -> None:
        self.average = average
        self.saved: Tensor | None = None

    def save(self) -> None:
        """Keep the current average."""
        self.saved = self.average.values.clone()

    @torch.no_grad()
    def restore(self) -> None:
        """Replace the parameters by the kept average, if there is one."""
        if self.saved is not None:
            self.average.flat.values.copy_(self.saved)


class AveragedTraining(Training):
    """A run with a moving average of the weights, which it ends with unless the best epoch is kept.

    Parameters
    ----------
    net, step, *args, **kwargs
        Of `Training`.
    average : MovingAverage
    """

    def __init__(
        self, net: DeepNet, step: Step, *args: Any, average: MovingAverage, **kwargs: Any
    ) -> None:
        super().__init__(net, _FollowedStep(step, average), *args, **kwargs)
        self.average = average

    def run(self) -> None:
        """Train, and end with the average as the weights."""
        super().run()
        if not self.early_stopping:
            self.average.apply()
