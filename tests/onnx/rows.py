"""Rows that are arrays: comparisons of files with estimators, on 1, 7 and 1,000 of them."""

import numpy as np
from agreement import assert_close, outputs

from skdeep.onnx import to_onnx

SIZES = (1, 7, 1000)
QUICK = {"max_iter": 2, "random_state": 0, "device": "cpu"}


def rng():
    """The same numbers, whichever tests are run."""
    return np.random.default_rng(0)


def padded(series, dtype=np.float32):
    """Series of unequal length as a file takes them: one array with NaN behind their ends."""
    longest = max(len(s) for s in series)
    out = np.full((len(series), longest, *np.shape(series[0])[1:]), np.nan, dtype)
    for row, values in zip(out, series):
        row[: len(values)] = values
    return out


def unequal(n_samples, n_channels=2, longest=20):
    """Series of unequal length, of quarters: steps that are next to nothing beside the values
    would have no digits left in float32 by the series' own scale."""
    draws = rng()
    lengths = draws.integers(1, longest + 1, n_samples)
    lengths[:2] = 1, longest
    return [draws.integers(-8, 9, (n, n_channels)) / 4 for n in lengths]


def check_sizes(model, X, methods, tolerance=1e-5, **options):
    """Outputs of a file are what the methods return, for float32 and float64, 1, 7 and all rows.

    Parameters
    ----------
    model : estimator
    X : array or list of array of shape (1000, ...)
        A list holds series of unequal length, which the file takes padded.
    methods : list of str
    tolerance : float, default=1e-5
    **options : dict
        Of `to_onnx`.
    """
    is_list = isinstance(X, list)
    for dtype in (np.float32, np.float64):
        rows = [x.astype(dtype) for x in X] if is_list else X.astype(dtype)
        proto = to_onnx(model, rows[:2], methods=methods, **options)
        for n in SIZES:
            given = padded(rows[:n], dtype) if is_list else rows[:n]
            found = outputs(proto, given)
            assert len(found) == len(methods)
            for value, method in zip(found.values(), methods):
                assert_close(value, getattr(model, method)(rows[:n]), tolerance)
    return proto
