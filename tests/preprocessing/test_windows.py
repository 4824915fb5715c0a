"""SlidingWindow: windows that end at each row."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import IsolationForest
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdeep.preprocessing import SlidingWindow

ORDER = "a window is made of the rows before it: without them it is another"


@parametrize_with_checks([SlidingWindow(1)])
def test_sklearn_checks(estimator, check):
    check(estimator)


@parametrize_with_checks(
    [SlidingWindow()],
    expected_failed_checks=lambda e: {
        "check_methods_sample_order_invariance": ORDER,
        "check_methods_subset_invariance": ORDER,
    },
)
def test_sklearn_checks_of_longer_windows(estimator, check):
    check(estimator)


@pytest.mark.parametrize("padding", ["edge", "zero", "reflect"])
@pytest.mark.parametrize("n_steps", [1, 2, 12])
def test_windows_are_those_of_a_loop(padding, n_steps):
    X = np.random.RandomState(0).normal(size=(n_steps, 2))
    out = SlidingWindow(5, padding=padding).fit_transform(X)
    assert out.shape == (n_steps, 10)

    def row(t):
        if t >= 0:
            return X[t]
        if padding == "zero":
            return np.zeros(2)
        if padding == "edge" or n_steps == 1:
            return X[0]
        t = -t % (2 * (n_steps - 1))  # back and forth
        return X[t if t < n_steps else 2 * (n_steps - 1) - t]

    for t in range(n_steps):
        expected = np.concatenate([row(s) for s in range(t - 4, t + 1)])
        np.testing.assert_array_equal(out[t], expected)


def test_names_gaps_and_pipelines():
    X = pd.DataFrame({"heat": [1.0, 2.0, np.nan, 4.0], "load": [0.0, 1.0, 0.0, 1.0]})
    window = SlidingWindow(2).set_output(transform="pandas").fit(X)
    out = window.transform(X)
    assert list(out.columns) == ["heat_lag1", "load_lag1", "heat_lag0", "load_lag0"]
    assert list(out["heat_lag0"].isna()) == [False, False, True, False]
    X = np.sin(np.arange(200.0))[:, None]
    pipe = make_pipeline(SlidingWindow(4), IsolationForest(random_state=0)).fit(X)
    windows = np.stack([np.r_[X[:1].repeat(3), X[:, 0]][t : t + 4] for t in range(200)])
    forest = IsolationForest(random_state=0).fit(windows)
    np.testing.assert_array_equal(pipe.score_samples(X), forest.score_samples(windows))


@pytest.mark.parametrize("params", [{"window": 0}, {"window": 2.5}, {"padding": "wrap"}])
def test_bad_parameters(params):
    with pytest.raises(ValueError, match=next(iter(params))):
        SlidingWindow(**params).fit([[1.0]])
