"""How a model is taken apart: which operator writes which step, and what goes from one to another.

skl2onnx parses a model into operators, by a function for each class. This parser is handed to it
for one call, and registered nowhere: skl2onnx writes the steps that are scikit-learn's, skdeep
writes its own, and those that hold other estimators.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from skl2onnx._parse import _parse_sklearn, _parse_sklearn_simple_model
from skl2onnx._supported_operators import sklearn_classifier_list, sklearn_operator_name_map
from skl2onnx.common._registration import get_converter, get_shape_calculator
from sklearn.base import ClusterMixin
from sklearn.preprocessing import FunctionTransformer

from skdeep.onnx import _register, _theirs
from skdeep.onnx._family import Family
from skdeep.onnx._graph import Graph, Module, Output, Unsupported
from skdeep.onnx._holders import holder_of
from skdeep.onnx._inputs import TensorInput
from skdeep.onnx._types import STRING, dtype_of, float_type, tensor_type

Methods = Mapping[str, Mapping[str, Any]]
"""The methods that are wanted of an estimator, with their arguments."""


@dataclass
class Root:
    """The whole model, in skl2onnx's place of one.

    Attributes
    ----------
    model : estimator
    inputs : list of TensorInput
    methods : mapping of str to mapping, or None
    """

    model: Any
    inputs: list[TensorInput]
    methods: Methods | None


@dataclass
class Part:
    """An operator that skdeep writes.

    Attributes
    ----------
    path : str
        Of the step, for messages.
    dtype : numpy.dtype
        In which it computes.
    write : callable
        Given the graph, it returns an `Output` for each variable.
    """

    path: str
    dtype: Any
    write: Callable[[Graph], Sequence[Output]]


class Parser:
    """One call of `to_onnx`.

    Parameters
    ----------
    modules : mapping of type to callable
        What writes torch modules.
    """

    def __init__(self, modules: Mapping[type, Module]) -> None:
        self.modules = modules
        self.parsers = {Root: self._root}
        self.converters: dict[type, Callable[..., None]] = {Part: self._write}
        self.shapes: dict[type, Callable[..., None]] = {Part: _register.no_shapes}
        self._path: list[str] = []
        self._paths: dict[int, str] = {}
        self._kept: list[Any] = []
        self._no_zipmap = dict.fromkeys(sklearn_classifier_list, _parse_sklearn_simple_model)

    # --- any model ----------------------------------------------------------------------------

    def parse(
        self, scope: Any, model: Any, inputs: list, methods: Methods | None = None
    ) -> list[Any]:
        """The variables that a model makes of others.

        Parameters
        ----------
        scope : skl2onnx's Scope
        model : estimator
        inputs : list of Variable
            Tensors side by side.
        methods : mapping, default=None
            None stands for the default ones: labels and probabilities of a classifier, say.

        Returns
        -------
        list of Variable
            One for each method; those of a transformer may be several, side by side.
        """
        family = _register.family_of(model)
        if isinstance(model, FunctionTransformer) and model.func is None:
            return inputs
        if family is not None:
            return self._ours(scope, model, family, inputs, methods)
        holder = holder_of(model)
        if holder is not None:
            return holder(self, scope, model, inputs, methods)
        return self._theirs(scope, model, inputs, methods)

    def _ours(
        self, scope: Any, model: Any, family: Family, inputs: list, methods: Methods | None
    ) -> list:
        wanted = {key: {} for key in family.default} if methods is None else methods
        for method, options in wanted.items():
            reason = _register.why_not(model, method, options)
            if reason is None and method in family.inputs and self._path:
                reason = f"{method} takes no rows, and so is none of several steps in a file."
            if reason is not None:
                raise Unsupported(self.named(reason))
        dtype = family.precision(model) or float_type(inputs)
        announced = []
        for method in wanted:
            try:
                announced += _register.announced(model, method, dtype)
            except Unsupported as error:
                raise Unsupported(self.named(str(error))) from None

        def write(g: Graph) -> list[Output]:
            out: list[Output] = []
            for method, options in wanted.items():
                made = family.methods[method](g, model, **options)
                out += [made] if isinstance(made, Output) else made
            return out

        return self.part(scope, inputs, announced, write, dtype)

    def _theirs(self, scope: Any, model: Any, inputs: list, methods: Methods | None) -> list:
        """An estimator that skl2onnx knows."""
        kind = type(model)
        if kind in _register.REFUSED:
            raise Unsupported(self.named(f"{kind.__name__} {_register.REFUSED[kind]}"))
        if kind not in sklearn_operator_name_map:
            raise Unsupported(
                self.named(f"neither skdeep nor skl2onnx can write a {kind.__name__}.")
            )
        inputs = [self._of_known_type(scope, self.merged(scope, inputs), model)]
        self.converters[kind] = _theirs.named(get_converter, self._paths)
        self.shapes[kind] = _theirs.named(get_shape_calculator, self._paths)
        wanted = list(methods or {})
        if "decision_function" in wanted:  # an operator of skl2onnx has scores or probabilities
            if len(wanted) > 1:
                each = [self._theirs(scope, model, inputs, {method: {}}) for method in wanted]
                return [variable for made in each for variable in made]
            model = copy.copy(model)  # options are of one object
            self._kept.append(model)
            scope.add_options(id(model), {"raw_scores": True})
        self._paths[id(model)] = self.named("")
        made = list(_parse_sklearn(scope, model, inputs, custom_parsers=self._no_zipmap))
        if len(made) == 1 and not made[0].type.shape and hasattr(model, "get_feature_names_out"):
            made[0].type.shape = [None, len(model.get_feature_names_out())]
        return made if methods is None else [self._of_theirs(model, made, m) for m in wanted]

    def _of_theirs(self, model: Any, made: list, method: str) -> Any:
        """The output of a method among those that skl2onnx gives an operator."""
        second = ["predict_proba", "decision_function"]
        first = ["predict", "transform"]
        if isinstance(model, ClusterMixin):
            first, second = ["predict"], ["transform"]
        if method in first:
            return made[0]
        if method in second and len(made) == 2:
            return made[1]
        kind = type(model).__name__
        raise Unsupported(self.named(f"skl2onnx does not write {method} of a {kind}."))

    # --- operators ----------------------------------------------------------------------------

    def part(
        self,
        scope: Any,
        inputs: list,
        announced: Sequence[tuple[str, Any]],
        write: Callable[[Graph], Sequence[Output]],
        dtype: Any = None,
    ) -> list:
        """Declare an operator that skdeep writes.

        Parameters
        ----------
        scope : skl2onnx's Scope
        inputs : list of Variable
        announced : list of (str, dtype)
            The name and the type of each output.
        write : callable
            Given the graph, it returns an `Output` for each of them.
        dtype : dtype-like, default=None
            In which it computes; None is float64 where an input is of that type, else float32.
        """
        operator = scope.declare_local_operator(
            "SkdeepPart", Part(self.named(""), dtype or float_type(inputs), write)
        )
        operator.inputs = inputs
        for name, kind in announced:
            operator.outputs.append(scope.declare_local_variable(name, tensor_type(kind, [])))
        return list(operator.outputs)

    def merged(self, scope: Any, inputs: list) -> Any:
        """Tensors side by side as one, of the type that holds them all."""
        if len(inputs) == 1:
            return inputs[0]
        kinds = {dtype_of(v.type) for v in inputs}
        if STRING in kinds and len(kinds) > 1:
            raise Unsupported(
                self.named(
                    "numbers and texts would have to be in one tensor: encode the texts before, in "
                    "a ColumnTransformer for example."
                )
            )
        kind = np.result_type(*kinds) if STRING not in kinds else STRING

        def write(g: Graph) -> list[Output]:
            parts = [g.cast(x.name, kind, x.dtype) for x in g.inputs]
            return [Output(g.side_by_side(parts), kind, _shape_together(x.shape for x in g.inputs))]

        (variable,) = self.part(scope, inputs, [("variable", kind)], write)
        variable.type.shape = _shape_together(v.type.shape for v in inputs)
        return variable

    def columns(self, scope: Any, inputs: list, places: Sequence[int]) -> list:
        """Some of the columns of tensors side by side, as tensors side by side."""
        owners = [(i, j) for i, v in enumerate(inputs) for j in range(_width(v))]
        runs: list[tuple[int, list[int]]] = []
        for place in places:
            i, j = owners[place]
            if runs and runs[-1][0] == i:
                runs[-1][1].append(j)
            else:
                runs.append((i, [j]))
        out = []
        for i, chosen in runs:
            if chosen == list(range(_width(inputs[i]))):
                out.append(inputs[i])
            else:
                out.append(self._gathered(scope, inputs[i], chosen))
        return out

    def _gathered(self, scope: Any, variable: Any, chosen: list[int]) -> Any:
        kind = dtype_of(variable.type)

        def write(g: Graph) -> list[Output]:
            return [Output(g.column(g.inputs[0].name, chosen), kind, [None, len(chosen)])]

        (made,) = self.part(scope, [variable], [("columns", kind)], write)
        made.type.shape = [None, len(chosen)]
        return made

    # --- messages -----------------------------------------------------------------------------

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Errors inside a ``with`` are about this step."""
        self._path.append(name)
        try:
            yield
        finally:
            self._path.pop()

    def named(self, message: str) -> str:
        """A message that says which step it is about."""
        path = "__".join(self._path)
        return f"step {path!r}: {message}" if path else message

    # --- what skl2onnx calls ------------------------------------------------------------------

    def _root(self, scope: Any, root: Root, inputs: list, custom_parsers: Any = None) -> list:
        columns: dict[int, Any] = {}
        for variable, known in zip(inputs, root.inputs):
            if len(known.columns) < 2:
                columns[known.columns[0] if known.columns else 0] = variable
            else:
                for place, j in enumerate(known.columns):
                    columns[j] = self._gathered(scope, variable, [place])
        given, model = [columns[j] for j in sorted(columns)], root.model
        made = self.parse(scope, model, given, root.methods)
        is_transformer = hasattr(model, "transform") and not hasattr(model, "predict")
        if is_transformer and list(root.methods or ["transform"]) == ["transform"]:
            made = self._one_output(scope, made, given)
        for variable in made:  # outputs of a file are in the order of their declaration
            scope.variables.move_to_end(variable.onnx_name)
        return made

    def _one_output(self, scope: Any, made: list, given: list) -> list:
        """What a transformer makes, as one tensor that is not an input."""
        if made[0] not in given or len(made) > 1:
            return [self.merged(scope, made)]
        kind = dtype_of(made[0].type)

        def write(g: Graph) -> list[Output]:
            (x,) = g.inputs
            return [Output(x.name, x.dtype, x.shape)]

        return self.part(scope, made, [("variable", kind)], write)

    def _of_known_type(self, scope: Any, variable: Any, model: Any) -> Any:
        """A tensor in a type that skl2onnx has the model for."""
        dtype = dtype_of(variable.type)
        wanted, shape = _theirs.known_type(dtype, model), list(variable.type.shape)
        if wanted == dtype:
            return variable

        def write(g: Graph) -> list[Output]:
            return [Output(g.cast(g.inputs[0].name, wanted), wanted, g.inputs[0].shape)]

        (made,) = self.part(scope, [variable], [("cast", wanted)], write)
        made.type.shape = shape
        return made

    def _write(self, scope: Any, operator: Any, container: Any) -> None:
        part = operator.raw_operator
        g = Graph(scope, operator, container, self.modules, part.dtype)
        try:
            made = part.write(g)
        except Unsupported as error:
            raise Unsupported(part.path + str(error)) from None
        for output, variable in zip(made, operator.outputs):
            g.give(output, variable)


_INNER = (
    *("best_estimator_", "regressor_", "estimators_", "calibrated_classifiers_"),
    *("estimator_", "estimator"),
)


def first_step(model: Any) -> Any:
    """The estimator that is given X, or one of those that are."""
    if type(model) in _register.FAMILIES:
        return model
    if hasattr(model, "steps"):
        steps = [step for _, step in model.steps if step not in (None, "passthrough")]
        return first_step(steps[0]) if steps else model
    for name in _INNER:
        inner = getattr(model, name, None)
        if isinstance(inner, Sequence) and len(inner):
            inner = inner[0]
        if hasattr(inner, "__dict__"):
            return first_step(inner)
    return model


def _width(variable: Any) -> int:
    shape = variable.type.shape
    if len(shape) != 2 or shape[1] is None:
        raise Unsupported(
            f"columns are to be taken out of a tensor of the shape {list(shape)}, whose number of "
            "columns is not known."
        )
    return shape[1]


def _shape_together(shapes: Iterable[Any]) -> list[int | None]:
    """The shape of tensors side by side."""
    total = 0
    for shape in shapes:
        if len(shape) != 2 or shape[1] is None:
            return [None, None]
        total += shape[1]
    return [None, total]
