"""Encoder of mixed tables as one float32 matrix."""

from __future__ import annotations

from numbers import Integral
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy.special import ndtri
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skdeep._checks import all_or_nothing, column_names
from skdeep._compat import Interval, StrOptions, _check_sample_weight, _fit_context, with_doc_link
from skdeep.preprocessing.columns import (
    categorical_mask,
    check_table,
    column,
    column_label,
    numbers,
    weighted_quantiles,
)
from skdeep.preprocessing.levels import Levels, levels_in

_LARGEST_WEIGHT = 1e100  # sums of larger ones need not be numbers
_CONSTANT = 16 * np.finfo(np.float64).eps
"""Range over largest magnitude below which only rounding tells the values of a column apart."""
_FEW = 16  # rows
FARTHEST = 1e150  # scaled values; the squares of larger ones are no numbers
EDGE = 1e-7  # ndtri is taken between this and one minus this: about +-5.2, as scikit-learn does


@with_doc_link
class TabularEncoder(TransformerMixin, BaseEstimator):
    """Encode mixed tables as one float32 matrix.

    Numbers are centred at the median, divided by the interquartile range (by half the range if
    that is 0) and clipped smoothly, ``x / sqrt(1 + (x / 3) ** 2)`` (Holzmueller et al., NeurIPS
    2024), or transformed to normal scores. Missing numbers are imputed with the median; columns
    with missing numbers in `fit` get an indicator column. A category with two levels is one
    column, with up to `max_one_hot` levels it is one-hot encoded, and with more levels it is one
    column of ordinal codes for an embedding. Missing categories and levels not seen in `fit` are
    encoded as zeros, or code 0. Columns that are constant or entirely missing are dropped.

    Parameters
    ----------
    numeric : {'robust', 'quantile'}, default='robust'
        Scaling of numbers. 'quantile' transforms to normal scores, with a thirtieth as many
        quantiles as rows, between 10 and 1,000 (Gorishniy et al., ICLR 2025).

    categorical_features : 'from_dtype', array-like of {bool, int, str} or None, \
default='from_dtype'
        Which columns are categorical: a mask, indices or names, as in
        `HistGradientBoostingClassifier`. 'from_dtype' selects the columns of a DataFrame with
        dtype category and, unlike HistGradientBoosting, strings, booleans and objects; an object
        column that contains numbers only (decimals, for instance) is numeric.

    max_one_hot : int, default=8
        Categories with more levels are encoded as ordinal codes; at least 1.

    Attributes
    ----------
    n_numeric_ : int
        Number of leading output columns: numbers with more than two values.

    n_plain_ : int
        Number of output columns after them: two-valued numbers, indicators and one-hot columns.

    cardinalities_ : list of int
        Number of codes, 0 included, of each of the last output columns.

    is_categorical_ : ndarray of bool of shape (`n_features_in_`,)
        Mask of the categorical columns.

    n_features_in_ : int
        Number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during `fit`; defined only if all of them are strings.

    Examples
    --------
    >>> import pandas as pd
    >>> from skdeep.preprocessing import TabularEncoder
    >>> X = pd.DataFrame({"age": [20.0, 30.0, 50.0, None], "pet": ["cat", "dog", "eel", "cat"]})
    >>> encoder = TabularEncoder().fit(X)
    >>> encoder.get_feature_names_out().tolist()
    ['age', 'age_missing', 'pet_cat', 'pet_dog', 'pet_eel']
    >>> encoder.transform(X)[:, 0].round(2)
    array([-0.33,  0.  ,  0.65,  0.  ], dtype=float32)
    """

    __module__ = "skdeep.preprocessing"
    _parameter_constraints: dict = {
        "numeric": [StrOptions({"robust", "quantile"})],
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "max_one_hot": [Interval(Integral, 1, None, closed="left")],
    }

    n_numeric_: int
    n_plain_: int
    cardinalities_: list[int]
    is_categorical_: np.ndarray

    def __init__(
        self,
        *,
        numeric: str = "robust",
        categorical_features: Any = "from_dtype",
        max_one_hot: int = 8,
    ):
        self.numeric = numeric
        self.categorical_features = categorical_features
        self.max_one_hot = max_one_hot

    @_fit_context(prefer_skip_nested_validation=True)
    @all_or_nothing
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn the scales of numbers and the levels of categories.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Training rows. Numbers may be missing (NaN), but not infinite.

        y : None
            Not used.

        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights. A row with weight 2 is equivalent to two rows.

        Returns
        -------
        self : TabularEncoder
        """
        X = check_table(self, X, categorical_features=self.categorical_features, reset=True)
        weight = None
        if sample_weight is not None:
            rows = np.empty((len(X), 0))
            if hasattr(sample_weight, "detach"):  # a tensor, of a type that NumPy may not have
                sample_weight = sample_weight.detach().cpu().to_dense().double()
            weight = _check_sample_weight(sample_weight, rows, ensure_non_negative=True)
            weight = weight / max(1.0, weight.max() / _LARGEST_WEIGHT)
        return self._learn(X, weight)

    def transform(self, X: Any) -> np.ndarray:
        """Encode the columns.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows with the columns of `fit`.

        Returns
        -------
        X_out : ndarray of float32 of shape (n_samples, n_columns)
            The encoded rows; see `get_feature_names_out`.
        """
        check_is_fitted(self)
        X = check_table(self, X, categorical_features=self.categorical_features, reset=False)
        return self.encode(X)

    def _learn(self, X, weight):
        self._names = column_names(self)
        self._dtypes = _dtype_names(X)
        self.is_categorical_ = categorical_mask(X, self.categorical_features, self._names)
        plain = np.flatnonzero(~self.is_categorical_)
        self._choose_numbers(numbers(X, plain, self._names), weight)
        self._levels = {
            int(j): Levels.learn(column(X, j), weight, column_label(X, j, self._names)).kept()
            for j in np.flatnonzero(self.is_categorical_)
        }
        counts = {j: len(kept["levels"]) for j, kept in self._levels.items()}
        self._one_hot = [j for j, n in counts.items() if 2 <= n <= self.max_one_hot]
        self._numbered = [j for j, n in counts.items() if n > max(self.max_one_hot, 1)]
        self.cardinalities_ = [counts[j] + 1 for j in self._numbered]
        self._learn_scales(self._raw(X), weight)
        self.n_plain_ = len(self._center) - self.n_numeric_
        return self

    def _choose_numbers(self, N, weight):
        """Sort numeric columns into many-valued, two-valued and dropped ones."""
        places = np.flatnonzero(~self.is_categorical_)
        N = N if weight is None else N[weight > 0]
        many: list[Any] = []
        two: list[Any] = []
        with_gaps: list[Any] = []
        for j, values in zip(places, N.T):
            missing = np.isnan(values)
            known = values[~missing]
            if not len(known):
                continue
            low, high = float(known.min()), float(known.max())  # whose difference may overflow
            if missing.any():
                with_gaps.append(j)
            if high - low > _CONSTANT * max(abs(low), abs(high)):
                is_two = ((known == low) | (known == high)).all()
                (two if is_two else many).append(j)
        self._many, self._two, self._with_gaps = many, two, with_gaps
        self.n_numeric_ = len(many)

    def _raw(self, X):
        """Numbers, indicators and one-hot columns before scaling, with NaN for missing numbers."""
        kept = np.array(self._many + self._two, dtype=np.int64)
        parts = [numbers(X, kept, self._names)] if len(kept) else []
        if self._with_gaps:
            gaps = np.array(self._with_gaps)
            parts.append(np.isnan(numbers(X, gaps, self._names)).astype(np.float64))
        for j in self._one_hot:
            codes, n_levels = self._codes(X, j), len(levels_in(self._levels[j]))
            parts.append(_two_levels(codes) if n_levels == 2 else _one_hot(codes, n_levels))
        if not parts:
            return np.zeros((len(X), 0 if self._numbered else 1))
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def _codes(self, X, j):
        """Codes of column j, -1 for missing and unknown levels."""
        return Levels.of(self._levels[j]).encode(column(X, j))

    def _learn_scales(self, R, weight):
        low, q25, self._center, q75, high = weighted_quantiles(R, [0, 0.25, 0.5, 0.75, 1], weight)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            spread, span = q75 - q25, high - low
            scale = np.where(spread > _CONSTANT * span, 1 / spread, 2 / span)
        self._scale = np.where(span > 0, np.minimum(scale, np.finfo(np.float64).max), 0.0)
        self._center = np.where(np.isfinite(self._center), self._center, 0.0)
        self._quantiles = None
        if self.numeric == "quantile" and self.n_numeric_:
            n = len(R) if weight is None else round(weight.sum())
            self._levels_of_quantiles = np.linspace(0, 1, int(np.clip(n // 30, 10, 1000)))
            self._quantiles = weighted_quantiles(
                R[:, : self.n_numeric_], self._levels_of_quantiles, weight
            )

    def encode(self, X: Any) -> np.ndarray:
        """Encode a validated table.

        Parameters
        ----------
        X : DataFrame or ndarray of shape (n_samples, n_features)
            As returned by `skdeep.preprocessing.columns.check_table`.

        Returns
        -------
        ndarray of float32 of shape (n_samples, n_features_out)
        """
        if len(X) <= _FEW and self._dtypes and _dtype_names(X) == self._dtypes:
            # Taking columns out of a frame costs more than all the rest where rows are few.
            X = X.to_numpy(dtype=object, copy=True, na_value=np.nan)  # a copy can be written to
        codes = [self._codes(X, j)[:, None] + 1 for j in self._numbered]
        out = self._scaled(self._raw(X))
        return np.concatenate([out, *codes], axis=1, dtype=np.float32, casting="unsafe")

    def _scaled(self, R):
        # Also of slopes between quantiles near 1e-320.
        with np.errstate(over="ignore", invalid="ignore"):
            out = np.clip((R - self._center) * self._scale, -FARTHEST, FARTHEST)
            out /= np.sqrt(1 + np.square(out / 3))
            if self._quantiles is not None:
                for j, known in enumerate(self._quantiles.T):
                    out[:, j] = _normal_scores(R[:, j], known, self._levels_of_quantiles)
        out[np.isnan(out)] = 0.0
        return out

    def encode_unknown(self) -> np.ndarray:
        """Encode a row of which nothing is known.

        Returns
        -------
        ndarray of float32 of shape (n_features_out,)
            As if each value were missing, numbers without gaps in `fit` at their median.
        """
        n_numbers, n_gaps = len(self._many) + len(self._two), len(self._with_gaps)
        widths = [len(levels_in(self._levels[j])) for j in self._one_hot]
        n_hot = sum(1 if n == 2 else n for n in widths)
        n_columns = n_numbers + n_gaps + n_hot
        raw = np.repeat([np.nan, 1.0, 0.0], [n_numbers, n_gaps, n_hot])
        if n_columns == 0 and not self._numbered:
            raw = np.zeros(1)
        return np.append(self._scaled(raw[None]), np.zeros(len(self._numbered))).astype(np.float32)

    def sources(self) -> np.ndarray:
        """Column of X that each encoded column comes from, -1 for a constant."""
        own = [*self._many, *self._two, *self._with_gaps]
        for j in self._one_hot:
            n_levels = len(levels_in(self._levels[j]))
            own += [j] * (n_levels if n_levels > 2 else 1)
        if not own and not self._numbered:
            own = [-1]
        return np.array([*own, *self._numbered], dtype=np.int64)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the output columns.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Only used to validate feature names with the names seen in `fit`.

        Returns
        -------
        ndarray of str of shape (n_columns,)
            A number has the name of its column, an indicator is ``name_missing``, a one-hot
            column ``name_level``, and codes have the name of their column.
        """
        check_is_fitted(self)
        names = self._names
        if input_features is not None:
            if np.shape(input_features) != (self.n_features_in_,):
                raise ValueError("input_features should have length equal to number of features")
            if hasattr(self, "feature_names_in_") and list(input_features) != names:
                raise ValueError("input_features is not equal to feature_names_in_")
            names = list(input_features)
        out = [names[j] for j in self._many + self._two]
        out += [f"{names[j]}_missing" for j in self._with_gaps]
        for j in self._one_hot:
            levels = levels_in(self._levels[j])
            out += [f"{names[j]}_{level}" for level in (levels[1:] if len(levels) == 2 else levels)]
        if not out and not self._numbered:
            out = ["constant"]
        return np.array(out + [names[j] for j in self._numbered], dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def _dtype_names(X):
    """Names of the dtypes of a DataFrame; None for an array."""
    return [str(dtype) for dtype in X.dtypes] if isinstance(X, pd.DataFrame) else None


def _two_levels(codes):
    """Encode two levels as -1 and 1, missing and unknown ones as 0."""
    return np.where(codes < 0, 0.0, 2.0 * codes - 1.0)[:, None]


def _one_hot(codes, n_levels):
    return (codes[:, None] == np.arange(n_levels)).astype(np.float64)


def _normal_scores(x, known, levels):
    """Normal scores from quantiles; equal quantiles get the middle of their levels."""
    up = np.interp(x, known, levels)
    down = -np.interp(-x, -known[::-1], -levels[::-1])
    scores = ndtri(np.clip(0.5 * (up + down), EDGE, 1 - EDGE))
    scores[np.isnan(scores)] = 0.0
    return scores
