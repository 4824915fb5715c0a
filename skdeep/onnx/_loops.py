"""Parts of a graph that are run again and again."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from onnx import helper

from skdeep.onnx._graph import Graph
from skdeep.onnx._types import proto_of

ROWS = 256


class _Nodes:
    """The nodes of a subgraph, whose weights are those of the graph around it."""

    def __init__(self, container: Any) -> None:
        self.nodes: list[Any] = []
        self.initializers_strings = container.initializers_strings
        self.add_initializer = container.add_initializer

    def add_node(
        self,
        kind: str,
        names: list[str],
        made: list[str],
        op_domain: str = "",
        name: str = "",
        **attributes: Any,
    ) -> None:
        """skl2onnx's, but that nodes need no names here."""
        self.nodes.append(helper.make_node(kind, names, made, domain=op_domain, **attributes))


def _scan(
    g: Graph,
    along: str,
    states: Sequence[str],
    write: Callable[[Graph, str, list[str]], tuple[Sequence[str], str | None]],
    dtype: Any,
) -> tuple[str, ...]:
    """The last of each state and, if there are some, the results of all rounds.

    Parameters
    ----------
    g : Graph
    along : str
        Whose items along the first axis the rounds are about.
    states : sequence of str
    write : callable
        ``write(g, item, states)`` gives new states and a result, a matrix or None. It uses no other
        values of the graph outside of it than weights.
    dtype : dtype-like
        Of results; all else is of the graph's precision.
    """
    inner, named = copy.copy(g), g.scope.get_unique_variable_name
    inner.container, inner._written = _Nodes(g.container), {}
    seen, item = [named("state") for _ in states], named("item")
    new, made = write(inner, item, seen)
    new = [inner.op("Identity", name) if name in seen else name for name in new]
    nodes = inner.container.nodes
    key = (along, *states, _without_names(nodes, [*seen, item]))
    if key not in g._written:
        float_, results = proto_of(g.dtype), [] if made is None else [made]
        body = helper.make_graph(
            nodes,
            "body",
            [helper.make_tensor_value_info(name, float_, None) for name in (*seen, item)],
            [
                *(helper.make_tensor_value_info(name, float_, None) for name in new),
                *(helper.make_tensor_value_info(r, proto_of(dtype), [None] * 2) for r in results),
            ],
        )
        outputs = len(states) + len(results)
        found = g.op("Scan", *states, along, outputs=outputs, body=body, num_scan_inputs=1)
        g._written[key] = (found,) if outputs == 1 else found
    return g._written[key]


def for_each(
    g: Graph, along: str, write: Callable[..., str], dtype: Any, beside: tuple[str, ...] = ()
) -> str:
    """What ``write(g, item, *beside)`` makes of each item along the first axis, stacked.

    Parameters
    ----------
    g : Graph
    along : str
        In the graph's precision.
    write : callable
        Returns a matrix. Uses no other values of the graph outside of it than `beside` and weights.
    dtype : dtype-like
        Of what it returns.
    beside : tuple of str, default=()
        Values that are the same for each item, in the graph's precision.
    """
    return _scan(g, along, beside, lambda g, item, seen: (seen, write(g, item, *seen)), dtype)[-1]


def iterate(
    g: Graph,
    along: str,
    states: Sequence[str],
    write: Callable[..., Sequence[str]],
    beside: Sequence[str] = (),
) -> tuple[str, ...]:
    """The last states, where ``write(g, item, states, *beside)`` gives new ones for each item
    along the first axis; see `for_each`."""
    n = len(states)

    def round_(inner: Graph, item: str, seen: list[str]) -> tuple[Sequence[str], None]:
        return [*write(inner, item, seen[:n], *seen[n:]), *seen[n:]], None

    return _scan(g, along, [*states, *beside], round_, g.dtype)[:n]


def _without_names(nodes: list[Any], inputs: list[str]) -> bytes:
    """Nodes with the numbers of values for their names: the same for equal subgraphs."""
    names = [*inputs, *(name for node in nodes for name in node.output)]
    number = {name: f"#{i}" for i, name in enumerate(names)}
    out = []
    for node in nodes:
        same = copy.deepcopy(node)
        same.input[:] = [number.get(name, name) for name in node.input]
        same.output[:] = [number[name] for name in node.output]
        out.append(same.SerializeToString())
    return b"".join(out)


def in_pieces(
    g: Graph, x: str, write: Callable[[Graph, str], str], dtype: Any, rows: int = ROWS
) -> str:
    """What ``write(g, piece)`` makes of pieces of `x`, so that a matrix of rows and other points
    never is in memory as a whole.

    Parameters
    ----------
    g : Graph
    x : str
        Of shape (n_samples, n_features), in the graph's precision.
    write : callable
        Returns an array with a row for each row; see `for_each`.
    dtype : dtype-like
        Of what it returns.
    rows : int, default=256
        Most rows of a piece.
    """
    n, width = (g.op("Shape", x, start=axis, end=axis + 1) for axis in (0, 1))
    size = g.op("Min", n, [rows])
    missing = g.op("Mod", g.op("Neg", n), size)
    ends = g.op("Concat", [0, 0], missing, [0], axis=0)
    pieces = g.op("Reshape", g.op("Pad", x, ends), g.op("Concat", [-1], size, width, axis=0))
    made = for_each(g, pieces, write, dtype)
    shape = g.op("Concat", [-1], g.op("Shape", made, start=2), axis=0)
    return g.op("Slice", g.op("Reshape", made, shape), [0], n, [0])
