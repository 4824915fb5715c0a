"""Fits on rows that are on disk: a sample of them takes the road of rows in memory, and training
reads all of them."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar, cast

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from skdeep.base.lazy import lazily
from skdeep.base.learning import Given, Mode, Task
from skdeep.data.split import FULL_BATCH_ROWS
from skdeep.data.stream import StreamBatches
from skdeep.engine.group import GROUP, started_group
from skdeep.inputs.disk import collection_of, is_on_disk, open_rows, pieces_for, read_columns
from skdeep.inputs.rows import Rows
from skdeep.inputs.stream import Labelled, Stream, draw_sample, take
from skdeep.inputs.survey import Survey, survey
from skdeep.inputs.weights import with_class_weight

_WEIGHTS = 2.0**60  # see `skdeep.inputs.weights`


def sharing(X: Any) -> contextlib.AbstractContextManager[None]:
    """Context of a fit: of rows on disk several processes take a share each, where there are."""
    return started_group() if is_on_disk(X) else contextlib.nullcontext()


def device_of_fit(device: torch.device) -> torch.device:
    """The device that this process trains on."""
    group = GROUP.get()
    return device if group is None else group.own_device(device)


def from_disk(
    estimator: Any, given: Given, mode: Mode, rng: np.random.RandomState
) -> tuple[Given, Callable[[Rows], Rows]]:
    """Read rows that are given as files: all of them where they are few, else a sample.

    Parameters
    ----------
    estimator : DeepEstimator
    given : Given
    mode : Mode
    rng : numpy.random.RandomState

    Returns
    -------
    given : Given
        With rows in memory.
    streamed : callable
        Gives the checked rows the stream that they are a sample of, if they are one.
    """
    numeric = getattr(estimator, "_target_is_numeric", True)
    if not is_on_disk(given.X):
        return _with_validation(given, getattr(given.X, "columns", None), numeric), lambda x: x
    check_reads_from_disk(estimator, given, mode)
    group = GROUP.get()

    def read() -> tuple[Labelled, Given]:
        known = getattr(estimator, "feature_names_in_", None) if mode.resumed else None
        opened = open_rows(given.X, known)
        labelled = Labelled.of(opened, given.y, given.sample_weight, numeric=numeric)
        return labelled, _with_validation(given, labelled.rows.columns, numeric)

    labelled, given = read() if group is None else group.each(read)
    labelled = labelled.shared(group)
    if group is not None:
        rng.set_state(group.first(rng.get_state))
    size = max(labelled.rows.buffer_rows, FULL_BATCH_ROWS + 1)  # fewer are never held out as here
    if group is None and labelled.n_rows <= size:
        X, y, weight = take(labelled, None)
        return replace(given, X=X, y=y, sample_weight=weight), lambda rows: rows
    found = survey(labelled, numeric=numeric)
    numbers = draw_sample(labelled, found, size, rng)
    X, y, weight = take(labelled, numbers)

    def streamed(rows: Rows) -> Rows:
        return _with_stream(estimator, rows, labelled, numbers, found, mode)

    return replace(given, X=X, y=y, sample_weight=weight), streamed


def _with_validation(given: Given, columns: Any, numeric: bool) -> Given:
    """The same with `X_val`, if that is on disk, in memory."""
    if not is_on_disk(given.X_val):
        return given
    opened = open_rows(given.X_val, columns)
    rows = Labelled.of(opened, given.y_val, given.sample_weight_val, numeric=numeric)
    X, y, weight = take(rows, None)
    return replace(given, X_val=X, y_val=y, sample_weight_val=weight)


def check_reads_from_disk(estimator: Any, given: Given, mode: Mode) -> None:
    """Raise unless the estimator trains on rows that are not in memory."""
    name = type(estimator).__name__
    if mode.incremental:
        raise ValueError("partial_fit takes rows in memory: it is fit that reads them from disk.")
    if getattr(estimator, "solver", None) == "lbfgs":
        raise ValueError(
            "solver='lbfgs' needs all rows in memory, and X stands for rows that are not: take "
            "another."
        )
    if not getattr(estimator, "_reads_from_disk", False):
        raise ValueError(
            f"{name} takes rows in memory, and X stands for rows that are not: {given.X!r}."
        )


def check_splits(X: Any) -> None:
    """Raise if X stands for rows on disk, which a search cannot split into folds."""
    if is_on_disk(X):
        raise ValueError(
            "X stands for rows on disk, which cannot be split into folds: compare candidates on "
            "validation rows of their own, in an objective of Optuna's, as the guide's page on "
            "training has it."
        )


def _with_stream(
    estimator: Any,
    sample: Rows,
    labelled: Labelled,
    numbers: np.ndarray,
    found: Survey,
    mode: Mode,
) -> Rows:
    """The sample with the stream, and what was learned of all rows in place of the sample's."""
    if found.moments is not None:
        estimator._encode_known_target(np.stack([found.moments.low, found.moments.high]), "y")
        if not mode.resumed:
            estimator._learn_target_scale(found.moments, None)
    if not 1 / _WEIGHTS <= found.largest <= _WEIGHTS:
        raise ValueError(
            f"sample_weight: the largest is {found.largest:.3g}; on disk expected one from 2**-60 "
            "to 2**60."
        )
    factors = _class_factors(estimator, found)

    def weigh(weight: Any, target: Any) -> np.ndarray | None:
        if factors is None:
            return weight
        return factors[target] if weight is None else weight * factors[target]

    def encode(X: Any, y: Any, weight: Any) -> Rows:
        rows = estimator._read_more(X, y, sample)
        return replace(rows, weight=weigh(weight, rows.target))

    stream = Stream(
        labelled=labelled,
        numbers=numbers,
        n_rows=found.n_rows,
        n_own=found.n_own,
        encode=encode,
        left_out=np.empty(0, np.int64),
    )
    rows = replace(sample, stream=stream)
    if sample.counts is not None or factors is not None:
        rows = replace(rows, weight=weigh(sample.counts, sample.target))
    return rows.with_weight()


def _class_factors(estimator: Any, found: Survey) -> np.ndarray | None:
    """What the weights of a class are multiplied by."""
    class_weight = getattr(estimator, "class_weight", None)
    if class_weight is None or found.labels is None or found.counts is None:
        return None
    classes, counts = found.labels, found.counts
    there = np.where(counts > 0, counts, 1.0)
    weights = with_class_weight(class_weight, there, np.arange(len(classes)), classes) / there
    if not weights.all():
        raise ValueError(
            f"class_weight={class_weight!r}: on disk expected positive weights; filter the rows "
            "that are not to be trained on."
        )
    return weights


def batches_of_stream(
    estimator: Any, task: Task, make: Callable[[Any], Any], shuffle: bool
) -> StreamBatches:
    """Batches that `make` gives of the rows of each chunk, ``(x, target, weight)``."""
    rows, recipe = task.plan.train, task.recipe

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
        team=task.team,
    )


Method = TypeVar("Method", bound=Callable[..., Any])


def piece_by_piece(method: Method) -> Method:
    """Let a method that returns a number or a row for each row take rows on disk, and return a dask
    collection for another."""

    @functools.wraps(method)
    def wrapped(self: Any, X: Any, *args: Any, **kwargs: Any) -> Any:
        collection = collection_of(X)
        if collection is not None:
            check_is_fitted(self)
            return lazily(self, method.__name__, collection, args, kwargs)
        if not is_on_disk(X):
            return method(self, X, *args, **kwargs)
        check_is_fitted(self)
        found = [method(self, piece, *args, **kwargs) for piece in pieces_for(self, X)]
        return np.concatenate(found)

    return cast(Method, wrapped)


def in_memory(X: Any, y: Any, sample_weight: Any) -> tuple[Any, Any]:
    """Targets and weights for a score; of rows on disk they may be names of columns."""
    if not is_on_disk(X) and collection_of(X) is None:
        return y, sample_weight
    return read_columns(y, X, "y"), read_columns(sample_weight, X, "sample_weight")
