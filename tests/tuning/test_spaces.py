"""Default search spaces: valid for their estimators, with a source for each range."""

import warnings

import checks
import pytest
from optuna.distributions import BaseDistribution
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import MLPClassifier, MLPRegressor
from skdeep.tuning import search_space
from skdeep.tuning._space import Space
from skdeep.tuning.ranges import SPACES


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("solver", ["adam", "adamw", "sgd", "lbfgs"])
def test_every_value_is_valid(cls, solver):
    space = search_space(cls(solver=solver))
    assert space
    for name, distribution in Space(space).distributions.items():
        if hasattr(distribution, "choices"):
            ends = list(distribution.choices)
        else:
            ends = [distribution.low, distribution.high]
        for value in ends:
            params = Space({name: space[name]}).decode({name: value})
            with warnings.catch_warnings(action="ignore"):
                cls(solver=solver, max_iter=1, device="cpu").set_params(**params).fit(
                    [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]
                )


def test_every_estimator_has_a_space():
    for cls in checks.public_estimators():
        space = Space(search_space(cls()))
        for name, distribution in space.distributions.items():
            values = getattr(distribution, "choices", None) or [distribution.low, distribution.high]
            for value in values:
                cls().set_params(**space_of(name, search_space(cls()), value))._validate_params()


def space_of(name, space, value):
    return Space({name: space[name]}).decode({name: value})


def test_sources():
    for ranges in SPACES.values():
        for entry in ranges:
            assert isinstance(entry.values, (BaseDistribution, list))
            assert len(entry.source) > 20
    space = search_space(MLPClassifier())
    assert space.sources.keys() == space.keys()


def test_the_space_follows_the_solver():
    assert set(search_space(MLPClassifier(solver="lbfgs"))) == {"hidden_layer_sizes", "alpha"}
    assert search_space(MLPClassifier(solver="adamw"))["alpha"].low == 1e-4
    assert search_space(MLPClassifier())["alpha"].low == 1e-6


def test_prefixes():
    pipe = make_pipeline(StandardScaler(), MLPRegressor())
    nested = TransformedTargetRegressor(pipe)
    prefix = "regressor__mlpregressor__"
    assert {n.removeprefix(prefix) for n in search_space(nested)} == set(
        search_space(MLPRegressor())
    )
    assert set(search_space(nested)) <= set(nested.get_params())
    assert search_space(RandomForestClassifier()) == {}


def test_values_that_storages_do_not_take_come_back():
    def function():
        """A choice that is no number."""

    choices = [(1, 2), [1, 2], "(1, 2)", None, 1, True, function, StandardScaler(), {"a": 1}]
    space = Space({"x": choices})
    labels = space.distributions["x"].choices
    assert len(set(map(repr, labels))) == len(choices)
    for label, value in zip(labels, choices):
        assert space.decode({"x": label})["x"] is value
