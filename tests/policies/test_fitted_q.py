"""Fitted Q iteration from logged transitions."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from policy_data import values_of_right, walk
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import FittedQClassifier, persistence
from skdeep.nets.q import QNet
from skdeep.policies.learning import BellmanGradient, ValuePatience

TIMES = ("terminated", "episode")


def make(**parameters):
    defaults = {"gamma": 0.9, "max_iter": 4, "random_state": 0, "device": "cpu"}
    return FittedQClassifier((32,), **{**defaults, **parameters})


@pytest.fixture(scope="module")
def fitted():
    return make(max_iter=12, target_update=0.02, early_stopping=False).fit(**walk())


def test_values_are_those_of_the_best_policy(fitted):
    places = np.arange(1.0, 6.0)[:, None]
    assert list(fitted.classes_) == ["left", "right"]
    assert (fitted.predict(places) == "right").all()
    np.testing.assert_allclose(fitted.action_values(places), values_of_right(0.9), atol=0.08)


@pytest.mark.parametrize("scale", [1e-3, 1e4])
def test_values_have_the_unit_of_rewards(fitted, scale):
    data = walk()
    other = clone(fitted).fit(**{**data, "reward": scale * data["reward"]})
    expected = fitted.action_values(data["X"])
    np.testing.assert_allclose(other.action_values(data["X"]), scale * expected, rtol=1e-6)


def test_decision_function_is_the_difference_of_two_values(fitted):
    X = walk()["X"]
    values = fitted.action_values(X)
    assert values.shape == (len(X), 2)
    np.testing.assert_array_equal(fitted.decision_function(X), values[:, 1] - values[:, 0])


@pytest.mark.parametrize("temperature", [0.1, 1.0, 5.0])
def test_probabilities_are_a_softmax_of_values(fitted, temperature):
    X = walk()["X"]
    policy = pickle.loads(pickle.dumps(fitted)).set_params(temperature=temperature)
    powers = np.exp(policy.action_values(X) / temperature)
    np.testing.assert_allclose(policy.predict_proba(X), powers / powers.sum(1, keepdims=True))


def test_rows_in_time_order_are_their_own_next_rows():
    data = walk()
    in_order = {k: v for k, v in data.items() if k != "next_X"}
    first, second = make().fit(**data), make().fit(**in_order)
    np.testing.assert_array_equal(first.action_values(data["X"]), second.action_values(data["X"]))


def test_the_last_row_of_an_episode_ends_it_where_nothing_else_is_said():
    data = walk()
    unsaid = {k: v for k, v in data.items() if k != "terminated"}
    first, second = make().fit(**data), make().fit(**unsaid)
    np.testing.assert_array_equal(first.action_values(data["X"]), second.action_values(data["X"]))


def test_a_cut_off_episode_has_a_value_after_it():
    """Two places, between which one goes for ever, with a reward of 1: the value is 1 / (1 - g)."""
    X = np.tile([[0.0], [1.0]], (100, 1))
    y = np.tile(["stay", "go"], 100)
    policy = make(max_iter=40, target_update=0.05, early_stopping=False, gamma=0.8)
    policy.fit(X, y, reward=np.ones(200), terminated=np.zeros(200, bool))
    np.testing.assert_allclose(policy.action_values([[0.0]])[0, 1], 5.0, rtol=0.1)


def test_three_actions_and_n_steps():
    data = walk(200)
    y = np.where(np.random.RandomState(1).rand(len(data["y"])) < 0.2, "wait", data["y"])
    place = data["X"][:, 0]
    after = np.where(y == "wait", place, data["next_X"][:, 0])
    terminated = np.isin(after, (0, 6))
    policy = make(n_steps=3, max_iter=12, target_update=0.02, early_stopping=False)
    policy.fit(
        data["X"], y, reward=(after == 6) * 1.0, next_X=after[:, None], terminated=terminated,
        episode=np.cumsum(np.r_[0, terminated[:-1]]),
    )  # fmt: skip
    assert policy.decision_function(data["X"]).shape == (len(y), 3)
    assert (policy.predict([[3.0], [5.0]]) == "right").all()


@pytest.mark.parametrize("double_q", [True, False])
@pytest.mark.parametrize("target_update", [0.25, 2])
def test_targets_equal_a_slow_loop(double_q, target_update):
    torch.manual_seed(0)
    with torch.random.fork_rng():
        net = QNet((2,), 3, (5,)).double()
        for p in net.parameters():
            torch.nn.init.normal_(p)
        x, after = torch.randn(2, 9, 2, dtype=torch.float64)
        rows = torch.stack([torch.randint(3, (9,)), torch.rand(9), torch.rand(9)], 1).double()
    seen = []
    gradient = BellmanGradient(
        net, lambda x, target, weight: seen.append(target), target_update, double_q
    )
    old = {name: p.clone() for name, p in net.body.named_parameters()}
    slow = QNet((2,), 3, (5,)).double()
    slow.body.load_state_dict(old)
    for step in range(4):
        if step:
            for theirs, mine in zip(slow.body.parameters(), net.body.parameters()):
                if target_update < 1:
                    theirs.data += target_update * (mine.data - theirs.data)
                elif step % target_update == 0:
                    theirs.data.copy_(mine.data)
        with torch.no_grad():
            gradient((x, after), rows, None)
        for i in range(9):
            here, there = net(after[i : i + 1])[0], slow(after[i : i + 1])[0]
            chosen = int((here if double_q else there).argmax())
            wanted = rows[i, 1] + rows[i, 2] * there[chosen]
            torch.testing.assert_close(seen[-1][i], torch.stack([rows[i, 0], wanted]))
        for p in net.body.parameters():  # an update of some optimizer
            p.data.add_(0.1)


@pytest.mark.parametrize("limits", [(-np.inf, np.inf), (-0.5, 0.5)])
def test_targets_of_a_given_policy_equal_a_slow_loop(limits):
    generator = torch.Generator().manual_seed(0)
    net = QNet((2,), 3, (5,)).double()
    for p in net.parameters():
        p.data.normal_(generator=generator)
    x, after = torch.randn(2, 9, 2, dtype=torch.float64, generator=generator)
    rows = torch.rand(9, 6, dtype=torch.float64, generator=generator)
    rows[:, 0] = torch.arange(9) % 3
    seen = []
    gradient = BellmanGradient(net, lambda x, target, _: seen.append(target), 0.5, True, limits)
    with torch.no_grad():
        gradient((x, after), rows, None)
        for i in range(9):
            value = sum(rows[i, 3 + a] * net(after[i : i + 1])[0, a] for a in range(3))
            value = min(max(float(value), limits[0]), limits[1])
            wanted = rows[i, 1] + rows[i, 2] * value
            assert seen[0][i].tolist() == pytest.approx([float(rows[i, 0]), float(wanted)])


def test_conservative_values_of_rare_actions_are_lower():
    data = walk(right=0.9)
    plain, careful = (
        make(conservative=c, max_iter=8, early_stopping=False).fit(**data) for c in (0.0, 1.0)
    )
    gaps = [np.diff(policy.action_values(data["X"])).mean() for policy in (plain, careful)]
    assert gaps[1] > gaps[0] + 0.5


def test_iteration_is_chosen_by_held_out_episodes():
    policy = make(max_iter=10).fit(**walk())
    scores = policy.validation_scores_
    assert len(scores) == policy.n_iter_ == 10
    assert policy.best_validation_score_ == max(scores)
    assert len(policy.validation_loss_curve_) == 10
    assert make(early_stopping=False).fit(**walk()).validation_scores_ is None


def test_of_values_that_are_nearly_equal_the_last_counts():
    patience = ValuePatience(np.inf)
    values = [10.0, 50.0, 45.0, 39.0, 41.0, -5.0]
    assert [patience.update(v) for v in values] == [True, True, True, False, True, False]
    assert patience.best == 50
    patience = ValuePatience(np.inf)
    assert [patience.update(v) for v in [-100, -80, -95, -97]] == [True, True, True, False]


def test_rows_of_weight_zero_are_not_learned_from():
    data = walk()
    weight = np.ones(len(data["y"]))
    data["reward"] = np.where(data["y"] == "left", 100.0, data["reward"])
    weight[data["y"] == "left"] = 0
    one = make(early_stopping=False).fit(**data, sample_weight=weight)
    data["reward"] = np.where(data["y"] == "left", -100.0, data["reward"])
    two = make(early_stopping=False).fit(**data, sample_weight=weight)
    np.testing.assert_array_equal(one.predict(data["X"]), two.predict(data["X"]))


def test_images():
    data = walk()
    images = np.zeros((2, len(data["y"]), 8, 8), np.uint8)
    for part, X in zip(images, (data["X"], data["next_X"])):
        for row, place in zip(part, X[:, 0].astype(int)):
            row[:, place : place + 2] = 255
    policy = make(image_shape=(8, 8), n_filters=(4, 8), max_iter=6, early_stopping=False)
    rest = {k: v for k, v in data.items() if k not in ("X", "next_X")}
    policy.fit(images[0], next_X=images[1], **rest)
    assert policy.input_shape_ == (8, 8, 1)
    inside = data["X"][:, 0] > 0
    assert (policy.predict(images[0][inside]) == "right").all()
    flat = policy.predict(images[0].reshape(len(images[0]), -1))
    np.testing.assert_array_equal(flat, policy.predict(images[0]))


def test_partial_fit_learns_from_new_transitions():
    policy = make(target_update=0.1)
    for seed in range(40):
        policy.partial_fit(**walk(60, seed), classes=["left", "right"])
    places = np.arange(1.0, 6.0)[:, None]
    assert (policy.predict(places) == "right").all()
    assert policy.n_iter_ == 1


def test_warm_start_goes_on(fitted):
    policy = pickle.loads(pickle.dumps(fitted)).set_params(warm_start=True, max_iter=1)
    before = policy.action_values(walk()["X"])
    policy.fit(**walk(seed=1))
    assert np.abs(policy.action_values(walk()["X"]) - before).max() < 0.3
    with pytest.raises(ValueError, match="hidden_layer_sizes of the previous call"):
        policy.set_params(hidden_layer_sizes=(8, 8)).fit(**walk())


# --- what is of scikit-learn ---------------------------------------------------------------


def test_pipeline_transforms_next_rows():
    data = walk()
    frames = {k: pd.DataFrame({"place": data[k][:, 0]}) for k in ("X", "next_X")}
    rest = {k: v for k, v in data.items() if k not in frames}
    with config_context(enable_metadata_routing=True):
        pipe = Pipeline(
            [("scale", StandardScaler()), ("policy", make())], transform_input=["next_X"]
        )
        pipe.fit(frames["X"], rest.pop("y"), next_X=frames["next_X"], **rest)
    assert (pipe.predict(frames["X"]) == "right").all()


def test_grid_search_by_episode():
    data = walk()
    X, y, episode = data.pop("X"), data.pop("y"), data["episode"]
    with config_context(enable_metadata_routing=True):
        search = GridSearchCV(
            make(max_iter=2), {"n_steps": [1, 2]}, cv=GroupKFold(3), error_score="raise"
        )
        search.fit(X, y, groups=episode, **data)
        scores = cross_val_score(
            search.best_estimator_, X, y, cv=GroupKFold(3), params={"groups": episode, **data}
        )
    assert search.cv_results_["mean_test_score"].max() < 1.2
    np.testing.assert_allclose(scores.mean(), search.best_score_)


def test_score_without_rewards_is_the_accuracy(fitted):
    data = walk()
    share = np.mean(fitted.predict(data["X"]) == data["y"])
    assert fitted.score(data["X"], data["y"]) == share


def test_persistence(fitted, tmp_path):
    persistence.save(fitted, tmp_path / "policy.skdeep")
    again = persistence.load(tmp_path / "policy.skdeep")
    X = walk()["X"]
    np.testing.assert_array_equal(again.action_values(X), fitted.action_values(X))


def test_same_seed_same_bits():
    data = walk()
    first, second = make().fit(**data), make().fit(**data)
    other = make(random_state=1).fit(**data)
    np.testing.assert_array_equal(first.action_values(data["X"]), second.action_values(data["X"]))
    assert not np.array_equal(first.action_values(data["X"]), other.action_values(data["X"]))


# --- bad input -----------------------------------------------------------------------------


def refused(message, drop=(), **changes):
    data = {k: v for k, v in {**walk(), **changes}.items() if k not in drop}
    with pytest.raises(ValueError, match=message):
        make().fit(**data)


def test_one_action():
    n = len(walk()["y"])
    refused("y has one class of actions, 'left': expected at least two", y=np.full(n, "left"))


def test_rewards_with_nan():
    reward = walk()["reward"]
    reward[3] = np.nan
    refused("Input reward contains NaN", reward=reward)


@pytest.mark.parametrize("name", ["reward", "terminated", "episode"])
def test_another_length(name):
    n = len(walk()["y"])
    refused(rf"{name} has the shape \({n - 1},\): expected one value", **{name: walk()[name][1:]})


def test_next_rows_of_another_length_or_width():
    data = walk()
    n = len(data["y"])
    refused(f"next_X has {n - 1} rows: expected one for each of the {n}", next_X=data["X"][1:])
    refused("next_X: X has 2 features, but FittedQClassifier is", next_X=np.zeros((n, 2)))


def test_terminated_is_no_number():
    refused("terminated holds 0.5: expected True or False", terminated=walk()["terminated"] * 0.5)


def test_episodes_of_one_row():
    n = len(walk()["y"])
    refused(
        "Each episode has one row that is not terminated", drop=["next_X"],
        episode=np.arange(n), terminated=np.zeros(n, bool),
    )  # fmt: skip


def test_an_episode_of_one_row_that_is_terminated_counts():
    data = walk()
    bandit = {**data, "episode": np.arange(len(data["y"])), "terminated": None}
    policy = make(max_iter=8, early_stopping=False).fit(**bandit)
    np.testing.assert_allclose(policy.action_values([[5.0], [4.0]]).max(1), [1, 0], atol=0.15)


def test_rows_out_of_order():
    data = walk()
    order = np.random.RandomState(0).permutation(len(data["y"]))
    with pytest.raises(ValueError, match="Rows of episode .* are not consecutive"):
        make().fit(**{k: v[order] for k, v in data.items()})
    refused("terminated is True in row .* belongs to the same episode", drop=["episode"])


@pytest.mark.parametrize("gamma", [-0.1, 1.01, np.nan, "high"])
def test_gamma_outside_its_range(gamma):
    with pytest.raises(ValueError, match="The 'gamma' parameter .* must be a float in the range"):
        make(gamma=gamma).fit(**walk())


def test_actions_unseen_in_fit(fitted):
    data = walk()
    data["y"] = np.where(data["y"] == "left", "up", data["y"])
    with pytest.raises(ValueError, match="`y` has classes not in `self.classes_`"):
        fitted.score(**data)
    with pytest.raises(ValueError, match="`y` has classes not in `self.classes_`"):
        pickle.loads(pickle.dumps(fitted)).partial_fit(**data)


def test_several_columns_of_actions():
    n = len(walk()["y"])
    y = np.random.RandomState(0).randint(2, size=(n, 3))
    refused("y has several columns, but one action per row", y=y)


@pytest.mark.parametrize("name", ["next_X", "terminated"])
def test_transitions_without_rewards(name):
    refused(f"{name} is provided, but reward was not", drop={"reward", "next_X", *TIMES} - {name})


def test_no_episodes_to_hold_out():
    data = walk()
    with pytest.warns(UserWarning, match="early_stopping=True has no effect"):
        make().fit(**{**data, "episode": None, "terminated": np.zeros(len(data["y"]), bool)})
