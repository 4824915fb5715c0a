"""Rows on disk and series of unequal length."""

import numpy as np
import pytest
import torch

from skdeep.data.batches import Batches, LengthBatches
from skdeep.data.rows import MappedRows, RaggedRows


def test_mapped_rows_are_the_rows(tmp_path):
    expected = np.random.default_rng(0).normal(size=(10, 3, 2)).astype("f4")
    X = np.memmap(tmp_path / "x", "f4", "w+", shape=expected.shape)
    X[:] = expected
    some = MappedRows(X)[np.array([9, 2, 4, 4])][1:]
    assert some.shape == (3, 3, 2) and some.dtype == np.float32
    rows = some.to(torch.float64, "cpu")
    batches = Batches(rows, torch.arange(3), batch_size=2)
    found = [x for x, target, weight in batches.epoch(order=[2, 1, 0])]
    assert [len(x) for x in found] == [2, 1] and found[0].dtype == torch.float64
    np.testing.assert_array_equal(torch.cat(found), expected[[4, 4, 2]])


def test_mapped_bytes_stay_bytes():
    rows = MappedRows(np.arange(6, dtype="u1").reshape(3, 2)).to(None, "cpu")
    assert rows[torch.tensor([1])].tolist() == [[2, 3]] and rows[:1].dtype == torch.uint8


def series(lengths, n_channels=2):
    rng = np.random.default_rng(0)
    return [rng.normal(size=(n, n_channels)) for n in lengths]


def test_ragged_rows_are_padded_with_zeros():
    given = series([3, 1, 5, 2])
    rows = RaggedRows.from_list(given)[np.array([2, 0, 3])]
    assert len(rows) == 3 and rows.shape == (3, 2, None)
    for mine, row in zip(rows, [2, 0, 3]):
        np.testing.assert_array_equal(mine, given[row])
    x, lengths = rows.to(torch.float64, "cpu")[torch.tensor([1, 2])]
    assert x.shape == (2, 2, 3) and lengths.tolist() == [3, 2]
    np.testing.assert_array_equal(x[0], given[0].T)
    np.testing.assert_array_equal(x[1, :, :2], given[3].T)
    assert not x[1, :, 2:].any()


@pytest.mark.parametrize("window", [2, 50])
def test_length_batches_hold_each_row_once_and_pad_little(window):
    rng = np.random.RandomState(0)
    lengths = rng.randint(1, 100, 203)
    rows = RaggedRows.from_list([np.full((n, 1), i) for i, n in enumerate(lengths)])
    batches = LengthBatches(
        rows.to(torch.float32, "cpu"),
        torch.arange(203),
        batch_size=8,
        lengths=lengths,
        smallest=4,
        window=window,
    )
    seen, padded, firsts = [], 0, []
    for (x, n), target, _weight in batches.epoch(rng.permutation(203)):
        assert (x[:, 0, 0] == target).all() and x.shape[2] == n.max()
        seen += target.tolist()
        padded += x.shape[0] * x.shape[2]
        firsts.append(int(n[0]))
    assert sorted(seen) == list(range(203)) and len(firsts) == len(batches) == 25
    assert padded < (1.7 if window == 2 else 1.1) * lengths.sum()
    assert firsts != sorted(firsts)  # batches come in random order


def test_length_batches_of_equal_lengths_are_plain_batches():
    rows, order = torch.arange(10), np.random.RandomState(0).permutation(10)
    plain = Batches(rows, rows, batch_size=3)
    grouped = LengthBatches(rows, rows, batch_size=3, lengths=np.full(10, 7))
    for mine, other in zip(grouped.epoch(order), plain.epoch(order)):
        assert mine[0].tolist() == other[0].tolist()
