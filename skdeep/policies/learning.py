"""How the network of a policy is trained on logged transitions."""

from __future__ import annotations

import copy
import math
import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skdeep import engine
from skdeep.base.learning import Mode, Plan, Task, Validator
from skdeep.base.training import make_batches, single_phase
from skdeep.data.batches import n_batches
from skdeep.data.pieces import channel_statistics
from skdeep.data.transitions import Draws
from skdeep.engine.recipe import capped_batch_size, epochs_of_steps
from skdeep.engine.steps import PlainBackprop
from skdeep.inputs.rows import Rows, to_host
from skdeep.losses import ActionValue, CrossEntropy
from skdeep.nets.q import QNet
from skdeep.policies.evaluation import LinearEvaluation, chosen_actions, limits_of
from skdeep.policies.transitions import TransitionRows

BATCH = 64
"""Transitions of an update with batch_size='auto'."""
_UPDATES = (6_000, 100_000)
"""Fewest and most updates of max_iter='auto'."""
_CLONING_STEPS = 2_000
_EQUAL = 0.2
"""Share of the best value by which others may be lower: about the error of their estimates."""


def plan(estimator: Any, rows: TransitionRows, mode: Mode, rng: np.random.RandomState) -> Plan:
    """Hold out whole episodes for the evaluation of policies."""
    stops_early = estimator.early_stopping and not mode.incremental
    if not (stops_early or mode.watched):
        return Plan(train=rows)
    labels = np.unique(rows.log.episode)
    n_held_out = math.ceil(estimator.validation_fraction * len(labels))
    if not 0 < n_held_out < len(labels):
        warnings.warn(
            f"early_stopping=True has no effect: validation_fraction="
            f"{estimator.validation_fraction} of {len(labels)} episode(s) leaves none to train on "
            "or none to evaluate policies on. Pass `episode`, or set early_stopping=False."
        )
        return Plan(train=rows)
    is_held_out = np.isin(rows.log.episode, rng.permutation(labels)[:n_held_out])
    return Plan(
        train=rows[np.flatnonzero(~is_held_out)],
        held_out=rows[np.flatnonzero(is_held_out)],
        stops_early=stops_early,
        scores=True,
    )


def recipe(estimator: Any, train: Rows) -> engine.Recipe:
    """How the network is trained on the rows of a plan."""
    size, n_iter, n_samples = estimator.batch_size, estimator.max_iter, len(train)
    if isinstance(train, TransitionRows):
        if n_iter == "auto":
            n_iter = -(-int(np.clip(n_samples, *_UPDATES)) // estimator.updates_per_iter)
        return q_recipe(estimator, BATCH if size == "auto" else size, n_iter)
    size = capped_batch_size(size, n_samples)
    if n_iter == "auto":
        n_iter = epochs_of_steps(_CLONING_STEPS, n_batches(n_samples, size), 10, 200)
    return engine.Recipe.of(
        estimator, batch_size=size, max_iter=n_iter, loss=CrossEntropy(), ends=True
    )


def q_recipe(estimator: Any, batch_size: int, n_iter: int) -> engine.Recipe:
    """How values are learned in a number of iterations."""
    return engine.Recipe.of(
        estimator,
        batch_size=batch_size,
        max_iter=n_iter,
        shuffle=False,
        ends=True,
        loss=ActionValue(float(estimator.huber_delta), float(estimator.conservative)),
    )


def phases(estimator: Any, task: Task, past: dict[str, Any]) -> list[engine.Phase]:
    """The one phase of a fit: behaviour cloning, or fitted Q iteration."""
    train, body_gradient = task.plan.train, gradient_of_body(task)
    if not isinstance(train, TransitionRows):
        gradient: Any = Standardised(task.net.module_.scale, body_gradient)
        batches = make_batches(estimator, task)
        return [single_phase(estimator, task, past, gradient=gradient, batches=batches)]
    size = task.recipe.batch_size
    n = -(-len(train) // size) if task.mode.incremental else estimator.updates_per_iter
    batches = Draws(*task.data, batch_size=size, n_batches=n, rng=task.rng)
    gradient = bellman_gradient(estimator, task, body_gradient)
    validator = None if task.held_out is None else _validator(estimator, task)
    parts = {"batches": batches, "gradient": gradient, "validator": validator}
    if task.plan.stops_early:
        parts["patience"] = ValuePatience(task.recipe.n_iter_no_change)
    return [single_phase(estimator, task, past, **parts)]


class ValuePatience(engine.Patience):
    """Patience with estimated values of policies, which are not exact: of those within `_EQUAL` of
    the best the last counts, whose training has gone on longest.

    Parameters
    ----------
    n_iter_no_change : int or inf
    """

    def __init__(self, n_iter_no_change: float) -> None:
        super().__init__(0.0, n_iter_no_change, higher_is_better=True)

    def update(self, value: float) -> bool:
        """Take the value of an iteration's policy; return whether it is to be kept."""
        return super().update(value) or value >= self.best - _EQUAL * abs(self.best)


def standardise(task: Task) -> None:
    """Have the network standardise observations by those that it is to be trained on."""
    x, _, weight = task.data
    x = x[0] if isinstance(x, tuple) else x
    mean, deviation = channel_statistics(x[:, :, None] if len(x.shape) == 2 else x, weight)
    scale = task.net.module_.scale
    scale.mean.copy_(mean)
    scale.scale.copy_(1 / deviation)


def gradient_of_body(task: Task) -> Any:
    """Gradient of the mean loss of the network after its standardisation."""
    body, loss = task.net.module_.body, task.net.criterion_
    gradient = engine.Autograd(body, loss, task.net.flat_optimizers_[0].flat)
    return PlainBackprop(body, loss, gradient) if PlainBackprop.applies_to(body, loss) else gradient


def bellman_gradient(estimator: Any, task: Task, gradient: Any) -> BellmanGradient:
    """The gradient of fitted Q iteration, by the parameters of an estimator."""
    module, rows = task.net.module_, task.plan.train
    limits = (-math.inf, math.inf)
    if rows.policy is not None:
        least, most = limits_of(rows.log.reward, estimator.gamma)
        limits = least / float(module.unit), most / float(module.unit)
    return BellmanGradient(module, gradient, estimator.target_update, estimator.double_q, limits)


class Standardised:
    """A gradient whose rows are standardised first.

    Parameters
    ----------
    scale : torch.nn.Module
    gradient : callable
        ``gradient(x, target, weight)``.
    """

    def __init__(self, scale: torch.nn.Module, gradient: Any) -> None:
        self.scale, self.gradient = scale, gradient

    def __call__(self, x: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
        return self.gradient(self.scale(x), target, weight)


class BellmanGradient:
    """Gradient towards ``reward + discount * value of the next state``, by a target network.

    Parameters
    ----------
    module : QNet
    gradient : callable
        ``gradient(x, target, weight)`` of its body; the target is the number of an action and its
        value.
    target_update : float or int
        Share by which the target network approaches the network after an update, or the updates
        after which it is copied.
    double_q : bool
        Whether the network chooses the next action (van Hasselt et al., 2016), or the target
        network (Mnih et al., 2015). Neither does where the columns of the target after the third
        are the probabilities of a policy whose values are learned.
    limits : tuple of two float, default=(-inf, inf)
        Of the values of such a policy.
    """

    def __init__(
        self,
        module: QNet,
        gradient: Any,
        target_update: float,
        double_q: bool,
        limits: tuple[float, float] = (-math.inf, math.inf),
    ) -> None:
        self.scale: torch.nn.Module = module.scale
        self.body: torch.nn.Module = module.body
        self.gradient = gradient
        self.target_update, self.double_q, self.limits = target_update, double_q, limits
        self.target = copy.deepcopy(self.body).requires_grad_(False).eval()
        self.mine: list[Tensor] = list(self.body.parameters())
        self.theirs: list[Tensor] = list(self.target.parameters())
        self.n_updates = 0

    def __call__(self, x: tuple[Tensor, Tensor], target: Tensor, weight: Tensor | None) -> Tensor:
        if self.n_updates:
            self._follow()
        self.n_updates += 1
        value = self.next_value(self.scale(x[1]), target[:, 3:])
        wanted = torch.addcmul(target[:, 1], target[:, 2], value)
        return self.gradient(self.scale(x[0]), torch.stack([target[:, 0], wanted], 1), weight)

    def next_value(self, x: Tensor, policy: Tensor) -> Tensor:
        """Value of standardised next states."""
        values = self.target(x)
        if policy.shape[1]:
            return (values * policy).sum(1).clamp(*self.limits)
        if not self.double_q:
            return values.amax(1)
        return values.gather(1, self.body(x).argmax(1, keepdim=True))[:, 0]

    def _follow(self) -> None:
        """Bring the target network up to date after an update."""
        if self.target_update < 1:
            torch._foreach_lerp_(self.theirs, self.mine, float(self.target_update))
        elif self.n_updates % self.target_update == 0:
            torch._foreach_copy_(self.theirs, self.mine)


def _validator(estimator: Any, task: Task) -> Validator:
    """Temporal-difference error on held-out episodes, and fitted-Q evaluation of the policy."""
    module, rows = task.net.module_, task.plan.held_out
    reader, net = estimator._input, task.net
    dtype, device = net.dtype, torch.device(net.device)
    x, after = (reader.place(part, dtype, device) for part in (rows.x, rows.next_x))
    n_actions, starts = estimator.n_outputs_, rows.log.starts
    evaluation = LinearEvaluation.of(rows, n_actions, estimator.gamma)
    discount = np.where(rows.log.terminated, 0.0, estimator.gamma)
    unit = float(module.unit)
    known: np.ndarray | None = None

    def validate() -> tuple[float, float | None]:
        nonlocal known
        with torch.inference_mode():
            here = to_host(estimator._forward(module, x))
            next_ = to_host(estimator._forward(module, after))
        wanted = rows.log.reward + discount * next_.max(1)
        error = (here[np.arange(len(here)), rows.target] - wanted) / unit
        policy = chosen_actions(next_.argmax(1), n_actions)
        at_start = chosen_actions(here[starts].argmax(1), n_actions)
        score = None
        if task.plan.scores:
            score, known = evaluation.value(policy, at_start, known)
        return float(np.mean(np.square(error))), score

    return validate
