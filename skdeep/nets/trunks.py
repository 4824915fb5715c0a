"""Convolutional trunks: from series or images to one vector per row.

All have one interface. A trunk is constructed from the shape of a row with channels first,
``(n_channels, length)`` or ``(n_channels, height, width)``, length being None where it differs from
row to row. ``trunk(x, mask)`` returns (n_samples, trunk.width), ``trunk.maps(x, mask)`` the feature
maps before pooling; `mask` of shape (n_samples, 1, length) is 1 except for padding. Weights are
drawn by `skdeep.nets.conv.draw_weights`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skdeep.nets.batch_norm import BatchNorm
from skdeep.nets.blocks import ACTIVATIONS, Dropout, Linear, activate, is_watched
from skdeep.nets.conv import (
    CONVOLUTIONS,
    MAX_POOLS,
    MEAN_POOLS,
    Conv1d,
    ConvNormReLU,
    as_images,
    channels_last,
    global_mean,
    masked,
)

if TYPE_CHECKING:
    from skdeep.nets.blocks import Shape

_MONOTONE = ("identity", "logistic", "tanh", "relu", "elu", "leaky_relu", "selu", "softplus")


class LeNet(nn.Module):
    """Convolutions with an activation and pooling after each, then dense layers
    (LeCun et al., 1998).

    Kernels and pools are clipped to the size of their input, so that small inputs work. Series of
    unequal length are padded at both ends and averaged over time before the dense layers.

    Parameters
    ----------
    shape : tuple
        (n_channels, length) or (n_channels, height, width).
    n_filters : tuple of int, default=(20, 50)
    kernel_size : int or tuple of int, default=5
        Of all convolutions, or of each.
    activation : str, default='relu'
        A key of `skdeep.nets.blocks.ACTIVATIONS`.
    pooling : {'max', 'mean'}, default='max'
    pool_size : int, default=2
    hidden_layer_sizes : tuple of int, default=(500,)
    dropout : float in [0, 1), default=0.0
        After each dense layer.

    Examples
    --------
    >>> import torch
    >>> from skdeep.nets.trunks import LeNet
    >>> net = LeNet((1, 28, 28))
    >>> net(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 500])
    """

    def __init__(
        self,
        shape: Shape,
        n_filters: Sequence[int] = (20, 50),
        kernel_size: int | Sequence[int] = 5,
        activation: str = "relu",
        pooling: str = "max",
        pool_size: int = 2,
        hidden_layer_sizes: Sequence[int] = (500,),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        n_channels, *size = shape
        self.dims, self.is_ragged = len(size), None in size
        make_pool = (MAX_POOLS if pooling == "max" else MEAN_POOLS)[self.dims]
        # Both orders give the same numbers; the other one computes fewer.
        self.pools_first = pooling == "max" and activation in _MONOTONE
        kernels = [kernel_size] * len(n_filters) if isinstance(kernel_size, int) else kernel_size
        self.convs, self.pools = nn.ModuleList(), nn.ModuleList()
        for n_in, n_out, k in zip([n_channels, *n_filters], n_filters, kernels):
            conv, size, pool = self._layer(n_in, n_out, k, size, pool_size)
            self.convs.append(conv)
            self.pools.append(make_pool(pool))
        self.activations = nn.ModuleList(ACTIVATIONS[activation]() for _ in n_filters)
        n_flat = ([n_channels, *n_filters][-1]) * (1 if self.is_ragged else math.prod(size))
        units = [n_flat, *hidden_layer_sizes]
        self.linears = nn.ModuleList(Linear(a, b) for a, b in pairwise(units))
        self.dense = nn.ModuleList(
            nn.Sequential(ACTIVATIONS[activation](), *([Dropout(dropout)] if dropout else []))
            for _ in hidden_layer_sizes
        )
        self.width = units[-1]

    def _layer(
        self, n_in: int, n_out: int, kernel: int, size: list, pool: int
    ) -> tuple[nn.Module, list, tuple[int, ...]]:
        """A convolution, the size of its pooled output and of its pools."""
        make: Any = CONVOLUTIONS[self.dims]
        if self.is_ragged:
            odd = kernel // 2 * 2 + 1
            return make(n_in, n_out, odd, padding=odd // 2), size, (1,)
        kernels = tuple(min(kernel, n) for n in size)
        size = [n - k + 1 for n, k in zip(size, kernels)]
        pools = tuple(min(pool, n) for n in size)
        return make(n_in, n_out, kernels), [n // p for n, p in zip(size, pools)], pools

    def maps(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Feature maps of the last convolution."""
        for conv, activation, pool in zip(self.convs, self.activations, self.pools):
            if self.pools_first:
                x = activate(activation, _apart(pool(conv(x)), activation), pool)
            else:
                x = pool(_apart(activate(activation, conv(x), conv), activation))
            x = masked(x, mask)
        return x

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = self.maps(x, mask)
        x = global_mean(x, mask) if self.is_ragged else x.flatten(1)
        for linear, rest in zip(self.linears, self.dense):
            x = activate(rest, linear(x), linear)
        return x


def _apart(x: Tensor, layer: nn.Module) -> Tensor:
    """`x`, as a tensor of its own where a hook watches: explainers whose hooks of two neighbours
    hold the same tensor take the gradient before one of them has changed it."""
    return x.view_as(x) if is_watched(layer) else x


class _Residual(nn.Module):
    """Convolutions with a skip connection (He et al., 2016)."""

    def __init__(
        self, n_in: int, n_out: int, kernels: Sequence[int], dims: int, stride: int = 1
    ) -> None:
        super().__init__()
        widths = [n_in, *[n_out] * len(kernels)]
        last = len(kernels) - 1
        self.layers = nn.ModuleList(
            ConvNormReLU(a, b, k, dims, stride if i == 0 else 1, activate=i < last)
            for i, ((a, b), k) in enumerate(zip(pairwise(widths), kernels))
        )
        plain = n_in == n_out and stride == 1
        self.around = None if plain else ConvNormReLU(n_in, n_out, 1, dims, stride, activate=False)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        y = x
        for layer in self.layers:
            y = layer(y, mask)
        around = x if self.around is None else self.around(x, mask)
        return activate(self.relu, y + around)


class ResNet(nn.Module):
    """Residual networks: for series that of Wang, Yan and Oates (2017), for images a small one
    in the manner of He et al. (2016).

    For series: three blocks of three convolutions (kernels of 7, 5 and 3 steps; 64, 128 and 128
    channels), no stride. For images: a stem, and stages of blocks of two 3 x 3 convolutions;
    each stage after the first halves the sides. The stem, a convolution and max-pooling, leaves
    images below 16 pixels as they are, halves those below 64 and quarters larger ones, so that
    time per image stays bounded.

    Parameters
    ----------
    shape : tuple
        (n_channels, length) or (n_channels, height, width).
    n_filters : tuple of int, default=None
        Channels of each block (series) or stage (images); None is (64, 128, 128) or
        (32, 64, 128).
    n_blocks : int, default=1
        Blocks of each stage of images.

    Examples
    --------
    >>> import torch
    >>> from skdeep.nets.trunks import ResNet
    >>> net = ResNet((3, 32, 32), n_filters=(8, 16))
    >>> net(torch.zeros(2, 3, 32, 32)).shape, net.maps(torch.zeros(2, 3, 32, 32)).shape
    (torch.Size([2, 16]), torch.Size([2, 16, 8, 8]))
    """

    def __init__(
        self, shape: Shape, n_filters: Sequence[int] | None = None, n_blocks: int = 1
    ) -> None:
        super().__init__()
        n_channels, *size = shape
        self.dims = len(size)
        if self.dims == 1:
            self.stem = None
            widths = tuple(n_filters or (64, 128, 128))
            pairs = zip([n_channels, *widths], widths)
            blocks = [_Residual(n_in, n_out, (7, 5, 3), 1) for n_in, n_out in pairs]
        else:
            widths = tuple(n_filters or (32, 64, 128))
            side = min(size)
            kernel, stride = (5, 2) if side >= 64 else (3, 1)
            pool = 2 if side >= 16 else None
            self.stem = ConvNormReLU(n_channels, widths[0], kernel, 2, stride, pool_size=pool)
            blocks = []
            for i, (n_in, n_out) in enumerate(zip([widths[0], *widths], widths)):
                blocks += [
                    _Residual(n_in if j == 0 else n_out, n_out, (3, 3), 2, 2 if i and not j else 1)
                    for j in range(n_blocks)
                ]
        self.blocks = nn.ModuleList(blocks)
        self.width = widths[-1]

    def maps(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Feature maps of the last block."""
        if self.stem is None:
            x, mask = as_images(x, mask)
        else:
            x = channels_last(self.stem(x))
        for block in self.blocks:
            x = block(x, mask)
        return x if self.dims == 2 else x.flatten(2)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        return global_mean(self.maps(x, mask), mask)


class _InceptionModule(nn.Module):
    """Three convolutions of different receptive fields and a pooled one, concatenated."""

    def __init__(
        self, n_in: int, n_filters: int, kernels: Sequence[tuple[int, int]], n_bottleneck: int
    ) -> None:
        super().__init__()
        narrow = n_in > 1
        self.bottleneck = Conv1d(n_in, n_bottleneck, 1, bias=False) if narrow else None
        n_narrow = n_bottleneck if narrow else n_in
        self.convs = nn.ModuleList(
            Conv1d(n_narrow, n_filters, k, padding=k // 2 * d, dilation=d, bias=False)
            for k, d in kernels
        )
        self.pool = MAX_POOLS[2]((1, 3), stride=(1, 3))
        self.pooled = Conv1d(n_in, n_filters, 1, bias=False)
        self.norm = BatchNorm((len(kernels) + 1) * n_filters)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        narrow = x if self.bottleneck is None else self.bottleneck(x)
        pooled = self.pooled(self._highest(x))
        y = torch.cat([*(conv(narrow) for conv in self.convs), pooled], 1)
        y = activate(self.relu, self.norm(y, mask), self.norm)
        return masked(y, mask)

    def _highest(self, x: Tensor) -> Tensor:
        """Max-pooling over each step and its neighbours, with zeros at both ends, as for the
        convolutions: a padded series must look the same there.

        Explainers distribute the attribution of a maximum over its window and require windows that
        do not overlap: they are given concatenated copies of the windows.
        """
        x = F.pad(x, (1, 1))
        if not is_watched(self.pool):
            return F.max_pool1d(x, 3, 1) if x.ndim == 3 else F.max_pool2d(x, (1, 3), 1)
        windows = x.unfold(-1, 3, 1).flatten(-2)
        return self.pool(windows if x.ndim == 4 else windows.unsqueeze(2)).view(*x.shape[:-1], -1)


class Inception(nn.Module):
    """Inception network for series (Ismail Fawaz et al., 2020, InceptionTime).

    Modules of a bottleneck, three convolutions and a pooled one, with a skip connection around
    every three modules. The convolutions see 9, 17 and 33 steps (the paper: 10, 20 and 40), by
    kernels of 9 steps at dilations of 1, 2 and 4, as the LITE network has them (Ismail-Fawaz et
    al., 2023): less than half the weights and time.

    Parameters
    ----------
    shape : tuple
        (n_channels, length).
    n_filters : int, default=16
        Channels of each convolution; a module gives four times as many. The paper has 32, which
        takes three times as long.
    depth : int, default=6
        Modules.
    kernel_size : int, default=9
        Odd. Kernels longer than the series are cut: they would see only padding.
    n_bottleneck : int, default=None
        Channels of the bottleneck; None is `n_filters`.

    Examples
    --------
    >>> import torch
    >>> from skdeep.nets.trunks import Inception
    >>> Inception((2, 50), n_filters=4)(torch.zeros(3, 2, 50)).shape
    torch.Size([3, 16])
    """

    def __init__(
        self,
        shape: Shape,
        n_filters: int = 16,
        depth: int = 6,
        kernel_size: int = 9,
        n_bottleneck: int | None = None,
    ) -> None:
        super().__init__()
        n_channels, length = shape
        half = kernel_size // 2
        most = half * 4 if length is None else length - 1
        kernels = [(2 * min(half, most // d) + 1, d) for d in (1, 2, 4)]
        self.width = n_out = n_filters * (len(kernels) + 1)
        self.inceptions = nn.ModuleList(
            _InceptionModule(
                n_channels if i == 0 else n_out, n_filters, kernels, n_bottleneck or n_filters
            )
            for i in range(depth)
        )
        self.around = nn.ModuleList(
            ConvNormReLU(n_channels if i == 0 else n_out, n_out, 1, 1, activate=False)
            for i in range(depth // 3)
        )
        self.relus = nn.ModuleList(nn.ReLU() for _ in self.around)

    def maps(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Feature maps of the last module."""
        x, mask = as_images(x, mask)
        before = x
        for i, inception in enumerate(self.inceptions):
            x = inception(x, mask)
            if i % 3 == 2:
                x = x + self.around[i // 3](before, mask)
                x = before = activate(self.relus[i // 3], x)
        return x.flatten(2)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        return global_mean(self.maps(x, mask), mask)


class Conv4(nn.Module):
    """Blocks of convolution, pooling by 2, batch normalisation and ReLU, the trunk of few-shot
    learning (Vinyals et al., 2016; Snell et al., 2017).

    The papers pool at the end of a block, which takes longer: see `ConvNormReLU`.

    Parameters
    ----------
    shape : tuple
        (n_channels, length) or (n_channels, height, width).
    n_filters : int or tuple of int, default=64
        Channels of all blocks, or of each.
    depth : int, default=4
        Number of blocks; a block that would pool fewer than 2 values does not pool. The output is
        flattened, or averaged over time where the lengths of series differ.

    Examples
    --------
    >>> import torch
    >>> from skdeep.nets.trunks import Conv4
    >>> Conv4((1, 28, 28))(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 64])
    """

    def __init__(self, shape: Shape, n_filters: int | Sequence[int] = 64, depth: int = 4) -> None:
        super().__init__()
        n_channels, *size = shape
        self.dims, self.is_ragged = len(size), None in size
        self.blocks = nn.ModuleList()
        widths = (n_filters,) * depth if isinstance(n_filters, int) else tuple(n_filters)
        for n_in, n_out in zip([n_channels, *widths], widths):
            pools = None if self.is_ragged else tuple(min(2, n) for n in size)
            self.blocks.append(ConvNormReLU(n_in, n_out, 3, self.dims, pool_size=pools))
            size = size if pools is None else [n // p for n, p in zip(size, pools)]
        self.width = widths[-1] * (1 if self.is_ragged else math.prod(size))

    def maps(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Feature maps of the last block."""
        x = channels_last(x) if self.dims == 2 else x
        for block in self.blocks:
            x = block(x, mask)
        return x

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = self.maps(x, mask)
        return global_mean(x, mask) if self.is_ragged else x.flatten(1)


TRUNKS = {"lenet": LeNet, "resnet": ResNet, "inception": Inception, "conv4": Conv4}
