"""The sample of a stream that the outlier detector keeps."""

import numpy as np
import pytest

from skdeep import AutoencoderOutlierDetector
from skdeep.outlier.rows import sample_stream


def stream(sizes, batches=5, size=40, seed=0):
    """The samples after each batch of numbered rows, the most rows kept being one of `sizes`."""
    rng, known, out = np.random.RandomState(seed), None, []
    for i, n_kept in zip(range(batches), sizes):
        rows = np.arange(i * size, (i + 1) * size)[:, None]
        known = sample_stream(known, rows, n_kept, rng)
        out.append(known)
    return out


@pytest.mark.parametrize(
    "sizes", [[30] * 5, [100] * 5, [100, 100, 20, 20, 20], [30, 30, 90, 90, 9]]
)
def test_rows_are_kept_once_and_never_more_than_asked_for(sizes):
    for i, (kept, n_seen) in enumerate(stream(sizes)):
        assert n_seen == 40 * (i + 1)
        assert len(kept) <= sizes[i]
        assert len(np.unique(kept)) == len(kept)
        assert kept.max() < n_seen


def test_a_greater_size_does_not_bring_rows_back():
    kept, _ = stream([30, 30, 90, 90, 90])[-1]
    assert len(kept) == 30


@pytest.mark.parametrize("sizes", [[20] * 5, [60, 60, 20, 20, 20]])
def test_each_row_is_as_likely_to_be_kept(sizes):
    counts = np.zeros(200)
    for seed in range(2000):
        kept, _ = stream(sizes, seed=seed)[-1]
        counts[kept] += 1
    by_batch = counts.reshape(5, 40).mean(1) / 2000
    np.testing.assert_allclose(by_batch, 0.1, atol=0.006)  # 4 standard deviations of a mean


def test_a_smaller_sample_scores():
    X = np.random.RandomState(0).normal(size=(200, 3))
    detector = AutoencoderOutlierDetector(novelty=True, random_state=0, device="cpu")
    detector.partial_fit(X).set_params(max_reference_rows=50).partial_fit(X + 1)
    assert len(detector._stream[0]) == 50
    assert detector.score_samples([[9.0, -9.0, 9.0]]) < detector.score_samples(X).min()
