"""Multi-layer perceptrons."""

from __future__ import annotations

from typing import Any

from skdeep.nets.blocks import MLPNet
from skdeep.onnx import _answers
from skdeep.onnx._family import Family
from skdeep.onnx._graph import Graph, Module, Output
from skdeep.perceptron.mlp import MLPClassifier, MLPRegressor


def mlp_net(g: Graph, net: Any, x: str) -> str:
    """Linear maps with what comes after each."""
    for layer, rest in zip(net.linears, net.hidden):
        x = g.module(rest, g.module(layer, x))
    return g.module(net.linears[-1], x)


def predict_proba(g: Graph, model: Any) -> Output:
    return _answers.probabilities(g, model, _raw(g, model))


def predict_labels(g: Graph, model: Any) -> Output:
    return _answers.labels(g, model, _raw(g, model))


def predict_numbers(g: Graph, model: Any) -> Output:
    return _answers.numbers(g, model, _raw(g, model))


def _raw(g: Graph, model: Any) -> str:
    return g.module(model.net_.module_, g.rows())


MODULES: dict[type, Module] = {MLPNet: mlp_net}

FAMILIES: dict[type, Family] = {
    MLPClassifier: Family(
        {"predict": predict_labels, "predict_proba": predict_proba}, ("predict", "predict_proba")
    ),
    MLPRegressor: Family({"predict": predict_numbers}, ("predict",)),
}
