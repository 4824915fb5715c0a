"""Targets of the estimators for tables: averaged members, calibration, prediction intervals."""

import math
from numbers import Real

import numpy as np
import scipy.optimize
import torch
from sklearn.utils.validation import check_is_fitted

from skdeep.base.classifier import DeepClassifier
from skdeep.base.regressor import DeepRegressor
from skdeep.losses import mean_scores, weighted_mean

_MOST_RESIDUALS = 2000
_MOST_COMPARED = 4000  # rows that tell how much softer an average is than its parts


def out_of_fold(estimator, raw, rows, data, everyone=None):
    """Fitted attributes that come from predictions for held-out rows.

    Parameters
    ----------
    estimator : DeepTable
    raw : Tensor of shape (n_members, n_held_out, n_outputs), or None
        Scores of each member for the rows that it has not trained on.
    rows : ndarray of int of shape (n_networks, n_held_out) or (1, n_held_out), or None
    data : tuple of (x, target, weight)
    everyone : callable, default=None
        Gives the scores of all members, (n_rows, n_members, n_outputs), for given rows.

    Returns
    -------
    dict
    """
    if raw is None:
        return estimator._without_held_out()
    # Rows of their own are predicted by the members of one network, common rows by all.
    raw = raw.unflatten(0, (len(rows), -1)).transpose(1, 2).flatten(0, 1)
    index = torch.as_tensor(rows.ravel(), device=data[0].device)
    target, weight = (None if d is None else d[index] for d in data[1:])
    if len(rows) > 1 and everyone is not None:
        everyone = everyone(index[:_MOST_COMPARED])
        everyone = everyone.unflatten(1, (len(rows), -1))
    else:
        everyone = None
    return estimator._from_held_out(raw, target, weight, everyone)


class TableClassifier(DeepClassifier):
    """Classifiers that average the probabilities of their members."""

    def _learn_target_scale(self, target, weight):
        """Classes have no scale."""

    def _make_loss(self):
        loss = super()._make_loss()
        if self.scoring == "log_loss":
            loss.label_smoothing = 0.0
        return loss

    def _pool(self, raw, temperature=None):
        """Logarithms of averaged probabilities (log odds for two classes and for labels).

        Parameters
        ----------
        raw : Tensor of shape (n_samples, n_members, n_outputs)

        Returns
        -------
        Tensor of shape (n_samples, n_outputs)
        """
        pooled = mean_scores(raw, self._target_type)
        temperature = getattr(self, "temperature_", 1.0) if temperature is None else temperature
        return pooled if temperature == 1.0 else pooled / temperature

    def _validation_scores(self, raw, target, weight, criterion):
        """One score for each member: accuracy, or minus the loss."""
        if self.scoring == "log_loss":
            loss = criterion(raw.flatten(0, 1), target.flatten(0, 1)).unflatten(0, raw.shape[:2])
            return -_row_means(loss, weight).cpu()
        if self._target_type == "multiclass":
            right = raw.argmax(2) == target
        else:
            right = ((raw > 0) == (target > 0.5)).all(2)
        return _row_means(right.to(raw.dtype), weight).cpu()

    def _steadied(self, scores, raw, target, weight):
        """Accuracy less the Brier score (Brier, 1950): with a thousand held-out rows the best of
        200 accuracies is mostly luck, which the Brier score sees through."""
        if self.scoring != "accuracy":
            return scores
        if self._target_type == "multiclass":
            proba = torch.softmax(raw, 2)
            known = proba.gather(2, target.unsqueeze(2)).squeeze(2)
            brier = proba.square().sum(2) - 2 * known + 1
        else:
            brier = 2 * (torch.sigmoid(raw) - target).square().mean(2)
        return scores - _row_means(brier, weight).cpu()

    def _without_held_out(self):
        return {"temperature_": 1.0}

    def _from_held_out(self, raw, target, weight, everyone):
        if not self.calibrate:
            return {"temperature_": 1.0}
        pooled = self._pool(raw, temperature=1.0).double()
        loss = type(self._make_loss())()  # without label smoothing
        target = target if self._target_type == "multiclass" else target.double()
        weight = None if weight is None else weight.double()

        def risk(log_temperature):
            return float(weighted_mean(loss(pooled / math.exp(log_temperature), target), weight))

        found = scipy.optimize.minimize_scalar(risk, bounds=(-3.0, 3.0), method="bounded").x
        if everyone is not None:
            found = self._for_the_average(everyone.double(), found)
        return {"temperature_": math.exp(found)}

    def _for_the_average(self, raw, log_temperature):
        """The temperature for all networks, from that of one of them.

        A row is held out by one network, while predictions are averages of all, and these are
        softer: an average of calibrated networks is not sure enough (Rahaman and Thiery, NeurIPS
        2021). It is given the temperature at which it is as sure, on the mean, as each network is
        at its own.

        Parameters
        ----------
        raw : Tensor of shape (n_samples, n_networks, n_members, n_outputs)
        log_temperature : float
        """
        parts = self._pool(raw.flatten(0, 1), temperature=1.0)
        pooled = self._pool(raw.flatten(1, 2), temperature=1.0)
        aim = self._entropy(parts / math.exp(log_temperature))

        def gap(log_temperature):
            return self._entropy(pooled / math.exp(log_temperature)) - aim

        if gap(-6.0) > 0 or gap(6.0) < 0:  # all rows are certain, or none is
            return log_temperature
        return scipy.optimize.brentq(gap, -6.0, 6.0, xtol=1e-6)

    def _entropy(self, raw):
        """Mean entropy of the probabilities that belong to scores."""
        if self._target_type == "multiclass":
            log_proba = torch.log_softmax(raw, 1)
            return -float((log_proba.exp() * log_proba).sum(1).mean())
        log_sigmoid = torch.nn.functional.logsigmoid
        terms = (torch.sigmoid(x) * log_sigmoid(x) for x in (raw, -raw))
        return -float(sum(terms).mean())


class TableRegressor(DeepRegressor):
    """Regressors that average their members; targets are standardised inside."""

    _target_scaling = "standardise"

    def _pool(self, raw, temperature=None):
        """Mean over members of (n_samples, n_members, n_outputs)."""
        return raw.mean(1)

    def _validation_scores(self, raw, target, weight, criterion):
        """One score for each member: R^2 for the squared error, else minus the loss."""
        loss = criterion(raw.flatten(0, 1), target.flatten(0, 1)).unflatten(0, raw.shape[:2])
        loss = _row_means(loss, weight)
        if self.loss == "squared_error":
            spread = _row_means((target - target.mean(1, keepdim=True)).square().sum(2), weight)
            return (1 - 2 * loss / spread.clamp(min=1e-12)).cpu()
        return -loss.cpu()

    def _without_held_out(self):
        return {"_residuals": None}

    def _from_held_out(self, raw, target, weight, everyone):
        """Sizes of the errors for held-out rows, sorted, at most 2,000 of them."""
        error = (self._pool(raw) - target).abs().cpu().double().numpy() * self._target_scale
        error.sort(axis=0)
        if len(error) > _MOST_RESIDUALS:
            places = np.linspace(0, len(error) - 1, _MOST_RESIDUALS)
            error = error[np.ceil(places).astype(int)]  # upwards: intervals do not get too short
        return {"_residuals": error}

    def predict_interval(self, X, coverage=0.9):
        """Predict intervals that hold the target with a given probability.

        Split-conformal intervals (Papadopoulos et al., 2002; Lei et al., 2018): the prediction
        plus and minus a quantile of the errors for the rows that training held out. The
        probability is over rows like those of `fit`, not given X: the width is the same
        everywhere. Where members held out different rows, each row's error is that of the
        members which have not seen it; their mean is mostly better, and the intervals a little
        too wide. The best epoch was chosen by the same rows.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            The rows to predict for.

        coverage : float, default=0.9
            Wanted probability, in (0, 1).

        Returns
        -------
        interval : ndarray of shape (n_samples, 2) or (n_samples, n_outputs, 2)
            Lower and upper ends. They are infinite where there were too few held-out rows for
            the coverage.

        Raises
        ------
        ValueError
            If `coverage` is out of range, or no rows were held out.
        """
        check_is_fitted(self)
        if not isinstance(coverage, Real) or not 0 < coverage < 1:
            raise ValueError(f"coverage must be in (0, 1), got {coverage!r}.")
        if self._residuals is None:
            raise ValueError(
                "predict_interval needs rows that training held out: fit with early_stopping=True "
                "on more rows, or with X_val and y_val."
            )
        n = len(self._residuals)
        rank = math.ceil((n + 1) * coverage)
        half = self._residuals[rank - 1] if rank <= n else np.full_like(self._residuals[0], np.inf)
        predicted = self.predict(X)
        half = half[0] if self.n_outputs_ == 1 else half
        return np.stack([predicted - half, predicted + half], axis=-1)


def _row_means(values, weight):
    """Mean over rows of (n_members, n_rows)."""
    if weight is None:
        return values.mean(1)
    return (values * weight).sum(1) / weight.sum(1)
