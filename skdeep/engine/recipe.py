"""How a network is trained: a recipe, and phases that are run in sequence.

A step of a small network takes less time than starting threads for it; on busy cores, waiting for
them makes such a fit ten times slower. Large steps use as many threads as the process allows.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from threadpoolctl import ThreadpoolController


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Parameters of a training run.

    The fields bear the names of the parameters. `Recipe.of` reads those that an estimator has;
    others have the defaults below or are set by the family.

    Attributes
    ----------
    solver : str
        One of `skdeep.engine.SOLVERS`, or 'lbfgs'.
    learning_rate : str
        A schedule; see `skdeep.engine.schedules`.
    learning_rate_init : float
    power_t : float
    alpha, l1_ratio : float
        Strength of the penalty on the weights, and the share of it that is L1. Decoupled decay
        for 'adamw'.
    batch_size : int
    max_iter : int
        Epochs; iterations of 'lbfgs'.
    max_fun : int
    max_time : float or None
    gradient_clip_norm : float or None
    shuffle : bool
    tol : float
    n_iter_no_change : int or inf
    verbose : bool or int
    smallest_batch : int
        Smallest size of the last batch of an epoch.
    ends : bool
        Whether training is planned to end with the last epoch, so that reaching it raises no
        warning.
    draws_noise : bool
        Whether training draws random numbers on the device; `of` sets it from `dropout` and
        `input_noise`.
    recordable : bool
        Whether everything that a step computes with is on the device or does not change from step
        to step, except the rates and shares that `skdeep.engine.recorded` knows.
    uses : float
        Average number of uses of a parameter per row in a forward pass: a measure of the work.
    players : mapping of str to dict, or None
        Optimizer options for each submodule with an optimizer of its own; None means one optimizer
        of the whole network, from these fields.
    loss : torch.nn.Module or None
        None is the loss that the estimator has for its target.
    """

    solver: str = "adamw"
    learning_rate: str = "constant"
    learning_rate_init: float = 0.001
    power_t: float = 0.5
    alpha: float = 0.0
    l1_ratio: float = 0.0
    momentum: float = 0.9
    nesterovs_momentum: bool = True
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    batch_size: int = 200
    max_iter: int = 1
    max_fun: int = 15000
    max_time: float | None = None
    gradient_clip_norm: float | None = None
    shuffle: bool = True
    tol: float = 0.0
    n_iter_no_change: float = math.inf
    verbose: bool | int = False
    smallest_batch: int = 1
    ends: bool = False
    draws_noise: bool = False
    recordable: bool = False
    uses: float = 1.0
    players: Mapping[str, Mapping[str, Any]] | None = None
    loss: Any = None

    @classmethod
    def of(cls, estimator: Any, **settled: Any) -> Recipe:
        """Read the parameters of an estimator; `settled` values take precedence."""
        read = {name: getattr(estimator, name) for name in _parameters(type(estimator))}
        read["draws_noise"] = any(getattr(estimator, name, 0) for name in _NOISE)
        return cls(**read | settled)

    @property
    def decoupled(self) -> bool:
        """Whether the solver uses decoupled weight decay."""
        return self.solver == "adamw"

    @property
    def l1(self) -> float:
        """Strength of the L1 penalty."""
        return self.alpha * self.l1_ratio

    @property
    def l2(self) -> float:
        """Strength of the L2 penalty in the loss."""
        return 0.0 if self.decoupled else self.alpha - self.l1

    def optimizers(self) -> Mapping[str, Mapping[str, Any]]:
        """Options of each optimizer, by the name of the submodule that it trains."""
        if self.players is not None:
            return self.players
        return {
            "": {
                "solver": "sgd" if self.solver == "lbfgs" else self.solver,
                "learning_rate": float(self.learning_rate_init),
                "momentum": self.momentum,
                "nesterov": self.nesterovs_momentum,
                "beta_1": self.beta_1,
                "beta_2": self.beta_2,
                "epsilon": self.epsilon,
                "weight_decay": self.alpha * (1 - self.l1_ratio) if self.decoupled else 0.0,
            }
        }


def capped_batch_size(batch_size: int | str, n_samples: int) -> int:
    """``min(200, n_samples)`` for 'auto', else the size, with scikit-learn's warning."""
    if isinstance(batch_size, str):
        return min(200, n_samples)
    if batch_size > n_samples:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped"
        )
    return min(batch_size, n_samples)


def even_batch_size(size: int, n_samples: int) -> int:
    """Batch size near `size` that makes batches nearly equal: a small last one is a noisy step."""
    return -(-n_samples // max(1, round(n_samples / size)))


def epochs_of_steps(n_steps: int, n_batches: int, fewest: int = 1, most: int | None = None) -> int:
    """Number of epochs with `n_steps` training steps: the meaning of ``max_iter='auto'``."""
    return int(np.clip(-(-n_steps // n_batches), fewest, most))


_NOISE = ("dropout", "input_noise")
_FIELDS = frozenset(field.name for field in dataclasses.fields(Recipe)) - {"players", "loss"}
_known: dict[type, list[str]] = {}


def _parameters(cls: type) -> list[str]:
    """Fields that are parameters of a class, cached: inspecting a signature is slow."""
    if cls not in _known:
        _known[cls] = [name for name in cls._get_param_names() if name in _FIELDS]  # type: ignore
    return _known[cls]


@dataclass
class Curves:
    """Losses and scores of each epoch, appended to across warm starts.

    Attributes
    ----------
    losses : list of float or of tuple of float
        Training loss of each epoch (of each player).
    validation_losses, scores : list of float, or None
        On the validation rows, where there are any.
    """

    losses: list[Any] = field(default_factory=list)
    validation_losses: Any = None  # a list where there are validation rows, as is the next
    scores: Any = None


@dataclass(frozen=True)
class Shared:
    """State and options that all phases of a fit share.

    Attributes
    ----------
    rng : numpy.random.RandomState
        Draws the order of the rows.
    curves : Curves
        Goes on from phase to phase.
    verbose : bool or int
    interruptible : bool
        Ctrl-C ends a phase with the best weights so far, else it goes on to the caller.
    replaces : bool
        There is a trained model: Ctrl-C before the end of the first epoch, when there is nothing
        to replace it with, goes on to the caller, too.
    datasets : tuple
        Training and validation rows, for skorch's callbacks.
    max_time : float or None
        Seconds that are left; at their end a phase ends with the best weights so far.
    n_seen : int
        Rows seen before.
    report : EpochReport or None
        Of a phase.
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
    """Train a single run, with as many threads as its steps are worth."""
    with threads_for(*work):
        run.run()


TRAINER: ContextVar[Callable[[Any, tuple[int, float]], None]] = ContextVar("trainer", default=train)
"""What trains the runs of a fit: `train`, or what has several fits train as one."""


def run_phases(
    phases: Sequence[Phase],
    shared: Shared,
    *,
    report: Callable[[list], Any] | None,
    work: tuple[int, float],
) -> list:
    """Run phases in sequence and return their runs.

    Except for the first, a phase is skipped if no time is left, and after Ctrl-C. Later phases
    continue the model of the first.

    Parameters
    ----------
    phases : sequence of callable
    shared : Shared
    report : callable, default=None
        Makes the `EpochReport` of a phase, given the runs that came before it.
    work : tuple of (int, float)
        Arguments of `threads_for`: rows of a step, and uses of parameters per row.
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


SMALL_STEP = 1e8
"""Multiplications and additions in a step, about a millisecond of one core's time, up to which one
thread is used."""


@functools.cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()  # looks through all loaded libraries: 10 ms


def threads_for(n_rows: int, n_parameters: float) -> contextlib.AbstractContextManager:
    """Context in which the calling thread uses as many threads as a step is worth.

    OpenMP keeps this setting per thread: other threads and later calls are not affected.

    Parameters
    ----------
    n_rows : int
        Rows in a batch.
    n_parameters : int
        Of the network. A pass forward takes two operations per row and parameter, a pass
        backward four.

    Returns
    -------
    context manager
    """
    if 6 * int(n_rows) * n_parameters > SMALL_STEP:
        return contextlib.nullcontext()
    torch.get_num_threads()  # a thread's first call to torch sets its number; let that be past
    return _controller().limit(limits=1, user_api="openmp")
