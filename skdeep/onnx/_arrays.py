"""Rows that are images, signals or series, and token ids, as nodes.

Series of unequal length are one array in a file, padded at their ends: numbers with NaN, token ids
with 0. The graph finds the lengths.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from skdeep.inputs.arrays import channels_first_shape
from skdeep.nets.conv import OWN_SCALE_EPS
from skdeep.onnx._graph import Unsupported
from skdeep.onnx._types import of_tensor
from skdeep.preprocessing.vocabulary import UNKNOWN

if TYPE_CHECKING:
    from skdeep.inputs.arrays import ArrayInput
    from skdeep.nets.conv import Standardize
    from skdeep.onnx._graph import Graph

SINGLE = np.dtype(np.float32)
"""onnxruntime has convolutions and recurrent layers on processors in no other precision."""


@dataclass(frozen=True)
class Rows:
    """Rows with their channels first.

    Attributes
    ----------
    x : str
        Of shape (n_samples, n_channels, length) or (n_samples, n_channels, height, width).
    shape : tuple
        Of a row; None for a length that differs.
    inside : str or None
        True where a series has a step, of shape (n_samples, 1, length); None where all have those
        of `x`.
    """

    x: str
    shape: tuple
    inside: str | None = None


def read_rows(g: Graph, model: Any) -> Rows:
    """X as the `skdeep.inputs.arrays.ArrayInput` of a fitted estimator reads it, in the precision
    of its network."""
    dtype = of_tensor(model.net_.parameter)
    return without_padding(g, *channels_first(g, model._input, dtype), dtype)


def channels_first(g: Graph, reader: ArrayInput, dtype: np.dtype) -> tuple[str, tuple]:
    """X with its channels first, and the shape of a row."""
    x, known = whole(g, dtype), reader.shape
    assert known is not None  # the estimator is fitted
    rank, last = len(g.inputs[0].shape), reader.data_format == "channels_last"
    shape = channels_first_shape(known, reader.data_format)
    if reader.image_shape is not None:
        x, rank = g.reshape(x, (-1, *known)), len(known) + 1
    if rank == 2:
        if reader.flat and len(known) == 1:
            return x, shape[1:]
        x = g.op("Unsqueeze", x, [1])
    elif last:
        x = g.op("Transpose", x, perm=[0, rank - 1, *range(1, rank - 1)])
    return x, shape


def without_padding(g: Graph, x: str, shape: tuple, dtype: np.dtype) -> Rows:
    """Where lengths differ, series that end in NaN are shorter than the others."""
    if None not in shape:
        return Rows(x, shape)
    known = g.cast(g.op("Not", g.op("IsNaN", x)), np.int64)
    step = steps(g, x, 2)
    last = g.op("Mul", g.reduce("Max", known, 1), g.op("Add", step, 1))
    length = g.op("Max", g.reduce("Max", last, 2), 1)
    inside = g.op("Less", step, length)
    x = g.op("Where", inside, x, g.const(0.0, dtype))
    return Rows(x, shape, inside)


def steps(g: Graph, x: str, axis: int) -> str:
    """0, 1, ... to the length of an axis."""
    length = g.op("Squeeze", g.op("Shape", x, start=axis, end=axis + 1))
    return g.op("Range", 0, length, 1)


def whole(g: Graph, dtype: Any) -> str:
    """X, of one type; columns side by side."""
    return g.side_by_side([g.cast(part.name, dtype, part.dtype) for part in g.inputs])


def read_tokens(g: Graph, model: Any) -> Rows:
    """X as the `skdeep.inputs.sequences.TokenInput` of a fitted estimator reads it: ids without
    padding between them, and those that `fit` did not see as unknown.

    Returns
    -------
    Rows
        Whose `x` is of int64 and of shape (n_samples, length).
    """
    reader = model._input
    X = whole(g, np.int64)
    size = len(reader.known)
    meaning = np.append(np.where(reader.known, np.arange(size), UNKNOWN), UNKNOWN)
    ids = g.op("Gather", meaning, g.op("Min", X, size))
    there = g.cast(ids, np.bool_)
    count = g.reduce("Sum", g.cast(there, np.int64), 1)
    step, length = steps(g, X, 1), g.op("Shape", X, start=1, end=2)
    place = g.op("Add", step, g.op("Mul", g.cast(g.op("Not", there), np.int64), length))
    _, order = g.op("TopK", place, length, outputs=2, axis=1, largest=0)
    ids = g.op("GatherElements", ids, order, axis=1)
    inside = g.op("Unsqueeze", g.op("Less", step, count), [1])
    return Rows(ids, (1, None), inside)


def lengths_of(g: Graph, rows: Rows) -> str | None:
    """Steps of each series, int64 of shape (n_samples,); None where all have those of `x`."""
    if rows.inside is None:
        return None
    return g.reduce("Sum", g.cast(rows.inside, np.int64), [1, 2], keepdims=False)


def standardized(g: Graph, rows: Rows, layer: Standardize) -> Rows:
    """Rows as a `Standardize` makes them, in the graph's precision."""
    per_channel, dtype = (-1, *[1] * (len(rows.shape) - 1)), of_tensor(layer.mean)
    factor = g.const(layer.scale.reshape(per_channel), dtype)
    shift = g.const((-layer.mean * layer.scale).reshape(per_channel), dtype)
    x = g.cast(g.op("Add", g.op("Mul", rows.x, factor), shift), g.dtype, dtype)
    if layer.has_missing:
        x = g.op("Where", g.op("IsNaN", x), 0.0, x)
    return replace(rows, x=masked(g, x, rows.inside))


def masked(g: Graph, x: str, inside: str | None) -> str:
    """0 in the place of padding, in single precision."""
    return x if inside is None else g.op("Where", inside, x, 0.0)


def check_window(net: Any) -> None:
    """Raise if a network has a `skdeep.nets.window.Window`."""
    if net.window is not None:
        raise Unsupported("a regressor with instance_norm or linear_skip cannot be written.")


def with_own_scale(g: Graph, rows: Rows) -> Rows:
    """Series and, as further channels, the same ones by their own scales; see
    `skdeep.nets.conv.with_own_scale`."""
    centred = masked(g, g.op("Sub", rows.x, _mean(g, rows.x, rows.inside)), rows.inside)
    variance = _mean(g, g.op("Mul", centred, centred), rows.inside)
    spread = g.op("Sqrt", g.op("Add", variance, OWN_SCALE_EPS))
    x = g.op("Concat", rows.x, g.op("Div", centred, spread), axis=1)
    return replace(rows, x=x, shape=(2 * rows.shape[0], *rows.shape[1:]))


def _mean(g: Graph, x: str, inside: str | None) -> str:
    """Over the steps of series, (n_samples, n_channels, 1)."""
    if inside is None:
        return g.reduce("Mean", x, 2)
    total = g.reduce("Sum", masked(g, x, inside), 2)
    return g.op("Div", total, g.reduce("Sum", g.cast(inside, g.dtype), 2))


def global_mean(g: Graph, x: str, rows: Rows) -> str:
    """The mean of each channel of feature maps over all places, (n_samples, n_channels)."""
    if rows.inside is None:
        return g.reduce("Mean", x, list(range(2, len(rows.shape) + 1)), keepdims=False)
    return g.op("Squeeze", _mean(g, x, rows.inside), [2])
