"""The options of `fit`, crossed so that each pair of them meets at least once."""

import inspect
import itertools

import numpy as np


def pairwise(factors, is_possible=lambda row: True, seed=0, n_candidates=60):
    """Rows of options in which each possible pair of levels is there.

    Greedy: each row is the best of some drawn at random around a pair that is still missing
    (as in Cohen et al., 1997, "The AETG system").

    Parameters
    ----------
    factors : dict of str to list
        The levels of each factor.
    is_possible : callable
        Whether a row, a dict, may be.
    seed : int
    n_candidates : int

    Returns
    -------
    rows : list of dict
    """
    rng = np.random.default_rng(seed)
    places = {name: range(len(levels)) for name, levels in factors.items()}
    missing = {
        ((a, i), (b, j))
        for a, b in itertools.combinations(factors, 2)
        for i in places[a]
        for j in places[b]
    }
    rows = []

    def levels_of(row):
        return {name: factors[name][i] for name, i in row.items()}

    while missing:
        fixed = min(missing)
        best, n_best = None, 0
        for _ in range(n_candidates):
            row = {name: int(rng.integers(len(p))) for name, p in places.items()} | dict(fixed)
            if is_possible(levels_of(row)):
                new = len(_pairs(row) & missing)
                best, n_best = (row, new) if new > n_best else (best, n_best)
        if best is None:
            missing.discard(fixed)  # the two exclude each other
            continue
        missing -= _pairs(best)
        rows.append(levels_of(best))
    return rows


def _pairs(row):
    return set(itertools.combinations(row.items(), 2))


def options_of(cls, containers, outputs):
    """The factors that an estimator has, by the signatures of its constructor and `fit`.

    Parameters
    ----------
    cls : type
    containers : list of str
        Of X.
    outputs : list of str
        Kinds of y; empty where there is none.
    """
    known = set(inspect.signature(cls).parameters)
    fit = set(inspect.signature(cls.fit).parameters)
    factors = {
        "container": containers,
        "rows": ["float64", "float32"],
        "skorch_callbacks": [False, True],
        "callbacks": [False, True],
        "max_time": [None, 600.0],
    }
    if outputs:
        factors["outputs"] = outputs
    if "sample_weight" in fit:
        factors["weights"] = [None, "drawn", "some zero"]
    if "X_val" in fit:
        weighted = "sample_weight_val" in fit
        factors["validation"] = ["no", "rows", *(["weighted rows"] if weighted else [])]
    if "class_weight" in known:
        factors["class_weight"] = [None, "balanced", "dict"]
    for name in ("early_stopping", "refit", "calibrate", "warm_start"):
        if name in known:
            factors[name] = [False, True]
    if "dtype" in known:
        factors["dtype"] = [None, "float32", "float64"]
    if hasattr(cls, "partial_fit"):
        factors["fitting"] = ["fit", "partial_fit"]
    return factors


def is_possible(row):
    """Whether the options can be given together at all."""
    if (row.get("outputs"), row.get("class_weight")) == ("several labels", "dict"):
        return False  # several labels take a list of dicts
    if row.get("fitting") != "partial_fit":
        return True
    # It has neither validation rows nor weights that depend on all rows, and reports to no
    # callback of scikit-learn.
    whole = row.get("validation", "no") != "no" or row.get("class_weight") == "balanced"
    return not whole and not row["callbacks"]
