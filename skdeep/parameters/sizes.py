"""Sizes of layers as users give them: the one place where they are read."""

from __future__ import annotations

import os
from itertools import pairwise
from numbers import Integral
from typing import Any

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
        If they are no positive integers, or need more memory than this machine has.

    Examples
    --------
    >>> from skdeep.parameters.sizes import layer_sizes
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
