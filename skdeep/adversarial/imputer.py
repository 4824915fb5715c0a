"""Transformer that fills the missing values of mixed tables."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted

from skdeep._checks import all_or_nothing
from skdeep._compat import _fit_context
from skdeep.adversarial.table_rows import joined
from skdeep.adversarial.tabular_gan import TabularGAN
from skdeep.parameters import row_generators as tables
from skdeep.parameters.entry import public


@public(tables.IMPUTER, tables.IMPUTER_ATTRIBUTES)
class TabularImputer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Imputer of missing values in mixed tables, by a `TabularGAN`.

    The rows of `fit` may have missing values. What a cell is filled with depends on all cells that
    its row has: the mean of numbers and dates and the most probable level, or a draw
    (`sample_posterior`). Columns may be numbers, integers, booleans, categories, text and dates,
    and keep their types. Whether a cell is missing is not taken for a sign of its value.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    TabularGAN : The generator; it samples and scores rows as well.
    sklearn.impute.IterativeImputer : Imputer of numbers.
    sklearn.impute.KNNImputer : Imputer of numbers from neighbours.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from skdeep import TabularImputer
    >>> rng = np.random.default_rng(0)
    >>> kind = rng.choice(["cat", "dog"], size=600)
    >>> weight = np.where(kind == "cat", 4, 20) + rng.normal(size=600).round(1)
    >>> animals = pd.DataFrame({"kind": kind, "weight": weight})
    >>> imputer = TabularImputer(random_state=0).fit(animals)
    >>> imputer.transform(pd.DataFrame({"kind": [None, "dog"], "weight": [3.5, np.nan]})).round()
      kind  weight
    0  cat     4.0
    1  dog    20.0
    """

    generator_: TabularGAN
    n_features_in_: int
    feature_names_in_: np.ndarray

    def __init__(
        self,
        generator: Any = None,
        *,
        sample_posterior: bool = False,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.generator = generator
        self.sample_posterior = sample_posterior
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    @all_or_nothing
    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the joint distribution of the columns.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows, with or without missing values.

        y : Ignored
            Not used, present for API consistency.

        Returns
        -------
        self : TabularImputer

        Raises
        ------
        ValueError
            If a column is missing in all rows.
        """
        columns, names = joined(self, X, None, reset=True)
        empty = [name for name, column in zip(names, columns) if column.isna().all()]
        if empty:
            raise ValueError(
                f"Column {empty[0]!r} is missing in all rows, so that there is nothing to impute "
                "it with: leave it out."
            )
        generator = TabularGAN() if self.generator is None else clone(self.generator)
        if not hasattr(generator, "impute"):
            raise ValueError(
                f"generator={generator!r} has no method impute: expected a TabularGAN with "
                "order='random'."
            )
        if generator.random_state is None:
            generator.set_params(random_state=self.random_state)
        self.generator_ = generator.fit(X)
        return self

    def transform(self, X: Any) -> Any:
        """Fill the missing values.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows as in `fit`.

        Returns
        -------
        X : DataFrame or ndarray of shape (n_samples, n_features)
            Without missing values.
        """
        check_is_fitted(self)
        joined(self, X, None, reset=False)
        filled = self.generator_.impute(
            X, sample_posterior=self.sample_posterior, random_state=self.random_state
        )
        if isinstance(filled, pd.DataFrame) and isinstance(X, pd.DataFrame):
            filled.index = X.index
        return filled

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags
