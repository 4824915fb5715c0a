"""TabM: many perceptrons that share most of their weights (Gorishniy, Kotelnikov and Babenko,
ICLR 2025), after BatchEnsemble (Wen, Tran and Ba, ICLR 2020)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor, nn

from skdeep.nets.blocks import Dropout, is_watched, layers

if TYPE_CHECKING:
    Chosen: TypeAlias = tuple[int, list[int]]  # a network, and its members that take part
    import numpy as np


class PiecewiseLinearEmbedding(nn.Module):
    """Piecewise linear embedding of numbers (Gorishniy et al., 2022).

    Each feature is encoded by how far it is through each of its bins, 0 before and 1 behind
    them; a linear map of this code, 0 at the start, is added to a linear map of the number.

    Parameters
    ----------
    n_networks, n_features, n_bins, n_outputs : int

    Shapes
    ------
    x : (n_networks, n_samples, n_features), or (1, n_samples, n_features), the same rows for all;
    returns (n_networks, n_samples, n_features * n_outputs).
    """

    lower: Tensor
    inverse: Tensor

    def __init__(self, n_networks: int, n_features: int, n_bins: int, n_outputs: int) -> None:
        super().__init__()
        # The last "bin" is the number itself: no lower end, no upper end.
        self.register_buffer("lower", torch.zeros(n_features, 1, n_bins + 1))
        self.register_buffer("inverse", torch.zeros(n_features, 1, n_bins + 1))
        self.clamps = nn.ModuleList(nn.LeakyReLU(0.0) for _ in "ab")
        self.weight = nn.Parameter(torch.zeros(n_networks, n_features, n_bins + 1, n_outputs))
        self.bias = nn.Parameter(torch.zeros(n_networks, n_features, 1, n_outputs))

    @torch.no_grad()
    def initialize(self, rng: np.random.RandomState, edges: Sequence[np.ndarray]) -> None:
        """Set the bins and draw the weights.

        Parameters
        ----------
        rng : numpy.random.RandomState
        edges : list of 1-D float arrays
            Rising edges of each feature's bins, at most ``n_bins + 1``.
        """
        for j, ends in enumerate(edges):
            known = torch.as_tensor(ends, dtype=self.lower.dtype)
            n_bins = len(known) - 1
            self.lower[j, 0, :n_bins] = known[:-1]
            self.inverse[j, 0, :n_bins] = 1 / known.diff()
        bound = 1 / math.sqrt(self.weight.shape[3])
        self.weight.zero_()
        draw = rng.uniform(-bound, bound, (2, *self.bias[:, :, 0].shape))
        self.weight[:, :, -1] = torch.as_tensor(draw[0])
        self.bias[:, :, 0] = torch.as_tensor(draw[1])

    def _code(self, x: Tensor) -> Tensor:
        """(n_networks * n_features, n_samples, n_bins + 1), or 1 in place of n_networks."""
        columns = x.transpose(1, 2).unsqueeze(3)
        if (torch.is_grad_enabled() and x.requires_grad) or is_watched(*self.clamps):
            # As clamp(0, 1), by layers that have a rule of how an output is due to the input.
            below, above = self.clamps
            inside = ((columns - self.lower) * self.inverse).movedim(2, 0)  # rows first
            inside = (1 - above(1 - below(inside))).movedim(0, 2)
            return torch.cat([inside[..., :-1], columns], 3).flatten(0, 1)
        with torch.no_grad():
            code = (columns - self.lower).mul_(self.inverse).clamp_(0.0, 1.0)
            code[..., -1:] = columns
        return code.flatten(0, 1)

    def forward(self, x: Tensor) -> Tensor:
        n_networks, n_features, _, n_outputs = self.weight.shape
        if len(x) == n_networks:
            out = torch.baddbmm(self.bias.flatten(0, 1), self._code(x), self.weight.flatten(0, 1))
            out = out.unflatten(0, (n_networks, n_features)).transpose(1, 2)
        else:
            wide = self.weight.permute(1, 2, 0, 3).flatten(2)
            out = torch.bmm(self._code(x), wide).unflatten(2, (n_networks, n_outputs))
            out = out.permute(2, 1, 0, 3) + self.bias.transpose(1, 2)
        return out.flatten(2)


class LevelEmbedding(nn.Module):
    """A learned vector for each level of each category; that of level 0 (missing or unknown) starts
    at 0.

    Parameters
    ----------
    n_members : int
    cardinalities : list of int
        Levels of each category, level 0 included.
    n_outputs : int, default=8

    Shapes
    ------
    codes : (n_members, n_samples, n_categories) of whole numbers; returns
    (n_members, n_samples, n_categories * n_outputs).
    """

    def __init__(self, n_members: int, cardinalities: Sequence[int], n_outputs: int = 8) -> None:
        super().__init__()
        self.n_members, self.n_levels = n_members, sum(cardinalities)
        self.starts = [sum(cardinalities[:j]) for j in range(len(cardinalities))]
        self.weight = nn.Parameter(torch.zeros(n_members, self.n_levels, n_outputs))

    @torch.no_grad()
    def initialize(self, rng: np.random.RandomState) -> None:
        """Standard normal vectors (Holzmueller et al., 2024)."""
        self.weight.copy_(torch.as_tensor(rng.normal(size=self.weight.shape)))
        self.weight[:, self.starts] = 0.0

    def forward(self, codes: Tensor) -> Tensor:
        offsets = torch.tensor(self.starts, device=codes.device)
        members = torch.arange(self.n_members, device=codes.device) * self.n_levels
        rows = codes.long() + offsets + members[:, None, None]
        return nn.functional.embedding(rows, self.weight.flatten(0, 1)).flatten(2)


class SharedLinear(nn.Module):
    """A linear layer whose weights the members of a network share: ``((x * r) @ W) * s + b`` with
    r, s and b of each member, or ``x @ W + b`` with a shared b.

    Shapes
    ------
    x : (n_networks, n_members, n_samples, in_features); returns the same with out_features.
    """

    def __init__(
        self,
        n_networks: int,
        n_members: int,
        in_features: int,
        out_features: int,
        has_adapters: bool,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_networks, in_features, out_features))
        n_biases = n_members if has_adapters else 1
        self.bias = nn.Parameter(torch.zeros(n_networks, n_biases, 1, out_features))
        self.input_factor = self.output_factor = None
        if has_adapters:
            self.input_factor = nn.Parameter(torch.ones(n_networks, n_members, 1, in_features))
            self.output_factor = nn.Parameter(torch.ones(n_networks, n_members, 1, out_features))

    def forward(self, x: Tensor, chosen: Chosen | None = None) -> Tensor:
        """`chosen` is None or the number of a network and of its members that take part."""
        weight, r, s, b = (
            _pick(p, chosen)
            for p in (self.weight, self.input_factor, self.output_factor, self.bias)
        )
        if r is None:
            return torch.baddbmm(b[:, 0], x.flatten(1, 2), weight).unflatten(1, x.shape[1:3])
        z = torch.bmm((x * r).flatten(1, 2), weight).unflatten(1, x.shape[1:3])
        return torch.addcmul(b, z, s)


def _pick(parameter: Tensor | None, chosen: Chosen | None) -> Any:
    """A parameter of a network, or of some of its members where each has its own."""
    if chosen is None or parameter is None:
        return parameter
    network, members = chosen
    parameter = parameter[network : network + 1]
    return parameter[:, members] if parameter.dim() == 4 and parameter.shape[1] > 1 else parameter


class TabMNet(nn.Module):
    """Perceptrons with shared weights and a separate scale of every input for each member.

    Parameters
    ----------
    n_networks, n_members : int
        Networks side by side without a common weight, and the members of each.
    n_numeric, n_plain : int
        Number of numbers to embed and of columns taken as they are.
    cardinalities : list of int
        Levels of each category.
    hidden : list of int
    n_outputs : int
    dropout : float
    n_bins : int, default=48
    n_embedding : int, default=16
        Numbers that stand for a number; 0 for no embedding.
    n_level_embedding : int, default=16
        Numbers that stand for a category.
    is_mini : bool, default=True
        Whether members differ in the scales of the inputs and in the last layer alone
        (TabM-mini), or in factors of every layer too.

    Shapes
    ------
    x : (n, n_samples, n_columns), other rows for each member (n is the number of all members) or
    for each network (n is the number of networks); returns raw scores
    (n_networks * n_members * n_samples, n_outputs). Or (n_samples, n_columns), the same rows for
    all; returns (n_samples, n_networks * n_members, n_outputs).

    Examples
    --------
    >>> import torch
    >>> from skdeep.nets.tabm import TabMNet
    >>> TabMNet(2, 4, 2, 1, [], [8, 8], 3, 0.1)(torch.zeros(5, 3)).shape
    torch.Size([5, 8, 3])
    """

    def __init__(
        self,
        n_networks: int,
        n_members: int,
        n_numeric: int,
        n_plain: int,
        cardinalities: Sequence[int],
        hidden: Sequence[int],
        n_outputs: int,
        dropout: float,
        n_bins: int = 48,
        n_embedding: int = 16,
        n_level_embedding: int = 16,
        is_mini: bool = True,
    ) -> None:
        super().__init__()
        self.config = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        self.n_networks, self.n_each = n_networks, n_members
        self.n_members = n_networks * n_members
        self.n_numeric, self.n_codes = n_numeric, len(cardinalities)
        self.numbers = self.levels = None
        if n_embedding > 0 and n_numeric > 0:
            self.numbers = PiecewiseLinearEmbedding(n_networks, n_numeric, n_bins, n_embedding)
        if cardinalities:
            self.levels = LevelEmbedding(n_networks, cardinalities, n_level_embedding)
        self.chunks = [n_embedding if self.numbers is not None else 1] * n_numeric
        self.chunks += [1] * n_plain + [n_level_embedding] * len(cardinalities)
        lead, width = (n_networks, n_members), sum(self.chunks)
        self.input_scale = nn.Parameter(torch.ones(*lead, 1, width))
        units = [width, *hidden]
        self.linears = layers(
            SharedLinear(*lead, n_in, n_out, not is_mini) for n_in, n_out in pairwise(units)
        )
        self.relus = nn.ModuleList(nn.ReLU() for _ in hidden)
        self.head_weight = nn.Parameter(torch.zeros(*lead, units[-1], n_outputs))
        self.head_bias = nn.Parameter(torch.zeros(*lead, 1, n_outputs))
        self.dropout = Dropout(dropout)

    def embed(self, x: Tensor) -> Tensor:
        """Inputs of the members for rows (n_networks or 1, n_samples, n_columns)."""
        n_columns = x.shape[2] - self.n_codes
        vectors = None
        if self.levels is not None:
            vectors = self.levels(x[..., n_columns:].expand(self.n_networks, -1, -1))
        return self._joined(x[..., :n_columns], vectors)

    def _joined(self, dense: Tensor, vectors: Tensor | None) -> Tensor:
        numbers = dense[..., : self.n_numeric]
        parts = [numbers if self.numbers is None else self.numbers(numbers)]
        parts.append(dense[..., self.n_numeric :])
        if vectors is not None:
            parts.append(vectors)
        n = max(map(len, parts))
        return torch.cat([part.expand(n, -1, -1) for part in parts], 2)

    def split(self, x: Tensor) -> list[Tensor]:
        """Numbers and, (n_samples, n_networks, width), vectors of categories."""
        n_columns = x.shape[1] - self.n_codes
        if self.levels is None:
            return [x]
        codes = x[:, n_columns:].expand(self.n_networks, -1, -1)
        return [x[:, :n_columns], self.levels(codes).transpose(0, 1)]

    def join(self, parts: Sequence[Tensor], members: Sequence[int] | None = None) -> Tensor:
        """What `forward` returns for rows, from their parts."""
        vectors = parts[1].transpose(0, 1) if len(parts) > 1 else None
        return self._scores(self._joined(parts[0][None], vectors), members)

    def forward(self, x: Tensor, members: Sequence[int] | None = None) -> Tensor:
        """`members`, a list of rising numbers, leaves the others out."""
        if x.dim() == 3:
            n_sets = len(x) // self.n_networks  # one for each member, or one
            h = self.embed(x.unflatten(0, (self.n_networks, n_sets)).flatten(1, 2))
            return self._heads(h.unflatten(1, (n_sets, -1))).flatten(0, 1)
        return self._scores(self.embed(x.unsqueeze(0)), members)

    def _scores(self, h: Tensor, members: Sequence[int] | None) -> Tensor:
        """Raw scores (n_samples, n_members, n_outputs) of embedded rows, the same for all."""
        h = h.expand(self.n_networks, -1, -1).unsqueeze(1)
        if members is None:
            return self._heads(h).transpose(0, 1)
        by_network: dict[int, list[int]] = {}
        for member in members:
            by_network.setdefault(member // self.n_each, []).append(member % self.n_each)
        out = [self._heads(h[g : g + 1], (g, some)) for g, some in by_network.items()]
        return torch.cat(out).transpose(0, 1)

    def _heads(self, h: Tensor, chosen: Chosen | None = None) -> Tensor:
        """Raw scores (n_members, n_samples, n_outputs) of embedded rows."""
        h = h * _pick(self.input_scale, chosen)
        for linear, relu in zip(self.linears, self.relus):
            h = self.dropout.after_relu(relu, linear(h, chosen), linear, rows=2)
        weight, bias = (_pick(p, chosen).flatten(0, 1) for p in (self.head_weight, self.head_bias))
        return torch.baddbmm(bias, h.flatten(0, 1), weight)

    def parameter_group(self, name: str) -> tuple[float, float]:
        """(factor of the learning rate, factor of the decay): biases do not decay."""
        return 1.0, 0.0 if name.endswith("bias") else 1.0


@torch.no_grad()
def initialize(net: TabMNet, rng: np.random.RandomState, edges: Sequence[np.ndarray]) -> None:
    """Draw the initial weights.

    Linear layers are uniform in ``1 / sqrt(n_in)``, with one bias for all members. The scales of
    the inputs are standard normal where numbers are embedded and signs where not, one for all
    numbers that stand for a feature.

    Parameters
    ----------
    net : TabMNet
    rng : numpy.random.RandomState
    edges : list of 1-D arrays
        See `PiecewiseLinearEmbedding.initialize`.
    """
    shape = (*net.input_scale.shape[:3], len(net.chunks))
    scale = rng.normal(size=shape) if net.numbers is not None else rng.choice([-1.0, 1.0], shape)
    net.input_scale.copy_(torch.as_tensor(scale.repeat(net.chunks, axis=3)))
    if net.numbers is not None:
        net.numbers.initialize(rng, edges)
    if net.levels is not None:
        net.levels.initialize(rng)
    for linear in net.linears:
        bound = 1 / math.sqrt(linear.weight.shape[1])
        linear.weight.copy_(torch.as_tensor(rng.uniform(-bound, bound, linear.weight.shape)))
        shape = (net.n_networks, 1, 1, linear.bias.shape[-1])
        linear.bias.copy_(torch.as_tensor(rng.uniform(-bound, bound, shape)))
    bound = 1 / math.sqrt(net.head_weight.shape[2])
    for tensor in (net.head_weight, net.head_bias):
        tensor.copy_(torch.as_tensor(rng.uniform(-bound, bound, tensor.shape)))
