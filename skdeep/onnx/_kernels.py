"""`RandomKernels`, and the mean of a network and a linear model on them, as nodes.

Series are standardised and rounded in double precision, as by `RandomKernels` itself; what follows
is in single precision, in which responses of kernels are exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from skdeep.inputs.arrays import ArrayInput
from skdeep.kernels.batch import GROUP_SIZE, weights_of
from skdeep.kernels.transformer import GRID, VALUES, RandomKernels
from skdeep.nets.kernels import LENGTH, TRIPLES
from skdeep.onnx._arrays import (
    SINGLE,
    Rows,
    channels_first,
    masked,
    steps,
    with_own_scale,
    without_padding,
)
from skdeep.onnx._family import Family, single
from skdeep.onnx._graph import Graph, Output
from skdeep.onnx._loops import ROWS, in_pieces, iterate

_LONG = 1000
"""Steps of series of any length, as far as memory is concerned."""
_END = np.iinfo(np.int32).max


class _View:
    """Series, or their first differences, as kernels see them.

    Attributes
    ----------
    x : str
        Of shape (n_samples, n_channels, length), 0 where a value is missing.
    there : str
        Steps that count, of bool and of shape (n_samples or 1, 1, length).
    length : callable
        Writes that of each series, of int64 and of shape (n_samples or 1, 1, 1).
    """

    def __init__(self, g: Graph, x: str, there: str, length: Callable[[], str]) -> None:
        self.g, self.x, self.there, self.length = g, x, there, length

    def differences(self) -> _View:
        """Each step's next one minus itself; the last one has none, and does not count."""
        g, there = self.g, self.g.cast(self.there, SINGLE)
        both = g.op("Mul", there, _next(g, there))
        x = g.op("Mul", g.op("Sub", _next(g, self.x), self.x), both)
        return _View(g, x, g.cast(both, np.bool_), lambda: g.op("Sub", self.length(), 1))

    def convolved(self, weights: Any, dilation: int) -> str:
        """Responses of kernels, (n_samples, n_kernels, length)."""
        pads = [LENGTH // 2 * dilation] * 2
        return self.g.op(
            "Conv", self.x, weights, kernel_shape=[LENGTH], dilations=[dilation], pads=pads
        )

    def pooled(self, block: dict[str, Any], turn: int, poolings: list[str]) -> str:
        """See `skdeep.kernels.batch.Batch.pooled`."""
        g, reach = self.g, LENGTH // 2 * block["dilation"]
        weights = weights_of(block, torch.device("cpu"))
        counts = self._counts(reach, np.arange(len(TRIPLES))[:, None] % 2 != turn)
        responses = self.convolved(weights, block["dilation"])
        responses = g.op("Where", counts, responses, -math.inf)
        above = g.op("Sub", g.op("Unsqueeze", responses, [1]), block["biases"][:, :, None])
        positive = g.cast(g.op("Greater", above, 0.0), SINGLE)
        count = g.reduce("Sum", positive, 3, keepdims=False)

        def over_length(x: str) -> str:
            return g.op("Div", x, g.cast(g.op("Max", self.length(), 1), SINGLE))

        def over_count(x: str) -> str:
            return g.op("Div", x, g.op("Max", count, 1.0))

        def ppv() -> str:
            n = g.op("Max", g.reduce("Sum", g.cast(counts, SINGLE), 2, keepdims=False), 1.0)
            return g.op("Div", count, g.op("Unsqueeze", n, [1]))

        def mean() -> str:
            return over_count(g.reduce("Sum", g.op("Relu", above), 3, keepdims=False))

        def index() -> str:
            time = g.op("Unsqueeze", g.cast(steps(g, self.x, 2), SINGLE), [1])
            return over_length(over_count(g.op("Squeeze", g.op("MatMul", positive, time), [3])))

        def stretch() -> str:
            return over_length(_longest(g, positive, g.op("Mul", count, 0.0)))

        made = {"ppv": ppv, "mean": mean, "index": index, "stretch": stretch}
        return g.side_by_side([g.reshape(made[name](), [0, -1]) for name in poolings])

    def _counts(self, reach: int, over_ends: np.ndarray) -> str:
        """Whether a response counts, (n_samples or 1, n_kernels, length); `over_ends` are the
        kernels that may reach over the ends of a series."""
        g, step, length = self.g, steps(self.g, self.x, 2), self.length()
        before_end = g.op("Less", step, g.op("Sub", length, reach))
        inside = g.op("And", g.op("GreaterOrEqual", step, reach), before_end)
        inside = g.op("Or", inside, g.op("LessOrEqual", length, 2 * reach))
        return g.op("And", self.there, g.op("Or", inside, over_ends))

    def competed(self, block: dict[str, Any]) -> str:
        """See `skdeep.nets.kernels.competed`."""
        g, weights = self.g, block["weights"]
        responses = self.convolved(weights, block["dilation"])
        groups = g.reshape(responses, [0, GROUP_SIZE, len(weights) // GROUP_SIZE, -1])
        weight = g.op("Unsqueeze", g.cast(self.there, SINGLE), [1])
        best, worst = (g.reduce(how, groups, 1) for how in ("Max", "Min"))
        prizes = ((best, g.op("Mul", g.op("Relu", best), weight)), (worst, weight))
        sums = []
        for which, prize in prizes:
            wins = g.op("Mul", g.cast(g.op("Equal", groups, which), SINGLE), prize)
            sums.append(g.reshape(g.reduce("Sum", wins, 3, keepdims=False), [0, -1]))
        n = g.op("Max", g.reduce("Sum", weight, [2, 3], keepdims=False), 1.0)
        return g.op("Sqrt", g.op("Div", g.side_by_side(sums), n))


def _next(g: Graph, x: str) -> str:
    """Values of the next step, 0 behind the last."""
    return g.part(g.op("Pad", x, [0, 0, 0, 0, 0, 1]), 1, _END, axis=2)


def _longest(g: Graph, positive: str, zeros: str) -> str:
    """Length of the longest run of ones along the last axis."""

    def longer(inner: Graph, step: str, states: list[str]) -> list[str]:
        run = inner.op("Mul", inner.op("Add", states[0], step), step)
        return [run, inner.op("Max", states[1], run)]

    first = g.op("Transpose", positive, perm=[3, 0, 1, 2])
    return iterate(g, first, [zeros, zeros], longer)[1]


def features(g: Graph, kernels: RandomKernels, reader: ArrayInput) -> str:
    """What kernels make of X as `reader` reads it, (n_samples, n_features) in single precision;
    for some series at a time, as responses take much more memory than these."""
    double, precise = np.dtype(np.float64), g.in_double()
    x, shape = channels_first(precise, reader, double)
    longest = shape[1] or _LONG
    size = int(np.clip(VALUES // (longest * len(TRIPLES)), 1, ROWS))

    def write(inner: Graph, piece: str) -> str:
        series = inner.reshape(piece, [0, shape[0], -1])
        rows = without_padding(inner, series, shape, double)
        views = {False: _standardised(inner, kernels, rows)}
        if kernels.difference:
            views[True] = views[False].differences()
        poolings = list(kernels.poolings)
        parts = [
            views[block["difference"]].pooled(block, i % 2, poolings)
            for i, block in enumerate(kernels.fixed_)
        ]
        parts += [views[block["difference"]].competed(block) for block in kernels.competing_]
        return inner.side_by_side(parts)

    return in_pieces(precise, precise.op("Flatten", x), write, SINGLE, size)


def _standardised(g: Graph, kernels: RandomKernels, rows: Rows) -> _View:
    """Series on the grid of `RandomKernels`; `g` is in double precision."""

    def length() -> str:
        if rows.inside is None:
            return g.reshape(g.op("Shape", rows.x, start=2, end=3), [1, 1, 1])
        return g.reduce("Sum", g.cast(rows.inside, np.int64), 2)

    there = rows.inside or g.op("Less", steps(g, rows.x, 2), length())
    x = g.op("Sub", rows.x, kernels.mean_[:, None])
    x = masked(g, g.op("Mul", x, kernels.scale_[:, None]), rows.inside)
    if kernels.missing == "mask":
        missing = g.op("IsNaN", x)
        known = g.reduce("Max", g.cast(g.op("Not", missing), SINGLE), 1)
        there = g.op("And", there, g.cast(known, np.bool_))
        x = g.op("Where", missing, 0.0, x)
    if kernels.own_scale_:
        x = with_own_scale(g, Rows(x, rows.shape, there)).x
    x = g.op("Div", g.op("Round", g.op("Mul", x, GRID)), GRID)
    return _View(g.in_single(), g.cast(x, SINGLE), there, length)


def mixed(g: Graph, model: Any, raw: str) -> str:
    """Raw scores of an estimator from those of its network; see `skdeep.kernels.head.mixed`."""
    kernels = getattr(model, "kernels_", None)
    if kernels is None:
        return raw
    head, share = model._kernel_head, model.kernel_weight_
    found = features(g, kernels, model._input)
    standard = g.op("Mul", g.op("Sub", found, head["mean"]), head["scale"])
    scores = g.linear(standard, head["coef"], head["intercept"])
    parts = ((scores, share), (raw, 1 - share))
    if model.out_activation_ == "identity":
        return g.op("Add", *(g.op("Mul", x, weight) for x, weight in parts))

    def mean(logs: Callable[[str], str]) -> str:
        each = [g.op("Add", logs(x), math.log(weight)) for x, weight in parts]
        stacked = g.side_by_side([g.op("Unsqueeze", x, [1]) for x in each])
        return g.reduce("LogSumExp", stacked, 1, keepdims=False)

    if model.out_activation_ == "softmax":
        return mean(lambda x: g.op("LogSoftmax", x, axis=1))
    no = mean(lambda x: g.op("Neg", g.op("Softplus", x)))
    return g.op("Sub", mean(lambda x: g.op("Neg", g.op("Softplus", g.op("Neg", x)))), no)


def transform(g: Graph, model: RandomKernels) -> Output:
    return Output(features(g, model, model._input), SINGLE, [None, model._n_features_out])


FAMILIES: dict[type, Family] = {
    RandomKernels: Family({"transform": transform}, ("transform",), single)
}
