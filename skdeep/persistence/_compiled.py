"""Objects of scikit-learn's and SciPy's compiled classes, rebuilt from validated data.

Compiled code trusts its input: an index out of bounds reads memory of others. Such objects are
never given a state from the file: nodes of trees are validated first, and neighbour searches are
rebuilt from their rows.
"""

import functools
import importlib

import numpy as np
from sklearn.utils import check_array

from skdeep._compat import compiled_tree
from skdeep.persistence._plain import Plain, expect, parts

_NO_CHILD = -1


def child_depths(left, right, is_leaf):
    """Depth of each node of a binary tree with root 0, which is validated.

    Parameters
    ----------
    left, right : ndarray of int, shape (n_nodes,)
        Only what stands at inner nodes counts.
    is_leaf : ndarray of bool, shape (n_nodes,)

    Returns
    -------
    int
        The greatest depth.

    Raises
    ------
    ValueError
        If a child is missing, stands before its parent or has two.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep.persistence._compiled import child_depths
    >>> child_depths(np.array([1, -1, -1]), np.array([2, -1, -1]), np.array([False, True, True]))
    1
    """
    inner = np.flatnonzero(~is_leaf)
    children = np.concatenate([left[inner], right[inner]]).astype(np.int64)
    parents = np.concatenate([inner, inner])
    expected = np.arange(1, len(is_leaf))
    if not len(is_leaf) or not np.array_equal(np.sort(children), expected):
        raise ValueError("a tree with a node that is missing or has two parents")
    if (children <= parents).any():
        raise ValueError("a tree with a node before its parent")
    level, depth = np.zeros(1, np.int64), 0
    while True:
        level = level[~is_leaf[level]]
        if not len(level):
            return depth
        level, depth = np.concatenate([left[level], right[level]]).astype(np.int64), depth + 1


def is_tree(obj):
    """Whether `obj` is a compiled tree of scikit-learn.

    Examples
    --------
    >>> from skdeep.persistence._compiled import is_tree
    >>> is_tree(3)
    False
    """
    return f"{type(obj).__module__}.{type(obj).__name__}" == "sklearn.tree._tree.Tree"


def _pack_tree(tree):
    _, (n_features, n_classes, n_outputs), state = tree.__reduce__()
    rest = set(state) - {"max_depth", "node_count", "nodes", "values"}
    if rest:
        raise TypeError(
            f"a tree of scikit-learn with {sorted(rest)}, which this version does not know"
        )
    return [n_features, n_classes, n_outputs, state["max_depth"], state["nodes"], state["values"]]


def _unpack_tree(value):
    n_features, n_classes, n_outputs, max_depth, nodes, values = parts(
        value, int, np.ndarray, int, int, np.ndarray, np.ndarray
    )
    n_classes = np.array(n_classes)
    if n_classes.ndim != 1 or n_classes.dtype.kind != "i" or len(n_classes) != n_outputs:
        raise ValueError("a tree whose numbers of classes are of another shape than its outputs")
    if n_features < 1 or n_outputs < 1 or n_classes.min() < 1 or nodes.ndim != 1:
        raise ValueError("a tree without features, outputs, classes or nodes")
    # In Python's numbers: as int64, the product may wrap around.
    if values.shape != (len(nodes), n_outputs, int(n_classes.max())):
        raise ValueError("a tree whose values do not fit its nodes, outputs and classes")
    left, right = nodes["left_child"], nodes["right_child"]
    is_leaf = left == _NO_CHILD
    if len(nodes):  # a tree before its fit has none
        depth = child_depths(left, right, is_leaf)
        features = nodes["feature"][~is_leaf]
        if depth > max_depth or max_depth > len(nodes):
            raise ValueError(f"a tree of depth {depth} that says {max_depth}")
        if len(features) and not 0 <= features.min() <= features.max() < n_features:
            raise ValueError("a tree that splits by a feature beyond its last")
    tree = compiled_tree()(n_features, n_classes.astype(np.intp), n_outputs)
    state = {"max_depth": max_depth, "node_count": len(nodes), "nodes": nodes, "values": values}
    tree.__setstate__(state)
    return tree


# The metrics that a fit of scikit-learn names when nothing special is asked.
_METRICS = {
    "EuclideanDistance": "euclidean",
    "ManhattanDistance": "manhattan",
    "ChebyshevDistance": "chebyshev",
    "MinkowskiDistance": "minkowski",
    "HaversineDistance": "haversine",
    "HammingDistance": "hamming",
    "CanberraDistance": "canberra",
    "BrayCurtisDistance": "braycurtis",
    "JaccardDistance": "jaccard",
}
_NEIGHBOR_CLASSES = {"KDTree": "_kd_tree", "BallTree": "_ball_tree"}


def _pack_neighbors(tree):
    state, name = tree.__getstate__(), type(tree).__name__.removesuffix("64")
    metric, sample_weight = state[-2:]
    kind = type(metric).__name__
    known = _METRICS.get(kind.removesuffix("64"))
    power, *weights = metric.__getstate__()
    is_weighted = any(np.any(np.asarray(w)) for w in weights)
    if name not in _NEIGHBOR_CLASSES or known is None or is_weighted:
        raise TypeError(f"a {type(tree).__name__} with a metric of {kind}")
    data = np.asarray(state[0])
    weight = None if sample_weight is None else np.asarray(sample_weight)
    return [name, data, state[4], known, float(power), weight]


def _unpack_neighbors(value):
    name, data, leaf_size, metric, power, weight = parts(
        value, str, np.ndarray, int, str, float, (np.ndarray, type(None))
    )
    if metric not in _METRICS.values() or not 1 <= leaf_size < 2**31 or data.dtype.kind not in "fi":
        raise ValueError("neighbours with an unknown metric or a leaf size below 1")
    home = importlib.import_module(f"sklearn.neighbors.{_NEIGHBOR_CLASSES[name]}")
    options = {"p": power} if metric == "minkowski" else {}
    make = vars(home)[name]
    return make(data, leaf_size, metric, sample_weight=weight, **options)


# Where a loss has parameters they are numbers, and a call makes it.
_LOSSES = {
    "sklearn._loss._loss": {
        f"Cy{name}"
        for name in (
            *("HalfSquaredError", "AbsoluteError", "PinballLoss", "HuberLoss", "HalfPoissonLoss"),
            *("HalfGammaLoss", "HalfTweedieLoss", "HalfTweedieLossIdentity", "HalfBinomialLoss"),
            *("HalfMultinomialLoss", "ExponentialLoss"),
        )
    },
    "sklearn.linear_model._sgd_fast": {
        *("Hinge", "SquaredHinge", "ModifiedHuber", "Log", "Huber", "SquaredLoss"),
        *("EpsilonInsensitive", "SquaredEpsilonInsensitive"),
    },
}


def _pack_loss(loss):
    args = [v for v in loss.__reduce_ex__(2)[1] if type(v) is float]
    return [type(loss).__module__, type(loss).__name__, args]


def _unpack_loss(value):
    home, name, args = parts(value, str, str, list)
    if name not in _LOSSES[home]:
        raise ValueError(f"a loss of {name[:50]!r}")
    return vars(importlib.import_module(home))[name](*(expect(v, float) for v in args))


def _pack_spline(spline):
    return [spline.t, spline.c, spline.k, spline.extrapolate, spline.axis]


def _unpack_spline(value):
    from scipy.interpolate import BSpline

    knots, weights, degree, extrapolate, axis = parts(
        value, np.ndarray, np.ndarray, int, (bool, str), int
    )
    if knots.dtype.kind != "f" or weights.dtype.kind != "f" or not 0 <= degree < 100:
        raise ValueError("a spline that is not numeric")
    return BSpline(knots, weights, degree, extrapolate, axis)


def is_number_check(obj):
    """Whether `obj` is the step with which boosting over histograms keeps columns of numbers.

    Examples
    --------
    >>> from functools import partial
    >>> from sklearn.utils import check_array
    >>> from skdeep.persistence._compiled import is_number_check
    >>> is_number_check(partial(check_array, ensure_all_finite=False)), is_number_check(partial(id))
    (True, False)
    """
    if type(obj) is not functools.partial or obj.func is not check_array or obj.args:
        return False
    return obj.keywords.keys() <= _NUMBER_CHECKS and not vars(obj)


_NUMBER_CHECKS = {"dtype", "ensure_all_finite", "force_all_finite"}


def _unpack_number_check(keywords):
    if not expect(keywords, dict).keys() <= _NUMBER_CHECKS:
        raise ValueError("a check of numbers with other arguments")
    dtype = keywords.get("dtype")
    for kind in dtype if type(dtype) is list else [dtype]:
        if not (kind is None or type(kind) is str or isinstance(kind, type)):
            raise ValueError("a check of numbers without a type")
    for name in keywords.keys() - {"dtype"}:
        expect(keywords[name], bool, str)
    return functools.partial(check_array, **keywords)


def _nbytes(factor):
    def cost(value):
        return factor * sum(v.nbytes for v in expect(value, list) if type(v) is np.ndarray)

    return cost


COMPILED = {
    "tree": Plain(
        ("sklearn.tree._tree.Tree",), _pack_tree, _unpack_tree, is_value=False, cost=_nbytes(1)
    ),
    "neighbors": Plain(
        tuple(
            f"sklearn.neighbors.{home}.{name}{bits}"
            for name, home in _NEIGHBOR_CLASSES.items()
            for bits in ("", "64", "32")
        ),
        _pack_neighbors,
        _unpack_neighbors,
        is_value=False,
        cost=_nbytes(16),
    ),
    "loss": Plain(
        tuple(f"{home}.{name}" for home, names in _LOSSES.items() for name in names),
        _pack_loss,
        _unpack_loss,
        is_value=False,
    ),
    "number_check": Plain(
        functools.partial,
        lambda step: step.keywords,
        _unpack_number_check,
        is_value=False,
    ),
    "spline": Plain(
        ("scipy.interpolate._bsplines.BSpline",),
        _pack_spline,
        _unpack_spline,
        is_value=False,
        cost=_nbytes(2),
    ),
}
