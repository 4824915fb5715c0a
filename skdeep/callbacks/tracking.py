"""Figures of epochs for programs that show experiments: MLflow and TensorBoard."""

from __future__ import annotations

import importlib
import os
from typing import Any

from sklearn.callback import CallbackContext

from skdeep._compat import evaluated_candidate
from skdeep.callbacks.base import EpochCallback, Fit, fit_of, task_path, values_of


class _Tracker(EpochCallback):
    """Base of callbacks that write the epochs of each fit into something that is opened for it."""

    def __init__(self) -> None:
        self._open: dict[Fit, Any] = {}  # what the fits of this process write into

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": {}}  # of other processes: not this one's

    def _begin(self, estimator: Any, context: CallbackContext) -> Any:
        """What the epochs of a fit are written into."""
        raise NotImplementedError

    def _write(self, target: Any, epoch: int, values: dict[str, float]) -> None:
        raise NotImplementedError

    def _end(self, target: Any, done: bool) -> None:
        raise NotImplementedError

    def on_fit_task_end(self, estimator: Any, context: CallbackContext) -> None:
        """Called by scikit-learn after each task of `fit`.

        Parameters
        ----------
        estimator : estimator
        context : sklearn.callback.CallbackContext
        """
        values = values_of(context)
        if values is None:
            self._end_below(context, done=True)
            return
        fit = fit_of(context)
        if fit not in self._open:
            self._open[fit] = self._begin(estimator, context)
        self._write(self._open[fit], context.task_id + 1, values)

    def teardown(self, estimator: Any, context: CallbackContext) -> None:
        """Called by scikit-learn after `fit`, failed or not.

        Parameters
        ----------
        estimator : estimator
        context : sklearn.callback.CallbackContext
        """
        self._end_below(context, done=False)

    def _end_below(self, context: CallbackContext, done: bool) -> None:
        task = task_path(context)
        for fit in [fit for fit in list(self._open) if fit[: len(task)] == task]:
            self._end(self._open.pop(fit), done)


class MLflowCallback(_Tracker):
    """Log the losses, scores and learning rate of each epoch to MLflow.

    They are metrics of the run that is active where the callback is made, the number of the epoch
    is their step. Each candidate of a search on each fold has a run of its own below that one, with
    the parameters of its network.

    Parameters
    ----------
    run_id : str, default=None
        Run to log to. None is the active one.

    nested : bool, default=False
        Whether each fit has a run of its own below that one, as those of a search have: for
        several fits in one run, such as those of `cross_val_score`.

    Raises
    ------
    ImportError
        If MLflow is not installed (``pip install skdeep[tracking]``).
    ValueError
        If no run is active and `run_id` is None.

    See Also
    --------
    skdeep.persistence.trusted_types : What ``mlflow.sklearn.log_model`` asks for.

    Notes
    -----
    The callback keeps the address of the server, so that the processes of a search log to it.

    Examples
    --------
    >>> import mlflow  # doctest: +SKIP
    >>> from skdeep import MLPClassifier
    >>> from skdeep.callbacks import MLflowCallback
    >>> with mlflow.start_run():  # doctest: +SKIP
    ...     clf = MLPClassifier().set_callbacks(MLflowCallback()).fit(X, y)
    """

    __module__ = "skdeep.callbacks"

    def __init__(self, run_id: str | None = None, *, nested: bool = False):
        super().__init__()
        mlflow = _imported("mlflow", "MLflowCallback")
        if run_id is None:
            active = mlflow.active_run()
            if active is None:
                raise ValueError(
                    "run_id=None: no run of MLflow is active. Make the callback inside "
                    "`with mlflow.start_run():`, or pass the id of a run."
                )
            run_id = active.info.run_id
        self.run_id = run_id
        self.nested = nested
        self.tracking_uri: str = mlflow.get_tracking_uri()

    def _client(self) -> Any:
        return _imported("mlflow", "MLflowCallback").MlflowClient(self.tracking_uri)

    def _begin(self, estimator: Any, context: CallbackContext) -> Any:
        candidate = evaluated_candidate(context)
        if candidate is None and not self.nested:
            return self.run_id
        client = self._client()
        number = "" if candidate is None else f" {candidate.task_id}"
        run = client.create_run(
            client.get_run(self.run_id).info.experiment_id,
            tags={"mlflow.parentRunId": self.run_id},
            run_name=f"{type(estimator).__name__}{number}",
        )
        for name, value in estimator.get_params(deep=False).items():
            client.log_param(run.info.run_id, name, value)
        return run.info.run_id

    def _write(self, target: Any, epoch: int, values: dict[str, float]) -> None:
        client = self._client()
        for name, value in values.items():
            client.log_metric(target, name, value, step=epoch)

    def _end(self, target: Any, done: bool) -> None:
        if target != self.run_id:  # which belongs to the user
            self._client().set_terminated(target, "FINISHED" if done else "FAILED")


class TensorBoard(_Tracker):
    """Write the losses, scores and learning rate of each epoch for TensorBoard.

    ``tensorboard --logdir DIR`` shows them, while networks train too.

    Parameters
    ----------
    log_dir : str or path-like
        Folder in which each fit makes one of its own, named like
        ``MLPClassifier-0-3 1f0c...``: class, numbers of the tasks above the epoch (of a search the
        candidate's and the fold's among them), and run (one call of `fit` of the outermost
        estimator).

    Raises
    ------
    ImportError
        If tensorboard is not installed.

    Examples
    --------
    >>> from skdeep import MLPClassifier
    >>> from skdeep.callbacks import TensorBoard
    >>> clf = MLPClassifier().set_callbacks(TensorBoard("runs"))  # doctest: +SKIP
    """

    __module__ = "skdeep.callbacks"

    def __init__(self, log_dir: str | os.PathLike[str]):
        super().__init__()
        _imported("torch.utils.tensorboard", "TensorBoard")
        self.log_dir: str = os.fspath(log_dir)

    def _begin(self, estimator: Any, context: CallbackContext) -> Any:
        run, *numbers = fit_of(context)
        name = "-".join([type(estimator).__name__, *map(str, numbers)])
        writer = _imported("torch.utils.tensorboard", "TensorBoard").SummaryWriter
        return writer(os.path.join(self.log_dir, f"{name} {run}"))

    def _write(self, target: Any, epoch: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            target.add_scalar(name, value, epoch)
        target.flush()

    def _end(self, target: Any, done: bool) -> None:
        target.close()


def _imported(module: str, name: str) -> Any:
    """An optional library, with what to do where it is not there."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{name} needs a library of the extra `tracking`: pip install skdeep[tracking]"
        ) from error
