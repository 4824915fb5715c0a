"""The candidates of a search as one ensemble."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import joblib
import numpy as np
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.utils.multiclass import type_of_target

from skdeep.engine.together import run_together
from skdeep.ensemble import WeightedEnsembleClassifier, WeightedEnsembleRegressor
from skdeep.ensemble.predictions import class_probabilities
from skdeep.ensemble.selection import greedy_weights, scores_of_predictions

MOST_CANDIDATES = 50
"""The best candidates, which an ensemble is chosen from: Caruana et al. ("Getting the most out of
ensemble selection", ICDM 2006) leave out the worse half or more of a library."""

N_ROUNDS = 50


def check_ensemble(search: Any, y: Any) -> None:
    """Check that the candidates of a search can make an ensemble.

    Raises
    ------
    ValueError
        If they are no classifiers of one label and no regressors.
    """
    estimator = search.estimator
    if not (is_classifier(estimator) or is_regressor(estimator)) or y is None:
        raise ValueError(
            f"refit='ensemble' averages predictions: expected a classifier or a regressor, and y, "
            f"got {estimator}."
        )
    if is_classifier(estimator) and type_of_target(y) not in ("binary", "multiclass"):
        raise ValueError(
            "refit='ensemble' is for one label for each row, got y with the type "
            f"{type_of_target(y)!r}."
        )


class Library:
    """What candidates predict for rows that they were not trained on.

    Parameters
    ----------
    search : OptunaSearchCV
    y : array-like
        All targets.
    """

    def __init__(self, search: Any, y: Any) -> None:
        self.search = search
        self.y = np.asarray(y)
        self.classes = np.unique(self.y) if is_classifier(search.estimator) else None
        self.predictions: dict[int, list[np.ndarray]] = {}

    @property
    def predictor(self) -> Callable[[Any, Any], np.ndarray]:
        """Gives the predictions of a fitted candidate, such that they can be averaged."""
        return functools.partial(_predict, classes=self.classes)

    def best(self, scores: np.ndarray, usable: Sequence[bool]) -> list[int]:
        """Numbers of the candidates that an ensemble is chosen from, the best first."""
        order = np.argsort(-scores, kind="stable")
        return [int(i) for i in order if usable[i] and np.isfinite(scores[i])][:MOST_CANDIDATES]

    def ensemble(self, X: Any, y: Any, folds: Any, fit_params: dict[str, Any]) -> Any:
        """The ensemble of a search that has ended, its estimators fitted on all rows."""
        search = self.search
        known = sorted(self.predictions)
        held_out = np.concatenate([test for _, test in folds])
        predictions = np.stack([np.concatenate(self.predictions[i]) for i in known])
        score = scores_of_predictions(self._scorer(), self.classes)
        weights = greedy_weights(predictions, self.y[held_out], score, N_ROUNDS)
        chosen = [known[i] for i in np.flatnonzero(weights)]
        candidates = search.cv_results_["params"]
        members = [
            clone(search.estimator).set_params(**clone(candidates[i], safe=False)) for i in chosen
        ]
        fitted = _fit_all(members, X, y, fit_params, search.n_jobs)
        names = [f"candidate_{i}" for i in chosen]
        kind = WeightedEnsembleRegressor if self.classes is None else WeightedEnsembleClassifier
        weights = weights[weights > 0]
        made = kind(list(zip(names, map(clone, members))), weights=weights.tolist())
        return made._keep(names, fitted, weights, self.classes)

    def _scorer(self) -> Any:
        """What the ensemble is to maximise: the first objective."""
        scorer = self.search.scorer_
        return scorer[self.search.objective_names_[0]] if isinstance(scorer, dict) else scorer


def _predict(estimator: Any, X: Any, classes: np.ndarray | None) -> np.ndarray:
    if classes is None:
        return np.asarray(estimator.predict(X))
    return class_probabilities(estimator, X, classes)


def _fit_all(
    members: Sequence[Any], X: Any, y: Any, fit_params: dict[str, Any], n_jobs: int | None
) -> list[Any]:
    """Fit estimators on all rows, their networks as one where they can be."""
    n_parts = min(joblib.effective_n_jobs(n_jobs), len(members))
    parts = joblib.Parallel(n_jobs=n_jobs)(
        joblib.delayed(_fit_some)(members[i::n_parts], X, y, fit_params) for i in range(n_parts)
    )
    fitted: list[Any] = [None] * len(members)
    for i, part in enumerate(parts):
        fitted[i::n_parts] = part
    return fitted


def _fit_some(members: Sequence[Any], X: Any, y: Any, fit_params: dict[str, Any]) -> list[Any]:
    calls = run_together([functools.partial(m.fit, X, y, **fit_params) for m in members])
    for call in calls:
        if call.error is not None:
            raise call.error
    return [call.value for call in calls]
