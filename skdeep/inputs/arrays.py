"""Reading arrays: images, signals, series of unequal length.

The rank of X decides what it is. Checked rows have their channels first, (n_samples, n_channels,
length) or (n_samples, n_channels, height, width), whatever the user's layout; channels-last input
is transposed as a view, without a copy. An estimator remembers the shape of one row, as given, in
`input_shape_`, and requires it at predict time.
"""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from sklearn.utils import InputTags, check_consistent_length
from sklearn.utils.validation import validate_data

from skdeep import engine
from skdeep.data.batches import to_tensor
from skdeep.data.pieces import is_far, scales_differ
from skdeep.data.rows import MappedRows, RaggedRows
from skdeep.engine.device import fits
from skdeep.inputs.array_checks import checked, chunks_of, is_double, kept_type, ranks_text
from skdeep.inputs.hints import warn_of_images
from skdeep.inputs.rows import check_target, to_host


class Input:
    """Shared methods of the readers of arrays and of token ids."""

    def check(self, estimator: Any, X: Any, *, reset: bool = False) -> Any:
        """Check rows; with `reset`, remember what `fit` saw."""
        raise NotImplementedError

    def check_with_target(
        self, estimator: Any, X: Any, y: Any, *, reset: bool
    ) -> tuple[Any, np.ndarray]:
        """Check rows and targets of a fitting method."""
        if y is None:
            validate_data(estimator, "no_validation", y)  # for its error
        X = self.check(estimator, X, reset=reset)
        y = check_target(estimator, y)
        check_consistent_length(np.empty((len(X), 0)), y)
        return X, y

    def keys(self, X: Any, target: Any) -> list[bytes]:
        """Content of each row and its target, as bytes."""
        if isinstance(X, MappedRows):
            X = X.load().astype(kept_type(X.dtype) or X.dtype, copy=False)
        return [
            np.ascontiguousarray(x).tobytes() + t.tobytes()
            for x, t in zip(to_host(X), np.asarray(target))
        ]

    def largest(self, X: Any) -> float:
        """Largest absolute value of checked rows."""
        values = X.values if isinstance(X, RaggedRows) else X
        if isinstance(values, MappedRows):
            return max(float(np.abs(chunk).max(initial=0)) for chunk in chunks_of(values.array))
        values = to_host(values)
        return float(np.abs(values).max(initial=0))


@dataclass(frozen=True, kw_only=True)
class ArrayInput(Input):
    """Reader of signals, series and images.

    Attributes
    ----------
    data_format : {'channels_last', 'channels_first'}
    image_shape : sequence of int or None
        Shape of images that come flat or without an axis for their channel.
    missing : {'error', 'mask'}
    ranks : tuple of int
        The numbers of dimensions that X may have.
    shape : tuple or None
        Of one row in `fit`, as the user gave it; None before. The length of series is None where
        lengths differ.
    flat : bool
        Whether rows of X of two dimensions stay vectors, without an axis for their one channel.
    keeps_bytes : bool
        Whether bytes go to the network as they are: it turns them into numbers batch by batch.
    """

    data_format: str = "channels_last"
    image_shape: Any = None
    missing: str = "error"
    ranks: tuple[int, ...] = (2, 3, 4)
    shape: tuple[Any, ...] | None = None
    flat: bool = False
    keeps_bytes: bool = True

    @classmethod
    def of(cls, estimator: Any, **settled: Any) -> Self:
        """Read the parameters of an estimator, as far as it has them, and the shape that it knows;
        `settled` are values that stand above them."""
        read = {
            name: getattr(estimator, name)
            for name in ("data_format", "image_shape", "missing")
            if hasattr(estimator, name)
        }
        read["shape"] = getattr(estimator, "input_shape_", None)
        return cls(**read | settled)

    def check(self, estimator: Any, X: Any, *, reset: bool = False) -> Any:
        """Check rows and put channels first; with `reset`, remember the shape of one."""
        if self.image_shape is not None:
            check_image_shape(self.image_shape)
        X, shape = checked(self, estimator, X, reset)
        if reset:
            estimator.input_shape_ = shape
            if self.image_shape is None and 4 in self.ranks:
                warn_of_images(type(estimator).__name__, X, shape, self.data_format)
        else:
            self._compare_shape(estimator, shape)
        if not self.flat or len(shape) > 1:
            return X
        return MappedRows(X.array[:, 0], X.rows) if isinstance(X, MappedRows) else X[:, 0]

    def place(self, X: Any, dtype: torch.dtype, device: torch.device) -> Any:
        """Move checked rows to the network's device: a Tensor, LoadedRows or PaddedRows; rows that
        do not fit there are moved batch by batch."""
        if self.keeps_bytes and isinstance(X, np.ndarray):
            size = X.itemsize if X.dtype == np.uint8 else dtype.itemsize
            X = X if fits(X.size * size, device) else MappedRows(X)
        x = to_input(X, dtype, device)
        return x if self.keeps_bytes or not isinstance(x, torch.Tensor) else x.to(dtype)

    def precision(self, dtype: str | None, X: Any, device: torch.device) -> torch.dtype:
        """Type of a network's parameters: float32, but for rows of float64 that scikit-learn would
        compute with as they are, or that float32 would leave nothing of."""
        is_vector = self.shape is not None and len(self.shape) == 1
        if dtype is None and not (is_double(X) and (is_vector or is_far(X))):
            return torch.float32
        return engine.resolve_dtype(dtype, X.dtype, device)

    def give_back(self, given: Any, X: Any, values: Sequence[np.ndarray]) -> Any:
        """Return one number for each number of X, in the user's layout.

        Parameters
        ----------
        given : object
            X as the user gave it.
        X : object
            The checked rows.
        values : list of ndarray
            The numbers of each row, with the channels first.
        """
        if self.data_format == "channels_last":
            values = [np.moveaxis(row, 0, -1) for row in values]
        if self.image_shape is None and self.shape is not None and len(self.shape) == 1:
            values = [row.reshape(self.shape) for row in values]
        return values if isinstance(X, RaggedRows) else np.stack(values)

    def tag(self, tags: InputTags) -> None:
        """Set scikit-learn's tags of what X may be."""
        tags.sparse = False
        tags.three_d_array = 3 in self.ranks
        tags.allow_nan = self.missing == "mask"

    def _compare_shape(self, estimator: Any, shape: tuple) -> None:
        """Raise unless rows have the shape that `fit` saw."""
        known: Any = self.shape
        if shape == known:
            return
        name = type(estimator).__name__
        same_rank = len(shape) == len(known)
        last = self.data_format == "channels_last"
        channels = (-1 if last else 0) if len(known) > 1 else None
        if same_rank and channels is not None and shape[channels] != known[channels]:
            raise ValueError(
                f"X has {shape[channels]} channels, but {name} is expecting {known[channels]} "
                "channels as input."
            )
        if same_rank and len(known) == 2 and None in known:
            return  # series of any length
        if same_rank and len(known) == 2:
            length = shape[0 if last else 1]
            got = "series of unequal length" if length is None else f"series of length {length}"
            raise ValueError(
                f"X has {got}, but {name} is expecting the length {known[0 if last else 1]} as "
                "input. Give series to `fit` as a list of 2-D arrays if their lengths may differ."
            )
        if same_rank and len(known) == 3:
            sizes = [" x ".join(map(str, s[:2] if last else s[1:])) for s in (shape, known)]
            raise ValueError(
                f"X has images of {sizes[0]} pixels, but {name} is expecting {sizes[1]} pixels "
                "as input."
            )
        raise ValueError(
            f"X has rows of shape {shape}, but {name} is expecting rows of shape {known} as input: "
            f"{ranks_text(self)}."
        )


def wants_own_scale(own_scale: Any, X: Any) -> bool:
    """The parameter `own_scale` as a bool, for the checked series X."""
    if isinstance(own_scale, str):
        return scales_differ(to_input(X, None, getattr(X, "device", "cpu")))
    return bool(own_scale)


def channels_first_shape(shape: tuple, data_format: str) -> tuple:
    """Shape of a row, as given by the user, with channels first.

    Parameters
    ----------
    shape : tuple
        ``(n_features,)``, or with channels where `data_format` has them; None stands for lengths
        that differ.
    data_format : {'channels_last', 'channels_first'}

    Examples
    --------
    >>> from skdeep.inputs.arrays import channels_first_shape
    >>> channels_first_shape((28, 32, 3), "channels_last")
    (3, 28, 32)
    >>> channels_first_shape((64,), "channels_last")
    (1, 64)
    """
    if len(shape) == 1:
        return (1, *shape)
    return tuple(shape) if data_format == "channels_first" else (shape[-1], *shape[:-1])


def to_input(X: Any, dtype: torch.dtype | None, device: str | torch.device) -> Any:
    """Convert checked rows to the input of networks.

    Parameters
    ----------
    X : ndarray, Tensor, MappedRows or RaggedRows
        With the channels first.
    dtype : torch.dtype
        Bytes (uint8) stay bytes: the network turns them into numbers batch by batch.
    device : torch.device

    Returns
    -------
    Tensor, LoadedRows or PaddedRows
    """
    kept = None if str(X.dtype).removeprefix("torch.") == "uint8" else dtype
    if isinstance(X, (MappedRows, RaggedRows)):
        return X.to(kept, device)
    return to_tensor(X, kept, device)


def check_image_shape(image_shape: Any) -> None:
    """Raise unless `image_shape` is two or three positive whole numbers."""
    ok = len(image_shape) in (2, 3) and all(
        isinstance(n, numbers.Integral) and int(n) > 0 for n in image_shape
    )
    if not ok:
        raise ValueError(
            f"image_shape={image_shape!r}: expected (height, width), or these with the number of "
            "channels where `data_format` has it, as positive whole numbers."
        )
