"""From the raw scores of a network to labels, probabilities and numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdeep.onnx._graph import Graph, Output, Unsupported

LABELS = {"b": np.bool_, "i": np.int64, "u": np.int64, "f": np.float64, "U": np.str_}
"""The type of labels in a graph, by the kind of their NumPy type."""


def label_array(classes: Any) -> np.ndarray:
    """The classes of an estimator, as an array of a type that ONNX has.

    Raises
    ------
    Unsupported
        If they are neither numbers, booleans nor texts.
    """
    array = np.asarray(classes)
    if array.dtype.kind in "OT" and all(isinstance(c, str) for c in array.tolist()):
        array = array.astype(np.str_)
    if array.dtype.kind not in LABELS:
        example = array.ravel()[0]
        raise Unsupported(
            f"its classes are of the type {array.dtype} (such as {example!r}), and labels in ONNX "
            "are integers, floats, booleans or texts: encode y with LabelEncoder first."
        )
    return array.astype(LABELS[array.dtype.kind])


def probabilities(g: Graph, model: Any, raw: str) -> Output:
    """`predict_proba` of a classifier from raw scores of shape (n_samples, n_outputs)."""
    n_classes = len(model.classes_)
    if model._target_type == "multiclass":
        return Output(g.op("Softmax", raw, axis=1), g.dtype, [None, n_classes])
    if n_classes == 1 and model._target_type == "binary":
        ones = g.op("Add", g.op("Mul", raw, 0.0), 1.0)
        return Output(ones, g.dtype, [None, 1])
    positive = g.op("Sigmoid", raw)
    if model._target_type == "binary":
        positive = g.side_by_side([g.op("Sub", 1.0, positive), positive])
    return Output(positive, g.dtype, [None, n_classes])


def labels(g: Graph, model: Any, raw: str) -> Output:
    """`predict` of a classifier from raw scores of shape (n_samples, n_outputs)."""
    if model._target_type == "multiclass":
        return chosen(g, model.classes_, g.argmax(raw))
    positive = g.cast(g.op("Greater", raw, 0.0), np.int64)
    if model._target_type != "binary":
        return Output(positive, np.int64, [None, len(model.classes_)])
    if len(model.classes_) == 1:
        positive = g.op("Mul", positive, 0)
    return chosen(g, model.classes_, g.reshape(positive, [-1]))


def chosen(g: Graph, classes: Any, numbers: str) -> Output:
    """Labels from class numbers of shape (n_samples,)."""
    array = label_array(classes)
    return Output(g.op("Gather", g.const(array, array.dtype), numbers), array.dtype, [None])


def numbers(g: Graph, model: Any, raw: str) -> Output:
    """`predict` of a regressor from raw scores of shape (n_samples, n_outputs)."""
    if model.out_activation_ == "exp":
        raw = g.op("Min", g.op("Exp", raw), float(np.finfo(g.dtype).max))
    units, dtype = model._units, g.dtype
    if units is not None:
        raw, dtype = _in_units_of_targets(g, units, raw)
    if model.n_outputs_ == 1:
        return Output(g.reshape(raw, [-1, 1]), dtype, [None, 1])
    return Output(raw, dtype, [None, model.n_outputs_])


def _in_units_of_targets(g: Graph, units: Any, raw: str) -> tuple[str, Any]:
    """`TargetScale.predictions`, in double precision as there."""

    def double(value: Any) -> str:
        return g.const(np.asarray(value, np.float64), np.float64)

    raw = g.op("Mul", g.cast(raw, np.float64, g.dtype), double(units.scale))
    raw = g.op("Add", raw, double(units.center))
    if units.limits is not None:
        raw = g.op("Min", g.op("Max", raw, double(units.limits[0])), double(units.limits[1]))
    return (raw, np.float64) if units.needs_double else (g.cast(raw, g.dtype, np.float64), g.dtype)
