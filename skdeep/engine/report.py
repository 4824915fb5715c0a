"""Epochs as tasks of scikit-learn's callback protocol (scikit-learn >= 1.9)."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from skdeep.engine.resume import fingerprint, go_on_from, training_state

if TYPE_CHECKING:
    from skdeep.engine.training import Training

_NOT_THE_RUN = {"verbose", "max_time", "skorch_callbacks", "device", "random_state"}
"""Parameters that another process may choose anew; of the seed initial weights tell."""


class EpochReport:
    """Calls the callbacks of an estimator for each epoch.

    The context of an epoch that was validated has the score as its attribute `validation_score`,
    greater being better, and of each epoch a dict `epoch_values`: 'loss', 'learning_rate',
    'seconds' and, where there are validation rows, 'valid_loss' and 'valid_score'.

    Parameters
    ----------
    estimator : estimator
    context : sklearn.callback.CallbackContext
        Of the whole fit.
    X, y : array-like
        What the user passed to `fit`.
    metadata : dict
        Metadata for scorers, such as `sample_weight`.
    reconstruct : callable
        ``reconstruct(training)`` gives the fitted attributes of the estimator as if training
        had stopped; called only when a callback asks for a fitted estimator.
    task_name : str, default='epoch'
    phase : int, default=0
        Number of the phase of the fit.
    """

    def __init__(
        self,
        estimator: Any,
        context: Any,
        X: Any,
        y: Any,
        metadata: Mapping[str, Any],
        reconstruct: Callable[[Any], dict[str, Any]],
        task_name: str = "epoch",
        phase: int = 0,
    ) -> None:
        self.estimator, self.context, self.task_name = estimator, context, task_name
        self.data = {"X": X, "y": y, "metadata": metadata}
        self.reconstruct, self.phase = reconstruct, phase
        self.asked = False  # whether a callback asked to stop
        self._task: Any = None

    def resume(self, training: Training) -> None:
        """Have a run go on from the state that a callback knows, which another process left."""
        state = self.known_state(training)
        if state is not None:
            go_on_from(training, state)

    def known_state(self, training: Training) -> dict[str, Any] | None:
        """The state of a run that a callback knows, if it is of this phase."""
        params = self.estimator.get_params(deep=False)
        own = {name: repr(value) for name, value in params.items() if name not in _NOT_THE_RUN}
        found = None
        for callback in self.estimator._skl_callbacks:
            known = getattr(callback, "resumed_state", None)
            if known is None or not callback.resume:
                continue
            training.begin = {**own, "phase": self.phase, **fingerprint(training)}
            state = known(self.estimator, self.context)
            if state is not None and state["begin"]["phase"] == self.phase:
                found = state
        return found

    def begin(self) -> None:
        """Begin an epoch."""
        self._task = self.context.subcontext(task_name=self.task_name)
        self._task.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def end(self, training: Any) -> bool:
        """End the epoch; return whether a callback requested to stop."""
        self._task.validation_score = _last_score(training)
        self._task.epoch_values = _values(training)
        if getattr(training, "begin", None):
            self._task.n_iter = training.n_iter  # with those before it went on
            self._task.training_state = functools.partial(training_state, training)
        self.asked = bool(
            self._task.call_on_fit_task_end(
                estimator=self.estimator,
                **self.data,
                reconstruction_attributes=lambda: self.reconstruct(training),
            )
        )
        if self.asked:
            self._tell_of_stop(training)
        return self.asked

    def _tell_of_stop(self, training: Any) -> None:
        """Tell the callbacks that want to know it that one of them has ended training."""
        for callback in self.estimator._skl_callbacks:
            if hasattr(callback, "on_stop"):
                fitted = copy.copy(self.estimator)
                fitted.__dict__.update(self.reconstruct(training))
                callback.on_stop(fitted, self._task)


def wants_score(callbacks: Iterable[Any], context: Any) -> bool:
    """Whether a callback needs a validation score after each epoch of a fit.

    Parameters
    ----------
    callbacks : list of callbacks
        One may have a method ``wants_validation_score(context)``.
    context : sklearn.callback.CallbackContext
        Of the whole fit.

    Returns
    -------
    bool
    """
    asked = (getattr(callback, "wants_validation_score", None) for callback in callbacks)
    return any(wants(context) for wants in asked if wants is not None)


_NAMES = {"dur": "seconds"} | {n: n for n in ("learning_rate", "valid_loss", "valid_score")}


def _values(training: Any) -> dict[str, float]:
    if not hasattr(training, "curves"):  # L-BFGS, whose iterations have no history
        return {"loss": training.loss} if hasattr(training, "loss") else {}
    epoch = training.net.history[-1]
    loss = training.step.loss_names[0]
    return {name: epoch[key] for key, name in _NAMES.items() if epoch.get(key) is not None} | {
        "loss": epoch[loss]
    }


def _last_score(training: Any) -> float | None:
    scores = getattr(getattr(training, "curves", None), "scores", None)
    return scores[-1] if scores else None
