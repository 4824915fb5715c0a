"""Detection of mode collapse."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

COLLAPSED = 0.1
"""Spread of synthetic samples, over that of real ones, below which a generator has collapsed."""


def spread(x: Tensor | np.ndarray) -> float:
    """Mean over the features of the standard deviation over the samples.

    Parameters
    ----------
    x : Tensor of shape (n_samples, ...)

    Returns
    -------
    float
    """
    return float(torch.as_tensor(x).flatten(1).double().std(0, correction=0).mean())


def warn_of_collapse(made: Tensor | np.ndarray, real: Tensor | np.ndarray) -> float:
    """Warn if synthetic samples vary far less than real ones; return the ratio of their spreads.

    Parameters
    ----------
    made, real : Tensor of shape (n_samples, ...)

    Returns
    -------
    float
        1 where the real samples do not vary at all.
    """
    wanted = spread(real)
    ratio = spread(made) / wanted if wanted else 1.0
    if ratio < COLLAPSED:
        warnings.warn(
            f"The generator has collapsed: its samples vary {ratio:.2g} times as much as the data. "
            "Another random_state, a lower learning rate or a larger batch_size may help.",
            ConvergenceWarning,
        )
    return ratio
