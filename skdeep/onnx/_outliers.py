"""Outlier detection, in double precision: scores of a masked autoencoder, and of a generator."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdeep.adversarial.gan_outlier import GANOutlierDetector
from skdeep.nets.masked import MaskedNet
from skdeep.onnx._code_search import lowest_loss
from skdeep.onnx._family import Family, double
from skdeep.onnx._graph import Graph, Output
from skdeep.onnx._neighbors import nearest
from skdeep.onnx._tables import Columns, levels_of
from skdeep.outlier import scorers
from skdeep.outlier.detector import AutoencoderOutlierDetector
from skdeep.preprocessing.outliers import FENCE, soft_clip

_ROUNDING = 1e-12
"""By this much, relatively, a score may differ from that of the same row in fit."""

# --- the table -------------------------------------------------------------------------------


def _encoded(g: Graph, encoder: Any) -> tuple[str, str | None]:
    """What `OutlierEncoder.encode` makes of a table: the columns that varied in fit, NaN where
    missing, and how far the others are from their constants."""
    table = Columns(g, encoder._names)
    parts: list[str] = []
    center, scale, at = encoder._center, encoder._scale, 0
    kept = encoder._many + encoder._two
    if kept:
        at = len(kept)
        z = g.op("Mul", g.op("Sub", table.numbers(kept), center[None, :at]), scale[None, :at])
        parts.append(_soft_clip(g, z))
    if encoder._with_gaps:
        start, at = at, at + len(encoder._with_gaps)
        values = [soft_clip((v - center[start:at]) * scale[start:at])[None] for v in (1.0, 0.0)]
        missing = g.op("IsNaN", table.numbers(encoder._with_gaps))
        parts.append(g.op("Where", missing, *values))
    for j in encoder._one_hot:
        n = encoder._count(j)
        rows = np.array([[0.0], [-1.0], [1.0]]) if n == 2 else np.eye(n + 1, n, -1)
        start, at = at, at + rows.shape[1]
        rows = soft_clip((rows - center[start:at]) * scale[start:at])
        parts.append(
            g.reshape(g.op("Gather", rows, table.codes(j, levels_of(encoder, j))), [0, -1])
        )
    for place, j in enumerate(encoder._numbered):
        rarity = (encoder._rarity[j] - encoder._rare_center[place]) / encoder._rare_scale[place]
        parts.append(g.op("Gather", soft_clip(rarity), table.codes(j, levels_of(encoder, j))))
    if not parts:
        parts = [table.zeros()]
    encoded = g.cast(g.side_by_side(parts), np.float32, g.dtype)
    return g.cast(encoded, g.dtype, np.float32), _deviations(g, encoder, table)


def _soft_clip(g: Graph, z: str) -> str:
    """See `skdeep.preprocessing.outliers.soft_clip`."""
    size = g.op("Min", g.op("Abs", z), float(np.finfo(np.float64).max))
    beyond = g.op("Log", g.op("Add", g.op("Max", g.op("Sub", size, FENCE), 0.0), 1.0))
    beyond = g.op("Mul", g.op("Sign", z), g.op("Add", beyond, FENCE))
    return g.op("Where", g.op("Greater", size, FENCE), beyond, z)


def _deviations(g: Graph, encoder: Any, table: Columns) -> str | None:
    """Of the columns that were constant in fit, in float32's precision."""
    parts: list[str] = []
    if len(encoder._constant_numbers):
        now, known = table.numbers(encoder._constant_numbers.tolist()), encoder._constants[None]
        gap = g.op("Abs", g.op("Sub", now, known))
        limit = g.op("Mul", g.op("Max", g.op("Abs", now), np.abs(known)), 1e-9)
        is_new = g.op("And", np.isnan(known), g.op("Not", g.op("IsNaN", now)))
        parts.append(g.op("Or", is_new, g.op("Greater", gap, limit)))
    for j in encoder._constant_levels:
        parts.append(g.op("Not", g.op("Equal", table.codes(j, levels_of(encoder, j)), 1)))
    if not parts:
        return None
    return g.op("Mul", g.cast(g.side_by_side(parts), g.dtype), float(np.float32(encoder._surprise)))


# --- the network -----------------------------------------------------------------------------


def _later_layers(g: Graph, net: MaskedNet, h: str, stop: int) -> str:
    """From the sums of the first layer to the activations of layer `stop`."""
    h = g.module(net.activations[0], h)
    for i in range(1, stop + 1):
        layer: Any = net.linears[i]
        h = g.op("Add", g.op("MatMul", h, g.stored(layer.weight)), g.stored(layer.bias))
        h = g.module(net.activations[i], h)
    return h


def _first(g: Graph, net: Any, x: str, missing: str) -> str:
    """The first layer's sums with nothing hidden, (n_members, n_samples, n_units)."""
    both = g.op("Unsqueeze", g.side_by_side([x, missing]), [0])
    first = net.linears[0]
    return g.op("Add", g.op("MatMul", both, g.stored(first.weight)), g.stored(first.bias))


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
        weight = g.op("Gather", g.stored(net.linears[0].weight), rows, axis=1)
        h = g.op("Add", base, g.op("MatMul", change, weight))
        h = _later_layers(g, net, h, len(net.linears) - 2)
        weight, bias = (
            g.op("Gather", g.stored(p), columns, axis=2) for p in (last.weight, last.bias)
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
    return g.reduce("Sum", x, 1)


def _mean(g: Graph, x: str) -> str:
    return g.reduce("Mean", x, 1)


def _of_residuals(g: Graph, scorer: Any, x: str, r: str) -> str:
    return _summed(g, _squares(g, g.op("Div", r, scorer.scale_)))


def _mahalanobis(g: Graph, scorer: Any, x: str, r: str) -> str:
    v = g.side_by_side([x, g.op("Div", r, scorer.scale_)])
    v = g.op("Sub", v, scorer.location_)
    if scorer.basis_ is None:
        across = g.op("MatMul", v, scorer.precision_)
    else:
        known = g.op("MatMul", g.op("MatMul", v, scorer.basis_.T.copy()), scorer.basis_)
        across = g.op("Div", g.op("Sub", v, known), float(scorer.ridge_))
    return _summed(g, g.op("Mul", v, across))


def _near(g: Graph, scorer: Any, v: str, what: str) -> str:
    """The 'squares' or 'places' of a `Nearest`, as a `skdeep.outlier.scorers.Neighbors` has
    them."""
    n_rows, is_known = len(scorer.rows_), scorer.leave_out_self
    wanted = min(scorer.n_neighbors + is_known, n_rows)
    found = nearest(g, v, scorer.rows_, wanted)
    values = getattr(found, what)
    if not is_known or n_rows == 1:
        return values
    length = g.op("Add", g.reduce("L2", v, 1), 1.0)
    limit = g.op("Mul", length, scorers.SELF)
    is_self = g.op("LessOrEqual", g.op("Sqrt", g.column(found.squares, 0)), limit)
    return g.op("Where", is_self, g.part(values, 1, wanted), g.part(values, 0, wanted - 1))


def _neighbors(g: Graph, scorer: Any, x: str, r: str) -> str:
    v = g.side_by_side([x, g.op("Div", r, scorer.scale_)]) if len(scorer.scale_) else x
    return _mean(g, _near(g, scorer, v, "squares"))


def _local(g: Graph, scorer: Any, x: str, r: str) -> str:
    squares, places = (_near(g, scorer, x, what) for what in ("squares", "places"))
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


def _of_masked(g: Graph, model: Any) -> str:
    """The outlier score of each row, (n_samples, 1)."""
    net, scorer = model.net_.module_, model._scorer
    rows, deviations = _encoded(g, model.encoder_)
    missing = g.cast(g.op("IsNaN", rows), g.dtype)
    x = g.op("Where", g.op("IsNaN", rows), 0.0, rows)
    r = _residuals(g, net, x, missing, model._groups)
    if model._latent_scale is not None:
        center, spread = model._latent_scale
        x = g.op("Div", g.op("Sub", _code(g, net, x, missing), center[None]), float(spread))
    score = _SCORERS[type(scorer)](g, scorer, x, r)
    if deviations is None:
        return score
    return g.op("Add", score, _summed(g, _squares(g, deviations)))


_TOTALS = {AutoencoderOutlierDetector: _of_masked, GANOutlierDetector: lowest_loss}


def _total(g: Graph, model: Any) -> str:
    """The outlier score of each row, (n_samples, 1)."""
    return _TOTALS[type(model)](g, model)


def score_samples(g: Graph, model: Any) -> Output:
    return Output(g.op("Neg", _total(g, model)), g.dtype, [None, 1])


def decision_function(g: Graph, model: Any) -> Output:
    scores = g.op("Neg", _total(g, model))
    return Output(g.op("Sub", scores, float(model.offset_)), g.dtype, [None, 1])


def predict(g: Graph, model: Any) -> Output:
    limit = -_ROUNDING * max(1.0, abs(model.offset_))
    is_out = g.op("Less", decision_function(g, model).name, limit)
    return Output(g.reshape(g.op("Where", is_out, -1, 1), [-1]), np.int64, [None])


def predict_tail_proba(g: Graph, model: Any) -> Output:
    """See `skdeep.outlier.scorers.Tail`."""
    tail, score = model._tail, _total(g, model)
    score = g.op("Sub", score, g.op("Mul", g.op("Abs", score), _ROUNDING))
    lower = g.cast(g.op("Less", tail.values_[None], score), np.int64)
    place = g.reduce("Sum", lower, 1)
    below = np.append(tail.ranks_, tail.n_rows_)
    shares = (1.0 + tail.n_rows_ - below) / (1.0 + tail.n_rows_)
    return Output(g.op("Gather", shares, place), g.dtype, [None, 1])


FAMILIES: dict[type, Family] = {
    AutoencoderOutlierDetector: Family(
        {
            "predict": predict,
            "decision_function": decision_function,
            "score_samples": score_samples,
            "predict_tail_proba": predict_tail_proba,
        },
        ("predict", "decision_function"),
        double,
    ),
    GANOutlierDetector: Family(
        {
            "predict": predict,
            "decision_function": decision_function,
            "score_samples": score_samples,
        },
        ("predict", "decision_function"),
        double,
    ),
}
