"""Reading rows that are vectors of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.utils import InputTags
from torch import Tensor

from skdeep.data.batches import SparseRows
from skdeep.data.tensors import to_tensor
from skdeep.engine.net import resolve_dtype
from skdeep.inputs.rows import check_rows, to_host
from skdeep.inputs.supervision import check_rows_and_target


class RowInput:
    """Reads rows that are vectors of numbers: arrays, frames, sparse matrices, tensors."""

    def check(self, estimator: Any, X: Any, *, reset: bool = False) -> Any:
        """Checked rows; with `reset` their width and the names of columns are remembered."""
        return check_rows(estimator, X, reset=reset)

    def check_with_target(
        self, estimator: Any, X: Any, y: Any, *, reset: bool
    ) -> tuple[Any, np.ndarray]:
        """Checked rows and targets of a fitting method."""
        return check_rows_and_target(
            estimator, X, y, reset=reset, y_numeric=estimator._target_is_numeric
        )

    def place(self, X: Any, dtype: torch.dtype, device: torch.device) -> SparseRows | Tensor:
        """Checked rows where a network lives; sparse ones go there batch by batch."""
        return SparseRows(X, dtype, device) if sp.issparse(X) else to_tensor(X, dtype, device)

    def precision(self, dtype: str | None, X: Any, device: torch.device) -> torch.dtype:
        """Type of a network's parameters, by the parameter `dtype` and the rows."""
        return resolve_dtype(dtype, X.dtype, device)

    def keys(self, X: Any, target: Any) -> list[bytes]:
        """The content of each row and its target, as bytes."""
        X = to_host(X)
        X = X.toarray() if sp.issparse(X) else X
        return [x.tobytes() + t.tobytes() for x, t in zip(X, np.asarray(target))]

    def largest(self, X: Any) -> float:
        """The largest absolute value of checked rows."""
        values = X.data if sp.issparse(X) else X
        return float(abs(values).max()) if len(values) else 0.0

    def tag(self, tags: InputTags) -> None:
        """Set scikit-learn's tags of what X may be."""
        tags.sparse = True


VECTORS = RowInput()
"""The reader of rows that are vectors; it has no state."""
