"""Learning from an environment."""

import itertools
import pickle

import numpy as np
import pytest
from policy_data import Corridor, values_of_right, walk
from sklearn.callback import FitCallback
from test_environment import Several

from skdeep import FittedQClassifier
from skdeep.policies import play

FEW = {"learning_starts": 200, "n_eval_episodes": 3}


def make(**parameters):
    defaults = {"gamma": 0.9, "updates_per_iter": 100, "random_state": 0, "device": "cpu"}
    return FittedQClassifier((32,), **{**defaults, "target_update": 0.02, **parameters})


def test_learns_the_values_of_the_best_policy():
    policy = make().fit_env(Corridor(), 1500, **FEW)
    places = np.arange(1.0, 6.0)[:, None]
    assert list(policy.classes_) == [0, 1]
    assert (policy.predict(places) == 1).all()
    np.testing.assert_allclose(policy.action_values(places), values_of_right(0.9), atol=0.15)
    assert policy.n_steps_ == 1500
    assert policy.n_iter_ == len(policy.validation_scores_) == 13
    assert policy.best_validation_score_ == max(policy.validation_scores_)
    assert (play(Corridor(), policy, 4) == 1).all()


@pytest.mark.parametrize("mode", ["NEXT_STEP", "SAME_STEP", "DISABLED"])
def test_vectors_of_environments(mode):
    policy = make(n_steps=2).fit_env(Several(4, mode), 1500, **FEW)
    assert (policy.predict(np.arange(1.0, 6.0)[:, None]) == 1).all()
    assert 1500 <= policy.n_steps_ < 1504


def test_images():
    class Seen(Corridor):
        def see(self):
            image = np.zeros((8, 8, 1), np.uint8)
            image[:, self.place : self.place + 2] = 255
            return image

        def reset(self, **options):
            super().reset(**options)
            return self.see(), {}

        def step(self, action):
            _, *rest = super().step(action)
            return self.see(), *rest

    policy = make(image_shape=(8, 8), n_filters=(4, 8)).fit_env(Seen(), 800, **FEW)
    assert (play(Seen(), policy, 3) == 1).all()


def test_evaluation_in_another_environment_takes_no_steps():
    env, other = Corridor(), Corridor()
    policy = make().fit_env(env, 600, eval_env=other, **FEW)
    assert policy.n_steps_ == 600
    assert len(other.seeds) > 3 * policy.n_iter_  # an episode each
    assert max(policy.validation_scores_) == 1.0


def test_stops_at_a_return():
    policy = make().fit_env(Corridor(), 5000, eval_env=Corridor(), stop_return=1.0, **FEW)
    assert policy.n_steps_ < 2500
    assert policy.validation_scores_[-1] == 1.0 > max(policy.validation_scores_[:-1], default=0)


def test_goes_on_from_logged_transitions():
    data = walk()
    data["y"] = (data["y"] == "right").astype(int)
    policy = make(warm_start=True, early_stopping=False, max_iter=8).fit(**data)
    before = policy.action_values(data["X"])
    policy.fit_env(Corridor(), 300, epsilon=0.0, exploration_fraction=0.0, **FEW)
    assert (policy.predict(np.arange(1.0, 6.0)[:, None]) == 1).all()
    assert np.abs(policy.action_values(data["X"]) - before).max() < 0.3


def test_same_seed_same_bits():
    first, second, other = (make(random_state=s).fit_env(Corridor(), 500, **FEW) for s in (0, 0, 1))
    X = walk()["X"]
    np.testing.assert_array_equal(first.action_values(X), second.action_values(X))
    assert not np.array_equal(first.action_values(X), other.action_values(X))


def test_pickles_hold_no_environment():
    env = Corridor()
    env.step = lambda action, step=env.step: step(action)  # no pickle of this
    policy = make().fit_env(env, 500, **FEW)
    again = pickle.loads(pickle.dumps(policy))
    X = walk()["X"]
    np.testing.assert_array_equal(again.action_values(X), policy.action_values(X))


def test_callbacks_hear_of_each_iteration():
    class Count(FitCallback):
        requires_fit_task_end = True

        def __init__(self):
            self.scores = []

        def setup(self, estimator, context):
            pass

        def teardown(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context, **data):
            pass

        def on_fit_task_end(self, estimator, context, **data):
            if context.parent is not None:
                self.scores.append(context.validation_score)
            return len(self.scores) == 4

    count = Count()
    policy = make().set_callbacks(count).fit_env(Corridor(), 2000, **FEW)
    assert policy.n_iter_ == 4
    assert count.scores == policy.validation_scores_


def test_max_time():
    policy = make(max_time=0.3).fit_env(Corridor(), 10**6, **FEW)
    assert policy.n_steps_ < 10**5


def test_interrupt_keeps_the_best_policy():
    env, steps = Corridor(), itertools.count()

    def step(action, step=env.step):
        if next(steps) == 900:
            raise KeyboardInterrupt
        return step(action)

    env.step = step
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        policy = make().fit_env(env, 5000, eval_env=Corridor(), **FEW)
    scores = policy.validation_scores_
    assert 0 < len(scores) < 10
    assert play(Corridor(), policy, 3).mean() == max(scores)


# --- bad input -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("n_steps", 0, "n_steps=0: expected an integer of at least 1"),
        ("learning_starts", 0.5, "learning_starts=0.5: expected an integer"),
        ("learning_starts", 1500, "learning_starts=1500 leaves none of n_steps=1500"),
        ("epsilon", 2, "epsilon=2: expected a number from 0 to 1"),
        ("exploration_fraction", -1, "exploration_fraction=-1: expected a number from 0 to 1"),
        ("train_frequency", 0, "train_frequency=0: expected an integer"),
        ("updates_per_step", 0, "updates_per_step=0: expected a positive number"),
        ("buffer_size", -5, "buffer_size=-5: expected an integer"),
        ("n_eval_episodes", 0, "n_eval_episodes=0: expected an integer"),
    ],
)
def test_values_out_of_range(name, value, message):
    with pytest.raises(ValueError, match=message):
        make().fit_env(Corridor(), **{"n_steps": 1500, **FEW, name: value})


def test_no_environment():
    with pytest.raises(TypeError, match="has no method 'reset'"):
        make().fit_env("CartPole-v1")
    with pytest.raises(TypeError, match="has no method 'reset'"):
        make().fit_env(Corridor(), eval_env="CartPole-v1")


def test_one_action():
    env = Corridor()
    env.action_space.n = 1
    with pytest.raises(ValueError, match="one class of actions"):
        make().fit_env(env, 1500, **FEW)


@pytest.mark.parametrize("when", [2, 400])
def test_another_shape_of_observations(when):
    """In the first steps, and in the middle of training, which leaves the estimator as it was."""
    env, steps = Corridor(), itertools.count()
    env.step = lambda action, step=env.step: (
        np.zeros(2) if next(steps) == when else step(action)[0],
        0.0,
        env.place in (0, 6),
        False,
        {},
    )
    policy = make()
    with pytest.raises(ValueError, match=r"shape \(1, 2\) in step .*: expected 1 of shape \(1,\)"):
        policy.fit_env(env, 1500, **FEW)
    assert not hasattr(policy, "net_")


def test_observations_of_another_width_than_the_logged_ones():
    data = walk()
    data["y"] = (data["y"] == "right").astype(int)
    policy = make(warm_start=True, max_iter=1)
    policy.fit(**{**data, **{k: np.hstack([data[k]] * 2) for k in ("X", "next_X")}})
    with pytest.raises(ValueError, match="X has 1 features, but FittedQClassifier is expecting 2"):
        policy.fit_env(Corridor(), 1500, **FEW)
