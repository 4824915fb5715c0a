"""One case of the fuzzer: an estimator, what it is given, what is called, how that ended.

A case is made from the name of an estimator and a seed, and from nothing else.
"""

import copy
import inspect
import zlib

import fuzz_params
import fuzz_rows
import fuzz_targets
import numpy as np
import pandas as pd
from fuzz_judge import Fault, call, judge_answer
from fuzz_metrics import MetricCase
from fuzz_subjects import BY_NAME, codes, fitted, has_method, is_sized, same, target

ROWS = {
    *("predict", "predict_proba", "predict_log_proba", "decision_function", "transform"),
    *("score_samples", "reconstruct", "explain", "predict_tail_proba", "class_distance"),
    *("is_known", "gibbs", "predict_interval", "saliency", "fit_predict"),
}
"""Methods that answer with a row for each row."""

FITS = ("fit", "fit_transform", "fit_predict", "partial_fit", "fit_resample", "fit_pairs")
FITS = (*FITS, "fit_triplets")

NUMBERS = [1, 3, 2, 0, -1, 2.5, 1.0, "a", None, True, [2], np.int64(2), np.nan, np.array([1, 2])]


class Case:
    """What happened to one estimator.

    Attributes
    ----------
    steps : list of str
        What was done, in words.
    faults : list of Fault
    """

    def __init__(self, name, seed):
        self.name, self.seed = name, seed
        self.subject = BY_NAME[name]
        self.rng = np.random.default_rng([zlib.crc32(name.encode()), seed])
        self.steps, self.faults = [], []

    def draw(self, values):
        return values[self.rng.integers(len(values))]

    def chance(self, share):
        return self.rng.random() < share

    def run(self):
        """Do it; returns self."""
        if self.chance(0.6):
            self._fit()
        else:
            self._use()
        return self

    @property
    def line(self):
        """How to see it again."""
        return f"python tests/fuzz/replay.py {self.name} {self.seed}"

    def __str__(self):
        return "\n".join(
            [self.line, *(f"    {s}" for s in self.steps), *(f"  {f}" for f in self.faults)]
        )

    # --- fitting ----------------------------------------------------------------------------

    def _fit(self):
        kind, extra = self.draw(self.subject.kinds)
        estimator, fresh = self.subject.make(extra), True
        old = rows = None
        if self.chance(0.25):  # the model before must survive
            which = int(self.rng.integers(len(self.subject.kinds)))
            old, rows = fitted(self.name, which)
            estimator, fresh = copy.deepcopy(old), False
            kind, extra = self.subject.kinds[which]
        before, changed = estimator.get_params(deep=False), {}
        known = [m for m in FITS if has_method(estimator, m)]
        method = "fit" if self.chance(0.6) and "fit" in known else self.draw(known)
        # By scikit-learn's rule `partial_fit` does not look at parameters a second time.
        if self.chance(0.45) and (fresh or method != "partial_fit"):
            for _ in range(1 + self.chance(0.3)):
                name, value = fuzz_params.drawn(self.subject.cls, self.rng)
                changed[name] = value
        self.steps.append(
            f"{self.name}(**{changed}) of {kind} {extra}{'' if fresh else ', fitted'}"
        )
        for name, value in changed.items():
            setattr(estimator, name, value)
        method = method if has_method(estimator, method) else "fit"  # a parameter may take it away
        args, kwargs, good = self._fit_arguments(method, kind)
        attributes = set(vars(estimator))
        answer, error, faults = call(getattr(estimator, method), *args, **kwargs)
        self._note(method, answer, error, faults)
        if error is None:
            missing = self._has_gaps(kind) or self.name == "SlidingWindow"
            missing = missing or method == "fit_resample"  # whose answer holds the rows given
            self.faults += judge_answer(answer, f"{self.name}.{method}", missing_allowed=missing)
            if not self.faults:
                self._after_fit(estimator, kind, good)
        elif not fresh:
            self._is_as_before(estimator, before, old, rows)
        elif set(vars(estimator)) != attributes:
            left = sorted(set(vars(estimator)) - attributes)
            self.faults.append(Fault(f"{self.name}.{method}", f"a failed fit leaves {left[:3]}"))

    def _fit_arguments(self, method, kind):
        """Positional and keyword arguments, and rows that are surely right."""
        n = self.subject.n_samples
        good = fuzz_rows.KINDS[kind](self.rng, n)
        if method in ("fit_pairs", "fit_triplets"):
            return *self._tuples(good, 2 + (method == "fit_triplets"), method == "fit_pairs"), good
        X, y = self._rows(good, 0.5), target(self.subject, self.rng, n)
        if y is None and self.chance(0.1):
            y = fuzz_targets.labels(self.rng, n)
        if y is not None and self.chance(0.4):
            what, y = fuzz_targets.other_target(y, self.subject.target or "labels", self.rng)
            self.steps.append(f"y: {what}")
        kwargs = {}
        known = inspect.signature(getattr(self.subject.cls, method)).parameters
        if "sample_weight" in known and self.chance(0.3):
            what, kwargs["sample_weight"] = fuzz_targets.weights(self.rng, n)
            self.steps.append(f"weights: {what}")
        if "classes" in known and self.chance(0.6):
            kwargs["classes"] = self._classes(y)
        if "X_val" in known and self.chance(0.25):
            self._validation_arguments(kwargs, known, kind)
        return ((X,) if self.subject.target is None and y is None else (X, y)), kwargs, good

    def _validation_arguments(self, kwargs, known, kind):
        m = int(self.draw([1, 3, 8]))
        good = fuzz_rows.KINDS[kind](self.rng, m)
        kwargs["X_val"] = self._rows(good, 0.3, "X_val")
        if "y_val" in known and self.chance(0.95):
            y = target(self.subject, self.rng, m)
            if self.chance(0.25):
                what, y = fuzz_targets.other_target(y, self.subject.target, self.rng)
                self.steps.append(f"y_val: {what}")
            kwargs["y_val"] = y
        if "sample_weight_val" in known and self.chance(0.4):
            what, kwargs["sample_weight_val"] = fuzz_targets.weights(self.rng, m)
            self.steps.append(f"sample_weight_val: {what}")

    def _classes(self, y):
        options = [[0, 1, 2], np.arange(3), [0, 1], ["no", "yes"], [[0, 1]], [], 3, None, "a", [0]]
        options += [np.array([0, 0, 1]), [np.nan, 1], [None, 1], pd.Series([2, 1, 0]), {0, 1}]
        found = self.draw(options)
        self.steps.append(f"classes: {found!r}")
        return found

    def _after_fit(self, estimator, kind, good):
        """A fitted estimator answers about good rows, or says why not."""
        methods = [m for m in METHODS if has_method(estimator, m)]
        for method in {self.draw(methods)} if methods else ():
            METHODS[method](self, estimator, method, good, kind, 0.0)

    def _is_as_before(self, estimator, params, old, rows):
        for name, value in params.items():
            setattr(estimator, name, value)
        method = next((m for m in METHODS if m in ROWS and has_method(old, m)), None)
        if method is None:
            return
        expected, _, _ = call(getattr(old, method), rows)
        got, error, _ = call(getattr(estimator, method), rows)
        if error is not None or not same(got, expected):
            self.faults.append(Fault(f"{self.name}.fit", "a failed fit changed the fitted model"))

    # --- use of a fitted estimator ----------------------------------------------------------

    def _use(self):
        which = int(self.rng.integers(len(self.subject.kinds)))
        estimator, _ = fitted(self.name, which)
        kind, extra = self.subject.kinds[which]
        good = fuzz_rows.KINDS[kind](self.rng, int(self.draw([1, 5, 5, 5])))
        self.steps.append(f"fitted {self.name}, of {kind} {extra}")
        methods = [m for m in METHODS if has_method(estimator, m)]
        if methods:
            method = self.draw(methods)
            METHODS[method](self, estimator, method, good, kind, 0.75)

    def _rows(self, good, share, name="X"):
        """Good rows, or with that chance others."""
        if not self.chance(share):
            return good
        what, X = fuzz_rows.mutated(good, self.rng)
        self.steps.append(f"{name}: {what}")
        return X

    def _tuples(self, good, width, with_labels, share=0.5):
        """Arguments of methods for pairs and triplets."""
        n = 9
        chosen = self.rng.integers(0, len(good), (n, width))
        kwargs = {}
        if self.chance(0.4):
            kwargs["X"] = self._rows(good, share)
            options = [chosen, chosen.tolist(), chosen + 100, chosen - 3, chosen.astype(float)]
            tuples = self.draw([*options, chosen[:, :1], chosen[:0], chosen + 0.5, chosen > 0])
        else:
            tuples = good[chosen]
            tuples = self._rows(tuples, share, "pairs") if self.chance(share) else tuples
        if not with_labels:
            return (tuples,), kwargs
        y = self.rng.permutation(np.arange(n) % 2)
        if self.chance(share):
            what, y = fuzz_targets.other_target(y, "labels", self.rng)
            self.steps.append(f"y: {what}")
        return (tuples, y), kwargs

    def _note(self, method, answer, error, faults):
        end = type(answer).__name__ if error is None else f"{type(error).__name__}: {error}"
        self.steps.append(f"{method} -> {' '.join(end.split())[:200]}")
        self.faults += faults

    def _has_gaps(self, kind):
        """Whether rows that come back may have missing values, as those of `fit` had."""
        return kind == "frame"

    def _call(self, estimator, method, args, kwargs, n_expected=None, missing_allowed=False):
        answer, error, faults = call(getattr(estimator, method), *args, **kwargs)
        self._note(method, answer, error, faults)
        if error is None and not faults:
            name = f"{self.name}.{method}"
            self.faults += judge_answer(answer, name, n_expected, missing_allowed)

    # --- the methods ------------------------------------------------------------------------

    def _ask_rows(self, estimator, method, good, kind, share):
        X = self._rows(good, share)
        n = len(X) if is_sized(X) else None
        kwargs = {}
        if method == "gibbs" and self.chance(0.3):
            kwargs["n_steps"] = self.draw(NUMBERS)
        if method == "predict_interval":  # of few held-out rows; larger ones are infinite
            options = [0, 1, 1.5, -1, "a", None, np.nan, [0.5], 1e-9, np.array([0.3, 0.4])]
            kwargs["coverage"] = self.draw(options) if self.chance(0.2) else 0.3
            self.steps.append(f"{kwargs}")
        if method == "saliency" and self.chance(0.5):
            kwargs["y"] = self._saliency_target(n)
        if method == "fit_predict":
            kwargs = {}
        missing = self.name == "SlidingWindow"
        self._call(estimator, method, (X,), kwargs, n, missing)

    def _saliency_target(self, n):
        n = n or 3
        options = [0, 1, "a", None, np.zeros(n, int), [0] * n, [9] * n, [0.5] * n, ["a"] * n]
        found = self.draw(
            [*options, [0] * (n + 1), np.zeros((n, 2)), [None] * n, {}, 10**30, [[0]]]
        )
        self.steps.append(f"y={found!r}")
        return found

    def _ask_score(self, estimator, method, good, kind, share):
        n, X = len(good), self._rows(good, share * 0.7)
        y, args, kwargs = target(self.subject, self.rng, n), (X,), {}
        if y is not None:
            if self.chance(share * 0.7):
                what, y = fuzz_targets.other_target(y, self.subject.target, self.rng)
                self.steps.append(f"y: {what}")
            args = (X, y)
            if self.chance(0.2):
                what, weight = fuzz_targets.weights(self.rng, n)
                self.steps.append(f"weights: {what}")
                kwargs = {"sample_weight": weight}
        self._call(estimator, method, args, kwargs)

    def _ask_inverse(self, estimator, method, good, kind, share):
        made, error, _ = call(codes, estimator, good)
        if error is None and made is not None:
            self._call(estimator, method, (self._rows(made, share),), {})

    def _ask_sample(self, estimator, method, good, kind, share):
        kwargs, odd = {}, self.chance(share)
        n = self.draw(NUMBERS) if odd else 3
        parameters = inspect.signature(getattr(estimator, method)).parameters
        if "y" in parameters and self.chance(0.4):
            kwargs["y"] = self.draw(
                [0, [0], [0, 1, 2], "a", None, [9], np.array([0.5]), {}, [None]]
            )
        if "conditions" in parameters and self.chance(0.5):
            options = [{"c": "x"}, {"c": "no"}, {"a": 1.0}, {"no": 1}, "c", 3, [], {"c": ["x"] * 3}]
            more = [{"c": None}, {3: 1}, {"c": {}}, pd.DataFrame({"c": ["x"] * 3}), [("c", "x")]]
            kwargs["conditions"] = self.draw(options + more + [{"a": np.nan}, {"b": 2}])
        if self.chance(0.3):
            kwargs["random_state"] = self.draw(
                [0, None, -1, "a", np.random.RandomState(0), 1.5, []]
            )
        self.steps.append(f"n={n!r}, {kwargs}")
        expected = n if isinstance(n, int) and not isinstance(n, bool) and n > 0 else None
        expected = expected if method == "sample" else None
        self._call(estimator, method, (n,), kwargs, expected, missing_allowed=True)

    def _ask_pairs(self, estimator, method, good, kind, share):
        args, kwargs = self._tuples(good, 2, method == "calibrate_threshold", share)
        if method == "calibrate_threshold" and self.chance(0.4):
            kwargs["strategy"] = self.draw(
                ["accuracy", "f_beta", "max_tpr", "max_tnr", "no", 3, None]
            )
            kwargs["min_rate"] = self.draw([0.9, 0, 1, 2, -1, "a", None, np.nan])
            kwargs["beta"] = self.draw([1.0, 0, -1, np.inf, "a", None, np.nan])
            self.steps.append(f"{ {k: v for k, v in kwargs.items() if k != 'X'} }")
            estimator = copy.deepcopy(estimator)
        n = None if method == "calibrate_threshold" or not is_sized(args[0]) else len(args[0])
        self._call(estimator, method, args, kwargs, n)

    def _ask_partial_fit(self, estimator, method, good, kind, share):
        y = target(self.subject, self.rng, len(good))
        X = self._rows(good, share * 0.6)
        if y is not None and self.chance(share * 0.6):
            what, y = fuzz_targets.other_target(y, self.subject.target, self.rng)
            self.steps.append(f"y: {what}")
        kwargs = {"classes": self._classes(y)} if y is not None and self.chance(0.2) else {}
        kwargs = kwargs if "classes" in inspect.signature(estimator.partial_fit).parameters else {}
        args = (X,) if self.subject.target is None else (X, y)
        estimator = copy.deepcopy(estimator)
        self._call(estimator, method, args, kwargs)
        if not self.faults:
            self._after_fit_by_rows(estimator, good)

    def _after_fit_by_rows(self, estimator, good):
        method = next((m for m in METHODS if m in ROWS and has_method(estimator, m)), None)
        if method is not None:
            self._call(estimator, method, (good,), {}, len(good))

    def _ask_prune(self, estimator, method, good, kind, share):
        y = target(self.subject, self.rng, len(good))
        X = self._rows(good, share * 0.6)
        if self.chance(share * 0.6):
            what, y = fuzz_targets.other_target(y, self.subject.target, self.rng)
            self.steps.append(f"y: {what}")
        n = self.draw(NUMBERS) if self.chance(share) else 1
        self.steps.append(f"n_members={n!r}")
        estimator = copy.deepcopy(estimator)
        self._call(estimator, method, (X, y, n), {})

    def _ask_steps(self, estimator, method, good, kind, share):
        kwargs = {"stride": self.draw(NUMBERS)} if self.chance(0.4) else {}
        self.steps.append(f"{kwargs}")
        self._call(estimator, method, (self._rows(good, share),), kwargs, missing_allowed=True)

    def _ask_names(self, estimator, method, good, kind, share):
        names = [
            None,
            ["a"],
            ["a", "b", "c", "d"],
            [1, 2, 3, 4],
            "abcd",
            3,
            np.arange(4),
            [None] * 4,
        ]
        self._call(estimator, method, (self.draw(names) if self.chance(share) else None,), {})


METHODS = {
    **{
        m: Case._ask_rows
        for m in ("predict_proba", "predict", "transform", "score_samples", "decision_function")
    },
    **{m: Case._ask_rows for m in sorted(ROWS - {"fit_predict"})},
    "score": Case._ask_score,
    "inverse_transform": Case._ask_inverse,
    "sample": Case._ask_sample,
    "interpolate": Case._ask_sample,
    **{
        m: Case._ask_pairs
        for m in ("pair_distance", "pair_score", "predict_pairs", "predict_pairs_proba")
    },
    "calibrate_threshold": Case._ask_pairs,
    "partial_fit": Case._ask_partial_fit,
    "prune": Case._ask_prune,
    "score_steps": Case._ask_steps,
    "get_feature_names_out": Case._ask_names,
}
"""How each method is asked."""

NAMES = [*BY_NAME, "metrics"]
"""What is tried: the estimators, and the functions of `skdeep.metrics` together."""


def case_of(name, seed):
    """The case of one of `NAMES` with that seed."""
    return (MetricCase if name == "metrics" else Case)(name, seed)
