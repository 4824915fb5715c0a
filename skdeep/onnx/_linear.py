"""Linear classifiers of scikit-learn that skl2onnx does not write well."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from skdeep.onnx import _answers
from skdeep.onnx._family import Family, of_rows
from skdeep.onnx._graph import Graph, Output


def _scores(g: Graph, model: Any) -> str:
    """`decision_function`, (n_samples, 1) for two classes, else (n_samples, n_classes)."""
    return g.linear(g.rows(), model.coef_, model.intercept_)


def _proba(g: Graph, model: Any) -> Output:
    """skl2onnx takes two classes for a softmax of both signs, which doubles the log odds."""
    scores, n_classes = _scores(g, model), len(model.classes_)
    if n_classes > 2:
        return Output(g.op("Softmax", scores, axis=1), g.dtype, [None, n_classes])
    positive = g.op("Sigmoid", scores)
    both = g.side_by_side([g.op("Sub", 1.0, positive), positive])
    return Output(both, g.dtype, [None, 2])


def _labels(g: Graph, model: Any) -> Output:
    scores = _scores(g, model)
    if len(model.classes_) > 2:
        return _answers.chosen(g, model.classes_, g.argmax(scores))
    numbers = g.cast(g.op("Greater", scores, 0.0), np.int64)
    return _answers.chosen(g, model.classes_, g.reshape(numbers, [-1]))


FAMILIES: dict[type, Family] = {
    LinearDiscriminantAnalysis: Family(
        {"predict": _labels, "predict_proba": _proba}, ("predict", "predict_proba"), of_rows
    )
}
