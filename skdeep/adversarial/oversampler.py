"""Synthetic rows for the rarer classes, from a generator."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import fields
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, clone
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from skdeep._checks import all_or_nothing, is_frame, naming
from skdeep._compat import _fit_context
from skdeep.adversarial.table_rows import joined, layout_of, to_layout
from skdeep.adversarial.tabular_gan import TabularGAN
from skdeep.base.estimator import new_random_state
from skdeep.inputs.rows import to_host
from skdeep.parameters import row_generators as tables
from skdeep.parameters.entry import public


@public(tables.OVERSAMPLER, tables.OVERSAMPLER_ATTRIBUTES)
class GANOverSampler(OneToOneFeatureMixin, BaseEstimator):
    """Over-sampler that adds synthetic rows of the rarer classes, from a `TabularGAN`.

    It has the API of imbalanced-learn, so that it can be used in an `imblearn.pipeline.Pipeline`;
    imbalanced-learn itself is not required. Unlike interpolation between neighbours it supports
    mixed tables and missing values.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    TabularGAN : The generator.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep import GANOverSampler, TabularGAN
    >>> rng = np.random.RandomState(0)
    >>> X = np.concatenate([rng.normal(0, 1, (200, 2)), rng.normal(3, 1, (40, 2))])
    >>> y = np.repeat(["many", "few"], [200, 40])
    >>> sampler = GANOverSampler(generator=TabularGAN(max_iter=10), random_state=0)
    >>> X_more, y_more = sampler.fit_resample(X, y)
    >>> X_more.shape, (y_more == "few").sum().item()
    ((400, 2), 200)
    """

    sampling_strategy_: dict[Any, int]
    generator_: TabularGAN
    classes_: np.ndarray
    n_features_in_: int
    feature_names_in_: np.ndarray
    _estimator_type, _sampling_type = (
        "sampler",
        "over-sampling",
    )  # what imbalanced-learn's pipelines and docs look for

    def __init__(
        self,
        sampling_strategy: Any = "auto",
        *,
        generator: Any = None,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.sampling_strategy = sampling_strategy
        self.generator = generator
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    @all_or_nothing
    def fit(self, X: Any, y: Any) -> Self:
        """Check the data and learn how many rows each class lacks.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            The rows.

        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Their classes; a matrix has a single 1 in each row, in the column of its class.

        Returns
        -------
        self : GANOverSampler
        """
        self._learn(X, y)
        return self

    @_fit_context(prefer_skip_nested_validation=False)
    @all_or_nothing
    def fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Add the rows that the rarer classes lack.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            The rows.

        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Their classes; a matrix has a single 1 in each row, in the column of its class.

        Returns
        -------
        X_resampled : DataFrame, ndarray or list of shape (n_samples_new, n_features)
            X, followed by the synthetic rows; of the type of X.

        y_resampled : Series, DataFrame, ndarray, sparse matrix or list, of n_samples_new rows
            Their classes; of the type of y.

        Raises
        ------
        ValueError
            If there is one class, or one with a single row lacks rows, or `sampling_strategy`
            names unknown classes or fewer rows than there are.
        """
        columns, labels, single = self._learn(X, y)
        if single:
            raise ValueError(
                f"Class {single[0]!r} has a single row: expected two or more to learn from. Leave "
                "it out of sampling_strategy, a dict."
            )
        rng = new_random_state(self.random_state)
        generator = TabularGAN(order="fixed", early_stopping=True)
        if self.generator is not None:
            generator = clone(self.generator)
        if generator.random_state is None:
            generator.set_params(random_state=int(rng.randint(2**31 - 1)))
        # The class goes first: what follows it is then drawn given the class, exactly.
        frame = pd.DataFrame({0: labels.astype(str)} | dict(enumerate(columns, start=1)))
        numbers = {str(c): c for c in self.classes_}
        names = ["0", *(str(c.name) for c in columns)]  # that errors name X's columns by
        if len(set(names)) < len(names):
            names = [str(number) for number in range(len(names))]
        frame.columns = names
        self.generator_ = generator.fit(frame)
        parts, made_labels = [frame.iloc[:0]], []
        for label, n in self.sampling_strategy_.items():
            seed = int(rng.randint(2**31 - 1))
            parts.append(generator.sample(n, conditions={"0": str(label)}, random_state=seed))
            made_labels += [numbers[str(label)]] * n
        if not made_labels:
            return self._as_given(X, frame.iloc[:0, 1:], columns), _extended(y, [])
        made = pd.concat(parts[1:], ignore_index=True).iloc[:, 1:]
        return self._as_given(X, made, columns), _extended(y, made_labels)

    def _learn(self, X: Any, y: Any) -> Any:
        """Check X and y; return the columns of X, the labels, and classes that lack rows but have
        only one."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None."
            )
        *columns, target = joined(self, X, _one_label(y), reset=True)[0]
        if target.isna().any():
            raise ValueError("Input y contains NaN.")
        check_classification_targets(target)
        labels = target.to_numpy()
        self.classes_, sizes = np.unique(labels, return_counts=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"The target 'y' needs to have more than 1 class. Got {len(self.classes_)} class "
                "instead"
            )
        counts = dict(zip(self.classes_.tolist(), sizes.tolist()))
        wanted = self._wanted(labels, counts)
        lacking = {c: n - counts[c] for c, n in wanted.items() if n > counts[c]}
        self.sampling_strategy_ = lacking
        return columns, labels, [c for c in lacking if counts[c] < 2]

    def _wanted(self, labels: np.ndarray, counts: dict[Any, int]) -> dict[Any, int]:
        """Number of rows of each class after resampling."""
        strategy: Any = self.sampling_strategy
        largest = max(counts.values())
        if callable(strategy):
            try:
                strategy = strategy(labels)
            except Exception as error:  # of the user's code, whatever it is
                raise ValueError(
                    f"sampling_strategy={self.sampling_strategy!r} failed with "
                    f"{type(error).__name__} when it was called with y: {error}"
                ) from error
            if not isinstance(strategy, Mapping):
                raise ValueError(
                    f"sampling_strategy: expected the callable to return a dict, got "
                    f"{type(strategy).__name__}."
                )
        if isinstance(strategy, Mapping):
            unknown = [c for c in strategy if c not in counts]
            if unknown:
                raise ValueError(
                    f"sampling_strategy: the class {unknown[0]!r} is not in y, which has "
                    f"{list(counts)}."
                )
            strange = [n for n in strategy.values() if not _is_count(n)]
            if strange:
                raise ValueError(
                    f"sampling_strategy: expected an integer of rows for each class, got "
                    f"{strange[0]!r}."
                )
            fewer = [c for c, n in strategy.items() if n < counts[c]]
            if fewer:
                raise ValueError(
                    f"sampling_strategy: {strategy[fewer[0]]} rows of class {fewer[0]!r} are fewer "
                    f"than the {counts[fewer[0]]} there are."
                )
            return dict(strategy)
        if isinstance(strategy, Real):
            if len(counts) > 2:
                raise ValueError(
                    f"sampling_strategy={strategy}: a float needs two classes, y has {len(counts)}."
                )
            rare = min(counts, key=counts.__getitem__)
            n = int(strategy * largest)  # type: ignore[call-overload]
            if n < counts[rare]:
                raise ValueError(
                    f"sampling_strategy={strategy}: {n} rows of class {rare!r} are fewer than the "
                    f"{counts[rare]} there are."
                )
            return {rare: n}
        chosen = {
            "auto": [c for c, n in counts.items() if n < largest],
            "not majority": [c for c, n in counts.items() if n < largest],
            "minority": [min(counts, key=counts.__getitem__)],
            "not minority": [c for c in counts if c != min(counts, key=counts.__getitem__)],
            "all": list(counts),
        }[strategy]
        return dict.fromkeys(chosen, largest)

    def _as_given(self, X: Any, made: Any, columns: list) -> Any:
        """X followed by the synthetic rows, in the type of X."""
        if isinstance(X, pd.DataFrame):
            both = [
                pd.concat([known.reset_index(drop=True), made.iloc[:, j]], ignore_index=True)
                for j, known in enumerate(X.iloc[:, j] for j in range(X.shape[1]))
            ]
            both = pd.DataFrame({j: c.astype(X.dtypes.iloc[j]) for j, c in enumerate(both)})
            both.columns = X.columns
            return both
        if is_frame(X):  # of polars
            layout = layout_of(X, columns)
            made = to_layout([made.iloc[:, j].array for j in range(X.shape[1])], X.columns, layout)
            return X.vstack(made) if len(made) else X.clone()
        made.columns = range(made.shape[1])
        both = pd.concat([pd.DataFrame(dict(enumerate(columns))), made], ignore_index=True)
        dtype = getattr(X, "dtype", None)
        made = both.to_numpy(dtype=dtype if isinstance(dtype, np.dtype) else None)
        return made.tolist() if isinstance(X, list) else made

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return _as_sampler(tags)


def _is_count(n: Any) -> bool:
    return isinstance(n, Integral) and not isinstance(n, bool)


def _one_label(y: Any) -> Any:
    """Index of the class of each row, if y has one indicator column per class (sparse or dense);
    otherwise y."""
    with naming("y"):
        shape = np.shape(y)
    if len(shape) != 2 or shape[1] < 2 or type_of_target(y) != "multilabel-indicator":
        return y
    matrix = y.toarray() if sp.issparse(y) else np.asarray(y)
    if (matrix.sum(1) != 1).any():
        raise ValueError(
            "y is a matrix of 0 and 1, some of whose rows have not exactly one 1: expected one "
            "class for each row. Multilabel and multioutput targets are not supported."
        )
    return matrix.argmax(1)


def _extended(y: Any, labels: list) -> Any:
    """y with further labels, in the type of y; a column (n_samples, 1) becomes 1-D."""
    shape = np.shape(y)
    if sp.issparse(y) or (len(shape) == 2 and shape[1] > 1):
        return _extended_matrix(y, labels)
    if isinstance(y, list):
        return [*y, *labels]
    if isinstance(y, pd.DataFrame):
        return _extended(y.iloc[:, 0], labels).to_frame()
    if isinstance(y, pd.Series):
        more = pd.Series(labels, dtype=object).astype(y.dtype)
        return pd.concat([y, more], ignore_index=True).rename(y.name)
    if type(y).__module__.startswith("polars"):
        y = y.to_series() if len(shape) == 2 else y
        return y.clone().extend(type(y)(y.name, labels, dtype=y.dtype))
    y = to_host(y)
    y = np.asarray(y).reshape(-1)
    return np.concatenate([y, np.array(labels, dtype=y.dtype)]) if labels else y.copy()


def _extended_matrix(y: Any, labels: list) -> Any:
    """The same for one indicator column per class."""
    more = np.eye(np.shape(y)[1], dtype=int)[np.asarray(labels, dtype=int)]
    if sp.issparse(y):
        return sp.vstack([y, y.__class__(more.astype(y.dtype))], format=y.format)
    if isinstance(y, pd.DataFrame):
        more = pd.DataFrame(more, columns=y.columns).astype(y.dtypes)
        return pd.concat([y, more], ignore_index=True)
    both = np.concatenate([np.asarray(y), more.astype(np.asarray(y).dtype)])
    return both.tolist() if isinstance(y, list) else both


def _as_sampler(tags: Any) -> Any:
    """scikit-learn's tags extended by imbalanced-learn's, if that is in use."""
    if "imblearn" not in sys.modules:
        return tags
    from imblearn.utils._tags import InputTags, SamplerTags, Tags

    known, rows = ({f.name: getattr(t, f.name) for f in fields(t)} for t in (tags, tags.input_tags))
    known["input_tags"] = InputTags(**{**rows, "dataframe": True})
    return Tags(**{**known, "estimator_type": "sampler", "sampler_tags": SamplerTags()})
