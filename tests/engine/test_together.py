"""Fits whose networks train as one, against the same fits alone."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.multiclass import OneVsRestClassifier

from skdeep import CNNClassifier, MLPClassifier, MLPRegressor
from skdeep.engine.packing import Pack
from skdeep.engine.together import Stop, run_together

FOLDS = [np.r_[0:60], np.r_[20:80], np.r_[0:30, 50:80]]
SMALL = {"hidden_layer_sizes": (7, 5), "batch_size": 16, "max_iter": 6, "random_state": 3}


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


@pytest.fixture(scope="module")
def classes():
    return make_classification(80, 6, n_informative=4, n_classes=3, random_state=0)


@pytest.fixture(scope="module")
def numbers():
    return make_regression(80, 6, n_targets=2, noise=5.0, random_state=0)


def fit_alone(estimators, data):
    return [clone(e).fit(*rows) for e, rows in zip(estimators, data)]


def fit_together(estimators, data):
    """Fit clones as one; all of them must have been packed."""
    made = [clone(e) for e in estimators]
    calls = run_together([lambda e=e, rows=rows: e.fit(*rows) for e, rows in zip(made, data)])
    for call in calls:
        if call.error is not None:
            raise call.error
        assert call.reason is None
    return made


def assert_same(estimators, X, y, tolerance=1e-9):
    pairs = [(clone(e), (X[rows], y[rows])) for e in estimators for rows in FOLDS]
    packed, alone = fit_together(*zip(*pairs)), fit_alone(*zip(*pairs))
    for a, b in zip(packed, alone):
        np.testing.assert_allclose(a.loss_curve_, b.loss_curve_, rtol=tolerance)
        for mine, others in zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_):
            np.testing.assert_allclose(mine, others, rtol=tolerance, atol=tolerance)
        assert (a.n_iter_, a.t_) == (b.n_iter_, b.t_)
        for name in ("validation_scores_", "best_loss_", "best_validation_score_"):
            np.testing.assert_allclose(
                np.asarray(getattr(a, name), float),
                np.asarray(getattr(b, name), float),
                rtol=tolerance,
            )
    return packed


SOLVERS = ["adam", "adamw", "amsgrad", "nadam", "adamax", "adagrad", "adadelta", "rmsprop", "sgd"]


@pytest.mark.parametrize("solver", SOLVERS)
def test_solvers(solver, classes):
    clf = MLPClassifier(solver=solver, alpha=0.1, **SMALL)
    rates = [clone(clf).set_params(learning_rate_init=rate) for rate in (0.01, 0.02)]
    assert_same(rates, *classes)


@pytest.mark.parametrize(
    "schedule",
    ["constant", "invscaling", "adaptive", "cosine", "one_cycle", "exponential", "plateau"],
)
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_schedules(schedule, solver, classes):
    clf = MLPClassifier(solver=solver, learning_rate=schedule, learning_rate_init=0.1, **SMALL)
    clf.set_params(tol=0.05, n_iter_no_change=1, max_iter=12)
    assert_same([clf, clone(clf).set_params(learning_rate_init=0.02)], *classes)


def test_schedules_of_one_solver(classes):
    """Runs whose rates differ do not share an optimizer that has one rate."""
    sgd = SMALL | {"solver": "sgd", "learning_rate_init": 0.05, "momentum": 0.8}
    clfs = [
        MLPClassifier(**sgd | {"learning_rate": schedule})
        for schedule in ("constant", "cosine", "one_cycle", "exponential", "plateau")
    ]
    powers = [
        MLPClassifier(**sgd | {"learning_rate": "invscaling", "power_t": p}) for p in (0.1, 0.5)
    ]
    assert_same(clfs + powers, *classes)


@pytest.mark.parametrize("solver", ["adamw", "rmsprop"])
def test_any_rate_and_decay_of_one_solver(solver, classes):
    """Runs that share an optimizer although their rates and decays differ."""
    clfs = [
        MLPClassifier(
            **SMALL | {"solver": solver, "alpha": a, "learning_rate_init": r, "learning_rate": s}
        )
        for a, r, s in [(0, 0.01, "constant"), (0.3, 0.05, "cosine"), (1.0, 0.002, "one_cycle")]
    ]
    assert_same(clfs, *classes)


@pytest.mark.parametrize(
    "options",
    [
        {"alpha": 0.5, "l1_ratio": 0.5},
        {"gradient_clip_norm": 0.1},
        {"early_stopping": True, "validation_fraction": 0.3},
        {"class_weight": "balanced"},
        {"label_smoothing": 0.1},
        {"activation": "tanh"},
        {"activation": "logistic", "shuffle": False},
        {"hidden_layer_sizes": (12,)},
        {"hidden_layer_sizes": ()},
        {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
        {"dropout": 0.3},
        {"dropout": 0.3, "activation": "tanh", "input_noise": 0.1},
        {"normalization": "batch", "early_stopping": True},
        {"normalization": "layer", "dropout": 0.2},
        {"activation": "prelu"},
        {"activation": "mish"},
        {"n_iter_no_change": 1, "tol": 0.02, "max_iter": 40, "learning_rate_init": 0.05},
    ],
    ids=str,
)
def test_options(options, classes):
    assert_same([MLPClassifier(**SMALL | options)], *classes)


def test_members_with_options_of_their_own(classes):
    """What may differ within a pack: rates, decay, momenta, clip, epochs, patience, seed."""
    clfs = [
        MLPClassifier(**SMALL),
        MLPClassifier(**SMALL | {"alpha": 1.0, "l1_ratio": 0.5, "max_iter": 3}),
        MLPClassifier(**SMALL | {"gradient_clip_norm": 0.2, "random_state": 7}),
        MLPClassifier(**SMALL | {"solver": "sgd", "momentum": 0.5, "n_iter_no_change": 1}),
        MLPClassifier(**SMALL | {"learning_rate": "one_cycle"}),
        MLPClassifier(**SMALL | {"learning_rate": "cosine"}),
        MLPClassifier(**SMALL | {"dropout": 0.1}),
        MLPClassifier(**SMALL | {"dropout": 0.5}),
        MLPClassifier(**SMALL | {"solver": "adamw", "alpha": 0.3, "learning_rate": "cosine"}),
    ]
    assert_same(clfs, *classes)


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "quantile"])
def test_regressors(loss, numbers):
    X, y = numbers
    reg = MLPRegressor(loss=loss, **SMALL)
    assert_same([reg, clone(reg).set_params(alpha=1.0)], X, y)
    assert_same([reg], X, y[:, 0])


def test_two_classes_and_labels(classes):
    X, y = classes
    assert_same([MLPClassifier(**SMALL)], X, y > 0)
    assert_same([MLPClassifier(**SMALL)], X, np.c_[y > 0, y > 1].astype(int))


def test_single_precision(classes):
    X, y = classes
    packed = assert_same([MLPClassifier(**SMALL)], X.astype(np.float32), y, tolerance=1e-4)
    assert packed[0].coefs_[0].dtype == np.float32


def test_weights(classes):
    X, y = classes
    weight = np.random.RandomState(0).uniform(0.5, 2.0, 80)
    made = [MLPClassifier(alpha=1.0, **SMALL) for _ in range(4)]
    run_together([lambda e=e: e.fit(X, y, weight) for e in made[:2]])
    for e in made[2:]:
        e.fit(X, y, weight)
    for e in made:
        np.testing.assert_allclose(e.loss_curve_, made[2].loss_curve_, rtol=1e-9)


def test_one_that_diverges_fails_alone(classes):
    X, y = classes
    clfs = [
        MLPClassifier(**SMALL | {"solver": "sgd", "learning_rate_init": r}) for r in (0.1, 1e300)
    ]
    calls = run_together([lambda e=e: e.fit(X, y) for e in clfs])
    assert calls[0].error is None
    assert isinstance(calls[1].error, ValueError) and "non-finite" in str(calls[1].error)
    alone = clone(clfs[0]).fit(X, y)
    np.testing.assert_allclose(clfs[0].loss_curve_, alone.loss_curve_, rtol=1e-9)


def test_what_cannot_be_packed_is_trained_alone(classes):
    X, y = classes
    clfs = [
        MLPClassifier(**SMALL | {"solver": "lbfgs"}),
        MLPClassifier(**SMALL | {"max_time": 60}),
        CNNClassifier(max_iter=1, random_state=0),
    ]
    made = [clone(e) for e in clfs for _ in range(2)]
    calls = run_together([lambda e=e: e.fit(X, y) for e in made])
    reasons = [call.reason for call in calls[::2]]
    assert reasons == ["solver='lbfgs'", "max_time", "layers or hooks that cannot be packed"]
    for e, alone in zip(made[::2], fit_alone(clfs, [(X, y)] * 3)):
        assert e.loss_ == alone.loss_


def test_networks_inside_of_another_estimator(classes):
    """Its second network waits for the second ones of the others."""
    many = [OneVsRestClassifier(MLPClassifier(**SMALL | {"alpha": a})) for a in (0.1, 1.0)]
    packed, alone = fit_together(many, [classes] * 2), fit_alone(many, [classes] * 2)
    for a, b in zip(packed, alone):
        np.testing.assert_allclose(a.predict_proba(classes[0]), b.predict_proba(classes[0]))


def test_errors_and_values_of_calls():
    def fail():
        raise RuntimeError("of its own")

    first, second = run_together([lambda: 42, fail])
    assert (first.value, first.error, first.ended) == (42, None, True)
    assert isinstance(second.error, RuntimeError) and second.ended


def test_stop_ends_all_that_train(classes):
    stop = Stop()
    clfs = [
        MLPClassifier(**SMALL | {"max_iter": 10**6, "n_iter_no_change": 10**6}) for _ in range(2)
    ]

    class Ask:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context):
            stop.asked = stop.asked or context.task_id == 4

    clfs[1].set_callbacks(Ask())
    calls = run_together([lambda e=e: e.fit(*classes) for e in clfs], stop)
    assert all(isinstance(call.error, KeyboardInterrupt) for call in calls)


def test_rows_in_common_are_held_once(classes):
    X, y = classes
    made = [MLPClassifier(**SMALL) for _ in range(4)]
    held = []

    class Watch(Pack):
        def __init__(self, runs):
            super().__init__(runs)
            held.append(len(self._data.x))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skdeep.engine.together.Pack", Watch)
        run_together([lambda e=e, X=X: e.fit(X, y) for e, X in zip(made, (X, X, X + 1, X + 1))])
    assert held == [160]


def test_too_little_memory_makes_two_packs(classes):
    sizes = []

    class Small(Pack):
        def __init__(self, runs):
            if len(runs) > 2:
                raise MemoryError
            sizes.append(len(runs))
            super().__init__(runs)

    clfs = [MLPClassifier(**SMALL) for _ in range(4)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skdeep.engine.together.Pack", Small)
        fit_together(clfs, [classes] * 4)
    assert sizes == [2, 2]
