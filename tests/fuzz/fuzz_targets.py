"""Targets, weights and other arguments of `fit` for the fuzzer."""

import datetime
import decimal

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch
from fuzz_rows import ODD, VALUES, drawn


def _polars(y):
    import polars

    return polars.Series("y", y)


def labels(rng, n):
    """Whole numbers of two or three classes, each of them there."""
    return rng.permutation(np.arange(n) % int(rng.integers(2, 4)))


def numbers(rng, n):
    return rng.normal(size=n)


LABELS = {
    "words": lambda y, rng: np.array(["no", "yes", "perhaps"])[y],
    "objects": lambda y, rng: np.array(["no", "yes", "perhaps"], dtype=object)[y],
    "booleans": lambda y, rng: y > 0,
    "floats": lambda y, rng: y.astype(float),
    "int8": lambda y, rng: y.astype(np.int8),
    "uint64": lambda y, rng: y.astype(np.uint64) + 2**63,
    "-1 and 1": lambda y, rng: np.where(y > 0, 1, -1),
    "far apart": lambda y, rng: y * 10**15,
    "bytes": lambda y, rng: y.astype("S"),
    "mixed": lambda y, rng: np.array([0, "one", 2.5], dtype=object)[y],
    "None among them": lambda y, rng: np.array([None, "one", "two"], dtype=object)[y],
    "NaN among them": lambda y, rng: np.array([np.nan, 1.0, 2.0])[y],
    "fractions": lambda y, rng: y + 0.5,
    "days": lambda y, rng: np.array(["2020", "2021", "2022"], "M8[D]")[y],
    "date objects": lambda y, rng: [datetime.date(2020 + int(i), 1, 1) for i in y],
    "pairs": lambda y, rng: [(int(i), "x") for i in y],
    "one class": lambda y, rng: np.zeros_like(y),
    "all distinct": lambda y, rng: np.arange(len(y)),
    "a rare class": lambda y, rng: (np.arange(len(y)) == 0).astype(int),
    "several labels": lambda y, rng: (y[:, None] == np.arange(3)).astype(int),
    "several labels, one always": lambda y, rng: np.c_[y > 0, np.ones(len(y))].astype(int),
    "several labels, none": lambda y, rng: np.zeros((len(y), 2), int),
    "several labels, sparse": lambda y, rng: sp.csr_matrix(y[:, None] == np.arange(3)).astype(int),
    "several labels, frame": lambda y, rng: pd.DataFrame(y[:, None] == np.arange(3)).astype(int),
    "several labels, tensor": lambda y, rng: torch.as_tensor(y[:, None] == np.arange(3)).int(),
    "several classes": lambda y, rng: np.c_[y, y],
    "lists of labels": lambda y, rng: [[int(i)] * int(i) for i in y],
    "categories": lambda y, rng: pd.Series(y).map({0: "a", 1: "b", 2: "c"}).astype("category"),
    "nullable": lambda y, rng: pd.Series(y, dtype="Int64"),
    "nullable with a gap": lambda y, rng: pd.Series([pd.NA, *y[1:]], dtype="Int64"),
    "nullable booleans": lambda y, rng: pd.Series(y > 0, dtype="boolean"),
    "strings": lambda y, rng: pd.Series(y).astype(str).astype("string"),
    "arrow": lambda y, rng: pd.Series(y).convert_dtypes(dtype_backend="pyarrow"),
    "polars": lambda y, rng: _polars(y),
}
"""Other labels."""

NUMBERS = {
    "far from zero": lambda y, rng: y + 1.7e9,
    "huge": lambda y, rng: y * 1e300,
    "largest": lambda y, rng: np.sign(y) * np.finfo(float).max,
    "one huge": lambda y, rng: np.r_[1e300, y[1:]],
    "tiny": lambda y, rng: y * 1e-310,
    "constant": lambda y, rng: np.full_like(y, 5.0),
    "zero": lambda y, rng: np.zeros_like(y),
    "whole": lambda y, rng: (y * 10).astype(int),
    "counts": lambda y, rng: np.abs(y * 3).astype(np.uint8),
    "booleans": lambda y, rng: y > 0,
    "big integers": lambda y, rng: (y * 10).astype(int) + 2**62,
    "float16": lambda y, rng: y.astype(np.float16),
    "longdouble": lambda y, rng: y.astype(np.longdouble),
    "text": lambda y, rng: y.astype(str),
    "objects": lambda y, rng: y.astype(object),
    "decimals": lambda y, rng: [decimal.Decimal(str(v)) for v in y],
    "complex": lambda y, rng: y + 1j,
    "dates": lambda y, rng: (y * 1000).astype("M8[D]"),
    "durations": lambda y, rng: (y * 1000).astype("m8[s]"),
    "NaN": lambda y, rng: np.r_[np.nan, y[1:]],
    "infinity": lambda y, rng: np.r_[np.inf, y[1:]],
    "two outputs": lambda y, rng: np.c_[y, -y],
    "two outputs of unlike size": lambda y, rng: np.c_[y * 1e200, y * 1e-200],
    "no outputs": lambda y, rng: np.zeros((len(y), 0)),
    "frame": lambda y, rng: pd.DataFrame({"a": y, "b": y}),
    "sparse": lambda y, rng: sp.csr_matrix(np.c_[y, y]),
    "nullable": lambda y, rng: pd.Series(y, dtype="Float64"),
    "nullable with a gap": lambda y, rng: pd.Series([pd.NA, *y[1:]], dtype="Float64"),
    "arrow": lambda y, rng: pd.Series(y).convert_dtypes(dtype_backend="pyarrow"),
    "polars": lambda y, rng: _polars(y),
    "tensor": lambda y, rng: torch.as_tensor(y),
    "tensor of bfloat16": lambda y, rng: torch.as_tensor(y).bfloat16(),
    "tensor with a gradient": lambda y, rng: torch.as_tensor(y).requires_grad_(),
}
"""Other numbers."""


def _in_cell(y, rng):
    y = np.asarray(y).astype(object)
    y[rng.integers(len(y))] = VALUES[rng.integers(len(VALUES))]
    return y


SHAPES = {
    "value in a cell": _in_cell,
    "list": lambda y, rng: y.tolist(),
    "tuple": lambda y, rng: tuple(y.tolist()),
    "column": lambda y, rng: y[:, None],
    "row": lambda y, rng: y[None],
    "three axes": lambda y, rng: y[:, None, None],
    "named series": lambda y, rng: pd.Series(y, name="target", index=np.arange(len(y))[::-1]),
    "tensor": lambda y, rng: torch.as_tensor(y),
    "a row too few": lambda y, rng: y[:-1],
    "a row too many": lambda y, rng: np.r_[y, y[:1]],
    "empty": lambda y, rng: y[:0],
    "something else": lambda y, rng: list(ODD.values())[rng.integers(len(ODD))],
}
"""Other shapes and containers of either."""


def other_target(y, kind, rng):
    """(what, y): a target of another sort than plain `labels` or `numbers`."""
    options = LABELS if kind == "labels" else NUMBERS
    if rng.random() < 0.1:  # labels to a regressor and the other way round
        options, y = (
            (NUMBERS, y.astype(float)) if kind == "labels" else (LABELS, (y > 0).astype(int))
        )
    elif rng.random() < 0.35:
        options = SHAPES
    return drawn(options, y, rng)


WEIGHTS = {
    "ones": lambda rng, n: np.ones(n),
    "drawn": lambda rng, n: rng.random(n),
    "some zero": lambda rng, n: rng.integers(0, 2, n),
    "one not zero": lambda rng, n: (np.arange(n) == 0).astype(float),
    "zero": lambda rng, n: np.zeros(n),
    "negative": lambda rng, n: rng.normal(size=n),
    "NaN": lambda rng, n: np.r_[np.nan, np.ones(n)][:n],
    "infinity": lambda rng, n: np.r_[np.inf, np.ones(n)][:n],
    "huge": lambda rng, n: np.full(n, 1e300),
    "largest": lambda rng, n: np.full(n, np.finfo(float).max),
    "tiny": lambda rng, n: np.full(n, 1e-320),
    "unlike": lambda rng, n: 10.0 ** rng.integers(-300, 300, n),
    "one huge": lambda rng, n: np.r_[1e30, np.ones(n)][:n],
    "number": lambda rng, n: 2.0,
    "text": lambda rng, n: "balanced",
    "words": lambda rng, n: ["heavy"] * n,
    "numbers as text": lambda rng, n: ["1.5"] * n,
    "None inside": lambda rng, n: [None] + [1.0] * (n - 1),
    "a row too few": lambda rng, n: np.ones(max(n - 1, 0)),
    "column": lambda rng, n: np.ones((n, 1)),
    "matrix": lambda rng, n: np.ones((n, 2)),
    "booleans": lambda rng, n: np.arange(n) % 2 == 0,
    "series": lambda rng, n: pd.Series(rng.random(n), index=np.arange(n)[::-1]),
    "nullable with a gap": lambda rng, n: pd.array([None, *[1.0] * n][:n], dtype="Float64"),
    "polars": lambda rng, n: _polars(rng.random(n)),
    "tensor": lambda rng, n: torch.as_tensor(rng.random(n)),
    "tensor of bfloat16": lambda rng, n: torch.ones(n).bfloat16(),
    "float16": lambda rng, n: np.ones(n, np.float16),
    "longdouble": lambda rng, n: np.ones(n, np.longdouble),
    "complex": lambda rng, n: np.ones(n) * 1j,
    "sparse": lambda rng, n: sp.csr_matrix(np.ones((n, 1))),
    "dict": lambda rng, n: {"a": 1.0},
    "empty": lambda rng, n: [],
}
"""Weights of rows."""


def weights(rng, n):
    """(what, weights)"""
    return drawn({k: lambda n, rng, f=f: f(rng, n) for k, f in WEIGHTS.items()}, n, rng)
