"""Figures of a report about synthetic rows."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from skdeep.metrics import synthesis_report
from skdeep.plotting._panels import check_matplotlib

_MOST = 20  # columns whose names can be read on an axis


class SynthesisReportDisplay:
    """Shapes, trends, utility and privacy of synthetic rows.

    It is recommended to use `from_rows` or `from_estimator` to create a display. All parameters are
    stored as attributes.

    Parameters
    ----------
    report : Bunch
        What `skdeep.metrics.synthesis_report` returns.

    Attributes
    ----------
    axes_ : ndarray of Axes of shape (2, 2)
        Axes with the shapes, the trends, the utility and the attribute inference of the columns.

    figure_ : matplotlib Figure
        Figure containing them.

    See Also
    --------
    skdeep.metrics.synthesis_report : The figures.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np, pandas as pd
    >>> from skdeep.plotting import SynthesisReportDisplay
    >>> rng = np.random.default_rng(0)
    >>> real, held_out, other = (
    ...     pd.DataFrame({"x": x, "y": x + rng.normal(size=300)}) for x in rng.normal(size=(3, 300))
    ... )
    >>> display = SynthesisReportDisplay.from_rows(real, other, held_out)
    >>> display.axes_.shape
    (2, 2)
    >>> plt.show()
    """

    axes_: Any
    figure_: Any

    def __init__(self, *, report: Any):
        self.report = report

    def plot(self, *, cmap: Any = "viridis") -> Self:
        """Draw the report.

        Parameters
        ----------
        cmap : str, default='viridis'
            Matplotlib's colormap of the trends.

        Returns
        -------
        display : SynthesisReportDisplay
            The display itself.
        """
        check_matplotlib("SynthesisReportDisplay.plot")
        import matplotlib.pyplot as plt

        report = self.report
        self.figure_, self.axes_ = plt.subplots(2, 2, figsize=(10, 7.5), layout="constrained")
        (shapes, trends), (utility, attributes) = self.axes_
        names = [str(name) for name in report.shapes.index]
        at = np.arange(len(names))
        shapes.barh(at, report.shapes)
        shapes.set(title="column shapes", xlim=(min(report.shapes.min(), 0.9), 1))
        image = trends.imshow(report.trends, cmap=cmap, vmax=1)
        trends.set(title="pair trends")
        self.figure_.colorbar(image, ax=trends)
        _pairs(utility, report.utility, "real", "synthetic", "trained on")
        utility.set(title="score of predicting a column", xlabel="R2 or ROC AUC")
        _pairs(attributes, report.attributes, "real", "held_out", "attacked:")
        attributes.set(title="attribute inference", xlabel="share of right guesses")
        for ax in self.axes_.flat:
            shown = at if len(names) <= _MOST else at[:: -(-len(names) // _MOST)]
            ax.set_yticks(shown, [names[i] for i in shown])
            ax.set_ylim(len(names) - 0.5, -0.5)
        trends.set_xticks(shown, [names[i] for i in shown], rotation=90)
        summary = report.summary.loc[["two-sample AUC", "membership AUC", "nearest to real"]]
        self.figure_.suptitle(
            "   ".join(f"{name} {row.synthetic:.3f} ({row.reference:.3f})" for name, row in
                       summary.iterrows())
        )  # fmt: skip
        return self

    @classmethod
    def from_rows(
        cls,
        real: Any,
        synthetic: Any,
        held_out: Any,
        *,
        max_rows: int = 5000,
        random_state: int | np.random.RandomState | None = 0,
        **kwargs: Any,
    ) -> Self:
        """Draw a report about synthetic rows.

        Parameters
        ----------
        real, synthetic, held_out : DataFrame or array-like of shape (n_samples, n_columns)
            Rows that the generator was trained on, its rows, and others of the same source.

        max_rows : int, default=5000
            At most this many rows of each table are compared.

        random_state : int, RandomState instance or None, default=0
            See `skdeep.metrics.synthesis_report`.

        **kwargs : dict
            Keyword arguments of `plot`.

        Returns
        -------
        display : SynthesisReportDisplay
        """
        check_matplotlib("SynthesisReportDisplay.from_rows")
        report = synthesis_report(real, synthetic, held_out, max_rows, random_state)
        return cls(report=report).plot(**kwargs)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        real: Any,
        held_out: Any,
        *,
        max_rows: int = 5000,
        random_state: int | np.random.RandomState | None = 0,
        **kwargs: Any,
    ) -> Self:
        """Draw a report about as many rows of a fitted generator as there are real ones.

        Parameters
        ----------
        estimator : estimator
            A fitted generator of rows, such as `TabularGAN`.

        real, held_out : DataFrame or array-like of shape (n_samples, n_columns)
            Rows that it was fitted on (with y as the last column), and others of the same source.

        max_rows : int, default=5000
            At most this many rows of each table are compared.

        random_state : int, RandomState instance or None, default=0
            See `skdeep.metrics.synthesis_report`.

        **kwargs : dict
            Keyword arguments of `plot`.

        Returns
        -------
        display : SynthesisReportDisplay
        """
        made = estimator.sample(min(len(real), max_rows))
        return cls.from_rows(
            real, made, held_out, max_rows=max_rows, random_state=random_state, **kwargs
        )


def _pairs(ax: Any, table: Any, first: str, second: str, label: str) -> None:
    """Two figures of each column, joined by a line."""
    at = np.arange(len(table))
    ax.hlines(at, table[first], table[second], color="0.7")
    for name, marker in ((first, "o"), (second, "D")):
        ax.plot(table[name], at, marker, label=f"{label} {name.replace('_', '-')} rows")
    ax.legend(loc="best")
