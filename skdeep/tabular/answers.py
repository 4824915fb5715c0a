"""Combining the scores of members: averages, scores of epochs, calibration, intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import scipy.optimize
import torch
from sklearn.utils.validation import check_is_fitted

from skdeep.losses import mean_scores, weighted_mean

_MOST_RESIDUALS = 2000
MOST_COMPARED = 4000
"""Rows that show how much softer an average is than its parts."""


@dataclass(frozen=True)
class ClassAnswers:
    """Classifiers, which average the probabilities of their members.

    Attributes
    ----------
    target_type : {'multiclass', 'binary', 'multilabel-indicator'}
    scoring : {'accuracy', 'log_loss'}
        What the best epoch is chosen by.
    calibrate : bool
        Whether held-out rows set the temperature.
    """

    target_type: str
    scoring: str
    calibrate: bool

    @property
    def is_multiclass(self) -> bool:
        """Whether each row has one of several classes."""
        return self.target_type == "multiclass"

    def mean(self, raw: torch.Tensor) -> torch.Tensor:
        """Logarithms of averaged probabilities (log odds for two classes and for labels).

        Parameters
        ----------
        raw : Tensor of shape (n_samples, n_members, n_outputs)

        Returns
        -------
        Tensor of shape (n_samples, n_outputs)
        """
        return mean_scores(raw, self.target_type)

    def scores(self, raw: torch.Tensor, target: Any, weight: Any, criterion: Any) -> torch.Tensor:
        """One score for each network: accuracy, or minus the loss.

        Parameters
        ----------
        raw : Tensor of shape (n_networks, n_samples, n_outputs)
        target : Tensor of shape (n_networks, n_samples, ...)
        weight : Tensor of shape (n_networks, n_samples), or None
        criterion : callable
        """
        if self.scoring == "log_loss":
            loss = criterion(raw.flatten(0, 1), target.flatten(0, 1)).unflatten(0, raw.shape[:2])
            return -_row_means(loss, weight).cpu()
        if self.is_multiclass:
            right = raw.argmax(2) == target
        else:
            right = ((raw > 0) == (target > 0.5)).all(2)
        return _row_means(right.to(raw.dtype), weight).cpu()

    def smooth(self, scores: Any, raw: torch.Tensor, target: Any, weight: Any) -> torch.Tensor:
        """Scores that choose an epoch: accuracy minus the Brier score (Brier, 1950), since with a
        thousand held-out rows the best of 200 accuracies is mostly chance."""
        if self.scoring != "accuracy":
            return scores
        if self.is_multiclass:
            proba = torch.softmax(raw, 2)
            known = proba.gather(2, target.unsqueeze(2)).squeeze(2)
            brier = proba.square().sum(2) - 2 * known + 1
        else:
            brier = 2 * (torch.sigmoid(raw) - target).square().mean(2)
        return scores - _row_means(brier, weight).cpu()

    def without_held_out(self) -> dict[str, Any]:
        """Fitted attributes where no rows were held out."""
        return {"temperature_": 1.0}

    def from_held_out(
        self,
        raw: torch.Tensor,
        target: Any,
        weight: Any,
        criterion: Any,
        everyone: torch.Tensor | None,
    ) -> dict[str, Any]:
        """Fitted attributes computed from predictions for held-out rows.

        Parameters
        ----------
        raw : Tensor of shape (n_samples, n_members, n_outputs)
            Of members that have not seen the rows.
        target, weight : Tensor, or None
        criterion : torch.nn.Module
            The loss of training.
        everyone : Tensor of shape (n_rows, n_networks, n_members, n_outputs), or None
            Scores of all networks, where each held out rows of its own.
        """
        if not self.calibrate:
            return self.without_held_out()
        pooled = self.mean(raw).double()
        loss = type(criterion)()  # without label smoothing
        target = target if self.is_multiclass else target.double()
        weight = None if weight is None else weight.double()

        def risk(log_temperature: float) -> float:
            return float(weighted_mean(loss(pooled / math.exp(log_temperature), target), weight))

        found = scipy.optimize.minimize_scalar(risk, bounds=(-3.0, 3.0), method="bounded").x
        if everyone is not None:
            found = self._for_the_average(everyone.double(), found)
        return {"temperature_": math.exp(found)}

    def _for_the_average(self, raw: torch.Tensor, log_temperature: float) -> float:
        """Temperature of the ensemble, from that of one of its networks.

        A row is held out by one network, while predictions are averages of all, and these are
        softer: an average of calibrated networks is not sure enough (Rahaman and Thiery, NeurIPS
        2021). It is given the temperature at which it is as sure, on the mean, as each network is
        at its own.

        Parameters
        ----------
        raw : Tensor of shape (n_samples, n_networks, n_members, n_outputs)
        log_temperature : float
        """
        parts, pooled = self.mean(raw.flatten(0, 1)), self.mean(raw.flatten(1, 2))
        aim = self._entropy(parts / math.exp(log_temperature))

        def gap(log_temperature: float) -> float:
            return self._entropy(pooled / math.exp(log_temperature)) - aim

        if gap(-6.0) > 0 or gap(6.0) < 0:  # all rows are certain, or none is
            return log_temperature
        return scipy.optimize.brentq(gap, -6.0, 6.0, xtol=1e-6)

    def _entropy(self, raw: torch.Tensor) -> float:
        """Mean entropy of the predicted probabilities."""
        if self.is_multiclass:
            log_proba = torch.log_softmax(raw, 1)
            return -float((log_proba.exp() * log_proba).sum(1).mean())
        log_sigmoid = torch.nn.functional.logsigmoid
        first, second = (torch.sigmoid(x) * log_sigmoid(x) for x in (raw, -raw))
        return -float((first + second).mean())


@dataclass(frozen=True)
class NumberAnswers:
    """Regressors, which average the predictions of their members.

    Attributes
    ----------
    loss : str
    scale : ndarray
        What targets are in units of, inside.
    """

    loss: str
    scale: Any

    def mean(self, raw: torch.Tensor) -> torch.Tensor:
        """Mean over members of (n_samples, n_members, n_outputs)."""
        return raw.mean(1)

    def scores(self, raw: torch.Tensor, target: Any, weight: Any, criterion: Any) -> torch.Tensor:
        """One score for each network: R^2 for the squared error, else minus the loss."""
        loss = criterion(raw.flatten(0, 1), target.flatten(0, 1)).unflatten(0, raw.shape[:2])
        loss = _row_means(loss, weight)
        if self.loss == "squared_error":
            spread = _row_means((target - target.mean(1, keepdim=True)).square().sum(2), weight)
            return (1 - 2 * loss / spread.clamp(min=1e-12)).cpu()
        return -loss.cpu()

    def smooth(self, scores: Any, raw: torch.Tensor, target: Any, weight: Any) -> torch.Tensor:
        """Scores that choose an epoch, unchanged."""
        return scores

    def without_held_out(self) -> dict[str, Any]:
        """Fitted attributes where no rows were held out."""
        return {"_residuals": None}

    def from_held_out(
        self,
        raw: torch.Tensor,
        target: Any,
        weight: Any,
        criterion: Any,
        everyone: torch.Tensor | None,
    ) -> dict[str, Any]:
        """Absolute errors on held-out rows, sorted, at most 2,000 of them."""
        error = (self.mean(raw) - target).abs().cpu().double().numpy() * self.scale
        error.sort(axis=0)
        if len(error) > _MOST_RESIDUALS:
            places = np.linspace(0, len(error) - 1, _MOST_RESIDUALS)
            error = error[np.ceil(places).astype(int)]  # upwards: intervals do not get too short
        return {"_residuals": error}


def predict_interval(self: Any, X: Any, coverage: float = 0.9) -> np.ndarray:
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
    half, predicted = half_widths(self, coverage), self.predict(X)
    half = half[0] if self.n_outputs_ == 1 else half
    return np.stack([predicted - half, predicted + half], axis=-1)


def half_widths(estimator: Any, coverage: float) -> np.ndarray:
    """Half the width of the intervals of a fitted regressor; see `predict_interval`.

    Returns
    -------
    ndarray of shape (n_outputs,)
    """
    if not isinstance(coverage, Real) or not 0 < coverage < 1:
        raise ValueError(f"coverage must be in (0, 1), got {coverage!r}.")
    residuals = estimator._residuals
    if residuals is None:
        raise ValueError(
            "predict_interval needs rows that training held out: fit with early_stopping=True "
            "on more rows, or with X_val and y_val."
        )
    n = len(residuals)
    rank = math.ceil((n + 1) * coverage)
    return residuals[rank - 1] if rank <= n else np.full_like(residuals[0], np.inf)


def _row_means(values: torch.Tensor, weight: torch.Tensor | None) -> torch.Tensor:
    """Mean over rows of (n_networks, n_rows)."""
    if weight is None:
        return values.mean(1)
    return (values * weight).sum(1) / weight.sum(1)
