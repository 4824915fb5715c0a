"""Reading of series: values, exogenous columns and index, and forecasts in the form of y."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from skdeep._checks import checked_array
from skdeep.forecast.clock import checked_index, following


@dataclass(frozen=True)
class Series:
    """One series in the order of time.

    Attributes
    ----------
    values : ndarray of shape (n_steps, n_channels)
    exog : ndarray of shape (n_steps, n_exog) or None
    index : DatetimeIndex, PeriodIndex, RangeIndex or None
        None where y was an array.
    names, exog_names : list of str or None
        Of the columns of y, if there are several, and of X; None where they have none.
    """

    values: np.ndarray
    exog: np.ndarray | None
    index: Any
    names: list[str] | None = None
    exog_names: list[str] | None = None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def n_exog(self) -> int:
        """Number of exogenous columns."""
        return 0 if self.exog is None else self.exog.shape[1]

    def __getitem__(self, steps: slice) -> Series:
        exog = None if self.exog is None else self.exog[steps]
        index = None if self.index is None else self.index[steps]
        return replace(self, values=self.values[steps], exog=exog, index=index)

    def end(self, n: int) -> Series:
        """The last n steps."""
        return self[max(0, len(self) - n) :]


def joined(first: Series, second: Series) -> Series:
    """One series of two, of which the second follows the first."""
    index = None
    if first.index is not None:
        index = first.index.append(following(first.index, len(second)))
    exog = None
    if first.exog is not None and second.exog is not None:
        exog = np.concatenate([first.exog, second.exog])
    values = np.concatenate([first.values, second.values])
    return replace(first, values=values, exog=exog, index=index)


@dataclass(frozen=True)
class Form:
    """What y was, for forecasts that look like it.

    Attributes
    ----------
    kind : {'array', 'series', 'frame'}
    is_flat : bool
        Whether it was 1-D.
    names : list
        The name of the Series or those of the columns.
    """

    kind: str
    is_flat: bool
    names: Any

    @classmethod
    def of(cls, y: Any) -> Form:
        if isinstance(y, pd.Series):
            return cls("series", True, [y.name])
        if isinstance(y, pd.DataFrame):
            return cls("frame", False, list(y.columns))
        return cls("array", np.ndim(y) == 1, None)

    def forecast(self, values: np.ndarray, index: Any) -> Any:
        """Values of shape (n_steps, n_channels), after `index` where there is one."""
        if self.kind == "series":
            return pd.Series(values[:, 0], index, name=self.names[0])
        if self.kind == "frame":
            return pd.DataFrame(values, index, columns=self.names)
        return values[:, 0] if self.is_flat else values

    def interval(self, values: np.ndarray, index: Any) -> Any:
        """Ends of intervals, of shape (n_steps, n_channels, 2)."""
        if self.kind == "series":
            return pd.DataFrame(values[:, 0], index, columns=["lower", "upper"])
        if self.kind == "frame":
            columns = pd.MultiIndex.from_product([self.names, ["lower", "upper"]])
            return pd.DataFrame(values.reshape(len(values), -1), index, columns=columns)
        return values[:, 0] if self.is_flat else values


def is_list(y: Any) -> bool:
    """Whether y is several series: a list or tuple whose first entry is no number."""
    return isinstance(y, (list, tuple)) and len(y) > 0 and np.ndim(y[0]) > 0


def read_all(y: Any, X: Any, name: str = "y") -> list[Series]:
    """Check one or several series.

    Parameters
    ----------
    y : array-like, Series, DataFrame or a list of them
    X : of the same kind, or None
    name : str, default='y'
        Of y, for errors.

    Returns
    -------
    list of Series
    """
    if not is_list(y):
        return [read_one(y, X, name)]
    if X is not None and (not isinstance(X, (list, tuple)) or len(X) != len(y)):
        raise ValueError(
            f"{name} is a list of {len(y)} series: expected X to be a list of as many, got "
            f"{_described(X)}."
        )
    found: list[Series] = []
    for i, one in enumerate(y):
        like = found[0] if found else None
        series = read_one(one, None if X is None else X[i], f"{name}[{i}]", like, f"{name}[0]")
        if found and series.values.shape[1] != found[0].values.shape[1]:
            raise ValueError(
                f"{name}[{i}] has {series.values.shape[1]} channels, but {name}[0] has "
                f"{found[0].values.shape[1]}: one model is fitted on all of them."
            )
        if found and type(series.index) is not type(found[0].index):
            raise ValueError(
                f"{name}[{i}] has {_index_name(series.index)}, but {name}[0] has "
                f"{_index_name(found[0].index)}."
            )
        found.append(series)
    return found


def _index_name(index):
    return "no index" if index is None else f"a {type(index).__name__}"


def _described(X):
    if isinstance(X, (list, tuple)):
        return f"{len(X)} entries"
    return f"a {type(X).__name__}"


def read_one(
    y: Any, X: Any = None, name: str = "y", like: Series | None = None, other: str = "y"
) -> Series:
    """Check one series and its exogenous columns.

    Parameters
    ----------
    y : array-like, Series or DataFrame
    X : of the same kind, or None
    name : str, default='y'
        Of y, for errors.
    like : Series or None
        Another series, which has the same columns in the same order, and the same frequency.
    other : str, default='y'
        Its name.

    Returns
    -------
    Series
    """
    values, index, names = _numbers(y, name), None, names_of(y)
    names = names if values.shape[1] > 1 else None
    if like is not None:
        check_names(names, like.names, name)
    if isinstance(y, (pd.Series, pd.DataFrame)):
        index = checked_index(y.index, name, None if like is None else like.index, other)
    if X is None:
        return Series(values, None, index, names)
    exog = read_exog(X, "X" + name[1:])
    if len(exog) != len(values):
        raise ValueError(
            f"X{name[1:]} has {len(exog)} rows, but {name} has {len(values)}: expected one row for "
            "each step."
        )
    if index is not None and isinstance(X, (pd.Series, pd.DataFrame)):
        _check_same(X.index, index, "X" + name[1:], name)
    exog_names = names_of(X)
    if like is not None:
        check_names(exog_names, like.exog_names, "X" if name == "context" else "X" + name[1:])
    return Series(values, exog, index, names, exog_names)


def names_of(X: Any) -> list[str] | None:
    """Names of the columns of a frame, if they are texts: as scikit-learn, of others it knows
    none."""
    names = list(getattr(X, "columns", []))
    return names if names and all(isinstance(name, str) for name in names) else None


def check_names(given: list[str] | None, known: list[str] | None, name: str) -> None:
    """Raise if columns have other names, or another order, than those known; None is no names."""
    if given is not None and known is not None and given != known:
        raise ValueError(
            f"The columns of {name} are {given}, but Forecaster was fitted with {known}: expected "
            "the same columns in the same order."
        )


def read_exog(X: Any, name: str = "X") -> np.ndarray:
    """Exogenous columns as numbers, (n_steps, n_exog)."""
    return _numbers(X, name)


def _numbers(y, name):
    if isinstance(y, pd.Series):
        y = y.to_frame()
    flat = not hasattr(y, "columns") and np.ndim(y) < 2
    options: dict[str, Any] = {"ensure_2d": not flat, "dtype": np.float64, "ensure_min_samples": 1}
    try:
        values = checked_array(y, name, **options)
    except ValueError as error:
        if "NaN" not in str(error):
            raise
        raise ValueError(
            f"Input {name} contains NaN. Forecaster does not accept missing values: fill them, "
            f"with {name}.interpolate() of pandas for example."
        ) from None
    if values.ndim == 0:
        raise ValueError(f"{name}={y!r}: expected a series of numbers, got a single one.")
    return values.reshape(len(values), -1)


def _check_same(given, wanted, name, other):
    if isinstance(wanted, pd.RangeIndex) and not isinstance(given, type(wanted)):
        given = pd.Index(given)
    if len(given) != len(wanted) or not (given == wanted).all():
        raise ValueError(
            f"The index of {name} ({given[0]} to {given[-1]}) is not that of {other} "
            f"({wanted[0]} to {wanted[-1]})."
        )


def read_future(X: Any, n: int, index: Any, like: Series) -> np.ndarray:
    """Exogenous columns of the steps to come.

    Parameters
    ----------
    X : array-like of shape (n, n_exog)
    n : int
        Number of steps to come.
    index : index or None
        Of the steps until now.
    like : Series
        One of `fit`, with its exogenous columns.

    Returns
    -------
    ndarray of shape (n, n_exog)
    """
    n_exog = like.n_exog
    if X is None:
        raise ValueError(
            f"This Forecaster was fitted with {n_exog} exogenous columns that are known in the "
            f"future: expected X of {n} rows, one for each step to come."
        )
    exog = read_exog(X)
    if len(exog) != n:
        raise ValueError(f"X has {len(exog)} rows: expected {n}, one for each step of the horizon.")
    if exog.shape[1] != n_exog:
        raise ValueError(f"X has {exog.shape[1]} columns, but Forecaster was fitted with {n_exog}.")
    check_names(names_of(X), like.exog_names, "X")
    if index is not None and isinstance(X, (pd.Series, pd.DataFrame)):
        _check_same(X.index, following(index, n), "X", "the steps to come")
    return exog
