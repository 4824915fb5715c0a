"""From a task to a phase of training, and from its run to fitted attributes.

These are the defaults; a family passes the parts in which it differs as arguments.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skdeep import engine
from skdeep.base.learning import Task, Validator
from skdeep.data.batches import Batches, LengthBatches, chunks
from skdeep.data.pieces import in_pieces
from skdeep.data.rows import PaddedRows, SparseRows
from skdeep.engine.steps import PlainBackprop
from skdeep.engine.training import Training
from skdeep.inputs.rows import to_host
from skdeep.losses.reduce import weighted_mean
from skdeep.nets.conv import BatchNorm, set_row_weight

CURVES = (
    "loss_curve_",
    "best_loss_",
    "best_validation_score_",
    "validation_scores_",
    "validation_loss_curve_",
    "_no_improvement_count",
)
"""Attributes that a fit with solver 'lbfgs' does not leave."""


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
    batches = make_batches(task) if batches is None else batches
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
        shuffle=recipe.shuffle,
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


def make_batches(task: Task, **options: Any) -> Batches:
    """Batches of rows; series of unequal length are grouped by length to reduce padding."""
    recipe, x = task.recipe, task.data[0]
    options |= {"batch_size": recipe.batch_size, "smallest": recipe.smallest_batch}
    if isinstance(x, PaddedRows):
        return LengthBatches(*task.data, lengths=to_host(x.lengths), **options)
    options.pop("window", None)
    return Batches(*task.data, **options)


def single_step(estimator: Any, task: Task, gradient: Any) -> engine.SingleStep:
    """Step of one optimizer on the mean loss of a batch and the penalty."""
    net, recipe = task.net, task.recipe
    optimizer = net.flat_optimizers_[0]
    if gradient is None:
        gradient = plain_gradient(net.module_, task)
    return engine.SingleStep(
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


def weighing(module: torch.nn.Module, gradient: Any) -> Any:
    """The gradient, with the weights of rows set in normalisation layers over the batch.

    Parameters
    ----------
    module : torch.nn.Module
    gradient : callable
        ``gradient(x, target, weight)``.
    """
    if not any(isinstance(layer, BatchNorm) for layer in module.modules()):
        return gradient

    def weighed(x: Any, target: Any, weight: Tensor | None) -> Tensor:
        set_row_weight(module, weight)
        try:
            return gradient(x, target, weight)
        finally:
            set_row_weight(module, None)

    return weighed


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


def placed(estimator: Any, X: Any) -> tuple[Any, Any]:
    """Checked rows of a fitted estimator, and the same on the network's device."""
    reader = estimator._input
    parameter = estimator.net_.parameter
    checked = reader.check(estimator, X)
    return checked, reader.place(checked, parameter.dtype, parameter.device)


def forward(module: torch.nn.Module, x: Any) -> torch.Tensor:
    """Raw scores of all rows, in chunks where there are many."""
    n_samples = x.shape[0]
    if len(x.shape) > 2:
        return in_pieces(module, x, module)
    if not isinstance(x, SparseRows) and n_samples <= 256:
        return module(x)
    parameters = list(module.parameters())
    pieces = chunks(n_samples, max(p.shape[0] for p in parameters), parameters[0].device)
    return torch.cat([module(x[piece]) for piece in pieces])
