"""Progress of a search, its candidates and the importance of its parameters."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import optuna
from optuna.study import StudyDirection
from optuna.trial import TrialState
from sklearn.utils.validation import check_is_fitted

from skdeep.plotting._panels import check_matplotlib
from skdeep.tuning import OptunaSearchCV

_KINDS = ("history", "parallel_coordinates", "importance")


class SearchDisplay:
    """Visualisation of a search with Optuna.

    It is recommended to use `from_estimator` to create a display. All parameters are stored as
    attributes.

    Parameters
    ----------
    study : optuna.Study
        Study with a trial for each candidate.

    objective : int, default=0
        Index of the objective to show, for studies with several.

    score_name : str, default=None
        Name of the objective, for example 'accuracy'. If None, 'score' is used.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the figure.

    figure_ : matplotlib Figure
        Figure containing it.

    best_line_ : matplotlib Line2D or None
        The best score so far, of `kind='history'`.

    See Also
    --------
    skdeep.tuning.OptunaSearchCV : The search.
    TrainingCurveDisplay : Training curves of the best candidate.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skdeep.plotting import SearchDisplay
    >>> from skdeep.tuning import OptunaSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> space = {"C": loguniform(1e-3, 1e3)}
    >>> search = OptunaSearchCV(LogisticRegression(max_iter=500), space, random_state=0)
    >>> display = SearchDisplay.from_estimator(search.fit(X, y))
    >>> display.ax_.get_ylabel()
    'Score'
    >>> plt.show()
    """

    best_line_: Any
    ax_: Any
    figure_: Any

    def __init__(self, *, study: Any, objective: int = 0, score_name: str | None = None):
        self.study = study
        self.objective = objective
        self.score_name = score_name

    def plot(
        self,
        ax: Any = None,
        *,
        kind: str = "history",
        params: Sequence[str] | None = None,
        x: Any = "time",
    ) -> Self:
        """Draw the search.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on. If None, a new figure is created. Not supported for
            'parallel_coordinates' and 'importance', for which Optuna creates a figure.

        kind : {'history', 'parallel_coordinates', 'importance'}, default='history'
            What to show:

            - 'history': the score of each candidate and the best so far. Pruned candidates
              are crosses at the score of their last epoch on held-out rows.
            - 'parallel_coordinates': a line for each finished candidate through its parameters.
            - 'importance': how much of the variance of the scores of finished candidates each
              parameter explains (fANOVA; Hutter et al., 2014).

        params : list of str, default=None
            Names of the parameters to show in Optuna's figures. If None, all are shown.

        x : {'time', 'trial'}, default='time'
            The x axis of the history: seconds during which candidates were evaluated (without
            pauses between a search and its resumption), or the number of the candidate.

        Returns
        -------
        display : SearchDisplay
            The display itself.

        Raises
        ------
        ValueError
            If no candidate has finished (two with different scores for 'importance'), for an
            `ax` that cannot be used, or for an unknown `kind`, `x` or name in `params`.
        """
        check_matplotlib(f"{type(self).__name__}.plot")
        if kind not in _KINDS:
            raise ValueError(f"kind={kind!r}: expected one of {list(_KINDS)}.")
        self.best_line_ = None
        if kind == "history":
            if params is not None:
                raise ValueError(f"params={params!r}: kind='history' does not show parameters.")
            self._draw_history(ax, x)
        else:
            if ax is not None:
                raise ValueError(f"kind={kind!r} creates its own figure: `ax` must be None.")
            self._draw_with_optuna(kind, params)
        self.figure_ = self.ax_.figure
        return self

    @classmethod
    def from_estimator(
        cls,
        search: Any,
        *,
        kind: str = "history",
        metric: str | None = None,
        score_name: str | None = None,
        ax: Any = None,
        params: Sequence[str] | None = None,
        x: Any = "time",
    ) -> Self:
        """Draw the progress of a search.

        Parameters
        ----------
        search : OptunaSearchCV or optuna.Study
            The search, fitted or interrupted during fit.

        kind : {'history', 'parallel_coordinates', 'importance'}, default='history'
            What to show; see `plot`.

        metric : str, default=None
            The objective to show, for searches with several. If None, the first is used.

        score_name : str, default=None
            Name of the score. If None, `metric`, or the only metric of the search, is used.

        ax : matplotlib Axes, default=None
            Axes to draw on, for the kind 'history'.

        params : list of str, default=None
            Names of the parameters to show. If None, all are shown.

        x : {'time', 'trial'}, default='time'
            The x axis of the history; see `plot`.

        Returns
        -------
        display : SearchDisplay
            The display that has been drawn.

        Raises
        ------
        NotFittedError
            If the search has not been started.
        ValueError
            As in `plot`, and if `metric` is not an objective of the search.
        """
        check_matplotlib(f"{cls.__name__}.from_estimator")
        study, names = _study_and_names(search)
        if metric is not None and metric not in names:
            raise ValueError(f"metric={metric!r}: the objectives of the search are {names}.")
        objective = 0 if metric is None else names.index(metric)
        display = cls(study=study, objective=objective, score_name=score_name or names[objective])
        return display.plot(ax, kind=kind, params=params, x=x)

    def _label(self):
        name = (self.score_name or "score").replace("_", " ")
        return name[:1].upper() + name[1:]

    def _value(self, trial):
        return trial.values[self.objective]

    def _is_maximised(self):
        return self.study.directions[self.objective] == StudyDirection.MAXIMIZE

    def _trials(self, *states):
        return [
            trial
            for trial in self.study.get_trials(deepcopy=False, states=states)
            if trial.values is not None and np.isfinite(trial.values[self.objective])
        ]

    def _finished(self):
        trials = self._trials(TrialState.COMPLETE)
        if not trials:
            raise ValueError("No candidate has finished: there is nothing to show.")
        return trials

    def _draw_history(self, ax, x):
        import matplotlib.pyplot as plt

        if x not in ("time", "trial"):
            raise ValueError(f"x={x!r}: expected 'time' or 'trial'.")
        finished, stopped = self._finished(), self._trials(TrialState.PRUNED)
        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        self.ax_ = ax
        when = _seconds(finished + stopped) if x == "time" else {}
        finished.sort(key=lambda trial: when.get(trial.number, trial.number))
        position = {t.number: when.get(t.number, t.number + 1) for t in finished + stopped}

        def points(trials):
            return [position[t.number] for t in trials], [self._value(t) for t in trials]

        better = np.maximum if self._is_maximised() else np.minimum
        along, values = points(finished)
        best = better.accumulate(values)
        end = max(position.values())
        (self.best_line_,) = ax.step(
            [*along, end], [*best, best[-1]], where="post", label="Best so far"
        )
        color = self.best_line_.get_color()
        ax.plot(along, values, "o", color=color, alpha=0.4, label="Candidates")
        if stopped:
            ax.plot(*points(stopped), "x", color="0.5", label="Stopped early", zorder=1)
        ax.set_xlabel("Seconds of searching" if x == "time" else "Candidate")
        ax.set_ylabel(self._label())
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(alpha=0.25)
        ax.legend()

    def _draw_with_optuna(self, kind, params):
        import matplotlib as mpl
        from optuna.visualization import matplotlib as figures

        finished = self._finished()
        shown = sorted({name for trial in finished for name in trial.params})
        if not set(params or ()).issubset(shown):
            raise ValueError(f"params={params!r}: the parameters searched are {shown}.")
        options = {"target_name": self._label(), "params": params}
        if len(self.study.directions) > 1:
            options["target"] = self._value
        # Optuna sets a style for the whole process, and calls its figures experimental.
        with mpl.rc_context(), warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            if kind == "importance":
                self._check_scores_differ(finished)
                evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
                self.ax_ = figures.plot_param_importances(self.study, evaluator, **options)
            else:
                self.ax_ = figures.plot_parallel_coordinate(self.study, **options)
                self._make_readable(len(params or shown))
        self.ax_.figure.set_layout_engine("tight")

    def _check_scores_differ(self, trials):
        n_scores = len({self._value(trial) for trial in trials})
        if n_scores < 2:
            raise ValueError(
                "kind='importance' requires two finished candidates with different scores: "
                f"{len(trials)} finished, with {n_scores} score(s)."
            )

    def _make_readable(self, n_params):
        """Make room for the ticks of each axis; draw the best candidates in dark colours."""
        self.ax_.figure.set_size_inches(max(6.4, 1.7 * (n_params + 1)), 4.8)
        self.ax_.collections[0].set_cmap("Blues" if self._is_maximised() else "Blues_r")


def _study_and_names(search):
    """The study of a search, and the names of its objectives."""
    if isinstance(search, optuna.Study):
        return search, search.metric_names or ["score"] * len(search.directions)
    if not isinstance(search, OptunaSearchCV):
        raise ValueError(
            f"{type(search).__name__} has no Optuna study: expected an OptunaSearchCV or a study."
        )
    check_is_fitted(search, "study_")
    return search.study_, search.objective_names_


def _seconds(trials):
    """Seconds of evaluation until the end of each trial, by the number of the trial."""
    idle, busy_until, idle_before = 0.0, None, {}
    for trial in sorted(trials, key=lambda trial: trial.datetime_start):
        start, end = trial.datetime_start, trial.datetime_complete
        if busy_until is None:
            origin = busy_until = start
        idle += max(0.0, (start - busy_until).total_seconds())
        idle_before[trial.number] = idle
        busy_until = max(busy_until, end)
    return {
        trial.number: (trial.datetime_complete - origin).total_seconds() - idle_before[trial.number]
        for trial in trials
    }
