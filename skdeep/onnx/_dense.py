"""Modules of torch that several families are made of."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from torch import nn

from skdeep.nets import blocks
from skdeep.onnx._graph import Graph, Module


def linear(g: Graph, layer: Any, x: str) -> str:
    """``x @ weight.T + bias`` for `x` of two axes."""
    return g.linear(x, layer.weight, layer.bias)


def batch_norm(g: Graph, layer: Any, x: str) -> str:
    """Batch normalisation by the recorded means and variances; channels are the second axis."""
    scale = np.ones(layer.num_features) if layer.weight is None else layer.weight
    shift = np.zeros(layer.num_features) if layer.bias is None else layer.bias
    return g.op(
        "BatchNormalization",
        x,
        *(scale, shift, layer.running_mean, layer.running_var),
        epsilon=float(layer.eps),
    )


def layer_norm(g: Graph, layer: Any, x: str) -> str:
    """Layer normalisation over the last axes."""
    parts = [layer.weight] if layer.bias is None else [layer.weight, layer.bias]
    axes = len(layer.normalized_shape)
    return g.op("LayerNormalization", x, *parts, axis=-axes, epsilon=float(layer.eps))


def sequential(g: Graph, layers: Any, x: str) -> str:
    """One module after the other."""
    for layer in layers:
        x = g.module(layer, x)
    return x


def unchanged(g: Graph, layer: Any, x: str) -> str:
    """What does nothing when it does not train, such as dropout."""
    return x


def gelu(g: Graph, layer: Any, x: str) -> str:
    """``x * Phi(x)`` (Hendrycks and Gimpel, 2016), or its approximation by tanh."""
    if layer.approximate == "tanh":
        cubic = g.op("Add", x, g.op("Mul", g.op("Mul", x, g.op("Mul", x, x)), 0.044715))
        half = g.op("Tanh", g.op("Mul", cubic, math.sqrt(2 / math.pi)))
    else:  # onnxruntime has Erf for single precision only
        erf = g.op("Erf", g.cast(g.op("Mul", x, math.sqrt(0.5)), np.float32, g.dtype))
        half = g.cast(erf, g.dtype, np.float32)
    return g.op("Mul", g.op("Mul", x, 0.5), g.op("Add", half, 1.0))


def silu(g: Graph, layer: Any, x: str) -> str:
    """``x * sigmoid(x)`` (Elfwing et al., 2018)."""
    return g.op("Mul", x, g.op("Sigmoid", x))


def softplus(g: Graph, layer: Any, x: str) -> str:
    """``log(1 + exp(beta * x)) / beta`` (Dugas et al., 2001)."""
    beta = float(layer.beta)
    x = x if beta == 1 else g.op("Mul", x, beta)
    # onnxruntime has Softplus for single precision only.
    decay = g.op("Exp", g.op("Neg", g.op("Abs", x)))
    out = g.op("Add", g.op("Relu", x), g.op("Log", g.op("Add", decay, 1.0)))
    return out if beta == 1 else g.op("Div", out, beta)


def elu(g: Graph, layer: Any, x: str, alpha: float | None = None) -> str:
    """``x`` above 0, ``alpha * (exp(x) - 1)`` below (Clevert et al., 2016)."""
    alpha = float(layer.alpha) if alpha is None else alpha
    if g.dtype == np.float32:  # onnxruntime has Elu for nothing else
        return g.op("Elu", x, alpha=alpha)
    below = g.op("Sub", g.op("Exp", g.op("Min", x, 0.0)), 1.0)
    return g.op("Add", g.op("Relu", x), g.op("Mul", below, alpha))


def selu(g: Graph, layer: Any, x: str) -> str:
    """A scaled `elu` (Klambauer et al., 2017, with their constants)."""
    return g.op("Mul", elu(g, layer, x, 1.6732632423543772), 1.0507009873554805)


def leaky_relu(g: Graph, layer: Any, x: str) -> str:
    """``x`` above 0, ``slope * x`` below (Maas et al., 2013)."""
    return g.op("PRelu", x, float(layer.negative_slope))


def activation(kind: str) -> Module:
    """What writes a module that is one node without weights."""
    return lambda g, layer, x: g.op(kind, x)


MODULES: dict[type, Module] = {
    nn.Linear: linear,
    blocks.Linear: linear,
    nn.Sequential: sequential,
    nn.BatchNorm1d: batch_norm,
    nn.LayerNorm: layer_norm,
    nn.Identity: unchanged,
    blocks.Identity: unchanged,
    nn.Dropout: unchanged,
    blocks.Dropout: unchanged,
    blocks.GaussianNoise: unchanged,
    nn.Sigmoid: activation("Sigmoid"),
    nn.Tanh: activation("Tanh"),
    nn.ReLU: activation("Relu"),
    nn.ELU: elu,
    nn.LeakyReLU: leaky_relu,
    nn.PReLU: lambda g, layer, x: g.op("PRelu", x, layer.weight),
    nn.SELU: selu,
    nn.Softplus: softplus,
    nn.GELU: gelu,
    nn.SiLU: silu,
    nn.Mish: activation("Mish"),
}
