"""A fitted transformer for tests of siamese networks."""

import pytest
from siamese_data import X, make, y


@pytest.fixture(scope="module")
def fitted():
    return make().fit(X, y)
