"""Generator of rows and critic of packs of rows of a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from skdeep.nets.any_order import AnyOrderGenerator
from skdeep.nets.blocks import Linear
from skdeep.nets.realmlp import PackedLinear
from skdeep.nets.row_generator import RowGenerator

if TYPE_CHECKING:
    import numpy as np


class RowCritic(nn.Module):
    """Score of a pack of `pac` rows (PacGAN: Lin et al., NeurIPS 2018), from their features.

    Shapes
    ------
    features : (n_samples, n_features), n_samples a multiple of pac; returns (n_samples / pac,).
    """

    def __init__(self, n_features: int, hidden: Sequence[int], pac: int) -> None:
        super().__init__()
        self.pac = pac
        units = [n_features * pac, *hidden, 1]
        self.linears = nn.ModuleList(Linear(a, b) for a, b in pairwise(units))
        self.activations = nn.ModuleList(nn.LeakyReLU(0.2) for _ in hidden)

    def forward(self, features: Tensor) -> Tensor:
        h = features.reshape(len(features) // self.pac, -1)
        for linear, activation in zip(self.linears, self.activations):
            h = activation(linear(h))
        return self.linears[-1](h)[:, 0]


class TabularGANNet(nn.Module):
    """Generator and critic of rows of a table.

    Parameters
    ----------
    columns : list of dict
        See `ModeFeatures`.
    hidden, critic_hidden : list of int
    dropout : float
    pac : int
    order : {'fixed', 'random'}, default='fixed'
        Whether the generator is a `RowGenerator` or an `AnyOrderGenerator`.

    Shapes
    ------
    positions : (n_samples, n_columns); returns log-probabilities of the same shape.
    """

    def __init__(
        self,
        columns: Sequence[dict[str, Any]],
        hidden: Sequence[int],
        critic_hidden: Sequence[int],
        dropout: float,
        pac: int,
        order: str = "fixed",
    ) -> None:
        super().__init__()
        self.config = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        cls = AnyOrderGenerator if order == "random" else RowGenerator
        self.generator = cls(columns, hidden, dropout)
        self.critic = RowCritic(self.generator.features.widths[-1], critic_hidden, pac)

    def forward(self, positions: Tensor) -> Tensor:
        return self.generator(positions)


@torch.no_grad()
def initialize(
    net: TabularGANNet, rng: np.random.RandomState, counts: Sequence[np.ndarray]
) -> None:
    """Draw the initial weights: the generator begins with the columns' own distributions.

    Weights are uniform in ``+-1 / sqrt(fan_in)`` (LeCun et al., 1998), those of the generator's
    last layers zero; their biases are the logarithms of the shares of the modes.

    Parameters
    ----------
    net : TabularGANNet
    rng : numpy.random.RandomState
    counts : list of ndarray
        Rows in each mode of each column.
    """
    for layer in net.modules():
        if isinstance(layer, (Linear, PackedLinear)):
            fan_in = layer.weight.shape[1]  # of both: Linear holds (out, in), a pack (n, in, out)
            bound = 1 / math.sqrt(fan_in)
            layer.weight.copy_(torch.as_tensor(rng.uniform(-bound, bound, layer.weight.shape)))
            if layer.bias is not None:
                layer.bias.zero_()
    for (weight, bias), count in zip(net.generator.outputs(), counts):
        share = torch.as_tensor(count, dtype=torch.float64) + 0.5
        bias.copy_((share / share.sum()).log())
        if weight is not None:
            weight.zero_()
