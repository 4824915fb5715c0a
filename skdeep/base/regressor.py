"""Base of regressors: targets of the loss, and predictions from raw scores.

`DeepRegressor` stands left of `DeepEstimator` in the bases of an estimator.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from sklearn.base import RegressorMixin
from sklearn.metrics import d2_absolute_error_score, d2_pinball_score, r2_score
from sklearn.utils import Tags
from torch import Tensor, nn

from skdeep import losses
from skdeep._compat import reports_mean_over_outputs
from skdeep.base.disk import in_memory, piece_by_piece
from skdeep.base.target_scale import (
    TargetScale,
    check_single,
    check_size,
    largest,
    standardised,
)
from skdeep.data.batches import to_tensor
from skdeep.inputs.rows import one_column
from skdeep.inputs.weights import scored_against

_ROBUST_LOSSES = ("absolute_error", "huber")  # R2 would be a matter of the outliers alone


class DeepRegressor(RegressorMixin):
    """Target methods of regressors, with one or several outputs."""

    n_outputs_: int
    out_activation_: str

    _target_is_numeric = True
    _target_scaling: str | None
    """How the network sees targets: None (as they are), 'standardise' or 'bounded' (the same, with
    predictions kept in the range of the targets of `fit`). The loss 'poisson' sees them as they
    are."""
    _target_center: Any = 0.0
    _target_scale: Any = 1.0
    _target_range: Any = None
    _needs_double = False

    def _encode_target(self, y: Any, resumed: bool, incremental: bool) -> np.ndarray:
        y = one_column(y)
        self._check_range(y)
        n_outputs = 1 if y.ndim == 1 else y.shape[1]
        if resumed and n_outputs != self.n_outputs_:
            raise ValueError(
                f"y has {n_outputs} outputs, but this {type(self).__name__} was fitted with "
                f"{self.n_outputs_}."
            )
        self.n_outputs_ = n_outputs
        self.out_activation_ = "exp" if self.loss == "poisson" else "identity"
        return y

    def _encode_known_target(self, y: Any, name: str) -> np.ndarray:
        y = one_column(y)
        self._check_range(y, name)
        n_outputs = 1 if y.ndim == 1 else y.shape[1]
        if n_outputs != self.n_outputs_:
            raise ValueError(f"{name} has {n_outputs} outputs, but y has {self.n_outputs_}.")
        return y

    def _check_range(self, y: Any, name: str = "y") -> None:
        if self.loss == "poisson" and (y < 0).any():
            raise ValueError(
                f"Some value(s) of {name} are out of the valid range of the loss 'poisson': "
                f"{name} must not be negative."
            )
        check_size(y, name, scaled=self._target_scaling is not None)

    def _learn_target_scale(self, target: Any, weight: np.ndarray | None) -> None:
        """Remember the scale of targets for the network."""
        if self._target_scaling is None:
            return
        found = standardised(target, weight)
        if self.loss == "poisson":
            found = found._replace(center=0.0, scale=1.0)
        self._target_center, self._target_scale = found.center, found.scale
        self._target_range, self._needs_double = found.limits, found.needs_double

    @property
    def _units(self) -> TargetScale | None:
        """The `TargetScale`, or None where targets are not scaled."""
        if self._target_scaling is None:
            return None
        # A window is there to predict levels that fit has not seen.
        has_window = getattr(self, "instance_norm", None) or getattr(self, "linear_skip", False)
        clips = self._target_scaling == "bounded" and not has_window
        limits = self._target_range if clips else None
        return TargetScale(self._target_center, self._target_scale, limits, self._needs_double)

    def _target_tensor(self, target: Any, dtype: torch.dtype, device: torch.device) -> Tensor:
        units = self._units
        target = target if units is None else units.into(target)
        if dtype == torch.float32:
            check_single(target, squared=self.loss == "squared_error")
        return to_tensor(target, dtype, device).reshape(len(target), -1)

    def _stratify_by(self, target: Any) -> None:
        return None

    def _times_class_weight(
        self, target: Any, weight: np.ndarray | None, incremental: bool
    ) -> np.ndarray | None:
        return weight

    def _make_loss(self) -> nn.Module:
        if self.loss == "huber":
            return losses.Huber(self.huber_delta / self._target_scale)
        if self.loss == "quantile":
            return losses.Quantile(float(self.quantile))
        return {
            "squared_error": losses.SquaredError,
            "absolute_error": losses.AbsoluteError,
            "poisson": losses.Poisson,
        }[self.loss]()

    def _reported_share(self) -> float:
        # scikit-learn minimises the sum over outputs and may report the mean, not for Poisson.
        if self.n_outputs_ == 1 or self.loss == "poisson" or not reports_mean_over_outputs():
            return 1.0
        return 1.0 / self.n_outputs_

    def _target_too_large(self, target: Any) -> str | None:
        scaled = self._target_scaling is not None and self.loss != "poisson"
        if scaled or largest(target) <= 1e3:
            return None
        return (
            f"y holds values up to {largest(target):.3g}: scale it, with "
            "TransformedTargetRegressor for example"
        )

    def _decode(self, raw: Tensor) -> np.ndarray:
        if self.out_activation_ == "exp":
            raw = raw.exp().clamp(max=torch.finfo(raw.dtype).max)
        predicted = raw.cpu().numpy()
        predicted = predicted[:, 0] if self.n_outputs_ == 1 else predicted
        units = self._units
        return predicted if units is None else units.predictions(predicted)

    def _score_of(self, raw: Tensor, chosen: Tensor) -> Tensor:
        """The raw score of each row's chosen output."""
        return raw.gather(1, chosen[:, None])

    def _predicted_outputs(self, raw: Tensor) -> Tensor:
        """The output of each row that `explain` is about if none is given: the first."""
        return torch.zeros(len(raw), dtype=torch.int64, device=raw.device)

    def _output_units(self, chosen: np.ndarray) -> Any:
        """What a unit of the raw outputs is in units of targets, (n_samples, 1)."""
        units = self._units
        if units is None:
            return 1.0
        return np.broadcast_to(units.scale, (self.n_outputs_,))[chosen][:, None]

    def _output_numbers(self, y: Any) -> np.ndarray:
        last = self.n_outputs_ - 1
        if y.dtype.kind not in "iu" or y.min(initial=0) < 0 or y.max(initial=0) > last:
            raise ValueError(
                f"y={y!r}: expected the number of an output for each row, integers in [0, {last}]."
            )
        return y

    def _score_raw(self, raw: Tensor, target: np.ndarray, weight: np.ndarray | None) -> float:
        units, predicted = self._units, self._decode(raw)
        target = target if units is None else units.back(target)
        if not np.isfinite(predicted).all():
            return float("nan")
        if self.loss == "quantile":
            score = functools.partial(d2_pinball_score, alpha=self.quantile)
        else:
            score = d2_absolute_error_score if self.loss in _ROBUST_LOSSES else r2_score
        with np.errstate(over="ignore", invalid="ignore"):  # of a training that diverges
            return float(score(target, predicted, sample_weight=weight))

    @piece_by_piece
    def predict(self, X: Any) -> np.ndarray:
        """Predict the target of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features)
            The rows to predict for.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predicted values, in the precision of the network, or in double precision where
            that would be too coarse for targets far from zero.
        """
        return self._decode(self._predict_raw(X))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Coefficient of determination, R2, of the predictions.

        Parameters
        ----------
        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features)
            The rows.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Their weights.

        Returns
        -------
        r2 : float
            NaN, with a warning, of a single row.
        """
        y, sample_weight = in_memory(X, y, sample_weight)
        y, sample_weight = scored_against(y, sample_weight, numeric=True)
        with np.errstate(over="ignore", invalid="ignore"):
            score = super().score(X, y, sample_weight)
        if np.isinf(score) or (np.isnan(score) and len(y) > 1):
            raise ValueError(
                f"R2 is not finite: y, up to {np.abs(y).max():.3g}, or its distance from the "
                "predictions overflows when squared."
            )
        return score

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
