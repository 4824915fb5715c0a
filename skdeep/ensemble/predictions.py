"""What the members of an ensemble predict, in one form."""

from __future__ import annotations

from typing import Any

import numpy as np


def class_probabilities(estimator: Any, X: Any, classes: np.ndarray) -> np.ndarray:
    """Probabilities of all `classes`, of which a classifier may know some alone.

    A classifier without `predict_proba` gives 1 to the class that it predicts.

    Parameters
    ----------
    estimator : classifier
        Fitted.
    X : array-like of shape (n_samples, ...)
    classes : ndarray of shape (n_classes,)
        Sorted.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
    """
    if not hasattr(estimator, "predict_proba"):
        return (np.asarray(estimator.predict(X))[:, None] == classes).astype(np.float64)
    known = np.asarray(estimator.predict_proba(X))
    if np.array_equal(estimator.classes_, classes):
        return known
    all_classes = np.zeros((len(known), len(classes)), dtype=known.dtype)
    all_classes[:, np.searchsorted(classes, estimator.classes_)] = known
    return all_classes
