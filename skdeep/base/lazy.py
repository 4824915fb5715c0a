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


def lazily(estimator: Any, method: Method, X: Any, args: Any, kwargs: Any) -> Any:
    """What a method returns for a dask collection, as another one that nothing is computed of yet.

    Parameters
    ----------
    estimator : estimator
        Fitted. The collection keeps the model that it has now.
    method : callable
        Called with the estimator, rows, and the other arguments.
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
    import dask

    call = functools.partial(_call, method=method, args=args, kwargs=kwargs)
    # Named by chance, as it would be pickled to be named by what it is.
    model = dask.delayed(copy.copy(estimator), name=f"model-{uuid.uuid4().hex}", traverse=False)
    if hasattr(X, "chunks"):
        return _of_array(estimator, model, call, X)
    return _of_frame(estimator, model, call, X, method.__name__)


def _call(estimator: Any, rows: Any, *, method: Method, args: Any, kwargs: Any) -> Any:
    return method(estimator, rows, *args, **kwargs)


def _of_array(estimator: Any, model: Any, call: Method, X: Any) -> Any:
    shape = X.shape[1:]
    if any(map(math.isnan, shape)):
        raise ValueError(f"X has the shape {X.shape}: expected a known number of columns.")
    X = X.rechunk(dict.fromkeys(range(1, X.ndim), -1))
    sample = np.asarray(call(estimator, np.zeros((1, *shape), X.dtype)))
    return X.map_blocks(
        _of_block,
        model=model,
        call=call,
        like=sample[:0],
        drop_axis=list(range(1, X.ndim)),
        new_axis=list(range(1, sample.ndim)),
        chunks=(X.chunks[0], *((n,) for n in sample.shape[1:])),
        meta=sample[:0],
    )


def _of_block(rows: Any, *, model: Any, call: Method, like: np.ndarray) -> np.ndarray:
    return call(model, rows) if len(rows) else like


def _of_frame(estimator: Any, model: Any, call: Method, X: Any, name: str) -> Any:
    known = getattr(estimator, "feature_names_in_", None)
    if known is not None:  # others may be the target and weights
        missing = [column for column in known if column not in X.columns]
        if missing:
            raise ValueError(f"X has no column {missing[0]!r}, which the model was fitted with.")
        X = X[list(known)]
    rows = X._meta_nonempty
    sample = np.asarray(call(estimator, rows))
    if sample.ndim > 2:
        raise ValueError(
            f"{name} returns an array of shape {('n', *sample.shape[1:])}: expected X to be a "
            "dask.array."
        )
    columns = column_names(estimator, name, sample)
    like = _labelled(sample, rows.index, columns)[:0]
    return X.map_partitions(_of_partition, model, call, like, columns, meta=like)


def _of_partition(rows: Any, model: Any, call: Method, like: Any, columns: Any) -> Any:
    return _labelled(call(model, rows), rows.index, columns) if len(rows) else like


def _labelled(values: Any, index: pd.Index, columns: Any) -> Any:
    values = np.asarray(values)
    if columns is None:
        return pd.Series(values, index=index)
    return pd.DataFrame(values, index=index, columns=columns)


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
