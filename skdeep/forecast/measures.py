"""Seasonal naive forecasts and errors scaled by theirs."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike


def seasonal_naive(y: ArrayLike, horizon: int, season: int = 1) -> np.ndarray:
    """Forecast that repeats the last season.

    Parameters
    ----------
    y : array-like of shape (n_steps,) or (n_steps, n_channels)
        The series until now.
    horizon : int
        Steps to forecast.
    season : int, default=1
        Steps of a season; 1 repeats the last value.

    Returns
    -------
    ndarray of shape (horizon,) or (horizon, n_channels)

    Examples
    --------
    >>> from skdeep.forecast import seasonal_naive
    >>> seasonal_naive([1, 2, 3, 4, 5], 4, season=3)
    array([3, 4, 5, 3])
    """
    values = np.asarray(y)
    if season > len(values):
        raise ValueError(f"season={season}: y has {len(values)} steps only.")
    return values[len(values) - season + np.arange(horizon) % season]


def naive_scale(values: np.ndarray, season: int) -> np.ndarray:
    """Mean absolute error of the seasonal naive forecast within a series, for each channel."""
    if len(values) <= season:
        season = 1
    if len(values) < 2:
        return np.ones(values.shape[1])
    scale = np.abs(values[season:] - values[:-season]).mean(0)
    rounding = 256 * np.finfo(values.dtype).eps * np.abs(values).max(0)
    return np.where(scale > rounding, scale, 1.0)


def mean_absolute_scaled_error(
    y_true: ArrayLike, y_pred: ArrayLike, y_train: ArrayLike, season: int = 1
) -> float:
    """Mean absolute error over that of the seasonal naive forecast within the training series.

    MASE of Hyndman and Koehler (2006), "Another look at measures of forecast accuracy"; the mean
    over channels. Where the naive forecast has no error but rounding, the scale is 1.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_steps,) or (n_steps, n_channels)
        What came, and the forecast.
    y_train : array-like of shape (n_train,) or (n_train, n_channels)
        The series before.
    season : int, default=1
        Steps of a season.

    Returns
    -------
    float

    Examples
    --------
    >>> from skdeep.forecast import mean_absolute_scaled_error
    >>> mean_absolute_scaled_error([5, 6], [5, 5], [1, 2, 3, 4])
    0.5
    """
    arrays: list[Any] = [np.asarray(a, dtype=float) for a in (y_true, y_pred, y_train)]
    true, predicted, train = (a.reshape(len(a), -1) for a in arrays)
    return float((np.abs(true - predicted).mean(0) / naive_scale(train, season)).mean())


def half_widths(residuals: np.ndarray | None, coverage: float, horizon: int) -> np.ndarray:
    """Half of a conformal interval of each step, in units of a window.

    Parameters
    ----------
    residuals : ndarray of shape (n_windows, n_steps, n_channels) or None
        Errors of held-out windows.
    coverage : float in (0, 1)
    horizon : int
        At most n_steps.

    Returns
    -------
    ndarray of shape (horizon, n_channels)
    """
    if not isinstance(coverage, Real) or not 0 < coverage < 1:
        raise ValueError(f"coverage must be in (0, 1), got {coverage!r}.")
    if residuals is None:
        raise ValueError(
            "predict_interval needs the errors of held-out windows: set calibration_folds before "
            "fit."
        )
    errors = np.abs(residuals)
    if horizon > errors.shape[1]:
        raise ValueError(
            f"horizon={horizon}: intervals are calibrated for {errors.shape[1]} steps, the "
            "`horizon` of the constructor."
        )
    rank = int(np.ceil((len(errors) + 1) * coverage))
    if rank > len(errors):
        return np.full((horizon, errors.shape[2]), np.inf)
    return np.sort(errors, 0)[rank - 1, :horizon]
