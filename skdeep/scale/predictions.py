"""Predictions for rows on disk, in a file."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from skdeep.base.lazy import column_names
from skdeep.inputs.disk import files_of, is_on_disk, open_rows


def write_predictions(
    estimator: Any, X: Any, path: str | os.PathLike[str], *, method: str = "predict"
) -> None:
    """Write what a method returns for rows on disk to a file, piece by piece.

    Memory is bounded by `buffer_rows`. A file that stood there is kept until all is written.

    Parameters
    ----------
    estimator : estimator
        Fitted.

    X : DiskRows, str, os.PathLike, list of these or pyarrow.dataset.Dataset
        Rows on disk. Columns that the estimator does not know are left out.

    path : str or path-like
        Ends in '.parquet', for columns named by the classes of probabilities or the features of a
        transform, 'prediction' for one and by numbers else; or in '.npy', for numbers.

    method : str, default='predict'
        Name of a method that returns a number, a label or a row for each row, such as
        'predict_proba', 'transform' or 'score_samples'.

    Raises
    ------
    ValueError
        If X is in memory, `path` is one of its files or has another ending, or what the method
        returns does not fit it.

    Examples
    --------
    >>> import os, tempfile
    >>> import pandas as pd
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import MLPClassifier
    >>> from skdeep.scale import write_predictions
    >>> folder = tempfile.mkdtemp()
    >>> rows, out = (os.path.join(folder, f"{name}.parquet") for name in ("rows", "out"))
    >>> load_iris(as_frame=True).frame.to_parquet(rows)
    >>> clf = MLPClassifier(learning_rate="cosine", random_state=0).fit(rows, "target")
    >>> write_predictions(clf, rows, out, method="predict_proba")
    >>> pd.read_parquet(out).shape
    (150, 3)
    """
    check_is_fitted(estimator)
    path = Path(path)
    _check_paths(X, path)
    answer = getattr(estimator, method)
    rows = open_rows(X, getattr(estimator, "feature_names_in_", None))
    answers = (np.asarray(answer(piece)) for _, piece in rows.pieces(rows.columns))
    with _draft_of(path) as draft:
        if path.suffix == ".npy":
            _write_array(draft, answers, rows.n_rows)
        else:
            _write_table(draft, answers, lambda first: _columns(estimator, method, first))


def _check_paths(X: Any, path: Path) -> None:
    if not is_on_disk(X):
        raise ValueError(
            f"X is of type {type(X).__name__}: expected rows on disk, such as a path or DiskRows."
        )
    if path.suffix not in (".parquet", ".npy"):
        raise ValueError(f"path={str(path)!r}: expected one that ends in '.parquet' or '.npy'.")
    if path.exists() and any(path.samefile(file) for file in files_of(X) if os.path.exists(file)):
        raise ValueError(f"path={str(path)!r} is one of the files of X: expected another one.")


@contextlib.contextmanager
def _draft_of(path: Path) -> Iterator[Path]:
    """A path to write to, which takes the place of another when all is written."""
    draft = path.with_name(f"{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield draft
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _columns(estimator: Any, method: str, first: np.ndarray) -> list[str]:
    if first.ndim > 2:
        raise ValueError(
            f"{method} returns an array of shape {('n', *first.shape[1:])}: expected a path that "
            "ends in '.npy'."
        )
    names = column_names(estimator, method, first)
    return ["prediction"] if names is None else [str(name) for name in names]


def _write_array(path: Path, answers: Iterator[np.ndarray], n_rows: int) -> None:
    first = next(answers)  # rows on disk are one or more
    if first.dtype.kind not in "biuf":
        raise ValueError(
            f"The predictions are of dtype {first.dtype}: expected numbers, or a path that ends in "
            "'.parquet'."
        )
    header = {
        "descr": np.lib.format.dtype_to_descr(first.dtype),
        "fortran_order": False,
        "shape": (n_rows, *first.shape[1:]),
    }
    with open(path, "wb") as file:  # a memory map on a full disk would kill the process
        np.lib.format.write_array_header_2_0(file, header)
        for part in chain([first], answers):
            file.write(part.astype(first.dtype, copy=False).tobytes())


def _write_table(
    path: Path, answers: Iterator[np.ndarray], name: Callable[[np.ndarray], list[str]]
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    first = next(answers)
    columns = name(first)

    def table(part: np.ndarray) -> Any:
        frame = pd.DataFrame(part.reshape(len(part), -1), columns=columns)
        return pa.Table.from_pandas(frame, preserve_index=False)

    schema = table(first).schema
    with pq.ParquetWriter(path, schema) as writer:
        for part in chain([first], answers):
            writer.write_table(table(part).cast(schema))
