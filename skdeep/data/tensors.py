"""Arrays to tensors, without a copy where none is needed."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor


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
    """Says of read-only memory that it can be written, since torch warns about all other."""

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
    # Made where it is wanted: to move a sparse tensor is to make another, of which torch 2.11 warns
    # that nobody said whether it is to be checked.
    return torch.sparse_coo_tensor(
        indices.to(device),
        torch.from_numpy(_torch_ready(rows.data)).to(dtype).to(device),
        size=rows.shape,
        is_coalesced=True,
        check_invariants=False,
    )
