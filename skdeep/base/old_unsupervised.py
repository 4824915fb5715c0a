"""What estimators without a target share: a network learns X from X.

`DeepUnsupervised` stands beside the classes of `_targets`, left of `DeepEstimator` in the bases of
an estimator: seeds, callbacks, validation rows, limits and all-or-nothing fits are those of
every other estimator; only the target is the row itself.
"""

import numpy as np
from sklearn.callback import with_callbacks

from skdeep._compat import _fit_context
from skdeep.base.old_estimator import all_or_nothing
from skdeep.inputs.rows import check_rows
from skdeep.inputs.supervision import check_weights, refuse_orphan


class DeepUnsupervised:
    """Target methods of estimators without y."""

    _target_is_numeric = True

    @_fit_context(prefer_skip_nested_validation=True)
    @all_or_nothing
    @with_callbacks
    def fit(self, X, y=None, sample_weight=None, *, X_val=None, sample_weight_val=None):
        """Train on X.

        A fit that raises leaves the estimator as it was. Ctrl-C ends training with the best
        weights so far and a warning; in the first epoch of another fit it raises, too.

        Parameters
        ----------
        X : {array-like, Tensor} of shape (n_samples, n_features)
            A tensor on a GPU stays there.

        y : None
            Not used, present for the sake of pipelines.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, not negative; a row of weight 0 is not there.

        X_val : array-like of shape (n_val, n_features), default=None
            Rows whose loss is recorded after each epoch, and which decide under
            `early_stopping`.

        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of `X_val`.

        Returns
        -------
        self : estimator
        """
        return self._fit_and_report(X, None, sample_weight, (X_val, None, sample_weight_val))

    def _check_training_data(self, X, y, *, reset):
        X = check_rows(self, X, reset=reset)
        return X, np.empty((X.shape[0], 0))

    def _check_validation(self, X_val, y_val, sample_weight_val):
        if X_val is None:
            refuse_orphan(sample_weight_val)
            return None
        X_val, target = self._check_training_data(X_val, None, reset=False)
        if sample_weight_val is not None:
            sample_weight_val = check_weights(sample_weight_val, X_val, "sample_weight_val")
        return X_val, target, sample_weight_val

    def _encode_target(self, y, resumed, incremental):
        self.n_outputs_ = self.n_features_in_
        return y

    def _tensors(self, net, X, target, weight):
        x, _, weight = super()._tensors(net, X, target, weight)
        return x, x, weight

    def _target_tensor(self, target, dtype, device):
        return None

    def _stratify_by(self, target):
        return None

    def _times_class_weight(self, target, weight, incremental):
        return weight

    def _reported_share(self):
        return 1.0

    def _target_too_large(self, target):
        return None

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        tags.input_tags.sparse = False
        return tags
