"""Greedy selection of an ensemble (Caruana et al., "Ensemble selection from libraries of models",
ICML 2004)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

_PATIENCE = 10  # rounds without a better score that end the selection


def greedy_weights(
    predictions: np.ndarray,
    targets: np.ndarray,
    score: Callable[[np.ndarray, np.ndarray], float],
    n_rounds: int,
    *,
    start: bool = False,
) -> np.ndarray:
    """Weights of candidates whose weighted mean scores well.

    Each round adds, with replacement, the candidate (of equal ones the first) that makes the score
    of the mean the greatest; the best of these means counts. 10 rounds without a better one end it.

    Parameters
    ----------
    predictions : ndarray of shape (n_candidates, n_rows, ...)
        For rows that the candidates were not trained on.
    targets : ndarray of shape (n_rows, ...)
    score : callable
        ``score(predictions, targets)``, greater is better. One that is not finite is the worst.
    n_rounds : int
    start : bool, default=False
        Whether the selection starts from the mean of all candidates.

    Returns
    -------
    ndarray of shape (n_candidates,)
        Not negative, with the sum 1.

    Raises
    ------
    ValueError
        Without a finite score.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep.ensemble.selection import greedy_weights
    >>> predictions, targets = np.array([[1.0, 3.0], [3.0, 1.0], [9.0, 9.0]]), np.array([2.0, 2.0])
    >>> greedy_weights(predictions, targets, lambda p, y: -np.square(p - y).mean(), 4)
    array([0.5, 0.5, 0. ])
    """
    counts = np.full(len(predictions), int(start), dtype=np.int64)
    total = predictions.sum(0) if start else np.zeros(predictions.shape[1:])
    best_score, best_counts, best_round = -np.inf, counts, 1
    if start and np.isfinite(first := score(total / len(predictions), targets)):
        best_score = first
    for n_added in range(1, n_rounds + 1):
        n_all = n_added + start * len(predictions)
        scores = [score((total + p) / n_all, targets) for p in predictions]
        chosen = int(np.where(np.isfinite(scores), scores, -np.inf).argmax())
        counts = counts + (np.arange(len(counts)) == chosen)
        total = total + predictions[chosen]
        if scores[chosen] > best_score:
            best_score, best_counts, best_round = scores[chosen], counts, n_added
        elif n_added - best_round >= _PATIENCE:
            break
    if not np.isfinite(best_score):
        raise ValueError("No candidate of the ensemble has a finite score.")
    return best_counts / best_counts.sum()


def scores_of_predictions(
    scorer: Any, classes: np.ndarray | None
) -> Callable[[np.ndarray, np.ndarray], float]:
    """What a scorer of scikit-learn says of predictions.

    Parameters
    ----------
    scorer : callable
        ``scorer(estimator, X, y)``.
    classes : ndarray of shape (n_classes,) or None
        Where they are given, predictions are their probabilities.

    Returns
    -------
    callable
        ``score(predictions, targets)``.
    """

    def score(predictions: np.ndarray, targets: np.ndarray) -> float:
        rows = np.arange(len(predictions))[:, None]
        known: Any = _Known(predictions)
        if classes is not None:
            known = _KnownClassifier(predictions, classes)
        return float(scorer(known, rows, targets))

    return score


class _Known(RegressorMixin, BaseEstimator):
    """A fitted regressor that knows what it predicts for row numbers."""

    def __init__(self, predictions: np.ndarray) -> None:
        self.predictions = predictions

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.predictions[X[:, 0]]


class _KnownClassifier(ClassifierMixin, BaseEstimator):
    """A fitted classifier that knows the probabilities of its classes for row numbers."""

    def __init__(self, probabilities: np.ndarray, classes_: np.ndarray) -> None:
        self.probabilities, self.classes_ = probabilities, classes_

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return self.probabilities[X[:, 0]]

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.classes_[self.predict_proba(X).argmax(1)]
