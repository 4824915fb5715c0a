"""Rows that training reads from disk: what is learned of all of them before, and their chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.utils.random import sample_without_replacement

from skdeep.data.stream import mixed_chunks
from skdeep.inputs.disk import OpenRows, _check_names, named, values_of
from skdeep.inputs.rows import read_target
from skdeep.inputs.weights import check_weights

_FEWEST_OF_CLASS = 2
"""Rows of each class that are in the sample, if there are so many."""


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """Rows on disk with their targets and weights, which are columns or arrays in memory.

    Attributes
    ----------
    rows : OpenRows
    y, weight : str, list of str, ndarray or None
    """

    rows: OpenRows
    y: Any = None
    weight: Any = None

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
        return cls(rows=rows, y=y, weight=weight)

    def targets(self) -> Iterator[tuple[int, Any, Any]]:
        """Generate the number of the first row, targets and weights of all pieces."""
        names = list(dict.fromkeys([*named(self.y), *named(self.weight)]))
        if not names:
            n = self.rows.n_rows
            yield 0, *self._of_piece(0, n, None)
            return
        for start, piece in self.rows.pieces(names):
            yield start, *self._of_piece(start, len(piece), piece)

    def pieces(self, blocks: Any = None) -> Iterator[tuple[int, Any, Any, Any]]:
        """Generate the number of the first row, rows, targets and weights of pieces of blocks."""
        columns = self.rows.columns
        if columns is not None:
            columns = list(dict.fromkeys([*columns, *named(self.y), *named(self.weight)]))
        for start, piece in self.rows.pieces(columns, blocks):
            y, weight = self._of_piece(start, len(piece), piece)
            yield start, piece if columns is None else piece[self.rows.columns], y, weight

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


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What was learned of the targets and weights of all rows.

    Attributes
    ----------
    n_rows : int
        Of positive weight.
    total, largest : float
        Sum of weights, and the largest.
    labels : ndarray or None
        The classes, in order.
    first : dict
        Numbers of the first rows of each class.
    counts : ndarray or None
        Weight of each class.
    moments : Moments or None
        Of targets that are numbers.
    """

    n_rows: int = 0
    largest: float = 1.0
    labels: np.ndarray | None = None
    first: np.ndarray | None = None
    counts: np.ndarray | None = None
    moments: Moments | None = None


@dataclass(frozen=True)
class Moments:
    """Range, mean and variance of targets, which can be added to those of other rows (Chan, Golub
    and LeVeque, 1983).

    Attributes
    ----------
    weight : float
    mean, squares : ndarray of shape () or (n_outputs,)
        Weighted mean, and sum of squared distances from it.
    low, high : ndarray of the same shape
    """

    weight: float
    mean: np.ndarray
    squares: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, y: np.ndarray, weight: np.ndarray | None) -> Self:
        """Those of rows of positive weight."""
        y = np.asarray(y, np.float64)
        total = float(len(y)) if weight is None else float(weight.sum())
        mean = np.average(y, axis=0, weights=weight)
        around = (y - mean) ** 2
        around = around if weight is None else (around.T * weight).T
        return cls(total, mean, around.sum(axis=0), y.min(axis=0), y.max(axis=0))

    def plus(self, other: Moments) -> Moments:
        """Those of the rows of both."""
        total = self.weight + other.weight
        gap = other.mean - self.mean
        return Moments(
            total,
            self.mean + gap * (other.weight / total),
            self.squares + other.squares + gap**2 * (self.weight * other.weight / total),
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
        )


def survey(labelled: Labelled, *, numeric: bool) -> Survey:
    """Read the targets and weights of all rows once.

    Parameters
    ----------
    labelled : Labelled
    numeric : bool
        Whether targets are numbers; else they are labels.
    """
    n_rows, total, largest = 0, 0.0, 0.0
    classes: dict[Any, list[Any]] = {}
    moments: Moments | None = None
    for start, y, weight in labelled.targets():
        if weight is not None:
            weight = _checked_weights(weight)
            largest = max(largest, float(weight.max(initial=0.0)))
            total += float(weight.sum())
        n_rows += _n_of(labelled, y) if weight is None else int((weight > 0).sum())
        if y is None:
            continue
        y = read_target(y, numeric=numeric)
        if numeric:
            moments = _with_moments(moments, y, weight)
        else:
            _count(classes, y, weight, start)
    if labelled.weight is not None and not total:
        raise ValueError("sample_weight: Sample weights must contain at least one non-zero number.")
    found = Survey(n_rows=n_rows, largest=largest or 1.0, moments=moments)
    if not classes:
        return found
    labels = np.array(list(classes))
    order = np.argsort(labels, kind="stable")
    entries = list(classes.values())
    return replace(
        found,
        labels=labels[order],
        counts=np.array([entries[i][0] for i in order]),
        first=np.concatenate([entries[i][1] for i in order]),
    )


def _n_of(labelled: Labelled, y: Any) -> int:
    return labelled.rows.n_rows if y is None else len(y)


def _checked_weights(weight: Any) -> np.ndarray:
    weight = np.asarray(weight, np.float64)
    if not np.isfinite(weight).all() or (weight < 0).any():
        return check_weights(weight, weight)  # for its error
    return weight


def _with_moments(known: Moments | None, y: Any, weight: Any) -> Moments | None:
    y = np.asarray(y, np.float64)
    if not np.isfinite(y).all():
        raise ValueError("Input y contains NaN or infinity.")
    if weight is not None:
        y, weight = y[weight > 0], weight[weight > 0]
    if not len(y):
        return known
    new = Moments.of(y, weight)
    return new if known is None else known.plus(new)


def _count(classes: dict[Any, list[Any]], y: Any, weight: Any, start: int) -> None:
    """Add the weights of labels, and remember the first rows of each."""
    if y.ndim != 1:
        raise ValueError(
            f"y has the shape (n_samples, {y.shape[1]}): labels on disk are one column; several "
            "labels at once have to be in memory."
        )
    labels, numbers = np.unique(y, return_inverse=True)
    mass = np.bincount(numbers, weight, len(labels))
    order = np.argsort(numbers, kind="stable")
    places = np.split(order, np.cumsum(np.bincount(numbers))[:-1])
    for label, weight_of, rows in zip(labels.tolist(), mass.tolist(), places):
        entry = classes.setdefault(label, [0.0, np.empty(0, np.int64)])
        entry[0] += weight_of
        entry[1] = np.concatenate([entry[1], start + rows[:_FEWEST_OF_CLASS]])[:_FEWEST_OF_CLASS]


def draw_sample(labelled: Labelled, found: Survey, n: int, rng: np.random.RandomState) -> Any:
    """Rows drawn at random, and the first rows of each class.

    Returns
    -------
    X, y, weight : object
        In memory; y and weight may be None.
    numbers : ndarray of int
        Of the rows, ascending.
    """
    chosen = sample_without_replacement(labelled.rows.n_rows, n, random_state=rng)
    if found.first is not None:
        chosen = np.union1d(chosen, found.first)
    return *take(labelled, np.unique(chosen)), np.unique(chosen)


def take(labelled: Labelled, numbers: np.ndarray | None) -> tuple[Any, Any, Any]:
    """Read rows by their numbers, ascending; None is all rows."""
    parts: list[tuple[Any, Any, Any]] = []
    for start, X, y, weight in labelled.pieces():
        rows: Any = slice(None)
        if numbers is not None:
            low, high = np.searchsorted(numbers, [start, start + len(X)])
            rows = numbers[low:high] - start
        piece = X.iloc[rows] if isinstance(X, pd.DataFrame) else X[rows]
        parts.append((piece, *(None if c is None else c[rows] for c in (y, weight))))
    columns = list(zip(*parts))
    y, weight = (None if c[0] is None else np.concatenate(c) for c in columns[1:])
    is_frame = isinstance(columns[0][0], pd.DataFrame)
    X = pd.concat(columns[0], ignore_index=True) if is_frame else np.concatenate(columns[0])
    return X, y, weight


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
    """

    labelled: Labelled
    numbers: np.ndarray
    n_rows: int
    encode: Callable[[Any, Any, Any], Any]
    left_out: np.ndarray

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
        if n_seen != self.n_rows:
            raise ValueError(
                f"The rows on disk have changed during `fit`: {n_seen} were read in place of "
                f"{self.n_rows}."
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
