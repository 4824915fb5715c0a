"""Generator and critic of images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from skdeep.nets.blocks import Linear
from skdeep.nets.conv import Conv2d, ConvTranspose2d

if TYPE_CHECKING:
    import numpy as np

_SLOPE = 0.2  # of the leaky ReLU (Radford et al., 2016; Huang et al., 2024)


def _normalization(n_channels: int, normalized: bool) -> nn.Module:
    return nn.BatchNorm2d(n_channels) if normalized else nn.Identity()


class ImageWriter(nn.Module):
    """Generator: a code, and a class, to a small feature map that is upsampled by 2 several times.

    Shapes
    ------
    z : (n_samples, latent_size); label : (n_samples,) or None; returns (n_samples, *shape), in
    [-1, 1].
    """

    def __init__(
        self,
        shape: Sequence[int],
        channels: Sequence[int],
        latent_size: int,
        n_classes: int,
        normalized: bool,
    ) -> None:
        super().__init__()
        self.shape, self.n_classes = shape, n_classes
        times = 2 ** (len(channels) - 1)
        self.base = (channels[0], -(-shape[1] // times), -(-shape[2] // times))
        self.first = Linear(latent_size + n_classes, math.prod(self.base))
        self.ups = nn.ModuleList(ConvTranspose2d(a, b, 4, 2, 1) for a, b in pairwise(channels))
        self.norms = nn.ModuleList(_normalization(c, normalized) for c in channels)
        self.last = Conv2d(channels[-1], shape[0], 3, padding=1)
        self.activations = nn.ModuleList(nn.LeakyReLU(_SLOPE) for _ in channels)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        if self.n_classes:
            assert label is not None
            z = torch.cat([z, functional.one_hot(label, self.n_classes).to(z.dtype)], 1)
        h = self.norms[0](self.first(z).view(-1, *self.base))
        for up, norm, activation in zip(self.ups, self.norms[1:], self.activations):
            h = norm(up(activation(h)))
        h = torch.tanh(self.last(self.activations[-1](h)))
        return h[:, :, : self.shape[1], : self.shape[2]]


class ImageCritic(nn.Module):
    """Critic: a score for each image, conditioned on its class by projection (Miyato and Koyama,
    2018).

    Shapes
    ------
    x : (n_samples, *shape); label : (n_samples,) or None; returns (n_samples,).
    """

    def __init__(
        self, shape: Sequence[int], channels: Sequence[int], n_classes: int, normalized: bool
    ) -> None:
        super().__init__()
        times = 2 ** (len(channels) - 1)
        self.padding = (0, -shape[2] % times, 0, -shape[1] % times)
        area = -(-shape[1] // times) * -(-shape[2] // times)
        widths = channels[::-1]
        self.first = Conv2d(shape[0], widths[0], 3, padding=1)
        self.downs = nn.ModuleList(Conv2d(a, b, 4, 2, 1) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(_normalization(c, normalized) for c in widths[1:])
        self.features = Linear(widths[-1] * area, widths[-1])
        self.last = Linear(widths[-1], 1)
        self.activations = nn.ModuleList(nn.LeakyReLU(_SLOPE) for _ in [*widths, self.last])
        self.classes = Linear(n_classes, widths[-1], bias=False) if n_classes else None

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        if any(self.padding):
            x = functional.pad(x, self.padding, value=-1.0)
        *places, last = self.activations
        h = places[0](self.first(x))
        for down, norm, activation in zip(self.downs, self.norms, places[1:]):
            h = activation(norm(down(h)))
        h = last(self.features(h.flatten(1)))
        score = self.last(h)[:, 0]
        if self.classes is not None:
            score = score + (self.classes.weight.T[label] * h).sum(1)
        return score


class ImageGANNet(nn.Module):
    """Generator and critic of images.

    Parameters
    ----------
    shape : list of int
        Channels, height and width of an image.
    channels : list of int
        Maps of the generator at each size, each twice the one before it; the critic's in reverse.
    latent_size : int
    n_classes : int
        0 where images have no classes.
    normalized : bool
        Whether there is batch normalisation, as in DCGAN.

    Shapes
    ------
    x : (n_samples, *shape); label : (n_samples,) or None; returns scores (n_samples,).

    Examples
    --------
    >>> import numpy as np, torch
    >>> from skdeep.nets.image_gan import ImageGANNet, initialize
    >>> net = ImageGANNet([1, 9, 6], [8, 4], 3, 2, False)
    >>> initialize(net, np.random.RandomState(0))
    >>> made = net.generator(torch.zeros(5, 3), torch.tensor([0, 1, 0, 1, 0]))
    >>> made.shape, net(made, torch.zeros(5, dtype=torch.int64)).shape
    (torch.Size([5, 1, 9, 6]), torch.Size([5]))
    """

    def __init__(
        self,
        shape: Sequence[int],
        channels: Sequence[int],
        latent_size: int,
        n_classes: int,
        normalized: bool,
    ) -> None:
        super().__init__()
        self.config = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        self.generator = ImageWriter(shape, channels, latent_size, n_classes, normalized)
        self.critic = ImageCritic(shape, channels, n_classes, normalized)

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        return self.critic(x, label)


@torch.no_grad()
def initialize(net: ImageGANNet, rng: np.random.RandomState) -> None:
    """Draw the initial weights: normal with standard deviation 0.02 with batch normalisation
    (Radford et al., 2016), else with the variance of He et al. (2015); biases 0.

    Parameters
    ----------
    net : ImageGANNet
    rng : numpy.random.RandomState
    """
    gain = math.sqrt(2 / (1 + _SLOPE**2))
    for layer in net.modules():
        if not isinstance(layer, (Linear, Conv2d, ConvTranspose2d)):
            continue
        weight = layer.weight
        if isinstance(layer, ConvTranspose2d):
            fan_in = weight.shape[0] * weight[0, 0].numel() / 4  # of stride 2: a quarter meets
        else:
            fan_in = weight[0].numel()
        scale = 0.02 if net.config["normalized"] else gain / math.sqrt(fan_in)
        weight.copy_(torch.as_tensor(rng.normal(0.0, scale, weight.shape)))
        if layer.bias is not None:
            layer.bias.zero_()
