"""The columns of a table as scikit-learn hands it over: which are numbers, which categories."""

import numpy as np
import pandas as pd
from sklearn.utils.validation import validate_data

from skdeep._checks import checked_data

FLOATS = (np.float64, np.float32)


def is_frame(X):
    """Whether X is a pandas or polars DataFrame."""
    return hasattr(X, "columns") and hasattr(X, "dtypes") and getattr(X, "ndim", 2) == 2


def check_table(estimator, X, *, categorical_features, reset):
    """Check a table by scikit-learn's rules, leaving the columns of a frame as they are.

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
    if 0 in X.shape:
        validate_data(estimator, np.empty(X.shape), reset=reset)  # for its message
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    return X if isinstance(X, pd.DataFrame) else X.to_pandas()


def _is_finite_array(estimator, X):
    """Whether X is beyond doubt what scikit-learn's checks, slow for one row, pass on as it is."""
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


def column_names(estimator):
    """Names of the input columns, ``x0, x1, ...`` where they have none."""
    known = getattr(estimator, "feature_names_in_", None)
    if known is not None:
        return list(known)
    return [f"x{j}" for j in range(estimator.n_features_in_)]


def categorical_mask(X, categorical_features, names):
    """Which columns hold categories.

    Parameters
    ----------
    X : DataFrame or ndarray of shape (n_samples, n_features)
    categorical_features : 'from_dtype', None or array-like of bool, int or str
        As in HistGradientBoosting. 'from_dtype' takes the columns of a frame that are of pandas'
        category type and, beyond HistGradientBoosting, of strings, objects and booleans.
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
            mask[:] = [_holds_categories(dtype) for dtype in X.dtypes]
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
        mask[[names.index(c) for c in chosen.tolist()]] = True
        return mask
    if chosen.min() < 0 or chosen.max() >= n_features:
        raise ValueError(
            "categorical_features set as integer indices must be in [0, n_features - 1]"
        )
    mask[chosen] = True
    return mask


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
        out = _frame_numbers(X, places, names)
    else:
        out = np.asarray(X[:, places], dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        finite = np.isfinite(out.sum())
    if not finite:  # NaN, infinity, or a sum that overflows: look closer
        infinite = np.isinf(out).any(0)
        if infinite.any():
            name = names[places[int(infinite.argmax())]]
            raise ValueError(
                "Input X contains infinity or a value too large for dtype('float64'): column "
                f"{name!r}."
            )
    return out


def _frame_numbers(X, places, names):
    whole = X if len(places) == X.shape[1] else X.iloc[:, places]
    for j, dtype in zip(places, whole.dtypes):
        if not isinstance(dtype, np.dtype) or dtype.kind not in "iufbO":
            _refuse_dates(dtype, names[j])
    try:
        return whole.to_numpy(dtype=np.float64, na_value=np.nan)
    except (ValueError, TypeError):
        for j in places:
            _number_column(X.iloc[:, j], names[j])
        raise


def _refuse_dates(dtype, name):
    kind = getattr(dtype, "kind", "O")
    if kind in "mM" or pd.api.types.is_datetime64_any_dtype(dtype):
        raise ValueError(
            f"Column {name!r} holds dates or times (dtype {dtype}): turn it into numbers or "
            "categories first, the month or the seconds since a day, say."
        )
    if kind == "c":
        raise ValueError(f"Complex data not supported: column {name!r} is of the type {dtype}.")


def _number_column(series, name):
    try:
        series.to_numpy(dtype=np.float64, na_value=np.nan)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"Column {name!r} is not numeric (dtype {series.dtype}), but it was in fit, or "
            f"`categorical_features` says so: {error}"
        ) from None
