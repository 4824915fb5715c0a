"""Warnings where X can be read in two ways, and the likelier one was not asked for."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

_ROWS = 1000  # that are looked at
_FEW_IDS = 10
_DENSE = 0.8  # share of the numbers up to the largest that occur
_NO_ORDER = 0.7  # difference of neighbours over that of other pairs
_SMALL_SIDE = 8  # up to it a square of numbers is as likely a series
_COLOURS = (1, 3, 4)  # channels of images


def warn_of_images(name: str, X: Any, shape: tuple[Any, ...], data_format: str) -> None:
    """Warn of arrays that look like images and are read as something else.

    Parameters
    ----------
    name : str
        Of the estimator.
    X : ndarray, Tensor or list of arrays
        Checked.
    shape : tuple
        Of one row as the user gave it.
    data_format : {'channels_last', 'channels_first'}
    """
    if None in shape:
        return
    if len(shape) == 2 and shape[0] == shape[1]:
        if str(getattr(X, "dtype", "")).endswith("uint8") or shape[0] > _SMALL_SIDE:
            side = shape[0]
            _warn(
                f"X of shape (n_samples, {side}, {side}) is read as series of {side} steps with "
                f"{side} channels. If its rows are grey images, pass image_shape=({side}, {side}) "
                f"to {name}."
            )
    elif len(shape) == 3:
        first, last = shape[0] in _COLOURS, shape[2] in _COLOURS
        if data_format == "channels_last" and first and not last:
            other = "channels_first"
        elif data_format == "channels_first" and last and not first:
            other = "channels_last"
        else:
            return
        height, width, channels = (
            shape if data_format == "channels_last" else (*shape[1:], shape[0])
        )
        _warn(
            f"X of shape (n_samples, {', '.join(map(str, shape))}) is read as images of "
            f"{height} x {width} pixels with {channels} channels. If these are on the other side, "
            f"pass data_format={other!r} to {name}."
        )


def warn_of_tokens(name: str, X: Any) -> None:
    """Warn of integers that look like the ids of tokens, and are read as series of numbers.

    They do if they occur in no order, are nearly all numbers up to the largest, and if rows differ
    in length or end in zeros, with no 0 elsewhere.

    Parameters
    ----------
    name : str
        Of the estimator.
    X : object
        As the user gave it.
    """
    rows = _rows_of_integers(X)
    if rows is not None and _look_like_ids(rows):
        _warn(
            f"X holds whole numbers up to {max(int(row.max(initial=0)) for row in rows)} without "
            f"any order, which look like ids of tokens, and {name}(vocabulary_size=None) reads "
            "them as series of numbers. If they are ids, such as those of a SequenceVectorizer, "
            "pass vocabulary_size='auto'; if not, pass them as floats."
        )


def _rows_of_integers(X: Any) -> list[np.ndarray] | None:
    """Some rows of integers of X, without the zeros at their ends; None if it holds others."""
    if not (isinstance(X, list) or (isinstance(X, np.ndarray) and X.ndim == 2)):
        return None
    found = []
    for row in X[:: max(1, len(X) // _ROWS)]:
        is_list = isinstance(row, list) and all(isinstance(v, (int, np.integer)) for v in row)
        if not (is_list or isinstance(row, np.ndarray)):
            return None
        ids = np.asarray(row)
        if ids.ndim != 1 or (ids.dtype.kind not in "iu" and len(ids)):
            return None
        found.append(np.trim_zeros(ids, "b"))
    return found


def _look_like_ids(rows: list[np.ndarray]) -> bool:
    ids = np.concatenate([np.zeros(0, np.int64), *rows]).astype(np.int64)
    if len(set(map(len, rows))) < 2 or ids.min(initial=1) < 1:  # no padding, or 0 in other places
        return False
    n_distinct = len(np.unique(ids))
    if n_distinct < _FEW_IDS or n_distinct < _DENSE * ids.max():
        return False
    neighbours = np.concatenate([np.abs(np.diff(row.astype(np.int64))) for row in rows])
    others = np.abs(ids - np.roll(ids, len(ids) // 2 + 1))
    return bool(neighbours.size and neighbours.mean() > _NO_ORDER * others.mean())


def _warn(text: str) -> None:
    warnings.warn(text, UserWarning)
