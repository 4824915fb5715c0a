"""Linear model on the features of kernels, and its mixture with a network.

The model is a ridge regression on standardised features, whose penalty is chosen by the errors of
leave-one-out in closed form (scikit-learn's `RidgeCV`). Scores of classes are sharpened by a factor
that the leave-one-out scores determine, because those of the training rows are too good.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from sklearn.linear_model import RidgeCV
from torch import Tensor
from torch.nn import functional as F

ALPHAS = np.logspace(-5, 1, 10)
"""Penalties over the number of features: those of MiniRocket (Dempster et al., 2021), 1e-3 to 1e3,
are for some 10,000."""
SHARPNESS = (-3.0, 7.0)
"""Range of the logarithm of the factor of scores."""
PRIOR_WEIGHT = 0.5
"""Weight of the linear model where no rows were held out from the network."""
PRIOR_ROWS = 10.0
"""Held-out rows whose evidence the prior weight is worth."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A fitted linear model.

    Attributes
    ----------
    state : dict
        'mean' and 'scale' of the features, 'coef', 'intercept' and 'sharpness'.
    left_out : ndarray of shape (n_samples, n_outputs)
        Score of each row from a model of the others.
    """

    state: dict[str, Any]
    left_out: np.ndarray


def fit_head(
    features: np.ndarray, target: np.ndarray, weight: np.ndarray | None, activation: str
) -> Fit:
    """Fit the linear model.

    Parameters
    ----------
    features : ndarray of shape (n_samples, n_features)
    target : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Numbers of classes, rows of 0 and 1, or numbers.
    weight : ndarray of shape (n_samples,) or None
    activation : {'softmax', 'logistic', 'identity'}
        What makes predictions of scores.

    Returns
    -------
    Fit
    """
    mean = features.mean(0, dtype=np.float64)
    scale = 1 / (math.sqrt(features.shape[1]) * _spread(features))
    wanted = target.reshape(len(target), -1).astype(np.float64)
    if activation == "softmax":
        wanted = 2.0 * (target[:, None] == np.arange(target.max() + 1)) - 1
    elif activation == "logistic":
        wanted = 2 * wanted - 1
    long = features.shape[0] > features.shape[1]
    ridge = RidgeCV(
        ALPHAS,
        scoring="neg_mean_squared_error",  # for the predictions, not only their errors
        store_cv_results=True,
        gcv_mode="svd" if long else None,
    )
    ridge.fit((features - mean) * scale, wanted, sample_weight=weight)
    chosen = int(np.abs(ALPHAS - ridge.alpha_).argmin())
    left_out = np.reshape(ridge.cv_results_[..., chosen], wanted.shape)
    sharpness = 1.0
    if activation != "identity":
        sharpness = _sharpness(left_out, target, weight, activation)
    state = {
        "mean": mean.astype(np.float32),
        "scale": scale.astype(np.float32),
        "coef": (sharpness * ridge.coef_.reshape(wanted.shape[1], -1)).astype(np.float32),
        "intercept": (sharpness * np.ravel(ridge.intercept_)).astype(np.float32),
        "sharpness": sharpness,
    }
    return Fit(state=state, left_out=left_out * sharpness)


def _spread(features: np.ndarray) -> np.ndarray:
    """Standard deviation of each feature, raised for those that are mostly 0: a rare value would be
    very far from the others (Dempster et al., 2023)."""
    rare = (features == 0).mean(0, dtype=np.float64) ** 4
    return features.std(0, dtype=np.float64) + rare + 1e-8


def _sharpness(
    scores: np.ndarray, target: np.ndarray, weight: np.ndarray | None, activation: str
) -> float:
    """Factor of scores that gives the smallest log loss.

    Targets are 0 and 1 with Platt's correction for the number of rows (1999), without which scores
    that separate the classes would have an infinite factor.
    """
    raw, wanted = torch.as_tensor(scores), torch.as_tensor(target)
    rows = torch.ones(len(raw)) if weight is None else torch.as_tensor(weight)
    rows = rows.to(raw.dtype) / rows.sum()
    right = (len(raw) + 1) / (len(raw) + 2)

    def loss(power: float) -> float:
        sharp = raw * math.exp(power)
        if activation == "softmax":
            log = F.log_softmax(sharp, 1)
            hit = log.gather(1, wanted[:, None])[:, 0]
            others = (log.sum(1) - hit) / max(log.shape[1] - 1, 1)
            each = right * hit + (1 - right) * others
        else:
            ones = wanted.reshape(raw.shape).to(raw.dtype)
            share = ones * right + (1 - ones) * (1 - right)
            each = (share * F.logsigmoid(sharp) + (1 - share) * F.logsigmoid(-sharp)).mean(1)
        return -float((each * rows).sum())

    return math.exp(minimize_scalar(loss, bounds=SHARPNESS, method="bounded").x)


def head_scores(state: dict[str, Any], features: np.ndarray) -> np.ndarray:
    """Scores of the linear model, (n_samples, n_outputs)."""
    standardised = (features - state["mean"]) * state["scale"]
    return standardised @ state["coef"].T + state["intercept"]


def mixed(raw: Tensor, scores: Tensor, weight: float, activation: str) -> Tensor:
    """Raw scores of the mean of two predictions.

    Parameters
    ----------
    raw, scores : Tensor of shape (n_samples, n_outputs)
        Of the network, and of the linear model.
    weight : float in (0, 1)
        Of the linear model; that of the network is 1 less it.
    activation : {'softmax', 'logistic', 'identity'}
        Means are those of probabilities, or of numbers.

    Returns
    -------
    Tensor of the shape of `raw`

    Examples
    --------
    >>> import torch
    >>> from skdeep.kernels.head import mixed
    >>> raw, scores = torch.zeros(1, 2), torch.tensor([[0.8, 0.2]]).log()
    >>> mixed(raw, scores, 0.5, "softmax").softmax(1)
    tensor([[0.6500, 0.3500]])
    """
    if activation == "identity":
        return weight * scores + (1 - weight) * raw
    logs = math.log(weight), math.log(1 - weight)

    def mean(of: Any, sign: float = 1.0) -> Tensor:
        return torch.logaddexp(of(sign * scores) + logs[0], of(sign * raw) + logs[1])

    if activation == "softmax":
        return mean(lambda x: F.log_softmax(x, 1))
    return mean(F.logsigmoid) - mean(F.logsigmoid, -1.0)


def choose_weight(
    raw: Tensor, scores: Tensor, target: Tensor, weight: Tensor | None, activation: str
) -> float:
    """Weight of the linear model that predicts held-out rows best.

    The likelihood of the rows is multiplied by a beta distribution around `PRIOR_WEIGHT`, worth
    `PRIOR_ROWS` rows; the errors of numbers are taken as normal.

    Parameters
    ----------
    raw, scores : Tensor of shape (n_samples, n_outputs)
    target : Tensor
        Of the loss.
    weight : Tensor of shape (n_samples,) or None
    activation : {'softmax', 'logistic', 'identity'}

    Returns
    -------
    float
        Between 0.05 and 0.95.
    """
    rows = torch.ones(len(raw), device=raw.device) if weight is None else weight
    rows = rows.to(raw.dtype) * (len(raw) / rows.sum())

    def evidence(share: float) -> float:
        out = mixed(raw, scores, share, activation)
        if activation == "softmax":
            each = -F.cross_entropy(out, target, reduction="none")
            found = float((each * rows).sum())
        elif activation == "logistic":
            each = -F.binary_cross_entropy_with_logits(out, target, reduction="none").mean(1)
            found = float((each * rows).sum())
        else:
            error = float(((out - target).square().mean(1) * rows).mean())
            found = -0.5 * len(raw) * math.log(error + 1e-12)
        return found + PRIOR_ROWS * PRIOR_WEIGHT * math.log(share * (1 - share))

    return float(max(np.linspace(0.05, 0.95, 19), key=evidence))
