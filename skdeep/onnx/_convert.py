"""`to_onnx` and `save`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from skl2onnx import convert_sklearn
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from skdeep._compat import _check_feature_names
from skdeep._version import __version__
from skdeep.onnx._graph import OPSET, Module
from skdeep.onnx._inputs import TensorInput, inputs_of
from skdeep.onnx._parse import Parser, Root
from skdeep.onnx._register import MODULES, register
from skdeep.onnx._types import tensor_type
from skdeep.preprocessing.columns import is_frame


def to_onnx(
    model: Any,
    X: Any,
    *,
    methods: Sequence[str] | Mapping[str, Mapping[str, Any]] | None = None,
    inputs: str = "columns",
    converters: Mapping[type, Module] | None = None,
) -> onnx.ModelProto:
    """Convert a fitted model to ONNX.

    The graph is written from the fitted weights; skl2onnx writes scikit-learn's steps around it.
    It is of opset 18 (``ai.onnx.ml`` 3), and computes in the precision of the network.

    Outputs are called as by skl2onnx: 'label' and 'probabilities' of a classifier, 'variable' of a
    regressor or a transformer, 'label' and 'scores' of an outlier detector. Numbers of a regressor
    with one output are of shape (n_samples, 1).

    Parameters
    ----------
    model : estimator
        An estimator of skdeep, alone or in a Pipeline, a ColumnTransformer, a FeatureUnion, a
        search, `CalibratedClassifierCV`, `VotingClassifier`, `StackingClassifier`,
        `TransformedTargetRegressor`, `TunedThresholdClassifierCV` and others that skl2onnx knows.

    X : DataFrame or array-like of shape (n_samples, n_features)
        Some rows, from which the names, types and shapes of the inputs are taken: of an array
        there is one, 'X'; of a DataFrame see `inputs`. The types are those of X: a file for float32
        takes float32. A column of whole numbers in which some are missing is one of floats.

    methods : sequence of str, or mapping of str to dict, default=None
        The methods of the (last) estimator that the file computes, an output for each; a mapping
        holds their arguments: ``{"predict": {}, "predict_interval": {"coverage": 0.8}}``. None
        is `predict`, `predict_proba` of classifiers, and `transform` of transformers.

    inputs : {'columns', 'types'}, default='columns'
        Whether there is an input of shape (n_samples, 1) for each column of a DataFrame, with its
        name, or one for each type, 'float64' or 'string' for example, with the columns of this
        type in the order that they have in X.

    converters : mapping of type to callable, default=None
        What writes modules of your own, in a `CNNClassifier` for example: a function of (graph,
        module, x), where `x` is the name of the input, returns the name of the output. It writes
        nodes with ``graph.op("Relu", x)``, and has other modules written by
        ``graph.module(module.linear, x)``.

    Returns
    -------
    onnx.ModelProto
        Its metadata hold the version of skdeep, the class of the model, the names of the features,
        the classes and the columns of each input.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    TypeError
        If X is sparse.
    ValueError
        If X has other columns than in `fit`, or holds what tensors of ONNX cannot carry, such as
        dates and decimals; or if a step cannot be written: the message names it.

    Notes
    -----
    ONNX has no missing text. In the file a text that was no level in `fit` is an unknown one, and
    `TabularEncoder` encodes missing and unknown ones alike: "" or "nan" may stand for missing.
    What an estimator refuses, such as infinite numbers, a file does not.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skdeep import MLPClassifier
    >>> from skdeep.onnx import to_onnx
    >>> X, y = load_iris(return_X_y=True)
    >>> mlp = MLPClassifier(max_iter=300, tol=1e-3, random_state=0, device="cpu")
    >>> proto = to_onnx(make_pipeline(StandardScaler(), mlp).fit(X, y), X)
    >>> [output.name for output in proto.graph.output]
    ['label', 'probabilities']
    """
    check_is_fitted(model)
    register()
    known = inputs_of(X, inputs)
    names = _checked_names(model, X)
    if methods is not None and not isinstance(methods, Mapping):
        methods = {key: {} for key in methods}
    parser = Parser({**MODULES, **(converters or {})})
    proto = convert_sklearn(
        Root(model, known, methods),
        name=type(model).__name__,
        initial_types=[(x.name, tensor_type(x.dtype, x.shape)) for x in known],
        target_opset=dict(OPSET),
        custom_parsers=parser.parsers,
        custom_conversion_functions=parser.converters,
        custom_shape_calculators=parser.shapes,
        options={},
    )
    for domain in proto.opset_import:  # skl2onnx says the oldest version that has all nodes, in
        domain.version = OPSET[domain.domain]  # which onnxruntime knows fewer types of numbers
    _describe(proto, model, known, names)
    return proto


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
    n_features = np.shape(X)[1] if len(np.shape(X)) == 2 else None
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
    if is_classifier(model):
        found["classes"] = json.dumps(np.asarray(model.classes_).tolist(), default=str)
    if names is not None:
        held = {x.name: [names[j] for j in x.columns] for x in inputs}
        found["inputs"] = json.dumps(held)
    onnx.helper.set_model_props(proto, found)
