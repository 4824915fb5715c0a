"""Embedding networks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional as F

from skdeep.nets.blocks import Linear, MLPNet
from skdeep.nets.conv import ConvNormReLU, Standardize, channels_last, mask_of
from skdeep.nets.trunks import Conv4

if TYPE_CHECKING:
    from skdeep.nets.blocks import Input, Shape


class DenseEmbedding(MLPNet):
    """Dense layers over all values of a row, whatever its shape."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flatten(1).to(self.linears[0].weight.dtype))


class ImageBlocks(nn.Module):
    """Convolutions over images, down to a coarse grid of features.

    The first has kernels of 5 pixels and stride 2 (of 3 pixels and stride 1 for images below 16
    pixels), the blocks between pool by 2 where that leaves 2 or more, and the last output is
    average-pooled to `GRID` cells a side and flattened. Compared with the four pooling blocks of
    few-shot learning (`skdeep.nets.trunks.Conv4`), the first of which takes half of the time, the
    same time allows twice the channels, and nine places instead of one for an image of 28 pixels.

    Parameters
    ----------
    shape : tuple
        (n_channels, height, width).
    n_filters : tuple of int
        Channels of each block.

    Shapes
    ------
    x : (n_samples, *shape), standardised; returns (n_samples, width).

    Examples
    --------
    >>> import torch
    >>> from skdeep.nets.siamese import ImageBlocks
    >>> ImageBlocks((1, 28, 28), (32, 64, 128, 128))(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 1152])
    """

    GRID = 4

    def __init__(self, shape: Sequence[int], n_filters: Sequence[int]) -> None:
        super().__init__()
        n_channels, *size = shape
        stride = 1 if min(size) < 16 else 2
        kernels = [3 if stride == 1 else 5, *[3] * (len(n_filters) - 1)]
        self.blocks = nn.ModuleList()
        for i, (n_in, n_out) in enumerate(zip([n_channels, *n_filters], n_filters)):
            step = 1 if i else stride
            size = [-(-n // step) for n in size]
            is_between = 0 < i < len(n_filters) - 1
            pools = tuple(2 if is_between and n >= 4 else 1 for n in size)
            block = ConvNormReLU(
                n_in, n_out, kernels[i], 2, step, pool_size=pools if max(pools) > 1 else None
            )
            self.blocks.append(block)
            size = [n // pool for n, pool in zip(size, pools)]
        self.grid = (min(size[0], self.GRID), min(size[1], self.GRID))
        self.width = n_filters[-1] * math.prod(self.grid)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = channels_last(x)
        for block in self.blocks:
            x = channels_last(block(x))
        return F.adaptive_avg_pool2d(x, self.grid).flatten(1)


class ConvEmbedding(nn.Module):
    """Four convolutional blocks and a linear layer.

    Parameters
    ----------
    shape : tuple
        Of a row, channels first: (n_channels, length) or (n_channels, height, width); None stands
        for lengths that differ.
    n_components : int
    n_filters : tuple of int, default=None
        Channels of the blocks: of `ImageBlocks` for images, by default (32, 64, 128, 128), and
        of `skdeep.nets.trunks.Conv4` for series, by default (32, 64, 64, 64).

    Shapes
    ------
    x : (n_samples, *shape), or a tuple of padded series and their lengths;
    returns (n_samples, n_components).

    Examples
    --------
    >>> import torch
    >>> from skdeep.nets.siamese import ConvEmbedding
    >>> ConvEmbedding((1, 28, 28), 16)(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 16])
    """

    def __init__(
        self, shape: Shape, n_components: int, n_filters: Sequence[int] | None = None
    ) -> None:
        super().__init__()
        self.config = {"shape": shape, "n_components": n_components, "n_filters": n_filters}
        self.scale = Standardize(shape[0])
        self.trunk: ImageBlocks | Conv4
        if len(shape) == 3:
            self.trunk = ImageBlocks(shape, n_filters or (32, 64, 128, 128))
        else:
            self.trunk = Conv4(shape, n_filters or (32, 64, 64, 64))
        self.head = Linear(self.trunk.width, n_components)

    def features(self, x: Input) -> Tensor:
        """Input of the linear layer, (n_samples, width)."""
        x, lengths = x if isinstance(x, tuple) else (x, None)
        mask = None if lengths is None else mask_of(x, lengths)
        return self.trunk(self.scale(x, mask), mask)

    def forward(self, x: Input) -> Tensor:
        return self.head(self.features(x))
