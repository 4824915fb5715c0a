"""Multi-layer perceptrons."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from skdeep.nets.blocks import (
    ACTIVATIONS,
    NORMALIZATIONS,
    Dropout,
    GaussianNoise,
    Linear,
    activate,
    layers,
)


class MLPNet(nn.Module):
    """Linear layers with an activation after each but the last.

    The order within a hidden layer is linear, normalisation, activation, dropout.

    Parameters
    ----------
    layer_units : tuple of int
        Width of the input, of each hidden layer and of the output.
    activation : str, default='relu'
        A key of `skdeep.nets.blocks.ACTIVATIONS`.
    dropout : float in [0, 1), default=0.0
        Share of hidden units that a training step leaves out.
    normalization : {None, 'batch', 'layer'}, default=None
    input_noise : float >= 0, default=0.0
        Standard deviation of Gaussian noise added to the input in training.

    Shapes
    ------
    x : (n_samples, layer_units[0]), dense or sparse COO; returns the raw scores,
    (n_samples, layer_units[-1]).

    Examples
    --------
    >>> import torch
    >>> from skdeep.nets.mlp import MLPNet
    >>> MLPNet((4, 8, 3))(torch.zeros(2, 4)).shape
    torch.Size([2, 3])
    """

    def __init__(
        self,
        layer_units: Sequence[int],
        activation: str = "relu",
        dropout: float = 0.0,
        normalization: str | None = None,
        input_noise: float = 0.0,
    ) -> None:
        super().__init__()
        self.config = {
            "layer_units": tuple(int(n) for n in layer_units),
            "activation": activation,
            "dropout": float(dropout),
            "normalization": normalization,
            "input_noise": float(input_noise),
        }
        self.activation = activation
        self.is_plain = not (dropout or normalization or input_noise)
        self.linears = layers(Linear(n_in, n_out) for n_in, n_out in pairwise(layer_units))
        self.noise = GaussianNoise(input_noise) if input_noise else None
        self.hidden = nn.ModuleList(
            _after_linear(width, activation, dropout, normalization) for width in layer_units[1:-1]
        )

    def forward(self, x: Tensor) -> Tensor:
        if self.noise is not None:
            x = self.noise(x)
        for linear, rest in zip(self.linears, self.hidden):
            x = activate(rest, linear(x), linear)
        return self.linears[-1](x)


def _after_linear(
    width: int, activation: str, dropout: float, normalization: str | None
) -> nn.Module:
    parts = [NORMALIZATIONS[normalization](width)] if normalization else []
    parts.append(ACTIVATIONS[activation]())
    if dropout:
        parts.append(Dropout(dropout))
    return nn.Sequential(*parts) if len(parts) > 1 else parts[0]
