"""Consistency checks of scikit-learn's boosted models."""

from typing import Any

import numpy as np

from skdeep._compat import histogram_node
from skdeep.persistence._compiled import child_depths, is_number_check, is_tree
from skdeep.persistence._plain import expect, require


def check_dummy(fitted):
    """Check a DummyClassifier: a probability for each class."""
    if "classes_" in fitted and type(fitted["classes_"]) is np.ndarray:
        prior = expect(fitted["class_prior_"], np.ndarray)
        require(prior.shape == fitted["classes_"].shape, "probabilities of classes")


def check_gradient(fitted):
    """Check gradient boosting: compiled code writes a column for each tree of a stage."""
    if "estimators_" not in fitted:
        return
    stages = expect(fitted["estimators_"], np.ndarray)
    n_trees = _n_trees(fitted)
    require(stages.ndim == 2 and stages.shape[1] == n_trees, "trees of a stage")
    for estimator in stages.ravel().tolist():
        tree: Any = getattr(estimator, "__dict__", {}).get("tree_")
        require(is_tree(tree) and tree.node_count > 0, "trees of a stage")
        require(tree.n_features == fitted.get("n_features_in_"), "features of trees")
        require(tree.n_outputs == 1 and tree.n_classes.tolist() == [1], "outputs of trees")
    start = fitted["init_"]
    if n_trees > 1 and not (type(start) is str and start == "zero"):
        classes = expect(vars(start).get("classes_"), np.ndarray)
        require(len(classes) == n_trees, "classes of the first stage")


def _n_trees(fitted):
    """Number of trees of a stage: one for each class, if there are more than two."""
    n_trees, loss = expect(fitted["n_trees_per_iteration_"], int), fitted["_loss"]
    n_classes = len(expect(fitted["classes_"], np.ndarray)) if "classes_" in fitted else 2
    require(n_trees == (n_classes if n_classes > 2 else 1), "trees of a stage")
    if n_trees > 1:
        require(vars(loss).get("n_classes") == n_trees, "classes of the loss")
    return n_trees


def check_hist(fitted):
    """Check histogram boosting: nodes must not point beyond their tree or to missing columns."""
    if "_predictors" not in fitted:
        return
    n_features, mapper = fitted.get("n_features_in_"), fitted["_bin_mapper"]
    require(expect(fitted["_n_features"], int) == n_features, "features of trees")
    n_trees = _n_trees(fitted)
    baseline = expect(fitted["_baseline_prediction"], np.ndarray)
    require(baseline.shape == (1, n_trees), "first predictions")
    _check_preprocessor(fitted["_preprocessor"], n_features)
    is_categorical = expect(vars(mapper)["is_categorical_"], np.ndarray)
    is_categorical = is_categorical.astype(bool)
    require(is_categorical.shape == (n_features,), "categories")
    require(len(expect(vars(mapper)["bin_thresholds_"], list)) == n_features, "bins")
    for stage in expect(fitted["_predictors"], list):
        require(len(expect(stage, list)) == n_trees, "trees of a stage")
        for predictor in stage:
            _check_predictor(vars(predictor), is_categorical)


def _check_predictor(tree, is_categorical):
    nodes = expect(tree["nodes"], np.ndarray)
    require(nodes.ndim == 1 and nodes.dtype == histogram_node(), "nodes of a tree")
    is_leaf = nodes["is_leaf"].astype(bool)
    child_depths(nodes["left"], nodes["right"], is_leaf)
    inner = nodes[~is_leaf]
    features = inner["feature_idx"]
    if len(features):
        is_there = 0 <= features.min() <= features.max() < len(is_categorical)
        require(is_there, "features of a tree")
    by_category = inner[inner["is_categorical"].astype(bool)]
    require(is_categorical[by_category["feature_idx"]].all(), "categories of a tree")
    for name in ("binned_left_cat_bitsets", "raw_left_cat_bitsets"):
        sets = expect(tree[name], np.ndarray)
        require(sets.ndim == 2 and sets.shape[1] == 8 and sets.dtype == np.uint32, "categories")
        require(
            by_category["bitset_idx"].astype(np.int64).max(initial=-1) < len(sets),
            "categories of a tree",
        )


def _check_preprocessor(columns, n_features):
    """Check that the two steps keep the number of columns: encoded categories, and numbers passed
    through."""
    if columns is None:
        return
    transformers = expect(vars(columns)["transformers_"], list)
    kept = np.zeros(n_features, int)
    for _, transformer, mask in transformers:
        kind = type(transformer).__name__
        if type(transformer) is str and transformer == "drop":
            require(not any(expect(mask, list, np.ndarray)), "columns before the trees")
            continue
        func = vars(transformer).get("func")
        is_known = kind == "FunctionTransformer" and (func is None or is_number_check(func))
        require(is_known or kind == "OrdinalEncoder", "steps before the trees")
        is_mask = type(mask) is np.ndarray and mask.dtype == bool and mask.shape == kept.shape
        require(is_mask, "columns before the trees")
        kept += mask
    require((kept == 1).all(), "columns before the trees")
