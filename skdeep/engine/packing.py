"""Several runs trained as one: their networks side by side in the same tensor operations.

Each run keeps what is its own: its order of rows, schedule, patience, curves, callbacks, best
weights. What they share is the passes over the rows, where a step of a small network costs more
in calls than in arithmetic.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from skdeep.data.batches import Batches
from skdeep.engine.lbfgs import LBFGS
from skdeep.engine.packed_optim import Group, optimizer_key
from skdeep.engine.steps import SingleStep
from skdeep.engine.training import Training

if TYPE_CHECKING:
    from skdeep.engine.optim import FlatParameters

_CACHE = 2**22
"""Bytes of what a step of a pack reads and writes. On 1,600 rows in batches of 32 and 8,000 in
batches of 200, 100 units, a quarter of it took 1.3 and 1.4 times as long; four times as much 0.8
and 1.1 times, and more where two processes share a cache."""


def why_alone(run: Any) -> str | None:
    """Why a run cannot be trained with others, in the words of parameters; None where it can.

    Parameters
    ----------
    run : Training or LBFGS
    """
    if isinstance(run, LBFGS):
        return "solver='lbfgs'"
    if type(run.step) is not SingleStep or run.average is not None:
        return "training of a kind of its own"
    if run.net.callbacks_:
        return "skorch_callbacks"
    if run.max_time is not None:
        return "max_time"
    batches: Any = run.batches
    x = batches.inputs[0] if type(batches) is Batches else None
    if type(x) is not Tensor or x.layout is not torch.strided:
        return "rows that are not a dense matrix"
    if run.flats[0].groups is not None or _shape_of(run) is None:
        return "layers or hooks that cannot be packed"
    return None


def _shape_of(run: Training) -> Any:
    step: Any = run.step
    gradient = step.gradient
    return gradient.pack_key() if hasattr(gradient, "pack_key") else None


def pack_key(run: Training) -> Any:
    """What runs have in common that can be trained as one, and have no reason against it."""
    batches: Any = run.batches
    values = run.flats[0].values
    (x,), target = batches.inputs, batches.target
    rows = tuple(x.shape[1:]), tuple(target.shape[1:]), target.dtype, batches.weight is None
    return _shape_of(run), tuple(batches.bounds), rows, values.dtype, values.device


def pack_size(run: Training) -> int:
    """How many runs like this one are worth training as one."""
    batches: Any = run.batches
    flat, (start, stop) = run.flats[0], batches.bounds[0]
    units = sum(p.shape[0] for p in flat.parameters if p.ndim == 2)
    numbers = 2 * (stop - start) * units + 4 * flat.values.numel()
    return _CACHE // (numbers * flat.values.element_size())


class Pack:
    """Runs with the same `pack_key`, to be trained as one.

    Parameters
    ----------
    runs : sequence of Training

    Attributes
    ----------
    errors : list of Exception or None
        What ended each run in place of its last epoch.
    """

    def __init__(self, runs: Sequence[Training]) -> None:
        # Runs that share an optimizer stand side by side.
        self.runs = sorted(runs, key=optimizer_key)
        self.errors: dict[int, Exception] = {}
        self._data = _Data(self.runs)
        self._layout = _Layout(self.runs[0].flats[0])
        self._steer = [run.epochs() for run in self.runs]
        self._arrange(list(range(len(runs))), {})

    def train(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Train all runs to their ends.

        Parameters
        ----------
        stopped : callable
            Asked before each pass; True raises KeyboardInterrupt in all runs.
        """
        alive = [i for i in self._alive if self._ends_well(i, next)]
        while alive:
            self._arrange(alive, self._moments())
            if stopped():
                raise KeyboardInterrupt
            losses = self._one_pass()
            alive = [
                i
                for i, loss in zip(self._alive, losses)
                if self._ends_well(i, functools.partial(_send, loss))
            ]

    def _ends_well(self, i: int, go: Callable[[Any], None]) -> bool:
        """Let a run go on to its next pass; return whether there is one."""
        try:
            go(self._steer[i])
        except StopIteration:
            return False
        except Exception as error:
            self.errors[id(self.runs[i])] = error
            return False
        return True

    def _arrange(self, alive: list[int], moments: dict[int, Any]) -> None:
        """Put the networks of the runs that go on side by side."""
        if getattr(self, "_alive", None) == alive and moments:
            return
        self._alive = alive
        runs = [self.runs[i] for i in alive]
        flats = [run.flats[0] for run in runs]
        self.values = self._layout.packed(torch.stack([flat.values.detach() for flat in flats]))
        self.grads = torch.zeros_like(self.values)
        views = zip(self._layout.views(self.values), self._layout.views(self.grads))
        steps: list[Any] = [run.step for run in runs]
        gradients = [step.gradient for step in steps]
        self._gradient = gradients[0].pack(gradients, dict(zip(flats[0].parameters, views)))
        self._rules = _Rules(runs, self.values, self.grads)
        self._groups = []
        first = 0
        for _, together in itertools.groupby(runs, key=optimizer_key):
            part = slice(first, first + len(list(together)))
            known = [moments.get(i) for i in alive[part]]
            self._groups.append(Group(runs[part], self.values[part], self.grads[part], known))
            first = part.stop

    def _moments(self) -> dict[int, Any]:
        """State of the optimizers, by the number of the run."""
        states = [state for group in self._groups for state in group.states()]
        return dict(zip(self._alive, states))

    @torch.no_grad()
    def _one_pass(self) -> list[float]:
        runs = [self.runs[i] for i in self._alive]
        batches = self._data.batches(self._alive, [run.order() for run in runs])
        total = torch.zeros(len(runs), dtype=self.values.dtype, device=self.values.device)
        for x, target, weight in batches:
            for run in runs:
                run.before_step()
            losses = self._rules.apply(self._gradient(x, target, weight), x.shape[1], weight)
            for group in self._groups:
                group.step()
            total.add_(losses, alpha=x.shape[1])
        self._gradient.end_pass()
        for run, row in zip(runs, self._layout.unpacked(self.values)):
            run.flats[0].values.copy_(row)
            run.n_seen += run.batches.n_samples
        return (total / self._data.n_samples).tolist()


def _send(loss: float, epochs: Any) -> None:
    epochs.send((loss,))


class _Layout:
    """Where a parameter lies in a row of a pack: the order of `FlatParameters`, but a matrix has
    its longer side last. The products of the passes are up to twice as fast that way."""

    def __init__(self, flat: FlatParameters) -> None:
        self.shapes = [p.shape for p in flat.parameters]
        self.sizes = flat.sizes
        places = torch.arange(flat.values.numel(), device=flat.values.device).split(flat.sizes)
        turned = [
            place.view(shape).t().reshape(-1) if _is_turned(shape) else place
            for place, shape in zip(places, self.shapes)
        ]
        self.order = torch.cat(turned)
        self.inverse = torch.argsort(self.order)

    def packed(self, rows: Tensor) -> Tensor:
        """Rows of parameters in the order of a pack."""
        return rows.index_select(1, self.order)

    def unpacked(self, rows: Tensor) -> Tensor:
        """Rows of parameters in the order of `FlatParameters`."""
        return rows.index_select(1, self.inverse)

    def views(self, rows: Tensor) -> list[Tensor]:
        """The parameters in the rows of a pack, each with the network as one more first axis."""
        return [
            part.unflatten(1, shape[::-1]).transpose(1, 2)
            if _is_turned(shape)
            else part.unflatten(1, shape)
            for part, shape in zip(rows.split(self.sizes, 1), self.shapes)
        ]


def _is_turned(shape: torch.Size) -> bool:
    return len(shape) == 2 and shape[0] > shape[1]


class _Data:
    """The rows of all runs; those that several runs have in common once."""

    def __init__(self, runs: Sequence[Training]) -> None:
        known: list[Any] = []
        self.sources = []
        for run in runs:
            same = [i for i, other in enumerate(known) if _same_rows(run.batches, other)]
            if not same:
                known.append(run.batches)
            self.sources.append(same[0] if same else len(known) - 1)
        self.bounds, self.n_samples = known[0].bounds, known[0].n_samples
        self.x = torch.cat([batches.inputs[0] for batches in known])
        self.target = torch.cat([batches.target for batches in known])
        weights = [batches.weight for batches in known]
        self.weight = None if weights[0] is None else torch.cat(weights)

    def batches(self, alive: list[int], orders: Sequence[Any]) -> Any:
        """Generate the batches of a pass, for the runs that are alive."""
        n = self.n_samples
        rows = torch.stack(
            [
                (torch.arange(n) if order is None else torch.as_tensor(order)) + self.sources[i] * n
                for i, order in zip(alive, orders)
            ]
        ).to(self.x.device)
        for start, stop in self.bounds:
            chosen = rows[:, start:stop].reshape(-1)
            x = self.x.index_select(0, chosen).view(len(alive), stop - start, -1)
            weight = self.weight
            if weight is not None:
                weight = weight.index_select(0, chosen).view(len(alive), -1)
            yield x, self.target.index_select(0, chosen), weight


def _same_rows(a: Any, b: Any) -> bool:
    """Whether two runs have the same rows, targets and weights."""
    mine, others = (*a.inputs, a.target, a.weight), (*b.inputs, b.target, b.weight)
    return all(
        x is y or (x is not None and y is not None and (_same_place(x, y) or _same_values(x, y)))
        for x, y in zip(mine, others)
    )


def _same_values(x: Tensor, y: Tensor) -> bool:
    few = slice(None, None, max(len(x) // 16, 1))
    return x.shape == y.shape and torch.equal(x[few], y[few]) and torch.equal(x, y)


def _same_place(x: Tensor, y: Tensor) -> bool:
    return x.data_ptr() == y.data_ptr() and x.stride() == y.stride()


class _Rules:
    """Penalty, clipping and scale of the loss of each run."""

    def __init__(self, runs: Sequence[Training], values: Tensor, grads: Tensor) -> None:
        def column(numbers: list[float]) -> Tensor:
            return torch.tensor(numbers, dtype=values.dtype, device=values.device).unsqueeze(1)

        steps: list[Any] = [run.step for run in runs]
        n_weights = runs[0].flats[0].n_weights
        self.grads, self.weights = grads, values[:, :n_weights]
        self.weight_grads = grads[:, :n_weights]
        self.scale = column([step.data_scale for step in steps])[:, 0]
        self.scales = any(step.data_scale != 1.0 for step in steps)
        penalties = [step.penalty for step in steps]
        self.l2, self.l1 = column([p.l2 for p in penalties]), column([p.l1 for p in penalties])
        self.has_l1 = any(p.l1 for p in penalties)
        self.penalizes = self.has_l1 or any(p.l2 for p in penalties)
        clips = [math.inf if step.clip is None else step.clip for step in steps]
        self.clips = any(map(math.isfinite, clips))
        self.clip = column(clips)

    def apply(self, losses: Tensor, n_rows: int, weight: Tensor | None) -> Tensor:
        """Add the penalties to losses and gradients, and clip the gradients."""
        if self.scales:
            losses = losses * self.scale
        if self.penalizes:
            total = n_rows if weight is None else weight.sum(1, keepdim=True)
            l2 = self.l2 / total
            losses = losses + 0.5 * l2[:, 0] * torch.linalg.vecdot(self.weights, self.weights)
            self.weight_grads.addcmul_(self.weights, l2)
            if self.has_l1:
                l1 = self.l1 / total
                losses = losses + l1[:, 0] * self.weights.abs().sum(1)
                self.weight_grads.addcmul_(self.weights.sign(), l1)
        if self.clips:
            norms = torch.linalg.vector_norm(self.grads, dim=1, keepdim=True)
            self.grads.mul_((self.clip / (norms + 1e-6)).clamp_(max=1.0))
        return losses
