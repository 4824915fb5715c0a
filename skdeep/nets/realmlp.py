"""RealMLP: a perceptron for tables (Holzmueller, Grinsztajn and Steinwart, NeurIPS 2024)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from skdeep.nets.blocks import Dropout, layers
from skdeep.nets.packed import (
    LevelEmbedding,
    PackedLinear,
    PackedScale,
    ParametricActivation,
    PeriodicEmbedding,
)

if TYPE_CHECKING:
    import numpy as np

_CONTEXT = 5  # rows whose hyperplanes a bias is drawn from ("he+5")


class RealMLPNet(nn.Module):
    """Several RealMLP networks trained side by side.

    Embedded numbers, plain columns and embedded categories go through a learned scale, then
    through linear layers with a parametric activation and dropout after each but the last.

    Parameters
    ----------
    n_members, n_numeric, n_plain : int
        Number of networks, of numbers to embed and of columns taken as they are.
    cardinalities : list of int
        Levels of each category.
    hidden : list of int
    n_outputs : int
    activation : {'selu', 'mish', 'relu', 'silu'}
    dropout : float
    n_frequencies : int, default=16
    n_embedding : int, default=4
        Numbers that stand for a number; 0 for no embedding.
    n_level_embedding : int, default=8
        Numbers that stand for a category.
    parametric, scaled : bool, default=True
        Whether activations and scales are learned.

    Shapes
    ------
    x : (n_members, n_samples, n_columns), other rows for each member; returns raw scores
    (n_members * n_samples, n_outputs). Or (n_samples, n_columns), the same rows for all; returns
    (n_samples, n_members, n_outputs).

    Examples
    --------
    >>> import torch
    >>> from skdeep.nets.realmlp import RealMLPNet
    >>> net = RealMLPNet(2, 3, 1, [5], [8], 1, "selu", 0.0)
    >>> net(torch.zeros(4, 5)).shape
    torch.Size([4, 2, 1])
    """

    def __init__(
        self,
        n_members: int,
        n_numeric: int,
        n_plain: int,
        cardinalities: Sequence[int],
        hidden: Sequence[int],
        n_outputs: int,
        activation: str,
        dropout: float,
        n_frequencies: int = 16,
        n_embedding: int = 4,
        n_level_embedding: int = 8,
        parametric: bool = True,
        scaled: bool = True,
    ) -> None:
        super().__init__()
        self.config = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        self.n_members, self.n_numeric, self.n_codes = n_members, n_numeric, len(cardinalities)
        has_embedding = n_embedding > 1 and n_numeric > 0
        self.numbers = (
            PeriodicEmbedding(n_members, n_numeric, n_frequencies, n_embedding)
            if has_embedding
            else None
        )
        self.levels = (
            LevelEmbedding(n_members, cardinalities, n_level_embedding) if cardinalities else None
        )
        width = n_numeric * (n_embedding if has_embedding else 1) + n_plain
        width += len(cardinalities) * n_level_embedding
        self.scale = PackedScale(n_members, width) if scaled else None
        units = [width, *hidden, n_outputs]
        self.linears = layers(
            PackedLinear(n_members, n_in, n_out) for n_in, n_out in pairwise(units)
        )
        self.activations = nn.ModuleList(
            ParametricActivation(n_members, n, activation, parametric) for n in hidden
        )
        self.dropout = Dropout(dropout)

    def embed(self, x: Tensor) -> Tensor:
        """Input of the first linear layer, (n_members, n_samples, width)."""
        n_columns = x.shape[2] - self.n_codes
        dense = x[:, :, :n_columns]
        if self.numbers is not None:
            embedded = self.numbers(dense[:, :, : self.n_numeric])
            rest = dense[:, :, self.n_numeric :]
            dense = torch.cat([embedded, rest], 2) if rest.shape[2] else embedded
        if self.levels is not None:
            dense = torch.cat([dense, self.levels(x[:, :, n_columns:])], 2)
        return dense if self.scale is None else self.scale(dense)

    def forward(self, x: Tensor) -> Tensor:
        is_packed = x.dim() == 3
        h = self.embed(x if is_packed else x.expand(self.n_members, *x.shape))
        for linear, activation in zip(self.linears, self.activations):
            h = self.dropout(activation(linear(h)))
        out = self.linears[-1](h)
        return out.flatten(0, 1) if is_packed else out.transpose(0, 1)

    def parameter_group(self, name: str) -> tuple[float, float]:
        """(factor of the learning rate, factor of the decay) of a parameter: the paper's."""
        if name.startswith("scale."):
            return 6.0, 1.0
        if name.startswith(("numbers.", "activations.")):
            return 0.1, 1.0
        if name.endswith(".bias"):
            return 0.1, 0.0
        if name.startswith("linears."):
            return self.linears[int(name.split(".")[1])].factors
        return 1.0, 1.0


@torch.no_grad()
def initialize(
    net: RealMLPNet,
    rng: np.random.RandomState,
    frequency_scale: float,
    x: Tensor | None = None,
    weight: Tensor | None = None,
) -> None:
    """Draw the initial weights.

    Weights are standard normal. With rows to look at, each unit's weights are then divided so
    that its (pre-bias) outputs have unit variance, and its bias puts the unit's hyperplane
    through a random convex combination of 5 rows (Steinwart, 2019; "data-driven" and "he+5" of
    Holzmueller et al., 2024). Without rows biases are standard normal.

    Parameters
    ----------
    net : RealMLPNet
    rng : numpy.random.RandomState
    frequency_scale : float
        Standard deviation of the frequencies of the number embedding.
    x : Tensor of shape (n_samples, n_columns), default=None
    weight : Tensor of shape (n_samples,), default=None
        Weights of these rows.
    """
    if net.numbers is not None:
        net.numbers.initialize(rng, frequency_scale)
    if net.levels is not None:
        net.levels.initialize(rng)
    h = None if x is None else net.embed(x.expand(net.n_members, *x.shape))
    share = None if weight is None else weight.cpu().double().numpy()
    share = None if share is None else share / share.sum()
    for i, linear in enumerate(net.linears):
        draw = rng.standard_normal(linear.weight.shape) / linear.root
        linear.weight.copy_(torch.as_tensor(draw))
        if h is None:
            linear.bias.copy_(torch.as_tensor(rng.standard_normal(linear.bias.shape)))
            continue
        linear.bias.zero_()
        z = linear(h)
        std = _spread(z, share)
        linear.weight.div_(std)
        z.div_(std)
        linear.bias.copy_(_biases(z, rng, share))
        if i < len(net.activations):
            h = net.activations[i](z.add_(linear.bias))


def _spread(z: Tensor, share: np.ndarray | None) -> Tensor:
    """Root mean square deviation of each unit over the (weighted) rows; 1 where it is 0."""
    if share is None:
        std = z.std(1, keepdim=True, correction=0)
    else:
        w = torch.as_tensor(share, dtype=z.dtype, device=z.device)[None, :, None]
        centered = z - (w * z).sum(1, keepdim=True)
        std = (w * centered.square()).sum(1, keepdim=True).sqrt()
    return torch.where(std > 1e-6, std, torch.ones_like(std))


def _biases(z: Tensor, rng: np.random.RandomState, share: np.ndarray | None) -> Tensor:
    """Minus a random convex combination of five rows' outputs, for each unit."""
    n_members, n_rows, n_units = z.shape
    shape = (n_members, _CONTEXT, n_units)
    if share is None:
        rows = rng.randint(n_rows, size=shape)
    else:
        rows = rng.choice(n_rows, size=shape, p=share)
    mix = rng.exponential(size=shape)
    mix /= mix.sum(1, keepdims=True)
    picked = torch.gather(z, 1, torch.as_tensor(rows, device=z.device))
    return -(picked * torch.as_tensor(mix).to(z)).sum(1, keepdim=True)
