"""Columns of tables, checked by scikit-learn's rules: numbers and categories."""

import warnings

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_array, validate_data

from skdeep._checks import checked_data, is_frame
from skdeep.preprocessing.cells import object_kinds, unfit_cell

FLOATS = (np.float64, np.float32)
_NOT_A_NUMBER = (ValueError, TypeError, ArithmeticError)


def check_columns(estimator, X, *, reset):
    """Check the names and the shape of a frame by scikit-learn's rules.

    Raises
    ------
    TypeError
        If the frame is not in memory.
    ValueError
        scikit-learn's, or if names are repeated.
    """
    if not isinstance(X, pd.DataFrame) and not hasattr(type(X), "to_pandas"):
        raise TypeError(
            f"X is a {type(X).__module__.partition('.')[0]} {type(X).__name__}: expected a "
            "DataFrame of pandas or polars, or an array. Load it into memory first, with "
            "X.compute() or X.collect()."
        )
    names = pd.Index(X.columns)
    if not names.is_unique:
        raise ValueError(f"X has several columns of the name {names[names.duplicated()][0]!r}.")
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    if 0 in X.shape:
        check_array(np.empty(X.shape), estimator=estimator, input_name="X")  # for its message


def check_frame(estimator, X, *, reset):
    """Check a frame by scikit-learn's rules and convert it to a pandas DataFrame of plain columns.

    Parameters
    ----------
    estimator : estimator
        Remembers, or compares, the number and the names of the columns.
    X : DataFrame
    reset : bool
        True in fit.

    Returns
    -------
    pandas.DataFrame
        Without sparse columns and Arrow dictionaries: these are categories.

    Raises
    ------
    TypeError
        If the frame is not in memory.
    ValueError
        scikit-learn's, or if a column holds lists or records; it names the column.
    """
    check_columns(estimator, X, reset=reset)
    if not isinstance(X, pd.DataFrame):
        X = X.to_pandas()
    return _plain_columns(X)


def _plain_columns(X):
    changed = {}
    for j, dtype in enumerate(X.dtypes):
        if isinstance(dtype, pd.SparseDtype):
            changed[j] = X.iloc[:, j].sparse.to_dense().array
        elif isinstance(dtype, pd.ArrowDtype):
            arrow = str(dtype.pyarrow_dtype)
            if arrow.startswith("dictionary"):
                changed[j] = pd.Categorical(X.iloc[:, j].to_numpy(dtype=object, na_value=None))
            elif arrow.endswith(">") and dtype.kind == "O":  # of lists, records, maps
                raise unfit_cell(dtype.type, X.columns[j], arrow)
    if not changed:
        return X
    columns = {j: changed.get(j, X.iloc[:, j].array) for j in range(X.shape[1])}
    return pd.DataFrame(columns).set_axis(X.columns, axis=1)


def check_table(estimator, X, *, categorical_features, reset):
    """Check a table by scikit-learn's rules without converting the columns of a frame.

    Parameters
    ----------
    estimator : estimator
        Remembers, or compares, the number and the names of the columns.
    X : DataFrame or array-like of shape (n_samples, n_features)
    categorical_features : 'from_dtype', array-like or None
    reset : bool
        True in fit.

    Returns
    -------
    pandas.DataFrame or ndarray of shape (n_samples, n_features)

    Raises
    ------
    ValueError, TypeError
        scikit-learn's.
    """
    if not is_frame(X):
        plain = categorical_features is None or isinstance(categorical_features, str)
        if plain and not reset and _is_finite_array(estimator, X):
            return X
        return checked_data(
            estimator,
            X,
            dtype=FLOATS if plain else None,
            ensure_all_finite="allow-nan" if plain else False,
            reset=reset,
        )
    return check_frame(estimator, X, reset=reset)


def _is_finite_array(estimator, X):
    """Whether X certainly passes scikit-learn's checks, which are slow for one row, unchanged."""
    if not (
        type(X) is np.ndarray
        and X.dtype in FLOATS
        and X.ndim == 2
        and len(X) > 0
        and X.shape[1] == estimator.n_features_in_
        and not hasattr(estimator, "feature_names_in_")
    ):
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(X.sum()))


def column(X, j):
    """Column number j of a table."""
    return X.iloc[:, j] if isinstance(X, pd.DataFrame) else X[:, j]


def column_label(X, j, names):
    """Name or index of column j, for messages."""
    label = X.columns[j] if isinstance(X, pd.DataFrame) else names[j]
    return label if isinstance(label, (str, int)) else str(label)


def categorical_mask(X, categorical_features, names):
    """Mask of the columns that hold categories.

    Parameters
    ----------
    X : DataFrame or ndarray of shape (n_samples, n_features)
    categorical_features : 'from_dtype', None or array-like of bool, int or str
        As in HistGradientBoosting. 'from_dtype' takes the columns of a frame that are of pandas'
        category type and, beyond HistGradientBoosting, of strings, booleans and objects other
        than numbers.
    names : list of str

    Returns
    -------
    ndarray of bool of shape (n_features,)
    """
    n_features = X.shape[1]
    mask = np.zeros(n_features, dtype=bool)
    if categorical_features is None:
        return mask
    if isinstance(categorical_features, str):
        if isinstance(X, pd.DataFrame):
            mask[:] = [_is_category(X, j, dtype) for j, dtype in enumerate(X.dtypes)]
        return mask
    chosen = np.atleast_1d(np.asarray(categorical_features))
    if chosen.size == 0:
        return mask
    if chosen.dtype.kind not in "iubUOT":
        raise ValueError(
            "categorical_features must be an array-like of bool, int or str, got: "
            f"{chosen.dtype.name}."
        )
    if chosen.dtype.kind == "b":
        if chosen.shape != (n_features,):
            raise ValueError(
                "categorical_features set as a boolean mask must have shape (n_features,), got: "
                f"{chosen.shape}"
            )
        return chosen.copy()
    if chosen.dtype.kind in "UOT":
        unknown = [c for c in chosen.tolist() if c not in names]
        if unknown:
            raise ValueError(
                f"categorical_features has an item value '{unknown[0]}' which is not a valid "
                "feature name of the training data."
            )
        wanted = set(chosen.tolist())
        return np.array([name in wanted for name in names])
    if chosen.min() < 0 or chosen.max() >= n_features:
        raise ValueError(
            "categorical_features set as integer indices must be in [0, n_features - 1]"
        )
    mask[chosen] = True
    return mask


def _is_category(X, j, dtype):
    if not pd.api.types.is_object_dtype(dtype):
        return _holds_categories(dtype)
    name = X.columns[j]
    kinds = object_kinds(X.iloc[:, j], name)
    if "complex numbers" in kinds:
        raise ValueError(f"Complex data not supported: column {name!r}.")
    if kinds == {"numbers"}:
        return False
    if "numbers" in kinds:
        warnings.warn(
            f"Column {name!r} holds {' and '.join(sorted(kinds))}: each different value is taken "
            "for a category. If it is to be a number, pandas.to_numeric makes one of it; to keep "
            "the categories, give it the category type or name it in categorical_features."
        )
    return True


def _holds_categories(dtype):
    return (
        isinstance(dtype, pd.CategoricalDtype)
        or pd.api.types.is_object_dtype(dtype)
        or pd.api.types.is_string_dtype(dtype)
        or pd.api.types.is_bool_dtype(dtype)
    )


def numbers(X, places, names):
    """The columns at `places` as float64, missing values as NaN.

    Raises
    ------
    ValueError
        If a column holds dates, complex numbers, text or infinite numbers; it names the column.
    """
    if isinstance(X, pd.DataFrame):
        out = _frame_numbers(X, places)
    else:
        try:
            out = np.asarray(X[:, places], dtype=np.float64)
        except _NOT_A_NUMBER:
            out = np.column_stack([_to_floats(X[:, j], names[j]) for j in places])
    with np.errstate(over="ignore", invalid="ignore"):
        finite = np.isfinite(out.sum())
    if not finite:  # NaN, infinity, or a sum that overflows: look closer
        infinite = np.isinf(out).any(0)
        if infinite.any():
            name = column_label(X, places[int(infinite.argmax())], names)
            raise ValueError(
                "Input X contains infinity or a value too large for dtype('float64'): column "
                f"{name!r}."
            )
    return out


def _frame_numbers(X, places):
    whole = X if len(places) == X.shape[1] else X.iloc[:, places]
    options = {}
    for j, dtype in enumerate(whole.dtypes):
        if not isinstance(dtype, np.dtype) or dtype.kind not in "iufb":
            _refuse_dates(dtype, whole.columns[j])
            # A copy, for some pandas would fill gaps in a view that may not be written to.
            options = {"copy": True, "na_value": np.nan}
    try:
        return whole.to_numpy(dtype=np.float64, **options)
    except _NOT_A_NUMBER:  # or missing in a column of objects, which only a Series fills
        columns = [_to_floats(whole.iloc[:, j], whole.columns[j]) for j in range(whole.shape[1])]
        return np.column_stack(columns)


def _to_floats(values, name):
    try:
        if isinstance(values, pd.Series):
            return values.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.asarray(values, dtype=np.float64)
    except _NOT_A_NUMBER as error:
        raise ValueError(
            f"Column {name!r} is not numeric (dtype {values.dtype}), but it was in fit, or it is "
            f"not among the categories: {error}"
        ) from None


def _refuse_dates(dtype, name):
    kind, text = getattr(dtype, "kind", "O"), str(dtype)
    if kind in "mM" or text.startswith(("period", "time")):  # a time of Arrow has no kind
        raise ValueError(
            f"Column {name!r} holds dates or times (dtype {dtype}): turn it into numbers or "
            "categories first, the month or the seconds since a day, say."
        )
    if kind == "c":
        raise ValueError(f"Complex data not supported: column {name!r} is of the type {dtype}.")


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
    >>> from skdeep.preprocessing.columns import weighted_quantiles
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
