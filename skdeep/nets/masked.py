"""Masked networks: each feature predicted from the others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from skdeep.nets.autoencoder import activations, read_shared_slope
from skdeep.nets.blocks import PackedLinear, RandomModule, layers

if TYPE_CHECKING:
    import numpy as np


class FeatureMask(RandomModule):
    """Hide features at random: in each row a share drawn uniformly from 0 to `rate`, one at least.

    Parameters
    ----------
    rate : float in (0, 1]

    Shapes
    ------
    n_members, n_samples, n_features; returns a mask of that shape, 1 where hidden.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
        share = torch.empty((*shape[:2], 1), dtype=dtype, device=device)
        share.uniform_(generator=self.generator)
        draws = self.bits(shape, device)
        # Those below the share, and the lowest: all 16-bit numbers up to the larger of both.
        below = share.mul_(self.rate * 2**16).floor_().sub_(2**15 + 1)
        highest = torch.maximum(below, draws.amin(2, keepdim=True)).to(torch.int16)
        return torch.le(draws, highest, out=torch.empty(shape, dtype=dtype, device=device))


class MaskedNet(nn.Module):
    """Predicts hidden features of a row from the others, several networks (members) at once.

    The input is ``[x * (1 - m), m]``, m being 1 where a feature is hidden: the network is told
    which inputs are hidden, and needs no bottleneck, since it cannot copy them (masking noise as in
    Vincent et al., 2010, with the mask as an input as in Germain et al., 2015, MADE). Missing
    values (NaN) are hidden and do not contribute to the error.

    Parameters
    ----------
    n_members : int
    sources : tuple of int
        For each input column the number of the feature that it stands for: the columns of one
        feature (a one-hot category) are hidden together.
    hidden_layer_sizes : tuple of int
    activation : str, default='silu'
        A key of `skdeep.nets.blocks.ACTIVATIONS`.
    mask_rate : float in (0, 1], default=0.5
        Largest share of features that a training step hides.

    Shapes
    ------
    x : (n_members, n_samples, n_columns); returns the predictions, of that shape, and the mask
    of the errors that count (none outside of training).

    Examples
    --------
    >>> import torch
    >>> from skdeep.nets.masked import MaskedNet
    >>> net = MaskedNet(1, (0, 1, 1), (8,))
    >>> net.residuals(torch.zeros(5, 3), [[0], [1]]).shape
    torch.Size([5, 3])
    """

    sources: Tensor

    def __init__(
        self,
        n_members: int,
        sources: Sequence[int],
        hidden_layer_sizes: Sequence[int],
        activation: str = "silu",
        mask_rate: float = 0.5,
    ) -> None:
        super().__init__()
        self.config: dict[str, Any] = {
            "n_members": int(n_members),
            "sources": tuple(int(s) for s in sources),
            "hidden_layer_sizes": tuple(int(n) for n in hidden_layer_sizes),
            "activation": activation,
            "mask_rate": float(mask_rate),
        }
        self.n_members, self.n_columns = n_members, len(sources)
        self.n_features = max(sources) + 1
        self.in_order = list(sources) == list(range(self.n_columns))
        self.register_buffer("sources", torch.tensor(sources), persistent=False)
        self.mask = FeatureMask(mask_rate)
        self.activations = activations(activation, len(hidden_layer_sizes))
        self.register_load_state_dict_pre_hook(read_shared_slope)
        widths = [2 * self.n_columns, *hidden_layer_sizes, self.n_columns]
        self.linears = layers(
            PackedLinear(n_members, n_in, n_out) for n_in, n_out in pairwise(widths)
        )

    @torch.no_grad()
    def initialize(self, rng: np.random.RandomState) -> None:
        """Draw initial weights: normal (He et al., 2015), a tenth of it in the last layer, so that
        the first predictions are near the mean."""
        for linear in self.linears:
            scale = math.sqrt(2 / linear.weight.shape[1])
            if linear is self.linears[-1]:
                scale *= 0.1
            draws = torch.as_tensor(rng.normal(0.0, scale, tuple(linear.weight.shape)))
            linear.weight.copy_(draws)
            linear.bias.zero_()

    def parameter_group(self, name: str) -> tuple[float, float]:
        """Factors of the learning rate and of the decay: biases do not decay."""
        return 1.0, 0.0 if name.endswith("bias") else 1.0

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        inputs, _, counted = self.masked_input(x)
        return self._from_first(self.linears[0](inputs)), counted

    def masked_input(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Input of the first layer, of shape (n_members, n_samples, 2 * n_columns); x with 0 where
        missing, and the mask of the errors that count."""
        missing = None
        if x.device.type != "cpu" or not x.sum().isfinite():  # to ask a GPU is to wait for it
            missing, x = x.isnan().to(x.dtype), x.nan_to_num()
        hidden = torch.zeros_like(x)
        if self.mask.is_drawing():
            hidden = self.mask((*x.shape[:2], self.n_features), x.dtype, x.device)
            if not self.in_order:
                hidden = hidden.index_select(2, self.sources)
        unseen = hidden if missing is None else torch.maximum(hidden, missing)
        inputs = torch.cat([torch.addcmul(x, x, unseen, value=-1), unseen], 2)
        return inputs, x, hidden if missing is None else unseen - missing

    def _from_first(self, h: Tensor, columns: Tensor | slice = slice(None)) -> Tensor:
        """Predictions of some columns from the pre-activations of the first layer."""
        h = self.activations[0](h)
        for linear, activation in zip(self.linears[1:-1], islice(self.activations, 1, None)):
            h = activation(linear(h))
        last = self.linears[-1]
        return torch.baddbmm(last.bias[:, :, columns], h, last.weight[:, :, columns])

    def _first(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Known values, 1 where missing, and the pre-activations of the first layer with nothing
        hidden."""
        missing = x.isnan().to(x.dtype)
        x = x.nan_to_num()
        both = torch.cat([x, missing], 1).expand(self.n_members, -1, -1)
        return x, missing, self.linears[0](both)

    def residuals(self, x: Tensor, groups: Sequence[Sequence[int]]) -> Tensor:
        """Each value minus its prediction from the features outside of its group.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_columns)
        groups : list of list of int
            Features that are hidden together; each feature in one of them.

        Returns
        -------
        Tensor of shape (n_samples, n_columns)
            From the mean of the members' predictions; 0 where `x` is missing.
        """
        x, missing, base = self._first(x)
        weight = self.linears[0].weight
        out = torch.empty_like(x)
        for group in groups:
            wanted = torch.tensor(group, device=x.device)
            columns = torch.isin(self.sources, wanted).nonzero().flatten()
            n = len(columns)
            change = torch.cat([-x[:, columns], 1 - missing[:, columns]], 1)
            rows = weight[:, torch.cat([columns, columns + self.n_columns])]
            h = torch.baddbmm(base, change.expand(self.n_members, -1, 2 * n), rows)
            prediction = self._from_first(h, columns).mean(0)
            out[:, columns] = (x[:, columns] - prediction) * (1 - missing[:, columns])
        return out

    def latent(self, x: Tensor) -> Tensor:
        """Activations of the narrowest hidden layer with nothing hidden, averaged over the members.

        Returns
        -------
        Tensor of shape (n_samples, n_units)
        """
        h = self.activations[0](self._first(x)[2])
        sizes = self.config["hidden_layer_sizes"]
        narrowest = sizes.index(min(sizes))
        for i in range(1, narrowest + 1):
            h = self.activations[i](self.linears[i](h))
        return h.mean(0)
