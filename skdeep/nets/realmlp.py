"""RealMLP: perceptrons for tables (Holzmueller, Grinsztajn and Steinwart, NeurIPS 2024).

Several are trained side by side: every parameter has the network (the member) as its first axis,
and so has every tensor between the layers, ``(n_members, n_samples, n_units)``. One matrix product
then serves all members.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from skdeep.nets.blocks import ACTIVATIONS, Dropout, PackedLinear, is_watched, layers
from skdeep.nets.tabm import LevelEmbedding

if TYPE_CHECKING:
    Difference: TypeAlias = Callable[[Tensor], tuple[Tensor, Tensor]]
    import numpy as np

_SELU_SCALE, _SELU_ALPHA = 1.0507009873554804934, 1.6732632423543772848  # Klambauer et al., 2017
_MISH_LINEAR = 20.0  # above it mish(x) = x in single and double precision
_CONTEXT = 5  # rows whose hyperplanes a bias is drawn from ("he+5")


class PackedScale(nn.Module):
    """A learned factor for each feature, 1 at the start (Holzmueller et al., 2024)."""

    def __init__(self, n_members: int, n_features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n_members, 1, n_features))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight


def _selu(x: Tensor) -> tuple[Tensor, Tensor]:
    """``SELU(x) - x`` and its derivative."""
    value = torch.selu(x)
    slope = value.clamp(max=0.0).add_(_SELU_SCALE * _SELU_ALPHA - 1)  # of the left branch
    slope.masked_fill_(x > 0, _SELU_SCALE - 1)
    return value.sub_(x), slope


def _mish(x: Tensor) -> tuple[Tensor, Tensor]:
    """``Mish(x) - x`` and its derivative, from one exponential.

    With ``e = exp(x)`` and ``m = -2 / (1 + (1 + e) ** 2)`` it is ``m x``, since
    ``tanh(log(1 + e)) = 1 + m``; the derivative is ``m (1 + m x e (1 + e))``.
    """
    e = x.clamp(max=_MISH_LINEAR).exp_()
    p = e + 1
    e.mul_(p)
    m = p.add_(e).add_(1).reciprocal_().mul_(-2)
    value = m * x
    return value, e.mul_(value).add_(1).mul_(m)


def _relu(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.relu().sub_(x), (x > 0).to(x.dtype).sub_(1)


def _silu(x: Tensor) -> tuple[Tensor, Tensor]:
    s = torch.sigmoid(x)
    value = x * s
    return value - x, (1 - s).mul_(value).add_(s).sub_(1)


PARAMETRIC = {"selu": _selu, "mish": _mish, "relu": _relu, "silu": _silu}
"""What an activation adds to its input, and the derivative of that, by name."""


class _Blend(torch.autograd.Function):
    """``x + a * d(x)``, with the derivative of `d` computed in the forward pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, a: Tensor, difference: Difference) -> Tensor:
        value, slope = difference(x)
        ctx.save_for_backward(value, slope, a)
        return torch.addcmul(x, value, a)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor | None, None]:
        value, slope, a = ctx.saved_tensors
        a_grad = value.mul(grad).sum(1, keepdim=True) if ctx.needs_input_grad[1] else None
        return torch.addcmul(grad, grad * a, slope), a_grad, None


class ParametricActivation(nn.Module):
    """``x + a * (f(x) - x)`` with a learned slope `a` for each unit, 1 at the start (Holzmueller et
    al., 2024).

    Parameters
    ----------
    n_members, n_units : int
    activation : {'selu', 'mish', 'relu', 'silu'}
    learned : bool, default=True
        False leaves `f` as it is.
    """

    def __init__(self, n_members: int, n_units: int, activation: str, learned: bool = True) -> None:
        super().__init__()
        self.difference = PARAMETRIC[activation]
        self.function = ACTIVATIONS[activation]()
        self.slope = nn.Parameter(torch.ones(n_members, 1, n_units), requires_grad=learned)

    def forward(self, x: Tensor) -> Tensor:
        fast = self.training or not torch.is_grad_enabled()
        if fast and not is_watched(self.function):
            return _Blend.apply(x, self.slope, self.difference)
        value = self.function(x.transpose(0, 1)).transpose(0, 1)  # hooks see rows first
        return torch.addcmul(x, value - x, self.slope)


class PeriodicEmbedding(nn.Module):
    """Periodic bias linear dense (PBLD) embedding of numbers (Holzmueller et al., 2024):
    ``(x, W2 cos(2 pi w1 x + b1) + b2)`` for each feature (after Gorishniy et al., 2022).

    Parameters
    ----------
    n_members, n_features : int
    n_frequencies : int, default=16
    n_outputs : int, default=4
        Numbers that stand for a feature, itself included.

    Shapes
    ------
    x : (n_members, n_samples, n_features); returns (n_members, n_samples, n_features * n_outputs).
    """

    def __init__(
        self, n_members: int, n_features: int, n_frequencies: int = 16, n_outputs: int = 4
    ) -> None:
        super().__init__()
        lead = (n_members, n_features)
        self.frequency = nn.Parameter(torch.zeros(*lead, 1, n_frequencies))
        self.phase = nn.Parameter(torch.zeros(*lead, 1, n_frequencies))
        self.weight = nn.Parameter(torch.zeros(*lead, n_frequencies, n_outputs - 1))
        self.bias = nn.Parameter(torch.zeros(*lead, 1, n_outputs - 1))

    @torch.no_grad()
    def initialize(self, rng: np.random.RandomState, scale: float) -> None:
        """Draw frequencies with the standard deviation `scale`, in periods per unit."""
        self.frequency.copy_(torch.as_tensor(rng.normal(0.0, scale, self.frequency.shape)))
        self.phase.copy_(torch.as_tensor(rng.uniform(-math.pi, math.pi, self.phase.shape)))
        bound = 1 / math.sqrt(self.weight.shape[-2])
        self.weight.copy_(torch.as_tensor(rng.uniform(-bound, bound, self.weight.shape)))
        self.bias.copy_(torch.as_tensor(rng.uniform(-bound, bound, self.bias.shape)))

    def forward(self, x: Tensor) -> Tensor:
        n_members, n_samples, _ = x.shape
        columns = x.transpose(1, 2).unsqueeze(-1)
        waves = torch.addcmul(self.phase, columns, self.frequency, value=2 * math.pi).cos()
        mixed = torch.baddbmm(
            self.bias.flatten(0, 1), waves.flatten(0, 1), self.weight.flatten(0, 1)
        )
        mixed = mixed.unflatten(0, (n_members, -1)).transpose(1, 2)
        return torch.cat([x, mixed.reshape(n_members, n_samples, -1)], 2)


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
        vectors = None if self.levels is None else self.levels(x[:, :, n_columns:])
        return self._joined(x[:, :, :n_columns], vectors)

    def _joined(self, dense: Tensor, vectors: Tensor | None) -> Tensor:
        if self.numbers is not None:
            embedded = self.numbers(dense[:, :, : self.n_numeric])
            rest = dense[:, :, self.n_numeric :]
            dense = torch.cat([embedded, rest], 2) if rest.shape[2] else embedded
        if vectors is not None:
            dense = torch.cat([dense, vectors], 2)
        return dense if self.scale is None else self.scale(dense)

    def forward(self, x: Tensor) -> Tensor:
        is_packed = x.dim() == 3
        out = self._heads(self.embed(x if is_packed else x.expand(self.n_members, *x.shape)))
        return out.flatten(0, 1) if is_packed else out.transpose(0, 1)

    def _heads(self, h: Tensor) -> Tensor:
        """Raw scores (n_members, n_samples, n_outputs) of embedded rows."""
        for linear, activation in zip(self.linears, self.activations):
            h = self.dropout(activation(linear(h)))
        return self.linears[-1](h)

    def split(self, x: Tensor) -> list[Tensor]:
        """Numbers and, (n_samples, n_members, width), vectors of categories."""
        n_columns = x.shape[1] - self.n_codes
        if self.levels is None:
            return [x]
        codes = x[:, n_columns:].expand(self.n_members, -1, -1)
        return [x[:, :n_columns], self.levels(codes).transpose(0, 1)]

    def join(self, parts: Sequence[Tensor]) -> Tensor:
        """What `forward` returns for rows, from their parts."""
        dense = parts[0].expand(self.n_members, -1, -1)
        vectors = parts[1].transpose(0, 1) if len(parts) > 1 else None
        return self._heads(self._joined(dense, vectors)).transpose(0, 1)

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
