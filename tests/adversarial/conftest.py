"""Fixtures for tests of generators."""

import pytest
from generator_data import mixed_table
from sklearn.datasets import load_digits

from skdeep import TabularGAN


@pytest.fixture(scope="module")
def table():
    return mixed_table()


@pytest.fixture(scope="module")
def fitted(table):
    return TabularGAN(hidden_layer_sizes=32, random_state=0, device="cpu").fit(table)


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    return data.images[:300], data.target[:300]
