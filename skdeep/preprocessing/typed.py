"""Columns of their own types from numbers, objects and polars' frames, and frames of polars."""

from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from skdeep.preprocessing.clocks import from_wall
from skdeep.preprocessing.values import to_floats, to_integers


def from_floats(x, kind, dtype):
    """Array of the given type from float64, NaN meaning missing."""
    if isinstance(dtype, pd.SparseDtype):
        return pd.arrays.SparseArray(from_floats(x, kind, dtype.subtype), dtype=dtype)
    missing = np.isnan(x)
    if kind["name"] == "integer" and not (isinstance(dtype, np.dtype) and dtype.kind == "f"):
        whole = np.round(np.where(missing, 0.0, x)).astype(np.int64)
        return from_integers(whole, missing, kind, dtype)
    if isinstance(dtype, pd.ArrowDtype):
        import pyarrow as pa

        array = pa.array(x, mask=missing).cast(dtype.pyarrow_dtype, safe=False)
        return pd.arrays.ArrowExtensionArray(array)
    if pd.api.types.is_object_dtype(dtype):
        out = x.astype(object)
        out[missing] = None
        return out
    return pd.Series(x).astype(dtype).array


def from_values(values, kind, dtype):
    """Array of the given type from a Series of comparable values."""
    if isinstance(dtype, pd.SparseDtype):
        return pd.arrays.SparseArray(from_values(values, kind, dtype.subtype), dtype=dtype)
    if kind["name"] == "float":
        return from_floats(to_floats(values), kind, dtype)
    whole, missing = to_integers(values, kind)
    return from_integers(whole, missing, kind, dtype)


def from_objects(values, dtype):
    """Array of the given type from objects, None or NaN meaning missing."""
    if isinstance(dtype, pd.SparseDtype):
        return pd.arrays.SparseArray(from_objects(values, dtype.subtype), dtype=dtype)
    if isinstance(dtype, pd.ArrowDtype):
        import pyarrow as pa

        known = [None if pd.isna(v) else v for v in values]
        return pd.arrays.ArrowExtensionArray(pa.array(known, type=dtype.pyarrow_dtype))
    return pd.Series(values, dtype=object).astype(dtype).array


def from_integers(whole, missing, kind, dtype):
    """Array of the given type from integers; see `to_integers`."""
    name = kind["name"]
    if kind.get("wall"):
        whole = from_wall(whole, kind)
    if name == "decimal":
        scale = kind["scale"]
        whole = [None if m else Decimal(f"{int(i)}E-{scale}") for i, m in zip(whole, missing)]
    if isinstance(dtype, pd.ArrowDtype):
        return _arrow_array(whole, missing, name, dtype)
    if pd.api.types.is_object_dtype(dtype):
        return _object_array(whole, missing, kind)
    if name == "period":
        nat = np.where(missing, np.iinfo(np.int64).min, whole)
        return pd.arrays.PeriodArray(nat.astype(np.int64), dtype=dtype)
    if name in ("instant", "duration"):
        return _times(whole, missing, kind, dtype)
    if isinstance(dtype, np.dtype):
        return _fitting(whole, missing, dtype)
    return pd.arrays.IntegerArray(_fitting(whole, missing, dtype.numpy_dtype), missing.copy())


def _fitting(whole, missing, dtype):
    """Integers as an array of a type that has room for them."""
    whole = np.asarray(whole)
    known = whole[~np.asarray(missing)]
    if dtype.kind in "iu" and len(known):
        limits = np.iinfo(dtype)
        for value in (known.min(), known.max()):
            if not limits.min <= value <= limits.max:
                raise ValueError(
                    f"{float(value):g} is not between {limits.min} and {limits.max}, as values of "
                    f"type {dtype} are"
                )
    return whole.astype(dtype)


def _times(whole, missing, kind, dtype):
    letter = "M8" if kind["name"] == "instant" else "m8"
    nat = np.where(missing, np.iinfo(np.int64).min, whole).astype(np.int64)
    values = pd.Series(nat.view(f"{letter}[{kind['unit']}]"))
    if kind.get("tz") is not None:
        values = values.dt.tz_localize("UTC")
    return values.astype(dtype).array


def _arrow_array(whole, missing, name, dtype):
    import pyarrow as pa

    kind = dtype.pyarrow_dtype
    if name == "decimal":
        array = pa.array(whole, type=kind)
    else:
        array = pa.array(np.asarray(whole), mask=missing)
        if kind.bit_width == 32 and not pa.types.is_integer(kind):
            array = array.cast(pa.int32())
        array = array.cast(kind)
    return pd.arrays.ArrowExtensionArray(array)


def _object_array(whole, missing, kind):
    out, name = np.empty(len(missing), dtype=object), kind["name"]
    if name == "date":
        whole = [None if m else date.fromordinal(int(i)) for i, m in zip(whole, missing)]
    elif "inner" in kind:
        inner = pd.api.types.pandas_dtype(kind["inner"])
        whole = list(from_integers(whole, missing, {**kind, "wall": None}, inner))
    elif name == "integer":
        whole = [int(i) for i in whole]
    out[:] = [None if m else v for v, m in zip(whole, missing)]
    return out


def described_polars(dtype):
    """polars type as plain data."""
    name = str(dtype.base_type())
    if name == "Enum":
        return [name, dtype.categories.to_list()]
    if name == "Decimal":
        return [name, dtype.precision, dtype.scale]
    if name == "Datetime":
        return [name, dtype.time_unit, dtype.time_zone]
    return [name, dtype.time_unit] if name == "Duration" else [name]


def polars_from(described):
    """Type described by `described_polars`."""
    import polars as pl

    name, *rest = described
    return getattr(pl, name)(*rest) if rest else getattr(pl, name)


def from_polars(X):
    """Convert a polars DataFrame to pandas with Arrow types, without changing values."""
    import polars as pl

    plain: dict[str, Any] = {"Categorical": pl.String, "Enum": pl.String}
    plain |= {"Int128": pl.Decimal(38, 0), "UInt128": pl.Decimal(38, 0)}
    names = {name: str(dtype.base_type()) for name, dtype in X.schema.items()}
    X = X.cast({name: plain[kind] for name, kind in names.items() if kind in plain})
    return X.to_pandas(use_pyarrow_extension_array=True)


def to_polars(arrays, names, schema):
    """Convert arrays of Arrow types to a polars DataFrame.

    Parameters
    ----------
    arrays : list of array
    names : list of str
    schema : list
        The columns' types; see `described_polars`. None keeps the array's.
    """
    import polars as pl
    import pyarrow as pa

    columns = []
    for array, name, described in zip(arrays, names, schema):
        column = pl.Series(name, pa.array(pd.Series(array), from_pandas=True))
        columns.append(column if described is None else column.cast(polars_from(described)))
    return pl.DataFrame(columns)
