"""Corridors: small worlds whose best policy and its values are known."""

import numpy as np


class Space:
    """A discrete action space."""

    def __init__(self, n, start=0):
        self.n, self.start = n, start


class Corridor:
    """Places 0 to 6; the right end is worth 1, the left end nothing. Episodes begin in place 3.

    Parameters
    ----------
    limit : int, default=50
        Steps after which an episode is cut off.
    """

    metadata = {}

    def __init__(self, limit=50):
        self.action_space, self.limit = Space(2), limit
        self.seeds = []

    def reset(self, *, seed=None, options=None):
        self.seeds.append(seed)
        self.place, self.time = 3, 0
        return np.array([self.place], dtype=np.float32), {}

    def step(self, action):
        self.place += 2 * int(action) - 1
        self.time += 1
        ended = self.place in (0, 6)
        observation = np.array([self.place], dtype=np.float32)
        return observation, float(self.place == 6), ended, self.time >= self.limit, {}


def walk(n_episodes=60, seed=0, right=0.5):
    """Transitions of a random walk in the corridor, as `fit` takes them."""
    rng = np.random.RandomState(seed)
    rows = []
    for episode in range(n_episodes):
        place = 3
        while place not in (0, 6):
            action = int(rng.rand() < right)
            after = place + 2 * action - 1
            rows.append((place, action, float(after == 6), after, after in (0, 6), episode))
            place = after
    place, action, reward, after, terminated, episode = map(np.array, zip(*rows))
    return {
        "X": place[:, None].astype(float),
        "y": np.array(["left", "right"])[action],
        "reward": reward,
        "next_X": after[:, None].astype(float),
        "terminated": terminated,
        "episode": episode,
    }


def values_of_right(gamma):
    """Value of always going right, in places 1 to 5, of the actions left and right."""
    right = gamma ** (5 - np.arange(1, 6))
    left = np.r_[0.0, gamma * right[:-1]]
    return np.column_stack([left, right])
