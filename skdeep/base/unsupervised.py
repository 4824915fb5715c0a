"""Estimators without a target, which learn X from X; and those that encode rows.

Seeds, callbacks, validation rows, limits and all-or-nothing fits are those of every other
estimator; only the target is the row itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skdeep._checks import all_or_nothing, checked_array
from skdeep._compat import _fit_context, with_callbacks
from skdeep.base.estimator import DeepEstimator
from skdeep.base.learning import Given, Mode
from skdeep.data.batches import chunks, to_tensor
from skdeep.inputs.rows import Rows, to_host
from skdeep.inputs.weights import check_weights


class DeepUnsupervised(DeepEstimator):
    """Base of estimators without y.

    The target of rows is None: the network reconstructs them.
    """

    @_fit_context(prefer_skip_nested_validation=True)
    @all_or_nothing
    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Train on X.

        A fit that raises leaves the estimator as it was. Ctrl-C ends training with the best
        weights so far and a warning; in the first epoch of another fit it raises, too.

        Parameters
        ----------
        X : {array-like, Tensor} of shape (n_samples, n_features)
            A tensor on a GPU stays there.

        y : None
            Not used, present for API consistency.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, not negative; rows of weight zero are ignored.

        X_val : array-like of shape (n_val, n_features), default=None
            Rows whose loss is recorded after each epoch, and which decide under
            `early_stopping`.

        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of `X_val`.

        Returns
        -------
        self : estimator
        """
        return self._fit_and_report(
            Given(
                X=X,
                sample_weight=sample_weight,
                X_val=X_val,
                sample_weight_val=sample_weight_val,
            )
        )

    def _read(
        self, given: Given, mode: Mode, rng: np.random.RandomState
    ) -> tuple[Rows, Rows | None]:
        """Check rows and weights, and validation rows."""
        x = self._input.check(self, given.X, reset=not mode.resumed)
        counts = None if given.sample_weight is None else check_weights(given.sample_weight, x)
        weight = None if counts is None or (counts == 1).all() else counts
        rows = Rows(x, None, weight, counts)
        self.n_outputs_ = math.prod(n for n in x.shape[1:] if n)
        if given.X_val is None:
            return rows, self._read_validation(given)  # None, or its error
        x = self._input.check(self, given.X_val, reset=False)
        weight = given.sample_weight_val
        weight = None if weight is None else check_weights(weight, x, "sample_weight_val")
        return rows, Rows(x, None, weight)

    def _stratify_by(self, target: Any) -> None:
        """Return None: there are no classes."""

    def _reported_share(self) -> float:
        return 1.0

    def _target_too_large(self, target: Any) -> None:
        """Return None: the cause of a large loss is X."""

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        return tags


class DeepTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, DeepUnsupervised):
    """Base of estimators whose network encodes rows and decodes codes."""

    def _run(self, X: Any, function: Callable[[Any, Any], torch.Tensor], width: int) -> np.ndarray:
        """Apply ``function(module, rows)`` to checked rows or codes, in chunks.

        `width` is the number of values of a row in the widest layer.
        """
        module = self.net_.module_
        parameter = next(module.parameters())
        x = self._input.place(X, parameter.dtype, parameter.device)
        with torch.inference_mode():
            pieces = [function(module, x[p]) for p in chunks(x.shape[0], width, x.device)]
            return to_host(self._only_finite(torch.cat(pieces), X))

    def _checked(self, X: Any) -> Any:
        """Check rows for a fitted network."""
        check_is_fitted(self)
        return self._input.check(self, X)

    def _target_tensor(
        self, target: np.ndarray, dtype: torch.dtype, device: torch.device
    ) -> torch.Tensor:
        """Targets as they are, without reshaping to columns."""
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
    """Check codes for `inverse_transform`, by scikit-learn's rules."""
    X = checked_array(to_host(X), dtype=(np.float64, np.float32))
    if X.shape[1] != width:
        raise ValueError(f"X has {X.shape[1]} columns, but {name} has {width} units in that layer.")
    return X
