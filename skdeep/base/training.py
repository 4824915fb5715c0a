"""One training: from a plan to a task, and from the task to its phases.

The parts of a phase are defaults; a family passes those in which it differs as arguments.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from skdeep import engine
from skdeep.base.batches import make_batches
from skdeep.base.learning import Mode, Plan, Task, Validator
from skdeep.data.rows import SparseRows
from skdeep.data.stream import StreamBatches
from skdeep.engine.steps import PlainBackprop
from skdeep.engine.training import Training
from skdeep.inputs.rows import Rows, to_host
from skdeep.losses.reduce import weighted_mean
from skdeep.nets.blocks import set_generator

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
        Says how: its recipe and phases.
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
    with _explaining(estimator, plan, recipe, device):
        net = _net(estimator, module, recipe, mode, device)
        net.resume()
        data = plan.train.tensors(estimator, net)
        held_out = None if plan.held_out is None else plan.held_out.tensors(estimator, net)
        group = None if plan.train.stream is None else plan.train.stream.group
        task = Task(
            net=net, data=data, held_out=held_out, plan=plan, recipe=recipe, mode=mode, rng=rng,
            noise=torch.Generator(device=net.device),
            team=engine.ALONE if group is None else engine.Team(group),
        )  # fmt: skip
        with task.team.listening():
            return task, _run(estimator, task, report)


@contextlib.contextmanager
def _explaining(
    estimator: Any, plan: Plan, recipe: engine.Recipe, device: torch.device
) -> Iterator[None]:
    """Turn errors of training into errors that say what to do about them."""
    try:
        yield
    except engine.NonFiniteLoss as error:
        raise ValueError(_explain(error, estimator, plan.train)) from None
    except torch.OutOfMemoryError as error:
        raise torch.OutOfMemoryError(
            f"{device} ran out of memory with batch_size={recipe.batch_size}: try a smaller one. "
            f"{error}"
        ) from error


def _run(estimator: Any, task: Task, report: Callable[..., Any] | None) -> list:
    """Run the phases of a task; where they fail, bring back the weights that they went on from."""
    net, mode = task.net, task.mode
    saved = net.checkpoint() if mode.resumed else None
    if not mode.resumed:
        estimator._prepare(task)
    task.team.equal([optimizer.flat for optimizer in net.flat_optimizers_], task.rng)
    seed = int(task.rng.randint(2**31 - 1)) if task.recipe.draws_noise else 0
    task.noise.manual_seed(seed + task.team.rank)
    set_generator(net.module_, task.noise)
    try:
        return _run_phases(estimator, task, report)
    except BaseException:
        if saved is not None:
            net.rollback(saved)
            net.module_.eval()
        raise
    finally:
        set_generator(net.module_, None)
        net.finish(keep_moments=mode.incremental)


def _run_phases(estimator: Any, task: Task, report: Callable[..., Any] | None) -> list:
    net, recipe, mode = task.net, task.recipe, task.mode
    past = dict(estimator.__dict__) if mode.resumed else {}
    shared = engine.Shared(
        rng=task.rng,
        curves=_past_curves(past),
        verbose=recipe.verbose and not task.team.rank,
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

        return task.team.report(report(reconstruct, phase=len(earlier)))

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


def _past_curves(past: dict[str, Any]) -> engine.Curves:
    """Curves of earlier runs, to append to."""
    return engine.Curves(
        list(past.get("loss_curve_", [])),
        list(past.get("validation_loss_curve_") or []),
        list(past.get("validation_scores_") or []),
    )


def single_phase(estimator: Any, task: Task, past: dict[str, Any], **parts: Any) -> engine.Phase:
    """The single phase of most fits: a step by `task.recipe` on batches of `task.data`.

    Parameters
    ----------
    estimator : DeepEstimator
    task : Task
    past : dict
        Fitted attributes that this training goes on from; empty for a new network.
    **parts : dict
        Of `_training`, in place of what the recipe says.
    """
    if task.recipe.solver == "lbfgs":
        return functools.partial(_lbfgs, estimator, task)
    return functools.partial(_training, estimator, task, past, **parts)


def _training(
    estimator: Any,
    task: Task,
    past: dict[str, Any],
    shared: engine.Shared,
    *,
    batches: Any = None,
    gradient: Any = None,
    step: Any = None,
    schedule: Any = None,
    validator: Validator | None = None,
    patience: Any = None,
    average: Any = None,
    best: Any = None,
    n_epochs: int | None = None,
) -> Training:
    net, recipe, plan, mode = task.net, task.recipe, task.plan, task.mode
    batches = make_batches(estimator, task) if batches is None else batches
    n_epochs = (1 if mode.incremental else recipe.max_iter) if n_epochs is None else n_epochs
    step = single_step(estimator, task, gradient) if step is None else step
    if validator is None:
        validator = make_validator(estimator, task)
    make: Callable[..., Training] = engine.Training
    if average is not None:
        validator = average.under(validator)
        make = functools.partial(engine.AveragedTraining, average=average)
    return make(
        net,
        step,
        batches,
        schedule=make_schedule(task, step, len(batches)) if schedule is None else schedule,
        patience=make_patience(task, past) if patience is None else patience,
        rng=shared.rng,
        curves=shared.curves,
        max_iter=n_epochs,
        shuffle=recipe.shuffle and not isinstance(batches, StreamBatches),
        early_stopping=plan.stops_early,
        validator=validator,
        max_time=shared.max_time,
        n_seen=shared.n_seen,
        verbose=shared.verbose,
        report=shared.report,
        single_epoch=mode.incremental or mode.quiet or recipe.ends,
        interruptible=shared.interruptible,
        replaces=shared.replaces,
        datasets=shared.datasets,
        best=best,
        recordable=recipe.recordable,
        team=task.team,
    )


def _lbfgs(estimator: Any, task: Task, shared: engine.Shared) -> engine.LBFGS:
    recipe = task.recipe
    x, target, weight = task.data
    x = x[np.arange(x.shape[0])] if isinstance(x, SparseRows) else x
    return engine.LBFGS(
        task.net,
        single_step(estimator, task, None),
        (x, target, weight),
        max_iter=recipe.max_iter,
        max_fun=recipe.max_fun,
        tol=recipe.tol,
        max_time=shared.max_time,
        verbose=shared.verbose,
        report=shared.report,
        interruptible=shared.interruptible,
        replaces=shared.replaces,
    )


def single_step(estimator: Any, task: Task, gradient: Any) -> engine.SingleStep:
    """Step of one optimizer on the mean loss of a batch and the penalty."""
    net, recipe = task.net, task.recipe
    optimizer = net.flat_optimizers_[0]
    if gradient is None:
        gradient = plain_gradient(net.module_, task)
    return task.team.step(
        optimizer,
        gradient,
        engine.Penalty(optimizer.flat, recipe.l2, recipe.l1),
        clip=recipe.gradient_clip_norm,
        data_scale=estimator._reported_share(),
    )


def plain_gradient(forward: Any, task: Task) -> Any:
    """Gradient of the mean loss of ``forward(x)``: hand-written for plain perceptrons, else by
    autograd."""
    net = task.net
    gradient = engine.Autograd(forward, net.criterion_, net.flat_optimizers_[0].flat)
    if forward is net.module_ and PlainBackprop.applies_to(forward, net.criterion_):
        return PlainBackprop(forward, net.criterion_, watched=gradient)
    return gradient


def make_schedule(task: Task, step: Any, n_batches: int) -> Any:
    """Schedule of the recipe; in a stream, schedules with a planned end are constant."""
    recipe = task.recipe
    name = recipe.learning_rate
    if task.mode.incremental and name in engine.BOUNDED_SCHEDULES:
        name = "constant"
    return engine.make_schedule(
        name,
        step.optimizers[0],
        base=float(recipe.learning_rate_init),
        power_t=recipe.power_t,
        n_epochs=recipe.max_iter,
        steps_per_epoch=n_batches,
    )


def make_patience(task: Task, past: dict[str, Any]) -> engine.Patience:
    """Patience with the score or the loss, continued from earlier runs."""
    judged = task.plan.stops_early
    return engine.Patience(
        task.recipe.tol,
        task.recipe.n_iter_no_change,
        higher_is_better=judged,
        best=past.get("best_validation_score_" if judged else "best_loss_"),
        count=past.get("_no_improvement_count", 0),
    )


def make_validator(estimator: Any, task: Task) -> Validator | None:
    """Function that returns loss and score on the validation rows, or None if there are none."""
    if task.held_out is None:
        return None
    net = task.net
    x, target, weight = task.held_out
    host_target, host_weight = to_host(target), to_host(weight)
    share = estimator._reported_share()

    def validate() -> tuple[float, float | None]:
        with torch.inference_mode():
            raw = estimator._forward(net.module_, x)
            loss = weighted_mean(net.criterion_(raw, target), weight) * share
            score = None
            if task.plan.scores:
                score = estimator._score_raw(raw, host_target, host_weight)
            return float(loss), score

    return validate
