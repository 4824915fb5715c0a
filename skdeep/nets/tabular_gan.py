"""Generator of rows, column by column, and a critic of packs of rows.

Rows are positions, ``mode + place`` with the place in [0, 1) (see `skdeep.preprocessing.modes`).
Each column has its own perceptron, which sees the columns before it and outputs the probability of
each mode; the place is uniform.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from skdeep.nets.blocks import Dropout, Linear, layers

if TYPE_CHECKING:
    import numpy as np

_KNOTS = 16  # pieces of the piecewise linear encoding of a number
BELOW_ONE = 1 - 2.0**-12


class ModeFeatures(nn.Module):
    """Positions as features: levels one-hot, numbers piecewise linear over their modes
    (Gorishniy et al., NeurIPS 2022) beside their scaled value and an indicator of "missing".

    Parameters
    ----------
    columns : list of dict
        Of each column ``n_modes``, ``has_missing`` and ``edges``: the scaled ends of its modes,
        a list of pairs, or None for a category.

    Shapes
    ------
    positions : (n_samples, n_columns); returns (n_samples, widths[-1]).

    Attributes
    ----------
    widths : list of int
        Number of features of the first 0, 1, ... columns.
    """

    def __init__(self, columns: Sequence[dict[str, Any]]) -> None:
        super().__init__()
        self.columns = columns
        self.widths = [0]
        for j, column in enumerate(columns):
            width = column["n_modes"]
            if column["edges"] is not None:
                width = self._knots(column) + 1 + column["has_missing"]
                self.register_buffer(f"edges_{j}", torch.tensor(column["edges"]).float())
            self.widths.append(self.widths[-1] + width)

    @staticmethod
    def _knots(column: dict[str, Any]) -> int:
        return min(column["n_modes"] - column["has_missing"], _KNOTS)

    def column(self, j: int, positions: Tensor) -> Tensor:
        """Features of column number j, (n_samples, width), from its positions."""
        column, edges = self.columns[j], getattr(self, f"edges_{j}", None)
        mode = positions.long()
        if edges is None:
            return functional.one_hot(mode, column["n_modes"]).to(positions.dtype)
        n_known = column["n_modes"] - column["has_missing"]
        ends = edges[mode]
        value = (ends[:, :1] + (positions - mode)[:, None] * (ends[:, 1:] - ends[:, :1])).to(
            positions.dtype
        )
        n_knots = self._knots(column)
        knots = torch.arange(n_knots, device=positions.device, dtype=positions.dtype)
        pieces = (positions[:, None] * (n_knots / max(n_known, 1)) - knots).clamp(0, 1)
        if not column["has_missing"]:
            return torch.cat([pieces, value], 1)
        missing = (mode == n_known).to(positions.dtype)[:, None]
        return torch.cat([pieces * (1 - missing), value * (1 - missing), missing], 1)

    def forward(self, positions: Tensor) -> Tensor:
        return torch.cat([self.column(j, p) for j, p in enumerate(positions.unbind(1))], 1)


class ColumnNet(nn.Module):
    """Logits of a column's modes from the features of the columns before it.

    Shapes
    ------
    x : (n_samples, n_inputs); returns (n_samples, n_modes).
    """

    def __init__(self, n_inputs: int, hidden: Sequence[int], n_modes: int, dropout: float) -> None:
        super().__init__()
        units = [n_inputs, *hidden] if n_inputs else []
        self.linears = nn.ModuleList(Linear(a, b) for a, b in pairwise(units))
        self.activations = nn.ModuleList(nn.SiLU() for _ in self.linears)
        self.last = Linear(units[-1], n_modes, bias=False) if units else None
        self.bias = nn.Parameter(torch.zeros(n_modes))
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        if self.last is None:
            return self.bias.expand(len(x), -1)
        for linear, activation in zip(self.linears, self.activations):
            x = self.dropout(activation(linear(x)))
        return self.last(x) + self.bias


class RowGenerator(nn.Module):
    """Generate rows column by column from noise, and compute the likelihood of rows.

    Parameters
    ----------
    columns : list of dict
        See `ModeFeatures`.
    hidden : list of int
    dropout : float

    Shapes
    ------
    positions : (n_samples, n_columns); returns log-probabilities of the modes, of the same shape.

    Examples
    --------
    >>> import torch
    >>> from skdeep.nets.tabular_gan import RowGenerator
    >>> column = {"n_modes": 2, "has_missing": False, "edges": None}
    >>> net = RowGenerator([column, column], [4], 0.0)
    >>> for p in net.parameters():
    ...     _ = p.data.zero_()
    >>> net(torch.tensor([[0.5, 1.5]])).exp()
    tensor([[0.5000, 0.5000]], grad_fn=<ExpBackward0>)
    """

    def __init__(
        self, columns: Sequence[dict[str, Any]], hidden: Sequence[int], dropout: float
    ) -> None:
        super().__init__()
        self.features = ModeFeatures(columns)
        self.nets = layers(
            ColumnNet(width, hidden, column["n_modes"], dropout)
            for width, column in zip(self.features.widths, columns)
        )

    def forward(self, positions: Tensor) -> Tensor:
        modes = positions.long()
        x = self.features(positions)
        logs = [
            -functional.cross_entropy(net(x[:, :width]), modes[:, j], reduction="none")
            for j, (net, width) in enumerate(zip(self.nets, self.features.widths))
        ]
        return torch.stack(logs, 1)

    @torch.no_grad()
    def sample(self, n_samples: int, generator: torch.Generator) -> Tensor:
        """Draw rows, (n_samples, n_columns)."""
        like = self.nets[0].bias
        x = like.new_empty(n_samples, 0)
        positions = []
        for j, net in enumerate(self.nets):
            drawn = self._draw(net(x), generator)
            positions.append(drawn)
            x = torch.cat([x, self.features.column(j, drawn)], 1)
        return torch.stack(positions, 1)

    @torch.no_grad()
    def sample_given(self, known: Tensor, n_particles: int, generator: torch.Generator) -> Tensor:
        """Draw rows some of whose columns are given.

        Each row is one of `n_particles` candidates that are sampled column by column; at a given
        column they are weighted by its probability and resampled (sequential importance resampling:
        Gordon, Salmond and Smith, 1993). The given values hold exactly; the others approach the
        generator's conditional distribution with more candidates.

        Parameters
        ----------
        known : Tensor of shape (n_samples, n_columns)
            Positions; NaN where a column is free.
        n_particles : int
        generator : torch.Generator

        Returns
        -------
        Tensor of shape (n_samples, n_columns)
        """
        n_samples, n_columns = known.shape
        last = int((~known.isnan()).any(0).nonzero().max())
        positions = known.repeat_interleave(n_particles, 0)
        x = self.nets[0].bias.new_empty(len(positions), 0)
        for j in range(n_columns):
            logits = self.nets[j](x)
            free = positions[:, j].isnan()
            drawn = self._draw(logits, generator)
            if not free.all():
                given = torch.where(free, drawn, positions[:, j])
                log_p = -functional.cross_entropy(logits, given.long(), reduction="none")
                log_p = log_p.masked_fill(free, 0.0).view(n_samples, -1)
                positions[:, j] = given
                n_kept = n_particles if j < last else 1
                chosen = torch.multinomial(
                    torch.softmax(log_p, 1), n_kept, replacement=True, generator=generator
                )
                base = torch.arange(n_samples, device=x.device)[:, None] * log_p.shape[1]
                rows = (base + chosen).flatten()
                positions, x = positions[rows], x[rows]
            else:
                positions[:, j] = drawn
            x = torch.cat([x, self.features.column(j, positions[:, j])], 1)
        return positions

    @staticmethod
    def _draw(logits: Tensor, generator: torch.Generator) -> Tensor:
        shares = torch.softmax(logits, 1).cumsum(1)
        u = torch.rand(2, len(logits), device=logits.device, generator=generator)
        mode = (shares < (u[0] * shares[:, -1])[:, None]).sum(1)
        return mode.clamp_(max=logits.shape[1] - 1) + (u[1] * BELOW_ONE).to(logits.dtype)


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
    ) -> None:
        super().__init__()
        self.config = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        self.generator = RowGenerator(columns, hidden, dropout)
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
        if isinstance(layer, Linear):
            bound = 1 / math.sqrt(layer.weight.shape[1])
            layer.weight.copy_(torch.as_tensor(rng.uniform(-bound, bound, layer.weight.shape)))
            if layer.bias is not None:
                layer.bias.zero_()
    for column, count in zip(net.generator.nets, counts):
        share = torch.as_tensor(count, dtype=torch.float64) + 0.5
        column.bias.copy_((share / share.sum()).log())
        if column.last is not None:
            column.last.weight.zero_()
