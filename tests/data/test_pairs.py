"""Class-balanced batches, splits by class, and pictures changed in batches."""

import math

import numpy as np
import pytest
import torch

from skdeep.data.augment import AffineJitter, Augmentation, QuarterTurns
from skdeep.data.pairs import ClassBatches, TupleBatches
from skdeep.data.split import split_classes


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
    first, second = ([x.flatten().tolist() for x, _, _ in made.epoch()] for _ in "ab")
    assert first != second


def test_rows_of_batches_are_changed():
    made = batches(torch.arange(8) % 2, 2, 4, transform=lambda x: -x)
    assert all((x <= 0).all() for x, _, _ in made.epoch())
    pairs = torch.tensor([[0, 1], [2, 3]])
    tuples = TupleBatches(made.x + 1, pairs, batch_size=2, transform=lambda x: -x)
    assert all((x < 0).all() for x, _, _ in tuples.epoch())


def test_split_by_class():
    labels = np.repeat([0, 1, 2, 3, 4], [1, 2, 3, 10, 40])
    train, held_out = split_classes(labels, 0.2, np.random.RandomState(0))
    assert sorted([*train, *held_out]) == list(range(56))
    assert np.bincount(labels[held_out], minlength=5).tolist() == [0, 0, 1, 2, 8]
    assert (np.bincount(labels[train]) >= np.minimum(2, np.bincount(labels))).all()
    again = split_classes(labels, 0.2, np.random.RandomState(1))[1]
    assert not np.array_equal(held_out, again)
    assert not len(split_classes(labels, 0.0, np.random.RandomState(0))[1])


def jitter(**options):
    none = {"rotation": 0.0, "scale": 0.0, "shear": 0.0, "shift": 0.0}
    return AffineJitter(torch.Generator().manual_seed(0), **none | options)


def test_no_jitter_changes_nothing():
    x = torch.rand(3, 2, 5, 7, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(jitter()(x), x, atol=1e-5, rtol=0)


def slow_affine(x, angle, size, slant, right, down):
    """Where each pixel's value comes from, pixel by pixel, with bilinear weights."""
    height, width = x.shape
    out = np.zeros_like(x)
    c, s = (1 + size) * math.cos(angle), (1 + size) * math.sin(angle)
    for i in range(height):
        for j in range(width):
            u, v = (2 * j + 1) / width - 1, (2 * i + 1) / height - 1
            a, b = c * u + (slant - s) * v + right, s * u + c * v + down
            col = min(max(((a + 1) * width - 1) / 2, 0), width - 1)
            row = min(max(((b + 1) * height - 1) / 2, 0), height - 1)
            i0, j0 = math.floor(row), math.floor(col)
            for di, dj in ((0, 0), (0, 1), (1, 0), (1, 1)):
                weight = abs(1 - di - (row - i0)) * abs(1 - dj - (col - j0))
                if weight:
                    out[i, j] += weight * x[i0 + di, j0 + dj]
    return out


def test_jitter_against_a_slow_loop():
    x = torch.rand(4, 1, 6, 6, generator=torch.Generator().manual_seed(1)).double()
    made = AffineJitter(torch.Generator().manual_seed(0), 30.0, 0.2, 0.3, 0.4)(x)
    drawn = torch.empty(4, 5).double().uniform_(-1, 1, generator=torch.Generator().manual_seed(0))
    spread = np.array([math.pi / 6, 0.2, 0.3, 0.4, 0.4])
    for picture, out, amounts in zip(x.numpy(), made.numpy(), drawn.numpy() * spread):
        np.testing.assert_allclose(out[0], slow_affine(picture[0], *amounts), atol=1e-9)


def test_jitter_stays_within_its_limits():
    column = torch.zeros(200, 1, 1, 101)
    column[..., 50] = 1
    shifted = jitter(shift=0.2)(column).argmax(3).flatten()
    assert 10 >= (shifted - 50).abs().max() >= 8  # 0.2 of half of 101
    assert len(shifted.unique()) > 10


def test_turns():
    x = torch.arange(8.0).view(1, 2, 2, 2)
    turns = QuarterTurns(np.random.RandomState(0))
    seen = {tuple(turns(x).flatten().tolist()) for _ in range(50)}
    assert seen == {tuple(torch.rot90(x, k, (2, 3)).flatten().tolist()) for k in range(4)}
    flat = torch.arange(6.0).view(1, 1, 2, 3)
    shapes = {turns(flat).shape for _ in range(20)}
    assert shapes == {flat.shape}


def test_bytes_are_changed_as_numbers():
    x = torch.full((2, 1, 4, 4), 200, dtype=torch.uint8)
    out = Augmentation([jitter(shift=0.3)], torch.float32)(x)
    assert out.dtype == torch.float32
    torch.testing.assert_close(out, torch.full((2, 1, 4, 4), 200.0))
