"""The way back from transformed targets: what `TransformedTargetRegressor` does to predictions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from skdeep.onnx._curves import piecewise_linear
from skdeep.onnx._graph import Graph

Inverse = Callable[[Graph, str], str]
"""Writes `inverse_transform` of float64 numbers of shape (n_samples, n_outputs)."""


def _scaled(g: Graph, x: str, scale: Any, shift: Any) -> str:
    """``x * scale + shift``, either of which may be None."""
    x = x if scale is None else g.op("Mul", x, np.asarray(scale)[None])
    return x if shift is None else g.op("Add", x, np.asarray(shift)[None])


def _power(transformer: Any) -> Inverse:
    """Yeo and Johnson (2000) or Box and Cox (1964), backwards."""

    def write(g: Graph, x: str) -> str:
        if transformer.standardize:
            x = _scaled(g, x, transformer._scaler.scale_, transformer._scaler.mean_)
        back = _box_cox if transformer.method == "box-cox" else _yeo_johnson
        columns = [back(g, g.column(x, j), float(p)) for j, p in enumerate(transformer.lambdas_)]
        return g.side_by_side(columns)

    return write


def _box_cox(g: Graph, x: str, power: float) -> str:
    if power == 0:
        return g.op("Exp", x)
    return g.op("Pow", g.op("Add", g.op("Mul", x, power), 1.0), 1 / power)


def _yeo_johnson(g: Graph, x: str, power: float) -> str:
    # Each side of 0 is Box-Cox of the distance; powers of negative numbers would be NaN.
    above = g.op("Sub", _box_cox(g, g.op("Max", x, 0.0), power), 1.0)
    below = g.op("Sub", 1.0, _box_cox(g, g.op("Max", g.op("Neg", x), 0.0), 2 - power))
    return g.op("Where", g.op("GreaterOrEqual", x, 0.0), above, below)


def _quantiles(transformer: Any) -> Inverse:
    def write(g: Graph, x: str) -> str:
        if transformer.output_distribution == "normal":
            # onnxruntime has Erf for single precision only.
            erf = g.op("Erf", g.cast(g.op("Mul", x, np.sqrt(0.5)), np.float32))
            x = g.op("Mul", g.op("Add", g.cast(erf, np.float64), 1.0), 0.5)
        values = transformer.quantiles_.T
        return piecewise_linear(g, x, np.tile(transformer.references_, (len(values), 1)), values)

    return write


def _steps(pipeline: Any) -> Inverse | None:
    found = [inverse_of(step) for _, step in pipeline.steps if step not in (None, "passthrough")]
    known = [inverse for inverse in found if inverse is not None]
    if len(known) < len(found):
        return None

    def write(g: Graph, x: str) -> str:
        for inverse in reversed(known):
            x = inverse(g, x)
        return x

    return write


FUNCTIONS: dict[Any, Inverse] = {
    None: lambda g, x: x,
    np.exp: lambda g, x: g.op("Exp", x),
    np.expm1: lambda g, x: g.op("Sub", g.op("Exp", x), 1.0),
    np.exp2: lambda g, x: g.op("Pow", 2.0, x),
    np.log: lambda g, x: g.op("Log", x),
    np.log1p: lambda g, x: g.op("Log", g.op("Add", x, 1.0)),
    np.log2: lambda g, x: g.op("Div", g.op("Log", x), float(np.log(2))),
    np.log10: lambda g, x: g.op("Div", g.op("Log", x), float(np.log(10))),
    np.sqrt: lambda g, x: g.op("Sqrt", x),
    np.square: lambda g, x: g.op("Mul", x, x),
    np.negative: lambda g, x: g.op("Neg", x),
    np.reciprocal: lambda g, x: g.op("Div", 1.0, x),
    np.abs: lambda g, x: g.op("Abs", x),
}

_INVERSES: dict[type, Callable[[Any], Inverse | None]] = {
    StandardScaler: lambda t: lambda g, x: _scaled(g, x, t.scale_, t.mean_),
    MaxAbsScaler: lambda t: lambda g, x: _scaled(g, x, t.scale_, None),
    RobustScaler: lambda t: lambda g, x: _scaled(g, x, t.scale_, t.center_),
    MinMaxScaler: lambda t: lambda g, x: _scaled(g, x, 1 / t.scale_, -t.min_ / t.scale_),
    PowerTransformer: _power,
    QuantileTransformer: _quantiles,
    FunctionTransformer: lambda t: FUNCTIONS.get(t.inverse_func) if not t.inv_kw_args else None,
    Pipeline: _steps,
}


def inverse_of(transformer: Any) -> Inverse | None:
    """What writes `inverse_transform` of a fitted transformer; None if nothing does."""
    known = _INVERSES.get(type(transformer))
    inverse = None if known is None else known(transformer)
    if inverse is None:
        return None
    return lambda g, x: inverse(g.in_double(), x)


def why_not(transformer: Any) -> str:
    """Why a transformer has no `inverse_of`."""
    names = sorted(f.__name__ for f in FUNCTIONS if f is not None)
    function = getattr(transformer, "inverse_func", None)
    if function is not None:
        name = getattr(function, "__name__", repr(function))
        return f"the callable inverse_func={name} cannot be written; known are NumPy's {names}."
    kinds = sorted(cls.__name__ for cls in _INVERSES)
    return f"the inverse of a {type(transformer).__name__} cannot be written; known are {kinds}."
