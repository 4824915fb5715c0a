"""How members are trained: batches, the scores of their epochs, what held-out rows leave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from skdeep import engine
from skdeep.base.rows import Task, Validator
from skdeep.base.training import plain_gradient, single_phase
from skdeep.data.batches import chunks
from skdeep.data.members import MemberBatches
from skdeep.losses import weighted_mean
from skdeep.tabular.answers import MOST_COMPARED


class Design:
    """What one kind of network for tables has of its own; RealMLP and TabM say more.

    Parameters
    ----------
    estimator : DeepTable
        Its parameters are read.
    """

    numeric = "robust"  # how `TabularEncoder` scales numbers
    patience_growth = 0.0
    mixes_on_cpu = False  # whether amp='auto' is for processors, too
    rounds_by_batch = False  # whether a row's scores differ by more than 1e-7 with those beside it

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    @property
    def n_networks(self) -> int:
        """How many networks without a common weight the members are spread over."""
        return self.estimator.n_estimators

    def batch_size(self, n_samples: int) -> int:
        """What batch_size='auto' stands for."""
        raise NotImplementedError

    def module(self, encoder: Any, n_outputs: int) -> torch.nn.Module:
        """The network for encoded rows; its weights are drawn later."""
        raise NotImplementedError

    def draw(self, module: Any, rng: np.random.RandomState, x: Any, weight: Any) -> None:
        """Draw the initial weights, with a look at the rows to train on."""
        raise NotImplementedError

    def schedule(self, task: Task, n_steps: int) -> Any:
        """The schedule of the rate and of what moves with it, or None for that of the recipe."""
        return None

    def average(self, task: Task, n_batches: int) -> engine.MovingAverage | None:
        """What is judged and kept in place of the weights, or None."""
        return None

    def judged(self, raw: torch.Tensor) -> torch.Tensor:
        """Scores that choose the best epoch of each network, from those of members."""
        return raw


def members_phase(estimator: Any, task: Task, past: dict[str, Any]) -> engine.Phase:
    """The one phase of training by a `MembersPlan`."""
    design, plan, recipe = estimator._design, task.plan, task.recipe
    batches = MemberBatches(
        *task.data,
        plan.members,
        batch_size=recipe.batch_size,
        rng=task.rng if estimator.shuffle else None,
    )
    best = engine.BestMembers(task.net.module_, recipe.tol)
    phase = single_phase(
        estimator,
        task,
        past,
        batches=batches,
        gradient=_gradient(estimator, task),
        schedule=design.schedule(task, recipe.max_iter * len(batches)),
        validator=_validator(estimator, task, best),
        patience=_patience(design, task, best),
        average=design.average(task, len(batches)),
        best=best if plan.stops_early else None,
        n_epochs=recipe.max_iter if plan.epochs is None else max(*plan.epochs, 1),
    )
    if plan.epochs is None:
        return phase
    return lambda shared: phase(replace(shared, replaces=False))  # there is a model already


def _gradient(estimator: Any, task: Task) -> Callable[..., torch.Tensor]:
    """The gradient, of a compiled network or in mixed precision where that is asked for."""
    net, forward = task.net, task.net.module_
    device = torch.device(net.device)
    if estimator.compile:
        forward = engine.compiled(forward, device)
    if engine.wants_mixed(estimator.amp, net.dtype, device, estimator._design.mixes_on_cpu):
        forward = engine.mixed_precision(forward, net.dtype, device)
    gradient = plain_gradient(forward, task)
    return engine.with_compiler(gradient) if estimator.compile else gradient


def _patience(design: Design, task: Task, best: engine.BestMembers) -> engine.Patience:
    plan, recipe = task.plan, task.recipe
    if not plan.holds_out:  # it goes on to the end
        return engine.Patience(recipe.tol, np.inf, higher_is_better=plan.stops_early)
    return engine.LastBestPatience(
        recipe.tol, recipe.n_iter_no_change, True, lambda: best.epochs, design.patience_growth
    )


def _validator(estimator: Any, task: Task, best: engine.BestMembers) -> Validator | None:
    """Gives the loss and the mean score on the rows to be judged by, and shows `best` the scores
    of the networks."""
    net, plan, design, answers = task.net, task.plan, estimator._design, estimator._answers
    if plan.epochs is not None:
        return _count_epochs(plan.epochs, best)
    if plan.judges is None:
        return None
    rows = torch.as_tensor(plan.judges, device=net.device)
    x, *known = task.data
    x, known = x[rows], [None if d is None else d[rows] for d in known]
    share = estimator._reported_share()
    of_members = [_spread(t, net.module_.n_members) for t in known]
    of_networks = [_spread(t, design.n_networks) for t in known]

    def validate() -> tuple[float, float]:
        raw = held_out_scores(net.module_, x)
        target, weight = of_members
        loss = weighted_mean(
            net.criterion_(raw.flatten(0, 1), target.flatten(0, 1)),
            None if weight is None else weight.flatten(),
        )
        judged = design.judged(raw)
        scores = answers.scores(judged, *of_networks, net.criterion_)
        best.observe(answers.smooth(scores, judged, *of_networks))
        return float(loss) * share, float(scores.mean())

    return validate


def _count_epochs(epochs: list[int], best: engine.BestMembers) -> Validator:
    """A validator that makes `best` keep the weights of the planned epochs."""
    wanted = torch.tensor(epochs)
    done = [0]

    def validate() -> tuple[float, float]:
        done[0] += 1
        best.observe((wanted == done[0]).float())
        return 0.0, float(done[0])

    return validate


def _spread(t: torch.Tensor | None, n: int) -> Any:
    """Rows of each network, or of all, as rows of n members or networks."""
    if t is None:
        return None
    return t.expand(n, *t.shape[1:]) if len(t) == 1 else t.repeat_interleave(n // len(t), 0)


def from_held_out(answers: Any, task: Task) -> dict[str, Any]:
    """Fitted attributes that come from predictions for the rows that members have not seen."""
    net, plan, (x, *known) = task.net, task.plan, task.data
    if not plan.holds_out:
        return answers.without_held_out()
    index = torch.as_tensor(plan.judges, device=x.device)
    raw = held_out_scores(net.module_, x[index])
    # Rows of their own are predicted by the members of one network, common rows by all.
    n_sets = len(index)
    raw = raw.unflatten(0, (n_sets, -1)).transpose(1, 2).flatten(0, 1)
    index, everyone = index.flatten(), None
    if n_sets > 1:
        with torch.inference_mode():
            scores = member_scores(net.module_, x[index[:MOST_COMPARED]])
        everyone = scores.unflatten(1, (n_sets, -1))
    target, weight = (None if d is None else d[index] for d in known)
    return answers.from_held_out(raw, target, weight, net.criterion_, everyone)


@torch.inference_mode()
def held_out_scores(module: Any, x: torch.Tensor) -> torch.Tensor:
    """Raw scores (n_members, n_rows, n_outputs) of rows that networks have or share."""
    if len(x) == 1 and module.n_members > 1:
        return member_scores(module, x[0]).transpose(0, 1)
    pieces = chunks(x.shape[1], _width(module), x.device)
    out = [module(x[:, piece]).unflatten(0, (module.n_members, -1)) for piece in pieces]
    return torch.cat(out, 1)


def member_scores(module: Any, x: torch.Tensor, **options: Any) -> torch.Tensor:
    """Raw scores (n_rows, n_members, n_outputs); `options` are those of the module."""
    if len(x) <= 256:
        return module(x, **options)
    pieces = chunks(len(x), _width(module), x.device)
    return torch.cat([module(x[piece], **options) for piece in pieces])


def _width(module: Any) -> int:
    """Numbers that a row takes in the widest layer, for all members."""
    return module.n_members * max(max(p.shape[-2:]) for p in module.parameters())
