"""Predictions of estimators for rows that they were not trained on."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import Pipeline

from skdeep._compat import _check_method_params, _safe_split
from skdeep.ensemble.predictions import class_probabilities
from skdeep.tabular.base import HELD_OUT, DeepTable

N_FOLDS = 5


def fit_and_hold_out(
    estimator: Any, X: Any, y: np.ndarray, params: dict[str, Any], classes: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Fit an estimator on all rows; predictions for rows that it, or parts of it, did not see.

    Those are the rows that RealMLP and TabM hold out to choose an epoch, and the out-of-bag rows
    of forests with ``oob_score=True``. Other estimators are fitted again on 5 folds.

    Parameters
    ----------
    estimator : estimator
    X : array-like of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
    params : dict
        Of `fit`.
    classes : ndarray of shape (n_classes,) or None
        Where they are given, predictions are their probabilities.

    Returns
    -------
    rows : ndarray of int
        Numbers of the rows, ascending.
    predictions : ndarray of shape (n_rows, ...)
    """
    last = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
    if isinstance(last, DeepTable) and last.early_stopping:
        return _of_networks(estimator, last, X, y, params)
    estimator.fit(X, y, **params)
    known = _out_of_bag(estimator)
    if known is None:
        return np.arange(len(y)), _of_folds(estimator, X, y, params, classes)
    is_known = np.isfinite(known).reshape(len(known), -1).all(1)
    rows = np.flatnonzero(is_known)
    if classes is not None:
        known = _spread(known, last.classes_, classes)
    return rows, known[rows]


def _out_of_bag(estimator: Any) -> np.ndarray | None:
    """Predictions of a fitted forest for each row by the trees that have not seen it, or None."""
    if isinstance(estimator, TransformedTargetRegressor):
        known = _out_of_bag(estimator.regressor_)
        if known is None:
            return None
        back = estimator.transformer_.inverse_transform(known.reshape(len(known), -1))
        return back.reshape(known.shape)
    last = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
    return getattr(last, "oob_decision_function_", getattr(last, "oob_prediction_", None))


def _of_networks(
    estimator: Any, last: Any, X: Any, y: np.ndarray, params: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    told: list[Any] = []
    token = HELD_OUT.set(lambda *rows_and_scores: told.append(rows_and_scores))
    try:
        estimator.fit(X, y, **params)
    finally:
        HELD_OUT.reset(token)
    if not told:  # too few rows to hold some out
        return np.arange(0), np.empty(0)
    index, raw = told[-1]
    rows = index.cpu().numpy()
    if len(rows) and rows.max() >= len(y):  # rows that were divided between both sides
        return np.arange(0), np.empty(0)
    pooled = last._pool(raw)
    predicted = last._proba(pooled) if hasattr(last, "predict_proba") else last._decode(pooled)
    order = np.argsort(rows, kind="stable")
    return rows[order], np.asarray(predicted)[order]


def _of_folds(
    estimator: Any, X: Any, y: np.ndarray, params: dict[str, Any], classes: np.ndarray | None
) -> np.ndarray:
    folds = KFold(N_FOLDS) if classes is None else StratifiedKFold(N_FOLDS)
    out: Any = None
    for train, test in folds.split(np.empty((len(y), 0)), y):
        part = clone(estimator)
        X_train, y_train = _safe_split(part, X, y, train)
        X_test, _ = _safe_split(part, X, y, test, train)
        part.fit(X_train, y_train, **_check_method_params(X, params, train))
        if classes is None:
            predicted = np.asarray(part.predict(X_test))
        else:
            predicted = class_probabilities(part, X_test, classes)
        out = np.empty((len(y), *predicted.shape[1:])) if out is None else out
        out[test] = predicted
    return out


def _spread(known: np.ndarray, mine: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Columns of all classes."""
    out = np.zeros((len(known), len(classes)))
    out[:, np.searchsorted(classes, mine)] = known
    return out
