"""Distribution and time course of anomaly scores."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdeep.plotting._faces import axes_for


class AnomalyScoreDisplay:
    """Anomaly scores of rows, with the threshold below which they are outliers.

    It is recommended to use `from_estimator` or `from_predictions` to create a display. All
    parameters are stored as attributes.

    Parameters
    ----------
    scores : array-like of shape (n_samples,)
        Anomaly scores; the lower, the more abnormal.

    threshold : float, default=None
        Rows with a lower score are outliers.

    y_true : array-like of shape (n_samples,), default=None
        True labels: 1 for normal rows and -1 for outliers.

    name : str, default=None
        Name of the estimator.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the scores.

    figure_ : matplotlib Figure
        Figure containing them.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.ensemble import IsolationForest
    >>> from skdeep.plotting import AnomalyScoreDisplay
    >>> X = np.random.RandomState(0).normal(size=(100, 2))
    >>> display = AnomalyScoreDisplay.from_estimator(IsolationForest(random_state=0).fit(X), X)
    >>> display.threshold
    -0.5
    """

    ax_: Any
    figure_: Any

    def __init__(
        self,
        scores: Any,
        threshold: float | None = None,
        *,
        y_true: Any = None,
        name: str | None = None,
    ):
        self.scores = scores
        self.threshold = threshold
        self.y_true = y_true
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        *,
        kind: str = "histogram",
        name: str | None = None,
        ax: Any = None,
    ) -> Self:
        """Score X with a fitted detector and draw the scores.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator with `score_samples`. If it, or the last step of a pipeline, has
            `offset_`, this is the threshold.

        X : array-like of shape (n_samples, n_features)
            Rows to score.

        y : array-like of shape (n_samples,), default=None
            1 for normal rows and -1 for outliers.

        kind : {'histogram', 'time'}, default='histogram'
            See `plot`.

        name : str, default=None
            Name of the estimator. If None, the name of its class is used.

        ax : matplotlib Axes, default=None
            Axes to draw on. If None, a new figure is created.

        Returns
        -------
        display : AnomalyScoreDisplay
        """
        check_is_fitted(estimator)
        last = estimator[-1] if hasattr(estimator, "steps") else estimator
        name = type(last).__name__ if name is None else name
        scores, threshold = estimator.score_samples(X), getattr(last, "offset_", None)
        return cls(scores, threshold, y_true=y, name=name).plot(ax, kind=kind)

    @classmethod
    def from_predictions(
        cls,
        scores: Any,
        threshold: float | None = None,
        *,
        y_true: Any = None,
        kind: str = "histogram",
        name: str | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw precomputed scores.

        Parameters
        ----------
        scores : array-like of shape (n_samples,)
            Anomaly scores; the lower, the more abnormal.

        threshold : float, default=None
            Rows with a lower score are outliers.

        y_true : array-like of shape (n_samples,), default=None
            1 for normal rows and -1 for outliers.

        kind : {'histogram', 'time'}, default='histogram'
            See `plot`.

        name : str, default=None
            Name of the estimator.

        ax : matplotlib Axes, default=None
            Axes to draw on. If None, a new figure is created.

        Returns
        -------
        display : AnomalyScoreDisplay
        """
        return cls(scores, threshold, y_true=y_true, name=name).plot(ax, kind=kind)

    def plot(self, ax: Any = None, *, kind: str = "histogram", bins: Any = 50) -> Self:
        """Draw the scores.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on. If None, a new figure is created.

        kind : {'histogram', 'time'}, default='histogram'
            Draw a histogram, or the scores in the order of the rows.

        bins : int, default=50
            Number of bins of the histogram.

        Returns
        -------
        display : AnomalyScoreDisplay
        """
        if kind not in ("histogram", "time"):
            raise ValueError(f"kind={kind!r}: expected 'histogram' or 'time'.")
        ax = axes_for("AnomalyScoreDisplay", ax)
        scores = np.asarray(self.scores)
        draw = self._histogram if kind == "histogram" else self._course
        draw(ax, scores, bins)
        if self.threshold is not None:
            line = ax.axvline if kind == "histogram" else ax.axhline
            line(self.threshold, color="black", linestyle="--", label="threshold")
        if ax.get_legend_handles_labels()[0]:
            ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _histogram(self, ax, scores, bins):
        edges = np.histogram_bin_edges(scores, bins)
        if self.y_true is None:
            ax.hist(scores, edges, label=self.name)
        else:
            for value, label in ((1, "normal"), (-1, "outlier")):
                ax.hist(scores[np.asarray(self.y_true) == value], edges, alpha=0.6, label=label)
        ax.set(xlabel="score (the lower, the more abnormal)", ylabel="rows", yscale="log")

    def _course(self, ax, scores, bins):
        steps = np.arange(len(scores))
        ax.plot(steps, scores, linewidth=0.8, label=self.name)
        if self.threshold is not None:
            below = scores < self.threshold
            ax.plot(steps[below], scores[below], ".", color="C3", label="outliers")
        if self.y_true is not None:
            known = np.asarray(self.y_true) == -1
            low, high = ax.get_ylim()
            ax.fill_between(
                steps, low, high, where=known, color="C3", alpha=0.2, label="known outliers"
            )
            ax.set_ylim(low, high)
        ax.set(xlabel="time step", ylabel="score (lower:\nmore abnormal)")
