"""`to_onnx` and `save`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from skl2onnx import convert_sklearn
from sklearn.utils.validation import check_is_fitted

from skdeep._checks import is_frame
from skdeep._compat import _check_feature_names
from skdeep._version import __version__
from skdeep.onnx._graph import OPSET, Module
from skdeep.onnx._inputs import TensorInput, as_array, check_shape, inputs_of, with_free_lengths
from skdeep.onnx._parse import Parser, Root, first_step
from skdeep.onnx._register import FAMILIES, MODULES, register
from skdeep.onnx._types import tensor_type


def to_onnx(
    model: Any,
    X: Any,
    *,
    methods: Sequence[str] | Mapping[str, Mapping[str, Any]] | None = None,
    inputs: str = "columns",
    converters: Mapping[type, Module] | None = None,
) -> onnx.ModelProto:
    """Convert a fitted model to ONNX.

    Parameters
    ----------
    model : estimator
        An estimator of skdeep, alone or in one of scikit-learn's that holds others.

    X : DataFrame, array-like or list of array-like
        Some rows like those of `fit`, which show the names, types and shapes of the inputs. None
        for methods that take no rows: `sample` takes noise, `inverse_transform` codes.

    methods : sequence of str, or mapping of str to dict, default=None
        The methods of the last estimator that the file computes, an output for each. A mapping
        has their arguments: ``{"predict": {}, "predict_interval": {"coverage": 0.8}}``. None is
        `predict` and `predict_proba`, or `transform`.

    inputs : {'columns', 'types'}, default='columns'
        Whether a DataFrame has an input of shape (n_samples, 1) for each column, with its name, or
        one for each type, 'float64' or 'string' say, with the columns of the type in their order.

    converters : mapping of type to callable, default=None
        What writes torch modules of your own: a function of (graph, module, x), `x` being the name
        of the input, that returns the name of the output. It writes nodes with
        ``graph.op("Relu", x)``, and other modules with ``graph.module(module.linear, x)``.

    Returns
    -------
    onnx.ModelProto

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    TypeError
        If X is sparse.
    ValueError
        If X has other columns than in `fit`, or holds what tensors of ONNX cannot carry; or if a
        step cannot be written: the message names it.
    """
    check_is_fitted(model)
    register()
    if methods is not None and not isinstance(methods, Mapping):
        methods = {key: {} for key in methods}
    known, names = _inputs(model, X, inputs, methods or {})
    modules = {**MODULES, **(converters or {})}
    proto = _converted(Root(model, known, methods), modules)
    _describe(proto, model, known, names)
    return proto


def _converted(root: Root, modules: Mapping[type, Module]) -> onnx.ModelProto:
    parser = Parser(modules)
    proto = convert_sklearn(
        root,
        name=type(root.model).__name__,
        initial_types=[(f"x{i}", tensor_type(x.dtype, x.shape)) for i, x in enumerate(root.inputs)],
        target_opset=dict(OPSET),
        custom_parsers=parser.parsers,
        custom_conversion_functions=parser.converters,
        custom_shape_calculators=parser.shapes,
        options={},
    )
    for domain in proto.opset_import:  # skl2onnx says the oldest version that has all nodes, in
        known = OPSET.get(domain.domain, domain.version)  # which onnxruntime knows fewer types
        domain.version = known
    _prune(proto.graph)
    _name_inputs(proto, [x.name for x in root.inputs])
    return proto


def _prune(graph: onnx.GraphProto) -> None:
    """Leave out what no output needs, the labels of the members of an ensemble, for example."""
    needed = {value.name for value in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed.isdisjoint(node.output):
            continue
        kept.append(node)
        needed.update(node.input)
        for attribute in node.attribute:  # a body of a loop uses names from outside
            needed.update(name for inner in attribute.g.node for name in inner.input)
            needed.update(value.name for value in attribute.g.output)
    weights = [weight for weight in graph.initializer if weight.name in needed]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(reversed(kept))
    graph.initializer.extend(weights)


def _name_inputs(proto: onnx.ModelProto, names: Sequence[str]) -> None:
    """Give the inputs their names, of any characters: skl2onnx would leave letters alone.

    An input whose name is that of an output gets '_input' behind it, and what else has the name of
    an input an underscore.
    """
    graph, outputs = proto.graph, {value.name for value in proto.graph.output}
    wanted = [f"{name}_input" if name in outputs else name for name in names]
    new = {value.name: name for value, name in zip(graph.input, wanted)}
    taken = {name for node in graph.node for name in node.output}
    taken |= {weight.name for weight in graph.initializer}
    for name in taken.intersection(wanted):
        free = f"{name}_"
        while free in taken or free in wanted:
            free += "_"
        new[name] = free
    for node in graph.node:
        node.input[:] = [new.get(name, name) for name in node.input]
        node.output[:] = [new.get(name, name) for name in node.output]
    for value in [*graph.input, *graph.initializer]:
        value.name = new.get(value.name, value.name)


def save(model: Any, X: Any, path: str | os.PathLike, **options: Any) -> None:
    """Write a fitted model to a file in the ONNX format.

    Parameters
    ----------
    model : estimator
    X : DataFrame or array-like of shape (n_samples, n_features)
    path : str or path-like
    **options : dict
        Of `to_onnx`.
    """
    onnx.save(to_onnx(model, X, **options), os.fspath(path))


def _inputs(
    model: Any, X: Any, group: str, methods: Mapping[str, Any]
) -> tuple[list[TensorInput], list[str] | None]:
    """The inputs of the file, and the names of the columns of X if it has some."""
    family = FAMILIES.get(type(model))
    without_rows = {} if family is None else family.inputs
    for method in methods or (() if family is None else family.default):
        if method in without_rows:
            if X is not None or len(methods) > 1:
                raise ValueError(
                    f"{method!r} of {type(model).__name__} takes no rows: expected X=None and no "
                    f"other method, got X of the type {type(X).__name__}, methods={list(methods)}."
                )
            return without_rows[method](model), None
    first = first_step(model)
    if X is None:
        raise ValueError(
            f"X=None: expected some rows like those that {type(first).__name__} was fitted on."
        )
    known = with_free_lengths(inputs_of(X, group), first)
    check_shape(first, X)
    return known, _checked_names(model, X)


def _checked_names(model: Any, X: Any) -> list[str] | None:
    """The names of the columns of X; None where it has none.

    Raises
    ------
    ValueError
        scikit-learn's, if they, or their number, are not those of `fit`.
    """
    if is_frame(X) and hasattr(model, "feature_names_in_"):
        _check_feature_names(model, X, reset=False)
    expected = getattr(model, "n_features_in_", None)
    shape = X.shape if hasattr(X, "shape") else as_array(X).shape
    n_features = shape[1] if len(shape) == 2 else None
    if None not in (expected, n_features) and n_features != expected:
        raise ValueError(
            f"X has {n_features} features, but {type(model).__name__} is expecting {expected} "
            "features as input."
        )
    return [str(name) for name in X.columns] if is_frame(X) else None


def _describe(
    proto: onnx.ModelProto, model: Any, inputs: Sequence[TensorInput], names: Any
) -> None:
    """Put what the model is into the metadata of the file."""
    proto.producer_name, proto.producer_version = "skdeep", __version__
    found = {"skdeep": __version__, "class": type(model).__name__}
    known = getattr(model, "feature_names_in_", None)
    if known is not None or names is not None:
        found["feature_names"] = json.dumps(names if known is None else [str(n) for n in known])
    classes = getattr(model, "classes_", None)
    if isinstance(classes, np.ndarray):
        found["classes"] = json.dumps(classes.tolist())
    if names is not None:
        held = {
            value.name: [names[j] for j in x.columns] for value, x in zip(proto.graph.input, inputs)
        }
        found["inputs"] = json.dumps(held)
    onnx.helper.set_model_props(proto, found)
