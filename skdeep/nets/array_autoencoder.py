"""Autoencoders of images, signals and series.

Rows are channels-first; sequences of unequal length are padded and come with their lengths.
Corruption (in the units of X) and per-channel standardisation are applied before the encoder.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from skdeep.nets import recurrent
from skdeep.nets.autoencoder import activations, read_shared_slope
from skdeep.nets.batch_norm import BatchNorm
from skdeep.nets.blocks import ACTIVATIONS, Linear, activate, layers
from skdeep.nets.conv import (
    CONVOLUTIONS,
    TRANSPOSED,
    Standardize,
    channels_last,
    mask_of,
)
from skdeep.nets.corruption import Corruption
from skdeep.nets.recurrence import Recurrence, reversal, reverse

if TYPE_CHECKING:
    import numpy as np

    from skdeep.nets.blocks import Input, Shape

CROSS_ENTROPY, STANDARDIZED = "cross_entropy", "standardized"
"""Kinds of output beside the names of activations; see `ArrayAutoencoder`."""


class ArrayAutoencoder(nn.Module):
    """Base of array autoencoders: corruption, standardisation and padding.

    A subclass adds ``encode_scaled(x, lengths)``, from standardised rows to codes, ``decode(code,
    lengths, n_steps)``, from codes to raw outputs of the shape of a row, and its last layer as
    `last`.

    Parameters
    ----------
    shape : tuple
        Of a row; None for a length that differs.
    output : str, default='standardized'
        What the network reconstructs: rows with each channel standardised; 'cross_entropy' for raw
        scores of values in [0, 1]; or a key of `skdeep.nets.blocks.ACTIVATIONS`, whose values are
        those of X.
    unit : float, default=1.0
        Divisor of the values: 255 for bytes.
    noise, noise_rate, low, high
        See `Corruption`; low and high are those of channels.

    Shapes
    ------
    x : (n_samples, *shape), or a tuple of padded rows and their lengths (n_samples,). Returns the
    raw outputs, targets, a mask of what is not padding (or None), and in training the codes
    (n_samples, n_units), else None.
    """

    last: Any  # a linear layer or a convolution, with a bias

    def __init__(
        self,
        shape: Shape,
        output: str = STANDARDIZED,
        unit: float = 1.0,
        noise: str | None = None,
        noise_rate: float = 0.0,
        low: Sequence[float] = (),
        high: Sequence[float] = (),
    ) -> None:
        super().__init__()
        self.shape, self.output, self.unit = tuple(shape), output, unit
        self.scale = Standardize(shape[0])
        self.noise = Corruption(noise, noise_rate, low, high, len(shape) - 1) if noise else None
        kept = output in (CROSS_ENTROPY, STANDARDIZED)
        self.output_activation = ACTIVATIONS["identity" if kept else output]()

    @torch.no_grad()
    def learn_scale(self, mean: Tensor, deviation: Tensor) -> None:
        """Set the scale of each channel to its mean and standard deviation, and the output bias to
        the mean.

        Parameters
        ----------
        mean, deviation : Tensor of shape (n_channels,)
        """
        self.scale.mean.copy_(mean)
        self.scale.scale.copy_(1 / deviation)
        if self.output in (CROSS_ENTROPY, "logistic"):
            edge = 1e-3
            self.last.bias.copy_(torch.logit(mean.clamp(edge, 1 - edge)))

    def encode_scaled(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Codes of standardised rows."""
        raise NotImplementedError

    def decode(
        self, code: Tensor, lengths: Tensor | None = None, n_steps: int | None = None
    ) -> Tensor:
        """Raw outputs of codes."""
        raise NotImplementedError

    def prepared(self, x: Input) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Values as floating-point numbers, lengths and mask."""
        rows, lengths = x if isinstance(x, tuple) else (x, None)
        rows = rows.to(self.scale.mean.dtype)
        rows = rows if self.unit == 1 else rows / self.unit
        return rows, lengths, None if lengths is None else mask_of(rows, lengths)

    def encode(self, x: Input) -> Tensor:
        """Codes of rows, without noise."""
        rows, lengths, mask = self.prepared(x)
        return self.encode_scaled(self.scale(rows, mask), lengths)

    def forward(self, x: Input) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
        rows, lengths, mask = self.prepared(x)
        scaled = self.scale(rows, mask)
        code = self.encode_scaled(self._corrupted(rows, scaled, mask), lengths)
        raw = self.decode(code, lengths, rows.shape[2])
        wanted = scaled if self.output == STANDARDIZED else rows
        return raw, wanted, mask, code if self.training else None

    def _corrupted(self, x: Tensor, scaled: Tensor, mask: Tensor | None) -> Tensor:
        if self.noise is None or not self.noise.is_drawing():
            return scaled
        return self.scale(self.noise(x), mask)

    def restored(self, raw: Tensor) -> Tensor:
        """Raw outputs in the units of X."""
        if self.output == CROSS_ENTROPY:
            raw = torch.sigmoid(raw)
        elif self.output == STANDARDIZED:
            shape = (-1, *[1] * (raw.ndim - 2))
            raw = raw / self.scale.scale.view(shape) + self.scale.mean.view(shape)
        return raw if self.unit == 1 else raw * self.unit


class ConvAutoencoderNet(ArrayAutoencoder):
    """Strided convolutions and dense layers to the code, mirrored in the decoder.

    Stacked convolutional autoencoders are Masci et al.'s (2011); strides in the place of pools,
    transposed convolutions of 4 x 4 back and batch normalisation of all maps but the first and the
    last are those of Radford et al. (2016). Without it, learning rates that suit the dense network
    end with up to twice the error.

    Parameters
    ----------
    shape : tuple of int
        (n_channels, length) or (n_channels, height, width).
    n_filters : tuple of int
        Channels of each convolution of the encoder; the decoder mirrors them.
    encoder_units, decoder_units : tuple of int
        Dense layers behind the convolutions, the last of the encoder being the code, and those
        from the code to the transposed convolutions. Without encoder_units the maps are the code.
    activation, code_activation : str, default='relu', 'identity'
    **options : dict
        Those of `ArrayAutoencoder`.

    Examples
    --------
    >>> import torch
    >>> from skdeep.nets.array_autoencoder import ConvAutoencoderNet
    >>> net = ConvAutoencoderNet((1, 9, 6), (8, 16), (12, 4), (12,))
    >>> x = torch.zeros(2, 1, 9, 6)
    >>> net.encode(x).shape, net(x)[0].shape
    (torch.Size([2, 4]), torch.Size([2, 1, 9, 6]))
    """

    def __init__(
        self,
        shape: Sequence[int],
        n_filters: Sequence[int],
        encoder_units: Sequence[int],
        decoder_units: Sequence[int],
        activation: str = "relu",
        code_activation: str = "identity",
        **options: Any,
    ) -> None:
        super().__init__(shape, **options)
        self.config = {
            "shape": tuple(shape),
            "n_filters": tuple(int(n) for n in n_filters),
            "encoder_units": tuple(int(n) for n in encoder_units),
            "decoder_units": tuple(int(n) for n in decoder_units),
            "activation": activation,
            "code_activation": code_activation,
            **options,
        }
        dims, widths = len(shape) - 1, [shape[0], *n_filters]
        self.sizes = [tuple(shape[1:])]
        for _ in n_filters:
            self.sizes.append(tuple(-(-n // 2) for n in self.sizes[-1]))
        n_flat = widths[-1] * math.prod(self.sizes[-1])
        down, up = [n_flat, *encoder_units], [*encoder_units[-1:], *decoder_units, n_flat]
        self.convs = layers(
            CONVOLUTIONS[dims](a, b, 3, stride=2, padding=1, bias=False)
            for a, b in pairwise(widths)
        )
        self.norms = nn.ModuleList(BatchNorm(n) for n in n_filters)
        self.encoder = layers(Linear(a, b) for a, b in pairwise(down))
        self.decoder = layers(Linear(a, b) for a, b in (pairwise(up) if encoder_units else ()))
        *turned, last = pairwise(widths[::-1])
        self.up_norms = nn.ModuleList(BatchNorm(a) for a, _ in [*turned, last])
        self.ups = layers(
            TRANSPOSED[dims](a, b, 4, stride=2, padding=1, bias=False) for a, b in turned
        )
        self.last = TRANSPOSED[dims](*last, 4, stride=2, padding=1)
        n_layers, n_up = len(n_filters) + len(self.encoder), len(n_filters) + len(self.decoder)
        self.n_inner = n_layers - 1  # activations of the encoder, but for the code's
        self.activations = activations(activation, self.n_inner + n_up - 1)
        self.register_load_state_dict_pre_hook(read_shared_slope)
        self.code_activation = ACTIVATIONS[code_activation]()
        self.n_code = down[-1]

    @property
    def width(self) -> int:
        """Number of values per row in the widest layer."""
        widths = [self.shape[0], *self.config["n_filters"]]
        return max(n * math.prod(size) for n, size in zip(widths, self.sizes))

    def encode_scaled(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Codes of standardised rows."""
        x = channels_last(x) if x.ndim == 4 else x
        steps = [*zip(self.convs, self.norms), *((linear, None) for linear in self.encoder)]
        places = [*islice(self.activations, self.n_inner), self.code_activation]
        for (layer, norm), activation in zip(steps, places):
            x = layer(x.flatten(1) if norm is None else x)
            x = x if norm is None else norm(x)
            x = activate(activation, x, layer if norm is None else norm)
        return x.flatten(1)

    def decode(
        self, code: Tensor, lengths: Tensor | None = None, n_steps: int | None = None
    ) -> Tensor:
        """Raw outputs of codes."""
        x, places = code, islice(self.activations, self.n_inner, None)
        for i, linear in enumerate(self.decoder):
            x = linear(next(places)(x) if i else x)
        x = x.unflatten(1, (-1, *self.sizes[-1]))
        x = channels_last(x) if x.ndim == 4 else x
        steps = zip([*self.ups, self.last], self.up_norms, self.sizes[-2::-1])
        for i, (layer, norm, size) in enumerate(steps):
            if i or len(self.decoder):  # maps that are the code have been through both
                x = activate(next(places), norm(x), norm)
            x = layer(x)
            for axis, n in enumerate(size):
                x = x.narrow(2 + axis, 0, n)  # of an odd side one more came back
        return self.output_activation(x)


class SequenceAutoencoderNet(ArrayAutoencoder):
    """LSTM encoder and LSTM decoder, which writes the last step first.

    The unconditional decoder of Srivastava, Mansimov and Salakhutdinov (2015), which is not shown
    the steps before the one to write; Malhotra et al. (2016) write in the same order.

    Parameters
    ----------
    shape : tuple
        (n_channels, length), or (n_channels, None) for lengths that differ.
    encoder_units, decoder_units : tuple of int
        Units of the recurrent layers of the encoder, then of the code; those of the recurrent
        layers of the decoder. Where there are none, there is one layer as wide as the code.
    code_activation : str, default='identity'
    **options : dict
        Those of `ArrayAutoencoder`.

    Examples
    --------
    >>> import torch
    >>> from skdeep.nets.array_autoencoder import SequenceAutoencoderNet
    >>> net = SequenceAutoencoderNet((2, None), (16, 3), (16,))
    >>> x = (torch.zeros(4, 2, 7), torch.tensor([7, 5, 2, 1]))
    >>> net.encode(x).shape, net(x)[0].shape
    (torch.Size([4, 3]), torch.Size([4, 2, 7]))
    """

    def __init__(
        self,
        shape: Shape,
        encoder_units: Sequence[int],
        decoder_units: Sequence[int],
        code_activation: str = "identity",
        **options: Any,
    ) -> None:
        super().__init__(shape, **options)
        self.config = {
            "shape": tuple(shape),
            "encoder_units": tuple(int(n) for n in encoder_units),
            "decoder_units": tuple(int(n) for n in decoder_units),
            "code_activation": code_activation,
            **options,
        }
        *down, self.n_code = encoder_units
        down, up = down or [self.n_code], list(decoder_units) or [self.n_code]
        self.readers = nn.ModuleList(
            Recurrence("lstm", a, b) for a, b in pairwise([shape[0], *down])
        )
        self.to_code = Linear(down[-1], self.n_code)
        self.from_code = Linear(self.n_code, up[0])
        self.writers = nn.ModuleList(
            Recurrence("lstm", a, b) for a, b in pairwise([self.n_code, *up])
        )
        self.last = Linear(up[-1], shape[0])
        self.code_activation = ACTIVATIONS[code_activation]()

    def encode_scaled(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Codes of standardised sequences: from the state after the last step of each."""
        h = x.permute(2, 0, 1)
        for layer in self.readers:
            h = layer(h)
        if lengths is None:
            h = h[-1]
        else:
            h = h[lengths - 1, torch.arange(len(lengths), device=h.device)]
        return self.code_activation(self.to_code(h))

    def decode(
        self, code: Tensor, lengths: Tensor | None = None, n_steps: int | None = None
    ) -> Tensor:
        """Raw outputs of codes; `n_steps` is the length where all have one."""
        assert n_steps is not None
        h = code.expand(n_steps, -1, -1)
        start: Tensor | None = torch.tanh(self.from_code(code))
        for layer in self.writers:
            h = layer(h, start)
            start = None
        h = reverse(self.last(h), None if lengths is None else reversal(n_steps, lengths))
        return self.output_activation(h.permute(1, 2, 0))


@torch.no_grad()
def initialize(net: ArrayAutoencoder, rng: np.random.RandomState) -> None:
    """Fill an autoencoder of arrays with initial weights.

    Weights of a `ConvAutoencoderNet` are normal with the variance ``2 / n_in`` (He et al., 2015)
    before a normalisation and ``1 / n_in`` (LeCun et al., 1998) elsewhere, n_in being the numbers
    that go into one unit; those of the last layer a tenth of that in size, so that the network
    starts near the mean row. Biases are 0. For `SequenceAutoencoderNet` see
    `skdeep.nets.recurrent.initialize`.

    Parameters
    ----------
    net : ArrayAutoencoder
    rng : numpy.random.RandomState
        Generator of `uniform` and `normal` numbers.
    """
    if isinstance(net, SequenceAutoencoderNet):
        recurrent.initialize(net, rng)
        return
    assert isinstance(net, ConvAutoencoderNet)
    every: list[Any] = [*net.convs, *net.encoder, *net.decoder, *net.ups, net.last]
    for layer in every:
        n_in = layer.weight[0].numel()
        if isinstance(layer, (nn.ConvTranspose1d, nn.ConvTranspose2d)):
            # Of stride 2: along each axis one number of two meets a weight.
            n_in = layer.weight[:, 0].numel() / 2 ** (layer.weight.ndim - 2)
        gain = 2 if layer.bias is None else 1
        weight = rng.normal(0.0, math.sqrt(gain / n_in), tuple(layer.weight.shape))
        layer.weight.copy_(torch.as_tensor(weight))
        if layer.bias is not None:
            layer.bias.zero_()
    net.last.weight.mul_(0.1)
