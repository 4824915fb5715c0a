"""Figures of epochs in a file."""

from __future__ import annotations

import csv
import io
import os
import shutil
import uuid
from typing import Any

from sklearn.callback import CallbackContext

from skdeep.callbacks.base import EpochCallback, fit_of, values_of

COLUMNS = ("loss", "valid_loss", "valid_score", "learning_rate", "seconds")


class CSVLogger(EpochCallback):
    """Write a line of figures to a CSV file after each epoch.

    Lines are appended as they come, also by several processes of a search, so that a program may
    follow the file; `pandas.read_csv` reads it.

    Parameters
    ----------
    path : str or path-like
        Of the file. It is made where it is not there.

    Notes
    -----
    The columns are 'run' (of one call of `fit` of the outermost estimator), 'estimator', 'fit' (the
    numbers of the tasks above the epoch, of a search the candidate's and the fold's among them),
    'epoch' (from 1), 'loss' (of a GAN its generator's), 'valid_loss' and 'valid_score' (empty
    without validation rows), 'learning_rate' and 'seconds' (of the epoch).

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import pandas as pd
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import MLPClassifier
    >>> from skdeep.callbacks import CSVLogger
    >>> X, y = load_iris(return_X_y=True)
    >>> path = Path(tempfile.mkdtemp()) / "epochs.csv"
    >>> clf = MLPClassifier(max_iter=3, learning_rate="cosine", random_state=0)
    >>> clf = clf.set_callbacks(CSVLogger(path)).fit(X, y)
    >>> pd.read_csv(path)[["estimator", "epoch"]]
           estimator  epoch
    0  MLPClassifier      1
    1  MLPClassifier      2
    2  MLPClassifier      3
    """

    __module__ = "skdeep.callbacks"

    def __init__(self, path: str | os.PathLike[str]):
        self.path: str = os.fspath(path)

    def on_fit_task_end(self, estimator: Any, context: CallbackContext) -> None:
        """Called by scikit-learn after each task of `fit`.

        Parameters
        ----------
        estimator : estimator
        context : sklearn.callback.CallbackContext
        """
        values = values_of(context)
        if values is None:
            return
        run, *numbers = fit_of(context)
        start = [run, type(estimator).__name__, "-".join(map(str, numbers)), context.task_id + 1]
        self._write([*start, *(values.get(name, "") for name in COLUMNS)])

    def _write(self, row: list[Any]) -> None:
        if not os.path.exists(self.path):
            self._make()
        with open(self.path, "a", newline="") as file:
            file.write(_line(row))

    def _make(self) -> None:
        draft = f"{self.path}.{uuid.uuid4().hex}"
        with open(draft, "x", newline="") as file:
            file.write(_line(["run", "estimator", "fit", "epoch", *COLUMNS]))
        try:  # with its header in it at once: another process may append to it from here on
            os.link(draft, self.path)
        except FileExistsError:  # that process was first
            pass
        except OSError:  # a file system without links
            shutil.copyfile(draft, self.path)
        finally:
            os.unlink(draft)


def _line(cells: list[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
