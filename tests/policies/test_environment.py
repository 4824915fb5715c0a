"""Transitions and returns of policies in environments."""

import numpy as np
import pytest
from policy_data import Corridor, Space
from sklearn.dummy import DummyClassifier

from skdeep import FittedQClassifier
from skdeep.policies import collect, play


def always(action):
    return DummyClassifier(strategy="constant", constant=action).fit([[0], [0]], [0, 1])


class Several:
    """Corridors side by side, as gymnasium's vectors of environments."""

    def __init__(self, n, mode):
        self.envs = [Corridor() for _ in range(n)]
        self.num_envs, self.mode = n, mode
        self.single_action_space = Space(2)
        self.metadata = {"autoreset_mode": type("Mode", (), {"name": mode})}
        self.over = np.zeros(n, bool)

    def reset(self, *, seed=None, options=None):
        mask = (options or {}).get("reset_mask", np.ones(self.num_envs, bool))
        for i in np.flatnonzero(mask):
            self.envs[i].reset(seed=seed)
        return self.places(), {}

    def places(self):
        return np.array([[env.place] for env in self.envs], dtype=np.float32)

    def step(self, actions):
        rows = []
        for i, (env, action) in enumerate(zip(self.envs, actions)):
            if self.mode == "NEXT_STEP" and self.over[i]:
                rows.append((env.reset()[0], 0.0, False, False))
            else:
                rows.append(env.step(action)[:4])
        observation, reward, terminated, truncated = map(np.array, zip(*rows))
        self.over, info = terminated | truncated, {}
        if self.mode == "SAME_STEP" and self.over.any():
            info["final_obs"] = np.full(self.num_envs, None)
            for i in np.flatnonzero(self.over):
                info["final_obs"][i] = observation[i].copy()
            for i in np.flatnonzero(self.over):
                observation[i] = self.envs[i].reset()[0]
        return observation, reward, terminated, truncated, info


def check_transitions(data):
    """Whether rows are what happens in corridors."""
    place, after = data["X"][:, 0], data["next_X"][:, 0]
    np.testing.assert_array_equal(after, place + 2 * data["y"] - 1)
    np.testing.assert_array_equal(data["reward"], after == 6)
    np.testing.assert_array_equal(data["terminated"], np.isin(after, (0, 6)))
    new = np.r_[True, data["episode"][1:] != data["episode"][:-1]]
    assert (place[new] == 3).all()
    np.testing.assert_array_equal(place[~new], after[np.flatnonzero(~new) - 1])
    assert len(np.unique(data["episode"])) == new.sum()


def test_random_actions():
    data = collect(Corridor(), n_steps=300, random_state=0)
    assert {k: len(v) for k, v in data.items()} == dict.fromkeys(data, 300)
    check_transitions(data)
    assert 0.4 < data["y"].mean() < 0.6


@pytest.mark.parametrize("mode", ["NEXT_STEP", "SAME_STEP", "DISABLED"])
def test_vectors_of_environments(mode):
    data = collect(Several(3, mode), n_steps=300, random_state=0)
    assert 300 <= len(data["y"]) <= 302
    check_transitions(data)
    returns = play(Several(3, mode), always(1), 5, random_state=0)
    np.testing.assert_array_equal(returns, np.ones(5))


@pytest.mark.parametrize("epsilon", [0.0, 0.3, 1.0])
def test_share_of_random_actions(epsilon):
    data = collect(Corridor(), always(1), 2000, epsilon, random_state=0)
    check_transitions(data)
    assert data["y"].mean() == pytest.approx(1 - epsilon / 2, abs=0.03)


def test_same_seed_same_transitions():
    env = Corridor()
    first, second, other = (collect(env, n_steps=50, random_state=s) for s in (0, 0, 1))
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])
    assert not np.array_equal(first["y"], other["y"])
    assert env.seeds[0] is not None and len(set(env.seeds)) == 3  # None, and one of each seed


def test_actions_may_begin_anywhere():
    env = Corridor()
    env.action_space = Space(2, start=5)
    env.step = lambda action: Corridor.step(env, action - 5)
    assert set(collect(env, n_steps=50, random_state=0)["y"]) == {5, 6}


def test_returns_are_those_of_whole_episodes():
    assert (play(Corridor(), always(1), 4) == 1).all()
    assert (play(Corridor(), always(0), 4) == 0).all()
    slow = play(Corridor(limit=2), always(1), 4)
    np.testing.assert_array_equal(slow, np.zeros(4))


def test_a_policy_learns_from_what_was_collected():
    policy = FittedQClassifier((16,), gamma=0.9, random_state=0, device="cpu", max_iter=6)
    policy.fit(**collect(Corridor(), n_steps=500, random_state=0))
    assert (play(Corridor(), policy, 3) == 1).all()


@pytest.mark.parametrize("mode", ["NEXT_STEP", "SAME_STEP", "DISABLED"])
def test_gymnasium(mode):
    gymnasium = pytest.importorskip("gymnasium")
    mode = gymnasium.vector.AutoresetMode[mode]
    envs = gymnasium.make_vec("CartPole-v1", 3, "sync", vector_kwargs={"autoreset_mode": mode})
    for env in (gymnasium.make("CartPole-v1"), envs):
        data = collect(env, n_steps=400, random_state=0)
        same = data["episode"][1:] == data["episode"][:-1]
        np.testing.assert_array_equal(data["next_X"][:-1][same], data["X"][1:][same])
        far = (np.abs(data["next_X"][:, 2]) > 0.2095) | (np.abs(data["next_X"][:, 0]) > 2.4)
        np.testing.assert_array_equal(far, data["terminated"])
        assert play(env, None, 5, random_state=0).min() > 5


# --- bad input -----------------------------------------------------------------------------


def test_no_environment():
    with pytest.raises(TypeError, match="has no method 'reset': expected an environment"):
        collect("CartPole-v1")


def test_another_shape_of_observations():
    env = Corridor()
    step = env.step
    env.step = lambda action: (np.zeros(2 if env.time == 2 else 1), *step(action)[1:])
    with pytest.raises(ValueError, match=r"shape \(1, 2\) in step .*: expected 1 of shape \(1,\)"):
        collect(env, always(1), n_steps=20)


def test_observations_that_are_no_numbers():
    env = Corridor()
    env.reset = lambda seed=None: ({"place": 3}, {})
    with pytest.raises(ValueError, match="observation of dtype object: expected an array"):
        collect(env)


def test_rewards_that_are_no_numbers():
    env = Corridor()
    step = env.step
    env.step = lambda action: (step(action)[0], np.nan, False, False, {})
    with pytest.raises(ValueError, match="returned the reward nan: expected a number"):
        collect(env)


def test_continuous_actions():
    env = Corridor()
    env.action_space = object()
    with pytest.raises(ValueError, match="expected a discrete one"):
        collect(env)


@pytest.mark.parametrize("n_steps", [0, -1, 2.5, True])
def test_number_of_steps(n_steps):
    with pytest.raises(ValueError, match=f"n_steps={n_steps}: expected an integer of at least 1"):
        collect(Corridor(), n_steps=n_steps)


@pytest.mark.parametrize("epsilon", [-0.1, 1.1, "half"])
def test_epsilon(epsilon):
    with pytest.raises(ValueError, match="epsilon=.*: expected a number from 0 to 1"):
        collect(Corridor(), epsilon=epsilon)
