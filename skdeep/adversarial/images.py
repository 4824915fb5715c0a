"""Conversion of images between users' layouts and that of networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from skdeep._checks import checked_array
from skdeep.inputs.array_checks import refuse_empty
from skdeep.inputs.rows import to_host

_LARGEST, _LARGEST_INTEGER = 1e100, 2**53


def read_images(estimator: Any, X: Any) -> np.ndarray:
    """Check X by the parameters `image_shape` and `data_format`.

    The shape of a sample, and rank and type of X, are remembered on the estimator.

    Returns
    -------
    ndarray of shape (n_samples, height, width, channels)
    """
    X = checked_array(to_host(X), dtype="numeric", allow_nd=True, ensure_2d=False)
    refuse_empty(estimator, X)
    if X.dtype.kind not in "iubf":
        raise ValueError(f"X holds values of type {X.dtype}: expected numbers.")
    estimator._layout = (X.ndim, X.dtype)
    estimator.input_shape_ = X.shape[1:]
    if X.ndim == 2 and estimator.image_shape is not None:
        shape = tuple(int(s) for s in estimator.image_shape)
        if len(shape) not in (2, 3) or np.prod(shape) != X.shape[1]:
            raise ValueError(
                f"image_shape={shape}: expected height and width, and channels if there are "
                f"any, whose product is the number of features, {X.shape[1]}."
            )
        X = X.reshape(-1, *shape)
    if X.ndim not in (3, 4):
        raise ValueError(
            f"X has shape {X.shape}: expected images, of shape (n, height, width) or (n, "
            "height, width, channels), or rows with their image_shape."
        )
    if X.ndim == 3:
        return X[..., None]
    is_first = estimator._layout[0] == 4 and estimator.data_format == "channels_first"
    return X.transpose(0, 2, 3, 1) if is_first else X


def range_of(images: np.ndarray) -> tuple[float, float]:
    """Range of values that is mapped to [-1, 1]."""
    low, high = float(images.min()), float(images.max())
    if images.dtype == np.uint8:
        low, high = 0.0, 255.0
    largest = max(abs(low), abs(high))
    if largest > (_LARGEST_INTEGER if images.dtype.kind in "iu" else _LARGEST):
        raise ValueError(
            f"X holds values up to {largest:.3g}, too large for images of {images.dtype}: "
            "scale them first."
        )
    return low, high if high - low > 1 / _LARGEST else low + max(1.0, abs(low))


@dataclass(frozen=True)
class ImageScale:
    """Mapping of a range of values to [-1, 1] and back, channels first.

    Parameters
    ----------
    low, high : float
    """

    low: float
    high: float

    @property
    def _dtype(self) -> Any:
        """float32, unless it cannot represent or distinguish values of the range."""
        largest = max(abs(self.low), abs(self.high))
        is_far = largest > 1e30 or self.high - self.low < max(1e-3 * largest, 1e-30)
        return np.float64 if is_far else np.float32

    def scaled(self, images: np.ndarray) -> np.ndarray:
        """Images as float32 of shape (n_samples, channels, height, width)."""
        x = images.astype(self._dtype)
        x = ((x - self.low) * (2 / (self.high - self.low)) - 1).astype(np.float32, copy=False)
        return np.ascontiguousarray(x.transpose(0, 3, 1, 2))

    def unscaled(
        self, x: np.ndarray, rank: int, dtype: np.dtype, channels_first: bool
    ) -> np.ndarray:
        """Images in the original range, with the rank and type given to `fit`."""
        x = x.astype(self._dtype, copy=False)
        x = (x.transpose(0, 2, 3, 1) + 1) * ((self.high - self.low) / 2) + self.low
        if rank == 2:
            x = x.reshape(len(x), -1)
        elif rank == 3:
            x = x[..., 0]
        elif channels_first:
            x = x.transpose(0, 3, 1, 2)
        x = np.clip(x, self.low, self.high)
        return (np.round(x) if dtype.kind in "iub" else x).astype(dtype)
