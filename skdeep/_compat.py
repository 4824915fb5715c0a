"""Differences between versions of the libraries below, and their private names that skdeep uses.

Everything that scikit-learn does not promise to keep is imported here and nowhere else, so that
a new version is answered in one place.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from sklearn.callback import _progressbar
from sklearn.callback._progressbar import RichProgressMonitor as ProgressMonitor
from sklearn.metrics._scorer import _MultimetricScorer
from sklearn.model_selection._search import BaseSearchCV
from sklearn.model_selection._split import _yields_constant_splits
from sklearn.model_selection._validation import (
    _insert_error_scores,
    _score,
    _warn_or_raise_about_fit_failures,
)
from sklearn.utils._metadata_requests import _raise_for_params, _routing_enabled
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
)
from sklearn.utils.metaestimators import _BaseComposition, _safe_split
from sklearn.utils.multiclass import _check_partial_fit_first_call
from sklearn.utils.optimize import _check_optimize_result
from sklearn.utils.validation import (
    _check_feature_names,
    _check_feature_names_in,
    _check_method_params,
    _check_sample_weight,
    _check_y,
    _num_samples,
)

if TYPE_CHECKING:  # scikit-learn has no types: checkers would lose those of what it decorates
    _Method = TypeVar("_Method", bound=Callable[..., Any])

    def _fit_context(*, prefer_skip_nested_validation: bool) -> Callable[[_Method], _Method]: ...
    def with_callbacks(method: _Method) -> _Method: ...

else:
    from sklearn.base import _fit_context
    from sklearn.callback import with_callbacks

__all__ = [
    "BaseSearchCV",
    "HasMethods",
    "Interval",
    "InvalidParameterError",
    "Options",
    "ProgressMonitor",
    "SearchState",
    "StrOptions",
    "_MultimetricScorer",
    "_check_feature_names",
    "_check_feature_names_in",
    "_check_optimize_result",
    "_check_partial_fit_first_call",
    "_check_sample_weight",
    "_check_y",
    "_fit_context",
    "_insert_error_scores",
    "_routing_enabled",
    "_raise_for_params",
    "_BaseComposition",
    "_warn_or_raise_about_fit_failures",
    "_score",
    "_safe_split",
    "_num_samples",
    "_check_method_params",
    "_yields_constant_splits",
    "all_fits_failed",
    "begin_progress",
    "compiled_tree",
    "evaluated_candidate",
    "histogram_node",
    "reports_mean_over_outputs",
    "with_callbacks",
    "with_doc_link",
]

DOCUMENTATION = "https://skdeep.readthedocs.io/en/stable/"
"""Where `examples/docs` is published."""

_Estimator = TypeVar("_Estimator", bound=type[Any])


def with_doc_link(cls: _Estimator) -> _Estimator:
    """Link an estimator's HTML representation to its page of the reference.

    scikit-learn shows the "?" and the descriptions of parameters for estimators that have a link.
    """
    cls._doc_link_module = "skdeep"
    page = "reference/generated/{estimator_module}.{estimator_name}.html"
    cls._doc_link_template = DOCUMENTATION + page
    return cls


def all_fits_failed(error):
    """Whether a search raised this because each fit of a call failed, with the first causes."""
    return isinstance(error, ValueError) and bool(
        re.match(r"\s*All the \d+ fits failed", str(error))
    )


def without_callbacks(estimator):
    """A copy of an estimator without its callbacks, and without where they are in a fit."""
    copied = object.__new__(type(estimator))
    own = {n: v for n, v in vars(estimator).items() if n not in _OF_CALLBACKS}
    copied.__dict__.update(own)
    return copied


_OF_CALLBACKS = {
    "_skl_callbacks",
    "_skl_callbacks_to_teardown",
    "_callback_fit_ctx",
    "_parent_callback_ctx",
}


def begin_progress(bar, run, queue, monitor):
    """Have a thread of one's own show what a `sklearn.callback.ProgressBar` reports, which ends it.

    Parameters
    ----------
    bar : sklearn.callback.ProgressBar
    run : uuid.UUID
        Of the outermost fit.
    queue : queue.Queue
        What the tasks send, from all processes, and None at the end.
    monitor : ProgressMonitor
        Reads the queue.
    """
    bar._listener_handles[run] = _progressbar.open_listener(queue.put)
    _progressbar._run_queues[run], _progressbar._run_monitors[run] = queue, monitor
    monitor.start()


def compiled_tree():
    """The class of a decision tree's nodes, imported when it is asked for."""
    from sklearn.tree._tree import Tree

    return Tree


def histogram_node():
    """The dtype of a node of boosting over histograms, imported when it is asked for."""
    from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE

    return PREDICTOR_RECORD_DTYPE


def reports_mean_over_outputs():
    """Whether scikit-learn's `MLPRegressor` reports squared errors as their mean over the outputs.

    It minimises their sum; up to 1.9 what it reports, and what 'lbfgs' searches along a line, is
    the mean (scikit-learn/scikit-learn#8349; a change to the sum is proposed for 1.10 in #34830).
    """
    from sklearn.neural_network._base import LOSS_FUNCTIONS

    return LOSS_FUNCTIONS["squared_error"](np.zeros((1, 2)), np.ones((1, 2))) == 0.5


def evaluated_candidate(context):
    """The task of a search that a callback context belongs to: a candidate on a fold.

    Parameters
    ----------
    context : sklearn.callback.CallbackContext

    Returns
    -------
    sklearn.callback.CallbackContext or None
        None outside of searches, and in the refit of the best candidate.
    """
    while context is not None:
        names = (context.task_name, context.source_task_name)
        if "candidate-split-evaluation" in names:
            return context
        context = context.parent
    return None


class SearchState:
    """What `BaseSearchCV.fit` has gathered while `_run_search` runs.

    scikit-learn hands `_run_search` a function that evaluates candidates and remembers their
    outcomes, but no way to add those that an earlier process evaluated. They are where that
    function keeps its own.

    Parameters
    ----------
    evaluate_candidates : callable
        What `_run_search` is given.
    """

    def __init__(self, evaluate_candidates):
        names = evaluate_candidates.__code__.co_freevars
        self._cells = dict(zip(names, evaluate_candidates.__closure__))
        missing = {
            "all_candidate_params",
            "all_out",
            "results",
            "fit_and_score_kwargs",
            "base_estimator",
            "X",
            "y",
        } - set(names)
        if missing:
            raise RuntimeError(f"This scikit-learn keeps no {sorted(missing)} in its searches.")

    @property
    def outcomes(self):
        """list of dict: scores and times of each fit, candidate after candidate."""
        return self._cells["all_out"].cell_contents

    @property
    def given(self):
        """dict: what a fit of a candidate is made of."""
        names = ("base_estimator", "X", "y", "fit_and_score_kwargs")
        return {name: self._cells[name].cell_contents for name in names}

    def finish(self, params, outcomes, results):
        """Put all candidates, all outcomes and `cv_results_` in the place of what is there."""
        self._cells["all_candidate_params"].cell_contents[:] = params
        self.outcomes[:] = outcomes
        self._cells["results"].cell_contents = results

    def raise_errors(self):
        """Have the evaluations from now on raise what goes wrong in fits and scorers."""
        options = self._cells["fit_and_score_kwargs"].cell_contents
        options["error_score"] = "raise"
        if isinstance(options["scorer"], _MultimetricScorer):
            options["scorer"]._raise_exc = True


def columns_of_transformers(transformer):
    """The places of the columns of each part of a fitted `ColumnTransformer`, by its name."""
    return transformer._transformer_to_input_indices


def widths_of_one_hot(encoder):
    """How many columns a fitted `OneHotEncoder` makes of each feature."""
    return encoder._n_features_outs
