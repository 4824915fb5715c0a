"""Measures of synthetic rows of a table.

No single measure is sufficient: independently sampled columns have perfect shapes, and copies of
the real rows are perfect in everything but privacy.
"""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import get_scorer, roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_random_state, check_scalar

from skdeep.metrics._encoding import codes_of, for_trees, is_float, points_of, small, texts
from skdeep.metrics._unlike import as_tables, comparable_tables, is_number


def column_shapes(real: Any, made: Any) -> pd.Series:
    """Similarity of the distribution of each column.

    One minus the Kolmogorov-Smirnov statistic for numbers and dates, one minus the total variation
    distance for other columns (Patki, Wedge and Veeramachaneni, 2016: "column shapes" of the
    Synthetic Data Vault). Missing values count as a value of their own.

    Parameters
    ----------
    real, made : DataFrame or array-like of shape (n_samples, n_columns)
        Real and synthetic rows with the same columns; the numbers of rows may differ.

    Returns
    -------
    Series of shape (n_columns,)
        In [0, 1], 1 for equal distributions. Usually the mean is reported.

    Examples
    --------
    >>> import pandas as pd
    >>> from skdeep.metrics import column_shapes
    >>> real = pd.DataFrame({"size": [1.0, 2.0, 3.0, 4.0], "kind": list("aabb")})
    >>> made = pd.DataFrame({"size": [1.0, 2.0, 3.0, 3.0], "kind": list("aaab")})
    >>> column_shapes(real, made).to_dict()
    {'size': 0.75, 'kind': 0.75}
    """
    real, made = comparable_tables(real=real, made=made)
    scores = {}
    for name in real.columns:
        a, b = real[name], made[name]
        if not is_number(a):
            scores[name] = 1 - _total_variation(texts(a), texts(b))
            continue
        share = min(a.isna().mean(), b.isna().mean()), min(a.notna().mean(), b.notna().mean())
        a, b = a.dropna().to_numpy(), b.dropna().to_numpy()
        both = len(a) and len(b)
        with np.errstate(divide="ignore", invalid="ignore"):  # of its p-value
            distance = ks_2samp(a, b, method="asymp").statistic if both else 1.0
        scores[name] = share[0] + share[1] * (1 - distance)
    return pd.Series(scores, dtype=float)


def pair_trends(real: Any, made: Any) -> pd.DataFrame:
    """Similarity of the association of each pair of columns.

    One minus half the difference of Pearson's correlations for two numeric columns, otherwise one
    minus the total variation distance of the joint distributions, with numbers binned at the
    deciles of the real rows (Patki et al., 2016: "column pair trends" of the Synthetic Data Vault).

    Parameters
    ----------
    real, made : DataFrame or array-like of shape (n_samples, n_columns)
        Real and synthetic rows with the same columns; the numbers of rows may differ.

    Returns
    -------
    DataFrame of shape (n_columns, n_columns)
        Symmetric, in [0, 1], with 1 on the diagonal.

    Examples
    --------
    >>> import pandas as pd
    >>> from skdeep.metrics import pair_trends
    >>> real = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [1.0, 2.0, 3.0]})
    >>> made = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [3.0, 2.0, 1.0]})
    >>> pair_trends(real, made).loc["a", "b"].item()
    0.0
    """
    real, made = comparable_tables(real=real, made=made)
    names = list(real.columns)
    are_numbers = [is_number(real[name]) for name in names]
    codes = [codes_of(real[n], made[n]) for n in names]
    values = [(real[n].to_numpy(), made[n].to_numpy()) for n in names]
    scores = np.eye(len(names))
    for i in range(len(names)):
        for j in range(i):
            if are_numbers[i] and are_numbers[j]:
                (a, b), (c, d) = values[i], values[j]
                score = 1 - abs(_correlation(a, c) - _correlation(b, d)) / 2
            else:
                width = max(codes[j][0].max(initial=0), codes[j][1].max(initial=0)) + 1
                score = 1 - _total_variation(*(codes[i][k] * width + codes[j][k] for k in (0, 1)))
            scores[i, j] = scores[j, i] = score
    return pd.DataFrame(scores, index=names, columns=names)


def train_on_synthetic_score(
    made: Any, test: Any, target: Any, estimator: Any = None, scoring: Any = None
) -> float:
    """Score on real rows of an estimator that is trained on synthetic rows (TSTR).

    "Train on synthetic, test on real" (Esteban, Hyland and Raetsch, 2017). Compare it with the
    score of the same estimator trained on the real training rows.

    Parameters
    ----------
    made : DataFrame of shape (n_made, n_columns)
        Synthetic rows to train on.
    test : DataFrame of shape (n_test, n_columns)
        Real rows that were not used to train the generator.
    target : str
        The column to predict.
    estimator : estimator, default=None
        None is `HistGradientBoostingRegressor` for a target of floats, otherwise
        `HistGradientBoostingClassifier`.
    scoring : str or callable, default=None
        A scorer of scikit-learn; None is 'r2' for floats, otherwise 'roc_auc' (one-vs-rest for more
        than two classes).

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from skdeep.metrics import train_on_synthetic_score
    >>> rng = np.random.default_rng(0)
    >>> def draw(n):
    ...     x = rng.normal(size=n)
    ...     return pd.DataFrame({"x": x, "y": 3 * x})
    >>> train_on_synthetic_score(draw(500), draw(200), "y") > 0.9
    True
    """
    is_regression = is_float(test, target)
    made, test = comparable_tables(made=made, test=test)
    if made.shape[1] < 2:
        raise ValueError(f"target={target!r} is the only column: expected others to predict it.")
    if estimator is None:
        cls = HistGradientBoostingRegressor if is_regression else HistGradientBoostingClassifier
        estimator = cls(random_state=0)
    y, y_test = made[target], test[target]
    if not is_regression:
        y, y_test = texts(y), texts(y_test)
    if scoring is None:
        scoring = "r2" if is_regression else "roc_auc"
        n_classes = 2 if is_regression else len(np.unique(y_test))
        if n_classes < 2:
            raise ValueError(f"target={target!r} has one class in test: expected at least two.")
        if test[target].nunique() > 2 and not is_regression:
            scoring = "roc_auc_ovr"
    X, X_test = for_trees(made.drop(columns=target), test.drop(columns=target))
    scorer = get_scorer(scoring) if isinstance(scoring, str) else scoring
    return float(scorer(clone(estimator).fit(X, y), X_test, y_test))


def two_sample_score(
    real: Any,
    made: Any,
    estimator: Any = None,
    cv: Any = 3,
    random_state: int | np.random.RandomState | None = 0,
) -> float:
    """ROC AUC of a classifier that discriminates real from synthetic rows.

    The classifier two-sample test (Lopez-Paz and Oquab, ICLR 2017) with cross-validated scores of
    gradient boosting: 0.5 if the rows are indistinguishable, 1 if they are perfectly separated.
    Others report ``2 - 2 * max(AUC, 0.5)``, of which 1 is the best (Patki et al., 2016: "detection"
    of the Synthetic Data Vault).

    Parameters
    ----------
    real, made : DataFrame or array-like of shape (n_samples, n_columns)
        Real and synthetic rows with the same columns.
    estimator : estimator, default=None
        A classifier with `predict_proba`; None is `HistGradientBoostingClassifier`.
    cv : int, default=3
        Number of folds.
    random_state : int, RandomState instance or None, default=0
        Seed of the default estimator and of the order of the rows.

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep.metrics import two_sample_score
    >>> rng = np.random.default_rng(0)
    >>> two_sample_score(rng.normal(size=(300, 2)), rng.normal(3.0, 1.0, size=(300, 2))) > 0.9
    True
    """
    rng = check_random_state(random_state)
    real, made = for_trees(*comparable_tables(real=real, made=made))
    X = pd.concat([real, made], ignore_index=True)
    y = np.r_[np.zeros(len(real), dtype=int), np.ones(len(made), dtype=int)]
    if estimator is None:
        estimator = HistGradientBoostingClassifier(random_state=rng.randint(2**31 - 1))
    order = rng.permutation(len(y))
    X, y = X.iloc[order], y[order]
    made_up = cross_val_predict(clone(estimator), X, y, cv=cv, method="predict_proba")[:, 1]
    return float(roc_auc_score(y, made_up))


def closest_record_share(
    made: Any,
    train: Any,
    holdout: Any,
    max_rows: int = 2000,
    random_state: int | np.random.RandomState | None = 0,
) -> tuple[float, float]:
    """Fraction of synthetic rows that are closer to the training rows than to held-out rows.

    Compares the distance to the closest record between rows that were and were not used to train
    the generator (Platzer and Reutterer, 2021). The expected value for a generator that learned
    the distribution is ``n_train / (n_train + n_holdout)``, for one that copies 1. Numbers are
    standardised, categories one-hot encoded.

    Parameters
    ----------
    made : DataFrame or array-like of shape (n_made, n_columns)
        Synthetic rows.
    train, holdout : DataFrame or array-like of shape (n_samples, n_columns)
        Real rows that were, and that were not, used to train the generator.
    max_rows : int, default=2000
        At most this many synthetic rows, sampled at random, are compared.
    random_state : int, RandomState instance or None, default=0
        Seed of this sample.

    Returns
    -------
    share : float
        Fraction of synthetic rows closer to the training rows; ties count half.
    expected : float
        Expected share of held-out real rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep.metrics import closest_record_share
    >>> rng = np.random.default_rng(0)
    >>> train, holdout = rng.normal(size=(2, 200, 2))
    >>> closest_record_share(train, train, holdout)
    (1.0, 0.5)
    """
    check_scalar(max_rows, "max_rows", Integral, min_val=1)
    made, train, holdout = comparable_tables(made=made, train=train, holdout=holdout)
    rows = check_random_state(random_state).permutation(len(made))[:max_rows]
    made, train, holdout = points_of(made.iloc[rows], train, holdout)
    to_train, to_holdout = (
        NearestNeighbors(n_neighbors=1).fit(points).kneighbors(made)[0][:, 0]
        for points in (train, holdout)
    )
    share = np.mean(to_train < to_holdout) + 0.5 * np.mean(to_train == to_holdout)
    return float(share), len(train) / (len(train) + len(holdout))


def copy_share(made: Any, train: Any) -> float:
    """Fraction of synthetic rows that equal a training row in every column.

    Parameters
    ----------
    made, train : DataFrame or array-like of shape (n_samples, n_columns)
        Synthetic rows and training rows.

    Returns
    -------
    float
        Compare it with the fraction for held-out real rows.

    Examples
    --------
    >>> from skdeep.metrics import copy_share
    >>> copy_share([[1, 2], [3, 4]], [[1, 2], [5, 6]])
    0.5
    """
    made, train = (
        table.astype(object).where(table.notna(), None)
        for table in as_tables(made=made, train=train)
    )
    try:
        known = set(train.itertuples(index=False, name=None))
        return float(np.mean([row in known for row in made.itertuples(index=False, name=None)]))
    except TypeError as error:
        raise TypeError(f"Cells of tables must be values that can be compared: {error}.") from None


def _total_variation(a: np.ndarray, b: np.ndarray) -> float:
    values, codes = np.unique(np.concatenate([a, b]), return_inverse=True)
    p, q = (np.bincount(c, minlength=len(values)) for c in (codes[: len(a)], codes[len(a) :]))
    return float(0.5 * np.abs(p / len(a) - q / len(b)).sum())


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    known = ~(np.isnan(a) | np.isnan(b))
    a, b = a[known], b[known]
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(small(a)[0], small(b)[0])[0, 1])
