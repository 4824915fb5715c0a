"""RealMLP and TabM: networks for tables, whose members answer together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from skdeep.nets.realmlp import RealMLPNet
from skdeep.nets.tabm import TabMNet
from skdeep.onnx import _answers
from skdeep.onnx._family import Family
from skdeep.onnx._graph import Graph, Output, Unsupported
from skdeep.onnx._tables import Encoded, encoded
from skdeep.tabular.answers import half_widths
from skdeep.tabular.realmlp import RealMLPClassifier, RealMLPRegressor
from skdeep.tabular.tabm import TabMClassifier, TabMRegressor


def _array(parameter: Any) -> np.ndarray:
    return parameter.detach().cpu().double().numpy()


def _level_vectors(g: Graph, layer: Any, codes: str) -> str:
    """The vectors of levels, (n_networks, n_samples, width)."""
    rows = g.op("Gather", layer.weight, g.op("Add", codes, [layer.starts]), axis=1)
    return g.reshape(rows, [0, 0, -1])


# --- RealMLP ---------------------------------------------------------------------------------


def _realmlp(g: Graph, net: RealMLPNet, x: Encoded) -> str:
    """Raw scores of the members, (n_members, n_samples, n_outputs).

    The first layer takes its inputs in parts, each with its rows of the weights, and the learned
    scale of the inputs is part of the weights: numbers are the same for all members.
    """
    parts: list[str] = []
    if x.numeric is not None:
        parts.append(g.cast(x.numeric, g.dtype, np.float32))
        if net.numbers is not None:
            parts.append(_waves(g, net.numbers, parts[0]))
    if x.plain is not None:
        parts.append(g.cast(x.plain, g.dtype, np.float32))
    if x.codes is not None:
        parts.append(_level_vectors(g, net.levels, x.codes))
    first, weight = net.linears[0], _array(net.linears[0].weight)
    if net.scale is not None:
        weight = weight * _array(net.scale.weight).transpose(0, 2, 1)
    n_embedded = 0 if net.numbers is None else net.numbers.bias.shape[-1]
    sizes = [net.n_numeric] if x.numeric is not None else []
    sizes += [net.n_numeric * n_embedded] if net.numbers is not None else []
    ends = np.cumsum(sizes).tolist()
    n_codes = 0 if net.levels is None else len(net.levels.starts) * net.levels.weight.shape[-1]
    last = weight.shape[1] - n_codes
    bounds = [0, *ends, last, weight.shape[1]]
    rows = [weight[:, a:b] for a, b in pairwise(bounds) if b > a]
    h = g.op("Sum", *(g.op("MatMul", part, w) for part, w in zip(parts, rows)), first.bias)
    for linear, activation in zip(net.linears[1:], net.activations):
        h = _parametric(g, activation, h)
        h = g.op("Add", g.op("MatMul", h, linear.weight), linear.bias)
    return h


def _waves(g: Graph, layer: Any, numbers: str) -> str:
    """The periodic part of `PeriodicEmbedding`, (n_members, n_samples, width)."""
    column = g.op("Unsqueeze", g.op("Transpose", numbers, perm=[1, 0]), [2])
    angle = g.op("Mul", column, 2 * math.pi * _array(layer.frequency))
    waves = g.op("Cos", g.op("Add", angle, layer.phase))
    mixed = g.op("Add", g.op("MatMul", waves, layer.weight), layer.bias)
    return g.reshape(g.op("Transpose", mixed, perm=[0, 2, 1, 3]), [0, 0, -1])


def _parametric(g: Graph, layer: Any, x: str) -> str:
    """``x + slope * (f(x) - x)``."""
    made = g.module(layer.function, x)
    if bool((layer.slope == 1).all()):
        return made
    return g.op("Add", x, g.op("Mul", g.op("Sub", made, x), layer.slope))


# --- TabM ------------------------------------------------------------------------------------


def _tabm(g: Graph, net: TabMNet, x: Encoded, members: Sequence[int] | None) -> str:
    """Raw scores of the members, (n_members, n_samples, n_outputs)."""
    h = _tabm_inputs(g, net, x)
    if members is None:
        return _heads(g, net, h, slice(None), slice(None))
    by_network: dict[int, list[int]] = {}
    for member in members:
        by_network.setdefault(member // net.n_each, []).append(member % net.n_each)
    parts = [
        _heads(g, net, g.part(h, k, k + 1, axis=0), slice(k, k + 1), some)
        for k, some in by_network.items()
    ]
    return g.side_by_side(parts, axis=0)


def _tabm_inputs(g: Graph, net: TabMNet, x: Encoded) -> str:
    """What the members of each network see, (n_networks, n_samples, width)."""
    parts, shared = [], [x.plain]
    if net.numbers is not None:
        parts.append(_piecewise(g, net.numbers, g.cast(x.numeric or "", g.dtype, np.float32)))
    else:
        shared = [x.numeric, x.plain]
    same = [g.cast(part, g.dtype, np.float32) for part in shared if part is not None]
    if same:
        parts.append(g.op("Expand", g.side_by_side(same), [net.n_networks, 1, 1]))
    if x.codes is not None:
        parts.append(_level_vectors(g, net.levels, x.codes))
    return g.side_by_side(parts, axis=2)


def _piecewise(g: Graph, layer: Any, numbers: str) -> str:
    """`PiecewiseLinearEmbedding`, (n_networks, n_samples, width)."""
    n_networks, n_features, _, n_outputs = layer.weight.shape
    column = g.op("Unsqueeze", g.op("Transpose", numbers, perm=[1, 0]), [2])
    inside = g.op("Mul", g.op("Sub", column, layer.lower[..., :-1]), layer.inverse[..., :-1])
    inside = g.op("Min", g.op("Max", inside, 0.0), 1.0)
    code = g.op("Concat", inside, column, axis=2)
    weight = (
        _array(layer.weight).transpose(1, 2, 0, 3).reshape(n_features, -1, n_networks * n_outputs)
    )
    bias = _array(layer.bias).transpose(1, 2, 0, 3).reshape(n_features, 1, -1)
    out = g.op("Add", g.op("MatMul", code, weight), bias)
    out = g.reshape(out, [0, 0, n_networks, n_outputs])
    return g.reshape(g.op("Transpose", out, perm=[2, 1, 0, 3]), [0, 0, -1])


def _heads(g: Graph, net: TabMNet, h: str, networks: slice, members: Any) -> str:
    """Raw scores of members of networks, (n_members, n_samples, n_outputs)."""

    def picked(parameter: Any) -> np.ndarray:
        """Those of the members, where each has its own."""
        array = _array(parameter)[networks]
        return array[:, members] if array.shape[1] > 1 else array

    h = g.op("Mul", g.op("Unsqueeze", h, [1]), picked(net.input_scale))
    for linear in net.linears:
        h = h if linear.input_factor is None else g.op("Mul", h, picked(linear.input_factor))
        h = g.op("MatMul", h, _array(linear.weight)[networks][:, None])
        h = h if linear.output_factor is None else g.op("Mul", h, picked(linear.output_factor))
        h = g.op("Relu", g.op("Add", h, picked(linear.bias)))
    weight, bias = picked(net.head_weight), picked(net.head_bias)
    h = g.op("Add", g.op("MatMul", h, weight), bias)
    return g.reshape(h, [weight.shape[0] * weight.shape[1], -1, weight.shape[3]])


# --- answers ---------------------------------------------------------------------------------


def _raw(g: Graph, model: Any) -> str:
    """Scores of the members together, (n_samples, n_outputs), up to what softmax leaves out."""
    net, x = model.net_.module_, encoded(g, model.encoder_)
    if isinstance(net, TabMNet):
        raw = _tabm(g, net, x, getattr(model, "members_", None))
        n_members = (
            net.n_members if getattr(model, "members_", None) is None else len(model.members_)
        )
    else:
        raw, n_members = _realmlp(g, net, x), net.n_members
    if model._target_is_numeric:
        return g.reduce("Mean", raw, 0, keepdims=False)
    pooled = _pooled(g, raw, n_members, model._target_type)
    temperature = getattr(model, "temperature_", 1.0)
    return pooled if temperature == 1.0 else g.op("Div", pooled, float(temperature))


def _pooled(g: Graph, raw: str, n_members: int, target_type: str) -> str:
    """`skdeep.losses.mean_scores`."""
    if target_type == "multiclass":
        return _log_sum_exp(g, g.op("LogSoftmax", raw, axis=2))
    if n_members == 1:
        return g.op("Squeeze", raw, [0])
    yes = _log_sum_exp(g, _log_sigmoid(g, raw))
    return g.op("Sub", yes, _log_sum_exp(g, _log_sigmoid(g, g.op("Neg", raw))))


def _log_sum_exp(g: Graph, x: str) -> str:
    return g.reduce("LogSumExp", x, 0, keepdims=False)


def _log_sigmoid(g: Graph, x: str) -> str:
    decay = g.op("Log", g.op("Add", g.op("Exp", g.op("Neg", g.op("Abs", x))), 1.0))
    return g.op("Sub", g.op("Min", x, 0.0), decay)


def predict_proba(g: Graph, model: Any) -> Output:
    return _answers.probabilities(g, model, _raw(g, model))


def predict_labels(g: Graph, model: Any) -> Output:
    return _answers.labels(g, model, _raw(g, model))


def predict_numbers(g: Graph, model: Any) -> Output:
    return _answers.numbers(g, model, _raw(g, model))


def predict_interval(g: Graph, model: Any, coverage: float = 0.9) -> Output:
    """The prediction plus and minus the width that the held-out rows of training gave."""
    try:
        half = half_widths(model, coverage)
    except ValueError as error:
        raise Unsupported(str(error)) from None
    d, predicted = g.in_double(), predict_numbers(g, model)
    center = g.op("Unsqueeze", g.cast(predicted.name, np.float64, predicted.dtype), [2])
    ends = d.op("Add", center, np.stack([-half, half], axis=-1)[None])
    if model.n_outputs_ == 1:
        return Output(g.op("Squeeze", ends, [1]), np.float64, [None, 2])
    return Output(ends, np.float64, [None, model.n_outputs_, 2])


_CLASSIFIER = Family(
    {"predict": predict_labels, "predict_proba": predict_proba}, ("predict", "predict_proba")
)
_REGRESSOR = Family(
    {"predict": predict_numbers, "predict_interval": predict_interval}, ("predict",)
)
FAMILIES: dict[type, Family] = {
    RealMLPClassifier: _CLASSIFIER,
    TabMClassifier: _CLASSIFIER,
    RealMLPRegressor: _REGRESSOR,
    TabMRegressor: _REGRESSOR,
}
