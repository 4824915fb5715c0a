"""Types and protocols of the parts of a training run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from torch import Tensor

if TYPE_CHECKING:
    from skdeep.data.batches import Batch
    from skdeep.engine.optim import FlatOptimizer

Loss: TypeAlias = Callable[[Any, Any], Tensor]
"""Output and target to one value for each row, pair or triplet."""

Gradient: TypeAlias = Callable[[Any, Any, Tensor | None], Tensor]
"""Input, target and weight to the loss, the gradient being written on the way."""

Losses: TypeAlias = tuple[float, ...]
"""Of an epoch, in the order of a step's `loss_names`."""

Validator: TypeAlias = Callable[[], tuple[float | None, float | None]]
"""Gives loss and score on the validation rows."""


class Step(Protocol):
    """Update of the parameters by one batch; see `skdeep.engine.steps`."""

    @property
    def loss_names(self) -> tuple[str, ...]: ...

    @property
    def optimizers(self) -> Sequence[FlatOptimizer]: ...

    def __call__(self, batch: Batch, on_gradient: Callable[[], None] | None = None) -> Tensor: ...


class Epochs(Protocol):
    """Protocol of `skdeep.data.batches.Batches` and similar classes."""

    n_samples: int

    def __len__(self) -> int: ...

    def epoch(self, order: np.ndarray | None = None) -> Iterator[Batch]: ...


class Best(Protocol):
    """Protocol of what keeps the weights of the best epoch; see `skdeep.engine.schedules`."""

    def save(self) -> None: ...

    def restore(self) -> None: ...
