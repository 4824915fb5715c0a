"""Recurrent networks as nodes, in single precision."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from skdeep.nets.recurrence import Recurrence
from skdeep.onnx import _answers
from skdeep.onnx._arrays import (
    SINGLE,
    Rows,
    check_window,
    global_mean,
    lengths_of,
    masked,
    read_rows,
    read_tokens,
    standardized,
    with_own_scale,
)
from skdeep.onnx._convolutions import conv_norm_relu
from skdeep.onnx._family import Family, single
from skdeep.onnx._graph import Graph, Output
from skdeep.onnx._kernels import mixed
from skdeep.recurrent.lstm import LSTMClassifier, LSTMRegressor

_KINDS = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN"}
_GATES = {"lstm": [0, 3, 1, 2], "gru": [1, 0, 2], "rnn": [0]}
"""Places of the gates of ONNX among those of torch: input, output, forget, cell; update, reset,
hidden."""


def recurrence(
    g: Graph,
    directions: Sequence[Recurrence],
    x: str,
    lengths: str | None = None,
    start: str | None = None,
) -> tuple[str, str]:
    """One recurrent layer, forward in time or in both directions.

    Parameters
    ----------
    g : Graph
    directions : list of Recurrence
    x : str
        Of shape (length, n_samples, n_in).
    lengths : str or None
        Steps of each sequence, int64 of shape (n_samples,).
    start : str or None
        Outputs before the first step, (n_directions, n_samples, n_units); None for zeros.

    Returns
    -------
    outputs : str
        For `all_steps`.
    last : str
        For `last_steps`.
    """
    layer, names = directions[0], ("weight_in", "weight_recurrent", "bias_in", "bias_recurrent")
    parts = [np.stack([_in_order(d, getattr(d, name)) for d in directions]) for name in names]
    inputs: list[Any] = [*parts[:2], np.concatenate(parts[2:], 1)]
    if lengths is None and start is not None:  # no input can be left out before another one
        size = g.op("Shape", start, start=1, end=2)
        lengths = g.op("Expand", g.op("Shape", x, start=0, end=1), size)
    if lengths is not None:
        inputs.append(g.cast(lengths, np.int32))
    if start is not None:
        inputs.append(start)
    options: dict[str, Any] = {"linear_before_reset": 1} if layer.cell == "gru" else {}
    if len(directions) == 2:
        options |= {"direction": "bidirectional"}
        options |= {"activations": ["Tanh", "Tanh"]} if layer.cell == "rnn" else {}
    return g.op(_KINDS[layer.cell], x, *inputs, outputs=2, hidden_size=layer.n_units, **options)


def all_steps(g: Graph, outputs: str) -> str:
    """Outputs of a layer as (length, n_samples, n_directions * n_units), 0 where a sequence is
    over."""
    return g.reshape(g.op("Transpose", outputs, perm=[0, 2, 1, 3]), [0, 0, -1])


def last_steps(g: Graph, last: str) -> str:
    """Those of the last step that each direction reads, (n_samples, n_directions * n_units)."""
    return g.reshape(g.op("Transpose", last, perm=[1, 0, 2]), [0, -1])


def _in_order(layer: Recurrence, weights: torch.Tensor) -> np.ndarray:
    """Weights with the gates in the order of ONNX."""
    gates = weights.numpy(force=True).reshape(-1, layer.n_units, *weights.shape[1:])
    return gates[_GATES[layer.cell]].reshape(weights.shape)


def features(g: Graph, net: Any, rows: Rows) -> str:
    """What the head of a network sees, (n_samples, n_features)."""
    if hasattr(net, "embedding"):
        weight = net.embedding.weight
        x = g.op("Transpose", g.op("Gather", weight, rows.x), perm=[0, 2, 1])
        rows = replace(rows, x=masked(g, x, rows.inside), shape=(weight.shape[1], None))
    else:
        check_window(net)
        rows = standardized(g, rows, net.standardize)
        rows = with_own_scale(g, rows) if net.own_scale else rows
    x, lengths, made = g.op("Transpose", rows.x, perm=[2, 0, 1]), lengths_of(g, rows), ("", "")
    for i, layer in enumerate(net.layers):
        made = recurrence(g, list(layer), all_steps(g, made[0]) if i else x, lengths)
    if net.pooling == "last":
        pooled = last_steps(g, made[1])
    else:
        pooled = _pooled(g, net, all_steps(g, made[0]), rows.inside)
    if net.branch is None:
        return pooled
    x = rows.x
    for block in net.branch.layers:
        x = conv_norm_relu(g, block, x, rows.inside)
    return g.side_by_side([pooled, global_mean(g, x, rows)])


def _pooled(g: Graph, net: Any, h: str, inside: str | None) -> str:
    """The outputs of all steps, (length, n_samples, width), as one vector for each sequence."""
    if inside is not None:
        inside = g.op("Transpose", inside, perm=[2, 0, 1])
    if net.pooling == "max":
        h = h if inside is None else g.op("Where", inside, h, -math.inf)
        return g.reduce("Max", h, 0, keepdims=False)
    if net.pooling == "mean":
        if inside is None:
            return g.reduce("Mean", h, 0, keepdims=False)
        count = g.reduce("Sum", g.cast(inside, SINGLE), 0, keepdims=False)
        return g.op("Div", g.reduce("Sum", h, 0, keepdims=False), count)  # 0 behind the end
    project, context = net.attention.project, net.attention.context
    tanh = g.op("Tanh", g.op("Add", g.op("MatMul", h, project.weight.T), project.bias))
    scores = g.op("Add", g.op("MatMul", tanh, context.weight.T), context.bias)
    scores = scores if inside is None else g.op("Where", inside, scores, -math.inf)
    weights = g.op("Softmax", scores, axis=0)
    return g.reduce("Sum", g.op("Mul", weights, h), 0, keepdims=False)


def score(g: Graph, net: Any, features: str) -> str:
    """Raw scores from `features`."""
    x = g.module(net.head, features)
    if net.output is None:
        return x
    return g.op("Add", g.op("Mul", x, net.output.scale), net.output.shift)


# --- estimators ------------------------------------------------------------------------------


def transform(g: Graph, model: Any) -> Output:
    net = model.net_.module_
    return Output(_read(g, model), g.dtype, [None, net.head.in_features])


def predict_proba(g: Graph, model: Any) -> Output:
    return _answers.probabilities(g, model, _raw(g, model))


def predict_labels(g: Graph, model: Any) -> Output:
    return _answers.labels(g, model, _raw(g, model))


def predict_numbers(g: Graph, model: Any) -> Output:
    return _answers.numbers(g, model, _raw(g, model))


def _read(g: Graph, model: Any) -> str:
    read = read_rows if model.vocabulary_size is None else read_tokens
    return features(g, model.net_.module_, read(g, model))


def _raw(g: Graph, model: Any) -> str:
    return mixed(g, model, score(g, model.net_.module_, _read(g, model)))


FAMILIES: dict[type, Family] = {
    LSTMClassifier: Family(
        {"predict": predict_labels, "predict_proba": predict_proba, "transform": transform},
        ("predict", "predict_proba"),
        single,
    ),
    LSTMRegressor: Family(
        {"predict": predict_numbers, "transform": transform}, ("predict",), single
    ),
}
