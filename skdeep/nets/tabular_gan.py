"""Network of a table: a generator of the columns of a row given any others, and a critic."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from skdeep.nets.blocks import Dropout, Linear, PackedLinear, RandomModule, layers
from skdeep.nets.modes import ModeFeatures, Pieces, draw_positions
from skdeep.nets.row_generator import ColumnNet, RowGenerator, draw_in_order

if TYPE_CHECKING:
    import numpy as np

_TABLE_ORDER = 0.5  # of the rows of a batch are learned in the order of the table
_KNOTS = 256  # pieces of the encoding of a number: synthetic rows are harder to tell than with 64
_CODE = 32  # numbers that stand for the many features of a column, the same for all others
_GAPS = 0.25  # of the rows of a batch have gaps in no order: fewer than an order makes
_HIDDEN = 0.5  # the largest share of such gaps
_MISSING = 0.5  # of the rows that are not in the order of the table hide their missing cells
_SEED = 0  # of the orders that held-out rows are scored in, the same in each epoch


class AnyOrderGenerator(RandomModule):
    """Generate the columns of a row given any others, and compute likelihoods.

    The network of a column sees all other columns, those that are not given as zeros, and which
    are given (NADE for any order: Uria, Murray and Larochelle, 2014). In training half of the rows
    are learned in the order of the table, in which `sample` draws; a quarter have an order of
    their own, drawn at random, and a quarter gaps of less than half of the columns, from which
    each column follows. Columns with many features pass through a linear layer, so that the
    networks are small.

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
    """

    sources: Tensor
    inputs: Tensor
    n_known: Tensor

    def __init__(
        self, columns: Sequence[dict[str, Any]], hidden: Sequence[int], dropout: float
    ) -> None:
        super().__init__()
        self.features = ModeFeatures(columns, _KNOTS, snaps=True)
        self.n_columns, self.hidden = len(columns), list(hidden)
        counts = [b - a for a, b in pairwise(self.features.widths)]
        self.codes = nn.ModuleList(
            Linear(n, _CODE, bias=False) if n > _CODE else nn.Identity() for n in counts
        )
        self.widths = [0, *accumulate(min(n, _CODE) for n in counts)]
        units = [self.widths[-1] + len(columns), *hidden]
        self.linears = layers(PackedLinear(len(columns), a, b) for a, b in pairwise(units))
        self.heads = layers(Linear(units[-1], column["n_modes"]) for column in columns)
        self.dropout = Dropout(dropout)
        sources = [j for j, (a, b) in enumerate(pairwise(self.widths)) for _ in range(a, b)]
        n_known = [column["n_modes"] - column["has_missing"] for column in columns]
        inputs = [*sources, *range(len(columns))]
        for name, of in (("sources", sources), ("inputs", inputs), ("n_known", n_known)):
            self.register_buffer(name, torch.tensor(of), persistent=False)

    @property
    def parts(self) -> list[nn.Module]:
        """The network itself: columns share their codes."""
        return [self]

    def outputs(self) -> list[tuple[Tensor | None, Tensor]]:
        """Weight and bias of the last layer of each column."""
        return [(head.weight, head.bias) for head in self.heads]

    def forward(self, positions: Tensor) -> Tensor:
        modes = positions.long()
        h = self._inputs(positions)
        for linear in self.linears:
            h = functional.silu(linear(h))
            if self.dropout.p and self.dropout.is_drawing():
                h = h * self.dropout.kept(h[0])  # one mask for all columns takes less time
        logs = [
            -functional.cross_entropy(head(own), modes[:, j], reduction="none")
            for j, (head, own) in enumerate(zip(self.heads, h.unbind()))
        ]
        return torch.stack(logs, 1)

    def _inputs(self, positions: Tensor) -> Tensor:
        """Inputs of the network of each column, (n_columns, n_samples, n_inputs): codes of the
        columns that it sees, and which it sees."""
        x = torch.cat([self.coded(positions), torch.ones_like(positions)], 1)
        ranks, limits = self._ranks(positions)
        sees = ranks[:, self.inputs] < limits.T[:, :, None]
        for j, (low, high) in enumerate(pairwise(self.widths)):
            sees[j, :, low:high] = sees[j, :, self.widths[-1] + j] = False
        return x * sees

    def coded(self, positions: Tensor) -> Tensor:
        """Codes of all columns, (n_samples, widths[-1])."""
        return torch.cat([self.code(j, p) for j, p in enumerate(positions.unbind(1))], 1)

    def code(self, j: int, positions: Tensor) -> Tensor:
        """Code of column number j, (n_samples, width), from its positions."""
        return self.codes[j](self.features.column(j, positions))

    def _ranks(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Rank of each column in the order of each row, and the rank below which it sees others,
        both (n_samples, n_columns)."""
        options: dict[str, Any] = {"device": positions.device, "dtype": positions.dtype}
        generator = self.generator
        if not self.is_drawing():
            generator = torch.Generator(positions.device).manual_seed(_SEED)
        ranks = torch.rand(positions.shape, generator=generator, **options)
        kind, share, hides = torch.rand(3, len(positions), 1, generator=generator, **options)
        in_order = kind < _TABLE_ORDER
        ranks = torch.where(in_order, torch.arange(self.n_columns, **options), ranks)
        limits = torch.where(kind > 1 - _GAPS, 1 - _HIDDEN * share, ranks)
        hidden = (positions >= self.n_known) & (hides < _MISSING) & ~in_order
        return ranks.masked_fill(hidden, torch.inf), limits

    def seen(self, known: Tensor) -> tuple[Tensor, Tensor]:
        """Codes of positions, and 1 where a column is visible, 0 where it is NaN."""
        visible = (~known.isnan()).to(known.dtype)
        return self.coded(known.nan_to_num(0.5)), visible

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
            nothing = [head.bias.new_zeros(1, n) for n in (len(self.sources), self.n_columns)]
            net.bias.copy_(self.logits(j, *nothing)[0])
            return net
        for i, (linear, mine) in enumerate(zip(self.linears, net.linears)):
            weight, bias = linear.weight[j], linear.bias[j, 0]
            if i == 0:
                flags = weight[len(self.sources) :][:j]
                weight, bias = self._decoded(weight, j), bias + flags.sum(0)
            for own, value in zip(mine.parameters(), (weight.T, bias)):
                own.copy_(value)
        net.last.weight.copy_(head.weight)
        net.bias.copy_(head.bias)
        return net

    def _decoded(self, weight: Tensor, n: int) -> Tensor:
        """Weights for the features of the first n columns, from those for their codes."""
        parts = [
            code.weight.T @ weight[a:b] if isinstance(code, Linear) else weight[a:b]
            for code, (a, b) in zip(self.codes[:n], pairwise(self.widths))
        ]
        return torch.cat(parts)

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
        n_particles = n_particles if len(pieces) > 1 else 1
        positions, allowed = self._draw_restricted(known, pieces, n_particles, generator)
        if n_particles > 1:  # the first restriction weighs all candidates alike
            log_p = sum(allowed[1:], torch.zeros_like(positions[:, 0])).view(-1, n_particles)
            positions = _chosen(positions.view(len(known), n_particles, -1), log_p, generator)
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

    def _draw_restricted(
        self,
        known: Tensor,
        pieces: Mapping[int, Pieces],
        n_particles: int,
        generator: torch.Generator,
    ) -> tuple[Tensor, list[Tensor]]:
        """Candidates for rows, with the restricted columns drawn one after the other, and the
        log-probability that each restriction is met."""
        positions = known.repeat_interleave(n_particles, 0)
        if not pieces:
            return positions, []
        x, visible = self.seen(positions)
        everywhere = torch.arange(len(positions), device=known.device)
        allowed = []
        for j in sorted(pieces):
            drawn, log_p = pieces[j].draw(self.logits(j, x, visible), generator)
            self._enter(j, everywhere, drawn, positions, x, visible)
            allowed.append(log_p)
        return positions, allowed

    def _enter(
        self, j: int, rows: Tensor, drawn: Tensor, positions: Tensor, x: Tensor, visible: Tensor
    ) -> None:
        """Enter drawn positions of a column."""
        positions[rows, j] = drawn
        low, high = self.widths[j : j + 2]
        x[rows, low:high] = self.code(j, drawn)
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
        """Probabilities of the modes of column j, given the other cells, (n_samples, n_modes)."""
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
        positions, allowed = self._draw_restricted(known, pieces, n_particles, generator)
        weight = torch.zeros_like(positions[:, 0])
        for j, log_p in zip(sorted(pieces), allowed):
            weight = weight + log_p - pieces[j].log_probabilities(alone[j]).logsumexp(1)
        weight = weight.view(-1, n_particles).logsumexp(1) - math.log(n_particles)
        return lift + weight


def _chosen(candidates: Tensor, log_p: Tensor, generator: torch.Generator) -> Tensor:
    """One of the candidates of each row: the first that is accepted, else one by its weight."""
    u = torch.rand(2, *log_p.shape, device=log_p.device, generator=generator).to(log_p.dtype)
    accepted = (u[0].log() < log_p).to(log_p.dtype)
    accepted *= torch.arange(log_p.shape[1], 0, -1, device=log_p.device)  # the first is taken
    by_weight = (log_p - (-u[1].log()).log()).argmax(1)  # Gumbel's trick
    best, first = accepted.max(1)
    rows = torch.arange(len(candidates), device=candidates.device)
    return candidates[rows, torch.where(best > 0, first, by_weight)]


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
