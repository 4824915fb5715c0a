"""What transformers whose network makes a code of a row share."""

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skdeep._checks import checked_array
from skdeep.base.old_unsupervised import DeepUnsupervised
from skdeep.data.batches import chunks
from skdeep.inputs.rows import check_rows, to_host


class DeepTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, DeepUnsupervised):
    """What transformers whose network goes to a code and back share."""

    # What `DeepEstimator` leaves to the parameters of a perceptron is settled here.
    power_t, momentum, nesterovs_momentum, l1_ratio = 0.5, 0.9, True, 0.0
    beta_1, beta_2, epsilon = 0.9, 0.999, 1e-8

    def _run(self, X, function, width):
        """``function(module, rows)`` over checked rows, in pieces, as an array."""
        module = self.net_.module_
        parameter = next(module.parameters())
        x = self._as_input(X, parameter.dtype, parameter.device)
        with torch.inference_mode():
            pieces = [function(module, x[p]) for p in chunks(x.shape[0], width, x.device)]
            return to_host(self._only_finite(torch.cat(pieces), X))

    def _checked(self, X):
        check_is_fitted(self)
        return check_rows(self, X)

    def _score_raw(self, raw, target, weight):
        device = (raw[0] if isinstance(raw, tuple) else raw).device
        error = self._make_loss()(raw, torch.as_tensor(target, device=device))
        return -float(np.average(to_host(error), weights=weight))

    def score(self, X, y=None):
        """Mean of `score_samples`, for searches.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        y : None
            Not used.

        Returns
        -------
        score : float
            The greater, the better.
        """
        return float(np.mean(self.score_samples(X)))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def check_codes(X, width, name):
    """Codes for `inverse_transform`, by scikit-learn's rules."""
    X = checked_array(to_host(X), dtype=(np.float64, np.float32))
    if X.shape[1] != width:
        raise ValueError(f"X has {X.shape[1]} columns, but {name} has {width} units in that layer.")
    return X
