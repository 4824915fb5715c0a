"""Initial weights, drawn from a generator that is handed in."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    import numpy as np


def initialize(
    net: nn.Module, scheme: str, rng: np.random.RandomState, *, factor: float = 6.0
) -> None:
    """Fill the linear layers of `net`, in order, with initial weights.

    Parameters
    ----------
    net : torch.nn.Module
    scheme : {'auto', 'xavier_uniform', 'xavier_normal', 'he_uniform', 'he_normal', 'orthogonal'}
        'auto' is scikit-learn's: weights and biases uniform in ±sqrt(factor / (n_in + n_out)),
        the same numbers for the same generator. The others set biases to 0:
        xavier (Glorot and Bengio, 2010) has the variance ``2 / (n_in + n_out)``,
        he (He et al., 2015) ``2 / n_in``; orthogonal weights have orthonormal rows or columns
        (Saxe et al., 2014).
    rng : numpy.random.RandomState
        Anything with its `uniform` and `normal`.
    factor : float, default=6.0
        Of 'auto': 2 for logistic units, 6 for all others, as in scikit-learn.
    """
    for layer in net.modules():
        if isinstance(layer, nn.Linear):
            _fill(layer, scheme, rng, factor)


@torch.no_grad()
def _fill(layer: nn.Linear, scheme: str, rng: np.random.RandomState, factor: float) -> None:
    n_out, n_in = layer.weight.shape
    weight: np.ndarray | Tensor
    if scheme == "auto":
        bound = math.sqrt(factor / (n_in + n_out))
        weight = rng.uniform(-bound, bound, (n_in, n_out))
        layer.bias.copy_(torch.from_numpy(rng.uniform(-bound, bound, n_out)))
    elif scheme == "orthogonal":
        weight = torch.from_numpy(rng.normal(size=(max(n_in, n_out), min(n_in, n_out))))
        q, r = torch.linalg.qr(weight)
        q *= torch.sign(torch.diagonal(r))  # uniform over orthogonal matrices (Mezzadri, 2007)
        weight = q if n_in >= n_out else q.T
        layer.bias.zero_()
    else:
        kind, law = scheme.split("_")
        std = math.sqrt(2 / (n_in + n_out) if kind == "xavier" else 2 / n_in)
        if law == "uniform":
            bound = std * math.sqrt(3)
            weight = rng.uniform(-bound, bound, (n_in, n_out))
        else:
            weight = rng.normal(0.0, std, (n_in, n_out))
        layer.bias.zero_()
    layer.weight.copy_(torch.as_tensor(weight).T)
