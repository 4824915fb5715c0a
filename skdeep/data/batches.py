"""Rows as tensors, in memory or on the device, cut into batches.

There is no data loader and no Python code per row: batches are sliced or gathered from tensors on
the network's device.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from skdeep.data.rows import LoadedRows, PaddedRows, SparseRows

    Input: TypeAlias = Tensor | tuple[Tensor, ...]
    Rows: TypeAlias = "Tensor | LoadedRows | PaddedRows | SparseRows"
    Batch: TypeAlias = tuple[Any, Any, Tensor | None]  # input, target, weight


def to_tensor(
    array: np.ndarray | Tensor, dtype: torch.dtype | None = None, device: str | torch.device = "cpu"
) -> Tensor:
    """A tensor that shares the memory of `array` where type and device allow.

    Read-only arrays (memory maps, joblib's shared arrays) are shared too: training only reads
    its data.

    Parameters
    ----------
    array : ndarray or Tensor
    dtype : torch.dtype, default=None
        None keeps the type of the array.
    device : torch.device or str, default='cpu'

    Returns
    -------
    Tensor
    """
    if not isinstance(array, torch.Tensor):
        array = torch.from_numpy(_torch_ready(np.asarray(array)))
    return array.to(dtype or array.dtype).to(device)  # in this order: mps has no float64


class _Writable:
    """Array interface that marks read-only memory as writable: torch warns about it otherwise."""

    def __init__(self, array: np.ndarray) -> None:
        interface = dict(array.__array_interface__)
        interface["data"] = (interface["data"][0], False)
        self.__array_interface__ = interface
        self.owner = array  # keeps the memory alive


def _torch_ready(array: np.ndarray) -> np.ndarray:
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if any(step < 0 for step in array.strides):
        return array.copy()  # torch has no negative strides, not even of one step
    if not array.flags.writeable:
        return np.asarray(_Writable(array)) if array.size else array.copy()
    return array


SHUFFLED_COPY_BYTES = 2**24
"""Up to this size an epoch shuffles a copy of the data once and then slices it (one gather per
epoch); larger data are gathered batch by batch, so that they are never held twice."""


def n_rows(x: Input) -> int:
    """Number of rows of a batch's input: a tensor, or a tuple of tensors with equal rows."""
    return (x[0] if isinstance(x, tuple) else x).shape[0]


class Batches:
    """Batches of (input, target, weight) tensors.

    Parameters
    ----------
    x : Tensor, tuple of Tensor, SparseRows, or rows of `skdeep.data.rows` for a device
        Inputs, with the rows along the first axis.
    target : Tensor of shape (n_samples, ...)
    weight : Tensor of shape (n_samples,), default=None
    batch_size : int
    smallest : int, default=1
        The last batch of an epoch is merged with the one before it if it has fewer rows (batch
        normalisation needs two).

    Examples
    --------
    >>> import torch
    >>> from skdeep.data.batches import Batches
    >>> batches = Batches(torch.arange(5.0)[:, None], torch.arange(5), batch_size=2)
    >>> [target.tolist() for x, target, weight in batches.epoch()]
    [[0, 1], [2, 3], [4]]
    >>> [target.tolist() for x, target, weight in batches.epoch(order=[4, 2, 0, 1, 3])]
    [[4, 2], [0, 1], [3]]
    """

    def __init__(
        self,
        x: Rows | tuple[Rows, ...],
        target: Tensor,
        weight: Tensor | None = None,
        *,
        batch_size: int,
        smallest: int = 1,
    ) -> None:
        self.inputs = x if isinstance(x, tuple) else (x,)
        self.is_tuple = isinstance(x, tuple)
        self.target, self.weight = target, weight
        self.n_samples = self.inputs[0].shape[0]
        self.bounds = _bounds(self.n_samples, batch_size, smallest)

    def __len__(self) -> int:
        return len(self.bounds)

    def epoch(self, order: Tensor | np.ndarray | Sequence[int] | None = None) -> Iterator[Batch]:
        """Yield all batches once.

        Parameters
        ----------
        order : array-like of int of shape (n_samples,), default=None
            The order of the rows; None leaves them as they are.
        """
        tensors = [*self.inputs, self.target, self.weight]
        if order is None:
            yield from self._slices(tensors)
            return
        on_host = torch.as_tensor(order).cpu()
        order = on_host.to(self.target.device)
        if sum(_n_bytes(t) for t in tensors) <= SHUFFLED_COPY_BYTES:
            yield from self._slices([_gather(t, order) for t in tensors])
            return
        for start, stop in self.bounds:
            yield self.take(order[start:stop], on_host[start:stop])

    def is_dense(self) -> bool:
        """Whether all rows are tensors, of which any may be taken."""
        tensors = [*self.inputs, self.target, self.weight]
        return all(t is None or isinstance(t, Tensor) for t in tensors)

    def row_numbers(self, order: Tensor | np.ndarray | Sequence[int] | None = None) -> Tensor:
        """The rows of an epoch in order, (n_samples,); the batches are at `bounds`."""
        return torch.arange(self.n_samples) if order is None else torch.as_tensor(order)

    def take(self, rows: Tensor, on_host: Tensor | None = None) -> Batch:
        """The batch of the given rows, a part of `row_numbers`; `on_host` are the same numbers
        for rows that are loaded from there, which would have to wait for the device else."""
        tensors = (*self.inputs, self.target, self.weight)
        if on_host is None:
            return self._batch([_gather(t, rows) for t in tensors])
        return self._batch(
            [_gather(t, rows if isinstance(t, Tensor) else on_host) for t in tensors]
        )

    def _slices(self, tensors: Sequence[Rows | None]) -> Iterator[Batch]:
        sizes = [stop - start for start, stop in self.bounds]
        cut = [_split(t, sizes) for t in tensors]
        yield from map(self._batch, zip(*cut))

    def _batch(self, tensors: Sequence[Any]) -> Batch:
        *inputs, target, weight = tensors
        return tuple(inputs) if self.is_tuple else inputs[0], target, weight


MIXED_WINDOW = 4
"""`LengthBatches.window` of networks that normalise over a batch: where length and class go
together, a batch of one length has moments unlike those of all rows, which predictions use."""


class LengthBatches(Batches):
    """Batches of series of similar lengths, to reduce padding.

    Within windows of the shuffled rows, series are sorted by length (those of one length keep
    their random order) and cut into batches; the batches then come in random order.

    Parameters
    ----------
    x, target, weight, batch_size, smallest
        As for `Batches`.
    lengths : array-like of int of shape (n_samples,)
    window : int, default=50
        Number of batches that are sorted together: more reduce padding and randomness. See
        `MIXED_WINDOW`.

    Examples
    --------
    >>> import torch
    >>> from skdeep.data.batches import LengthBatches
    >>> rows = torch.arange(4)
    >>> batches = LengthBatches(rows, rows, batch_size=2, lengths=[9, 2, 8, 3])
    >>> [x.tolist() for x, target, weight in batches.epoch(order=[3, 2, 1, 0])]
    [[1, 3], [2, 0]]
    """

    def __init__(
        self,
        x: Rows | tuple[Rows, ...],
        target: Tensor,
        weight: Tensor | None = None,
        *,
        batch_size: int,
        lengths: np.ndarray | Sequence[int],
        smallest: int = 1,
        window: int = 50,
    ) -> None:
        super().__init__(x, target, weight, batch_size=batch_size, smallest=smallest)
        self.lengths = np.asarray(lengths)
        self.window = window

    def epoch(self, order: Tensor | np.ndarray | Sequence[int] | None = None) -> Iterator[Batch]:
        """Yield all batches once; see `Batches`."""
        order = np.arange(self.n_samples) if order is None else np.asarray(order)
        tensors = [*self.inputs, self.target, self.weight]
        for chosen in self._grouped(order):
            rows = torch.as_tensor(chosen, device=self.target.device)
            yield self._batch([_gather(t, rows) for t in tensors])

    def _grouped(self, order: np.ndarray) -> Iterator[np.ndarray]:
        """Row numbers of each batch."""
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        for first in range(0, len(self.bounds), self.window):
            bounds = self.bounds[first : first + self.window]
            offset = bounds[0][0]
            rows = order[offset : bounds[-1][1]]
            rows = rows[np.argsort(self.lengths[rows], kind="stable")]
            batches = [rows[start - offset : stop - offset] for start, stop in bounds]
            # By the place of a batch's last row in the random order, which is random itself.
            yield from sorted(batches, key=lambda batch: place[batch[-1]])


class MemberBatches:
    """Batches of shape (n_members, batch_size, ...), with a separate order for each member.

    Parameters
    ----------
    x : Tensor of shape (n_rows, n_columns)
    target : Tensor of shape (n_rows, ...)
    weight : Tensor of shape (n_rows,) or None
    rows : ndarray of int of shape (n_members, n_samples)
        The rows of each member.
    batch_size : int
    rng : numpy.random.RandomState or None
        Shuffles each member's rows before each epoch; None leaves them as they are.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from skdeep.data.batches import MemberBatches
    >>> x, y = torch.arange(3.0)[:, None], torch.arange(3)
    >>> rows = np.array([[0, 1], [1, 2]])
    >>> batches = MemberBatches(x, y, None, rows, batch_size=1, rng=None)
    >>> [(x.tolist(), target.tolist()) for x, target, weight in batches.epoch()]
    [([[[0.0]], [[1.0]]], [0, 1]), ([[[1.0]], [[2.0]]], [1, 2])]
    """

    def __init__(
        self,
        x: Tensor,
        target: Tensor,
        weight: Tensor | None,
        rows: np.ndarray,
        *,
        batch_size: int,
        rng: np.random.RandomState | None,
    ) -> None:
        self.x, self.target, self.weight = x, target, weight
        self.rows, self.rng, self.batch_size = rows, rng, batch_size
        self.n_members, self.n_samples = rows.shape
        self.bounds = _bounds(self.n_samples, batch_size, 1)

    def __len__(self) -> int:
        return len(self.bounds)

    def is_dense(self) -> bool:
        """True: all rows are tensors, of which any may be taken."""
        return True

    def epoch(self, order: Tensor | np.ndarray | Sequence[int] | None = None) -> Iterator[Batch]:
        """Yield (rows, targets, weights); targets and weights of all members in one axis."""
        rows = self.row_numbers(order).to(self.x.device)
        yield from map(self.take, rows.split(self.batch_size, dim=1))

    def row_numbers(self, order: Any = None) -> Tensor:
        """The rows of an epoch, (n_members, n_samples), in an order that is drawn here."""
        rows = self.rows
        if self.rng is not None:
            rows = np.take_along_axis(rows, self.rng.random_sample(rows.shape).argsort(1), 1)
        return torch.as_tensor(rows)

    def take(self, rows: Tensor) -> Batch:
        """The batch of the given rows (n_members, n), a part of `row_numbers`."""
        flat = rows.flatten()
        x = self.x.index_select(0, flat)
        target = x if self.target is self.x else self.target[flat]
        x = x.unflatten(0, (self.n_members, -1))
        return x, target, None if self.weight is None else self.weight[flat]


def n_batches(n_samples: int, batch_size: int, smallest: int = 1) -> int:
    """Number of batches of an epoch.

    Parameters
    ----------
    n_samples, batch_size, smallest : int
        As for `Batches`.
    """
    return len(_bounds(n_samples, batch_size, smallest))


def _bounds(n_samples: int, batch_size: int, smallest: int) -> list[tuple[int, int]]:
    starts = list(range(0, n_samples, batch_size))
    if len(starts) > 1 and n_samples - starts[-1] < smallest:
        starts.pop()
    return list(zip(starts, [*starts[1:], n_samples]))


def _n_bytes(t: Rows | None) -> float:
    if t is None:
        return 0
    if not isinstance(t, torch.Tensor):
        return float("inf")  # rows that are made batch by batch
    return t.numel() * t.element_size()


def _split(t: Rows | None, sizes: Sequence[int]) -> Iterable[Any]:
    if t is None:
        return [None] * len(sizes)
    return t.split(sizes)


def _gather(t: Rows | None, rows: Tensor) -> Any:
    return None if t is None else t.index_select(0, rows)


def chunks(n_samples: int, width: int, device: str | torch.device = "cpu") -> list[slice]:
    """Slices of rows for a forward pass, small enough for the CPU's cache.

    Parameters
    ----------
    n_samples : int
    width : int
        Values per row in the widest layer.
    device : torch.device or str, default='cpu'
        Slices are larger on GPUs.

    Returns
    -------
    list of slice
    """
    budget = 2**18 if torch.device(device).type == "cpu" else 2**24
    size = max(budget // max(width, 1), 256)
    return [slice(start, start + size) for start in range(0, n_samples, size)]


def row_order(
    n_samples: int, previous: np.ndarray | None, rng: np.random.RandomState
) -> np.ndarray:
    """Order of the next epoch: the previous one shuffled, as `sklearn.utils.shuffle` does it.

    Parameters
    ----------
    n_samples : int
    previous : ndarray of shape (n_samples,) or None
    rng : numpy.random.RandomState
    """
    swap = np.arange(n_samples)
    rng.shuffle(swap)
    return swap if previous is None else previous[swap]
