"""Attribution of predictions to the values of X, for networks that read arrays or sequences."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from skdeep.data.pieces import pieces
from skdeep.inputs.rows import to_host


def saliency(self: Any, X: Any, y: Any = None) -> Any:
    """Return how much each number of X contributes to the prediction: gradient times input.

    The gradient of the raw score (of the predicted class, or of `y`; of several networks the
    logarithm of their mean probability; of a regressor the prediction, in the units of its target)
    by each number, times that number less the mean of its channel in `fit` (Shrikumar et al.,
    2017): what the score would lose, to first order, if the number were the mean. Of a token it is
    the sum over its embedding, of which 0 takes the mean's place.

    Parameters
    ----------
    X : array-like, Tensor or list of array-like
        Rows like those of `fit`.

    y : array-like of shape (n_samples,), default=None
        Classes whose score is meant (numbers of outputs, for a regressor); None stands for the
        predicted ones (the first output).

    Returns
    -------
    saliency : ndarray of the shape of X, or list of ndarray
        0 where X is padded.
    """
    check_is_fitted(self)
    module = self.net_.module_
    checked, x = self._placed(X)
    chosen = outputs_meant(self, y, x.shape[0])
    out: list[Any] = [None] * x.shape[0]
    for rows in pieces(module, x):
        rows = rows.to(x.device)
        part = None if chosen is None else chosen[rows.cpu()].to(x.device)
        values, lengths = _gradient_times_input(self, module, x[rows], part)
        values = to_host(self._only_finite(values, checked))
        for i, row in enumerate(rows.tolist()):
            out[row] = values[i] if lengths is None else values[i, :, : lengths[i]]
    return self._input.give_back(X, checked, out)


def outputs_meant(estimator: Any, y: Any, n_samples: int) -> Tensor | None:
    """Output of each row to attribute, None for the default."""
    if y is None:
        return None
    y = column_or_1d(to_host(y))
    check_consistent_length(np.empty((n_samples, 0)), y)
    return torch.as_tensor(estimator._output_numbers(y))


def _gradient_times_input(
    estimator: Any, module: nn.Module, x: Any, chosen: Tensor | None
) -> tuple[Tensor, list[int] | None]:
    """Gradient times input of some rows, with channels first, and their lengths, if any."""
    with torch.enable_grad():
        inner, score = estimator._scored_input(module, x)
        inner = inner.detach().requires_grad_()
        raw = score(inner)
        whose = estimator._predicted_outputs(raw) if chosen is None else chosen
        units = torch.as_tensor(estimator._output_units(whose.cpu().numpy())).to(raw).flatten()
        total = (units * estimator._score_of(raw, whose).flatten()).sum()
        (gradient,) = torch.autograd.grad(total, inner)
    return gradient * inner.detach(), x[1].tolist() if isinstance(x, tuple) else None
