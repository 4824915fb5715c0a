"""Values of a column as floats or objects, arrays of the column's type again, and how fine numbers
are."""

import numpy as np
import pandas as pd

from skdeep.preprocessing.exact import from_integers, kind_of, to_integers

_MAX_DECIMALS = 8
_NUMBERS = ("float", "integer", "decimal")


def dense(values):
    """A Series without compression: neither sparse nor a dictionary of Arrow."""
    if isinstance(values.dtype, pd.SparseDtype):
        return pd.Series(np.asarray(values.array.to_dense()), name=values.name)
    if isinstance(values.dtype, pd.ArrowDtype):
        import pyarrow as pa

        kind = values.dtype.pyarrow_dtype
        if pa.types.is_dictionary(kind):
            return values.astype(pd.ArrowDtype(kind.value_type))
    return values


def comparable(values, kind, dtype, whole=False):
    """A Series as one whose values can be compared with those of a column.

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
                raise ValueError(f"{fraction!r} is no integer")
        return values
    if is_number:
        raise ValueError(
            f"Column {values.name!r} held {kind['name']}s in fit, but is now {values.dtype}."
        )
    if kind["name"] == "date" and pd.api.types.is_object_dtype(dtype):
        return pd.Series(pd.to_datetime(values).dt.date, name=values.name, dtype=object)
    return values.astype(kind.get("inner", dtype))


def _as_numbers(values, is_number):
    """Numbers of another type than the column's, or what can be read as such."""
    if not is_number:
        try:
            values = values.astype(object).where(values.notna(), np.nan).astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"Column {values.name!r} held numbers in fit: {error}") from None
    return values.astype(object)


def to_floats(values):
    """A Series of numbers as float64, NaN where missing."""
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
    """An array of a type from float64 with NaN where missing."""
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
    """An array of a type from a Series of comparable values."""
    if isinstance(dtype, pd.SparseDtype):
        return pd.arrays.SparseArray(from_values(values, kind, dtype.subtype), dtype=dtype)
    if kind["name"] == "float":
        return from_floats(to_floats(values), kind, dtype)
    whole, missing = to_integers(values, kind)
    return from_integers(whole, missing, kind, dtype)


def from_objects(values, dtype):
    """An array of a type from objects, None or NaN where missing."""
    if isinstance(dtype, pd.SparseDtype):
        return pd.arrays.SparseArray(from_objects(values, dtype.subtype), dtype=dtype)
    if isinstance(dtype, pd.ArrowDtype):
        import pyarrow as pa

        known = [None if pd.isna(v) else v for v in values]
        return pd.arrays.ArrowExtensionArray(pa.array(known, type=dtype.pyarrow_dtype))
    return pd.Series(values, dtype=object).astype(dtype).array


def quantile_grid(known, n_bins, n_places):
    """Quantiles of the modes of sorted numbers.

    Parameters
    ----------
    known : ndarray of shape (n_samples,)
    n_bins : int
        Number of modes, about.
    n_places : int
        Quantiles that divide a mode.

    Returns
    -------
    ndarray of shape (n_modes, n_places + 1)
    """
    uniques, counts = np.unique(known, return_counts=True)
    if len(uniques) <= n_bins:
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
    """The step of sorted integers, and the decimals of sorted numbers: 0.0 and None for none."""
    if kind["name"] == "integer":
        gaps = np.diff(np.unique(known)).astype(np.int64)
        return (float(np.gcd.reduce(gaps)) if len(gaps) else 1.0), None
    with np.errstate(over="ignore", invalid="ignore"):
        for decimals in range(_MAX_DECIMALS):
            if np.array_equal(np.round(known, decimals), known):
                return 0.0, decimals
    return 0.0, None


def counts_rows(x, steps):
    """Whether integers, in steps or not, are as different as row numbers."""
    if steps is not None and (steps.step != 1 or len(steps.known)):
        return False
    x = np.sort(x)
    return len(x) > 100 and not np.isnan(x).any() and bool((np.diff(x) == 1).all())
