"""Losses, validation scores and learning rates of all epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from skdeep.plotting._panels import Panels, check_matplotlib
from skdeep.plotting._recorded import recorded_curves

_LABELS = {
    "loss": "training loss",
    "validation_loss": "validation loss",
    "validation_score": "validation score",
    "learning_rate": "learning rate",
}
_STYLES = {"validation_loss": "--", "validation_score": "-."}


class TrainingCurveDisplay:
    """Training curves of an estimator.

    Losses are on the left axis, validation scores on the right one and learning rates in a strip
    below. It is recommended to use `from_estimator` to create a display. All parameters are stored
    as attributes.

    Parameters
    ----------
    loss : array-like of shape (n_epochs,) or dict of str to array-like
        Training loss of each epoch. A dict has several losses by name, for example those of
        generator and critic.

    validation_loss : array-like of shape (n_validated,) or dict of str to array-like, default=None
        Loss on the validation rows. If shorter than `loss`, it belongs to the last epochs.

    validation_score : array-like of shape (n_validated,) or dict of str to array-like, \
default=None
        Score on the validation rows.

    learning_rate : array-like of shape (n_epochs,) or dict of str to array-like, default=None
        Learning rate of each epoch; a dict has those of several optimizers.

    best_epoch : int, default=None
        The epoch to mark, from 1.

    name : str, default=None
        Name of the estimator, put before the labels of its curves.

    score_name : str, default=None
        Name of the validation score, for example 'accuracy'.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the losses, or with the scores or the learning rates if no loss is drawn.

    score_ax_ : matplotlib Axes or None
        Axes with the scores, on the right of `ax_` if there are also losses.

    learning_rate_ax_ : matplotlib Axes or None
        Axes with the learning rates, below `ax_` if there are also other curves.

    figure_ : matplotlib Figure
        Figure containing the curves.

    lines_ : list of matplotlib Line2D
        The curves, in the order of the legend.

    best_line_ : matplotlib Line2D or None
        The vertical line at the best epoch.

    legend_ : matplotlib Legend
        The common legend of all curves.

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : Scores for growing numbers of rows.
    sklearn.model_selection.ValidationCurveDisplay : Scores for values of a parameter.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import MLPClassifier
    >>> from skdeep.plotting import TrainingCurveDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = MLPClassifier(early_stopping=True, learning_rate_init=0.01, random_state=0)
    >>> display = TrainingCurveDisplay.from_estimator(clf.fit(X, y))
    >>> [line.get_label() for line in display.lines_]
    ['Training loss', 'Validation loss', 'Validation score (right)']
    >>> plt.show()
    """

    ax_: Any
    figure_: Any
    score_ax_: Any
    learning_rate_ax_: Any
    legend_: Any
    best_line_: Any
    lines_: list[Any]

    def __init__(
        self,
        *,
        loss: Any,
        validation_loss: Any = None,
        validation_score: Any = None,
        learning_rate: Any = None,
        best_epoch: int | None = None,
        name: str | None = None,
        score_name: str | None = None,
    ):
        self.loss = loss
        self.validation_loss = validation_loss
        self.validation_score = validation_score
        self.learning_rate = learning_rate
        self.best_epoch = best_epoch
        self.name = name
        self.score_name = score_name

    def plot(
        self,
        ax: Any = None,
        *,
        name: str | None = None,
        curves: str | Sequence[str] = "auto",
        score_name: str | None = None,
        mark_best: bool = True,
        line_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on, those of another display to compare; they are shrunk if learning rates
            are drawn below other curves. If None, a new figure is created.

        name : str, default=None
            Name of the estimator, as a prefix of labels. If None, the display's `name` is used.

        curves : {'auto', 'all', 'loss', 'validation_loss', 'validation_score', \
'learning_rate'} or list of these, default='auto'
            Curves to draw; 'all' are all that were recorded, 'auto' omits a constant learning rate.

        score_name : str, default=None
            Name of the validation score. If None, the `score_name` of the display is used.

        mark_best : bool, default=True
            Whether to mark the best epoch.

        line_kw : dict, default=None
            Keyword arguments of matplotlib's `plot`, for all curves.

        Returns
        -------
        display : TrainingCurveDisplay
            The display itself.
        """
        check_matplotlib(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt
        from matplotlib.cbook import normalize_kwargs
        from matplotlib.lines import Line2D

        name = self.name if name is None else name
        score_name = self.score_name if score_name is None else score_name
        drawn = self._choose(curves)
        line_kw = normalize_kwargs(line_kw or {}, Line2D)
        ax = plt.subplots(layout="constrained")[1] if ax is None else ax
        self.ax_, self.figure_ = ax, ax.figure
        panels = Panels.of(ax)
        axes = _place({curve for curve, _, _ in drawn}, panels)
        self.score_ax_ = axes.get("validation_score")
        self.learning_rate_ax_ = axes.get("learning_rate")
        self._draw(drawn, axes, panels, name, score_name, line_kw)
        self._mark(mark_best and self.best_epoch is not None, name)
        self._decorate(axes, score_name)
        panels.entries += [] if self.best_line_ is None else [self.best_line_]
        self.legend_ = panels.draw_legend()
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        name: str | None = None,
        ax: Any = None,
        curves: str | Sequence[str] = "auto",
        score_name: str | None = None,
        mark_best: bool = True,
        line_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the training curves of a fitted estimator.

        The best epoch is that of the highest validation score; without scores that of the lowest
        validation loss; without validation rows that of the lowest training loss. Training with
        several losses and without validation rows has none.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator, a fitted `Pipeline` that ends in one, a fitted search with one, or a
            fitted `TransformedTargetRegressor`. Of a search, the best estimator is shown.

        name : str, default=None
            Name of the estimator, put before the labels of its curves.

        ax : matplotlib Axes, default=None
            Axes to draw on, for example those of another display, to compare. If learning rates
            are drawn below other curves, the height of the axes is reduced. If None, a new figure
            is created.

        curves : {'auto', 'all', 'loss', 'validation_loss', 'validation_score', \
'learning_rate'} or list of these, default='auto'
            Curves to draw: 'all' draws everything that was recorded, 'auto' omits a constant
            learning rate.

        score_name : str, default=None
            Name of the validation score, for example 'accuracy'.

        mark_best : bool, default=True
            Whether to mark the best epoch.

        line_kw : dict, default=None
            Keyword arguments of matplotlib's `plot`, for all curves.

        Returns
        -------
        display : TrainingCurveDisplay
            The display that has been drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If no curves were recorded, as with ``solver='lbfgs'``.
        """
        check_matplotlib(f"{cls.__name__}.from_estimator")
        display = cls(**recorded_curves(estimator), name=name, score_name=score_name)
        return display.plot(ax=ax, curves=curves, mark_best=mark_best, line_kw=line_kw)

    def _choose(self, curves):
        """(curve, label, values) of each line in `curves`."""
        wanted = [curves] if isinstance(curves, str) else list(curves)
        known = {"auto", "all", *_LABELS}
        if not wanted or not known.issuperset(wanted):
            raise ValueError(
                f"curves={curves!r} is not one of {sorted(known)}, nor a list of these."
            )
        recorded = {c: _named(getattr(self, c), _LABELS[c]) for c in _LABELS}
        recorded = {c: lines for c, lines in recorded.items() if lines}
        missing = [c for c in wanted if c in _LABELS and c not in recorded]
        if missing:
            raise ValueError(
                f"curves={curves!r} requires {', '.join(missing)}, but training recorded only "
                f"{', '.join(recorded)}."
            )
        chosen = recorded
        if not {"auto", "all"}.intersection(wanted):
            chosen = {c: lines for c, lines in recorded.items() if c in wanted}
        elif "all" not in wanted and "learning_rate" not in wanted:
            rates = recorded.get("learning_rate", {}).values()
            if all(np.ptp(rate) == 0 for rate in rates):
                chosen = {c: lines for c, lines in recorded.items() if c != "learning_rate"}
        return [(c, label, v) for c, lines in chosen.items() for label, v in lines.items()]

    def _draw(self, drawn, axes, panels, name, score_name, line_kw):
        """Draw the curves on their axes."""
        self.lines_ = []
        n_rates = 0
        for curve, label, values in drawn:
            in_strip = axes[curve] is panels.sides.get("below")
            # The strip has no legend: its curves have the colours of the first ones.
            color = self.lines_[n_rates].get_color() if in_strip else panels.next_color()
            n_rates += in_strip
            label = self._label(curve, label, name, score_name)
            style = {"color": color, "linestyle": _STYLES.get(curve, "-")}
            style = style | ({"marker": "."} if len(values) == 1 else {}) | line_kw
            epochs = np.arange(len(values)) + self._n_epochs() - len(values) + 1
            self.lines_ += axes[curve].plot(epochs, values, **style, label=label)
            panels.entries += [] if in_strip else self.lines_[-1:]

    def _n_epochs(self):
        """Align curves at their end: others may begin later than the loss."""
        return max(map(len, _named(self.loss, "").values()))

    def _label(self, curve, label, name, score_name):
        if curve == "validation_score" and score_name is not None:
            label = f"validation {score_name}"
        if curve == "validation_score" and self.score_ax_ is not self.ax_:
            label += " (right)"
        return _capitalize(label) if name is None else f"{name}: {label}"

    def _mark(self, wanted, name):
        """Draw a vertical line at the best epoch, and a dot on each curve that it crosses."""
        self.best_line_ = None
        if not wanted:
            return
        first = self.lines_[0].get_color()
        label = f"best epoch ({self.best_epoch})"
        self.best_line_ = self.ax_.axvline(
            self.best_epoch,
            color="0.4" if name is None else first,
            linestyle=":",
            linewidth=1.2,
            zorder=1,
            label=_capitalize(label) if name is None else f"{name}: {label}",
        )
        for line in self.lines_:
            epochs, values = line.get_data()
            at = epochs == self.best_epoch
            if line.axes in (self.ax_, self.score_ax_):
                line.axes.plot(epochs[at], values[at], "o", markersize=5, color=line.get_color())

    def _decorate(self, axes, score_name):
        score = "Validation score" if score_name is None else f"Validation {score_name}"
        names = {"loss": "Loss", "validation_loss": "Loss", "validation_score": score}
        for curve, ax in axes.items():
            ax.set_ylabel(names.get(curve, "Learning\nrate"))
            ax.spines["top"].set_visible(False)
        lowest = self.ax_
        if self.learning_rate_ax_ is not None:
            lowest = self.learning_rate_ax_
            _choose_scale(lowest)
        lowest.set_xlabel("Epoch")
        lowest.xaxis.get_major_locator().set_params(integer=True)
        for ax in {self.ax_, lowest}:
            ax.grid(alpha=0.25)
            ax.spines["right"].set_visible(False)


def _named(values, label):
    """A dict of label to values, empty if nothing was recorded."""
    if values is None:
        return {}
    lines = values if isinstance(values, dict) else {label: values}
    return {k: np.asarray(v, dtype=float) for k, v in lines.items()}


def _capitalize(label):
    return label[:1].upper() + label[1:]


def _place(kinds, panels):
    """The axes of each kind of curve: the main ones for the first, others beside them."""
    axes = {c: panels.main for c in ("loss", "validation_loss") if c in kinds}
    for curve, side in (("validation_score", "right"), ("learning_rate", "below")):
        if curve in kinds:
            axes[curve] = panels.side(side) if axes else panels.main
    return axes


def _choose_scale(ax):
    """Use a logarithmic scale for rates that are small most of the time."""
    for line in ax.get_lines():
        rates = np.asarray(line.get_ydata(), dtype=float)
        rates = rates[np.isfinite(rates)]
        if len(rates) and rates.min() > 0 and np.median(rates) < 0.1 * rates.max():
            ax.set_yscale("log")
