"""How a network is trained, read off the parameters of an estimator."""

import dataclasses
import math

import pytest
import torch
from sklearn.base import BaseEstimator

from skdeep.engine.optim import SOLVERS, FlatOptimizer, FlatParameters
from skdeep.engine.recipe import Recipe


class Some(BaseEstimator):
    """Some of the parameters, one that is none of training's, and an attribute."""

    momentum = 0.123  # a constant of the class is no parameter

    def __init__(self, solver="sgd", alpha=0.5, tol=1e-3, hidden_layer_sizes=(3,)):
        self.solver = solver
        self.alpha = alpha
        self.tol = tol
        self.hidden_layer_sizes = hidden_layer_sizes


def test_parameters_are_read_and_the_rest_is_default():
    assert Recipe.of(Some(tol=0.25)) == Recipe(solver="sgd", alpha=0.5, tol=0.25)


def test_attributes_of_a_class_are_no_parameters():
    assert Recipe.of(Some()).momentum == Recipe().momentum != Some.momentum


def test_what_is_settled_stands_above_the_parameters():
    recipe = Recipe.of(Some(), alpha=2.0, batch_size=7)
    assert (recipe.alpha, recipe.batch_size, recipe.solver) == (2.0, 7, "sgd")


def test_values_that_changed_after_construction_count():
    assert Recipe.of(Some().set_params(alpha=9.0)).alpha == 9.0


def test_subclasses_have_parameters_of_their_own():
    class More(Some):
        def __init__(self, max_iter=3):
            self.max_iter = max_iter

    assert Recipe.of(Some()).max_iter == 1
    assert Recipe.of(More()) == Recipe(max_iter=3)


def test_unknown_values_are_refused():
    with pytest.raises(TypeError, match="no_such_field"):
        Recipe.of(Some(), no_such_field=1)


def test_a_recipe_does_not_change():
    recipe = Recipe()
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.alpha = 1.0
    assert dataclasses.replace(recipe, alpha=1.0).alpha == 1.0 and recipe.alpha == 0.0


@pytest.mark.parametrize(
    "solver, l1_ratio, l2, l1, decay",
    [
        ("adam", 0.0, 0.4, 0.0, 0.0),
        ("sgd", 0.25, 0.3, 0.1, 0.0),
        ("lbfgs", 1.0, 0.0, 0.4, 0.0),
        ("adamw", 0.0, 0.0, 0.0, 0.4),
        ("adamw", 0.25, 0.0, 0.1, 0.3),
    ],
)
def test_alpha_is_shared_between_penalties_and_decay(solver, l1_ratio, l2, l1, decay):
    recipe = Recipe(solver=solver, alpha=0.4, l1_ratio=l1_ratio)
    (options,) = recipe.optimizers().values()
    assert (recipe.l2, recipe.l1) == (pytest.approx(l2), pytest.approx(l1))
    assert options["weight_decay"] == pytest.approx(decay)


@pytest.mark.parametrize("solver", SOLVERS)
def test_options_make_the_optimizer(solver):
    recipe = Recipe(
        solver=solver, learning_rate_init=0.25, beta_1=0.5, beta_2=0.75, epsilon=1e-3, momentum=0.6
    )
    ((name, options),) = recipe.optimizers().items()
    optimizer = FlatOptimizer(FlatParameters(torch.nn.Linear(2, 1)), **options)
    group = optimizer.torch_optimizer.param_groups[0]
    assert name == "" and optimizer.solver == solver and optimizer.learning_rate == 0.25
    if "betas" in group:
        assert group["betas"] == (0.5, 0.75) and optimizer.epsilon == 1e-3
    if solver == "sgd":
        assert group["momentum"] == 0.6 and group["nesterov"]


def test_full_batches_have_flat_parameters_by_an_optimizer_that_keeps_nothing():
    (options,) = Recipe(solver="lbfgs").optimizers().values()
    assert options["solver"] == "sgd"


def test_integers_of_a_learning_rate_are_floats():
    (options,) = Recipe(learning_rate_init=1).optimizers().values()
    assert type(options["learning_rate"]) is float


def test_players_have_options_of_their_own():
    players = {"generator": {"solver": "adam", "learning_rate": 0.1}}
    assert Recipe(players=players).optimizers() == players


def test_patience_has_no_end_by_default():
    assert Recipe().n_iter_no_change == math.inf and Recipe().max_time is None
