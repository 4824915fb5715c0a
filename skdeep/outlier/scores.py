"""From a trained masked network to scores of rows: the scoring half of the outlier detector."""

import copy

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from skdeep.base.outliers import OutlierAnswers
from skdeep.data.batches import chunks
from skdeep.data.tensors import to_tensor
from skdeep.outlier.scorers import (
    Local,
    Mahalanobis,
    Neighbors,
    Sampled,
    SquaredResiduals,
    Tail,
    total,
    upper_fence,
)

TRIMMED = 0.1  # share of rows that may be outliers
_ROUNDING = 1e-9  # equal rows may differ by it
_SUMS = {"mse": None, "normalized": "standard", "robust": "robust"}
_STORE_ROWS = ("neighbors", "latent_knn", "local")
SCORES = {"auto", *_SUMS, *_STORE_ROWS, "mahalanobis", "sampled"}


class OutlierScores(OutlierAnswers):
    """Methods of an outlier detector that go from its network to answers.

    It reads the parameters of `AutoencoderOutlierDetector` and what its `fit` leaves: `net_`,
    `encoder_`, ``_n_columns`` (of the network) and ``_groups`` (of features hidden together).
    """

    def _learn_scores(self, rows, train, held_out, rng):
        method = self.score_method
        if method == "auto":
            method = "local" if self.novelty else "sampled"
        self.score_method_ = method
        if method in _STORE_ROWS and len(rows) > self.max_reference_rows:
            # Drawn once: what is kept of the training rows is kept of all rows, too.
            train = train[rng.choice(len(train), self.max_reference_rows, replace=False)]
            known = train
        else:
            known = rows
        self._latent_scale = None
        apart = held_out is not None
        if apart:  # they must not be among the rows that they are compared with
            scorer = self._make_scorer(False, len(train), rng)
            self._scorer = scorer.fit(*self._values(train)[:2])
            self._tail = Tail().fit(self._oddness(held_out))
        self._scorer = self._make_scorer(not self.novelty, len(known), rng).fit(
            *self._values(known)[:2]
        )
        oddness = None
        if not (apart and self.novelty):
            if self.novelty and method in _STORE_ROWS:
                self._scorer.leave_out_self = True
            oddness = self._oddness(rows)
            if self.novelty and method in _STORE_ROWS:
                self._scorer.leave_out_self = False
        if not apart:
            self._tail = Tail().fit(oddness)
        self.offset_ = -self._threshold(self._tail.values_ if oddness is None else oddness)

    def _threshold(self, oddness):
        if self.contamination != "auto":
            return np.percentile(oddness, 100 * (1 - self.contamination))
        fence = upper_fence(oddness) * (1 + _ROUNDING) + _ROUNDING
        return max(fence, np.quantile(oddness, 0.95)) if self.novelty else fence

    def _trim(self):
        if self.trim == "auto":
            return 0.0 if self.novelty else TRIMMED
        return float(self.trim)

    def _make_scorer(self, leave_out_self, n_rows, rng):
        if self.score_method_ == "mahalanobis":
            return Mahalanobis(self._trim())
        if self.score_method_ == "sampled":
            return Sampled(self._trim(), rng.permutation(n_rows)[: Sampled.SAMPLE])
        if self.score_method_ == "local":
            return Local(self.n_neighbors, leave_out_self)
        if self.score_method_ in _STORE_ROWS:
            return Neighbors(self.n_neighbors, leave_out_self)
        return SquaredResiduals(_SUMS[self.score_method_])

    @torch.inference_mode()
    def _values(self, rows):
        """What a scorer takes: values (or the code), residuals, and deviations of constants."""
        module, n = self._scoring_module(), self._n_columns
        parameter = next(module.parameters())
        x = to_tensor(rows[:, :n], parameter.dtype, parameter.device)
        width = self.n_estimators * max(self._hidden_layer_sizes())
        pieces = chunks(len(x), width, x.device)
        r = torch.cat([module.residuals(x[p], self._groups) for p in pieces])
        if self.score_method_ == "latent_knn":
            z = torch.cat([module.latent(x[p]) for p in pieces]).double().cpu().numpy()
            if self._latent_scale is None:
                # As much weight for the whole code as for all values.
                spread = np.sqrt(z.var(0).sum() / n) + 1e-12
                self._latent_scale = z.mean(0), spread
            center, spread = self._latent_scale
            values = (z - center) / spread
        else:
            values = x.nan_to_num().double().cpu().numpy()
        return values, r.double().cpu().numpy(), np.nan_to_num(rows[:, n:].astype(np.float64))

    def _scoring_module(self):
        """The network in double precision, where the device has it: a row's score must not
        depend, even by rounding, on the rows that it is scored with."""
        module = self.net_.module_
        if next(module.parameters()).device.type == "mps":
            return module
        return copy.deepcopy(module).double()

    def _oddness(self, rows):
        x, r, deviations = self._values(rows)
        return total(self._scorer, x, r) + np.square(deviations).sum(1)

    def _encoded(self, X):
        check_is_fitted(self)
        return self.encoder_.encode(self._check_table(X, reset=False))

    def score_samples(self, X):
        """How normal each row is: the lower, the more abnormal.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of float64 of shape (n_samples,)
            Minus the sum of what `explain` returns.
        """
        return -self._oddness(self._encoded(X))

    def predict_tail_proba(self, X):
        """How rare a score as low as a row's is among normal rows.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)

        Returns
        -------
        p : ndarray of shape (n_samples,)
            ``(1 + k) / (1 + n)``, k being how many of the n held-out training rows score as low
            or lower. Small for outliers, and comparable between detectors.
        """
        return self._tail.probability(self._oddness(self._encoded(X)))

    def explain(self, X):
        """What each feature contributes to how odd a row is.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)

        Returns
        -------
        contributions : ndarray of shape (n_samples, n_features)
            In the columns of X; each row sums to ``-score_samples``. A negative number speaks for
            the row. With 'latent_knn' the share of the code goes to the features in proportion to
            their residuals.
        """
        rows = self._encoded(X)
        x, r, deviations = self._values(rows)
        if self.score_method_ == "latent_knn":
            parts = np.square(r / self._scorer.scale_) + 1e-12
            parts *= (total(self._scorer, x, r) / parts.sum(1))[:, None]
        else:
            parts = self._scorer.contributions(x, r)
        out = np.zeros((self.n_features_in_, len(rows)))
        sources = self.encoder_.sources_
        np.add.at(out, sources[sources >= 0], parts.T[sources >= 0])
        np.add.at(out, self.encoder_.constant_sources_, np.square(deviations).T)
        return out.T
