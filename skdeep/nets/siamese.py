"""Networks from a row to its embedding."""

from torch import nn

from skdeep.nets.blocks import Linear
from skdeep.nets.conv import Standardize, mask_of
from skdeep.nets.mlp import MLPNet
from skdeep.nets.trunks import Conv4


class DenseEmbedding(MLPNet):
    """A stack of dense layers over all numbers of a row, whatever its shape."""

    def forward(self, x):
        return super().forward(x.flatten(1).to(self.linears[0].weight.dtype))


class ConvEmbedding(nn.Module):
    """Four blocks of convolutions and, where it is not as wide as the embedding, a linear layer.

    Parameters
    ----------
    shape : tuple
        Of a row, channels first: (n_channels, length) or (n_channels, height, width); None stands
        for lengths that differ.
    n_components : int
    n_filters : tuple of int, default=(32, 64, 64, 64)
        Channels of the blocks of the trunk (`skdeep.nets.trunks.Conv4`). The papers have 64 in
        each; the first looks at whole pictures and then takes half of the time.

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

    def __init__(self, shape, n_components, n_filters=(32, 64, 64, 64)):
        super().__init__()
        self.config = {"shape": shape, "n_components": n_components, "n_filters": n_filters}
        self.scale = Standardize(shape[0])
        self.trunk = Conv4(shape, n_filters)
        is_wide = self.trunk.width == n_components
        self.head = None if is_wide else Linear(self.trunk.width, n_components)

    def forward(self, x):
        x, lengths = x if isinstance(x, tuple) else (x, None)
        mask = None if lengths is None else mask_of(x, lengths)
        z = self.trunk(self.scale(x, mask), mask)
        return z if self.head is None else self.head(z)
