"""Train-validation splits for early stopping."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

FULL_BATCH_ROWS = 200
"""Up to this many rows training is by full batches (scikit-learn's `batch_size='auto'`), and a
weight of 2 is exactly a row given twice; the split then keeps it so."""

_TOO_SMALL = (
    "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
)


_NOTICEABLE = 0.02  # share of all weight from which equal rows are too many to be held out together


class Split(tuple):
    """Row numbers ``(train, held_out)``, and in `shares` the share of each row's weight on its
    side.

    A row may be on both sides, with a share of its weight on each. `shares` is None where all rows
    are whole.
    """

    shares: tuple[np.ndarray, ...] | None = None

    def weights(self, weight: np.ndarray | None) -> tuple[np.ndarray | None, ...]:
        """Weights of the rows of both sides, each None where all are equal."""
        if self.shares is None:
            return tuple(None if weight is None else weight[rows] for rows in self)
        return tuple(
            share if weight is None else share * weight[rows]
            for rows, share in zip(self, self.shares)
        )


def split_rows(
    keys: Callable[[], Sequence[bytes]],
    n_samples: int,
    fraction: float,
    rng: np.random.RandomState,
    labels: np.ndarray | None = None,
    weight: np.ndarray | None = None,
    purpose: str = "early_stopping=True",
    target: np.ndarray | None = None,
    counts: np.ndarray | None = None,
) -> Split | None:
    """Split rows into training and validation rows.

    Up to `FULL_BATCH_ROWS` rows the split is made over distinct rows of positive weight, in an
    order that does not depend on how often or where they occur; above, it is scikit-learn's
    `train_test_split`. With `target`, groups of equal rows that are too large to be held out as a
    whole are divided: `fraction` of their weight is held out.

    Parameters
    ----------
    keys : callable
        Gives the content of each row as bytes; called on small data only.
    n_samples : int
    fraction : float
        Share of the rows to validate on.
    rng : numpy.random.RandomState
    labels : ndarray of shape (n_samples,), default=None
        To stratify by.
    weight : ndarray of shape (n_samples,), default=None
    purpose : str, default='early_stopping=True'
        Purpose of the split, for the warning if there is none.
    target : ndarray of shape (n_samples, ...), default=None
        What the keys end with. None: groups are never divided.
    counts : ndarray of shape (n_samples,), default=None
        How many equal rows each row stands for: weights without those of classes.

    Returns
    -------
    Split or None
        None, with a warning, where they would be fewer than two or could not hold every class.
    """
    options = {"test_size": fraction, "random_state": rng}
    groups, chosen = None, np.arange(n_samples)
    if n_samples <= FULL_BATCH_ROWS:
        groups, large = _groups(keys(), weight, target, fraction, counts)
        chosen = np.array([rows[0] for rows in groups], dtype=np.int64)
    stratify = None if labels is None else labels[chosen]
    reason = _why_not(len(chosen), fraction, stratify)
    if reason is not None and groups is not None and _hold_every_class(large, labels, groups):
        return _divided(groups, [], large, fraction, n_samples)
    if reason is not None:
        _warn_or_refuse(reason, n_samples, labels, options, purpose)
        return None
    train, validation = train_test_split(np.arange(len(chosen)), stratify=stratify, **options)
    if groups is None:
        return Split((train, validation))
    train, validation = ([groups[i] for i in side] for side in (train, validation))
    return _divided(train, validation, large, fraction, n_samples)


def _hold_every_class(
    large: Sequence[np.ndarray], labels: np.ndarray | None, others: Sequence[np.ndarray]
) -> bool:
    if not large or labels is None:
        return bool(large)
    return not len(np.setdiff1d(labels[_joined(others)], labels[_joined(large)]))


def _divided(
    train: Sequence[np.ndarray],
    held_out: Sequence[np.ndarray],
    large: Sequence[np.ndarray],
    fraction: float,
    n_samples: int,
) -> Split:
    """Split with `large` groups on both sides; rows of no group are trained on."""
    one, other, both = map(_joined, (train, held_out, large))
    unused = np.setdiff1d(np.arange(n_samples), np.concatenate([one, other, both]))
    split = Split((np.concatenate([one, both, unused]), np.concatenate([other, both])))
    if large:
        split.shares = tuple(
            np.where(np.isin(rows, both), share, 1.0)
            for rows, share in zip(split, (1 - fraction, fraction))
        )
    return split


def _joined(groups: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate(groups) if len(groups) else np.empty(0, dtype=np.int64)


def _groups(
    keys: Sequence[bytes],
    weight: np.ndarray | None,
    target: np.ndarray | None,
    fraction: float,
    counts: np.ndarray | None,
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Groups of equal rows: those that stay whole, and those that are divided."""
    groups = _distinct(keys, weight)
    if target is None:
        return groups, []
    is_large = _too_large(groups, keys, np.asarray(target[:1]).nbytes, fraction, counts)
    large = [rows for rows, yes in zip(groups, is_large) if yes]
    return [rows for rows, yes in zip(groups, is_large) if not yes], large


def _too_large(
    groups: Sequence[np.ndarray],
    keys: Sequence[bytes],
    n_target: int,
    fraction: float,
    counts: np.ndarray | None,
) -> np.ndarray:
    """Groups that must not be held out as a whole.

    These are the groups that make up a fiftieth of all and have at least one row to give, and those
    of several rows whose X has other targets, too: holding out all rows of one target would bias
    the shares of the others.
    """
    sizes = np.array([len(rows) if counts is None else counts[rows].sum() for rows in groups])
    numbers = np.maximum(sizes, [len(rows) for rows in groups])
    alike = [keys[rows[0]][: len(keys[rows[0]]) - n_target] for rows in groups]
    n_targets = Counter(alike)
    is_mixed = np.array([n_targets[x] > 1 for x in alike], dtype=bool)
    is_noticeable = (sizes >= _NOTICEABLE * sizes.sum()) & (numbers * fraction >= 1)
    return (numbers >= 2) & (is_mixed | is_noticeable)


def split_classes(
    labels: np.ndarray, fraction: float, rng: np.random.RandomState, smallest: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """Split rows class by class; never raises.

    Parameters
    ----------
    labels : ndarray of int of shape (n_samples,)
        Class numbers.
    fraction : float
        Share of each class's rows to hold out, at least one row if it is not 0.
    rng : numpy.random.RandomState
    smallest : int, default=3
        Classes with fewer rows keep all of them for training.

    Returns
    -------
    train, held_out : ndarray of int, ascending
    """
    order = rng.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    counts = np.bincount(labels)
    wanted = np.maximum(np.rint(counts * fraction), 1 if fraction else 0)
    wanted = np.where(counts >= smallest, np.minimum(wanted, counts - 2), 0)
    sorted_labels = labels[order]
    rank = np.arange(len(order)) - np.searchsorted(sorted_labels, sorted_labels)
    is_out = rank < wanted[sorted_labels]
    return np.sort(order[~is_out]), np.sort(order[is_out])


def _distinct(keys: Sequence[bytes], weight: np.ndarray | None) -> list[np.ndarray]:
    """Groups of equal rows with a positive weight, sorted by content."""
    groups: dict[bytes, list[int]] = {}
    for row, key in enumerate(keys):
        if weight is None or weight[row] > 0:
            groups.setdefault(key, []).append(row)
    return [np.array(groups[key]) for key in sorted(groups)]


def _why_not(n_rows: int, fraction: float, labels: np.ndarray | None) -> str | None:
    if labels is not None and n_rows:
        counts = np.unique(labels, return_counts=True)[1]
        if counts.min() < 2:
            return "a class has only 1 row"
    n_validation = int(np.ceil(n_rows * fraction))
    if n_validation < 2:
        return f"the validation split would hold {n_validation} of {n_rows} rows"
    if labels is not None and min(n_validation, n_rows - n_validation) < len(counts):
        return f"a split of {n_validation} rows cannot hold {len(counts)} classes"
    return None


def _warn_or_refuse(
    reason: str, n_samples: int, labels: np.ndarray | None, options: dict[str, Any], purpose: str
) -> None:
    """Warn that there is no split; raise as scikit-learn does where the data have fewer than 4
    rows, or 4 with a class of one row."""
    if n_samples < 4 or (n_samples == 4 and "class" in reason):
        _refuse(np.arange(n_samples), labels, options)
    warnings.warn(f"{purpose} has no effect: {reason}. {_TOO_SMALL}")


def _refuse(rows: np.ndarray, labels: np.ndarray | None, options: dict[str, Any]) -> None:
    """Raise what scikit-learn raises for the same data (it stratifies by strings)."""
    train_test_split(rows, stratify=None if labels is None else labels.astype(str), **options)
    raise ValueError(_TOO_SMALL)
