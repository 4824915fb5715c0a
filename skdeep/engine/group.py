"""Processes that train one network together, each on its share of the rows.

A `Group` exchanges tensors and objects; it is a process group of `torch.distributed` of one fit, so
that several fits of a process do not get in each other's way. A `Team` is what training sees of
it.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import itertools
import os
import pickle
import socket
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch import distributed as dist

from skdeep.engine.device import n_devices

T = TypeVar("T")

PATIENCE = 45.0
"""Seconds after which a process that does not take part in a step is taken for dead. One that ends
is noticed at once."""
LONG = 3600.0
"""Seconds for what takes processes unequal times: other work before, reading their rows, writing a
checkpoint."""


def _seconds(n: float) -> datetime.timedelta:
    return datetime.timedelta(seconds=n)


_LOOK = 0.02  # seconds between looks whether all processes are here


class ProcessLost(RuntimeError):
    """Raised where another process of a fit is gone."""


class Abandoned(RuntimeError):
    """Raised where nobody waits for the result of a fit any longer."""


class Group:
    """The processes of a fit.

    Parameters
    ----------
    store : torch.distributed.Store
        Where they find each other.
    rank, size : int
        Number of this process, and of all.
    divides : bool, default=True
        All are given the same dataset, which they divide; else each is given rows of its own.
    is_wanted : callable, default=None
        Whether somebody still waits for the result.

    Attributes
    ----------
    interrupt : bool
        This process was asked to end training; set from outside.

    Raises
    ------
    ProcessLost
        If not all processes come within `LONG`, or one is gone.
    """

    def __init__(
        self,
        store: Any,
        rank: int,
        size: int,
        *,
        divides: bool = True,
        is_wanted: Callable[[], bool] | None = None,
    ) -> None:
        self.rank, self.size, self.divides, self.is_wanted = rank, size, divides, is_wanted
        self.interrupt = False
        self._nccl: Any = None
        self._store = store
        with self._others():
            self._wait_for_all()
            self._gloo: Any = dist.ProcessGroupGloo(
                dist.PrefixStore("host", store), rank, size, _seconds(LONG)
            )

    def _wait_for_all(self) -> None:
        """Wait until all processes are here; some may have other work before."""
        self._store.set(f"here {self.rank}", "")
        others = [f"here {other}" for other in range(self.size)]
        deadline = time.monotonic() + LONG
        while not self._store.check(others):
            if self.is_wanted is not None and not self.is_wanted():
                raise Abandoned("Nobody waits for this fit any longer: it is given up.")
            if time.monotonic() > deadline:
                raise RuntimeError(f"not all came within {LONG:.0f} seconds")
            time.sleep(_LOOK)

    def own_device(self, device: torch.device) -> torch.device:
        """The device of this process, of those that are like `device`; where each process has
        another one of CUDA, they exchange tensors by NCCL."""
        if device.type == "cuda" and self.divides and "LOCAL_RANK" in os.environ:
            number = int(os.environ["LOCAL_RANK"]) % n_devices("cuda")
            device = torch.device("cuda", number)
        place = (socket.gethostname(), str(device), os.environ.get("CUDA_VISIBLE_DEVICES"))
        places = self.gather(lambda: (device.type, place))
        own = len(set(places)) == self.size and {kind for kind, _ in places} == {"cuda"}
        if own and dist.is_nccl_available():
            options = dist.ProcessGroupNCCL.Options()
            store = dist.PrefixStore("device", self._store)
            self._nccl = dist.ProcessGroupNCCL(store, self.rank, self.size, options)
        return device

    def sum(self, values: Tensor) -> Tensor:
        """Add up tensors of all processes, in place.

        Raises
        ------
        ProcessLost
            If one is gone.
        """
        options = dist.AllreduceOptions()
        options.timeout = _seconds(PATIENCE)
        with self._others():
            if self._nccl is not None and values.is_cuda:
                self._nccl.allreduce([values], options).wait()
            else:
                host = values.cpu()  # the same tensor, if it is there
                self._gloo.allreduce([host], options).wait()
                if host is not values:
                    values.copy_(host)
        return values

    def gather(self, make: Callable[[], T]) -> list[T]:
        """What `make` gives in each of the processes; an error in one is raised in all."""
        mine = _dumped(make)
        sizes = [torch.zeros(1, dtype=torch.int64) for _ in range(self.size)]
        self._all(sizes, torch.tensor([len(mine)]))
        longest = int(max(sizes))
        parts = [torch.empty(longest, dtype=torch.uint8) for _ in range(self.size)]
        own = torch.zeros(longest, dtype=torch.uint8)
        own[: len(mine)] = mine
        self._all(parts, own)
        found = [pickle.loads(p[:n].numpy().tobytes()) for p, n in zip(parts, map(int, sizes))]
        return [_opened(result) for result in found]

    def each(self, make: Callable[[], T]) -> T:
        """What `make` gives in this process; an error in one is raised in all."""
        mine: list[T] = []
        self.gather(lambda: mine.append(make()))
        return mine[0]

    def first(self, make: Callable[[], T]) -> T:
        """What `make` gives in the first process, the only one that calls it."""
        mine = _dumped(make) if self.rank == 0 else torch.empty(0, dtype=torch.uint8)
        size = torch.tensor([len(mine)])
        self._from_first(size)
        data = mine if self.rank == 0 else torch.empty(int(size), dtype=torch.uint8)
        self._from_first(data)
        return _opened(pickle.loads(data.numpy().tobytes()))

    def _all(self, parts: list[Tensor], own: Tensor) -> None:
        with self._others():
            self._gloo.allgather(parts, own).wait()

    def _from_first(self, values: Tensor) -> None:
        with self._others():
            self._gloo.broadcast(values, 0).wait()

    @contextlib.contextmanager
    def _others(self) -> Iterator[None]:
        """What torch says of other processes, in words."""
        try:
            yield
        except Abandoned:
            raise
        except RuntimeError as error:
            raise ProcessLost(
                f"Process {self.rank} of {self.size} that train together: another one is gone, or "
                f"has not answered for {PATIENCE:.0f} seconds; the cause may be in its log. {error}"
            ) from error

    def close(self) -> None:
        """End the exchange: processes that still wait for this one raise."""
        self._gloo = self._nccl = self._store = None


def _dumped(make: Callable[[], Any]) -> Tensor:
    try:
        data = pickle.dumps((make(), None))
    except Exception as error:
        try:
            data = pickle.dumps((None, error))
        except Exception:  # of another library, which does not travel
            data = pickle.dumps((None, RuntimeError(f"{type(error).__name__}: {error}")))
    return torch.frombuffer(bytearray(data), dtype=torch.uint8)


def _opened(result: tuple[Any, Exception | None]) -> Any:
    value, error = result
    if error is not None:
        raise error
    return value


GROUP: ContextVar[Group | None] = ContextVar("group", default=None)
"""The processes that the fits of this context are shared by; None is this one alone."""


def group_size() -> int:
    """Number of processes that `torchrun` or the user has started to train together."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_world_size()
    return int(os.environ.get("WORLD_SIZE", "1"))


@dataclass(frozen=True)
class Meeting:
    """Where processes meet that something else than `torchrun` has started.

    Attributes
    ----------
    name : str
        Of the fit, which no other has.
    host : str
    port : int
        Of the store that `open_store` has opened in the first process.
    size : int
        Number of processes.
    """

    name: str
    host: str
    port: int
    size: int


_stores: dict[str, Any] = {}  # of fits that are about to begin
_groups: dict[str, Group] = {}  # of fits that are going on


def open_store(name: str, host: str) -> int:
    """Open the store of a fit in its first process; return the port."""
    store = dist.TCPStore(host, 0, None, True, _seconds(PATIENCE), wait_for_workers=False)
    _stores[name] = store
    return store.port


def close_store(name: str) -> None:
    """Forget a fit, whether it has begun or not."""
    _stores.pop(name, None)


def interrupt(name: str) -> None:
    """Ask a fit to end as by Ctrl-C."""
    if name in _groups:
        _groups[name].interrupt = True


@contextlib.contextmanager
def member_of_group(
    meeting: Meeting, rank: int, is_wanted: Callable[[], bool] | None = None
) -> Iterator[None]:
    """Context in which the fit of this process is shared with the others of the meeting, each of
    which has rows of its own."""
    store = _stores.get(meeting.name) if rank == 0 else None
    if store is None:
        store = dist.TCPStore(
            meeting.host, meeting.port, None, False, _seconds(PATIENCE), wait_for_workers=False
        )
    group = Group(store, rank, meeting.size, divides=False, is_wanted=is_wanted)
    _groups[meeting.name] = group
    token = GROUP.set(group)
    try:
        yield
    finally:
        GROUP.reset(token)
        _groups.pop(meeting.name, None)
        group.close()


_fits = itertools.count()  # all processes call `fit` in the same order


@contextlib.contextmanager
def started_group() -> Iterator[None]:
    """Context in which fits are shared by the processes that `torchrun` has started, if it has."""
    if GROUP.get() is not None or group_size() == 1:
        yield
        return
    store, rank, size = _meeting_place()
    group = Group(dist.PrefixStore(f"skdeep fit {next(_fits)}", store), rank, size)
    token = GROUP.set(group)
    try:
        yield
    finally:
        GROUP.reset(token)
        group.close()


@functools.cache
def _meeting_place() -> tuple[Any, int, int]:
    """Store, rank and size of the processes; kept, for the first one serves the others."""
    if dist.is_initialized():
        store: Any = dist.distributed_c10d._get_default_store()
        return store, dist.get_rank(), dist.get_world_size()
    try:
        return next(dist.rendezvous("env://", timeout=_seconds(PATIENCE)))
    except (ValueError, RuntimeError) as error:
        raise ProcessLost(
            f"WORLD_SIZE={os.environ.get('WORLD_SIZE')}: the processes that are to train together "
            f"do not find each other; start them by torchrun. {error}"
        ) from error
