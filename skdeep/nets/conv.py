"""Parts of convolutional networks for series (n, channels, length) and images.

Layers support weights of rows and series of unequal length: a padded batch comes with a mask, 1 for
steps of the series and 0 for padding, and padded values have no effect.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skdeep.nets.batch_norm import BatchNorm, per_channel
from skdeep.nets.blocks import activate

if TYPE_CHECKING:
    import numpy as np


class Conv1d(nn.Conv1d):
    """torch's convolution over series, uninitialised: see `draw_weights`."""

    def reset_parameters(self) -> None:
        """Leave the weights as they are."""

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim == 3:
            return super().forward(x)
        sizes: list[Any] = [(1, *self.stride), (0, *self.padding), (1, *self.dilation)]
        return F.conv2d(x, self.weight.unsqueeze(2), self.bias, *sizes)


class Conv2d(nn.Conv2d):
    """torch's convolution over images, uninitialised: see `draw_weights`."""

    def reset_parameters(self) -> None:
        """Leave the weights as they are."""

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-1] >= self.stride[-1]:
            return super().forward(x)
        # One column comes out whatever the stride, and from a row that is shorter than the stride
        # oneDNN's gradient in bfloat16 reads memory behind the row.
        stride = (*self.stride[:-1], 1)
        x = F.conv2d(x, self.weight, self.bias, stride, self.padding, self.dilation, self.groups)
        return x[..., :1]


class ConvTranspose1d(nn.ConvTranspose1d):
    """torch's transposed convolution over series, uninitialised."""

    def reset_parameters(self) -> None:
        """Leave the weights as they are."""


class ConvTranspose2d(nn.ConvTranspose2d):
    """torch's transposed convolution over images, uninitialised."""

    def reset_parameters(self) -> None:
        """Leave the weights as they are."""


CONVOLUTIONS = {1: Conv1d, 2: Conv2d}
TRANSPOSED = {1: ConvTranspose1d, 2: ConvTranspose2d}
MAX_POOLS = {1: nn.MaxPool1d, 2: nn.MaxPool2d}
MEAN_POOLS = {1: nn.AvgPool1d, 2: nn.AvgPool2d}
OWN_SCALE_EPS = 1e-10
"""Variance, in units of a channel's, below which a series counts as constant."""


class ConvNormReLU(nn.Module):
    """Convolution without bias, batch normalisation and ReLU, zero where padded.

    Max-pooling commutes with ReLU; pooling before normalisation leaves fewer values to normalise.

    Parameters
    ----------
    n_in, n_out : int
        Channels.
    kernel_size : int
        Odd: the output is as long as the input (for stride 1).
    dims : {1, 2}, default=2
    stride : int, default=1
    activate : bool, default=True
        Whether to apply ReLU.
    pool_size : int or tuple of int, default=None
        Size of max-pooling after the convolution; requires that there is no mask.

    Shapes
    ------
    x : (n_samples, n_in, ...); mask : (n_samples, 1, ...) or None;
    returns (n_samples, n_out, ...).
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel_size: int,
        dims: int = 2,
        stride: int = 1,
        activate: bool = True,
        pool_size: int | tuple[int, ...] | None = None,
    ) -> None:
        super().__init__()
        self.conv = CONVOLUTIONS[dims](
            n_in, n_out, kernel_size, stride=stride, padding=kernel_size // 2, bias=False
        )
        self.pool = None if pool_size is None else MAX_POOLS[dims](pool_size)
        self.norm = BatchNorm(n_out)
        self.relu = nn.ReLU() if activate else None

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = self.conv(x)
        x = x if self.pool is None else self.pool(x)
        x = self.norm(x, mask)
        x = x if self.relu is None else activate(self.relu, x, self.norm)
        return masked(x, mask)


class Standardize(nn.Module):
    """``(x - mean) * scale`` for each channel, in the precision of the network; NaN becomes 0.

    Bytes are converted here, on the device, batch by batch.

    Parameters
    ----------
    n_channels : int

    Shapes
    ------
    x : (n_samples, n_channels, ...); returns the same.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_channels))
        self.register_buffer("scale", torch.ones(n_channels))
        self.has_missing = False

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        shift = -self.mean * self.scale
        x = torch.addcmul(per_channel(shift, x), x.to(self.mean.dtype), per_channel(self.scale, x))
        if self.has_missing:
            x = torch.nan_to_num(x, nan=0.0)
        return masked(x, mask)


def with_own_scale(
    x: Tensor, mask: Tensor | None = None, time: int = 2, channels: int = 1
) -> Tensor:
    """Series and, as further channels, the same ones less their own mean over time, over their own
    standard deviation: small ones would be no more than noise beside large ones.

    Parameters
    ----------
    x : Tensor of shape (n_samples, n_channels, length)
        Or another order of axes.
    mask : Tensor of shape (n_samples, 1, length), default=None
        In the same order.
    time, channels : int, default=2, 1
        Axes of `x`.

    Returns
    -------
    Tensor, with twice the channels

    Examples
    --------
    >>> import torch
    >>> from skdeep.nets.conv import with_own_scale
    >>> with_own_scale(torch.tensor([[[10.0, 20.0]], [[0.1, 0.2]]]))[:, 1].round(decimals=3)
    tensor([[-1.,  1.],
            [-1.,  1.]])
    """
    inside = torch.ones_like(x) if mask is None else mask.to(x.dtype)
    count = inside.sum(time, keepdim=True).clamp(min=1)
    centred = (x - (x * inside).sum(time, keepdim=True) / count) * inside
    variance = centred.square().sum(time, keepdim=True) / count
    return torch.cat([x, centred * (variance + OWN_SCALE_EPS).rsqrt()], channels)


def channels_last(x: Tensor) -> Tensor:
    """Images in torch's channels-last memory format, which oneDNN and cuDNN convolve faster; layers
    preserve it.

    Parameters
    ----------
    x : Tensor of shape (n_samples, n_channels, height, width)

    Returns
    -------
    Tensor of the same shape
    """
    if x.shape[1] > 1:
        return x.contiguous(memory_format=torch.channels_last)
    height, width = x.shape[2:]
    return x.contiguous().as_strided(x.shape, (height * width, 1, width, 1))


def widths_of(net: nn.Module) -> list[int]:
    """How many channels come out of each convolution of a network."""
    convolutions = (nn.Conv1d, nn.Conv2d)
    return [layer.out_channels for layer in net.modules() if isinstance(layer, convolutions)]


def as_images(x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
    """On CPUs, series as images of height 1 in `channels_last`, a format that torch has for images
    only: pooling and convolutions without it take 1.5 to 2 times as long.

    Parameters
    ----------
    x : Tensor of shape (n_samples, n_channels, length)
    mask : Tensor of shape (n_samples, 1, length), default=None

    Returns
    -------
    x : Tensor of shape (n_samples, n_channels, 1, length), or what was given
    mask : Tensor of shape (n_samples, 1, 1, length), None, or what was given
    """
    if x.device.type != "cpu":
        return x, mask
    return channels_last(x.unsqueeze(2)), None if mask is None else mask.unsqueeze(2)


def mask_of(x: Tensor, lengths: Tensor) -> Tensor:
    """Mask of a padded batch: 1 for steps of a series, 0 for padding.

    Parameters
    ----------
    x : Tensor of shape (n_samples, n_channels, max(lengths))
    lengths : Tensor of int of shape (n_samples,)

    Returns
    -------
    Tensor of shape (n_samples, 1, max(lengths)), in a floating type
    """
    steps = torch.arange(x.shape[2], device=x.device)
    dtype = x.dtype if x.is_floating_point() else torch.get_default_dtype()
    return (steps < lengths[:, None]).to(dtype)[:, None]


def masked(x: Tensor, mask: Tensor | None = None) -> Tensor:
    """`x` with padding set to 0, in its own type.

    Parameters
    ----------
    x : Tensor of shape (n_samples, n_channels, ...)
    mask : Tensor of shape (n_samples, 1, ...), default=None

    Returns
    -------
    Tensor of the shape of `x`
    """
    return x if mask is None else x * mask.to(x.dtype)


def global_mean(x: Tensor, mask: Tensor | None = None) -> Tensor:
    """Mean of each channel over all places except padding.

    Parameters
    ----------
    x : Tensor of shape (n_samples, n_channels, ...)
    mask : Tensor of shape (n_samples, 1, ...), default=None

    Returns
    -------
    Tensor of shape (n_samples, n_channels)
    """
    places = tuple(range(2, x.ndim))
    if mask is None:
        return x.mean(places)
    return (x * mask).sum(places) / mask.sum(places).clamp(min=1)


@torch.no_grad()
def draw_weights(net: nn.Module, rng: np.random.RandomState) -> None:
    """Draw initial weights of all convolutions and linear layers of `net`, in order.

    A convolution without bias, which a batch normalisation follows, gets normal weights of
    variance ``2 / n_in`` (He et al., 2015); other layers get weights and biases uniform in
    ±1/sqrt(n_in) (LeCun et al., 1998), n_in being the numbers that go into one unit.

    Parameters
    ----------
    net : torch.nn.Module
    rng : numpy.random.RandomState
    """
    for layer in net.modules():
        if not isinstance(layer, (nn.Conv1d, nn.Conv2d, nn.Linear)):
            continue
        shape = tuple(layer.weight.shape)
        n_in = math.prod(shape[1:])
        if layer.bias is None:
            layer.weight.copy_(torch.as_tensor(rng.normal(0.0, math.sqrt(2 / n_in), shape)))
            continue
        bound = 1 / math.sqrt(n_in)
        layer.weight.copy_(torch.as_tensor(rng.uniform(-bound, bound, shape)))
        layer.bias.copy_(torch.as_tensor(rng.uniform(-bound, bound, shape[:1])))
