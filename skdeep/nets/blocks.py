"""Parts that networks are made of: linear maps, activations, normalisation, noise."""

import torch
from torch import nn


class Linear(nn.Linear):
    """``x @ weight.T + bias``, uninitialised: weights come from `skdeep.nets.init`.

    torch's own draws initial weights from the global generator; this one draws nothing. `x` may
    be a sparse COO tensor.

    Shapes
    ------
    x : (n_samples, in_features); returns (n_samples, out_features).
    """

    def reset_parameters(self):
        """Leave the weights as they are."""


class Identity(nn.Identity):
    """The activation that does nothing."""


class ReLU(nn.Module):
    """``max(0, x)``, written over `x`, which must be the fresh output of a linear layer."""

    def forward(self, x):
        return x.relu_()


ACTIVATIONS = {
    "identity": Identity,
    "logistic": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": ReLU,
    "elu": nn.ELU,  # Clevert et al., 2016
    "leaky_relu": nn.LeakyReLU,  # Maas et al., 2013, slope 0.01
    "prelu": nn.PReLU,  # He et al., 2015, one learnt slope per layer, 0.25 at the start
    "selu": nn.SELU,  # Klambauer et al., 2017
    "softplus": nn.Softplus,  # Dugas et al., 2001
    "gelu": nn.GELU,  # Hendrycks and Gimpel, 2016
    "silu": nn.SiLU,  # Elfwing et al., 2018
    "mish": nn.Mish,  # Misra, 2020
}


class RandomModule(nn.Module):
    """A layer that draws random numbers in training, from `generator` and never from torch's
    global one. Training sets the generator; without one the layer passes its input on."""

    generator = None

    def is_drawing(self):
        return self.training and self.generator is not None


class Dropout(RandomModule):
    """Sets a share `p` of the units to zero and scales the others by ``1 / (1 - p)``
    (Srivastava et al., 2014). A schedule may change `p` from step to step.

    The mask comes from 16 random bits a unit, four units to a 64-bit draw: drawing a float for
    each unit would take as long as the layer's matrix product.
    """

    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, x):
        if not (self.p and self.is_drawing()):
            return x
        return x * self._dropped(x).logical_not_().to(x.dtype).mul_(1 / (1 - self.p))

    def relu(self, x):
        """ReLU and dropout in one, over the values of `x`."""
        if not (self.p and self.is_drawing()):
            return x.relu_()
        kept = self._dropped(x).logical_not_().to(x.dtype)  # products are faster than masks
        return _DroppedReLU.apply(x, kept, 1 / (1 - self.p))

    def _dropped(self, x):
        bits = torch.empty((x.numel() + 3) // 4, dtype=torch.int64, device=x.device)
        bits.random_(-(2**63), None, generator=self.generator)
        draws = bits.view(torch.int16)[: x.numel()].view(x.shape)
        return draws < round(self.p * 2**16) - 2**15


class _DroppedReLU(torch.autograd.Function):
    """``relu(x) * scale`` where kept; the output alone says where its slope is 0."""

    @staticmethod
    def forward(ctx, x, kept, scale):
        out = x.detach().relu_().mul_(kept.mul_(scale))
        ctx.scale = scale
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx, grad):
        (out,) = ctx.saved_tensors
        return torch.ops.aten.threshold_backward(grad, out, 0).mul_(ctx.scale), None, None


class GaussianNoise(RandomModule):
    """Adds Gaussian noise of standard deviation `scale`, in the units of the input
    (Bishop, 1995: close to an L2 penalty on the Jacobian)."""

    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def forward(self, x):
        if not self.is_drawing():
            return x
        dense = x.to_dense() if x.is_sparse else x
        noise = torch.empty_like(dense).normal_(0.0, self.scale, generator=self.generator)
        return dense + noise


def set_generator(module, generator):
    """Hand the generator of a training run to every layer that draws (None takes it back)."""
    for layer in module.modules():
        if isinstance(layer, RandomModule):
            layer.generator = generator


NORMALIZATIONS = {
    "batch": nn.BatchNorm1d,  # Ioffe and Szegedy, 2015
    "layer": nn.LayerNorm,  # Ba et al., 2016
}
