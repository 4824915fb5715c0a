"""Rows that are not a single tensor: on disk, sparse, or of unequal length.

Each has two stages. On the CPU an object represents checked rows, and indexing it returns another
one without copying data. Its `to` returns rows for a device: indexing those returns the input of a
network.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor
from torch.torch_version import TorchVersion

from skdeep.data.batches import to_tensor

if TYPE_CHECKING:
    import scipy.sparse as sp

    Input: TypeAlias = Tensor | tuple[Tensor, ...]
    Rows: TypeAlias = "Tensor | LoadedRows | PaddedRows | SparseRows"
    Batch: TypeAlias = tuple[Any, Any, Tensor | None]  # input, target, weight
    DeviceRows: TypeAlias = "Tensor | LoadedRows | PaddedRows"


class MappedRows:
    """Rows of a memory map, read batch by batch.

    Parameters
    ----------
    array : ndarray of shape (n_rows, ...)
        Usually a view of a `numpy.memmap`.
    rows : ndarray of int of shape (n_samples,), default=None
        Selected rows, None for all.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from skdeep.data.rows import MappedRows
    >>> some = MappedRows(np.arange(12.0).reshape(4, 3))[np.array([3, 1])]
    >>> some.shape, some.to(torch.float32, "cpu")[:1]
    ((2, 3), tensor([[ 9., 10., 11.]]))
    """

    def __init__(self, array: np.ndarray, rows: np.ndarray | None = None) -> None:
        self.array, self.rows = array, rows
        self.dtype = array.dtype
        self.shape = (len(array) if rows is None else len(rows), *array.shape[1:])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: np.ndarray | slice) -> MappedRows:
        here = np.arange(len(self)) if self.rows is None else self.rows
        return MappedRows(self.array, here[rows])

    def load(self, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Load the chosen rows as an ndarray."""
        return self.array[rows if self.rows is None else self.rows[rows]]

    def to(self, dtype: torch.dtype | None, device: str | torch.device) -> LoadedRows:
        """Rows for a device; see `LoadedRows`."""
        return LoadedRows(self, dtype, device)


class LoadedRows:
    """Rows moved to the device batch by batch.

    Parameters
    ----------
    source : MappedRows
    dtype : torch.dtype or None
        None keeps the type of the source: fewer bytes go to the device.
    device : torch.device
    """

    def __init__(
        self, source: MappedRows, dtype: torch.dtype | None, device: str | torch.device
    ) -> None:
        self.source, self.dtype, self.device = source, dtype, device
        self.shape = source.shape

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Tensor | np.ndarray | slice) -> Tensor:
        rows = rows.cpu().numpy() if isinstance(rows, torch.Tensor) else rows
        loaded = to_tensor(np.array(self.source.load(rows)), self.dtype)
        if torch.device(self.device).type != "cuda":
            return loaded.to(self.device)
        # From pinned memory, so that nobody waits: the next batch is loaded meanwhile.
        return loaded.pin_memory().to(self.device, non_blocking=True)

    def index_select(self, axis: int, rows: Tensor) -> Tensor:
        return self[rows]

    def split(self, sizes: Sequence[int]) -> Iterator[Tensor]:
        """Generate consecutive pieces of the given numbers of rows."""
        return _pieces(self, sizes)


class RaggedRows:
    """Series of unequal length, concatenated in one array.

    Parameters
    ----------
    values : ndarray of shape (n_steps, n_channels)
    starts, lengths : ndarray of int of shape (n_samples,)
        Start of each series in `values`, and its number of steps.

    Attributes
    ----------
    shape : tuple
        ``(n_samples, n_channels, None)``.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from skdeep.data.rows import RaggedRows
    >>> series = RaggedRows.from_list([np.ones((2, 1)), np.full((3, 1), 7.0)])
    >>> x, lengths = series.to(torch.float32, "cpu")[[1, 0]]
    >>> x.tolist(), lengths.tolist()
    ([[[7.0, 7.0, 7.0]], [[1.0, 1.0, 0.0]]], [3, 2])
    """

    def __init__(self, values: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> None:
        self.values, self.starts, self.lengths = values, starts, lengths
        self.dtype = values.dtype
        self.shape = (len(lengths), values.shape[1], None)

    @classmethod
    def from_list(cls, series: Sequence[np.ndarray]) -> RaggedRows:
        """Concatenate arrays of shape (length, n_channels)."""
        lengths = np.array([len(s) for s in series], dtype=np.int64)
        starts = np.concatenate([[0], lengths.cumsum()[:-1]])
        return cls(np.concatenate(series), starts, lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Generate the series, each of shape (length, n_channels)."""
        for start, length in zip(self.starts, self.lengths):
            yield self.values[start : start + length]

    def __getitem__(self, rows: np.ndarray | slice) -> RaggedRows:
        return RaggedRows(self.values, self.starts[rows], self.lengths[rows])

    def to(self, dtype: torch.dtype | None, device: str | torch.device) -> PaddedRows:
        """Rows for a device; see `PaddedRows`."""
        return PaddedRows(
            to_tensor(self.values, dtype, device),
            torch.as_tensor(self.starts, device=device),
            torch.as_tensor(self.lengths, device=device),
        )


class PaddedRows:
    """Series of unequal length on the device, padded batch by batch.

    Parameters
    ----------
    values : Tensor of shape (n_steps, n_channels)
    starts, lengths : Tensor of int64 of shape (n_samples,)

    Notes
    -----
    Indexing gives ``(x, lengths)`` with x of shape (n, n_channels, max(lengths)), 0 where a series
    is over.
    """

    def __init__(self, values: Tensor, starts: Tensor, lengths: Tensor) -> None:
        self.values, self.starts, self.lengths = values, starts, lengths
        self.dtype, self.device = values.dtype, values.device
        self.shape = (len(lengths), values.shape[1], None)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Tensor | slice) -> tuple[Tensor, Tensor]:
        starts, lengths = self.starts[rows], self.lengths[rows]
        steps = torch.arange(int(lengths.max()), device=self.device)
        inside = steps < lengths[:, None]
        place = (starts[:, None] + steps).clamp_(max=len(self.values) - 1)
        x = self.values[place]
        x = torch.where(inside[..., None], x, x.new_zeros(()))
        return x.transpose(1, 2).contiguous(), lengths

    def index_select(self, axis: int, rows: Tensor) -> tuple[Tensor, Tensor]:
        return self[rows]

    def split(self, sizes: Sequence[int]) -> Iterator[tuple[Tensor, Tensor]]:
        """Generate consecutive pieces of the given numbers of rows."""
        return _pieces(self, sizes)


def _pieces(rows: LoadedRows | PaddedRows, sizes: Sequence[int]) -> Iterator[Any]:
    start = 0
    for size in sizes:
        yield rows[start : start + size]
        start += size


class SparseRows:
    """CSR rows on the CPU, converted to sparse tensors on the device batch by batch.

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


_CAN_BE_SILENT = TorchVersion(torch.__version__) >= "2.13"


def sparse_to_tensor(
    rows: sp.csr_matrix | sp.csr_array, dtype: torch.dtype, device: str | torch.device = "cpu"
) -> Tensor:
    """A sparse COO tensor from CSR rows; duplicates and unsorted columns are put in order.

    Parameters
    ----------
    rows : scipy CSR matrix or array of shape (n_samples, n_features)
    dtype : torch.dtype
    device : torch.device or str, default='cpu'
    """
    rows = sp.csr_array(rows)
    if not rows.has_canonical_format:
        rows = rows.copy()
        rows.sum_duplicates()
    row_numbers = np.repeat(np.arange(rows.shape[0], dtype=np.int64), np.diff(rows.indptr))
    indices = torch.from_numpy(np.stack([row_numbers, rows.indices.astype(np.int64)]))
    # Made where it is wanted: to move a sparse tensor is to make another, unchecked one.
    return _coalesced(
        indices.to(device),
        to_tensor(rows.data, dtype, device),
        rows.shape,
    )


def _coalesced(indices: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    """A sparse tensor of places and values that are in order, which nobody has to check."""
    if _CAN_BE_SILENT:
        return torch.sparse_coo_tensor(
            indices, values, size=shape, is_coalesced=True, check_invariants=False
        )
    return _coalesced_in_silence(indices, values, shape)


def _coalesced_in_silence(indices: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    """The same by the operation below `torch.sparse_coo_tensor`, which before torch 2.13 warns of
    the check that is left out even where it is told to leave it out (pytorch issue 184610)."""
    return torch.ops.aten._sparse_coo_tensor_with_dims_and_tensors(
        2,
        0,
        list(shape),
        indices,
        values,
        is_coalesced=True,
        dtype=values.dtype,
        layout=torch.sparse_coo,
        device=values.device,
    )
