"""What a policy is worth, estimated from logged transitions."""

from __future__ import annotations

import numpy as np
from scipy.linalg import LinAlgError, solve

from skdeep.inputs.rows import to_host
from skdeep.policies.transitions import Log, TransitionRows

N_FEATURES = 64
_RIDGE = 0.01
_LENGTH_SCALE = 3.0
_LARGEST = 20_000  # rows that are looked at


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


class LinearEvaluation:
    """Fitted-Q evaluation of policies on the same transitions.

    Fitted-Q evaluation (Le et al., 2019) regresses ``reward + gamma * Q(next state, action of the
    policy)`` on state and logged action, again and again. With linear functions of fixed features
    the end of these iterations is the solution of a linear system (LSTDQ of Lagoudakis and Parr,
    2003), so that there is no training that could stop too early or diverge.

    Parameters
    ----------
    X, next_X : ndarray of shape (n_samples, ...)
        Observations.
    action : ndarray of int of shape (n_samples,)
    log : Log
    n_actions : int
    gamma : float
    weight : ndarray of shape (n_samples,), default=None
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
        self.n_actions, self.starts = n_actions, log.starts
        features = RandomFeatures(X)
        self.rows = np.arange(len(X))[:: -(-len(X) // _LARGEST)]
        self.rows_of = [np.flatnonzero(action[self.rows] == a) for a in range(n_actions)]
        here, self.at_start = features(X[self.rows]), features(X[self.starts])
        self.discount = np.where(log.terminated, 0.0, gamma)[self.rows]
        self.after = features(next_X[self.rows]) * self.discount[:, None]
        reward = log.reward[self.rows]
        # Where nothing is known, values tend to the least that they could be.
        self.least = min(0.0, reward.min()) / max(1 - gamma, 1 / len(X))
        self.most = max(0.0, reward.max()) / max(1 - gamma, 1 / len(X))
        target = reward + (self.discount - 1) * self.least
        self.left = here if weight is None else here * weight[self.rows, None]
        size = n_actions * N_FEATURES
        self.gram, self.moment = np.zeros((size, size)), np.zeros(size)
        for a, rows in enumerate(self.rows_of):
            block = slice(a * N_FEATURES, (a + 1) * N_FEATURES)
            self.gram[block, block] = self.left[rows].T @ here[rows]
            self.moment[block] = self.left[rows].T @ target[rows]
        self.gram[np.diag_indices(size)] += _RIDGE * np.trace(self.gram) / size

    @classmethod
    def of(cls, rows: TransitionRows, n_actions: int, gamma: float) -> LinearEvaluation:
        """Evaluation on checked transitions."""
        x, next_x = to_host(rows.x), to_host(rows.next_x)
        return cls(x, next_x, rows.target, rows.log, n_actions, gamma, rows.weight)

    def value(self, after: np.ndarray, at_start: np.ndarray) -> float:
        """Mean value of the first states of the episodes.

        Parameters
        ----------
        after : ndarray of shape (n_samples, n_actions)
            Probabilities of the policy's actions in the next states.
        at_start : ndarray of shape (n_episodes, n_actions)
            In the first states of the episodes.
        """
        after, system = after[self.rows], self.gram.copy()
        for a, rows in enumerate(self.rows_of):
            block = slice(a * N_FEATURES, (a + 1) * N_FEATURES)
            left, right = self.left[rows].T, self.after[rows]
            for b in range(self.n_actions):
                chosen = np.flatnonzero(after[rows, b])
                if len(chosen):
                    follows = right[chosen] * after[rows[chosen], b, None]
                    system[block, b * N_FEATURES : (b + 1) * N_FEATURES] -= (
                        left[:, chosen] @ follows
                    )
        try:
            weights = solve(system, self.moment).reshape(self.n_actions, -1)
        except LinAlgError:
            return self.least
        values = self.least + self.at_start @ weights.T
        return float(np.clip((values * at_start).sum(1).mean(), self.least, self.most))


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
