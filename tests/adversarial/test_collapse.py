"""Generators that repeat themselves are noticed by the spread of what they make."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning

from skdeep.adversarial.play import COLLAPSED, spread, warn_where_collapsed

REAL = torch.randn(100, 3, generator=torch.Generator().manual_seed(0))


def test_spread_is_numpys():
    x = np.random.default_rng(0).normal(size=(50, 2, 4, 3)) * np.arange(1, 4)
    assert spread(torch.as_tensor(x)) == pytest.approx(x.reshape(50, -1).std(0).mean(), rel=1e-12)


def test_bytes_are_numbers():
    assert spread(np.array([[0, 250], [200, 250]], dtype=np.uint8)) == 50.0


def test_spread_of_numbers_far_from_zero():
    assert spread(torch.tensor([[1e6], [1e6 + 1]])) == 0.5


def test_spread_of_one_sample_is_zero():
    assert spread(torch.ones(1, 5)) == 0.0


def test_collapse_is_warned_of():
    with pytest.warns(ConvergenceWarning, match=r"vary 0\.01 times as much"):
        assert warn_where_collapsed(REAL * 0.01, REAL) == pytest.approx(0.01)


@pytest.mark.parametrize("factor", [1.01 * COLLAPSED, 0.5, 1.0, 3.0])
def test_enough_spread_is_no_collapse(factor):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert warn_where_collapsed(REAL * factor, REAL) == pytest.approx(factor)


def test_real_samples_that_do_not_vary():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert warn_where_collapsed(REAL, torch.zeros(5, 3)) == 1.0
        assert warn_where_collapsed(torch.zeros(5, 3), torch.zeros(5, 3)) == 1.0
