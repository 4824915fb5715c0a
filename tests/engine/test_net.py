"""The network with its optimizers: saved, copied, resumed, taken back."""

import copy
import pickle

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn

from skdeep.engine.net import DeepNet
from skdeep.losses import Huber, SquaredError
from skdeep.nets.blocks import MLPNet, initialize

X = torch.linspace(-1, 1, 24).reshape(8, 3)
ADAM = {"solver": "adam", "learning_rate": 0.01}


def mlp(seed=0):
    module = MLPNet((3, 5, 2))
    initialize(module, "auto", np.random.RandomState(seed))
    return module.eval()


def make_net(module=None, players=None, **options):
    net = DeepNet(module or mlp(), Huber(0.7), players=players or {"": ADAM}, **options)
    return net.initialize()


def train(net, n_steps=3):
    for optimizer in net.flat_optimizers_:
        for _ in range(n_steps):
            optimizer.flat.grads.zero_()
            net.module_(X).square().mean().backward()
            with torch.no_grad():
                optimizer.step()


@torch.no_grad()
def outputs(net):
    return net.module_(X).clone()


def test_plain_facts():
    net = make_net()
    assert net.n_parameters == 3 * 5 + 5 + 5 * 2 + 2 == 32
    assert net.dtype == torch.float32
    assert repr(net) == "<DeepNet: MLPNet, 32 parameters on cpu>"


def test_players_have_optimizers_of_their_own_parts():
    module = nn.ModuleDict({"a": mlp(0), "b": mlp(1)})
    net = make_net(module, {"b": ADAM, "a": {"solver": "sgd", "learning_rate": 0.5}})
    first, second = net.flat_optimizers_
    assert first.flat.owns(module["b"]) and second.flat.owns(module["a"])
    assert (first.learning_rate, second.learning_rate) == (0.01, 0.5)
    assert net.optimizer_ is first.torch_optimizer


def test_checkpoint_takes_weights_moments_and_history_back():
    straight, net = make_net(), make_net()
    for each in (straight, net):
        train(each)
        each.history.new_epoch()
    before = outputs(net)
    saved = net.checkpoint()
    train(net, 5)
    net.history.new_epoch()
    net.flat_optimizers_[0].learning_rate = 0.5
    net.rollback(saved)
    assert torch.equal(outputs(net), before)
    assert len(net.history) == 1
    for each in (straight, net):
        train(each)
    assert torch.equal(outputs(net), outputs(straight))


def test_pickle_goes_on_where_it_was():
    net = make_net()
    train(net)
    again = pickle.loads(pickle.dumps(net))
    assert torch.equal(outputs(again), outputs(net))
    again.resume()
    for each in (net, again):
        train(each)
    assert torch.equal(outputs(again), outputs(net))


def test_pickle_keeps_loss_history_and_place():
    net = make_net()
    net.history.new_epoch()
    net.history.record("train_loss", 0.25)
    again = pickle.loads(pickle.dumps(net))
    assert type(again.criterion_) is Huber and again.criterion_.delta == 0.7
    assert again.history[:, "train_loss"] == [0.25]
    assert again.device == "cpu" and not again.module_.training


def test_a_device_that_is_not_there_becomes_the_cpu():
    net = make_net()
    net.device = "cuda:7"  # as if it had been trained on one
    again = pickle.loads(pickle.dumps(net))
    assert again.device == "cpu"
    assert torch.equal(outputs(again), outputs(net))


def test_finished_net_is_small_and_forgets_moments():
    net = make_net()
    train(net)
    net.finish(keep_moments=False)
    assert all(p.grad is None for p in net.module_.parameters())
    assert net.flat_optimizers_[0].state()["moments"] == {}


def test_finished_stream_keeps_moments():
    straight, net = make_net(), make_net()
    for each in (straight, net):
        train(each)
    net.finish(keep_moments=True)
    net.resume()
    for each in (straight, net):
        train(each)
    assert torch.equal(outputs(net), outputs(straight))


def test_resume_after_a_move_keeps_training_the_same_way():
    straight, net = make_net(), make_net()
    for each in (straight, net):
        train(each)
    for p in net.module_.parameters():  # what `module.to(another device)` does
        p.data = p.data.clone()
    assert not net.flat_optimizers_[0].flat.owns(net.module_)
    net.resume()
    assert net.flat_optimizers_[0].flat.owns(net.module_)
    for each in (straight, net):
        train(each)
    assert torch.equal(outputs(net), outputs(straight))


def test_restart_keeps_weights_and_history():
    net = make_net()
    train(net)
    net.history.new_epoch()
    before = outputs(net)
    net.restart(SquaredError(), {"": {"solver": "sgd", "learning_rate": 0.5}}, None)
    assert torch.equal(outputs(net), before)
    assert len(net.history) == 1
    assert type(net.criterion_) is SquaredError
    assert net.flat_optimizers_[0].solver == "sgd"
    assert net.flat_optimizers_[0].state()["moments"] == {}


def test_frozen_copy_stays_as_it_was():
    net = make_net()
    train(net)
    net.history.new_epoch()
    frozen, before = net.frozen_copy(), outputs(net)
    assert frozen.is_frozen and not net.is_frozen
    train(net, 5)
    net.history.new_epoch()
    assert torch.equal(outputs(frozen), before)
    assert not torch.equal(outputs(net), before)
    assert len(frozen.history) == 1


class EpochsAlone(Callback):
    def on_epoch_end(self, net, **kwargs):
        pass


class Batches(Callback):
    def on_batch_end(self, net, **kwargs):
        pass


@pytest.mark.parametrize(
    "callbacks, expected",
    [(None, False), ([EpochsAlone()], False), ([EpochsAlone(), Batches()], True)],
)
def test_batches_are_told_only_to_callbacks_that_listen(callbacks, expected):
    assert make_net(callbacks=callbacks).wants_batches is expected


def test_deep_copies_of_nets_train_alike_and_apart():
    net = make_net()
    train(net)
    again = copy.deepcopy(net)
    before = outputs(net)
    again.resume()
    train(again)
    assert torch.equal(outputs(net), before)
    train(net)
    assert torch.equal(outputs(net), outputs(again))


@torch.no_grad()
def test_copy_in_double_follows_the_weights():
    net = make_net()

    def agrees():
        answer = net.in_double()(X.double())
        return answer.dtype == torch.float64 and torch.allclose(answer.float(), outputs(net))

    assert agrees()
    assert net.in_double() is net.in_double()
    net.resume()
    with torch.enable_grad():
        train(net)
    net.finish(keep_moments=True)
    assert agrees()
    net.module_.linears[0].weight.mul_(2)
    assert agrees()
    net.module_.linears[0].bias = nn.Parameter(torch.ones(5))
    assert agrees()
    assert "double_" not in net.__getstate__() and "parameter_" not in net.__getstate__()
