"""scikit-learn's checks and ours, over every public estimator in several settings."""

import checks
import pytest
from settings import SETTINGS
from sklearn.utils.estimator_checks import parametrize_with_checks

import skdeep

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


def of(cls):
    """What the table of settings says of a class."""
    return SETTINGS[cls.__name__]


def settings(**shortened):
    """Every estimator as it is, with early stopping and with small batches, where it has them."""
    for cls in checks.public_estimators():
        known = cls().get_params()
        for extra in ({}, {"early_stopping": True}, {"batch_size": 8}):
            is_default = extra and extra.items() <= known.items()
            is_costly = "batch_size" in extra and bool(of(cls).light)
            if set(extra) <= set(known) and not (is_default or is_costly):
                wanted = {**of(cls).quick, **of(cls).light, **shortened}
                short = {k: v for k, v in wanted.items() if k in known}
                yield cls(**extra, **short)


def expected_failures(estimator):
    if of(type(estimator)).unequal_weights:
        return dict.fromkeys(WEIGHT_EQUIVALENCE, of(type(estimator)).unequal_weights)
    return WEIGHT_EQUIVALENCE if estimator.get_params().get("batch_size") == 8 else {}


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
    [cls() for cls in checks.public_estimators() if of(cls).family == "tabular"],
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
        if of(cls).light:
            continue  # too few epochs for their checks of quality
        results = check_estimator(cls(max_iter=2), on_fail=None, on_skip=None)
        skipped = [r["check_name"] for r in results if r["status"] == "skipped"]
        assert len(skipped) <= (2 if is_classifier(cls()) else 1), skipped
        assert not any(r["status"] == "xfail" for r in results)


def test_every_public_estimator_has_settings():
    exported = [getattr(skdeep, name) for name in skdeep.__all__]
    names = {e.__name__ for e in exported if hasattr(e, "get_params")}
    assert names == set(SETTINGS)
