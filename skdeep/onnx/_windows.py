"""Windows over a series."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdeep.onnx._arrays import whole
from skdeep.onnx._family import Family, of_rows
from skdeep.onnx._graph import Graph, Output
from skdeep.preprocessing import SlidingWindow


def transform(g: Graph, model: Any) -> Output:
    """Row t is the window that ends at row t."""
    width, n_channels = model.window, model.n_features_in_
    x = whole(g, g.dtype)
    n = g.op("Squeeze", g.op("Shape", x, start=0, end=1))
    now = g.op("Unsqueeze", g.op("Range", 0, n, 1), [1])
    time = g.op("Sub", now, np.arange(width - 1, -1, -1))
    if model.padding == "reflect":  # forth and back, as often as it takes
        last = g.op("Sub", n, 1)
        time = g.op("Mod", g.op("Abs", time), g.op("Max", g.op("Mul", last, 2), 1))
        time = g.op("Sub", last, g.op("Abs", g.op("Sub", time, last)))
    seen = g.op("Gather", x, g.op("Max", time, 0), axis=0)
    if model.padding == "zero":
        seen = g.op("Where", g.op("Less", g.op("Unsqueeze", time, [2]), 0), 0.0, seen)
    return Output(g.reshape(seen, [-1, width * n_channels]), g.dtype, [None, width * n_channels])


FAMILIES: dict[type, Family] = {
    SlidingWindow: Family({"transform": transform}, ("transform",), of_rows)
}
