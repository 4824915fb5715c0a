"""Which weights of networks against each other are kept, where held-out rows decide."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from skdeep.engine.steps import MovingAverage


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
