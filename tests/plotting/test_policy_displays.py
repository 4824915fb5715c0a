"""Displays of policies."""

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import FittedQClassifier
from skdeep.plotting import ActionValueDisplay, ReturnDisplay

plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def closed():
    plt.switch_backend("Agg")
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def fitted():
    """Rewards are worth having where the first feature and the action have the same sign."""
    rng = np.random.RandomState(0)
    X = pd.DataFrame(rng.normal(size=(400, 3)), columns=["a", "b", "c"])
    y = np.where(rng.rand(400) < 0.5, "low", "high")
    reward = np.where((X["a"] > 0) == (y == "high"), 1.0, 0.0)
    policy = FittedQClassifier((16,), gamma=0.0, max_iter=8, random_state=0, early_stopping=False)
    pipe = make_pipeline(StandardScaler().set_output(transform="pandas"), policy)
    names = {"reward": reward, "episode": np.arange(400)}
    return pipe.fit(X, y, **{f"fittedqclassifier__{k}": v for k, v in names.items()}), X


def test_returns_of_logged_episodes():
    display = ReturnDisplay.from_transitions([1, 2, 3, 4, 5], [0, 0, 7, 3, 3], name="log")
    np.testing.assert_array_equal(display.returns, [3, 3, 9])
    np.testing.assert_array_equal(display.ax_.lines[0].get_ydata(), [3, 3, 9])
    assert display.ax_.get_title() == "log"
    np.testing.assert_array_equal(display.plot(window=2).mean_, [3, 3, 6])


def test_returns_of_an_environment():
    class Coin:
        action_space = type("Space", (), {"n": 2})

        def reset(self, seed=None):
            return np.zeros(1), {}

        def step(self, action):
            return np.zeros(1), float(action), True, False, {}

    policy = FittedQClassifier((4,), updates_per_iter=20, random_state=0, device="cpu")
    policy.fit_env(Coin(), 300, learning_starts=100)
    fig, ax = plt.subplots()
    display = ReturnDisplay.from_estimator(policy, ax=ax)
    assert display.ax_ is ax and display.figure_ is fig
    assert len(display.returns) == 300
    assert display.mean_[-1] > 0.8 > display.mean_[50]


def test_returns_need_an_environment(fitted):
    with pytest.raises(ValueError, match="has learned from logged transitions, not by `fit_env`"):
        ReturnDisplay.from_estimator(fitted[0][-1])


def test_actions_and_values_over_two_features(fitted):
    pipe, X = fitted
    display = ActionValueDisplay.from_estimator(pipe, X, (0, 2), grid_resolution=21)
    assert display.ax_.get_xlabel() == "a" and display.ax_.get_ylabel() == "c"
    assert display.values.shape == (21, 21, 2)
    chosen = display.actions[display.values.argmax(2)]
    assert (chosen[:, display.grid[0] > 0.5] == "high").mean() > 0.9
    assert (chosen[:, display.grid[0] < -0.5] == "low").mean() > 0.9
    places = np.zeros((21, 3)) + X.median().to_numpy()
    places[:, 0], places[:, 2] = display.grid[0], display.grid[1][3]
    scaled = pipe[:-1].transform(pd.DataFrame(places, columns=X.columns))
    np.testing.assert_array_equal(display.values[3], pipe[-1].action_values(scaled))
    (mesh,) = display.plot(kind="value").ax_.collections
    np.testing.assert_array_equal(np.ravel(mesh.get_array()), display.values.max(2).ravel())


def test_unknown_kind(fitted):
    with pytest.raises(ValueError, match="kind='pie': expected 'action' or 'value'"):
        ActionValueDisplay.from_estimator(*fitted, kind="pie")
