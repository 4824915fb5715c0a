"""What a run leaves beside its weights: losses and scores, or an error."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


class NonFiniteLoss(Exception):
    """Raised when the loss of an epoch or the final weights are NaN or infinite.

    Parameters
    ----------
    epoch : int
        The epoch that it happened in, from 1.
    """

    def __init__(self, epoch: int) -> None:
        super().__init__(f"epoch {epoch}")
        self.epoch = epoch


@dataclass
class Curves:
    """Losses and scores of each epoch, appended to across warm starts.

    Attributes
    ----------
    losses : list of float or of tuple of float
        Training loss of each epoch (of each player).
    validation_losses, scores : list of float, or None
        On the validation rows, where there are any.
    """

    losses: list[Any] = field(default_factory=list)
    validation_losses: Any = None  # a list where there are validation rows, as is the next
    scores: Any = None
