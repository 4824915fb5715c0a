"""What a policy is worth, estimated from logged transitions."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdeep.data.rows import MappedRows
from skdeep.inputs.rows import to_host
from skdeep.policies.transitions import Log, TransitionRows

N_FEATURES = 100
_RIDGE = 0.01
_LENGTH_SCALE = 3.0
_LARGEST = 20_000  # rows that are looked at
_MOST_ITERATIONS = 500
_TOLERANCE = 1e-2  # share of the range of values by which the last iteration changes them


class RandomFeatures:
    """Cosines of random directions (Rahimi and Recht, 2007) of standardised observations, whose
    inner products are a Gaussian kernel of `_LENGTH_SCALE` standard deviations a column.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Observations by which others are standardised.
    """

    def __init__(self, X: np.ndarray) -> None:
        rng = np.random.RandomState(0)
        self.mean, deviation = X.mean(0), X.std(0)
        scale = np.where(deviation > 0, deviation, 1.0) * _LENGTH_SCALE * np.sqrt(X.shape[1])
        self.directions = rng.normal(size=(X.shape[1], N_FEATURES)) / scale[:, None]
        self.phases = rng.uniform(0, 2 * np.pi, N_FEATURES)

    def __call__(self, X: np.ndarray) -> np.ndarray:
        return np.cos((X - self.mean) @ self.directions + self.phases)


def limits_of(reward: np.ndarray, gamma: float) -> tuple[float, float]:
    """The least and the largest value that rewards allow."""
    horizon = 1 / max(1 - gamma, 1 / len(reward))
    return min(0.0, reward.min()) * horizon, max(0.0, reward.max()) * horizon


def as_array(rows: Any) -> np.ndarray:
    """Checked rows in memory."""
    return rows.load() if isinstance(rows, MappedRows) else to_host(rows)


class LinearEvaluation:
    """Fitted-Q evaluation of policies on the same transitions.

    Fitted-Q evaluation (Le et al., 2019) regresses ``reward + gamma * Q(next state, action of the
    policy)`` on state and logged action, again and again. Here the regression is linear (ridge) in
    random features, so that one decomposition serves all iterations and all policies. Values are
    kept within what rewards allow, without which the iterations may diverge.

    Parameters
    ----------
    X, next_X : ndarray of shape (n_samples, ...)
        Observations.
    action : ndarray of int of shape (n_samples,)
    log : Log
    n_actions : int
    gamma : float
    weight : ndarray of shape (n_samples,), default=None

    Attributes
    ----------
    least, most : float
        Limits of values. Where nothing is known, values tend to the least.
    """

    def __init__(
        self,
        X: np.ndarray,
        next_X: np.ndarray,
        action: np.ndarray,
        log: Log,
        n_actions: int,
        gamma: float,
        weight: np.ndarray | None = None,
    ) -> None:
        X, next_X = (np.asarray(x, np.float64).reshape(len(x), -1) for x in (X, next_X))
        features = RandomFeatures(X)
        self.rows = rows = np.arange(len(X))[:: -(-len(X) // _LARGEST)]
        self.at_start, self.after = features(X[log.starts]), features(next_X[rows])
        self.reward = log.reward[rows]
        self.discount = np.where(log.terminated[rows], 0.0, gamma)
        self.least, self.most = limits_of(log.reward, gamma)
        here = features(X[rows])
        left = here if weight is None else here * weight[rows, None]
        ridge = _RIDGE * np.sum(left * here) / N_FEATURES
        self.regressions = []
        for number in range(n_actions):
            mine = np.flatnonzero(action[rows] == number)
            gram = left[mine].T @ here[mine]
            gram[np.diag_indices(N_FEATURES)] += ridge
            self.regressions.append((mine, np.linalg.solve(gram, left[mine].T)))

    @classmethod
    def of(cls, rows: TransitionRows, n_actions: int, gamma: float) -> LinearEvaluation:
        """Evaluation on checked transitions."""
        x, next_x = as_array(rows.x), as_array(rows.next_x)
        return cls(x, next_x, rows.target, rows.log, n_actions, gamma, rows.weight)

    def value(
        self, after: np.ndarray, at_start: np.ndarray, known: np.ndarray | None = None
    ) -> tuple[float, np.ndarray]:
        """Mean value of the first states of the episodes.

        Parameters
        ----------
        after : ndarray of shape (n_samples, n_actions)
            Probabilities of the policy's actions in the next states.
        at_start : ndarray of shape (n_episodes, n_actions)
            In the first states of the episodes.
        known : ndarray, default=None
            Values of the next states under a policy much like this one, to begin with.

        Returns
        -------
        value : float
        known : ndarray
        """
        after = after[self.rows]
        values = np.full(len(after), self.least) if known is None else known
        for _ in range(_MOST_ITERATIONS):
            target = self.reward + self.discount * values - self.least
            weights = np.stack([fit @ target[mine] for mine, fit in self.regressions], 1)
            found = np.sum((self.after @ weights) * after, 1) + self.least
            found = np.clip(found, self.least, self.most)
            change = np.abs(found - values).max()
            values = found
            if change <= _TOLERANCE * (self.most - self.least) * (1 - self.discount.max()):
                break
        starts = np.sum((self.at_start @ weights) * at_start, 1) + self.least
        return float(np.clip(starts, self.least, self.most).mean()), values


def chosen_actions(actions: np.ndarray, n_actions: int) -> np.ndarray:
    """Probabilities of a policy that takes the given actions, of shape (n_samples, n_actions)."""
    return np.eye(n_actions)[actions]


def weighted_importance_sampling(
    probability: np.ndarray, propensity: np.ndarray, log: Log, gamma: float
) -> float:
    """Per-decision weighted importance sampling (Precup et al., 2000; Thomas, 2015, "CWPDIS").

    The rewards of step t are averaged over episodes, each with the weight
    ``prod(probability / propensity)`` of its steps up to t; an episode that has ended keeps its
    weight, and has no more rewards.

    Parameters
    ----------
    probability, propensity : ndarray of shape (n_samples,)
        Of the logged action, under the policy and when it was logged.
    log : Log
    gamma : float

    Returns
    -------
    float
        Mean discounted return; NaN where all weights of a step are 0.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep.policies.evaluation import weighted_importance_sampling
    >>> from skdeep.policies.transitions import Log
    >>> log = Log(np.array([1.0, 3.0]), np.array([True, True]), np.array([0, 1]))
    >>> weighted_importance_sampling(np.array([0.2, 0.6]), np.array([0.5, 0.5]), log, 1.0)
    2.5
    """
    starts = log.starts
    lengths = np.diff(np.r_[starts, len(probability)])
    with np.errstate(divide="ignore"):
        ratio = np.log(probability) - np.log(propensity)
    n_steps = int(lengths.max())
    time = np.arange(len(probability)) - np.repeat(starts, lengths)
    episode = np.repeat(np.arange(len(starts)), lengths)
    logs, rewards = np.zeros((2, len(starts), n_steps))
    logs[episode, time], rewards[episode, time] = ratio, log.reward
    logs = np.cumsum(logs, 1)
    largest = logs.max(0)  # of each step: only proportions count, and products overflow
    with np.errstate(invalid="ignore"):
        weights = np.exp(logs - largest)
        means = (weights * rewards).sum(0) / weights.sum(0)
    return float(means @ gamma ** np.arange(n_steps))


def effective_episodes(probability: np.ndarray, propensity: np.ndarray, log: Log) -> float:
    """How many episodes of equal weight the weights of whole episodes are worth (Kish, 1965)."""
    with np.errstate(divide="ignore"):
        ratio = np.log(probability) - np.log(propensity)
    total = np.add.reduceat(ratio, log.starts)
    if np.isneginf(total).all():
        return 0.0
    weights = np.exp(total - total.max())
    return float(weights.sum() ** 2 / np.square(weights).sum())
