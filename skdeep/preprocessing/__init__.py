"""Columns and texts to numbers: scikit-learn transformers, no torch."""

from skdeep.preprocessing.sequences import SequenceVectorizer
from skdeep.preprocessing.tabular import TabularEncoder

__all__ = ["SequenceVectorizer", "TabularEncoder"]
