"""What training knows about its rows: targets, weights of rows and of classes, checked.

All of them come in through here, once, before scikit-learn's checks of shapes: what is left after
it are numbers, or labels that can be put in order, and weights that no precision makes infinite
or zero.
"""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

from skdeep._checks import checked_data
from skdeep._compat import _check_sample_weight, _check_y
from skdeep.inputs.rows import FLOATS, check_rows, to_host

_WIDEST = 60
"""Weights are scaled where the largest is not within 2**-60 and 2**60: in single precision, too,
their products with losses, and the sums of these, are numbers."""
_FAINTEST = 2.0**-100
"""What smaller weights are raised to, since single precision has no place for them and a mini-batch
of such rows alone would have no weight."""


def read_target(y: Any, *, numeric: bool, name: str = "y") -> Any:
    """Targets as an array of numbers, or of labels of one kind.

    Parameters
    ----------
    y : array-like, sparse matrix, Series, DataFrame or Tensor, or None
        None is left to scikit-learn.
    numeric : bool
        Whether targets must be numbers.
    name : str, default='y'
        What it is called in errors.

    Returns
    -------
    array-like
        On the host; still to be checked for its shape and for NaN.
    """
    y = to_host(y)
    if y is None:
        return y
    if sp.issparse(y):
        if numeric:
            raise TypeError(
                f"Sparse data was passed for {name}, but dense data is required. Use '.toarray()' "
                "to convert to a dense numpy array."
            )
        return y
    if getattr(getattr(y, "dtype", None), "kind", "O") not in "biuf":
        y = _as_array(y, name)
    kind = np.dtype(y.dtype).kind if isinstance(y, np.ndarray) else "i"
    if kind == "f" and y.dtype.itemsize not in (4, 8):
        return _standard_float(y, name)
    if kind in "biufc":
        return y
    return _as_numbers(y, name) if numeric else _as_labels(y, name)


def check_target(estimator: Any, y: Any, *, name: str = "y") -> np.ndarray:
    """Check targets that come without a table, or with one that was checked for itself.

    Returns
    -------
    ndarray or CSR matrix of shape (n_samples,) or (n_samples, n_outputs)
    """
    numeric = estimator._target_is_numeric
    y = read_target(y, numeric=numeric, name=name)
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            return _check_y(y, multi_output=True, y_numeric=numeric, estimator=estimator)
    except ValueError as error:
        raise ValueError(str(error).replace("Input y", f"Input {name}")) from None


def one_column(y: Any) -> np.ndarray:
    """A matrix of one column is taken for that column, with scikit-learn's warning."""
    return column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y


def check_rows_and_target(
    estimator: Any, X: Any, y: Any, *, reset: bool, y_numeric: bool
) -> tuple[Any, np.ndarray]:
    """Check a table and its targets; see `check_rows` of `_validation`.

    Parameters
    ----------
    estimator : estimator
    X : array-like, sparse matrix, DataFrame or Tensor of shape (n_samples, n_features)
    y : array-like or Tensor of shape (n_samples,) or (n_samples, n_outputs)
    reset : bool
    y_numeric : bool
        Whether y must be numbers.

    Returns
    -------
    X : ndarray, CSR matrix or Tensor
    y : ndarray
    """
    y = read_target(y, numeric=y_numeric)
    options: dict[str, Any] = {"multi_output": True, "y_numeric": y_numeric}
    if not isinstance(X, torch.Tensor):
        options |= {"accept_sparse": ["csr"], "dtype": FLOATS, "reset": reset}
        return checked_data(estimator, X, y, **options)
    X = check_rows(estimator, X, reset=reset)
    y = checked_data(estimator, y=y, **options)
    check_consistent_length(np.empty((X.shape[0], 0)), y)
    return X, y


def check_weights(weight: Any, X: Any, name: str = "sample_weight") -> np.ndarray:
    """Weights of rows: one for each, not negative, not all zero, and of a size to compute with.

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
    """Targets and weights that a `score` method hands to scikit-learn's metrics."""
    y = read_target(y, numeric=numeric)
    if (
        sample_weight is None
        or isinstance(sample_weight, numbers.Real)
        or not getattr(y, "ndim", 0)
    ):
        return y, sample_weight
    return y, check_weights(sample_weight, y)


def refuse_orphan(sample_weight_val: Any) -> None:
    """Raise where there are weights of validation rows, but no rows."""
    if sample_weight_val is not None:
        raise ValueError("sample_weight_val is provided, but X_val was not provided.")


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
    """Weights that single precision can hold, in the same proportions.

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


# --- arrays of no numeric type -----------------------------------------------------------------


def _as_array(y: Any, name: str) -> np.ndarray:
    """An array of any type; lists of unequal lengths are none."""
    try:
        return np.asarray(y)
    except ValueError:
        raise ValueError(
            f"{name} is a nested sequence of unequal lengths: expected one value for each row, or "
            "rows of equal length."
        ) from None


def _standard_float(y: Any, name: str) -> np.ndarray:
    """Numbers of half or extended precision in one that torch has."""
    if y.dtype.itemsize < 4:
        return y.astype(np.float32)
    with np.errstate(over="ignore"):
        numbers_ = y.astype(np.float64)
    if np.isinf(numbers_).any():
        raise ValueError(f"Input {name} contains infinity or a value too large for float64.")
    return numbers_


def _as_numbers(y: Any, name: str) -> np.ndarray:
    if y.dtype.kind == "O":
        try:
            return y.astype(np.float64)
        except (TypeError, ValueError, OverflowError):
            pass
    shown = next((v for v in y.ravel().tolist() if not _is_number(v)), None)
    raise ValueError(f"{name} holds {_shown(shown)}: expected numbers.")


def _is_number(value: Any) -> bool:
    try:
        return bool(np.isfinite(float(value))) and not isinstance(value, (str, bytes))
    except (TypeError, ValueError, OverflowError):
        return False


def _as_labels(y: Any, name: str) -> np.ndarray:
    """Labels of one kind, none of them missing."""
    if y.dtype.kind == "V":
        raise ValueError(f"{name} is a structured array: expected one label for each row.")
    if y.dtype.kind != "O" or set(map(type, y.ravel())) == {str}:
        return y
    missing = pd.isna(y)
    if missing.any():
        place = int(np.flatnonzero(missing.reshape(len(y), -1).any(1))[0])
        raise ValueError(
            f"Input {name} contains NaN: {_shown(y[missing][0])} in row {place}, where a label is "
            "expected."
        )
    try:
        np.unique(y)
    except (TypeError, ValueError):
        first = y.ravel()[0]
        other = next((v for v in y.ravel() if type(v) is not type(first)), y.ravel()[-1])
        raise ValueError(
            f"{name} holds {_shown(first)} and {_shown(other)}, which cannot be put in order: "
            "expected labels of one kind, strings or numbers."
        ) from None
    return y


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
