"""What comes in at `fit` and `predict`, checked by scikit-learn's rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.utils import get_tags
from torch import Tensor

from skdeep._checks import checked_data
from skdeep._compat import _check_feature_names

FLOATS = (np.float64, np.float32)


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
    """Whether X is beyond doubt what scikit-learn's checks would pass on unchanged.

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
