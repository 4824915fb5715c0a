"""Mixing of blocks in a buffer, and reading ahead."""

import threading
import time

import numpy as np
import pytest
import torch

from skdeep.data.batches import Batches
from skdeep.data.blocks import ArrayBlocks, FrameBlocks
from skdeep.data.stream import StreamBatches, mixed_chunks, read_ahead


def pieces(n, size):
    for start in range(0, n, size):
        rows = np.arange(start, min(start + size, n))
        yield rows[:, None].astype(float), rows, None


@pytest.mark.parametrize("n", [1, 7, 64, 100, 257])
@pytest.mark.parametrize("size", [4, 10, 1000])
def test_each_row_comes_once_and_its_columns_stay_together(n, size):
    chunks = list(mixed_chunks(pieces(n, 5), size, np.random.RandomState(0), multiple=2))
    assert all(weight is None for *_, weight in chunks)
    rows = np.concatenate([target for _, target, _ in chunks])
    assert sorted(rows.tolist()) == list(range(n))
    np.testing.assert_array_equal(np.concatenate([x for x, *_ in chunks])[:, 0], rows)
    assert all(len(target) % 2 == 0 for _, target, _ in chunks[:-1])


def test_without_a_generator_rows_keep_their_order():
    chunks = list(mixed_chunks(pieces(100, 7), 20, None, multiple=3))
    np.testing.assert_array_equal(np.concatenate([t for _, t, _ in chunks]), np.arange(100))
    assert len(chunks) > 3


def test_the_buffer_is_bounded_and_mixes_blocks():
    held, most = 0, 0

    def counted():
        nonlocal held, most
        for piece in pieces(10_000, 50):
            held += 50
            most = max(most, held)
            yield piece

    spread = []
    for _, target, _ in mixed_chunks(counted(), 1000, np.random.RandomState(0), multiple=10):
        held -= len(target)
        spread.append(np.ptp(target))
    assert most <= 1000 + 2 * 50
    assert np.median(spread) > 1500  # half of a buffer waits for other blocks, again and again


def test_the_seed_decides():
    def epoch(seed):
        chunks = mixed_chunks(pieces(300, 9), 50, np.random.RandomState(seed))
        return np.concatenate([t for _, t, _ in chunks]).tolist()

    assert epoch(0) == epoch(0) != epoch(1)


def test_a_thread_is_one_item_ahead_and_ends_with_the_iteration():
    made = []

    def items():
        for i in range(100):
            made.append(i)
            yield i

    ahead = read_ahead(items())
    assert next(ahead) == 0
    time.sleep(0.3)
    assert len(made) == 3  # the one taken, the one that is ready, and the one that waits for it
    ahead.close()
    assert not [t for t in threading.enumerate() if t.name == "skdeep reads ahead"]


def test_errors_of_the_thread_come_to_the_reader():
    def items():
        yield 1
        raise KeyError("file")

    ahead = read_ahead(items())
    assert next(ahead) == 1
    with pytest.raises(KeyError, match="file"):
        next(ahead)
    assert not [t for t in threading.enumerate() if t.name == "skdeep reads ahead"]


@pytest.mark.parametrize("n", [10, 40, 41, 103])
def test_batches_are_as_many_as_announced(n):
    def chunks(rng):
        for x, target, _ in mixed_chunks(pieces(n, 3), 20, rng, multiple=10):
            yield torch.from_numpy(x), torch.from_numpy(target), None

    batches = StreamBatches(
        chunks,
        lambda data: Batches(*data, batch_size=10, smallest=2),
        n_samples=n,
        batch_size=10,
        smallest=2,
        rng=np.random.RandomState(0),
    )
    epochs = [list(batches.epoch()) for _ in range(2)]
    orders = [torch.cat([t for _, t, _ in epoch]).tolist() for epoch in epochs]
    assert len(epochs[0]) == len(epochs[1]) == len(batches)
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(n))
    assert orders[0] != orders[1]


def test_blocks_of_arrays_and_frames():
    array = np.arange(200_000, dtype=np.float32).reshape(-1, 4)
    source = ArrayBlocks(array)
    assert sum(source.sizes) == len(array) and len(source.sizes) > 1
    read = [p for b in range(len(source.sizes)) for p in source.read(b, 1000, None)]
    np.testing.assert_array_equal(np.concatenate(read), array)
    assert max(map(len, read)) <= 1000
    parts = FrameBlocks([array[:10], array[10:15]])
    assert parts.sizes == [10, 5] and parts.names is None
    assert [len(p) for p in parts.read(0, 4, None)] == [4, 4, 2]
