"""Constructor parameters for the fuzzer, in and out of the range of their constraints."""

from fractions import Fraction
from numbers import Integral

import numpy as np
import torch

from skdeep._compat import HasMethods, Interval, Options, StrOptions

ANYTHING = [
    *(None, True, False, 0, 1, 2, -1, 0.0, 0.5, 1.0, 1.5, -0.5, 1e300, 1e-320, 10**30),
    *(float("nan"), float("inf"), -float("inf"), "text", "", "auto", b"auto", 1j),
    *([], [1], [2, 3], [0], [-1], [1.5], ["a"], [None], [[3]], [np.nan], [10**30], (), (2,), {}),
    *({"a": 1}, {0: 1.0, 1: 2.0}, {0: -1.0}, {0: 0.0, 1: 0.0}, {0: np.nan}, {0: "x"}, {1: None}),
    *({0: 1e300, 1: 1e-300}, [{0: 1, 1: 2}], [{0: 1, 1: 2}] * 3, [None, None], {2, 3}, object()),
    *(object, np.array([2]), np.array(3), np.array([[2]]), np.float32(0.5), np.int8(2)),
    *(np.bool_(True), Fraction(1, 2), torch.tensor(2), torch.tensor([2]), np.random, range(2)),
    *([2.0], [np.int64(2)], ["relu"], [(2, 3)], [(2, 3, 4)], [("a", 1)], [lambda: 1], len),
    *(torch.nn.ReLU, torch.nn.ReLU(), torch.device("cpu"), "cuda:99", "meta", "cpu", "0"),
]
"""Values that a parameter may be given, of its kind or not."""

_LOOPS = {
    *("max_iter", "pretraining_iter", "n_gibbs_steps", "search_steps", "critic_ratio", "n_draws"),
    *("max_length", "window", "n_trials", "cv", "n_jobs", "pre_dispatch"),
}
"""Parameters that say how often something is done: a huge number rightly takes for ever."""


def _of_interval(constraint):
    left, right = constraint.left, constraint.right
    if issubclass(constraint.type, Integral):
        low = 0 if left is None else int(left)
        return [
            low,
            low + 1,
            low + 2,
            np.int16(low + 1),
            low - 1,
            *([] if right is None or right > 1000 else [right]),
        ]
    ends = [e for e in (left, right) if e is not None]
    near = [0.5, 1e-3, 1e-300, np.float32(0.25), Fraction(1, 3)]
    return [*ends, *(float(e) for e in ends), *near, *(1.0, 3, 1e300)]


def _of(constraint):
    """Values that a constraint is about."""
    if isinstance(constraint, Interval):
        return _of_interval(constraint)
    if isinstance(constraint, (StrOptions, Options)):
        return list(constraint.options)
    if isinstance(constraint, str) and constraint == "boolean":
        return [True, False, np.bool_(True), 1]
    if isinstance(constraint, str) and constraint == "array-like":
        return [[2], (2, 2), np.array([2, 3]), [], [1.0], ["a"], [True, False], range(1, 3)]
    if isinstance(constraint, str) and constraint == "random_state":
        return [0, np.random.RandomState(0), np.random.default_rng(0), None, -1, 2**33]
    if isinstance(constraint, HasMethods) or constraint is callable:
        return [torch.nn.Linear, lambda *a, **k: None, torch.nn.Identity()]
    if constraint is dict:
        return [{0: 1.0, 1: 3.0}, {"yes": 2.0}, {5: 1.0}, {0: 1}, {}]
    if constraint is None:
        return [None]
    return []


def is_endless(name, value):
    """Whether the value rightly makes a fit that takes too long for a fuzzer."""
    if name not in _LOOPS:
        return False
    if isinstance(value, str):
        return value == "auto"
    return isinstance(value, (int, np.integer)) and value > 3


def drawn(cls, rng):
    """A parameter's name and a value for it."""
    constraints = cls._parameter_constraints
    name = sorted(constraints)[rng.integers(len(constraints))]
    known = constraints[name]
    values = [] if isinstance(known, str) else [v for c in known for v in _of(c)]
    if not values or rng.random() < 0.4:
        values = ANYTHING
    value = values[rng.integers(len(values))]
    return drawn(cls, rng) if is_endless(name, value) else (name, value)
