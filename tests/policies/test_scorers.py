"""What policies are worth, estimated from logged transitions."""

import pickle

import numpy as np
import pandas as pd
import pytest
from policy_data import Corridor, walk
from scipy.stats import spearmanr
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import FittedQClassifier
from skdeep.policies import (
    EnvironmentReturn,
    FittedQEvaluation,
    TemporalDifferenceError,
    WeightedImportanceSampling,
)
from skdeep.policies.evaluation import (
    LinearEvaluation,
    RandomFeatures,
    chosen_actions,
    effective_episodes,
    weighted_importance_sampling,
)
from skdeep.policies.transitions import Log

SCORERS = [FittedQEvaluation(), WeightedImportanceSampling(), TemporalDifferenceError()]


class Fixed(ClassifierMixin, BaseEstimator):
    """Goes right in places of a set, with a probability."""

    def __init__(self, right=(1, 2, 3, 4, 5), share=1.0):
        self.right = right
        self.share = share
        self.classes_ = np.array(["left", "right"])

    def predict_proba(self, X):
        right = np.where(np.isin(np.asarray(X)[:, 0].round(), self.right), self.share, 0.0)
        return np.column_stack([1 - right, right])

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(1)]


def data_of(**drop):
    data = walk(200)
    return {k: v for k, v in data.items() if k not in drop}


def random_log(n_episodes=30, seed=0):
    rng = np.random.RandomState(seed)
    episode = np.repeat(np.arange(n_episodes), rng.randint(1, 12, n_episodes))
    n = len(episode)
    log = Log(rng.normal(size=n), np.r_[episode[1:] != episode[:-1], True], episode)
    return log, rng.uniform(0.05, 0.95, n), rng.uniform(0.05, 0.95, n)


@pytest.mark.parametrize("gamma", [0.0, 0.9, 1.0])
def test_importance_weights_equal_a_slow_loop(gamma):
    log, probability, propensity = random_log()
    episodes = [np.flatnonzero(log.episode == e) for e in np.unique(log.episode)]
    total = 0.0
    for t in range(max(map(len, episodes))):
        above = below = 0.0
        for rows in episodes:
            weight = 1.0
            for row in rows[: t + 1]:
                weight *= probability[row] / propensity[row]
            below += weight
            above += weight * log.reward[rows[t]] if t < len(rows) else 0.0
        total += gamma**t * above / below
    got = weighted_importance_sampling(probability, propensity, log, gamma)
    np.testing.assert_allclose(got, total, rtol=1e-10)


def test_importance_weights_of_long_episodes_do_not_overflow():
    n = 3000
    log = Log(np.ones(2 * n), np.arange(1, 2 * n + 1) % n == 0, np.repeat([0, 1], n))
    value = weighted_importance_sampling(np.full(2 * n, 0.9), np.full(2 * n, 0.1), log, 1.0)
    assert value == pytest.approx(n)


def test_effective_episodes():
    log, probability, propensity = random_log()
    weights = [
        np.prod((probability / propensity)[log.episode == e]) for e in np.unique(log.episode)
    ]
    expected = np.sum(weights) ** 2 / np.sum(np.square(weights))
    assert effective_episodes(probability, propensity, log) == pytest.approx(expected)
    assert effective_episodes(propensity, propensity, log) == pytest.approx(30)
    assert effective_episodes(0 * propensity, propensity, log) == 0


@pytest.mark.parametrize("greedy", [True, False])
def test_evaluation_equals_a_slow_loop(greedy, monkeypatch):
    monkeypatch.setattr("skdeep.policies.evaluation._TOLERANCE", 1e-10)
    rng = np.random.RandomState(0)
    X, after = rng.normal(size=(2, 300, 2))
    action, reward, terminated = rng.randint(3, size=300), rng.normal(size=300), rng.rand(300) < 0.2
    log = Log(reward, terminated, np.cumsum(np.r_[0, terminated[:-1]]))
    policy = rng.dirichlet(np.ones(3), 300)
    policy = chosen_actions(policy.argmax(1), 3) if greedy else policy
    gamma = 0.7
    evaluation = LinearEvaluation(X, after, action, log, 3, gamma)
    features = RandomFeatures(X)
    here, next_ = features(X), features(after)
    least, most = min(reward) / (1 - gamma), max(reward) / (1 - gamma)
    ridge = 0.01 * np.square(here).sum(0).mean()
    weights = np.zeros((3, here.shape[1]))
    for _ in range(100):
        target = np.empty(300)
        for i in range(300):
            value = least + sum(policy[i, a] * (weights[a] @ next_[i]) for a in range(3))
            value = min(max(value, least), most)
            target[i] = reward[i] + (0 if terminated[i] else gamma * value) - least
        for a in range(3):
            rows = here[action == a]
            gram = rows.T @ rows + ridge * np.eye(rows.shape[1])
            weights[a] = np.linalg.solve(gram, rows.T @ target[action == a])
    starts = log.starts
    values = [least + sum(policy[i, a] * (weights[a] @ here[i]) for a in range(3)) for i in starts]
    expected = np.clip(values, least, most).mean()
    value, known = evaluation.value(policy, policy[starts])
    assert value == pytest.approx(expected, rel=1e-6)
    assert evaluation.value(policy, policy[starts], known)[0] == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("in_order", [True, False])
def test_values_of_known_policies(in_order):
    data = data_of(**({"next_X": 0} if in_order else {}))
    score = FittedQEvaluation(gamma=0.9)
    assert score(Fixed(), **_named(data)) == pytest.approx(0.81, abs=0.08)
    assert score(Fixed(()), **_named(data)) == pytest.approx(0.0, abs=0.08)
    stochastic = FittedQEvaluation(gamma=0.9, greedy=False)
    half = stochastic(Fixed(share=0.5), **_named(data))
    assert half == pytest.approx(_walk_value(0.9), abs=0.08)


def _named(data):
    return {"X": data["X"], **{k: v for k, v in data.items() if k != "X"}}


def _walk_value(gamma, share=0.5):
    """Value of place 3 when going right with a probability, by a slow loop."""
    value = np.zeros(7)
    for _ in range(500):
        right = np.r_[gamma * value[2:6], 1.0]
        value[1:6] = share * right + (1 - share) * gamma * value[0:5]
    return value[3]


def test_importance_sampling_of_a_known_policy():
    data = {k: v for k, v in walk(4000).items() if k not in ("next_X", "X")}
    X = walk(4000)["X"]
    score = WeightedImportanceSampling(gamma=0.9)
    policy = Fixed(share=0.7)
    expected = _walk_value(0.9, 0.7)
    given = score(policy, X, **data, propensity=np.full(len(X), 0.5))
    assert given == pytest.approx(expected, abs=0.03)
    assert score(policy, X, **data) == pytest.approx(given, abs=0.03)
    n = score.effective_episodes(policy, X, data["y"], episode=data["episode"])
    assert 50 < n < 4000


def test_scores_rank_policies():
    data = walk(80)
    policies = [Fixed(share=share) for share in np.linspace(0.1, 0.9, 5)]
    truth = [_walk_value(0.9, policy.share) for policy in policies]
    for score in (FittedQEvaluation(0.9, greedy=False), WeightedImportanceSampling(0.9)):
        known = {k: v for k, v in data.items() if k != "next_X" or "Fitted" in str(score)}
        found = [score(policy, **_named(known)) for policy in policies]
        assert spearmanr(found, truth)[0] > 0.9


def test_error_of_values_is_small_after_training():
    data = data_of()
    options = {"gamma": 0.9, "early_stopping": False, "random_state": 0, "device": "cpu"}
    few, many = (
        FittedQClassifier((32,), max_iter=n, target_update=0.02, **options).fit(**data)
        for n in (1, 12)
    )
    score = TemporalDifferenceError(gamma=0.9)
    assert score(few, **_named(data)) < score(many, **_named(data)) < 0
    assert score(many, **_named(data)) > -0.01
    X, rest = data.pop("X"), data
    pipe = make_pipeline(StandardScaler(with_mean=False, with_std=False), many)
    pipe[:-1].fit(X)
    assert score(pipe, X, **rest) == score(many, X, **rest)


def test_environment_return():
    by_number = clone(Fixed())
    by_number.classes_ = np.array([0, 1])
    assert EnvironmentReturn(Corridor(), 3)(by_number) == 1.0
    assert EnvironmentReturn(Corridor, 3).score(by_number) == 1.0
    by_number.right = ()
    assert EnvironmentReturn(Corridor(), 3)(by_number) == 0.0


@pytest.mark.parametrize("scoring", SCORERS, ids=lambda s: type(s).__name__)
def test_search_with_a_scorer_in_a_pipeline(scoring):
    data = data_of()
    frames = {k: pd.DataFrame({"place": data.pop(k)[:, 0]}) for k in ("X", "next_X")}
    y, episode = data.pop("y"), data["episode"]
    policy = FittedQClassifier((16,), random_state=0, device="cpu", max_iter=2)
    with config_context(enable_metadata_routing=True):
        pipe = make_pipeline(StandardScaler(), policy, transform_input=["next_X"])
        grid = {"fittedqclassifier__gamma": [0.5, 0.9]}
        search = GridSearchCV(
            pipe, grid, scoring=scoring, cv=GroupKFold(2), error_score="raise", refit=False
        )
        search.fit(frames["X"], y, next_X=frames["next_X"], groups=episode, **data)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_several_scorers_at_once():
    data = data_of()
    X, y, episode = data.pop("X"), data.pop("y"), data["episode"]
    scorers = {type(s).__name__: s for s in SCORERS}
    policy = FittedQClassifier((16,), random_state=0, device="cpu", max_iter=2)
    with config_context(enable_metadata_routing=True):
        results = cross_validate(
            policy, X, y, scoring=scorers, cv=GroupKFold(2), error_score="raise",
            params={"groups": episode, **data},
        )  # fmt: skip
    assert all(np.isfinite(results[f"test_{name}"]).all() for name in scorers)


@pytest.mark.parametrize("scoring", SCORERS, ids=lambda s: type(s).__name__)
def test_scorers_are_estimators(scoring):
    again = pickle.loads(pickle.dumps(clone(scoring).set_params(gamma=0.5)))
    assert again.get_params()["gamma"] == 0.5


# --- bad input -----------------------------------------------------------------------------


@pytest.mark.parametrize("scoring", SCORERS, ids=lambda s: type(s).__name__)
def test_no_rewards(scoring):
    data = walk()
    with pytest.raises(ValueError, match="needs rewards: pass `reward` .*enable_metadata_routing"):
        scoring(Fixed(), data["X"], data["y"])


@pytest.mark.parametrize("gamma", [-1, 1.5])
def test_gamma_outside_its_range(gamma):
    data = walk()
    with pytest.raises(ValueError, match=f"gamma={gamma}: expected a number from 0 to 1"):
        FittedQEvaluation(gamma)(Fixed(), data["X"], data["y"], reward=data["reward"])


@pytest.mark.parametrize("bad", [0.0, 1.2, -0.5])
def test_propensity_outside_its_range(bad):
    data = data_of(next_X=0)
    propensity = np.full(len(data["y"]), bad)
    with pytest.raises(ValueError, match="propensity has the shape .* expected a probability"):
        WeightedImportanceSampling()(Fixed(), **_named(data), propensity=propensity)


def test_observations_that_are_no_numbers():
    data = walk()
    X = pd.DataFrame({"place": np.where(data["X"][:, 0] > 2, "far", "near")})

    class One(Fixed):
        def predict(self, X):
            return np.full(len(X), "right")

    with pytest.raises(ValueError, match="Input X cannot be turned into an array of numbers"):
        FittedQEvaluation()(One(), X, data["y"], reward=data["reward"], episode=data["episode"])
