"""Fits on dask collections: the rows stay on the workers of a cluster, each of which trains."""

from __future__ import annotations

import contextlib
import copy
import math
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skdeep._compat import without_callbacks
from skdeep.base.disk import check_reads_from_disk
from skdeep.base.learning import Given, Mode
from skdeep.data.blocks import FrameBlocks
from skdeep.engine.group import (
    Abandoned,
    Meeting,
    ProcessLost,
    close_store,
    interrupt,
    member_of_group,
    open_store,
)
from skdeep.inputs.disk import DiskRows, collection_of, named

_LOOK = 2.0  # seconds between looks for workers that are gone
_CAUSE = 10.0  # seconds in which the worker that is the cause of an error may say so


def fit_on_cluster(estimator: Any, given: Given, *, in_search: bool) -> dict[str, Any]:
    """Train on a dask collection, and return what the fit leaves on the estimator.

    Parameters
    ----------
    estimator : DeepEstimator
    given : Given
        X is a dask collection; y and weights are others, or names of its columns.
    in_search : bool
        It is one of many fits, whose callbacks look at the process of the search.

    Raises
    ------
    ImportError
        If dask is not installed.
    ValueError
        If there is no client, or the collections do not belong together.
    RuntimeError
        If a worker is gone.
    """
    check_reads_from_disk(estimator, given, Mode())
    client = _client()
    model, callbacks = (
        without_callbacks(estimator),
        getattr(estimator, "_skl_callbacks", None) or [],
    )
    arguments = _arguments(given)
    import distributed

    parts = client.compute(_partitions(given))
    try:
        with distributed.Semaphore(name="a fit of skdeep"):  # workers have one fit at a time
            shares = _shares(client, parts)
            fit = _Fit(client, list(shares), uuid.uuid4().hex)
            fitted = fit.run(shares, model, [] if in_search else list(callbacks), arguments)
    finally:
        client.cancel(parts)  # else they stay until Python finds that nobody has them
    params = estimator.get_params(deep=False)
    return {
        name: value for name, value in vars(without_callbacks(fitted)).items() if name not in params
    }


def _client() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise ImportError(
            "X is a dask collection, which is trained on by a cluster: pip install skdeep[scale]"
        ) from error
    with contextlib.suppress(ValueError):
        distributed.get_worker()
        raise RuntimeError(
            "fit on a dask collection is called in a task of a worker, which cannot wait for the "
            "workers: call it where the client is."
        )
    try:
        return distributed.get_client()
    except ValueError as error:
        raise ValueError(
            "X is a dask collection, which is trained on by the workers of a cluster, and there is "
            "no client of one: make a distributed.Client() first."
        ) from error


# --- the collections -------------------------------------------------------------------------


def _partitions(given: Given) -> list[Any]:
    """Partitions of X with those of y and weights, each to be computed as one."""
    import dask

    X = collection_of(given.X)
    X_parts = _delayed(X, "X")
    columns = []
    for values, name in ((given.y, "y"), (given.sample_weight, "sample_weight")):
        if values is None or (named(values) and hasattr(X, "columns")):
            columns.append([None] * len(X_parts))
            continue
        if collection_of(values) is None:
            raise ValueError(
                f"X is a dask collection, {name} is of type {type(values).__name__}: expected a "
                "dask collection with the same partitions, or the name of a column of X."
            )
        columns.append(_delayed(values, name))
        _compare(X, values, name, len(X_parts), len(columns[-1]))
    join = dask.delayed(_join, pure=False)
    return [join(*part, number) for number, part in enumerate(zip(X_parts, *columns))]


def _delayed(collection: Any, name: str) -> list[Any]:
    """The partitions of a collection."""
    is_array = hasattr(collection, "chunks")
    if not (is_array or hasattr(collection, "known_divisions")):
        raise ValueError(
            f"{name} is a {type(collection).__name__}: expected a dask.array or dask.dataframe."
        )
    # The keys of arrays that are optimised would be those of other tasks.
    blocks = np.asarray(collection.to_delayed(optimize_graph=not is_array), dtype=object)
    n_rows = blocks.shape[0] if blocks.ndim else 1
    if blocks.size != n_rows:
        wanted = "{" + ", ".join(f"{axis}: -1" for axis in range(1, blocks.ndim)) + "}"
        raise ValueError(
            f"{name} is cut into chunks along other axes than the rows, {collection.chunks}: "
            f"expected whole rows, {name}.rechunk({wanted})."
        )
    return list(blocks.ravel())


def _compare(X: Any, values: Any, name: str, n_parts: int, n_values: int) -> None:
    """Raise where it is known that partitions do not belong together; else workers look."""
    cuts = [_cuts(collection) for collection in (X, values)]
    differ = n_parts != n_values or (
        cuts[0] is not None and cuts[1] is not None and cuts[0] != cuts[1]
    )
    if differ:
        raise ValueError(
            f"X has {n_parts} partitions, {name} has {n_values}, and they are not of the same "
            f"rows: expected the same partitions, by {name}.rechunk or {name}.repartition."
        )


def _cuts(collection: Any) -> Any:
    """Rows of each chunk of an array, divisions of a frame; None where they are not known."""
    if hasattr(collection, "chunks"):
        rows = collection.chunks[0]
        return None if any(map(math.isnan, rows)) else ("rows", rows)
    return ("divisions", collection.divisions) if collection.known_divisions else None


def _join(X: Any, y: Any, weight: Any, number: int) -> tuple[Any, Any, Any]:
    """A partition in the memory of a worker."""
    if not isinstance(X, (np.ndarray, pd.DataFrame)):
        raise ValueError(
            f"Partition {number} of X is of type {type(X).__name__}: expected NumPy arrays or "
            "pandas DataFrames."
        )
    for values, name in ((y, "y"), (weight, "sample_weight")):
        if values is None:
            continue
        other = False
        if isinstance(X, pd.DataFrame) and isinstance(values, (pd.DataFrame, pd.Series)):
            other = not X.index.equals(values.index)
        if len(values) != len(X) or other:
            what = "other rows" if other else f"{len(values)} rows"
            raise ValueError(
                f"Partition {number} of X has {len(X)} rows, that of {name} has {what}: expected "
                "the same partitions."
            )
    return X, *(v.to_numpy() if hasattr(v, "to_numpy") else v for v in (y, weight))


def _arguments(given: Given) -> dict[str, Any]:
    """What all workers are given: names of columns, and validation rows in memory."""
    import dask

    names = ("X_val", "y_val", "sample_weight_val")
    in_memory = dict(zip(names, dask.compute(*(getattr(given, name) for name in names))))
    columns = {name: getattr(given, name) for name in ("y", "sample_weight")}
    columns = {name: value if named(value) else None for name, value in columns.items()}
    options: dict[str, Any] = {}
    if isinstance(given.X, DiskRows):
        options = {"columns": given.X.columns, "buffer_rows": given.X.buffer_rows}
    return {"fit": in_memory | columns, "rows": options}


def _shares(client: Any, parts: Sequence[Any]) -> dict[str, list[Any]]:
    """Partitions of each worker that has rows, by its address."""
    sizes = client.gather(client.map(_n_rows, parts, pure=False))
    if not sum(sizes):
        raise ValueError("Found dask collection with 0 sample(s) while a minimum of 1 is required.")
    where = client.who_has(parts)
    shares: dict[str, list[Any]] = {}
    n_rows: dict[str, int] = {}
    for part, size in zip(parts, sizes):
        if not size:
            continue
        holders = where[part.key]
        if not holders:
            raise RuntimeError("A worker that had rows of X is gone: call `fit` again.")
        worker = min(holders, key=lambda address: (n_rows.get(address, 0), address))
        shares.setdefault(worker, []).append(part)
        n_rows[worker] = n_rows.get(worker, 0) + size
    return shares


def _host_of(address: str) -> str:
    """Where the processes of other workers find a worker."""
    from distributed.comm import get_address_host

    return "127.0.0.1" if address.startswith("inproc") else get_address_host(address)


def _n_rows(part: tuple[Any, Any, Any]) -> int:
    return len(part[0])


# --- the client ------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Fit:
    """A fit as its client sees it: a task on each of some workers.

    Attributes
    ----------
    client : distributed.Client
    workers : list of str
        Their addresses.
    name : str
    """

    client: Any
    workers: list[str]
    name: str

    def run(
        self,
        shares: Mapping[str, list[Any]],
        model: Any,
        callbacks: list[Any],
        arguments: dict[str, Any],
    ) -> Any:
        """Train, and return the estimator."""
        tasks: list[Any] = []
        first = self.workers[0]
        try:
            host = _host_of(first)
            port = self.client.run(open_store, self.name, host, workers=[first])[first]
            meeting = Meeting(self.name, host, port, len(self.workers))
            for rank, worker in enumerate(self.workers):
                task = self.client.submit(
                    _train, model, callbacks, shares[worker], arguments, meeting, rank,
                    workers=[worker], allow_other_workers=False, pure=False,
                    key=f"fit-{self.name}-{rank}",
                )  # fmt: skip
                tasks.append(task)
            return self._result(tasks)
        finally:
            self.client.cancel(tasks)
            self._tell(close_store)

    def _result(self, tasks: list[Any]) -> Any:
        asked = False
        while True:
            try:
                if self._is_done(tasks):
                    return tasks[0].result()
            except KeyboardInterrupt:
                if asked:
                    raise
                asked = True
                self._tell(interrupt)

    def _tell(self, what: Callable[[str], None]) -> None:
        """Have the workers that are there do something about this fit."""
        self.client.run(what, self.name, workers=self._living(), on_error="ignore")

    def _living(self) -> list[str]:
        known = self.client.nthreads()
        return [worker for worker in self.workers if worker in known]

    def _is_done(self, tasks: list[Any]) -> bool:
        """Whether all tasks have ended well; raise if one has not, or cannot."""
        import distributed

        waiting = [task for task in tasks if not task.done()]
        if waiting:
            with contextlib.suppress(distributed.TimeoutError):
                distributed.wait(waiting, timeout=_LOOK, return_when="FIRST_COMPLETED")
        if any(task.done() and task.status != "finished" for task in tasks) or self._gone(tasks):
            self._raise(tasks)
        return all(task.status == "finished" for task in tasks)

    def _gone(self, tasks: list[Any]) -> list[str]:
        """Workers that have left the cluster before their task has ended."""
        living = self._living()
        ended = [task.status == "finished" for task in tasks]
        return [w for w, done in zip(self.workers, ended) if not done and w not in living]

    def _raise(self, tasks: list[Any]) -> None:
        """Raise the cause, which is not that one process misses another."""
        deadline = time.monotonic() + _CAUSE
        errors: list[Any] = []
        gone: list[str] = []
        while not gone and time.monotonic() < deadline:
            errors = [task.exception() for task in tasks if task.status == "error"]
            for error in errors:
                if not isinstance(error, (ProcessLost, Abandoned)):
                    raise error
            gone = self._gone(tasks)
            time.sleep(0.1)
        shown = f"is gone: {', '.join(gone)}" if gone else "does not answer, or is busy"
        raise RuntimeError(
            f"A worker that trained {shown}. Call `fit` again; with the callback "
            "Checkpoint(path, resume=True) it goes on from the last epoch."
        ) from next(iter(errors), None)


# --- a worker --------------------------------------------------------------------------------


def _train(
    model: Any,
    callbacks: list[Any],
    parts: list[tuple[Any, Any, Any]],
    arguments: dict[str, Any],
    meeting: Meeting,
    rank: int,
) -> Any:
    """The task of a worker, which trains on its partitions; the first returns the estimator."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def is_wanted() -> bool:
        task = worker.state.tasks.get(key)
        return task is not None and task.state != "cancelled"

    columns = [None if c[0] is None else np.concatenate(c) for c in list(zip(*parts))[1:]]
    given = dict(zip(("y", "sample_weight"), columns))
    given = {name: value for name, value in given.items() if value is not None}
    options = {name: value for name, value in arguments["fit"].items() if value is not None}
    rows = DiskRows(FrameBlocks([part[0] for part in parts]), **arguments["rows"])
    model = copy.deepcopy(model)  # workers in one process are given the same object
    if callbacks:
        model.set_callbacks(*callbacks)
    with member_of_group(meeting, rank, is_wanted):
        model.fit(rows, **given, **options)
    return without_callbacks(model) if rank == 0 else None
