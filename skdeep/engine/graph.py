"""Steps that a device replays: the kernels of a whole step are recorded once as a CUDA graph and
launched together afterwards, which takes a tenth of the time of one launch after the other.

A recorded step repeats what it did, with the numbers that Python handed it. What changes from step
to step lies on the device instead, in a table with a row for each step of an epoch: rates, decays,
shares of dropout. Two steps are made both ways before a recording is used; where they differ, and
where nothing can be recorded, steps are made one by one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Generator, Tensor

from skdeep.data.batches import Batches, MemberBatches, n_rows
from skdeep.engine.device import capture, current, warm_up
from skdeep.engine.recorded import RecordedAverage, RecordedDropout, RecordedOptimizer
from skdeep.engine.steps import SingleStep

if TYPE_CHECKING:
    from skdeep.engine.training import Training

PLAIN_STEPS = 3
"""Steps of a run before the recording: libraries choose their kernels in the first ones."""

WORTH = 100
"""Steps that a run has at least if one is to be recorded, which takes as long as some of them."""

CLOSE = 0.05
"""Norm of the difference of the two changes of the parameters, over that of one of them, up to
which a replayed step is what the plain one is. A wrong mask or rate makes it about 1."""


class Recorder:
    """The passes over the rows of a run whose steps are replayed.

    Attributes
    ----------
    reason : str or None
        Why steps are made one by one, once that is known.
    """

    def __init__(self) -> None:
        self.reason: str | None = None
        self.replay: Callable[[], Any] | None = None
        self.total: Tensor | None = None
        self.n_done = 0

    def one_pass(self, run: Training) -> tuple[Tensor, int] | None:
        """Train on all rows once, and return the sum of the rows' losses and the number of rows;
        None where that is for the run to do, step by step."""
        if self.total is None:
            self.reason = self.reason or why_not(run)
        if self.reason is not None:
            return None
        with current(run.flats[0].values.device):
            self._one_pass(run)
        assert self.total is not None
        return self.total, self.n_done

    def _one_pass(self, run: Training) -> None:
        batches: Any = run.batches
        rows = batches.row_numbers(run.order()).to(run.flats[0].values.device)
        self.n_done, i = 0, 0
        if self.total is None:
            i = self._begin(run, rows)
        else:
            self.total.zero_()
        if self.replay is not None and run.is_in_time():
            i = self._replayed(run, rows, i, _n_full(batches.bounds))
            run.draw_ahead()
        for bounds in batches.bounds[i:]:
            if not run.is_in_time():
                break
            run.before_step()
            self._plain_step(run, rows, bounds)

    def _plain_step(self, run: Training, rows: Tensor, bounds: tuple[int, int]) -> None:
        batch = run.batches.take(rows[..., slice(*bounds)])  # type: ignore[attr-defined]
        losses = run.step(batch)
        if run.average is not None:
            run.average.update()
        self.total = torch.zeros_like(losses) if self.total is None else self.total
        self.total.add_(losses, alpha=n_rows(batch[0]))
        self.n_done += n_rows(batch[0])

    def _begin(self, run: Training, rows: Tensor) -> int:
        """The first steps, plainly, and the recording; returns how many steps were made."""
        batches: Any = run.batches
        with warm_up(rows.device):
            for bounds in batches.bounds[:PLAIN_STEPS]:
                run.before_step()
                self._plain_step(run, rows, bounds)
        self.share = self.n_done // PLAIN_STEPS
        try:
            self._record(run, rows, batches)
        except Exception as error:  # of torch, of CUDA, of a network that waits for the device
            self.replay, self.reason = None, str(error)
            return PLAIN_STEPS
        return self._prove(run, rows, batches.bounds)

    def _record(self, run: Training, rows: Tensor, batches: Any) -> None:
        module, device = run.net.module_, rows.device
        optimizer: Any = RecordedOptimizer(run.step.optimizers[0])
        step: Any = run.step
        self.step = SingleStep(optimizer, step.gradient, step.penalty, step.clip, step.data_scale)
        self.average = None if run.average is None else RecordedAverage(run.average)
        layers = [layer for layer in module.modules() if hasattr(layer, "recorded")]
        self.turned: list[Any] = [optimizer, *map(RecordedDropout, layers)]
        self.turned += [] if self.average is None else [self.average]
        drawing = [m for m in module.modules() if hasattr(m, "generator")]
        self.drawing = [(m, m.generator) for m in drawing if isinstance(m.generator, Generator)]
        # A recording that fails leaves its generators of no use: they are not the run's own.
        self.twins = {g: Generator(g.device) for _, g in self.drawing}
        self.rows, self.take = rows.clone(), batches.take
        self.offsets = torch.arange(batches.bounds[0][1], device=device)
        self.at = torch.zeros((), dtype=torch.int64, device=device)
        shape = (_n_full(batches.bounds), sum(each.n_numbers for each in self.turned))
        self.table = torch.zeros(shape, dtype=torch.float64, device=device)
        self.replay = capture(self._body, device, list(self.twins.values()))

    def _body(self) -> None:
        """What is recorded: a step on the batch number `at`, which it counts up."""
        numbers = list(self.table.index_select(0, self.at.reshape(1))[0].unbind())
        rows = self.rows.index_select(-1, self.at * len(self.offsets) + self.offsets)
        for each in self.turned:
            each.turn(numbers[: each.n_numbers])
            del numbers[: each.n_numbers]
        for module, generator in self.drawing:
            module.generator = self.twins[generator]
        try:
            losses = self.step(self.take(rows))
        finally:
            for module, generator in self.drawing:
                module.generator = generator
            for each in self.turned:
                each.turn(())
        if self.average is not None:
            self.average.update()
        assert self.total is not None
        self.total.add_(losses, alpha=self.share)
        self.at.add_(1)

    def _prove(self, run: Training, rows: Tensor, bounds: Sequence[tuple[int, int]]) -> int:
        """Make two steps both ways; returns how many steps have been made in all."""
        assert self.replay is not None
        for i in range(PLAIN_STEPS, PLAIN_STEPS + 2):
            run.before_step()
            self.table[i] = self.table.new_tensor(self._numbers(0))
            self.at.fill_(i)
            before = _State(run, self)
            self._plain_step(run, rows, bounds[i])
            plain = run.flats[0].values.detach().clone()
            before.restore()
            with self._same_numbers():
                self.replay()
            for each in self.turned:
                each.advance(1)
            if not before.is_close(plain):
                self.replay, self.reason = None, "a replayed step differs from a plain one"
                before.restore()
                self._plain_step(run, rows, bounds[i])
                self.n_done -= self.share  # the same rows
                return i + 1
        return PLAIN_STEPS + 2

    @contextlib.contextmanager
    def _same_numbers(self) -> Iterator[None]:
        """Replays draw what the run's own generators would have drawn."""
        for generator, twin in self.twins.items():
            twin.set_state(generator.get_state())
        yield
        for generator, twin in self.twins.items():
            generator.set_state(twin.get_state())

    def _numbers(self, ahead: int) -> list[float]:
        return [number for each in self.turned for number in each.numbers(ahead)]

    def _replayed(self, run: Training, rows: Tensor, first: int, stop: int) -> int:
        """Replay the steps from `first` to `stop`; returns the step that comes next."""
        assert self.replay is not None
        table = []
        for ahead in range(stop - first):
            run.before_step()
            table.append(self._numbers(ahead))
        self.table[first:stop] = self.table.new_tensor(table)
        self.rows.copy_(rows)
        self.at.fill_(first)
        n_made = 0
        with self._same_numbers():
            while n_made < stop - first:
                self.replay()
                n_made += 1
                if not run.is_in_time():
                    break
        for each in self.turned:
            each.advance(n_made)
        self.n_done += n_made * self.share
        return first + n_made


class _State:
    """All that a step changes, to bring it back."""

    def __init__(self, run: Training, recorder: Recorder) -> None:
        optimizer, average = run.step.optimizers[0], recorder.average
        assert recorder.total is not None
        self.flat, self.state = (
            optimizer.flat,
            optimizer.torch_optimizer.state[optimizer.flat.values],
        )
        self.average = None if average is None else average.average
        self.tensors = [self.flat.values.detach(), *self.flat.buffers, recorder.total, recorder.at]
        self.tensors += [v for v in self.state.values() if isinstance(v, Tensor)]
        self.tensors += [] if self.average is None else [self.average.values]
        self.saved = [t.clone() for t in self.tensors]
        self.counts = self.state.get("count"), None if self.average is None else self.average.count
        self.generators = [(g, g.get_state()) for g in recorder.twins]

    def restore(self) -> None:
        """Bring back what was there."""
        for tensor, saved in zip(self.tensors, self.saved):
            tensor.copy_(saved)
        if self.counts[0] is not None:
            self.state["count"] = self.counts[0]
        if self.average is not None:
            self.average.count = self.counts[1] or 0
        for generator, state in self.generators:
            generator.set_state(state)

    def is_close(self, values: Tensor) -> bool:
        """Whether the parameters have moved from here to near `values`."""
        change = torch.linalg.vector_norm(values - self.saved[0])
        apart = torch.linalg.vector_norm(values - self.flat.values.detach())
        return bool(apart <= CLOSE * change)  # False where one of them is NaN


def why_not(run: Training) -> str | None:
    """Why the steps of a run cannot be recorded; None where they may be."""
    batches: Any = run.batches
    if run.net.wants_batches or any(map(_is_hooked, run.net.module_.modules())):
        return "somebody listens"
    if type(batches) not in (Batches, MemberBatches) or not batches.is_dense():
        return "batches of several shapes"
    optimizer = run.step.optimizers[0]
    if type(run.step) is not SingleStep or optimizer.solver not in RecordedOptimizer.SOLVERS:
        return "the kind of step"
    if getattr(run.schedule, "max_time", None) is not None:
        return "a schedule by the clock"
    n_full = _n_full(batches.bounds)
    if n_full < PLAIN_STEPS + 3 or n_full * run.max_iter < WORTH:
        return "too few steps"
    return None


def _n_full(bounds: Sequence[tuple[int, int]]) -> int:
    """Batches of the size of the first, before one of another size."""
    size = bounds[0][1]
    return len(bounds) - (bounds[-1][1] - bounds[-1][0] != size)


def _is_hooked(module: Any) -> bool:
    """Whether a hook sees what goes into a module or comes out of it."""
    return bool(module._forward_hooks or module._forward_pre_hooks or module._backward_hooks)
