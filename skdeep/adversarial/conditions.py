"""Conditions of synthetic rows: values of some columns, as positions among their modes."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
import torch
from pandas.api.types import is_list_like

from skdeep._checks import is_frame

ROWS_AT_A_TIME = 8192
_N_CANDIDATES = 32  # for each row some of whose columns are given


def read_conditions(
    conditions: Any, n_samples: int, modes: list, names: list, by_number: bool
) -> dict[int, tuple[Any, np.ndarray]]:
    """Check the conditions of `n_samples` rows.

    Parameters
    ----------
    conditions : mapping, DataFrame or None
        One value of a column for all rows, or one for each.
    n_samples : int
    modes : list of NumberModes or LevelModes
        Of all columns.
    names : list
        Of all columns.
    by_number : bool
        Whether an integer is the number of a column.

    Returns
    -------
    dict
        Number of a column -> (values, positions) of all rows.
    """
    if conditions is None:
        return {}
    if is_frame(conditions) and conditions.shape[1] == len(set(conditions.columns)):
        conditions = {name: conditions[name] for name in conditions.columns}
    if not isinstance(conditions, Mapping):
        raise ValueError(
            f"conditions={conditions!r}: expected a dict, or a DataFrame whose columns have "
            "different names."
        )
    given: dict[int, tuple[Any, np.ndarray]] = {}
    for name, value in conditions.items():
        j = _column_number(name, names, by_number)
        if j in given:
            raise ValueError(f"conditions: column {name!r} is given twice.")
        if is_list_like(value) and not isinstance(value, (set, frozenset, Mapping)):
            value = list(value)
            if len(value) != n_samples:
                raise ValueError(
                    f"conditions: column {name!r} has {len(value)} values for "
                    f"n_samples={n_samples}; expected one value, or one for each row."
                )
        else:
            value = [value] * n_samples
        given[j] = _values_and_positions(modes[j], name, value)
    return given


def draw_rows(
    generator: Any,
    n_samples: int,
    n_columns: int,
    given: dict[int, tuple[Any, np.ndarray]] | None,
    noise: torch.Generator,
) -> np.ndarray:
    """Sample rows as positions, in pieces; `given` is what `read_conditions` returned."""
    size = ROWS_AT_A_TIME if given is None else ROWS_AT_A_TIME // _N_CANDIDATES
    parts = []
    for start in range(0, n_samples, size):
        n = min(size, n_samples - start)
        if not given:
            parts.append(generator.sample(n, noise))
            continue
        known = torch.full((n, n_columns), torch.nan, device=noise.device)
        for j, (_, positions) in given.items():
            known[:, j] = torch.as_tensor(positions[start : start + n]).to(known.dtype)
        parts.append(generator.sample_given(known, _N_CANDIDATES, noise))
    return torch.cat(parts).double().cpu().numpy()


def _column_number(name: Any, names: list, by_number: bool) -> int:
    if by_number and isinstance(name, Integral):
        number = int(name)
        if not 0 <= number < len(names):
            raise ValueError(f"conditions: there is no column {name} among {len(names)}.")
        return number
    places = [j for j, known in enumerate(names) if _is_same(known, name)]
    if len(places) != 1:
        what = "there is no" if not places else f"there are {len(places)} of the"
        raise ValueError(f"conditions: {what} column {name!r}; the columns are {names}.")
    return places[0]


def _values_and_positions(modes: Any, name: Any, value: list) -> tuple[Any, np.ndarray]:
    try:
        if isinstance(modes.dtype, pd.CategoricalDtype):
            known = set(modes.dtype.categories)
            unknown = [v for v in value if not pd.isna(v) and v not in known]
            if unknown:
                raise ValueError(f"{unknown[0]!r} is none of its levels")
        values = pd.Series(value, dtype=object, name=name)
        positions = modes.encode(values)
        low, high = modes.out_of_range(values)
        if low is None:
            return modes.exactly(values), positions
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"conditions: column {name!r} cannot be that: {error}") from None
    raise ValueError(
        f"conditions: column {name!r} was between {low} and {high} in fit, so that "
        f"{value[0]!r} cannot be met."
    )


def _is_same(known: Any, name: Any) -> bool:
    try:
        return bool(known == name)
    except (TypeError, ValueError):
        return False
