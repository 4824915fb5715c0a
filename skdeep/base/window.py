"""The window of a regressor over series: what its parameters ask for, and what is learned of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import RidgeCV
from torch import Tensor

from skdeep.data.pieces import channel_statistics, in_pieces
from skdeep.inputs.rows import to_host
from skdeep.nets.window import Window

ALPHAS = np.logspace(-2, 4, 13)
"""Penalties of the linear skip, on standardised steps; leave-one-out chooses one."""
ROWS = 10_000
"""That the linear skip is fitted on, at most."""


def window_options(estimator: Any, shape: tuple[int | None, ...]) -> dict[str, Any] | None:
    """Options of a `skdeep.nets.window.Window`, or None where the estimator has none.

    Parameters
    ----------
    estimator : DeepEstimator
        Its parameters `instance_norm` and `linear_skip`, which regressors have.
    shape : tuple
        Of a row: (n_channels, length), the length None if it differs.

    Raises
    ------
    ValueError
        If X holds no series of numbers, or series of unequal length for the linear skip.
    """
    center = getattr(estimator, "instance_norm", None)
    skip = bool(getattr(estimator, "linear_skip", False))
    if center is None and not skip:
        return None
    given = f"instance_norm={center!r}" if center is not None else "linear_skip=True"
    if len(shape) != 2:
        raise ValueError(f"{given} is for series, and X holds images: use the default.")
    if getattr(estimator, "vocabulary_size", None) is not None:
        raise ValueError(
            f"{given} is for series of numbers: with a vocabulary_size use the default."
        )
    if estimator.missing == "mask":
        raise ValueError(
            f"{given}: with missing='mask' the level of a series is unknown where its end is "
            "missing. Fill missing values, or use the default."
        )
    if skip and shape[1] is None:
        raise ValueError("linear_skip=True: expected series of one length, got unequal lengths.")
    return {"center": center, "length": int(shape[1] or 0) if skip else 0}


@torch.no_grad()
def start_at_skip(window: dict[str, Any] | None, heads: Iterable[Any]) -> None:
    """Set the last layers to 0 if a linear skip is there, so that training starts at it."""
    if window is not None and window["length"]:
        for head in heads:
            head.weight.zero_()
            head.bias.zero_()


def check_same_window(estimator: Any, window: dict[str, Any] | None) -> None:
    """Raise if a warm start needs another window than a network has."""
    known = (None, False) if window is None else (window["center"], bool(window["length"]))
    for name, had in zip(("instance_norm", "linear_skip"), known):
        now = getattr(estimator, name, had)
        if now != had:
            raise ValueError(
                f"warm_start can only be used with the {name} of the previous call to fit. "
                f"Previously got {had}, now {now}."
            )


@torch.no_grad()
def learn_window(
    module: Any,
    prepare: Callable[[Any], tuple[Tensor, Tensor]],
    data: tuple[Any, Tensor, Tensor | None],
    units: Any,
) -> Tensor:
    """Set the units and the linear skip of a network's window.

    Parameters
    ----------
    module : RecurrentNet or ConvNet
        With its scale of channels.
    prepare : callable
        Makes `Window.normed`'s two values of the network's input.
    data : tuple of (x, target, weight)
    units : TargetScale or None
        Of the targets.

    Returns
    -------
    Tensor of shape (n_samples, n_outputs)
        What the network has to predict before the window finishes it.
    """
    x, target, weight = data
    window: Window = module.window
    module.eval()  # without augmentations; an epoch begins by train()
    if window.center is not None:
        mean, spread = (float(value[0]) for value in channel_statistics(x, weight))
        center, scale = (0.0, 1.0) if units is None else (units.center, units.scale)
        window.factor.copy_(torch.as_tensor(spread / scale))
        window.shift.copy_(torch.as_tensor((mean - center) / scale))
        own = in_pieces(module, x, lambda rows: prepare(rows)[1])
        target = ((target - window.shift) / window.factor - own[:, :1]) / own[:, 1:]
    if window.length:
        series = in_pieces(module, x, lambda rows: prepare(rows)[0])
        _fit_skip(window, series, target, weight)
        target = target - torch.cat([window.linear(rows) for rows in series.split(ROWS)])
    return target


def _fit_skip(window: Window, series: Tensor, target: Tensor, weight: Tensor | None) -> None:
    """Fit the linear layer, a ridge regression on each step."""
    rows = slice(None, None, -(-len(series) // ROWS))
    X = to_host(series[rows].flatten(1)).astype(np.float64)
    y = to_host(target[rows]).astype(np.float64)
    sample_weight = None if weight is None else to_host(weight[rows]).astype(np.float64)
    mean = np.average(X, axis=0, weights=sample_weight)
    spread = np.sqrt(np.average((X - mean) ** 2, axis=0, weights=sample_weight))
    factor = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 1e-6)
    ridge = RidgeCV(ALPHAS).fit((X - mean) * factor, y, sample_weight=sample_weight)
    weights = ridge.coef_.reshape(y.shape[1], -1) * factor
    window.weight.copy_(torch.as_tensor(weights))
    window.bias.copy_(torch.as_tensor(np.ravel(ridge.intercept_) - weights @ mean))
