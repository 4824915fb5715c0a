"""Batches for losses that compare rows: explicit pairs or triplets, and class-balanced batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from skdeep.data.batches import Batch, Rows


class TupleBatches:
    """Batches of explicit pairs or triplets of rows.

    Each batch holds every row that its tuples name once; the tuples then point into the batch.

    Parameters
    ----------
    x : Tensor of shape (n_rows, ...)
    tuples : Tensor of int64 of shape (n_tuples, 2) or (n_tuples, 3)
        Row numbers: pairs, or anchor, positive, negative.
    label : Tensor of shape (n_tuples,), default=None
        Of pairs: 1 for similar, 0 for dissimilar.
    weight : Tensor of shape (n_tuples,), default=None
    batch_size : int
        Tuples in a batch.
    transform : callable, default=None
        Applied to the rows of each batch: augmentation.

    Examples
    --------
    >>> import torch
    >>> from skdeep.data.pairs import TupleBatches
    >>> x = torch.tensor([[0.0], [1.0], [2.0]])
    >>> pairs, label = torch.tensor([[2, 0], [0, 1]]), torch.tensor([1, 0])
    >>> batch = next(TupleBatches(x, pairs, label, batch_size=2).epoch())
    >>> rows, (inside, label), weight = batch
    >>> rows[inside].squeeze(-1).tolist()
    [[2.0, 0.0], [0.0, 1.0]]
    """

    def __init__(
        self,
        x: Rows,
        tuples: Tensor,
        label: Tensor | None = None,
        weight: Tensor | None = None,
        *,
        batch_size: int,
        transform: Callable[[Any], Any] | None = None,
    ) -> None:
        self.transform = transform
        self.x, self.tuples, self.label, self.weight = x, tuples, label, weight
        self.n_samples = len(tuples)
        self.batch_size = batch_size

    def __len__(self) -> int:
        return -(-self.n_samples // self.batch_size)

    def epoch(self, order: Tensor | np.ndarray | Sequence[int] | None = None) -> Iterator[Batch]:
        """Yield (rows, (tuples, label), weight) for all tuples, in `order`."""
        device = self.tuples.device
        order = torch.as_tensor(np.arange(self.n_samples) if order is None else order).to(device)
        for chosen in order.split(self.batch_size):
            rows, inside = torch.unique(self.tuples[chosen], return_inverse=True)
            label = None if self.label is None else self.label[chosen]
            weight = None if self.weight is None else self.weight[chosen]
            x = self.x.index_select(0, rows)
            yield x if self.transform is None else self.transform(x), (inside, label), weight


class ClassBatches:
    """Batches of P classes with K rows each, for losses that mine pairs or triplets themselves.

    Every epoch shuffles the rows inside their classes, cuts them into parts of K (a class with
    fewer rows gives what it has) and deals the parts out so that a batch holds different
    classes as long as there are enough (Hermans et al., 2017).

    With `groups`, such as alphabets of characters, half of the batches are dealt from one group
    after the other (those of small groups hold several): what sets the classes of a group apart
    is learned from the negatives that are hard, and from more of them.

    Parameters
    ----------
    x : Tensor of shape (n_samples, ...), or rows with `index_select`
    y : Tensor of int64 of shape (n_samples,)
        Class numbers.
    n_classes_per_batch, n_rows_per_class : int
        P and K.
    rng : numpy.random.RandomState
    transform : callable, default=None
        Applied to the rows of each batch: augmentation.
    groups : ndarray of int of shape (n_samples,), default=None

    Examples
    --------
    >>> import numpy as np, torch
    >>> from skdeep.data.pairs import ClassBatches
    >>> batches = ClassBatches(
    ...     torch.arange(5.0)[:, None], torch.tensor([0, 1, 2, 0, 1]),
    ...     n_classes_per_batch=2, n_rows_per_class=2, rng=np.random.RandomState(0),
    ... )
    >>> [sorted(y.tolist()) for x, y, weight in batches.epoch()]
    [[0, 0, 1, 1, 2]]
    """

    def __init__(
        self,
        x: Rows,
        y: Tensor,
        *,
        n_classes_per_batch: int,
        n_rows_per_class: int,
        rng: np.random.RandomState,
        transform: Callable[[Any], Any] | None = None,
        groups: np.ndarray | None = None,
    ) -> None:
        self.x, self.y, self.rng, self.transform = x, y, rng, transform
        self.n_samples = len(y)
        self.p, self.k = n_classes_per_batch, n_rows_per_class
        labels, self.groups = y.cpu().numpy(), groups
        inside = np.zeros(len(labels), np.int64) if groups is None else groups
        order = np.lexsort((inside, labels))
        ends = np.diff(labels[order]).astype(bool) | np.diff(inside[order]).astype(bool)
        self.members = np.split(order, np.flatnonzero(ends) + 1)
        n_parts = sum(-(-len(m) // self.k) for m in self.members)
        # A last batch of one part has nothing to compare it with: it joins the one before it.
        self.starts = list(range(0, max(n_parts - 1, 1), self.p))

    def __len__(self) -> int:
        return len(self.starts)

    def epoch(self, order: Tensor | np.ndarray | Sequence[int] | None = None) -> Iterator[Batch]:
        """Yield (rows, class numbers, None); `order` is not used: the classes set the order."""
        parts = []
        for members in self.members:
            shuffled = self.rng.permutation(members)
            for i, start in enumerate(range(0, len(shuffled), self.k)):
                parts.append((i, self.rng.uniform(), shuffled[start : start + self.k]))
        parts.sort(key=lambda part: part[:2])  # one part of each class, then the next
        batches = list(zip(self.starts, [*self.starts[1:], len(parts)]))
        if self.groups is not None:
            parts = self._half_inside_groups(parts, self.groups)
            batches = [batches[i] for i in self.rng.permutation(len(batches))]
        for start, stop in batches:
            chosen = np.concatenate([rows for *_, rows in parts[start:stop]])
            rows = torch.from_numpy(chosen).to(self.y.device)
            x = self.x.index_select(0, rows)
            yield x if self.transform is None else self.transform(x), self.y[rows], None

    def _half_inside_groups(self, parts: list, groups: np.ndarray) -> list:
        """The same parts, a random half of them in their order, then the others by group."""
        place = self.rng.permutation(groups.max() + 1)
        is_inside = self.rng.permutation(len(parts)) % 2 == 1
        dealt = [part for part, inside in zip(parts, is_inside) if not inside]
        rest = [part for part, inside in zip(parts, is_inside) if inside]
        return dealt + sorted(rest, key=lambda part: place[groups[part[-1][0]]])
