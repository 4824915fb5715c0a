"""Rows in time order as transitions."""

import numpy as np
import pytest
import torch

from skdeep.data.transitions import Draws, ReplayBuffer, n_steps, starts_of


def slow(reward, terminated, episode, gamma, n):
    """Returns of n steps, last rows and discounts, row by row."""
    total, last, discount = [], [], []
    for i in range(len(reward)):
        value, j = 0.0, i
        for k in range(n):
            if i + k >= len(reward) or episode[i + k] != episode[i]:
                break
            j = i + k
            value += gamma**k * reward[j]
        total.append(value)
        last.append(j)
        discount.append(0.0 if terminated[j] else gamma ** (j - i + 1))
    return total, last, discount


@pytest.mark.parametrize("n", [1, 2, 3, 50])
@pytest.mark.parametrize("gamma", [0.0, 0.9, 1.0])
def test_n_steps_equal_a_slow_loop(n, gamma):
    rng = np.random.RandomState(0)
    episode = np.repeat(np.arange(12), rng.randint(1, 9, 12))
    is_last = np.r_[episode[1:] != episode[:-1], True]
    terminated = is_last & (rng.rand(len(episode)) < 0.5)
    reward = rng.normal(size=len(episode))
    for got, wanted in zip(
        n_steps(reward, terminated, episode, gamma, n),
        slow(reward, terminated, episode, gamma, n),
    ):
        np.testing.assert_allclose(got, wanted, rtol=1e-12)


def test_starts_of_episodes():
    np.testing.assert_array_equal(starts_of(np.array([2, 2, 0, 1, 1])), [0, 2, 3])


def test_replay_buffer_keeps_the_last_transitions():
    buffer = ReplayBuffer(5, (1,), np.float32)
    for i in range(8):
        one = np.array([i])
        buffer.add(one[:, None], one, one, one[:, None] + 1, one)
    assert buffer.n_stored == 5
    assert sorted(buffer.observation[:, 0]) == [3, 4, 5, 6, 7]
    np.testing.assert_array_equal(buffer.next_observation, buffer.observation + 1)
    np.testing.assert_array_equal(buffer.target[:, 0], buffer.observation[:, 0])


def test_draws_are_from_all_rows_with_replacement():
    x = torch.arange(10)
    batches = Draws(x, 2 * x, None, batch_size=4, n_batches=50, rng=np.random.RandomState(0))
    drawn = [(rows, target) for rows, target, weight in batches.epoch()]
    assert len(batches) == len(drawn) == 50
    rows = torch.cat([rows for rows, _ in drawn])
    assert torch.equal(torch.cat([target for _, target in drawn]), 2 * rows)
    counts = np.bincount(rows.numpy(), minlength=10)
    assert counts.sum() == 200 and counts.min() > 5 and counts.max() < 40
