"""Images changed in batches: against slow loops, within the limits, from the generator alone."""

import math

import numpy as np
import torch

from skdeep.data.augment import AffineJitter, Augmentation, QuarterTurns


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
    for image, out, amounts in zip(x.numpy(), made.numpy(), drawn.numpy() * spread):
        np.testing.assert_allclose(out[0], slow_affine(image[0], *amounts), atol=1e-9)


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


def test_changes_come_from_their_generator_alone():
    x = torch.rand(4, 1, 6, 6, generator=torch.Generator().manual_seed(1))
    state = torch.random.get_rng_state()
    first, second = (AffineJitter(torch.Generator().manual_seed(seed), 30.0)(x) for seed in (0, 0))
    assert torch.equal(first, second)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_images_of_a_batch_are_changed_differently():
    x = torch.rand(1, 1, 6, 6, generator=torch.Generator().manual_seed(1)).expand(5, -1, -1, -1)
    made = AffineJitter(torch.Generator().manual_seed(0))(x)
    assert len(made.flatten(1).unique(dim=0)) == 5


def test_changes_are_made_one_after_the_other():
    changes = Augmentation([lambda x: x + 1, lambda x: 10 * x], torch.float64)
    out = changes(torch.tensor([1, 2], dtype=torch.uint8))
    assert out.tolist() == [20.0, 30.0] and out.dtype == torch.float64


def test_no_changes_are_a_change_of_type():
    assert Augmentation([], torch.float32)(torch.tensor([7], dtype=torch.uint8)).tolist() == [7.0]
