"""Layers of several networks trained side by side.

Every parameter has the network (the member) as its first axis, and so has every tensor between
the layers: ``(n_members, n_samples, n_units)``. One matrix product then serves all members.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from skdeep.nets.blocks import ACTIVATIONS, is_watched

if TYPE_CHECKING:
    Difference: TypeAlias = Callable[[Tensor], tuple[Tensor, Tensor]]
    import numpy as np

_SELU_SCALE, _SELU_ALPHA = 1.0507009873554804934, 1.6732632423543772848  # Klambauer et al., 2017
_MISH_LINEAR = 20.0  # above it mish(x) = x in single and double precision


class PackedLinear(nn.Module):
    """``x @ weight + bias`` in the neural tangent parametrisation (Jacot et al., 2018), so that
    one learning rate suits layers of any width.

    The parametrisation has ``x @ V / sqrt(in_features)`` with V of unit variance. Here `weight` is
    ``V / sqrt(in_features)``; Adam then takes the same steps where the learning rate of the
    weights is divided, and their decay multiplied, by ``sqrt(in_features)``: see `factors`. It
    saves two passes over the gradients.

    Shapes
    ------
    x : (n_members, n_samples, in_features); returns (n_members, n_samples, out_features).
    """

    def __init__(self, n_members: int, in_features: int, out_features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_members, in_features, out_features))
        self.bias = nn.Parameter(torch.zeros(n_members, 1, out_features))
        self.root = math.sqrt(in_features)

    @property
    def factors(self) -> tuple[float, float]:
        """Factors of the learning rate and of the decay of `weight`."""
        return 1 / self.root, self.root

    def forward(self, x: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, x, self.weight)


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
        _fill(self.frequency, rng.normal(0.0, scale, self.frequency.shape))
        _fill(self.phase, rng.uniform(-math.pi, math.pi, self.phase.shape))
        bound = 1 / math.sqrt(self.weight.shape[-2])
        _fill(self.weight, rng.uniform(-bound, bound, self.weight.shape))
        _fill(self.bias, rng.uniform(-bound, bound, self.bias.shape))

    def forward(self, x: Tensor) -> Tensor:
        n_members, n_samples, _ = x.shape
        columns = x.transpose(1, 2).unsqueeze(-1)
        waves = torch.addcmul(self.phase, columns, self.frequency, value=2 * math.pi).cos()
        mixed = torch.baddbmm(
            self.bias.flatten(0, 1), waves.flatten(0, 1), self.weight.flatten(0, 1)
        )
        mixed = mixed.unflatten(0, (n_members, -1)).transpose(1, 2)
        return torch.cat([x, mixed.reshape(n_members, n_samples, -1)], 2)


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
        starts = [sum(cardinalities[:j]) for j in range(len(cardinalities))]
        self.starts = starts
        self.weight = nn.Parameter(torch.zeros(n_members, self.n_levels, n_outputs))

    @torch.no_grad()
    def initialize(self, rng: np.random.RandomState) -> None:
        """Standard normal vectors (Holzmueller et al., 2024)."""
        _fill(self.weight, rng.normal(size=self.weight.shape))
        self.weight[:, self.starts] = 0.0

    def forward(self, codes: Tensor) -> Tensor:
        offsets = torch.tensor(self.starts, device=codes.device)
        members = torch.arange(self.n_members, device=codes.device) * self.n_levels
        rows = codes.long() + offsets + members[:, None, None]
        return nn.functional.embedding(rows, self.weight.flatten(0, 1)).flatten(2)


def _fill(tensor: Tensor, values: np.ndarray) -> None:
    tensor.copy_(torch.as_tensor(values))
