"""Rows that are given as files: what is rows on disk, and what its columns are."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skdeep.data.blocks import ArrayBlocks, ArrowBlocks, FrameBlocks, SharedBlocks, Source

_FORMATS = {".parquet": "parquet", ".pq": "parquet", ".npy": "array"}
_FORMATS |= dict.fromkeys((".feather", ".arrow", ".ipc"), "ipc")
AUTO_BYTES = 2**26
"""Of rows in the buffer, with ``buffer_rows='auto'``."""
FEWEST = 4096
"""Rows in the buffer with 'auto', at least."""


class DiskRows:
    """Rows on disk, for the `X` of `fit`, `predict` and other methods.

    The methods also take a path, a list of paths or a `pyarrow.dataset.Dataset` as they are; this
    class is for options, and for memory maps: a `numpy.memmap` alone is an array like others,
    whose rows are read in random order where they lie.

    Up to `buffer_rows` rows are read into memory, and everything is as if they had been given as
    an array or a DataFrame. Of more rows, statistics (scales, categories, which rows are held out
    for `early_stopping`) are those of `buffer_rows` rows drawn at random; which classes there are
    and how frequent they are, the range and the scale of targets and the sum of weights are those
    of all rows. Each epoch reads all blocks (row groups of a Parquet file, files of other formats,
    stretches of an array) once, in random order, into a buffer of `buffer_rows` rows. Whenever the
    buffer is full, half of its rows, drawn at random, are trained on. Blocks that are larger than
    the buffer are read in the order of their rows: where rows are sorted, write row groups of a
    tenth of `buffer_rows` or less.

    Parameters
    ----------
    source : str, os.PathLike, list of these, pyarrow.dataset.Dataset, ndarray or dask collection
        Files in the Parquet or Arrow (Feather) format, folders of them, one .npy file, or a
        `numpy.memmap`. All files of a dataset have the same columns in the same types. Or a
        `dask.array` or `dask.dataframe`.

    columns : list of str, default=None
        Names of the columns that are features. None is all but those that `fit` is told to be y
        or `sample_weight`.

    buffer_rows : int or 'auto', default='auto'
        Number of rows in the buffer; 'auto' is what takes 64 MiB, but at least 4,096. The memory
        that training takes is about ten times that of the buffer.

    See Also
    --------
    skdeep.callbacks.Checkpoint : Fits that go on after they were ended.
    write_predictions : Predictions for rows on disk, in a file.

    Notes
    -----
    `MLPClassifier`, `MLPRegressor`, the estimators for tables, `CNNClassifier`, `CNNRegressor`,
    `LSTMClassifier`, `LSTMRegressor`, `Autoencoder`, `AutoencoderOutlierDetector` and
    `SiameseTransformer` train on such rows. y and `sample_weight` are names of columns, or arrays
    in memory; `X_val` is read into memory. Not on disk: `partial_fit`, ``solver='lbfgs'``, and
    labels of several classes at once.

    Where `torchrun` has started the script, or `torch.distributed` is initialised, the processes
    train one network together: all call `fit` with the same arguments, each reads a share of the
    blocks, or a part of each block where there are less than eight blocks for each process, and
    all end with the same model. `batch_size` is that of all together, of which each has its share,
    rounded up. Weighted sums are exact, as if one process had all rows, but for what a network or
    loss computes within a batch: moments of batch normalisation, the rows that
    `AutoencoderOutlierDetector` leaves out, and the pairs of `SiameseTransformer` are those of the
    rows of one process. Callbacks are called in the first process alone. A process that dies ends
    the others with an error. On GPUs, for which this is not tested, each process takes the one
    with the number ``LOCAL_RANK``. Rows in memory are trained on by each process for itself.

    A `dask.array` or `dask.dataframe`, alone or as `source` here, is trained on in the same way by
    the workers of a cluster, of which there has to be a `distributed.Client`: each worker trains,
    in one task, on the partitions that it holds, and the estimator that comes back holds no rows.
    y and `sample_weight` are collections with the same partitions, or names of columns; `X_val` is
    read into memory. One fit at a time takes the workers. Callbacks are called in copies, by the
    worker that holds the first rows, and in searches not at all; warnings and what `verbose` prints
    are in the logs of the workers. Ctrl-C ends training as ever. A worker that dies ends the fit
    with an error; called again with the callback ``Checkpoint(path, resume=True)``, whose path all
    workers see, it goes on from the last epoch. Which worker holds which rows may differ from fit
    to fit, and with it the order of sums and the rows of a batch.

    Predictions and transforms of a dask collection are collections that are computed partition by
    partition when they are asked for, by workers or without a cluster: an array with the same
    chunks of rows, or a Series or DataFrame with the same index. Columns that `fit` has not seen
    are left out. `score` computes them, as do methods that give intervals or explain predictions,
    and the estimators that do not train on such rows.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import MLPClassifier
    >>> from skdeep.scale import DiskRows
    >>> frame = load_iris(as_frame=True).frame
    >>> path = os.path.join(tempfile.mkdtemp(), "iris.parquet")
    >>> frame.to_parquet(path)
    >>> clf = MLPClassifier(learning_rate="cosine", random_state=0, device="cpu")
    >>> clf.fit(path, "target").predict(path).shape
    (150,)
    >>> clf.fit(DiskRows(path, buffer_rows=50), "target").score(path, "target") > 0.9
    True
    """

    __module__ = "skdeep.scale"

    def __init__(
        self,
        source: Any,
        *,
        columns: Sequence[str] | None = None,
        buffer_rows: int | str = "auto",
    ) -> None:
        is_number = isinstance(buffer_rows, (int, np.integer)) and buffer_rows >= 1
        if not (is_number or (isinstance(buffer_rows, str) and buffer_rows == "auto")):
            raise ValueError(f"buffer_rows={buffer_rows!r}: expected a positive integer or 'auto'.")
        self.source: Any = source
        self.columns: Sequence[str] | None = columns
        self.buffer_rows: int | str = buffer_rows

    def __repr__(self) -> str:
        return f"DiskRows({self.source!r}, buffer_rows={self.buffer_rows!r})"


@dataclass(frozen=True, kw_only=True)
class OpenRows:
    """Rows on disk whose files are open.

    Attributes
    ----------
    source : Source
    columns : list of str or None
        The features; None where rows are arrays.
    buffer_rows : int
    chosen : bool
        The features are those that `DiskRows` was given.
    """

    source: Source
    columns: list[str] | None
    buffer_rows: int
    chosen: bool = False

    @property
    def n_rows(self) -> int:
        """Number of all rows."""
        return sum(self.source.sizes)

    @property
    def starts(self) -> list[int]:
        """Number of the first row of each block."""
        return np.cumsum([0, *self.source.sizes])[:-1].astype(int).tolist()

    def pieces(
        self, columns: Sequence[str] | None, blocks: Sequence[int] | None = None
    ) -> Iterator[tuple[int, Any]]:
        """Generate pieces of blocks, each with the number of its first row."""
        size, starts = max(1, self.buffer_rows // 4), self.starts
        for block in range(len(starts)) if blocks is None else blocks:
            row = starts[block]
            for piece in self.source.read(block, size, columns):
                yield row, piece
                row += len(piece)

    def without(self, names: Sequence[str]) -> OpenRows:
        """The same with other columns than these as features."""
        if self.columns is None:
            return self
        kept = [name for name in self.columns if name not in names]
        if self.chosen and len(kept) < len(self.columns):
            both = [name for name in self.columns if name in names]
            raise ValueError(
                f"columns={self.columns!r}: {', '.join(map(repr, both))} is given as y or "
                "sample_weight, too. Expected features only."
            )
        return replace(self, columns=kept)

    def shared(self, rank: int, size: int) -> OpenRows:
        """The share of one process of several."""
        return replace(self, source=SharedBlocks(self.source, rank, size))


def is_on_disk(X: Any) -> bool:
    """Whether X stands for rows on disk."""
    if type(X) is np.ndarray:
        return False
    if isinstance(X, (str, os.PathLike)):
        return _is_place(X)
    if isinstance(X, list):
        return bool(X) and all(isinstance(p, (str, os.PathLike)) and _is_place(p) for p in X)
    return isinstance(X, (DiskRows, OpenRows)) or _is_dataset(X)


def collection_of(X: Any) -> Any:
    """X, or what is in it, if it is a dask collection; else None."""
    X = X.source if isinstance(X, DiskRows) else X
    return X if hasattr(type(X), "__dask_graph__") else None


def _is_place(path: Any) -> bool:
    if isinstance(path, bytes) or (isinstance(path, str) and "\0" in path):
        return False
    return Path(path).suffix in _FORMATS or os.path.isdir(path)


def _is_dataset(X: Any) -> bool:
    home = type(X).__module__
    return home.startswith("pyarrow") and hasattr(X, "get_fragments")


def open_rows(X: Any, columns: Sequence[str] | None = None) -> OpenRows:
    """Open rows on disk.

    Parameters
    ----------
    X : object
        For which `is_on_disk` is true.
    columns : sequence of str, default=None
        The features, where they are known; None is those of `DiskRows`, or all.

    Raises
    ------
    ImportError
        If pyarrow is needed and not installed.
    FileNotFoundError
        If there is no such file.
    ValueError
        If a file cannot be read, files differ in their schema, a column is not there, or there
        are no rows.
    """
    if isinstance(X, OpenRows):
        return X
    given = X if isinstance(X, DiskRows) else DiskRows(X)
    source = _source_of(given.source)
    if not sum(source.sizes):
        raise ValueError(
            f"Found rows on disk with 0 sample(s) ({_shown(given.source)}) while a minimum of 1 is "
            "required."
        )
    size = given.buffer_rows
    if isinstance(size, str):
        size = max(FEWEST, int(AUTO_BYTES / source.row_bytes))
    chosen = given.columns if columns is None else columns
    if source.names is None:
        return OpenRows(source=source, columns=None, buffer_rows=int(size))
    chosen = list(source.names) if chosen is None else list(chosen)
    _check_names(source, chosen, "columns")
    explicit = columns is None and given.columns is not None
    return OpenRows(source=source, columns=chosen, buffer_rows=int(size), chosen=explicit)


def _check_names(source: Source, names: Sequence[str], what: str) -> None:
    for name in names:
        if name not in (source.names or []):
            known = source.names or []
            shown = ", ".join(map(repr, known[:5])) + (", ..." if len(known) > 5 else "")
            raise ValueError(f"{what}: there is no column {name!r} in the rows on disk, {shown}.")


def _source_of(given: Any) -> Source:
    if isinstance(given, np.ndarray):
        return ArrayBlocks(given)
    if isinstance(given, (FrameBlocks, ArrayBlocks)):
        return given
    try:
        import pyarrow.dataset as ds
    except ImportError as error:
        raise ImportError(
            "Rows on disk need pyarrow, unless they are an array: pip install skdeep[scale]"
        ) from error
    if _is_dataset(given):
        return ArrowBlocks(given)
    paths = _files(given if isinstance(given, list) else [given])
    formats = {_FORMATS.get(Path(path).suffix) for path in paths}
    if formats == {"array"} and len(paths) == 1:
        return ArrayBlocks(np.load(paths[0], mmap_mode="r", allow_pickle=False))
    kind = next(iter(formats))
    if len(formats) != 1 or kind in (None, "array"):
        raise ValueError(
            f"{_shown(given)}: expected files of one format, Parquet (.parquet, .pq) or Arrow "
            "(.feather, .arrow, .ipc), or one .npy file."
        )
    try:
        return ArrowBlocks(ds.dataset(paths, format=kind))
    except (OSError, ds.pa.ArrowInvalid) as error:
        raise ValueError(
            f"{_shown(given)} cannot be read; it may be damaged or cut short: {error}"
        ) from error


def _files(given: Sequence[Any]) -> list[str]:
    """Paths of files, those in folders in the order of their names."""
    found: list[str] = []
    for path in map(os.fspath, given):
        if os.path.isdir(path):
            inside = sorted(p for p in Path(path).rglob("*") if p.suffix in _FORMATS)
            if not inside:
                raise ValueError(f"{path} holds no Parquet or Arrow files.")
            found += map(str, inside)
        elif os.path.exists(path):
            found.append(path)
        else:
            raise FileNotFoundError(f"There is no file {path!r}, which X is to be read from.")
    return found


def files_of(X: Any) -> list[str]:
    """Paths of the files of rows on disk, as far as they are known."""
    given = X.source if isinstance(X, DiskRows) else X
    if isinstance(given, (str, os.PathLike, list)):
        return _files(given if isinstance(given, list) else [given])
    if isinstance(given, np.memmap):
        return [] if given.filename is None else [os.fspath(given.filename)]
    return list(getattr(given, "files", []))


def _shown(given: Any) -> str:
    text = os.fspath(given) if isinstance(given, (str, os.PathLike)) else repr(given)
    return text if len(text) <= 200 else f"{text[:197]}..."


def pieces_for(estimator: Any, X: Any) -> Iterator[Any]:
    """Generate rows on disk piece by piece: the columns that the estimator knows, in their order.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    X : object
        For which `is_on_disk` is true.
    """
    opened = open_rows(X, getattr(estimator, "feature_names_in_", None))
    for _, piece in opened.pieces(opened.columns):
        yield piece


def read_columns(given: Any, X: Any, what: str) -> Any:
    """Targets or weights: an array as it is, or the columns of this name of rows on disk.

    Parameters
    ----------
    given : str, list of str, array-like or dask collection
    X : object
        The rows on disk, or a dask collection.
    what : str
        What they are, for errors.
    """
    names, collection = named(given), collection_of(X)
    if collection is not None:
        given = collection[given] if names else given
        return given.compute() if collection_of(given) is not None else given
    if not names:
        return given
    opened = open_rows(X)
    _check_names(opened.source, names, what)
    whole = pd.concat([piece for _, piece in opened.pieces(names)], ignore_index=True)
    return values_of(whole, given)


def named(given: Any) -> list[str]:
    """Names of columns that are given in place of an array; none if it is an array."""
    if isinstance(given, str):
        return [given]
    if isinstance(given, list) and given and all(isinstance(name, str) for name in given):
        return given
    return []


def values_of(piece: pd.DataFrame, given: str | list[str]) -> np.ndarray:
    """The values of a column, or of a list of columns."""
    values = piece[given]
    return values.to_numpy()
