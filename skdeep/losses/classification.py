"""Losses of classifiers, from raw scores (before softmax or sigmoid)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from skdeep.losses.base import Loss


class CrossEntropy(Loss):
    """Negative log-likelihood of a softmax, for one label out of several.

    With label smoothing s over K classes the target is ``1 - s + s / K`` for the label and
    ``s / K`` for the others (Szegedy et al., 2016, "Rethinking the Inception architecture").

    Parameters
    ----------
    label_smoothing : float in [0, 1], default=0.0

    Shapes
    ------
    raw : (n_samples, n_classes); target : (n_samples,), int64 class numbers; returns (n_samples,).
    """

    def __init__(self, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.label_smoothing = label_smoothing

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(raw, target, reduction="none", label_smoothing=self.label_smoothing)

    def with_gradient(self, raw: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The losses and their derivatives by `raw`: softmax minus target distribution.

        A softmax over few columns is several times faster along the first axis; `raw` as the
        transpose of a contiguous matrix takes that road.
        """
        s, n_classes = self.label_smoothing, raw.shape[1]
        axis = 0 if raw.stride(0) == 1 else 1
        scores = raw if axis else raw.t()
        logp = torch.log_softmax(scores, axis)
        elements = F.nll_loss(logp if axis else logp.t(), target, reduction="none")
        if s:
            elements = elements.mul_(1 - s).sub_(logp.mean(axis), alpha=s)
        gradient = logp.exp_()
        if s:
            gradient.sub_(s / n_classes)
        gradient.scatter_(axis, target.unsqueeze(axis), s - 1, reduce="add")
        return elements, gradient if axis else gradient.t()


class BinaryCrossEntropy(Loss):
    """Negative log-likelihood of sigmoids, summed over the columns of `raw`.

    One column for two classes, several for multilabel targets. Label smoothing s turns targets
    0 and 1 into ``s / 2`` and ``1 - s / 2``.

    Parameters
    ----------
    label_smoothing : float in [0, 1], default=0.0

    Shapes
    ------
    raw, target : (n_samples, n_outputs), target in [0, 1]; returns (n_samples,).
    """

    def __init__(self, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.label_smoothing = label_smoothing

    def _smooth(self, target: Tensor) -> Tensor:
        s = self.label_smoothing
        return target * (1 - s) + s / 2 if s else target

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        target = self._smooth(target)
        return F.binary_cross_entropy_with_logits(raw, target, reduction="none").sum(1)

    def with_gradient(self, raw: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The losses and their derivatives by `raw`: sigmoid minus target."""
        target = self._smooth(target)
        elements = F.binary_cross_entropy_with_logits(raw, target, reduction="none").sum(1)
        return elements, torch.sigmoid(raw).sub_(target)


def mean_scores(raw: torch.Tensor, target_type: str) -> torch.Tensor:
    """Raw scores whose probabilities are the mean of those of several networks.

    Parameters
    ----------
    raw : Tensor of shape (n_samples, n_members, n_outputs)
    target_type : {'multiclass', 'binary', 'multilabel-indicator'}

    Returns
    -------
    Tensor of shape (n_samples, n_outputs)
        Logarithms of probabilities, for two classes and for labels log odds.
    """
    if target_type == "multiclass":
        return torch.log_softmax(raw, 2).logsumexp(1) - math.log(raw.shape[1])
    if raw.shape[1] == 1:
        return raw[:, 0]
    log_sigmoid = torch.nn.functional.logsigmoid
    return log_sigmoid(raw).logsumexp(1) - log_sigmoid(-raw).logsumexp(1)
