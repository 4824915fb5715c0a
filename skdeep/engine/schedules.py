"""Learning-rate schedules, patience, and the weights of the best epoch.

Of the schedules `constant`, `invscaling` and `adaptive` are scikit-learn's and act on solver 'sgd'
alone; the others act on every solver.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from skdeep.engine.optim import FlatOptimizer, FlatParameters, Snapshot


DIVISOR = 5.0  # of 'adaptive' (scikit-learn's) and of 'plateau'
SMALLEST = 1e-6  # scikit-learn's: 'adaptive' stops training below it
BOUNDED_SCHEDULES = ("cosine", "one_cycle", "one-cycle", "exponential")
"""Schedules that must know when training ends; a stream of `partial_fit` has no end."""


class Constant:
    """Constant rate; training ends when patience runs out."""

    per_step = False
    has_end = False  # whether the last epoch is where the schedule means to end
    watches = False  # whether the rate depends on how training goes
    rescales = False  # whether the momentum follows the rate

    def __init__(self, optimizer: FlatOptimizer, base: float) -> None:
        self.optimizer, self.base = optimizer, base

    def before_step(self, step: int) -> None:
        """Set the rate for training step number `step` of this run, from 0."""

    def after_epoch(self, epoch: int, n_seen: int) -> None:
        """Set the rate for the next epoch: `epoch` are done, `n_seen` rows in all."""

    def on_plateau(self) -> str | None:
        """Called when patience runs out: change the rate and return None, or return why training
        ends."""
        return "Stopping."


class InverseScaling(Constant):
    """``base / (n_seen + 1) ** power_t`` after each epoch, as scikit-learn's 'invscaling'."""

    rescales = True

    def __init__(self, optimizer: FlatOptimizer, base: float, power_t: float) -> None:
        super().__init__(optimizer, base)
        self.power_t = power_t

    def after_epoch(self, epoch: int, n_seen: int) -> None:
        old, new = self.optimizer.learning_rate, float(self.base) / (n_seen + 1) ** self.power_t
        self.optimizer.learning_rate = new
        self.optimizer.rescale_momentum(old / new)


class Adaptive(Constant):
    """Divides the rate by 5 when patience runs out, as scikit-learn's 'adaptive'."""

    watches = rescales = True

    def on_plateau(self) -> str | None:
        if self.optimizer.learning_rate <= SMALLEST:
            return "Learning rate too small. Stopping."
        self.optimizer.learning_rate /= DIVISOR
        self.optimizer.rescale_momentum(DIVISOR)
        return None


RISE, START, END = 0.3, 1 / 25, 1 / 25 / 1e4


def one_cycle(t: float) -> float:
    """One-cycle schedule: from 1/25 up to 1 over the first 30 % of [0, 1], then down to 1/10,000 of
    the start, both along a cosine (Smith and Topin, 2018; constants of fastai and torch)."""
    if t < RISE:
        low, share = START, (1 - math.cos(math.pi * t / RISE)) / 2
    else:
        low, share = END, (1 + math.cos(math.pi * (t - RISE) / (1 - RISE))) / 2
    return low + (1 - low) * share


def coslog4(t: float) -> float:
    """Four cosine cycles between 0 and 1, each twice as long as the one before it (Holzmueller et
    al., 2024), for t in [0, 1]."""
    return 0.5 * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * t)))


def flat_cos(t: float) -> float:
    """1 for the first half of [0, 1], then half a cosine down to 0."""
    return 0.5 * (1 + math.cos(math.pi * (max(1.0, 2 * t) - 1)))


def half_cos(t: float) -> float:
    """Half a cosine from 1 to 0 (Loshchilov and Hutter, 2017)."""
    return 0.5 * (1 + math.cos(math.pi * t))


CURVES = {
    "coslog4": coslog4,
    "flat_cos": flat_cos,
    "cosine": half_cos,
    "constant": lambda t: 1.0,
    "one_cycle": one_cycle,
}


class Course(Constant):
    """A learning rate, and optionally other values, along curves over the whole run.

    Parameters
    ----------
    optimizer : FlatOptimizer
    base : float
    n_steps : int
        Length of the run.
    curve : callable
        Factor of the base rate at t in [0, 1), the share of the run that is done.
    others : sequence of callable, default=()
        Called with t before each step, for example to set a dropout rate.
    max_time : float, default=None
        Seconds that the run may take: t is then at least the elapsed share of them, so that the
        rate has decayed when time runs out.
    """

    per_step = True
    has_end = True

    def __init__(
        self,
        optimizer: FlatOptimizer,
        base: float,
        n_steps: int,
        curve: Callable[[float], float],
        others: Sequence[Callable[[float], Any]] = (),
        max_time: float | None = None,
    ) -> None:
        super().__init__(optimizer, base)
        self.n_steps, self.curve, self.others, self.max_time = n_steps, curve, others, max_time
        self._started: float | None = None

    def before_step(self, step: int) -> None:
        t = min(step / self.n_steps, 1.0)
        if self.max_time is not None:
            now = time.monotonic()
            self._started = self._started or now
            t = min(max(t, (now - self._started) / self.max_time), 1.0)
        self.optimizer.learning_rate = self.base * self.curve(t)
        for other in self.others:
            other(t)


class Exponential(Constant):
    """Exponential decay per epoch, to a hundredth of the base rate in the last one."""

    END = 0.01
    has_end = True

    def __init__(self, optimizer: FlatOptimizer, base: float, n_epochs: int) -> None:
        super().__init__(optimizer, base)
        self.n_epochs = n_epochs

    def after_epoch(self, epoch: int, n_seen: int) -> None:
        done = min(epoch / max(self.n_epochs - 1, 1), 1.0)
        self.optimizer.learning_rate = self.base * self.END**done


class Plateau(Constant):
    """Divide the rate by 5 each time patience runs out, down to a thousandth of the base rate;
    training ends when patience runs out there."""

    END = 1e-3
    watches = True

    def on_plateau(self) -> str | None:
        if self.optimizer.learning_rate <= self.base * self.END:
            return "Learning rate too small. Stopping."
        self.optimizer.learning_rate /= DIVISOR
        return None


def make_schedule(
    learning_rate: str,
    optimizer: FlatOptimizer,
    *,
    base: float,
    power_t: float,
    n_epochs: int,
    steps_per_epoch: int,
) -> Constant:
    """Create the schedule named by the parameter `learning_rate`.

    Parameters
    ----------
    learning_rate : {'constant', 'invscaling', 'adaptive', 'cosine', 'one_cycle', 'exponential', \
'plateau'}
    optimizer : FlatOptimizer
    base : float
        `learning_rate_init`.
    power_t : float
        Exponent of 'invscaling'.
    n_epochs, steps_per_epoch : int
        Length of the run.
    """
    sklearns = optimizer.solver == "sgd"
    if learning_rate == "invscaling" and sklearns:
        return InverseScaling(optimizer, base, power_t)
    if learning_rate == "adaptive" and sklearns:
        return Adaptive(optimizer, base)
    if learning_rate == "cosine":
        return Course(optimizer, base, n_epochs * steps_per_epoch, half_cos)
    if learning_rate in ("one_cycle", "one-cycle"):
        return Course(optimizer, base, n_epochs * steps_per_epoch, one_cycle)
    if learning_rate == "exponential":
        return Exponential(optimizer, base, n_epochs)
    if learning_rate == "plateau":
        return Plateau(optimizer, base)
    return Constant(optimizer, base)


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
    """Patience relative to the members' best epochs: it runs out `n_iter_no_change` epochs plus
    `growth` times the latest best epoch after that epoch.

    With a cyclic learning rate, scores improve in waves of growing length; a fixed patience would
    end training in a trough. The growth of 2 is the rule of TabArena's RealMLP (Erickson et al.,
    2025).

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
    """Keeps the weights of the best epoch.

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
        """Count a validated epoch."""
        self._epoch += 1

    def save(self) -> None:
        """Keep the current weights."""
        self.saved = [flat.snapshot() for flat in self.flats]
        self.epochs = [self._epoch]

    def restore(self) -> None:
        """Restore the kept weights, if there are any."""
        for flat, saved in zip(self.flats, self.saved or ()):
            flat.restore(saved)


class BestMembers:
    """Keeps the weights of each member's last best epoch.

    A module of several networks has the member as the first axis of every parameter. Ties go to the
    last epoch, whose weights have been trained longer.

    Parameters
    ----------
    module : torch.nn.Module
    tol : float, default=0.0
        Minimum improvement of a score.

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
        """Do nothing: `observe` keeps weights member by member."""

    @torch.no_grad()
    def observe(self, scores: Tensor) -> None:
        """Take the scores of a finished epoch, a tensor on the CPU."""
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
        """Restore the kept weights, if there are any."""
        for p, kept in zip(self.parameters, self.saved or ()):
            p.copy_(kept)
