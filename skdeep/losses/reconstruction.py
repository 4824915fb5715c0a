"""Losses of networks that reconstruct their input."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from skdeep.losses.base import Loss


class Reconstruction(Loss):
    """Reconstruction error, averaged over the columns, plus penalties on the code.

    Parameters
    ----------
    kind : {'squared_error', 'cross_entropy', 'mixed'}, default='squared_error'
        'cross_entropy' takes raw scores (before the sigmoid) and targets in [0, 1]; 'mixed' is
        cross-entropy for the columns in `is_binary`, squared error for the others.
    is_binary : tuple of bool, default=()
        Of each column, for 'mixed'.
    l1 : float, default=0.0
        Weight of the sum of absolute activations of the code.
    kl : float, default=0.0
        Weight of the Kullback-Leibler divergence between Bernoulli variables with the mean
        `kl_target` and with the mean activations of a batch, summed over the code (Lee et al.,
        2008; Ng, 2011).
    kl_target : float, default=0.05
    contraction : float, default=0.0
        Weight of the squared Frobenius norm of the code's derivative by the input (Rifai et al.,
        2011).

    Shapes
    ------
    raw : (n_samples, n_columns), or that with the code and the norms; target : (n_samples,
    n_columns); returns (n_samples,).
    """

    def __init__(
        self,
        kind: str = "squared_error",
        is_binary: Sequence[bool] = (),
        l1: float = 0.0,
        kl: float = 0.0,
        kl_target: float = 0.05,
        contraction: float = 0.0,
    ) -> None:
        super().__init__()
        self.kind, self.is_binary = kind, tuple(is_binary)
        self.l1, self.kl, self.kl_target, self.contraction = l1, kl, kl_target, contraction

    def forward(self, raw: Any, target: Any) -> Tensor:
        if not isinstance(raw, tuple):
            return self.elementwise(raw, target).mean(1)
        raw, code, norms = raw
        elements = self.with_sparsity(self.elementwise(raw, target).mean(1), code)
        if self.contraction:
            elements = elements + self.contraction * norms
        return elements

    def with_sparsity(self, elements: Tensor, code: Tensor) -> Tensor:
        """Errors of rows plus the sparsity penalty of their codes."""
        if self.l1:
            elements = elements + self.l1 * code.abs().sum(1)
        if self.kl:
            elements = elements + self.kl * _bernoulli_divergence(self.kl_target, code.mean(0))
        return elements

    def elementwise(self, raw: Tensor, target: Tensor) -> Tensor:
        """Error of each value."""
        if self.kind == "squared_error":
            return (raw - target).square()
        entropy = F.binary_cross_entropy_with_logits(raw, target, reduction="none")
        if self.kind == "cross_entropy":
            return entropy
        binary = torch.tensor(self.is_binary, device=raw.device)
        return torch.where(binary, entropy, (raw - target).square())


class ArrayReconstruction(Reconstruction):
    """`Reconstruction` of images and series, averaged over all values except padding.

    Shapes
    ------
    raw : what a `skdeep.nets.array_autoencoder.ArrayAutoencoder` returns: outputs and what they
    should be, both (n_samples, n_channels, ...), a mask (n_samples, 1, length) or None, and in
    training the codes (n_samples, n_units), else None; target is not used; returns (n_samples,).

    Examples
    --------
    >>> import torch
    >>> from skdeep.losses import ArrayReconstruction
    >>> raw, wanted = torch.ones(1, 2, 3), torch.zeros(1, 2, 3)
    >>> ArrayReconstruction()((raw, wanted, torch.tensor([[[1.0, 1.0, 0.0]]]), None))
    tensor([1.])
    """

    def forward(self, raw: Any, target: Any = None) -> Tensor:
        raw, wanted, mask, code = raw
        elements = self.elementwise(raw, wanted)
        if mask is None:
            elements = elements.flatten(1).mean(1)
        else:
            elements = (elements * mask).sum((1, 2)) / (raw.shape[1] * mask.sum((1, 2)))
        return elements if code is None else self.with_sparsity(elements, code)


def _bernoulli_divergence(wanted: float, mean: Tensor) -> Tensor:
    mean = mean.clamp(1e-6, 1 - 1e-6)
    parts = wanted * torch.log(wanted / mean) + (1 - wanted) * torch.log((1 - wanted) / (1 - mean))
    return parts.sum()


class MaskedSquaredError(Loss):
    """Mean squared error of the hidden values of each row.

    Shapes
    ------
    raw : (predictions, mask), both (n_members, n_samples, n_columns), the mask 1 where an error
    counts; target : (n_members * n_samples, n_columns), anything where none does;
    returns (n_members * n_samples,).

    Examples
    --------
    >>> import torch
    >>> from skdeep.losses import MaskedSquaredError
    >>> prediction, mask = torch.zeros(1, 1, 3), torch.tensor([[[1.0, 1.0, 0.0]]])
    >>> MaskedSquaredError()((prediction, mask), torch.tensor([[1.0, 3.0, 5.0]]))
    tensor([5.])
    """

    def forward(self, raw: tuple[Tensor, Tensor], target: Tensor) -> Tensor:
        prediction, mask = (part.flatten(0, 1) for part in raw)
        errors = (prediction - target.nan_to_num()).square() * mask
        return errors.sum(1) / mask.sum(1).clamp(min=1)


class EvidenceBound(Loss):
    """Negative evidence lower bound of a variational autoencoder (Kingma and Welling, 2014).

    Parameters
    ----------
    likelihood : {'gaussian', 'bernoulli'}, default='gaussian'
    beta : float, default=1.0
        Weight of the divergence between the codes' distribution and the standard normal one
        (Higgins et al., 2017).

    Shapes
    ------
    raw : outputs (n_samples, n_columns), their log variances (n_columns,), means and log variances
    of the codes (n_samples, n_components); target : (n_samples, n_columns); returns (n_samples,).
    """

    def __init__(self, likelihood: str = "gaussian", beta: float = 1.0) -> None:
        super().__init__()
        self.likelihood, self.beta = likelihood, beta

    def forward(self, raw: tuple[Tensor, Tensor, Tensor, Tensor], target: Tensor) -> Tensor:
        output, spread, mean, log_variance = raw
        if self.likelihood == "bernoulli":
            entropy = F.binary_cross_entropy_with_logits(output, target, reduction="none").sum(1)
        else:
            squares = (target - output).square() * (-spread).exp()
            entropy = 0.5 * (squares + spread + math.log(2 * math.pi)).sum(1)
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
        return entropy + self.beta * divergence
