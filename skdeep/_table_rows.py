"""A table and its target as one frame, and made rows back in the types of both."""

import numpy as np
import pandas as pd
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.validation import validate_data

from skdeep._validation import to_host
from skdeep.preprocessing.columns import column_names, is_frame


def joined(estimator, X, y, *, reset):
    """X, checked, with y as its last column.

    Returns
    -------
    frame : DataFrame of shape (n_samples, n_columns)
        With columns 0, 1, ...; the estimator's names are not used as labels, for they may repeat.
    names : list
        What the columns are called, for messages and for made rows.
    """
    X = to_host(X)
    if is_frame(X):
        if 0 in X.shape:
            validate_data(estimator, np.empty(X.shape), reset=reset)  # for its message
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        frame = X if isinstance(X, pd.DataFrame) else X.to_pandas()
        names = list(frame.columns)
    else:
        X = validate_data(estimator, X, dtype=None, ensure_all_finite=False, reset=reset)
        frame = pd.DataFrame(X)
        if frame.dtypes.eq(object).any():
            frame = frame.infer_objects()
        names = column_names(estimator)
    columns = [frame.iloc[:, j] for j in range(frame.shape[1])]
    if y is not None:
        y = to_host(y)
        check_consistent_length(frame, y)
        if not isinstance(y, pd.Series):
            y = pd.Series(column_or_1d(np.asarray(y)))
        columns.append(y)
        names = [*names, "target" if y.name is None else y.name]
    columns = [c.reset_index(drop=True).rename(n) for c, n in zip(columns, names)]
    return columns, names


def as_made(arrays, names, layout):
    """Columns of made values as what X was: a frame, or an array of its type.

    Parameters
    ----------
    arrays : list of array of shape (n_samples,)
    names : list
    layout : numpy.dtype or None
        Type of an array; None for a frame.
    """
    # With its type: pandas would make text of objects.
    frame = pd.DataFrame({j: pd.Series(a, dtype=a.dtype) for j, a in enumerate(arrays)})
    frame.columns = names
    return frame if layout is None else frame.to_numpy(dtype=layout)
