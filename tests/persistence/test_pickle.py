"""Pickles: small, exact, and at home on any machine."""

import pickle

import cloudpickle
import joblib
import numpy as np
import pytest
import torch
from sklearn.datasets import make_classification
from torch import nn

from skdeep import MLPClassifier, MLPRegressor
from skdeep.engine import DeepNet
from skdeep.engine.modules import copy_module, module_from_state, module_state
from skdeep.losses import SquaredError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def by_pickle(obj, folder):
    return pickle.loads(pickle.dumps(obj))


def by_joblib(obj, folder):
    joblib.dump(obj, folder / "model.joblib")
    return joblib.load(folder / "model.joblib")


def by_cloudpickle(obj, folder):
    return pickle.loads(cloudpickle.dumps(obj))


@pytest.mark.parametrize("again", [by_pickle, by_joblib, by_cloudpickle])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("make", [MLPClassifier, MLPRegressor])
def test_same_predictions_and_attributes(make, dtype, again, data, tmp_path):
    X, y = data
    model = make(max_iter=3, dtype=dtype, random_state=0, normalization="batch").fit(X, y)
    loaded = again(model, tmp_path)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    if make is MLPClassifier:
        np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert loaded.loss_curve_ == model.loss_curve_
    assert loaded.net_.history == model.net_.history
    assert loaded.get_params() == model.get_params()
    assert vars(loaded).keys() == vars(model).keys()
    for mine, saved in zip(loaded.coefs_ + loaded.intercepts_, model.coefs_ + model.intercepts_):
        np.testing.assert_array_equal(mine, saved)


def test_small():
    X, y = make_classification(500, 20, random_state=0)
    model = MLPClassifier((100,), random_state=0).fit(X, y)
    assert len(pickle.dumps(model)) < 200_000


def test_training_rows_are_not_in_the_pickle():
    def size(n_samples, method):
        X, y = make_classification(n_samples, 20, random_state=0)
        model = MLPClassifier((10,), max_iter=3, batch_size=50, random_state=0)
        return len(pickle.dumps(getattr(model, method)(X, y)))

    assert abs(size(2000, "fit") - size(200, "fit")) < 100

    def stream(n_samples):
        X, y = make_classification(n_samples, 20, random_state=0)
        model = MLPClassifier((10,), batch_size=50, random_state=0)
        return len(pickle.dumps(model.partial_fit(X, y, classes=[0, 1])))

    assert abs(stream(2000) - stream(200)) < 100


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@pytest.mark.parametrize("device", ["cuda:0", "cuda", "mps"])
def test_opens_without_the_device_it_was_made_on(device, data):
    if device == "mps" and torch.backends.mps.is_available():
        pytest.skip("there is an mps device")
    X, y = data
    model = MLPClassifier(max_iter=3, random_state=0).fit(X, y)
    expected = model.predict_proba(X)
    model.net_.device = device  # what `DeepNet.__getstate__` writes down
    loaded = pickle.loads(pickle.dumps(model))
    assert loaded.net_.device == "cpu"
    np.testing.assert_array_equal(loaded.predict_proba(X), expected)
    loaded.partial_fit(X, y)


@pytest.mark.parametrize("solver", ["adam", "sgd", "nadam", "rmsprop"])
def test_a_stream_goes_on(solver, data):
    X, y = data
    plain, pickled = (
        MLPClassifier(solver=solver, batch_size=20, dropout=0.2, random_state=0) for _ in range(2)
    )
    for _ in range(4):
        plain.partial_fit(X, y, classes=[0, 1, 2])
        pickled = pickle.loads(pickle.dumps(pickled.partial_fit(X, y, classes=[0, 1, 2])))
    for mine, other in zip(pickled.coefs_ + pickled.intercepts_, plain.coefs_ + plain.intercepts_):
        np.testing.assert_array_equal(mine, other)
    assert pickled.loss_curve_ == plain.loss_curve_
    assert pickled.t_ == plain.t_


def test_pickled_twice_before_the_stream_goes_on(data):
    X, y = data
    plain = MLPClassifier(random_state=0).partial_fit(X, y, classes=[0, 1, 2])
    pickled = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(plain))))
    np.testing.assert_array_equal(
        pickled.partial_fit(X, y).coefs_[0], plain.partial_fit(X, y).coefs_[0]
    )


def test_a_warm_start_goes_on(data):
    X, y = data
    model = MLPRegressor(max_iter=3, warm_start=True, random_state=0).fit(X, y)
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.fit(X, y).predict(X), model.fit(X, y).predict(X))


def test_the_generator_goes_on(data):
    X, y = data
    model = MLPRegressor(batch_size=10, random_state=np.random.RandomState(0)).partial_fit(X, y)
    loaded = pickle.loads(pickle.dumps(model))
    for _ in range(2):
        model.partial_fit(X, y)
        loaded.partial_fit(X, y)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


class OwnModule(nn.Module):
    """A user's module: a buffer, two optimizers' worth of parameters, a `config` of its own."""

    def __init__(self, width):
        super().__init__()
        self.config = {"not": "what skdeep means by it"}
        self.first = nn.Linear(4, width)
        self.norm = nn.BatchNorm1d(width)
        self.last = nn.Linear(width, 1)
        self.register_buffer("scale", torch.tensor(2.0))

    def forward(self, x):
        return self.last(self.norm(self.first(x)).relu()) * self.scale


@pytest.fixture
def own_module():
    torch.manual_seed(0)
    module = OwnModule(5)
    module(torch.randn(20, 4))  # running means
    return module.eval()


def test_own_module(own_module):
    x = torch.randn(3, 4)
    net = DeepNet(
        own_module, SquaredError(), players={"": {"solver": "adam", "learning_rate": 0.1}}
    )
    loaded = pickle.loads(pickle.dumps(net.initialize()))
    assert type(loaded.module_) is OwnModule
    assert torch.equal(loaded.module_(x), own_module(x))
    loaded.resume()  # trains on


def test_state_of_own_module_has_its_tensors_once(own_module):
    state = module_state(own_module)
    assert all(t.numel() == 0 for t in state["skeleton"].parameters())
    again = module_from_state(state)
    assert again is not state["skeleton"]  # one state, many modules
    assert torch.equal(again.scale, own_module.scale)


def test_copy_of_own_module_owns_its_memory(own_module):
    x = torch.randn(3, 4)
    copied = copy_module(own_module)
    expected = own_module(x)
    with torch.no_grad():
        own_module.last.weight.zero_()
    assert torch.equal(copied(x), expected)


@pytest.mark.parametrize(
    "name",
    [
        "os:system",
        "skdeep.engine.modules:copy_module",  # skdeep's, but a function
        "skdeep.engine.modules:importlib",  # not even that
        "skdeep.nets.siamese:MLPNet",  # a module, but of another file
        "skdeep.perceptron.mlp:MLPClassifier",  # a class, but no module
        "skdeep.nets.blocks",
    ],
)
def test_a_state_names_modules_of_skdeep_only(name):
    with pytest.raises(ValueError, match="is not a module of skdeep"):
        module_from_state({"class": name, "config": {}, "tensors": {}})
