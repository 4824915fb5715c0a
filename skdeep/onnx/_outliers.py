"""Outlier detection by a masked autoencoder, in double precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from skdeep.nets.masked import MaskedNet
from skdeep.onnx._graph import Graph
from skdeep.onnx._neighbors import Nearest, nearest
from skdeep.outlier import scorers

# --- the network -----------------------------------------------------------------------------


def _weight(g: Graph, parameter: torch.Tensor) -> str:
    """Stored in the network's precision, which takes half of the room."""
    values = parameter.numpy(force=True)
    return g.cast(g.const(values, values.dtype), g.dtype, values.dtype)


def _later_layers(g: Graph, net: MaskedNet, h: str, stop: int) -> str:
    """From the sums of the first layer to the activations of layer `stop`."""
    h = g.module(net.activations[0], h)
    for i in range(1, stop + 1):
        layer: Any = net.linears[i]
        h = g.op("Add", g.op("MatMul", h, _weight(g, layer.weight)), _weight(g, layer.bias))
        h = g.module(net.activations[i], h)
    return h


def _first(g: Graph, net: Any, x: str, missing: str) -> str:
    """The first layer's sums with nothing hidden, (n_members, n_samples, n_units)."""
    both = g.op("Unsqueeze", g.side_by_side([x, missing]), [0])
    first = net.linears[0]
    return g.op("Add", g.op("MatMul", both, _weight(g, first.weight)), _weight(g, first.bias))


def _residuals(g: Graph, net: Any, x: str, missing: str, groups: list[list[int]]) -> str:
    """See `MaskedNet.residuals`; `x` are known values, 0 where they are `missing`."""
    base, known, n = _first(g, net, x, missing), g.op("Sub", 1.0, missing), net.n_columns
    sources, last = net.sources.tolist(), net.linears[-1]
    parts, order = [], []
    for group in groups:
        columns = [j for j, source in enumerate(sources) if source in group]
        mine, here = g.column(x, columns), g.column(known, columns)
        change = g.op("Unsqueeze", g.side_by_side([g.op("Neg", mine), here]), [0])
        rows = [*columns, *(j + n for j in columns)]
        weight = g.op("Gather", _weight(g, net.linears[0].weight), rows, axis=1)
        h = g.op("Add", base, g.op("MatMul", change, weight))
        h = _later_layers(g, net, h, len(net.linears) - 2)
        weight, bias = (
            g.op("Gather", _weight(g, p), columns, axis=2) for p in (last.weight, last.bias)
        )
        guess = g.reduce("Mean", g.op("Add", g.op("MatMul", h, weight), bias), 0, keepdims=False)
        parts.append(g.op("Mul", g.op("Sub", mine, guess), here))
        order += columns
    return g.column(g.side_by_side(parts), np.argsort(order).tolist())


def _code(g: Graph, net: Any, x: str, missing: str) -> str:
    """Activations of the narrowest layer, the mean of the members."""
    sizes = net.config["hidden_layer_sizes"]
    h = _later_layers(g, net, _first(g, net, x, missing), sizes.index(min(sizes)))
    return g.reduce("Mean", h, 0, keepdims=False)


# --- scores ----------------------------------------------------------------------------------


def _squares(g: Graph, x: str) -> str:
    return g.op("Mul", x, x)


def _summed(g: Graph, x: str) -> str:
    return g.reduce("Sum", x, 1, keepdims=False)


def _mean(g: Graph, x: str) -> str:
    return g.reduce("Mean", x, 1, keepdims=False)


def _of_residuals(g: Graph, scorer: Any, x: str, r: str) -> str:
    return _summed(g, _squares(g, g.op("Div", r, scorer.scale_)))


def _mahalanobis(g: Graph, scorer: Any, x: str, r: str) -> str:
    v = g.side_by_side([x, g.op("Div", r, scorer.scale_)])
    v = g.op("Sub", v, scorer.location_)
    return _summed(g, g.op("Mul", v, g.op("MatMul", v, scorer.precision_)))


def _near(g: Graph, scorer: Any, v: str) -> Nearest:
    """The nearest rows of a `skdeep.outlier.scorers.Neighbors`."""
    n_rows = len(scorer.rows_)
    if not scorer.leave_out_self or n_rows == 1:
        return nearest(g, v, scorer.rows_, min(scorer.n_neighbors, n_rows))
    wanted = min(scorer.n_neighbors + 1, n_rows)
    squares, places = nearest(g, v, scorer.rows_, wanted)
    length = g.op("Add", g.reduce("L2", v, 1), 1.0)
    limit = g.op("Mul", length, scorers.SELF)
    is_self = g.op("LessOrEqual", g.op("Sqrt", g.column(squares, 0)), limit)
    both = ((g.part(a, 1, wanted), g.part(a, 0, wanted - 1)) for a in (squares, places))
    return Nearest(*(g.op("Where", is_self, *parts) for parts in both))


def _neighbors(g: Graph, scorer: Any, x: str, r: str) -> str:
    v = g.side_by_side([x, g.op("Div", r, scorer.scale_)]) if len(scorer.scale_) else x
    return _mean(g, _near(g, scorer, v).squares)


def _local(g: Graph, scorer: Any, x: str, r: str) -> str:
    squares, places = _near(g, scorer, x)
    residual = _mean(g, _squares(g, g.op("Div", r, scorer.scale_)))
    usual = (scorer.usual_distance_, scorer.usual_residual_)
    roots = []
    for number, known, low in zip((_mean(g, squares), residual), usual, scorer.floors_):
        around = g.op("Add", _mean(g, g.op("Gather", known, places)), float(low))
        roots.append(g.op("Sqrt", g.op("Div", number, g.op("Sqrt", around))))
    return g.op("Mul", *roots)


def _sampled(g: Graph, scorer: Any, x: str, r: str) -> str:
    whole = g.op("Max", _mahalanobis(g, scorer, x, r), 0.0)
    return g.op("Mul", g.op("Sqrt", whole), g.op("Sqrt", _neighbors(g, scorer.near_, x, r)))


_SCORERS = {
    scorers.SquaredResiduals: _of_residuals,
    scorers.Mahalanobis: _mahalanobis,
    scorers.Neighbors: _neighbors,
    scorers.Local: _local,
    scorers.Sampled: _sampled,
}
