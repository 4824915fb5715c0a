"""A report about synthetic rows: fidelity, utility and privacy beside what real rows give."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.utils import Bunch, check_random_state, check_scalar

from skdeep.metrics._encoding import drawn, for_trees
from skdeep.metrics._unlike import comparable_tables, is_number
from skdeep.metrics.attacks import attribute_inference, membership_inference_score
from skdeep.metrics.tables import (
    closest_record_share,
    column_shapes,
    copy_share,
    pair_trends,
    two_sample_score,
)

_N_CLASSES = 10  # of a column that is predicted; rarer levels are one class
_N_TREES = 50  # boosting iterations for a column: a comparison needs no more


def column_utility(
    real: Any,
    synthetic: Any,
    held_out: Any,
    max_rows: int = 5000,
    random_state: int | np.random.RandomState | None = 0,
) -> pd.DataFrame:
    """How well each column is predicted from the others after training on synthetic rows.

    "Train on synthetic, test on real" (Esteban, Hyland and Raetsch, 2017) for each column in turn,
    beside the same model trained on real rows, with gradient boosting.

    Parameters
    ----------
    real : DataFrame or array-like of shape (n_samples, n_columns)
        Rows that the generator was trained on.
    synthetic : DataFrame or array-like of shape (n_synthetic, n_columns)
        Synthetic rows.
    held_out : DataFrame or array-like of shape (n_held_out, n_columns)
        Rows of the same source, on which both models are tested.
    max_rows : int, default=5000
        At most this many rows of each table, sampled at random, are used.
    random_state : int, RandomState instance or None, default=0
        Seed of the models and of this sample.

    Returns
    -------
    DataFrame of shape (n_columns, 2)
        Scores after training on ``'real'`` and on ``'synthetic'`` rows: R2 of numbers and dates,
        for other columns the ROC AUC of each level against the rest, weighted by frequency, with
        all but the ten most frequent levels as one. NaN if a column has one value.

    Raises
    ------
    ValueError
        If there is one column only.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from skdeep.metrics import column_utility
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(3, 400))
    >>> real, held_out, noise = (pd.DataFrame({"x": a, "y": 2 * a}) for a in x)
    >>> scores = column_utility(real, noise.assign(y=x[0]), held_out)
    >>> (scores["real"] > 0.9).tolist(), (scores["synthetic"] < 0.2).tolist()
    ([True, True], [True, True])
    """
    check_scalar(max_rows, "max_rows", Integral, min_val=1)
    tables = comparable_tables(real=real, synthetic=synthetic, held_out=held_out)
    if tables[0].shape[1] < 2:
        raise ValueError("The tables have one column: expected others to predict it from.")
    rng = check_random_state(random_state)
    tables = [drawn(frame, max_rows, rng) for frame in tables]
    scores = _column_scores(tables, int(rng.randint(2**31 - 1)))
    return pd.DataFrame.from_dict(scores, orient="index", columns=["real", "synthetic"])


def _column_scores(tables: list[pd.DataFrame], seed: int) -> dict[Any, list[float]]:
    frames, scores = for_trees(*tables), {}
    for j, name in enumerate(tables[0].columns):
        *inputs, X_test = (frame.drop(columns=frame.columns[j]) for frame in frames)
        columns = [frame.iloc[:, j] for frame in frames]
        score = _score_numbers if is_number(tables[0][name]) else _score_levels
        scores[name] = [
            score(X, y, X_test, columns[-1], columns[0], seed) for X, y in zip(inputs, columns)
        ]
    return scores


def _score_numbers(X: Any, y: Any, X_test: Any, y_test: Any, real: Any, seed: int) -> float:
    known, tested = y.notna().to_numpy(), y_test.notna().to_numpy()
    y, y_test = y[known].to_numpy(), y_test[tested].to_numpy()
    if len(y_test) < 2 or np.ptp(y_test) == 0 or len(y) < 2:
        return np.nan
    scale = max(np.abs(y).max(), np.abs(y_test).max(), 1.0)  # whose square may be infinite
    model = HistGradientBoostingRegressor(max_iter=_N_TREES, random_state=seed)
    model.fit(X[known], y / scale)
    return float(r2_score(y_test / scale, model.predict(X_test[tested])))


def _score_levels(X: Any, y: Any, X_test: Any, y_test: Any, real: Any, seed: int) -> float:
    frequent = real.value_counts().index[:_N_CLASSES]
    y, y_test = (np.where(c.isin(frequent), c.cat.codes, -1) for c in (y, y_test))
    classes, counts = np.unique(y_test, return_counts=True)
    if len(classes) < 2:
        return np.nan
    learned = np.unique(y)
    probability = np.zeros((len(y_test), len(classes)))
    if len(learned) > 1:
        model = HistGradientBoostingClassifier(max_iter=_N_TREES, random_state=seed).fit(X, y)
        known = np.isin(classes, learned)
        at = np.searchsorted(model.classes_, classes[known])
        probability[:, known] = model.predict_proba(X_test)[:, at]
    areas = [roc_auc_score(y_test == c, p) for c, p in zip(classes, probability.T)]
    return float(np.average(areas, weights=counts))


def synthesis_report(
    real: Any,
    synthetic: Any,
    held_out: Any,
    max_rows: int = 5000,
    random_state: int | np.random.RandomState | None = 0,
) -> Bunch:
    """Measure the fidelity, utility and privacy of synthetic rows, beside what real rows give.

    Parameters
    ----------
    real : DataFrame or array-like of shape (n_samples, n_columns)
        Rows that the generator was trained on.
    synthetic : DataFrame or array-like of shape (n_synthetic, n_columns)
        Synthetic rows.
    held_out : DataFrame or array-like of shape (n_held_out, n_columns)
        Rows of the same source that the generator was not trained on; at least two.
    max_rows : int, default=5000
        At most this many rows of each table, sampled at random, are compared.
    random_state : int, RandomState instance or None, default=0
        Seed of samples and models.

    Returns
    -------
    report : `sklearn.utils.Bunch`
        ``summary``, a DataFrame of shape (8, 2), has one measure a row: the figure of the
        ``'synthetic'`` rows, and as ``'reference'`` that of held-out rows in their place, or of
        real rows as training data. Synthetic rows are as good as real ones if both agree; no
        figure is sufficient alone. ``shapes`` is what `column_shapes` returns, ``trends``
        `pair_trends`, ``utility`` `column_utility` and ``attributes`` `attribute_inference`.

    Raises
    ------
    ValueError
        If the columns of the tables differ, or there are fewer than two columns or held-out rows.

    See Also
    --------
    skdeep.plotting.SynthesisReportDisplay : Figures of a report.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from skdeep.metrics import synthesis_report
    >>> rng = np.random.default_rng(0)
    >>> real, held_out, other = (
    ...     pd.DataFrame({"x": x, "y": x + rng.normal(size=300)}) for x in rng.normal(size=(3, 300))
    ... )
    >>> report = synthesis_report(real, other, held_out)
    >>> report.summary.index.tolist()
    ['column shapes', 'pair trends', 'two-sample AUC', 'column utility', 'copies', \
'nearest to real', 'membership AUC', 'attribute risk']
    """
    check_scalar(max_rows, "max_rows", Integral, min_val=1)
    rng = check_random_state(random_state)
    seed = int(rng.randint(2**31 - 1))
    tables = comparable_tables(real=real, synthetic=synthetic, held_out=held_out)
    real, synthetic, held_out = (drawn(frame, max_rows, rng) for frame in tables)
    return _measured(real, synthetic, held_out, seed)


def _measured(real: Any, synthetic: Any, held_out: Any, seed: int) -> Bunch:
    """The report, of comparable tables."""
    shapes, trends = column_shapes(real, synthetic), pair_trends(real, synthetic)
    utility = column_utility(real, synthetic, held_out, random_state=seed)
    attributes = attribute_inference(real, synthetic, held_out, random_state=seed)
    share, expected = closest_record_share(synthetic, real, held_out, random_state=seed)
    membership = membership_inference_score(real, synthetic, held_out, random_state=seed)
    summary = {
        "column shapes": (shapes.mean(), column_shapes(real, held_out).mean()),
        "pair trends": (_off_diagonal(trends), _off_diagonal(pair_trends(real, held_out))),
        "two-sample AUC": tuple(
            two_sample_score(real, rows, random_state=seed) for rows in (synthetic, held_out)
        ),
        "column utility": (utility["synthetic"].mean(), utility["real"].mean()),
        "copies": (copy_share(synthetic, real), copy_share(held_out, real)),
        "nearest to real": (share, expected),
        "membership AUC": (membership, 0.5),
        "attribute risk": (attributes["risk"].max(), 0.0),
    }
    return Bunch(
        summary=pd.DataFrame.from_dict(summary, orient="index", columns=["synthetic", "reference"]),
        shapes=shapes,
        trends=trends,
        utility=utility,
        attributes=attributes,
    )


def _off_diagonal(trends: pd.DataFrame) -> float:
    """Mean over pairs of different columns."""
    return float(trends.to_numpy()[np.tri(len(trends), k=-1, dtype=bool)].mean())
