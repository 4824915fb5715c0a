"""Batches of rows that are read while training goes on.

Blocks are read in random order into a buffer. Whenever it is full, half of its rows, drawn at
random, become the next chunk; the others stay, to be mixed with the blocks that follow. A thread
is one chunk ahead of training.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

from skdeep.data.batches import n_batches

if TYPE_CHECKING:
    from skdeep.data.batches import Batch

Columns = tuple["np.ndarray | None", ...]
T = TypeVar("T")


def mixed_chunks(
    pieces: Iterable[Columns],
    size: int,
    rng: np.random.RandomState | None,
    multiple: int = 1,
) -> Iterator[Columns]:
    """Mix pieces in a buffer.

    Parameters
    ----------
    pieces : iterable of tuple of ndarray
        Columns with equal numbers of rows; a column may be None in all of them.
    size : int
        Rows from which on the buffer is full: it holds fewer than these and a piece.
    rng : numpy.random.RandomState or None
        None leaves the rows as they are.
    multiple : int, default=1
        Of which the number of rows of each chunk but the last is.

    Yields
    ------
    tuple of ndarray
        Each row once.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep.data.stream import mixed_chunks
    >>> pieces = [(np.arange(0, 4),), (np.arange(4, 8),)]
    >>> [chunk.tolist() for chunk, in mixed_chunks(pieces, 4, None, 2)]
    [[0, 1], [2, 3, 4, 5, 6, 7]]
    >>> chunks = [chunk for chunk, in mixed_chunks(pieces, 4, np.random.RandomState(0), 2)]
    >>> np.sort(np.concatenate(chunks)).tolist()
    [0, 1, 2, 3, 4, 5, 6, 7]
    """
    kept: list[Columns] = []
    n_kept = 0
    waiting = None
    for piece in pieces:
        if waiting is not None:  # the last rows of all go together
            kept, n_kept = [*kept, waiting], n_kept + _n_rows(waiting)
            while n_kept >= size:
                n_out = max(n_kept // 2 // multiple, 1) * multiple
                chunk, rest = _divided(_joined(kept), n_out, rng)
                kept, n_kept = [rest], _n_rows(rest)
                yield chunk
        waiting = piece
    if waiting is not None:
        whole = _joined([*kept, waiting])
        yield whole if rng is None else _taken(whole, rng.permutation(_n_rows(whole)))


def _n_rows(columns: Columns) -> int:
    assert columns[0] is not None
    return len(columns[0])


def _joined(parts: Sequence[Columns]) -> Columns:
    if len(parts) == 1:
        return parts[0]
    return tuple(None if c[0] is None else np.concatenate(c) for c in zip(*parts))


def _taken(columns: Columns, rows: Any) -> Columns:
    return tuple(None if c is None else c[rows] for c in columns)


def _divided(
    columns: Columns, n_out: int, rng: np.random.RandomState | None
) -> tuple[Columns, Columns]:
    if rng is None:
        return _taken(columns, slice(n_out)), _taken(columns, slice(n_out, None))
    order = rng.permutation(_n_rows(columns))
    return _taken(columns, order[:n_out]), _taken(columns, np.sort(order[n_out:]))


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error


_END = object()


def read_ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, of which a thread has the next one ready.

    The thread ends with the iteration, also where that is left early.

    Examples
    --------
    >>> from skdeep.data.stream import read_ahead
    >>> list(read_ahead(iter(range(3))))
    [0, 1, 2]
    """
    ready: queue.Queue[Any] = queue.Queue(maxsize=1)
    left = threading.Event()

    def put(item: Any) -> bool:
        while not left.is_set():
            try:
                ready.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for item in items:
                if not put(item):
                    return
            put(_END)
        except BaseException as error:
            put(_Failure(error))

    thread = threading.Thread(target=work, name="skdeep reads ahead", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not _END:
            if isinstance(item, _Failure):
                raise item.error
            yield item
            del item
    finally:
        left.set()
        thread.join()


_EMPTY = (torch.empty(0), torch.empty(0), None)


class StreamBatches:
    """Batches of a stream: those of each of its chunks in turn.

    Parameters
    ----------
    chunks : callable
        ``chunks(rng)`` generates the (input, target, weight) of each chunk of an epoch.
    make : callable
        Gives the batches of a chunk, as of rows in memory.
    n_samples, batch_size, smallest : int
        As for `Batches`.
    rng : numpy.random.RandomState or None
        Seeds each epoch; None leaves the rows as they are.
    team : Team, default=None
        Other processes, which have the other rows and whose steps are to be as many: this one's
        batches are empty from where its rows end until the caller stops. It sets `team.has_more`.
    """

    def __init__(
        self,
        chunks: Callable[[np.random.RandomState | None], Iterator[Any]],
        make: Callable[[Any], Any],
        *,
        n_samples: int,
        batch_size: int,
        smallest: int = 1,
        rng: np.random.RandomState | None = None,
        team: Any = None,
    ) -> None:
        self.chunks, self.make, self.rng, self.team = chunks, make, rng, team
        self.n_samples = n_samples
        self._n_batches = n_batches(n_samples, batch_size, smallest)

    def __len__(self) -> int:
        return self._n_batches

    def epoch(self, order: Any = None) -> Iterator[Batch]:
        """Yield all batches once; `order` is not used: blocks set the order."""
        own = None if self.rng is None else np.random.RandomState(self.rng.randint(2**31 - 1))
        chunks = read_ahead(self.chunks(own))
        batches = (batch for data in chunks for batch in self.make(data).epoch())
        try:
            yield from batches if self.team is None else self._endless(batches)
        finally:
            chunks.close()  # type: ignore[attr-defined]  # a generator

    def _endless(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """Batches, then empty ones."""
        ahead = next(batches, None)
        while True:
            batch, ahead = ahead, next(batches, None)
            self.team.has_more = ahead is not None
            yield _EMPTY if batch is None else batch
