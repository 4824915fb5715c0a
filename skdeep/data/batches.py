"""Rows in memory, or on the device, cut into batches.

There is no data loader and no Python per row: a batch is a slice of, or a gather from, tensors
that already lie where the network lives.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from skdeep.data.tensors import sparse_to_tensor

if TYPE_CHECKING:
    import scipy.sparse as sp

    from skdeep.data.rows import LoadedRows, PaddedRows

    Input: TypeAlias = Tensor | tuple[Tensor, ...]
    Rows: TypeAlias = "Tensor | LoadedRows | PaddedRows | SparseRows"
    Batch: TypeAlias = tuple[Any, Any, Tensor | None]  # input, target, weight

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
        The last batch of an epoch is joined to the one before it where it would have fewer rows
        (batch normalisation needs two).

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
        order = torch.as_tensor(order, device=self.target.device)
        if sum(_n_bytes(t) for t in tensors) <= SHUFFLED_COPY_BYTES:
            yield from self._slices([_gather(t, order) for t in tensors])
            return
        for start, stop in self.bounds:
            rows = order[start:stop]
            yield self._batch([_gather(t, rows) for t in tensors])

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
    """Batches of series of about the same length, so that padding costs little.

    Within windows of the shuffled rows, series are sorted by length (those of one length keep
    their random order) and cut into batches; the batches then come in random order.

    Parameters
    ----------
    x, target, weight, batch_size, smallest
        As for `Batches`.
    lengths : array-like of int of shape (n_samples,)
    window : int, default=50
        Batches that are sorted together: the more, the less padding, and the less random. See
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


class SparseRows:
    """CSR rows on the host that become sparse tensors on the device batch by batch.

    Parameters
    ----------
    matrix : scipy CSR matrix or array of shape (n_samples, n_features)
    dtype : torch.dtype
    device : torch.device
    """

    def __init__(
        self, matrix: sp.csr_matrix | sp.csr_array, dtype: torch.dtype, device: str | torch.device
    ) -> None:
        self.matrix, self.dtype, self.device = matrix, dtype, device
        self.shape = matrix.shape

    def __getitem__(self, rows: np.ndarray | slice) -> Tensor:
        return sparse_to_tensor(self.matrix[rows], self.dtype, self.device)

    def index_select(self, axis: int, rows: Tensor) -> Tensor:
        return self[rows.cpu().numpy()]

    def split(self, sizes: Sequence[int]) -> Iterator[Tensor]:
        """Generate consecutive pieces of the given numbers of rows."""
        start = 0
        for size in sizes:
            yield self[start : start + size]
            start += size


def n_batches(n_samples: int, batch_size: int, smallest: int = 1) -> int:
    """How many batches `Batches` makes of an epoch.

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
    """Slices of rows for a forward pass, small enough for a processor's cache.

    Parameters
    ----------
    n_samples : int
    width : int
        Numbers that a row takes in the widest layer.
    device : torch.device or str, default='cpu'
        A GPU takes larger slices: it wants work, not cache.

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
    """The next epoch's order: the previous one shuffled, as `sklearn.utils.shuffle` does it.

    Parameters
    ----------
    n_samples : int
    previous : ndarray of shape (n_samples,) or None
    rng : numpy.random.RandomState
    """
    swap = np.arange(n_samples)
    rng.shuffle(swap)
    return swap if previous is None else previous[swap]
