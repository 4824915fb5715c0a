"""Types of the values in columns of objects: numbers, text, booleans, dates and others."""

import datetime
from numbers import Number

import numpy as np
import pandas as pd

_KINDS = (
    (str, "text"),
    ((bool, np.bool_), "booleans"),
    ((complex, np.complexfloating), "complex numbers"),
    (Number, "numbers"),
    ((pd.Timedelta, datetime.timedelta, np.timedelta64), "durations"),
    ((pd.Timestamp, datetime.datetime, np.datetime64), "times"),
    (datetime.date, "dates"),
    (bytes, "bytes"),
)


def kind_of(value):
    """Kind of a value, in words; values of one kind may be equal."""
    for types, kind in _KINDS:
        if isinstance(value, types):
            zone = getattr(value, "tzinfo", None) if kind == "times" else None
            return kind if zone is None else "times with a time zone"
    return f"values of the type {type(value).__name__}"


def kinds_of(values):
    """Kinds of many values, each type checked once.

    Parameters
    ----------
    values : iterable
        Without missing values.

    Returns
    -------
    dict
        A value of each kind.
    """
    return {kind_of(value): value for value in {type(v): v for v in values}.values()}


def object_kinds(column, name):
    """Kinds of the values in a column of objects that are not missing.

    Raises
    ------
    ValueError
        If a cell is a list or another value that cannot be looked up; it names the column.
    """
    cells = column.to_numpy(dtype=object)
    examples = {type(v): v for v in cells[~pd.isna(cells)]}
    for kind in examples:
        by_identity = kind.__hash__ is object.__hash__ and kind.__eq__ is object.__eq__
        if kind.__hash__ is None or by_identity:
            raise unfit_cell(kind, name)
    return set(map(kind_of, examples.values()))


def unfit_cell(kind, name, described=None):
    """Error for a value of type `kind`, which cannot be compared with other values."""
    return ValueError(
        f"Column {name!r} holds a value of the type {described or kind.__name__}: a cell must be a "
        "number, text, a truth value or missing. Make columns of numbers or categories of it first."
    )


def is_missing(value):
    """Whether a hashable value represents a missing one."""
    return value is None or value is pd.NA or bool(value != value)
