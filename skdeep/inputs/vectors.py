"""Reading rows that are vectors of numbers."""

import numpy as np
import scipy.sparse as sp

from skdeep.data.batches import SparseRows
from skdeep.data.tensors import to_tensor
from skdeep.engine.device import resolve_dtype
from skdeep.inputs.rows import check_rows, to_host
from skdeep.inputs.supervision import check_rows_and_target


class RowInput:
    """Reads rows that are vectors of numbers: arrays, frames, sparse matrices, tensors."""

    def check(self, estimator, X, *, reset=False):
        """Checked rows; with `reset` their width and the names of columns are remembered."""
        return check_rows(estimator, X, reset=reset)

    def check_with_target(self, estimator, X, y, *, reset):
        """Checked rows and targets of a fitting method."""
        return check_rows_and_target(
            estimator, X, y, reset=reset, y_numeric=estimator._target_is_numeric
        )

    def place(self, X, dtype, device):
        """Checked rows where a network lives; sparse ones go there batch by batch."""
        return SparseRows(X, dtype, device) if sp.issparse(X) else to_tensor(X, dtype, device)

    def precision(self, dtype, X, device):
        """Type of a network's parameters, by the parameter `dtype` and the rows."""
        return resolve_dtype(dtype, X.dtype, device)

    def keys(self, X, target):
        """The content of each row and its target, as bytes."""
        X = to_host(X)
        X = X.toarray() if sp.issparse(X) else X
        return [x.tobytes() + t.tobytes() for x, t in zip(X, np.asarray(target))]

    def largest(self, X):
        """The largest absolute value of checked rows."""
        values = X.data if sp.issparse(X) else X
        return float(abs(values).max()) if len(values) else 0.0

    def tag(self, tags):
        """Set scikit-learn's tags of what X may be."""
        tags.sparse = True


VECTORS = RowInput()
"""The reader of rows that are vectors; it has no state."""
