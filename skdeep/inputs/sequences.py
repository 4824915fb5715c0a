"""Reading sequences: series of numbers, or rows of token ids.

Checked token ids are `RaggedRows` without padding, one channel wide; ids not seen in `fit` are
replaced by `UNKNOWN`. Series are read by `ArrayInput`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.utils import InputTags

from skdeep import engine
from skdeep._checks import layer_sizes, refuse_masks
from skdeep.data.rows import RaggedRows
from skdeep.inputs.array_checks import elements
from skdeep.inputs.arrays import ArrayInput, Input
from skdeep.inputs.hints import warn_of_tokens
from skdeep.inputs.rows import dense_tensor, to_host
from skdeep.preprocessing.vocabulary import PADDING, UNKNOWN

_TOKENS = (
    "with a vocabulary_size, X is token ids: a 2-D array of integers (n_samples, length), in which "
    "0 is padding, or a list of 1-D arrays"
)


_LARGEST = np.iinfo(np.int32).max


class SequenceInput(ArrayInput):
    """Reader of series of numbers; those of one channel may come without a channel axis."""

    def check(self, estimator: Any, X: Any, *, reset: bool = False) -> Any:
        """Check series and put channels first; with `reset`, remember the shape of one."""
        if reset:
            for name in ("vocabulary_size_", "_known_tokens"):
                estimator.__dict__.pop(name, None)
            if hasattr(estimator, "vocabulary_size"):
                warn_of_tokens(type(estimator).__name__, X)
        return super().check(estimator, self._with_channel(X, reset), reset=reset)

    def give_back(self, given: Any, X: Any, values: Sequence[np.ndarray]) -> Any:
        """One number for each number of X, in the user's layout and 0 where it is padded; see
        `ArrayInput`."""
        return like_series(given, [row.T for row in values], self.data_format)

    def _with_channel(self, X: Any, reset: bool) -> Any:
        """Add a channel axis to series of one channel that lack it."""
        ragged = not reset and self.shape is not None and None in self.shape
        X = dense_tensor(X) if isinstance(X, torch.Tensor) else X
        items = elements(X)
        if items:
            if not all(_is_sequence(x) for x in items):
                return X
            if len({len(x) for x in items}) == 1 and not ragged:
                return X  # what scikit-learn takes for a table
            arrays = _vectors(items)
            if arrays is None:
                return X
            return [a[None] if self.data_format == "channels_first" else a[:, None] for a in arrays]
        if ragged and isinstance(X, (np.ndarray, torch.Tensor)) and X.ndim == 2:
            return X[:, None] if self.data_format == "channels_first" else X[..., None]
        return X


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenInput(Input):
    """Reader of rows of token ids.

    Attributes
    ----------
    vocabulary_size : int or 'auto'
    size : int or None
        How many ids `fit` reckoned with; None before.
    known : ndarray of bool of shape (size,) or None
        Whether `fit` saw an id.
    """

    vocabulary_size: int | str
    size: Any = None
    known: Any = None

    def check(self, estimator: Any, X: Any, *, reset: bool = False) -> Any:
        """Check token ids and remove padding; with `reset`, remember those that occur."""
        ids, lengths = _flat_tokens(X, type(estimator).__name__)
        largest = int(ids.max(initial=0))
        size = self._wanted_size(largest) if reset else self.size
        if largest >= size:
            if reset or not isinstance(self.vocabulary_size, str):
                raise ValueError(
                    f"X holds the token id {largest}: with vocabulary_size="
                    f"{self.vocabulary_size!r} ids must be in [0, {size})."
                )
            ids = np.where(ids < size, ids, UNKNOWN)
        if reset:
            known = np.zeros(size, dtype=bool)
            known[ids] = True
            known[[PADDING, UNKNOWN]] = True
            estimator.vocabulary_size_, estimator._known_tokens = size, known
            estimator.input_shape_ = (None,)
            for name in ("n_features_in_", "feature_names_in_"):
                estimator.__dict__.pop(name, None)
        else:
            ids = np.where(self.known[ids], ids, UNKNOWN)
        starts = np.concatenate([[0], lengths.cumsum()[:-1]])
        return RaggedRows(ids.astype(np.int32)[:, None], starts, lengths)

    def _wanted_size(self, largest: int) -> int:
        if isinstance(self.vocabulary_size, str):
            return max(largest, UNKNOWN) + 1
        return layer_sizes(self.vocabulary_size, "vocabulary_size")[0]

    def place(self, X: Any, dtype: torch.dtype, device: torch.device) -> Any:
        """Move checked ids to the network's device."""
        return X.to(torch.int64, device)

    def precision(self, dtype: str | None, X: Any, device: torch.device) -> torch.dtype:
        """Type of a network's parameters."""
        return engine.resolve_dtype(dtype or "float32", np.float32, device)

    def give_back(self, given: Any, X: Any, values: Sequence[np.ndarray]) -> Any:
        """One number for each token, in the user's layout and 0 where it is padded: the sum over
        what was found for its embedding; see `ArrayInput`."""
        return like_tokens(given, [row.T.sum(1) for row in values])

    def tag(self, tags: InputTags) -> None:
        """Set scikit-learn's tags of what X may be."""
        tags.sparse = False


def sequence_input(estimator: Any) -> SequenceInput | TokenInput:
    """The reader of series, or of token ids where the estimator has a `vocabulary_size`."""
    if estimator.vocabulary_size is None:
        return SequenceInput.of(estimator, ranks=(2, 3))
    return TokenInput(
        vocabulary_size=estimator.vocabulary_size,
        size=getattr(estimator, "vocabulary_size_", None),
        known=getattr(estimator, "_known_tokens", None),
    )


def _is_sequence(x: Any) -> bool:
    is_array = hasattr(x, "__array__") and getattr(x, "ndim", 0) > 0
    return is_array or isinstance(x, (list, tuple))


def _vectors(items: Any) -> list[np.ndarray] | None:
    """Elements of a list as 1-D arrays of numbers, or None if some are not."""
    try:
        arrays = [np.asarray(to_host(x)) for x in items]
    except (ValueError, TypeError):
        return None
    return arrays if all(a.ndim == 1 and a.dtype.kind in "iubf" for a in arrays) else None


def _flat_tokens(X: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    """All ids, concatenated without padding, and the lengths."""
    X = to_host(X)
    X = X.to_numpy() if hasattr(X, "columns") and hasattr(X, "to_numpy") else X
    refuse_masks(X)
    items = elements(X)
    if items is not None:
        try:
            rows = [np.asarray(to_host(x)) for x in items]
        except (ValueError, TypeError):  # of no numbers, or of no one length
            rows = [np.empty(())]
        if any(row.ndim != 1 for row in rows):
            raise ValueError(f"{name}: {_TOKENS}; got a list of other objects.")
        ids = np.concatenate(rows) if rows else np.empty(0)
        lengths = np.array([len(row) for row in rows], dtype=np.int64)
    else:
        X = np.asarray(X)
        if X.ndim != 2:
            raise ValueError(f"Found array with dim {X.ndim}. {name}: {_TOKENS}.")
        ids, lengths = X.reshape(-1), np.full(len(X), X.shape[1], dtype=np.int64)
    if not len(lengths):
        raise ValueError(
            f"Found array with 0 sample(s) (shape=(0,)) while a minimum of 1 is required by {name}."
        )
    ids = _whole_numbers(ids, name)
    there = ids != PADDING
    row_of = np.repeat(np.arange(len(lengths)), lengths)
    lengths = np.bincount(row_of[there], minlength=len(lengths))
    if not lengths.all():
        raise ValueError(
            f"X[{int(lengths.argmin())}] is an empty sequence: it has no ids other than 0, which "
            f"is padding. {name} needs at least one token in each."
        )
    return ids[there], lengths


def _whole_numbers(ids: np.ndarray, name: str) -> np.ndarray:
    """Ids as integers; raise if they are not."""
    if ids.dtype.kind not in "iu":
        if ids.dtype.kind not in "bf":
            raise ValueError(f"{name}: {_TOKENS}; got values of type {ids.dtype}.")
        if not np.isfinite(ids).all():
            raise ValueError(f"Input X contains NaN or infinity. {name}: {_TOKENS}.")
        if (ids != np.floor(ids)).any():
            raise ValueError(f"X holds ids that are not integers. {name}: {_TOKENS}.")
    if ids.size and float(ids.max()) > _LARGEST:
        raise ValueError(
            f"X holds the id {ids.max()}: ids are numbers of rows in a table of embeddings, "
            f"at most {_LARGEST}."
        )
    if ids.size and ids.min() < 0:
        raise ValueError(f"X holds the negative id {int(ids.min())}. {name}: {_TOKENS}.")
    return ids.astype(np.int64, copy=False)


def like_tokens(X: Any, values: Any) -> Any:
    """One number for each token, in the layout of X, 0 for padding.

    Parameters
    ----------
    X : array-like of shape (n_samples, length) or list of array-like
        Checked token ids, as the user gave them.
    values : list of ndarray, length n_samples
        The numbers of each sequence, without padding.
    """
    X = to_host(X)
    X = X.to_numpy() if hasattr(X, "columns") and hasattr(X, "to_numpy") else X
    items = elements(X)
    rows = [np.asarray(to_host(row)) for row in (X if items is None else items)]
    out = [np.zeros(len(row), dtype=values[0].dtype) for row in rows]
    for row, numbers, ids in zip(out, values, rows):
        row[ids != PADDING] = numbers
    return np.stack(out) if items is None else out


def like_series(X: Any, values: Any, data_format: str) -> Any:
    """One number for each number of X, in the layout of X, 0 for padding.

    Parameters
    ----------
    X : array-like of shape (n_samples, length) or (n_samples, length, n_channels), or list
        As the user gave it, checked.
    values : sequence of ndarray of shape (length, n_channels)
    data_format : {'channels_last', 'channels_first'}
    """
    items = elements(X)
    is_list = items is not None
    if items is None:
        has_channels = getattr(X, "ndim", 2) == 3
    else:
        has_channels = np.asarray(to_host(items[0])).ndim == 2
    axis = 2 if has_channels and data_format == "channels_first" else 1
    length = None if is_list else X.shape[axis]
    out = []
    for v in values:
        if length is not None and len(v) < length:
            v = np.concatenate([v, np.zeros((length - len(v), v.shape[1]), v.dtype)])
        v = v if has_channels else v[:, 0]
        out.append(v.T if has_channels and data_format == "channels_first" else v)
    is_ragged = is_list and len({len(x) for x in items}) > 1
    return out if is_ragged or (is_list and has_channels) else np.stack(out)
