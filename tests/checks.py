"""Checks of our own that every public estimator must pass, beside scikit-learn's.

Each takes an unfitted estimator and raises where it breaks a promise of the project.
"""

import inspect
import os
import pickle
import random

import joblib
import numpy as np
import torch
from sklearn.base import clone, is_outlier_detector, is_regressor
from sklearn.datasets import make_classification, make_regression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

import skdeep

GENERATORS = ("GANOutlierDetector", "GANOverSampler", "ImageGAN", "TabularGAN", "TabularImputer")
"""Estimators that do not predict a target: `adversarial` holds their settings."""


def public_estimators():
    """The estimator classes that `skdeep` exports, but for `GENERATORS`."""
    exported = [getattr(skdeep, name) for name in skdeep.__all__ if name not in GENERATORS]
    found = [e for e in exported if inspect.isclass(e) and hasattr(e, "get_params")]
    return [e for e in found if get_tags(e()).input_tags.two_d_array]  # of texts: see their tests


def make_data(estimator, n_samples=80):
    """Rows and targets that suit the estimator."""
    if is_outlier_detector(estimator):
        X, y = make_classification(n_samples, 6, flip_y=0, weights=[0.1], random_state=0)
        return X, 2 * y - 1
    if not is_regressor(estimator):
        return make_classification(n_samples, 6, n_informative=4, n_classes=3, random_state=0)
    return make_regression(n_samples, 6, noise=5.0, random_state=0)


def output(estimator, X):
    """The richest output of a fitted estimator."""
    for method in ("predict_proba", "decision_function", "transform", "score_samples", "predict"):
        if hasattr(estimator, method):
            return getattr(estimator, method)(X)
    raise AssertionError("no output")


def check_same_seed_same_bits(estimator):
    X, y = make_data(estimator)
    first, second = (output(clone(estimator).set_params(random_state=7).fit(X, y), X) for _ in "ab")
    other = output(clone(estimator).set_params(random_state=8).fit(X, y), X)
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def check_global_state_untouched(estimator):
    X, y = make_data(estimator)
    fitted = clone(estimator)
    before = _global_state()
    output(fitted.fit(X, y), X)
    assert before == _global_state()


def _global_state():
    return (
        torch.random.get_rng_state().numpy().tobytes(),
        pickle.dumps(np.random.get_state()),
        random.getstate(),
        torch.get_num_threads(),
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.are_deterministic_algorithms_enabled(),
        dict(os.environ),
    )


def check_pickle_round_trip(estimator):
    X, y = make_data(estimator)
    fitted = clone(estimator).set_params(random_state=0).fit(X, y)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(output(fitted, X), output(again, X))


def check_pickle_holds_no_rows(estimator):
    sizes = []
    for n_samples in (100, 400):
        X, y = make_data(estimator, n_samples)
        sizes.append(len(pickle.dumps(clone(estimator).set_params(random_state=0).fit(X, y))))
    assert sizes[1] - sizes[0] < 2_000, f"300 more rows make the pickle {sizes} bytes"


def check_search_in_processes(estimator):
    if not hasattr(estimator, "score"):
        return  # nothing to search by
    X, y = make_data(estimator)
    pipe = make_pipeline(StandardScaler(), clone(estimator).set_params(random_state=0))
    name = pipe.steps[-1][0]
    grid = {f"{name}__learning_rate_init": [1e-3, 1e-2]}
    options = {"cv": 2, "scoring": "roc_auc" if is_outlier_detector(estimator) else None}
    serial = GridSearchCV(pipe, grid, **options).fit(X, y)
    parallel = GridSearchCV(pipe, grid, **options, n_jobs=2).fit(X, y)
    for key in ("mean_test_score", "std_test_score"):
        np.testing.assert_array_equal(serial.cv_results_[key], parallel.cv_results_[key])


def check_threads(estimator):
    X, y = make_data(estimator)
    seeds = range(4)
    serial = [output(clone(estimator).set_params(random_state=s).fit(X, y), X) for s in seeds]
    with joblib.parallel_config("threading", n_jobs=4):
        fitted = joblib.Parallel()(
            joblib.delayed(clone(estimator).set_params(random_state=s).fit)(X, y) for s in seeds
        )
    for expected, estimator_ in zip(serial, fitted):
        np.testing.assert_array_equal(expected, output(estimator_, X))


def check_read_only_memmap(estimator, folder):
    X, y = make_data(estimator)
    joblib.dump((X, y), folder / "data.joblib")
    X_map, y_map = joblib.load(folder / "data.joblib", mmap_mode="r")
    assert not X_map.flags.writeable
    seeded = clone(estimator).set_params(random_state=0)
    expected = output(clone(seeded).fit(X, y), X)
    np.testing.assert_array_equal(expected, output(seeded.fit(X_map, y_map), X_map))


def check_inputs_unchanged(estimator):
    X, y = make_data(estimator)
    X_copy, y_copy = X.copy(), y.copy()
    output(clone(estimator).fit(X, y), X)
    np.testing.assert_array_equal(X, X_copy)
    np.testing.assert_array_equal(y, y_copy)


def check_failed_fit_keeps_model(estimator):
    X, y = make_data(estimator)
    fitted = clone(estimator).set_params(random_state=0).fit(X, y)
    expected, attributes = output(fitted, X), set(vars(fitted))
    if get_tags(estimator).input_tags.allow_nan:  # and huge numbers are scaled
        bad = ((np.full_like(X[:, :3], np.inf), y), (X[:, :3], y[:5]), (X[:, :0], y))
    else:
        bad = ((X[:, :3] * np.nan, y), (X[:, :3], y[:5]), (np.full_like(X[:, :2], 1e308), y))
    if not get_tags(estimator).target_tags.required:  # nothing looks at y
        bad = (bad[0], bad[2])
    for X_bad, y_bad in bad:
        try:
            fitted.fit(X_bad, y_bad)
        except ValueError:
            pass
        else:
            raise AssertionError("bad data were accepted")
        assert set(vars(fitted)) == attributes
        np.testing.assert_array_equal(expected, output(fitted, X))


def check_init_only_stores(estimator):
    source = inspect.getsource(type(estimator).__init__)
    body = source.split("):", 1)[1]
    for name in inspect.signature(type(estimator)).parameters:
        body = body.replace(f"self.{name} = {name}\n", "", 1)
    assert not body.strip(), f"__init__ does more than store: {body.strip()}"


CHECKS = [
    check_same_seed_same_bits,
    check_global_state_untouched,
    check_pickle_round_trip,
    check_pickle_holds_no_rows,
    check_search_in_processes,
    check_threads,
    check_inputs_unchanged,
    check_failed_fit_keeps_model,
    check_init_only_stores,
]
