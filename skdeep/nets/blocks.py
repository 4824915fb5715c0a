"""Parts that networks are made of, and the plain stack of them, a multi-layer perceptron."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.module import _has_any_global_hook

from skdeep.nets.packed_mlp import PackedMLP

if TYPE_CHECKING:
    import numpy as np

    Shape: TypeAlias = Sequence[Any]  # of a row: int, None for a length that differs
    Input: TypeAlias = Tensor | tuple[Tensor, Tensor]  # rows, or padded series and their lengths

M = TypeVar("M")


class Linear(nn.Linear):
    """``x @ weight.T + bias``, uninitialised: weights are set by `initialize`.

    torch's `Linear` draws initial weights from the global generator; this one draws none. `x` may
    be a sparse COO tensor.

    Shapes
    ------
    x : (n_samples, in_features); returns (n_samples, out_features).
    """

    def reset_parameters(self) -> None:
        """Leave the weights as they are."""


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


class Identity(nn.Identity):
    """The identity activation."""


class ReLU(nn.ReLU):
    """ReLU of earlier versions, for modules read from files: it becomes torch's, which explainers
    know by its class."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({"inplace": False, **state})
        self.__class__ = nn.ReLU  # type: ignore[assignment]  # a file from before


ACTIVATIONS = {
    "identity": Identity,
    "logistic": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "elu": nn.ELU,  # Clevert et al., 2016
    "leaky_relu": nn.LeakyReLU,  # Maas et al., 2013, slope 0.01
    "prelu": nn.PReLU,  # He et al., 2015, one learned slope per layer, 0.25 at the start
    "selu": nn.SELU,  # Klambauer et al., 2017
    "softplus": nn.Softplus,  # Dugas et al., 2001
    "gelu": nn.GELU,  # Hendrycks and Gimpel, 2016
    "silu": nn.SiLU,  # Elfwing et al., 2018
    "mish": nn.Mish,  # Misra, 2020
}


def hooks_of(layer: nn.Module) -> tuple[dict[int, Any], ...]:
    """torch's tables of the hooks on inputs and outputs of a layer."""
    return (
        layer._forward_hooks,
        layer._forward_pre_hooks,
        layer._backward_hooks,
        layer._backward_pre_hooks,
    )


def is_watched(*layers: nn.Module) -> bool:
    """Whether a hook sees an input or output of one of the layers.

    Explainers and probes keep references to these tensors, which must not be overwritten then.
    """
    for layer in layers:
        if any(hooks_of(layer)):
            return True
    return _has_any_global_hook()


def _is_ours(layer: nn.Module) -> bool:
    """Whether a pass is one of skdeep's: users look at gradients, or at networks in evaluation
    mode."""
    return layer.training or torch.is_inference_mode_enabled()


def layers(modules: Iterable[M]) -> Sequence[M]:
    """A `torch.nn.ModuleList` with the type of its elements."""
    return nn.ModuleList(modules)  # type: ignore[arg-type, return-value]  # not generic in torch


def activate(activation: nn.Module, x: Tensor, source: nn.Module | None = None) -> Tensor:
    """``activation(x)``; in training and in the estimators' own predictions (torch's inference
    mode) a ReLU overwrites `x`, unless a hook is registered.

    Parameters
    ----------
    activation : torch.nn.Module
        Or a `torch.nn.Sequential` with one in it.
    x : Tensor
        Output of `source`, which its backward pass does not need.
    source : torch.nn.Module, default=None
        Layer whose output `x` is, if any.

    Returns
    -------
    Tensor of the shape of `x`
    """
    if type(activation) is nn.Sequential and not is_watched(activation):
        for layer in activation:
            x, source = activate(layer, x, source), layer
        return x
    if type(activation) is not nn.ReLU or not _is_ours(activation):
        return activation(x)
    if is_watched(activation) or (source is not None and is_watched(source)):
        return activation(x)
    return x.relu_()


class RandomModule(nn.Module):
    """Layer that draws random numbers in training, from `generator` and never from torch's global
    one."""

    generator: torch.Generator | None = None

    def is_drawing(self) -> bool:
        return self.training and self.generator is not None

    def bits(self, shape: Sequence[int], device: torch.device) -> Tensor:
        """Random 16-bit numbers, from 64-bit draws of four."""
        n = math.prod(shape)
        draws = torch.empty((n + 3) // 4, dtype=torch.int64, device=device)
        draws.random_(-(2**63), None, generator=self.generator)
        return draws.view(torch.int16)[:n].view(*shape)


class Dropout(RandomModule):
    """Set a share `p` of the units to zero and scale the others by ``1 / (1 - p)`` (Srivastava et
    al., 2014).

    The mask comes from 16 bits a unit: drawing floats would take as long as the matrix product.
    """

    recorded: tuple[Tensor, Tensor] | None = None
    """`threshold` and ``1 / (1 - p)`` on the device, while a step is recorded."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    @property
    def threshold(self) -> int:
        """Of 16 random bits, read as a signed number, what is below it is dropped."""
        return round(self.p * 2**16) - 2**15

    @property
    def _scale(self) -> Any:
        return 1 / (1 - self.p) if self.recorded is None else self.recorded[1]

    def forward(self, x: Tensor) -> Tensor:
        if not (self.p and self.is_drawing()):
            return x
        return x * self.kept(x)

    def kept(self, x: Tensor) -> Tensor:
        """Factors of the units in a training step: 0, or ``1 / (1 - p)``."""
        return self._dropped(x).logical_not_().to(x.dtype).mul_(self._scale)

    def after_relu(self, relu: nn.Module, x: Tensor, source: nn.Module, rows: int = 0) -> Tensor:
        """``self(relu(x))`` in one pass over the values of `x`, where `activate` would overwrite
        them: no hook on the three layers (`source` is the one that `x` is from). Hooks of `relu`
        see the axis `rows` of `x` as the first."""
        if not _is_ours(self) or is_watched(self, relu, source):
            return self(relu(x.movedim(rows, 0)).movedim(0, rows))
        if not (self.p and self.is_drawing()):
            return x.relu_()
        kept = self._dropped(x).logical_not_().to(x.dtype)  # products are faster than masks
        return _DroppedReLU.apply(x, kept, self._scale)

    def _dropped(self, x: Tensor) -> Tensor:
        threshold = self.threshold if self.recorded is None else self.recorded[0]
        return self.bits(x.shape, x.device) < threshold


class _DroppedReLU(torch.autograd.Function):
    """``relu(x) * scale`` where kept; the gradient needs its output alone."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kept: Tensor, scale: Any) -> Tensor:
        out = x.detach().relu_().mul_(kept.mul_(scale))
        ctx.scale = scale
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (out,) = ctx.saved_tensors
        return torch.ops.aten.threshold_backward(grad, out, 0).mul_(ctx.scale), None, None


class GaussianNoise(RandomModule):
    """Add Gaussian noise of standard deviation `scale`, in the units of the input (Bishop, 1995:
    close to an L2 penalty on the Jacobian)."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = float(scale)

    def forward(self, x: Tensor) -> Tensor:
        if not self.is_drawing():
            return x
        dense = x.to_dense() if x.is_sparse else x
        noise = torch.empty_like(dense).normal_(0.0, self.scale, generator=self.generator)
        return dense + noise


def set_generator(module: nn.Module, generator: torch.Generator | None) -> None:
    """Set the generator of every layer that draws random numbers (None removes it)."""
    for layer in module.modules():
        if isinstance(layer, RandomModule):
            layer.generator = generator


def initialize(
    net: nn.Module, scheme: str, rng: np.random.RandomState, *, factor: float = 6.0
) -> None:
    """Draw initial weights of the linear layers of `net`, in order.

    Parameters
    ----------
    net : torch.nn.Module
    scheme : {'auto', 'xavier_uniform', 'xavier_normal', 'he_uniform', 'he_normal', 'orthogonal'}
        'auto' is scikit-learn's: weights and biases uniform in ±sqrt(factor / (n_in + n_out)),
        the same numbers for the same generator. The others set biases to 0:
        xavier (Glorot and Bengio, 2010) has the variance ``2 / (n_in + n_out)``,
        he (He et al., 2015) ``2 / n_in``; orthogonal weights have orthonormal rows or columns
        (Saxe et al., 2014).
    rng : numpy.random.RandomState
        Generator of `uniform` and `normal` numbers.
    factor : float, default=6.0
        Of 'auto': 2 for logistic units, 6 for all others, as in scikit-learn.
    """
    for layer in net.modules():
        if isinstance(layer, nn.Linear):
            _fill(layer, scheme, rng, factor)


@torch.no_grad()
def _fill(layer: nn.Linear, scheme: str, rng: np.random.RandomState, factor: float) -> None:
    n_out, n_in = layer.weight.shape
    weight: np.ndarray | Tensor
    if scheme == "auto":
        bound = math.sqrt(factor / (n_in + n_out))
        weight = rng.uniform(-bound, bound, (n_in, n_out))
        layer.bias.copy_(torch.from_numpy(rng.uniform(-bound, bound, n_out)))
    elif scheme == "orthogonal":
        weight = torch.from_numpy(rng.normal(size=(max(n_in, n_out), min(n_in, n_out))))
        q, r = torch.linalg.qr(weight)
        q *= torch.sign(torch.diagonal(r))  # uniform over orthogonal matrices (Mezzadri, 2007)
        weight = q if n_in >= n_out else q.T
        layer.bias.zero_()
    else:
        kind, law = scheme.split("_")
        std = math.sqrt(2 / (n_in + n_out) if kind == "xavier" else 2 / n_in)
        if law == "uniform":
            bound = std * math.sqrt(3)
            weight = rng.uniform(-bound, bound, (n_in, n_out))
        else:
            weight = rng.normal(0.0, std, (n_in, n_out))
        layer.bias.zero_()
    layer.weight.copy_(torch.as_tensor(weight).T)


NORMALIZATIONS = {
    "batch": nn.BatchNorm1d,  # Ioffe and Szegedy, 2015
    "layer": nn.LayerNorm,  # Ba et al., 2016
}


class MLPNet(nn.Module):
    """Linear layers with an activation after each but the last.

    The order within a hidden layer is linear, normalisation, activation, dropout.

    Parameters
    ----------
    layer_units : tuple of int
        Width of the input, of each hidden layer and of the output.
    activation : str, default='relu'
        A key of `skdeep.nets.blocks.ACTIVATIONS`.
    dropout : float in [0, 1), default=0.0
        Share of hidden units that a training step leaves out.
    normalization : {None, 'batch', 'layer'}, default=None
    input_noise : float >= 0, default=0.0
        Standard deviation of Gaussian noise added to the input in training.

    Shapes
    ------
    x : (n_samples, layer_units[0]), dense or sparse COO; returns the raw scores,
    (n_samples, layer_units[-1]).

    Examples
    --------
    >>> import torch
    >>> from skdeep.nets.blocks import MLPNet
    >>> MLPNet((4, 8, 3))(torch.zeros(2, 4)).shape
    torch.Size([2, 3])
    """

    def __init__(
        self,
        layer_units: Sequence[int],
        activation: str = "relu",
        dropout: float = 0.0,
        normalization: str | None = None,
        input_noise: float = 0.0,
    ) -> None:
        super().__init__()
        self.config = {
            "layer_units": tuple(int(n) for n in layer_units),
            "activation": activation,
            "dropout": float(dropout),
            "normalization": normalization,
            "input_noise": float(input_noise),
        }
        self.activation = activation
        self.hidden_layer_sizes = [int(n) for n in layer_units[1:-1]]
        self.is_plain = not (dropout or normalization or input_noise)
        self.linears = layers(Linear(n_in, n_out) for n_in, n_out in pairwise(layer_units))
        self.noise = GaussianNoise(input_noise) if input_noise else None
        self.hidden = nn.ModuleList(
            _after_linear(width, activation, dropout, normalization) for width in layer_units[1:-1]
        )

    def pack_key(self) -> Any:
        """What networks that can be trained side by side have in common; None with hooks."""
        if any(any(hooks_of(layer)) for layer in self.modules()):
            return None
        noises = {"dropout": bool(self.config["dropout"]), "input_noise": self.noise is not None}
        return type(self), tuple((self.config | noises).items())

    def pack(self, nets: Sequence[MLPNet], parameters: Mapping[nn.Parameter, Tensor]) -> PackedMLP:
        """Networks with the same `pack_key`, this one being the first, as one."""
        return PackedMLP(nets, parameters)

    def forward(self, x: Tensor) -> Tensor:
        if self.noise is not None:
            x = self.noise(x)
        for linear, rest in zip(self.linears, self.hidden):
            x = activate(rest, linear(x), linear)
        return self.linears[-1](x)


def _after_linear(
    width: int, activation: str, dropout: float, normalization: str | None
) -> nn.Module:
    parts = [NORMALIZATIONS[normalization](width)] if normalization else []
    parts.append(ACTIVATIONS[activation]())
    if dropout:
        parts.append(Dropout(dropout))
    return nn.Sequential(*parts) if len(parts) > 1 else parts[0]
