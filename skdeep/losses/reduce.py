"""Weighted mean of the losses of samples."""

from __future__ import annotations

import torch
from torch import Tensor


def weighted_mean(elements: Tensor, weight: Tensor | None = None) -> Tensor:
    """``sum(weight * elements) / sum(weight)``, so that a weight of 2 is a row given twice.

    Parameters
    ----------
    elements : Tensor of shape (n_samples,)
    weight : Tensor of shape (n_samples,), default=None
        Not negative, with a positive sum. None stands for ones.

    Returns
    -------
    Tensor of shape ()
    """
    if weight is None:
        return elements.mean()
    return torch.dot(elements, weight) / weight.sum()
