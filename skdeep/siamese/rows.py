"""Rows with their classes, pairs or triplets."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.utils import assert_all_finite, check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from skdeep.base.learning import Given, Mode, Plan
from skdeep.data.split import split_classes
from skdeep.inputs.rows import Rows, to_host
from skdeep.siamese.thresholds import check_numbers, check_pair_labels, split_tuples

_GALLERY = 5  # training rows of a class that held-out rows are compared with after each epoch


@dataclass(frozen=True, kw_only=True)
class GivenTuples(Given):
    """Pairs or triplets as given by the user.

    Attributes
    ----------
    tuples : array-like of shape (n_tuples, size, ...) or (n_tuples, size)
        Their rows; or the numbers of these in `X`.
    size : {2, 3}
    """

    tuples: Any
    size: int


@dataclass(frozen=True)
class ComparedRows(Rows):
    """Rows with their class numbers.

    Attributes
    ----------
    groups : ndarray of int of shape (n_samples,) or None
        The group number of each row, inside which half of the batches are drawn.
    parts : tuple of two ndarrays of int, or None
        Which of them to train on and which to hold out; None where all are for training. They
        are drawn as rows are read, before the weights of the network.
    """

    groups: np.ndarray | None = None
    parts: tuple[np.ndarray, np.ndarray] | None = None

    def __getitem__(self, rows: np.ndarray) -> Any:
        groups = None if self.groups is None else self.groups[rows]
        return replace(super().__getitem__(rows), groups=groups, parts=None)

    @property
    def kind(self) -> str:
        """'classes', 'pairs' or 'triplets'."""
        return "classes"

    @property
    def numbers(self) -> np.ndarray:
        """Numbers in `x` of the training rows."""
        return np.arange(len(self)) if self.parts is None else self.parts[0]


@dataclass(frozen=True)
class ComparedTuples(ComparedRows):
    """Rows with pairs or triplets of row numbers: the target is a tuple of these and of labels,
    None for triplets.

    Attributes
    ----------
    coding : ndarray of shape (2,)
        The labels of dissimilar and of similar pairs.
    """

    coding: Any = (-1, 1)

    def __len__(self) -> int:
        return len(self.target[0])

    def __getitem__(self, rows: np.ndarray) -> Any:
        tuples, label = self.target
        label = None if label is None else label[rows]
        return replace(self, target=(tuples[rows], label), parts=None)

    @property
    def kind(self) -> str:
        return "pairs" if self.target[0].shape[1] == 2 else "triplets"

    @property
    def numbers(self) -> np.ndarray:
        return np.arange(self.x.shape[0])


@dataclass(frozen=True, kw_only=True)
class SiamesePlan(Plan):
    """Comparisons that a network is trained on, and those it is validated on.

    Attributes
    ----------
    rows : ComparedRows
        All that were given to fit.
    gallery : ComparedRows or None
        A few training rows of each class to compare held-out ones with.
    """

    rows: ComparedRows
    gallery: ComparedRows | None = None


def encode_classes(y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Classes and the class number of each row; raises if nothing can be learned from them."""
    y = column_or_1d(y, warn=True)
    check_classification_targets(y)
    classes, numbers, counts = np.unique(y, return_inverse=True, return_counts=True)
    if len(classes) < 2:
        raise ValueError(
            f"y holds 1 class, {classes[0]!r}: what sets rows apart can be learned from at least 2 "
            "classes."
        )
    if counts.max() < 2:
        raise ValueError(
            f"Each of the {len(counts)} classes in y has 1 row: what rows of a class have in "
            "common can be learned only where some class has 2."
        )
    alone = int((counts == 1).sum())
    if alone:
        warnings.warn(
            f"{alone} of {len(counts)} classes in y have 1 row, which is compared with rows of "
            "other classes alone."
        )
    return classes, numbers


def encode_groups(groups: Any, target: np.ndarray) -> np.ndarray:
    """The group number of each row; raises if a group has nothing to be told apart.

    Parameters
    ----------
    groups : array-like of shape (n_samples,)
    target : ndarray of int of shape (n_samples,)
        Class numbers.
    """
    groups = column_or_1d(to_host(groups), warn=True)
    assert_all_finite(groups, input_name="groups")
    check_consistent_length(target, groups)
    labels, numbers = np.unique(groups, return_inverse=True)
    n_classes = np.bincount(np.unique(np.stack([numbers, target]), axis=1)[0])
    if n_classes.min() < 2:
        alone = labels[n_classes < 2]
        raise ValueError(
            f"groups has {len(alone)} of {len(labels)} groups with rows of 1 class, such as "
            f"{alone[:1].tolist()[0]!r}: expected at least 2 classes in each, since half of the "
            "batches are drawn inside groups."
        )
    return numbers


def read_classes(
    estimator: Any, given: Given, mode: Mode, rng: np.random.RandomState, *, holds_out: bool
) -> tuple[ComparedRows, Rows | None]:
    """Check rows with classes; hold some out if the user gave no validation rows.

    Parameters
    ----------
    estimator : estimator
        Gets `classes_`.
    given : Given
    mode : Mode
    rng : numpy.random.RandomState
    holds_out : bool
        Whether some are held out even without early stopping.
    """
    X, y = estimator._input.check_with_target(estimator, given.X, given.y, reset=True)
    estimator.classes_, target = encode_classes(y)
    groups = None if given.groups is None else encode_groups(given.groups, target)
    rows = ComparedRows(X, target, groups=groups)
    validation = estimator._read_validation(given)
    early_stopping = estimator.early_stopping
    if validation is not None or not (holds_out or early_stopping or mode.watched):
        return rows, validation
    parts = split_classes(target, estimator.validation_fraction, rng)
    if len(parts[1]):
        return replace(rows, parts=parts), None
    if early_stopping or mode.watched:
        what = "early_stopping=True has" if early_stopping else "Pruning has"
        warnings.warn(
            f"{what} no effect: no class has enough rows for "
            f"validation_fraction={estimator.validation_fraction}."
        )
    return rows, None


def check_tuples(check: Callable, tuples: Any, X: Any, size: int) -> tuple[Any, np.ndarray]:
    """Check rows, and tuples of row numbers.

    Parameters
    ----------
    check : callable
        Checks rows.
    tuples, X, size
        As `GivenTuples` has them.
    """
    tuples = to_host(tuples)
    if X is None:
        X, tuples = split_tuples(tuples, size)
        return check(X), tuples
    X = check(X)
    return X, check_numbers(tuples, size, X.shape[0])


def read_tuples(
    estimator: Any, check: Callable, given: GivenTuples, rng: np.random.RandomState
) -> ComparedTuples:
    """Check pairs or triplets; under early stopping hold some out."""
    X, tuples = check_tuples(check, given.tuples, given.X, given.size)
    label, coding = None, np.array([-1, 1])
    if given.size == 2:
        label, coding = check_pair_labels(to_host(given.y), len(tuples))
    rows = ComparedTuples(X, (tuples, label), coding=coding)
    if not estimator.early_stopping:
        return rows
    strata = np.zeros(len(tuples), np.int64) if label is None else label.astype(np.int64)
    parts = split_classes(strata, estimator.validation_fraction, rng)
    return replace(rows, parts=parts) if len(parts[1]) else rows


def plan_comparisons(
    rows: ComparedRows, validation: Rows | None, mode: Mode, early_stopping: bool
) -> SiamesePlan:
    """Choose the comparisons to train on, and those to validate on."""
    train, held_out = rows, validation
    if rows.parts is not None:
        train, held_out = rows.divided(*rows.parts)
    stops_early = early_stopping and held_out is not None
    judged = held_out is not None and rows.kind == "classes"
    return SiamesePlan(
        train=train,
        held_out=held_out,
        stops_early=stops_early,
        scores=stops_early or (mode.watched and held_out is not None),
        rows=rows,
        gallery=_gallery(train) if judged else None,
    )


def _gallery(rows: ComparedRows) -> ComparedRows:
    """First rows of each class."""
    order = np.argsort(rows.target, kind="stable")
    labels = rows.target[order]
    rank = np.arange(len(order)) - np.searchsorted(labels, labels)
    return rows[order[rank < _GALLERY]]
