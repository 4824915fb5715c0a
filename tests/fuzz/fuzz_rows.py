"""Rows for the fuzzer: well-formed ones of each kind, other containers for them, and damage."""

import datetime
import decimal
import fractions
import warnings

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch

WORDS = ["red", "green", "blue sky", "Ünïcode", "", "nan", "1", "0x1f"]


def frame(rng, n):
    """A mixed table with a gap."""
    table = pd.DataFrame({"a": rng.normal(size=n), "b": rng.integers(0, 5, n)})
    table["c"] = rng.choice(["x", "y", "z"], n)
    table["d"] = pd.Categorical(rng.choice(["low", "high"], n))
    if n > 1:
        table.loc[0, "a"] = np.nan
    return table


def ragged(rng, n):
    return [rng.normal(size=(int(rng.integers(3, 9)), 2)) for _ in range(n)]


def texts(rng, n):
    return [" ".join(rng.choice(WORDS[:4], rng.integers(1, 6))) for _ in range(n)]


KINDS = {
    "numbers": lambda rng, n: rng.normal(size=(n, 4)),
    "shares": lambda rng, n: rng.random((n, 4)),
    "frame": frame,
    "pictures": lambda rng, n: rng.random((n, 6, 6, 1)),
    "series": lambda rng, n: rng.normal(size=(n, 7, 2)),
    "ragged": ragged,
    "signals": lambda rng, n: rng.normal(size=(n, 9)),
    "tokens": lambda rng, n: rng.integers(0, 5, (n, 6)),
    "texts": texts,
}
"""Makers of n well-formed rows."""


def _read_only(X):
    X = X.copy()
    X.setflags(write=False)
    return X


def _objects(X):
    """An array with one array in each cell."""
    cells = np.empty(len(X), dtype=object)
    cells[:] = [x for x in X]
    return cells


def _polars(X):
    import polars

    if isinstance(X, pd.DataFrame):
        return polars.DataFrame({c: X[c].astype(object).tolist() for c in X}, strict=False)
    return polars.DataFrame(X)


def _arrow(X):
    return pd.DataFrame(X).convert_dtypes(dtype_backend="pyarrow")


def _arrow_table(X):
    import pyarrow

    return pyarrow.Table.from_pandas(pd.DataFrame(X).rename(columns=str))


ARRAYS = {
    "columns first in memory": np.asfortranarray,
    "list": lambda X: X.tolist(),
    "tuple of arrays": tuple,
    "list of arrays": list,
    "array of arrays": _objects,
    "read-only": _read_only,
    "strided": lambda X: np.repeat(X, 2, axis=0)[::2],
    "reversed": lambda X: X[::-1],
    "float32": lambda X: X.astype(np.float32),
    "float16": lambda X: X.astype(np.float16),
    "longdouble": lambda X: X.astype(np.longdouble),
    "big endian": lambda X: X.astype(">f8"),
    "int8": lambda X: X.astype(np.int8),
    "uint8": lambda X: (X * 9).astype(np.int64).astype(np.uint8),
    "uint64": lambda X: np.abs(X).astype(np.uint64),
    "bool": lambda X: X > 0.5,
    "objects": lambda X: X.astype(object),
    "decimals": lambda X: np.vectorize(lambda x: decimal.Decimal(str(x)), otypes="O")(X),
    "fractions": lambda X: np.vectorize(lambda x: fractions.Fraction(x), otypes="O")(X),
    "text": lambda X: X.astype(str),
    "bytes": lambda X: X.astype("S8"),
    "complex": lambda X: X.astype(complex),
    "dates": lambda X: (X * 100).astype("datetime64[D]"),
    "durations": lambda X: (X * 100).astype("timedelta64[s]"),
    "masked": lambda X: np.ma.masked_greater(X, 0.7),
    "records": lambda X: np.array([tuple(x) for x in X.reshape(len(X), -1)[:, :2]], "f8,f8"),
    "tensor": torch.as_tensor,
    "tensor of float32": lambda X: torch.as_tensor(X).float(),
    "tensor of bfloat16": lambda X: torch.as_tensor(X).bfloat16(),
    "tensor of int": lambda X: torch.as_tensor(X).int(),
    "tensor of bool": lambda X: torch.as_tensor(X) > 0,
    "tensor with a gradient": lambda X: torch.as_tensor(X).double().requires_grad_(),
    "complex tensor": lambda X: torch.as_tensor(X) + 1j,
}
"""Other containers and types of an array of any rank."""

MATRICES = {
    "frame": pd.DataFrame,
    "frame of named columns": lambda X: pd.DataFrame(X).add_prefix("x"),
    "polars": _polars,
    "arrow": _arrow,
    "arrow table": _arrow_table,
    "nullable": lambda X: pd.DataFrame(X).convert_dtypes(),
    "frame of objects": lambda X: pd.DataFrame(X).astype(object),
    "frame of text": lambda X: pd.DataFrame(X).astype(str),
    "frame of categories": lambda X: pd.DataFrame(X).round().astype("category"),
    "sparse frame": lambda X: pd.DataFrame(X).astype(pd.SparseDtype(float, 0.0)),
    "csr": sp.csr_matrix,
    "csc array": sp.csc_array,
    "coo": sp.coo_matrix,
    "lil": sp.lil_matrix,
    "csr of int64 indices": lambda X: _wide_indices(sp.csr_matrix(X)),
    "sparse tensor": lambda X: torch.as_tensor(X).to_sparse(),
    "matrix": lambda X: np.asmatrix(X),
}
"""Other containers of an array of rank 2."""

FRAMES = {
    "polars": _polars,
    "arrow": _arrow,
    "arrow table": _arrow_table,
    "nullable": lambda X: X.convert_dtypes(),
    "objects": lambda X: X.astype(object),
    "array of objects": lambda X: X.to_numpy(dtype=object),
    "text": lambda X: X.astype(str),
    "lists": lambda X: X.to_numpy(dtype=object).tolist(),
    "dict": lambda X: X.to_dict("list"),
    "categories": lambda X: X.astype("category"),
    "other index": lambda X: X.set_index(pd.Index(np.arange(len(X))[::-1] // 2)),
    "dates as index": lambda X: X.set_index(pd.date_range("2020", periods=len(X))),
}
"""Other containers of a mixed table."""

LISTS = {
    "tuple": tuple,
    "array of objects": _objects,
    "frames": lambda X: [pd.DataFrame(x) for x in X],
    "lists": lambda X: [np.asarray(x).tolist() for x in X],
    "tensors": lambda X: [torch.as_tensor(np.asarray(x)) for x in X],
    "float32": lambda X: [np.asarray(x, np.float32) for x in X],
    "objects": lambda X: [np.asarray(x, object) for x in X],
    "text": lambda X: [np.asarray(x).astype(str) for x in X],
    "generator": lambda X: (x for x in X),
    "series of objects": lambda X: pd.Series(list(X)),
}
"""Other containers of a list of series, or of texts."""


def _wide_indices(X):
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


VALUES = [
    *(np.nan, np.inf, -np.inf, 1e300, -1e308, 1e39, 1e-320, 2**53 + 1, -1, 10**400, 0.5),
    *(None, pd.NA, pd.NaT, "word", "", "1", b"bytes", [1, 2], {"a": 1}, (1, 2), {3}, 1j),
    *(True, decimal.Decimal("NaN"), decimal.Decimal("1.5"), fractions.Fraction(1, 3)),
    *(datetime.date(2020, 1, 1), datetime.timedelta(1), pd.Timestamp("2020", tz="UTC")),
    *(pd.Interval(0, 1), pd.Period("2020"), np.array([1.0, 2.0]), object, "\x00", "\ud800"),
]
"""What may stand in one cell."""

ODD = {
    "None": None,
    "number": 3.0,
    "text": "rows",
    "bytes": b"rows",
    "empty list": [],
    "list of an empty list": [[]],
    "unequal lists": [[1.0, 2.0], [3.0]],
    "list of None": [None, None],
    "dict": {"a": [1, 2]},
    "set": {1, 2},
    "class": object,
    "scalar array": np.array(1.0),
    "scalar tensor": torch.tensor(1.0),
    "empty frame": pd.DataFrame(),
    "series": pd.Series([1.0, 2.0]),
    "deep list": [[[[[[1.0]]]]]],
}
"""What are no rows at all."""


def _in_cell(X, rng):
    """One cell has a value of another kind."""
    value = VALUES[rng.integers(len(VALUES))]
    if isinstance(X, list):
        X = list(X)
        X[rng.integers(len(X))] = value
        return X
    if isinstance(X, pd.DataFrame):
        X = X.copy()
        column = X.columns[rng.integers(X.shape[1])]
        cells = list(X[column].astype(object))
        cells[rng.integers(len(cells))] = value
        X[column] = pd.Series(cells, dtype=object, index=X.index)
        return X
    is_number = isinstance(value, (int, float)) and abs(value) < 1e309
    X = X.astype(float) if is_number else X.astype(object)
    X[tuple(rng.integers(s) for s in X.shape)] = value  # in the copy that astype made
    return X


def _whole(value):
    def filled(X, rng):
        if isinstance(X, list):
            return [np.full_like(x, value) if isinstance(x, np.ndarray) else x for x in X]
        if isinstance(X, pd.DataFrame):
            numbers = X.select_dtypes("number").columns
            return X.assign(**{c: value for c in numbers})
        return np.full(X.shape, value)

    return filled


def _no_columns(X, rng):
    if isinstance(X, list):
        return [x[..., :0] if isinstance(x, np.ndarray) else "" for x in X]
    return X.iloc[:, :0] if isinstance(X, pd.DataFrame) else X[..., :0]


def _one_column(X, rng):
    if isinstance(X, list):
        return [x[..., :1] if isinstance(x, np.ndarray) else x[:1] for x in X]
    return X.iloc[:, :1] if isinstance(X, pd.DataFrame) else X[..., :1]


def _wider(X, rng):
    if isinstance(X, list):
        return [np.repeat(x, 2, -1) if isinstance(x, np.ndarray) else x * 2 for x in X]
    return X.assign(more=1.0) if isinstance(X, pd.DataFrame) else np.concatenate([X, X], -1)


def _short(X, rng):
    """Steps, or words, missing."""
    if isinstance(X, list):
        return [x[: int(rng.integers(0, 3))] for x in X]
    return X.iloc[:, ::2] if isinstance(X, pd.DataFrame) else X[:, :1]


def _deeper(X, rng):
    if isinstance(X, list):
        return [[x] for x in X]
    return X.to_numpy(dtype=object)[..., None] if isinstance(X, pd.DataFrame) else X[..., None]


def _flatter(X, rng):
    if isinstance(X, list):
        return X[0]
    return X.iloc[:, 0] if isinstance(X, pd.DataFrame) else X.reshape(len(X), -1)[:, 0]


DAMAGE = {
    "value in a cell": _in_cell,
    "another value in a cell": lambda X, rng: _in_cell(_in_cell(X, rng), rng),
    "all zero": _whole(0.0),
    "all 1e300": _whole(1e300),
    "all 1e38": _whole(1e38),
    "all 1e-320": _whole(1e-320),
    "all missing": _whole(np.nan),
    "no rows": lambda X, rng: X[:0],
    "one row": lambda X, rng: X[:1],
    "two rows": lambda X, rng: X[:2],
    "a row too few": lambda X, rng: X[:-1],
    "no columns": _no_columns,
    "one column": _one_column,
    "more columns": _wider,
    "short": _short,
    "another axis": _deeper,
    "an axis less": _flatter,
    "something else": lambda X, rng: list(ODD.values())[rng.integers(len(ODD))],
    "another kind": lambda X, rng: list(KINDS.values())[rng.integers(len(KINDS))](rng, len(X)),
}
"""What can be wrong with rows."""


def _column(make):
    return lambda X, rng: X.assign(new=make(X, rng))


COLUMNS = {
    "dates": _column(lambda X, rng: pd.date_range("2020", periods=len(X))),
    "dates with a zone": _column(lambda X, rng: pd.date_range("2020", periods=len(X), tz="CET")),
    "days": _column(lambda X, rng: [datetime.date(2020, 1, 1 + i % 9) for i in range(len(X))]),
    "periods": _column(lambda X, rng: pd.period_range("2020", periods=len(X), freq="M")),
    "durations": _column(lambda X, rng: pd.to_timedelta(np.arange(len(X)), "h")),
    "intervals": _column(lambda X, rng: pd.cut(np.arange(len(X)), 3)),
    "decimals": _column(lambda X, rng: [decimal.Decimal(i) / 7 for i in range(len(X))]),
    "bytes": _column(lambda X, rng: [bytes([i % 256]) for i in range(len(X))]),
    "pairs": _column(lambda X, rng: [(i, i) for i in range(len(X))]),
    "lists": _column(lambda X, rng: [[i] for i in range(len(X))]),
    "complex": _column(lambda X, rng: np.arange(len(X)) * 1j),
    "big integers": _column(lambda X, rng: np.arange(len(X)) + 2**62),
    "unsigned integers": _column(lambda X, rng: np.arange(len(X), dtype=np.uint64) + 2**63),
    "nullable integers": _column(
        lambda X, rng: pd.array([None, *range(len(X))][: len(X)], "Int64")
    ),
    "nullable booleans": _column(
        lambda X, rng: pd.array([None, *[True] * len(X)][: len(X)], "boolean")
    ),
    "missing": _column(lambda X, rng: [None] * len(X)),
    "missing numbers": _column(lambda X, rng: np.nan),
    "missing marks": _column(lambda X, rng: pd.NA),
    "infinity": _column(lambda X, rng: np.inf),
    "a constant": _column(lambda X, rng: 7),
    "1e300": _column(lambda X, rng: np.r_[1e300, np.zeros(len(X))][: len(X)]),
    "words of their own": _column(lambda X, rng: [f"w{i}" for i in range(len(X))]),
    "words and numbers": _column(lambda X, rng: [i if i % 2 else str(i) for i in range(len(X))]),
    "sparse": _column(lambda X, rng: pd.arrays.SparseArray(np.arange(len(X)) % 2)),
    "names twice": lambda X, rng: X.rename(columns={"a": "b"}),
    "names of numbers": lambda X, rng: X.set_axis(range(X.shape[1]), axis=1),
    "names of unlike kinds": lambda X, rng: X.rename(columns={"a": 1}),
    "names of pairs": lambda X, rng: pd.concat({"top": X}, axis=1),
    "empty names": lambda X, rng: X.rename(columns={"a": ""}),
    "another order": lambda X, rng: X[X.columns[::-1]],
    "unknown levels": lambda X, rng: X.assign(c="new", d="other"),
    "levels of numbers": lambda X, rng: X.assign(c=1, d=2.5),
    "text in numbers": lambda X, rng: X.assign(a="text"),
    "missing levels": lambda X, rng: X.assign(c=None, d=np.nan),
}
"""What a table may also have."""


def drawn(options, X, rng):
    """(what, X) by one of the makers, drawn again where it cannot be made of these rows."""
    while True:
        what = list(options)[rng.integers(len(options))]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return what, options[what](X, rng)
            except Exception:  # pandas, NumPy, polars or Arrow have no such container
                continue


def other_container(X, rng):
    """(what, X): the same rows in another container, or of another type."""
    if isinstance(X, list):
        options = LISTS
    elif isinstance(X, pd.DataFrame):
        options = FRAMES
    else:
        options = {**ARRAYS, **(MATRICES if X.ndim == 2 else {})}
    return drawn({k: lambda X, rng, f=f: f(X) for k, f in options.items()}, X, rng)


def damaged(X, rng):
    """(what, X): rows with something wrong or rare about them."""
    return drawn({**DAMAGE, **(COLUMNS if isinstance(X, pd.DataFrame) else {})}, X, rng)


def mutated(X, rng):
    """(what, X): damaged, in another container, or both."""
    choice = rng.random()
    if choice < 0.45:
        return damaged(X, rng)
    if choice < 0.8:
        return other_container(X, rng)
    what, X = damaged(X, rng)
    if isinstance(X, (np.ndarray, pd.DataFrame)) and X.ndim > 1:
        container, X = other_container(X, rng)
        what = f"{what}, {container}"
    return what, X
