"""scikit-learn's checks and ours, over every public estimator in several settings."""

import checks
import pytest
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

pytestmark = [
    # The data of the checks are tiny: training ends before it converges, batches are clipped,
    # validation splits are refused.
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:early_stopping=True has no effect"),
    pytest.mark.filterwarnings("ignore:Got `batch_size` less than 1 or larger"),
]

WEIGHT_EQUIVALENCE = {
    f"check_sample_weight_equivalence_on_{kind}_data": "mini-batches see a row of weight 2 in one "
    "batch and a row given twice in two"
    for kind in ("dense", "sparse")
}


DROPOUT = {
    "check_sample_weight_equivalence_on_dense_data": "dropout, a validation split and initial "
    "weights that look at single rows; `test_tables.py` runs the check with these switched off"
}


NOISE = {
    f"check_sample_weight_equivalence_on_{kind}_data": "training draws noise for each row of a "
    "batch: a row given twice meets it twice; `test_autoencoders.py` runs the check without noise"
    for kind in ("dense", "sparse")
}


def is_table(estimator):
    return hasattr(estimator, "categorical_features")


def is_unsupervised(estimator):
    return not get_tags(estimator).target_tags.required


FEW = {"n_estimators": 2, "max_iter": 40}  # members and epochs, of the estimators for tables


def is_siamese(estimator):
    return hasattr(estimator, "n_rows_per_class")


def is_convolutional(estimator):
    return hasattr(estimator, "augment") and not is_siamese(estimator)


def is_recurrent(estimator):
    return hasattr(estimator, "recurrent_dropout")


def light(cls):
    """Few members, epochs and units, where the estimator as it is would take minutes."""
    if is_table(cls()):
        return FEW
    if is_siamese(cls()):
        return {"max_iter": 10}
    if is_convolutional(cls()):
        short = {"architecture": "resnet", "n_filters": (8,), "max_iter": 40}
        return {**short, "learning_rate": "cosine", "learning_rate_init": 0.02}  # few steps
    if is_recurrent(cls()):
        branch = [(16, 5), (16, 5), (16, 3)]
        short = {"hidden_layer_sizes": (8,), "convolutional": branch, "max_iter": 40}
        return {**short, "learning_rate": "constant", "learning_rate_init": 0.03}
    return {}


def shorter(cls):
    """What `light` says, and few epochs where there is no quality to check."""
    return {**({"max_iter": 40} if is_unsupervised(cls()) else {}), **light(cls)}


def settings(**shortened):
    """Every estimator as it is, with early stopping and with small batches, where it has them."""
    for cls in checks.public_estimators():
        known = cls().get_params()
        for extra in ({}, {"early_stopping": True}, {"batch_size": 8}):
            is_default = extra and extra.items() <= known.items()
            is_costly = "batch_size" in extra and bool(light(cls))
            if set(extra) <= set(known) and not (is_default or is_costly):
                wanted = {**shorter(cls), **shortened}
                short = {k: v for k, v in wanted.items() if k in known}
                yield cls(**extra, **short)


def expected_failures(estimator):
    if is_table(estimator):
        return DROPOUT
    if type(estimator).__name__ in ("RBM", "VariationalAutoencoder"):
        return NOISE
    if estimator.get_params().get("batch_size") == 8:
        return WEIGHT_EQUIVALENCE
    return {}


@parametrize_with_checks(
    [e for e in settings() if e.get_params().get("batch_size") != 8],
    expected_failed_checks=expected_failures,
    xfail_strict=True,
)
def test_sklearn_checks(estimator, check):
    check(estimator)


@parametrize_with_checks(
    [e for e in settings(max_iter=5) if e.get_params().get("batch_size") == 8],
    expected_failed_checks=expected_failures,
    xfail_strict=True,
)
def test_sklearn_checks_with_small_batches_shortened(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [cls() for cls in checks.public_estimators() if is_table(cls())],
    expected_failed_checks=expected_failures,
    xfail_strict=True,
)
def test_sklearn_checks_of_tables_as_they_are(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [e for e in settings() if e.get_params().get("batch_size") == 8],
    expected_failed_checks=expected_failures,
    xfail_strict=True,
)
def test_sklearn_checks_with_small_batches(estimator, check):
    check(estimator)


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda c: c.__name__)
@pytest.mark.parametrize("estimator", list(settings(max_iter=5)), ids=repr)
def test_own_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", list(settings(max_iter=5)), ids=repr)
def test_read_only_memmap(estimator, tmp_path):
    checks.check_read_only_memmap(estimator, tmp_path)


def test_number_of_skips():
    """At most scikit-learn's own skips: 2 for a classifier, 1 for a regressor."""
    from sklearn.base import is_classifier
    from sklearn.utils.estimator_checks import check_estimator

    for cls in checks.public_estimators():
        if light(cls):
            continue  # too few epochs for their checks of quality
        results = check_estimator(cls(max_iter=2), on_fail=None, on_skip=None)
        skipped = [r["check_name"] for r in results if r["status"] == "skipped"]
        assert len(skipped) <= (2 if is_classifier(cls()) else 1), skipped
        assert not any(r["status"] == "xfail" for r in results)
