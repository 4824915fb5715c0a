"""How an estimator is written: which function writes which of its methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skdeep.onnx._graph import Output
from skdeep.onnx._inputs import TensorInput
from skdeep.onnx._types import of_tensor

Convert = Callable[..., Output | list[Output]]
"""Writes a method: given the graph, the fitted estimator and the arguments of the method but X, it
returns what the method returns."""


def of_network(model: Any) -> np.dtype:
    """The precision of the network of a fitted estimator."""
    return of_tensor(model.net_.parameter)


def single(model: Any) -> np.dtype:
    """float32, where onnxruntime has nothing else (convolutions, for example)."""
    return np.dtype(np.float32)


def double(model: Any) -> np.dtype:
    """float64."""
    return np.dtype(np.float64)


def of_rows(model: Any) -> None:
    """None: float64 where X is, else float32."""


@dataclass(frozen=True)
class Family:
    """How an estimator is written.

    Attributes
    ----------
    methods : mapping of str to callable
        What writes each method.
    default : tuple of str
        The methods that a file has where the user names none.
    precision : callable
        The type in which a fitted estimator computes: `of_network`, `single`,
        `double` or `of_rows`.
    inputs : mapping of str to callable
        What a file takes in the place of rows, given the fitted estimator, for each method that
        takes none.
    outputs : mapping of str to callable
        Name and type of each output, given the fitted estimator, of methods that have several, or
        one of another type than the others'.
    """

    methods: Mapping[str, Convert]
    default: tuple[str, ...]
    precision: Callable[[Any], Any] = of_network
    inputs: Mapping[str, Callable[[Any], list[TensorInput]]] = field(default_factory=dict)
    outputs: Mapping[str, Callable[[Any], list[tuple[str, Any]]]] = field(default_factory=dict)
