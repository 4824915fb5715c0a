"""Rows in time order as transitions: what followed each of them, and with which reward."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from torch import Tensor

from skdeep.data.batches import Batches

if TYPE_CHECKING:
    from skdeep.data.batches import Batch


class Steps(NamedTuple):
    """What follows each row.

    Attributes
    ----------
    reward : ndarray of shape (n_samples,)
        Discounted sum of the rewards of up to n steps.
    last : ndarray of int of shape (n_samples,)
        The row of the last of these steps.
    discount : ndarray of shape (n_samples,)
        Of the value of the state after it: ``gamma ** n``, 0 where the episode has terminated.
    """

    reward: np.ndarray
    last: np.ndarray
    discount: np.ndarray


def starts_of(episode: np.ndarray) -> np.ndarray:
    """The first row of each stretch of equal labels.

    Parameters
    ----------
    episode : ndarray of shape (n_samples,)

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep.data.transitions import starts_of
    >>> starts_of(np.array([7, 7, 3, 3, 3]))
    array([0, 2])
    """
    return np.flatnonzero(np.r_[True, episode[1:] != episode[:-1]])


def n_steps(
    reward: np.ndarray, terminated: np.ndarray, episode: np.ndarray, gamma: float, n: int
) -> Steps:
    """Returns of n steps (Sutton and Barto, 2018, chapter 7), cut at the end of an episode.

    Parameters
    ----------
    reward : ndarray of shape (n_samples,)
    terminated : ndarray of bool of shape (n_samples,)
        Only the last row of an episode may be.
    episode : ndarray of shape (n_samples,)
        Equal for consecutive rows of an episode.
    gamma : float
    n : int

    Returns
    -------
    Steps

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep.data.transitions import n_steps
    >>> n_steps(np.ones(3), np.array([False, False, True]), np.zeros(3), 0.5, 2)
    Steps(reward=array([1.5, 1.5, 1. ]), last=array([1, 2, 2]), discount=array([0.25, 0.  , 0.  ]))
    """
    n_samples = len(reward)
    starts = starts_of(episode)
    ends = np.repeat(np.r_[starts[1:], n_samples] - 1, np.diff(np.r_[starts, n_samples]))
    rows = np.arange(n_samples)
    total, last, factor = reward.astype(np.float64), rows.copy(), 1.0
    for k in range(1, n):
        factor *= gamma
        inside = rows + k <= ends
        if not inside.any():
            break
        total[inside] += factor * reward[rows[inside] + k]
        last[inside] = rows[inside] + k
    power = np.power(float(gamma), last - rows + 1)
    return Steps(total, last, np.where(terminated[last], 0.0, power))


class ReplayBuffer:
    """The last transitions, from which batches are drawn with equal probabilities (Lin, 1992).

    Parameters
    ----------
    capacity : int
    shape : tuple of int
        Of an observation.
    dtype : numpy dtype
        Of observations.

    Attributes
    ----------
    n_stored : int
    observation, next_observation : ndarray of shape (capacity, *shape)
    target : ndarray of shape (capacity, 3)
        Numbers of actions, rewards and discounts.
    """

    def __init__(self, capacity: int, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.capacity = capacity
        self.observation = np.empty((capacity, *shape), dtype)
        self.next_observation = np.empty((capacity, *shape), dtype)
        self.target = np.empty((capacity, 3))
        self.n_stored, self._place = 0, 0

    def add(
        self,
        observation: np.ndarray,
        action: np.ndarray,
        reward: np.ndarray,
        next_observation: np.ndarray,
        discount: np.ndarray,
    ) -> None:
        """Store transitions, the oldest ones giving way.

        Parameters
        ----------
        observation, next_observation : ndarray of shape (n, *shape)
        action, reward, discount : ndarray of shape (n,)
        """
        rows = (self._place + np.arange(len(action))) % self.capacity
        self.observation[rows], self.next_observation[rows] = observation, next_observation
        self.target[rows] = np.column_stack([action, reward, discount])
        self._place = (self._place + len(action)) % self.capacity
        self.n_stored = min(self.n_stored + len(action), self.capacity)


class Draws(Batches):
    """Batches of rows drawn with replacement: an epoch is a number of batches.

    Parameters
    ----------
    x, target, weight, batch_size
        As for `Batches`.
    n_batches : int
    rng : numpy.random.RandomState
    """

    def __init__(
        self,
        x: Any,
        target: Tensor,
        weight: Tensor | None = None,
        *,
        batch_size: int,
        n_batches: int,
        rng: np.random.RandomState,
    ) -> None:
        super().__init__(x, target, weight, batch_size=batch_size)
        self.bounds = [(i * batch_size, (i + 1) * batch_size) for i in range(n_batches)]
        self.rng = rng

    def epoch(self, order: Any = None) -> Iterator[Batch]:
        """Yield the batches of an epoch; their order is always drawn."""
        n_draws = self.bounds[-1][1]
        yield from super().epoch(self.rng.randint(self.n_samples, size=n_draws))
