"""The model of an epoch in a file."""

from __future__ import annotations

import numbers
import os
from typing import Any

from sklearn.callback import CallbackContext

from skdeep import persistence
from skdeep._compat import without_callbacks
from skdeep.callbacks.base import Fit, MonitorCallback, fit_of, task_path, values_of


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
    resume : bool, default=False
        Whether a fit goes on from the file, if it is there: the same call again, in another
        process, after one that was killed. With one process on the CPU the result has the same
        bits as if the fit had never stopped. The file also holds what this takes: moments of the
        optimizer, states of generators, the weights of the best epoch. `random_state` has to be
        an integer, X and y the same as before, and so the parameters, but for `verbose`,
        `max_time` and `device`. A call after the last epoch, or after a callback ended training,
        trains nothing; delete the file to begin anew. Other callbacks begin anew, with the epoch
        after that of the file.

    Notes
    -----
    A copy of the network is made in each epoch. If a file cannot be written, because the disk is
    full, for example, the fit raises, and the file of an earlier epoch is still there.

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

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        monitor: str | None = None,
        every: int = 1,
        resume: bool = False,
    ):
        super().__init__(monitor)
        if not every >= 1:
            raise ValueError(f"every={every!r}: expected a positive integer.")
        self.path: str = os.fspath(path)
        if resume and (monitor is not None or "{epoch}" in self.path):
            raise ValueError(
                f"resume=True goes on from the last epoch: expected one file for all and "
                f"monitor=None, got path={self.path!r} and monitor={monitor!r}."
            )
        self.every: int = every
        self.resume: bool = resume

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
        if _epoch_of(context) % self.every == 0:
            self._save(fitted_estimator, context)

    def on_stop(self, fitted_estimator: Any, context: CallbackContext) -> None:
        """Called by skdeep's estimators where a callback has ended training.

        Parameters
        ----------
        fitted_estimator : estimator
        context : sklearn.callback.CallbackContext
            Of the last epoch.
        """
        if self.resume:  # a fit that is resumed must not go on
            self._save(fitted_estimator, context)

    def _save(self, fitted_estimator: Any, context: CallbackContext) -> None:
        model, epoch = without_callbacks(fitted_estimator), _epoch_of(context)
        if self.resume:
            model._training_state = context.training_state()
        path = self._path_of(fit_of(context)).replace("{epoch}", str(epoch))
        try:
            persistence.save(model, path)
        except OSError as error:
            raise OSError(
                error.errno,
                f"the checkpoint of epoch {epoch} could not be written "
                f"({os.strerror(error.errno or 0)}); an earlier one is still there",
                path,
            ) from error

    def _path_of(self, fit: Fit) -> str:
        return self.path.replace("{fit}", "-".join(map(str, fit[1:])))

    def resumed_state(self, estimator: Any, context: CallbackContext) -> dict[str, Any] | None:
        """State of training in the file, if there is one; skdeep's estimators ask.

        Parameters
        ----------
        estimator : estimator
        context : sklearn.callback.CallbackContext
            Of the fit.

        Returns
        -------
        dict or None
        """
        path = self._path_of(task_path(context))
        if not isinstance(estimator.random_state, numbers.Integral):
            raise ValueError(
                f"random_state={estimator.random_state!r}: Checkpoint(resume=True) needs an "
                "integer, for another process has to begin with the same weights."
            )
        if not os.path.exists(path):
            return None
        state = getattr(persistence.load(path), "_training_state", None)
        if state is None:
            raise ValueError(
                f"{path} is a model without a state of training, which Checkpoint(resume=True) "
                "writes: delete it, or give another path."
            )
        return state


def _epoch_of(context: CallbackContext) -> int:
    """Number of an epoch, from 1."""
    return getattr(context, "n_iter", context.task_id + 1)
