"""The units in which networks see targets."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skdeep.base.target_scale import check_single, check_size, standardised


def test_standardised_targets_have_mean_0_and_variance_1():
    y = np.array([[1.0, 100.0], [3.0, 300.0], [5.0, 200.0]])
    scale = standardised(y, None)
    inside = scale.into(y)
    assert_allclose(inside.mean(0), 0, atol=1e-15)
    assert_allclose(inside.std(0), 1)
    assert_allclose(scale.back(inside), y)
    assert not scale.needs_double


def test_weights_count_rows():
    y, weight = np.array([1.0, 4.0, 50.0]), np.array([1.0, 2.0, 0.0])
    once, repeated = standardised(y, weight), standardised(np.array([1.0, 4.0, 4.0]), None)
    assert_allclose([once.center, once.scale], [repeated.center, repeated.scale])
    assert once.limits == repeated.limits == (1.0, 4.0)


def test_constant_targets_are_in_units_of_1():
    scale = standardised(np.full(3, 7.0), None)
    assert (scale.center, scale.scale) == (7.0, 1.0)


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_squares_that_are_no_numbers(size):
    y = size * np.array([1.0, 2.0, 6.0])
    scale = standardised(y, None)
    assert_allclose(scale.into(y), (np.array([1.0, 2.0, 6.0]) - 3) / np.sqrt(14 / 3))
    assert scale.needs_double


def test_predictions_stay_inside_their_limits_and_in_a_fitting_precision():
    near = standardised(np.array([-1.0, 0.0, 3.0]), None)
    predicted = near.predictions(np.array([-9.0, 0.0, 9.0], dtype=np.float32))
    assert predicted.dtype == np.float32
    assert_allclose(predicted, [-1.0, 2 / 3, 3.0], rtol=1e-6)
    stamps = 1.7e9 + np.array([0.0, 1.0, 2.0])
    far = standardised(stamps, None)
    predicted = far.predictions(far.into(stamps).astype(np.float32))
    assert predicted.dtype == np.float64
    assert_allclose(predicted - 1.7e9, [0.0, 1.0, 2.0], atol=1e-6)
    assert far._replace(limits=None).predictions(np.array([9.0]))[0] > stamps[-1]


def test_targets_without_squares_are_named():
    with pytest.raises(ValueError, match=r"y_val holds values up to 1e\+200, whose squares"):
        check_size(np.array([1e200]), "y_val", scaled=False)
    check_size(np.array([1e200]), "y", scaled=False)  # training finds out
    check_size(np.array([1e200]), "y_val", scaled=True)
    with pytest.raises(ValueError, match="y holds values up to 1e"):
        check_size(np.array([-1e307]), "y", scaled=True)
    with pytest.raises(ValueError, match="or take dtype='float64'"):
        check_single(np.array([-1e17]), squared=True)
    check_single(np.array([1e17]), squared=False)
