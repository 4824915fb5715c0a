"""How a network is trained, as data."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What the parameters of an estimator say of its training.

    The fields bear the names of the parameters. `Recipe.of` reads those that an estimator has;
    what it does not have is as given here, or as its family settles it.

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
        Rows that the last batch of an epoch has at least.
    ends : bool
        Whether the last epoch is where training means to end, so that reaching it is no cause
        for a warning.
    draws_noise : bool
        Whether the network, or what trains it, draws random numbers. `of` says so where `dropout`
        or `input_noise` is set.
    uses : float
        How often a row meets a parameter in a forward pass, on average: how much work a row is.
    players : mapping of str to dict, or None
        Options of an optimizer for each submodule that has one of its own; None is one optimizer
        of the whole network, made by these fields.
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
    uses: float = 1.0
    players: Mapping[str, Mapping[str, Any]] | None = None
    loss: Any = None

    @classmethod
    def of(cls, estimator: Any, **settled: Any) -> Recipe:
        """Read the parameters of an estimator; `settled` are values that stand above them."""
        read = {name: getattr(estimator, name) for name in _parameters(type(estimator))}
        read["draws_noise"] = any(getattr(estimator, name, 0) for name in _NOISE)
        return cls(**read | settled)

    @property
    def decoupled(self) -> bool:
        """Whether the solver takes weight decay apart from the gradient."""
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


_NOISE = ("dropout", "input_noise")
_FIELDS = frozenset(field.name for field in dataclasses.fields(Recipe)) - {"players", "loss"}
_known: dict[type, list[str]] = {}


def _parameters(cls: type) -> list[str]:
    """Names of the fields that are parameters of a class; looking at a signature is slow."""
    if cls not in _known:
        _known[cls] = [name for name in cls._get_param_names() if name in _FIELDS]  # type: ignore
    return _known[cls]
