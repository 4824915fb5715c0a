"""Data that are passed along from `fit` to the fitted attributes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from skdeep import engine
from skdeep.inputs.rows import Rows


@dataclass(frozen=True, kw_only=True)
class Given:
    """Arguments of a fitting method."""

    X: Any
    y: Any = None
    sample_weight: Any = None
    groups: Any = None
    X_val: Any = None
    y_val: Any = None
    sample_weight_val: Any = None


@dataclass(frozen=True, kw_only=True)
class Mode:
    """Kind of training that a call requests.

    Attributes
    ----------
    resumed : bool
        It goes on from the weights of an earlier call.
    incremental : bool
        It is one epoch of a stream (`partial_fit`).
    watched : bool
        A callback wants a validation score of each epoch.
    in_search : bool
        It is one of many fits of a search: Ctrl-C is for the search.
    quiet : bool
        It is a step of another fit: no warning where it ends at its last epoch.
    """

    resumed: bool = False
    incremental: bool = False
    watched: bool = False
    in_search: bool = False
    quiet: bool = False


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Rows that a network is trained on, and rows that it is validated on.

    Attributes
    ----------
    train : Rows
    held_out : Rows or None
    stops_early : bool
        The score on `held_out` decides when training ends and which weights are kept.
    scores : bool
        Each epoch is given a score on `held_out`, not only a loss.
    """

    train: Rows
    held_out: Rows | None = None
    stops_early: bool = False
    scores: bool = False


@dataclass(frozen=True, kw_only=True)
class Task:
    """Everything that a phase of training needs.

    Attributes
    ----------
    net : DeepNet
    data, held_out : tuple of (x, target, weight)
        The rows of the plan, where the network lives.
    plan : Plan
        Or a subclass of it, with what a family has to say of its rows.
    recipe : Recipe
    mode : Mode
    rng : numpy.random.RandomState
    noise : torch.Generator
        On the device of the network, for what training draws.
    batch_size : int
        Rows of this process in a batch.
    team : Team or None
        The processes that train the network, if they are several.
    ended : bool
        False where a callback looks at the estimator in the middle of training.
    """

    net: engine.DeepNet
    data: tuple[Any, Any, Any]
    held_out: tuple[Any, Any, Any] | None
    plan: Any
    recipe: engine.Recipe
    mode: Mode
    rng: np.random.RandomState
    noise: torch.Generator
    batch_size: int
    team: engine.Team | None = None
    ended: bool = True


Validator = Callable[[], tuple[float, float | None]]
"""Gives the loss and the score (or None) on the validation rows."""


CURVES = (
    "loss_curve_",
    "best_loss_",
    "best_validation_score_",
    "validation_scores_",
    "validation_loss_curve_",
    "_no_improvement_count",
)
"""Attributes that a fit with solver 'lbfgs' does not leave."""


def fitted_attributes(net: engine.DeepNet, runs: list, plan: Any) -> dict[str, Any]:
    """Fitted attributes that runs leave on an estimator."""
    run = runs[-1]
    fitted = {"net_": net, "n_iter_": sum(r.n_iter for r in runs)}
    if isinstance(run, engine.LBFGS):
        return fitted | {"loss_": run.loss}
    curves, patience = run.curves, run.patience
    losses = [loss[0] if isinstance(loss, tuple) else loss for loss in curves.losses]
    stops_early, validated = plan.stops_early, run.validator is not None
    return fitted | {
        "t_": run.n_seen,
        "loss_": losses[-1] if losses else np.inf,  # Ctrl-C in the first epoch
        "loss_curve_": losses,
        "best_loss_": None if stops_early else patience.best,
        "best_validation_score_": patience.best if stops_early else None,
        "validation_scores_": list(curves.scores) if stops_early else None,
        "validation_loss_curve_": list(curves.validation_losses) if validated else None,
        "_no_improvement_count": patience.count,
    }
