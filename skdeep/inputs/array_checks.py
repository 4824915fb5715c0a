"""Checks of arrays of any rank, memory maps and lists of series, by scikit-learn's rules."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from skdeep._checks import checked_array, checked_data, refuse_masks
from skdeep._compat import _check_feature_names
from skdeep.data.rows import MappedRows, RaggedRows
from skdeep.inputs.rows import check_rows, dense_tensor, to_host

if TYPE_CHECKING:
    from skdeep.inputs.arrays import ArrayInput

RANKS = {
    "channels_last": "2-D rows are signals of one channel, 3-D arrays (n_samples, length, "
    "n_channels) or lists of 2-D arrays or frames (length, n_channels) are series, and 4-D arrays "
    "(n_samples, height, width, n_channels) are images",
    "channels_first": "2-D rows are signals of one channel, 3-D arrays (n_samples, n_channels, "
    "length) or lists of 2-D arrays or frames (n_channels, length) are series, and 4-D arrays "
    "(n_samples, n_channels, height, width) are images",
}
_GREY = "; grey or flat images need image_shape=(height, width)"
_SMALL_INTEGERS = ("uint8", "int8", "int16", "uint16", "bool", "float16")  # exact in float32
_CHUNK_BYTES = 2**24  # of a memory map, that are looked at in one go


def checked(reader: ArrayInput, estimator: Any, X: Any, reset: bool) -> tuple[Any, tuple]:
    """Check X of any rank.

    Parameters
    ----------
    reader : skdeep.inputs.arrays.ArrayInput
        What X may be.
    estimator : estimator
        Remembers names and number of columns where X is a table; errors bear its name.
    X : array-like, Tensor or list of arrays
    reset : bool
        True in fit.

    Returns
    -------
    X : ndarray, Tensor, MappedRows or RaggedRows
        With the channels first.
    shape : tuple
        Of one row, as the user gave it, `image_shape` being applied.
    """
    mapped = _memory_map(X)
    if mapped is not None:
        return _check_map(reader, estimator, mapped, reset)
    series = list_of_arrays(X)
    if series is not None:
        return _check_list(reader, estimator, series, reset)
    if isinstance(X, torch.Tensor) and X.ndim != 2:
        X = _check_tensor(reader, estimator, X)
    elif _rank(X) != 2 or _keeps_bytes(reader, X):
        X = _check_nd(reader, estimator, X)
    else:
        return _check_2d(reader, estimator, X, reset)
    _forget_columns(estimator, X, reset)
    X, shape = _with_channels(reader, X)
    if reader.missing == "mask" and len(shape) == 2:
        return _without_padding(reader, X, shape, reset)
    return X, shape


def _rank(X: Any) -> int:
    return X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim


def _keeps_bytes(reader: ArrayInput, X: Any) -> bool:
    """Whether X are flat images of bytes, which stay bytes."""
    return reader.image_shape is not None and getattr(X, "dtype", None) == np.uint8


def _check_2d(reader: ArrayInput, estimator: Any, X: Any, reset: bool) -> tuple[Any, tuple]:
    """Check signals of one channel or flat images by all of scikit-learn's rules for tables."""
    if not isinstance(X, torch.Tensor):
        dtype = getattr(X, "dtype", None)
        small = isinstance(dtype, np.dtype) and dtype.name in _SMALL_INTEGERS
        X = checked_data(
            estimator,
            X,
            dtype=np.float32 if small else (np.float64, np.float32),
            ensure_all_finite="allow-nan" if reader.missing == "mask" else True,
            reset=reset,
        )
    else:
        X = check_rows(estimator, X, reset=reset)
    return _with_channels(reader, X)


def _check_nd(reader: ArrayInput, estimator: Any, X: Any) -> np.ndarray:
    """Check an array of another rank than 2, with scikit-learn's messages where it has some."""
    refuse_masks(X)
    X = X if isinstance(X, np.ndarray) else np.asarray(X)
    if X.ndim not in _known_ranks(reader) and X.ndim > 1:
        _refuse_rank(reader, estimator, X.ndim)
    X = checked_array(
        X,
        dtype=kept_type(X.dtype),
        allow_nd=True,
        ensure_all_finite="allow-nan" if reader.missing == "mask" else True,
        estimator=estimator,
    )
    refuse_empty(estimator, X)
    return X


def _check_tensor(reader: ArrayInput, estimator: Any, X: Tensor) -> Tensor:
    """Check a tensor of another rank than 2, on its device."""
    X = dense_tensor(X)
    if X.ndim not in _known_ranks(reader):
        _refuse_rank(reader, estimator, X.ndim)
    refuse_empty(estimator, X)
    if X.is_complex():
        raise ValueError("Complex data not supported")
    if X.dtype not in (torch.float32, torch.float64, torch.uint8):
        X = X.float()
    finite = torch.isfinite(X) if reader.missing == "error" else ~torch.isinf(X)
    if not finite.all():
        what = "NaN" if torch.isnan(X).any() else f"infinity or a value too large for {X.dtype}"
        raise ValueError(f"Input X contains {what}.")
    return X


def is_double(X: Any) -> bool:
    return str(X.dtype).endswith("float64")


def kept_type(dtype: np.dtype) -> type | None:
    """Type that numbers of a type are converted to, None if unchanged."""
    if dtype.name in ("uint8", "float32", "float64"):
        return None
    return np.float32 if dtype.kind in "iubf" else np.float64


def ranks_text(reader: ArrayInput) -> str:
    """Describe the ranks that the estimator accepts."""
    text = RANKS[reader.data_format]
    return text if 4 in reader.ranks else text.split(", and 4-D")[0]


def _known_ranks(reader: ArrayInput) -> tuple[int, ...]:
    return (*reader.ranks, 2) if reader.image_shape is not None else reader.ranks


def _refuse_rank(reader: ArrayInput, estimator: Any, rank: int) -> None:
    grey = _GREY if 4 in reader.ranks else ""
    raise ValueError(
        f"Found array with dim {rank}. {type(estimator).__name__} expected <= "
        f"{max(reader.ranks)}: {ranks_text(reader)}{grey}."
    )


def refuse_empty(estimator: Any, X: Any) -> None:
    if 0 in X.shape:
        what = "sample(s)" if X.shape[0] == 0 else "feature(s)"
        raise ValueError(
            f"Found array with 0 {what} (shape={tuple(X.shape)}) while a minimum of 1 is required "
            f"by {type(estimator).__name__}."
        )


def _forget_columns(estimator: Any, X: Any, reset: bool) -> None:
    """Remove feature names of an earlier table: arrays of other ranks have no columns."""
    if not reset:
        return
    _check_feature_names(estimator, np.empty((0, X.shape[1])), reset=True)
    if X.ndim == 2:
        estimator.n_features_in_ = X.shape[1]
    else:
        estimator.__dict__.pop("n_features_in_", None)


def _with_channels(reader: ArrayInput, X: Any) -> tuple[Any, tuple]:
    """Rows with channels first, and the shape of one row as given, `image_shape` being applied."""
    wanted = reader.image_shape
    if wanted is not None:
        X = _as_images(reader, X, tuple(wanted))
    shape = tuple(X.shape[1:])
    return _channels_first(X, reader.data_format), shape


def _channels_first(X: Any, data_format: str) -> Any:
    if X.ndim == 2:
        return X[:, None]
    if data_format == "channels_first":
        return X
    return X.movedim(-1, 1) if isinstance(X, torch.Tensor) else np.moveaxis(X, -1, 1)


def _as_images(reader: ArrayInput, X: Any, wanted: tuple) -> Any:
    """Flat, grey or whole images of the given shape, with a channel axis."""
    first = reader.data_format == "channels_first"
    full = wanted if len(wanted) == 3 else ((1, *wanted) if first else (*wanted, 1))
    shape = tuple(X.shape[1:])
    if len(shape) == 1 and shape[0] == math.prod(full):
        return X.reshape(len(X), *full)
    if shape == tuple(n for n in wanted) and len(wanted) == 2:
        return X.reshape(len(X), *full)
    if shape == full:
        return X
    raise ValueError(
        f"image_shape={wanted}: expected X of shape (n_samples, {', '.join(map(str, full))}) "
        f"or (n_samples, {math.prod(full)}), got {('n_samples', *shape)}.".replace("'", "")
    )


# --- memory maps -----------------------------------------------------------------------------


def _memory_map(X: Any) -> np.ndarray | None:
    """X as an array on a memory map, or None."""
    base = X
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap):
            return np.asarray(X)
        base = base.base
    return None


def _check_map(reader: ArrayInput, estimator: Any, X: Any, reset: bool) -> tuple[Any, tuple]:
    """Check rows on disk piece by piece, without loading all of them."""
    if X.dtype == object or X.dtype.kind not in "iubf" or X.ndim < 2 or 0 in X.shape:
        return checked(reader, estimator, np.array(X), reset)  # for its error
    if X.ndim not in _known_ranks(reader):
        _refuse_rank(reader, estimator, X.ndim)
    if X.ndim == 2 and not _keeps_bytes(reader, X):
        checked_data(estimator, np.array(X[:1]), reset=reset, ensure_all_finite=False)
    else:
        _forget_columns(estimator, X, reset)
    allow_nan = "allow-nan" if reader.missing == "mask" else True
    for chunk in chunks_of(X):
        checked_array(chunk, allow_nd=True, ensure_all_finite=allow_nan, estimator=estimator)
    X, shape = _with_channels(reader, X)
    return MappedRows(X), shape


def chunks_of(X: Any) -> Iterator[np.ndarray]:
    n = max(1, _CHUNK_BYTES // max(X[:1].nbytes, 1))
    return (X[start : start + n] for start in range(0, len(X), n))


# --- series of unequal length ----------------------------------------------------------------


def _without_padding(reader: ArrayInput, X: Any, shape: tuple, reset: bool) -> tuple[Any, tuple]:
    """Cut series at trailing NaN, where `missing='mask'`."""
    if not reset and None not in (reader.shape or ()):
        return X, shape
    steps = np.moveaxis(np.asarray(to_host(X)), 1, -1)
    there = ~np.isnan(steps).all(2)
    lengths = np.maximum(steps.shape[1] - there[:, ::-1].argmax(1), 1)
    lengths[~there.any(1)] = 1
    if (lengths == steps.shape[1]).all():
        return X, shape
    values = steps[np.arange(steps.shape[1]) < lengths[:, None]]
    rows = RaggedRows(values, np.concatenate([[0], lengths.cumsum()[:-1]]), lengths)
    first = reader.data_format == "channels_first"
    return rows, (values.shape[1], None) if first else (None, values.shape[1])


def list_of_arrays(X: Any) -> list[np.ndarray] | None:
    """The arrays in a list, or None if X is one array or not a list.

    Parameters
    ----------
    X : object
        Lists, tuples, 1-D arrays of objects and pandas' or polars' Series of such may hold arrays,
        tensors and frames of two dimensions or more, or lists of unequal length.

    Returns
    -------
    list of ndarray or None

    Raises
    ------
    ValueError
        If X is a list whose elements are neither arrays of numbers nor of one shape.
    """
    items = elements(X)
    if not items:
        return None
    if any(getattr(x, "ndim", 0) >= 2 for x in items):
        return [_one_array(x, i) for i, x in enumerate(items)]
    try:
        np.asarray(items)
    except (ValueError, TypeError, RuntimeError):  # of unequal length
        return [_one_array(x, i) for i, x in enumerate(items)]
    return None


def elements(X: Any) -> Any:
    """Elements of a list or of a column of objects; None for anything else.

    Parameters
    ----------
    X : object

    Returns
    -------
    list, tuple or None
    """
    if isinstance(X, (list, tuple)):
        return X
    if getattr(X, "ndim", 0) != 1 and type(X).__name__ != "Series":
        return None
    is_column = isinstance(X, np.ndarray) or hasattr(X, "to_numpy")
    if not is_column or (isinstance(X, np.ndarray) and X.dtype != object):
        return None
    items = list(X)
    return items if any(getattr(x, "ndim", 0) or isinstance(x, list) for x in items) else None


def _one_array(x: Any, i: int) -> np.ndarray:
    """Element i of a list as an array of numbers."""
    refuse_masks(x, f"X[{i}]")
    try:
        array = np.asarray(to_host(x))
        if array.dtype.kind == "O" and hasattr(x, "iloc"):  # a frame of unlike or nullable columns
            array = x.to_numpy(np.float64, na_value=np.nan)
        elif array.dtype.kind == "O":
            array = array.astype(np.float64)
        if array.dtype.kind in "iubf" and array.ndim:
            return array
        why = f" of type {array.dtype}"
    except (ValueError, TypeError, RuntimeError, OverflowError) as error:
        why = f": {error}"
    raise ValueError(
        f"X is a list in which X[{i}] is not an array of numbers (a {type(x).__name__}{why}): "
        "expected one array, or a list of arrays, frames or nested lists of numbers."
    )


def _check_list(
    reader: ArrayInput, estimator: Any, arrays: Sequence[np.ndarray], reset: bool
) -> tuple[Any, tuple]:
    ranks = {a.ndim for a in arrays}
    if len(ranks) > 1 or ranks == {3} or reader.image_shape is not None:
        if len({a.shape for a in arrays}) > 1:
            raise ValueError(
                f"Expected a list of arrays of one shape, got the shapes "
                f"{sorted({a.shape for a in arrays})[:3]}. "
                f"Only series may differ in length: {ranks_text(reader)}{_GREY}."
            )
        return checked(reader, estimator, np.stack(arrays), reset)
    known = None if reset else reader.shape
    if known is not None and None not in known and len({a.shape for a in arrays}) == 1:
        return checked(reader, estimator, np.stack(arrays), reset)
    if ranks == {1} and 3 in reader.ranks:
        raise ValueError(f"X is a list of 1-D arrays of unequal length: {ranks_text(reader)}.")
    if ranks != {2} or 3 not in reader.ranks:
        _refuse_rank(reader, estimator, max(ranks) + 1)
    if reader.data_format == "channels_first":
        arrays = [a.T for a in arrays]
    _check_series(reader, estimator, arrays)
    values = _check_nd(reader, estimator, np.concatenate(arrays)[:, None])[:, 0]
    _forget_columns(estimator, values[:, None], reset)
    lengths = np.array([len(a) for a in arrays], dtype=np.int64)
    rows = RaggedRows(values, np.concatenate([[0], lengths.cumsum()[:-1]]), lengths)
    first = reader.data_format == "channels_first"
    n_channels = values.shape[1]
    return rows, (n_channels, None) if first else (None, n_channels)


def _check_series(reader: ArrayInput, estimator: Any, arrays: Sequence[np.ndarray]) -> None:
    """Check that series, (length, n_channels) each, are not empty and have equal channels."""
    widths = {a.shape[1] for a in arrays}
    if len(widths) > 1:
        raise ValueError(
            f"All series must have the same number of channels, got {sorted(widths)}: "
            f"{ranks_text(reader)}."
        )
    empty = next((i for i, a in enumerate(arrays) if not a.size), None)
    if empty is not None:
        raise ValueError(
            f"Found a series with 0 steps or channels (X[{empty}]) while a minimum of 1 is "
            f"required by {type(estimator).__name__}."
        )
