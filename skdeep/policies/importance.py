"""Scorer of policies by importance sampling."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep._checks import checked_array
from skdeep.policies.evaluation import effective_episodes, weighted_importance_sampling
from skdeep.policies.scorers import (
    REQUESTED,
    Judged,
    LoggedScorer,
    as_numbers,
    judged,
    probabilities,
)


class WeightedImportanceSampling(LoggedScorer):
    """Scorer: the value of a policy, by per-decision weighted importance sampling.

    Logged rewards are averaged with the weight with which the policy would have taken the same
    actions (Precup et al., 2000; Thomas, 2015). The policy draws its actions by `predict_proba`.
    See `FittedQEvaluation` for which score to use when.

    Parameters
    ----------
    gamma : float, default=0.99
        Discount factor, in [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyClassifier
    >>> from skdeep.policies import WeightedImportanceSampling
    >>> rng = np.random.RandomState(0)
    >>> X, y = rng.normal(size=(500, 1)), rng.randint(2, size=500)
    >>> one = DummyClassifier(strategy="constant", constant=1).fit(X, y)
    >>> scorer = WeightedImportanceSampling()
    >>> round(scorer(one, X, y, reward=3.0 * y, episode=np.arange(500)), 6)
    3.0
    """

    __metadata_request__score = REQUESTED | {"propensity": True}

    def __init__(self, gamma: float = 0.99) -> None:
        self.gamma = gamma

    def score(
        self,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        reward: Any = None,
        terminated: Any = None,
        episode: Any = None,
        propensity: Any = None,
    ) -> float:
        """Estimate the value of a fitted policy.

        Parameters
        ----------
        estimator : classifier
            A fitted policy with `predict_proba`.

        X : array-like of shape (n_samples, n_features)
            Observations.

        y : array-like of shape (n_samples,)
            Actions that were taken.

        reward, terminated, episode : array-like, default=None
            As for `FittedQClassifier.fit`.

        propensity : array-like of shape (n_samples,), default=None
            Probability with which each action was taken, in (0, 1]. None estimates it by a
            logistic regression on X.

        Returns
        -------
        value : float
        """
        rows, probability, propensity = self._weights(
            estimator, X, y, reward, terminated, episode, propensity
        )
        return weighted_importance_sampling(probability, propensity, rows.log, self.gamma)

    def effective_episodes(
        self, estimator: Any, X: Any, y: Any, *, episode: Any = None, propensity: Any = None
    ) -> float:
        """Count how many episodes of equal weight the weighted ones are worth (Kish, 1965).

        Parameters
        ----------
        estimator : classifier
            A fitted policy with `predict_proba`.

        X : array-like of shape (n_samples, n_features)
            Observations.

        y : array-like of shape (n_samples,)
            Actions that were taken.

        episode, propensity : array-like, default=None
            As for `score`.

        Returns
        -------
        n_episodes : float
            Below about 10, a score says little.
        """
        reward = np.zeros(len(y))
        rows, probability, propensity = self._weights(
            estimator, X, y, reward, None, episode, propensity
        )
        return effective_episodes(probability, propensity, rows.log)

    def _weights(
        self,
        estimator: Any,
        X: Any,
        y: Any,
        reward: Any,
        terminated: Any,
        episode: Any,
        propensity: Any,
    ) -> tuple[Judged, np.ndarray, np.ndarray]:
        """Probabilities of the logged actions under the policy, and when they were logged."""
        rows = judged(estimator, X, y, reward, terminated, episode, True)
        number = np.arange(len(rows.action))
        probability = probabilities(estimator, X, rows.classes, False)[number, rows.action]
        if propensity is None:
            model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
            model.fit(as_numbers(X), rows.action)
            found = np.searchsorted(model.classes_, rows.action)
            return rows, probability, model.predict_proba(as_numbers(X))[number, found]
        propensity = checked_array(propensity, "propensity", ensure_2d=False, dtype=np.float64)
        if propensity.shape != number.shape or (propensity <= 0).any() or (propensity > 1).any():
            raise ValueError(
                f"propensity has the shape {propensity.shape} and values from "
                f"{propensity.min():.3g} to {propensity.max():.3g}: expected a probability above 0 "
                f"for each of the {len(number)} rows."
            )
        return rows, probability, propensity
