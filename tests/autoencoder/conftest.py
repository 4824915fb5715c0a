"""Fixtures for tests of autoencoders."""

import pytest
from sklearn.datasets import load_digits


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:1200] / 16.0, X[1200:] / 16.0, y[:1200], y[1200:]
