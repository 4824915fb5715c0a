"""Inputs that are no tables: pictures, signals, series of unequal length.

The rank of X decides what it is. Whatever the user's layout, checked rows have their channels
first, (n_samples, n_channels, length) or (n_samples, n_channels, height, width); where the user's
are last, that is a view and no copy. An estimator remembers the shape of one row, as the user gave
it, in `input_shape_`, and its rows at predict time must have that shape.
"""

import numbers

import numpy as np
import torch
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.validation import validate_data

from skdeep import engine
from skdeep.data.pieces import is_far, scales_differ
from skdeep.data.rows import MappedRows, RaggedRows
from skdeep.data.tensors import to_tensor
from skdeep.inputs.array_checks import checked, chunks_of, is_double, kept_type, ranks_text
from skdeep.inputs.rows import to_host
from skdeep.inputs.supervision import check_target
from skdeep.parameters import ranges

PARAMETERS = {name: ranges.CNN[name] for name in ("data_format", "image_shape", "missing")}
"""Constraints of the parameters that `ArrayInput` reads."""


class ArrayInput:
    """Input methods of estimators whose rows are signals, series or pictures.

    Stands left of `DeepEstimator`. It reads the parameters `data_format`, and where the estimator
    has them `image_shape` and `missing`. A subclass names the ranks that it takes in `_ranks`.
    """

    data_format = "channels_last"
    image_shape = None
    missing = "error"
    _ranks: tuple = (2, 3, 4)

    def _check_training_data(self, X, y, *, reset):
        if y is None:
            validate_data(self, "no_validation", y)  # for its error
        X = self._check_arrays(X, reset=reset)
        y = check_target(self, y)
        check_consistent_length(np.empty((len(X), 0)), y)
        return X, y

    def _check_inputs(self, X):
        return self._check_arrays(X, reset=False)

    def _check_arrays(self, X, *, reset):
        """Checked rows with channels first; with `reset` their shape is remembered."""
        if self.image_shape is not None:
            check_image_shape(self.image_shape)
        X, shape = checked(self, X, reset)
        if reset:
            self.input_shape_ = shape
        else:
            _compare_shape(self, shape)
        return X

    def _as_input(self, X, dtype, device):
        """Where the network lives, in its precision; whole numbers of a byte stay what they are."""
        return to_input(X, dtype, device)

    def _precision(self, X, device):
        """float32, but for rows of float64 that scikit-learn would compute with as they are, or
        that float32 would leave nothing of."""
        if self.dtype is None and not (is_double(X) and (len(self.input_shape_) == 1 or is_far(X))):
            return torch.float32
        return engine.resolve_dtype(self.dtype, X.dtype, device)

    def _outputs_meant(self, y, n_samples):
        """The output of each row whose score `saliency` is asked about, None for the default."""
        if y is None:
            return None
        y = column_or_1d(to_host(y))
        check_consistent_length(np.empty((n_samples, 0)), y)
        return torch.as_tensor(self._output_numbers(y))

    def _wants_own_scale(self, X):
        """The parameter `own_scale` as a bool, for the checked series X."""
        if isinstance(self.own_scale, str):
            return scales_differ(to_input(X, None, getattr(X, "device", "cpu")))
        return bool(self.own_scale)

    def _row_keys(self, X, target):
        if isinstance(X, MappedRows):
            X = X.load().astype(kept_type(X.dtype) or X.dtype, copy=False)
        return [
            np.ascontiguousarray(x).tobytes() + t.tobytes()
            for x, t in zip(to_host(X), np.asarray(target))
        ]

    def _largest(self, X):
        values = X.values if isinstance(X, RaggedRows) else X
        if isinstance(values, MappedRows):
            return max(float(np.abs(chunk).max(initial=0)) for chunk in chunks_of(values.array))
        values = to_host(values)
        return float(np.abs(values).max(initial=0))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.input_tags.three_d_array = 3 in self._ranks
        tags.input_tags.allow_nan = self.missing == "mask"
        return tags


def channels_first_shape(shape, data_format):
    """A row's shape, as the user gave it, with the channels first.

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


def to_input(X, dtype, device):
    """Checked rows as a network eats them.

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


def check_image_shape(image_shape):
    """Raise unless `image_shape` is two or three positive whole numbers."""
    ok = len(image_shape) in (2, 3) and all(
        isinstance(n, numbers.Integral) and n > 0 for n in image_shape
    )
    if not ok:
        raise ValueError(
            f"image_shape={image_shape!r}: expected (height, width), or these with the number of "
            "channels where `data_format` has it, as positive whole numbers."
        )


# --- the shape that was fitted ---------------------------------------------------------------


def _compare_shape(estimator, shape):
    """Raise unless rows have the shape that `fit` saw."""
    known = estimator.input_shape_
    if shape == known:
        return
    name = type(estimator).__name__
    same_rank = len(shape) == len(known)
    last = estimator.data_format == "channels_last"
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
            f"X has {got}, but {name} is expecting the length {known[0 if last else 1]} as input. "
            "Give series to `fit` as a list of 2-D arrays if their lengths may differ."
        )
    if same_rank and len(known) == 3:
        sizes = [" x ".join(map(str, s[:2] if last else s[1:])) for s in (shape, known)]
        raise ValueError(
            f"X has pictures of {sizes[0]} pixels, but {name} is expecting {sizes[1]} pixels as "
            "input."
        )
    raise ValueError(
        f"X has rows of shape {shape}, but {name} is expecting rows of shape {known} as input: "
        f"{ranks_text(estimator)}."
    )
