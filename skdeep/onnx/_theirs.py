"""What skl2onnx writes: the types of its tensors, and errors that say which step they are about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import KNNImputer
from sklearn.linear_model import RidgeClassifier, RidgeClassifierCV
from sklearn.svm import SVR, NuSVR
from sklearn.tree import BaseDecisionTree

from skdeep.onnx._graph import Unsupported

_CAST: dict[Any, Any] = {
    np.bool_: np.float32,
    np.float16: np.float32,
    **dict.fromkeys([np.int8, np.int16, np.int32], np.int64),
    **dict.fromkeys([np.uint8, np.uint16, np.uint32, np.uint64], np.int64),
}
"""Types that skl2onnx does not know, or in few places."""

_SINGLE = (
    *(BaseDecisionTree, RandomForestClassifier, RandomForestRegressor),  # as trees see rows
    *(ExtraTreesClassifier, ExtraTreesRegressor),
    *(GradientBoostingClassifier, GradientBoostingRegressor),
    *(AdaBoostClassifier, AdaBoostRegressor, RidgeClassifier, RidgeClassifierCV),
    *(SVR, NuSVR, KNNImputer),
)
"""What skl2onnx, or onnxruntime, has in single precision only."""


def known_type(dtype: np.dtype, model: Any) -> np.dtype:
    """The type that skl2onnx has a model for, of tensors of another type."""
    if isinstance(model, _SINGLE) and dtype == np.float64:
        return np.dtype(np.float32)
    return np.dtype(_CAST.get(dtype.type, dtype))


def named(
    registered: Callable[[str], Callable[..., None]], paths: Mapping[int, str]
) -> Callable[..., None]:
    """What skl2onnx has for the class of an operator, with errors that say where it is.

    Parameters
    ----------
    registered : callable
        Gives skl2onnx's function for the name of an operator.
    paths : mapping of int to str
        Of the steps, by the `id` of the estimator.
    """

    def call(*arguments: Any) -> None:
        operator = next(a for a in arguments if hasattr(a, "raw_operator"))
        model = operator.raw_operator
        try:
            registered(operator.type)(*arguments)
        except Exception as error:  # of many types
            path, reason = paths.get(id(model), ""), str(error).partition("\n")[0][:200]
            kind = type(model).__name__
            raise Unsupported(f"{path}skl2onnx cannot write this {kind}: {reason}") from error

    return call
