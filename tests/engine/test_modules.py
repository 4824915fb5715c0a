"""Networks as plain data: what comes back, what is shared, which classes may be named."""

import pickle

import numpy as np
import pytest
import torch
from torch import nn

from skdeep.engine.modules import copy_module, module_class, module_from_state, module_state
from skdeep.engine.net import DeepNet
from skdeep.losses import Huber
from skdeep.nets.blocks import MLPNet, initialize

X = torch.linspace(-1, 1, 24).reshape(8, 3)


def mlp():
    module = MLPNet((3, 5, 2))
    initialize(module, "auto", np.random.RandomState(0))
    return module.eval()


class Foreign(nn.Module):
    """A user's module: tied weights, a buffer, a frozen weight and a `config` of its own."""

    def __init__(self, scale):
        super().__init__()
        self.config = "not for us"
        self.first, self.last = nn.Linear(3, 3), nn.Linear(3, 3)
        self.last.weight = self.first.weight
        self.last.bias.requires_grad_(False)
        self.register_buffer("scale", torch.tensor(float(scale)))

    def forward(self, x):
        return self.scale * self.last(self.first(x))


@pytest.mark.parametrize("make", [mlp, lambda: Foreign(3).eval()], ids=["ours", "foreign"])
@pytest.mark.parametrize("to_host", [True, False])
def test_modules_come_back_from_their_state(make, to_host):
    module = make()
    state = module_state(module, to_host)
    again = module_from_state(state)
    assert type(again) is type(module)
    assert torch.equal(again(X), module(X))
    assert [p.requires_grad for p in again.parameters()] == [
        p.requires_grad for p in module.parameters()
    ]
    kind = np.ndarray if to_host else torch.Tensor
    assert all(type(t) is kind for t in state["tensors"].values())


def test_state_shares_no_memory_with_the_module():
    module = mlp()
    before = module(X).detach().clone()
    state = module_state(module)
    again = module_from_state(state)
    with torch.no_grad():
        for p in module.parameters():
            p.zero_()
    assert torch.equal(again(X), before)
    with torch.no_grad():
        for p in again.parameters():
            p.zero_()
    assert torch.equal(module_from_state(state)(X), before)


def test_skeleton_of_a_foreign_module_holds_no_numbers():
    state = module_state(Foreign(3))
    assert len(pickle.dumps(state["skeleton"])) < len(pickle.dumps(Foreign(3)))
    assert all(t.numel() == 0 for t in state["skeleton"].state_dict().values())


def test_tied_weights_of_a_foreign_module_stay_tied():
    again = module_from_state(module_state(Foreign(3)))
    assert again.last.weight is again.first.weight


def test_copies_of_flat_modules_own_their_memory():
    players = {"": {"solver": "adam", "learning_rate": 0.01}}
    net = DeepNet(mlp(), Huber(0.7), players=players).initialize()
    clone = copy_module(net.module_)
    sizes = [p.untyped_storage().nbytes() // p.element_size() for p in clone.parameters()]
    assert sizes == [p.numel() for p in clone.parameters()]
    shared = next(net.module_.parameters()).untyped_storage().nbytes()
    assert shared == 4 * net.n_parameters  # which those of the flat one do not


def test_module_classes_by_name():
    assert module_class("skdeep.nets.blocks:MLPNet") is MLPNet


@pytest.mark.parametrize(
    "name",
    [
        "os:system",
        "torch.nn:Linear",
        "skdeep.nets.blocks:nn",
        "skdeep.engine.net:DeepNet",  # no torch module
        "skdeep.engine.optim:nn.Parameter",
        "skdeep.nets.blocks:initialize",
        "skdeep.nets.blocks:",
        "skdeep.nets.blocks",
        "skdeeper.nets:MLPNet",
        "",
    ],
)
def test_states_name_modules_of_skdeep_alone(name):
    with pytest.raises(ValueError, match="is not a module of skdeep"):
        module_class(name)


def test_a_module_that_is_only_imported_there_is_none_of_its_own(monkeypatch):
    monkeypatch.setattr("skdeep.nets.blocks.Borrowed", nn.Linear, raising=False)
    with pytest.raises(ValueError, match="is not a module of skdeep"):
        module_class("skdeep.nets.blocks:Borrowed")
