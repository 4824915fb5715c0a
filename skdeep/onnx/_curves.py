"""Functions of one number that are given by tables: piecewise linear ones, normal quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skdeep.onnx._graph import Graph

_ONE_STEP, _TWO_STEPS = 16, 256  # knots up to which a place is found in so many comparisons


def piecewise_linear(g: Graph, x: str, knots: Any, values: Any) -> str:
    """`numpy.interp` of each column, with the mean of both sides where knots are equal.

    Parameters
    ----------
    g : Graph
    x : str
        float64 of shape (n_samples, n_columns).
    knots : array-like of shape (n_columns, n_knots)
        Not decreasing.
    values : array-like of shape (n_columns, n_knots) or (n_knots,)
        At the knots.

    Returns
    -------
    str
        float64 of the shape of `x`. NaN becomes the value of the first knot.
    """
    g, knots, values = g.in_double(), np.asarray(knots, float), np.asarray(values, float)
    places = _Places(g, knots)
    up = _interpolated(g, x, places, values, places.count(x, "GreaterOrEqual"))
    if (np.diff(knots) > 0).all():
        return up
    down = _interpolated(g, x, places, values, places.count(x, "Greater"))
    return g.op("Mul", g.op("Add", up, down), 0.5)


def _interpolated(g: Graph, x: str, places: _Places, values: np.ndarray, count: str) -> str:
    """The values between the last of `count` knots and the one after it."""
    before = g.op("Max", g.op("Sub", count, 1), 0)
    after = g.op("Min", count, values.shape[-1] - 1)
    low, high = places.knot(before), places.knot(after)
    first, last = (_at(g, values, place) for place in (before, after))
    gap = g.op("Sub", high, low)
    rise = g.op("Div", g.op("Mul", g.op("Sub", x, low), g.op("Sub", last, first)), gap)
    return g.op("Add", first, g.op("Where", g.op("Greater", gap, 0.0), rise, 0.0))


def _at(g: Graph, values: np.ndarray, places: str) -> str:
    """Values of each column at places of shape (n_samples, n_columns)."""
    if values.ndim == 2:
        n_columns, size = values.shape
        places = g.op("Add", places, np.arange(n_columns)[None] * size)
    return g.op("Gather", values.ravel(), places)


class _Places:
    """Where numbers lie among the knots of their column.

    The count of knots below a number is found digit by digit, to a base that makes few knots of a
    digit: all comparisons at once would take hundreds of numbers for each. What each digit is
    compared with is cut out of the knots when a file is loaded, so that they are there once.
    """

    def __init__(self, g: Graph, knots: np.ndarray) -> None:
        self.g, (self.n_columns, size) = g, knots.shape
        self.n_digits = 1 if size <= _ONE_STEP else 2 if size <= _TWO_STEPS else 3
        self.base = next(b for b in range(2, size + 3) if b**self.n_digits > size)
        self.padded = np.full((self.n_columns, self.base**self.n_digits), np.inf)
        self.padded[:, :size] = knots

    def count(self, x: str, reaches: str) -> str:
        """How many knots of its column each number 'Greater' or 'GreaterOrEqual'."""
        g, base, column, count = self.g, self.base, self.g.op("Unsqueeze", x, [2]), ""
        for digit in range(self.n_digits):
            step = base ** (self.n_digits - 1 - digit)
            # Row r: what has to be reached for 1, 2, ... steps more than r * base steps.
            rows = g.reshape(g.const(self.padded.ravel()), [-1, base * step])
            marks = g.op("Slice", rows, [step - 1], [base * step - 1], [1], [step])
            if digit == 0:
                marks = g.op("Unsqueeze", marks, [0])
            else:
                starts = np.arange(self.n_columns)[None] * base**digit
                marks = g.op("Gather", marks, g.op("Add", count, starts))
            reached = g.cast(g.op(reaches, column, marks), np.int64)
            more = g.reduce("Sum", reached, 2, keepdims=False)
            count = more if digit == 0 else g.op("Add", g.op("Mul", count, base), more)
        return count

    def knot(self, places: str) -> str:
        """The knots at places of shape (n_samples, n_columns)."""
        return _at(self.g, self.padded, places)


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
