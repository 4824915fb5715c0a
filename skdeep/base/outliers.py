"""Shared methods of outlier detectors: from scores to labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import OutlierMixin

from skdeep.base.disk import piece_by_piece


class OutlierAnswers(OutlierMixin):
    """Methods of detectors that have `score_samples` and, after `fit`, `offset_`."""

    offset_: float

    @piece_by_piece
    def decision_function(self, X: Any) -> np.ndarray:
        """Compute how far each row is on the normal side of the threshold.

        Parameters
        ----------
        X : array-like
            Rows like those of `fit`.

        Returns
        -------
        scores : ndarray of float64 of shape (n_samples,)
            ``score_samples(X) - offset_``, negative for outliers.
        """
        return self.score_samples(X) - self.offset_

    @piece_by_piece
    def predict(self, X: Any) -> np.ndarray:
        """Predict whether each row is an outlier.

        Parameters
        ----------
        X : array-like
            Rows like those of `fit`.

        Returns
        -------
        labels : ndarray of int of shape (n_samples,)
            -1 for outliers, 1 for normal rows.
        """
        return np.where(self.decision_function(X) < 0, -1, 1)


def upper_fence(values: np.ndarray) -> float:
    """Upper fence of Tukey's (1977) boxplot: 1.5 interquartile ranges above the upper quartile."""
    q1, q3 = np.quantile(values, [0.25, 0.75])
    return q3 + 1.5 * (q3 - q1)
