"""What the estimators for mixed tables share: encoder, members, held-out rows, calibration.

They train several networks (members) as one, on rows that `TabularEncoder` made, and average
their predictions. The rows that a member does not train on choose its best epoch, calibrate
probabilities and give prediction intervals.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning

from skdeep import engine
from skdeep.base.estimator import DeepEstimator
from skdeep.base.rows import Mode, Rows, Task
from skdeep.base.training import even_batch_size
from skdeep.inputs.tables import TableInput
from skdeep.preprocessing import TabularEncoder
from skdeep.tabular.answers import ClassAnswers, NumberAnswers, answers_of
from skdeep.tabular.plan import MembersPlan, with_given, with_held_out, without_held_out
from skdeep.tabular.training import Design, from_held_out, member_scores, members_phase

FEW_ROWS = 32
"""Up to so many rows networks that round by the size of a batch are asked in double precision."""


class DeepTable(DeepEstimator):
    """Base of the estimators for tables; a subclass says what its network is (`_design`)."""

    _design: Design
    _answers_in = "float32"

    encoder_: TabularEncoder
    best_epochs_: list[int] | None

    @property
    def _input(self) -> TableInput:
        return TableInput(self.categorical_features)

    @property
    def _answers(self) -> ClassAnswers | NumberAnswers:
        """What the scores of members mean."""
        return answers_of(self)

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

    def _plan(self, rows: Rows, validation: Rows | None, mode: Mode, rng) -> MembersPlan:
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

    def _recipe(self, plan) -> engine.Recipe:
        n_samples, size = plan.members.shape[1], self.batch_size
        size = self._design.batch_size(n_samples) if size == "auto" else size
        return engine.Recipe.of(
            self,
            batch_size=even_batch_size(size, n_samples),
            shuffle=False,  # each member's rows are shuffled for themselves
            max_time=plan.max_time,
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
        has_lost = task.mode.in_search and run.report is not None and run.report.asked
        if task.ended and self.refit and task.plan.holds_out and epochs and not has_lost:
            fitted["net_"] = self._refit(task, epochs)
        return fitted

    def _refit(self, task: Task, epochs: list[int]) -> engine.DeepNet:
        """Train again, on everyone, for the best numbers of epochs; return the better net.

        Both trainings together take `max_time`.
        """
        net, mode = task.net, replace(task.mode, quiet=True)
        module = self._design.module(self.encoder_, self.n_outputs_).to(net.dtype).to(net.device)
        plan, device = task.plan.again(epochs), torch.device(net.device)
        again, (run,) = self._learn(module, plan, mode, device, task.rng)
        if run.best.epochs == epochs:
            return again.net
        warnings.warn(
            f"refit=True has no effect: it was ended in epoch {run.n_iter} of {max(epochs)}. "
            "The networks that have not seen the held-out rows are kept.",
            ConvergenceWarning,
        )
        return net

    def _forward(self, module: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
        """Scores of the members together."""
        kept = getattr(self, "members_", None)
        if self._asks_in_double(module, x):
            module, x = self.net_.in_double(), x.double()
        raw = member_scores(module, x, **({} if kept is None else {"members": kept}))
        if self._answers_in == "float64":  # which not every device has
            raw = raw.cpu().double()
        return self._pool(raw)

    def _asks_in_double(self, module: torch.nn.Module, x: torch.Tensor) -> bool:
        """Whether a row's answer in float64 would show, by its rounding, which rows came along."""
        net = self.__dict__.get("net_")
        return (
            self._answers_in == "float64"
            and self._design.rounds_by_batch
            and len(x) <= FEW_ROWS
            and x.dtype == torch.float32
            and net is not None
            and module is net.module_
            and x.device.type != "mps"  # which has no double precision
        )

    def _pool(self, raw: torch.Tensor) -> torch.Tensor:
        """Scores of members, (n_samples, n_members, n_outputs), together and calibrated."""
        pooled, temperature = self._answers.mean(raw), getattr(self, "temperature_", 1.0)
        return pooled if temperature == 1.0 else pooled / temperature
