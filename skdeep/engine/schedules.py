"""Learning-rate schedules: what the rate is at a step or after an epoch.

`constant`, `invscaling` and `adaptive` are scikit-learn's and act on solver 'sgd' alone;
the others act on every solver.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skdeep.engine.optim import FlatOptimizer


DIVISOR = 5.0  # of 'adaptive' (scikit-learn's) and of 'plateau'
SMALLEST = 1e-6  # scikit-learn's: 'adaptive' stops training below it
BOUNDED_SCHEDULES = ("cosine", "one_cycle", "one-cycle", "exponential")
"""Schedules that must know when training ends; a stream of `partial_fit` has no end."""


class Constant:
    """The rate stays; running out of patience ends training."""

    per_step = False
    has_end = False  # whether the last epoch is where the schedule means to end

    def __init__(self, optimizer: FlatOptimizer, base: float) -> None:
        self.optimizer, self.base = optimizer, base

    def before_step(self, step: int) -> None:
        """Set the rate for training step number `step` of this run, from 0."""

    def after_epoch(self, epoch: int, n_seen: int) -> None:
        """Set the rate for the next epoch: `epoch` are done, `n_seen` rows in all."""

    def on_plateau(self) -> str | None:
        """Patience ran out: change the rate and return None, or return why training ends."""
        return "Stopping."


class InverseScaling(Constant):
    """``base / (n_seen + 1) ** power_t`` after each epoch, as scikit-learn's 'invscaling'."""

    def __init__(self, optimizer: FlatOptimizer, base: float, power_t: float) -> None:
        super().__init__(optimizer, base)
        self.power_t = power_t

    def after_epoch(self, epoch: int, n_seen: int) -> None:
        old, new = self.optimizer.learning_rate, float(self.base) / (n_seen + 1) ** self.power_t
        self.optimizer.learning_rate = new
        self.optimizer.rescale_momentum(old / new)


class Adaptive(Constant):
    """Divides the rate by 5 when patience runs out, as scikit-learn's 'adaptive'."""

    def on_plateau(self) -> str | None:
        if self.optimizer.learning_rate <= SMALLEST:
            return "Learning rate too small. Stopping."
        self.optimizer.learning_rate /= DIVISOR
        self.optimizer.rescale_momentum(DIVISOR)
        return None


class Cosine(Constant):
    """Half a cosine from the base rate to zero over all steps (Loshchilov and Hutter, 2017)."""

    per_step = True
    has_end = True

    def __init__(self, optimizer: FlatOptimizer, base: float, n_steps: int) -> None:
        super().__init__(optimizer, base)
        self.n_steps = n_steps

    def before_step(self, step: int) -> None:
        done = min(step / self.n_steps, 1.0)
        self.optimizer.learning_rate = self.base * 0.5 * (1 + math.cos(math.pi * done))


class OneCycle(Cosine):
    """Up and down along `one_cycle` (Smith and Topin, 2018)."""

    def before_step(self, step: int) -> None:
        self.optimizer.learning_rate = self.base * one_cycle(min(step / self.n_steps, 1.0))


RISE, START, END = 0.3, 1 / 25, 1 / 25 / 1e4


def one_cycle(t: float) -> float:
    """From a 25th up to 1 over the first 30 % of [0, 1], then down to a 10,000th of that start,
    both along a cosine (Smith and Topin, 2018; numbers of fastai and torch)."""
    if t < RISE:
        low, share = START, (1 - math.cos(math.pi * t / RISE)) / 2
    else:
        low, share = END, (1 + math.cos(math.pi * (t - RISE) / (1 - RISE))) / 2
    return low + (1 - low) * share


def coslog4(t: float) -> float:
    """Four cycles between 0 and 1, each twice as long as the one before it
    (Holzmueller et al., 2024), for t in [0, 1]."""
    return 0.5 * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * t)))


def flat_cos(t: float) -> float:
    """1 for the first half of [0, 1], then half a cosine down to 0."""
    return 0.5 * (1 + math.cos(math.pi * (max(1.0, 2 * t) - 1)))


def half_cos(t: float) -> float:
    """Half a cosine from 1 to 0."""
    return 0.5 * (1 + math.cos(math.pi * t))


CURVES = {
    "coslog4": coslog4,
    "flat_cos": flat_cos,
    "cosine": half_cos,
    "constant": lambda t: 1.0,
    "one_cycle": one_cycle,
}


class Course(Constant):
    """A rate, and whatever else is to move with it, along curves over the whole run.

    Parameters
    ----------
    optimizer : FlatOptimizer
    base : float
    n_steps : int
        Length of the run.
    curve : callable
        Factor of the base rate at t in [0, 1), the share of the run that is done.
    others : sequence of callable, default=()
        Called with t before each step, to set a dropout rate, say.
    max_time : float, default=None
        Seconds that the run may take: t is then at least the share of them that is gone, so that
        a run that is cut short has still cooled down.
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
    """Falls by the same factor each epoch, to a hundredth of the base rate in the last one."""

    END = 0.01
    has_end = True

    def __init__(self, optimizer: FlatOptimizer, base: float, n_epochs: int) -> None:
        super().__init__(optimizer, base)
        self.n_epochs = n_epochs

    def after_epoch(self, epoch: int, n_seen: int) -> None:
        done = min(epoch / max(self.n_epochs - 1, 1), 1.0)
        self.optimizer.learning_rate = self.base * self.END**done


class Plateau(Constant):
    """Divides the rate by 5 each time patience runs out, down to a thousandth of the base rate;
    running out of patience there ends training."""

    END = 1e-3

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
    """The schedule that the `learning_rate` parameter names.

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
        return Cosine(optimizer, base, n_epochs * steps_per_epoch)
    if learning_rate in ("one_cycle", "one-cycle"):
        return OneCycle(optimizer, base, n_epochs * steps_per_epoch)
    if learning_rate == "exponential":
        return Exponential(optimizer, base, n_epochs)
    if learning_rate == "plateau":
        return Plateau(optimizer, base)
    return Constant(optimizer, base)
