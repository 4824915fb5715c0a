"""Data and settings of the tests of searches."""

import warnings

import optuna
import pytest
from sklearn.datasets import make_classification


@pytest.fixture(scope="session")
def data():
    """Rows of three classes."""
    return make_classification(
        n_samples=120, n_features=6, n_informative=4, n_classes=3, random_state=0
    )


@pytest.fixture(autouse=True)
def verbosity_of_optuna_unchanged():
    before = optuna.logging.get_verbosity()
    yield
    assert optuna.logging.get_verbosity() == before


@pytest.fixture
def training_ends_early():
    """Networks of tests do not converge."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Stochastic Optimizer: Maximum iterations")
        yield
