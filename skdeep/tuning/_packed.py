"""Candidates of a search evaluated such that their networks train as one."""

from __future__ import annotations

import functools
import time
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from traceback import format_exc
from typing import Any

import joblib
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.parallel import Parallel, delayed

from skdeep._compat import (
    _check_method_params,
    _insert_error_scores,
    _MultimetricScorer,
    _num_samples,
    _safe_split,
    _score,
    _warn_or_raise_about_fit_failures,
)
from skdeep.engine.together import Stop, run_together
from skdeep.tuning._ensemble import Library

INDEPENDENT_BATCH = 32
"""Candidates of a batch where the sampler does not look at results, so that a batch of any size
has the same candidates."""

_OPEN_BYTES = 2**30
"""Most bytes of training rows that fits hold at a time: those with `early_stopping` copy theirs."""


def trains_in_packs(estimator: Any) -> bool:
    """Whether an estimator is, or has as a parameter, one whose networks train in packs."""
    parts = [estimator, *estimator.get_params(deep=True).values()]
    return any(getattr(part, "_trains_in_packs", False) for part in parts)


class Evaluation:
    """What all candidates of a search share.

    Parameters
    ----------
    search : OptunaSearchCV
    state : SearchState
    library : Library, default=None
        Where it is given, outcomes have the predictions for the test rows, too.
    """

    def __init__(self, search: Any, state: Any, library: Library | None = None) -> None:
        self.search, self.state = search, state
        self.predict = None if library is None else library.predictor
        self.packs = search.packed is not False and trains_in_packs(search.estimator)
        self.n_jobs = joblib.effective_n_jobs(search.n_jobs)

    def __call__(
        self, params: Sequence[dict[str, Any]], context: Any
    ) -> list[dict[str, Any] | None]:
        """Evaluate candidates as scikit-learn's searches do.

        Parameters
        ----------
        params : list of dict
        context : sklearn.callback.CallbackContext
            With `subcontext(task_name, task_id)`, for each fit.

        Returns
        -------
        list of (dict or None)
            For each candidate and each fold what `_fit_and_score` of scikit-learn returns; None
            where Ctrl-C came before.

        Raises
        ------
        ValueError
            Where all fits failed.
        """
        search, given = self.search, self.state.given
        folds = search._checked_cv_orig.folds
        tasks = [
            (candidate, fold, context.subcontext("candidate-split-evaluation", task_id=i))
            for i, (candidate, fold) in enumerate(
                (candidate, fold) for candidate in params for fold in range(len(folds))
            )
        ]
        rows = _num_samples(given["X"])
        held = getattr(given["X"], "nbytes", 8 * rows) * len(folds[0][0]) // max(rows, 1)
        most = max(len(folds), _OPEN_BYTES // max(held, 1))
        n_parts = max(min(self.n_jobs, len(params)), -(-len(tasks) // most))
        bounds = [len(params) * i // n_parts * len(folds) for i in range(n_parts + 1)]
        parts = [tasks[a:b] for a, b in pairwise(bounds) if a < b]
        stop = Stop()
        try:
            evaluated = Parallel(n_jobs=search.n_jobs, pre_dispatch=search.pre_dispatch)(
                delayed(_evaluate)(part, folds, search, given, self.predict, stop) for part in parts
            )
        except BaseException:
            stop.asked = True
            raise
        outcomes = [outcome for part in evaluated for outcome, _ in part]
        if search.verbose > 0:
            _report([reason for part in evaluated for _, reason in part])
        known = [outcome for outcome in outcomes if outcome is not None]
        error_score = given["fit_and_score_kwargs"]["error_score"]
        if known:
            _warn_or_raise_about_fit_failures(known, error_score)
            if callable(search.scoring):
                _insert_error_scores(known, error_score)
        return outcomes


def _evaluate(
    tasks: Sequence[Any],
    folds: Any,
    search: Any,
    given: dict[str, Any],
    predict: Any,
    stop: Stop,
) -> list[tuple[dict[str, Any] | None, str | None]]:
    """Fit and score candidates on folds, their networks together."""
    rows, memory = _Rows(folds, given), _Memory()
    evaluations = [
        functools.partial(
            _fit_and_score, candidate, rows.of(fold), context, search, given, predict, memory
        )
        for candidate, fold, context in tasks
    ]
    groups = [evaluations] if search.packed is not False else [[each] for each in evaluations]
    calls = [call for group in groups for call in run_together(group, stop)]
    for call in calls:
        if call.error is None:
            call.value["fit_time"] += call.trained - call.waited
        elif not isinstance(call.error, KeyboardInterrupt):
            raise call.error
    return [(call.value, call.reason) for call in calls]


def _report(reasons: Sequence[str | None]) -> None:
    """Print how many fits were trained as one with others, and why the rest were not."""
    counts = Counter(reason for reason in reasons if reason is not None)
    alone = "".join(f"; alone: {n} with {reason}" for reason, n in counts.items())
    n_packed = len(reasons) - counts.total()
    print(f"{n_packed} of {len(reasons)} fits were trained as one with others{alone}")


class _Rows:
    """Training and test rows of each fold, and what goes with them into `fit` and scorers."""

    def __init__(self, folds: Any, given: dict[str, Any]) -> None:
        self.folds, self.given = folds, given
        self._known: dict[int, dict[str, Any]] = {}

    def of(self, fold: int) -> dict[str, Any]:
        """All that a fit on a fold is given."""
        if fold not in self._known:
            (train, test), given = self.folds[fold], self.given
            X, y, options = given["X"], given["y"], given["fit_and_score_kwargs"]
            estimator, scoring = given["base_estimator"], options["score_params"]
            X_train, y_train = _safe_split(estimator, X, y, train)
            X_test, y_test = _safe_split(estimator, X, y, test, train)
            self._known[fold] = {
                "train": (X_train, y_train),
                "test": (X_test, y_test),
                "fit_params": _check_method_params(X, options["fit_params"], train),
                "score_train": _check_method_params(X, scoring, train),
                "score_test": _check_method_params(X, scoring, test),
                "split": f"{fold + 1}/{len(self.folds)}",
            }
        return self._known[fold]


def _fit_and_score(
    candidate: dict[str, Any],
    rows: dict[str, Any],
    context: Any,
    search: Any,
    given: dict[str, Any],
    predict: Any,
    memory: _Memory,
) -> dict[str, Any]:
    """What `_fit_and_score` of scikit-learn does, on rows that several candidates share."""
    options = given["fit_and_score_kwargs"]
    scorer, error_score = options["scorer"], options["error_score"]
    estimator = clone(given["base_estimator"]).set_params(**clone(candidate, safe=False))
    if isinstance(estimator, Pipeline) and estimator.memory is None:
        estimator.set_params(memory=memory)
    X, y = rows["train"]
    targets = () if y is None else (y,)
    weight = rows["fit_params"].get("sample_weight")
    data = {"X": X, "y": y, "metadata": None if weight is None else {"sample_weight": weight}}
    outcome: dict[str, Any] = {"fit_error": None, "n_test_samples": _num_samples(rows["test"][0])}
    started = time.perf_counter()
    try:
        with context.propagate_callback_context(estimator):
            context.call_on_fit_task_begin(estimator=search, **data)
            estimator.fit(X, *targets, **rows["fit_params"])
    except Exception:
        if error_score == "raise":
            raise
        outcome["fit_error"] = format_exc()
        outcome["fit_time"], outcome["score_time"] = time.perf_counter() - started, 0.0
        failed = error_score
        if isinstance(scorer, _MultimetricScorer):
            failed = dict.fromkeys(scorer._scorers, error_score)
        outcome["test_scores"] = failed
        if options["return_train_score"]:
            outcome["train_scores"] = failed
    else:
        fitted = time.perf_counter()
        outcome["fit_time"] = fitted - started
        scored = (scorer, rows["score_test"], error_score)
        outcome["test_scores"] = _score(estimator, *rows["test"], *scored)
        outcome["score_time"] = time.perf_counter() - fitted
        if options["return_train_score"]:
            scored = (scorer, rows["score_train"], error_score)
            outcome["train_scores"] = _score(estimator, X, y, *scored)
        if predict is not None:
            outcome["predictions"] = predict(estimator, rows["test"][0])
    finally:
        context.call_on_fit_task_end(estimator=search, **data)
    if options["verbose"] > 1:
        named = ", ".join(f"{name}={candidate[name]}" for name in sorted(candidate))
        print(f"[CV {rows['split']}] END {named}; score={outcome['test_scores']}")
    return outcome


class _Memory:
    """The steps of pipelines before the last, fitted once for the same rows and parameters: what
    `Pipeline` takes as its `memory`."""

    def __init__(self) -> None:
        self._known: dict[Any, Any] = {}
        self._kept: list[Any] = []  # rows by whose identity results are known

    def cache(self, function: Any, ignore: Sequence[str] = ()) -> Any:
        """Like `joblib.Memory.cache`."""
        return functools.partial(self._call, function, set(ignore))

    def _call(
        self,
        function: Any,
        ignore: set[str],
        transformer: Any,
        X: Any,
        y: Any,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        options = {name: value for name, value in kwargs.items() if name not in ignore}
        try:
            key = id(X), id(y), joblib.hash((transformer, args, options))
        except Exception:  # joblib cannot hash what cannot be pickled
            return function(transformer, X, y, *args, **kwargs)
        if key not in self._known:
            self._known[key] = function(transformer, X, y, *args, **kwargs)
            self._kept.append((X, y))
        return self._known[key]
