"""Rows and targets of `fit` and `predict`, checked by scikit-learn's rules."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch
from sklearn.utils import InputTags, check_consistent_length, column_or_1d, get_tags
from torch import Tensor

from skdeep._checks import checked_data
from skdeep._compat import _check_feature_names, _check_y
from skdeep.data.batches import to_tensor
from skdeep.data.rows import SparseRows
from skdeep.engine.device import resolve_dtype

FLOATS = (np.float64, np.float32)


@dataclass(frozen=True)
class Rows:
    """Checked rows with their targets and weights.

    Attributes
    ----------
    x : ndarray, CSR matrix, Tensor, or rows of `skdeep.data.rows`
    target : ndarray, or None where the rows themselves are what is to be predicted
    weight : ndarray of shape (n_samples,) or None
        None stands for equal weights.
    counts : ndarray of shape (n_samples,) or None
        How many equal rows each row stands for: the weights without those of classes.
    stream : Stream or None
        What training reads, if the rows here are but a sample; see `skdeep.inputs.stream`.
    """

    x: Any
    target: Any
    weight: np.ndarray | None = None
    counts: np.ndarray | None = None
    stream: Any = field(default=None, kw_only=True)

    def __len__(self) -> int:
        return self.x.shape[0]

    @property
    def n_rows(self) -> int:
        """Number of rows to train on, in memory or not."""
        return len(self) if self.stream is None else self.stream.n_rows

    def __getitem__(self, rows: np.ndarray) -> Self:
        columns = (self.target, self.weight, self.counts, self.stream)
        target, weight, counts, stream = (None if c is None else c[rows] for c in columns)
        return replace(
            self, x=self.x[rows], target=target, weight=weight, counts=counts, stream=stream
        )

    def divided(self, train: np.ndarray, held_out: np.ndarray) -> tuple[Self, Self]:
        """Rows to train on, and others that are held out of the stream, too."""
        one, other = self[train], self[held_out]
        if one.stream is not None:
            one = replace(one, stream=one.stream.without(other.stream.numbers))
        return one, replace(other, stream=None)

    def with_weight(self) -> Self:
        """Rows of positive weight: rows with zero weight are ignored."""
        if self.weight is None or self.weight.all():
            return self
        return self[np.flatnonzero(self.weight)]

    def tensors(self, estimator: Any, net: Any) -> tuple[Any, Any, Tensor | None]:
        """Rows, targets and weights on the device of the estimator's network, in its precision."""
        dtype, device = net.dtype, torch.device(net.device)
        weight = None if self.weight is None else to_tensor(self.weight, dtype, device)
        x = estimator._input.place(self.x, dtype, device)
        if self.target is None:
            return x, x, weight
        return x, estimator._target_tensor(self.target, dtype, device), weight


class RowInput:
    """Reader of rows that are vectors of numbers: arrays, frames, sparse matrices, tensors."""

    def check(self, estimator: Any, X: Any, *, reset: bool = False) -> Any:
        """Check rows; with `reset`, remember their width and column names."""
        return check_rows(estimator, X, reset=reset)

    def check_with_target(
        self, estimator: Any, X: Any, y: Any, *, reset: bool
    ) -> tuple[Any, np.ndarray]:
        """Check rows and targets of a fitting method."""
        return check_rows_and_target(
            estimator, X, y, reset=reset, y_numeric=estimator._target_is_numeric
        )

    def place(self, X: Any, dtype: torch.dtype, device: torch.device) -> SparseRows | Tensor:
        """Move checked rows to the network's device; sparse rows are moved batch by batch."""
        return SparseRows(X, dtype, device) if sp.issparse(X) else to_tensor(X, dtype, device)

    def precision(self, dtype: str | None, X: Any, device: torch.device) -> torch.dtype:
        """Type of a network's parameters, by the parameter `dtype` and the rows."""
        return resolve_dtype(dtype, X.dtype, device)

    def keys(self, X: Any, target: Any) -> list[bytes]:
        """Content of each row and its target, as bytes."""
        X = to_host(X)
        X = X.toarray() if sp.issparse(X) else X
        return [x.tobytes() + t.tobytes() for x, t in zip(X, np.asarray(target))]

    def largest(self, X: Any) -> float:
        """Largest absolute value of checked rows."""
        values = X.data if sp.issparse(X) else X
        return float(abs(values).max()) if len(values) else 0.0

    def tag(self, tags: InputTags) -> None:
        """Set scikit-learn's tags of what X may be."""
        tags.sparse = True


VECTORS = RowInput()
"""The reader of rows that are vectors; it has no state."""


def check_rows(estimator: Any, X: Any, *, reset: bool = False) -> Any:
    """Check a table of numbers and remember or compare its width and column names.

    Parameters
    ----------
    estimator : estimator
    X : array-like, sparse matrix, DataFrame or Tensor of shape (n_samples, n_features)
    reset : bool, default=False
        True in fit.

    Returns
    -------
    ndarray, CSR matrix or Tensor of shape (n_samples, n_features), of float32 or float64
    """
    if isinstance(X, torch.Tensor):
        return _check_tensor(estimator, X, reset)
    if not reset and _is_plain(estimator, X):
        return X
    return checked_data(
        estimator, X, accept_sparse=_sparse_formats(estimator), dtype=FLOATS, reset=reset
    )


def to_host(array: Any) -> Any:
    """A NumPy array from a tensor; anything else as it is."""
    if not isinstance(array, torch.Tensor):
        return array
    try:
        return array.detach().cpu().numpy()
    except (TypeError, RuntimeError):  # of a type that NumPy has not, or no plain tensor
        return dense_tensor(array.to_dense()).cpu().numpy()


def dense_tensor(X: Tensor) -> Tensor:
    """A tensor of numbers of a type that NumPy has too, wherever it is.

    Parameters
    ----------
    X : Tensor

    Returns
    -------
    Tensor
        Detached; bfloat16 and smaller types as float32, which holds all their numbers.

    Raises
    ------
    TypeError
        If its values are not laid out one by one, or are nowhere.
    """
    X = X.detach()
    if X.layout != torch.strided or X.is_nested:
        raise TypeError(
            f"A tensor of layout {'nested' if X.is_nested else X.layout} was passed, but dense "
            "data is required. Use '.to_dense()' to convert it, or pass a SciPy sparse matrix "
            "where the estimator takes one."
        )
    if X.is_meta or X.is_quantized:
        kind = "on the meta device, which holds no values" if X.is_meta else "quantized"
        raise TypeError(f"A tensor that is {kind} was passed, but one of numbers is required.")
    if X.dtype == torch.bfloat16 or (X.is_floating_point() and X.element_size() == 1):
        X = X.float()
    return X.resolve_conj().resolve_neg()


def _sparse_formats(estimator: Any) -> list[str] | bool:
    return ["csr"] if get_tags(estimator).input_tags.sparse else False


def _is_plain(estimator: Any, X: Any) -> bool:
    """Whether X certainly passes scikit-learn's checks unchanged.

    The checks take ten times as long as a small network: one row must not wait for them.
    """
    if not (
        type(X) is np.ndarray
        and X.ndim == 2
        and X.dtype in FLOATS
        and X.shape[0] > 0
        and X.shape[1] == estimator.n_features_in_
        and not hasattr(estimator, "feature_names_in_")
    ):
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(X.sum()))


def _check_tensor(estimator: Any, X: Tensor, reset: bool) -> Tensor:
    """scikit-learn's checks for a tensor, without moving it to the host."""
    name = type(estimator).__name__
    X = dense_tensor(X)
    if X.ndim != 2:
        raise ValueError(
            f"Expected 2D array, got {X.ndim}D tensor instead of shape {tuple(X.shape)}."
        )
    if X.is_complex():
        raise ValueError("Complex data not supported")
    if 0 in X.shape:
        what = "sample(s)" if X.shape[0] == 0 else "feature(s)"
        raise ValueError(
            f"Found array with 0 {what} (shape={tuple(X.shape)}) while a minimum of 1 is required "
            f"by {name}."
        )
    if not X.is_floating_point() or X.dtype not in (torch.float32, torch.float64):
        X = X.to(torch.float32 if X.dtype == torch.float16 else torch.float64)
    if not torch.isfinite(X).all():
        what = "NaN" if torch.isnan(X).any() else f"infinity or a value too large for {X.dtype}"
        raise ValueError(f"Input X contains {what}.")
    _check_feature_names(estimator, np.empty((0, X.shape[1])), reset=reset)  # it has none
    if reset:
        estimator.n_features_in_ = X.shape[1]
    elif X.shape[1] != getattr(estimator, "n_features_in_", X.shape[1]):
        raise ValueError(
            f"X has {X.shape[1]} features, but {name} is expecting "
            f"{estimator.n_features_in_} features as input."
        )
    return X


def read_target(y: Any, *, numeric: bool, name: str = "y") -> Any:
    """Convert targets to an array of numbers, or of labels of one kind.

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
    """Flatten a matrix of one column, with scikit-learn's warning."""
    return column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y


def check_rows_and_target(
    estimator: Any, X: Any, y: Any, *, reset: bool, y_numeric: bool
) -> tuple[Any, np.ndarray]:
    """Check a table, as `check_rows` does, and its targets.

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
        options |= {"accept_sparse": _sparse_formats(estimator), "dtype": FLOATS, "reset": reset}
        return checked_data(estimator, X, y, **options)
    X = check_rows(estimator, X, reset=reset)
    y = checked_data(estimator, y=y, **options)
    check_consistent_length(np.empty((X.shape[0], 0)), y)
    return X, y


def _as_array(y: Any, name: str) -> np.ndarray:
    """Array of any type, NumPy's strings as objects; lists of unequal lengths raise."""
    is_text = getattr(getattr(y, "dtype", None), "kind", "O") == "T"
    try:
        return np.asarray(y, object if is_text else None)
    except ValueError:
        raise ValueError(
            f"{name} is a nested sequence of unequal lengths: expected one value for each row, or "
            "rows of equal length."
        ) from None


def _standard_float(y: Any, name: str) -> np.ndarray:
    """Half or extended precision converted to a precision that torch has."""
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
    wrong = next((v for v in y.ravel().tolist() if not _is_number(v)), None)
    raise ValueError(f"{name} holds {_shown(wrong)}: expected numbers.")


def _is_number(value: Any) -> bool:
    try:
        return bool(np.isfinite(float(value))) and not isinstance(value, (str, bytes))
    except (TypeError, ValueError, OverflowError):
        return False


def _as_labels(y: Any, name: str) -> np.ndarray:
    """Check that labels are of one kind and that none is missing."""
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
    return text if len(text := repr(value)) <= 40 else f"{text[:37]}..."
