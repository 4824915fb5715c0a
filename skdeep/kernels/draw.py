"""Dilations, channels and weights of kernels."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from skdeep.kernels.batch import GROUP_SIZE
from skdeep.nets import kernels

N_DILATIONS = 8
"""Most dilations of a representation: a kernel's reach grows geometrically from one to the next."""
WEIGHT_GRID = 2.0**8
"""Weights of competing kernels are multiples of 1 over this; see `skdeep.kernels.transformer.GRID`.
"""


def dilations_of(length: int) -> list[int]:
    """At most `N_DILATIONS` dilations, from 1 to that with which a kernel is as long as the series,
    at equal ratios.

    Examples
    --------
    >>> from skdeep.kernels.draw import dilations_of
    >>> dilations_of(150)
    [1, 2, 3, 5, 8, 12, 18]
    """
    largest = math.log2(max((length - 1) / (kernels.LENGTH - 1), 1))
    return sorted({int(2**power) for power in np.linspace(0, largest, N_DILATIONS)})


def powers_of_2(largest: int) -> Iterator[int]:
    return (2**power for power in range(largest.bit_length()))


def draw_channels(n_kernels: int, n_channels: int, rng: np.random.RandomState) -> np.ndarray:
    """Channels that each kernel sums: of 1 to 9, few more often than many (Dempster et al., 2021).

    Returns
    -------
    ndarray of bool of shape (n_kernels, n_channels)
    """
    most = min(n_channels, kernels.LENGTH)
    counts = (2 ** rng.uniform(0, math.log2(most + 1), n_kernels)).astype(int)
    order = rng.uniform(size=(n_kernels, n_channels)).argsort(1).argsort(1)
    return order < counts[:, None]


def draw_weights(n_groups: int, n_channels: int, rng: np.random.RandomState) -> np.ndarray:
    """Normal weights of competing kernels with a sum of 0 and an absolute sum of 1 over time; the
    kernels of a group see the same channels, at most 8 (Dempster et al., 2023).

    Returns
    -------
    ndarray of float32 of shape (8 * n_groups, n_channels, 9)
    """
    weights = rng.normal(size=(GROUP_SIZE * n_groups, n_channels, kernels.LENGTH))
    weights -= weights.mean(2, keepdims=True)
    weights /= np.abs(weights).sum(2, keepdims=True)
    weights = np.round(weights * WEIGHT_GRID) / WEIGHT_GRID
    weights[:, :, kernels.LENGTH // 2] -= weights.sum(2)
    order = rng.uniform(size=(n_groups, n_channels)).argsort(1).argsort(1)
    seen = np.tile(order < 8, (GROUP_SIZE, 1))
    return (weights * seen[:, :, None]).astype(np.float32)
