"""One training: from a plan to a task, and from the task to its phases.

The parts of a phase are defaults; a family passes those in which it differs as arguments.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from skdeep import engine
from skdeep.base.disk import batches_of_stream
from skdeep.base.divergence import cause_of
from skdeep.base.learning import Mode, Plan, Task, Validator
from skdeep.data.batches import Batches, LengthBatches
from skdeep.data.rows import PaddedRows, SparseRows
from skdeep.data.stream import StreamBatches
from skdeep.engine.steps import PlainBackprop
from skdeep.inputs.rows import to_host
from skdeep.losses.reduce import weighted_mean
from skdeep.nets.blocks import set_generator


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
    try:
        task = _task(estimator, module, plan, recipe, mode, device, rng)
        with contextlib.nullcontext() if task.team is None else task.team.listening():
            return task, _run(estimator, task, report)
    except engine.NonFiniteLoss as error:
        raise ValueError(cause_of(error, estimator, plan.train)) from None
    except torch.OutOfMemoryError as error:
        raise torch.OutOfMemoryError(
            f"{device} ran out of memory with batch_size={recipe.batch_size}: try a smaller one. "
            f"{error}"
        ) from error


def _task(
    estimator: Any,
    module: torch.nn.Module,
    plan: Plan,
    recipe: engine.Recipe,
    mode: Mode,
    device: torch.device,
    rng: np.random.RandomState,
) -> Task:
    """The network and the rows of a plan where the network lives."""
    net = _net(estimator, module, recipe, mode, device)
    net.resume()
    stream, size = plan.train.stream, recipe.batch_size
    data = plan.train.tensors(estimator, net)
    held_out = None if plan.held_out is None else plan.held_out.tensors(estimator, net)
    group = None if stream is None else stream.group
    return Task(
        net=net, data=data, held_out=held_out, plan=plan, recipe=recipe, mode=mode, rng=rng,
        noise=torch.Generator(device=net.device),
        batch_size=size if stream is None else stream.own_share(size, recipe.smallest_batch),
        team=None if group is None else engine.Team(group),
    )  # fmt: skip


def _run(estimator: Any, task: Task, report: Callable[..., Any] | None) -> list:
    """Run the phases of a task; where they fail, bring back the weights that they went on from."""
    net, mode = task.net, task.mode
    saved = net.checkpoint() if mode.resumed else None
    if not mode.resumed:
        estimator._prepare(task)
    if task.team is not None:
        task.team.equal([optimizer.flat for optimizer in net.flat_optimizers_], task.rng)
    seed = int(task.rng.randint(2**31 - 1)) if task.recipe.draws_noise else 0
    task.noise.manual_seed(seed if task.team is None else seed + task.team.rank)
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
        verbose=recipe.verbose and (task.team is None or task.team.rank == 0),
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

        made = report(reconstruct, phase=len(earlier))
        return made if task.team is None else task.team.report(made)

    return make


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
) -> engine.Training:
    net, recipe, plan, mode = task.net, task.recipe, task.plan, task.mode
    batches = make_batches(estimator, task) if batches is None else batches
    n_epochs = (1 if mode.incremental else recipe.max_iter) if n_epochs is None else n_epochs
    step = single_step(estimator, task, gradient) if step is None else step
    if validator is None:
        validator = make_validator(estimator, task)
    if average is not None:
        validator = average.under(validator)
    return engine.Training(
        net,
        step,
        batches,
        shared,
        schedule=make_schedule(task, step, len(batches)) if schedule is None else schedule,
        patience=make_patience(task, past) if patience is None else patience,
        max_iter=n_epochs,
        shuffle=recipe.shuffle and not isinstance(batches, StreamBatches),
        early_stopping=plan.stops_early,
        validator=validator,
        single_epoch=mode.incremental or mode.quiet or recipe.ends,
        best=best,
        average=average,
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
        shared,
        max_iter=recipe.max_iter,
        max_fun=recipe.max_fun,
        tol=recipe.tol,
    )


def make_batches(estimator: Any, task: Task, **options: Any) -> Batches | StreamBatches:
    """Batches of rows; series of unequal length are grouped by length to reduce padding."""
    recipe = task.recipe
    options |= {"batch_size": task.batch_size, "smallest": recipe.smallest_batch}

    def make(data: Any) -> Batches:
        if isinstance(data[0], PaddedRows):
            return LengthBatches(*data, lengths=to_host(data[0].lengths), **options)
        return Batches(*data, **{k: v for k, v in options.items() if k != "window"})

    return of_rows_or_stream(estimator, task, make, shuffle=recipe.shuffle)


def of_rows_or_stream(
    estimator: Any, task: Task, make: Callable[[Any], Any], *, shuffle: bool
) -> Any:
    """Batches that `make` gives of rows in memory, ``(x, target, weight)``; where training reads
    rows from disk, those of each of its chunks."""
    if task.plan.train.stream is None:
        return make(task.data)
    return batches_of_stream(estimator, task, make, shuffle)


def single_step(estimator: Any, task: Task, gradient: Any) -> engine.SingleStep:
    """Step of one optimizer on the mean loss of a batch and the penalty."""
    net, recipe = task.net, task.recipe
    optimizer = net.flat_optimizers_[0]
    if gradient is None:
        gradient = plain_gradient(net.module_, task)
    make = engine.SingleStep if task.team is None else task.team.step
    return make(
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
