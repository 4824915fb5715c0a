"""Rows for the rarer classes, made by a generator."""

from collections.abc import Mapping
from numbers import Real

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, clone
from sklearn.utils.multiclass import check_classification_targets

from skdeep._base import all_or_nothing, new_random_state
from skdeep._compat import HasMethods, Interval, StrOptions, _fit_context
from skdeep._table_rows import joined
from skdeep.tabular_gan import TabularGAN

_STRATEGIES = ("auto", "not majority", "minority", "not minority", "all")


class GANOverSampler(OneToOneFeatureMixin, BaseEstimator):
    """Over-sampler that makes rows of the rarer classes with a `TabularGAN`.

    It follows imbalanced-learn's contract, so that it can stand in an `imblearn.pipeline.Pipeline`;
    imbalanced-learn itself is not needed. Unlike interpolation between neighbours it takes mixed
    tables and missing values as they are.

    Parameters
    ----------
    sampling_strategy : {'auto', 'minority', 'not minority', 'not majority', 'all'}, float, dict \
or callable, default='auto'
        How many rows there are to be afterwards, as in imbalanced-learn. The strings name the
        classes that get as many rows as the most frequent one; 'auto' is 'not majority'. A float
        is, of two classes, the rarer's share of the other. A dict gives the number of rows of a
        class; a callable gets y and returns such a dict.

    generator : TabularGAN or None, default=None
        What makes the rows; it is cloned. None is a `TabularGAN` with its defaults.

    random_state : int, RandomState instance or None, default=None
        Seed of the generator, unless it has its own, and of the rows.

    Attributes
    ----------
    sampling_strategy_ : dict
        Number of rows to make, for each class that needs any.

    generator_ : TabularGAN
        Fitted on X with y as a first column; only after `fit_resample`.

    classes_ : ndarray of shape (n_classes,)
        The labels.

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where all of them are strings.

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

    _sampling_type = "over-sampling"  # what imbalanced-learn's pipelines and docs look for
    _parameter_constraints: dict = {
        "sampling_strategy": [
            StrOptions(set(_STRATEGIES)),
            Interval(Real, 0, 1, closed="right"),
            Mapping,
            callable,
        ],
        "generator": [HasMethods(["fit", "sample"]), None],
        "random_state": ["random_state"],
    }

    def __init__(self, sampling_strategy="auto", *, generator=None, random_state=None):
        self.sampling_strategy = sampling_strategy
        self.generator = generator
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    @all_or_nothing
    def fit(self, X, y):
        """Check the data and learn how many rows each class lacks.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            The rows.

        y : array-like of shape (n_samples,)
            Their classes.

        Returns
        -------
        self : GANOverSampler
        """
        self._learn(X, y)
        return self

    @_fit_context(prefer_skip_nested_validation=False)
    @all_or_nothing
    def fit_resample(self, X, y):
        """Make the rows that the rarer classes lack.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            The rows.

        y : array-like of shape (n_samples,)
            Their classes.

        Returns
        -------
        X_resampled : DataFrame, ndarray or list of shape (n_samples_new, n_features)
            X, followed by the made rows; what X was.

        y_resampled : Series, DataFrame, ndarray or list of shape (n_samples_new,)
            Their classes; what y was.

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
        generator = TabularGAN() if self.generator is None else clone(self.generator)
        if generator.random_state is None:
            generator.set_params(random_state=int(rng.randint(2**31 - 1)))
        # The class goes first: what follows it is then drawn given the class, exactly.
        frame = pd.DataFrame({0: labels.astype(str)} | dict(enumerate(columns, start=1)))
        numbers = {str(c): c for c in self.classes_}
        frame.columns = [str(c) for c in frame.columns]
        self.generator_ = generator.fit(frame)
        parts, made_labels = [frame.iloc[:0]], []
        for label, n in self.sampling_strategy_.items():
            seed = int(rng.randint(2**31 - 1))
            parts.append(generator.sample(n, conditions={"0": str(label)}, random_state=seed))
            made_labels += [numbers[str(label)]] * n
        made = pd.concat(parts, ignore_index=True).iloc[:, 1:]
        return self._as_given(X, made, columns), _extended(y, made_labels)

    def _learn(self, X, y):
        """Check X and y; return X's columns, the labels, and what lacks rows but has only one."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None."
            )
        *columns, target = joined(self, X, y, reset=True)[0]
        check_classification_targets(target)
        labels = target.to_numpy()
        self.classes_, counts = np.unique(labels, return_counts=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"The target 'y' needs to have more than 1 class. Got {len(self.classes_)} class "
                "instead"
            )
        counts = dict(zip(self.classes_.tolist(), counts.tolist()))
        wanted = self._wanted(labels, counts)
        lacking = {c: n - counts[c] for c, n in wanted.items() if n > counts[c]}
        self.sampling_strategy_ = lacking
        return columns, labels, [c for c in lacking if counts[c] < 2]

    def _wanted(self, labels, counts):
        """Rows of each class afterwards."""
        strategy, largest = self.sampling_strategy, max(counts.values())
        if callable(strategy):
            strategy = strategy(labels)
        if isinstance(strategy, Mapping):
            unknown = [c for c in strategy if c not in counts]
            if unknown:
                raise ValueError(
                    f"sampling_strategy: the class {unknown[0]!r} is not in y, which has "
                    f"{list(counts)}."
                )
            fewer = [c for c, n in strategy.items() if n < counts[c]]
            if fewer:
                raise ValueError(
                    f"sampling_strategy: {strategy[fewer[0]]} rows of class {fewer[0]!r} are fewer "
                    f"than the {counts[fewer[0]]} there are."
                )
            return dict(strategy)
        if isinstance(strategy, float):
            if len(counts) > 2:
                raise ValueError(
                    f"sampling_strategy={strategy}: a float needs two classes, y has {len(counts)}."
                )
            rare = min(counts, key=counts.get)
            n = int(strategy * largest)
            if n < counts[rare]:
                raise ValueError(
                    f"sampling_strategy={strategy}: {n} rows of class {rare!r} are fewer than the "
                    f"{counts[rare]} there are."
                )
            return {rare: n}
        chosen = {
            "auto": [c for c, n in counts.items() if n < largest],
            "not majority": [c for c, n in counts.items() if n < largest],
            "minority": [min(counts, key=counts.get)],
            "not minority": [c for c in counts if c != min(counts, key=counts.get)],
            "all": list(counts),
        }[strategy]
        return dict.fromkeys(chosen, largest)

    def _as_given(self, X, made, columns):
        """X and the made rows below it, as what X was."""
        if isinstance(X, pd.DataFrame):
            made.columns = X.columns
            return pd.concat([X.reset_index(drop=True), made], ignore_index=True).astype(X.dtypes)
        made.columns = range(made.shape[1])
        both = pd.concat([pd.DataFrame(dict(enumerate(columns))), made], ignore_index=True)
        if hasattr(X, "columns"):  # of polars
            both.columns = list(X.columns)
            return type(X)(both)
        dtype = getattr(X, "dtype", None)
        made = both.to_numpy(dtype=dtype if isinstance(dtype, np.dtype) else None)
        return made.tolist() if isinstance(X, list) else made

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags


def _extended(y, labels):
    """y with further labels, as what it was; of a column (n_samples, 1) an array of one axis."""
    if isinstance(y, list):
        return [*y, *labels]
    if isinstance(y, pd.DataFrame):
        return _extended(y.iloc[:, 0], labels).to_frame()
    if isinstance(y, pd.Series):
        more = pd.Series(labels, dtype=object).astype(y.dtype)
        return pd.concat([y, more], ignore_index=True).rename(y.name)
    y = np.asarray(y).reshape(-1)
    return np.concatenate([y, np.array(labels, dtype=y.dtype)]) if labels else y.copy()
