"""Generator of the columns of a row given any others."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from skdeep.nets.blocks import Dropout, Linear, RandomModule, layers
from skdeep.nets.modes import ModeFeatures, Pieces, draw_positions
from skdeep.nets.realmlp import PackedLinear
from skdeep.nets.row_generator import ColumnNet, draw_in_order

_TABLE_ORDER = 0.5  # of the rows of a batch are learned in the order of the table
_KNOTS = 64  # pieces of the encoding of a number: more likelihood than 16 or 32
_SEED = 0  # of the orders that held-out rows are scored in, the same in each epoch


class AnyOrderGenerator(RandomModule):
    """Generate the columns of a row given any others, and compute likelihoods.

    The network of a column sees all other columns, those that are not given as zeros, and which
    are given (NADE for any order: Uria, Murray and Larochelle, 2014). In training half of the rows
    are learned in the order of the table, in which `sample` draws; each other row has an order of
    its own, drawn at random.

    Parameters
    ----------
    columns : list of dict
        See `ModeFeatures`.
    hidden : list of int
    dropout : float

    Shapes
    ------
    positions : (n_samples, n_columns); returns log-probabilities of the modes, of the same shape,
    given the columns before them in an order that is drawn for each row.

    Examples
    --------
    >>> import torch
    >>> from skdeep.nets.any_order import AnyOrderGenerator
    >>> column = {"n_modes": 2, "has_missing": False, "edges": None}
    >>> net = AnyOrderGenerator([column, column], [4], 0.0)
    >>> net(torch.tensor([[0.5, 1.5]])).exp().shape
    torch.Size([1, 2])
    """

    sources: Tensor

    def __init__(
        self, columns: Sequence[dict[str, Any]], hidden: Sequence[int], dropout: float
    ) -> None:
        super().__init__()
        self.features = ModeFeatures(columns, _KNOTS, snaps=True)
        self.n_columns, self.hidden = len(columns), list(hidden)
        widths = self.features.widths
        units = [widths[-1] + len(columns), *hidden]
        self.linears = layers(PackedLinear(len(columns), a, b) for a, b in pairwise(units))
        self.heads = layers(Linear(units[-1], column["n_modes"]) for column in columns)
        self.dropout = Dropout(dropout)
        sources = [j for j, (a, b) in enumerate(pairwise(widths)) for _ in range(a, b)]
        self.register_buffer("sources", torch.tensor(sources), persistent=False)

    @property
    def parts(self) -> list[_Column]:
        """The parameters of each column."""
        return [_Column(self, j) for j in range(self.n_columns)]

    def outputs(self) -> list[tuple[Tensor | None, Tensor]]:
        """Weight and bias of the last layer of each column."""
        return [(head.weight, head.bias) for head in self.heads]

    def forward(self, positions: Tensor) -> Tensor:
        modes = positions.long()
        ranks = self._ranks(positions)
        visible = (ranks < ranks.T[:, :, None]).to(positions.dtype)
        x = self.features(positions) * visible[..., self.sources]
        h = torch.cat([x, visible], 2)
        for linear in self.linears:
            h = self.dropout(functional.silu(linear(h)))
        logs = [
            -functional.cross_entropy(head(h[j]), modes[:, j], reduction="none")
            for j, head in enumerate(self.heads)
        ]
        return torch.stack(logs, 1)

    def _ranks(self, positions: Tensor) -> Tensor:
        """Rank of each column in the order of each row, (n_samples, n_columns)."""
        options: dict[str, Any] = {"device": positions.device, "dtype": positions.dtype}
        generator = self.generator
        if not self.is_drawing():
            generator = torch.Generator(positions.device).manual_seed(_SEED)
        ranks = torch.rand(positions.shape, generator=generator, **options)
        in_order = torch.rand(len(positions), 1, generator=generator, **options) < _TABLE_ORDER
        return torch.where(in_order, torch.arange(self.n_columns, **options), ranks)

    def seen(self, known: Tensor) -> tuple[Tensor, Tensor]:
        """Features of positions, and 1 where a column is visible, 0 where it is NaN."""
        visible = (~known.isnan()).to(known.dtype)
        return self.features(known.nan_to_num(0.5)), visible

    def logits(self, j: int, x: Tensor, visible: Tensor) -> Tensor:
        """Of the modes of column j, given the visible columns; see `seen`."""
        h = torch.cat([x * visible[:, self.sources], visible], 1)
        for linear in self.linears:
            h = functional.silu(torch.addmm(linear.bias[j], h, linear.weight[j]))
        return self.heads[j](h)

    @torch.no_grad()
    def nets_in_order(self) -> list[ColumnNet]:
        """Networks of the columns that see the columns before them, as in `RowGenerator`: the
        weights for those after them are left out."""
        return [self._net_in_order(j) for j in range(self.n_columns)]

    def _net_in_order(self, j: int) -> ColumnNet:
        head, width = self.heads[j], self.features.widths[j]
        net = ColumnNet(width, self.hidden if width else (), len(head.bias), 0.0).to(head.bias)
        if net.last is None:
            nothing = (
                head.bias.new_zeros(1, len(self.sources)),
                head.bias.new_zeros(1, self.n_columns),
            )
            net.bias.copy_(self.logits(j, *nothing)[0])
            return net
        for i, (linear, mine) in enumerate(zip(self.linears, net.linears)):
            weight, bias = linear.weight[j], linear.bias[j, 0]
            if i == 0:
                flags = weight[len(self.sources) :][:j]
                weight, bias = weight[:width], bias + flags.sum(0)
            for own, value in zip(mine.parameters(), (weight.T, bias)):
                own.copy_(value)
        for own in net.last.parameters():
            own.copy_(head.weight)
        net.bias.copy_(head.bias)
        return net

    def sample(self, n_samples: int, generator: torch.Generator) -> Tensor:
        """Draw rows in the order of the table, (n_samples, n_columns)."""
        return draw_in_order(self.nets_in_order(), self.features, n_samples, generator)

    @torch.no_grad()
    def sample_given(
        self,
        known: Tensor,
        pieces: Mapping[int, Pieces],
        n_particles: int,
        generator: torch.Generator,
        without_missing: bool = False,
    ) -> Tensor:
        """Draw rows some of whose columns are given.

        Given columns come first in the order, then restricted ones, then the free columns of each
        row. The draws are exact if at most one column is restricted; with several, candidates
        are accepted with the probability that the later restrictions are met (rejection sampling),
        and only where none of `n_particles` is accepted, one is chosen by these probabilities.

        Parameters
        ----------
        known : Tensor of shape (n_samples, n_columns)
            Positions; NaN where a column is free or restricted.
        pieces : dict of int to Pieces
            Of restricted columns.
        n_particles : int
        generator : torch.Generator
        without_missing : bool, default=False
            Whether free columns are drawn given that they are not missing.

        Returns
        -------
        Tensor of shape (n_samples, n_columns)
        """
        positions = self._restricted(known, pieces, n_particles, generator)
        x, visible = self.seen(positions)
        for j, column in enumerate(self.features.columns):
            rows = (visible[:, j] == 0).nonzero().flatten()
            if not len(rows):
                continue
            logits = self.logits(j, x[rows], visible[rows])
            if without_missing and column["has_missing"] and column["n_modes"] > 1:
                logits[:, -1] = -torch.inf
            self._enter(j, rows, draw_positions(logits, generator), positions, x, visible)
        return positions

    def _restricted(
        self,
        known: Tensor,
        pieces: Mapping[int, Pieces],
        n_particles: int,
        generator: torch.Generator,
    ) -> Tensor:
        """Rows with the restricted columns drawn."""
        n_particles = n_particles if len(pieces) > 1 else 1
        positions = known.repeat_interleave(n_particles, 0)
        if not pieces:
            return positions
        x, visible = self.seen(positions)
        everywhere = torch.arange(len(positions), device=known.device)
        log_p = torch.zeros_like(positions[:, 0])
        for i, j in enumerate(sorted(pieces)):
            drawn, allowed = pieces[j].draw(self.logits(j, x, visible), generator)
            log_p = log_p + allowed if i else log_p  # the first has one weight for all candidates
            self._enter(j, everywhere, drawn, positions, x, visible)
        if n_particles == 1:
            return positions
        log_p = log_p.view(-1, n_particles)
        u = torch.rand(2, *log_p.shape, device=log_p.device, generator=generator).to(log_p.dtype)
        accepted = (u[0].log() < log_p).to(log_p.dtype)
        accepted *= torch.arange(n_particles, 0, -1, device=log_p.device)  # the first is taken
        by_weight = (log_p - (-u[1].log()).log()).argmax(1)  # Gumbel's trick
        best, first = accepted.max(1)
        chosen = torch.where(best > 0, first, by_weight)
        return positions.view(len(known), n_particles, -1)[
            torch.arange(len(known), device=known.device), chosen
        ]

    def _enter(
        self, j: int, rows: Tensor, drawn: Tensor, positions: Tensor, x: Tensor, visible: Tensor
    ) -> None:
        """Enter drawn positions of a column."""
        positions[rows, j] = drawn
        low, high = self.features.widths[j : j + 2]
        x[rows, low:high] = self.features.column(j, drawn)
        visible[rows, j] = 1.0

    @torch.no_grad()
    def log_probabilities(self, known: Tensor) -> Tensor:
        """Log-probability of the mode of each given cell, given the row's given cells before it in
        the order of the table; 0 where a cell is NaN. (n_samples, n_columns)."""
        x, given = self.seen(known)
        visible, out = torch.zeros_like(given), torch.zeros_like(given)
        modes = known.nan_to_num(0.5).long()
        for j in range(self.n_columns):
            logits = self.logits(j, x, visible)
            log_p = -functional.cross_entropy(logits, modes[:, j], reduction="none")
            out[:, j] = torch.where(given[:, j] > 0, log_p, 0.0)
            visible[:, j] = given[:, j]
        return out

    @torch.no_grad()
    def mode_probabilities(self, j: int, known: Tensor) -> Tensor:
        """Probability of each mode of column j given the other cells that are not NaN, of shape
        (n_samples, n_modes)."""
        x, visible = self.seen(known)
        visible[:, j] = 0.0
        return torch.softmax(self.logits(j, x, visible), 1)

    @torch.no_grad()
    def log_lift(
        self,
        known: Tensor,
        pieces: Mapping[int, Pieces],
        n_particles: int,
        generator: torch.Generator,
    ) -> Tensor:
        """Logarithm of how much more probable the conditions of each row are together than if
        columns were independent; see `sample_given`."""
        x, given = self.seen(known)
        nothing = torch.zeros_like(given[:1])
        alone = [self.logits(j, x[:1], nothing) for j in range(self.n_columns)]
        modes = known.nan_to_num(0.5).long()
        single = [torch.log_softmax(logits, 1)[0, modes[:, j]] for j, logits in enumerate(alone)]
        lift = ((self.log_probabilities(known) - torch.stack(single, 1)) * given).sum(1)
        positions = known.repeat_interleave(n_particles, 0)
        x, visible = self.seen(positions)
        everywhere = torch.arange(len(positions), device=known.device)
        weight = torch.zeros_like(positions[:, 0])
        for j in sorted(pieces):
            drawn, log_p = pieces[j].draw(self.logits(j, x, visible), generator)
            weight = weight + log_p - pieces[j].log_probabilities(alone[j]).logsumexp(1)
            self._enter(j, everywhere, drawn, positions, x, visible)
        weight = weight.view(-1, n_particles).logsumexp(1) - math.log(n_particles)
        return lift + weight


class _Column:
    """Parameters of a column of an `AnyOrderGenerator`, as the part of a network."""

    def __init__(self, generator: AnyOrderGenerator, j: int) -> None:
        self.generator, self.j = generator, j

    def parameters(self) -> list[Tensor]:
        """Views of the weights."""
        head = self.generator.heads[self.j]
        packed = [p[self.j] for layer in self.generator.linears for p in layer.parameters()]
        return [*packed, *head.parameters()]
