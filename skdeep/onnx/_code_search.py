"""The search for the code from which a generator makes a row, its gradients written out.

ONNX has no gradients: each layer comes with the nodes that lead from the gradient by what it gives
to that by what it is given. See `skdeep.adversarial.code_search`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from skdeep.adversarial.code_search import PRIOR
from skdeep.adversarial.windows import LARGEST, SQUARED
from skdeep.nets.latent_gan import DenseStack
from skdeep.onnx._arrays import whole
from skdeep.onnx._graph import Graph, Unsupported
from skdeep.onnx._loops import iterate

Backward = Callable[[str], str]
"""From the gradient by what a layer gives to that by what it is given."""

_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-8  # of torch's Adam

# --- layers and their gradients --------------------------------------------------------------


def _linear(g: Graph, x: str, weight: Any, bias: Any) -> tuple[str, Backward]:
    weight = g.stored(weight)
    return g.linear(x, weight, g.stored(bias)), lambda d: g.op("MatMul", d, weight)


def _dense(g: Graph, net: Any, x: str, *, last: bool = True) -> tuple[str, Backward]:
    """A `DenseStack`, with its last layer or without."""
    backs: list[Backward] = []
    for linear, activation in zip(net.linears, net.activations):
        x, back = _linear(g, x, linear.weight, linear.bias)
        backs += [back, functools.partial(_leaky, g, x, activation.negative_slope)]
        x = g.module(activation, x)
    if last:
        x, back = _linear(g, x, net.linears[-1].weight, net.linears[-1].bias)
        backs.append(back)
    return x, lambda d: _chained(backs, d)


def _leaky(g: Graph, x: str, slope: float, d: str) -> str:
    """The way back through a leaky ReLU."""
    return g.op("Where", g.op("Greater", x, 0.0), d, g.op("Mul", d, slope))


def _chained(backs: Sequence[Backward], d: str) -> str:
    for back in reversed(backs):
        d = back(d)
    return d


def _lstm(g: Graph, lstm: Any, sums: Sequence[str]) -> tuple[list[str], Callable]:
    """Outputs of an LSTM from what its inputs add to its gates at each step, and the way back from
    gradients by outputs to those by these sums."""
    weight, n = lstm.weight_hh_l0, lstm.hidden_size
    steps: list[tuple[str, ...]] = []
    h = c = ""
    for total in sums:
        gates = g.op("Add", total, g.linear(h, g.stored(weight))) if h else total
        i, o = (g.op("Sigmoid", g.part(gates, k * n, (k + 1) * n)) for k in (0, 3))
        new, before, forget = g.op("Tanh", g.part(gates, 2 * n, 3 * n)), c, ""
        c = g.op("Mul", i, new)
        if before:
            forget = g.op("Sigmoid", g.part(gates, n, 2 * n))
            c = g.op("Add", g.op("Mul", forget, before), c)
        bent = g.op("Tanh", c)
        h = g.op("Mul", o, bent)
        steps.append((h, i, forget, new, o, before, bent))

    def backward(by_outputs: Sequence[str]) -> list[str]:
        out: list[str] = []
        by_h = by_c = ""
        for d, (_, i, forget, new, o, before, bent) in zip(by_outputs[::-1], steps[::-1]):
            d = g.op("Add", d, by_h) if by_h else d
            at_c = g.op("Mul", g.op("Mul", d, o), _one_less_square(g, bent))
            at_c = g.op("Add", at_c, by_c) if by_c else at_c
            by_i = g.op("Mul", g.op("Mul", at_c, new), _slope(g, i))
            by_new = g.op("Mul", g.op("Mul", at_c, i), _one_less_square(g, new))
            by_o = g.op("Mul", g.op("Mul", d, bent), _slope(g, o))
            if before:
                by_f = g.op("Mul", g.op("Mul", at_c, before), _slope(g, forget))
            else:
                by_f = g.op("Mul", at_c, 0.0)
            out.append(g.side_by_side([by_i, by_f, by_new, by_o]))
            if before:
                by_c = g.op("Mul", at_c, forget)
                by_h = g.op("MatMul", out[-1], g.stored(weight))
        return out[::-1]

    return [step[0] for step in steps], backward


def _slope(g: Graph, s: str) -> str:
    """Of a sigmoid, from its value."""
    return g.op("Mul", s, g.op("Sub", 1.0, s))


def _one_less_square(g: Graph, t: str) -> str:
    """The slope of a tanh, from its value."""
    return g.op("Sub", 1.0, g.op("Mul", t, t))


def _reader(g: Graph, net: Any, x: str, *, n_numbers: int, last: bool) -> tuple[str, Backward]:
    """A `WindowReader`, with its last layer or without."""
    lstm, width = net.lstm, net.width
    bias = lstm.bias_ih_l0.double() + lstm.bias_hh_l0
    sums: list[str] = []
    backs: list[Backward] = []
    for start in range(0, n_numbers, width):
        end = min(start + width, n_numbers)  # behind it are zeros
        total, back = _linear(g, g.part(x, start, end), lstm.weight_ih_l0[:, : end - start], bias)
        sums.append(total)
        backs.append(back)
    outputs, through = _lstm(g, lstm, sums)
    hidden = g.op("Div", g.op("Sum", *outputs), float(len(outputs)))
    made, from_last = (
        _linear(g, hidden, net.last.weight, net.last.bias) if last else (hidden, lambda d: d)
    )

    def backward(d: str) -> str:
        share = g.op("Div", from_last(d), float(len(outputs)))
        by_sums = through([share] * len(outputs))
        return g.side_by_side([back(by) for back, by in zip(backs, by_sums)])

    return made, backward


def _writer(g: Graph, net: Any, z: str) -> tuple[str, Backward]:
    """A `WindowWriter`."""
    lstm, last, n_inputs = net.lstm, net.last, net.lstm.input_size - net.places.shape[1]
    own, of_places = lstm.weight_ih_l0[:, :n_inputs], lstm.weight_ih_l0[:, n_inputs:]
    places, _ = _linear(g, g.stored(net.places), of_places, lstm.bias_ih_l0)
    base, back_to_code = _linear(g, z, own, lstm.bias_hh_l0)
    n_steps = len(net.places)
    sums = [g.op("Add", base, g.column(places, t, axis=0)) for t in range(n_steps)]
    outputs, through = _lstm(g, lstm, sums)
    width = last.out_features
    made, backs, sizes = [], [], []
    for t, h in enumerate(outputs):
        size = min(width, net.n_numbers - t * width)
        part, back = _linear(g, h, last.weight[:size], last.bias[:size])
        made.append(part)
        backs.append(back)
        sizes.append(size)

    def backward(d: str) -> str:
        parts = [g.part(d, t * width, t * width + size) for t, size in enumerate(sizes)]
        by_gates = through([back(part) for back, part in zip(backs, parts)])
        return back_to_code(g.op("Sum", *by_gates))

    return g.side_by_side(made), backward


# --- the search ------------------------------------------------------------------------------


def _standardised(g: Graph, model: Any) -> str:
    """Rows, or windows, as vectors in standard deviations; see
    `skdeep.adversarial.windows.standardised`."""
    size, shape = len(model._center), g.inputs[0].shape
    if len(shape) == 3 and tuple(shape[1:]) != tuple(model.window_shape_):
        raise Unsupported(
            f"X has windows of shape {tuple(shape[1:])}, but fit had {model.window_shape_}."
        )
    x = g.reshape(whole(g, g.dtype), [-1, size])
    x = g.op("Div", g.op("Sub", x, model._center[None]), model._spread[None])
    x = g.op("Min", g.op("Max", x, -SQUARED), SQUARED)
    share = g.op("Div", x, LARGEST)
    return g.op("Div", x, g.op("Sqrt", g.op("Add", g.op("Mul", share, share), 1.0)))


def lowest_loss(g: Graph, model: Any) -> str:
    """The lowest loss along the search for each row, (n_samples, 1); see
    `skdeep.adversarial.code_search`."""
    net, x, n = model.net_.module_, _standardised(g, model), len(model._center)
    coder, is_dense = net.generator, isinstance(net.critic, DenseStack)

    def read(g: Graph, reader: Any, x: str, *, last: bool) -> tuple[str, Backward]:
        if is_dense:
            return _dense(g, reader, x, last=last)
        return _reader(g, reader, x, n_numbers=n, last=last)

    def step(g: Graph, factors: str, states: list[str], x: str, wanted: str) -> list[str]:
        z, m, v, least = states
        write = _dense if is_dense else _writer
        made, to_code = write(g, coder.writer, z)
        features, to_made = read(g, net.critic, made, last=False)
        share = float(model.feature_weight)
        parts = [(made, x, 1 - share), (features, wanted, share), (z, "", PRIOR)]
        gaps = [g.op("Sub", a, b) if b else a for a, b, _ in parts]
        sizes = [n, _width(net.critic), _width(coder.writer, first=True)]
        weights = [weight for _, _, weight in parts]
        loss = g.op("Sum", *(_mean_square(g, a, w) for a, w in zip(gaps, weights)))
        by_made, by_features, by_code = (
            g.op("Mul", a, 2 * w / size) for a, w, size in zip(gaps, weights, sizes)
        )
        slope = to_code(g.op("Add", by_made, to_made(by_features)))
        z, m, v = _adam(g, factors, z, m, v, g.op("Add", slope, by_code))
        return [z, m, v, g.op("Min", least, loss)]

    z, _ = read(g, coder.reader, x, last=True)
    wanted, _ = read(g, net.critic, x, last=False)
    zeros = g.op("Mul", z, 0.0)
    worst = g.op("Add", g.op("Mul", g.column(x, 0), 0.0), np.inf)
    factors = g.const(_factors(int(model.search_steps), float(model.search_learning_rate)))
    return iterate(g, factors, [z, zeros, zeros, worst], step, (x, wanted))[-1]


def _width(net: Any, *, first: bool = False) -> int:
    """Numbers that go into the last layer, or into the first one."""
    if isinstance(net, DenseStack):
        layer: Any = net.linears[0 if first else -1]
        return layer.in_features
    return net.lstm.input_size - net.places.shape[1] if first else net.last.in_features


def _mean_square(g: Graph, x: str, weight: float) -> str:
    """Of each row, times a weight."""
    return g.op("Mul", g.reduce("Mean", g.op("Mul", x, x), 1), weight)


def _factors(n_steps: int, rate: float) -> np.ndarray:
    """The rate and the root of the second moment's share in each step of Adam, (n_steps + 1, 2);
    nobody looks at where the last one leads."""
    t = np.arange(1, n_steps + 2)
    return np.stack([rate / (1 - _BETA_1**t), np.sqrt(1 - _BETA_2**t)], 1)


def _adam(g: Graph, factors: str, z: str, m: str, v: str, slope: str) -> tuple[str, str, str]:
    """A step of Adam (Kingma and Ba, 2015)."""
    m = g.op("Add", g.op("Mul", m, _BETA_1), g.op("Mul", slope, 1 - _BETA_1))
    square = g.op("Mul", slope, slope)
    v = g.op("Add", g.op("Mul", v, _BETA_2), g.op("Mul", square, 1 - _BETA_2))
    rate, root = (g.column(factors, k, axis=0) for k in (0, 1))
    spread = g.op("Add", g.op("Div", g.op("Sqrt", v), root), _EPSILON)
    return g.op("Sub", z, g.op("Mul", g.op("Div", m, spread), rate)), m, v
