"""Convolutional networks as nodes, in single precision."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from skdeep.convolutional.cnn import CNNClassifier, CNNRegressor
from skdeep.nets import conv, trunks
from skdeep.nets.batch_norm import BatchNorm
from skdeep.nets.convnet import UserTrunk
from skdeep.nets.siamese import ImageBlocks
from skdeep.onnx import _answers
from skdeep.onnx._arrays import (
    SINGLE,
    Rows,
    check_window,
    global_mean,
    masked,
    read_rows,
    standardized,
    with_own_scale,
)
from skdeep.onnx._dense import batch_norm, unchanged
from skdeep.onnx._family import Family, single
from skdeep.onnx._graph import Graph, Module, Output, Unsupported
from skdeep.onnx._kernels import mixed

# --- layers ----------------------------------------------------------------------------------


def convolution(g: Graph, layer: Any, x: str) -> str:
    """A convolution, or a transposed one, of series or images."""
    for name, wanted in (("padding", "numbers"), ("padding_mode", "'zeros'")):
        value = getattr(layer, name)
        if isinstance(value, str) and repr(value) != wanted:
            kind = type(layer).__name__
            raise Unsupported(f"{kind} with {name}={value!r}: expected {wanted}.")
    options: dict[str, Any] = {}
    if layer.transposed:
        options["output_padding"] = list(layer.output_padding)
    return g.op(
        "ConvTranspose" if layer.transposed else "Conv",
        x,
        *([layer.weight] if layer.bias is None else [layer.weight, layer.bias]),
        kernel_shape=list(layer.kernel_size),
        strides=list(layer.stride),
        pads=list(layer.padding) * 2,
        dilations=list(layer.dilation),
        group=layer.groups,
        **options,
    )


def _pool(dims: int, kind: str) -> Module:
    """Maxima or means of windows."""

    def write(g: Graph, layer: Any, x: str) -> str:
        size, stride, padding = (
            [n] * dims if isinstance(n, int) else list(n)
            for n in (layer.kernel_size, layer.stride, layer.padding)
        )
        options: dict[str, Any] = {"ceil_mode": int(layer.ceil_mode), "pads": padding * 2}
        if kind == "AveragePool":
            options["count_include_pad"] = int(layer.count_include_pad)
        return g.op(kind, x, kernel_shape=size, strides=stride, **options)

    return write


def conv_norm_relu(g: Graph, block: Any, x: str, inside: str | None = None) -> str:
    """Convolution, pooling, batch normalisation and ReLU; 0 where `inside` is False."""
    x = convolution(g, block.conv, x)
    x = x if block.pool is None else g.module(block.pool, x)
    x = g.module(block.norm, x)
    return masked(g, x if block.relu is None else g.module(block.relu, x), inside)


# --- trunks ----------------------------------------------------------------------------------


def trunk(g: Graph, net: Any, rows: Rows) -> str:
    """What a trunk makes of standardised rows, (n_samples, width)."""
    return _TRUNKS[type(net)](g, net, rows)


def _lenet(g: Graph, net: Any, rows: Rows) -> str:
    x = rows.x
    for layer, activation, pool in zip(net.convs, net.activations, net.pools):
        after = [pool, activation] if net.pools_first else [activation, pool]
        x = convolution(g, layer, x)
        for module in after:
            x = g.module(module, x)
        x = masked(g, x, rows.inside)
    x = global_mean(g, x, rows) if net.is_ragged else g.op("Flatten", x)
    for linear, rest in zip(net.linears, net.dense):
        x = g.module(rest, g.module(linear, x))
    return x


def _resnet(g: Graph, net: Any, rows: Rows) -> str:
    x = rows.x if net.stem is None else conv_norm_relu(g, net.stem, rows.x)
    for block in net.blocks:
        y = x
        for layer in block.layers:
            y = conv_norm_relu(g, layer, y, rows.inside)
        x = x if block.around is None else conv_norm_relu(g, block.around, x, rows.inside)
        x = g.op("Relu", g.op("Add", y, x))
    return global_mean(g, x, rows)


def _inception(g: Graph, net: Any, rows: Rows) -> str:
    x = before = rows.x
    for i, module in enumerate(net.inceptions):
        x = _inception_module(g, module, x, rows.inside)
        if i % 3 == 2:
            around = conv_norm_relu(g, net.around[i // 3], before, rows.inside)
            x = before = g.op("Relu", g.op("Add", x, around))
    return global_mean(g, x, rows)


def _inception_module(g: Graph, module: Any, x: str, inside: str | None) -> str:
    narrow = x if module.bottleneck is None else convolution(g, module.bottleneck, x)
    ends = g.op("Pad", x, [0, 0, 1, 0, 0, 1])  # with zeros; the operator's own would be lowest
    highest = g.op("MaxPool", ends, kernel_shape=[3], strides=[1])
    parts = [convolution(g, layer, narrow) for layer in module.convs]
    x = g.side_by_side([*parts, convolution(g, module.pooled, highest)])
    return masked(g, g.op("Relu", g.module(module.norm, x)), inside)


def _conv4(g: Graph, net: Any, rows: Rows) -> str:
    x = rows.x
    for block in net.blocks:
        x = conv_norm_relu(g, block, x, rows.inside)
    return global_mean(g, x, rows) if net.is_ragged else g.op("Flatten", x)


def _image_blocks(g: Graph, net: Any, rows: Rows) -> str:
    x, size = rows.x, list(rows.shape[1:])
    for block in net.blocks:
        x = conv_norm_relu(g, block, x)
        pools = (1, 1) if block.pool is None else block.pool.kernel_size
        size = [-(-n // s) // p for n, s, p in zip(size, block.conv.stride, pools)]
    down, across = (_cells(n, cells) for n, cells in zip(size, net.grid))
    return g.op("Flatten", g.op("MatMul", g.op("MatMul", down, x), across.T))


def _cells(n: int, cells: int) -> np.ndarray:
    """A matrix that takes means over cells as torch's adaptive pooling cuts them, from the floor
    of ``i * n / cells`` to the ceiling of ``(i + 1) * n / cells``; (cells, n)."""
    out = np.zeros((cells, n), SINGLE)
    for i in range(cells):
        first, end = i * n // cells, -(-(i + 1) * n // cells)
        out[i, first:end] = 1 / (end - first)
    return out


def _user_trunk(g: Graph, net: Any, rows: Rows) -> str:
    x = g.module(net.module, rows.x)
    parameter = next(net.parameters())
    one = torch.zeros(2, *(n or 32 for n in rows.shape), dtype=parameter.dtype)
    with torch.inference_mode():
        rank = net.maps(one.to(parameter.device)).ndim
    return x if rank == 2 else g.reduce("Mean", x, range(2, rank), keepdims=False)


_TRUNKS: dict[type, Callable[[Graph, Any, Rows], str]] = {
    trunks.LeNet: _lenet,
    trunks.ResNet: _resnet,
    trunks.Inception: _inception,
    trunks.Conv4: _conv4,
    ImageBlocks: _image_blocks,
    UserTrunk: _user_trunk,
}


def features(g: Graph, net: Any, rows: Rows) -> list[str]:
    """What the heads of a network see, (n_samples, width) for each member."""
    check_window(net)
    rows = standardized(g, rows, net.scale)
    rows = with_own_scale(g, rows) if net.own_scale else rows
    return [trunk(g, member, rows) for member in net.trunks]


def conv_embedding(g: Graph, net: Any, rows: Rows) -> str:
    """The embedding of rows, (n_samples, n_components)."""
    return g.module(net.head, trunk(g, net.trunk, standardized(g, rows, net.scale)))


# --- estimators ------------------------------------------------------------------------------


def transform(g: Graph, model: Any) -> Output:
    net = model.net_.module_
    width = sum(member.width for member in net.trunks)
    return Output(g.side_by_side(features(g, net, read_rows(g, model))), g.dtype, [None, width])


def predict_proba(g: Graph, model: Any) -> Output:
    return _answers.probabilities(g, model, mixed(g, model, _raw_of_classes(g, model)))


def predict_labels(g: Graph, model: Any) -> Output:
    return _answers.labels(g, model, mixed(g, model, _raw_of_classes(g, model)))


def predict_numbers(g: Graph, model: Any) -> Output:
    members = _scores(g, model)
    raw = members[0]
    if len(members) > 1:
        raw = g.reduce("Mean", _stacked(g, members), 1, keepdims=False)
    return _answers.numbers(g, model, mixed(g, model, raw))


def _scores(g: Graph, model: Any) -> list[str]:
    """Raw scores of each member."""
    net = model.net_.module_
    seen = features(g, net, read_rows(g, model))
    return [g.module(head, x) for head, x in zip(net.heads, seen)]


def _raw_of_classes(g: Graph, model: Any) -> str:
    """The members' raw scores together; see `skdeep.losses.mean_scores`."""
    members = _scores(g, model)
    if len(members) == 1:
        return members[0]
    raw = _stacked(g, members)
    if model._target_type == "multiclass":
        logs = g.op("LogSoftmax", raw, axis=2)
        mean = g.reduce("LogSumExp", logs, 1, keepdims=False)
        return g.op("Sub", mean, math.log(len(members)))
    # Logarithms of the probabilities of no and of yes.
    both = [g.op("Neg", g.op("Softplus", x)) for x in (raw, g.op("Neg", raw))]
    no, yes = (g.reduce("LogSumExp", x, 1, keepdims=False) for x in both)
    return g.op("Sub", yes, no)


def _stacked(g: Graph, parts: list[str]) -> str:
    return g.side_by_side([g.op("Unsqueeze", x, [1]) for x in parts])


# --- modules of users ------------------------------------------------------------------------


def _to_one_place(kind: str) -> Module:
    """Adaptive pooling."""

    def write(g: Graph, layer: Any, x: str) -> str:
        size = layer.output_size
        if {size} != {1} and set(np.atleast_1d(size).tolist()) != {1}:
            raise Unsupported(
                f"{type(layer).__name__} with output_size={size}: expected 1, for ONNX has pooling "
                "to one place only, or windows of a given size."
            )
        return g.op(kind, x)

    return write


def _flatten(g: Graph, layer: nn.Flatten, x: str) -> str:
    if layer.start_dim != 1 or layer.end_dim != -1:
        raise Unsupported(
            f"Flatten(start_dim={layer.start_dim}, end_dim={layer.end_dim}): expected all axes but "
            "the first, start_dim=1 and end_dim=-1."
        )
    return g.op("Flatten", x)


MODULES: dict[type, Module] = {
    **{
        kind: convolution
        for kind in (
            *(nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.ConvTranspose2d),
            *(conv.Conv1d, conv.Conv2d, conv.ConvTranspose1d, conv.ConvTranspose2d),
        )
    },
    BatchNorm: batch_norm,
    conv.ConvNormReLU: conv_norm_relu,
    nn.BatchNorm2d: batch_norm,
    nn.MaxPool1d: _pool(1, "MaxPool"),
    nn.MaxPool2d: _pool(2, "MaxPool"),
    nn.AvgPool1d: _pool(1, "AveragePool"),
    nn.AvgPool2d: _pool(2, "AveragePool"),
    nn.AdaptiveAvgPool1d: _to_one_place("GlobalAveragePool"),
    nn.AdaptiveAvgPool2d: _to_one_place("GlobalAveragePool"),
    nn.AdaptiveMaxPool1d: _to_one_place("GlobalMaxPool"),
    nn.AdaptiveMaxPool2d: _to_one_place("GlobalMaxPool"),
    nn.Dropout1d: unchanged,
    nn.Dropout2d: unchanged,
    nn.Flatten: _flatten,
}
"""Layers of skdeep's, and the usual ones of users' modules."""


FAMILIES: dict[type, Family] = {
    CNNClassifier: Family(
        {"predict": predict_labels, "predict_proba": predict_proba, "transform": transform},
        ("predict", "predict_proba"),
        single,
    ),
    CNNRegressor: Family(
        {"predict": predict_numbers, "transform": transform}, ("predict",), single
    ),
}
