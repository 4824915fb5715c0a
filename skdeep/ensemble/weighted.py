"""Weighted means of unlike estimators."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import (
    ClassifierMixin,
    RegressorMixin,
)
from sklearn.utils import assert_all_finite, check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from skdeep.ensemble.base import WeightedEnsemble
from skdeep.ensemble.predictions import class_probabilities


class WeightedEnsembleClassifier(ClassifierMixin, WeightedEnsemble):
    """Weighted mean of the probabilities of several classifiers.

    The weights are chosen greedily on rows that the classifiers were not trained on (Caruana et
    al., ICML 2004): unlike classifiers, of which none is the best, are often better together.
    `OptunaSearchCV` makes one of its candidates with ``refit='ensemble'``.

    Parameters
    ----------
    estimators : list of (str, estimator) tuples
        Classifiers and their names; 'drop' leaves one out. One without `predict_proba` gives
        probability 1 to its prediction.

    weights : 'greedy' or array-like of shape (n_estimators,), default='greedy'
        'greedy' chooses weights by cross-validation. Numbers, not negative, are scaled to the
        sum 1. Estimators with the weight 0 are not fitted.

    scoring : str or callable, default=None
        What the greedy selection maximises, as in `GridSearchCV`. None is 'neg_log_loss'.

    cv : int, cross-validation generator or iterable, default=None
        Folds for the greedy selection, as in `GridSearchCV`.

    n_rounds : int, default=50
        Rounds of the greedy selection: the weights are multiples of one over at most this number.

    n_jobs : int, default=None
        Number of parallel jobs of joblib, for estimators and folds.

    Attributes
    ----------
    estimators_ : list of estimators
        Those with a weight, fitted on all rows.

    named_estimators_ : Bunch
        The same by their names.

    weights_ : ndarray of shape (n_fitted,)
        Their weights, with the sum 1.

    classes_ : ndarray of shape (n_classes,)
        Class labels.

    n_features_in_ : int
        Number of features in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all are strings.

    See Also
    --------
    sklearn.ensemble.VotingClassifier : With equal or given weights.
    sklearn.ensemble.StackingClassifier : With a classifier on top.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import ExtraTreesClassifier
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skdeep.ensemble import WeightedEnsembleClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> members = [("trees", ExtraTreesClassifier(20, random_state=0)), ("bayes", GaussianNB())]
    >>> ensemble = WeightedEnsembleClassifier(members).fit(X, y)
    >>> ensemble.score(X, y) > 0.95
    True
    """

    __module__ = "skdeep.ensemble"
    _default_scoring = "neg_log_loss"

    def _check_target(self, y: Any) -> np.ndarray:
        assert_all_finite(y, input_name="y")
        return column_or_1d(y, warn=True)

    def _learn_classes(self, y: np.ndarray) -> np.ndarray:
        check_classification_targets(y)
        return np.unique(y)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the weighted mean of the probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        check_is_fitted(self)
        members = self.estimators_
        return self._mean([class_probabilities(member, X, self.classes_) for member in members])

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(1)]


class WeightedEnsembleRegressor(RegressorMixin, WeightedEnsemble):
    """Weighted mean of the predictions of several regressors.

    The weights are chosen greedily on rows that the regressors were not trained on (Caruana et
    al., ICML 2004): unlike regressors, of which none is the best, are often better together.
    `OptunaSearchCV` makes one of its candidates with ``refit='ensemble'``.

    Parameters
    ----------
    estimators : list of (str, estimator) tuples
        Regressors and their names; 'drop' leaves one out.

    weights : 'greedy' or array-like of shape (n_estimators,), default='greedy'
        'greedy' chooses weights by cross-validation. Numbers, not negative, are scaled to the
        sum 1. Estimators with the weight 0 are not fitted.

    scoring : str or callable, default=None
        What the greedy selection maximises, as in `GridSearchCV`. None is 'neg_mean_squared_error';
        for quantiles give ``make_scorer(mean_pinball_loss, greater_is_better=False, alpha=...)``.

    cv : int, cross-validation generator or iterable, default=None
        Folds for the greedy selection, as in `GridSearchCV`.

    n_rounds : int, default=50
        Rounds of the greedy selection: the weights are multiples of one over at most this number.

    n_jobs : int, default=None
        Number of parallel jobs of joblib, for estimators and folds.

    Attributes
    ----------
    estimators_ : list of estimators
        Those with a weight, fitted on all rows.

    named_estimators_ : Bunch
        The same by their names.

    weights_ : ndarray of shape (n_fitted,)
        Their weights, with the sum 1.

    n_features_in_ : int
        Number of features in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all are strings.

    See Also
    --------
    sklearn.ensemble.VotingRegressor : With equal or given weights.
    sklearn.ensemble.StackingRegressor : With a regressor on top.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.ensemble import ExtraTreesRegressor
    >>> from sklearn.linear_model import RidgeCV
    >>> from skdeep.ensemble import WeightedEnsembleRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> members = [("trees", ExtraTreesRegressor(20, random_state=0)), ("ridge", RidgeCV())]
    >>> ensemble = WeightedEnsembleRegressor(members).fit(X, y)
    >>> len(ensemble.weights_)
    2
    """

    __module__ = "skdeep.ensemble"
    _default_scoring = "neg_mean_squared_error"

    def _check_target(self, y: Any) -> np.ndarray:
        if np.ndim(y) == 2 and np.shape(y)[1] == 1:
            y = column_or_1d(y, warn=True)
        return check_array(y, ensure_2d=False, dtype="numeric", input_name="y")

    def _learn_classes(self, y: np.ndarray) -> None:
        return None

    def predict(self, X: Any) -> np.ndarray:
        """Return the weighted mean of the predictions.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        check_is_fitted(self)
        return self._mean([np.asarray(member.predict(X)) for member in self.estimators_])
