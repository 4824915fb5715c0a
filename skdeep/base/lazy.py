"""Predictions for dask collections: made partition by partition, when they are asked for."""

from __future__ import annotations

import copy
import functools
import math
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

Method = Callable[..., Any]


def lazily(estimator: Any, method: str, X: Any, args: Any, kwargs: Any) -> Any:
    """What a method returns for a dask collection, as another one that nothing is computed of yet.

    Parameters
    ----------
    estimator : estimator
        Fitted. The collection keeps the model that it has now.
    method : str
        Its name.
    X : dask.array.Array or dask.dataframe.DataFrame
    args, kwargs : tuple and dict
        Other arguments.

    Returns
    -------
    collection
        An array of the same chunks of rows for an array. For a frame a Series, or a DataFrame whose
        columns are the classes, or the names of features, with the index of X.

    Raises
    ------
    ValueError
        If X has columns or axes that the estimator does not know, or the method returns more than a
        row for each row of a frame.
    """
    model = copy.copy(estimator)
    answer = functools.partial(_call, getattr(model, method), args, kwargs)
    return _of_array(answer, X) if hasattr(X, "chunks") else _of_frame(model, answer, X, method)


def _call(method: Method, args: Any, kwargs: Any, rows: Any) -> Any:
    return method(rows, *args, **kwargs)


class _Task:
    """What is done for each partition.

    Parameters
    ----------
    answer : callable
        Of rows.
    label : callable
        Of the answer and the rows: what stands in the collection.
    like : object
        What stands there for no rows.
    """

    def __init__(self, answer: Method, label: Method, like: Any) -> None:
        self.answer, self.label, self.like = answer, label, like
        self.name = uuid.uuid4().hex

    def __call__(self, rows: Any) -> Any:
        return self.label(self.answer(rows), rows) if len(rows) else self.like

    def __dask_tokenize__(self) -> str:
        """Named by chance: to be named by what it is, the model would be pickled."""
        return self.name


def _of_array(answer: Method, X: Any) -> Any:
    shape = X.shape[1:]
    if any(map(math.isnan, shape)):
        raise ValueError(f"X has the shape {X.shape}: expected a known number of columns.")
    X = X.rechunk(dict.fromkeys(range(1, X.ndim), -1))
    sample = np.asarray(answer(np.zeros((1, *shape), X.dtype)))
    return X.map_blocks(
        _Task(answer, _as_it_is, sample[:0]),
        drop_axis=list(range(1, X.ndim)),
        new_axis=list(range(1, sample.ndim)),
        chunks=(X.chunks[0], *((n,) for n in sample.shape[1:])),
        meta=sample[:0],
    )


def _as_it_is(values: Any, rows: Any) -> np.ndarray:
    return np.asarray(values)


def _of_frame(estimator: Any, answer: Method, X: Any, method: str) -> Any:
    known = getattr(estimator, "feature_names_in_", None)
    if known is not None:  # others may be the target and weights
        missing = [column for column in known if column not in X.columns]
        if missing:
            raise ValueError(f"X has no column {missing[0]!r}, which the model was fitted with.")
        X = X[list(known)]
    rows = X._meta_nonempty
    sample = np.asarray(answer(rows))
    if sample.ndim > 2:
        raise ValueError(
            f"{method} returns an array of shape {('n', *sample.shape[1:])}: expected X "
            "to be a dask.array."
        )
    columns = column_names(estimator, method, sample)
    label = functools.partial(_labelled, columns=columns)
    like = label(sample, rows)[:0]
    return X.map_partitions(_Task(answer, label, like), meta=like)


def _labelled(values: Any, rows: Any, *, columns: list[Any] | None) -> Any:
    values = np.asarray(values)
    if columns is None:
        return pd.Series(values, index=rows.index)
    return pd.DataFrame(values, index=rows.index, columns=columns)


def column_names(estimator: Any, method: str, sample: np.ndarray) -> list[Any] | None:
    """Names of the columns of what a method returned; None if it has none."""
    if sample.ndim == 1:
        return None
    names = range(sample.shape[1])
    if method in ("predict_proba", "predict_log_proba", "decision_function"):
        names = estimator.classes_
    elif method == "transform" and hasattr(estimator, "get_feature_names_out"):
        names = estimator.get_feature_names_out()
    elif method == "explain":
        names = getattr(estimator, "feature_names_in_", names)
    return list(names)
