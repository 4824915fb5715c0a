"""What goes along the road from `fit` to the fitted attributes, step by step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import torch

from skdeep.engine import DeepNet, Recipe


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a user handed to a fitting method."""

    X: Any
    y: Any = None
    sample_weight: Any = None
    X_val: Any = None
    y_val: Any = None
    sample_weight_val: Any = None


@dataclass(frozen=True, kw_only=True)
class Mode:
    """What kind of training a call asks for.

    Attributes
    ----------
    resumed : bool
        It goes on from the weights of an earlier call.
    incremental : bool
        It is one epoch of a stream (`partial_fit`).
    watched : bool
        A callback wants a validation score of each epoch.
    in_search : bool
        It is one of many fits of a search: Ctrl-C is for the search.
    quiet : bool
        It is a step of another fit: no warning where it ends at its last epoch.
    """

    resumed: bool = False
    incremental: bool = False
    watched: bool = False
    in_search: bool = False
    quiet: bool = False


_R = TypeVar("_R", bound="Rows")


@dataclass(frozen=True)
class Rows:
    """Checked rows with their targets and weights.

    Attributes
    ----------
    x : ndarray, CSR matrix, Tensor, or rows of `skdeep.data.rows`
    target : ndarray, or None where the rows themselves are what is to be predicted
    weight : ndarray of shape (n_samples,) or None
        None stands for equal weights.
    counts : ndarray of shape (n_samples,) or None
        How many equal rows each row stands for: the weights without those of classes.
    """

    x: Any
    target: Any
    weight: np.ndarray | None = None
    counts: np.ndarray | None = None

    def __len__(self) -> int:
        return self.x.shape[0]

    def __getitem__(self: _R, rows: np.ndarray) -> _R:
        columns = (self.target, self.weight, self.counts)
        target, weight, counts = (None if c is None else c[rows] for c in columns)
        return replace(self, x=self.x[rows], target=target, weight=weight, counts=counts)

    def with_weight(self) -> Rows:
        """The rows whose weight is not zero: one of weight zero is as if it were not there."""
        if self.weight is None or self.weight.all():
            return self
        return self[np.flatnonzero(self.weight)]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which rows a network is trained on, and which it is judged by.

    Attributes
    ----------
    train : Rows
    held_out : Rows or None
    stops_early : bool
        The score on `held_out` decides when training ends and which weights are kept.
    scores : bool
        Each epoch is given a score on `held_out`, not only a loss.
    """

    train: Rows
    held_out: Rows | None = None
    stops_early: bool = False
    scores: bool = False


@dataclass(frozen=True, kw_only=True)
class Task:
    """All that a phase of training is made of.

    Attributes
    ----------
    net : DeepNet
    data, held_out : tuple of (x, target, weight)
        The rows of the plan, where the network lives.
    plan : Plan
        Or a subclass of it, with what a family has to say of its rows.
    recipe : Recipe
    mode : Mode
    rng : numpy.random.RandomState
    noise : torch.Generator
        On the device of the network, for what training draws.
    ended : bool
        False where a callback looks at the estimator in the middle of training.
    """

    net: DeepNet
    data: tuple[Any, Any, Any]
    held_out: tuple[Any, Any, Any] | None
    plan: Any
    recipe: Recipe
    mode: Mode
    rng: np.random.RandomState
    noise: torch.Generator
    ended: bool = True


Validator = Callable[[], tuple[float, float | None]]
"""Gives the loss and the score (or None) on the validation rows."""
