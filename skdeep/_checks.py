"""scikit-learn's checks of arrays, with errors that name what was given."""

import contextlib
import re

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

_NOT_NUMBERS = re.compile(
    r"could not convert|cannot convert|setting an array element|argument must be|inhomogeneous|"
    r"Cannot cast|can't convert"
)
"""Words of NumPy that scikit-learn lets through."""


def checked_data(estimator, X="no_validation", y="no_validation", **options):
    """scikit-learn's `validate_data`, but what other libraries say of X or y names it.

    Parameters
    ----------
    estimator : estimator
    X, y : array-like, default='no_validation'
    **options : dict
        Of `validate_data`.

    Returns
    -------
    ndarray or CSR matrix, or a tuple of two
    """
    refuse_masks(X)
    with naming("X"):
        return validate_data(estimator, X, y, **options)


def checked_array(X, name="X", **options):
    """scikit-learn's `check_array` with errors that name what was checked.

    Parameters
    ----------
    X : array-like
    name : str, default='X'
        Of what it is, for errors.
    **options : dict
        Of `check_array`.

    Returns
    -------
    ndarray
    """
    refuse_masks(X, name)
    with naming(name):
        return check_array(X, input_name=name, **options)


@contextlib.contextmanager
def naming(name):
    """Let errors of scikit-learn's checks through; those of other libraries with a name.

    Parameters
    ----------
    name : str
        What is checked, where it is not the target.
    """
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # of sums that look for infinity
            yield
    except (ValueError, TypeError, RuntimeError, OverflowError, AttributeError) as error:
        frames, trace = [], error.__traceback__
        while trace is not None:
            frames.append(trace.tb_frame)
            trace = trace.tb_next
        library = frames[-1].f_globals.get("__name__", "").split(".")[0]
        is_known = isinstance(error, (ValueError, TypeError)) and library in ("sklearn", "skdeep")
        if is_known and not _NOT_NUMBERS.search(str(error)):
            raise
        if any(frame.f_code.co_name == "_check_y" for frame in frames):
            name = "y"
        kind = TypeError if isinstance(error, TypeError) else ValueError
        message = f"Input {name} cannot be turned into an array of numbers: {error}"
        raise kind(message) from None


def refuse_masks(X, name="X"):
    """Raise for a masked array in which values are masked, since NumPy would take the mask off."""
    if isinstance(X, np.ma.MaskedArray) and np.ma.is_masked(X):
        raise ValueError(
            f"Input {name} is a masked array, whose {int(np.ma.count_masked(X))} masked values "
            "would be read as what lies under the mask: fill or impute them, with "
            f"{name}.filled(numpy.nan) for example."
        )
