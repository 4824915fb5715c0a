"""Conversion of the values and types of columns to floats, objects and plain data, and back."""

from typing import Any

import numpy as np
import pandas as pd

from skdeep.preprocessing.exact import from_integers, kind_of, to_integers

_MAX_DECIMALS = 8
_NUMBERS = ("float", "integer", "decimal")


def dense(values):
    """A Series without compression: neither sparse nor dictionary-encoded."""
    if isinstance(values.dtype, pd.SparseDtype):
        return pd.Series(np.asarray(values.array.to_dense()), name=values.name)
    if isinstance(values.dtype, pd.ArrowDtype):
        import pyarrow as pa

        kind = values.dtype.pyarrow_dtype
        if pa.types.is_dictionary(kind):
            return values.astype(pd.ArrowDtype(kind.value_type))
    return values


def comparable(values, kind, dtype, whole=False):
    """A Series whose values can be compared with those of a column.

    Parameters
    ----------
    values : Series
    kind : dict
        Of the column; see `skdeep.preprocessing.exact.kind_of`.
    dtype : type
        Of the column.
    whole : bool, default=False
        Whether to refuse fractions where the column has integers.

    Raises
    ------
    ValueError
        If they cannot: dates, say, and numbers.
    """
    values = dense(values)
    if (values.dtype == dtype and not pd.api.types.is_object_dtype(dtype)) or values.isna().all():
        return values
    own = kind_of(values)
    if own is not None and own["name"] == kind["name"] and own.get("tz") == kind.get("tz"):
        same_unit = own.get("unit") == kind.get("unit")
        if same_unit and not (whole and kind["name"] == "period"):
            return values
    is_number = own is not None and own["name"] in _NUMBERS
    if kind["name"] in _NUMBERS:
        if own is not None and not is_number:
            raise ValueError(
                f"Column {values.name!r} held numbers in fit, but is now {values.dtype}."
            )
        values = _as_numbers(values, is_number)
        if whole and kind["name"] == "integer":
            fraction = next((v for v in values if v == v and v != round(v)), None)
            if fraction is not None:
                raise ValueError(f"{fraction!r} is not an integer")
        return values
    if is_number:
        raise ValueError(
            f"Column {values.name!r} held {kind['name']}s in fit, but is now {values.dtype}."
        )
    if kind["name"] == "date" and pd.api.types.is_object_dtype(dtype):
        return pd.Series(pd.to_datetime(values).dt.date, name=values.name, dtype=object)
    return values.astype(kind.get("inner", dtype))


def _as_numbers(values, is_number):
    """Numbers of another type than the column's, or values that can be parsed as numbers."""
    if not is_number:
        try:
            values = values.astype(object).where(values.notna(), np.nan).astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"Column {values.name!r} held numbers in fit: {error}") from None
    return values.astype(object)


def to_floats(values):
    """Convert a Series of numbers to float64, with NaN for missing values."""
    try:
        out = values.to_numpy(dtype=np.float64, na_value=np.nan)
    except OverflowError:  # of Python's integers
        out = np.array([np.inf])
    if np.isinf(out).any():
        raise ValueError(
            "Input X contains infinity or a value too large for dtype('float64'): column "
            f"{values.name!r}."
        )
    return out


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


def quantile_grid(known, n_bins, n_places, n_single=0):
    """Quantiles of the modes of sorted numbers.

    Parameters
    ----------
    known : ndarray of shape (n_samples,)
    n_bins : int
        Number of modes, about.
    n_places : int
        Quantiles that divide a mode.
    n_single : int, default=0
        Number of distinct values up to which each is a mode of its own.

    Returns
    -------
    ndarray of shape (n_modes, n_places + 1)
    """
    uniques, counts = np.unique(known, return_counts=True)
    if len(uniques) <= max(n_bins, n_single):
        return np.repeat(uniques[:, None], n_places + 1, axis=1)
    is_single = counts >= 1.5 * len(known) / n_bins
    n_free = counts[~is_single].sum()
    bins_left = max(n_bins - is_single.sum(), 8)
    run = np.cumsum(np.r_[False, is_single[:-1]] | is_single)  # a new number at each single value
    grids = []
    for number in np.unique(run):
        members = run == number
        if is_single[members].any():
            grids.append(np.repeat(uniques[members], n_places + 1)[None])
            continue
        rows = np.repeat(uniques[members], counts[members])
        n = int(np.clip(round(bins_left * len(rows) / n_free), 1, members.sum()))
        edges = np.quantile(rows, np.linspace(0, 1, n * n_places + 1))
        index = np.arange(n)[:, None] * n_places + np.arange(n_places + 1)
        grids.append(edges[index])
    return np.concatenate(grids)


def granularity(known, kind):
    """Step of sorted integers, and number of decimals of sorted numbers: 0.0 and None for none."""
    if kind["name"] == "integer":
        gaps = np.diff(np.unique(known)).astype(np.int64)
        return (float(np.gcd.reduce(gaps)) if len(gaps) else 1.0), None
    with np.errstate(over="ignore", invalid="ignore"):
        for decimals in range(_MAX_DECIMALS):
            if np.array_equal(np.round(known, decimals), known):
                return 0.0, decimals
    return 0.0, None


def counts_rows(x, steps):
    """Whether integers, in steps or not, are as distinct as row numbers."""
    if steps is not None and (steps.step != 1 or len(steps.known)):
        return False
    x = np.sort(x)
    return len(x) > 100 and not np.isnan(x).any() and bool((np.diff(x) == 1).all())


def described_dtype(dtype):
    """Type of a column as plain data: its name, or a dict if the name is not sufficient.

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
    """Type described by `described_dtype`."""
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
    """`described_dtype` of a Series, if the type can be restored from it.

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
