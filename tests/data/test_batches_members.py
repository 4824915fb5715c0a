"""Batches for several networks, each with rows of its own."""

import numpy as np
import pytest
import torch

from skdeep.data.batches import MemberBatches

X = torch.arange(20.0).reshape(10, 2)
Y = torch.arange(10)
W = torch.linspace(1, 2, 10)
ROWS = np.array([[0, 1, 2, 3, 4, 5, 6], [9, 8, 7, 6, 5, 4, 3], [2, 2, 2, 0, 0, 9, 9]])


def make(rng=None, weight=W, batch_size=3):
    return MemberBatches(X, Y, weight, ROWS, batch_size=batch_size, rng=rng)


@pytest.mark.parametrize("seed", [None, 0])
@pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
def test_every_member_sees_its_rows_once(seed, batch_size):
    batches = make(seed if seed is None else np.random.RandomState(seed), batch_size=batch_size)
    seen = [[], [], []]
    for _ in batches.epoch():
        pass
    for x, target, weight in batches.epoch():
        chosen = target.view(3, -1)
        for member, rows in enumerate(chosen):
            assert torch.equal(x[member], X[rows])
            seen[member] += rows.tolist()
        assert torch.equal(weight, W[target])
    assert [sorted(rows) for rows in seen] == [sorted(rows) for rows in ROWS.tolist()]


def test_without_a_generator_the_order_stays():
    found = torch.cat([target.view(3, -1) for _, target, _ in make().epoch()], 1)
    np.testing.assert_array_equal(found, ROWS)


def test_each_member_has_an_order_of_its_own():
    same = np.tile(np.arange(10), (3, 1))
    batches = MemberBatches(X, Y, None, same, batch_size=10, rng=np.random.RandomState(0))
    orders = [target.view(3, -1) for _ in "ab" for _, target, _ in batches.epoch()]
    assert len(torch.cat(orders).unique(dim=0)) == 6  # in each epoch, too


@pytest.mark.parametrize("batch_size, sizes", [(3, [3, 3, 1]), (7, [7]), (100, [7])])
def test_sizes(batch_size, sizes):
    batches = make(batch_size=batch_size)
    assert [x.shape[1] for x, _, _ in batches.epoch()] == sizes
    assert len(batches) == len(sizes)
    assert (batches.n_members, batches.n_samples) == (3, 7)


def test_no_weights_stay_none():
    assert all(weight is None for _, _, weight in make(weight=None).epoch())


def test_targets_of_several_columns():
    batches = MemberBatches(X, X * 10, None, ROWS, batch_size=4, rng=None)
    for x, target, _ in batches.epoch():
        assert torch.equal(target.view_as(x), 10 * x)
