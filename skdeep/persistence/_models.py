"""Consistency checks of fitted models.

Compiled code of scikit-learn trusts a fitted model: an index out of bounds reads memory of others,
and a model mixed from two gives meaningless predictions. Both `save` and `load` check here.
"""

import inspect

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.utils.metadata_routing import MetadataRequest

from skdeep.engine import DeepNet
from skdeep.persistence import _boosting
from skdeep.persistence._compiled import is_tree
from skdeep.persistence._plain import expect, require
from skdeep.persistence._sizes import check_sizes


def check_attribute(name):
    """Raise if an attribute's name is not an identifier or is special to Python."""
    if expect(name, str).startswith("__"):
        raise ValueError(f"an attribute named {name!r}")


_COMPUTABLE = (type(None), bool, int, float, str, np.ndarray, dict)


def check_state(obj, state):
    """Raise if a state shadows a method of its object, which would then be called."""
    for name in expect(state, dict):
        check_attribute(name)
        method = inspect.getattr_static(type(obj), name, None)
        if callable(method) or (hasattr(type(method), "__get__") and not _is_data(method)):
            raise ValueError(f"an attribute {name!r} that hides a method of {type(obj)}")
    own = getattr(type(obj), "__setstate__", None)
    if own not in (None, BaseEstimator.__setstate__, DeepNet.__setstate__):
        for value in state.values():  # it computes with them: a list of ranges has no bound
            if not isinstance(value, (np.generic, MetadataRequest)):
                expect(value, *_COMPUTABLE)
    if "_sklearn_version" in state:
        expect(state["_sklearn_version"], str)


def _is_data(descriptor):
    return hasattr(type(descriptor), "__set__")


def check_model(model):
    """Raise a ValueError if the parts of `model` are inconsistent."""
    if not isinstance(model, BaseEstimator):
        return
    fitted = vars(model)
    check_sizes(model, fitted)
    names = {kind.__name__ for kind in type(model).__mro__ if kind.__module__[:8] == "sklearn."}
    for name, check in _CHECKS.items():
        if name in names:
            check(fitted)
    if type(model).__module__.partition(".")[0] in ("skdeep", "sklearn"):
        validate = getattr(type(model), "__sklearn_validate_model__", None)
        if validate is not None:
            validate(model)


def _check_tree(fitted):
    if "tree_" not in fitted:
        return
    tree = fitted["tree_"]
    require(is_tree(tree), "nodes of a tree")
    n_outputs = fitted.get("n_outputs_", tree.n_outputs)
    require(tree.n_features == fitted.get("n_features_in_"), "features of a tree")
    require(tree.n_outputs == n_outputs, "outputs of a tree")
    require(tree.node_count > 0, "nodes of a tree")
    if "classes_" in fitted:
        classes = fitted["classes_"] if n_outputs > 1 else [fitted["classes_"]]
        counts = [len(expect(c, np.ndarray)) for c in expect(classes, list)]
        require(counts == tree.n_classes.tolist(), "classes of a tree")


def _trees(estimators):
    """Trees of an ensemble, each fitted."""
    trees = []
    for estimator in estimators:
        tree = vars(estimator).get("tree_") if isinstance(estimator, BaseEstimator) else None
        require(is_tree(tree), "trees")
        trees.append(tree)
    return trees


def _check_forest(fitted):
    if "estimators_" not in fitted:
        return
    n_outputs = fitted.get("n_outputs_", 1)
    counts = None
    if "classes_" in fitted:
        classes = fitted["classes_"] if n_outputs != 1 else [fitted["classes_"]]
        counts = [len(expect(c, np.ndarray)) for c in expect(classes, list)]
    for tree in _trees(expect(fitted["estimators_"], list)):
        require(tree.n_features == fitted.get("n_features_in_"), "features of a forest's trees")
        require(tree.n_outputs == n_outputs, "outputs of a forest's trees")
        require(counts is None or tree.n_classes.tolist() == counts, "classes of a forest's trees")


def _check_isolation_forest(fitted):
    if "estimators_" not in fitted:
        return
    trees = _trees(expect(fitted["estimators_"], list))
    features = expect(fitted["estimators_features_"], list, np.ndarray)
    require(len(features) == len(trees), "features of trees")
    for tree, chosen in zip(trees, features):
        require(type(chosen) is np.ndarray and chosen.shape == (tree.n_features,), "features")


def _check_libsvm(fitted):
    if "support_vectors_" not in fitted:
        return
    vectors, support, coef = (fitted[n] for n in ("support_vectors_", "support_", "_dual_coef_"))
    counts, intercept = (expect(fitted[n], np.ndarray) for n in ("_n_support", "_intercept_"))
    for array in (vectors, coef):
        require(type(array) is np.ndarray or sp.issparse(array), "support vectors")
    n_classes = len(expect(fitted["classes_"], np.ndarray)) if "classes_" in fitted else 2
    n_pairs = n_classes * (n_classes - 1) // 2
    is_precomputed = fitted.get("kernel") == "precomputed"
    n_vectors = len(expect(support, np.ndarray)) if is_precomputed else vectors.shape[0]
    require(support.shape == (n_vectors,), "support vectors")
    require(counts.ndim == 1 and counts.min(initial=0) >= 0, "support vectors")
    if "classes_" in fitted:
        require(len(counts) == n_classes and int(counts.sum()) == n_vectors, "support vectors")
    else:
        require(len(counts) == 2 and int(counts[0]) <= n_vectors, "support vectors")
    require(coef.shape == (n_classes - 1, n_vectors), "coefficients of support vectors")
    require(intercept.shape == (n_pairs,), "intercepts")
    for name in ("_probA", "_probB"):
        require(len(expect(fitted[name], np.ndarray)) in (0, n_pairs), "probabilities of pairs")
    n_rows, n_columns = expect(fitted["shape_fit_"], tuple)
    if is_precomputed:
        require(not n_vectors or 0 <= support.min() <= support.max() < n_rows, "support vectors")
    elif not callable(fitted.get("kernel")):
        require(vectors.shape[1] == n_columns, "support vectors")
    require(n_columns == fitted.get("n_features_in_"), "support vectors")


def _check_clusters(fitted):
    if "cluster_centers_" not in fitted:
        return
    centers = expect(fitted["cluster_centers_"], np.ndarray)
    require(centers.ndim == 2 and centers.dtype.kind == "f", "centres of clusters")
    require(centers.shape[1] == fitted.get("n_features_in_"), "centres of clusters")
    require(1 <= expect(fitted.get("_n_threads", 1), int) <= 4096, "threads")


def _check_neighbors(fitted):
    if "_fit_X" not in fitted:
        return
    rows, tree = fitted["_fit_X"], fitted.get("_tree")
    require(type(rows) is np.ndarray or sp.issparse(rows), "rows of neighbours")
    n_rows, n_columns = rows.shape
    require(fitted.get("n_samples_fit_") == n_rows, "rows of neighbours")
    if fitted.get("metric") != "precomputed":
        require(fitted.get("n_features_in_") == n_columns, "features of neighbours")
    if tree is not None:
        require(type(tree).__module__.startswith("sklearn.neighbors."), "rows of neighbours")
        require(np.asarray(tree.data).shape == (n_rows, n_columns), "rows of neighbours")
    if "_y" not in fitted:
        return
    y = expect(fitted["_y"], np.ndarray)
    require(len(y) == n_rows, "targets of neighbours")
    if "classes_" in fitted:
        classes = fitted["classes_"]
        classes = classes if type(classes) is list else [classes]
        codes = y.reshape(n_rows, -1)
        require(codes.shape[1] == len(classes) and codes.dtype.kind == "i", "classes")
        for code, known in zip(codes.T, classes):
            require(0 <= code.min() <= code.max() < len(known), "classes of neighbours")


_CHECKS = {
    "BaseDecisionTree": _check_tree,
    "BaseForest": _check_forest,
    "IsolationForest": _check_isolation_forest,
    "BaseGradientBoosting": _boosting.check_gradient,
    "BaseHistGradientBoosting": _boosting.check_hist,
    "BaseLibSVM": _check_libsvm,
    "_BaseKMeans": _check_clusters,
    "NeighborsBase": _check_neighbors,
    "DummyClassifier": _boosting.check_dummy,
}
