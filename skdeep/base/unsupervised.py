"""Estimators without a target: a network learns X from X.

Seeds, callbacks, validation rows, limits and all-or-nothing fits are those of every other
estimator; only the target is the row itself.
"""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
from sklearn.utils import Tags

from skdeep._checks import all_or_nothing
from skdeep._compat import _fit_context, with_callbacks
from skdeep.base.estimator import DeepEstimator
from skdeep.base.rows import Given, Mode, Rows
from skdeep.inputs.supervision import check_weights, refuse_orphan


class DeepUnsupervised(DeepEstimator):
    """Base of estimators without y.

    The target of rows is None: they are what the network restores.
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
        """Check rows and weights, and those to validate on."""
        x = self._input.check(self, given.X, reset=not mode.resumed)
        counts = None if given.sample_weight is None else check_weights(given.sample_weight, x)
        weight = None if counts is None or (counts == 1).all() else counts
        rows = Rows(x, None, weight, counts)
        self.n_outputs_ = math.prod(n for n in x.shape[1:] if n)
        if given.X_val is None:
            refuse_orphan(given.sample_weight_val)
            return rows, None
        x = self._input.check(self, given.X_val, reset=False)
        weight = given.sample_weight_val
        weight = None if weight is None else check_weights(weight, x, "sample_weight_val")
        return rows, Rows(x, None, weight)

    def _stratify_by(self, target: Any) -> None:
        """None: there are no classes."""

    def _reported_share(self) -> float:
        return 1.0

    def _target_too_large(self, target: Any) -> None:
        """None: the cause of a large loss is X."""

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        return tags
