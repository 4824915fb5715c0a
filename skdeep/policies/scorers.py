"""Scorers of policies, for searches and for the choice between policies."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.metadata_routing import UNUSED

from skdeep._checks import checked_array
from skdeep._compat import InvalidParameterError
from skdeep.inputs.rows import to_host
from skdeep.policies.environment import play
from skdeep.policies.evaluation import chosen_actions
from skdeep.policies.fitted_q import FittedQClassifier
from skdeep.policies.transitions import Log, TransitionRows, read_log
from skdeep.policies.value import evaluator, fitted_value

REQUESTED = {"estimator": UNUSED, "reward": True, "terminated": True, "episode": True}


class Judged(NamedTuple):
    """Transitions by which a policy is judged.

    Attributes
    ----------
    action : ndarray of int of shape (n_samples,)
    classes : ndarray
        All actions, those of the log and of the policy.
    log : Log
    kept : ndarray of int
        The rows of X that are meant.
    after : ndarray of int
        The rows of `next_X`, or of X where there is none.
    """

    action: np.ndarray
    classes: np.ndarray
    log: Log
    kept: np.ndarray
    after: np.ndarray


class LoggedScorer(BaseEstimator):
    """Base of scorers that judge a policy by logged transitions.

    With metadata routing the scorers request `reward` and the like by themselves; without routing
    scikit-learn's searches pass no metadata to scorers.
    """

    def __call__(self, estimator: Any, X: Any, y: Any, **metadata: Any) -> float:
        """Score a fitted policy; see `score`."""
        if metadata.get("reward") is None:
            raise ValueError(
                f"{type(self).__name__} needs rewards: pass `reward` to the search, and turn on "
                "routing by sklearn.set_config(enable_metadata_routing=True)."
            )
        if not 0 <= self.gamma <= 1:
            raise InvalidParameterError(f"gamma={self.gamma!r}: expected a number from 0 to 1.")
        return self.score(estimator, X, y, **metadata)


def judged(
    estimator: Any, X: Any, y: Any, reward: Any, terminated: Any, episode: Any, has_next: bool
) -> Judged:
    """Check transitions against a policy."""
    y = np.asarray(to_host(y))
    log, kept = read_log(reward, terminated, episode, len(y), has_next)
    classes = np.unique(np.concatenate([np.asarray(estimator.classes_), y]))
    after = kept if has_next else np.where(log.terminated, kept, kept + 1)
    return Judged(np.searchsorted(classes, y[kept]), classes, log, kept, after)


def probabilities(estimator: Any, X: Any, classes: np.ndarray, greedy: bool) -> np.ndarray:
    """Probabilities of actions, of shape (n_samples, len(classes))."""
    if greedy:
        return chosen_actions(np.searchsorted(classes, estimator.predict(X)), len(classes))
    proba = np.zeros((len(X), len(classes)))
    proba[:, np.searchsorted(classes, estimator.classes_)] = estimator.predict_proba(X)
    return proba


def as_numbers(X: Any, name: str = "X") -> np.ndarray:
    array = checked_array(to_host(X), name, dtype=np.float64, allow_nd=True)
    return array.reshape(len(array), -1)


class FittedQEvaluation(LoggedScorer):
    """Scorer: the value of a policy, estimated by fitted-Q evaluation.

    The value is the mean discounted return of episodes that begin like the logged ones. It is
    estimated from transitions of any policy: a network of its own learns the values of this policy
    (Le et al., 2019), which takes up to some seconds of CPU time.

    Parameters
    ----------
    gamma : float, default=0.99
        Discount factor, in [0, 1].

    greedy : bool, default=True
        Whether the policy always takes the predicted action, or draws it by `predict_proba`.

    See Also
    --------
    WeightedImportanceSampling : Makes no assumption on values, for short episodes.
    TemporalDifferenceError : How consistent the values of a network are.
    EnvironmentReturn : The return itself, where there is an environment.

    Notes
    -----
    Which score to use:

    - With an environment, even a slow one: `EnvironmentReturn`. It is the truth, up to noise.
    - In a search over logged transitions: `FittedQEvaluation`. It tells bad policies from good
      ones; the order of good ones is uncertain, and its size is biased, since values of states
      that nobody logged are extrapolated. It cannot see what no row shows: after random actions
      alone, that a policy fails where random actions never lead.
    - Where actions were logged with known probabilities and episodes are short (up to some ten
      steps): `WeightedImportanceSampling`, which is consistent without a model. In long episodes
      few have any weight left: look at `effective_episodes`.
    - `TemporalDifferenceError` says whether training has converged. It does not rank policies: a
      network of constant values can have a lower error than a good one (Fujimoto et al., 2022).

    Held-out rows must be whole episodes: use ``GroupKFold`` with ``groups=episode``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyClassifier
    >>> from skdeep.policies import FittedQEvaluation
    >>> rng = np.random.RandomState(0)
    >>> X, y = rng.normal(size=(500, 1)), rng.randint(2, size=500)
    >>> one = DummyClassifier(strategy="constant", constant=1).fit(X, y)
    >>> value = FittedQEvaluation(gamma=0.5)(one, X, y, reward=1.0 * y, terminated=[False] * 500)
    >>> round(value, 1)
    2.0
    """

    __metadata_request__score = REQUESTED | {"next_X": True}

    def __init__(self, gamma: float = 0.99, *, greedy: bool = True) -> None:
        self.gamma = gamma
        self.greedy = greedy

    def score(
        self,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        reward: Any = None,
        next_X: Any = None,
        terminated: Any = None,
        episode: Any = None,
    ) -> float:
        """Estimate the value of a fitted policy.

        Parameters
        ----------
        estimator : classifier
            A fitted policy, or a Pipeline that ends with one.

        X : array-like of shape (n_samples, n_features)
            Observations.

        y : array-like of shape (n_samples,)
            Actions that were taken.

        reward, next_X, terminated, episode : array-like, default=None
            As for `FittedQClassifier.fit`.

        Returns
        -------
        value : float
        """
        rows = judged(estimator, X, y, reward, terminated, episode, next_X is not None)
        here = probabilities(estimator, X, rows.classes, self.greedy)
        after, x = here, as_numbers(X)
        next_x = x
        if next_X is not None:
            after = probabilities(estimator, next_X, rows.classes, self.greedy)
            next_x = as_numbers(next_X, "next_X")
        network = FittedQClassifier(**evaluator(len(rows.kept)), gamma=self.gamma, device="cpu")
        transitions = TransitionRows(
            x[rows.kept], rows.action, next_x=next_x[rows.after], log=rows.log
        )
        at_start = here[rows.kept][rows.log.starts]
        return fitted_value(network, transitions, rows.classes, after[rows.after], at_start)


class TemporalDifferenceError(LoggedScorer):
    """Scorer: minus the mean squared temporal-difference error of a policy's values.

    It says how consistent values are, not how good the policy is: see `FittedQEvaluation`.

    Parameters
    ----------
    gamma : float, default=0.99
        Discount factor, in [0, 1].

    Examples
    --------
    >>> from skdeep import FittedQClassifier
    >>> from skdeep.policies import TemporalDifferenceError
    >>> X, y, reward = [[0.0], [1.0]] * 50, [0, 1] * 50, [0.0, 1.0] * 50
    >>> policy = FittedQClassifier((8,), gamma=0.0, early_stopping=False, random_state=0)
    >>> policy = policy.fit(X, y, reward=reward, terminated=[False] * 100)
    >>> TemporalDifferenceError(gamma=0.0)(policy, X, y, reward=reward) > -0.01
    True
    """

    __metadata_request__score = REQUESTED | {"next_X": True}

    def __init__(self, gamma: float = 0.99) -> None:
        self.gamma = gamma

    def score(
        self,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        reward: Any = None,
        next_X: Any = None,
        terminated: Any = None,
        episode: Any = None,
    ) -> float:
        """Score the values of a fitted policy.

        Parameters
        ----------
        estimator : FittedQClassifier
            Fitted, or a Pipeline that ends with one.

        X : array-like of shape (n_samples, n_features)
            Observations.

        y : array-like of shape (n_samples,)
            Actions that were taken.

        reward, next_X, terminated, episode : array-like, default=None
            As for `FittedQClassifier.fit`.

        Returns
        -------
        score : float
            Not positive; greater is better.
        """
        rows = judged(estimator, X, y, reward, terminated, episode, next_X is not None)
        values = _action_values(estimator, X)
        after = values if next_X is None else _action_values(estimator, next_X)
        discount = np.where(rows.log.terminated, 0.0, self.gamma)
        wanted = rows.log.reward + discount * after[rows.after].max(1)
        column = np.searchsorted(estimator.classes_, rows.classes[rows.action])
        return -float(np.mean(np.square(values[rows.kept, column] - wanted)))


def _action_values(estimator: Any, X: Any) -> np.ndarray:
    """Values of actions, through the transformers of a Pipeline."""
    if hasattr(estimator, "steps"):
        X = estimator[:-1].transform(X) if len(estimator.steps) > 1 else X
        estimator = estimator[-1]
    return estimator.action_values(X)


class EnvironmentReturn(BaseEstimator):
    """Scorer: the mean return of episodes that a policy plays in an environment.

    Rows are not looked at. See `FittedQEvaluation` for which score to use when.

    Parameters
    ----------
    env : environment or callable
        With gymnasium's `reset` and `step`, or a function that makes one for each call.

    n_episodes : int, default=20
        Episodes to play.

    random_state : int, RandomState instance or None, default=0
        Seed of the first reset: with an int, all policies begin alike.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyClassifier
    >>> from skdeep.policies import EnvironmentReturn
    >>> class Coin:  # episodes of one step
    ...     def reset(self, seed=None):
    ...         return np.zeros(1), {}
    ...     def step(self, action):
    ...         return np.zeros(1), float(action), True, False, {}
    >>> one = DummyClassifier(strategy="constant", constant=1).fit([[0], [0]], [0, 1])
    >>> EnvironmentReturn(Coin)(one)
    1.0
    """

    __metadata_request__score = {"estimator": UNUSED}

    def __init__(self, env: Any, n_episodes: int = 20, *, random_state: int | None = 0) -> None:
        self.env = env
        self.n_episodes = n_episodes
        self.random_state = random_state

    def __call__(self, estimator: Any, X: Any = None, y: Any = None) -> float:
        """Score a fitted policy; see `score`."""
        return self.score(estimator, X, y)

    def score(self, estimator: Any, X: Any = None, y: Any = None) -> float:
        """Play episodes with a fitted policy.

        Parameters
        ----------
        estimator : classifier
            A fitted policy.

        X, y : None
            Not used, present for API consistency.

        Returns
        -------
        mean_return : float
        """
        env = self.env if hasattr(self.env, "reset") and not isinstance(self.env, type) else None
        env = self.env() if env is None else env
        returns = play(env, estimator, self.n_episodes, random_state=self.random_state)
        return float(returns.mean())
