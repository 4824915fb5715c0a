"""Batches for several networks at once, each with rows of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from skdeep.data.batches import Batch


class MemberBatches:
    """Batches of shape (n_members, batch_size, ...), each member in its own order.

    Parameters
    ----------
    x : Tensor of shape (n_rows, n_columns)
    target : Tensor of shape (n_rows, ...)
    weight : Tensor of shape (n_rows,) or None
    rows : ndarray of int of shape (n_members, n_samples)
        The rows of each member.
    batch_size : int
    rng : numpy.random.RandomState or None
        Shuffles each member's rows before each epoch; None leaves them as they are.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from skdeep.data.members import MemberBatches
    >>> x, y = torch.arange(3.0)[:, None], torch.arange(3)
    >>> rows = np.array([[0, 1], [1, 2]])
    >>> batches = MemberBatches(x, y, None, rows, batch_size=1, rng=None)
    >>> [(x.tolist(), target.tolist()) for x, target, weight in batches.epoch()]
    [([[[0.0]], [[1.0]]], [0, 1]), ([[[1.0]], [[2.0]]], [1, 2])]
    """

    def __init__(
        self,
        x: Tensor,
        target: Tensor,
        weight: Tensor | None,
        rows: np.ndarray,
        *,
        batch_size: int,
        rng: np.random.RandomState | None,
    ) -> None:
        self.x, self.target, self.weight = x, target, weight
        self.rows, self.rng, self.batch_size = rows, rng, batch_size
        self.n_members, self.n_samples = rows.shape

    def __len__(self) -> int:
        return -(-self.n_samples // self.batch_size)

    def epoch(self, order: Tensor | np.ndarray | Sequence[int] | None = None) -> Iterator[Batch]:
        """Yield (rows, targets, weights); targets and weights of all members in one axis."""
        rows = self.rows
        if self.rng is not None:
            order = self.rng.random_sample(rows.shape).argsort(1)
            rows = np.take_along_axis(rows, order, 1)
        for chosen in torch.as_tensor(rows).to(self.x.device).split(self.batch_size, dim=1):
            flat = chosen.flatten()
            x = self.x.index_select(0, flat).unflatten(0, (self.n_members, -1))
            weight = None if self.weight is None else self.weight[flat]
            yield x, self.target[flat], weight
