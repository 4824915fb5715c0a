"""How estimators that hold others are taken apart: the order of the steps, and what joins them.

skl2onnx parses a model into operators, by a function for each class. Those here are handed to it
for one call, and registered nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from skl2onnx._parse import _parse_sklearn, _parse_sklearn_simple_model
from skl2onnx._supported_operators import sklearn_classifier_list
from sklearn.pipeline import Pipeline

from skdeep.onnx import _register
from skdeep.onnx._graph import Module
from skdeep.onnx._types import tensor_type

Parser = Callable[..., list]


class Conversion:
    """One call of `to_onnx`: what it wants of which estimator.

    Parameters
    ----------
    wanted : mapping of int to sequence of str
        Methods by the `id` of the estimator, where they are not the default ones.
    modules : mapping of type to callable
        What writes torch modules.
    """

    def __init__(self, wanted: Mapping[int, Sequence[str]], modules: Mapping[type, Module]) -> None:
        self.wanted, self.modules = wanted, modules

    def parsers(self) -> dict[type, Parser]:
        """skl2onnx's `custom_parsers`."""
        return {
            **{cls: _parse_sklearn_simple_model for cls in sklearn_classifier_list},  # no zipmap
            **{cls: self.one_of_ours for cls in _register.FAMILIES},
            Pipeline: self.pipeline,
        }

    def converters(self) -> dict[type, Callable[..., None]]:
        """skl2onnx's `custom_conversion_functions`."""
        return {cls: self.write for cls in _register.FAMILIES}

    def shapes(self) -> dict[type, Callable[..., None]]:
        """skl2onnx's `custom_shape_calculators`."""
        return {cls: _register.no_shapes for cls in self.converters()}

    def write(self, scope: Any, operator: Any, container: Any) -> None:
        _register.write(scope, operator, container, self.modules)

    def parse(self, scope: Any, model: Any, inputs: list) -> list:
        """Any model."""
        return _parse_sklearn(scope, model, inputs, custom_parsers=self.parsers())

    # --- parsers of classes -------------------------------------------------------------------

    def one_of_ours(self, scope: Any, model: Any, inputs: list, custom_parsers: Any = None) -> list:
        operator = scope.declare_local_operator(f"Skdeep{type(model).__name__}", model)
        operator.inputs = inputs
        operator.methods = self.wanted.get(id(model), _register.FAMILIES[type(model)].default)
        for method in operator.methods:
            kind = tensor_type(_register.output_dtype(model, method), [])
            name = _register.output_name(model, method)
            operator.outputs.append(scope.declare_local_variable(name, kind))
        return operator.outputs

    def pipeline(self, scope: Any, model: Any, inputs: list, custom_parsers: Any = None) -> list:
        for _, step in model.steps:
            if step is not None and step != "passthrough":
                inputs = self.parse(scope, step, inputs)
        return inputs
