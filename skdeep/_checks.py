"""Checks of arrays, frames and layer sizes, and rollback of failed fits, for all rooms."""

import contextlib
import functools
import os
import re
from collections.abc import Callable
from itertools import pairwise
from numbers import Integral
from typing import Any, TypeVar, cast

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

_NOT_NUMBERS = re.compile(
    r"could not convert|cannot convert|setting an array element|argument must be|inhomogeneous|"
    r"Cannot cast|can't convert"
)
"""Words of NumPy that scikit-learn lets through."""


def checked_data(estimator, X="no_validation", y="no_validation", **options):
    """scikit-learn's `validate_data`, but what other libraries say of X or y names it.

    Parameters
    ----------
    estimator : estimator
    X, y : array-like, default='no_validation'
    **options : dict
        Of `validate_data`.

    Returns
    -------
    ndarray or CSR matrix, or a tuple of two
    """
    refuse_masks(X)
    with naming("X", X):
        return validate_data(estimator, X, y, **options)


def checked_array(X, name="X", **options):
    """scikit-learn's `check_array` with errors that name what was checked.

    Parameters
    ----------
    X : array-like
    name : str, default='X'
        Of what it is, for errors.
    **options : dict
        Of `check_array`.

    Returns
    -------
    ndarray
    """
    refuse_masks(X, name)
    with naming(name, X):
        return check_array(X, input_name=name, **options)


@contextlib.contextmanager
def naming(name, X=None):
    """Let errors of scikit-learn's checks through; those of other libraries with a name.

    Parameters
    ----------
    name : str
        What is checked, where it is not the target.
    X : array-like, default=None
        It. If it is a frame, columns that are no numbers are named.
    """
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # of sums that look for infinity
            yield
    except (ValueError, TypeError, RuntimeError, OverflowError, AttributeError) as error:
        frames, trace = [], error.__traceback__
        while trace is not None:
            frames.append(trace.tb_frame)
            trace = trace.tb_next
        library = frames[-1].f_globals.get("__name__", "").split(".")[0]
        is_known = isinstance(error, (ValueError, TypeError)) and library in ("sklearn", "skdeep")
        if is_known and not _NOT_NUMBERS.search(str(error)):
            raise
        if any(frame.f_code.co_name == "_check_y" for frame in frames):
            name = "y"
        kind = TypeError if isinstance(error, TypeError) else ValueError
        message = f"Input {name} cannot be turned into an array of numbers: {error}"
        wrong = [] if name == "y" or not is_frame(X) else _not_numbers(X)
        if wrong:
            more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
            message += f" (columns that are no numbers: {', '.join(map(repr, wrong[:3]))}{more})"
        raise kind(message) from None


def _not_numbers(frame):
    """Names of the columns of a frame that cannot be turned into numbers."""
    wrong = []
    for name in frame.columns:
        try:
            np.asarray(frame[name], dtype=np.float64)
        except (ValueError, TypeError):
            wrong.append(name)
    return wrong


def refuse_masks(X, name="X"):
    """Raise for a masked array in which values are masked, since NumPy would take the mask off."""
    if isinstance(X, np.ma.MaskedArray) and np.ma.is_masked(X):
        raise ValueError(
            f"Input {name} is a masked array, whose {int(np.ma.count_masked(X))} masked values "
            "would be read as what lies under the mask: fill or impute them, with "
            f"{name}.filled(numpy.nan) for example."
        )


def is_frame(X):
    """Whether X is a DataFrame, of pandas, polars or another library."""
    # Asked of the type: a lazy frame would compute its columns.
    return all(hasattr(type(X), a) for a in ("columns", "dtypes")) and getattr(X, "ndim", 2) == 2


def column_names(estimator):
    """Names of the input columns, ``x0, x1, ...`` where they have none."""
    known = getattr(estimator, "feature_names_in_", None)
    if known is not None:
        return list(known)
    return [f"x{j}" for j in range(estimator.n_features_in_)]


Method = TypeVar("Method", bound=Callable[..., Any])


def all_or_nothing(method: Method) -> Method:
    """Make a fitting method leave the estimator as it was if it raises."""

    @functools.wraps(method)
    def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        before = dict(self.__dict__)
        try:
            return method(self, *args, **kwargs)
        except BaseException as error:
            self.__dict__.clear()
            self.__dict__.update(before)
            defined = f"{method.__qualname__}() missing"  # in a base class, which no user knows
            if isinstance(error, TypeError) and str(error).startswith(defined):
                name = f"{type(self).__name__}.{method.__name__}() missing"
                raise TypeError(str(error).replace(defined, name)) from None
            raise

    return cast(Method, wrapped)


_COPIES = 4  # of each weight in training: itself, its gradient, two moments of Adam
_BYTES = 8


def layer_sizes(
    sizes: Any, name: str, *, n_inputs: int = 1, may_be_empty: bool = False
) -> list[int]:
    """Numbers of units, filters or pixels, one for each layer.

    Parameters
    ----------
    sizes : int or array-like of int
    name : str
        Of the parameter.
    n_inputs : int, default=1
        What the first layer sees, for an estimate of the memory.
    may_be_empty : bool, default=False
        Whether there may be no layer.

    Returns
    -------
    list of int

    Raises
    ------
    ValueError
        If they are not positive integers, or need more memory than this machine has.

    Examples
    --------
    >>> from skdeep._checks import layer_sizes
    >>> layer_sizes(100, "hidden_layer_sizes"), layer_sizes((64, 32), "hidden_layer_sizes")
    ([100], [64, 32])
    >>> layer_sizes([1.5], "hidden_layer_sizes")
    Traceback (most recent call last):
    ...
    ValueError: hidden_layer_sizes=[1.5]: expected a positive integer, or one for each layer.
    """
    given = [sizes] if isinstance(sizes, Integral) else sizes
    is_list = hasattr(given, "__len__") and getattr(given, "ndim", 1) == 1
    is_list = is_list and not isinstance(given, (str, bytes, dict, set, frozenset))
    if not is_list or any(not isinstance(n, Integral) or isinstance(n, bool) for n in given):
        raise ValueError(f"{name}={sizes!r}: expected a positive integer, or one for each layer.")
    numbers = [int(n) for n in given]
    if not numbers and not may_be_empty:
        raise ValueError(f"{name} must be > 0, with one number or more, got {sizes!r}.")
    if any(n <= 0 for n in numbers):
        raise ValueError(f"{name} must be > 0, got {numbers}.")
    needed = _BYTES * _COPIES * sum((a + 1) * b for a, b in pairwise([n_inputs, *numbers]))
    if needed > _memory():
        raise ValueError(
            f"{name}={sizes!r}: to train the weights of such layers takes {needed / 2**30:.3g} "
            f"GiB, and this machine has {_memory() / 2**30:.3g} GiB."
        )
    return numbers


def _memory() -> float:
    """Bytes of the machine's memory; no limit where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return float("inf")
