"""Checks of weights of rows and of classes."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

from skdeep._compat import _check_sample_weight
from skdeep.inputs.rows import read_target, to_host

_WIDEST = 60
"""Weights are scaled where the largest is not within 2**-60 and 2**60: in single precision, too,
their products with losses, and the sums of these, are numbers."""
_FAINTEST = 2.0**-100
"""What smaller weights are raised to, since single precision has no place for them and a mini-batch
of such rows alone would have no weight."""


def check_weights(weight: Any, X: Any, name: str = "sample_weight") -> np.ndarray:
    """Check weights of rows: one for each, not negative, not all zero, and within the range of
    single precision.

    Parameters
    ----------
    weight : array-like of shape (n_samples,), Tensor or number
    X : object with a `shape`
        The rows.
    name : str, default='sample_weight'
        What they are called in errors.

    Returns
    -------
    ndarray of shape (n_samples,)
        Where the largest is not within 2**-60 and 2**60, all are scaled by a power of two, which
        changes their proportions by no bit.
    """
    weight = to_host(weight)
    if not isinstance(weight, numbers.Real):
        weight = read_target(weight, numeric=True, name=name)
    rows = np.empty((X.shape[0], 0))
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            weight = _check_sample_weight(weight, rows, ensure_non_negative=True)
    except ValueError as error:
        if name in str(error):
            raise
        raise ValueError(f"{name}: {error}") from None
    return _within_reach(weight)


def scored_against(y: Any, sample_weight: Any, *, numeric: bool) -> tuple[Any, np.ndarray | None]:
    """Check targets and weights for scikit-learn's metrics."""
    y = read_target(y, numeric=numeric)
    if (
        sample_weight is None
        or isinstance(sample_weight, numbers.Real)
        or not getattr(y, "ndim", 0)
    ):
        return y, sample_weight
    return y, check_weights(sample_weight, y)


def with_class_weight(
    class_weight: Any, weight: np.ndarray | None, target: Any, classes: Any
) -> np.ndarray:
    """Weights of rows times those of their classes.

    Parameters
    ----------
    class_weight : dict, 'balanced' or list of these
    weight : ndarray of shape (n_samples,), or None
        Of the rows.
    target : ndarray of shape (n_samples,) or (n_samples, n_labels)
        Class numbers, or whether rows have labels.
    classes : ndarray of shape (n_classes,)
    """
    _check_class_weight(class_weight)
    with np.errstate(divide="ignore", over="ignore"):
        if target.ndim == 2:
            chosen = None
            if weight is not None and isinstance(class_weight, str):
                chosen = np.flatnonzero(weight)
            factors = compute_sample_weight(
                class_weight,
                target.astype(int),
                indices=chosen,  # the others are not there
            )
        else:
            per_class = compute_class_weight(
                class_weight, classes=classes, y=classes[target], sample_weight=weight
            )
            factors = per_class[target]
    if weight is not None:
        factors[weight == 0] = 0.0  # 'balanced' divides by the weight of a class
    if not np.isfinite(factors).all():
        raise ValueError(f"class_weight={class_weight!r}: products of these weights are infinite.")
    if not factors.any():
        raise ValueError(
            f"class_weight={class_weight!r} leaves no row with a positive weight: the weights of "
            "all classes in y are 0."
        )
    factors = _within_reach(factors)
    return factors if weight is None else _within_reach(weight * factors)


def _check_class_weight(class_weight: Any) -> None:
    """Raise unless all weights are finite and not negative."""
    for part in class_weight if isinstance(class_weight, list) else [class_weight]:
        if isinstance(part, str) and part == "balanced":
            continue
        if not isinstance(part, dict):
            raise ValueError(
                f"class_weight={class_weight!r}: expected 'balanced', a dict that maps classes to "
                "weights, or, for several labels, a list with one of these for each."
            )
        for label, value in part.items():
            if not (isinstance(value, (numbers.Real, np.bool_)) and 0 <= float(value) < np.inf):
                raise ValueError(
                    f"class_weight={class_weight!r}: the weight of class {label!r} is {value!r}; "
                    "expected a finite number that is not negative."
                )


def _within_reach(weight: np.ndarray) -> np.ndarray:
    """Rescale weights to the range of single precision, with the same proportions.

    Too large ones stay as large as can be, so that penalties weigh as little as before; too small
    ones, which would leave penalties alone, become at most 1.
    """
    largest = float(weight.max())
    shift = 0
    if largest > 2.0**_WIDEST:
        shift = _WIDEST - int(np.frexp(largest)[1])
    elif largest < 2.0**-_WIDEST:
        shift = -int(np.frexp(largest)[1])
    if shift:
        weight = np.ldexp(weight.astype(np.float64), shift)
    faint = weight < _FAINTEST
    if faint.any():
        weight = np.where(faint & (weight > 0), _FAINTEST, weight)
    return weight
