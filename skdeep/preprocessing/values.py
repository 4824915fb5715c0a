"""Cells of columns as numbers, and types of columns as plain data; `typed` leads back.

Dates, decimals and other exact values are integers: float64 cannot represent all of them beyond
2**53.
"""

import math
import warnings
from decimal import Decimal
from numbers import Number

import numpy as np
import pandas as pd

from skdeep.preprocessing.clocks import to_wall

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


def kind_of(values):
    """Kind of the values of a Series, as plain data, or None if they are not numbers.

    Parameters
    ----------
    values : Series
        Not sparse, and not of Arrow's dictionary type.

    Returns
    -------
    dict or None
        'name' is 'float', 'integer', 'decimal', 'date', 'time' (of a day), 'duration', 'period' or
        'instant'; further keys say how they are turned into integers.
    """
    dtype = values.dtype
    if isinstance(dtype, pd.PeriodDtype):
        return {"name": "period"}
    if isinstance(dtype, pd.ArrowDtype):
        return _arrow_kind(dtype.pyarrow_dtype)
    if pd.api.types.is_object_dtype(dtype):
        return _object_kind(values)
    kind = dtype.kind
    if kind in "iu" and not pd.api.types.is_bool_dtype(dtype):
        return {"name": "integer"}
    if kind == "M":
        tz = getattr(dtype, "tz", None)
        unit = dtype.unit if tz is not None else np.datetime_data(dtype)[0]
        return {"name": "instant", "unit": unit, "tz": None if tz is None else str(tz)}
    if kind == "m":
        return {"name": "duration", "unit": np.datetime_data(dtype)[0]}
    return {"name": "float"} if kind == "f" else None


def _arrow_kind(kind):
    import pyarrow as pa

    if pa.types.is_integer(kind):
        return {"name": "integer"}
    if pa.types.is_floating(kind):
        return {"name": "float"}
    if pa.types.is_decimal(kind):
        return {"name": "decimal", "scale": kind.scale}
    if pa.types.is_date(kind):
        return {"name": "date"}
    if pa.types.is_time(kind):
        return {"name": "time"}
    if pa.types.is_duration(kind):
        return {"name": "duration", "unit": kind.unit}
    if pa.types.is_timestamp(kind):
        return {"name": "instant", "unit": kind.unit, "tz": kind.tz}
    return None


def _object_kind(values):
    inferred = pd.api.types.infer_dtype(values, skipna=True)
    if inferred in ("integer", "date"):
        return {"name": inferred}
    if inferred in ("floating", "mixed-integer-float"):
        return {"name": "float"}
    if inferred in ("datetime", "datetime64", "timedelta", "timedelta64", "period"):
        inner = values.infer_objects()
        kind = None if pd.api.types.is_object_dtype(inner.dtype) else kind_of(inner)
        return kind if kind is None else {**kind, "inner": str(inner.dtype)}
    if inferred.startswith(("mixed", "decimal")):
        known = [v for v in values if not _is_missing(v)]
        if all(
            isinstance(v, (Number, Decimal)) and not isinstance(v, (bool, complex)) for v in known
        ):
            if any(isinstance(v, float) for v in known):
                return {"name": "float"}
            exponents = [
                -int(v.as_tuple().exponent)
                for v in known
                if isinstance(v, Decimal) and v.is_finite()
            ]
            return {"name": "decimal", "scale": max([0, *exponents])}
    return None


def _is_missing(value):
    return value is None or value is pd.NA or value is pd.NaT or value != value


def comparable(values, kind, dtype, whole=False):
    """A Series whose values can be compared with those of a column.

    Parameters
    ----------
    values : Series
    kind : dict
        Of the column; see `kind_of`.
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


def to_integers(values, kind):
    """Integers behind a Series, and a mask of missing ones (where they are arbitrary)."""
    name, missing = kind["name"], values.isna().to_numpy(dtype=bool)
    if name == "decimal":
        scale = 10 ** kind["scale"]
        return _objects(
            [0 if m else _scaled(v, scale, values.name) for v, m in zip(values, missing)]
        ), missing
    if pd.api.types.is_object_dtype(values.dtype):
        if name == "integer":
            return _objects([0 if m else _whole(v) for v, m in zip(values, missing)]), missing
        if name == "date":
            days = [0 if m else v.toordinal() for v, m in zip(values, missing)]
            return np.array(days, dtype=np.int64), missing
        values = values.infer_objects()
    if isinstance(values.dtype, pd.ArrowDtype):
        whole = _arrow_integers(values)
    elif name == "period":
        whole = values.array.asi8
    elif values.dtype.kind in "mM":
        whole = values.astype("int64").to_numpy() if not missing.any() else values.array.asi8
    elif values.dtype.kind == "f":
        whole = _objects([0 if m else _whole(v) for v, m in zip(values, missing)])
    else:
        unsigned = values.dtype.kind == "u"
        whole = values.to_numpy(dtype=np.uint64 if unsigned else np.int64, na_value=0)
    if kind.get("wall"):
        whole = to_wall(np.where(missing, 0, whole), kind)
    return whole, missing


def _arrow_integers(values):
    import pyarrow as pa

    data = pa.chunked_array(values.array.__arrow_array__())
    if pa.types.is_unsigned_integer(data.type):
        return data.cast(pa.uint64()).fill_null(0).to_numpy()
    if data.type.bit_width == 32 and not pa.types.is_integer(data.type):
        data = data.cast(pa.int32())
    return data.cast(pa.int64()).fill_null(0).to_numpy()


def _objects(values):
    """Array of Python integers, of 64 bits if they fit."""
    low, high = min(values, default=0), max(values, default=0)
    if low >= -(2**63) and high < 2**63:
        return np.array(values, dtype=np.int64)
    if low >= 0 and high < 2**64:
        return np.array(values, dtype=np.uint64)
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


def _whole(value):
    if isinstance(value, (str, bytes)):
        raise ValueError(f"{value!r} is not a number")
    if value in (math.inf, -math.inf):
        raise ValueError("it is infinite")
    return round(value)


def _scaled(value, scale, name):
    if (isinstance(value, Decimal) and not value.is_finite()) or value in (math.inf, -math.inf):
        raise ValueError(f"Input X contains infinity: column {name!r}.")
    top, bottom = value.as_integer_ratio()
    return top * scale // bottom


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


def warn_of_identifier(name, n):
    warnings.warn(
        f"Column {name!r} has a different value in each of its {n} rows, like an identifier: leave "
        "it out, for synthetic rows cannot have a meaningful one."
    )


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
