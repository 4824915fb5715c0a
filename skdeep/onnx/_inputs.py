"""What goes into a file: names, types and shapes of the inputs, as X shows them."""

from __future__ import annotations

import decimal
import math
from dataclasses import dataclass, field
from numbers import Number
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skdeep._checks import is_frame
from skdeep.inputs.arrays import ArrayInput
from skdeep.inputs.sequences import SequenceInput, TokenInput
from skdeep.onnx._types import STRING

FLOAT32, FLOAT64, INT64 = np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.int64)
BOOL = np.dtype(np.bool_)


@dataclass
class TensorInput:
    """An input of a file.

    Attributes
    ----------
    name : str
    dtype : numpy.dtype
    shape : list of (int or None)
        None for sizes that differ from call to call.
    columns : list of int
        The columns of a frame that it holds; empty for the input that is all of X.
    """

    name: str
    dtype: np.dtype
    shape: list[int | None]
    columns: list[int] = field(default_factory=list)


def inputs_of(X: Any, group: str = "columns") -> list[TensorInput]:
    """The inputs of a file for rows like X.

    Parameters
    ----------
    X : DataFrame, array-like or Tensor
    group : {'columns', 'types'}, default='columns'
        Whether a frame has an input for each column, or for each type.

    Raises
    ------
    TypeError
        If X is sparse.
    ValueError
        If values are of a type that ONNX has not; it names the column.
    """
    if group not in ("columns", "types"):
        raise ValueError(f"inputs={group!r}: expected 'columns' or 'types'.")
    if is_frame(X):
        return _frame_inputs(X, group)
    if sp.issparse(X) or (getattr(X, "layout", None) is not None and "sparse" in str(X.layout)):
        raise TypeError(
            f"X is sparse ({type(X).__name__}), and ONNX files take dense tensors only: give "
            "some of its rows as an array, X[:1].toarray() for example, and dense rows to the file."
        )
    if hasattr(X, "detach"):
        X = X.detach().cpu().numpy()
    array = as_array(X)
    if array.dtype.kind == "O":
        array = pd.Series(array.ravel()) if array.size else array
        dtype = _dtype_of_objects(array, "X")
        return [TensorInput("X", dtype, [None, *np.shape(X)[1:]])]
    return [TensorInput("X", _dtype_of(array.dtype, "X"), [None, *array.shape[1:]])]


def as_array(X: Any) -> np.ndarray:
    """X as an array; of series of unequal length, which have no shape in common, the longest."""
    try:
        return np.asarray(X)
    except ValueError:
        series = [np.asarray(x) for x in X]
        return np.resize(max(series, key=len), (1, *max(series, key=len).shape))


def _frame_inputs(X: Any, group: str) -> list[TensorInput]:
    X = X if isinstance(X, pd.DataFrame) else X.to_pandas()
    names = [str(name) for name in X.columns]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"X has several columns of the name {name!r}.")
    dtypes = [_dtype_of_column(X.iloc[:, j], names[j]) for j in range(X.shape[1])]
    if group == "columns":
        return [TensorInput(n, t, [None, 1], [j]) for j, (n, t) in enumerate(zip(names, dtypes))]
    found: dict[np.dtype, list[int]] = {}
    for j, dtype in enumerate(dtypes):
        found.setdefault(dtype, []).append(j)
    return [
        TensorInput("string" if dtype == STRING else dtype.name, dtype, [None, len(which)], which)
        for dtype, which in found.items()
    ]


def _dtype_of_column(values: pd.Series, name: str) -> np.dtype:
    dtype = values.dtype
    if isinstance(dtype, pd.SparseDtype):
        raise TypeError(
            f"Column {name!r} is sparse, and ONNX files take dense tensors only: turn it into a "
            f"plain one, with X[{name!r}].sparse.to_dense()."
        )
    if isinstance(dtype, pd.CategoricalDtype):
        levels = dtype.categories.to_series()
        missing = pd.Series([None]) if values.isna().any() else pd.Series([], dtype=object)
        if missing.empty:
            return _dtype_of_column(levels, name)
        return _dtype_of_objects(pd.concat([levels.astype(object), missing]), name)
    if isinstance(dtype, pd.StringDtype):
        return STRING
    if isinstance(dtype, np.dtype):
        return _dtype_of_objects(values, name) if dtype.kind == "O" else _dtype_of(dtype, name)
    if isinstance(dtype, pd.ArrowDtype) and not _is_plain_arrow(dtype):
        raise _refused(name, str(dtype))
    return _dtype_of_objects(values.astype(object), name, dtype)


def _is_plain_arrow(dtype: pd.ArrowDtype) -> bool:
    text = str(dtype.pyarrow_dtype)
    return text.startswith(("int", "uint", "float", "double", "half", "bool", "string", "large_s"))


def _dtype_of(dtype: np.dtype, name: str) -> np.dtype:
    """The type in ONNX of an array."""
    if dtype.kind == "U":
        return STRING
    if dtype.kind in "iub" or dtype in (np.float16, FLOAT32, FLOAT64):
        return dtype.newbyteorder("=")
    raise _refused(name, str(dtype))


def _dtype_of_objects(values: Any, name: str, dtype: Any = None) -> np.dtype:
    """The type in ONNX of a column of objects, or of one in which values may be missing."""
    known = values[~pd.isna(values)]
    for value in {type(v): v for v in known}.values():
        if isinstance(value, decimal.Decimal) or not isinstance(value, (str, Number, np.bool_)):
            raise _refused(name, type(value).__name__)
    if all(isinstance(v, Number) and not isinstance(v, (bool, np.bool_)) for v in known):
        is_whole = getattr(dtype, "kind", "O") in "iu" and len(known) == len(values)
        return INT64 if is_whole else FLOAT64
    if all(isinstance(v, (bool, np.bool_)) for v in known) and len(known) == len(values):
        return BOOL
    return STRING


def _refused(name: str, kind: str) -> ValueError:
    what = "X" if name == "X" else f"Column {name!r}"
    if kind.startswith(("datetime", "time", "duration", "date32", "date64", "Time", "Period")):
        kind = f"dates or times ({kind})"
    elif kind == "date":
        kind = "dates (datetime.date)"
    elif kind.lower().startswith("decimal"):
        kind = f"decimals ({kind})"
    else:
        kind = f"values of the type {kind}"
    return ValueError(
        f"{what} holds {kind}, which tensors of ONNX cannot carry: turn it into numbers or texts "
        "before the model, in fit and here."
    )


def with_free_lengths(inputs: list[TensorInput], estimator: Any) -> list[TensorInput]:
    """The inputs of an estimator that was fitted on series or texts of unequal length, of any
    length; numbers are floats then, for NaN is what series are padded with."""
    shape, reads_tokens = getattr(estimator, "input_shape_", ()), is_token_reader(estimator)
    if None not in shape and not reads_tokens:
        return inputs
    for known in inputs:
        sizes = known.shape[1:]
        free = [n is None for n in shape] if len(sizes) == len(shape) else [True] * len(sizes)
        known.shape[1:] = [None if f else size for size, f in zip(sizes, free)]
        if known.dtype.kind != "f" and not reads_tokens:
            known.dtype = FLOAT32
    return inputs


def check_shape(estimator: Any, X: Any) -> None:
    """Raise where X are arrays of another shape than the rows that an estimator was fitted on."""
    reader = getattr(estimator, "_input", None)
    if not isinstance(reader, ArrayInput) or is_frame(X):
        return
    known: Any = reader.shape
    given = tuple((X if hasattr(X, "shape") else as_array(X)).shape[1:])
    if reader.image_shape is not None:
        if math.prod(given) != math.prod(known):
            raise ValueError(
                f"X has rows of shape {given}, but {type(estimator).__name__} is expecting rows of "
                f"shape {known} as input."
            )
    elif len(given) == len(known):
        given = tuple(None if free is None else size for size, free in zip(given, known))
        reader._compare_shape(estimator, given)
    elif not (isinstance(reader, SequenceInput) and len(given) == 1 and 1 in known):
        reader._compare_shape(estimator, given)


def is_token_reader(estimator: Any) -> bool:
    """Whether rows of an estimator are token ids."""
    return isinstance(getattr(estimator, "_input", None), TokenInput)
