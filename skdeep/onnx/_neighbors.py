"""The nearest of known points."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from onnx import helper

from skdeep.onnx._graph import Graph
from skdeep.onnx._types import proto_of

_ROWS = 256  # whose distances to all points are in memory at a time


class _Nodes:
    """The nodes of a subgraph, whose weights are those of the graph around it."""

    def __init__(self, container: Any) -> None:
        self.nodes: list[Any] = []
        self.initializers_strings = container.initializers_strings
        self.add_initializer = container.add_initializer

    def add_node(
        self, kind: str, names: list[str], made: list[str], op_domain: str = "", **attributes: Any
    ) -> None:
        self.nodes.append(helper.make_node(kind, names, made, domain=op_domain, **attributes))


def in_pieces(g: Graph, x: str, write: Callable[[Graph, str], str], dtype: Any) -> str:
    """What `write(g, rows)` makes of rows of `x`, for a few of them at a time.

    Parameters
    ----------
    g : Graph
    x : str
        Of shape (n_samples, n_features), in the graph's precision.
    write : callable
        Uses of the graph outside of it nothing but weights.
    dtype : dtype-like
        Of what it returns, which has a row for each row.
    """
    n = g.op("Shape", x, start=0, end=1)
    size = g.op("Min", n, [_ROWS])
    missing = g.op("Mod", g.op("Neg", n), size)
    ends = g.op("Concat", [0, 0], missing, [0], axis=0)
    width = g.op("Shape", x, start=1, end=2)
    pieces = g.op("Reshape", g.op("Pad", x, ends), g.op("Concat", [-1], size, width, axis=0))
    inner = copy.copy(g)
    inner.container, inner._written = _Nodes(g.container), {}
    rows = g.scope.get_unique_variable_name("piece")
    made = write(inner, rows)
    body = helper.make_graph(
        inner.container.nodes,
        "piece",
        [helper.make_tensor_value_info(rows, proto_of(g.dtype), None)],
        [helper.make_tensor_value_info(made, proto_of(dtype), None)],
    )
    together = g.op("Scan", pieces, body=body, num_scan_inputs=1)
    shape = g.op("Concat", [-1], g.op("Shape", together, start=2), axis=0)
    return g.op("Slice", g.op("Reshape", together, shape), [0], n, [0])


def squared_distances(g: Graph, v: str, points: np.ndarray) -> str:
    """From rows to points, (n_samples, n_points), by ``|v|^2 - 2 v p + |p|^2``."""
    inner = g.op("MatMul", v, g.op("Transpose", points, perm=[1, 0]))
    squares = g.op("Sub", g.reduce("SumSquare", v, 1), g.op("Mul", inner, 2.0))
    return g.op("Add", squares, np.square(points).sum(1))


class Nearest(NamedTuple):
    """The nearest points of rows, the nearest one first.

    Attributes
    ----------
    squares : str
        Squared distances, (n_samples, n_neighbors).
    places : str
        Numbers of the points, int64 of the same shape.
    """

    squares: str
    places: str


def nearest(g: Graph, v: str, points: np.ndarray, k: int) -> Nearest:
    """The `k` nearest points of each row; distances to them are exact."""

    def write(inner: Graph, rows: str) -> str:
        squares = squared_distances(inner, rows, points)
        return inner.op("TopK", squares, [k], outputs=2, axis=1, largest=0)[1]

    places = in_pieces(g, v, write, np.int64)
    gaps = g.op("Sub", g.op("Unsqueeze", v, [1]), g.op("Gather", points, places, axis=0))
    return Nearest(g.reduce("SumSquare", gaps, 2, keepdims=False), places)
