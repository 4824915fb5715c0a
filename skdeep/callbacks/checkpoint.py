"""The model of an epoch in a file."""

from __future__ import annotations

import copy
import os
from typing import Any

from sklearn.callback import CallbackContext

from skdeep import persistence
from skdeep.callbacks.base import MonitorCallback, fit_of, values_of

_NOT_THE_MODEL = {
    "_skl_callbacks",
    "_skl_callbacks_to_teardown",
    "_callback_fit_ctx",
    "_parent_callback_ctx",
}
"""Attributes of scikit-learn: the callbacks, and where `fit` is."""


class Checkpoint(MonitorCallback):
    """Save the model after epochs, by `skdeep.persistence.save`.

    The file holds the estimator, without its callbacks, as if training had ended with that epoch.
    A process that is killed leaves the file of the epoch before.

    Parameters
    ----------
    path : str or path-like
        Of the file. '{epoch}' in it stands for the number of the epoch, from 1, and '{fit}' for
        the numbers of the tasks above: without it, the fits of a search overwrite each other.
    monitor : {'loss', 'valid_loss', 'valid_score'}, default=None
        Save only if this value is the best one so far; see `EarlyStopping`. None saves each time.
    every : int, default=1
        Save after each so many epochs.

    Notes
    -----
    A copy of the network is made in each epoch.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import MLPClassifier, persistence
    >>> from skdeep.callbacks import Checkpoint
    >>> X, y = load_iris(return_X_y=True)
    >>> path = Path(tempfile.mkdtemp()) / "epoch {epoch}"
    >>> clf = MLPClassifier(max_iter=4, learning_rate="cosine", random_state=0)
    >>> clf = clf.set_callbacks(Checkpoint(path, every=2)).fit(X, y)
    >>> sorted(p.name for p in path.parent.iterdir())
    ['epoch 2', 'epoch 4']
    >>> persistence.load(path.parent / "epoch 2").predict(X[:1]).shape
    (1,)
    """

    __module__ = "skdeep.callbacks"

    def __init__(self, path: str | os.PathLike[str], *, monitor: str | None = None, every: int = 1):
        super().__init__(monitor)
        if not every >= 1:
            raise ValueError(f"every={every!r}: expected a positive integer.")
        self.path: str = os.fspath(path)
        self.every: int = every

    def on_fit_task_end(
        self, estimator: Any, context: CallbackContext, *, fitted_estimator: Any = None
    ) -> None:
        """Called by scikit-learn after each task of `fit`.

        Parameters
        ----------
        estimator : estimator
        context : sklearn.callback.CallbackContext
        fitted_estimator : estimator, default=None
        """
        if values_of(context) is None or fitted_estimator is None:
            return
        if self.monitor is not None and self._since_best(estimator, context):
            return
        epoch = context.task_id + 1
        if epoch % self.every == 0:
            numbers = "-".join(map(str, fit_of(context)[1:]))
            path = self.path.replace("{epoch}", str(epoch)).replace("{fit}", numbers)
            persistence.save(_bare(fitted_estimator), path)


def _bare(model: Any) -> Any:
    """A copy without the callbacks."""
    model = copy.copy(model)
    for name in _NOT_THE_MODEL & vars(model).keys():
        delattr(model, name)
    return model
