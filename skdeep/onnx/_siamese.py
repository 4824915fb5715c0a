"""Siamese networks: embeddings, and classes by distance."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from torch.nn.modules.conv import _ConvNd

from skdeep.nets.recurrence import Recurrence
from skdeep.nets.recurrent import RecurrentNet
from skdeep.nets.siamese import ConvEmbedding, DenseEmbedding
from skdeep.onnx import _answers, _recurrence
from skdeep.onnx._arrays import Rows, read_rows
from skdeep.onnx._convolutions import conv_embedding
from skdeep.onnx._family import Family, of_network, single
from skdeep.onnx._graph import Graph, Output
from skdeep.onnx._loops import in_pieces
from skdeep.onnx._neighbors import squared_distances
from skdeep.onnx._perceptron import mlp_net
from skdeep.siamese.classes import label_of_unknown
from skdeep.siamese.classifier import SiameseClassifier
from skdeep.siamese.transformer import SiameseTransformer
from skdeep.siamese.views import orientations

_ROUNDING = {"float32": 1e-6, "float64": 1e-12}
"""By this much, relatively, a distance may differ from that of the same row in fit."""
_SHORTEST = 1e-6  # length by which embeddings are divided at least; see `losses.unit_length`


def transform(g: Graph, model: Any) -> Output:
    return Output(_embedded(g, model), g.dtype, [None, model.n_outputs_])


def predict_proba(g: Graph, model: Any) -> Output:
    scores = g.op("Div", _distances(g, model), _double(g, -model.temperature_))
    made = g.op("Softmax", scores, axis=1)
    return Output(made, np.float64, [None, len(model.classes_)])


def class_distance(g: Graph, model: Any) -> Output:
    return Output(_distances(g, model), np.float64, [None, len(model.classes_)])


def decision_function(g: Graph, model: Any) -> Output:
    distances, n_classes = _distances(g, model), len(model.classes_)
    if n_classes != 2:
        return Output(g.op("Neg", distances), np.float64, [None, n_classes])
    gap = g.op("Sub", g.column(distances, 0), g.column(distances, 1))
    return Output(gap, np.float64, [None, 1])


def is_known(g: Graph, model: Any) -> Output:
    return Output(g.op("Not", _is_far(g, model)), np.bool_, [None])


def predict_labels(g: Graph, model: Any) -> Output:
    nearest = g.op("ArgMin", _distances(g, model), axis=1, keepdims=0)
    classes = _answers.label_array(model.classes_)
    if np.isfinite(model.rejection_threshold_):
        nearest = g.op("Where", _is_far(g, model), len(classes), nearest)
        classes = np.append(classes, label_of_unknown(model.classes_))
    return _answers.chosen(g, classes, nearest)


def _is_far(g: Graph, model: Any) -> str:
    """Whether each row is of no known class, (n_samples,)."""
    least = g.reduce("Min", _distances(g, model), 1, keepdims=False)
    limit = model.rejection_threshold_ * (1 + _ROUNDING[g.dtype.name])
    return g.op("Greater", least, _double(g, limit))


def _double(g: Graph, value: Any) -> str:
    return g.const(value, np.float64)


def _embedded(g: Graph, model: Any) -> str:
    """Embeddings of rows, (n_samples, n_components)."""
    rows, axes = read_rows(g, model), model._axes
    if axes is None:
        z = _of_network(g, model, rows)
    else:
        axes, parts = axes / len(axes) ** 0.5, []
        for orientation, own in zip(orientations(rows.shape)[: len(axes)], axes):
            x = _turned(g, rows.x, *orientation)
            part = _of_network(g, model, replace(rows, x=x))
            part = _unit_length(g, part) if model.normalize else part
            parts.append(g.op("MatMul", part, own.astype(g.dtype)))
        z = g.op("Sum", *parts)
    return _unit_length(g, z) if model.normalize else z


def _of_network(g: Graph, model: Any, rows: Rows) -> str:
    """What the network makes of rows."""
    net = model.net_.module_
    if isinstance(net, DenseEmbedding):
        return mlp_net(g, net, rows.x if len(rows.shape) == 1 else g.op("Flatten", rows.x))
    if isinstance(net, ConvEmbedding):
        return conv_embedding(g, net, rows)
    if isinstance(net, RecurrentNet):
        return _recurrence.score(g, net, _recurrence.features(g, net, rows))
    return g.module(net, g.cast(rows.x, g.dtype, of_network(model)))


def _unit_length(g: Graph, z: str) -> str:
    return g.op("Div", z, g.op("Max", g.reduce("L2", z, 1), _SHORTEST))


def _turned(g: Graph, x: str, mirrored: bool, quarters: int) -> str:
    """Images mirrored and turned as by `skdeep.siamese.views.views`."""
    if mirrored:
        x = _reversed(g, x, [3])
    x = _reversed(g, x, [[], [3], [2, 3], [2]][quarters])
    return g.op("Transpose", x, perm=[0, 1, 3, 2]) if quarters % 2 else x


def _reversed(g: Graph, x: str, axes: list[int]) -> str:
    if not axes:
        return x
    n, first = len(axes), np.iinfo(np.int64).min
    return g.op("Slice", x, [-1] * n, [first] * n, axes, [-1] * n)


def _distances(g: Graph, model: Any) -> str:
    """Distances to the classes in double precision, (n_samples, n_classes)."""
    z = g.cast(_embedded(g, model), np.float64, g.dtype)
    known = model._known_classes()
    if model.n_neighbors is None:
        return _euclidean(g, z, known.means)

    def nearest(inner: Graph, rows: str) -> str:
        distances = _euclidean(inner, rows, known.rows)
        parts = []
        for number in range(len(known.labels)):
            members = np.flatnonzero(known.numbers == number)
            own, k = inner.op("Gather", distances, members, axis=1), [model.n_neighbors]
            near, _ = inner.op("TopK", own, np.minimum(k, len(members)), outputs=2, largest=0)
            parts.append(inner.reduce("Mean", near, 1))
        return inner.side_by_side(parts)

    return in_pieces(g.in_double(), z, nearest, np.float64)


def _euclidean(g: Graph, z: str, points: np.ndarray) -> str:
    """Distances to points, (n_samples, n_points)."""
    squares = squared_distances(g.in_double(), z, points.astype(np.float64))
    return g.op("Sqrt", g.op("Max", squares, _double(g, 0.0)))


def _precision(model: Any) -> np.dtype:
    kinds = (_ConvNd, Recurrence)
    needs_single = any(isinstance(layer, kinds) for layer in model.net_.module_.modules())
    return single(model) if needs_single else of_network(model)


FAMILIES: dict[type, Family] = {
    SiameseTransformer: Family({"transform": transform}, ("transform",), _precision),
    SiameseClassifier: Family(
        {
            "predict": predict_labels,
            "predict_proba": predict_proba,
            "decision_function": decision_function,
            "class_distance": class_distance,
            "is_known": is_known,
        },
        ("predict", "predict_proba"),
        _precision,
        outputs={"is_known": lambda model: [("is_known", np.bool_)]},
    ),
}
