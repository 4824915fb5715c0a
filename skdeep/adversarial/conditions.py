"""Conditions of synthetic rows: values of some columns, as positions among their modes."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
import torch
from pandas.api.types import is_list_like
from torch import Tensor

from skdeep._checks import is_frame
from skdeep.nets.modes import Pieces, whole_modes
from skdeep.nets.tabular_gan import AnyOrderGenerator
from skdeep.preprocessing.pieces import Allowed, interval_pieces, value_pieces

ROWS_AT_A_TIME = 8192
_N_CANDIDATES = 32  # for each row some of whose columns are given
_PILOT, _FREQUENT = 2048, 0.02  # conditions that at least this share of synthetic rows meets
_CONTRADICTION = 1e-3  # times as probable as if columns were independent
_COMPARED = 256  # rows of different conditions


@dataclass
class Conditions:
    """What is known of the columns of rows that are to be sampled.

    Attributes
    ----------
    given : dict of int to (values, positions)
        Columns whose value is given, one for each row.
    allowed : dict of int to Allowed
        Columns that are restricted to an interval or a set.
    """

    given: dict[int, tuple[Any, np.ndarray]] = field(default_factory=dict)
    allowed: dict[int, Allowed] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.given or self.allowed)

    def known(self, rows: slice, n_columns: int) -> np.ndarray:
        """Positions of the given columns of some rows, NaN elsewhere."""
        n = rows.stop - rows.start
        known = np.full((n, n_columns), np.nan)
        for j, (_, positions) in self.given.items():
            known[:, j] = positions[rows]
        return known

    def pieces(self, device: Any) -> dict[int, Pieces]:
        """The restrictions as tensors."""
        return {
            j: Pieces(
                torch.as_tensor(a.modes, device=device),
                *(
                    torch.as_tensor(x, dtype=torch.float64, device=device)
                    for x in (a.low, a.high, np.log(a.share))
                ),
            )
            for j, a in self.allowed.items()
        }

    def in_common(
        self, columns: Sequence[dict[str, Any]], pieces: dict[int, Pieces], device: torch.device
    ) -> dict[int, Pieces] | None:
        """The conditions as restrictions that are the same for all rows; None if there are none, or
        they allow single numbers, which rows without conditions hardly ever have.

        Parameters
        ----------
        columns : list of dict
            See `skdeep.nets.modes.ModeFeatures`.
        pieces : dict of int to Pieces
        device : torch.device
        """
        common = dict(pieces)
        for j, (_, positions) in self.given.items():
            modes = np.unique(positions.astype(int))
            if columns[j]["edges"] is not None or len(modes) > 1:
                return None
            common[j] = whole_modes(modes, device)
        return common if common and all(p.have_widths() for p in common.values()) else None


def read_conditions(
    conditions: Any, n_samples: int, modes: list, names: list, by_number: bool
) -> Conditions:
    """Check the conditions of `n_samples` rows.

    Parameters
    ----------
    conditions : mapping, DataFrame or None
        Of a column one value for all rows, or one for each, an interval or a set.
    n_samples : int
    modes : list of NumberModes or LevelModes
        Of all columns.
    names : list
        Of all columns.
    by_number : bool
        Whether an integer is the number of a column.
    """
    out = Conditions()
    if conditions is None:
        return out
    if is_frame(conditions) and conditions.shape[1] == len(set(conditions.columns)):
        conditions = {name: conditions[name] for name in conditions.columns}
    if not isinstance(conditions, Mapping):
        raise ValueError(
            f"conditions={conditions!r}: expected a dict, or a DataFrame whose columns have "
            "different names."
        )
    for name, value in conditions.items():
        j = column_number(name, names, by_number)
        if j in out.given or j in out.allowed:
            raise ValueError(f"conditions: column {name!r} is given twice.")
        if isinstance(value, (set, frozenset, slice, pd.Interval)):
            out.allowed[j] = _allowed(modes[j], name, value)
            continue
        if is_list_like(value) and not isinstance(value, Mapping):
            value = list(value)
            if len(value) != n_samples:
                raise ValueError(
                    f"conditions: column {name!r} has {len(value)} values for "
                    f"n_samples={n_samples}; expected one value, one for each row, a set, or an "
                    "interval (a slice or a pandas.Interval)."
                )
        else:
            value = [value] * n_samples
        out.given[j] = _values_and_positions(modes[j], name, value)
    return out


def draw_rows(
    generator: Any,
    n_samples: int,
    n_columns: int,
    conditions: Conditions,
    noise: torch.Generator,
) -> np.ndarray:
    """Sample rows as positions, in pieces.

    With any order, rows that meet frequent conditions are chosen from rows that are sampled without
    any: each column then follows from those before it, as it was learned most often.
    """
    size = ROWS_AT_A_TIME // _N_CANDIDATES if conditions else ROWS_AT_A_TIME
    pieces = conditions.pieces(noise.device)
    if isinstance(generator, AnyOrderGenerator):
        common = conditions.in_common(generator.features.columns, pieces, noise.device)
        chosen = None if common is None else _chosen_rows(generator, n_samples, common, noise)
        if chosen is not None:
            return chosen.double().cpu().numpy()
    parts = []
    for start in range(0, n_samples, size):
        n = min(size, n_samples - start)
        if not conditions:
            parts.append(generator.sample(n, noise))
            continue
        given = conditions.known(slice(start, start + n), n_columns)
        known = torch.as_tensor(given, dtype=torch.float32, device=noise.device)
        parts.append(generator.sample_given(known, pieces, _N_CANDIDATES, noise))
    return torch.cat(parts).double().cpu().numpy()


def _chosen_rows(
    generator: Any, n_samples: int, pieces: Mapping[int, Pieces], noise: torch.Generator
) -> Tensor | None:
    """Rows that meet restrictions out of rows without any; None if too few do."""
    parts: list[Tensor] = []
    n_drawn = n_chosen = 0
    while n_chosen < n_samples:
        wanted = (n_samples - n_chosen) * n_drawn // max(n_chosen, 1)
        rows = generator.sample(min(max(_PILOT, wanted), ROWS_AT_A_TIME), noise)
        meet = torch.stack([piece.hold(rows[:, j]) for j, piece in pieces.items()]).all(0)
        parts.append(rows[meet])
        n_drawn, n_chosen = n_drawn + len(rows), n_chosen + len(parts[-1])
        if n_chosen < _FREQUENT * n_drawn:
            return None
    return torch.cat(parts)[:n_samples]


def warn_of_contradiction(
    generator: AnyOrderGenerator, n_columns: int, conditions: Conditions, noise: torch.Generator
) -> None:
    """Warn if a row's conditions hardly ever occur together, though each may alone."""
    n_samples = max((len(p) for _, p in conditions.given.values()), default=1)
    given = np.unique(conditions.known(slice(0, n_samples), n_columns), axis=0)[:_COMPARED]
    known = torch.as_tensor(given, dtype=torch.float32)
    pieces = conditions.pieces(noise.device)
    lift = generator.log_lift(known.to(noise.device), pieces, _N_CANDIDATES, noise)
    if float(lift.min()) < math.log(_CONTRADICTION):
        warnings.warn(
            "Conditions contradict each other: together they occur, as the generator has learned, "
            f"less than {_CONTRADICTION:g} times as often as if columns were independent, so that "
            "the other columns are extrapolated.",
            stacklevel=3,
        )


def _allowed(modes: Any, name: Any, value: Any) -> Allowed:
    """Pieces of the modes of a column that an interval or a set allows."""
    try:
        if isinstance(value, slice):
            if value.step is not None:
                raise ValueError("a step is not supported")
            return interval_pieces(modes, value.start, value.stop, "both", name)
        if isinstance(value, pd.Interval):
            return interval_pieces(modes, value.left, value.right, value.closed, name)
        if not value:
            raise ValueError("the set is empty")
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"conditions: column {name!r} cannot be {value!r}: {error}.") from None
    values = sorted(value, key=repr)  # the order of a set of texts differs between processes
    _values_and_positions(modes, name, values)  # for its errors
    return value_pieces(modes, pd.Series(values, dtype=object, name=name))


def column_number(name: Any, names: list, by_number: bool, caller: str = "conditions") -> int:
    """Number of the column of a name, or of a number if columns have no names."""
    if by_number and isinstance(name, Integral):
        number = int(name)
        if not 0 <= number < len(names):
            raise ValueError(f"{caller}: there is no column {name} among {len(names)}.")
        return number
    places = [j for j, known in enumerate(names) if _is_same(known, name)]
    if len(places) != 1:
        what = "there is no" if not places else f"there are {len(places)} of the"
        raise ValueError(f"{caller}: {what} column {name!r}; the columns are {names}.")
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
