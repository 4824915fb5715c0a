"""Rows to batches."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from skdeep.data import batches as batches_module
from skdeep.data.batches import Batches, chunks, n_batches, row_order
from skdeep.data.pairs import ClassBatches, TupleBatches
from skdeep.data.rows import SparseRows

X = torch.arange(14.0).reshape(7, 2)
Y = torch.arange(7)
W = torch.linspace(1, 2, 7)


@pytest.mark.parametrize("limit", [0, 2**24], ids=["gathered", "shuffled copy"])
@pytest.mark.parametrize("order", [None, [6, 0, 3, 1, 2, 5, 4]])
@pytest.mark.parametrize("weight", [None, W])
def test_every_row_once_with_its_own(monkeypatch, limit, order, weight):
    monkeypatch.setattr(batches_module, "SHUFFLED_COPY_BYTES", limit)
    seen = []
    for x, y, w in Batches(X, Y, weight, batch_size=3).epoch(order):
        assert torch.equal(x, X[y])
        assert (w is None) == (weight is None)
        assert w is None or torch.equal(w, W[y])
        seen += y.tolist()
    assert seen == (order or list(range(7)))


def test_tuple_inputs():
    for (a, b), y, _ in Batches((X, X * 2), Y, batch_size=2).epoch([6, 5, 4, 3, 2, 1, 0]):
        assert torch.equal(b, 2 * a)
        assert torch.equal(a, X[y])


@pytest.mark.parametrize(
    "n, size, smallest, expected",
    [(7, 3, 1, [3, 3, 1]), (7, 3, 2, [3, 4]), (6, 3, 2, [3, 3]), (1, 3, 2, [1]), (2, 5, 1, [2])],
)
def test_sizes(n, size, smallest, expected):
    made = Batches(X[:n], Y[:n], batch_size=size, smallest=smallest)
    assert [len(y) for _, y, _ in made.epoch()] == expected
    assert len(made) == len(expected)
    assert n_batches(n, size, smallest) == len(expected)


@pytest.mark.parametrize("order", [None, [6, 0, 3, 1, 2, 5, 4]])
def test_sparse_rows(order):
    matrix = sp.random_array((7, 20), density=0.3, format="csr", rng=0)
    made = Batches(SparseRows(matrix, torch.float32, "cpu"), Y, batch_size=3)
    for x, y, _ in made.epoch(order):
        assert x.is_sparse
        np.testing.assert_allclose(x.to_dense(), matrix.toarray()[y.numpy()], rtol=1e-6)


def test_order_is_that_of_sklearn():
    from sklearn.utils import shuffle

    ours, theirs = np.random.RandomState(3), np.random.RandomState(3)
    order, expected = None, np.arange(50)
    for _ in range(3):
        order, expected = row_order(50, order, ours), shuffle(expected, random_state=theirs)
        np.testing.assert_array_equal(order, expected)


def test_chunks_cover_all_rows():
    for n, width in ((1, 10), (1000, 10**6), (5000, 10**5)):
        rows = np.concatenate([np.arange(n)[piece] for piece in chunks(n, width)])
        np.testing.assert_array_equal(rows, np.arange(n))
    assert len(chunks(100_000, 2**12)) > len(chunks(100_000, 2**12, "cuda")) > 1


def test_tuple_batches_point_at_their_rows():
    g = torch.Generator().manual_seed(0)
    triplets = torch.randint(0, 7, (10, 3), generator=g)
    label = torch.arange(10)
    made = TupleBatches(X, triplets, label, batch_size=4)
    found = {}
    for rows, (inside, lab), _ in made.epoch(np.random.RandomState(0).permutation(10)):
        assert len(rows) <= 7
        found.update(zip(lab.tolist(), rows[inside]))
    assert len(made) == 3
    for i, triplet in enumerate(triplets):
        assert torch.equal(found[i], X[triplet])


def test_class_batches_are_balanced():
    y = torch.tensor([0] * 20 + [1] * 12 + [2] * 8 + [3] * 1)
    x = torch.arange(41.0)[:, None]
    made = ClassBatches(
        x, y, n_classes_per_batch=3, n_rows_per_class=4, rng=np.random.RandomState(0)
    )
    seen = []
    first = None
    for rows, classes, weight in made.epoch():
        assert weight is None
        assert torch.equal(y[rows[:, 0].long()], classes)
        first = classes if first is None else first
        seen += rows[:, 0].tolist()
    assert sorted(seen) == list(range(41))
    assert len(torch.unique(first)) == 3


def test_rows_that_are_loaded_are_asked_for_by_numbers_of_the_host():
    class Loaded:
        shape = (5, 1)

        def index_select(self, axis, rows):
            assert rows.device.type == "cpu"
            return rows[:, None].float()

    target = torch.empty(5, device="meta")
    found = [
        x for x, *_ in Batches(Loaded(), target, batch_size=2).epoch(np.arange(5)[::-1].copy())
    ]
    assert torch.cat(found).flatten().tolist() == [4, 3, 2, 1, 0]
