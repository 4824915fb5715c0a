"""Many perceptrons of one shape as one network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from skdeep.nets.blocks import Dropout, MLPNet

    Layer = Any


class PackedMLP:
    """Perceptrons that differ in their weights and in rates of dropout and noise.

    Each draws its noise from its own generator, so that it is trained as it would be alone.

    Parameters
    ----------
    nets : sequence of MLPNet
    parameters : mapping of torch.nn.Parameter to Tensor
        From the parameters of the first network to those of all, with one more axis in front.

    Shapes
    ------
    x : (n_networks, n_samples, n_features); returns (n_networks, n_samples, n_outputs).
    """

    def __init__(self, nets: Sequence[MLPNet], parameters: Mapping[nn.Parameter, Tensor]) -> None:
        self.nets, self.parameters = nets, parameters
        self.places = [
            [list(layers) for layers in zip(*(_parts(net.hidden[i]) for net in nets))]
            for i in range(len(nets[0].hidden))
        ]
        self.statistics = {
            id(norms[0]): (
                torch.cat([norm.running_mean for norm in norms]),
                torch.cat([norm.running_var for norm in norms]),
            )
            for place in self.places
            for norms in place
            if isinstance(norms[0], nn.BatchNorm1d)
        }

    def __call__(self, x: Tensor) -> Tensor:
        """Raw scores in training."""
        if self.nets[0].noise is not None:
            x = x + self._noise(x, [net.noise for net in self.nets])
        *hidden, head = self.nets[0].linears
        for linear, place in zip(hidden, self.places):
            x = self._linear(linear, x)
            for layers in place:
                x = self._apply(layers, x)
        return self._linear(head, x)

    def end_pass(self) -> None:
        """Give the networks what they learn without gradients, after a pass over the rows."""
        for place in self.places:
            for norms in place:
                if id(norms[0]) in self.statistics:
                    mean, var = self.statistics[id(norms[0])]
                    for norm, its_mean, its_var in zip(
                        norms, mean.view(len(norms), -1), var.view(len(norms), -1)
                    ):
                        norm.running_mean.copy_(its_mean)
                        norm.running_var.copy_(its_var)

    def _linear(self, layer: Layer, x: Tensor) -> Tensor:
        weight, bias = self.parameters[layer.weight], self.parameters[layer.bias]
        return torch.baddbmm(bias.unsqueeze(1), x, weight.transpose(1, 2))

    def _apply(self, layers: Sequence[Layer], x: Tensor) -> Tensor:
        first = layers[0]
        if hasattr(first, "kept"):
            return self._drop(x, layers)
        if isinstance(first, nn.BatchNorm1d):
            return self._batch_norm(x, layers)
        if isinstance(first, nn.LayerNorm):
            weight, bias = self.parameters[first.weight], self.parameters[first.bias]
            normed = F.layer_norm(x, first.normalized_shape, eps=first.eps)
            return torch.addcmul(bias.unsqueeze(1), normed, weight.unsqueeze(1))
        if isinstance(first, nn.PReLU):
            slope = self.parameters[first.weight].unsqueeze(1)
            return torch.where(x > 0, x, slope * x)
        return first(x)

    @staticmethod
    def _noise(x: Tensor, layers: Sequence[Any]) -> Tensor:
        drawn = [
            torch.empty_like(rows).normal_(0.0, layer.scale, generator=layer.generator)
            for rows, layer in zip(x, layers)
        ]
        return torch.stack(drawn)

    @staticmethod
    def _drop(x: Tensor, layers: Sequence[Dropout]) -> Tensor:
        kept = torch.stack([layer.kept(rows) for rows, layer in zip(x, layers)])
        return x * kept

    def _batch_norm(self, x: Tensor, norms: Sequence[nn.BatchNorm1d]) -> Tensor:
        """All units of all networks as the channels of one."""
        first = norms[0]
        flat = x.transpose(0, 1).flatten(1)
        normed = F.batch_norm(
            flat,
            *self.statistics[id(first)],
            self.parameters[first.weight].flatten(),
            self.parameters[first.bias].flatten(),
            training=True,
            momentum=first.momentum or 0.0,
            eps=first.eps,
        )
        for norm in norms:
            norm.num_batches_tracked.add_(1)  # type: ignore[union-attr]  # it is tracked
        return normed.unflatten(1, x.shape[::2]).transpose(0, 1)


def _parts(after_linear: nn.Module) -> list[nn.Module]:
    if isinstance(after_linear, nn.Sequential):
        return list(after_linear)
    return [after_linear]
