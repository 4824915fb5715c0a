"""Shared methods of estimators that encode rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skdeep._checks import checked_array
from skdeep.base.unsupervised import DeepUnsupervised
from skdeep.data.batches import chunks
from skdeep.data.tensors import to_tensor
from skdeep.inputs.rows import to_host


class DeepTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, DeepUnsupervised):
    """Base of estimators whose network encodes rows and decodes codes."""

    def _run(self, X: Any, function: Callable[[Any, Any], torch.Tensor], width: int) -> np.ndarray:
        """``function(module, rows)`` over checked rows or codes, in pieces, as an array.

        `width` is the number of values of a row in the widest layer.
        """
        module = self.net_.module_
        parameter = next(module.parameters())
        x = self._input.place(X, parameter.dtype, parameter.device)
        with torch.inference_mode():
            pieces = [function(module, x[p]) for p in chunks(x.shape[0], width, x.device)]
            return to_host(self._only_finite(torch.cat(pieces), X))

    def _checked(self, X: Any) -> Any:
        """Checked rows for a fitted network."""
        check_is_fitted(self)
        return self._input.check(self, X)

    def _target_tensor(
        self, target: np.ndarray, dtype: torch.dtype, device: torch.device
    ) -> torch.Tensor:
        """Of rows whose network says itself what it should have given: without columns."""
        return to_tensor(target, dtype, device)

    def _score_raw(self, raw: Any, target: Any, weight: np.ndarray | None) -> float:
        device = (raw[0] if isinstance(raw, tuple) else raw).device
        error = self._make_loss()(raw, torch.as_tensor(target, device=device))
        return -float(np.average(to_host(error), weights=weight))

    def score(self, X: Any, y: Any = None) -> float:
        """Mean of `score_samples`, for searches.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        y : None
            Not used, present for API consistency.

        Returns
        -------
        score : float
            The greater, the better.
        """
        return float(np.mean(self.score_samples(X)))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def check_codes(X: Any, width: int, name: str) -> np.ndarray:
    """Codes for `inverse_transform`, by scikit-learn's rules."""
    X = checked_array(to_host(X), dtype=(np.float64, np.float32))
    if X.shape[1] != width:
        raise ValueError(f"X has {X.shape[1]} columns, but {name} has {width} units in that layer.")
    return X
