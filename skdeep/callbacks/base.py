"""What callbacks of epochs share."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

from sklearn.callback import CallbackContext

Fit: TypeAlias = tuple[Any, ...]  # names one fit

MONITORS = {"loss": -1.0, "valid_loss": -1.0, "valid_score": 1.0}
"""What can be monitored, and the sign that makes greater values better."""


def fit_of(context: CallbackContext) -> Fit:
    """Name of the fit that an epoch belongs to: the run, and the numbers of the tasks above it."""
    return task_path(context)[:-1]


def task_path(context: CallbackContext) -> Fit:
    """Name of a task: the run, and the numbers of the tasks above it and its own."""
    numbers, task = [], context
    while task is not None:
        numbers.append(task.task_id)
        task = task.parent
    return (context.root_uuid, *reversed(numbers))


def values_of(context: CallbackContext) -> dict[str, float] | None:
    """Losses, scores, learning rate and duration of an epoch; None for another task."""
    return getattr(context, "epoch_values", None)


class EpochCallback:
    """Base of callbacks: hooks of scikit-learn's protocol that do nothing."""

    def setup(self, estimator: Any, context: CallbackContext) -> None:
        """Called by scikit-learn at the beginning of `fit`.

        Parameters
        ----------
        estimator : estimator
        context : sklearn.callback.CallbackContext
        """

    def teardown(self, estimator: Any, context: CallbackContext) -> None:
        """Called by scikit-learn after `fit`.

        Parameters
        ----------
        estimator : estimator
        context : sklearn.callback.CallbackContext
        """

    def on_fit_task_begin(self, estimator: Any, context: CallbackContext) -> None:
        """Called by scikit-learn before each task of `fit`.

        Parameters
        ----------
        estimator : estimator
        context : sklearn.callback.CallbackContext
        """


class BestSoFar:
    """The best value of each fit, and for how many epochs none was better.

    Parameters
    ----------
    tol : float, default=0.0
        By which a value has to be better.
    """

    def __init__(self, tol: float = 0.0) -> None:
        self.tol = tol
        self._fits: dict[Fit, tuple[float, int]] = {}

    def update(self, fit: Fit, value: float) -> int:
        """Epochs since the best value: 0 if this is it."""
        best, count = self._fits.get(fit, (-math.inf, 0))
        self._fits[fit] = (value, 0) if value > best + self.tol else (best, count + 1)
        return self._fits[fit][1]

    def forget(self, fit: Fit) -> None:
        """Begin anew with a fit."""
        self._fits.pop(fit, None)

    def forget_below(self, context: CallbackContext) -> None:
        """Forget the fits of a task that is over."""
        over = task_path(context)
        for fit in [fit for fit in list(self._fits) if fit[: len(over)] == over]:
            self.forget(fit)

    def __getstate__(self) -> dict[str, Any]:
        return {"tol": self.tol, "_fits": {}}  # fits of other processes are not this one's


class MonitorCallback(EpochCallback):
    """Base of callbacks that follow one value of the epochs.

    Parameters
    ----------
    monitor : {'loss', 'valid_loss', 'valid_score'} or None
        None is nothing.
    tol : float, default=0.0
        By which a value has to be better.
    """

    def __init__(self, monitor: str | None, tol: float = 0.0) -> None:
        if monitor is not None and monitor not in MONITORS:
            raise ValueError(f"monitor={monitor!r}: expected one of {sorted(MONITORS)}.")
        self.monitor: str | None = monitor
        self._best = BestSoFar(tol)

    def _since_best(self, estimator: Any, context: CallbackContext) -> int:
        """Epochs since the best one, with this epoch's value, NaN being the worst."""
        monitor, values = self.monitor, values_of(context) or {}
        assert monitor is not None
        value = values.get(monitor)
        if value is None:
            raise ValueError(
                f"monitor={monitor!r}: {type(estimator).__name__} has no such value in this fit, "
                f"only {sorted(set(values) & set(MONITORS))}."
            )
        signed = -math.inf if math.isnan(value) else MONITORS[monitor] * value
        return self._best.update(fit_of(context), signed)

    def wants_validation_score(self, context: CallbackContext) -> bool:
        """Whether rows have to be held out for validation; skdeep's estimators ask.

        Parameters
        ----------
        context : sklearn.callback.CallbackContext
            Of the fit.

        Returns
        -------
        bool
        """
        return self.monitor in ("valid_loss", "valid_score")

    def teardown(self, estimator: Any, context: CallbackContext) -> None:
        """Called by scikit-learn after `fit`.

        Parameters
        ----------
        estimator : estimator
        context : sklearn.callback.CallbackContext
        """
        self._best.forget_below(context)
