"""A fit as one phase of training after another, on one network."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from skdeep.engine.net import DeepNet
from skdeep.engine.threads import threads_for
from skdeep.engine.training import Curves


@dataclass(frozen=True)
class Shared:
    """What all phases of a fit have in common.

    Attributes
    ----------
    rng : numpy.random.RandomState
    curves : Curves
        Goes on from phase to phase.
    verbose : bool or int
    interruptible : bool
        Ctrl-C ends a phase with the best weights so far, else it goes on to the caller.
    replaces : bool
        There is a trained model: Ctrl-C in the first epoch goes on to the caller, too.
    datasets : tuple
        Training and validation rows, for skorch's callbacks.
    max_time : float or None
        Seconds that are left.
    n_seen : int
        Rows seen before.
    report : callable or None
        Makes the `EpochReport` of a phase.
    """

    rng: np.random.RandomState
    curves: Curves = field(default_factory=Curves)
    verbose: bool | int = False
    interruptible: bool = True
    replaces: bool = False
    datasets: tuple[Any, Any] = (None, None)
    max_time: float | None = None
    n_seen: int = 0
    report: Any = None


Phase = Callable[[Shared], Any]
"""Makes the run (`Training` or `LBFGS`) of a phase when its turn has come."""


def train(run: Any, work: tuple[int, float]) -> None:
    """Train a run alone, with as many threads as its steps are worth."""
    with threads_for(*work):
        run.run()


TRAINER: ContextVar[Callable[[Any, tuple[int, float]], None]] = ContextVar("trainer", default=train)
"""What trains the runs of a fit: `train`, or what has several fits train as one."""


def run_phases(
    net: DeepNet,
    phases: Sequence[Phase],
    shared: Shared,
    *,
    report: Callable[[list], Any] | None,
    work: tuple[int, float],
) -> list:
    """Run the phases one after the other, and return the runs.

    A phase for which no time is left is not run, but the first; nor is any after Ctrl-C. What the
    first phase trained is a model: later ones replace none.

    Parameters
    ----------
    net : DeepNet
    phases : sequence of callable
    shared : Shared
    report : callable, default=None
        Makes the `EpochReport` of a phase, given the runs that came before it.
    work : tuple of (int, float)
        Rows of a step, and how often a row meets a parameter: what `threads_for` asks.
    """
    runs: list = []
    started = time.monotonic()
    for phase in phases:
        left = shared.max_time
        if runs and left is not None:
            left -= time.monotonic() - started
            if left <= 0:
                break
        run = phase(
            replace(
                shared,
                max_time=left,
                n_seen=runs[-1].n_seen if runs else shared.n_seen,
                replaces=shared.replaces and not runs,
                report=None if report is None else report(list(runs)),
            )
        )
        runs.append(run)
        TRAINER.get()(run, work)
        if getattr(run, "interrupted", False):
            break
    return runs
