"""One optimizer for the networks of several runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from skdeep.engine.training import Training


def optimizer_key(run: Training) -> str:
    """What runs have in common that one optimizer can update, as a text that sorts: settings, and
    for 'sgd' rates at each step."""
    optimizer = run.step.optimizers[0]
    if optimizer.solver != "sgd":
        return repr(optimizer.settings[:-1])  # all but the decay
    schedule = {name: v for name, v in vars(run.schedule).items() if name != "optimizer"}
    own = id(run) if run.schedule.watches else 0
    return repr((optimizer.settings, type(run.schedule), sorted(schedule.items()), own))


class Group:
    """Runs with the same `optimizer_key`.

    A step of any solver but 'sgd' is a rate times what does not depend on it: with the rate 1 one
    optimizer serves runs of any rate and decay.

    Parameters
    ----------
    runs : sequence of Training
    values, grads : Tensor of shape (n_runs, n_parameters)
        The weights first.
    states : sequence of dict or None
        What `states` gave for each run; None at the start.
    """

    groups = None  # of parameters: what `FlatOptimizer` asks its parameters for

    def __init__(
        self, runs: Sequence[Training], values: Tensor, grads: Tensor, states: Sequence[Any]
    ) -> None:
        self.runs, self.parameters = runs, values
        self.leader = runs[0].step.optimizers[0]
        self.shape = values.shape
        self.weights = values[:, : runs[0].flats[0].n_weights]
        self.of_any_rate = self.leader.solver != "sgd"
        self.moves = torch.zeros_like(values) if self.of_any_rate else values
        self.values, self.grads = self.moves.reshape(-1), grads.reshape(-1)  # views
        self.values.grad = self.grads
        rate, decay = self.leader.learning_rate, self.leader.weight_decay
        if self.of_any_rate:
            rate, decay = 1.0, 0.0
            self._rates: list[float] = []
            self._decays = self._column([run.step.optimizers[0].weight_decay for run in runs])
            self._decaying = bool(self._decays.any())
        self.optimizer = self.leader.like(self, rate, decay)  # type: ignore[arg-type]  # what it asks for
        if states[0] is not None:
            self.optimizer.load(_together(states))

    def step(self) -> None:
        """Update the parameters, with the rates that the schedules say."""
        if self.of_any_rate:
            self._step_of_any_rate()
            return
        rate, before = self.leader.learning_rate, self.optimizer.learning_rate
        if rate != before:
            self.optimizer.learning_rate = rate
            if self.runs[0].schedule.rescales:
                self.optimizer.rescale_momentum(before / rate)
        self.optimizer.step()

    def _step_of_any_rate(self) -> None:
        rates = [run.step.optimizers[0].learning_rate for run in self.runs]
        if rates != self._rates:
            self._rates, self._rate_column = rates, self._column(rates)
        if self._decaying:
            self.weights.mul_(1 - self._rate_column * self._decays)
        self.moves.zero_()
        self.optimizer.step()
        self.parameters.addcmul_(self.moves, self._rate_column)

    def _column(self, numbers: list[float]) -> Tensor:
        like = self.parameters
        return torch.tensor(numbers, dtype=like.dtype, device=like.device).unsqueeze(1)

    def states(self) -> list[dict[str, Any]]:
        """State of the optimizer, for each run."""
        state = self.optimizer.state(lambda moment: moment)
        return [
            state | {"moments": {k: self._row(v, i) for k, v in state["moments"].items()}}
            for i in range(len(self.runs))
        ]

    def _row(self, moment: Any, i: int) -> Any:
        """The share that a run has of a moment; numbers belong to all."""
        if isinstance(moment, Tensor) and moment.ndim:
            return moment.view(self.shape)[i]
        return moment


def _together(states: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One state out of those of several runs."""
    moments = {}
    for name, first in states[0]["moments"].items():
        if isinstance(first, Tensor) and first.ndim:
            moments[name] = torch.cat([state["moments"][name] for state in states])
        else:
            moments[name] = first.clone() if isinstance(first, Tensor) else first
    return {"learning_rate": states[0]["learning_rate"], "moments": moments}
