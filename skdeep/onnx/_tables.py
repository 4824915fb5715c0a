"""Mixed tables: what `TabularEncoder` makes of numbers, texts, booleans and missing values."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Number
from typing import Any, NamedTuple

import numpy as np

from skdeep.onnx._curves import normal_quantile, piecewise_linear
from skdeep.onnx._family import Family, single
from skdeep.onnx._graph import ML, Graph, Input, Output, Unsupported
from skdeep.onnx._types import STRING
from skdeep.preprocessing import TabularEncoder
from skdeep.preprocessing.levels import levels_in
from skdeep.preprocessing.tabular import EDGE, FARTHEST

FLOAT32, FLOAT64, INT64 = np.float32, np.float64, np.int64


class Encoded(NamedTuple):
    """An encoded table.

    Attributes
    ----------
    numeric, plain : str or None
        float32, of shape (n_samples, n_columns).
    codes : str or None
        int64, of shape (n_samples, n_columns).
    """

    numeric: str | None
    plain: str | None
    codes: str | None


def encoded(g: Graph, encoder: Any) -> Encoded:
    """The inputs of a graph as a fitted `TabularEncoder` encodes them."""
    table = Columns(g, encoder._names)
    n, n_scaled = encoder.n_numeric_, len(encoder._many) + len(encoder._two)
    numeric, plain = None, []
    if n_scaled:
        raw, at = table.numbers(encoder._many + encoder._two), 0
        if encoder._quantiles is not None:
            numeric = _normal_scores(g, g.part(raw, 0, n) if n < n_scaled else raw, encoder)
            raw, at = g.part(raw, n, n_scaled) if n < n_scaled else "", n
        if at < n_scaled:
            center, scale = (v[at:n_scaled] for v in (encoder._center, encoder._scale))
            scaled = _scaled(g, raw, center, scale)
            if at < n:
                numeric = g.part(scaled, 0, n) if n < n_scaled else scaled
            if n < n_scaled:
                plain.append(g.part(scaled, n, n_scaled) if at < n else scaled)
    values = _values_of_plain(encoder)
    if encoder._with_gaps:
        gaps = len(encoder._with_gaps)
        is_missing = g.op("IsNaN", table.numbers(encoder._with_gaps))
        there, missing = (g.const(values[i][None, :gaps], FLOAT32) for i in (0, 1))
        plain.append(g.op("Where", is_missing, missing, there))
        values = values[:, gaps:]
    for j in encoder._one_hot:
        n_levels = len(levels_of(encoder, j))
        code, width = table.codes(j, levels_of(encoder, j)), 1 if n_levels == 2 else n_levels
        plain.append(_one_hot(g, code, n_levels, values[:, :width]))
        values = values[:, width:]
    codes = [table.codes(j, levels_of(encoder, j)) for j in encoder._numbered]
    if not (numeric or plain or codes):
        plain = [table.zeros()]
    return Encoded(
        numeric,
        g.side_by_side(plain) if plain else None,
        g.side_by_side(codes) if codes else None,
    )


def _values_of_plain(encoder: Any) -> np.ndarray:
    """What 0, 1 and -1 become in the columns of indicators and one-hot codes, (3, n_columns)."""
    start = len(encoder._many) + len(encoder._two)
    center, scale = encoder._center[start:], encoder._scale[start:]
    out = (np.array([[0.0], [1.0], [-1.0]]) - center) * scale
    return out / np.sqrt(1 + np.square(out / 3))


def _one_hot(g: Graph, code: str, n_levels: int, values: np.ndarray) -> str:
    """The columns of a category whose codes are 0 where missing or unknown, float32."""
    zero, one = (g.const(row[None], FLOAT32) for row in values[:2])
    if n_levels == 2:
        first = g.op("Where", g.op("Equal", code, 1), g.const(values[2:], FLOAT32), zero)
        return g.op("Where", g.op("Equal", code, 2), one, first)
    return g.op("Where", g.op("Equal", code, np.arange(1, n_levels + 1)[None]), one, zero)


def _scaled(g: Graph, raw: str, center: np.ndarray, scale: np.ndarray) -> str:
    """Centred, scaled and smoothly clipped numbers, 0 where missing."""
    d = g.in_double()
    x = d.op("Mul", d.op("Sub", raw, center[None]), scale[None])
    x = d.op("Min", d.op("Max", x, -FARTHEST), FARTHEST)
    third = d.op("Div", x, 3.0)
    x = d.op("Div", x, d.op("Sqrt", d.op("Add", d.op("Mul", third, third), 1.0)))
    return _known(g, raw, x)


def _normal_scores(g: Graph, raw: str, encoder: Any) -> str:
    d = g.in_double()
    share = piecewise_linear(d, raw, encoder._quantiles.T, encoder._levels_of_quantiles)
    share = d.op("Min", d.op("Max", share, EDGE), 1 - EDGE)
    return _known(g, raw, normal_quantile(d, share))


def _known(g: Graph, raw: str, x: str) -> str:
    """float64 as float32, 0 where the raw number is missing."""
    return g.op("Where", g.op("IsNaN", raw), g.const(0.0, FLOAT32), g.cast(x, FLOAT32))


class Columns:
    """The inputs of a graph as the columns of a table.

    Parameters
    ----------
    g : Graph
    names : sequence of str
        Of the columns, for messages.
    """

    def __init__(self, g: Graph, names: Sequence[Any]) -> None:
        self.g, self.names = g, [str(name) for name in names]
        self.places: list[tuple[Input, int]] = []
        for x in g.inputs:
            if len(x.shape) != 2 or x.shape[1] is None:
                raise Unsupported(
                    f"a table of {len(names)} columns is expected, and not a tensor of the shape "
                    f"{x.shape}."
                )
            self.places += [(x, j) for j in range(x.shape[1])]
        if len(self.places) != len(names):
            raise Unsupported(
                f"a table of {len(names)} columns is expected, and not one of {len(self.places)}."
            )

    def numbers(self, columns: Sequence[int], dtype: Any = FLOAT64) -> str:
        """Columns of numbers side by side, (n_samples, n_columns); NaN where missing."""
        g, runs = self.g, list[tuple[Input, list[int]]]()
        for j in columns:
            x, place = self.places[j]
            if x.dtype == STRING:
                raise Unsupported(
                    f"column {self.names[j]!r} is not numeric here, but it was in fit: give X with "
                    "numbers, NaN where they are missing."
                )
            if runs and runs[-1][0] is x:
                runs[-1][1].append(place)
            else:
                runs.append((x, [place]))
        kinds: list[tuple[np.dtype, list[str]]] = []
        for x, chosen in runs:
            name = x.name if chosen == list(range(x.shape[1] or 0)) else g.column(x.name, chosen)
            if kinds and kinds[-1][0] == x.dtype:
                kinds[-1][1].append(name)
            else:
                kinds.append((x.dtype, [name]))
        return g.side_by_side(
            [g.cast(g.side_by_side(names), dtype, known) for known, names in kinds]
        )

    def codes(self, j: int, levels: Sequence[Any]) -> str:
        """The number of a level from 1 on, 0 where unknown: int64, (n_samples, 1)."""
        g, (x, place) = self.g, self.places[j]
        name = x.name if x.shape[1] == 1 else g.column(x.name, place)
        if x.dtype == STRING:
            keys = [str(level) for level in levels]
            if len(set(keys)) < len(keys):
                twice = next(key for i, key in enumerate(keys) if key in keys[:i])
                raise Unsupported(
                    f"column {self.names[j]!r} has several levels that are {twice!r} as texts: "
                    "give it one type, in fit and here."
                )
            return self._looked_up(name, keys_strings=keys)
        if not all(isinstance(level, (Number, np.bool_)) for level in levels if level is not None):
            raise Unsupported(
                f"column {self.names[j]!r} held {levels[0]!r} and the like in fit, but here it is "
                f"of the type {x.dtype.name}: give X with the column as it was in fit."
            )
        known = np.array([np.nan if level is None else float(level) for level in levels])
        if x.dtype.kind in "iub" and all(float(v).is_integer() for v in known):
            whole = g.cast(name, INT64, x.dtype)
            return self._looked_up(whole, keys_int64s=[int(level) for level in levels])
        value = g.cast(name, FLOAT64, x.dtype)
        is_it = g.cast(g.op("Equal", value, g.const(known[None], FLOAT64)), INT64)
        numbers = g.const(np.arange(1, len(levels) + 1)[None], INT64)
        code = g.reduce("Sum", g.op("Mul", is_it, numbers), 1)
        missing = np.flatnonzero(np.isnan(known))
        if not len(missing):
            return code
        return g.op("Where", g.op("IsNaN", value), int(missing[0]) + 1, code)

    def _looked_up(self, x: str, **keys: Any) -> str:
        (values,) = keys.values()
        numbers = list(range(1, len(values) + 1))
        return self.g.op(
            "LabelEncoder", x, domain=ML, values_int64s=numbers, default_int64=0, **keys
        )

    def zeros(self) -> str:
        """A column of zeros."""
        n = self.g.op("Shape", self.places[0][0].name, start=0, end=1)
        shape = self.g.op("Concat", n, [1], axis=0)
        return self.g.op("Expand", self.g.const([[0.0]], FLOAT32), shape)


def levels_of(encoder: Any, j: int) -> list[Any]:
    """The levels of a column of a fitted encoder, in the order of their numbers."""
    return levels_in(encoder._levels[j])


def transform(g: Graph, encoder: Any) -> Output:
    found = encoded(g, encoder)
    codes = None if found.codes is None else g.cast(found.codes, FLOAT32)
    parts = [part for part in (found.numeric, found.plain, codes) if part is not None]
    width = len(encoder.get_feature_names_out())
    return Output(g.side_by_side(parts), FLOAT32, [None, width])


FAMILIES: dict[type, Family] = {
    TabularEncoder: Family({"transform": transform}, ("transform",), single)
}
