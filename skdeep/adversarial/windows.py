"""Rows of features and windows of series as standardised vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdeep._checks import checked_array
from skdeep.inputs.array_checks import list_of_arrays, refuse_empty
from skdeep.inputs.rows import check_rows, to_host

SQUARED = 1e100  # numbers up to which squares, and sums of them, are finite
LARGEST = 10.0  # standard deviations to which inputs are clipped, softly


def read_windows(estimator: Any, X: Any, *, reset: bool = False) -> np.ndarray:
    """Check X by the parameter `network`.

    With `reset` the shape of a window, (length, n_channels), is remembered as `window_shape_`;
    else it is compared.

    Returns
    -------
    ndarray of float64 of shape (n_samples, length * n_channels)
    """
    X = to_host(X)
    windows = list_of_arrays(X)
    if windows is not None:
        shapes = sorted({x.shape for x in windows})
        if len(shapes) > 1:
            raise ValueError(
                f"X is a list of arrays of the shapes {shapes[:3]}: expected windows of one "
                "shape, (n_samples, length) or (n_samples, length, n_channels)."
            )
        X = np.stack(windows)
    if estimator.network == "dense" or np.asarray(X).ndim < 3:
        X = check_rows(estimator, X, reset=reset)
        shape = (X.shape[1], 1)
    else:
        X = checked_array(X, dtype=(np.float64, np.float32), allow_nd=True)
        if X.ndim > 3:
            raise ValueError(f"Found array with dim {X.ndim}, while dim <= 3 is required.")
        refuse_empty(estimator, X)
        if reset:
            estimator.n_features_in_ = X.shape[1]
            estimator.__dict__.pop("feature_names_in_", None)
        shape = X.shape[1:]
        X = X.reshape(len(X), -1)
    if reset:
        estimator.window_shape_ = shape
    elif shape != estimator.window_shape_:
        raise ValueError(f"X has windows of shape {shape}, but fit had {estimator.window_shape_}.")
    return X.astype(np.float64, copy=False)


def center_and_spread(X: np.ndarray, n_channels: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each column, or of each of `n_channels` over all time steps of
    windows."""
    rows = X if n_channels is None else X.reshape(len(X), -1, n_channels)
    axis = 0 if n_channels is None else (0, 1)
    largest = max(np.abs(rows).max() / SQUARED, 1.0)
    rows = rows / largest if largest > 1.0 else rows  # or their squares were infinite
    center, spread = rows.mean(axis) * largest, rows.std(axis) * largest
    spread = np.where(spread > 1e-12 * np.abs(center).clip(1e-300), spread, 1.0)
    if n_channels is not None:
        center, spread = (np.tile(a, rows.shape[1]) for a in (center, spread))
    return center, spread


def standardised(X: np.ndarray, center: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Rows standardised by center and spread, softly clipped."""
    with np.errstate(over="ignore"):
        z = np.clip((X - center) / spread, -SQUARED, SQUARED)
    return z / np.sqrt(1 + (z / LARGEST) ** 2)
