"""`to_onnx` and `save`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import onnx
from skl2onnx import convert_sklearn
from skl2onnx.algebra.type_helper import guess_initial_types
from sklearn.utils.validation import check_is_fitted

from skdeep.onnx._graph import OPSET, Module
from skdeep.onnx._parse import Conversion
from skdeep.onnx._register import MODULES, register


def to_onnx(
    model: Any,
    X: Any,
    *,
    methods: Sequence[str] | None = None,
    converters: Mapping[type, Module] | None = None,
) -> onnx.ModelProto:
    """Convert a fitted model to ONNX."""
    check_is_fitted(model)
    register()
    modules = {**MODULES, **(converters or {})}
    wanted = {} if methods is None else {id(_last(model)): tuple(methods)}
    conversion = Conversion(wanted, modules)
    proto = convert_sklearn(
        model,
        name=type(model).__name__,
        initial_types=guess_initial_types(X),
        target_opset=dict(OPSET),
        custom_parsers=conversion.parsers(),
        custom_conversion_functions=conversion.converters(),
        custom_shape_calculators=conversion.shapes(),
    )
    for domain in proto.opset_import:  # skl2onnx says the oldest version that has all nodes, in
        domain.version = OPSET[domain.domain]  # which onnxruntime knows fewer types of numbers
    return proto


def save(model: Any, X: Any, path: str | os.PathLike, **options: Any) -> None:
    """Write a fitted model to a file in the ONNX format."""
    onnx.save(to_onnx(model, X, **options), os.fspath(path))


def _last(model: Any) -> Any:
    return _last(model.steps[-1][1]) if hasattr(model, "steps") else model
