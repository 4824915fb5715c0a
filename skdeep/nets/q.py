"""Networks that give a value to each action."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from skdeep.nets.blocks import Linear, MLPNet
from skdeep.nets.conv import Standardize, channels_last
from skdeep.nets.trunks import LeNet

if TYPE_CHECKING:
    from skdeep.nets.blocks import Shape


class ImageValues(nn.Module):
    """Convolutions, dense layers and a linear layer, without normalisation over the batch: the
    network of Mnih et al. (2015) for images of any size.

    Parameters
    ----------
    shape : tuple
        (n_channels, height, width).
    n_actions : int
    hidden_layer_sizes, n_filters : sequence of int
    activation : str
        A key of `skdeep.nets.blocks.ACTIVATIONS`.

    Examples
    --------
    >>> import torch
    >>> from skdeep.nets.q import ImageValues
    >>> ImageValues((1, 8, 8), 3, (16,), (4, 8), "relu")(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 3])
    """

    def __init__(
        self,
        shape: Shape,
        n_actions: int,
        hidden_layer_sizes: Sequence[int],
        n_filters: Sequence[int],
        activation: str,
    ) -> None:
        super().__init__()
        self.trunk = LeNet(
            shape,
            n_filters,
            kernel_size=3,
            activation=activation,
            hidden_layer_sizes=hidden_layer_sizes,
        )
        self.head = Linear(self.trunk.width, n_actions)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.trunk(channels_last(x)))


class QNet(nn.Module):
    """Values of actions from observations that are standardised inside.

    `body` computes with standardised observations and values in units of `unit`.

    Parameters
    ----------
    shape : tuple of int
        Of an observation: (n_features,), or (n_channels, height, width).
    n_actions : int
    hidden_layer_sizes : sequence of int
    activation : str, default='relu'
    n_filters : sequence of int, default=(16, 32)
        Of the convolutions, for images.

    Shapes
    ------
    x : (n_samples, *shape); returns (n_samples, n_actions).

    Examples
    --------
    >>> import torch
    >>> from skdeep.nets.q import QNet
    >>> QNet((4,), 2, (8,))(torch.zeros(3, 4)).shape
    torch.Size([3, 2])
    """

    unit: Tensor

    def __init__(
        self,
        shape: Shape,
        n_actions: int,
        hidden_layer_sizes: Sequence[int],
        activation: str = "relu",
        n_filters: Sequence[int] = (16, 32),
    ) -> None:
        super().__init__()
        hidden, filters = tuple(hidden_layer_sizes), tuple(n_filters)
        self.config = {
            "shape": tuple(shape),
            "n_actions": n_actions,
            "hidden_layer_sizes": hidden,
            "activation": activation,
            "n_filters": filters,
        }
        self.hidden_layer_sizes = list(hidden)
        self.scale = Standardize(shape[0])
        self.body: nn.Module
        if len(shape) == 1:
            self.body = MLPNet((shape[0], *hidden, n_actions), activation)
        else:
            self.body = ImageValues(shape, n_actions, hidden, filters, activation)
        self.register_buffer("unit", torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(self.scale(x)) * self.unit
