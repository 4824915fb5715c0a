"""Transformers of scikit-learn that skl2onnx does not write, or not for all types and parameters.

They are written for `to_onnx` alone, and registered nowhere.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    TargetEncoder,
)

from skdeep._compat import widths_of_one_hot
from skdeep.onnx._curves import normal_quantile, piecewise_linear
from skdeep.onnx._family import Family, of_rows
from skdeep.onnx._graph import ML, Graph, Output, Unsupported
from skdeep.onnx._tables import Columns
from skdeep.onnx._targets import FUNCTIONS
from skdeep.onnx._types import STRING

INT64, FLOAT64 = np.int64, np.float64
_BOUND = 1e-7  # of QuantileTransformer: what is nearer to 0 or 1 is at -5.2 or 5.2


def _columns(g: Graph, transformer: Any) -> Columns:
    known = getattr(transformer, "feature_names_in_", None)
    names = [f"x{j}" for j in range(transformer.n_features_in_)] if known is None else known
    return Columns(g, names)


def _numbers(g: Graph, transformer: Any, dtype: Any = None) -> str:
    """All columns, in the precision of the rows."""
    columns = _columns(g, transformer)
    return columns.numbers(range(transformer.n_features_in_), g.dtype if dtype is None else dtype)


def _made(g: Graph, x: str, width: int) -> Output:
    return Output(x, g.dtype, [None, width])


# --- missing values --------------------------------------------------------------------------


def imputes_texts(imputer: Any) -> bool:
    """Whether a fitted `SimpleImputer` fills gaps with texts."""
    return any(isinstance(value, str) for value in imputer.statistics_)


def _is_missing(g: Graph, x: str, missing: Any, texts: bool) -> str:
    """Where values are missing. Of texts, NaN, NA and None are what onnxruntime makes of them."""
    if texts:
        code: dict[str, Any] = {"keys_strings": [str(missing)], "values_int64s": [1]}
        return g.cast(g.op("LabelEncoder", x, domain=ML, default_int64=0, **code), np.bool_)
    if missing is None or missing is pd.NA or np.isnan(missing):
        return g.op("IsNaN", x)
    return g.op("Equal", x, float(missing))


def _impute(g: Graph, imputer: Any) -> Output:
    texts = imputes_texts(imputer)
    x = g.side_by_side([part.name for part in g.inputs]) if texts else _numbers(g, imputer)
    missing = _is_missing(g, x, imputer.missing_values, texts)
    statistics, kept = imputer.statistics_, np.arange(imputer.n_features_in_)
    if not imputer.keep_empty_features:
        kept = np.flatnonzero([not pd.isna(value) for value in statistics])
    dtype = STRING if texts else g.dtype
    values = g.const(
        statistics[kept][None].astype(object if texts else float), None if texts else dtype
    )
    if len(kept) < len(statistics):
        out = g.op("Where", g.column(missing, kept.tolist()), values, g.column(x, kept.tolist()))
    else:
        out = g.op("Where", missing, values, x)
    indicator = imputer.indicator_
    if indicator is None:
        return Output(out, dtype, [None, len(kept)])
    if texts:
        raise Unsupported("add_indicator=True of texts would put numbers and texts in one tensor.")
    gaps = indicator.features_.tolist()
    out = g.side_by_side([out, g.cast(g.column(missing, gaps), g.dtype)])
    return Output(out, dtype, [None, len(kept) + len(gaps)])


def _indicate(g: Graph, indicator: Any) -> Output:
    missing = _is_missing(g, _numbers(g, indicator), indicator.missing_values, False)
    features = indicator.features_.tolist()
    return _made(g, g.cast(g.column(missing, features), g.dtype), len(features))


# --- categories ------------------------------------------------------------------------------


def _encoded_levels(encoder: Any, j: int) -> np.ndarray:
    """What a fitted encoder makes of an unknown level of a column, and of each of its levels."""
    levels = encoder.categories_[j]
    frame = pd.DataFrame(
        {
            k: pd.Series([known[0]] * (len(levels) + 1), dtype=known.dtype)
            for k, known in enumerate(encoder.categories_)
        }
    )
    unknown, takes_unknown = _unknown_level(encoder, levels)
    frame[j] = pd.Series([unknown, *levels], dtype=levels.dtype)
    known = getattr(encoder, "feature_names_in_", None)
    X = frame.to_numpy() if known is None else frame.set_axis(known, axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of unknown levels
        out = encoder.transform(X)
    out = out.toarray() if hasattr(out, "toarray") else np.asarray(out)
    if isinstance(encoder, OneHotEncoder):
        ends = np.cumsum([0, *widths_of_one_hot(encoder)])
        out = out[:, ends[j] : ends[j + 1]]
    else:
        width = out.shape[1] // len(encoder.categories_)
        out = out[:, j * width : (j + 1) * width]
    out = out.astype(float)
    if not takes_unknown:
        out[0] = 0.0 if isinstance(encoder, OneHotEncoder) else np.nan
    return out


def _unknown_level(encoder: Any, levels: np.ndarray) -> tuple[Any, bool]:
    """A value that is no level, and whether the encoder takes it; if not, one of the levels."""
    if getattr(encoder, "handle_unknown", "ignore") == "error" or levels.dtype.kind == "b":
        return levels[0], False
    if levels.dtype.kind in "iuf":
        numbers = levels[~np.isnan(levels.astype(float))]
        return (numbers.max() + 1 if len(numbers) else 0), True
    if all(isinstance(level, str) for level in levels if not pd.isna(level)):
        texts = [level for level in levels if isinstance(level, str)]
        return max(texts, key=len, default="") + "?", True
    return levels[0], False


def _encode_levels(g: Graph, encoder: Any) -> Output:
    """`OneHotEncoder`, `OrdinalEncoder` and `TargetEncoder`: a table of what becomes of levels."""
    table, parts, width = _columns(g, encoder), [], 0
    for j, levels in enumerate(encoder.categories_):
        rows = _encoded_levels(encoder, j)
        if rows.shape[1]:
            code = table.codes(j, levels.tolist())
            parts.append(_rows_of_codes(g, code, rows))
            width += rows.shape[1]
    return _made(g, g.side_by_side(parts), width)


def _rows_of_codes(g: Graph, code: str, rows: np.ndarray) -> str:
    """A row of a table for each code; where they are one-hot, the table is not written."""
    width = rows.shape[1]
    if width > 1 and ((rows == 0) | (rows == 1)).all() and (rows.sum(1) <= 1).all():
        places = np.where(rows.any(1), rows.argmax(1), -1)
        place = g.op("Gather", places, code)
        return g.cast(g.op("Equal", place, np.arange(width)[None]), g.dtype)
    return g.reshape(g.op("Gather", rows, code), [0, width])


# --- numbers ---------------------------------------------------------------------------------


def _power(g: Graph, transformer: Any) -> Output:
    """Box and Cox (1964), Yeo and Johnson (2000)."""
    d, x = g.in_double(), _numbers(g, transformer, FLOAT64)
    box_cox = transformer.method == "box-cox"
    columns = []
    for j, power in enumerate(transformer.lambdas_):
        column, power = d.column(x, j), float(power)
        if box_cox:
            columns.append(_box_cox(d, column, power))
            continue
        above = _box_cox(d, d.op("Add", d.op("Max", column, 0.0), 1.0), power)
        below = _box_cox(d, d.op("Add", d.op("Max", d.op("Neg", column), 0.0), 1.0), 2 - power)
        positive = d.op("GreaterOrEqual", column, 0.0)
        columns.append(d.op("Where", positive, above, d.op("Neg", below)))
    out = d.side_by_side(columns)
    if transformer.standardize:
        scaler = transformer._scaler
        out = d.op("Div", d.op("Sub", out, scaler.mean_[None]), scaler.scale_[None])
    out = d.op("Where", d.op("IsNaN", x), x, out)
    return _made(g, g.cast(out, g.dtype, FLOAT64), len(columns))


def _box_cox(d: Graph, x: str, power: float) -> str:
    if abs(power) < np.spacing(1.0):
        return d.op("Log", x)
    return d.op("Div", d.op("Sub", d.op("Pow", x, power), 1.0), power)


def _quantiles(g: Graph, transformer: Any) -> Output:
    d, x = g.in_double(), _numbers(g, transformer, FLOAT64)
    knots = transformer.quantiles_.T
    out = piecewise_linear(d, x, knots, transformer.references_)
    is_normal = transformer.output_distribution == "normal"
    low, high = knots[None, :, 0], knots[None, :, -1]
    if is_normal:
        # In the precision of the rows, as there: whole numbers are far apart for float32.
        own = np.float32 if all(part.dtype == np.float32 for part in g.inputs) else FLOAT64
        bound, rows = g.const(_BOUND, own), g.cast(x, own, FLOAT64)
        is_low = d.op("Less", d.cast(g.op("Sub", rows, bound), FLOAT64, own), low)
        is_high = d.op("Greater", d.cast(g.op("Add", rows, bound), FLOAT64, own), high)
    else:  # ends of equal quantiles are 0 and 1, and no mean of them
        is_low, is_high = d.op("LessOrEqual", x, low), d.op("GreaterOrEqual", x, high)
    out = d.op("Where", is_low, 0.0, d.op("Where", is_high, 1.0, out))
    if is_normal:
        edge = _BOUND - np.spacing(1.0)
        out = normal_quantile(d, d.op("Min", d.op("Max", out, edge), 1 - edge))
    out = d.op("Where", d.op("IsNaN", x), x, out)
    return _made(g, g.cast(out, g.dtype, FLOAT64), len(knots))


def _bins(g: Graph, binner: Any) -> Output:
    d, x = g.in_double(), _numbers(g, binner, FLOAT64)
    numbers = []
    for j, edges in enumerate(binner.bin_edges_):
        reached = d.op("GreaterOrEqual", d.column(x, j), np.asarray(edges, float)[None, 1:-1])
        numbers.append(d.reduce("Sum", d.cast(reached, INT64), 1))
    if binner.encode == "ordinal":
        return _made(g, g.cast(g.side_by_side(numbers), g.dtype), len(numbers))
    sizes = [int(n) for n in binner.n_bins_]
    parts = [_rows_of_codes(g, number, np.eye(n)) for number, n in zip(numbers, sizes)]
    return _made(g, g.side_by_side(parts), sum(sizes))


def _binarize(g: Graph, binarizer: Any) -> Output:
    above = g.op("Greater", _numbers(g, binarizer), float(binarizer.threshold))
    return _made(g, g.cast(above, g.dtype), binarizer.n_features_in_)


def _polynomials(g: Graph, transformer: Any) -> Output:
    """Products of as many columns as the degree, of which some are a column of ones."""
    x, powers = _numbers(g, transformer), transformer.powers_
    ones = g.op("Add", g.op("Mul", g.cast(g.op("IsNaN", g.column(x, 0)), g.dtype), 0.0), 1.0)
    x = g.side_by_side([ones, x])
    factors = [np.repeat(np.arange(1, len(row) + 1), row) for row in powers]
    degree = max(1, max(map(len, factors)))
    padded = np.array([np.pad(f, (degree - len(f), 0)) for f in factors])
    out = g.column(x, padded[:, -1].tolist())
    for places in padded.T[-2::-1]:
        out = g.op("Mul", g.column(x, places.tolist()), out)
    return _made(g, out, len(powers))


def _apply(g: Graph, transformer: Any) -> Output:
    name = getattr(transformer.func, "__name__", repr(transformer.func))
    function = None if transformer.kw_args else FUNCTIONS.get(transformer.func)
    if function is None:
        known = sorted(f.__name__ for f in FUNCTIONS if f is not None)
        raise Unsupported(f"the callable func={name} cannot be written; known are NumPy's {known}.")
    parts: Sequence[str] = [g.cast(x.name, g.dtype, x.dtype) for x in g.inputs]
    widths = [x.shape[1] if len(x.shape) == 2 else None for x in g.inputs]
    width = None if None in widths else sum(w for w in widths if w is not None)
    return Output(function(g, g.side_by_side(parts)), g.dtype, [None, width])


def _transformer(write: Any) -> Family:
    return Family({"transform": write}, ("transform",), of_rows)


FAMILIES: dict[type, Family] = {
    SimpleImputer: _transformer(_impute),
    MissingIndicator: _transformer(_indicate),
    OneHotEncoder: _transformer(_encode_levels),
    OrdinalEncoder: _transformer(_encode_levels),
    TargetEncoder: _transformer(_encode_levels),
    PowerTransformer: _transformer(_power),
    QuantileTransformer: _transformer(_quantiles),
    KBinsDiscretizer: _transformer(_bins),
    Binarizer: _transformer(_binarize),
    PolynomialFeatures: _transformer(_polynomials),
    FunctionTransformer: _transformer(_apply),
}
