"""Columns to numbers: scikit-learn transformers, no torch."""

from skdeep.preprocessing.tabular import TabularEncoder

__all__ = ["TabularEncoder"]
