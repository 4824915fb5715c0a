"""Rows that are not in memory, as blocks that are read one after the other.

A source has the number of rows of each block, and reads a block piece by piece: as a DataFrame with
the columns that are asked for, or as an array. Rows are numbered in the order of the blocks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd

BLOCK_BYTES = 2**18
"""Of an array: so much of it is read from one place."""


class Source(Protocol):
    """Where rows are read from."""

    @property
    def names(self) -> list[str] | None:
        """Of the columns; None for arrays, which have none."""

    sizes: list[int]
    """Rows of each block."""
    row_bytes: float
    """About how much memory a row takes."""

    def read(self, block: int, size: int, columns: Sequence[str] | None) -> Iterator[Any]: ...


class ArrayBlocks:
    """Rows of an array, usually a `numpy.memmap`.

    Parameters
    ----------
    array : ndarray of shape (n_samples, ...)

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep.data.blocks import ArrayBlocks
    >>> source = ArrayBlocks(np.arange(6).reshape(3, 2))
    >>> source.sizes, [piece.tolist() for piece in source.read(0, 2, None)]
    ([3], [[[0, 1], [2, 3]], [[4, 5]]])
    """

    names: list[str] | None = None

    def __init__(self, array: np.ndarray) -> None:
        self.array = array
        self.row_bytes = float(array.itemsize * max(1, int(np.prod(array.shape[1:]))))
        self.rows = max(1, int(BLOCK_BYTES // self.row_bytes))
        n = len(array)
        self.sizes = [min(self.rows, n - start) for start in range(0, n, self.rows)]

    def read(self, block: int, size: int, columns: Sequence[str] | None) -> Iterator[np.ndarray]:
        """Generate the rows of a block, up to `size` at a time."""
        first = block * self.rows
        for start in range(first, first + self.sizes[block], size):
            yield np.array(self.array[start : min(start + size, first + self.sizes[block])])


class FrameBlocks:
    """Frames or arrays in memory, one a block: the partitions of a worker.

    Parameters
    ----------
    parts : list of DataFrame or list of ndarray
    """

    def __init__(self, parts: Sequence[Any]) -> None:
        self.parts = list(parts)
        is_frame = isinstance(self.parts[0], pd.DataFrame)
        self.names: list[str] | None = list(self.parts[0].columns) if is_frame else None
        self.sizes = [len(part) for part in self.parts]
        nbytes = sum(p.memory_usage().sum() if is_frame else p.nbytes for p in self.parts)
        self.row_bytes = float(nbytes) / max(1, sum(self.sizes))

    def read(self, block: int, size: int, columns: Sequence[str] | None) -> Iterator[Any]:
        """Generate the rows of a block, up to `size` at a time."""
        part = self.parts[block]
        part = part[list(columns)] if columns is not None and self.names is not None else part
        for start in range(0, len(part), size):
            rows = slice(start, start + size)
            yield part.iloc[rows] if isinstance(part, pd.DataFrame) else part[rows]


_MANY = 8  # blocks for each process, from which on these are not cut


class SharedBlocks:
    """The rows of a source that are one process's of several.

    Where there are many blocks, each process has every so manieth; else it has a part of each.

    Parameters
    ----------
    source : Source
    rank, size : int
        Number of the process, and of all.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep.data.blocks import ArrayBlocks, SharedBlocks
    >>> source = SharedBlocks(ArrayBlocks(np.arange(5)), 1, 2)
    >>> source.sizes, [piece.tolist() for piece in source.read(0, 10, None)]
    ([3], [[2, 3, 4]])
    """

    def __init__(self, source: Source, rank: int, size: int) -> None:
        self.source, self.names, self.row_bytes = source, source.names, source.row_bytes
        blocks = range(len(source.sizes))
        cut = [(i, 0, source.sizes[i]) for i in blocks[rank::size]]
        if len(blocks) < _MANY * size:
            bounds = [[r * n // size for r in (rank, rank + 1)] for n in source.sizes]
            cut = [(i, start, stop) for i, (start, stop) in enumerate(bounds)]
        self.cut = [entry for entry in cut if entry[1] < entry[2]]
        self.sizes = [stop - start for _, start, stop in self.cut]

    def rows(self) -> np.ndarray:
        """Numbers of the rows in the source."""
        first = np.cumsum([0, *self.source.sizes])
        parts = [first[block] + np.arange(start, stop) for block, start, stop in self.cut]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)

    def read(self, block: int, size: int, columns: Sequence[str] | None) -> Iterator[Any]:
        """Generate the rows of a block, up to `size` at a time."""
        whole, start, stop = self.cut[block]
        row = 0
        for piece in self.source.read(whole, size, columns):
            rows = slice(max(start - row, 0), max(stop - row, 0))
            row += len(piece)
            part = piece.iloc[rows] if isinstance(piece, pd.DataFrame) else piece[rows]
            if len(part):
                yield part
            if row >= stop:
                return


_BUFFER = 2**20  # bytes that are read at a time from a column of a Parquet file


class ArrowBlocks:
    """Row groups of Parquet files, or whole Arrow files, of a `pyarrow.dataset.Dataset`.

    The index of a DataFrame that pandas or dask has written is none of the columns.

    Parameters
    ----------
    dataset : pyarrow.dataset.Dataset

    Raises
    ------
    ValueError
        If a file cannot be read, or has other columns or types than the first.
    """

    def __init__(self, dataset: Any) -> None:
        import pyarrow.dataset as ds

        self.dataset = dataset
        index = (dataset.schema.pandas_metadata or {}).get("index_columns", [])
        self.names: list[str] | None = [n for n in dataset.schema.names if n not in index]
        self.fragments: list[Any] = []
        self.sizes: list[int] = []
        for fragment in dataset.get_fragments():
            with _naming(fragment):
                _compare(fragment.physical_schema, dataset.schema, fragment)
                is_parquet = isinstance(fragment, ds.ParquetFileFragment)
                parts = fragment.split_by_row_group() if is_parquet else [fragment]
                self.fragments += parts
                self.sizes += [
                    part.row_groups[0].num_rows if is_parquet else part.count_rows()
                    for part in parts
                ]
        self.options: dict[str, Any] = {"use_threads": False, "batch_readahead": 1}
        self.options["fragment_readahead"] = 1
        self.parquet = ds.ParquetFragmentScanOptions(
            use_buffered_stream=True, buffer_size=_BUFFER, pre_buffer=False
        )
        self.row_bytes = float(sum(_width(field.type) for field in dataset.schema)) or 1.0

    def read(self, block: int, size: int, columns: Sequence[str] | None) -> Iterator[pd.DataFrame]:
        """Generate the rows of a block, up to `size` at a time."""
        import pyarrow.dataset as ds

        fragment, options = self.fragments[block], dict(self.options)
        if isinstance(fragment, ds.ParquetFileFragment):
            options["fragment_scan_options"] = self.parquet
        n_read = 0
        with _naming(fragment):
            batches = fragment.to_batches(
                schema=self.dataset.schema,
                columns=None if columns is None else list(columns),
                batch_size=size,
                **options,
            )
            for batch in batches:
                if batch.num_rows:
                    n_read += batch.num_rows
                    yield _to_pandas(batch)
            if n_read != self.sizes[block]:
                raise ValueError(f"{n_read} of {self.sizes[block]} rows are there")


def _to_pandas(batch: Any) -> pd.DataFrame:
    """A frame; categories as what they stand for, since each block has a list of its own."""
    import pyarrow as pa

    columns = [
        column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names).to_pandas()


class _naming:
    """Errors of reading say in which file they came."""

    def __init__(self, fragment: Any) -> None:
        self.path = getattr(fragment, "path", None) or "a part of the dataset"

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        import pyarrow as pa

        if error is None or isinstance(error, _OtherSchema):
            return
        if isinstance(error, (pa.ArrowInvalid, pa.ArrowException, OSError, ValueError)):
            raise ValueError(
                f"{self.path} cannot be read; it may be damaged, cut short, or changed since it "
                f"was opened: {error}"
            ) from error


class _OtherSchema(ValueError):
    pass


def _compare(schema: Any, wanted: Any, fragment: Any) -> None:
    """Raise unless a file has the columns of the dataset, in the same types."""
    for field in schema:
        if field.name in wanted.names and field.type != wanted.field(field.name).type:
            raise _OtherSchema(
                f"{fragment.path} has the column {field.name!r} as {field.type}, the dataset as "
                f"{wanted.field(field.name).type}: write all files with one schema."
            )
    by_folder = str(fragment.partition_expression)
    missing = [n for n in wanted.names if n not in schema.names and n not in by_folder]
    if missing or set(schema.names) - set(wanted.names):
        other = [*missing, *sorted(set(schema.names) - set(wanted.names))][0]
        raise _OtherSchema(
            f"{fragment.path} has other columns than the dataset, {other!r} for one: write all "
            "files with one schema."
        )


def _width(kind: Any) -> float:
    """Bytes of a value in memory, roughly for texts."""
    try:
        return max(1.0, kind.bit_width / 8)
    except ValueError:
        return 64.0
