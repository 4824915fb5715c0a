"""More rows than memory: rows on disk for `fit` and `predict`."""

from skdeep.inputs.disk import DiskRows as DiskRows

__all__ = ["DiskRows"]
