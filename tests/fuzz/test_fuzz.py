"""A seeded fuzzer: whatever an estimator is given, it answers with finite numbers or says why not.

What counts as right stands in `fuzz_judge.py`, what is tried in `fuzz_rows.py`, `fuzz_targets.py`
and `fuzz_params.py`. Each failure names the line that shows it again.
"""

import inspect

import fuzz_judge
import pytest
import sklearn.utils
from fuzz_cases import NAMES, case_of

import skdeep

pytest.importorskip("polars")
pytest.importorskip("pyarrow")


def wrong(name, seeds):
    """The cases that ended badly, in words."""
    cases = (case_of(name, seed).run() for seed in seeds)
    return [str(case) for case in cases if case.faults]


@pytest.mark.parametrize("name", NAMES)
def test_finite_answer_or_an_error_of_our_own(name):
    found = wrong(name, range(100))
    assert not found, "\n".join(found)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_many_seeds(name):
    found = wrong(name, range(1000, 3000))
    assert len(found) < 2, "\n".join(found)  # below one in a thousand


def test_every_public_estimator_is_tried():
    exported = {n for n in skdeep.__all__ if inspect.isclass(getattr(skdeep, n))}
    assert exported <= set(NAMES)


def test_same_seed_same_case():
    first, second = (case_of("TabMClassifier", 5).run() for _ in "ab")
    assert str(first) == str(second)


def raised_elsewhere():
    import pandas as pd

    pd.Series(["a"]).astype(float)


def raised_by_sklearn():
    sklearn.utils.check_array("text")


def warned_by_numpy():
    import numpy as np

    return np.float64(1e308) * np.float64(10)


def test_judge_knows_whose_an_error_is():
    assert fuzz_judge.call(raised_elsewhere)[2]
    assert not fuzz_judge.call(raised_by_sklearn)[2]
    assert fuzz_judge.call(lambda: 1 // 0)[2]


def test_judge_sees_warnings_and_numbers():
    answer, _, faults = fuzz_judge.call(warned_by_numpy)
    assert faults and "overflow" in str(faults[0])
    assert fuzz_judge.judge_answer(answer, "it")
    assert fuzz_judge.judge_answer([1.0, 2.0], "it", n_expected=3)
    assert not fuzz_judge.judge_answer([1.0, 2.0], "it", n_expected=2)


def test_judge_ends_what_hangs(monkeypatch):
    def hang():
        while True:
            pass

    monkeypatch.setattr(fuzz_judge, "_LIMIT", 0.05)
    assert "no answer" in str(fuzz_judge.call(hang)[2][0])
