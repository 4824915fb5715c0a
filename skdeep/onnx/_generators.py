"""Generators: what `sample` makes of given noise."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdeep.adversarial.image_gan import ImageGAN
from skdeep.adversarial.images import ImageScale
from skdeep.adversarial.tabular_gan import TabularGAN
from skdeep.nets.modes import BELOW_ONE
from skdeep.nets.tabular_gan import AnyOrderGenerator
from skdeep.onnx._answers import label_array
from skdeep.onnx._family import Family, single
from skdeep.onnx._graph import ML, Graph, Output, Unsupported
from skdeep.onnx._inputs import FLOAT32, FLOAT64, INT64, TensorInput

# --- images ----------------------------------------------------------------------------------


def image_noise(model: ImageGAN) -> list[TensorInput]:
    """What a file of an `ImageGAN` takes: normal numbers, and what kind of images to make, as
    labels, or for clusters as numbers from 0 to 1."""
    net = model.net_.module_.generator
    size = net.first.in_features - net.n_classes
    inputs = [TensorInput("noise", FLOAT32, [None, size], [0])]
    if hasattr(model, "classes_"):
        inputs.append(TensorInput("y", label_array(model.classes_).dtype, [None, 1], [1]))
    elif net.n_classes:
        inputs.append(TensorInput("cluster_noise", FLOAT32, [None, 1], [1]))
    return inputs


def sample_images(g: Graph, model: ImageGAN) -> Output:
    net = model.net_.module_.generator
    z = g.inputs[0].name
    if net.n_classes:
        is_it = _is_class(g, model) if hasattr(model, "classes_") else _is_cluster(g, model)
        z = g.side_by_side([z, g.cast(is_it, g.dtype)])
    h = g.reshape(g.module(net.first, z), [-1, *net.base])
    h = g.module(net.norms[0], h)
    for up, norm, activation in zip(net.ups, net.norms[1:], net.activations):
        h = g.module(norm, g.module(up, g.module(activation, h)))
    h = g.op("Tanh", g.module(net.last, g.module(net.activations[-1], h)))
    h = g.op("Slice", h, [0, 0], list(net.shape[1:]), [2, 3])
    return _as_images(g, model, h)


def _is_class(g: Graph, model: ImageGAN) -> str:
    """Which class each label is, (n_samples, n_classes); none for one that `fit` did not see."""
    classes, labels = label_array(model.classes_), g.inputs[1].name
    if classes.dtype.kind != "U":
        return g.op("Equal", labels, g.const(classes[None], classes.dtype))
    numbers = list(range(len(classes)))
    options = {"keys_strings": classes.tolist(), "values_int64s": numbers, "default_int64": -1}
    number = g.op("LabelEncoder", labels, domain=ML, **options)
    return g.op("Equal", number, np.array(numbers)[None])


def _is_cluster(g: Graph, model: ImageGAN) -> str:
    """Clusters as often as in `fit` for even noise, (n_samples, n_clusters)."""
    ends = np.cumsum(model._kind_share)
    past = g.op("GreaterOrEqual", g.inputs[1].name, ends[:-1])
    number = g.reduce("Sum", g.cast(past, INT64), 1)
    return g.op("Equal", number, np.arange(len(ends))[None])


def _as_images(g: Graph, model: ImageGAN, x: str) -> Output:
    """What `ImageScale.unscaled` makes of values in [-1, 1]."""
    scale, (rank, dtype) = ImageScale(*model._range), model._layout
    kind = np.dtype(scale._dtype)
    low, high = g.const(scale.low, kind), g.const(scale.high, kind)
    x = g.cast(g.op("Transpose", x, perm=[0, 2, 3, 1]), kind, g.dtype)
    x = g.op("Mul", g.op("Add", x, g.const(1.0, kind)), g.const((scale.high - scale.low) / 2, kind))
    x = g.op("Add", x, low)
    if rank == 4 and model.data_format == "channels_first":
        x = g.op("Transpose", x, perm=[0, 3, 1, 2])
    shape = list(model.input_shape_)
    x = g.op("Min", g.op("Max", g.reshape(x, [-1, *shape]), low), high)
    if dtype.kind in "iub":
        x = g.op("Round", x)
    return Output(g.cast(x, dtype, kind), dtype, [None, *shape])


# --- tables ----------------------------------------------------------------------------------


def table_noise(model: TabularGAN) -> list[TensorInput]:
    """What a file of a `TabularGAN` takes: numbers from 0 to 1, two for each column."""
    return [TensorInput("noise", FLOAT32, [None, 2 * len(model._modes)])]


def table_columns(model: TabularGAN) -> list[tuple[str, Any]]:
    """The columns that a file of a `TabularGAN` gives.

    Raises
    ------
    Unsupported
        If one holds dates, decimals or other values that ONNX has not; it names the column.
    """
    return [
        (str(name), _dtype_of(modes, str(name)))
        for name, modes in zip(model.column_names_, model.modes_)
    ]


def _dtype_of(modes: Any, name: str) -> np.dtype:
    if modes.is_number:
        kind = modes.kind["name"]
        if kind == "integer":
            steps = modes.steps
            if steps is not None and (steps["storage"] != "int64" or modes.has_missing):
                raise Unsupported(
                    f"column {name!r} holds integers beyond 2**53 that are missing in some rows, "
                    "or beyond 2**63, which tensors of ONNX cannot carry: turn them into texts "
                    "before fit."
                )
            return FLOAT64 if modes.has_missing else INT64
        if kind == "float":
            return modes.dtype if modes.dtype in (np.float32, np.float64) else FLOAT64
        kinds = {"decimal": "decimals", "period": "periods"}.get(kind, f"dates or times ({kind})")
        raise Unsupported(
            f"column {name!r} holds {kinds}, which tensors of ONNX cannot carry: turn it into "
            "numbers or texts before fit."
        )
    levels = np.array([*modes.levels, *modes.pooled])
    if levels.dtype.kind == "U" and all(isinstance(v, str) for v in [*modes.levels, *modes.pooled]):
        return levels.dtype
    if levels.dtype.kind in "bif":
        if modes.has_missing or levels.dtype.kind == "f":
            return FLOAT64
        return INT64 if levels.dtype.kind == "i" else np.dtype(np.bool_)
    raise Unsupported(
        f"column {name!r} holds levels of several types, or of one that tensors of ONNX cannot "
        f"carry, such as {modes.levels[0]!r}: turn them into texts before fit."
    )


def sample_table(g: Graph, model: TabularGAN) -> list[Output]:
    net, noise = model.net_.module_.generator, g.inputs[0].name
    columns = table_columns(model)
    nets = net.nets_in_order() if isinstance(net, AnyOrderGenerator) else net.nets
    seen: list[str] = []
    out = []
    for j, (modes, (_, dtype)) in enumerate(zip(model.modes_, columns)):
        mode = _mode(g, _logits(g, nets[j], seen, noise), g.column(noise, 2 * j))
        if j + 1 < len(columns):
            seen += _features(g, net.features, j, mode)
        decode = _numbers if modes.is_number else _levels
        values = decode(g.in_double(), modes, j, mode, dtype)
        out.append(Output(values, dtype, [None, 1]))
    return out


def _logits(g: Graph, net: Any, seen: list[str], noise: str) -> str:
    """Of the modes of a column, given the features of those before it."""
    if net.last is None:
        return g.op("Add", g.op("Mul", g.column(noise, 0), 0.0), net.bias[None])
    x = g.side_by_side(seen)
    for linear, activation in zip(net.linears, net.activations):
        x = g.module(activation, g.module(linear, x))
    return g.linear(x, net.last.weight, net.bias)


def _mode(g: Graph, logits: str, u: str) -> str:
    """The number of the mode that is drawn, (n_samples, 1)."""
    shares = g.op("CumSum", g.op("Softmax", logits, axis=1), g.const(1))
    whole = g.op("Slice", shares, [-1], [np.iinfo(np.int64).max], [1])
    below = g.cast(g.op("Less", shares, g.op("Mul", u, whole)), INT64)
    last = g.op("Sub", g.op("Shape", logits, start=1, end=2), 1)
    return g.op("Min", g.reduce("Sum", below, 1), last)


def _position(g: Graph, j: int, mode: str) -> str:
    """Where a value is among the modes of column j, float32 as the network has it."""
    place = g.op("Mul", g.column(g.inputs[0].name, 2 * j + 1), g.const(BELOW_ONE, FLOAT32))
    return g.op("Add", g.cast(mode, FLOAT32), place)


def _features(g: Graph, net: Any, j: int, mode: str) -> list[str]:
    """Those of a column; see `skdeep.nets.modes.ModeFeatures`."""
    column, edges = net.columns[j], getattr(net, f"edges_{j}", None)
    if edges is None:
        is_it = g.op("Equal", mode, np.arange(column["n_modes"])[None])
        return [g.cast(is_it, g.dtype)]
    n_known = column["n_modes"] - column["has_missing"]
    low, high = (g.op("Gather", edges[:, k].clone(), mode) for k in (0, 1))
    position = _position(g, j, mode)
    if net.snaps:
        middle = g.op("Add", g.cast(mode, FLOAT32), g.const(0.5, FLOAT32))
        position = g.op("Where", g.op("Equal", low, high), middle, position)
    inside = g.op("Sub", position, g.cast(mode, g.dtype))
    value = g.op("Add", low, g.op("Mul", inside, g.op("Sub", high, low)))
    n_knots = net._knots(column)
    pieces = g.op("Mul", position, n_knots / max(n_known, 1))
    pieces = g.op("Sub", pieces, np.arange(n_knots, dtype=np.float32)[None])
    parts = [g.op("Min", g.op("Max", pieces, 0.0), 1.0), value]
    if not column["has_missing"]:
        return parts
    missing = g.cast(g.op("Equal", mode, n_known), g.dtype)
    known = g.op("Sub", 1.0, missing)
    return [*(g.op("Mul", part, known) for part in parts), missing]


def _numbers(g: Graph, modes: Any, j: int, mode: str, dtype: Any) -> str:
    """What `NumberModes.decode` makes of positions."""
    n, n_places = len(modes.grid), modes.grid.shape[1] - 1
    if not n:  # all values were missing
        return g.op("Add", g.cast(mode, FLOAT64), np.nan)
    own, position = g.op("Min", mode, n - 1), g.cast(_position(g, j, mode), FLOAT64)
    t = g.op("Mul", g.op("Sub", position, g.cast(own, FLOAT64)), n_places / BELOW_ONE)
    piece = g.op("Min", g.op("Floor", t), float(n_places - 1))
    at = g.op("Add", g.op("Mul", own, n_places + 1), g.cast(piece, INT64))
    low, high = (g.op("Gather", modes.grid.ravel(), place) for place in (at, g.op("Add", at, 1)))
    x = g.op("Add", low, g.op("Mul", g.op("Sub", t, piece), g.op("Sub", high, low)))
    if modes.steps is not None:
        return _steps(g, modes.steps, x)
    if modes.step:
        count = g.op("Round", g.op("Div", g.op("Sub", x, float(modes.start)), float(modes.step)))
        x = g.op("Add", g.op("Mul", count, float(modes.step)), float(modes.start))
    elif modes.decimals is not None:
        unit = float(10**modes.decimals)
        x = g.op("Div", g.op("Round", g.op("Mul", x, unit)), unit)
    if modes.kind["name"] == "integer":
        x = g.op("Round", x)
    if modes.has_missing:
        x = g.op("Where", g.op("Less", mode, n), x, np.nan)
    return g.cast(x, dtype, FLOAT64)


def _steps(g: Graph, steps: dict[str, Any], x: str) -> str:
    """Integers that float64 does not hold, from numbers of steps."""
    count = g.cast(g.op("Round", x), INT64)
    if len(steps["known"]):
        return g.op("Gather", np.asarray(steps["known"], INT64), count)
    return g.op("Add", g.op("Mul", count, int(steps["step"])), int(steps["origin"]))


def _levels(g: Graph, modes: Any, j: int, mode: str, dtype: Any) -> str:
    """What `LevelModes.decode` makes of positions."""
    levels: list[Any] = [*modes.levels, *modes.pooled]
    pool = len(modes.levels)
    number = g.op("Min", mode, pool if modes.pooled else max(pool - 1, 0))
    if modes.pooled:
        position = g.cast(_position(g, j, mode), FLOAT64)
        inside = g.op("Sub", position, g.cast(mode, FLOAT64))
        below = g.op("LessOrEqual", modes.pool_share[None], inside)
        rank = g.op("Min", g.reduce("Sum", g.cast(below, INT64), 1), len(modes.pooled) - 1)
        number = g.op("Where", g.op("Equal", number, pool), g.op("Add", rank, pool), number)
    if modes.has_missing:
        levels.append("" if dtype.kind == "U" else np.nan)
        missing = g.op("Equal", mode, len(modes) - 1)
        number = g.op("Where", missing, len(levels) - 1, number)
    return g.op("Gather", g.const(np.array(levels), dtype), number)


def _image_output(model: ImageGAN) -> list[tuple[str, Any]]:
    return [("sample", model._layout[1])]


FAMILIES: dict[type, Family] = {
    ImageGAN: Family(
        {"sample": sample_images},
        ("sample",),
        single,
        {"sample": image_noise},
        {"sample": _image_output},
    ),
    TabularGAN: Family(
        {"sample": sample_table},
        ("sample",),
        single,
        {"sample": table_noise},
        {"sample": table_columns},
    ),
}
