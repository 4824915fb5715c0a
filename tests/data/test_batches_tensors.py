"""Arrays to tensors, without a copy where none is needed."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from skdeep.data import rows as rows_module
from skdeep.data.batches import to_tensor
from skdeep.data.rows import sparse_to_tensor


def frozen(array):
    array.flags.writeable = False
    return array


def same_memory(tensor, array):
    return tensor.data_ptr() == array.__array_interface__["data"][0]


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((5, 2), dtype=np.float32),
        np.arange(6)[::2],
        np.asfortranarray(np.arange(6.0).reshape(3, 2)),
        frozen(np.arange(6.0)),
        frozen(np.arange(12.0).reshape(4, 3))[1:, ::2],
        np.zeros(4, dtype=bool),
    ],
    ids=["plain", "strided", "Fortran order", "read-only", "read-only view", "bool"],
)
def test_memory_is_shared(array):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # torch warns about read-only memory
        tensor = to_tensor(array)
    assert same_memory(tensor, array)
    np.testing.assert_array_equal(tensor, array)


def test_the_same_type_by_name_shares_memory():
    array = np.zeros((5, 2), dtype=np.float32)
    assert same_memory(to_tensor(array, torch.float32), array)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(3.0)[::-1],
        np.arange(6.0).reshape(2, 3)[:, ::-1],
        np.arange(3, dtype=">f4"),
        frozen(np.arange(3, dtype=">i8")),
        frozen(np.arange(4.0))[::-1],
        frozen(np.empty((0, 3))),
        np.float64(2.5),
    ],
    ids=["reversed", "mirrored", "big-endian", "big-endian, read-only", "reversed, read-only"]
    + ["empty, read-only", "scalar"],
)
def test_what_torch_cannot_share_is_copied(array):
    before = np.array(array)
    tensor = to_tensor(array)
    np.testing.assert_array_equal(tensor, before)
    np.testing.assert_array_equal(array, before)
    assert tensor.shape == array.shape


def test_another_type_is_a_copy():
    array = np.arange(3, dtype=np.float32)
    tensor = to_tensor(array, torch.float64)
    assert tensor.dtype == torch.float64 and not same_memory(tensor, array)
    assert tensor.tolist() == [0.0, 1.0, 2.0]


def test_tensors_pass():
    tensor = torch.arange(3.0)
    assert to_tensor(tensor) is tensor
    assert to_tensor(tensor, torch.float64).dtype == torch.float64


def test_lists_are_arrays():
    assert to_tensor([[1, 2], [3, 4]]).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("writeable", [True, False])
def test_memory_lives_as_long_as_the_tensor(writeable):
    array = np.arange(1000.0)
    array.flags.writeable = writeable
    tensor = to_tensor(array)
    expected = array.sum()
    del array
    for _ in range(10):
        np.zeros(1000).fill(7)
    assert tensor.sum().item() == expected


def csr(rng=0, density=0.3, shape=(7, 20), kind=sp.csr_array):
    return kind(sp.random_array(shape, density=density, format="csr", rng=rng))


@pytest.mark.parametrize("kind", [sp.csr_array, sp.csr_matrix])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sparse_rows(kind, dtype):
    matrix = csr(kind=kind)
    tensor = sparse_to_tensor(matrix, dtype)
    assert tensor.is_sparse and tensor.is_coalesced() and tensor.dtype == dtype
    np.testing.assert_allclose(tensor.to_dense(), matrix.toarray(), rtol=1e-6)


def test_sparse_rows_of_older_torch_are_made_without_the_factory_that_warns(monkeypatch):
    matrix = csr()
    expected = sparse_to_tensor(matrix, torch.float32)
    monkeypatch.setattr(rows_module, "_CAN_BE_SILENT", False)
    monkeypatch.setattr(torch, "sparse_coo_tensor", lambda *a, **k: pytest.fail("it warns"))
    found = sparse_to_tensor(matrix, torch.float32)
    monkeypatch.undo()
    assert found.is_coalesced() and found.dtype == torch.float32
    assert torch.equal(found.indices(), expected.indices())
    assert torch.equal(found.values(), expected.values()) and found.shape == expected.shape


def test_sparse_product_is_numpys():
    matrix, weights = csr(), np.random.default_rng(1).normal(size=(20, 3))
    found = sparse_to_tensor(matrix, torch.float64) @ torch.as_tensor(weights)
    np.testing.assert_allclose(found, matrix @ weights, atol=1e-12)


def test_duplicates_are_summed_and_columns_sorted():
    matrix = sp.csr_array(([1.0, 2.0, 4.0], ([2, 0, 2]), [0, 3]), shape=(1, 3))
    tensor = sparse_to_tensor(matrix, torch.float64)
    assert tensor.values().tolist() == [2.0, 5.0]
    assert tensor.to_dense().tolist() == [[2.0, 0.0, 5.0]]
    assert matrix.nnz == 3  # the user's matrix is as it was


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (3, 4)])
def test_sparse_rows_without_entries(shape):
    tensor = sparse_to_tensor(sp.csr_array(shape), torch.float32)
    assert tuple(tensor.shape) == shape and not tensor.to_dense().any()


def test_sparse_rows_of_read_only_memory():
    matrix = csr()
    for part in (matrix.data, matrix.indices, matrix.indptr):
        part.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tensor = sparse_to_tensor(matrix, torch.float64)
    np.testing.assert_array_equal(tensor.to_dense(), matrix.toarray())
