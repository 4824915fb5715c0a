"""Positions of cells among the modes of their columns: features of them, and draws.

Rows are positions, ``mode + place`` with the place in [0, 1) (see `skdeep.preprocessing.modes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    import numpy as np

BELOW_ONE = 1 - 2.0**-12
_SAME_SHARE = 0.01


class ModeFeatures(nn.Module):
    """Positions as features: levels one-hot, numbers piecewise linear over their modes
    (Gorishniy et al., NeurIPS 2022) beside their scaled value and an indicator of "missing".

    Parameters
    ----------
    columns : list of dict
        Of each column ``n_modes``, ``has_missing`` and ``edges``: the scaled ends of its modes,
        a list of pairs, or None for a category.
    n_knots : int, default=16
        Largest number of pieces of the piecewise linear encoding of a number.
    snaps : bool, default=False
        Whether all places in a mode of a single number have the features of its middle, where
        `NumberModes.encode` puts that number.

    Shapes
    ------
    positions : (n_samples, n_columns); returns (n_samples, widths[-1]).

    Attributes
    ----------
    widths : list of int
        Number of features of the first 0, 1, ... columns.
    """

    def __init__(
        self, columns: Sequence[dict[str, Any]], n_knots: int = 16, snaps: bool = False
    ) -> None:
        super().__init__()
        self.columns, self.n_knots, self.snaps = columns, n_knots, snaps
        self.widths = [0]
        for j, column in enumerate(columns):
            width = column["n_modes"]
            if column["edges"] is not None:
                width = self._knots(column) + 1 + column["has_missing"]
                self.register_buffer(f"edges_{j}", torch.tensor(column["edges"]).float())
            self.widths.append(self.widths[-1] + width)

    def _knots(self, column: dict[str, Any]) -> int:
        return min(column["n_modes"] - column["has_missing"], self.n_knots)

    def column(self, j: int, positions: Tensor) -> Tensor:
        """Features of column number j, (n_samples, width), from its positions."""
        column, edges = self.columns[j], getattr(self, f"edges_{j}", None)
        mode = positions.long()
        if edges is None:
            return functional.one_hot(mode, column["n_modes"]).to(positions.dtype)
        n_known = column["n_modes"] - column["has_missing"]
        ends = edges[mode]
        if self.snaps:
            positions = torch.where(ends[:, 0] == ends[:, 1], mode + 0.5, positions)
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


class Pieces(NamedTuple):
    """What a restricted column may be: parts of its modes.

    Parameters
    ----------
    modes : Tensor of int64 of shape (n_pieces,)
    low, high : Tensor of shape (n_pieces,)
        Places in the mode between which the values lie.
    log_share : Tensor of shape (n_pieces,)
        Logarithm of the piece's share of the probability of its mode.
    """

    modes: Tensor
    low: Tensor
    high: Tensor
    log_share: Tensor

    def draw(self, logits: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Positions that are allowed, and the log-probability of all allowed ones, by row."""
        log_p = self.log_probabilities(logits)
        u = torch.rand(2, len(logits), device=logits.device, generator=generator)
        piece = choose(torch.softmax(log_p, 1), u[0])
        place = self.low[piece] + u[1] * (self.high - self.low)[piece]
        return (self.modes[piece] + place).to(logits.dtype), log_p.logsumexp(1)

    def log_probabilities(self, logits: Tensor) -> Tensor:
        """Log-probability of each piece, (n_samples, n_pieces), from the logits of the modes."""
        return torch.log_softmax(logits, 1)[:, self.modes] + self.log_share

    def hold(self, positions: Tensor) -> Tensor:
        """Which positions are allowed."""
        mode = positions.long()
        place = (positions - mode)[:, None]
        inside = ((place >= self.low) & (place <= self.high)) | self.are_single
        return (inside & (mode[:, None] == self.modes)).any(1)

    @property
    def are_single(self) -> Tensor:
        """Which pieces are the only number of their mode: its places mean the same."""
        return (self.low == self.high) & (self.log_share == 0)

    def have_widths(self) -> bool:
        """Whether positions that are drawn without restrictions fall into each piece by its share
        of the probability."""
        width = (self.high - self.low) / BELOW_ONE
        near = (width - self.log_share.exp()).abs() < _SAME_SHARE
        return bool((near | self.are_single).all())


def whole_modes(modes: np.ndarray, device: torch.device) -> Pieces:
    """Pieces that are whole modes."""
    low = torch.zeros(len(modes), dtype=torch.float64, device=device)
    return Pieces(torch.as_tensor(modes, device=device), low, low + BELOW_ONE, low)


def choose(shares: Tensor, u: Tensor) -> Tensor:
    """Draw the number of a column of each row by its shares and a uniform number."""
    shares = shares.cumsum(1)
    return (shares < (u * shares[:, -1])[:, None]).sum(1).clamp_(max=shares.shape[1] - 1)


def draw_positions(logits: Tensor, generator: torch.Generator) -> Tensor:
    """Draw a mode of each row, and a place in it."""
    u = torch.rand(2, len(logits), device=logits.device, generator=generator)
    return choose(torch.softmax(logits, 1), u[0]) + (u[1] * BELOW_ONE).to(logits.dtype)
