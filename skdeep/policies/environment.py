"""Environments with gymnasium's methods: transitions and returns of policies in them.

gymnasium itself is not imported: anything with its `reset` and `step` is an environment, and what
has `num_envs` is a vector of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from numbers import Integral, Real
from typing import Any

import numpy as np

from skdeep.base.estimator import new_random_state

Choose = Callable[[np.ndarray], np.ndarray]
"""Numbers of the actions for observations of shape (n_envs, *shape)."""


@dataclass(frozen=True)
class Chunk:
    """Transitions in the order of time, of shape (n_samples, ...), one environment's after another.

    Attributes
    ----------
    observation, next_observation : ndarray
    action : ndarray of int
    reward : ndarray of float64
    terminated : ndarray of bool
    episode : ndarray of int
        Numbers of episodes, counted over all chunks of a `Runner`.
    returns : list of float
        Sums of the rewards of the episodes that ended.
    """

    observation: np.ndarray
    next_observation: np.ndarray
    action: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    episode: np.ndarray
    returns: list


class Runner:
    """Runs policies in an environment, or in a vector of environments, step by step.

    Parameters
    ----------
    env : environment
    actions : ndarray
        What ``env.step`` takes, by number of the action.
    seed : int
        Of the first reset.

    Attributes
    ----------
    n_envs : int
    observation : ndarray of shape (n_envs, *shape)
        Where the environments are.
    n_steps : int
        Taken so far, in all environments together.
    returns : list of float
        Of the episodes that ended so far.
    """

    def __init__(self, env: Any, actions: np.ndarray, seed: int) -> None:
        self.env, self.actions = env, actions
        self.is_vector = hasattr(env, "num_envs")
        self.n_envs = int(env.num_envs) if self.is_vector else 1
        mode = getattr(env, "metadata", None) or {}
        self.autoreset = str(getattr(mode.get("autoreset_mode"), "name", "NEXT_STEP"))
        self.n_steps, self._n_episodes = 0, 0
        self.returns: list[float] = []
        self._shape: tuple[int, ...] | None = None
        self.reset(seed)

    def reset(self, seed: int | None = None) -> None:
        """Begin new episodes."""
        self.observation = self._read(self.env.reset(seed=seed)[0])
        self._idle = np.zeros(self.n_envs, bool)  # these are reset in the next step
        self._episode = self._n_episodes + np.arange(self.n_envs)
        self._n_episodes += self.n_envs
        self._return = np.zeros(self.n_envs)

    def _read(self, observation: Any) -> np.ndarray:
        """Observations of all environments, of the shape that the first had."""
        array = np.asarray(observation)
        array = array if self.is_vector else array[None]
        array = array[:, None] if array.ndim == 1 else array
        if array.dtype.kind not in "biuf":
            raise ValueError(
                f"The environment returned an observation of dtype {array.dtype}: expected an "
                "array of numbers. Flatten it, with gymnasium.wrappers.FlattenObservation for "
                "example."
            )
        if self._shape is None:
            self._shape = array.shape[1:]
        if array.shape != (self.n_envs, *self._shape):
            raise ValueError(
                f"The environment returned observations of shape {array.shape} in step "
                f"{self.n_steps}: expected {self.n_envs} of shape {self._shape}, like the first."
            )
        return array

    def run(self, choose: Choose, n_steps: float, n_episodes: int | None = None) -> Chunk:
        """Take a number of steps, in all environments together.

        Parameters
        ----------
        choose : callable
        n_steps : int or inf
            At least; a vector of environments takes as many in each.
        n_episodes : int, default=None
            End once each environment has ended so many episodes.
        """
        rows: list[tuple] = []
        ended: list[list[float]] = [[] for _ in range(self.n_envs)]
        last = self.n_steps + n_steps
        while self.n_steps < last and (
            n_episodes is None or min(map(len, ended)) < n_episodes or not rows
        ):
            rows.append(self._one_step(choose, ended))
        columns = [
            np.swapaxes(np.stack(column), 0, 1).reshape(-1, *column[0].shape[1:])
            for column in zip(*rows)
        ]
        returns = list(chain(*(each[:n_episodes] for each in ended)))
        kept = np.flatnonzero(columns.pop())
        here, after, numbers, reward, terminated, episode = (column[kept] for column in columns)
        return Chunk(here, after, numbers, reward, terminated, episode, returns)

    def _one_step(self, choose: Choose, ended: list[list[float]]) -> tuple:
        """The columns of a `Chunk`, and which steps count; returns go to `ended`."""
        here, numbers, counted = self.observation, np.asarray(choose(self.observation)), ~self._idle
        after, reward, terminated, truncated = self._step(numbers)
        episode = self._episode.copy()
        self._return += np.where(counted, reward, 0.0)
        over = (terminated | truncated) & counted
        self.n_steps += int(counted.sum())
        self._idle = over & (self.is_vector and self.autoreset == "NEXT_STEP")
        if over.any():
            for i in np.flatnonzero(over):
                ended[i].append(float(self._return[i]))
                self.returns.append(ended[i][-1])
            self._begin(over)
        return here, after, numbers, reward, terminated, episode, counted

    def _begin(self, ended: np.ndarray) -> None:
        """Number the episodes that follow those that ended, and reset where nobody else does."""
        self._return[ended] = 0.0
        n = int(ended.sum())
        self._episode[ended] = self._n_episodes + np.arange(n)
        self._n_episodes += n
        if not self.is_vector:
            self.observation = self._read(self.env.reset()[0])
        elif self.autoreset == "DISABLED":
            self.observation = self._read(self.env.reset(options={"reset_mask": ended})[0])

    def _step(self, numbers: np.ndarray) -> tuple[np.ndarray, ...]:
        """What follows the actions; `observation` is then where the environments are."""
        actions = self.actions[numbers]
        observation, reward, terminated, truncated, info = self.env.step(
            actions if self.is_vector else actions[0]
        )
        self.observation = after = self._read(observation)
        reward, terminated, truncated = (
            np.broadcast_to(np.asarray(value), (self.n_envs,))
            for value in (reward, terminated, truncated)
        )
        ended = terminated | truncated
        if self.autoreset == "SAME_STEP" and self.is_vector and ended.any():
            after = after.copy()
            final = info["final_obs"]
            for i in np.flatnonzero(ended):
                after[i] = final[i]
        reward = reward.astype(np.float64)
        if not np.isfinite(reward).all():
            bad = reward[~np.isfinite(reward)][0]
            raise ValueError(f"The environment returned the reward {bad}: expected a number.")
        return after, reward, terminated, truncated


def actions_of(env: Any, known: np.ndarray | None = None) -> np.ndarray:
    """The actions of an environment: those of a policy, or its discrete space."""
    if known is not None:
        return known
    space = getattr(env, "single_action_space", None) or getattr(env, "action_space", None)
    n_actions = getattr(space, "n", None)
    if n_actions is None:
        raise ValueError(
            f"The environment has the action space {space!r}: expected a discrete one, with "
            "the number of its actions as the attribute n."
        )
    return int(getattr(space, "start", 0)) + np.arange(int(n_actions))


def check_environment(env: Any) -> None:
    """Raise unless something has the methods of an environment."""
    for method in ("reset", "step"):
        if not callable(getattr(env, method, None)):
            raise TypeError(
                f"env={env!r} has no method {method!r}: expected an environment with gymnasium's "
                "`reset` and `step`, as gymnasium.make returns."
            )


def check_count(value: Any, name: str) -> int:
    """A positive number of something, as an int."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name}={value!r}: expected an integer of at least 1.")
    return int(value)


def check_share(value: Any, name: str) -> float:
    """A number in [0, 1], as a float."""
    if not isinstance(value, Real) or not 0 <= float(value) <= 1:
        raise ValueError(f"{name}={value!r}: expected a number from 0 to 1.")
    return float(value)


def exploring(
    choose: Choose | None, epsilon: float, n_actions: int, rng: np.random.RandomState
) -> Choose:
    """Epsilon-greedy: a random action with probability `epsilon`, else that of `choose`."""

    def explore(observation: np.ndarray) -> np.ndarray:
        n = len(observation)
        if choose is None or epsilon >= 1:
            return rng.randint(n_actions, size=n)
        if not epsilon:
            return choose(observation)
        if n == 1:  # the policy is not asked where its answer is not wanted
            return rng.randint(n_actions, size=1) if rng.rand() < epsilon else choose(observation)
        drawn = rng.rand(n) < epsilon
        return np.where(drawn, rng.randint(n_actions, size=n), choose(observation))

    return explore


def _started(env: Any, policy: Any, epsilon: float, random_state: Any) -> tuple[Runner, Choose]:
    """A runner of the environment, and how the policy chooses."""
    check_environment(env)
    epsilon, rng = check_share(epsilon, "epsilon"), new_random_state(random_state)
    actions = actions_of(env, None if policy is None else policy.classes_)

    def choose(observation: np.ndarray) -> np.ndarray:
        return np.searchsorted(actions, policy.predict(observation))

    explore = exploring(None if policy is None else choose, epsilon, len(actions), rng)
    return Runner(env, actions, int(rng.randint(2**31 - 1))), explore


def collect(
    env: Any,
    policy: Any = None,
    n_steps: int = 1000,
    epsilon: float = 0.0,
    *,
    random_state: Any = None,
) -> dict[str, np.ndarray]:
    """Collect transitions of a policy in an environment, as `FittedQClassifier.fit` takes them.

    Parameters
    ----------
    env : environment
        With gymnasium's `reset` and `step` and discrete actions, or a vector of environments.
    policy : classifier, default=None
        A fitted estimator whose classes are the actions. None takes random actions.
    n_steps : int, default=1000
        Steps to take, at least, in all environments of a vector together.
    epsilon : float, default=0.0
        Probability of a random action in place of that of the policy, in [0, 1].
    random_state : int, RandomState instance or None, default=None
        Seed.

    Returns
    -------
    transitions : dict of ndarray
        'X', 'y', 'reward', 'next_X', 'terminated' and 'episode', each with a row for each step.

    Raises
    ------
    ValueError
        If the environment returns an observation of another shape, or a reward that is no number.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep.policies import collect
    >>> class Coin:  # episodes of one step
    ...     action_space = type("Space", (), {"n": 2})
    ...     def reset(self, seed=None):
    ...         return np.zeros(1), {}
    ...     def step(self, action):
    ...         return np.zeros(1), float(action), True, False, {}
    >>> transitions = collect(Coin(), n_steps=100, random_state=0)
    >>> sorted(transitions)
    ['X', 'episode', 'next_X', 'reward', 'terminated', 'y']
    >>> transitions["X"].shape
    (100, 1)
    """
    runner, choose = _started(env, policy, epsilon, random_state)
    chunk = runner.run(choose, check_count(n_steps, "n_steps"))
    return {
        "X": chunk.observation,
        "y": runner.actions[chunk.action],
        "reward": chunk.reward,
        "next_X": chunk.next_observation,
        "terminated": chunk.terminated,
        "episode": chunk.episode,
    }


def play(
    env: Any,
    policy: Any,
    n_episodes: int = 20,
    *,
    epsilon: float = 0.0,
    random_state: Any = None,
) -> np.ndarray:
    """Play whole episodes with a policy and return the sum of the rewards of each.

    Parameters
    ----------
    env : environment
        With gymnasium's `reset` and `step`; a vector of environments, too.

    policy : classifier
        A fitted estimator whose classes are the actions. None takes random actions.

    n_episodes : int, default=20
        Number of episodes.

    epsilon : float, default=0.0
        Probability of a random action, in [0, 1].

    random_state : int, RandomState instance or None, default=None
        Seed of the first reset and of random actions.

    Returns
    -------
    returns : ndarray of shape (n_episodes,)
        Sums of rewards, not discounted.
    """
    runner, choose = _started(env, policy, epsilon, random_state)
    n_episodes = check_count(n_episodes, "n_episodes")
    # Of each environment as many: those that end first would be the short ones.
    chunk = runner.run(choose, math.inf, -(-n_episodes // runner.n_envs))
    return np.array(chunk.returns[:n_episodes])
