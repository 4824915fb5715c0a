"""Solvers, activations, schedules and penalties that scikit-learn's perceptrons do not have."""

import numpy as np
import pytest
from perceptron_data import X_diabetes, X_digits, X_iris, y_diabetes, y_digits, y_iris
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skdeep import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer. Maximum iterations")

SOLVERS = ["adamw", "amsgrad", "nadam", "adamax", "adagrad", "adadelta", "rmsprop"]


@pytest.mark.parametrize("solver", SOLVERS)
def test_further_solvers_learn(solver):
    rate = 1.0 if solver == "adadelta" else 0.02
    clf = MLPClassifier(solver=solver, learning_rate_init=rate, max_iter=60, random_state=0)
    assert clf.fit(X_digits[:500], y_digits[:500]).score(X_digits[500:], y_digits[500:]) > 0.88


@pytest.mark.parametrize(
    "activation",
    ["elu", "leaky_relu", "prelu", "selu", "softplus", "gelu", "silu", "mish"],
)
def test_further_activations_learn(activation):
    clf = MLPClassifier(activation=activation, learning_rate_init=0.01, max_iter=40, random_state=0)
    assert clf.fit(X_digits[:500], y_digits[:500]).score(X_digits[500:], y_digits[500:]) > 0.85


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle", "exponential", "plateau"])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_further_schedules_act_on_every_solver(schedule, solver):
    clf = MLPClassifier(
        learning_rate=schedule,
        solver=solver,
        learning_rate_init=0.05,
        max_iter=40,
        random_state=0,
        n_iter_no_change=2,
        tol=0.1 if schedule == "plateau" else 0.0,
    )
    clf.fit(X_digits[:500], y_digits[:500])
    rates = clf.net_.history[:, "learning_rate"]
    assert len(set(rates)) > 2
    assert rates[-1] < rates[0] or schedule == "one_cycle"
    assert clf.score(X_digits[500:], y_digits[500:]) > 0.8


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("schedule", ["cosine", "one_cycle", "exponential"])
def test_a_planned_end_is_no_cause_for_a_warning(schedule):
    MLPClassifier(learning_rate=schedule, max_iter=3).fit(X_iris, y_iris)
    with pytest.warns(ConvergenceWarning):
        MLPClassifier(max_iter=3).fit(X_iris, y_iris)


def test_sklearns_schedules_are_for_sgd_alone():
    for schedule in ("invscaling", "adaptive"):
        clf = MLPClassifier(learning_rate=schedule, max_iter=4).fit(X_iris, y_iris)
        assert set(clf.net_.history[:, "learning_rate"]) == {0.001}


@pytest.mark.parametrize(
    "settings",
    [
        {"dropout": 0.3},
        {"normalization": "batch"},
        {"normalization": "layer"},
        {"input_noise": 0.1},
        {"gradient_clip_norm": 0.5},
        {"label_smoothing": 0.1},
        {"weight_init": "orthogonal"},
        {"weight_init": "he_normal"},
        {"dtype": "float32"},
        {"alpha": 0.3, "l1_ratio": 0.5},
    ],
    ids=repr,
)
def test_further_parameters_change_the_model_and_learn(settings):
    base = MLPClassifier(learning_rate_init=0.01, max_iter=30, random_state=0)
    X, y, X_test, y_test = X_digits[:700], y_digits[:700], X_digits[700:], y_digits[700:]
    plain = base.fit(X, y).predict_proba(X_test)
    changed = clone(base).set_params(**settings).fit(X, y)
    again = clone(base).set_params(**settings).fit(X, y)
    assert not np.array_equal(plain, changed.predict_proba(X_test))
    np.testing.assert_array_equal(changed.predict_proba(X_test), again.predict_proba(X_test))
    assert changed.score(X_test, y_test) > 0.87


def test_l1_brings_weights_near_zero():
    def small_share(l1_ratio):
        reg = MLPRegressor(
            hidden_layer_sizes=20,
            alpha=2.0,
            l1_ratio=l1_ratio,
            max_iter=300,
            learning_rate="cosine",  # an end at rate 0, since L1 makes weights jump around 0
            learning_rate_init=0.01,
            random_state=0,
            n_iter_no_change=300,
        )
        return (abs(reg.fit(X_diabetes, y_diabetes).coefs_[0]) < 0.01).mean()

    assert small_share(1.0) > small_share(0.0) + 0.3


def test_adamw_decays_without_gradient_scaling():
    """Decoupled decay does not depend on the number of rows; the L2 penalty does."""
    norms = [
        np.linalg.norm(
            MLPClassifier(solver=s, alpha=2.0, learning_rate_init=0.01, max_iter=100,
                          random_state=0, tol=0).fit(X_iris, y_iris).coefs_[0]
        )
        for s in ("adam", "adamw")
    ]  # fmt: skip
    assert norms[1] < 0.9 * norms[0]


@pytest.mark.parametrize("clip", [10**30, 10**400, 1e300], ids=["int", "no float", "float"])
def test_gradient_clip_norm_that_is_never_reached(clip):
    options = {"max_iter": 3, "random_state": 0, "device": "cpu"}
    clipped = MLPRegressor(gradient_clip_norm=clip, **options).fit(X_iris, y_iris)
    plain = MLPRegressor(**options).fit(X_iris, y_iris)
    np.testing.assert_array_equal(clipped.predict(X_iris), plain.predict(X_iris))


def test_batch_normalization_never_sees_one_row():
    clf = MLPClassifier(normalization="batch", batch_size=50, max_iter=2, random_state=0)
    clf.fit(np.r_[X_iris, X_iris[:1]], np.r_[y_iris, 0])
    assert np.isfinite(clf.predict_proba(X_iris)).all()
    with pytest.raises(ValueError, match="normalization='batch' needs at least 2 rows"):
        clf.fit(X_iris[:1], [0])
