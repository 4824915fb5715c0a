"""Base of the estimators for mixed tables: encoder, members, held-out rows, calibration.

They train several networks (members) in parallel on rows encoded by `TabularEncoder`, and average
their predictions. Rows that a member is not trained on choose its best epoch, calibrate
probabilities and give prediction intervals.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning

from skdeep import engine
from skdeep.base.estimator import DeepEstimator
from skdeep.base.explanation import TableScores, explain
from skdeep.base.learning import Mode, Task, Validator
from skdeep.base.training import learn, of_rows_or_stream, plain_gradient, single_phase
from skdeep.data.batches import MemberBatches, chunks
from skdeep.engine.device import has_double
from skdeep.engine.recipe import even_batch_size
from skdeep.inputs.rows import Rows
from skdeep.losses import weighted_mean
from skdeep.preprocessing import TabularEncoder
from skdeep.tabular.answers import MOST_COMPARED, ClassAnswers, NumberAnswers
from skdeep.tabular.plan import MembersPlan, TableInput, with_given, with_held_out, without_held_out

FEW_ROWS = 32
"""Up to so many rows networks that round by the size of a batch are asked in double precision."""


HELD_OUT: ContextVar[Callable[[torch.Tensor, torch.Tensor], None] | None] = ContextVar(
    "held_out", default=None
)
"""Told of what `held_out` returns at the end of a fit: ensembles choose their weights by it."""


class Design:
    """Network, initial weights and schedule of one family; RealMLP and TabM override it.

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
        """Number of independent networks that the members are spread over."""
        return self.estimator.n_estimators

    def batch_size(self, n_samples: int) -> int:
        """Value of batch_size='auto'."""
        raise NotImplementedError

    def module(self, encoder: Any, n_outputs: int) -> torch.nn.Module:
        """Network for encoded rows, with weights to be drawn later."""
        raise NotImplementedError

    def draw(self, module: Any, rng: np.random.RandomState, x: Any, weight: Any) -> None:
        """Draw initial weights, possibly depending on the training rows."""
        raise NotImplementedError

    def schedule(self, task: Task, n_steps: int) -> Any:
        """Schedule of the rate and of values tied to it, or None for that of the recipe."""
        return None

    def average(self, task: Task, n_batches: int) -> engine.MovingAverage | None:
        """Moving average that is validated and kept in place of the weights, or None."""
        return None

    def judged(self, raw: torch.Tensor) -> torch.Tensor:
        """Scores that choose the best epoch of each network."""
        return raw


class DeepTable(DeepEstimator):
    """Base of the estimators for tables; a subclass defines its network (`_design`)."""

    _design: Design
    _answers_in = "float32"
    _reads_from_disk = True

    encoder_: TabularEncoder
    best_epochs_: list[int] | None

    explain = explain

    @property
    def _input(self) -> TableInput:
        return TableInput(self.categorical_features)

    @property
    def _answers(self) -> ClassAnswers | NumberAnswers:
        """How the scores of members are combined."""
        if self._target_is_numeric:
            return NumberAnswers(self.loss, self._target_scale)
        return ClassAnswers(self._target_type, self.scoring, self.calibrate)

    def _module(self, rows: Rows, rng: np.random.RandomState) -> torch.nn.Module:
        rows = rows.with_weight()
        single = rows.x.is_single and self.dtype != "float64"
        self._answers_in = "float32" if single else "float64"  # as X, whatever the network has
        self.encoder_ = TabularEncoder(
            numeric=self._design.numeric,
            categorical_features=self.categorical_features,
            max_one_hot=self.max_one_hot,
        ).fit(rows.x.table, sample_weight=rows.weight)
        self.__dict__.pop("members_", None)
        return self._design.module(self.encoder_, self.n_outputs_)

    def _plan(
        self, rows: Rows, validation: Rows | None, mode: Mode, rng: np.random.RandomState
    ) -> MembersPlan:
        rows = self._encoded(rows.with_weight())
        if validation is not None:
            plan = with_given(rows, self._encoded(validation), self.n_estimators)
        elif self.early_stopping or mode.watched:
            plan = with_held_out(
                rows,
                self._input.keys,
                self._stratify_by(rows.target),
                self.validation_fraction,
                self.n_estimators,
                self._design.n_networks,
                rng,
                stops_early=self.early_stopping,
            )
        else:
            plan = without_held_out(rows, self.n_estimators)
        return plan.timed(self.max_time, refit=self.refit)

    def _encoded(self, rows: Rows) -> Rows:
        return replace(rows, x=self.encoder_.encode(rows.x.table))

    def _recipe(self, plan: MembersPlan) -> engine.Recipe:
        n_samples, size = plan.n_trained, self.batch_size
        size = self._design.batch_size(n_samples) if size == "auto" else size
        return engine.Recipe.of(
            self,
            batch_size=even_batch_size(size, n_samples),
            shuffle=False,  # each member's rows are shuffled for themselves
            max_time=plan.max_time,
            recordable=True,
        )

    def _prepare(self, task: Task) -> None:
        x, _, weight = task.data
        seen = slice(0, task.plan.last_row + 1)
        if weight is not None:  # of a validation row it says nothing about those to train on
            weight = None if (weight[seen] == 1).all() else weight[seen]
        self._design.draw(task.net.module_, task.rng, x[seen], weight)

    def _phases(self, task: Task, past: dict[str, Any]) -> list[engine.Phase]:
        return [members_phase(self, task, past)]

    def _keep(self, task: Task, runs: list) -> dict[str, Any]:
        run, stops_early = runs[-1], task.plan.stops_early
        fitted = super()._keep(task, runs) | from_held_out(self._answers, task)
        fitted.pop("t_")
        fitted["best_epochs_"] = epochs = list(run.best.epochs) if stops_early else None
        listener = HELD_OUT.get()
        if listener is not None and task.plan.holds_out:
            listener(*held_out(task))
        has_lost = task.mode.in_search and run.report is not None and run.report.asked
        if task.ended and self.refit and task.plan.holds_out and epochs and not has_lost:
            fitted["net_"] = self._refit(task, epochs)
        return fitted

    def _refit(self, task: Task, epochs: list[int]) -> engine.DeepNet:
        """Train again on all rows for the best numbers of epochs; return the better net.

        Both trainings together take `max_time`.
        """
        net, mode = task.net, replace(task.mode, quiet=True)
        module = self._design.module(self.encoder_, self.n_outputs_).to(net.dtype).to(net.device)
        plan, device = task.plan.again(epochs), torch.device(net.device)
        again, (run,) = learn(self, module, plan, mode, device, task.rng)
        if run.best.epochs == epochs:
            return again.net
        warnings.warn(
            f"refit=True has no effect: it was ended in epoch {run.n_iter} of {max(epochs)}. "
            "The networks that have not seen the held-out rows are kept.",
            ConvergenceWarning,
        )
        return net

    def _forward(self, module: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
        """Combined scores of the members."""
        kept = getattr(self, "members_", None)
        if self._asks_in_double(module, x):
            module, x = self.net_.in_double(), x.double()
        raw = member_scores(module, x, **({} if kept is None else {"members": kept}))
        if self._answers_in == "float64":  # which not every device has
            raw = raw.cpu().double()
        return self._pool(raw)

    def _table_scores(self, module: Any) -> TableScores:
        kept = getattr(self, "members_", None)
        options = {} if kept is None else {"members": kept}
        sources, n_codes = self.encoder_.sources(), module.n_codes
        parts = [sources[: len(sources) - n_codes]]
        if n_codes:
            parts.append(np.repeat(sources[-n_codes:], module.levels.weight.shape[2]))
        return TableScores(
            split=module.split,
            score=lambda rows: self._pool(module.join(rows, **options)),
            sources=parts,
            unknown=self.encoder_.encode_unknown(),
        )

    def _asks_in_double(self, module: torch.nn.Module, x: torch.Tensor) -> bool:
        """Whether a float64 prediction would depend, by rounding, on the other rows of the call."""
        net = self.__dict__.get("net_")
        return (
            self._answers_in == "float64"
            and self._design.rounds_by_batch
            and len(x) <= FEW_ROWS
            and x.dtype == torch.float32
            and net is not None
            and module is net.module_
            and has_double(x.device)
        )

    def _pool(self, raw: torch.Tensor) -> torch.Tensor:
        """Combine and calibrate scores of members, (n_samples, n_members, n_outputs)."""
        pooled, temperature = self._answers.mean(raw), getattr(self, "temperature_", 1.0)
        return pooled if temperature == 1.0 else pooled / temperature


def members_phase(estimator: Any, task: Task, past: dict[str, Any]) -> engine.Phase:
    """The single phase of training by a `MembersPlan`."""
    design, plan, recipe = estimator._design, task.plan, task.recipe

    def make(data: Any) -> MemberBatches:
        in_chunk = np.arange(len(data[0]))  # of a stream, on which all members are trained
        members = plan.members if data is task.data else np.tile(in_chunk, (len(plan.members), 1))
        rng = task.rng if estimator.shuffle else None
        x, target, weight = data
        return MemberBatches(x, target, weight, members, batch_size=task.batch_size, rng=rng)

    batches = of_rows_or_stream(estimator, task, make, shuffle=estimator.shuffle)
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
    """Gradient, in mixed precision if requested."""
    net, forward = task.net, task.net.module_
    device = torch.device(net.device)
    if engine.wants_mixed(estimator.amp, net.dtype, device, estimator._design.mixes_on_cpu):
        forward = engine.mixed_precision(forward, net.dtype, device)
    return plain_gradient(forward, task)


def _patience(design: Design, task: Task, best: engine.BestMembers) -> engine.Patience:
    plan, recipe = task.plan, task.recipe
    if not plan.holds_out:  # it goes on to the end
        return engine.Patience(recipe.tol, np.inf, higher_is_better=plan.stops_early)
    return engine.LastBestPatience(
        recipe.tol, recipe.n_iter_no_change, True, lambda: best.epochs, design.patience_growth
    )


def _validator(estimator: Any, task: Task, best: engine.BestMembers) -> Validator | None:
    """Function that returns the loss and mean score on the validation rows and passes the scores of
    the networks to `best`."""
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
    """Validator with which `best` keeps the weights of the planned epochs."""
    wanted = torch.tensor(epochs)
    done = [0]

    def validate() -> tuple[float, float]:
        done[0] += 1
        best.observe((wanted == done[0]).float())
        return 0.0, float(done[0])

    return validate


def _spread(t: torch.Tensor | None, n: int) -> Any:
    """Expand rows of each network, or shared rows, to n members or networks."""
    if t is None:
        return None
    return t.expand(n, *t.shape[1:]) if len(t) == 1 else t.repeat_interleave(n // len(t), 0)


def from_held_out(answers: Any, task: Task) -> dict[str, Any]:
    """Fitted attributes computed from predictions for rows that members have not seen."""
    net, plan, (x, *known) = task.net, task.plan, task.data
    if not plan.holds_out:
        return answers.without_held_out()
    index, raw = held_out(task)
    n_sets, everyone = len(plan.judges), None
    if n_sets > 1:
        with torch.inference_mode():
            scores = member_scores(net.module_, x[index[:MOST_COMPARED]])
        everyone = scores.unflatten(1, (n_sets, -1))
    target, weight = (None if d is None else d[index] for d in known)
    return answers.from_held_out(raw, target, weight, net.criterion_, everyone)


def held_out(task: Task) -> tuple[torch.Tensor, torch.Tensor]:
    """Numbers of the held-out rows, and their raw scores (n_rows, n_members, n_outputs) by members
    that have not seen them: those of one network where each has rows of its own, else all."""
    index = torch.as_tensor(task.plan.judges, device=task.data[0].device)
    raw = held_out_scores(task.net.module_, task.data[0][index])
    return index.flatten(), raw.unflatten(0, (len(index), -1)).transpose(1, 2).flatten(0, 1)


@torch.inference_mode()
def held_out_scores(module: Any, x: torch.Tensor) -> torch.Tensor:
    """Raw scores (n_members, n_rows, n_outputs) of rows that are shared or separate for each
    network."""
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
    """Values per row in the widest layer, for all members."""
    return module.n_members * max(max(p.shape[-2:]) for p in module.parameters())
