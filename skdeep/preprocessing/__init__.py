"""Columns to numbers: scikit-learn transformers, no torch."""

from skdeep.preprocessing.tabular import TabularEncoder
from skdeep.preprocessing.windows import SlidingWindow

__all__ = ["SlidingWindow", "TabularEncoder"]
