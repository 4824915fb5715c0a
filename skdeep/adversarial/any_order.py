"""Uses of a generator that predicts any columns of a row from any others."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skdeep.adversarial.base import DeepGenerator, noise_for
from skdeep.adversarial.conditions import ROWS_AT_A_TIME, column_number
from skdeep.adversarial.table_rows import joined, layout_of, positions_of, to_layout


def _takes_any_order(gan: Any) -> bool:
    """Whether columns are predicted from any others; raises where not, with the reason."""
    if gan.order != "random":
        raise AttributeError(f"It needs order='random', but order={gan.order!r}.")
    return True


class AnyColumns(DeepGenerator):
    """Methods of a generator of rows that predicts any columns from any others."""

    order: str
    modes_: list[Any]
    column_names_: list[Any]
    _layout: Any

    @available_if(_takes_any_order)
    def impute(
        self,
        X: Any,
        *,
        sample_posterior: bool = False,
        random_state: int | np.random.RandomState | None = None,
    ) -> Any:
        """Fill the missing values of rows; see also `TabularImputer`.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows as in `fit`, with missing values in any columns.

        sample_posterior : bool, default=False
            Whether to draw the values, all of a row together. Otherwise a number is the mean, and
            a level the most probable one, given the row's other cells.

        random_state : int, RandomState instance or None, default=None
            Seed of the draws; see `sample`.

        Returns
        -------
        X : DataFrame or ndarray of shape (n_samples, n_features)
            The rows without missing values.

        Raises
        ------
        ValueError
            If a column to fill was missing in all rows of `fit`, or there is a level that `fit`
            did not see.
        """
        check_is_fitted(self)
        columns, names = joined(self, X, None, reset=False)
        noise = noise_for(self, random_state) if sample_posterior else None
        made = imputed(self, columns, noise)
        layout = layout_of(X, [as_series(a) for a in made])
        return to_layout(made, names, layout)

    @available_if(_takes_any_order)
    def predict_proba(self, X: Any, column: Any = None) -> pd.DataFrame:
        """Predict the probability of each value of a column from the others.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows as in `fit`; what they have in `column` does not count. Missing values in columns
            that had none in `fit` are unknown, elsewhere they are values of their own.

        column : str or int, default=None
            Name of a column (of an array: its number). None is the last one: y, if `fit` had one.

        Returns
        -------
        probabilities : DataFrame of shape (n_samples, n_values)
            Its columns are named by the values: levels, numbers, or `pandas.Interval` of numbers
            that are not learned one by one; given that the value is not missing.

        Raises
        ------
        ValueError
            If there is no such column, or it was missing in all rows of `fit`.
        """
        check_is_fitted(self)
        j = len(self.column_names_) - 1
        if column is not None:
            by_number = isinstance(self._layout, np.dtype)
            j = column_number(column, self.column_names_, by_number, "column")
        columns, _ = joined(self, X, None, reset=False)
        return value_probabilities(self, columns, j)


def in_parts(function: Any, known: np.ndarray, like: torch.Tensor) -> np.ndarray:
    """Results of a function of rows of positions, which is called with parts of the rows."""
    x = torch.as_tensor(known, dtype=like.dtype, device=like.device)
    with torch.no_grad():
        parts = [function(part) for part in x.split(ROWS_AT_A_TIME)]
    return torch.cat(parts).double().cpu().numpy()


def imputed(estimator: Any, columns: list[pd.Series], noise: torch.Generator | None) -> list:
    """Columns of X with their missing values filled, as arrays of the types of `fit`.

    Parameters
    ----------
    estimator : TabularGAN
    columns : list of Series
    noise : torch.Generator or None
        Of draws; None for means and the most probable levels.
    """
    modes, generator = estimator.modes_, estimator.net_.module_.generator
    own = modes[: len(columns)]
    gaps = [c.isna().to_numpy(dtype=bool) for c in columns]
    for name, m, gap in zip(estimator.column_names_, own, gaps):
        if gap.any() and len(m) == m.has_missing:
            raise ValueError(
                f"Column {name!r} was missing in all rows of fit, so that there is nothing to "
                "impute it with: leave it out."
            )
    known = np.full((len(columns[0]), len(modes)), np.nan)
    known[:, : len(columns)] = positions_of(own, columns, "missing")
    given = [_exactly(m, c) for m, c in zip(own, columns)]
    out: list[Any] = [a if not g.any() else None for a, g in zip(given, gaps)]
    if noise is not None:
        drawn = in_parts(
            lambda part: generator.sample_given(part, {}, 1, noise, without_missing=True),
            known,
            estimator.net_.parameter,
        )
    for j, (m, gap) in enumerate(zip(own, gaps)):
        if out[j] is not None:
            continue
        if noise is not None:
            values = m.decode(drawn[gap, j])
        else:
            p = in_parts(
                functools.partial(generator.mode_probabilities, j),
                known[gap],
                estimator.net_.parameter,
            )
            values = expected_values(m, p)
        column = as_series(given[j])
        column[gap] = as_series(values).set_axis(np.flatnonzero(gap))
        out[j] = column.array
    return out


def _exactly(modes: Any, column: pd.Series) -> Any:
    try:
        return modes.exactly(column)
    except ValueError as error:
        raise ValueError(f"Column {column.name!r} has another type than in fit: {error}.") from None


def as_series(values: Any) -> pd.Series:
    """A Series of the type of an array: pandas would make text of objects."""
    return pd.Series(values, dtype=values.dtype)


def value_probabilities(estimator: Any, columns: list[pd.Series], j: int) -> pd.DataFrame:
    """Probabilities of the values of column number j from the others; see `predict_proba`."""
    modes, generator = estimator.modes_, estimator.net_.module_.generator
    m, name = modes[j], estimator.column_names_[j]
    if len(m) == m.has_missing:
        raise ValueError(f"Column {name!r} was missing in all rows of fit: it has no values.")
    known = np.full((len(columns[0]), len(modes)), np.nan)
    others = [i for i in range(len(columns)) if i != j]
    if others:
        known[:, others] = positions_of(
            [modes[i] for i in others], [columns[i] for i in others], "unexpected"
        )
    predict = functools.partial(generator.mode_probabilities, j)
    share = level_probabilities(m, in_parts(predict, known, estimator.net_.parameter))
    return pd.DataFrame(share, columns=pd.Index(_values(m), tupleize_cols=False))


def _values(modes: Any) -> list:
    """Levels, numbers, or intervals of numbers, one for each probability."""
    if not modes.is_number:
        return [*modes.levels, *modes.pooled]
    ends = (modes.from_numbers(modes.grid[:, place]) for place in (0, -1))
    return [
        low if low == high else pd.Interval(low, high, closed="both") for low, high in zip(*ends)
    ]


def expected_values(modes: Any, probabilities: np.ndarray) -> Any:
    """Mean of numbers, or most probable level, from the probabilities of modes.

    A missing value is none: the probabilities of the others are divided by their sum.
    """
    if not modes.is_number:
        share = level_probabilities(modes, probabilities)
        levels = pd.Series([*modes.levels, *modes.pooled], dtype=object)
        return modes.exactly(levels.iloc[share.argmax(1)])
    known = level_probabilities(modes, probabilities)
    middles = (modes.grid[:, 1:] / 2 + modes.grid[:, :-1] / 2).mean(1)
    mean = known @ middles
    return mean if getattr(modes.dtype, "kind", "O") == "f" else modes.from_numbers(mean)


def level_probabilities(modes: Any, probabilities: np.ndarray) -> np.ndarray:
    """Probability of each value of a column with levels, or with a mode for each number, given
    that it is not missing, (n_samples, n_levels)."""
    known = probabilities[:, : len(modes) - modes.has_missing]
    if not modes.is_number and modes.pooled:
        share = np.diff(modes.pool_share, prepend=0.0)
        known = np.hstack([known[:, :-1], known[:, -1:] * share])
    return known / known.sum(1, keepdims=True)
