"""Pictures and tables of the network inside an estimator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from skdeep.plotting._faces import axes_for
from skdeep.plotting._recorded import trained_estimator

MOST_UNITS = 16
"""Of a layer whose units and weights are drawn one by one."""
MOST_LAYERS = 24
"""In a figure; deeper networks are drawn by blocks."""


@dataclass(frozen=True)
class Layer:
    """A part of a network, with what it learns.

    Parameters
    ----------
    name : str
        Its place in the module, such as 'linears.0'.
    kind : str
        Name of its class.
    shapes : tuple of (str, tuple of int)
        Names and shapes of its own parameters.
    n_parameters : int
        How many numbers it learns; parameters that an earlier layer has, too, count there.
    n_trainable : int
        How many of them training changes.
    """

    name: str
    kind: str
    shapes: tuple[tuple[str, tuple[int, ...]], ...]
    n_parameters: int
    n_trainable: int


def network_layers(estimator: Any) -> list[Layer]:
    """Return the layers of a fitted estimator's network, in the order of their definition."""
    trained = trained_estimator(estimator)
    if not hasattr(trained, "net_"):
        raise ValueError(
            f"{type(trained).__name__} has no network: expected an estimator of skdeep that has "
            "`net_`, or a pipeline or search that holds one."
        )
    layers, seen = [], set()
    for name, module in trained.net_.module_.named_modules():
        own = dict(module.named_parameters(recurse=False))
        if not own and (name == "" or next(module.children(), None) is not None):
            continue
        new = [p for p in own.values() if id(p) not in seen]
        seen |= {id(p) for p in new}
        shapes = tuple((key, tuple(value.shape)) for key, value in own.items())
        layers.append(
            Layer(
                name=name or "network",
                kind=type(module).__name__,
                shapes=shapes,
                n_parameters=sum(p.numel() for p in new),
                n_trainable=sum(p.numel() for p in new if p.requires_grad),
            )
        )
    return layers


def summary(estimator: Any) -> str:
    """Return a table of the layers of a fitted estimator's network.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator of skdeep, or a pipeline or search that ends in one.

    Returns
    -------
    text : str
        A line for each layer, in the order of their definition: its place in
        ``net_.module_``, its class, the shapes of its parameters and their number.

    Raises
    ------
    ValueError
        If the estimator has no network.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import MLPClassifier
    >>> from skdeep.plotting import summary
    >>> clf = MLPClassifier((5,), solver="lbfgs", random_state=0, device="cpu")
    >>> print(summary(clf.fit(*load_iris(return_X_y=True))))
    layer      class   parameters                number
    linears.0  Linear  weight (5, 4), bias (5)       25
    linears.1  Linear  weight (3, 5), bias (3)       18
    hidden.0   ReLU                                   0
    43 parameters, 43 of them trained
    """
    layers = network_layers(estimator)
    rows = [("layer", "class", "parameters", "number")]
    rows += [(e.name, e.kind, _shapes(e), f"{e.n_parameters:,}") for e in layers]
    wide = [max(map(len, column)) for column in zip(*rows)]
    lines = [
        "  ".join([*(cell.ljust(w) for cell, w in zip(row[:3], wide)), row[3].rjust(wide[3])])
        for row in rows
    ]
    total = sum(layer.n_parameters for layer in layers)
    trained = sum(layer.n_trainable for layer in layers)
    return "\n".join([*lines, f"{total:,} parameters, {trained:,} of them trained"])


def _shapes(layer):
    return ", ".join(f"{name} ({', '.join(map(str, shape))})" for name, shape in layer.shapes)


class NetworkDisplay:
    """Network of an estimator: its layers, or for a small perceptron its units and weights.

    It is recommended to use `from_estimator` to create a display. All parameters are stored as
    attributes.

    Parameters
    ----------
    layers : list of Layer
        The layers, from the input to the output.

    weights : list of ndarray of shape (n_inputs, n_units), default=None
        Weights of the connections between layers. If given, they are drawn instead of the layers.

    inputs, outputs : list of str, default=None
        Names of the units of the first and the last layer, where there are weights.

    name : str, default=None
        Title of the axes.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the network.

    figure_ : matplotlib Figure
        Figure containing it.

    See Also
    --------
    summary : The layers as text.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import MLPClassifier
    >>> from skdeep.plotting import NetworkDisplay
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> clf = MLPClassifier((5,), solver="lbfgs", random_state=0, device="cpu").fit(X, y)
    >>> display = NetworkDisplay.from_estimator(clf)
    >>> plt.show()
    """

    ax_: Any
    figure_: Any

    def __init__(
        self,
        layers: list[Layer],
        *,
        weights: Any = None,
        inputs: Any = None,
        outputs: Any = None,
        name: str | None = None,
    ):
        self.layers = layers
        self.weights = weights
        self.inputs = inputs
        self.outputs = outputs
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        kind: str = "auto",
        name: str | None = None,
        ax: Any = None,
        cmap: Any = "coolwarm",
    ) -> Self:
        """Draw the network of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator of skdeep, or a pipeline or search that ends in one.

        kind : {'auto', 'layers', 'weights'}, default='auto'
            'layers' draws a bar for each layer, or for each block of a deep network, with the
            shape of the largest parameter and the number of all. 'weights' draws the units and
            weights of a perceptron; 'auto' does so if no layer has more than 16 units.

        name : str, default=None
            Title of the axes. If None, the name of the estimator's class is used.

        ax : matplotlib Axes, default=None
            Axes to draw on. If None, a new figure is created.

        cmap : str or matplotlib Colormap, default='coolwarm'
            Colours of weights, with 0 in the middle.

        Returns
        -------
        display : NetworkDisplay

        Raises
        ------
        ValueError
            If the estimator has no network, or for ``kind='weights'`` is no perceptron.
        """
        if kind not in ("auto", "layers", "weights"):
            raise ValueError(f"kind={kind!r}: expected 'auto', 'layers' or 'weights'.")
        layers = network_layers(estimator)
        trained = trained_estimator(estimator)
        name = type(trained).__name__ if name is None else name
        weights = getattr(trained, "coefs_", None)
        if kind == "weights" and weights is None:
            raise ValueError(
                f"kind='weights': {type(trained).__name__} is no perceptron; use kind='layers'."
            )
        sizes = [] if weights is None else [len(weights[0]), *(w.shape[1] for w in weights)]
        if kind == "layers" or not sizes or (kind == "auto" and max(sizes) > MOST_UNITS):
            return cls(layers, name=name).plot(ax, cmap=cmap)
        inputs = getattr(trained, "feature_names_in_", [f"x{i}" for i in range(sizes[0])])
        classes = getattr(trained, "classes_", ())
        outputs = classes if len(classes) == sizes[-1] else classes[1:]
        if len(outputs) != sizes[-1]:
            outputs = [""] * sizes[-1]
        display = cls(layers, weights=weights, inputs=inputs, outputs=outputs, name=name)
        return display.plot(ax, cmap=cmap)

    def plot(self, ax: Any = None, *, cmap: Any = "coolwarm") -> Self:
        """Draw the network.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on. If None, a new figure is created.

        cmap : str or matplotlib Colormap, default='coolwarm'
            Colours of weights, with 0 in the middle.

        Returns
        -------
        display : NetworkDisplay
            The display itself.
        """
        ax = axes_for("NetworkDisplay", ax)
        if self.weights is None:
            _draw_layers(ax, _blocks(self.layers))
        else:
            _draw_weights(ax, self.weights, self.inputs, self.outputs, cmap)
        total = sum(layer.n_parameters for layer in self.layers)
        ax.set_title(f"{self.name or 'Network'}: {total:,} parameters")
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _largest(layer):
    """The class of a layer and the shape of its largest parameter."""
    shape = max((shape for _, shape in layer.shapes), key=np.prod)
    return f"{layer.kind} {shape}"


def _blocks(layers):
    """Lines of the figure: (name, what it is, number of parameters), at most `MOST_LAYERS`."""
    learning = [layer for layer in layers if layer.n_parameters]
    if len(learning) <= MOST_LAYERS:
        return [(e.name, _largest(e), e.n_parameters) for e in learning]
    for depth in range(max(layer.name.count(".") for layer in learning), 0, -1):
        blocks: dict[str, list[Layer]] = {}
        for layer in learning:
            blocks.setdefault(".".join(layer.name.split(".")[:depth]), []).append(layer)
        if len(blocks) <= MOST_LAYERS:
            break
    return [
        (
            name,
            _largest(block[0]) if len(block) == 1 else f"{len(block)} layers",
            sum(layer.n_parameters for layer in block),
        )
        for name, block in blocks.items()
    ]


def _draw_layers(ax, blocks):
    """A bar for each line, from the top down, on a logarithmic scale."""
    names, texts, numbers = zip(*blocks)
    places = np.arange(len(blocks))
    ax.barh(places, numbers, color="C0", alpha=0.4)
    for place, text, number in zip(places, texts, numbers):
        ax.text(1.2, place, f"{text}   {number:,}", va="center", fontsize="small")
    ax.set_yticks(places, names)
    ax.set(xscale="log", xlim=(1, 30 * max(numbers)), xlabel="parameters")
    ax.invert_yaxis()


def _draw_weights(ax, weights, inputs, outputs, cmap):
    """Units as dots in columns, weights as lines whose colour is their value."""
    from matplotlib.collections import LineCollection

    sizes = [len(weights[0]), *(w.shape[1] for w in weights)]
    heights = [np.arange(size)[::-1] - (size - 1) / 2 for size in sizes]
    ends = [
        ((column, heights[column][i]), (column + 1, heights[column + 1][j]))
        for column, matrix in enumerate(weights)
        for i, j in np.ndindex(matrix.shape)
    ]
    values = np.concatenate([np.asarray(matrix, dtype=float).ravel() for matrix in weights])
    largest = np.abs(values).max() or 1.0
    lines = LineCollection(
        ends, array=values, cmap=cmap, clim=(-largest, largest),
        linewidths=0.3 + 3 * np.abs(values) / largest,
    )  # fmt: skip
    ax.add_collection(lines)
    for column, height in enumerate(heights):
        ax.plot(np.full(len(height), column), height, "o", color="0.2", markersize=9)
    for label, height in zip(inputs, heights[0]):
        ax.text(-0.08, height, str(label), ha="right", va="center")
    for label, height in zip(outputs, heights[-1]):
        ax.text(len(weights) + 0.08, height, str(label), ha="left", va="center")
    ax.set_axis_off()
    ax.figure.colorbar(lines, ax=ax, label="weight", shrink=0.7)
