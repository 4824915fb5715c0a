"""Generator of rows of a table, column by column.

Rows are positions among the modes of their columns (see `skdeep.nets.modes`). Each column has
its own perceptron, which sees the columns before it and outputs the probability of each mode; the
place is uniform.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from skdeep.nets.blocks import Dropout, Linear, layers
from skdeep.nets.modes import ModeFeatures, Pieces, draw_positions


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
    >>> from skdeep.nets.row_generator import RowGenerator
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

    @property
    def parts(self) -> Sequence[nn.Module]:
        """The network of each column."""
        return self.nets

    def outputs(self) -> list[tuple[Tensor | None, Tensor]]:
        """Weight, if there is one, and bias of the last layer of each column."""
        return [(None if net.last is None else net.last.weight, net.bias) for net in self.nets]

    def forward(self, positions: Tensor) -> Tensor:
        modes = positions.long()
        x = self.features(positions)
        logs = [
            -functional.cross_entropy(net(x[:, :width]), modes[:, j], reduction="none")
            for j, (net, width) in enumerate(zip(self.nets, self.features.widths))
        ]
        return torch.stack(logs, 1)

    def sample(self, n_samples: int, generator: torch.Generator) -> Tensor:
        """Draw rows, (n_samples, n_columns)."""
        return draw_in_order(self.nets, self.features, n_samples, generator)

    @torch.no_grad()
    def sample_given(
        self,
        known: Tensor,
        pieces: Mapping[int, Pieces],
        n_particles: int,
        generator: torch.Generator,
    ) -> Tensor:
        """Draw rows some of whose columns are given.

        Each row is one of `n_particles` candidates that are sampled column by column; at a given
        or restricted column they are weighted by its probability and resampled (sequential
        importance resampling: Gordon, Salmond and Smith, 1993). The conditions hold exactly; the
        other columns approach the generator's conditional distribution with more candidates.

        Parameters
        ----------
        known : Tensor of shape (n_samples, n_columns)
            Positions; NaN where a column is free.
        pieces : dict of int to Pieces
            Of restricted columns.
        n_particles : int
        generator : torch.Generator

        Returns
        -------
        Tensor of shape (n_samples, n_columns)
        """
        n_samples, n_columns = known.shape
        conditioned = [*(~known.isnan()).any(0).nonzero().flatten().tolist(), *pieces]
        last = max(conditioned)
        positions = known.repeat_interleave(n_particles, 0)
        x = self.nets[0].bias.new_empty(len(positions), 0)
        for j in range(n_columns):
            logits = self.nets[j](x)
            free = positions[:, j].isnan()
            if j in pieces:
                drawn, log_p = pieces[j].draw(logits, generator)
            else:
                drawn = draw_positions(logits, generator)
            if j in conditioned:
                given = torch.where(free, drawn, positions[:, j])
                if j not in pieces:
                    log_p = -functional.cross_entropy(logits, given.long(), reduction="none")
                    log_p = log_p.masked_fill(free, 0.0)
                log_p = log_p.view(n_samples, -1)
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


@torch.no_grad()
def draw_in_order(
    nets: Sequence[ColumnNet], features: ModeFeatures, n_samples: int, generator: torch.Generator
) -> Tensor:
    """Draw rows, (n_samples, n_columns), each column given those before it."""
    x = nets[0].bias.new_empty(n_samples, 0)
    positions = []
    for j, net in enumerate(nets):
        drawn = draw_positions(net(x), generator)
        positions.append(drawn)
        x = torch.cat([x, features.column(j, drawn)], 1)
    return torch.stack(positions, 1)
