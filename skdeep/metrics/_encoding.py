"""Columns of compared tables as codes, as points, and as inputs of boosted trees."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_hashable

from skdeep.metrics._unlike import LARGEST, as_tables, is_number
from skdeep.preprocessing.values import kind_of

_MISSING = "\0missing"
_N_BINS = 10  # of a number beside a category: Patki et al.'s SDMetrics, "ContingencySimilarity"


def is_float(table: pd.DataFrame, target: Any) -> bool:
    """Whether the target of a table is a column of floats."""
    (table,) = as_tables(test=table)
    if not is_hashable(target) or target not in table.columns:
        raise ValueError(
            f"target={target!r}: expected one of the columns, which are {list(table.columns)}."
        )
    return (kind_of(table[target]) or {}).get("name") in ("float", "decimal")


def texts(values: pd.Series) -> np.ndarray:
    """Texts of the levels of a column, one of them for missing values."""
    missing = values.isna().to_numpy()
    return np.where(missing, _MISSING, [str(v) for v in values.astype(object)])


def codes_of(real: pd.Series, made: pd.Series) -> Any:
    """Codes of the levels, or deciles, of a column, with one more for missing values."""
    if not is_number(real):
        codes = np.unique(np.concatenate([texts(real), texts(made)]), return_inverse=True)[1]
        return codes[: len(real)], codes[len(real) :]
    a, b = real.to_numpy(), made.to_numpy()
    if np.isnan(a).all():
        return np.isnan(a).astype(int), np.isnan(b).astype(int)
    edges = np.unique(np.nanquantile(a, np.linspace(0, 1, _N_BINS + 1)))[1:-1]
    return tuple(np.where(np.isnan(x), _N_BINS + 1, np.searchsorted(edges, x)) for x in (a, b))


def small(x: np.ndarray) -> tuple[np.ndarray, float]:
    """Numbers scaled so that their squares are finite, and the scale."""
    scale = np.abs(x).max(initial=0.0)
    scale = scale if scale > LARGEST else 1.0
    return x / scale, scale


def for_trees(*frames: pd.DataFrame) -> list[pd.DataFrame]:
    """Convert frames for boosted trees: numbers, and categories with shared levels."""
    out = [frame.copy() for frame in frames]
    for name in frames[0].columns:
        if is_number(frames[0][name]):
            continue
        levels = np.concatenate([texts(frame[name]) for frame in frames])
        codes = np.unique(levels, return_inverse=True)[1]
        frequent = pd.Series(codes).value_counts().index[:250]
        parts = np.split(codes, np.cumsum([len(frame) for frame in frames])[:-1])
        for frame, part in zip(out, parts):
            frame[name] = pd.Categorical(part, categories=frequent)
    for frame in out:
        frame.columns = [str(name) for name in frame.columns]
    return out


def drawn(frame: pd.DataFrame, max_rows: int, rng: np.random.RandomState) -> pd.DataFrame:
    """At most `max_rows` rows of a frame, drawn at random."""
    if len(frame) <= max_rows:
        return frame
    return frame.iloc[rng.permutation(len(frame))[:max_rows]].reset_index(drop=True)


def points_of(*frames: pd.DataFrame) -> list[np.ndarray]:
    """Convert rows to points: numbers standardised over real rows, categories one-hot."""
    real = pd.concat(frames[1:], ignore_index=True)
    parts: list[list[Any]] = [[] for _ in frames]
    for name in real.columns:
        if is_number(real[name]):
            known, scale = small(real[name].dropna().to_numpy())
            center, spread = (known.mean(), known.std()) if len(known) else (0.0, 1.0)
            for part, frame in zip(parts, frames):
                z = (frame[name].to_numpy()[:, None] / scale - center) / (spread or 1.0)
                z = np.clip(z, -LARGEST, LARGEST)
                missing = np.isnan(z)
                part.append(np.hstack([np.where(missing, 0.0, z), missing]))
        else:
            levels = np.unique(texts(real[name]))
            for part, frame in zip(parts, frames):
                part.append((texts(frame[name])[:, None] == levels).astype(float))
    return [np.hstack(part) for part in parts]
