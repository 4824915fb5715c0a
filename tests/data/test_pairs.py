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
