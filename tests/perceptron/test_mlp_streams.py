"""`partial_fit` and `warm_start` of perceptrons."""

import warnings

import numpy as np
import pytest
import sklearn.neural_network as theirs
from perceptron_data import X_iris, both, output, y_iris
from sklearn.exceptions import ConvergenceWarning

from skdeep import MLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer. Maximum iterations")


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
