"""More rows than memory: rows on disk for `fit` and `predict`."""

from skdeep.inputs.disk import DiskRows as DiskRows
from skdeep.scale.predictions import write_predictions as write_predictions

__all__ = ["DiskRows", "write_predictions"]
