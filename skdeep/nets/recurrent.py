"""Recurrent networks over series of numbers and over token ids.

They read time-major tensors of shape (length, n_samples, n_channels), padded at the end: forward
layers do not see padding before the last step, and backward layers read each sequence reversed.
Sequences are not packed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skdeep.nets.blocks import Dropout, Linear, layers
from skdeep.nets.conv import (
    ConvNormReLU,
    Standardize,
    as_images,
    global_mean,
    mask_of,
    masked,
    with_own_scale,
)
from skdeep.nets.recurrence import Recurrence, reversal, reverse
from skdeep.nets.window import Window

if TYPE_CHECKING:
    import numpy as np


class RecurrentNet(nn.Module):
    """Recurrent layers, a pooling over time, an optional convolutional branch and a linear head.

    Parameters
    ----------
    n_channels : int
        Numbers at each step of a series; not used with a vocabulary.
    n_outputs : int
    vocabulary_size : int, default=0
        Number of token ids; 0 means that the input is numbers.
    embedding_size : int, default=64
        Length of the vector that stands for a token.
    cell : {'lstm', 'gru', 'rnn'}, default='lstm'
        Hochreiter and Schmidhuber (1997) with the forget gate of Gers et al. (2000); Cho et al.
        (2014); Elman (1990) with tanh.
    hidden_sizes : tuple of int, default=(32,)
        Units of each direction of each layer.
    bidirectional : bool, default=True
        Schuster and Paliwal (1997).
    pooling : {'last', 'max', 'mean', 'attention'}, default='max'
        Pooling of the outputs of all steps: the last step that each direction reads, maximum or
        mean over time, or a mean with learned weights (Yang et al., 2016).
    dropout : float in [0, 1), default=0.0
        Share of the embedding's and the units' outputs that training leaves out, the same ones
        in each step of a sequence (Gal and Ghahramani, 2016).
    recurrent_dropout : float in [0, 1), default=0.0
        Share of the recurrent weights that a training step leaves out (Merity et al., 2018).
    convolutional : tuple of (int, int), default=()
        Filters and kernel size of each layer of the branch that reads the same input beside the
        recurrent layers, as in LSTM-FCN (Karim et al., 2018).
    scaled_output : bool, default=False
        Whether an `OutputScale` follows the head.
    has_missing : bool, default=False
        Whether numbers may be NaN, which then count as the mean of their channel.
    own_scale : bool, default=False
        Whether layers get series by their own scales, too: see `skdeep.nets.conv.with_own_scale`.
    window : dict, default=None
        Options of a `skdeep.nets.window.Window` around the network; None for none.

    Shapes
    ------
    x : (n_samples, n_channels, length), of integers (n_samples, 1, length) with a vocabulary; or
    a pair of such a tensor, padded, and the lengths of the sequences, (n_samples,). Returns the
    raw scores, (n_samples, n_outputs).

    Examples
    --------
    >>> import torch
    >>> from skdeep.nets.recurrent import RecurrentNet
    >>> net = RecurrentNet(2, 3, hidden_sizes=(4,), pooling="mean")
    >>> net(torch.zeros(5, 2, 7)).shape
    torch.Size([5, 3])
    >>> net((torch.zeros(5, 2, 7), torch.tensor([7, 7, 3, 2, 1]))).shape
    torch.Size([5, 3])
    """

    def __init__(
        self,
        n_channels: int,
        n_outputs: int,
        *,
        vocabulary_size: int = 0,
        embedding_size: int = 64,
        cell: str = "lstm",
        hidden_sizes: Sequence[int] = (32,),
        bidirectional: bool = True,
        pooling: str = "max",
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        convolutional: Sequence[tuple[int, int]] = (),
        scaled_output: bool = False,
        has_missing: bool = False,
        own_scale: bool = False,
        window: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.config = {
            "n_channels": int(n_channels),
            "n_outputs": int(n_outputs),
            "vocabulary_size": int(vocabulary_size),
            "embedding_size": int(embedding_size),
            "cell": cell,
            "hidden_sizes": tuple(int(n) for n in hidden_sizes),
            "bidirectional": bool(bidirectional),
            "pooling": pooling,
            "dropout": float(dropout),
            "recurrent_dropout": float(recurrent_dropout),
            "convolutional": tuple((int(n), int(k)) for n, k in convolutional),
            "scaled_output": bool(scaled_output),
            "has_missing": bool(has_missing),
            "own_scale": bool(own_scale),
            "window": None if window is None else dict(window),
        }
        self.window = None if window is None else Window(n_channels, n_outputs, **window)
        if vocabulary_size:
            self.embedding = Embedding(vocabulary_size, embedding_size)
            n_channels = embedding_size
        else:
            self.standardize = Standardize(n_channels)
            self.standardize.has_missing = has_missing
            n_channels *= 2 if own_scale else 1
        n_directions = 2 if bidirectional else 1
        widths = [n_channels, *(n_directions * n for n in hidden_sizes)]
        self.layers = layers(
            layers(Recurrence(cell, n_in, n, recurrent_dropout) for _ in range(n_directions))
            for n_in, n in zip(widths, hidden_sizes)
        )
        width = widths[-1]
        self.pooling, self.own_scale = pooling, own_scale
        self.attention = Attention(width) if pooling == "attention" else None
        self.step_dropout = StepDropout(dropout) if dropout else None
        self.branch = ConvolutionalBranch(n_channels, convolutional) if convolutional else None
        self.dropout = Dropout(dropout) if dropout else None
        self.head = Linear(width + (convolutional[-1][0] if convolutional else 0), n_outputs)
        self.output = OutputScale(n_outputs) if scaled_output else None

    def forward(self, x: Tensor | tuple[Tensor, Tensor]) -> Tensor:
        x, lengths = x if isinstance(x, tuple) else (x, None)
        return self.scored(self.embed(x), lengths)

    def scored(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """Raw scores of embedded sequences."""
        if self.window is None:
            return self.score(self.encode(x, lengths))
        series, units = self.normed(x, lengths)
        scores = self.score(self.encode(series.permute(2, 0, 1), lengths))
        return self.window.finish(scores, series, units)

    def score(self, features: Tensor) -> Tensor:
        """Raw scores from `features`."""
        scores = self.head(features if self.dropout is None else self.dropout(features))
        return scores if self.output is None else self.output(scores)

    def features(self, x: Tensor | tuple[Tensor, Tensor]) -> Tensor:
        """Input of the head, of shape (n_samples, n_features)."""
        x, lengths = x if isinstance(x, tuple) else (x, None)
        x = self.embed(x)
        if self.window is not None:
            x = self.normed(x, lengths)[0].permute(2, 0, 1)
        return self.encode(x, lengths)

    def normed(self, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
        """Embedded series as the window has them, channels before steps, and their units."""
        x, window = x.permute(1, 2, 0), self.window
        assert window is not None  # callers have looked
        return window.normed(x, None if lengths is None else mask_of(x, lengths))

    def embed(self, x: Tensor) -> Tensor:
        """Embedded input, time-major: the tensor that `saliency` differentiates by."""
        if hasattr(self, "embedding"):
            return self.embedding(x[:, 0].T)
        return self.standardize(x).permute(2, 0, 1)

    def encode(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """Features of embedded sequences, of shape (length, n_samples, n_channels)."""
        inside = None
        if lengths is not None:
            steps = torch.arange(len(x), device=x.device)
            inside = (steps[:, None] < lengths).unsqueeze(2)
        if self.own_scale:
            x = with_own_scale(x, inside, time=0, channels=2)
        if self.step_dropout is not None and hasattr(self, "embedding"):
            x = self.step_dropout(x)
        features = self._recur(x, lengths, inside)
        if self.branch is None:
            return features
        return torch.cat([features, self.branch(x, inside)], 1)

    def _recur(self, x: Tensor, lengths: Tensor | None, inside: Tensor | None) -> Tensor:
        order = None if lengths is None else reversal(len(x), lengths)
        for i, directions in enumerate(self.layers):
            if i and self.step_dropout is not None:
                x = self.step_dropout(x)
            outputs = [directions[0](x)]
            if len(directions) == 2:
                outputs.append(directions[1](reverse(x, order)))
                if i < len(self.layers) - 1 or self.attention is not None:
                    outputs[1] = reverse(outputs[1], order)
                    x = torch.cat(outputs, 2)
                    outputs = [x]
            x = outputs[0]
        # Other poolings take each direction in its own order of time.
        return torch.cat([self._pool(out, lengths, inside) for out in outputs], 1)

    def _pool(self, h: Tensor, lengths: Tensor | None, inside: Tensor | None) -> Tensor:
        if self.attention is not None:
            return self.attention(h, inside)
        if self.pooling == "mean":
            return masked_mean(h, inside)
        if self.pooling == "max":
            h = h if inside is None else h.masked_fill(~inside, -math.inf)
            return h.max(0).values
        if lengths is None:
            return h[-1]
        return h[lengths - 1, torch.arange(len(lengths), device=h.device)]


class Embedding(nn.Module):
    """A vector for each token id; id 0 is padding, whose vector is never used."""

    def __init__(self, n_tokens: int, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_tokens, size))

    def forward(self, ids: Tensor) -> Tensor:
        return F.embedding(ids, self.weight)


class StepDropout(Dropout):
    """Dropout with the same mask in all steps (Gal and Ghahramani, 2016).

    Shapes
    ------
    x : (length, n_samples, n_channels); returns the same shape.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.is_drawing():
            return x
        kept = torch.empty_like(x[:1]).uniform_(generator=self.generator).lt_(1 - self.p)
        return x * kept.div_(1 - self.p)


class Attention(nn.Module):
    """Mean over time with weights ``softmax(u . tanh(W h + b))`` (Yang et al., 2016).

    Shapes
    ------
    h : (length, n_samples, width); returns (n_samples, width).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = Linear(width, width)
        self.context = Linear(width, 1)

    def forward(self, h: Tensor, inside: Tensor | None = None) -> Tensor:
        scores = self.context(torch.tanh(self.project(h)))
        if inside is not None:
            scores = scores.masked_fill(~inside, -math.inf)
        return (scores.softmax(0) * h).sum(0)


class ConvolutionalBranch(nn.Module):
    """Convolutions with batch normalisation and ReLU, then the mean over time.

    The fully convolutional network of Wang, Yan and Oates (2017) that LSTM-FCN sets beside its
    recurrent layer (Karim et al., 2018).

    Parameters
    ----------
    n_channels : int
    layers : tuple of (int, int)
        Filters and kernel size, which is odd, of each layer.

    Shapes
    ------
    x : (length, n_samples, n_channels), inside : (length, n_samples, 1) of bool or None; returns
    (n_samples, filters of the last layer).
    """

    def __init__(self, n_channels: int, layers: Sequence[tuple[int, int]]) -> None:
        super().__init__()
        widths = [n_channels, *(n for n, _ in layers)]
        self.layers = nn.ModuleList(
            ConvNormReLU(n_in, n_out, kernel_size, dims=1)
            for n_in, (n_out, kernel_size) in zip(widths, layers)
        )

    def forward(self, x: Tensor, inside: Tensor | None = None) -> Tensor:
        x = x.permute(1, 2, 0).contiguous()
        mask = None if inside is None else inside.permute(1, 2, 0).to(x.dtype)
        x, mask = as_images(masked(x, mask), mask)
        for layer in self.layers:
            x = layer(x, mask)
        return global_mean(x, mask)


class OutputScale(nn.Module):
    """``x * scale + shift`` for each output, with constants that training does not change.

    Shapes
    ------
    x : (n_samples, n_outputs); returns the same shape.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, n_outputs: int) -> None:
        super().__init__()
        self.register_buffer("shift", torch.zeros(n_outputs))
        self.register_buffer("scale", torch.ones(n_outputs))

    def forward(self, x: Tensor) -> Tensor:
        return torch.addcmul(self.shift, x, self.scale)


def masked_mean(h: Tensor, inside: Tensor | None) -> Tensor:
    """Mean over the steps that are not padding; for shapes see `Attention`."""
    if inside is None:
        return h.mean(0)
    return (h * inside).sum(0) / inside.sum(0)


@torch.no_grad()
def initialize(net: nn.Module, rng: np.random.RandomState) -> None:
    """Draw initial weights of a `RecurrentNet`.

    Input weights and the head are uniform (Glorot and Bengio, 2010), gate by gate; recurrent
    weights are orthogonal (Saxe et al., 2014); the forget gates' biases are 1 (Jozefowicz et al.,
    2015) and all others 0; convolutions are He et al.'s (2015); embeddings are normal with a
    standard deviation of 0.1.

    Parameters
    ----------
    net : RecurrentNet
    rng : numpy.random.RandomState
        Anything with its `uniform` and `normal`.
    """
    for layer in net.modules():
        if isinstance(layer, Embedding):
            layer.weight.copy_(_normal(rng, layer.weight.shape, 0.1))
        elif isinstance(layer, Recurrence):
            n = layer.n_units
            for rows in range(0, len(layer.weight_in), n):
                gate = slice(rows, rows + n)
                layer.weight_in[gate] = _glorot(rng, layer.weight_in[gate].shape)
                layer.weight_recurrent[gate] = _orthogonal(rng, n)
            if layer.cell == "lstm":
                layer.bias_in[n : 2 * n] = 1.0
        elif isinstance(layer, nn.Conv1d):
            fan_in = layer.weight[0].numel()
            layer.weight.copy_(_normal(rng, layer.weight.shape, math.sqrt(2 / fan_in)))
        elif isinstance(layer, nn.Linear):
            layer.weight.copy_(_glorot(rng, layer.weight.shape))
            layer.bias.zero_()


def _normal(rng: np.random.RandomState, shape: tuple[int, ...], std: float) -> Tensor:
    return torch.as_tensor(rng.normal(0.0, std, tuple(shape)))


def _glorot(rng: np.random.RandomState, shape: tuple[int, ...]) -> Tensor:
    bound = math.sqrt(6 / sum(shape))
    return torch.as_tensor(rng.uniform(-bound, bound, tuple(shape)))


def _orthogonal(rng: np.random.RandomState, n: int) -> Tensor:
    q, r = torch.linalg.qr(_normal(rng, (n, n), 1.0))
    return q * torch.sign(torch.diagonal(r))  # uniform over orthogonal matrices (Mezzadri, 2007)
