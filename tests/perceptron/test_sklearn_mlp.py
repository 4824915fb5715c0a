"""scikit-learn's own tests of its perceptrons, run on ours.

The installed `sklearn/neural_network/tests/test_mlp.py` is executed with our classes under the
names of its own. `NOT_OURS` lists the tests that cannot apply, each with its reason.
"""

import importlib.util
from pathlib import Path

import pytest

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"  # few epochs; pytest.warns sees it all the same
)

NOT_OURS = {
    "test_fit": "sets private attributes of scikit-learn's optimizer and weights before any fit; "
    "its worked example is tests/perceptron/test_mlp_like_sklearn.py::test_worked_example",
    "test_gradient": "calls the private _loss_grad_lbfgs; ours are held against autograd and "
    "finite differences in tests/nets/test_backprop.py and tests/losses",
    "test_mlp_partial_fit_after_fit": "expects partial_fit to raise under early_stopping; ours "
    "ignores early_stopping there, as its documentation says",
}

IMPORT = "from sklearn.neural_network import MLPClassifier, MLPRegressor"


def _tests():
    path = Path(importlib.util.find_spec("sklearn.neural_network.tests.test_mlp").origin)
    source = path.read_text()
    assert source.count(IMPORT) == 1
    source = source.replace(IMPORT, "from skdeep import MLPClassifier, MLPRegressor")
    namespace = {"__name__": __name__}
    exec(compile(source, str(path), "exec"), namespace)
    return {name: value for name, value in namespace.items() if name.startswith("test_")}


@pytest.fixture(params=[0, 42])
def global_random_seed(request):
    return request.param


_found = _tests()
assert set(NOT_OURS) <= set(_found)
globals().update({name: test for name, test in _found.items() if name not in NOT_OURS})


def test_most_of_the_suite_is_run():
    assert len(_found) - len(NOT_OURS) >= 38
