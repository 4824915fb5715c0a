"""Dense autoencoders, and what the activations of autoencoders of all kinds have in common."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skdeep.nets.blocks import ACTIVATIONS, Linear, activate, layers
from skdeep.nets.corruption import Corruption


def activations(name: str, n: int) -> nn.ModuleList:
    """One activation for each of `n` places.

    Explainers record the activations of a layer; one used in two places would mix them up.

    Parameters
    ----------
    name : str
        A key of `ACTIVATIONS`.
    n : int

    Returns
    -------
    torch.nn.ModuleList
        The same module n times where it has a learned slope, which is shared.
    """
    first = ACTIVATIONS[name]()
    others = [first if name == "prelu" else ACTIVATIONS[name]() for _ in range(n - 1)]
    return nn.ModuleList([first, *others][:n])


def read_shared_slope(module: Any, state: dict[str, Any], prefix: str, *others: Any) -> None:
    """Rename the slope in a state saved when one `activation` was used in all places."""
    slope = state.pop(f"{prefix}activation.weight", None)
    if slope is not None:
        state.update(
            {f"{prefix}activations.{i}.weight": slope for i in range(len(module.activations))}
        )


class AutoencoderNet(nn.Module):
    """An encoder to a code and a decoder back.

    Parameters
    ----------
    encoder_units : tuple of int
        Width of the input, of each layer of the encoder and of the code.
    decoder_units : tuple of int
        Width of the code, of each layer of the decoder and of the output.
    activation, code_activation, output_activation : str, default='relu', 'identity', 'identity'
        Keys of `skdeep.nets.blocks.ACTIVATIONS`.
    tied : bool, default=False
        The decoder's weights are the encoder's, transposed (Vincent et al., 2010); biases are not.
    noise : {None, 'masking', 'gaussian', 'salt_and_pepper'}, default=None
    noise_rate : float, default=0.0
    low, high : tuple of float, default=()
        See `Corruption`.
    gives_code, gives_jacobian : bool, default=False
        Whether in training the code, and the squared Frobenius norm of its derivative by the
        input, come with the output.

    Shapes
    ------
    x : (n_samples, encoder_units[0]); returns (n_samples, decoder_units[-1]), in training
    perhaps with the code (n_samples, encoder_units[-1]) and the norms (n_samples,).

    Examples
    --------
    >>> import torch
    >>> from skdeep.nets.autoencoder import AutoencoderNet
    >>> net = AutoencoderNet((4, 3, 2), (2, 3, 4))
    >>> net.run(torch.zeros(5, 4), 0, 2).shape
    torch.Size([5, 2])
    """

    def __init__(
        self,
        encoder_units: Sequence[int],
        decoder_units: Sequence[int],
        activation: str = "relu",
        code_activation: str = "identity",
        output_activation: str = "identity",
        tied: bool = False,
        noise: str | None = None,
        noise_rate: float = 0.0,
        low: Sequence[float] = (),
        high: Sequence[float] = (),
        gives_code: bool = False,
        gives_jacobian: bool = False,
    ) -> None:
        super().__init__()
        self.config = {
            "encoder_units": tuple(int(n) for n in encoder_units),
            "decoder_units": tuple(int(n) for n in decoder_units),
            "activation": activation,
            "code_activation": code_activation,
            "output_activation": output_activation,
            "tied": bool(tied),
            "noise": noise,
            "noise_rate": float(noise_rate),
            "low": tuple(float(v) for v in low),
            "high": tuple(float(v) for v in high),
            "gives_code": bool(gives_code),
            "gives_jacobian": bool(gives_jacobian),
        }
        self.n_encoder, self.tied = len(encoder_units) - 1, tied
        self.gives_code, self.gives_jacobian = gives_code, gives_jacobian
        self.noise = Corruption(noise, noise_rate, low, high) if noise else None
        self.encoder = layers(Linear(i, o) for i, o in pairwise(encoder_units))
        self.decoder: Any  # its biases where it is tied, else its layers
        decoder = list(pairwise(decoder_units))
        if tied:
            self.decoder = nn.ParameterList(torch.zeros(o) for _, o in decoder)
        else:
            self.decoder = nn.ModuleList(Linear(i, o) for i, o in decoder)
        names = [activation] * (self.n_encoder - 1) + [code_activation]
        names += [activation] * (len(decoder) - 1) + [output_activation]
        self.activations = nn.ModuleList(ACTIVATIONS[name]() for name in names)

    @property
    def n_layers(self) -> int:
        """Number of linear maps."""
        return len(self.activations)

    def _sums(self, h: Tensor, i: int) -> Tensor:
        """Pre-activation of layer i."""
        if i < self.n_encoder:
            return self.encoder[i](h)
        place = i - self.n_encoder
        if self.tied:
            return F.linear(
                h, self.encoder[self.n_encoder - 1 - place].weight.t(), self.decoder[place]
            )
        return self.decoder[place](h)

    def _source(self, i: int) -> nn.Module | None:
        """The linear layer that computes the pre-activation, where it is one."""
        if i < self.n_encoder:
            return self.encoder[i]
        return None if self.tied else self.decoder[i - self.n_encoder]

    def run(self, h: Tensor, start: int, stop: int) -> Tensor:
        """Compute the output of layer `stop` from that of layer `start` (0 is the input)."""
        for i in range(start, stop):
            h = activate(self.activations[i], self._sums(h, i), self._source(i))
        return h

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor, Tensor | None]:
        noisy = x if self.noise is None else self.noise(x)
        if not (self.training and (self.gives_code or self.gives_jacobian)):
            return self.run(noisy, 0, self.n_layers)
        jacobian = None
        if self.gives_jacobian:
            code, jacobian = self._code_and_jacobian(noisy)
        else:
            code = self.run(noisy, 0, self.n_encoder)
        return self.run(code, self.n_encoder, self.n_layers), code, jacobian

    def _code_and_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The code of each row and the squared Frobenius norm of its Jacobian by x.

        The chain rule is multiplied out from the code's side: the code is narrow.
        """
        slopes, h = [], x
        for i in range(self.n_encoder):
            sums = self._sums(h, i)
            if not sums.requires_grad:
                sums.requires_grad_()
            h = self.activations[i](sums)
            (slope,) = torch.autograd.grad(h.sum(), sums, create_graph=True)
            slopes.append(slope)
        product = slopes[-1].unsqueeze(2) * self.encoder[-1].weight
        for i in reversed(range(self.n_encoder - 1)):
            product = (product * slopes[i].unsqueeze(1)) @ self.encoder[i].weight
        return h, product.square().sum((1, 2))
