"""What a training run sees of the other processes that train the same network.

All hold the same weights: a step adds up the gradients of all processes, weighted by their rows, in
one exchange of the flat vector. The exchange also carries what has to be agreed on: whether there
are more rows, whether time is up, whether somebody pressed Ctrl-C.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from skdeep.data.batches import n_rows
from skdeep.engine.group import Abandoned, Group
from skdeep.engine.resume import drawn, go_on_from
from skdeep.engine.steps import SingleStep

if TYPE_CHECKING:
    from skdeep.engine.optim import FlatParameters
    from skdeep.engine.report import EpochReport
    from skdeep.engine.training import Training

T = TypeVar("T")


_EXTRA = 6  # entries after the gradient: loss, weight, rows, and three to agree on


class Team:
    """The team of a fit in several processes.

    Parameters
    ----------
    group : Group

    Attributes
    ----------
    rank : int
    has_more : bool
        Whether this process has rows for another step; its batches say so.
    used_up : bool
        No process has more rows in this epoch.
    """

    def __init__(self, group: Group) -> None:
        self.group, self.rank = group, group.rank
        self.has_more, self.used_up = True, False
        self._late, self._is_late, self._interrupted = False, False, False
        self._asked_at = 0.0

    def step(self, *parts: Any, **options: Any) -> SingleStep:
        """The step of this team; arguments are those of `SingleStep`."""
        return TeamStep(self, *parts, **options)

    def exchange(self, sums: Tensor) -> None:
        """Add up a vector over all processes; its last three entries are what is agreed on."""
        wishes = [float(self.has_more), float(self._late), float(self.group.interrupt)]
        sums[-3:] = sums.new_tensor(wishes)
        more, late, interrupted = self.group.sum(sums)[-3:].tolist()
        self.used_up = not more
        self._is_late, self._interrupted = late > 0, interrupted > 0

    def goes_on(self, in_time: bool) -> bool:
        """Whether there is time for all."""
        self._late |= not in_time
        now = time.monotonic()
        if self.group.is_wanted is not None and now > self._asked_at + 1:
            self._asked_at = now
            if not self.group.is_wanted():
                raise Abandoned("Nobody waits for this fit any longer: it is given up.")
        if self._interrupted:
            self.group.interrupt = self._interrupted = False
            raise KeyboardInterrupt
        return not self._is_late

    def first(self, make: Callable[[], T]) -> T:
        """What the first process makes."""
        return self.group.first(make)

    def all_rows(
        self, total: Tensor, n_done: int, flats: Sequence[FlatParameters]
    ) -> tuple[Tensor, int]:
        """Sum of the losses of an epoch and number of its rows, over all processes."""
        host = total.detach().cpu().double().reshape(-1)
        numbers = self.group.sum(torch.cat([host, torch.tensor([float(n_done)]).double()]))
        for buffer in (b for flat in flats for b in flat.buffers if b.is_floating_point()):
            # Running moments, of which each process has those of its own rows, become their mean.
            base = buffer.cpu()
            self._copy_of_first(base)
            gap = self.group.sum(torch.where(buffer.cpu() == base, 0, buffer.cpu() - base))
            buffer.copy_(base + gap / self.group.size)
        return numbers[:-1].reshape(total.shape), int(numbers[-1])

    def _copy_of_first(self, values: Tensor) -> None:
        values.copy_(torch.from_numpy(self.group.first(lambda: values.numpy())))

    def equal(self, flats: Sequence[FlatParameters], rng: np.random.RandomState) -> None:
        """Give all processes the weights and the generator of the first."""
        for flat in flats:
            host = flat.values.detach().cpu().clone()
            self._copy_of_first(host)
            with torch.no_grad():
                flat.values.copy_(host)
        rng.set_state(self.group.first(rng.get_state))

    def report(self, report: EpochReport) -> Any:
        """The report of the first process, which alone calls callbacks."""
        return _SharedReport(self, report)

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Context in which Ctrl-C ends training in all processes at the same step."""
        is_main = threading.current_thread() is threading.main_thread()
        if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            yield
            return

        def ask(number: int, frame: Any) -> None:
            if self.group.interrupt:  # asked a second time
                raise KeyboardInterrupt
            self.group.interrupt = True

        signal.signal(signal.SIGINT, ask)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)


class TeamStep(SingleStep):
    """`SingleStep` on the batches of all processes, which may differ in their rows; a process whose
    rows are used up has an empty batch.

    Parameters
    ----------
    team : Team
    *parts, **options
        Of `SingleStep`.
    """

    def __init__(self, team: Team, *parts: Any, **options: Any) -> None:
        super().__init__(*parts, **options)
        self.team = team

    def objective(self, x: Any, target: Any, weight: Tensor | None) -> Tensor:
        grads = self.optimizers[0].flat.grads
        sums = grads.new_zeros(len(grads) + _EXTRA)
        n = n_rows(x)
        if n:
            loss = self.gradient(x, target, weight)
            # Of equal rows each has as many values, whatever the axis of the rows.
            mass = grads.new_tensor(float(target.numel())) if weight is None else weight.sum()
            sums[: len(grads)], sums[-6], sums[-5] = grads, loss, 1.0
            sums.mul_(mass)
            sums[-4] = float(n) if weight is None else mass
        self.team.exchange(sums)
        torch.div(sums[: len(grads)], sums[-5], out=grads)
        return self.penalty.add_to(sums[-6] / sums[-5] * self.data_scale, sums[-4])


class _SharedReport:
    """Callbacks of the first process, on which all depend."""

    def __init__(self, team: Team, report: EpochReport) -> None:
        self.team, self.inner = team, report

    @property
    def asked(self) -> bool:
        return self.inner.asked

    @asked.setter
    def asked(self, asked: bool) -> None:
        self.inner.asked = asked

    def resume(self, training: Training) -> None:
        state = self.team.first(lambda: self.inner.known_state(training))
        if state is not None:
            if self.team.rank:  # generators of the device stay those of this process
                state = state | {"draws": drawn(training)}
            go_on_from(training, state)

    def begin(self) -> None:
        if self.team.rank == 0:
            self.inner.begin()

    def end(self, training: Training) -> bool:
        self.inner.asked = self.team.first(lambda: self.inner.end(training))
        return self.inner.asked
