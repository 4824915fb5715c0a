"""Generator, critic and encoder for vectors and for windows of a series.

A row is a vector of ``length * n_channels`` numbers; recurrent networks reshape it to time steps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from skdeep.nets.blocks import Linear

if TYPE_CHECKING:
    import numpy as np

_SLOPE = 0.2  # of the leaky ReLU (Radford et al., 2016)
_MOST_STEPS = 16  # of a recurrent network; longer windows are read and written in patches


class DenseStack(nn.Module):
    """Linear layers with leaky ReLUs between them.

    Shapes
    ------
    x : (n_samples, units[0]); returns (n_samples, units[-1]).
    """

    def __init__(self, units: Sequence[int]) -> None:
        super().__init__()
        self.linears = nn.ModuleList(Linear(a, b) for a, b in pairwise(units))
        self.activations = nn.ModuleList(nn.LeakyReLU(_SLOPE) for _ in units[1:-1])

    def hidden(self, x: Tensor) -> Tensor:
        """Input of the last layer, (n_samples, units[-2])."""
        for linear, activation in zip(self.linears, self.activations):
            x = activation(linear(x))
        return x

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        return self.linears[-1](self.hidden(x))


class LSTM(nn.LSTM):
    """torch's LSTM (Hochreiter and Schmidhuber, 1997), uninitialised."""

    def reset_parameters(self) -> None:
        """Leave the weights as they are."""


def _patch(length: int) -> int:
    """Number of time steps per step of the recurrent network."""
    return -(-length // _MOST_STEPS)


class WindowReader(nn.Module):
    """Encode a window as a vector: the mean of an LSTM's outputs over patches of time steps, and a
    linear layer.

    Shapes
    ------
    x : (n_samples, length * n_channels); returns (n_samples, n_outputs).
    """

    def __init__(self, length: int, n_channels: int, n_units: int, n_outputs: int) -> None:
        super().__init__()
        self.width = _patch(length) * n_channels
        self.lstm = LSTM(self.width, n_units, batch_first=True)
        self.last = Linear(n_units, n_outputs)

    def hidden(self, x: Tensor) -> Tensor:
        """Input of the last layer, (n_samples, n_units)."""
        x = pad(x, (0, -x.shape[1] % self.width))
        return self.lstm(x.reshape(len(x), -1, self.width))[0].mean(1)

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        return self.last(self.hidden(x))


class WindowWriter(nn.Module):
    """Decode a code to a window: an LSTM whose inputs are the code and the position of the patch,
    and a linear layer on its outputs.

    Shapes
    ------
    z : (n_samples, n_inputs); returns (n_samples, length * n_channels).
    """

    places: Tensor

    def __init__(self, n_inputs: int, n_units: int, length: int, n_channels: int) -> None:
        super().__init__()
        self.n_numbers = length * n_channels
        place = torch.linspace(-1, 1, -(-length // _patch(length)))
        places = [place, *(torch.sin(math.pi * k * place) for k in (1, 2, 4, 8))]
        self.register_buffer("places", torch.stack(places, 1))
        self.lstm = LSTM(n_inputs + len(places), n_units, batch_first=True)
        self.last = Linear(n_units, _patch(length) * n_channels)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        steps = z[:, None].expand(-1, len(self.places), -1)
        places = self.places.to(z.dtype).expand(len(z), -1, -1)
        out = self.last(self.lstm(torch.cat([steps, places], 2))[0]).flatten(1)
        return out[:, : self.n_numbers]


class Coder(nn.Module):
    """A generator, from codes to rows, and an encoder, from rows to codes.

    Shapes
    ------
    z : (n_samples, latent_size); returns (n_samples, n_numbers).
    """

    def __init__(self, writer: nn.Module, reader: nn.Module) -> None:
        super().__init__()
        self.writer, self.reader = writer, reader

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return self.writer(z)

    def encode(self, x: Tensor) -> Tensor:
        """The code of each row, (n_samples, latent_size)."""
        return self.reader(x)


class LatentGANNet(nn.Module):
    """A generator from codes, its critic, and an encoder back to codes.

    Parameters
    ----------
    network : {'dense', 'lstm'}
    length, n_channels : int
        A row has ``length * n_channels`` numbers.
    hidden : list of int
    latent_size : int

    Shapes
    ------
    x : (n_samples, length * n_channels); returns what generator and encoder make of it, of the
    same shape.

    Examples
    --------
    >>> import torch
    >>> from skdeep.nets.latent_gan import LatentGANNet, initialize
    >>> import numpy as np
    >>> net = LatentGANNet("lstm", 6, 2, [8], 3)
    >>> initialize(net, np.random.RandomState(0))
    >>> net(torch.zeros(4, 12)).shape
    torch.Size([4, 12])
    """

    critic: nn.Module

    def __init__(
        self, network: str, length: int, n_channels: int, hidden: Sequence[int], latent_size: int
    ) -> None:
        super().__init__()
        self.config = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        n = length * n_channels
        writer: nn.Module
        reader: nn.Module
        if network == "dense":
            writer = DenseStack([latent_size, *hidden, n])
            reader = DenseStack([n, *hidden[::-1], latent_size])
            self.critic = DenseCritic([n, *hidden[::-1], 1])
        else:
            writer = WindowWriter(latent_size, hidden[-1], length, n_channels)
            reader = WindowReader(length, n_channels, hidden[0], latent_size)
            self.critic = WindowCritic(length, n_channels, hidden[0], 1)
        self.generator = Coder(writer, reader)

    def forward(self, x: Tensor) -> Tensor:
        return self.generator(self.generator.encode(x))


class DenseCritic(DenseStack):
    """A `DenseStack` with one output."""

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        return super().forward(x)[:, 0]


class WindowCritic(WindowReader):
    """A `WindowReader` with one output."""

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        return super().forward(x)[:, 0]


@torch.no_grad()
def initialize(net: LatentGANNet, rng: np.random.RandomState) -> None:
    """Draw the initial weights: normal, with the variance of He et al. (2015) for leaky ReLUs
    where there is one before or after, uniform in ``+-1 / sqrt(n_units)`` in an LSTM; biases 0.

    Parameters
    ----------
    net : LatentGANNet
    rng : numpy.random.RandomState
    """
    gain = math.sqrt(2 / (1 + _SLOPE**2))
    for layer in net.modules():
        if isinstance(layer, Linear):
            scale = gain / math.sqrt(layer.weight.shape[1])
            layer.weight.copy_(torch.as_tensor(rng.normal(0, scale, layer.weight.shape)))
            layer.bias.zero_()
        elif isinstance(layer, LSTM):
            bound = 1 / math.sqrt(layer.hidden_size)
            for p in layer.parameters():
                p.copy_(torch.as_tensor(rng.uniform(-bound, bound, p.shape)))
