"""Validation rows for early stopping."""

import warnings

import numpy as np
from sklearn.model_selection import train_test_split

FULL_BATCH_ROWS = 200
"""Up to this many rows training is by full batches (scikit-learn's `batch_size='auto'`), and a
weight of 2 is exactly a row given twice; the split then keeps it so."""

_TOO_SMALL = (
    "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
)


def split_rows(
    keys, n_samples, fraction, rng, labels=None, weight=None, purpose="early_stopping=True"
):
    """Row numbers to train on and to validate on.

    Up to `FULL_BATCH_ROWS` rows the split is made over distinct rows of positive weight, in an
    order that does not depend on how often or where they occur; above, it is scikit-learn's
    `train_test_split`.

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
        What the rows are held out for, named where there is no split.

    Returns
    -------
    train, validation : ndarray of int, or None
        None, with a warning, where the validation rows would be fewer than two or could not
        hold every class.

    Raises
    ------
    ValueError
        scikit-learn's, where the data have fewer than 4 rows, or 4 with a class of one row.
    """
    options = {"test_size": fraction, "random_state": rng}
    if n_samples <= FULL_BATCH_ROWS:
        groups = _distinct(keys(), weight)
        chosen = np.array([rows[0] for rows in groups])
    else:
        groups, chosen = None, np.arange(n_samples)
    stratify = None if labels is None else labels[chosen]
    reason = _why_not(len(chosen), fraction, stratify)
    if reason is not None:
        if n_samples < 4 or (n_samples == 4 and "class" in reason):
            _refuse(np.arange(n_samples), labels, options)
        warnings.warn(f"{purpose} has no effect: {reason}. {_TOO_SMALL}")
        return None
    train, validation = train_test_split(np.arange(len(chosen)), stratify=stratify, **options)
    if groups is None:
        return train, validation
    unused = np.setdiff1d(np.arange(n_samples), np.concatenate(groups))  # of zero weight
    return (
        np.concatenate([*(groups[i] for i in train), unused]),
        np.concatenate([groups[i] for i in validation]),
    )


def split_classes(labels, fraction, rng, smallest=3):
    """Row numbers to train on and to hold out, class by class; never an error.

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


def _distinct(keys, weight):
    """Groups of equal rows with a positive weight, sorted by content."""
    groups = {}
    for row, key in enumerate(keys):
        if weight is None or weight[row] > 0:
            groups.setdefault(key, []).append(row)
    return [np.array(groups[key]) for key in sorted(groups)]


def _why_not(n_rows, fraction, labels):
    if labels is not None:
        counts = np.unique(labels, return_counts=True)[1]
        if counts.min() < 2:
            return "a class has only 1 row"
    n_validation = int(np.ceil(n_rows * fraction))
    if n_validation < 2:
        return f"the validation split would hold {n_validation} of {n_rows} rows"
    if labels is not None and min(n_validation, n_rows - n_validation) < len(counts):
        return f"a split of {n_validation} rows cannot hold {len(counts)} classes"
    return None


def _refuse(rows, labels, options):
    """Raise what scikit-learn raises for the same data (it stratifies by strings)."""
    train_test_split(rows, stratify=None if labels is None else labels.astype(str), **options)
    raise ValueError(_TOO_SMALL)
