"""Functions of one number that are given by tables: piecewise linear ones, normal quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skdeep.onnx._graph import Graph

_ONE_STEP, _TWO_STEPS = 16, 256  # knots up to which a place is found in so many comparisons


def piecewise_linear(g: Graph, x: str, knots: Sequence[Any], values: Sequence[Any]) -> str:
    """`numpy.interp` of each column, with the mean of both sides where knots are equal.

    Parameters
    ----------
    g : Graph
    x : str
        float64 of shape (n_samples, n_columns).
    knots : sequence of array-like
        For each column, not decreasing.
    values : sequence of array-like
        At the knots.

    Returns
    -------
    str
        float64 of the shape of `x`. NaN becomes the value of the first knot.
    """
    g = g.in_double()
    columns = [_sides(np.asarray(k, float), np.asarray(v, float)) for k, v in zip(knots, values)]
    size = max(len(known) for known, _, _ in columns)
    ends = np.full((len(columns), size), np.inf)
    table = np.zeros((len(columns), size + 1, 4))  # knot, value, slope, value at the knot itself
    for j, (known, low, high) in enumerate(columns):
        n = len(known)
        ends[j, :n] = known
        with np.errstate(over="ignore", invalid="ignore"):
            slope = np.diff(known, append=np.inf)
            slope[:-1] = (low[1:] - high[:-1]) / slope[:-1]
        slope[-1] = 0.0
        table[j, 0] = known[0], low[0], 0.0, low[0]
        table[j, 1 : n + 1] = np.stack([known, high, slope, 0.5 * (low + high)], axis=1)
    place = g.op("Add", _count(g, x, ends), np.arange(len(columns))[None] * (size + 1))
    knot, value, slope, middle = (g.op("Gather", table[:, :, i].ravel(), place) for i in range(4))
    out = g.op("Add", value, g.op("Mul", g.op("Sub", x, knot), slope))
    if not all(np.array_equal(low, high) for _, low, high in columns):
        out = g.op("Where", g.op("Equal", x, knot), middle, out)
    return out


def _sides(knots: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Knots without repetition, with the values to their left and to their right."""
    known, first = np.unique(knots, return_index=True)
    last = np.append(first[1:], len(knots)) - 1
    return known, values[first], values[last]


def _count(g: Graph, x: str, ends: np.ndarray) -> str:
    """How many of the rising `ends` of its column each number reaches.

    The count is found digit by digit, to a base that makes few numbers of a digit: all comparisons
    at once would take hundreds of numbers for each.
    """
    n_columns, size = ends.shape
    n_digits = 1 if size <= _ONE_STEP else 2 if size <= _TWO_STEPS else 3
    base = next(b for b in range(2, size + 3) if b**n_digits > size)
    padded = np.full((n_columns, base**n_digits), np.inf)
    padded[:, :size] = ends
    column = g.op("Unsqueeze", x, [2])
    count = None
    for digit in range(n_digits):
        step = base ** (n_digits - 1 - digit)
        # Row r: what has to be reached for 1, 2, ... steps more than r * base steps.
        marks = padded.reshape(n_columns, base**digit, base * step)[:, :, step - 1 :: step]
        marks = marks[:, :, : base - 1].reshape(n_columns * base**digit, base - 1)
        if count is None:
            seen = g.const(marks[None])
        else:
            rows = g.op("Add", count, np.arange(n_columns)[None] * base**digit)
            seen = g.op("Gather", marks, rows)
        reached = g.cast(g.op("GreaterOrEqual", column, seen), np.int64)
        more = g.reduce("Sum", reached, 2, keepdims=False)
        count = more if count is None else g.op("Add", g.op("Mul", count, base), more)
    return str(count)


# Coefficients of the rational approximations of Wichura (1988), algorithm AS 241, PPND7: the
# relative error of normal quantiles is 1e-7.
_CENTRE = (
    (59.109374720, 159.29113202, 50.434271938, 3.3871327179),
    (67.187563600, 78.757757664, 17.895169469, 1.0),
)
_TAIL = (
    (0.17023821103, 1.3067284816, 2.7568153900, 1.4234372777),
    (0.12021132975, 0.73700164250, 1.0),
)


def normal_quantile(g: Graph, p: str) -> str:
    """The standard normal quantile of probabilities between 1e-10 and 1 - 1e-10, in float64."""
    g = g.in_double()
    q = g.op("Sub", p, 0.5)
    r = g.op("Sub", 0.180625, g.op("Mul", q, q))
    centre = g.op("Mul", q, g.op("Div", *(_polynomial(g, r, c) for c in _CENTRE)))
    rest = g.op("Min", p, g.op("Sub", 1.0, p))
    r = g.op("Sub", g.op("Sqrt", g.op("Neg", g.op("Log", rest))), 1.6)
    tail = g.op("Mul", g.op("Sign", q), g.op("Div", *(_polynomial(g, r, c) for c in _TAIL)))
    return g.op("Where", g.op("LessOrEqual", g.op("Abs", q), 0.425), centre, tail)


def _polynomial(g: Graph, x: str, coefficients: Sequence[float]) -> str:
    """By Horner's rule; the constant comes last."""
    first, second, *rest = coefficients
    out = g.op("Add", g.op("Mul", x, first), second)
    for c in rest:
        out = g.op("Add", g.op("Mul", out, x), c)
    return out
