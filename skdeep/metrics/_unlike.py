"""Validation of tables and features that are compared."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_array

from skdeep._checks import checked_array
from skdeep.preprocessing.typed import from_polars
from skdeep.preprocessing.values import comparable, dense, kind_of, to_floats, to_integers

LARGEST = 1e100  # whose squares, and sums of them, are finite


def as_tables(**tables: Any) -> list[pd.DataFrame]:
    """Convert tables to pandas DataFrames with the same columns.

    Parameters
    ----------
    **tables : DataFrame or array-like of shape (n_samples, n_columns)
        Tables, by their name in error messages.

    Raises
    ------
    ValueError, TypeError
        If a table is invalid, has no rows or columns, or repeats a column name, or if columns
        differ.
    """
    frames = {name: _frame(table, name) for name, table in tables.items()}
    (first, reference), *others = frames.items()
    for name, frame in others:
        if list(frame.columns) != list(reference.columns):
            raise ValueError(
                f"{first} and {name} rows must have the same columns, got "
                f"{list(reference.columns)} and {list(frame.columns)}."
            )
    return list(frames.values())


def _frame(table: Any, name: str) -> pd.DataFrame:
    library = type(table).__module__.partition(".")[0]
    if library == "polars" and hasattr(table, "to_pandas") and len(table.shape) == 2:
        table = from_polars(table)
    elif hasattr(table, "columns") and not isinstance(table, pd.DataFrame):
        raise TypeError(f"{name}: expected a pandas or polars DataFrame, got one of {library}.")
    elif not isinstance(table, pd.DataFrame):
        kept = check_array(
            _host(table),
            dtype=None,
            ensure_all_finite=False,
            input_name=name,
            ensure_min_samples=0,
        )
        table = pd.DataFrame(kept)
    if 0 in table.shape:
        raise ValueError(f"Expected rows to compare, got {name} rows of shape {table.shape}.")
    repeated = table.columns[table.columns.duplicated()]
    if len(repeated):
        raise ValueError(f"{name} has several columns named {repeated[0]!r}.")
    table = table.reset_index(drop=True)
    return pd.DataFrame({column: dense(table[column]) for column in table.columns})


def comparable_tables(**tables: Any) -> list[pd.DataFrame]:
    """Convert tables to DataFrames with the same columns and dtypes, float64 or object.

    Numbers and dates are converted to float64, with NaN for missing values.

    Raises
    ------
    ValueError
        If a column is numeric in one table and text in another, or has infinite or complex
        values.
    """
    frames = as_tables(**tables)
    columns = [_alike([f[c] for f in frames], list(tables)) for c in frames[0].columns]
    names = frames[0].columns
    out = [pd.DataFrame(dict(enumerate(parts))) for parts in zip(*columns)]
    for frame in out:
        frame.columns = names
    return out


def _alike(columns: list[pd.Series], tables: list[str]) -> list:
    """Convert a column of each table to a common dtype."""
    name, kinds = columns[0].name, [_kind(c) for c in columns]
    known = [i for i, c in enumerate(columns) if c.notna().any()] or list(range(len(columns)))
    numbers = [i for i in known if kinds[i] is not None]
    if not numbers:
        return [c.astype(object) for c in columns]
    if len(numbers) < len(known):
        other = next(i for i in known if kinds[i] is None)
        raise ValueError(
            f"Column {name!r} holds numbers or dates in {tables[numbers[0]]}, but levels "
            f"({columns[other].dtype}) in {tables[other]}."
        )
    kind, dtype = kinds[numbers[0]], columns[numbers[0]].dtype
    return [
        _floats(comparable(c, kind, dtype), kind) if i in numbers else np.full(len(c), np.nan)
        for i, c in enumerate(columns)
    ]


def _kind(column: pd.Series) -> Any:
    if getattr(column.dtype, "kind", "O") == "c":
        raise ValueError(f"Complex data not supported: column {column.name!r}.")
    return kind_of(column)


def _floats(values: pd.Series, kind: Any) -> np.ndarray:
    if kind["name"] in ("float", "integer", "decimal"):
        return to_floats(values)
    whole, missing = to_integers(values, kind)
    return np.where(missing, np.nan, whole.astype(np.float64))


def is_number(column: pd.Series) -> bool:
    """Whether a column of `comparable_tables` is numeric."""
    return column.dtype == np.float64


def _host(table: Any) -> Any:
    """Convert tensors to a layout and dtype that NumPy supports."""
    if not hasattr(table, "detach"):
        return table
    table = table.detach().cpu().to_dense()
    return table.double() if table.is_floating_point() else table


def comparable_features(real: Any, made: Any, min_samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Validate float64 features of equal width, finite and small enough to be squared."""
    real, made = (
        checked_array(_host(x), name, ensure_min_samples=min_samples, dtype=np.float64)
        for x, name in ((real, "real"), (made, "made"))
    )
    if real.shape[1] != made.shape[1]:
        raise ValueError(
            f"real and made must have the same number of features, got {real.shape[1]} and "
            f"{made.shape[1]}."
        )
    for x, name in ((real, "real"), (made, "made")):
        if np.abs(x).max() > LARGEST:
            raise ValueError(f"{name} contains a value too large to be squared: {np.abs(x).max()}.")
    return real, made
