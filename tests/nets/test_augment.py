"""Random changes: against slow loops, on the right places, from the generator alone."""

import numpy as np
import pytest
import torch

from skdeep.nets.augment import CHANGES, MIXES, Crop, CutMix, Flip, Mixup, Shift, Warp
from skdeep.nets.blocks import set_generator


def ready(change, seed=0):
    set_generator(change.train(), torch.Generator().manual_seed(seed))
    return change


def images(n=50, c=2, h=10, w=7):
    return torch.randn(n, c, h, w, generator=torch.Generator().manual_seed(1))


LENGTHS = torch.arange(1, 21)


def test_shift_moves_whole_images_and_repeats_edges():
    x = images()
    moved = ready(Shift(0.2))(x, None)
    seen = set()
    for before, after in zip(x.numpy(), moved.numpy()):
        found = [
            (dy, dx)
            for dy in (-2, -1, 0, 1, 2)
            for dx in (-1, 0, 1)
            if np.array_equal(
                after,
                before[:, np.clip(np.arange(10) + dy, 0, 9)][
                    :, :, np.clip(np.arange(7) + dx, 0, 6)
                ],
            )
        ]
        assert len(found) == 1
        seen.add(found[0])
    assert len(seen) > 8


def test_flip_mirrors_about_half():
    x = images()
    after = ready(Flip(0.5))(x, None)
    flipped = [torch.equal(a, b.flip(2)) for a, b in zip(after, x)]
    kept = [torch.equal(a, b) for a, b in zip(after, x)]
    assert all(f != k for f, k in zip(flipped, kept)) and 10 < sum(flipped) < 40


def test_crop_stretches_a_part():
    ramp = torch.arange(20.0).expand(30, 1, 20, 20)
    after = ready(Crop(0.5))(ramp, None)
    span = (after[..., -1] - after[..., 0])[:, 0, 0]
    assert (span >= 0.5 * 19 - 1).all() and (span <= 19 + 1e-3).all() and span.std() > 1
    assert after.min() >= 0 and after.max() <= 19


def test_warp_is_a_slow_loop():
    lengths = torch.tensor([40, 25, 1, 2])
    x = torch.zeros(4, 2, 40)
    for i, n in enumerate(lengths):
        x[i, :, :n] = torch.randn(2, int(n), generator=torch.Generator().manual_seed(int(n)))
    warp = ready(Warp(0.3), seed=5)
    after = warp(x.double(), lengths)
    g = torch.Generator().manual_seed(5)
    start = torch.empty(4, 1, dtype=torch.float64).uniform_(generator=g)[:, 0]
    slow = torch.empty(4, 1, dtype=torch.float64).uniform_(generator=g)[:, 0] < 0.5
    for i, n in enumerate(lengths.tolist()):
        width = 0.3 * n
        begin, speed = float(start[i]) * (n - width), 0.5 if slow[i] else 2.0
        longer = n - 1 - width + width / speed
        for t in range(40):
            if t >= n:
                assert not after[i, :, t].any()
                continue
            s = t * longer / max(n - 1, 1)
            if s >= begin + width / speed:
                s = s - width / speed + width
            elif s >= begin:
                s = begin + (s - begin) * speed
            s = min(max(s, 0), n - 1)
            expected = [np.interp(s, np.arange(n), x[i, c, :n].numpy()) for c in range(2)]
            np.testing.assert_allclose(after[i, :, t], expected, atol=1e-6)


def test_mixup_is_a_slow_loop():
    x = images(400)
    mixed, partner, share = ready(Mixup(0.4))(x)
    for i in range(400):
        expected = share[i] * x[i] + (1 - share[i]) * x[partner[i]]
        torch.testing.assert_close(mixed[i], expected)
    assert sorted(partner.tolist()) == list(range(400))
    assert float(share.mean()) == pytest.approx(0.5, abs=0.06)
    variance = 1 / (4 * (2 * 0.4 + 1))  # of the beta distribution
    assert float(share.var()) == pytest.approx(variance, rel=0.15)


@pytest.mark.parametrize("shape", [(30, 2, 40), (30, 2, 9, 11)])
def test_cutmix_takes_boxes(shape):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    mixed, partner, share = ready(CutMix(1.0))(x)
    for i in range(30):
        own = (mixed[i] == x[i]).all(0)
        other = (mixed[i] == x[partner[i]]).all(0)
        assert (own | other).all()
        if partner[i] != i:
            assert float(own.float().mean()) == pytest.approx(float(share[i]), abs=1e-6)
            rows = (~own).nonzero()
            if len(rows):
                size = (rows.max(0).values - rows.min(0).values + 1).prod()
                assert size == len(rows)  # the box is full


@pytest.mark.parametrize("name", [*CHANGES, *MIXES])
def test_nothing_happens_outside_training_and_seeds_decide(name):
    cls, strength, dims = (CHANGES | MIXES)[name]
    x = images(20, h=20, w=15) if dims == (2,) else torch.randn(20, 2, 20)
    arguments = (x,) if name in MIXES else (x, LENGTHS)

    def values(change):
        out = change(*arguments)
        return out[0] if name in MIXES else out

    assert torch.equal(values(ready(cls(strength)).eval()), x)
    before = torch.random.get_rng_state()
    a, b, c = (values(ready(cls(strength), seed)) for seed in (3, 3, 4))
    assert torch.equal(a, b) and not torch.equal(a, c) and not torch.equal(a, x)
    assert torch.equal(before, torch.random.get_rng_state())
