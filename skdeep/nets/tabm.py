"""TabM: many perceptrons that share most of their weights (Gorishniy, Kotelnikov and Babenko,
ICLR 2025), after BatchEnsemble (Wen, Tran and Ba, ICLR 2020)."""

import math
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from skdeep.nets.packed import LevelEmbedding, ScheduledDropout


class PiecewiseLinearEmbedding(nn.Module):
    """Numbers as piecewise linear functions of themselves (Gorishniy et al., 2022).

    Each feature is encoded by how far it is through each of its bins, 0 before and 1 behind
    them; a linear map of this code, 0 at the start, is added to a linear map of the number.

    Parameters
    ----------
    n_features, n_bins, n_outputs : int

    Shapes
    ------
    x : (n_samples, n_features); returns (n_samples, n_features * n_outputs).
    """

    def __init__(self, n_features, n_bins, n_outputs):
        super().__init__()
        # The last "bin" is the number itself: no lower end, no upper end.
        self.register_buffer("lower", torch.zeros(n_features, 1, n_bins + 1))
        self.register_buffer("inverse", torch.zeros(n_features, 1, n_bins + 1))
        self.register_buffer("floor", torch.zeros(n_features, 1, n_bins + 1))
        self.register_buffer("ceiling", torch.ones(n_features, 1, n_bins + 1))
        self.weight = nn.Parameter(torch.zeros(n_features, n_bins + 1, n_outputs))
        self.bias = nn.Parameter(torch.zeros(n_features, 1, n_outputs))

    @torch.no_grad()
    def initialize(self, rng, edges):
        """Set the bins and draw the weights.

        Parameters
        ----------
        rng : numpy.random.RandomState
        edges : list of 1-D float arrays
            Rising edges of each feature's bins, at most ``n_bins + 1``.
        """
        for j, known in enumerate(edges):
            known = torch.as_tensor(known, dtype=self.lower.dtype)
            n_bins = len(known) - 1
            self.lower[j, 0, :n_bins] = known[:-1]
            self.inverse[j, 0, :n_bins] = 1 / known.diff()
        self.inverse[:, :, -1] = 1.0
        self.floor[:, :, -1], self.ceiling[:, :, -1] = -math.inf, math.inf
        bound = 1 / math.sqrt(self.weight.shape[2])
        self.weight.zero_()
        draw = rng.uniform(-bound, bound, (2, len(self.weight), self.weight.shape[2]))
        self.weight[:, -1] = torch.as_tensor(draw[0])
        self.bias[:, 0] = torch.as_tensor(draw[1])

    def forward(self, x):
        with torch.no_grad():
            code = (x.t().unsqueeze(2) - self.lower).mul_(self.inverse)
            torch.clamp(code, self.floor, self.ceiling, out=code)
        return torch.baddbmm(self.bias, code, self.weight).transpose(0, 1).flatten(1)


class SharedLinear(nn.Module):
    """A linear layer whose weights all members share: ``((x * r) @ weight.T) * s + b`` with
    r, s and b of each member, or ``x @ weight.T + b`` with a shared b.

    Shapes
    ------
    x : (n_members, n_samples, in_features); returns (n_members, n_samples, out_features).
    """

    def __init__(self, n_members, in_features, out_features, has_adapters):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(out_features, in_features))
        lead = (n_members, 1) if has_adapters else ()
        self.bias = nn.Parameter(torch.zeros(*lead, out_features))
        self.input_factor = self.output_factor = None
        if has_adapters:
            self.input_factor = nn.Parameter(torch.ones(n_members, 1, in_features))
            self.output_factor = nn.Parameter(torch.ones(n_members, 1, out_features))

    def forward(self, x, members=slice(None)):
        if self.input_factor is None:
            return F.linear(x, self.weight, self.bias)
        z = F.linear(x * self.input_factor[members], self.weight)
        return torch.addcmul(self.bias[members], z, self.output_factor[members])


class TabMNet(nn.Module):
    """Perceptrons with shared weights, each with a scale of its own for every input.

    Parameters
    ----------
    n_members, n_numeric, n_plain : int
        Number of members, of numbers to embed and of columns taken as they are.
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
    x : (n_members, n_samples, n_columns), other rows for each member; returns raw scores
    (n_members * n_samples, n_outputs). Or (n_samples, n_columns), the same rows for all; returns
    (n_samples, n_members, n_outputs).

    Examples
    --------
    >>> import torch
    >>> from skdeep.nets.tabm import TabMNet
    >>> TabMNet(4, 2, 1, [], [8, 8], 3, 0.1)(torch.zeros(5, 3)).shape
    torch.Size([5, 4, 3])
    """

    def __init__(
        self,
        n_members,
        n_numeric,
        n_plain,
        cardinalities,
        hidden,
        n_outputs,
        dropout,
        n_bins=48,
        n_embedding=16,
        n_level_embedding=16,
        is_mini=True,
    ):
        super().__init__()
        self.config = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        self.n_members, self.n_numeric, self.n_codes = n_members, n_numeric, len(cardinalities)
        has_embedding = n_embedding > 0 and n_numeric > 0
        self.numbers = (
            PiecewiseLinearEmbedding(n_numeric, n_bins, n_embedding) if has_embedding else None
        )
        self.levels = LevelEmbedding(1, cardinalities, n_level_embedding) if cardinalities else None
        self.chunks = [n_embedding if has_embedding else 1] * n_numeric + [1] * n_plain
        self.chunks += [n_level_embedding] * len(cardinalities)
        width = sum(self.chunks)
        self.input_scale = nn.Parameter(torch.ones(n_members, 1, width))
        units = [width, *hidden]
        self.linears = nn.ModuleList(
            SharedLinear(n_members, n_in, n_out, not is_mini) for n_in, n_out in pairwise(units)
        )
        self.head_weight = nn.Parameter(torch.zeros(n_members, units[-1], n_outputs))
        self.head_bias = nn.Parameter(torch.zeros(n_members, 1, n_outputs))
        self.dropout = ScheduledDropout(dropout)

    def embed(self, x):
        """What all members see of rows (n_samples, n_columns)."""
        n_columns = x.shape[1] - self.n_codes
        parts = [x[:, : self.n_numeric]]
        if self.numbers is not None:
            parts[0] = self.numbers(parts[0])
        parts.append(x[:, self.n_numeric : n_columns])
        if self.levels is not None:
            parts.append(self.levels(x[None, :, n_columns:])[0])
        return torch.cat(parts, 1)

    def forward(self, x, members=slice(None)):
        is_packed = x.dim() == 3
        h = self.embed(x.flatten(0, 1) if is_packed else x)
        h = h.unflatten(0, (self.n_members, -1)) if is_packed else h.unsqueeze(0)
        h = h * self.input_scale[members]
        for linear in self.linears:
            h = self.dropout.relu(linear(h, members))
        out = torch.baddbmm(self.head_bias[members], h, self.head_weight[members])
        return out.flatten(0, 1) if is_packed else out.transpose(0, 1)

    def parameter_group(self, name):
        """(factor of the learning rate, factor of the decay): biases do not decay."""
        return 1.0, 0.0 if name.endswith("bias") else 1.0


@torch.no_grad()
def initialize(net, rng, edges):
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
    shape = (net.n_members, 1, len(net.chunks))
    scale = rng.normal(size=shape) if net.numbers is not None else rng.choice([-1.0, 1.0], shape)
    net.input_scale.copy_(torch.as_tensor(scale.repeat(net.chunks, axis=2)))
    if net.numbers is not None:
        net.numbers.initialize(rng, edges)
    if net.levels is not None:
        net.levels.initialize(rng)
    for linear in net.linears:
        bound = 1 / math.sqrt(linear.weight.shape[1])
        linear.weight.copy_(torch.as_tensor(rng.uniform(-bound, bound, linear.weight.shape)))
        linear.bias.copy_(torch.as_tensor(rng.uniform(-bound, bound, linear.bias.shape[-1])))
    bound = 1 / math.sqrt(net.head_weight.shape[1])
    for tensor in (net.head_weight, net.head_bias):
        tensor.copy_(torch.as_tensor(rng.uniform(-bound, bound, tensor.shape)))
