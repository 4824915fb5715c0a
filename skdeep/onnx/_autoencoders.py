"""Autoencoders, variational ones and Boltzmann machines."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np

from skdeep.autoencoder.autoencoder import Autoencoder
from skdeep.autoencoder.rbm import RBM
from skdeep.autoencoder.vae import VariationalAutoencoder
from skdeep.base.estimator import new_random_state
from skdeep.nets.array_autoencoder import (
    CROSS_ENTROPY,
    STANDARDIZED,
    ArrayAutoencoder,
    SequenceAutoencoderNet,
)
from skdeep.nets.autoencoder import AutoencoderNet
from skdeep.nets.vae import LOG_VARIANCES
from skdeep.onnx._arrays import (
    Rows,
    lengths_of,
    masked,
    read_rows,
    standardized,
    whole,
)
from skdeep.onnx._family import Family, of_network, single
from skdeep.onnx._graph import Graph, Output, Unsupported
from skdeep.onnx._inputs import TensorInput
from skdeep.onnx._loops import for_each
from skdeep.onnx._recurrence import all_steps, last_steps, recurrence

# --- rows that are vectors -------------------------------------------------------------------


def _run(g: Graph, net: Any, h: str, start: int, stop: int) -> str:
    """From the output of layer `start` (0 is the input) to that of layer `stop`."""
    for i in range(start, stop):
        place = i - net.n_encoder
        if place < 0:
            h = g.module(net.encoder[i], h)
        elif net.tied:
            weight = net.encoder[-1 - place].weight.T
            h = g.linear(h, weight, net.decoder[place])
        else:
            h = g.module(net.decoder[place], h)
        h = g.module(net.activations[i], h)
    return h


def _restored(g: Graph, model: Any, raw: str) -> str:
    if model.loss == "cross_entropy":
        return g.op("Sigmoid", raw)
    if model.loss == "mixed":
        return g.op("Where", np.array(model._is_binary), g.op("Sigmoid", raw), raw)
    return raw


def _errors(g: Graph, model: Any, raw: str, wanted: str) -> str:
    """The error of each value; see `skdeep.losses.Reconstruction`."""
    loss = model.net_.criterion_
    if loss.kind == "cross_entropy":
        return _cross_entropy(g, raw, wanted)
    difference = g.op("Sub", raw, wanted)
    square = g.op("Mul", difference, difference)
    if loss.kind == "squared_error":
        return square
    return g.op("Where", np.array(loss.is_binary), _cross_entropy(g, raw, wanted), square)


def _cross_entropy(g: Graph, raw: str, wanted: str) -> str:
    """Of values in [0, 1] and raw scores, before the sigmoid."""
    return g.op("Sub", g.op("Softplus", raw), g.op("Mul", raw, wanted))


# --- rows that are arrays --------------------------------------------------------------------


def _prepared(g: Graph, model: Any, net: ArrayAutoencoder) -> tuple[Rows, Rows]:
    """Rows in the units of the network, and the same ones standardised."""
    rows = read_rows(g, model)
    if net.unit != 1:
        rows = replace(rows, x=g.op("Div", rows.x, g.const(net.unit, of_network(model))))
    return rows, standardized(g, rows, net.scale)


def _encoded(g: Graph, net: Any, scaled: Rows) -> str:
    encode = _read if isinstance(net, SequenceAutoencoderNet) else _convolved
    return encode(g, net, scaled)


def _read(g: Graph, net: Any, scaled: Rows) -> str:
    x, lengths, made = g.op("Transpose", scaled.x, perm=[2, 0, 1]), lengths_of(g, scaled), ("", "")
    for i, layer in enumerate(net.readers):
        made = recurrence(g, [layer], all_steps(g, made[0]) if i else x, lengths)
    return g.module(net.code_activation, g.module(net.to_code, last_steps(g, made[1])))


def _convolved(g: Graph, net: Any, scaled: Rows) -> str:
    x, places = scaled.x, [*islice(net.activations, net.n_inner), net.code_activation]
    for i, (layer, norm) in enumerate(zip(net.convs, net.norms)):
        x = g.module(places[i], g.module(norm, g.module(layer, x)))
    x = g.op("Flatten", x)
    for layer, activation in zip(net.encoder, places[len(net.convs) :]):
        x = g.module(activation, g.module(layer, x))
    return x


def _decoded(g: Graph, net: Any, code: str, rows: Rows | None = None) -> str:
    """Raw outputs of codes, as long as `rows`, or as those of `fit`."""
    decode = _written if isinstance(net, SequenceAutoencoderNet) else _turned
    return g.module(net.output_activation, decode(g, net, code, rows))


def _turned(g: Graph, net: Any, code: str, rows: Rows | None) -> str:
    x, places = code, islice(net.activations, net.n_inner, None)
    for i, linear in enumerate(net.decoder):
        x = g.module(linear, g.module(next(places), x) if i else x)
    x = g.reshape(x, [0, -1, *net.sizes[-1]])
    for i, (layer, norm) in enumerate(zip([*net.ups, net.last], net.up_norms)):
        if i or len(net.decoder):
            x = g.module(next(places), g.module(norm, x))
        x = g.module(layer, x)
        size = net.sizes[-2 - i]
        axes = list(range(2, 2 + len(size)))
        x = g.op("Slice", x, [0] * len(size), list(size), axes)  # an odd side came back longer
    return x


def _written(g: Graph, net: Any, code: str, rows: Rows | None) -> str:
    n_steps = [net.shape[-1]] if rows is None else g.op("Shape", rows.x, start=2, end=3)
    h = g.op("Expand", code, g.op("Concat", n_steps, g.op("Shape", code), axis=0))
    start = g.op("Unsqueeze", g.op("Tanh", g.module(net.from_code, code)), [0])
    for i, layer in enumerate(net.writers):
        h = all_steps(g, recurrence(g, [layer], h, None, None if i else start)[0])
    h = g.op("Add", g.op("MatMul", h, net.last.weight.T), net.last.bias)
    lengths = None if rows is None else lengths_of(g, rows)
    if lengths is None:
        h = g.op("Slice", h, [-1], [np.iinfo(np.int64).min], [0], [-1])
    else:
        h = g.op("ReverseSequence", h, lengths, time_axis=0, batch_axis=1)
    return g.op("Transpose", h, perm=[1, 2, 0])


def _in_units_of_rows(g: Graph, net: ArrayAutoencoder, raw: str) -> str:
    """Raw outputs in the numbers of X."""
    if net.output == CROSS_ENTROPY:
        raw = g.op("Sigmoid", raw)
    elif net.output == STANDARDIZED:
        shape = (-1, *[1] * (len(net.shape) - 1))
        raw = g.op("Div", raw, net.scale.scale.view(shape))
        raw = g.op("Add", raw, net.scale.mean.view(shape))
    return raw if net.unit == 1 else g.op("Mul", raw, float(net.unit))


def _as_given(g: Graph, model: Any, x: str, like: str) -> str:
    """Rows with channels first in the layout of X, whose shape is `like`."""
    if model.data_format == "channels_last":
        rank = len(model.net_.module_.shape) + 1
        x = g.op("Transpose", x, perm=[0, *range(2, rank), 1])
    return g.op("Reshape", x, like)


# --- Autoencoder -----------------------------------------------------------------------------


def transform(g: Graph, model: Any) -> Output:
    net, width = model.net_.module_, model._n_features_out
    if isinstance(net, AutoencoderNet):
        return Output(_run(g, net, g.rows(), 0, model._coder._layer()), g.dtype, [None, width])
    return Output(_encoded(g, net, _prepared(g, model, net)[1]), g.dtype, [None, width])


def reconstruct(g: Graph, model: Any) -> Output:
    net, shape = model.net_.module_, list(g.inputs[0].shape)
    if isinstance(net, AutoencoderNet):
        made = _restored(g, model, _run(g, net, g.rows(), 0, net.n_layers))
        return Output(made, g.dtype, [None, model.n_features_in_])
    rows, scaled = _prepared(g, model, net)
    raw = _decoded(g, net, _encoded(g, net, scaled), rows)
    made = _in_units_of_rows(g, net, raw)
    if rows.inside is not None:
        made = g.op("Where", rows.inside, made, math.nan)
    if len(g.inputs) > 1:
        shape = [None, len(g.inputs)]
    return Output(_as_given(g, model, made, g.op("Shape", whole(g, np.float32))), g.dtype, shape)


def inverse_transform(g: Graph, model: Any) -> Output:
    net, code = model.net_.module_, g.rows()
    if isinstance(net, AutoencoderNet):
        made = _run(g, net, code, model._coder._layer(), net.n_layers)
        return Output(_restored(g, model, made), g.dtype, [None, model.n_features_in_])
    if None in net.shape:
        raise Unsupported(
            "inverse_transform of series of unequal length: a code does not say how long its row "
            "was. Use methods=('reconstruct',), or fit series of one length."
        )
    made, shape = _in_units_of_rows(g, net, _decoded(g, net, code)), list(model._row_shape)
    made = _as_given(g, model, made, g.const([-1, *shape]))
    return Output(made, g.dtype, [None, *shape])


def score_samples(g: Graph, model: Any) -> Output:
    net = model.net_.module_
    if isinstance(net, AutoencoderNet):
        x = g.rows()
        errors = _errors(g, model, _run(g, net, x, 0, net.n_layers), x)
        return Output(g.op("Neg", g.reduce("Mean", errors, 1)), g.dtype, [None, 1])
    rows, scaled = _prepared(g, model, net)
    raw = _decoded(g, net, _encoded(g, net, scaled), rows)
    is_scaled = net.output == STANDARDIZED
    wanted = scaled.x if is_scaled else g.cast(rows.x, g.dtype, of_network(model))
    errors = _errors(g, model, raw, wanted)
    lengths = lengths_of(g, rows)
    if lengths is None:
        mean = g.reduce("Mean", g.op("Flatten", errors), 1)
    else:
        total = g.reduce("Sum", masked(g, errors, rows.inside), [1, 2], keepdims=False)
        count = g.cast(lengths, g.dtype)
        mean = g.op("Div", total, g.op("Mul", count, float(net.shape[0])))
    return Output(g.reshape(g.op("Neg", mean), [-1, 1]), g.dtype, [None, 1])


# --- VariationalAutoencoder ------------------------------------------------------------------


def _stack(g: Graph, linears: Any, activations: Any, x: str) -> str:
    for linear, activation in zip(linears[:-1], activations):
        x = g.module(activation, g.module(linear, x))
    return g.module(linears[-1], x)


def _code(g: Graph, net: Any) -> str:
    """Means and log variances of the codes of rows, side by side."""
    return _stack(g, net.encoder, net.activations, g.rows())


def _raw_rows(g: Graph, net: Any, code: str) -> str:
    return _stack(g, net.decoder, islice(net.activations, len(net.encoder) - 1, None), code)


def _means(g: Graph, model: Any, code: str) -> Output:
    net = model.net_.module_
    raw = _raw_rows(g, net, code)
    raw = g.op("Sigmoid", raw) if net.likelihood == "bernoulli" else raw
    return Output(raw, g.dtype, [None, model.n_features_in_])


def variational_transform(g: Graph, model: Any) -> Output:
    width = model._n_features_out
    return Output(g.part(_code(g, model.net_.module_), 0, width), g.dtype, [None, width])


def variational_reconstruct(g: Graph, model: Any) -> Output:
    return _means(g, model, variational_transform(g, model).name)


def variational_decode(g: Graph, model: Any) -> Output:
    """Expected rows of codes, given or drawn from the standard normal distribution."""
    return _means(g, model, g.rows())


def variational_score(g: Graph, model: Any) -> Output:
    """`VAENet.log_likelihood_bound` with the draws that an integer `random_state` stands for."""
    net, width = model.net_.module_, model._n_features_out
    if not isinstance(model.random_state, (int, np.integer)):
        raise Unsupported(
            f"score_samples draws codes, by random_state={model.random_state!r} others in each "
            "call: set random_state to an integer."
        )
    draws = new_random_state(model.random_state).standard_normal((model.n_draws, width))
    both = _code(g, net)
    mean, log_variance = g.part(both, 0, width), g.part(both, width, 2 * width)
    low, high = LOG_VARIANCES
    log_variance = g.op("Min", g.op("Max", log_variance, low), high)
    std, x = g.op("Exp", g.op("Mul", log_variance, 0.5)), g.rows()

    def weight(inner: Graph, draw: str, mean: str, std: str, log_variance: str, x: str) -> str:
        z = inner.op("Add", mean, inner.op("Mul", std, draw))
        squares = inner.op("Sub", inner.op("Mul", draw, draw), inner.op("Mul", z, z))
        prior = inner.reduce("Sum", inner.op("Add", squares, log_variance), 1)
        cost = _negative_log_likelihood(inner, net, _raw_rows(inner, net, z), x)
        return inner.op("Sub", inner.op("Mul", prior, 0.5), cost)

    beside = (mean, std, log_variance, x)
    weights = for_each(g, g.const(draws[:, None]), weight, g.dtype, beside)
    bound = g.reduce("LogSumExp", weights, 0, keepdims=False)
    return Output(g.op("Sub", bound, math.log(len(draws))), g.dtype, [None, 1])


def _negative_log_likelihood(g: Graph, net: Any, raw: str, x: str) -> str:
    if net.likelihood == "bernoulli":
        return g.reduce("Sum", _cross_entropy(g, raw, x), 1)
    log_variance = net.log_variance.detach()
    difference = g.op("Sub", x, raw)
    squares = g.op("Mul", g.op("Mul", difference, difference), (-log_variance).exp())
    parts = g.op("Add", squares, log_variance + math.log(2 * math.pi))
    return g.op("Mul", g.reduce("Sum", parts, 1), 0.5)


# --- RBM -------------------------------------------------------------------------------------


def boltzmann_transform(g: Graph, model: Any) -> Output:
    hidden = g.module(model.net_.module_.hidden, g.rows())
    return Output(g.op("Sigmoid", hidden), g.dtype, [None, model._n_features_out])


def boltzmann_decode(g: Graph, model: Any) -> Output:
    net = model.net_.module_
    sums = g.linear(g.rows(), net.hidden.weight.T, net.visible_bias)
    sums = g.op("Sigmoid", sums) if net.visible == "bernoulli" else sums
    return Output(sums, g.dtype, [None, model.n_features_in_])


def boltzmann_score(g: Graph, model: Any) -> Output:
    """Minus `RBMNet.free_energy`."""
    net, v = model.net_.module_, g.rows()
    below = g.reduce("Sum", g.op("Softplus", g.module(net.hidden, v)), 1)
    if net.visible == "bernoulli":
        above = g.op("MatMul", v, net.visible_bias[:, None])
        return Output(g.op("Add", above, below), g.dtype, [None, 1])
    difference = g.op("Sub", v, net.visible_bias)
    square = g.reduce("Sum", g.op("Mul", difference, difference), 1)
    return Output(g.op("Sub", below, g.op("Mul", square, 0.5)), g.dtype, [None, 1])


def _codes(model: Any) -> list[TensorInput]:
    return [TensorInput("codes", _precision(model), [None, model._n_features_out])]


def _noise(model: Any) -> list[TensorInput]:
    """Standard normal numbers."""
    return [TensorInput("noise", of_network(model), [None, model._n_features_out])]


def _precision(model: Any) -> np.dtype:
    is_array = isinstance(model.net_.module_, ArrayAutoencoder)
    return single(model) if is_array else of_network(model)


FAMILIES: dict[type, Family] = {
    Autoencoder: Family(
        {
            "transform": transform,
            "inverse_transform": inverse_transform,
            "reconstruct": reconstruct,
            "score_samples": score_samples,
        },
        ("transform",),
        _precision,
        {"inverse_transform": _codes},
    ),
    VariationalAutoencoder: Family(
        {
            "transform": variational_transform,
            "inverse_transform": variational_decode,
            "reconstruct": variational_reconstruct,
            "score_samples": variational_score,
            "sample": variational_decode,
        },
        ("transform",),
        inputs={"inverse_transform": _codes, "sample": _noise},
    ),
    RBM: Family(
        {
            "transform": boltzmann_transform,
            "inverse_transform": boltzmann_decode,
            "score_samples": boltzmann_score,
        },
        ("transform",),
        inputs={"inverse_transform": _codes},
    ),
}
