"""The training curves that a fitted estimator has recorded."""

import math
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skdeep.base.estimator import DeepEstimator


def recorded_curves(estimator):
    """Curves recorded by an estimator, or the one inside it, as parameters of the display."""
    estimator = trained_estimator(estimator)
    curve = getattr(estimator, "loss_curve_", None)
    if curve is None:
        reason = "it needs the attribute loss_curve_"
        if isinstance(estimator, DeepEstimator) and getattr(estimator, "solver", "") == "lbfgs":
            reason = "solver='lbfgs' records no epochs; any other solver does"
        elif getattr(estimator, "refit", None) is False:
            reason = "with refit=False it holds no fitted estimator"
        raise ValueError(f"{type(estimator).__name__} has no training curves: {reason}.")
    # A network records more than the estimator's attributes; scikit-learn's has only those.
    history = getattr(getattr(estimator, "net_", None), "history", [])
    loss = _losses(curve, history)
    validation_loss = getattr(estimator, "validation_loss_curve_", None) or None
    score = getattr(estimator, "validation_scores_", None) or None
    rates = [epoch.get("learning_rate", math.nan) for epoch in history]
    return {
        "loss": loss,
        "validation_loss": validation_loss,
        "validation_score": score,
        "learning_rate": rates if np.isfinite(rates).any() else None,
        "best_epoch": _best_epoch(len(curve), loss, validation_loss, score),
    }


def trained_estimator(estimator):
    """The trained estimator inside pipelines, searches and similar estimators."""
    while True:
        if isinstance(estimator, Pipeline):
            estimator = estimator.steps[-1][1]
        elif hasattr(estimator, "best_estimator_"):  # a search
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "regressor_"):  # TransformedTargetRegressor
            estimator = estimator.regressor_
        else:
            check_is_fitted(estimator)
            return estimator


def _losses(curve, history):
    """Training losses; those of several networks by their names in the history."""
    curve = np.asarray(curve, dtype=float)
    if curve.ndim == 1:
        return curve
    found = [k for k in dict(history[-1]) if k.endswith("_loss")] if len(history) else []
    names = [k.replace("_", " ") for k in found if k != "valid_loss"]
    if len(names) != curve.shape[1]:
        names = [f"training loss {i + 1}" for i in range(curve.shape[1])]
    return dict(zip(names, curve.T))


def _best_epoch(n_epochs, loss, validation_loss, score):
    """Number of the best epoch from 1, or None if it is not defined."""
    if score is not None:
        # Of equal scores, training keeps the one with the lower loss.
        ties = validation_loss if validation_loss is not None else np.zeros(len(score))
        order: list[Any] = [(s, -t) for s, t in zip(score, ties)]
    elif validation_loss is not None:
        order = [(-v,) for v in validation_loss]
    elif not isinstance(loss, dict):
        order = [(-v,) for v in loss]
    else:
        return None
    finite = [i for i, key in enumerate(order) if all(map(math.isfinite, key))]
    if not finite:
        return None
    return n_epochs - len(order) + 1 + max(finite, key=lambda i: order[i])
