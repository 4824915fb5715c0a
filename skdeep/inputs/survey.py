"""What is learned of the targets and weights of all rows on disk before training."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from skdeep.inputs.rows import read_target
from skdeep.inputs.stream import Labelled
from skdeep.inputs.weights import check_weights

_FEWEST_OF_CLASS = 2
"""Rows of each class that are in the sample, if there are so many."""


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What was learned of the targets and weights of all rows.

    Attributes
    ----------
    n_rows, n_own : int
        Of positive weight, in all processes and in this one.
    largest : float
        Of the weights.
    labels : ndarray or None
        The classes, in order.
    first : dict
        Numbers of the first rows of each class.
    counts : ndarray or None
        Weight of each class.
    moments : Moments or None
        Of targets that are numbers.
    """

    n_rows: int
    n_own: int
    largest: float
    labels: np.ndarray | None = None
    first: np.ndarray | None = None
    counts: np.ndarray | None = None
    moments: Moments | None = None


@dataclass(frozen=True)
class Moments:
    """Range, mean and variance of targets, which can be added to those of other rows (Chan, Golub
    and LeVeque, 1983).

    Attributes
    ----------
    weight : float
    mean, squares : ndarray of shape () or (n_outputs,)
        Weighted mean, and sum of squared distances from it.
    low, high : ndarray of the same shape
    """

    weight: float
    mean: np.ndarray
    squares: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, y: np.ndarray, weight: np.ndarray | None) -> Self:
        """Those of rows of positive weight."""
        y = np.asarray(y, np.float64)
        total = float(len(y)) if weight is None else float(weight.sum())
        mean = np.average(y, axis=0, weights=weight)
        around = (y - mean) ** 2
        around = around if weight is None else (around.T * weight).T
        return cls(total, mean, around.sum(axis=0), y.min(axis=0), y.max(axis=0))

    def plus(self, other: Moments) -> Moments:
        """Those of the rows of both."""
        total = self.weight + other.weight
        gap = other.mean - self.mean
        return Moments(
            total,
            self.mean + gap * (other.weight / total),
            self.squares + other.squares + gap**2 * (self.weight * other.weight / total),
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
        )


def survey(labelled: Labelled, *, numeric: bool) -> Survey:
    """Read the targets and weights of all rows once.

    Parameters
    ----------
    labelled : Labelled
    numeric : bool
        Whether targets are numbers; else they are labels.
    """
    if labelled.group is None:
        found = _merged([_survey_own(labelled, numeric)], 0)
    else:
        parts = labelled.group.gather(lambda: _survey_own(labelled, numeric))
        found = _merged(parts, labelled.group.rank)
    if not found.largest:
        raise ValueError("sample_weight: Sample weights must contain at least one non-zero number.")
    return found


def _survey_own(labelled: Labelled, numeric: bool) -> Survey:
    n_rows, largest = 0, 0.0 if labelled.weight is not None else 1.0
    classes: dict[Any, list[Any]] = {}
    moments: Moments | None = None
    for start, y, weight in labelled.targets():
        if weight is not None:
            weight = _checked_weights(weight)
            largest = max(largest, float(weight.max(initial=0.0)))
        n_rows += _n_of(labelled, y) if weight is None else int((weight > 0).sum())
        if y is None:
            continue
        y = read_target(y, numeric=numeric)
        if numeric:
            moments = _with_moments(moments, y, weight)
        else:
            _count(classes, y, weight, start)
    found = Survey(n_rows=n_rows, n_own=n_rows, largest=largest, moments=moments)
    if not classes:
        return found
    entries = list(classes.values())
    return replace(
        found,
        labels=np.array(list(classes)),
        counts=np.array([entry[0] for entry in entries]),
        first=np.concatenate([entry[1] for entry in entries]),
    )


def _merged(parts: list[Survey], rank: int) -> Survey:
    """What is known of the rows of all processes; classes in order."""
    moments: Moments | None = None
    for part in parts:
        if part.moments is not None:
            moments = part.moments if moments is None else moments.plus(part.moments)
    found = Survey(
        n_rows=sum(part.n_rows for part in parts),
        n_own=parts[rank].n_own,
        largest=max(part.largest for part in parts),
        moments=moments,
    )
    parts = [part for part in parts if part.labels is not None]
    if not parts:
        return found
    labels, numbers = np.unique(
        np.concatenate([p.labels for p in parts]),
        return_inverse=True,  # type: ignore[misc]
    )
    counts = np.concatenate([p.counts for p in parts])  # type: ignore[misc]
    return replace(
        found,
        labels=labels,
        counts=np.bincount(numbers, counts),
        first=np.concatenate([p.first for p in parts]),  # type: ignore[misc]
    )


def _n_of(labelled: Labelled, y: Any) -> int:
    return labelled.rows.n_rows if y is None else len(y)


def _checked_weights(weight: Any) -> np.ndarray:
    weight = np.asarray(weight, np.float64)
    if not np.isfinite(weight).all() or (weight < 0).any():
        return check_weights(weight, weight)  # for its error
    return weight


def _with_moments(known: Moments | None, y: Any, weight: Any) -> Moments | None:
    y = np.asarray(y, np.float64)
    if not np.isfinite(y).all():
        raise ValueError("Input y contains NaN or infinity.")
    if weight is not None:
        y, weight = y[weight > 0], weight[weight > 0]
    if not len(y):
        return known
    new = Moments.of(y, weight)
    return new if known is None else known.plus(new)


def _count(classes: dict[Any, list[Any]], y: Any, weight: Any, start: int) -> None:
    """Add the weights of labels, and remember the first rows of each."""
    if y.ndim != 1:
        raise ValueError(
            f"y has the shape (n_samples, {y.shape[1]}): labels on disk are one column; several "
            "labels at once have to be in memory."
        )
    labels, numbers = np.unique(y, return_inverse=True)
    mass = np.bincount(numbers, weight, len(labels))
    order = np.argsort(numbers, kind="stable")
    places = np.split(order, np.cumsum(np.bincount(numbers))[:-1])
    for label, weight_of, rows in zip(labels.tolist(), mass.tolist(), places):
        entry = classes.setdefault(label, [0.0, np.empty(0, np.int64)])
        entry[0] += weight_of
        entry[1] = np.concatenate([entry[1], start + rows[:_FEWEST_OF_CLASS]])[:_FEWEST_OF_CLASS]
