"""From scores to answers: what all outlier detectors do alike."""

import numpy as np
from sklearn.base import OutlierMixin


class OutlierAnswers(OutlierMixin):
    """Methods of detectors that have `score_samples` and, after `fit`, `offset_`."""

    def decision_function(self, X):
        """How far each row is on the normal side.

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

    def predict(self, X):
        """Whether each row is an outlier.

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
