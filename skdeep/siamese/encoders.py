"""Networks from rows to embeddings."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import torch
from torch import nn

from skdeep import engine
from skdeep._checks import layer_sizes
from skdeep.data.batches import chunks
from skdeep.data.rows import MappedRows, RaggedRows
from skdeep.inputs.rows import to_host
from skdeep.losses import unit_length
from skdeep.nets import recurrent
from skdeep.nets.blocks import initialize
from skdeep.nets.conv import Standardize, draw_weights
from skdeep.nets.recurrent import RecurrentNet
from skdeep.nets.siamese import ConvEmbedding, DenseEmbedding
from skdeep.siamese.views import views

_SCALE_ROWS = 1000  # that the scale of channels is taken from


def encoder_kind(encoder: Any, shape: tuple) -> str:
    """Kind of the encoder, 'dense', 'conv', 'lstm' or 'module', for the given `encoder` and shape
    of rows."""
    if isinstance(encoder, nn.Module):
        return "module"
    if encoder == "auto":
        return "dense" if len(shape) == 1 else "conv"
    return encoder


def make_encoder(estimator: Any, shape: tuple, rng: np.random.RandomState) -> nn.Module:
    """Network described by the parameters of an estimator, with initial weights.

    Parameters
    ----------
    estimator : estimator
    shape : tuple
        Of one row, with the channels first.
    rng : numpy.random.RandomState
    """
    kind = encoder_kind(estimator.encoder, shape)
    (n_components,) = layer_sizes(estimator.n_components, "n_components")
    n_inputs = math.prod(shape) if kind == "dense" and None not in shape else 1
    sizes = layer_sizes(
        estimator.hidden_layer_sizes,
        "hidden_layer_sizes",
        n_inputs=n_inputs,
        # A perceptron may have no hidden layer.
        may_be_empty=kind == "dense" or (kind == "conv" and estimator.encoder == "auto"),
    )
    if kind == "module":
        return copy.deepcopy(estimator.encoder)
    if kind == "dense":
        if None in shape:
            raise ValueError(
                "encoder='dense' needs rows of one length: series of unequal length are for "
                "encoder='conv'."
            )
        activation = estimator.activation
        units = [n_inputs, *sizes, n_components]
        net: nn.Module = DenseEmbedding(units, activation, estimator.dropout).double()
        initialize(net, "auto", rng, factor=2.0 if activation == "logistic" else 6.0)
        return net
    if kind == "lstm":
        if len(shape) > 2:
            raise ValueError(
                "encoder='lstm' is for vectors and series: images are for encoder='conv'."
            )
        options = {"hidden_sizes": sizes, "dropout": estimator.dropout}
        net = RecurrentNet(shape[0], n_components, **options).double()
        recurrent.initialize(net, rng)
        return net
    net = ConvEmbedding(shape, n_components).double()
    draw_weights(net, rng)
    return net


def width_of_embedding(module: nn.Module, rows: Any, place: Any) -> int:
    """Width of the network's output, checked for a user's module.

    Parameters
    ----------
    module : torch.nn.Module
    rows : ndarray, or rows of `skdeep.data.rows`
        At least one.
    place : callable
        ``place(rows, dtype, device)`` gives a tensor.
    """
    parameter = next(module.parameters())
    with torch.inference_mode():
        z = module.eval()(place(rows[:2], parameter.dtype, parameter.device)[:2])
    if not (isinstance(z, torch.Tensor) and z.ndim == 2):
        shape = tuple(z.shape) if isinstance(z, torch.Tensor) else type(z).__name__
        raise ValueError(
            f"encoder made {shape} of 2 rows: expected a tensor of shape (2, n_components)."
        )
    return z.shape[1]


def set_scale(module: nn.Module, X: Any, numbers: np.ndarray) -> None:
    """Set each `Standardize` to subtract the level of each channel and divide by its spread.

    The level is the median: of images with a background it is the background, which the zeros
    around them then continue.

    Parameters
    ----------
    module : torch.nn.Module
    X : ndarray, or rows of `skdeep.data.rows`
    numbers : ndarray of int
        The rows to take them from.
    """
    layers = [layer for layer in module.modules() if isinstance(layer, Standardize)]
    if not layers:
        return
    if isinstance(X, RaggedRows):
        values = X[numbers].values.T
    else:
        places = np.unique(np.linspace(0, len(numbers) - 1, _SCALE_ROWS).astype(int))
        some = X[numbers[places]]
        some = some.load() if isinstance(some, MappedRows) else to_host(some)
        some = some[:, None] if some.ndim == 2 else some
        values = np.moveaxis(some, 1, 0).reshape(some.shape[1], -1)
    values = values.astype(np.float64)
    with np.errstate(over="ignore"):  # of numbers whose squares training will refuse
        spread = values.std(1)
    scale = 1 / np.where(spread > 0, spread, 1.0)
    for layer in layers:
        for name, value in (("mean", np.median(values, axis=1)), ("scale", scale)):
            place = layer.get_buffer(name)
            place.copy_(torch.from_numpy(value).to(place.dtype))


def training_forward(net: engine.DeepNet, kind: str, amp: bool | str) -> Any:
    """Forward pass of training steps: the module, or a mixed-precision version of it."""
    module, device, is_conv = net.module_, torch.device(net.device), kind == "conv"
    if not engine.wants_mixed(amp, net.dtype, device, on_cpu=is_conv):
        return module
    if not is_conv:
        return engine.mixed_precision(module, net.dtype, device)
    features = engine.mixed_precision(module.features, net.dtype, device)
    return lambda x: module.head(features(x))  # embeddings differ between rows by small numbers


def embed(module: nn.Module, x: Any, normalize: bool, axes: Any = None) -> torch.Tensor:
    """Embeddings of rows on their device, in chunks.

    Parameters
    ----------
    module : torch.nn.Module
    x : Tensor, or rows of `skdeep.data.rows`
    normalize : bool
        Whether they have unit length.
    axes : Tensor of shape (n_views, n_components, n_axes), default=None
        Principal axes of the embeddings of all views; None for one view, as it is.
    """
    widest = max(p.shape[0] for p in module.parameters())
    places = math.prod(n or 1000 for n in x.shape[2:])  # where channels are, in any series
    pieces = chunks(x.shape[0], widest * places, x.device)
    z = torch.cat([_of_views(module, x[piece], normalize, axes) for piece in pieces])
    return unit_length(z) if normalize else z


def _of_views(module: nn.Module, x: Any, normalize: bool, axes: Any) -> torch.Tensor:
    if axes is None:
        return module(x)
    parts = [module(view) for view in views(x, len(axes))]
    parts = [unit_length(part) for part in parts] if normalize else parts
    return torch.einsum("vnc,vca->na", torch.stack(parts), axes) / len(axes) ** 0.5
