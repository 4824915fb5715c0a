"""When training has stopped getting better, and which weights were the best."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from skdeep.engine.optim import FlatParameters, Snapshot


class Patience:
    """scikit-learn's rule: patience runs out when the watched value has not improved by `tol`
    for more than `n_iter_no_change` epochs in a row.

    Parameters
    ----------
    tol : float
    n_iter_no_change : int or inf
    higher_is_better : bool
        True for scores, False for losses.
    best : float, default=None
        Best value of earlier runs.
    count : int, default=0
        Epochs without improvement at the end of earlier runs.
    """

    def __init__(
        self,
        tol: float,
        n_iter_no_change: float,
        higher_is_better: bool,
        best: float | None = None,
        count: int = 0,
    ) -> None:
        self.tol, self.limit = tol, n_iter_no_change
        self.higher_is_better = higher_is_better
        worst = -math.inf if higher_is_better else math.inf
        self.best = worst if best is None else best
        self.count = count

    def update(self, value: float) -> bool:
        """Take the value of a finished epoch; return whether it is the best so far."""
        if self.higher_is_better:
            stalled, better = value < self.best + self.tol, value > self.best
        else:
            stalled, better = value > self.best - self.tol, value < self.best
        self.count = self.count + 1 if stalled else 0
        if better:
            self.best = value
        return better

    @property
    def ran_out(self) -> bool:
        """Whether patience has run out."""
        return self.count > self.limit


class LastBestPatience(Patience):
    """Patience that looks at the members' best epochs: it runs out `n_iter_no_change` epochs plus
    `growth` times the latest of them after that epoch.

    Networks whose learning rate rises and falls get better in waves, each longer than the one
    before it; a fixed patience would end training in a trough. The growth of 2 is the rule of
    TabArena's RealMLP (Erickson et al., 2025).

    Parameters
    ----------
    tol, n_iter_no_change, higher_is_better
        As for `Patience`.
    best_epochs : callable
        Gives the best epochs so far, one for each member.
    growth : float, default=0.0
    """

    def __init__(
        self,
        tol: float,
        n_iter_no_change: float,
        higher_is_better: bool,
        best_epochs: Callable[[], Sequence[int]],
        growth: float = 0.0,
    ) -> None:
        super().__init__(tol, n_iter_no_change, higher_is_better)
        self.best_epochs, self.growth = best_epochs, growth
        self._epoch = 0

    def update(self, value: float) -> bool:
        self._epoch += 1
        return super().update(value)

    @property
    def ran_out(self) -> bool:
        """Whether patience has run out."""
        latest = max(self.best_epochs(), default=0)
        return self._epoch >= (1 + self.growth) * latest + self.limit


class BestWeights:
    """Remembers the weights of the best epoch.

    Parameters
    ----------
    flats : list of FlatParameters

    Attributes
    ----------
    epochs : list of int
        The best epoch so far, from 1, where a validator calls `observe`.
    """

    def __init__(self, flats: Sequence[FlatParameters]) -> None:
        self.flats = flats
        self.saved: list[Snapshot] | None = None
        self.epochs = [0]
        self._epoch = 0

    def observe(self, scores: Any) -> None:
        """An epoch has been judged."""
        self._epoch += 1

    def save(self) -> None:
        """Remember the weights as they are now."""
        self.saved = [flat.snapshot() for flat in self.flats]
        self.epochs = [self._epoch]

    def restore(self) -> None:
        """Bring the remembered weights back, if there are any."""
        for flat, saved in zip(self.flats, self.saved or ()):
            flat.restore(saved)


class BestMembers:
    """Remembers each member's weights of its own last best epoch.

    A module of several networks has the member as the first axis of every parameter. Of equal
    scores the last counts: later weights have trained longer at the same score.

    Parameters
    ----------
    module : torch.nn.Module
    tol : float, default=0.0
        What a score must be above the best one to be better.

    Attributes
    ----------
    scores : Tensor of shape (n_members,), or None
        The best so far; higher is better.
    epochs : list of int
        When they were reached, from 1.
    """

    def __init__(self, module: nn.Module, tol: float = 0.0) -> None:
        self.tol = tol
        self.parameters = [p for p in module.parameters() if p.requires_grad]
        self.scores: Tensor | None = None
        self.epochs: list[int] = []
        self.saved: list[Tensor] | None = None
        self._epoch = 0

    def save(self) -> None:
        """Nothing: `observe` does it, member by member."""

    @torch.no_grad()
    def observe(self, scores: Tensor) -> None:
        """Take the scores of a finished epoch, a tensor on the host."""
        self._epoch += 1
        if self.scores is None or self.saved is None:
            self.scores = torch.full_like(scores, -math.inf)
            self.epochs = [0] * len(scores)
            self.saved = [p.detach().clone() for p in self.parameters]
        better = scores >= self.scores + self.tol
        for member in better.nonzero().flatten().tolist():
            self.scores[member], self.epochs[member] = scores[member], self._epoch
            for p, kept in zip(self.parameters, self.saved):
                kept[member].copy_(p[member])

    @torch.no_grad()
    def restore(self) -> None:
        """Bring the remembered weights back, if there are any."""
        for p, kept in zip(self.parameters, self.saved or ()):
            p.copy_(kept)
