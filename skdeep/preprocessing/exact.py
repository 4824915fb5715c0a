"""Exact integers behind columns of integers, dates, durations, periods or decimals.

Networks compute in float64, which cannot represent all integers beyond 2**53: identifiers and time
stamps would be decoded to values that do not exist. Here a value is represented by its number of
steps from the smallest one, the step being the greatest common divisor, and decoding uses integer
arithmetic.
"""

import math
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from numbers import Number
from typing import Any

import numpy as np
import pandas as pd

from skdeep.preprocessing.clocks import from_wall, learn_wall, to_wall

LARGEST = 2**53  # up to which float64 has all integers


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


@dataclass
class Steps:
    """Values of a column as numbers of steps from the smallest one.

    Parameters
    ----------
    kind : dict
        See `kind_of`.
    origin, last : int
        The smallest and the largest value.
    step : int
        All differences are multiples of it.
    storage : {'int64', 'uint64', 'object'}
    known : list or ndarray
        Where there are more steps than float64 can count: the values that occurred. Then the
        numbers are their ranks, and none but these values come back.
    """

    kind: dict
    origin: int = 0
    last: int = 0
    step: int = 1
    storage: str = "int64"
    known: Any = field(default_factory=list)

    @classmethod
    def learn(cls, values, kind):
        """Learn the steps of a Series, not all of whose values are missing."""
        whole, missing = to_integers(values, kind)
        known = np.unique(whole[~missing])
        if kind.get("tz") is not None and "wall" not in kind:
            wall = learn_wall(known, kind)
            if wall:
                return cls.learn(values, {**kind, "wall": wall})
        low, high = int(known[0]), int(known[-1])
        self = cls(kind, low, high, 1, str(known.dtype))
        offsets = self._offsets(known)
        self.step = int(np.gcd.reduce(offsets)) or 1
        if int(offsets[-1]) // self.step > LARGEST:
            self.known = known.tolist() if self.storage == "object" else known
        return self

    @property
    def is_small(self):
        """Whether float64 represents all values exactly."""
        plain = self.kind["name"] == "integer"
        return plain and self.origin >= -LARGEST and self.last <= LARGEST

    @property
    def unit(self):
        """Size of a step in the units of the data."""
        scale = self.kind.get("scale", 0)
        return 1.0 if len(self.known) else self.step / 10**scale

    def _offsets(self, whole):
        if self.storage == "object":
            return whole - self.origin
        return whole.astype(np.uint64) - np.uint64(self.origin % 2**64)

    def _stored(self, whole):
        """Integers clipped to the range of fit, as stored in fit."""
        if whole.dtype != self.storage or self.storage == "object":
            inside = [min(max(int(i), self.origin), self.last) for i in whole]
            out = np.empty(len(inside), dtype=self.storage)
            out[:] = inside
            return out
        return np.clip(whole, *np.array([self.origin, self.last], dtype=self.storage))

    def encode(self, values):
        """Numbers of steps as float64, NaN if missing; values out of range are clipped."""
        whole, missing = to_integers(values, self.kind)
        whole = self._stored(whole)
        if len(self.known):
            known = np.asarray(self.known, dtype=self.storage)
            out = np.minimum(np.searchsorted(known, whole), len(known) - 1).astype(np.float64)
        else:
            out = (self._offsets(whole) // self._as_stored(self.step)).astype(np.float64)
        return np.where(missing, np.nan, out)

    def _as_stored(self, number):
        return number if self.storage == "object" else np.uint64(number)

    def decode(self, x, dtype):
        """Values of the given type from numbers of steps, NaN if missing."""
        missing = np.isnan(x)
        count = np.round(np.where(missing, 0.0, x))
        if len(self.known):
            whole = np.asarray(self.known, dtype=self.storage)[count.astype(np.int64)]
        elif self.storage == "object":
            whole = np.array([self.origin + int(c) * self.step for c in count], dtype=object)
        else:
            offsets = count.astype(np.uint64) * np.uint64(self.step)
            whole = (offsets + np.uint64(self.origin % 2**64)).astype(self.storage)
        return from_integers(whole, missing, self.kind, dtype)

    def is_outside(self, values):
        """Whether a value lies outside the range."""
        whole, missing = to_integers(values, self.kind)
        return any(not self.origin <= int(i) <= self.last for i in whole[~missing])

    def limits(self, dtype):
        """Smallest and largest value, in the given type."""
        ends = np.array([self.origin, self.last], dtype=self.storage)
        return tuple(from_integers(ends, np.zeros(2, dtype=bool), self.kind, dtype))
