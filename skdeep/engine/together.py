"""Calls that train networks, run so that the networks train as one.

A call (the evaluation of a candidate, say) may fit whatever it likes. It has a thread of its own,
which waits where a network is to be trained until those of the other calls are, too. One thread
runs at a time: threads stand for coroutines here, which could not wait inside of code of others.
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import torch
from sklearn import config_context, get_config

from skdeep.engine.packing import Pack, pack_key, pack_size, why_alone
from skdeep.engine.recipe import TRAINER, threads_for, train


class Stop:
    """Whether all is to end, as all threads of a process see it.

    Attributes
    ----------
    asked : bool
    """

    def __init__(self) -> None:
        self.asked = False

    def __call__(self) -> bool:
        return self.asked


def run_together(calls: Sequence[Callable[[], Any]], stop: Stop | None = None) -> list[Call]:
    """Make all calls, and train the networks of all as one where they can be.

    Parameters
    ----------
    calls : sequence of callable
        Without arguments.
    stop : Stop, default=None
        Ends training with KeyboardInterrupt.

    Returns
    -------
    list of Call
        Ended, with what they returned or raised: KeyboardInterrupt, where it came before their end.
    """
    begun = [Call(function) for function in calls]
    stop = Stop() if stop is None else stop
    try:
        for call in begun:
            call.go_on()
        while waiting := [call for call in begun if call.run is not None]:
            for together in _grouped(waiting):
                _train(together, stop)
                for call in together:
                    call.go_on()
    except KeyboardInterrupt:
        stop.asked = True
    finally:
        for call in begun:
            call.interrupt()
    return begun


class Call:
    """A call in a thread of its own.

    Parameters
    ----------
    function : callable
        Without arguments.

    Attributes
    ----------
    run : Training or LBFGS, or None
        What it waits for to be trained.
    ended : bool
    value : object
        What the function returned.
    error : BaseException or None
        What it raised.
    reason : str or None
        Why its last run was trained alone; None where it was trained with others.
    trained : float
        Seconds that its share of training took.
    waited : float
        Seconds that its thread waited.
    """

    def __init__(self, function: Callable[[], Any]) -> None:
        self.run: Any = None
        self.value: Any = None
        self.error: BaseException | None = None
        self.ended = False
        self.reason: str | None = None
        self.trained = self.waited = 0.0
        self._work: Any = None
        self._failure: BaseException | None = None
        self._may_run, self._waits = threading.Event(), threading.Event()
        self._config = get_config()
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._main, function), daemon=True
        )
        self._thread.start()

    def go_on(self) -> None:
        """Let it run until it waits again or ends."""
        self.run = None
        self._may_run.set()
        self._waits.wait()
        self._waits.clear()

    def fail(self, failure: BaseException) -> None:
        """Have the training that it waits for end with an error when it goes on."""
        self._failure = failure

    def interrupt(self) -> None:
        """End it where it has not ended."""
        while not self.ended:
            self.fail(KeyboardInterrupt())
            self.go_on()
        self._thread.join()

    def _main(self, function: Callable[[], Any]) -> None:
        TRAINER.set(self._wait)
        try:
            self._pause()
            with config_context(**self._config), threads_for(0, 0):
                self.value = function()
        except BaseException as error:
            self.error = error
        finally:
            self.ended = True
            self._waits.set()

    def _pause(self) -> None:
        """Wait until it may go on."""
        self._may_run.wait()
        self._may_run.clear()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _wait(self, run: Any, work: tuple[int, float]) -> None:
        """Called in place of training the run: wait until it was trained."""
        self.run, self._work = run, work
        started = time.perf_counter()
        self._waits.set()
        try:
            self._pause()
        finally:
            self.waited += time.perf_counter() - started


def _grouped(waiting: Sequence[Call]) -> Iterator[list[Call]]:
    """Calls whose runs are worth training as one."""
    groups: dict[Any, list[Call]] = {}
    for call in waiting:
        call.reason = why_alone(call.run)
        key = pack_key(call.run) if call.reason is None else id(call)
        groups.setdefault(key, []).append(call)
    for calls in groups.values():
        size = max(pack_size(calls[0].run), 1) if calls[0].reason is None else 1
        if min(size, len(calls)) == 1:
            for call in calls:
                large = "a network or batches too large to gain by it"
                call.reason = call.reason or (large if size == 1 else "a shape of its own")
        n_packs = -(-len(calls) // size)
        bounds = [len(calls) * i // n_packs for i in range(n_packs + 1)]
        yield from (calls[first:last] for first, last in pairwise(bounds))


def _train(calls: list[Call], stop: Stop) -> None:
    """Train the runs that calls wait for."""
    started = time.perf_counter()
    if stop():
        raise KeyboardInterrupt
    if len(calls) > 1:
        _train_packed(calls, stop)
    else:
        try:
            train(calls[0].run, calls[0]._work)
        except Exception as error:
            calls[0].fail(error)
    for call in calls:
        call.trained += (time.perf_counter() - started) / len(calls)


def _train_packed(calls: list[Call], stop: Stop) -> None:
    """Train runs as one; where the device has too little memory, as two."""
    n_rows, work = calls[0]._work
    try:
        pack = Pack([call.run for call in calls])
    except (MemoryError, torch.OutOfMemoryError):
        if len(calls) == 1:
            raise
        half = len(calls) // 2
        for part in (calls[:half], calls[half:]):
            _train_packed(part, stop)
        return
    with threads_for(n_rows, len(calls) * work):
        pack.train(stop)
    for call in calls:
        if id(call.run) in pack.errors:
            call.fail(pack.errors[id(call.run)])
