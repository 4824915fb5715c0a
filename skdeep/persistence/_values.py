"""Values of the standard library and of pandas found in table cells, and so in levels and classes
of models: dates, decimals, intervals and others."""

import datetime
import decimal
import fractions
import re
import uuid
import zoneinfo

import numpy as np
import pandas as pd

from skdeep.persistence._plain import Plain, expect, parts

_ZONES = (type(None), datetime.timezone, zoneinfo.ZoneInfo)


def _unpack_datetime(value):
    text, zone, fold = parts(value, str, _ZONES, int)
    return datetime.datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)


def _unpack_time(value):
    text, zone, fold = parts(value, str, _ZONES, int)
    return datetime.time.fromisoformat(text).replace(tzinfo=zone, fold=fold)


def _pack_timezone(zone):
    offset = zone.utcoffset(None)
    return [offset, None if zone == datetime.UTC else zone.tzname(None)]


def _unpack_timezone(value):
    offset, name = parts(value, datetime.timedelta, (str, type(None)))
    if name is None:
        return datetime.UTC
    plain = datetime.timezone(offset)
    return plain if plain.tzname(None) == name else datetime.timezone(offset, name)


def _pack_zone(zone):
    if zone.key is None:
        raise TypeError("a time zone without a name")
    return zone.key


def _unpack_zone(name):
    if not re.fullmatch(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*", expect(name, str)):
        raise ValueError(f"a time zone of {name[:50]!r}")
    return zoneinfo.ZoneInfo(name)


def _pack_timestamp(stamp):
    zone = stamp.tz
    if isinstance(getattr(zone, "zone", None), str):  # of pytz, which pandas used before version 3
        zone = zoneinfo.ZoneInfo(zone.zone)
    if zone is not None and type(zone) not in _ZONES:
        raise TypeError(f"a time zone of {type(zone)}")
    return [stamp.to_numpy(), zone]


def _unpack_timestamp(value):
    moment, zone = parts(value, np.datetime64, _ZONES)
    stamp = pd.Timestamp(moment)
    return stamp if zone is None else stamp.tz_localize("UTC").tz_convert(zone)


def _unpack_period(value):
    ordinal, frequency = parts(value, int, str)
    if len(frequency) > 50:
        raise ValueError("an unknown frequency")
    return pd.Period(ordinal=ordinal, freq=frequency)


_ENDS = (int, float, np.int64, np.float64, pd.Timestamp, pd.Timedelta)


def _unpack_interval(value):
    left, right, closed = expect(value, list)
    for end in (left, right):
        if not isinstance(end, np.number):
            expect(end, *_ENDS)
    return pd.Interval(left, right, closed=expect(closed, str))


_MISSING = {"NaT": pd.NaT, "NA": pd.NA}

# pandas' types of columns, by the names that pandas reads itself.
_DTYPE_NAME = re.compile(
    r"(U?Int|Float)(8|16|32|64)|boolean|string|category"
    r"|datetime64\[(s|ms|us|ns), [A-Za-z0-9_+:/-]{1,60}\]|period\[[A-Za-z0-9-]{1,20}\]"
)


def _pack_pandas_dtype(dtype):
    if not _DTYPE_NAME.fullmatch(str(dtype)) or pd.api.types.pandas_dtype(str(dtype)) != dtype:
        raise TypeError(f"a type of columns of {dtype!r}"[:200])
    return str(dtype)


def _unpack_pandas_dtype(name):
    if not _DTYPE_NAME.fullmatch(expect(name, str)):
        raise ValueError(f"a type of columns of {name[:50]!r}")
    return pd.api.types.pandas_dtype(name)


VALUES = {
    "date": Plain(
        datetime.date,
        datetime.date.isoformat,
        lambda text: datetime.date.fromisoformat(expect(text, str)),
    ),
    "datetime": Plain(
        datetime.datetime,
        lambda d: [d.replace(tzinfo=None).isoformat(), d.tzinfo, d.fold],
        _unpack_datetime,
    ),
    "time": Plain(
        datetime.time,
        lambda d: [d.replace(tzinfo=None).isoformat(), d.tzinfo, d.fold],
        _unpack_time,
    ),
    "timedelta": Plain(
        datetime.timedelta,
        lambda d: [d.days, d.seconds, d.microseconds],
        lambda v: datetime.timedelta(*parts(v, int, int, int)),
    ),
    "timezone": Plain(datetime.timezone, _pack_timezone, _unpack_timezone),
    "zone": Plain(zoneinfo.ZoneInfo, _pack_zone, _unpack_zone),
    "decimal": Plain(decimal.Decimal, str, lambda text: decimal.Decimal(expect(text, str))),
    "fraction": Plain(
        fractions.Fraction,
        lambda f: [f.numerator, f.denominator],
        lambda v: fractions.Fraction(*parts(v, int, int)),
    ),
    "uuid": Plain(uuid.UUID, str, lambda text: uuid.UUID(expect(text, str))),
    "timestamp": Plain(pd.Timestamp, _pack_timestamp, _unpack_timestamp),
    "duration": Plain(
        pd.Timedelta,
        pd.Timedelta.to_numpy,
        lambda value: pd.Timedelta(expect(value, np.timedelta64)),
    ),
    "period": Plain(pd.Period, lambda p: [p.ordinal, p.freqstr], _unpack_period),
    "interval": Plain(pd.Interval, lambda i: [i.left, i.right, i.closed], _unpack_interval),
    "missing": Plain(
        (type(pd.NaT), type(pd.NA)),
        lambda v: "NaT" if v is pd.NaT else "NA",
        lambda name: _MISSING[expect(name, str)],
    ),
    "column_type": Plain(
        pd.api.extensions.ExtensionDtype,
        _pack_pandas_dtype,
        _unpack_pandas_dtype,
        with_subclasses=True,
    ),
}
