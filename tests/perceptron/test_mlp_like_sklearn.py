"""Perceptrons have scikit-learn's signature, attributes and numbers."""

import inspect
import warnings

import numpy as np
import pytest
import sklearn.neural_network as theirs
from perceptron_data import (
    X_digits,
    X_iris,
    both,
    output,
    y_digits,
    y_iris,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network._base import LOSS_FUNCTIONS

from skdeep import MLPClassifier, MLPRegressor
from skdeep._compat import reports_mean_over_outputs

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer. Maximum iterations")


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
    if settings.get("solver") == "lbfgs" and task == "many" and reports_mean_over_outputs():
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


@pytest.mark.parametrize("settings", SETTINGS, ids=repr)
def test_same_numbers_as_a_scikit_learn_that_reports_the_sum(settings, monkeypatch):
    """Where its squared errors are summed over outputs, as they are minimised, so are ours."""

    def summed(y_true, y_pred, sample_weight=None):
        return 0.5 * np.average((y_true - y_pred) ** 2, weights=sample_weight, axis=0).sum()

    monkeypatch.setitem(LOSS_FUNCTIONS, "squared_error", summed)
    assert not reports_mean_over_outputs()
    test_same_numbers_as_sklearn(settings, False, "many")


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


def test_repr_is_short():
    clf = MLPClassifier(max_iter=1, device="cpu").fit(X_iris, y_iris)
    assert repr(clf.net_) == "<DeepNet: MLPNet, 803 parameters on cpu>"
    assert "net_" in clf._repr_html_()
