"""Reading of mixed tables, and the rows that each member is trained and validated on."""

from __future__ import annotations

import functools
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.utils import InputTags, check_consistent_length
from sklearn.utils.validation import validate_data

from skdeep.base.learning import Plan
from skdeep.data.split import FULL_BATCH_ROWS, Split, split_rows
from skdeep.engine.device import resolve_dtype
from skdeep.inputs.rows import RowInput, Rows, check_target
from skdeep.preprocessing.columns import check_table

_SPARE = 0.95  # of the time for a training that another one is to follow: clocks are not exact
_SHORTEST = 1e-3  # seconds


@dataclass(frozen=True)
class TableRows:
    """Rows of a checked table that is not encoded yet.

    Attributes
    ----------
    table : pandas.DataFrame or ndarray of shape (n_samples, n_features)
    """

    table: Any

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and of columns."""
        return self.table.shape

    def __getitem__(self, rows: np.ndarray) -> TableRows:
        table = self.table
        return TableRows(table.iloc[rows] if isinstance(table, pd.DataFrame) else table[rows])

    def __len__(self) -> int:
        return len(self.table)

    @property
    def is_single(self) -> bool:
        """Whether all columns are of single precision."""
        table = self.table
        types = list(table.dtypes) if isinstance(table, pd.DataFrame) else [table.dtype]
        return all(t == np.float32 for t in types)


@dataclass(frozen=True)
class TableInput(RowInput):
    """Reader of mixed tables.

    In `fit` rows are only checked: the encoder is fitted on rows of positive weight. Later rows are
    encoded by the estimator's `encoder_` when they are checked.

    Attributes
    ----------
    categorical_features : 'from_dtype', array-like or None
    """

    categorical_features: Any = "from_dtype"

    def check(self, estimator: Any, X: Any, *, reset: bool = False) -> np.ndarray:
        """Check and encode rows."""
        return estimator.encoder_.encode(self._table(estimator, X, reset))

    def check_with_target(
        self, estimator: Any, X: Any, y: Any, *, reset: bool
    ) -> tuple[TableRows, np.ndarray]:
        """Check rows, without encoding, and targets of a fitting method."""
        if y is None:
            validate_data(estimator, "no_validation", y)  # for its error
        y = check_target(estimator, y, name="y" if reset else "y_val")
        rows = TableRows(self._table(estimator, X, reset))
        check_consistent_length(np.empty((len(rows), 0)), y)
        return rows, y

    def precision(self, dtype: str | None, X: Any, device: torch.device) -> torch.dtype:
        """Type of a network's parameters: encoded rows are of float32."""
        return resolve_dtype(dtype, np.float32.__name__, device)

    def tag(self, tags: InputTags) -> None:
        """Set scikit-learn's tags of what X may be."""
        tags.sparse, tags.allow_nan, tags.categorical = False, True, True

    def _table(self, estimator: Any, X: Any, reset: bool) -> Any:
        chosen = self.categorical_features
        return check_table(estimator, X, categorical_features=chosen, reset=reset)


@dataclass(frozen=True, kw_only=True)
class MembersPlan(Plan):
    """Rows that each member is trained and validated on; `train` holds all of them.

    Attributes
    ----------
    members : ndarray of int of shape (n_members, n_train)
        The rows that each member trains on.
    judges : ndarray of int of shape (n_networks, n_held_out) or (1, n_held_out), or None
        The rows that each network is judged by, or the same rows for all.
    epochs : list of int, or None
        Instead of rows to be judged by: the epoch whose weights each network keeps.
    everyone : Rows
        What there was to train on before rows were held out.
    max_time : float or None
        Seconds that training may take.
    deadline : float or None
        When all training is to end, on the monotonic clock.
    """

    members: np.ndarray
    judges: np.ndarray | None = None
    epochs: list[int] | None = None
    everyone: Rows
    max_time: float | None = None
    deadline: float | None = None

    @property
    def n_trained(self) -> int:
        """Number of rows that each member trains on."""
        return self.members.shape[1] if self.train.stream is None else self.train.n_rows

    @property
    def holds_out(self) -> bool:
        """Whether held-out rows choose the best epoch."""
        return self.stops_early and self.judges is not None

    @property
    def last_row(self) -> int:
        """Last training row; the rows after it are held out for all members."""
        return int(self.members.max())

    def timed(self, max_time: float | None, *, refit: bool) -> MembersPlan:
        """The same plan with a time limit; with `refit`, enough time is reserved for training on
        all rows for as many epochs.

        With `refit`, so much is left that a training on everyone can go through as many epochs.
        """
        if max_time is None:
            return self
        n_train, share = self.members.shape[1], 1.0
        if refit and self.holds_out:
            share = _SPARE * n_train / (n_train + len(self.everyone))
        return replace(self, max_time=share * max_time, deadline=time.monotonic() + max_time)

    def again(self, epochs: list[int]) -> MembersPlan:
        """Plan for training on all rows, for the given numbers of epochs, in the remaining time."""
        rows = np.tile(np.arange(len(self.everyone)), (len(self.members), 1))
        left = None
        if self.deadline is not None:
            left = max(self.deadline - time.monotonic(), _SHORTEST)
        return MembersPlan(
            train=self.everyone,
            stops_early=True,
            scores=True,
            members=rows,
            epochs=epochs,
            everyone=self.everyone,
            max_time=left,
        )


def without_held_out(rows: Rows, n_members: int) -> MembersPlan:
    """Train all members on all rows to the end."""
    everything = np.tile(np.arange(len(rows)), (n_members, 1))
    return MembersPlan(train=rows, members=everything, everyone=rows)


def with_given(rows: Rows, validation: Rows, n_members: int) -> MembersPlan:
    """Train all members on all rows and validate on the rows given by the user."""
    plan = without_held_out(rows, n_members)
    judges = len(rows) + np.arange(len(validation))
    return replace(
        plan, train=stack(rows, validation), judges=judges[None], stops_early=True, scores=True
    )


def with_held_out(
    rows: Rows,
    keys: Callable[..., list[bytes]],
    labels: np.ndarray | None,
    fraction: float,
    n_members: int,
    n_networks: int,
    rng: np.random.RandomState,
    *,
    stops_early: bool,
) -> MembersPlan:
    """Split rows for training and validation.

    Parameters
    ----------
    rows : Rows
    keys : callable
        ``keys(x, target)``: the content of each row, as bytes.
    labels : ndarray of shape (n_samples,) or None
        Classes that should be as frequent on both sides.
    fraction : float
        Share of the rows that is held out.
    n_members, n_networks : int
        Networks without a common weight hold out different rows where there are enough.
    rng : numpy.random.RandomState
    stops_early : bool
        Whether the scores decide about anything; else a callback wants to see them.
    """
    plan = without_held_out(rows, n_members)
    if len(rows) > FULL_BATCH_ROWS:
        target = rows.target
        order = target if labels is None and target.ndim == 1 else labels
        if rows.stream is not None:  # whose rows all members are trained on
            n_networks = 1
        train, held_out = folds(len(rows), order, fraction, n_networks, rng)
        if rows.stream is not None:
            rows = replace(rows, stream=rows.stream.without(rows.stream.numbers[held_out[0]]))
        train = np.repeat(train, n_members // n_networks, axis=0)
        judged: dict[str, Any] = {"stops_early": stops_early, "scores": True}
        return replace(plan, train=rows, members=train, judges=held_out, **judged)
    split = _split(rows, keys, labels, fraction, rng, stops_early)
    if split is None:
        return plan
    train, held_out = split
    if split.shares is not None:  # some rows are on both sides, with another weight on each
        sides = zip(split, split.weights(rows.weight))
        rows = stack(*(replace(rows[side], weight=weight) for side, weight in sides))
        train, held_out = np.arange(len(train)), len(train) + np.arange(len(held_out))
    train = np.tile(train, (n_members, 1))
    return replace(
        plan,
        train=rows,
        members=train,
        judges=held_out[None],
        stops_early=stops_early,
        scores=True,
    )


def _split(
    rows: Rows,
    keys: Callable[..., list[bytes]],
    labels: np.ndarray | None,
    fraction: float,
    rng: np.random.RandomState,
    stops_early: bool,
) -> Split | None:
    """Split few rows by content; None with a warning if there are too few."""
    purpose = "early_stopping=True" if stops_early else "Pruning"
    if len(rows) <= 4:  # where `split_rows` raises, as scikit-learn does
        warnings.warn(f"{purpose} has no effect: {len(rows)} rows are too few to hold some out.")
        return None
    return split_rows(
        functools.partial(keys, rows.x, rows.target),
        len(rows),
        fraction,
        rng,
        labels,
        rows.weight,
        purpose,
        target=rows.target,
        counts=rows.counts,
    )


def stack(rows: Rows, added: Rows) -> Rows:
    """Concatenate `rows` and `added`."""
    weight = None
    if rows.weight is not None or added.weight is not None:
        parts = [np.ones(len(r)) if r.weight is None else r.weight for r in (rows, added)]
        weight = np.concatenate(parts)
    x = np.concatenate([rows.x, added.x])
    target = np.concatenate([rows.target, added.target])
    return Rows(x, target, weight, stream=rows.stream)


def folds(
    n_samples: int,
    keys: np.ndarray | None,
    fraction: float,
    n_draws: int,
    rng: np.random.RandomState,
) -> tuple[np.ndarray, np.ndarray]:
    """Training and held-out rows of each member, as balanced as possible.

    The rows are dealt out in the order of `keys` (labels or numbers), so that each share has
    about the same mix of them; members hold out different shares until all are used up.

    Returns
    -------
    train : ndarray of int of shape (n_draws, n_train)
    held_out : ndarray of int of shape (n_draws, n_held_out)
    """
    n_folds = max(2, round(1 / fraction)) if fraction else 2
    train, held_out = [], []
    for draw in range(n_draws):
        if draw % n_folds == 0:
            order = rng.permutation(n_samples)
            if keys is not None:
                order = order[np.argsort(keys[order], kind="stable")]
            fold = np.empty(n_samples, dtype=np.int64)
            fold[order] = np.arange(n_samples) % n_folds
        is_out = fold == draw % n_folds
        train.append(np.flatnonzero(~is_out))
        held_out.append(np.flatnonzero(is_out))
    return _equal_length(train), _equal_length(held_out)


def _equal_length(rows: list[np.ndarray]) -> np.ndarray:
    n = min(map(len, rows))
    return np.stack([r[:n] for r in rows])
