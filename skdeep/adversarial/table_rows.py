"""Conversion of tables and targets to columns and positions, and back to the types of both."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_consistent_length, column_or_1d

from skdeep._checks import checked_data
from skdeep.inputs.rows import RowInput, to_host
from skdeep.preprocessing.cells import object_kinds
from skdeep.preprocessing.columns import check_columns, column_names, is_frame
from skdeep.preprocessing.exact import LARGEST
from skdeep.preprocessing.values import described_polars, from_polars, to_polars


def joined(estimator, X, y, *, reset):
    """Check X; return its columns with y as the last.

    Returns
    -------
    frame : DataFrame of shape (n_samples, n_columns)
        With columns 0, 1, ...; the names may be of any type.
    names : list
        What the columns are called, in messages and in synthetic tables.
    """
    X = to_host(X)
    if is_frame(X):
        check_columns(estimator, X, reset=reset)
        frame = X if isinstance(X, pd.DataFrame) else from_polars(X)
        names = list(frame.columns)
    else:
        X = checked_data(estimator, X, dtype=None, ensure_all_finite=False, reset=reset)
        frame = pd.DataFrame(X)
        if frame.dtypes.eq(object).any():
            frame = frame.apply(_inferred)
        names = column_names(estimator)
    columns = [frame.iloc[:, j] for j in range(frame.shape[1])]
    for column, name in zip(columns, names):
        if column.dtype == object:
            object_kinds(column, name)  # for its error
    if y is not None:
        y = to_host(y)
        check_consistent_length(frame, y)
        if hasattr(y, "to_pandas"):  # of polars
            y = from_polars(y.to_frame()).iloc[:, 0].rename(y.name or None)
        if not isinstance(y, pd.Series):
            y = pd.Series(column_or_1d(np.asarray(y)))
        columns.append(y)
        names = [*names, "target" if y.name is None else y.name]
    columns = [c.reset_index(drop=True).rename(n) for c, n in zip(columns, names)]
    return columns, names


def _inferred(column):
    """Infer the type of a column of objects, if no value is changed."""
    better = column.infer_objects()
    whole = better.dtype.kind != "f" or pd.api.types.infer_dtype(column) != "integer"
    return better if whole else column


def layout_of(X, columns):
    """Layout of X as plain data: None for a pandas DataFrame, a dict with the types of `columns`
    for polars, and the dtype of an array otherwise."""
    if isinstance(X, pd.DataFrame):
        return None
    if is_frame(X):
        schema = [described_polars(dtype) for dtype in X.dtypes]
        return {"polars": schema + [None] * (len(columns) - len(schema))}
    kinds = {c.dtype for c in columns}
    if any(not isinstance(k, np.dtype) or k.kind not in "iufb" for k in kinds):
        return np.dtype(object)
    common = np.result_type(*kinds)
    if common.kind == "f" and any(k.kind in "iu" and k.itemsize == 8 for k in kinds):
        exact = [c for c in columns if c.dtype.kind in "iu"]
        if any(np.abs(c.astype(object)).max() > LARGEST for c in exact):
            return np.dtype(object)  # floats would change these integers
    return common


def to_layout(arrays, names, layout):
    """Convert columns of synthetic values to the layout of X.

    Parameters
    ----------
    arrays : list of array of shape (n_samples,)
    names : list
    layout : numpy.dtype, dict or None
        See `layout_of`.
    """
    if isinstance(layout, dict):
        return to_polars(arrays, names, layout["polars"])
    # With its type: pandas would make text of objects.
    frame = pd.DataFrame({j: pd.Series(a, dtype=a.dtype) for j, a in enumerate(arrays)})
    frame.columns = names
    return frame if layout is None else frame.to_numpy(dtype=layout)


def positions_of(modes, columns):
    """Positions of the cells of columns among their modes, (n_samples, n_columns)."""
    return np.column_stack([m.encode(c) for m, c in zip(modes, columns)])


def described(modes):
    """Description of the modes of a column for a network."""
    return {
        "n_modes": len(modes),
        "has_missing": bool(modes.has_missing),
        "edges": modes.scaled_edges().tolist() if modes.is_number else None,
    }


class _Positions(RowInput):
    """Reader of rows of positions, whose magnitude is not informative about the data."""

    def keys(self, X: Any, target: Any):
        return [row.tobytes() for row in X]

    def largest(self, X: Any):
        return 0.0


POSITIONS = _Positions()
