"""Which function writes which method of which estimator, and how skl2onnx comes to know them.

This is the only file that registers anything with skl2onnx, and it registers skdeep's classes
alone: what skl2onnx does with others stays as it is.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
from skl2onnx import update_registered_converter
from sklearn.base import is_classifier, is_outlier_detector
from sklearn.impute import SimpleImputer

from skdeep.adversarial.imputer import TabularImputer
from skdeep.adversarial.oversampler import GANOverSampler
from skdeep.onnx import (
    _answers,
    _autoencoders,
    _convolutions,
    _dense,
    _generators,
    _kernels,
    _linear,
    _outliers,
    _perceptron,
    _policies,
    _preprocessing,
    _recurrence,
    _siamese,
    _tables,
    _tabular,
    _windows,
)
from skdeep.onnx._family import Family
from skdeep.onnx._graph import Graph, Module, Output
from skdeep.onnx._types import STRING, float_type
from skdeep.preprocessing.sequences import SequenceVectorizer

FAMILIES: dict[type, Family] = {
    **_perceptron.FAMILIES,
    **_convolutions.FAMILIES,
    **_recurrence.FAMILIES,
    **_kernels.FAMILIES,
    **_autoencoders.FAMILIES,
    **_siamese.FAMILIES,
    **_generators.FAMILIES,
    **_outliers.FAMILIES,
    **_policies.FAMILIES,
    **_windows.FAMILIES,
    **_tables.FAMILIES,
    **_tabular.FAMILIES,
}


def family_of(model: Any) -> Family | None:
    """How an estimator is written: one of skdeep, or of scikit-learn's that skl2onnx does not
    write well; None for any other."""
    return FAMILIES.get(type(model)) or _THEIRS.get(type(model))


_THEIRS: dict[type, Family] = {**_linear.FAMILIES, **_preprocessing.FAMILIES}

REFUSED: dict[type, str] = {
    GANOverSampler: "acts in fit alone: convert its `generator_`, or what was fitted on its rows.",
    TabularImputer: "draws or averages rows of its generator: impute before the file is asked.",
    SequenceVectorizer: "cuts texts by regular expressions or functions of Python, which ONNX has "
    "not: convert the step behind it, and give that file token ids.",
}
"""Why estimators of ours cannot be written at all."""

MODULES: dict[type, Module] = {
    **_dense.MODULES,
    **_perceptron.MODULES,
    **_convolutions.MODULES,
}

NAMES = {
    "predict_proba": "probabilities",
    "transform": "variable",
    "decision_function": "scores",
    "predict_interval": "interval",
    "reconstruct": "reconstruction",
}
"""What the output of a method is called, as by skl2onnx where it has one; that of `predict` is
'label' or 'variable', those of others have the name of the method."""


def output_name(model: Any, method: str) -> str:
    """What the output of a method is called in the file."""
    if method == "predict":
        return "label" if is_classifier(model) or is_outlier_detector(model) else "variable"
    return NAMES.get(method, method)


def output_dtype(model: Any, method: str, dtype: Any) -> np.dtype:
    """The type of what a method returns, as announced to the step after it; `dtype` is that in
    which the estimator computes."""
    if method == "predict" and is_classifier(model):
        multilabel = getattr(model, "_target_type", "").startswith("multilabel")
        return np.dtype(np.int64) if multilabel else _answers.label_array(model.classes_).dtype
    if method == "predict" and is_outlier_detector(model):
        return np.dtype(np.int64)
    if isinstance(model, SimpleImputer) and _preprocessing.imputes_texts(model):
        return STRING
    units = getattr(model, "_units", None)
    if method.startswith("predict") and units is not None and units.needs_double:
        return np.dtype(np.float64)
    return np.dtype(dtype)


def announced(model: Any, method: str, dtype: Any) -> list[tuple[str, Any]]:
    """Name and type of each output of a method."""
    family = family_of(model)
    several = None if family is None else family.outputs.get(method)
    if several is not None:
        return several(model)
    return [(output_name(model, method), output_dtype(model, method, dtype))]


def why_not(model: Any, method: str, options: Mapping[str, Any]) -> str | None:
    """Why a method of an estimator of ours cannot be written with these arguments, or None."""
    family = family_of(model)
    name, known = type(model).__name__, {} if family is None else family.methods
    if method not in known or not hasattr(model, method):
        has = [m for m in known if hasattr(model, m)]
        return f"{method} of a {name} cannot be written; known are {has}."
    allowed = list(inspect.signature(known[method]).parameters)[2:]
    unknown = [option for option in options if option not in allowed]
    if unknown:
        return f"{method} of a {name} has no argument {unknown[0]!r} in a file; it has {allowed}."
    return None


def write(
    scope: Any, operator: Any, container: Any, modules: Mapping[type, Module] = MODULES
) -> None:
    """Write an estimator of ours: the methods of `operator.methods`, or as many of the default
    ones as the operator has outputs."""
    model = operator.raw_operator
    family = FAMILIES[type(model)]
    dtype = family.precision(model) or float_type(operator.inputs)
    g = Graph(scope, operator, container, modules, dtype)
    for method, variable in zip(getattr(operator, "methods", family.default), operator.outputs):
        made = family.methods[method](g, model)
        assert isinstance(made, Output)  # those of one method that are several are for files alone
        g.give(made, variable)


def _convert(scope: Any, operator: Any, container: Any) -> None:
    write(scope, operator, container)


def no_shapes(operator: Any) -> None:
    """Leave the shapes of outputs to the converter, which knows them."""


@functools.cache
def register() -> None:
    """Tell skl2onnx of skdeep's classes, for its own converters of estimators that hold others."""
    zipmap = {
        "zipmap": [True, False, "columns"],
        "output_class_labels": [False, True],
        "nocl": [False],
    }
    for cls in FAMILIES:
        options = zipmap if "predict_proba" in FAMILIES[cls].methods else None
        alias = f"Skdeep{cls.__name__}"
        update_registered_converter(cls, alias, no_shapes, _convert, options=options)
