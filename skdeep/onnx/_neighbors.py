"""Distances to known points, and the nearest of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skdeep.onnx._graph import Graph
from skdeep.onnx._loops import in_pieces


def squared_distances(g: Graph, v: str, points: np.ndarray) -> str:
    """From rows to points, (n_samples, n_points), by ``|v|^2 - 2 v p + |p|^2``."""
    inner = g.op("MatMul", v, g.op("Transpose", points, perm=[1, 0]))
    squares = g.op("Sub", g.reduce("SumSquare", v, 1), g.op("Mul", inner, 2.0))
    return g.op("Add", squares, np.square(points).sum(1)[None])


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
