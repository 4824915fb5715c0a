"""Estimators that hold others and only hand tensors from one to the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import FeatureUnion, Pipeline

from skdeep._compat import BaseSearchCV, columns_of_transformers
from skdeep.onnx import _ensembles, _types
from skdeep.onnx._graph import Graph, Output

Holder = Callable[[Any, Any, Any, list, Any], list]
"""Takes a model apart: given the `Parser`, skl2onnx's scope, the model, the variables that go into
it and the methods that are wanted (None for the default ones), it returns the variables that come
out."""

_TRANSFORM: Mapping[str, Any] = {"transform": {}}


def _pipeline(parser: Any, scope: Any, model: Any, inputs: list, methods: Any) -> list:
    last = len(model.steps) - 1
    for i, (name, step) in enumerate(model.steps):
        if _is_nothing(step) or hasattr(step, "fit_resample"):  # which acts in fit alone
            continue
        with parser.step(name):
            inputs = parser.parse(scope, step, inputs, methods if i == last else _TRANSFORM)
    return inputs


def _column_transformer(parser: Any, scope: Any, model: Any, inputs: list, methods: Any) -> list:
    out, columns = [], columns_of_transformers(model)
    for name, transformer, _ in model.transformers_:
        if columns[name] and not (isinstance(transformer, str) and transformer == "drop"):
            chosen = parser.columns(scope, inputs, columns[name])
            out += _weighted(parser, scope, model, name, transformer, chosen)
    return out


def _feature_union(parser: Any, scope: Any, model: Any, inputs: list, methods: Any) -> list:
    out = []
    for name, transformer in model.transformer_list:
        if not (isinstance(transformer, str) and transformer == "drop"):
            out += _weighted(parser, scope, model, name, transformer, inputs)
    return out


def _weighted(
    parser: Any, scope: Any, model: Any, name: str, transformer: Any, inputs: list
) -> list:
    """What one of several transformers makes, times its weight."""
    made = inputs
    if not _is_nothing(transformer):
        with parser.step(name):
            made = parser.parse(scope, transformer, inputs, _TRANSFORM)
    weight = (model.transformer_weights or {}).get(name)
    if weight is None:
        return made
    variable = parser.merged(scope, made)

    def write(g: Graph) -> list[Output]:
        (x,) = g.inputs
        return [
            Output(g.op("Mul", g.cast(x.name, g.dtype, x.dtype), float(weight)), g.dtype, x.shape)
        ]

    return parser.part(scope, [variable], [("variable", _types.float_type([variable]))], write)


def _search(parser: Any, scope: Any, model: Any, inputs: list, methods: Any) -> list:
    with parser.step("best_estimator_"):
        return parser.parse(scope, model.best_estimator_, inputs, methods)


def _frozen(parser: Any, scope: Any, model: Any, inputs: list, methods: Any) -> list:
    return parser.parse(scope, model.estimator, inputs, methods)


def _is_nothing(step: Any) -> bool:
    return step is None or (isinstance(step, str) and step == "passthrough")


HOLDERS: dict[type, Holder] = {
    Pipeline: _pipeline,
    ColumnTransformer: _column_transformer,
    FeatureUnion: _feature_union,
    BaseSearchCV: _search,
    FrozenEstimator: _frozen,
    **_ensembles.HOLDERS,
}


def holder_of(model: Any) -> Holder | None:
    """What takes a model apart; None for one that holds no others, or is left to skl2onnx."""
    return next((HOLDERS[cls] for cls in type(model).__mro__ if cls in HOLDERS), None)
