"""Measures of synthetic rows of a table beside real ones.

No single one is enough: columns drawn independently have perfect shapes, copies of the real rows
are perfect in everything but privacy.
"""

from numbers import Integral

import numpy as np
import pandas as pd
from pandas.api.types import is_hashable
from scipy.stats import ks_2samp
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import get_scorer, roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_random_state, check_scalar

from skdeep.metrics._unlike import LARGEST, as_tables, comparable_tables, is_number
from skdeep.preprocessing.exact import kind_of

_MISSING = "\0missing"
_N_BINS = 10  # of a number beside a category: Patki et al.'s SDMetrics, "ContingencySimilarity"


def column_shapes(real, made):
    """Score how alike the columns' distributions are, one by one.

    For numbers and dates one minus the distance of Kolmogorov and Smirnov, for all else one minus
    the total variation distance (Patki, Wedge and Veeramachaneni, 2016: "column shapes" of the
    Synthetic Data Vault). A missing value is a value of its own.

    Parameters
    ----------
    real, made : DataFrame or array-like of shape (n_samples, n_columns)
        The same columns; the numbers of rows may differ.

    Returns
    -------
    Series of shape (n_columns,)
        In [0, 1], 1 for equal distributions; its mean is the usual figure.

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
            scores[name] = 1 - _total_variation(_text(a), _text(b))
            continue
        share = min(a.isna().mean(), b.isna().mean()), min(a.notna().mean(), b.notna().mean())
        a, b = a.dropna().to_numpy(), b.dropna().to_numpy()
        both = len(a) and len(b)
        scores[name] = share[0] + share[1] * (
            1 - ks_2samp(a, b, method="asymp").statistic if both else 0.0
        )
    return pd.Series(scores, dtype=float)


def pair_trends(real, made):
    """Score how alike the associations between columns are, for all pairs.

    For two numbers one minus half the difference of Pearson's correlations, else one minus the
    total variation distance of the two joint tables, where a number is cut at the deciles of the
    real rows (Patki et al., 2016: "column pair trends" of the Synthetic Data Vault).

    Parameters
    ----------
    real, made : DataFrame or array-like of shape (n_samples, n_columns)
        The same columns; the numbers of rows may differ.

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
    codes = [_codes(real[n], made[n]) for n in names]
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


def train_on_synthetic_score(made, test, target, estimator=None, scoring=None):
    """Score on real rows an estimator that was trained on synthetic ones (TSTR).

    Esteban, Hyland and Raetsch (2017) call it "train on synthetic, test on real". Compare it
    with the score of the same estimator trained on the real training rows.

    Parameters
    ----------
    made : DataFrame of shape (n_made, n_columns)
        The rows to train on.
    test : DataFrame of shape (n_test, n_columns)
        Real rows that the generator has not seen.
    target : str
        The column to predict.
    estimator : estimator, default=None
        None is `HistGradientBoostingRegressor` for a target of floats and
        `HistGradientBoostingClassifier` for any other.
    scoring : str or callable, default=None
        One of scikit-learn's scorers; None is 'r2' for floats, else 'roc_auc' (of each class
        against the rest, where there are several).

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
    is_regression = _is_float(test, target)
    made, test = comparable_tables(made=made, test=test)
    if made.shape[1] < 2:
        raise ValueError(f"target={target!r} is the only column: expected others to predict it.")
    if estimator is None:
        cls = HistGradientBoostingRegressor if is_regression else HistGradientBoostingClassifier
        estimator = cls(random_state=0)
    y, y_test = made[target], test[target]
    if not is_regression:
        y, y_test = _text(y), _text(y_test)
    if scoring is None:
        scoring = "r2" if is_regression else "roc_auc"
        n_classes = 2 if is_regression else len(np.unique(y_test))
        if n_classes < 2:
            raise ValueError(f"target={target!r} has one class in test: expected two or more.")
        if test[target].nunique() > 2 and not is_regression:
            scoring = "roc_auc_ovr"
    X, X_test = _comparable(made.drop(columns=target), test.drop(columns=target))
    scorer = get_scorer(scoring) if isinstance(scoring, str) else scoring
    return float(scorer(clone(estimator).fit(X, y), X_test, y_test))


def two_sample_score(real, made, estimator=None, cv=3, random_state=0):
    """Area under the ROC curve of a classifier of real and synthetic rows.

    The classifier two-sample test (Lopez-Paz and Oquab, ICLR 2017) with cross-validated scores:
    0.5 where it cannot tell, 1 where it always can.

    Parameters
    ----------
    real, made : DataFrame or array-like of shape (n_samples, n_columns)
    estimator : estimator, default=None
        A classifier with `predict_proba`; None is `HistGradientBoostingClassifier`.
    cv : int, default=3
        Number of folds.
    random_state : int, RandomState instance or None, default=0
        Of the default estimator and of the rows' order.

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
    real, made = _comparable(*comparable_tables(real=real, made=made))
    X = pd.concat([real, made], ignore_index=True)
    y = np.r_[np.zeros(len(real), dtype=int), np.ones(len(made), dtype=int)]
    if estimator is None:
        estimator = HistGradientBoostingClassifier(random_state=rng.randint(2**31 - 1))
    order = rng.permutation(len(y))
    X, y = X.iloc[order], y[order]
    made_up = cross_val_predict(clone(estimator), X, y, cv=cv, method="predict_proba")[:, 1]
    return float(roc_auc_score(y, made_up))


def closest_record_share(made, train, holdout, max_rows=2000, random_state=0):
    """Share of synthetic rows that are nearer to a training row than to any held-out row.

    The distance to the closest record, compared between rows that the generator has and has not
    seen (Platzer and Reutterer, 2021). A generator that learned the distribution gives
    ``n_train / (n_train + n_holdout)``; one that copies gives 1. Numbers are standardised,
    categories one-hot.

    Parameters
    ----------
    made : DataFrame or array-like of shape (n_made, n_columns)
    train, holdout : DataFrame or array-like of shape (n_samples, n_columns)
        Real rows that the generator has seen, and that it has not seen.
    max_rows : int, default=2000
        At most this many synthetic rows, sampled at random, are compared.
    random_state : int, RandomState instance or None, default=0
        Draws them.

    Returns
    -------
    share : float
    expected : float
        What unseen real rows would give.

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
    made, train, holdout = _points(made.iloc[rows], train, holdout)
    to_train, to_holdout = (
        NearestNeighbors(n_neighbors=1).fit(points).kneighbors(made)[0][:, 0]
        for points in (train, holdout)
    )
    share = np.mean(to_train < to_holdout) + 0.5 * np.mean(to_train == to_holdout)
    return float(share), len(train) / (len(train) + len(holdout))


def copy_share(made, train):
    """Share of synthetic rows that equal a training row in every column.

    Parameters
    ----------
    made, train : DataFrame or array-like of shape (n_samples, n_columns)

    Returns
    -------
    float
        Compare it with the share of equal rows among real ones.

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
    known = set(train.itertuples(index=False, name=None))
    return float(np.mean([row in known for row in made.itertuples(index=False, name=None)]))


def _is_float(table, target):
    """Whether the target of a table is a column of floats."""
    (table,) = as_tables(test=table)
    if not is_hashable(target) or target not in table.columns:
        raise ValueError(
            f"target={target!r}: expected one of the columns, which are {list(table.columns)}."
        )
    return (kind_of(table[target]) or {}).get("name") in ("float", "decimal")


def _text(values):
    missing = values.isna().to_numpy()
    return np.where(missing, _MISSING, [str(v) for v in values.astype(object)])


def _total_variation(a, b):
    values, codes = np.unique(np.concatenate([a, b]), return_inverse=True)
    p, q = (np.bincount(c, minlength=len(values)) for c in (codes[: len(a)], codes[len(a) :]))
    return float(0.5 * np.abs(p / len(a) - q / len(b)).sum())


def _codes(real, made):
    """Numbers of the levels, or of the tenths, of a column; missing values are one more."""
    if not is_number(real):
        codes = np.unique(np.concatenate([_text(real), _text(made)]), return_inverse=True)[1]
        return codes[: len(real)], codes[len(real) :]
    a, b = real.to_numpy(), made.to_numpy()
    if np.isnan(a).all():
        return np.isnan(a).astype(int), np.isnan(b).astype(int)
    edges = np.unique(np.nanquantile(a, np.linspace(0, 1, _N_BINS + 1)))[1:-1]
    return tuple(np.where(np.isnan(x), _N_BINS + 1, np.searchsorted(edges, x)) for x in (a, b))


def _correlation(a, b):
    known = ~(np.isnan(a) | np.isnan(b))
    a, b = a[known], b[known]
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(_small(a)[0], _small(b)[0])[0, 1])


def _small(x):
    """Numbers whose squares are finite, and what they were divided by."""
    scale = np.abs(x).max(initial=0.0)
    scale = scale if scale > LARGEST else 1.0
    return x / scale, scale


def _comparable(a, b):
    """Two frames that boosted trees can take: numbers, and categories with shared levels."""
    a, b = a.copy(), b.copy()
    for name in a.columns:
        if is_number(a[name]):
            continue
        codes = _codes(a[name], b[name])
        frequent = pd.Series(np.concatenate(codes)).value_counts().index[:250]
        a[name], b[name] = (pd.Categorical(c, categories=frequent) for c in codes)
    a.columns = b.columns = [str(name) for name in a.columns]
    return a, b


def _points(*frames):
    """Rows as points: numbers standardised over real rows, categories one-hot."""
    real = pd.concat(frames[1:], ignore_index=True)
    parts = [[] for _ in frames]
    for name in real.columns:
        if is_number(real[name]):
            known, scale = _small(real[name].dropna().to_numpy())
            center, spread = (known.mean(), known.std()) if len(known) else (0.0, 1.0)
            for part, frame in zip(parts, frames):
                z = (frame[name].to_numpy()[:, None] / scale - center) / (spread or 1.0)
                z = np.clip(z, -LARGEST, LARGEST)
                missing = np.isnan(z)
                part.append(np.hstack([np.where(missing, 0.0, z), missing]))
        else:
            levels = np.unique(_text(real[name]))
            for part, frame in zip(parts, frames):
                part.append((_text(frame[name])[:, None] == levels).astype(float))
    return [np.hstack(part) for part in parts]
