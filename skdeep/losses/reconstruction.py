"""Losses of networks that reconstruct their input."""

from skdeep.losses.base import Loss


class MaskedSquaredError(Loss):
    """Mean squared error of the values that were hidden, for each row.

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

    def forward(self, raw, target):
        prediction, mask = (part.flatten(0, 1) for part in raw)
        errors = (prediction - target.nan_to_num()).square() * mask
        return errors.sum(1) / mask.sum(1).clamp(min=1)
