"""Quantiles of weighted rows."""

import numpy as np


def weighted_quantiles(X, levels, weight=None):
    """Quantiles of each column, where a weight of 2 is a row given twice.

    The quantile is the smallest value with at least the share q of the weight at or below it, or
    the mean of this and the next value where the share is exactly q (Hyndman and Fan, 1996,
    type 2): unlike interpolated quantiles it follows from the weights alone. NaN is left out.

    Parameters
    ----------
    X : ndarray of float64 of shape (n_samples, n_columns)
    levels : array-like of shape (n_levels,)
        In [0, 1].
    weight : ndarray of shape (n_samples,), default=None
        Not negative.

    Returns
    -------
    ndarray of shape (n_levels, n_columns)
        NaN for a column without values.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep.preprocessing.quantiles import weighted_quantiles
    >>> X = np.array([[1.0], [2.0], [5.0]])
    >>> weighted_quantiles(X, [0.5], weight=np.array([1, 1, 2])).tolist()
    [[3.5]]
    """
    levels = np.asarray(levels, dtype=np.float64)
    out = np.full((len(levels), X.shape[1]), np.nan)
    order = np.argsort(X, axis=0, kind="stable")  # NaN goes last
    counts = (~np.isnan(X)).sum(0)
    for j in range(X.shape[1]):
        rows = order[: counts[j], j]
        shares = None if weight is None else weight[rows]
        if shares is not None:
            rows, shares = rows[shares > 0], shares[shares > 0]
        if len(rows):
            out[:, j] = _column_quantiles(X[rows, j], levels, shares)
    return out


def _column_quantiles(values, levels, shares):
    """Type-2 quantiles of sorted values with positive weights."""
    total = np.arange(1.0, len(values) + 1) if shares is None else np.cumsum(shares)
    wanted = levels * total[-1]
    slack = 1e-12 * total[-1]  # cumulative sums are rounded: a share that is met counts as met
    low = np.searchsorted(total, wanted - slack, side="left")
    high = np.searchsorted(total, wanted + slack, side="right")
    last = len(values) - 1
    return 0.5 * values[np.minimum(low, last)] + 0.5 * values[np.minimum(high, last)]
