"""Rows that training reads from disk: with their targets and weights, and in chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from sklearn.utils.random import sample_without_replacement

from skdeep.data.batches import n_batches
from skdeep.data.stream import mixed_chunks
from skdeep.engine.group import Group
from skdeep.inputs.disk import OpenRows, _check_names, named, values_of
from skdeep.inputs.rows import read_target

if TYPE_CHECKING:
    from skdeep.inputs.survey import Survey


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """Rows on disk with their targets and weights, which are columns or arrays in memory.

    Attributes
    ----------
    rows : OpenRows
    y, weight : str, list of str, ndarray or None
    group : Group or None
        Processes that have the other rows.
    first_row : int
        Number of the first row among those of all processes.
    n_rows : int
        Of all processes.
    """

    rows: OpenRows
    y: Any = None
    weight: Any = None
    group: Group | None = None
    first_row: int = 0
    n_rows: int

    @classmethod
    def of(cls, rows: OpenRows, y: Any, weight: Any, *, numeric: bool) -> Self:
        """Check names and lengths; columns that are y or weights are no features."""
        names = [*named(y), *named(weight)]
        for given, what in ((y, "y"), (weight, "sample_weight")):
            if named(given):
                _check_names(rows.source, named(given), what)
            elif given is not None:
                n = len(given) if hasattr(given, "__len__") else 1
                if n != rows.n_rows:
                    raise ValueError(
                        f"Found input variables with inconsistent numbers of samples: X has "
                        f"{rows.n_rows} rows on disk, {what} has {n}."
                    )
        y = y if y is None or named(y) else read_target(y, numeric=numeric)
        weight = weight if weight is None or named(weight) else np.asarray(weight)
        rows = rows.without(names)
        if rows.columns is not None and not rows.columns:
            raise ValueError(
                "Found array with 0 feature(s) while a minimum of 1 is required: all columns of "
                f"the rows on disk are y or weights, {names}."
            )
        return cls(rows=rows, y=y, weight=weight, n_rows=rows.n_rows)

    def shared(self, group: Group | None) -> Labelled:
        """The rows of this process."""
        if group is None:
            return self
        mine = self
        if group.divides:
            rows = self.rows.shared(group.rank, group.size)
            own = rows.source.rows()  # type: ignore[attr-defined]  # of shared blocks
            y, weight = (c if c is None or named(c) else c[own] for c in (self.y, self.weight))
            mine = replace(self, rows=rows, y=y, weight=weight)
        sizes = group.gather(lambda: mine.rows.n_rows)
        first_row = sum(sizes[: group.rank])
        return replace(mine, group=group, first_row=first_row, n_rows=sum(sizes))

    def targets(self) -> Iterator[tuple[int, Any, Any]]:
        """Generate the number of the first row, targets and weights of all pieces."""
        names = list(dict.fromkeys([*named(self.y), *named(self.weight)]))
        if not names:
            n = self.rows.n_rows
            yield self.first_row, *self._of_piece(0, n, None)
            return
        for start, piece in self.rows.pieces(names):
            yield self.first_row + start, *self._of_piece(start, len(piece), piece)

    def pieces(self, blocks: Any = None) -> Iterator[tuple[int, Any, Any, Any]]:
        """Generate the number of the first row, rows, targets and weights of pieces of blocks."""
        columns = self.rows.columns
        if columns is not None:
            columns = list(dict.fromkeys([*columns, *named(self.y), *named(self.weight)]))
        for start, piece in self.rows.pieces(columns, blocks):
            y, weight = self._of_piece(start, len(piece), piece)
            X = piece if columns is None else piece[self.rows.columns]
            yield self.first_row + start, X, y, weight

    def _of_piece(self, start: int, n: int, piece: Any) -> tuple[Any, Any]:
        found: list[Any] = []
        for given in (self.y, self.weight):
            if given is None:
                found.append(None)
            elif named(given):
                found.append(values_of(piece, given))
            else:
                found.append(given[start : start + n])
        return found[0], found[1]


def draw_sample(labelled: Labelled, found: Survey, n: int, rng: np.random.RandomState) -> Any:
    """Numbers of rows drawn at random, and of the first rows of each class, ascending; all rows if
    there are no more."""
    if labelled.n_rows <= n:
        return np.arange(labelled.n_rows)
    chosen = sample_without_replacement(labelled.n_rows, n, random_state=rng)
    return np.unique(chosen if found.first is None else np.union1d(chosen, found.first))


def take(labelled: Labelled, numbers: np.ndarray | None) -> tuple[Any, Any, Any]:
    """Read rows by their numbers, ascending; None is all rows.

    Returns
    -------
    X, y, weight : object
        In memory; y and weight may be None.
    """
    if labelled.group is None:
        parts = _parts(labelled, numbers)
    else:
        found = labelled.group.gather(lambda: _parts(labelled, numbers))
        parts = [part for of_process in found for part in of_process]
    columns = list(zip(*parts))
    y, weight = (None if c[0] is None else np.concatenate(c) for c in columns[1:])
    is_frame = isinstance(columns[0][0], pd.DataFrame)
    X = pd.concat(columns[0], ignore_index=True) if is_frame else np.concatenate(columns[0])
    return X, y, weight


def _parts(labelled: Labelled, numbers: np.ndarray | None) -> list[tuple[Any, Any, Any]]:
    parts: list[tuple[Any, Any, Any]] = []
    for start, X, y, weight in labelled.pieces():
        rows: Any = slice(None)
        if numbers is not None:
            low, high = np.searchsorted(numbers, [start, start + len(X)])
            rows = numbers[low:high] - start
        piece = X.iloc[rows] if isinstance(X, pd.DataFrame) else X[rows]
        parts.append((piece, *(None if c is None else c[rows] for c in (y, weight))))
    return parts


@dataclass(frozen=True, kw_only=True)
class Stream:
    """Rows that training reads from disk, of which those in memory are a sample.

    Attributes
    ----------
    labelled : Labelled
    numbers : ndarray of int
        Which of them the rows in memory are.
    n_rows : int
        Rows of positive weight that are trained on.
    encode : callable
        ``encode(X, y, weight)`` gives the checked `Rows` of a piece.
    left_out : ndarray of int
        Numbers of rows that are held out, ascending.
    n_own : int
        Rows of positive weight that this process has, held out or not.
    """

    labelled: Labelled
    numbers: np.ndarray
    n_rows: int
    encode: Callable[[Any, Any, Any], Any]
    left_out: np.ndarray
    n_own: int

    @property
    def group(self) -> Group | None:
        """Processes that train on the other rows."""
        return self.labelled.group

    @property
    def n_trained(self) -> int:
        """Number of rows that this process trains on."""
        first = self.labelled.first_row
        low, high = np.searchsorted(self.left_out, [first, first + self.labelled.rows.n_rows])
        return self.n_own - int(high - low)

    def own_share(self, size: int, smallest: int) -> int:
        """Rows of this process in batches of `size` rows of all: in proportion to its rows."""
        if self.group is None:
            return size
        n_steps = n_batches(self.n_rows, size, smallest)
        return max(-(-self.n_trained // n_steps), smallest)

    def __getitem__(self, rows: np.ndarray) -> Stream:
        return replace(self, numbers=self.numbers[rows])

    def without(self, numbers: np.ndarray) -> Stream:
        """The same without rows that are held out."""
        left_out = np.union1d(self.left_out, numbers)
        n_rows = self.n_rows - (len(left_out) - len(self.left_out))
        return replace(self, left_out=left_out, n_rows=n_rows)

    def chunks(self, rng: np.random.RandomState | None, multiple: int) -> Iterator[tuple]:
        """Generate (x, target, weight) of the chunks of an epoch, as arrays."""
        n_blocks = len(self.labelled.rows.source.sizes)
        blocks = np.arange(n_blocks) if rng is None else rng.permutation(n_blocks)
        size = max(self.labelled.rows.buffer_rows, 2 * multiple)
        n_seen = 0
        for chunk in mixed_chunks(self._encoded(blocks), size, rng, multiple):
            assert chunk[0] is not None
            n_seen += len(chunk[0])
            yield chunk
        if n_seen != self.n_trained:
            raise ValueError(
                f"The rows on disk have changed during `fit`: {n_seen} were read in place of "
                f"{self.n_trained}."
            )

    def _encoded(self, blocks: np.ndarray) -> Iterator[tuple[Any, Any, Any]]:
        for start, X, y, weight in self.labelled.pieces(blocks):
            keep = self._kept(start, len(X), weight)
            if keep is not None:
                X = X[keep]
                y, weight = (None if c is None else c[keep] for c in (y, weight))
            if len(X):
                rows = self.encode(X, y, weight)
                yield rows.x, rows.target, rows.weight

    def _kept(self, start: int, n: int, weight: np.ndarray | None) -> np.ndarray | None:
        """Which rows of a piece are trained on; None is all."""
        low, high = np.searchsorted(self.left_out, [start, start + n])
        if low == high and (weight is None or (weight > 0).all()):
            return None
        keep = np.ones(n, dtype=bool) if weight is None else weight > 0
        keep[self.left_out[low:high] - start] = False
        return keep
