"""Columns and texts to numbers: scikit-learn transformers, no torch.

`RandomKernels` lives in `skdeep.kernels` and is loaded on demand, because it needs torch.
"""

import importlib
from typing import Any

from skdeep.preprocessing.sequences import SequenceVectorizer
from skdeep.preprocessing.tabular import TabularEncoder
from skdeep.preprocessing.windows import SlidingWindow

__all__ = ["RandomKernels", "SequenceVectorizer", "SlidingWindow", "TabularEncoder"]


def __getattr__(name: str) -> Any:
    """Load `RandomKernels` when it is first asked for (PEP 562)."""
    if name != "RandomKernels":
        raise AttributeError(f"module 'skdeep.preprocessing' has no attribute {name!r}")
    return importlib.import_module("skdeep.kernels.transformer").RandomKernels
