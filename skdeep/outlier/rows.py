"""Encoding of tables, and the rows that a network is trained on."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skdeep.base.learning import Given, Mode, Plan
from skdeep.inputs.rows import Rows, to_host
from skdeep.preprocessing.columns import check_table
from skdeep.preprocessing.outliers import OutlierEncoder

_FEWEST = 20  # rows from which some are held out
_LARGEST_PASS = 32
"""Passes through the network in which each feature is hidden once; more features are hidden
several at a time."""


@dataclass(frozen=True, kw_only=True)
class EncodedRows(Rows):
    """Rows encoded by `encoder`.

    Attributes
    ----------
    encoder : OutlierEncoder
    groups : list of list of int
        Features that are hidden together when rows are scored.
    """

    encoder: OutlierEncoder
    groups: list[list[int]]


@dataclass(frozen=True, kw_only=True)
class OutlierPlan(Plan):
    """Rows that a network is trained on, and rows that scores are fitted on.

    Attributes
    ----------
    rows : EncodedRows
        All that scores are learned from.
    held_places : ndarray of int
        Places of those of them that are in `unseen`; none where it has other rows.
    unseen : EncodedRows or None
        Those that the network is not trained on; also where no epoch is judged by them.
    stream : tuple of (ndarray, int) or None
        An even sample of a stream, and how many rows it is of.
    """

    rows: EncodedRows
    held_places: np.ndarray
    unseen: EncodedRows | None = None
    stream: tuple[np.ndarray, int] | None = None


def read_table(detector: Any, X: Any, *, reset: bool) -> Any:
    """Check a table; with `reset`, remember its columns."""
    features = detector.categorical_features
    X = check_table(detector, to_host(X), categorical_features=features, reset=reset)
    if detector.missing == "error":
        gaps = np.asarray(X.isna() if hasattr(X, "isna") else X != X)
        if gaps.any():
            place = int(gaps.any(0).argmax())
            raise ValueError(
                f"Input X contains NaN: column {place}, with missing='error'; missing='mask' "
                "takes missing values as they are."
            )
    return X


def read_rows(
    detector: Any, given: Given, mode: Mode, rng: np.random.RandomState
) -> tuple[EncodedRows, EncodedRows | None]:
    """Check and encode the given rows; a new detector fits its encoder."""
    X = read_table(detector, given.X, reset=not mode.resumed)
    if mode.resumed:
        encoder, groups = detector.encoder_, detector._groups
    else:
        if len(X) < 2:
            raise ValueError(
                f"Found array with n_samples={len(X)} while a minimum of 2 is required by "
                f"{type(detector).__name__}."
            )
        encoder = OutlierEncoder(categorical_features=detector.categorical_features).fit(X)
        groups = group_features(len(np.unique(encoder.sources_)), rng)
    rows = EncodedRows(encoder.encode(X), None, encoder=encoder, groups=groups)
    if given.X_val is None:
        return rows, None
    return rows, replace(rows, x=encoder.encode(read_table(detector, given.X_val, reset=False)))


def plan_rows(
    detector: Any,
    rows: EncodedRows,
    validation: EncodedRows | None,
    mode: Mode,
    rng: np.random.RandomState,
) -> OutlierPlan:
    """Hold out rows; of a stream keep a sample."""
    train, unseen, stream, held = rows, validation, None, np.zeros(0, dtype=int)
    if mode.incremental:
        known = getattr(detector, "_stream", None) if mode.resumed else None
        stream = sample_stream(known, rows.x, detector.max_reference_rows, rng)
        rows = replace(rows, x=stream[0])
    elif unseen is None and len(rows) >= _FEWEST:
        order, n_out = rng.permutation(len(rows)), int(detector.validation_fraction * len(rows))
        if n_out:
            held = order[:n_out]
            train, unseen = rows.divided(order[n_out:], held)
    if mode.watched and unseen is None:
        warnings.warn(
            f"Pruning has no effect: {len(rows)} rows are too few to hold out "
            f"validation_fraction={detector.validation_fraction} of them."
        )
    stops_early = detector.early_stopping and unseen is not None and not mode.incremental
    scores = stops_early or (mode.watched and unseen is not None)
    return OutlierPlan(
        train=train,
        held_out=unseen if scores or validation is not None else None,
        stops_early=stops_early,
        scores=scores,
        rows=rows,
        held_places=held,
        unseen=unseen,
        stream=stream,
    )


def group_features(n_features: int, rng: np.random.RandomState) -> list[list[int]]:
    """Groups of features that are hidden together: single features, or several where there are
    many."""
    n_groups = min(n_features, _LARGEST_PASS)
    order = np.arange(n_features) if n_groups == n_features else rng.permutation(n_features)
    return [order[i::n_groups].tolist() for i in range(n_groups)]


def sample_stream(
    known: tuple[np.ndarray, int] | None,
    rows: np.ndarray,
    n_kept: int,
    rng: np.random.RandomState,
) -> tuple[np.ndarray, int]:
    """Uniform sample of all rows of a stream (reservoir sampling, Vitter, 1985).

    Parameters
    ----------
    known : tuple of (ndarray, int) or None
        The sample so far, and how many rows it is of.
    rows : ndarray of shape (n_samples, n_columns)
        The rows that come.
    n_kept : int
        Size of the sample, at most; a sample that has dropped rows does not grow.
    rng : numpy.random.RandomState

    Returns
    -------
    tuple of (ndarray, int)
        As `known`.
    """
    kept, n_seen = (rows[:0], 0) if known is None else known
    rng = np.random.RandomState([rng.randint(2**31), n_seen % 2**31])
    if n_seen > len(kept):  # rows that were dropped do not come back
        n_kept = min(n_kept, len(kept))
    if len(kept) > n_kept:
        kept = kept[rng.permutation(len(kept))[:n_kept]]
    n_first = min(n_kept - len(kept), len(rows))
    kept = np.concatenate([kept, rows[:n_first]])
    for n_before, row in enumerate(rows[n_first:], n_seen + n_first):
        place = rng.randint(n_before + 1)
        if place < n_kept:
            kept[place] = row
    return kept, n_seen + len(rows)
