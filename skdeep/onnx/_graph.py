"""What converters write: the nodes and weights of one estimator in an ONNX graph."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from skdeep.onnx._types import dtype_of, proto_of, tensor_type

OPSET = {"": 18, "ai.onnx.ml": 3}
"""The versions of the operators that graphs are made of."""

ML = "ai.onnx.ml"


class Input(NamedTuple):
    """A tensor that goes into the graph of an estimator.

    Attributes
    ----------
    name : str
        In the graph.
    dtype : numpy.dtype
        `numpy.dtypes.StrDType` for texts.
    shape : list of (int or None)
    """

    name: str
    dtype: np.dtype
    shape: list[int | None]


class Output(NamedTuple):
    """What a method of an estimator returns, in its graph.

    Attributes
    ----------
    name : str
    dtype : dtype-like
    shape : list of (int or None)
        None for sizes that differ from call to call, such as the number of rows.
    """

    name: str
    dtype: Any
    shape: list[int | None]


class Unsupported(ValueError):
    """Something that an ONNX graph cannot hold; the message says what, and what would help."""


Module = Callable[["Graph", Any, str], str]
"""Writes a torch module: given the graph, the module and the name of its input, it returns the
name of its output."""


class Graph:
    """The part of an ONNX graph that is one estimator, while it is written.

    Values are names. Where an operator has a number, an array or a tensor for an input, it becomes
    a weight of the graph: a Python float, and an array or a tensor of floats, in `dtype`. Equal
    nodes and equal weights are written once, so that several methods may each write all they need.

    Parameters
    ----------
    scope, operator, container
        What skl2onnx hands to converters.
    modules : mapping of type to callable
        The `Module` for each class of torch module.
    dtype : {'float32', 'float64'}
        In which precision the estimator computes.
    """

    def __init__(
        self,
        scope: Any,
        operator: Any,
        container: Any,
        modules: Mapping[type, Module],
        dtype: Any,
    ) -> None:
        self.scope, self.container, self.modules = scope, container, modules
        self.dtype = np.dtype(dtype)
        self.inputs = [
            Input(v.full_name, dtype_of(v.type), list(v.type.shape)) for v in operator.inputs
        ]
        self._written: dict[Any, tuple[str, ...]] = {}

    def in_double(self) -> Graph:
        """The same graph, whose constants are float64."""
        other = copy.copy(self)
        other.dtype = np.dtype(np.float64)
        return other

    def in_single(self) -> Graph:
        """The same graph, whose constants are float32."""
        other = copy.copy(self)
        other.dtype = np.dtype(np.float32)
        return other

    # --- nodes and weights --------------------------------------------------------------------

    def op(
        self, kind: str, *inputs: Any, outputs: int = 1, domain: str = "", **attributes: Any
    ) -> Any:
        """Write a node.

        Parameters
        ----------
        kind : str
            An operator of `OPSET`, such as 'Gemm'.
        *inputs : str, number, array or Tensor
            Names of values, and constants; lists are of integers. None may be left out but the
            last ones, and what a subgraph in an attribute uses has to be among them: skl2onnx
            sorts nodes by their inputs.
        outputs : int, default=1
        domain : str, default=''
        **attributes : dict
            Those of the operator.

        Returns
        -------
        str, or tuple of str where there are several outputs
        """
        names = [v if isinstance(v, str) else self.const(v) for v in inputs]
        key = (kind, domain, outputs, tuple(names), _key(attributes))
        if key not in self._written:
            made = tuple(self.scope.get_unique_variable_name(kind.lower()) for _ in range(outputs))
            self.container.add_node(
                kind, names, list(made), op_domain=domain, name=made[0], **attributes
            )
            self._written[key] = made
        made = self._written[key]
        return made[0] if outputs == 1 else made

    def const(self, value: Any, dtype: Any = None) -> str:
        """A weight: the name of an initializer.

        Parameters
        ----------
        value : number, text, array-like or Tensor
        dtype : dtype-like, default=None
            None is the graph's for floats, int64 for integers, and the array's own for others.
        """
        if isinstance(value, torch.Tensor):
            value = value.detach().cpu().numpy()
        array = np.asarray(value)
        if dtype is not None:
            array = array.astype(dtype)
        elif array.dtype.kind == "f":
            array = array.astype(self.dtype)
        elif array.dtype.kind in "iu" and not isinstance(value, np.ndarray):
            array = array.astype(np.int64)
        if array.dtype.kind in "OU":
            content = [text.encode() for text in array.ravel().tolist()]
            tensor = helper.make_tensor("tensor", TensorProto.STRING, array.shape, content)
        else:
            content = None
            tensor = numpy_helper.from_array(np.ascontiguousarray(array), "tensor")
            tensor.dims[:] = array.shape  # a scalar has none
        known = self.container.initializers_strings.get(tensor.SerializeToString())
        if known is not None:
            return known
        name = self.scope.get_unique_variable_name("c")
        if content is not None:
            self.container.add_initializer(name, TensorProto.STRING, array.shape, content)
        else:
            self.container.add_initializer(name, tensor.data_type, array.shape, tensor)
        return name

    def stored(self, tensor: torch.Tensor) -> str:
        """A tensor of a network in the graph's precision; it is in the file in its own, which may
        take half of the room."""
        values = tensor.numpy(force=True)
        return self.cast(self.const(values, values.dtype), self.dtype, values.dtype)

    def give(self, made: Output, variable: Any) -> None:
        """Let a value be an output of the operator, in the type that was announced for it."""
        announced = dtype_of(variable.type)
        name, kind = made.name, np.dtype(made.dtype)
        if announced.kind == "f" and kind.kind == "f" and announced != kind:
            name, kind = self.cast(name, announced), announced
        variable.set_type(tensor_type(kind, made.shape))
        self.container.add_node(
            "Identity", [name], [variable.full_name], name=f"give_{variable.full_name}"
        )

    # --- what several families need -----------------------------------------------------------

    def rows(self) -> str:
        """All inputs side by side, of shape (n_samples, n_features), in the graph's precision."""
        return self.side_by_side([self.cast(x.name, self.dtype, x.dtype) for x in self.inputs])

    def cast(self, x: str, dtype: Any, known: Any = None) -> str:
        """`x` as another type; itself where `known`, the type it has, is that."""
        if known is not None and np.dtype(known) == np.dtype(dtype):
            return x
        return self.op("Cast", x, to=proto_of(dtype))

    def side_by_side(self, parts: Sequence[str], axis: int = 1) -> str:
        """Values joined along an axis."""
        return parts[0] if len(parts) == 1 else self.op("Concat", *parts, axis=axis)

    def reshape(self, x: str, shape: Sequence[int]) -> str:
        """`x` in another shape; 0 keeps a size, -1 is what is left."""
        return self.op("Reshape", x, list(shape))

    def column(self, x: str, which: int | Sequence[int], axis: int = 1) -> str:
        """One place along an axis, which is kept, or several."""
        return self.op("Gather", x, [which] if isinstance(which, int) else list(which), axis=axis)

    def part(self, x: str, start: int, end: int, axis: int = 1) -> str:
        """The places from `start` to before `end` along an axis."""
        return self.op("Slice", x, [start], [end], [axis])

    def reduce(self, how: str, x: str, axes: int | Sequence[int], keepdims: bool = True) -> str:
        """'Sum', 'Mean', 'Max', 'Min', 'L2', ... over axes."""
        axes = [axes] if isinstance(axes, int) else list(axes)
        return self.op(f"Reduce{how}", x, axes, keepdims=int(keepdims))

    def argmax(self, x: str, axis: int = 1) -> str:
        """The place of the largest value along an axis, the first of equals; int64."""
        return self.op("ArgMax", x, axis=axis, keepdims=0)

    def linear(self, x: str, weight: Any, bias: Any = None) -> str:
        """``x @ weight.T + bias`` for `x` of shape (n_samples, n_inputs)."""
        return self.op("Gemm", x, weight, *([] if bias is None else [bias]), transB=1)

    def module(self, module: nn.Module, x: str) -> str:
        """What a torch module makes of `x` when it does not train."""
        write = self.modules.get(type(module))
        if write is None:
            raise Unsupported(
                f"no converter is known for the module {type(module).__name__}: write a function "
                "of (graph, module, x), which returns the name of the output, and hand it over as "
                f"converters={{{type(module).__name__}: function}}."
            )
        return write(self, module, x)


def _key(value: Any) -> Any:
    """Something hashable that is equal for equal attributes."""
    if isinstance(value, dict):
        return tuple((name, _key(value[name])) for name in sorted(value))
    if isinstance(value, (list, tuple)):
        return tuple(_key(v) for v in value)
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    return value.SerializeToString() if hasattr(value, "SerializeToString") else value
