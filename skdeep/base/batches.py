"""Batches of a training: of rows in memory, or of the chunks that are read from disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from skdeep.base.learning import Task
from skdeep.data.batches import Batches, LengthBatches
from skdeep.data.rows import PaddedRows
from skdeep.data.stream import StreamBatches
from skdeep.inputs.rows import to_host


def make_batches(estimator: Any, task: Task, **options: Any) -> Batches | StreamBatches:
    """Batches of rows; series of unequal length are grouped by length to reduce padding."""
    recipe = task.recipe
    options |= {"batch_size": task.batch_size, "smallest": recipe.smallest_batch}

    def make(data: Any) -> Batches:
        if isinstance(data[0], PaddedRows):
            return LengthBatches(*data, lengths=to_host(data[0].lengths), **options)
        return Batches(*data, **{k: v for k, v in options.items() if k != "window"})

    return of_rows_or_stream(estimator, task, make, shuffle=recipe.shuffle)


def of_rows_or_stream(
    estimator: Any, task: Task, make: Callable[[Any], Any], *, shuffle: bool
) -> Any:
    """Batches that `make` gives of rows in memory, ``(x, target, weight)``; where training reads
    rows from disk, those of each of its chunks."""
    rows, recipe = task.plan.train, task.recipe
    if rows.stream is None:
        return make(task.data)

    def chunks(rng: np.random.RandomState | None) -> Iterator[Any]:
        for x, target, weight in rows.stream.chunks(rng, task.batch_size):
            chunk = replace(rows, x=x, target=target, weight=weight, counts=None, stream=None)
            yield chunk.tensors(estimator, task.net)

    return StreamBatches(
        chunks,
        make,
        n_samples=rows.n_rows,
        batch_size=recipe.batch_size,
        smallest=recipe.smallest_batch,
        rng=task.rng if shuffle else None,
        team=task.team or None,
    )
