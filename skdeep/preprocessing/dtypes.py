"""Column types as plain data, which models and files without code can hold, and back."""

from typing import Any

import numpy as np
import pandas as pd


def described_dtype(dtype):
    """A column's type as plain data: its name, or a dict where a name does not say it all.

    Parameters
    ----------
    dtype : numpy.dtype or pandas' ExtensionDtype
    """
    if isinstance(dtype, pd.CategoricalDtype):
        levels = dtype.categories
        levels_dtype = described_dtype(levels.dtype)
        return {"levels": levels.tolist(), "dtype": levels_dtype, "ordered": bool(dtype.ordered)}
    if isinstance(dtype, pd.SparseDtype):
        return {"sparse": described_dtype(dtype.subtype), "fill": np.asarray(dtype.fill_value)[()]}
    if isinstance(dtype, pd.StringDtype):
        return {"string": dtype.storage, "nan": dtype.na_value is not pd.NA}
    if isinstance(dtype, pd.ArrowDtype):
        return {"arrow": _described_arrow(dtype.pyarrow_dtype)}
    return str(dtype)


def dtype_from(described):
    """The type that `described_dtype` described."""
    if isinstance(described, str):
        return pd.api.types.pandas_dtype(described)
    if "sparse" in described:
        return pd.SparseDtype(dtype_from(described["sparse"]), described["fill"])
    if "string" in described:
        return pd.StringDtype(described["string"], np.nan if described["nan"] else pd.NA)
    if "arrow" in described:
        return pd.ArrowDtype(_arrow_from(described["arrow"]))
    levels = pd.Index(described["levels"], dtype=dtype_from(described["dtype"]))
    return pd.CategoricalDtype(levels, ordered=described["ordered"])


def checked_description(values):
    """`described_dtype` of a Series, where the type can be made of it again.

    Raises
    ------
    ValueError
        If it cannot; it names the column.
    """
    try:
        described = described_dtype(values.dtype)
        if dtype_from(described) == values.dtype:
            return described
    except (TypeError, ValueError, NotImplementedError, KeyError):
        pass
    raise ValueError(
        f"Column {values.name!r} is of the type {values.dtype}, which skdeep does not know: turn "
        "it into numbers, dates, text or categories first."
    )


def _described_arrow(kind):
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        parts = _described_arrow(kind.index_type), _described_arrow(kind.value_type)
        return ["dictionary", *parts, kind.ordered]
    if pa.types.is_decimal(kind):
        return [f"decimal{kind.bit_width}", kind.precision, kind.scale]
    if pa.types.is_timestamp(kind):
        return ["timestamp", kind.unit, kind.tz]
    if pa.types.is_fixed_size_binary(kind):
        return ["binary", kind.byte_width]
    return [str(kind)]


def _arrow_from(described):
    import pyarrow as pa

    name, *rest = described
    if name == "dictionary":
        index, value, ordered = rest
        return pa.dictionary(_arrow_from(index), _arrow_from(value), ordered)
    if name in ("decimal32", "decimal64", "decimal128", "decimal256", "timestamp", "binary"):
        return getattr(pa, name)(*rest) if rest else pa.binary()
    return pa.type_for_alias(name)


# --- polars ----------------------------------------------------------------------------------


def described_polars(dtype):
    """A type of polars as plain data."""
    name = str(dtype.base_type())
    if name == "Enum":
        return [name, dtype.categories.to_list()]
    if name == "Decimal":
        return [name, dtype.precision, dtype.scale]
    if name == "Datetime":
        return [name, dtype.time_unit, dtype.time_zone]
    return [name, dtype.time_unit] if name == "Duration" else [name]


def polars_from(described):
    """The type that `described_polars` described."""
    import polars as pl

    name, *rest = described
    return getattr(pl, name)(*rest) if rest else getattr(pl, name)


def from_polars(X):
    """A polars DataFrame as one of pandas with Arrow's types, none of its values changed."""
    import polars as pl

    plain: dict[str, Any] = {"Categorical": pl.String, "Enum": pl.String}
    plain |= {"Int128": pl.Decimal(38, 0), "UInt128": pl.Decimal(38, 0)}
    names = {name: str(dtype.base_type()) for name, dtype in X.schema.items()}
    X = X.cast({name: plain[kind] for name, kind in names.items() if kind in plain})
    return X.to_pandas(use_pyarrow_extension_array=True)


def to_polars(arrays, names, schema):
    """A polars DataFrame from arrays of Arrow's types.

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
