"""Reading rows of mixed tables: frames and arrays of numbers and categories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.utils import InputTags, check_consistent_length
from sklearn.utils.validation import validate_data

from skdeep.engine.net import resolve_dtype
from skdeep.inputs.rows import RowInput, check_target
from skdeep.preprocessing.columns import check_table


@dataclass(frozen=True)
class TableRows:
    """Rows of a checked table that is not encoded yet.

    Attributes
    ----------
    table : pandas.DataFrame or ndarray of shape (n_samples, n_features)
    """

    table: Any

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and of columns."""
        return self.table.shape

    def __getitem__(self, rows: np.ndarray) -> TableRows:
        table = self.table
        return TableRows(table.iloc[rows] if isinstance(table, pd.DataFrame) else table[rows])

    def __len__(self) -> int:
        return len(self.table)

    @property
    def is_single(self) -> bool:
        """Whether all columns are of single precision."""
        table = self.table
        types = list(table.dtypes) if isinstance(table, pd.DataFrame) else [table.dtype]
        return all(t == np.float32 for t in types)


@dataclass(frozen=True)
class TableInput(RowInput):
    """Reads rows of mixed tables.

    In `fit` rows are checked only: what encodes them is learnt from those with a weight. Later
    rows are encoded as they are checked, by the estimator's `encoder_`.

    Attributes
    ----------
    categorical_features : 'from_dtype', array-like or None
    """

    categorical_features: Any = "from_dtype"

    def check(self, estimator: Any, X: Any, *, reset: bool = False) -> np.ndarray:
        """Encoded rows."""
        return estimator.encoder_.encode(self._table(estimator, X, reset))

    def check_with_target(
        self, estimator: Any, X: Any, y: Any, *, reset: bool
    ) -> tuple[TableRows, np.ndarray]:
        """Checked rows, not encoded, and targets of a fitting method."""
        if y is None:
            validate_data(estimator, "no_validation", y)  # for its error
        y = check_target(estimator, y, name="y" if reset else "y_val")
        rows = TableRows(self._table(estimator, X, reset))
        check_consistent_length(np.empty((len(rows), 0)), y)
        return rows, y

    def precision(self, dtype: str | None, X: Any, device: torch.device) -> torch.dtype:
        """Type of a network's parameters: encoded rows are of float32."""
        return resolve_dtype(dtype, np.float32.__name__, device)

    def tag(self, tags: InputTags) -> None:
        """Set scikit-learn's tags of what X may be."""
        tags.sparse, tags.allow_nan, tags.categorical = False, True, True

    def _table(self, estimator: Any, X: Any, reset: bool) -> Any:
        chosen = self.categorical_features
        return check_table(estimator, X, categorical_features=chosen, reset=reset)
