"""Range and scaling of numeric targets."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch

from skdeep.inputs.survey import Moments

_SINGLE = np.finfo(np.float32)
_FINE_IN_SINGLE = 1e-6 / (0.5 * float(_SINGLE.eps))
"""Targets that many standard deviations from zero are rounded in single precision by a millionth
of one."""
_SMALLEST_SHARE = 1e-7  # of the range of targets, that their scale is at least
_TOO_LARGE = (
    "whose squares overflow double precision: scale it, with TransformedTargetRegressor for example"
)
_LARGEST = {False: 1e150, True: 1e306}  # of targets, by whether they are standardised
_LARGEST_SINGLE = {True: 1e16, False: torch.finfo(torch.float32).max}  # by squared error or not


class TargetScale(NamedTuple):
    """Scaling between the units of targets and those of the network.

    Attributes
    ----------
    center, scale : float or ndarray of shape (n_outputs,)
        What targets are less, and then in units of.
    limits : tuple of two floats or of two ndarrays, or None
        What predictions are clipped to.
    needs_double : bool
        Single precision is too coarse, or too narrow, for predictions.
    """

    center: Any
    scale: Any
    limits: tuple[Any, Any] | None
    needs_double: bool

    def into(self, target: Any) -> np.ndarray:
        """Scale targets for the network."""
        with np.errstate(over="ignore"):  # the loss says so
            return (np.asarray(target, np.float64) - self.center) / self.scale

    def back(self, scaled: Any) -> Any:
        """Scale back to the units of targets, without clipping."""
        return scaled * self.scale + self.center

    def predictions(self, raw: np.ndarray) -> np.ndarray:
        """Scale raw outputs to predictions, in a sufficient precision."""
        out = self.back(raw.astype(np.float64))
        out = out if self.limits is None else np.clip(out, *self.limits)
        return out if self.needs_double else out.astype(raw.dtype)


def standardised(target: Any, weight: np.ndarray | None) -> TargetScale:
    """Scale that standardises each output over the rows of positive weight.

    Parameters
    ----------
    target : array-like of shape (n_samples,) or (n_samples, n_outputs), or Moments
    weight : ndarray of shape (n_samples,), or None
    """
    if isinstance(target, Moments):
        deviation = np.sqrt(target.squares / target.weight)
        return _scale_of(target.low, target.high, target.mean, deviation)
    y = np.asarray(target, dtype=np.float64)
    if weight is not None:
        y, weight = y[weight > 0], weight[weight > 0]
    low, high = y.min(axis=0), y.max(axis=0)
    # In units of a power of two, which change no digit: the square of 1e200 is no number.
    unit = np.ldexp(1.0, np.frexp(np.maximum(np.abs(low), np.abs(high)))[1] - 1)
    center = np.average(y / unit, axis=0, weights=weight)
    scale = np.sqrt(np.average((y / unit - center) ** 2, axis=0, weights=weight)) * unit
    return _scale_of(low, high, center * unit, scale)


def _scale_of(low: Any, high: Any, center: Any, scale: Any) -> TargetScale:
    most = np.maximum(np.abs(low), np.abs(high))
    scale = np.maximum(scale, _SMALLEST_SHARE * (high - low))  # one row may have all weight
    scale = np.where(low < high, scale, 1.0)
    needs_double = bool((most > _FINE_IN_SINGLE * scale).any()) or not (
        _SINGLE.tiny < scale.min() and most.max() < _SINGLE.max
    )
    return TargetScale(center, scale, (low, high), needs_double)


def check_size(y: Any, name: str, *, scaled: bool) -> None:
    """Raise if the squares of targets overflow.

    Parameters
    ----------
    y : ndarray
    name : str
        What they are called in the error. Those of training, 'y', which are not `scaled`, are left
        to training, which finds out.
    scaled : bool
        Whether the network sees them by a `TargetScale`.
    """
    most = _LARGEST[scaled] if scaled or name != "y" else np.inf
    if largest(y) > most:
        raise ValueError(f"{name} holds values up to {largest(y):.3g}, {_TOO_LARGE}.")


def check_single(target: Any, *, squared: bool) -> None:
    """Raise if targets, or their squares, overflow single precision."""
    if largest(target) > _LARGEST_SINGLE[squared]:
        raise ValueError(
            f"y or y_val holds values up to {largest(target):.3g}, {_TOO_LARGE}; or take "
            "dtype='float64'."
        )


def largest(y: Any) -> float:
    """Largest absolute value of an array."""
    return max(float(y.max()), -float(y.min()))
