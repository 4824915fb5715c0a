"""Data that are passed along from `fit` to the fitted attributes, and one training by a plan."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import torch

from skdeep import engine
from skdeep.nets.blocks import set_generator


@dataclass(frozen=True, kw_only=True)
class Given:
    """Arguments of a fitting method."""

    X: Any
    y: Any = None
    sample_weight: Any = None
    X_val: Any = None
    y_val: Any = None
    sample_weight_val: Any = None

    def __post_init__(self) -> None:
        if self.sample_weight_val is not None and self.X_val is None and self.y_val is None:
            raise ValueError("sample_weight_val is provided, but X_val was not provided.")


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


_R = TypeVar("_R", bound="Rows")


@dataclass(frozen=True)
class Rows:
    """Checked rows with their targets and weights.

    Attributes
    ----------
    x : ndarray, CSR matrix, Tensor, or rows of `skdeep.data.rows`
    target : ndarray, or None where the rows themselves are what is to be predicted
    weight : ndarray of shape (n_samples,) or None
        None stands for equal weights.
    counts : ndarray of shape (n_samples,) or None
        How many equal rows each row stands for: the weights without those of classes.
    """

    x: Any
    target: Any
    weight: np.ndarray | None = None
    counts: np.ndarray | None = None

    def __len__(self) -> int:
        return self.x.shape[0]

    def __getitem__(self: _R, rows: np.ndarray) -> _R:
        columns = (self.target, self.weight, self.counts)
        target, weight, counts = (None if c is None else c[rows] for c in columns)
        return replace(self, x=self.x[rows], target=target, weight=weight, counts=counts)

    def with_weight(self) -> Rows:
        """Rows of positive weight: rows with zero weight are ignored."""
        if self.weight is None or self.weight.all():
            return self
        return self[np.flatnonzero(self.weight)]


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
    ended: bool = True


Validator = Callable[[], tuple[float, float | None]]
"""Gives the loss and the score (or None) on the validation rows."""


_NON_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed."
)
_LARGE = 1e3  # beyond it a value is named as the likely cause of a diverging loss


def learn(
    estimator: Any,
    module: torch.nn.Module,
    plan: Plan,
    mode: Mode,
    device: torch.device,
    rng: np.random.RandomState,
    report: Callable[..., Any] | None = None,
) -> tuple[Task, list]:
    """Train the network by the plan; a continuation that fails is rolled back.

    Parameters
    ----------
    estimator : DeepEstimator
        Says how: its recipe, phases and tensors.
    module : torch.nn.Module
        With its initial weights.
    plan : Plan
    mode : Mode
    device : torch.device
    rng : numpy.random.RandomState
    report : callable, default=None
        ``report(reconstruct)`` makes an `EpochReport`.

    Returns
    -------
    task : Task
    runs : list
        One for each phase that was run.

    Raises
    ------
    ValueError
        If a loss was not finite; it says the likely cause.
    torch.OutOfMemoryError
        If the device has too little memory.
    """
    recipe = estimator._recipe(plan)
    try:
        return _learn(estimator, module, recipe, plan, mode, device, rng, report)
    except engine.NonFiniteLoss as error:
        raise ValueError(_explain(error, estimator, plan.train)) from None
    except torch.OutOfMemoryError as error:
        raise torch.OutOfMemoryError(
            f"{device} ran out of memory with batch_size={recipe.batch_size}: try a smaller one. "
            f"{error}"
        ) from error


def _learn(
    estimator: Any,
    module: torch.nn.Module,
    recipe: engine.Recipe,
    plan: Plan,
    mode: Mode,
    device: torch.device,
    rng: np.random.RandomState,
    report: Callable[..., Any] | None,
) -> tuple[Task, list]:
    net = _net(estimator, module, recipe, mode, device)
    net.resume()
    saved = net.checkpoint() if mode.resumed else None
    data = estimator._tensors(net, plan.train)
    held_out = None if plan.held_out is None else estimator._tensors(net, plan.held_out)
    task = Task(
        net=net, data=data, held_out=held_out, plan=plan, recipe=recipe, mode=mode, rng=rng,
        noise=torch.Generator(device=net.device),
    )  # fmt: skip
    if not mode.resumed:
        estimator._prepare(task)
    task.noise.manual_seed(int(rng.randint(2**31 - 1)) if recipe.draws_noise else 0)
    set_generator(net.module_, task.noise)
    try:
        runs = _run(estimator, task, report)
    except BaseException:
        if saved is not None:
            net.rollback(saved)
            net.module_.eval()
        raise
    finally:
        set_generator(net.module_, None)
        net.finish(keep_moments=mode.incremental)
    return task, runs


def _run(estimator: Any, task: Task, report: Callable[..., Any] | None) -> list:
    """Run the phases of a task."""
    net, recipe, mode = task.net, task.recipe, task.mode
    past = dict(estimator.__dict__) if mode.resumed else {}
    shared = engine.Shared(
        rng=task.rng,
        curves=past_curves(past),
        verbose=recipe.verbose,
        interruptible=not mode.in_search,
        replaces=estimator.__sklearn_is_fitted__(),
        datasets=(
            engine.skorch_dataset(net, task.data),
            engine.skorch_dataset(net, task.held_out),
        ),
        max_time=recipe.max_time,
        n_seen=past.get("t_", 0),
    )
    n_rows = len(task.plan.train) if recipe.solver == "lbfgs" else recipe.batch_size
    return engine.run_phases(
        net,
        estimator._phases(task, past),
        shared,
        report=None if report is None else _reporter(report, estimator, task),
        work=(n_rows, recipe.uses * net.n_parameters),
    )


def _net(
    estimator: Any,
    module: torch.nn.Module,
    recipe: engine.Recipe,
    mode: Mode,
    device: torch.device,
) -> engine.DeepNet:
    """A new net around the module, or the existing one with current parameters."""
    options = {"batch_size": recipe.batch_size, "max_epochs": recipe.max_iter}
    if not mode.resumed:
        return engine.DeepNet(
            module.to(device),
            _loss(estimator, recipe).to(device),
            players=recipe.optimizers(),
            callbacks=engine.checked_callbacks(estimator.skorch_callbacks),
            device=device,
            lr=float(recipe.learning_rate_init),
            **options,
        ).initialize()
    net = estimator.net_
    if torch.device(net.device) != device:
        net.move(device)
    if not mode.incremental:
        loss = _loss(estimator, recipe).to(device)
        callbacks = engine.checked_callbacks(estimator.skorch_callbacks)
        net.restart(loss, recipe.optimizers(), callbacks)
    net.set_sizes(**options)
    return net


def _loss(estimator: Any, recipe: engine.Recipe) -> torch.nn.Module:
    return estimator._make_loss() if recipe.loss is None else recipe.loss


def _reporter(
    report: Callable[..., Any], estimator: Any, task: Task
) -> Callable[[list], engine.EpochReport]:
    """Factory of the `EpochReport` of a phase, given the runs before it."""

    def make(earlier: list) -> engine.EpochReport:
        def reconstruct(run: Any) -> dict[str, Any]:
            now = replace(task, net=task.net.frozen_copy(), ended=False)
            return estimator._keep(now, [*earlier, run])

        return report(reconstruct)

    return make


def _explain(error: engine.NonFiniteLoss, estimator: Any, rows: Rows) -> str:
    """Likely cause of a loss that is not finite."""
    largest = estimator._input.largest(rows.x)
    total = math.inf if rows.weight is None else float(rows.weight.sum())
    alpha = getattr(estimator, "alpha", 0.0)
    cause = (
        f"X holds values up to {largest:.3g}: scale it, with StandardScaler for example"
        if largest > _LARGE
        else estimator._target_too_large(rows.target)
    )
    if cause is None and alpha > total:
        cause = (
            f"the weights of rows, which sum to {total:.3g}: against them alpha={alpha} "
            "is large; scale sample_weight or class_weight, or lower alpha"
        )
    if cause is None:
        cause = (
            f"learning_rate_init={estimator.learning_rate_init} is too large: lower it, or set "
            "gradient_clip_norm=1.0"
        )
    return f"{_NON_FINITE} The loss became infinite or NaN in epoch {error.epoch}; likely {cause}."


def past_curves(past: dict[str, Any]) -> engine.Curves:
    """Curves of earlier runs, to append to."""
    return engine.Curves(
        list(past.get("loss_curve_", [])),
        list(past.get("validation_loss_curve_") or []),
        list(past.get("validation_scores_") or []),
    )
