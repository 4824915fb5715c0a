"""Windows over a series, one for each time step."""

from __future__ import annotations

from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skdeep._checks import all_or_nothing, checked_data
from skdeep._compat import (
    Interval,
    StrOptions,
    _check_feature_names_in,
    _fit_context,
    with_doc_link,
)


@with_doc_link
class SlidingWindow(TransformerMixin, BaseEstimator):
    """Transform the rows of a series to sliding windows.

    Row t of the output is the window that ends at row t. The number of rows is unchanged, so that
    the next step of a pipeline makes one prediction per time step:
    ``make_pipeline(SlidingWindow(24), AutoencoderOutlierDetector())`` scores each time step of a
    series given its past. The first rows of each call are padded.

    Parameters
    ----------
    window : int, default=10
        Number of time steps in a window, its last one included.

    padding : {'edge', 'zero', 'reflect'}, default='edge'
        Padding before the first row: the first row repeated, zeros, or the series reflected
        (repeatedly, if it is shorter than the window).

    Attributes
    ----------
    n_features_in_ : int
        Number of channels (features) seen during `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during `fit`; defined only if all of them are strings.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep.preprocessing import SlidingWindow
    >>> SlidingWindow(3).fit_transform(np.array([[1.0], [2.0], [3.0], [4.0]]))
    array([[1., 1., 1.],
           [1., 1., 2.],
           [1., 2., 3.],
           [2., 3., 4.]])
    """

    __module__ = "skdeep.preprocessing"
    _parameter_constraints: dict = {
        "window": [Interval(Integral, 1, None, closed="left")],
        "padding": [StrOptions({"edge", "zero", "reflect"})],
    }

    def __init__(self, window: int = 10, *, padding: str = "edge"):
        self.window = window
        self.padding = padding

    @_fit_context(prefer_skip_nested_validation=True)
    @all_or_nothing
    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the number and the names of the channels.

        Parameters
        ----------
        X : array-like of shape (n_steps, n_channels)
            The series, in the order of time. Missing values (NaN) are kept.

        y : None
            Not used.

        Returns
        -------
        self : SlidingWindow
        """
        self._checked(X, reset=True)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Transform X to windows.

        Parameters
        ----------
        X : array-like of shape (n_steps, n_channels)
            The series.

        Returns
        -------
        X_out : ndarray of shape (n_steps, window * n_channels)
            The windows; the channels of the oldest step come first.
        """
        check_is_fitted(self)
        X = self._checked(X, reset=False)
        modes: dict[str, Any] = {"edge": "edge", "zero": "constant", "reflect": "reflect"}
        mode: Any = modes[self.padding] if len(X) > 1 or self.padding == "zero" else "edge"
        padded = np.pad(X, ((self.window - 1, 0), (0, 0)), mode=mode)
        windows = sliding_window_view(padded, self.window, axis=0)
        return np.ascontiguousarray(windows.transpose(0, 2, 1).reshape(len(X), -1))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the output columns: ``name_lag2``, ``name_lag1``, ``name_lag0`` (now).

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the channels. If None, those of `fit`, otherwise ``x0``, ``x1``, ...

        Returns
        -------
        ndarray of str of shape (window * n_channels,)
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        lags = range(self.window - 1, -1, -1)
        return np.array([f"{name}_lag{lag}" for lag in lags for name in names], dtype=object)

    def _checked(self, X, *, reset):
        types = (np.float64, np.float32)
        return checked_data(self, X, dtype=types, ensure_all_finite="allow-nan", reset=reset)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "n_features_in_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.requires_fit = True
        return tags
