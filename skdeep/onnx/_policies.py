"""Policies: values of actions."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdeep.onnx import _answers
from skdeep.onnx._arrays import Rows, read_rows, standardized
from skdeep.onnx._convolutions import trunk
from skdeep.onnx._family import Family, of_network, single
from skdeep.onnx._graph import Graph, Output
from skdeep.policies.fitted_q import FittedQClassifier


def action_values(g: Graph, model: Any) -> Output:
    net = model.net_.module_
    if model.image_shape is None:
        rows = Rows(g.rows(), net.config["shape"])
        values = g.module(net.body, standardized(g, rows, net.scale).x)
    else:
        rows = standardized(g, read_rows(g, model), net.scale)
        values = g.module(net.body.head, trunk(g, net.body.trunk, rows))
    return Output(g.op("Mul", values, net.unit), g.dtype, [None, len(model.classes_)])


def decision_function(g: Graph, model: Any) -> Output:
    values = action_values(g, model)
    if len(model.classes_) > 2:
        return values
    gap = g.op("Sub", g.column(values.name, 1), g.column(values.name, 0))
    return Output(gap, g.dtype, [None, 1])


def predict_labels(g: Graph, model: Any) -> Output:
    return _answers.labels(g, model, action_values(g, model).name)


def predict_proba(g: Graph, model: Any) -> Output:
    scores = g.op("Div", action_values(g, model).name, float(model.temperature))
    return Output(g.op("Softmax", scores, axis=1), g.dtype, [None, len(model.classes_)])


def _precision(model: Any) -> np.dtype:
    return of_network(model) if model.image_shape is None else single(model)


FAMILIES: dict[type, Family] = {
    FittedQClassifier: Family(
        {
            "predict": predict_labels,
            "predict_proba": predict_proba,
            "decision_function": decision_function,
            "action_values": action_values,
        },
        ("predict", "predict_proba"),
        _precision,
    )
}
