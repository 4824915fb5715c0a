"""What ensembles share: their members, and how weights are chosen."""

from __future__ import annotations

from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.base import (
    MetaEstimatorMixin,
    clone,
    is_classifier,
    is_regressor,
)
from sklearn.compose import TransformedTargetRegressor
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch, get_tags, indexable
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.parallel import Parallel, delayed

from skdeep._compat import (
    Interval,
    StrOptions,
    _BaseComposition,
    _check_method_params,
    _fit_context,
    _raise_for_params,
    _routing_enabled,
    _safe_split,
    with_doc_link,
)
from skdeep.ensemble.predictions import class_probabilities
from skdeep.ensemble.selection import greedy_weights, scores_of_predictions


@with_doc_link
class WeightedEnsemble(MetaEstimatorMixin, _BaseComposition):
    """Base of the weighted ensembles.

    A subclass has `_check_target`, `_learn_classes` and `_default_scoring`.
    """

    _parameter_constraints: dict = {
        "estimators": [list],
        "weights": ["array-like", StrOptions({"greedy"})],
        "scoring": [str, callable, None],
        "cv": ["cv_object"],
        "n_rounds": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimators: Any,
        *,
        weights: Any = "greedy",
        scoring: Any = None,
        cv: Any = None,
        n_rounds: int = 50,
        n_jobs: int | None = None,
    ):
        self.estimators = estimators
        self.weights = weights
        self.scoring = scoring
        self.cv = cv
        self.n_rounds = n_rounds
        self.n_jobs = n_jobs

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any, **fit_params: Any) -> Self:
        """Choose the weights, and fit the estimators that have one on all rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows, as the estimators take them.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets; several outputs for a regressor alone.

        **fit_params : dict
            Passed to the `fit` of the estimators: `sample_weight`, and anything with metadata
            routing enabled.

        Returns
        -------
        self : estimator
        """
        _raise_for_params(fit_params, self, "fit", allow=["sample_weight"])
        names, estimators = self._validate_estimators()
        known = [(n, e) for n, e in zip(names, estimators) if e != "drop"]
        params = self._params_of_members(known, fit_params)
        X, y = indexable(X, self._given_target(y))
        y = self._check_target(y)
        classes = self._learn_classes(y)
        if isinstance(self.weights, str):
            weights = self._greedy(known, X, y, params, classes)
        else:
            weights = self._given(names, estimators)
        chosen = [i for i, weight in enumerate(weights) if weight > 0]
        fitted = Parallel(n_jobs=self.n_jobs)(
            delayed(_fit)(clone(known[i][1]), X, y, params[known[i][0]]) for i in chosen
        )
        return self._keep([known[i][0] for i in chosen], fitted, weights[chosen], classes)

    def _given_target(self, y: Any) -> Any:
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y "
                "is None."
            )
        return y

    def _keep(
        self, names: list[str], fitted: list[Any], weights: np.ndarray, classes: np.ndarray | None
    ) -> Self:
        """Take fitted estimators as those of the ensemble."""
        self.estimators_ = fitted
        self.named_estimators_ = Bunch(**dict(zip(names, fitted)))
        self.weights_ = weights
        if classes is not None:
            self.classes_ = classes
        if hasattr(fitted[0], "feature_names_in_"):
            self.feature_names_in_ = fitted[0].feature_names_in_
        return self

    def _given(self, names: Any, estimators: Any) -> np.ndarray:
        """The weights that are a parameter, with the sum 1."""
        weights = np.asarray(self.weights, dtype=np.float64)
        if weights.shape != (len(names),):
            raise ValueError(
                f"weights has the shape {weights.shape}: expected one weight for each of the "
                f"{len(names)} estimators."
            )
        weights = weights[[e != "drop" for e in estimators]]
        if not np.isfinite(weights).all() or (weights < 0).any() or weights.sum() <= 0:
            raise ValueError(
                f"weights={self.weights}: expected numbers that are not negative, with a positive "
                "sum."
            )
        return weights / weights.sum()

    def _greedy(
        self,
        known: list[tuple[str, Any]],
        X: Any,
        y: Any,
        params: dict[str, Any],
        classes: np.ndarray | None,
    ) -> np.ndarray:
        """Weights from predictions for rows that the estimators were not trained on."""
        cv = check_cv(self.cv, y, classifier=is_classifier(self))
        splits = list(cv.split(X, y))
        predicted = Parallel(n_jobs=self.n_jobs)(
            delayed(_fit_and_predict)(clone(estimator), X, y, split, params[name], classes)
            for split in splits
            for name, estimator in known
        )
        n = len(known)
        members = [np.concatenate(predicted[i::n]) for i in range(n)]
        held_out = np.concatenate([test for _, test in splits])
        scorer = check_scoring(known[0][1], scoring=self.scoring or self._default_scoring)
        score = scores_of_predictions(scorer, classes)
        return greedy_weights(np.stack(members), y[held_out], score, self.n_rounds)

    def _params_of_members(self, known: Any, fit_params: dict[str, Any]) -> dict[str, Any]:
        """Parameters of `fit` for each estimator."""
        if _routing_enabled():
            routed = process_routing(self, "fit", **fit_params)
            return {name: routed[name].fit for name, _ in known}
        given = {k: v for k, v in fit_params.items() if v is not None}
        return {
            name: {_name_for_last_step(member) + k: v for k, v in given.items()}
            for name, member in known
        }

    def _members(self) -> list[tuple[str, Any]]:
        """Names and estimators."""
        return self.estimators

    def _validate_estimators(self) -> tuple[list[str], list[Any]]:
        """Names and estimators, checked."""
        pairs = self.estimators
        if not pairs or not all(len(p) == 2 and isinstance(p[0], str) for p in pairs):
            raise ValueError(
                f"estimators={pairs!r}: expected a non-empty list of (name, estimator) tuples."
            )
        names, estimators = map(list, zip(*pairs))
        self._validate_names(names)
        is_of_kind = is_classifier if is_classifier(self) else is_regressor
        for name, estimator in pairs:
            if estimator != "drop" and not is_of_kind(estimator):
                kind = is_of_kind.__name__.removeprefix("is_")
                raise ValueError(f"The estimator {name!r} is {estimator!r}: expected a {kind}.")
        if all(estimator == "drop" for estimator in estimators):
            raise ValueError("All estimators are 'drop': expected at least one estimator.")
        return names, estimators

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, with `deep` also the estimators and their parameters.

        Parameters
        ----------
        deep : bool, default=True

        Returns
        -------
        dict
        """
        return self._get_params("estimators", deep=deep)

    def set_params(self, **params: Any) -> Self:
        """Set parameters of the ensemble, its estimators, or theirs.

        Parameters
        ----------
        **params : dict
            Names as `get_params` gives them, and values.

        Returns
        -------
        self : estimator
        """
        self._set_params("estimators", **params)
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        members = [get_tags(e).input_tags for _, e in self.estimators or () if e != "drop"]
        tags.input_tags.allow_nan = all(member.allow_nan for member in members)
        tags.input_tags.sparse = all(member.sparse for member in members)
        return tags

    def get_metadata_routing(self) -> MetadataRouter:
        """Return what `fit` passes on to the estimators."""
        router = MetadataRouter(owner=self)
        mapping = MethodMapping().add(caller="fit", callee="fit")
        for name, estimator in self._members():
            if estimator != "drop":
                router.add(**{name: estimator}, method_mapping=mapping)
        return router

    @property
    def n_features_in_(self) -> int:
        """Number of features in `fit`."""
        if not hasattr(self, "estimators_"):
            raise AttributeError(f"{type(self).__name__} object has no attribute n_features_in_")
        return self.estimators_[0].n_features_in_

    def _mean(self, predictions: list[np.ndarray]) -> np.ndarray:
        return np.tensordot(self.weights_, np.stack(predictions), 1)


def _name_for_last_step(estimator: Any) -> str:
    """What a parameter of `fit` has before its name, to reach the last step of a pipeline."""
    if isinstance(estimator, TransformedTargetRegressor):
        return _name_for_last_step(estimator.regressor)
    return f"{estimator.steps[-1][0]}__" if isinstance(estimator, Pipeline) else ""


def _fit(estimator: Any, X: Any, y: Any, params: dict[str, Any]) -> Any:
    return estimator.fit(X, y, **params)


def _fit_and_predict(
    estimator: Any,
    X: Any,
    y: Any,
    split: tuple[np.ndarray, np.ndarray],
    params: dict[str, Any],
    classes: np.ndarray | None,
) -> np.ndarray:
    """Fit on the training rows of a split; predictions for its test rows."""
    train, test = split
    X_train, y_train = _safe_split(estimator, X, y, train)
    X_test, _ = _safe_split(estimator, X, y, test, train)
    estimator.fit(X_train, y_train, **_check_method_params(X, params, train))
    if classes is None:
        return np.asarray(estimator.predict(X_test))
    return class_probabilities(estimator, X_test, classes)
