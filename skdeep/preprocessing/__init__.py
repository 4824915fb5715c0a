"""Columns and texts to numbers: scikit-learn transformers, no torch."""

from skdeep.preprocessing.sequences import SequenceVectorizer
from skdeep.preprocessing.tabular import TabularEncoder
from skdeep.preprocessing.windows import SlidingWindow

__all__ = ["SequenceVectorizer", "SlidingWindow", "TabularEncoder"]
