"""What a file may hold, and what it may not."""

import builtins
import functools
import os
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from torch import nn

from skdeep import MLPClassifier
from skdeep.engine import DeepNet
from skdeep.losses import SquaredError
from skdeep.persistence import UntrustedTypeError, load, save

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

HERE = __name__


class Shift(TransformerMixin, BaseEstimator):
    """A user's transformer."""

    def __init__(self, by=1.0):
        self.by = by

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return X + self.by


def double(X):
    return 2 * X


class Slots:
    """A class of a user's with slots, a constructor that must not run, and no `__dict__`."""

    __slots__ = ("a", "b")

    def __init__(self):
        raise AssertionError("made with __new__")


@pytest.fixture
def no_calls(monkeypatch):
    """Fail where a file gets something to run, or a module outside its packages imported."""

    def called(*args, **kwargs):
        raise AssertionError(f"called with {args}")

    for home, name in ((os, "system"), (builtins, "eval"), (builtins, "exec")):
        monkeypatch.setattr(home, name, functools.wraps(getattr(home, name))(called))
    sys.modules.pop("this", None)
    yield
    assert "this" not in sys.modules


def call(name, *args):
    return {"call": name, "args": list(args)}


ESTIMATOR = {"object": "sklearn.preprocessing._data.StandardScaler", "args": []}

ATTACKS = {
    "os.system": call("os.system", "true"),
    "posix.system": call("posix.system", "true"),
    "builtins.eval": call("builtins.eval", "1"),
    "builtins.exec": call("builtins.exec", "1"),
    "builtins.getattr": call("builtins.getattr", {"name": "numpy.log1p"}, "x"),
    "subprocess.Popen": {"object": "subprocess.Popen", "args": [], "state": {"dict": []}},
    "this": {"name": "this"},  # an import that prints
    "this.s": {"name": "this.s"},
    "numpy.load": {"name": "numpy.load"},
    "numpy.f2py.__main__.main": {"name": "numpy.f2py.__main__.main"},
    "numpy.lib": {"name": "numpy.lib"},
    "scipy.special.test": {"name": "scipy.special.test"},
    # Through a module that may be imported to what it imports itself.
    "skdeep.engine.net.importlib": {"name": "skdeep.engine.net.importlib"},
    "skdeep.persistence._file.os": {"name": "skdeep.persistence._file.os"},
    "skdeep.base.estimator.BaseEstimator": {
        "object": "skdeep.base.estimator.BaseEstimator",
        "args": [],
    },
    # Functions of the packages, and classes that are harmless as long as nobody calls them.
    "skdeep.persistence._file.load": call("skdeep.persistence._file.load", "x", ["os.system"]),
    "skdeep.persistence.load": {"name": "skdeep.persistence.load"},
    "sklearn.datasets._base.load_files": {"name": "sklearn.datasets._base.load_files"},
    "sklearn.pipeline.Pipeline": call("sklearn.pipeline.Pipeline", []),
    "sklearn.tree._tree.Tree": call("sklearn.tree._tree.Tree", 1, 1, 1),
    "torch.load": call("torch.load", "x"),
    "torch.nn.modules.linear.Linear": {"object": "torch.nn.modules.linear.Linear", "args": []},
    "numpy.ndarray": {"object": "numpy.ndarray", "args": []},
}


@pytest.mark.parametrize("where", ["root", "value", "key", "args", "shared"])
@pytest.mark.parametrize("name", ATTACKS)
def test_attacks_are_refused_by_name(name, where, forge, no_calls):
    node = ATTACKS[name]
    tree = {
        "root": node,
        "value": ESTIMATOR | {"state": {"dict": [["mean_", {"tuple": [[node]]}]]}},
        "key": ESTIMATOR | {"state": {"dict": [[{"tuple": [node]}, 1]]}},
        "args": ESTIMATOR | {"args": [node]},
        "shared": ESTIMATOR | {"state": [node | {"id": 1}, {"same": 1}]},
    }[where]
    with pytest.raises(UntrustedTypeError, match="not trusted") as caught:
        load(forge(tree))
    assert caught.value.names == [name]


def test_all_are_named_at_once_and_nothing_is_made_before(forge, no_calls):
    class_name = f"{HERE}.Shift"
    tree = [call("os.system", "true"), {"object": class_name, "args": []}, {"name": "numpy.load"}]
    with pytest.raises(UntrustedTypeError) as caught:
        load(forge(tree))
    assert caught.value.names == sorted(["os.system", class_name, "numpy.load"])
    for part in ("os.system", "trusted=[", "forged.skdeep"):
        assert part in str(caught.value)
    assert pickle.loads(pickle.dumps(caught.value)).names == caught.value.names


@pytest.mark.parametrize(
    "name", ["os:system", "skdeep.persistence:load", "skdeep.engine.net:copy_module"]
)
def test_a_net_with_a_module_that_is_not_skdeeps(
    name, data, tmp_path, forge, no_calls, monkeypatch
):
    monkeypatch.setattr("skdeep.persistence._encode.check_model", lambda model: None)
    model = MLPClassifier(max_iter=2, random_state=0).fit(*data)
    state = model.net_.__getstate__()
    state["module_state"] = {"class": name, "config": {"path": "x"}, "tensors": {}}
    model.net_ = FunctionTransformer(kw_args=state)  # only to have its JSON
    save(model, tmp_path / "model")
    file = _read(tmp_path / "model")
    net = next(v for k, v in file["state"]["dict"] if k == "net_")
    net["object"] = "skdeep.engine.net.DeepNet"
    net["state"] = next(v for k, v in net["state"]["dict"] if k == "kw_args")
    arrays = _arrays(tmp_path / "model")
    with pytest.raises(ValueError, match=f"'{name}' is not a module of skdeep"):
        load(forge(file, arrays=arrays))


def _arrays(path):
    from safetensors.numpy import load_file

    return load_file(path)


def _read(path):
    import json

    return json.loads(_arrays(path)["estimator.json"].tobytes())


def test_own_transformer(data, tmp_path):
    X, y = data
    model = make_pipeline(StandardScaler(), Shift(2.0), MLPClassifier(max_iter=2, random_state=0))
    save(model.fit(X, y), tmp_path / "model")
    with pytest.raises(UntrustedTypeError, match=rf"{HERE}\.Shift") as caught:
        load(tmp_path / "model")
    for trusted in ([f"{HERE}.Shift"], [Shift], (Shift,), {Shift}, caught.value.names):
        loaded = load(tmp_path / "model", trusted=trusted)
        assert loaded[1].by == 2.0
        np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    with pytest.raises(UntrustedTypeError, match="Shift"):
        load(tmp_path / "model", trusted=["other.Shift", double])


@pytest.mark.parametrize("trusted", [True, "os.system", Shift])
def test_trusted_is_a_list(trusted, tmp_path):
    save(StandardScaler(), tmp_path / "model")
    with pytest.raises(TypeError, match="expected a list"):
        load(tmp_path / "model", trusted=trusted)


def test_own_functions_and_what_is_called(tmp_path):
    own = functools.partial(double)
    save(FunctionTransformer(own), tmp_path / "model")
    with pytest.raises(UntrustedTypeError) as caught:
        load(tmp_path / "model")
    assert caught.value.names == ["functools.partial", f"{HERE}.double"]
    assert load(tmp_path / "model", trusted=[functools.partial, double]).func.func is double


def test_what_load_would_refuse_is_refused_at_once(tmp_path):
    model = FunctionTransformer(kw_args={"path": Path("a")})
    with pytest.raises(TypeError, match=r"cannot be saved.*pathlib\.\w*Path \(at kw_args\.path\)"):
        save(model, tmp_path / "model")
    assert not list(tmp_path.iterdir())
    trusted = [type(Path("a"))]
    save(model, tmp_path / "model", trusted=trusted)
    with pytest.raises(UntrustedTypeError, match="Path"):
        load(tmp_path / "model")
    assert load(tmp_path / "model", trusted=trusted).kw_args == model.kw_args


def test_own_class_with_slots(tmp_path):
    slots = Slots.__new__(Slots)
    slots.a = [1]
    save(FunctionTransformer(kw_args={"slots": slots}), tmp_path / "model")
    loaded = load(tmp_path / "model", trusted=[Slots]).kw_args["slots"]
    assert loaded.a == [1]
    assert not hasattr(loaded, "b")


class OwnModule(nn.Module):
    """A user's network."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 1))

    def forward(self, x):
        return self.layers(x)


def test_own_module(tmp_path):
    net = DeepNet(
        OwnModule(), SquaredError(), players={"": {"solver": "sgd", "learning_rate": 1.0}}
    )
    save(net.initialize(), tmp_path / "net")
    with pytest.raises(UntrustedTypeError) as caught:
        load(tmp_path / "net")
    assert f"{HERE}.OwnModule" in caught.value.names
    loaded = load(tmp_path / "net", trusted=caught.value.names)
    x = torch.randn(5, 4)
    assert torch.equal(loaded.module_(x), net.module_(x))


class Local:
    """Stands for a class that its module does not have."""


Local.__qualname__ = "Elsewhere"


@pytest.mark.parametrize(
    "value", [lambda: None, Local, Local(), (x for x in ()), sys.stdout, [].append, sys]
)
def test_what_cannot_be_saved(value, tmp_path):
    with pytest.raises(TypeError, match=r"kw_args\.value.* cannot be saved"):
        save(FunctionTransformer(kw_args={"value": value}), tmp_path / "model")
    assert not list(tmp_path.iterdir())
