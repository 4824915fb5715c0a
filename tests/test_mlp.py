"""What is special about the perceptrons, beyond the common checks and scikit-learn's own tests."""

import inspect
import re
import subprocess
import sys
import time
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn.neural_network as theirs
import torch
from sklearn.base import clone
from sklearn.datasets import (
    load_diabetes,
    load_digits,
    load_iris,
    make_classification,
    make_multilabel_classification,
    make_regression,
)
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import (
    accuracy_score,
    d2_absolute_error_score,
    d2_pinball_score,
    mean_pinball_loss,
    r2_score,
)
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from skdeep import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer. Maximum iterations")

X_digits, y_digits = load_digits(return_X_y=True)
X_digits = X_digits / 16
X_iris, y_iris = load_iris(return_X_y=True)
X_diabetes, y_diabetes = load_diabetes(return_X_y=True, scaled=True)
y_diabetes = (y_diabetes - y_diabetes.mean()) / y_diabetes.std()

BOTH = [(MLPClassifier, X_iris, y_iris), (MLPRegressor, X_diabetes, y_diabetes)]
both = pytest.mark.parametrize("cls, X, y", BOTH, ids=["classifier", "regressor"])


def output(estimator, X):
    return getattr(estimator, "predict_proba", estimator.predict)(X)


# --- the same as scikit-learn's ------------------------------------------------------------


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_signature_begins_with_sklearns(cls):
    ours = inspect.signature(cls).parameters
    reference = inspect.signature(getattr(theirs, cls.__name__)).parameters
    assert list(ours)[: len(reference)] == list(reference)
    for name, parameter in reference.items():
        assert ours[name].default == parameter.default
        assert ours[name].kind == parameter.kind
    for name in list(ours)[len(reference) :]:
        assert ours[name].kind == inspect.Parameter.KEYWORD_ONLY


SETTINGS = [
    {},
    {"activation": "tanh", "hidden_layer_sizes": (20, 10)},
    {"activation": "logistic", "alpha": 0.1, "batch_size": 64},
    {"activation": "identity", "solver": "sgd", "learning_rate_init": 0.002},
    {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.05},
    {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.2, "n_iter_no_change": 1},
    {"solver": "sgd", "nesterovs_momentum": False, "momentum": 0.5},
    {"solver": "sgd", "momentum": 0.0},
    {"solver": "lbfgs", "alpha": 1.0},
    {"shuffle": False, "epsilon": 1e-3, "beta_1": 0.8, "beta_2": 0.9},
    {"early_stopping": True, "validation_fraction": 0.3},
    {"tol": 0.1, "n_iter_no_change": 2},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=repr)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel", "one", "many", "poisson"])
def test_same_numbers_as_sklearn(settings, weighted, task):
    """Same seed, same initial weights, same order of rows, same updates, same stopping."""
    if task == "multiclass" and settings.get("early_stopping"):
        pytest.skip("scikit-learn stratifies two classes only; ours stratifies all")
    if settings.get("solver") == "lbfgs" and task == "many":
        pytest.skip("scikit-learn's loss is a mean over outputs, its gradient is of their sum")
    rng = np.random.RandomState(0)
    X = X_digits[:300]
    is_classifier = task in ("binary", "multiclass", "multilabel")
    cls, params = MLPClassifier if is_classifier else MLPRegressor, {}
    if task == "binary":
        y = y_digits[:300] > 4
    elif task == "multiclass":
        y = y_digits[:300]
    elif task == "multilabel":
        y = np.stack([y_digits[:300] > 4, y_digits[:300] % 2], axis=1).astype(int)
    elif task == "poisson":
        y, params = rng.poisson(y_digits[:300] / 3), {"loss": "poisson"}
    else:
        y = y_digits[:300] / 5 if task == "one" else np.c_[y_digits[:300] / 5, X @ rng.rand(64)]
    weight = rng.uniform(0.1, 3, 300) if weighted else None
    params = {"max_iter": 12, "random_state": 3} | params | settings
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        reference = getattr(theirs, cls.__name__)(**params).fit(X, y, sample_weight=weight)
        ours = cls(**params).fit(X, y, sample_weight=weight)
    assert ours.n_iter_ == reference.n_iter_
    if settings.get("early_stopping") and task in ("binary", "multilabel"):
        return  # equal scores are told apart by the loss, so that the weights may differ
    np.testing.assert_allclose(output(ours, X), output(reference, X), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(ours.loss_, reference.loss_, rtol=1e-8)
    for mine, other in zip(
        [*ours.coefs_, *ours.intercepts_], [*reference.coefs_, *reference.intercepts_]
    ):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-8)
    for name in ("t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(ours, name) == getattr(reference, name), name
    if params.get("solver") != "lbfgs":
        np.testing.assert_allclose(ours.loss_curve_, reference.loss_curve_, rtol=1e-8)
        for name in ("best_loss_", "validation_scores_", "best_validation_score_"):
            mine, other = getattr(ours, name), getattr(reference, name)
            assert (mine is None) == (other is None), name
            assert mine is None or np.allclose(mine, other), name


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@both
def test_has_all_fitted_attributes_of_sklearns(cls, X, y, solver):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        reference = getattr(theirs, cls.__name__)(max_iter=3, solver=solver).fit(X, y)
        ours = cls(max_iter=3, solver=solver).fit(X, y)
    public = [k for k in vars(reference) if k.endswith("_") and k[0] != "_"]
    assert len(public) > 7
    assert [k for k in public if not hasattr(ours, k)] == []


def test_worked_example():
    """The example that scikit-learn works out by hand in its `test_fit`."""
    X, y = np.array([[0.6, 0.8, 0.7]]), np.array([0])
    clf = MLPClassifier(
        solver="sgd",
        learning_rate_init=0.1,
        alpha=0.1,
        activation="logistic",
        max_iter=1,
        hidden_layer_sizes=2,
        momentum=0,
        device="cpu",
    )
    clf.partial_fit(X, y, classes=[0, 1])
    clf.coefs_ = [np.array([[0.1, 0.2], [0.3, 0.1], [0.5, 0]]), np.array([[0.1], [0.2]])]
    clf.intercepts_ = [np.array([0.1, 0.1]), np.array([1.0])]
    clf.partial_fit(X, y)
    expected = [[0.098, 0.195756], [0.2956664, 0.096008], [0.4939998, -0.002244]]
    np.testing.assert_allclose(clf.coefs_[0], expected, atol=1.5e-3)
    np.testing.assert_allclose(clf.coefs_[1], [[0.04706], [0.154089]], atol=1.5e-3)
    np.testing.assert_allclose(clf.intercepts_[0], [0.098333, 0.09626], atol=1.5e-3)
    np.testing.assert_allclose(clf.intercepts_[1], [0.9235], atol=1.5e-3)
    assert clf.predict_proba(X)[0, 1] == pytest.approx(0.739, abs=1.5e-3)


def test_weights_are_views_that_can_be_written():
    clf = MLPClassifier(max_iter=2, device="cpu").fit(X_iris, y_iris)
    for coef in clf.coefs_:
        coef[:] = 0
    for intercept in clf.intercepts_:
        intercept[:] = 0
    np.testing.assert_allclose(clf.predict_proba(X_iris), 1 / 3)
    with pytest.raises(ValueError, match="coefs_ must have the shapes"):
        clf.coefs_ = [np.zeros((4, 3))]


# --- beyond scikit-learn's -----------------------------------------------------------------

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


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "quantile"])
def test_losses_of_the_regressor(loss):
    reg = MLPRegressor(loss, max_iter=300, learning_rate_init=0.01, random_state=0)
    assert reg.fit(X_diabetes, y_diabetes).score(X_diabetes, y_diabetes) > 0.5


def test_absolute_error_shrugs_off_outliers():
    X, y = make_regression(300, 3, noise=1.0, random_state=0)
    y = y / y.std()
    spoilt = y.copy()
    spoilt[::10] += 50
    errors = {
        loss: abs(
            MLPRegressor(loss, max_iter=300, learning_rate_init=0.01, random_state=0)
            .fit(X, spoilt)
            .predict(X)
            - y
        ).mean()
        for loss in ("squared_error", "absolute_error", "huber")
    }
    assert errors["absolute_error"] < 0.3 * errors["squared_error"]
    assert errors["huber"] < 0.5 * errors["squared_error"]


def test_quantiles_cover():
    rng = np.random.RandomState(0)
    X = rng.uniform(0, 1, (2000, 1))
    y = X[:, 0] + (0.1 + X[:, 0]) * rng.normal(size=2000)
    for quantile in (0.1, 0.9):
        reg = MLPRegressor(
            "quantile", quantile=quantile, max_iter=60, learning_rate_init=0.01, random_state=0
        ).fit(X[:1000], y[:1000])
        predicted = reg.predict(X[1000:])
        assert abs((y[1000:] <= predicted).mean() - quantile) < 0.04
        if quantile == 0.1:
            continue  # the true one hardly depends on X
        constant = np.full(1000, np.quantile(y[:1000], quantile))
        assert mean_pinball_loss(y[1000:], predicted, alpha=quantile) < 0.9 * mean_pinball_loss(
            y[1000:], constant, alpha=quantile
        )


@pytest.mark.parametrize(
    "loss, score",
    [
        ("squared_error", r2_score),
        ("poisson", r2_score),
        ("absolute_error", d2_absolute_error_score),
        ("huber", d2_absolute_error_score),
        ("quantile", lambda y, p: d2_pinball_score(y, p, alpha=0.8)),
    ],
)
def test_score_of_early_stopping_suits_the_loss(loss, score):
    y = y_diabetes - y_diabetes.min()
    Xa, Xb, ya, yb = train_test_split(X_diabetes, y, random_state=0)
    reg = MLPRegressor(loss, quantile=0.8, early_stopping=True, max_iter=20, random_state=0)
    reg.fit(Xa, ya, X_val=Xb, y_val=yb)
    assert reg.best_validation_score_ == pytest.approx(score(yb, reg.predict(Xb)))


def test_class_weight_is_sample_weight():
    X, y = make_classification(150, 5, weights=[0.9], random_state=0)
    params = {"max_iter": 30, "random_state": 0}
    by_class = MLPClassifier(class_weight={0: 1.0, 1: 4.0}, **params).fit(X, y)
    by_row = MLPClassifier(**params).fit(X, y, sample_weight=np.where(y == 1, 4.0, 1.0))
    np.testing.assert_array_equal(by_class.predict_proba(X), by_row.predict_proba(X))
    balanced = MLPClassifier(class_weight="balanced", **params).fit(X, y)
    counts = np.bincount(y)
    factors = len(y) / (2 * counts)
    by_row.fit(X, y, sample_weight=factors[y])
    np.testing.assert_allclose(balanced.predict_proba(X), by_row.predict_proba(X), rtol=1e-9)


def test_balanced_weights_count_weighted_rows():
    X, y = make_classification(60, 4, n_informative=3, n_redundant=0, random_state=0)
    weight = np.random.RandomState(0).randint(0, 4, 60)
    params = {"max_iter": 20, "random_state": 0, "class_weight": "balanced"}
    weighted = MLPClassifier(**params).fit(X, y, sample_weight=weight)
    repeated = MLPClassifier(**params).fit(X.repeat(weight, axis=0), y.repeat(weight))
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-7)


def test_class_weight_of_labels_and_of_streams():
    labels = np.array(["no", "yes"])[(y_iris == 2).astype(int)]
    clf = MLPClassifier(class_weight={"yes": 100.0}, max_iter=50, random_state=0)
    assert (clf.fit(X_iris, labels).predict(X_iris) == "yes").mean() > 0.5
    with pytest.raises(
        ValueError, match="class_weight 'balanced' is not supported for partial_fit"
    ):
        MLPClassifier(class_weight="balanced").partial_fit(X_iris, labels, classes=["no", "yes"])
    MLPClassifier(class_weight={"no": 2.0}).partial_fit(X_iris, labels, classes=["no", "yes"])
    X, Y = make_multilabel_classification(n_samples=50, random_state=0)
    MLPClassifier(class_weight="balanced", max_iter=3).fit(X, Y)


@pytest.mark.parametrize("n_rows", [40, 150, 199])
def test_early_stopping_respects_weights(n_rows):
    """Up to one full batch, a weight is a repeated row, also for the validation split."""
    rng = np.random.RandomState(0)
    X, y = make_classification(n_rows, 6, random_state=1)
    weight = rng.randint(0, 3, n_rows)
    weight = np.where(np.arange(n_rows) < 200 - n_rows, weight, np.minimum(weight, 1))
    params = {"early_stopping": True, "max_iter": 30, "random_state": 0, "batch_size": 200}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        weighted = MLPClassifier(**params).fit(X, y, sample_weight=weight)
        rows = rng.permutation(np.arange(n_rows).repeat(weight))
        repeated = MLPClassifier(**params).fit(X[rows], y[rows])
    assert len(rows) <= 200
    np.testing.assert_allclose(weighted.validation_scores_, repeated.validation_scores_)
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-6)


@pytest.mark.parametrize(
    "X, y, message",
    [
        (X_iris[:12], np.arange(12) % 2, None),  # two rows, one of each class
        (X_iris[:10], np.arange(10) % 2, "would hold 1 of 10 rows"),
        (X_iris[:40], [0] * 39 + [1], "a class has only 1 row"),
        (X_iris[:20], np.arange(20) % 3, "cannot hold 3 classes"),
    ],
)
def test_validation_splits_of_small_data(X, y, message):
    clf = MLPClassifier(early_stopping=True, max_iter=3, random_state=0)
    if message is None:
        assert len(clf.fit(X, y).validation_scores_) == 3
        return
    with pytest.warns(UserWarning, match=message):
        clf.fit(X, y)
    assert clf.validation_scores_ is None
    assert clf.best_loss_ is not None


def test_validation_split_of_three_rows():
    with pytest.raises(ValueError, match="The validation set is too small"):
        MLPRegressor(early_stopping=True).fit(X_iris[:3], y_iris[:3])
    with pytest.warns(UserWarning, match="early_stopping=True has no effect"):
        MLPRegressor(early_stopping=True, max_iter=2).fit(X_iris[:4], y_iris[:4])


# --- validation data -----------------------------------------------------------------------


@both
def test_validation_rows_given(cls, X, y):
    params = {"max_iter": 30, "random_state": 0}
    Xa, Xb, ya, yb = train_test_split(X, y, random_state=0)
    plain = cls(**params).fit(Xa, ya)
    watched = cls(**params).fit(Xa, ya, X_val=Xb, y_val=yb)
    np.testing.assert_array_equal(output(plain, Xb), output(watched, Xb))
    assert plain.validation_loss_curve_ is None
    assert len(watched.validation_loss_curve_) == watched.n_iter_
    assert watched.validation_scores_ is None
    assert watched.net_.history[:, "valid_loss"] == watched.validation_loss_curve_
    stopped = cls(early_stopping=True, **params).fit(Xa, ya, X_val=Xb, y_val=yb)
    assert max(stopped.validation_scores_) == pytest.approx(stopped.score(Xb, yb))
    weight = np.random.RandomState(0).uniform(0, 2, len(yb))
    stopped.fit(Xa, ya, X_val=Xb, y_val=yb, sample_weight_val=weight)
    assert max(stopped.validation_scores_) == pytest.approx(stopped.score(Xb, yb, weight))


def test_validation_loss_is_that_of_the_rows():
    clf = MLPClassifier(max_iter=5, random_state=0)
    clf.fit(X_iris[::2], y_iris[::2], X_val=X_iris[1::2], y_val=y_iris[1::2])
    proba = clf.predict_proba(X_iris[1::2])
    expected = -np.log(proba[np.arange(75), y_iris[1::2]]).mean()
    assert clf.validation_loss_curve_[-1] == pytest.approx(expected)


def test_validation_rows_in_a_pipeline():
    import sklearn

    with sklearn.config_context(enable_metadata_routing=True):
        clf = MLPClassifier(
            early_stopping=True, max_iter=40, random_state=0, learning_rate_init=0.01
        )
        pipe = Pipeline(
            [("scale", StandardScaler()), ("clf", clf.set_fit_request(X_val=True, y_val=True))],
            transform_input=["X_val"],
        )
        pipe.fit(X_iris[::2], y_iris[::2], X_val=X_iris[1::2], y_val=y_iris[1::2])
    scores = pipe[-1].validation_scores_
    assert max(scores) == accuracy_score(y_iris[1::2], pipe.predict(X_iris[1::2])) > 0.9


def test_validation_rows_in_a_search():
    """A search slices X_val if it has as many rows as X, and passes it on whole if not."""
    from sklearn.model_selection import GridSearchCV

    search = GridSearchCV(MLPClassifier(max_iter=2, random_state=0), {"alpha": [1e-4]}, cv=3)
    search.fit(X_iris, y_iris, X_val=X_iris[:30], y_val=y_iris[:30])
    assert len(search.best_estimator_.validation_loss_curve_) == 2
    sizes = []

    class Spy(MLPClassifier):
        def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None):
            sizes.append(len(X_val))
            return super().fit(X, y, sample_weight, X_val=X_val, y_val=y_val)

    search.set_params(estimator=Spy(max_iter=2))
    search.fit(X_iris, y_iris, X_val=X_iris, y_val=y_iris)
    assert sizes == [100, 100, 100, 150]


@pytest.mark.parametrize(
    "given, message",
    [
        ({"X_val": X_iris}, "X_val is provided, but y_val was not provided"),
        ({"y_val": y_iris}, "y_val is provided, but X_val was not provided"),
        ({"X_val": X_iris[:, :2], "y_val": y_iris}, "X has 2 features, but MLPClassifier is exp"),
        ({"X_val": X_iris, "y_val": y_iris + 1}, "`y_val` has classes not in"),
        ({"X_val": X_iris, "y_val": y_iris[:9]}, "inconsistent numbers of samples"),
    ],
)
def test_bad_validation_rows(given, message):
    with pytest.raises(ValueError, match=message):
        MLPClassifier().fit(X_iris, y_iris, **given)


# --- ends of training ----------------------------------------------------------------------


@both
def test_max_time(cls, X, y):
    est = cls(max_iter=10**7, max_time=0.3, tol=0, n_iter_no_change=np.inf, random_state=0)
    start = time.monotonic()
    est.fit(X, y)
    assert time.monotonic() - start < 5
    assert 1 < est.n_iter_ < 10**7
    assert est.best_loss_ == min(est.loss_curve_)


def test_max_time_ends_an_epoch_and_lbfgs():
    X, y = np.random.RandomState(0).normal(size=(200_000, 20)), np.arange(200_000) % 2
    start = time.monotonic()
    clf = MLPClassifier((200, 200), batch_size=10, max_time=0.5).fit(X, y)
    assert clf.n_iter_ == 1
    MLPClassifier(solver="lbfgs", max_iter=10**5, max_fun=10**6, tol=0, max_time=0.5).fit(
        X[:2000], y[:2000]
    )
    assert time.monotonic() - start < 20


def test_time_over_brings_the_best_weights_back():
    """Training that gets worse ends with the weights of its best epoch."""
    X, y = X_iris[::2], y_iris[::2]
    X_val, y_val = X_iris[1::2], 2 - y_iris[1::2]  # wrong labels: the loss rises
    clf = MLPClassifier(
        max_iter=10**7, max_time=0.5, random_state=0, tol=0, n_iter_no_change=np.inf
    ).fit(X, y, X_val=X_val, y_val=y_val)
    curve = clf.validation_loss_curve_
    assert min(curve) < curve[-1]
    proba = clf.predict_proba(X_val)
    assert -np.log(proba[np.arange(75), y_val]).mean() == pytest.approx(min(curve))


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_interrupt_keeps_the_best_so_far(solver, monkeypatch):
    """Ctrl-C may come anywhere; here it comes in the middle of a step."""
    from skdeep.engine import SingleStep

    original, calls = SingleStep.objective, []

    def interrupted(self, *batch):
        calls.append(1)
        if len(calls) == 33:
            raise KeyboardInterrupt
        return original(self, *batch)

    monkeypatch.setattr(SingleStep, "objective", interrupted)
    clf = MLPClassifier(solver=solver, max_iter=1000, max_fun=1000, batch_size=50, random_state=0)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        clf.fit(X_iris, y_iris)
    assert 3 < clf.n_iter_ < 40
    if solver == "adam":
        assert len(clf.loss_curve_) == 10  # of three batches each; the 11th epoch does not count
    proba = clf.predict_proba(X_iris)
    assert -np.log(proba[np.arange(150), y_iris]).mean() < np.log(3)


def test_ctrl_c_in_a_process():
    """The signal itself, in a process of its own."""
    script = """
import os, signal, threading, warnings
import numpy as np
from skdeep import MLPClassifier
X = np.random.RandomState(0).normal(size=(500, 5)); y = (X[:, 0] > 0).astype(int)
MLPClassifier(max_iter=1).partial_fit(X, y, classes=[0, 1])
clf = MLPClassifier(max_iter=10**8, tol=0, n_iter_no_change=np.inf)
signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background ignore it
threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    clf.fit(X, y)
print([str(w.message) for w in caught], clf.score(X, y) > 0.9)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "['Training interrupted by user.'] True", done.stderr


def test_nan_names_epoch_and_cause():
    reg = MLPRegressor(max_iter=3, random_state=0).fit(X_diabetes, y_diabetes)
    expected = reg.predict(X_diabetes)
    start = re.escape(
        "Solver produced non-finite parameter weights. The input data may contain large values "
        "and need to be preprocessed."
    )
    with pytest.raises(ValueError, match=start + r".*epoch \d+.*X holds values up to 1e\+200"):
        reg.fit(X_diabetes * 0 + 1e200, y_diabetes)
    with pytest.raises(ValueError, match=start + r".*epoch 1.*y holds values up to 1e\+200"):
        reg.fit(X_diabetes, y_diabetes * 0 + 1e200)
    wild = clone(reg).set_params(solver="sgd", learning_rate_init=1e6, max_iter=100)
    with pytest.raises(ValueError, match=start + r".*epoch \d+.*learning_rate_init=1000000.0"):
        wild.fit(X_diabetes, y_diabetes)
    np.testing.assert_array_equal(expected, reg.predict(X_diabetes))


def test_diverging_with_early_stopping_warns_and_keeps_the_best():
    reg = MLPRegressor(
        activation="identity", solver="sgd", learning_rate_init=1.0, max_iter=20,
        early_stopping=True, random_state=0,
    )  # fmt: skip
    with pytest.warns(ConvergenceWarning, match="Training diverged in epoch"):
        reg.fit(X_iris, y_iris)
    assert np.isnan(reg.validation_scores_[-1])
    assert np.isfinite(reg.predict(X_iris)).all()


def test_out_of_memory_names_the_batch(monkeypatch):
    from skdeep.engine import SingleStep

    def fails(self, batch, on_gradient=None):
        raise torch.OutOfMemoryError("Tried to allocate 20.00 GiB")

    monkeypatch.setattr(SingleStep, "__call__", fails)
    with pytest.raises(
        torch.OutOfMemoryError, match="ran out of memory with batch_size=150: try a smaller one"
    ):
        MLPClassifier().fit(X_iris, y_iris)


def test_failed_partial_fit_keeps_weights():
    reg = MLPRegressor(solver="sgd", learning_rate_init=1e-2, random_state=0)
    reg.partial_fit(X_diabetes, y_diabetes)
    expected = reg.predict(X_diabetes)
    twin = MLPRegressor(solver="sgd", learning_rate_init=1e-2, random_state=0)
    twin.partial_fit(X_diabetes, y_diabetes)
    with pytest.raises(ValueError, match="non-finite"):
        reg.partial_fit(X_diabetes, y_diabetes * 1e200)
    np.testing.assert_array_equal(expected, reg.predict(X_diabetes))
    reg.partial_fit(X_diabetes, y_diabetes)
    twin.partial_fit(X_diabetes, y_diabetes)
    np.testing.assert_array_equal(twin.predict(X_diabetes), reg.predict(X_diabetes))


# --- callbacks -----------------------------------------------------------------------------


class Recorder:
    """A scikit-learn callback that counts tasks and may ask to stop."""

    def __init__(self, stop_after=np.inf):
        self.tasks, self.models, self.stop_after = [], [], stop_after

    def setup(self, estimator, context):
        self.tasks.append("setup")

    def teardown(self, estimator, context):
        self.tasks.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.tasks.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.tasks.append(f"end {context.task_name}")
        self.models.append(fitted_estimator)
        return len(self.models) >= self.stop_after


@both
def test_callback_sees_every_epoch(cls, X, y):
    recorder = Recorder()
    est = cls(max_iter=3, random_state=0).set_callbacks(recorder).fit(X, y)
    epochs = ["begin epoch", "end epoch"] * 3
    assert recorder.tasks == ["setup", "begin fit", *epochs, "end fit", "teardown"]
    for n_epochs, model in enumerate(recorder.models[:3], start=1):
        check_is_fitted(model)
        direct = cls(max_iter=n_epochs, random_state=0).fit(X, y)
        np.testing.assert_array_equal(output(direct, X), output(model, X))
        assert model.n_iter_ == n_epochs
    np.testing.assert_array_equal(output(est, X), output(recorder.models[-1], X))


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_callback_stops(solver):
    clf = MLPClassifier(solver=solver, max_iter=50).set_callbacks(Recorder(stop_after=2))
    assert clf.fit(X_iris, y_iris).n_iter_ == 2


def test_callbacks_of_sklearn_in_a_search():
    from sklearn.callback import ProgressBar, ScoringMonitor
    from sklearn.model_selection import GridSearchCV

    pytest.importorskip("rich")
    monitor = ScoringMonitor(scoring="accuracy")
    clf = MLPClassifier(max_iter=4, random_state=0).set_callbacks(monitor)
    pipe = make_pipeline(StandardScaler(), clf)
    search = GridSearchCV(pipe, {"mlpclassifier__alpha": [1e-4, 1.0]}, cv=2)
    search.set_callbacks(ProgressBar()).fit(X_iris, y_iris)
    rows = [r for log in monitor.get_logs("all") for r in log.data if r["task_name"] == "epoch"]
    assert len(rows) == (2 * 2 + 1) * 4
    assert all(0 <= r["accuracy"] <= 1 for r in rows)


def test_failed_fit_tears_callbacks_down():
    recorder = Recorder()
    clf = MLPClassifier(max_iter=3).set_callbacks(recorder)
    with pytest.raises(ValueError, match="inconsistent numbers"):
        clf.fit(X_iris, y_iris[:5])
    assert recorder.tasks == ["setup", "begin fit", "teardown"]
    assert not hasattr(clf, "_callback_fit_ctx")


def test_skorch_callbacks(tmp_path):
    from skorch.callbacks import Callback, Checkpoint, EarlyStopping, LRScheduler

    class Batches(Callback):
        seen = 0

        def on_grad_computed(self, net, named_parameters, **kwargs):
            Batches.seen += 1
            assert all(p.grad is not None for _, p in named_parameters)

    given = [
        LRScheduler("StepLR", step_size=1, gamma=0.5),
        Checkpoint(dirname=tmp_path, monitor=None),
        Batches(),
        EarlyStopping("train_loss", patience=2, threshold=0.3, sink=lambda line: None),
    ]
    clf = MLPClassifier(max_iter=50, skorch_callbacks=given, batch_size=50)
    clf.fit(X_iris, y_iris)
    assert clf.n_iter_ == 3
    assert Batches.seen == 9
    assert clf.net_.history[:, "learning_rate"] == [0.001, 0.0005, 0.00025]
    assert (tmp_path / "params.pt").exists()
    assert given[-1].misses_ == 0  # the user's objects are as they were
    before = clf.predict_proba(X_iris)
    clf.net_.load_params(f_params=tmp_path / "params.pt")
    np.testing.assert_array_equal(before, clf.predict_proba(X_iris))


@pytest.mark.parametrize("given", [None, object(), len, ("name", 1), (), "name"])
def test_skorch_callbacks_of_no_kind(given):
    with pytest.raises(ValueError, match="skorch_callbacks=.*: expected callbacks of skorch"):
        MLPClassifier(max_iter=1, skorch_callbacks=[given]).fit(X_iris, y_iris)


def test_hooks_of_callbacks_see_training():
    from skorch.callbacks import Callback

    seen = []

    class Probe(Callback):
        def on_train_begin(self, net, **kwargs):
            for layer in net.module_.linears:
                layer.register_forward_hook(lambda _, x, out: seen.append((out, out.clone())))

        def on_epoch_end(self, net, **kwargs):
            assert seen and all(torch.equal(now, then) for now, then in seen)

    options = {"max_iter": 3, "random_state": 0, "dtype": "float64", "device": "cpu"}
    probed = MLPClassifier((8,), skorch_callbacks=[Probe()], **options).fit(X_iris, y_iris)
    plain = MLPClassifier((8,), **options).fit(X_iris, y_iris)
    assert len(seen) >= 6
    np.testing.assert_allclose(probed.predict_proba(X_iris), plain.predict_proba(X_iris), 1e-10)


@pytest.mark.parametrize("clip", [10**30, 10**400, 1e300], ids=["int", "no float", "float"])
def test_gradient_clip_norm_that_is_never_reached(clip):
    options = {"max_iter": 3, "random_state": 0, "device": "cpu"}
    clipped = MLPRegressor(gradient_clip_norm=clip, **options).fit(X_iris, y_iris)
    plain = MLPRegressor(**options).fit(X_iris, y_iris)
    np.testing.assert_array_equal(clipped.predict(X_iris), plain.predict(X_iris))


def test_solvers_leave_the_environment_and_the_compiler_alone():
    code = """
import os, sys, warnings
import numpy as np
from skdeep import MLPRegressor
from skdeep.engine import BOUNDED_SCHEDULES, SOLVERS
warnings.simplefilter("ignore")
X, before = np.random.RandomState(0).normal(size=(20, 3)), dict(os.environ)
for solver in [*SOLVERS, "lbfgs"]:
    MLPRegressor(solver=solver, max_iter=2, device="cpu").fit(X, X[:, 0])
    assert dict(os.environ) == before, solver
    assert "torch._dynamo" not in sys.modules, solver
for schedule in [*BOUNDED_SCHEDULES, "plateau", "adaptive", "exponential"]:
    MLPRegressor(learning_rate=schedule, max_iter=2, device="cpu").fit(X, X[:, 0])
    assert dict(os.environ) == before, schedule
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_checkpoint_of_the_best_epoch(tmp_path):
    from skorch.callbacks import Checkpoint

    best = Checkpoint(dirname=tmp_path, load_best=True)  # watches valid_loss_best
    clf = MLPClassifier(max_iter=60, random_state=0, skorch_callbacks=best, learning_rate_init=0.1)
    y_wrong = 2 - y_iris[1::2]
    clf.fit(X_iris[::2], y_iris[::2], X_val=X_iris[1::2], y_val=y_wrong)
    proba = clf.predict_proba(X_iris[1::2])
    loss = -np.log(proba[np.arange(75), y_wrong]).mean()
    assert loss == pytest.approx(min(clf.validation_loss_curve_))
    assert loss < clf.validation_loss_curve_[-1]


def test_epoch_scoring_of_skorch():
    from skorch.callbacks import EpochScoring

    def error(net, X, y):
        return (
            (net.infer(torch.as_tensor(X)).argmax(1) != torch.as_tensor(y)).double().mean().item()
        )

    given = [EpochScoring(error, on_train=train, name=f"error {train}") for train in (True, False)]
    clf = MLPClassifier(max_iter=3, skorch_callbacks=given)
    clf.fit(X_iris[::2], y_iris[::2], X_val=X_iris[1::2], y_val=y_iris[1::2])
    for train, rows in ((True, slice(0, None, 2)), (False, slice(1, None, 2))):
        last = clf.net_.history[-1, f"error {train}"]
        assert last == pytest.approx(1 - clf.score(X_iris[rows], y_iris[rows]))


def test_interrupt_in_the_first_epoch():
    from skorch.callbacks import Callback

    class Interrupt(Callback):
        def on_batch_end(self, net, **kwargs):
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="Training interrupted by user"):
        clf = MLPClassifier(skorch_callbacks=Interrupt()).fit(X_iris, y_iris)
    assert clf.loss_curve_ == [] and len(clf.net_.history) == 0
    assert np.isfinite(clf.predict_proba(X_iris)).all()


def test_verbose(capsys):
    MLPClassifier(max_iter=2, verbose=True, early_stopping=True).fit(X_iris, y_iris)
    out = capsys.readouterr().out
    assert "Iteration 2, loss = " in out and "Validation score: " in out
    MLPClassifier(max_iter=2, verbose=True, solver="sgd", tol=10, n_iter_no_change=1,
                  learning_rate="adaptive").fit(X_iris, y_iris)  # fmt: skip
    MLPRegressor(max_iter=60, verbose=1, tol=1e9, n_iter_no_change=3).fit(X_iris, y_iris)
    out = capsys.readouterr().out
    assert "Training loss did not improve more than tol=1000000000.000000 for 3" in out
    assert out.endswith("Stopping.\n")


# --- data ----------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_sparse_is_dense(cls, X, y, solver):
    X = np.where(np.median(X) < X, X, 0.0)
    params = {"max_iter": 20, "random_state": 0, "solver": solver, "hidden_layer_sizes": (20,)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        dense = cls(**params).fit(X, y)
        for container in (sp.csr_array, sp.csc_array, sp.coo_matrix):
            sparse = cls(**params).fit(container(X), y)
            np.testing.assert_allclose(output(dense, X), output(sparse, X), rtol=1e-6, atol=1e-9)
            np.testing.assert_allclose(output(dense, X), output(dense, container(X)), rtol=1e-9)


def test_wide_sparse_rows_are_not_made_dense():
    X = sp.random_array((300, 200_000), density=1e-4, format="csr", rng=0, dtype=np.float32)
    y = np.arange(300) % 2
    for params in ({}, {"dropout": 0.5}, {"early_stopping": True}):
        clf = MLPClassifier((4,), max_iter=2, random_state=0, **params).fit(X, y)
        assert clf.predict_proba(X).shape == (300, 2)


@pytest.mark.parametrize(
    "labels", [["b", "a", "c"], [7, -3, 100], [True, False, True], [1.0, 0, 2]]
)
def test_any_labels(labels):
    y = np.array(labels)[y_iris]
    clf = MLPClassifier(max_iter=100, learning_rate_init=0.01, random_state=0).fit(X_iris, y)
    np.testing.assert_array_equal(clf.classes_, np.unique(y))
    predicted = clf.predict(X_iris)
    assert predicted.dtype == y.dtype
    assert (predicted == y).mean() > 0.9
    assert clf.predict_proba(X_iris).shape == (150, len(np.unique(y)))


def test_one_class():
    clf = MLPClassifier(max_iter=2).fit(X_iris, np.full(150, "only"))
    assert set(clf.predict(X_iris)) == {"only"}
    np.testing.assert_array_equal(clf.predict_proba(X_iris), np.ones((150, 1)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int32, np.uint8, bool])
@both
def test_precision_follows_the_data(cls, X, y, dtype):
    X = (X * 10).astype(dtype)
    est = cls(max_iter=2, random_state=0).fit(X, y)
    expected = np.float32 if dtype == np.float32 else np.float64
    assert {a.dtype for a in [*est.coefs_, *est.intercepts_]} == {np.dtype(expected)}
    assert output(est, X).dtype == expected
    for name in ("float32", "float64"):
        est.set_params(dtype=name).fit(X, y)
        assert est.coefs_[0].dtype == output(est, X).dtype == name


def test_frames():
    frame = pd.DataFrame(X_iris, columns=list("abcd"))
    clf = MLPClassifier(max_iter=2).fit(frame, pd.Series(y_iris))
    assert list(clf.feature_names_in_) == list("abcd")
    with pytest.raises(ValueError, match="feature names should match"):
        clf.predict(frame[list("dcba")])
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        clf.predict(X_iris)
    clf.fit(X_iris, y_iris)
    assert not hasattr(clf, "feature_names_in_")


@both
def test_tensors_are_arrays(cls, X, y):
    params = {"max_iter": 5, "random_state": 0, "device": "cpu"}
    expected = cls(**params).fit(X, y)
    weight = np.ones(len(y))
    got = cls(**params).fit(torch.tensor(X), torch.tensor(y), sample_weight=torch.tensor(weight))
    np.testing.assert_array_equal(output(expected, X), output(got, torch.tensor(X)))
    assert isinstance(got.predict(torch.tensor(X)), np.ndarray)
    assert got.n_features_in_ == X.shape[1]


@pytest.mark.parametrize(
    "X, message",
    [
        (torch.zeros(3), "Expected 2D array"),
        (torch.zeros(0, 4), r"Found array with 0 sample\(s\)"),
        (torch.zeros(3, 0), r"0 feature\(s\)"),
        (torch.full((3, 4), torch.nan), "Input X contains NaN"),
        (torch.full((3, 4), torch.inf), "Input X contains infinity"),
        (torch.zeros(4, 4), "inconsistent numbers of samples"),
        (torch.zeros(3, 4, dtype=torch.complex64), "Complex data not supported"),
    ],
)
def test_bad_tensors(X, message):
    with pytest.raises(ValueError, match=message):
        MLPClassifier().fit(X, [0, 1, 1])


def test_tensor_with_wrong_width():
    clf = MLPClassifier(max_iter=2).fit(X_iris, y_iris)
    with pytest.raises(ValueError, match="X has 3 features, but MLPClassifier is expecting 4"):
        clf.predict(torch.zeros(2, 3))


def test_multilabel_and_sparse_labels():
    X, Y = make_multilabel_classification(n_samples=100, random_state=0)
    clf = MLPClassifier(max_iter=100, learning_rate_init=0.01, random_state=0).fit(X, Y)
    assert clf.predict(X).shape == Y.shape
    assert clf.score(X, Y) > 0.5
    again = MLPClassifier(max_iter=100, learning_rate_init=0.01, random_state=0)
    again.fit(X, sp.csr_array(Y))
    np.testing.assert_array_equal(clf.predict_proba(X), again.predict_proba(X))


# --- streams and warm starts ---------------------------------------------------------------


@both
def test_partial_fit_is_sklearns(cls, X, y):
    params = {"random_state": 0, "batch_size": 32}
    ours, reference = cls(**params), getattr(theirs, cls.__name__)(**params)
    extra = {"classes": np.unique(y)} if cls is MLPClassifier else {}
    for start in range(0, 150, 50):
        rows = slice(start, start + 50)
        ours.partial_fit(X[rows], y[rows], **extra)
        reference.partial_fit(X[rows], y[rows], **extra)
    np.testing.assert_allclose(output(ours, X), output(reference, X), rtol=1e-8)
    np.testing.assert_allclose(ours.loss_curve_, reference.loss_curve_)
    assert ours.t_ == reference.t_


@both
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_warm_start_is_sklearns(cls, X, y, solver):
    params = {"random_state": 0, "warm_start": True, "max_iter": 4, "solver": solver}
    ours, reference = cls(**params), getattr(theirs, cls.__name__)(**params)
    for _ in range(3):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            reference.fit(X, y)
            ours.fit(X, y)
    np.testing.assert_allclose(output(ours, X), output(reference, X), rtol=1e-8)
    np.testing.assert_allclose(ours.loss_curve_, reference.loss_curve_)


def test_warm_start_takes_the_parameters_of_now():
    clf = MLPClassifier(max_iter=3, warm_start=True, random_state=0).fit(X_iris, y_iris)
    clf.set_params(solver="sgd", learning_rate_init=0.5, momentum=0.0, label_smoothing=0.3)
    before = clf.loss_
    clf.fit(X_iris, y_iris)
    assert clf.net_.history[-1, "learning_rate"] == 0.5
    assert clf.net_.flat_optimizers_[0].solver == "sgd"
    assert clf.loss_ != before
    reference = theirs.MLPClassifier(max_iter=3, warm_start=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        reference.fit(X_iris, y_iris)
        reference.set_params(solver="sgd", learning_rate_init=0.5, momentum=0.0)
        reference.fit(X_iris, y_iris)
        clf = MLPClassifier(max_iter=3, warm_start=True, random_state=0).fit(X_iris, y_iris)
        clf.set_params(solver="sgd", learning_rate_init=0.5, momentum=0.0).fit(X_iris, y_iris)
    np.testing.assert_allclose(clf.predict_proba(X_iris), reference.predict_proba(X_iris))


def test_lbfgs_after_adam_leaves_no_curves():
    clf = MLPClassifier(max_iter=3, warm_start=True).fit(X_iris, y_iris)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        clf.set_params(solver="lbfgs").fit(X_iris, y_iris)
    assert not hasattr(clf, "loss_curve_")
    clf.set_params(solver="adam").fit(X_iris, y_iris)
    assert len(clf.loss_curve_) == 3


def test_warm_start_with_other_layers():
    clf = MLPClassifier(max_iter=2, warm_start=True).fit(X_iris, y_iris)
    with pytest.raises(ValueError, match=r"Previously got \[100\], now \[5, 5\]"):
        clf.set_params(hidden_layer_sizes=(5, 5)).fit(X_iris, y_iris)


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle", "exponential"])
def test_schedules_with_an_end_are_constant_in_a_stream(schedule):
    clf = MLPClassifier(learning_rate=schedule)
    for _ in range(3):
        clf.partial_fit(X_iris, y_iris, classes=[0, 1, 2])
    assert clf.net_.history[:, "learning_rate"] == [0.001] * 3


def test_partial_fit_ignores_early_stopping():
    clf = MLPClassifier(early_stopping=True, random_state=0)
    plain = MLPClassifier(random_state=0)
    for _ in range(3):
        clf.partial_fit(X_iris, y_iris, classes=[0, 1, 2])
        plain.partial_fit(X_iris, y_iris, classes=[0, 1, 2])
    np.testing.assert_array_equal(clf.predict_proba(X_iris), plain.predict_proba(X_iris))


def test_unseen_classes_in_a_stream():
    clf = MLPClassifier().partial_fit(X_iris[:50], y_iris[:50], classes=[0, 1])
    with pytest.raises(ValueError, match="`y` has classes not in `self.classes_`"):
        clf.partial_fit(X_iris, y_iris)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        MLPClassifier().partial_fit(X_iris, y_iris)


def test_first_fit_does_not_import_the_compiler():
    """`torch.optim` would, for more than a second in every worker of a search."""
    script = """
import sys
from skdeep import MLPClassifier
MLPClassifier(max_iter=2).partial_fit([[0.0], [1.0]], [0, 1], classes=[0, 1]).predict([[1.0]])
print("torch._dynamo" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr


def test_threads_of_small_and_large_steps():
    """In a process of its own: the suite itself runs on one thread."""
    script = """
import torch
torch.set_num_threads(2)
import threading
from skdeep.engine import threads_for
seen = []
for rows, parameters in ((200, 2000), (10_000, 10_000)):
    with threads_for(rows, parameters):
        seen.append(torch.get_num_threads())
        other = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        other.start(); other.join()
    seen.append(torch.get_num_threads())
print(seen)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[1, 2, 2, 2, 2, 2]", done.stdout + done.stderr


# --- bad parameters ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, value",
    [
        ("batch_size", 0),
        ("solver", "newton"),
        ("activation", "step"),
        ("learning_rate", "linear"),
        ("dropout", 1.0),
        ("dropout", -0.1),
        ("l1_ratio", 1.5),
        ("gradient_clip_norm", 0),
        ("normalization", "group"),
        ("weight_init", "zeros"),
        ("input_noise", -1),
        ("max_time", 0),
        ("device", 3),
        ("dtype", "float16"),
        ("class_weight", "even"),
        ("label_smoothing", 1.0),
        ("skorch_callbacks", "all"),
        ("hidden_layer_sizes", 0),
        ("max_iter", 1.5),
        ("alpha", -1),
    ],
)
def test_bad_parameters(name, value):
    message = f"The '{name}' parameter of MLPClassifier must be"
    with pytest.raises(ValueError, match=message) as error:
        MLPClassifier(**{name: value}).fit(X_iris, y_iris)
    assert type(error.value).__name__ == "InvalidParameterError"


@pytest.mark.parametrize(
    "name, value", [("loss", "log"), ("huber_delta", 0), ("quantile", 1.0), ("quantile", 0)]
)
def test_bad_parameters_of_the_regressor(name, value):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of MLPRegressor must be"):
        MLPRegressor(**{name: value}).fit(X_iris, y_iris)


@pytest.mark.parametrize(
    "params, message",
    [
        ({"device": "cuda:99"}, "device='cuda:99' is not available"),
        ({"device": "toaster"}, "device='toaster': expected 'auto', 'cpu', 'cuda'"),
        ({"solver": "lbfgs", "dropout": 0.1}, "solver='lbfgs' needs a loss without noise"),
        ({"hidden_layer_sizes": (5, -1)}, "hidden_layer_sizes must be > 0"),
    ],
)
def test_bad_combinations(params, message):
    with pytest.raises(ValueError, match=message):
        MLPClassifier(**params).fit(X_iris, y_iris)


@pytest.mark.parametrize(
    "X, y, weight, message",
    [
        (X_iris, y_iris, np.zeros(150), "Sample weights must contain at least one non-zero"),
        (X_iris, y_iris, -np.ones(150), "Negative values in data passed to `sample_weight`"),
        (X_iris * np.nan, y_iris, None, "Input X contains NaN"),
        (X_iris[:0], y_iris[:0], None, r"Found array with 0 sample\(s\)"),
        (X_iris, y_iris + 0.5, None, "Unknown label type"),
        (X_iris, None, None, "requires y to be passed"),
    ],
)
def test_bad_data(X, y, weight, message):
    with pytest.raises(ValueError, match=message):
        MLPClassifier().fit(X, y, sample_weight=weight)


def test_poisson_needs_counts():
    with pytest.raises(ValueError, match="out of the valid range of the loss 'poisson'"):
        MLPRegressor("poisson").fit(X_iris, y_iris - 1)


def test_not_fitted():
    with pytest.raises(NotFittedError):
        MLPClassifier().predict(X_iris)
    assert not hasattr(MLPClassifier(), "coefs_")


def test_batch_normalization_never_sees_one_row():
    clf = MLPClassifier(normalization="batch", batch_size=50, max_iter=2, random_state=0)
    clf.fit(np.r_[X_iris, X_iris[:1]], np.r_[y_iris, 0])
    assert np.isfinite(clf.predict_proba(X_iris)).all()
    with pytest.raises(ValueError, match="normalization='batch' needs at least 2 rows"):
        clf.fit(X_iris[:1], [0])


def test_wide_predictions_in_pieces():
    reg = MLPRegressor(hidden_layer_sizes=1000, max_iter=1, random_state=0).fit(
        X_diabetes, y_diabetes
    )
    many = np.tile(X_diabetes, (40, 1))
    np.testing.assert_allclose(reg.predict(many), np.tile(reg.predict(X_diabetes), 40), rtol=1e-9)


def test_repr_is_short():
    clf = MLPClassifier(max_iter=1).fit(X_iris, y_iris)
    assert repr(clf.net_) == "<DeepNet: MLPNet, 803 parameters on cpu>"
    assert "net_" in clf._repr_html_()
