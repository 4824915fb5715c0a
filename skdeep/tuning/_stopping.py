"""Callbacks that stop candidates of a search during training."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import optuna

from skdeep._compat import evaluated_candidate
from skdeep.base.estimator import DeepEstimator
from skdeep.tuning._ledger import Ledger


class Stopper:
    """Callback of scikit-learn that is called at each epoch of each candidate of a search.

    A subclass decides in `on_epoch_end` whether to stop training.
    """

    if TYPE_CHECKING:

        def on_epoch_end(self, context: Any) -> bool: ...

    def __init__(self):
        self._ledgers = {}  # of each running search, by the id of its outermost task
        self._searches = {}

    @property
    def max_propagation_depth(self) -> int:
        """Depth to which scikit-learn propagates the callback: to the candidates of a search.

        From there it is passed to the networks only: scikit-learn would propagate it to all steps
        of a pipeline, with a warning for each that does not support callbacks.
        """
        return 1

    def _new_ledger(self, context):
        return Ledger(optuna.pruners.NopPruner())

    def setup(self, estimator: Any, context: Any) -> None:
        """Called by scikit-learn where the outermost `fit` begins.

        Parameters
        ----------
        estimator : estimator
        context : sklearn.callback.CallbackContext
        """
        self._ledgers[context.root_uuid] = self._new_ledger(context)
        self._searches[context.root_uuid] = estimator

    def teardown(self, estimator: Any, context: Any) -> None:
        """Called by scikit-learn where the outermost `fit` has ended.

        Parameters
        ----------
        estimator : estimator
        context : sklearn.callback.CallbackContext
        """
        _detach(estimator)
        self._searches.pop(context.root_uuid)
        self._ledgers.pop(context.root_uuid).close()

    def __getstate__(self):
        splits = {
            root: getattr(search, "n_splits_", search)
            for root, search in self._searches.items()
            if isinstance(search, int) or hasattr(search, "n_splits_")
        }
        return {**self.__dict__, "_searches": splits}

    def ledger(self, context: Any):
        """Ledger of the search that a task belongs to.

        Parameters
        ----------
        context : sklearn.callback.CallbackContext

        Returns
        -------
        Ledger
        """
        return self._ledgers[context.root_uuid]

    def wants_validation_score(self, context: Any) -> bool:
        """Whether a fit has to be scored after each epoch; skdeep's estimators ask.

        Parameters
        ----------
        context : sklearn.callback.CallbackContext
            Of the fit.

        Returns
        -------
        bool
        """
        return False

    def _listens(self, context):
        """Whether the networks of a fit report to this callback."""
        return self._place(context) is not None

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Called by scikit-learn before each task; adds reporters to the networks of a pipeline.

        Parameters
        ----------
        estimator : estimator
        context : sklearn.callback.CallbackContext
        """
        if context.task_name == "fit" and self._listens(context):
            for network in _networks(estimator):
                network.set_callbacks(*getattr(network, "_skl_callbacks", []), _Reporter(self))

    def on_fit_task_end(self, estimator: Any, context: Any) -> bool:
        """Called by scikit-learn after each task.

        Parameters
        ----------
        estimator : estimator
        context : sklearn.callback.CallbackContext

        Returns
        -------
        bool
            Whether to stop training.
        """
        if context.task_name == "fit":
            _detach(estimator)
        return self.on_epoch_end(context) if hasattr(context, "validation_score") else False

    def _place(self, context):
        """(series, candidate) of a task, or None outside of the evaluation of candidates."""
        evaluation = evaluated_candidate(context)
        if evaluation is None or context.root_uuid not in self._searches:
            return None
        search = self._searches[context.root_uuid]
        n_splits = search if isinstance(search, int) else search.n_splits_
        candidate, fold = divmod(evaluation.task_id, n_splits)
        # Fits are compared with those of the same round, fold and kind of network.
        return f"{evaluation.parent.task_id} {fold} {context.estimator_name}", candidate


class TimeLimit(Stopper):
    """Stops candidates at the end of the current epoch when time is over.

    Parameters
    ----------
    deadline : float
        As `time.time` counts, which processes of several machines share.
    """

    def __init__(self, deadline: float):
        super().__init__()
        self.deadline = deadline

    def on_epoch_end(self, context: Any):
        """Return whether time is over; the fit is then recorded as stopped."""
        if time.time() < self.deadline or (place := self._place(context)) is None:
            return False
        series, candidate = place
        ledger = self.ledger(context)
        ledger.end(series, ledger.begin(series, candidate), pruned=True)
        return True


class _Reporter:
    """Callback of a network inside a pipeline that forwards calls."""

    def __init__(self, stopper):
        self.wants_validation_score = stopper.wants_validation_score
        self.on_fit_task_end = stopper.on_fit_task_end

    def setup(self, estimator: Any, context: Any) -> None:
        """Does nothing: the callback of the pipeline is sufficient."""

    def teardown(self, estimator: Any, context: Any) -> None:
        """Does nothing: the callback of the pipeline is sufficient."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Does nothing."""


def _networks(estimator):
    """Networks of skdeep inside an estimator, without itself."""
    parts = estimator.get_params(deep=True).values()
    return [part for part in parts if isinstance(part, DeepEstimator) and part is not estimator]


def _detach(estimator):
    """Remove the reporters from the networks inside an estimator."""
    for network in _networks(estimator):
        callbacks = getattr(network, "_skl_callbacks", [])
        kept = [callback for callback in callbacks if not isinstance(callback, _Reporter)]
        if len(kept) < len(callbacks):
            network.set_callbacks(*kept)
