"""Windows of the past as rows, each in units of its own, and forecasts rolled out from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from skdeep.forecast.clock import calendar
from skdeep.forecast.series import Series

_LEAST_SCALE = 0.01
"""Of a window, as a share of the standard deviation of the whole series: a window in which nothing
happens would have none, and what follows it would be infinite."""


@dataclass(frozen=True)
class Windows:
    """How windows become rows.

    Attributes
    ----------
    window : int
        Steps of the past in a row.
    block : int
        Steps that a row predicts.
    lags : tuple of int
        Distances of further values of y, before each step of the window, shifted to the steps to
        come.
    center : {'last', 'mean'} or None
        What windows are less, before they are divided by their standard deviation; None leaves
        them as they are.
    as_sequence : bool
        Whether rows are (window, n_columns) instead of flat.
    lagged : bool
        Whether exogenous columns are known until now only.
    cycles : tuple of {'day', 'week', 'year'}
        Of columns of the calendar.
    floor : ndarray of shape (n_channels,)
        Least scale of a window.
    """

    window: int
    block: int
    lags: tuple[int, ...]
    center: str | None
    as_sequence: bool
    lagged: bool
    cycles: tuple[str, ...]
    floor: Any

    @property
    def past(self) -> int:
        """Steps of the past that a row needs."""
        before = self.window - self.block if self.as_sequence else 0
        return max([self.window, *(lag + before for lag in self.lags)])

    def covariates(self, series: Series, index: Any, ahead: Any = None) -> np.ndarray:
        """What is known of each step beside y: exogenous columns, then those of the calendar.

        Parameters
        ----------
        series : Series
        index : index or None
            Of the steps until now, and those of `ahead`.
        ahead : ndarray of shape (n_ahead, n_exog), or int
            Exogenous columns of steps to come, or only the number of these.

        Returns
        -------
        ndarray of shape (n_steps + n_ahead, n_columns)
            In steps to come, exogenous columns that are `lagged` are NaN and not used.
        """
        n_ahead = ahead if isinstance(ahead, int) else len(ahead)
        total = len(series) + n_ahead
        parts = []
        if series.exog is not None:
            if isinstance(ahead, int):
                ahead = np.full((n_ahead, series.exog.shape[1]), np.nan)
            parts.append(np.concatenate([series.exog, ahead]))
        if self.cycles:
            parts.append(calendar(index, self.cycles))
        return np.concatenate(parts, 1) if parts else np.empty((total, 0))

    def rows(self, past: np.ndarray, known: np.ndarray, n_exog: int) -> tuple[Any, Units]:
        """Rows for a regressor.

        Parameters
        ----------
        past : ndarray of shape (n_rows, past, n_channels)
        known : ndarray of shape (n_rows, past + block, n_columns)
            `covariates` of these steps and of those to come.
        n_exog : int
            Columns of `known` that are exogenous.

        Returns
        -------
        rows : ndarray of shape (n_rows, window, n_inputs) or (n_rows, n_inputs)
        units : Units
        """
        window = past[:, past.shape[1] - self.window :]
        units = self.units(window)
        exog, dates = known[:, :, :n_exog], known[:, :, n_exog:]
        if self.lagged:
            end = exog.shape[1] - self.block
            exog = exog[:, end - self.window : end]
        n_known = self.window if self.as_sequence else self.block
        parts = [units.into(window)]
        for lag in self.lags:
            end = past.shape[1] - lag + self.block
            parts.append(units.into(past[:, end - n_known : end]))
        if self.as_sequence:  # shifted: what is known of the last step to come stands last
            exog = exog[:, exog.shape[1] - self.window :]
            parts += [exog, dates[:, dates.shape[1] - self.window :]]
            return np.concatenate(parts, 2), units
        if not self.lagged:
            exog = exog[:, exog.shape[1] - self.block - 1 :]
        parts += [exog, dates[:, dates.shape[1] - self.block][:, None]]
        return np.concatenate([part.reshape(len(past), -1) for part in parts], 1), units

    def units(self, window: np.ndarray) -> Units:
        """Units of windows of shape (n_rows, window, n_channels)."""
        if self.center is None:
            return Units(np.zeros(()), np.ones(()))
        center = window[:, -1:] if self.center == "last" else window.mean(1, keepdims=True)
        return Units(center, np.maximum(window.std(1, keepdims=True), self.floor))

    def training_rows(self, series: Series, known: np.ndarray) -> tuple[Any, Any]:
        """Rows of all windows of a series whose targets lie in it, and these.

        Returns
        -------
        rows : ndarray
        targets : ndarray of shape (n_rows, block * n_channels)
            Those of the first step to come first, in units of the windows.
        """
        past, ahead, covered = self.slices(series, known, self.block)
        rows, units = self.rows(past, covered, series.n_exog)
        return rows, units.into(ahead).reshape(len(rows), -1)

    def slices(self, series: Series, known: np.ndarray, ahead: int) -> tuple[Any, Any, Any]:
        """Views of the past, of `ahead` steps after it and of what is known of both, for each
        step of a series that has them: (n_rows, steps, n_columns)."""
        length = self.past + ahead
        both = sliding_window_view(series.values, length, axis=0).transpose(0, 2, 1)
        covered = sliding_window_view(known[: len(series)], length, axis=0).transpose(0, 2, 1)
        return both[:, : self.past], both[:, self.past :], covered

    def roll_out(
        self,
        predict: Callable[[Any], Any],
        past: np.ndarray,
        known: np.ndarray,
        n_exog: int,
        ahead: int,
    ) -> np.ndarray:
        """Forecasts of `ahead` steps, block by block, each from those before.

        Parameters
        ----------
        predict : callable
            Of the fitted regressor.
        past : ndarray of shape (n_rows, past, n_channels)
        known : ndarray of shape (n_rows, past + n, n_columns)
            n is a multiple of `block`, at least `ahead`.
        n_exog : int
        ahead : int

        Returns
        -------
        ndarray of shape (n_rows, ahead, n_channels)
        """
        made: list[np.ndarray] = []
        for start in range(0, ahead, self.block):
            seen = known[:, start : start + self.past + self.block]
            rows, units = self.rows(past, seen, n_exog)
            raw = np.asarray(predict(rows), dtype=float)
            made.append(units.back(raw.reshape(len(rows), self.block, -1)))
            past = np.concatenate([past, made[-1]], 1)[:, self.block :]
        return np.concatenate(made, 1)[:, :ahead]


@dataclass(frozen=True)
class Units:
    """Units of windows: less `center`, divided by `scale`, both (n_rows, 1, n_channels)."""

    center: np.ndarray
    scale: np.ndarray

    def into(self, values: np.ndarray) -> np.ndarray:
        return (values - self.center) / self.scale

    def back(self, values: np.ndarray) -> np.ndarray:
        return values * self.scale + self.center


def least_scale(all_series: list[Series]) -> np.ndarray:
    """`floor` of windows: 1 where all series are constant.

    Raises
    ------
    ValueError
        If squares of the values leave the range of float64.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        spread = np.mean([series.values.std(0) for series in all_series], axis=0)
        varies = np.any([np.ptp(series.values, 0) > 0 for series in all_series], axis=0)
    if not np.isfinite(spread).all() or (varies & (spread == 0)).any():
        largest = max(np.abs(series.values).max() for series in all_series)
        raise ValueError(
            f"The largest absolute value of y is {largest:g}: its standard deviation cannot be "
            "computed in float64. Give y in other units."
        )
    return np.where(spread > 0, _LEAST_SCALE * spread, 1.0)
