"""Class-balanced batches, and batches of pairs and triplets."""

import numpy as np
import pytest
import torch

from skdeep.data.pairs import ClassBatches, TupleBatches


def batches(y, p, k, **options):
    x = torch.arange(float(len(y)))[:, None]
    rng = np.random.RandomState(0)
    return ClassBatches(x, y, n_classes_per_batch=p, n_rows_per_class=k, rng=rng, **options)


@pytest.mark.parametrize("n_classes", [1, 2, 3, 5, 7, 9])
def test_every_batch_has_two_classes_where_there_are_two(n_classes):
    y = torch.arange(n_classes * 4) % n_classes
    made = batches(y, 2, 4)
    epoch = list(made.epoch())
    assert len(epoch) == len(made)
    assert sorted(torch.cat([x[:, 0] for x, _, _ in epoch]).tolist()) == list(range(len(y)))
    assert all(len(labels.unique()) >= min(2, n_classes) for _, labels, _ in epoch)


def test_batches_differ_from_epoch_to_epoch():
    made = batches(torch.arange(40) % 5, 2, 4)
    first, second = ([frozenset(x.flatten().tolist()) for x, _, _ in made.epoch()] for _ in "ab")
    assert len(set(first) & set(second)) <= 1  # other rows together, not another order alone


def test_rows_of_batches_are_changed():
    made = batches(torch.arange(8) % 2, 2, 4, transform=lambda x: -x)
    assert all((x <= 0).all() for x, _, _ in made.epoch())
    pairs = torch.tensor([[0, 1], [2, 3]])
    tuples = TupleBatches(made.x + 1, pairs, batch_size=2, transform=lambda x: -x)
    assert all((x < 0).all() for x, _, _ in tuples.epoch())


@pytest.mark.parametrize("n_per_class", [8, 7])
def test_half_of_the_batches_are_inside_groups(n_per_class):
    y = torch.arange(60 * n_per_class) % 60
    groups = y.numpy() // 12  # five, of twelve classes each
    made = batches(y, 8, 4, groups=groups)
    inside = 0
    for _ in range(10):
        epoch = list(made.epoch())
        rows = torch.cat([x[:, 0] for x, _, _ in epoch]).long()
        assert len(epoch) == len(made) and sorted(rows.tolist()) == list(range(len(y)))
        n_groups = [len(np.unique(groups[x[:, 0].long()])) for x, _, _ in epoch]
        inside += sum(n <= 2 for n in n_groups)  # one, or the end of one and the start of another
        assert sum(n >= 3 for n in n_groups) >= len(epoch) // 2 - 1
    assert 0.4 * 10 * len(made) < inside < 0.6 * 10 * len(made)


def test_a_class_of_several_groups():
    groups = np.arange(24) % 2
    made = batches(torch.arange(24) % 3, 2, 4, groups=groups)
    for x, labels, _ in made.epoch():
        rows = x[:, 0].long()
        parts = {(int(c), int(groups[r])) for c, r in zip(labels, rows)}
        assert len(parts) <= 2
