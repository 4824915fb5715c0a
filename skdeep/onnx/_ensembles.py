"""Estimators that make something new of what others say: averages, thresholds, calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV

from skdeep.ensemble import WeightedEnsembleClassifier, WeightedEnsembleRegressor
from skdeep.onnx import _answers, _targets
from skdeep.onnx._curves import piecewise_linear
from skdeep.onnx._graph import ML, Graph, Output, Unsupported
from skdeep.onnx._types import float_type

_PREDICT: Mapping[str, Any] = {"predict": {}}
_PROBA: Mapping[str, Any] = {"predict_proba": {}}


def _wanted(parser: Any, model: Any, methods: Any, known: Sequence[str]) -> list[str]:
    """The methods to write, all of which are among those that can be."""
    wanted = list(known) if methods is None else list(methods)
    for method in wanted:
        if method not in known:
            raise Unsupported(
                parser.named(
                    f"{method} of a {type(model).__name__} cannot be written, only "
                    f"{' and '.join(known)}."
                )
            )
    return wanted


def _classified(
    parser: Any, scope: Any, model: Any, inputs: list, methods: Any, proba: Any, numbers: Any = None
) -> list:
    """Labels and probabilities of a classifier.

    Parameters
    ----------
    proba : callable or None
        Writes the probabilities.
    numbers : callable, default=None
        Writes the class numbers; None is the places of the largest probabilities.
    """
    known = ["predict"] if proba is None else ["predict", "predict_proba"]
    wanted = _wanted(parser, model, methods, known)
    labels = _answers.label_array(model.classes_)
    announced = {
        "predict": ("label", labels.dtype),
        "predict_proba": ("probabilities", float_type(inputs)),
    }

    def write(g: Graph) -> list[Output]:
        place = (lambda g: g.argmax(proba(g))) if numbers is None else numbers
        made = {
            "predict": lambda: _answers.chosen(g, labels, place(g)),
            "predict_proba": lambda: Output(proba(g), g.dtype, [None, len(labels)]),
        }
        return [made[method]() for method in wanted]

    return parser.part(scope, inputs, [announced[m] for m in wanted], write)


def _floats(g: Graph, which: int) -> str:
    x = g.inputs[which]
    return g.cast(x.name, g.dtype, x.dtype)


def _average(g: Graph, parts: Sequence[str], weights: Any = None) -> str:
    shares = np.ones(len(parts)) if weights is None else np.asarray(weights, np.float64)
    shares = shares / shares.sum()
    scaled = [g.op("Mul", part, float(share)) for part, share in zip(parts, shares)]
    return g.op("Sum", *scaled)


# --- voting ----------------------------------------------------------------------------------


def _voting_classifier(parser: Any, scope: Any, model: Any, inputs: list, methods: Any) -> list:
    is_soft, said = model.voting == "soft", []
    for name, estimator in _named(model):
        with parser.step(name):
            said += parser.parse(scope, estimator, inputs, _PROBA if is_soft else _PREDICT)
    weights = model._weights_not_none

    def proba(g: Graph) -> str:
        return _average(g, [_floats(g, i) for i in range(len(said))], weights)

    def majority(g: Graph) -> str:
        places = np.arange(len(model.classes_))[None]
        votes = [
            g.cast(g.op("Equal", g.reshape(x.name, [-1, 1]), g.const(places, np.int64)), g.dtype)
            for x in g.inputs
        ]
        return g.argmax(_average(g, votes, weights))

    if is_soft:
        return _classified(parser, scope, model, said, methods, proba)
    return _classified(parser, scope, model, said, methods, None, majority)


def _voting_regressor(parser: Any, scope: Any, model: Any, inputs: list, methods: Any) -> list:
    return _mean_of_numbers(parser, scope, model, inputs, methods, model._weights_not_none)


def _mean_of_numbers(
    parser: Any, scope: Any, model: Any, inputs: list, methods: Any, weights: Any
) -> list:
    _wanted(parser, model, methods, ["predict"])
    said = []
    for name, estimator in _named(model):
        with parser.step(name):
            said += parser.parse(scope, estimator, inputs, _PREDICT)

    def write(g: Graph) -> list[Output]:
        parts = [_score_columns(g, x) for x in g.inputs]
        shape = next((x.shape for x in g.inputs if len(x.shape) == 2), [None, 1])
        return [Output(_average(g, parts, weights), g.dtype, shape)]

    return parser.part(scope, said, [("variable", float_type(said))], write)


def _weighted_regressor(parser: Any, scope: Any, model: Any, inputs: list, methods: Any) -> list:
    return _mean_of_numbers(parser, scope, model, inputs, methods, model.weights_)


def _weighted_classifier(parser: Any, scope: Any, model: Any, inputs: list, methods: Any) -> list:
    said = []
    for name, estimator in _named(model):
        has_proba = hasattr(estimator, "predict_proba")
        with parser.step(name):
            said += parser.parse(scope, estimator, inputs, _PROBA if has_proba else _PREDICT)

    def proba(g: Graph) -> str:
        members = zip(model.estimators_, g.inputs)
        parts = [_proba_of_all(g, member, x, model.classes_) for member, x in members]
        return _average(g, parts, model.weights_)

    return _classified(parser, scope, model, said, methods, proba)


def _proba_of_all(g: Graph, member: Any, x: Any, classes: np.ndarray) -> str:
    """`skdeep.ensemble.predictions.class_probabilities`."""
    if not hasattr(member, "predict_proba"):
        return g.cast(
            g.op("Equal", _class_numbers(g, x, classes), np.arange(len(classes))), g.dtype
        )
    known = g.cast(x.name, g.dtype, x.dtype)
    if np.array_equal(member.classes_, classes):
        return known
    # Of a class that the member does not know, a column of zeros, the last one.
    places = {label: i for i, label in enumerate(member.classes_.tolist())}
    zero = g.op("Mul", g.column(known, 0), 0.0)
    chosen = [places.get(label, len(places)) for label in classes.tolist()]
    return g.column(g.side_by_side([known, zero]), chosen)


def _class_numbers(g: Graph, x: Any, classes: np.ndarray) -> str:
    """The numbers of labels, (n_samples, 1)."""
    labels, column = _answers.label_array(classes), g.reshape(x.name, [-1, 1])
    if labels.dtype.kind == "U":
        keys, numbers = labels.tolist(), list(range(len(labels)))
        return g.op("LabelEncoder", column, domain=ML, keys_strings=keys, values_int64s=numbers)
    is_it = g.op("Equal", g.cast(column, np.float64), g.const(labels[None], np.float64))
    return g.op("ArgMax", g.cast(is_it, g.dtype), axis=1)


def _named(model: Any) -> list[tuple[str, Any]]:
    """The fitted estimators of an ensemble with their names."""
    names = {id(e): name for name, e in model.named_estimators_.items()}
    return [(names[id(e)], e) for e in model.estimators_]


# --- stacking --------------------------------------------------------------------------------


def _stacking(parser: Any, scope: Any, model: Any, inputs: list, methods: Any) -> list:
    classifies = is_classifier(model)
    if classifies and isinstance(model._label_encoder, list):
        raise Unsupported(parser.named("a StackingClassifier of several labels cannot be written."))
    said = []
    for (name, estimator), method in zip(_named(model), model.stack_method_):
        with parser.step(name):
            said += parser.parse(scope, estimator, inputs, {method: {}})
    is_binary = classifies and len(model.classes_) == 2

    def features(g: Graph) -> list[Output]:
        parts, width = [], 0
        for x, method in zip(g.inputs, model.stack_method_):
            part, n = _score_columns(g, x), (x.shape[1] or 0) if len(x.shape) == 2 else 1
            if is_binary and method != "predict":  # the score of the second class
                part, n = _last_column(g, part), 1
            parts.append(part)
            width += n
        return [Output(g.side_by_side(parts), g.dtype, [None, width])]

    made = parser.part(scope, said, [("stacked", float_type(said))], features)
    made += inputs if model.passthrough else []
    with parser.step("final_estimator_"):
        final = parser.parse(scope, model.final_estimator_, made, methods)
    wanted = list(methods) if methods is not None else ["predict"]
    if not classifies or "predict" not in wanted:
        return final
    place = wanted.index("predict")
    final[place : place + 1] = _decoded(parser, scope, model, final[place])
    return final


def _decoded(parser: Any, scope: Any, model: Any, numbers: Any) -> list:
    """Labels from the numbers that the last estimator was given for classes."""
    labels = _answers.label_array(model.classes_)

    def write(g: Graph) -> list[Output]:
        return [_answers.chosen(g, labels, g.inputs[0].name)]

    return parser.part(scope, [numbers], [("label", labels.dtype)], write)


# --- calibration and thresholds --------------------------------------------------------------


def _calibrated(parser: Any, scope: Any, model: Any, inputs: list, methods: Any) -> list:
    said, responses = [], []
    for i, fold in enumerate(model.calibrated_classifiers_):
        with parser.step(f"calibrated_classifiers_[{i}]"):
            method = _response(fold.estimator, ["decision_function", "predict_proba"])
            responses.append(method)
            said += parser.parse(scope, fold.estimator, inputs, {method: {}})

    def proba(g: Graph) -> str:
        folds = zip(model.calibrated_classifiers_, g.inputs, responses)
        parts = [_calibrated_fold(g, fold, x, response) for fold, x, response in folds]
        return _average(g, parts)

    return _classified(parser, scope, model, said, methods, proba)


def _calibrated_fold(g: Graph, fold: Any, x: Any, response: str) -> str:
    """Probabilities of one of the classifiers, as `_CalibratedClassifier.predict_proba`."""
    scores, n_classes = _score_columns(g, x), len(fold.classes)
    if n_classes == 2:
        scores = _last_column(g, scores)  # of the second class
    if fold.method == "temperature":
        (scaling,) = fold.calibrators
        if n_classes == 2 and response == "predict_proba":
            scores = g.side_by_side([g.op("Sub", 1.0, scores), scores])
        return _tempered(g, scaling, scores, response, n_classes)
    columns = {}
    for i, (label, calibrator) in enumerate(zip(fold.estimator.classes_, fold.calibrators)):
        place = 1 if n_classes == 2 else int(np.flatnonzero(fold.classes == label)[0])
        columns[place] = _calibrate(g, calibrator, g.column(scores, i))
    if n_classes == 2:
        return g.side_by_side([g.op("Sub", 1.0, columns[1]), columns[1]])
    zero = g.op("Mul", next(iter(columns.values())), 0.0)
    together = g.side_by_side([columns.get(i, zero) for i in range(n_classes)])
    total = g.reduce("Sum", together, 1)
    is_nothing = g.op("Equal", total, 0.0)
    share = g.op("Div", together, g.op("Where", is_nothing, 1.0, total))
    return g.op("Where", is_nothing, 1 / n_classes, share)


def _calibrate(g: Graph, calibrator: Any, x: str) -> str:
    """Platt's sigmoid (1999), or isotonic regression (Zadrozny and Elkan, 2002)."""
    if hasattr(calibrator, "a_"):
        slope, shift = float(calibrator.a_), float(calibrator.b_)
        return g.op("Sigmoid", g.op("Neg", g.op("Add", g.op("Mul", x, slope), shift)))
    x = g.cast(x, np.float64, g.dtype)
    known, values = calibrator.X_thresholds_, calibrator.y_thresholds_
    return g.cast(piecewise_linear(g, x, [known], values), g.dtype, np.float64)


def _tempered(g: Graph, scaling: Any, scores: str, response: str, n_classes: int) -> str:
    """Temperature scaling (Guo et al., 2017), as scikit-learn's `_TemperatureScaling`."""
    if response == "predict_proba":
        scores = g.op("Log", g.op("Add", scores, 1e-12))
    elif n_classes == 2:
        scores = g.side_by_side([g.op("Neg", scores), scores])
    return g.op("Softmax", g.op("Mul", scores, float(scaling.beta_)), axis=1)


def _threshold(parser: Any, scope: Any, model: Any, inputs: list, methods: Any) -> list:
    estimator = getattr(model, "estimator_", getattr(model, "estimator", None))
    asked = model._get_response_method()
    response = _response(estimator, [asked] if isinstance(asked, str) else asked)
    wanted = _wanted(parser, model, methods, ["predict", "predict_proba"])
    with parser.step("estimator_"):
        said = parser.parse(scope, estimator, inputs, {response: {}, "predict_proba": {}})
    if isinstance(model, TunedThresholdClassifierCV):
        threshold, positive = model.best_threshold_, model._curve_scorer._get_pos_label()
    else:
        threshold, positive = model.threshold, model.pos_label
    if isinstance(threshold, str):  # 'auto'
        threshold = 0.5 if response == "predict_proba" else 0.0
    classes = model.classes_
    is_second = positive is None or positive == classes[1]

    def numbers(g: Graph) -> str:
        scores = _score_columns(g, g.inputs[0])
        if response == "predict_proba":
            score = g.column(scores, int(is_second))
        else:
            score = _last_column(g, scores)
            score = score if is_second else g.op("Neg", score)
        score = g.cast(score, np.float64, g.dtype)
        above = g.op("GreaterOrEqual", score, g.const(float(threshold), np.float64))
        above = g.cast(above, np.int64)
        return g.reshape(above if is_second else g.op("Sub", 1, above), [-1])

    def proba(g: Graph) -> str:
        return _floats(g, len(said) - 1)

    return _classified(parser, scope, model, said, wanted, proba, numbers)


def _response(estimator: Any, methods: Sequence[str]) -> str:
    return next(method for method in methods if hasattr(estimator, method))


def _score_columns(g: Graph, x: Any) -> str:
    scores = g.cast(x.name, g.dtype, x.dtype)
    return scores if len(x.shape) == 2 else g.reshape(scores, [-1, 1])


def _last_column(g: Graph, x: str) -> str:
    return g.part(x, -1, np.iinfo(np.int64).max)


# --- targets ---------------------------------------------------------------------------------


def _transformed_target(parser: Any, scope: Any, model: Any, inputs: list, methods: Any) -> list:
    _wanted(parser, model, methods, ["predict"])
    with parser.step("regressor_"):
        said = parser.parse(scope, model.regressor_, inputs, _PREDICT)
    with parser.step("transformer_"):
        inverse = _targets.inverse_of(model.transformer_)
        if inverse is None:
            raise Unsupported(parser.named(_targets.why_not(model.transformer_)))

    def write(g: Graph) -> list[Output]:
        x = g.inputs[0]
        shape = x.shape if len(x.shape) == 2 else [None, 1]
        scaled = g.cast(g.reshape(x.name, [-1, shape[1] or 1]), np.float64, x.dtype)
        return [Output(g.cast(inverse(g, scaled), g.dtype, np.float64), g.dtype, shape)]

    return parser.part(scope, said, [("variable", float_type(said))], write)


HOLDERS = {
    VotingClassifier: _voting_classifier,
    VotingRegressor: _voting_regressor,
    WeightedEnsembleClassifier: _weighted_classifier,
    WeightedEnsembleRegressor: _weighted_regressor,
    StackingClassifier: _stacking,
    StackingRegressor: _stacking,
    CalibratedClassifierCV: _calibrated,
    FixedThresholdClassifier: _threshold,
    TunedThresholdClassifierCV: _threshold,
    TransformedTargetRegressor: _transformed_target,
}
