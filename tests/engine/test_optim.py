"""Optimizers over flat parameters, against torch's own on separate tensors."""

import copy

import pytest
import torch
from torch import nn

from skdeep.engine.optim import SOLVERS, FlatOptimizer, FlatParameters


def make_net():
    g = torch.Generator().manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).double()
    with torch.no_grad():
        for p in net.parameters():
            p.normal_(generator=g)
    return net


def loss_of(net, step):
    g = torch.Generator().manual_seed(step)
    x = torch.randn(6, 3, generator=g, dtype=torch.float64)
    return net(x).square().mean()


TORCH = {  # the same rule by torch's own class on separate parameters
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.05, weight_decay=0.0),
    "amsgrad": lambda p: torch.optim.Adam(p, lr=0.05, amsgrad=True),
    "nadam": lambda p: torch.optim.NAdam(p, lr=0.05),
    "adamax": lambda p: torch.optim.Adamax(p, lr=0.05),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.05),
    "adadelta": lambda p: torch.optim.Adadelta(p, lr=0.05),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.05),
    "sgd": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
}


def train(optimizer, net, steps):
    for step in steps:
        optimizer.flat.grads.zero_()
        loss_of(net, step).backward()
        with torch.no_grad():
            optimizer.step()


@pytest.mark.parametrize("solver", TORCH)
def test_same_as_torch(solver):
    theirs, ours = make_net(), make_net()
    optimizer = FlatOptimizer(FlatParameters(ours), solver, 0.05)
    reference = TORCH[solver](theirs.parameters())
    for step in range(10):
        reference.zero_grad()
        loss_of(theirs, step).backward()
        reference.step()
    train(optimizer, ours, range(10))
    for p, q in zip(theirs.parameters(), ours.parameters()):
        torch.testing.assert_close(p, q, rtol=1e-7, atol=1e-9)  # Adam enlarges roundings


def test_adam_is_kingma_and_bas_with_epsilon_hat():
    net = make_net()
    optimizer = FlatOptimizer(FlatParameters(net), "adam", 0.05, epsilon=1e-2)
    w = optimizer.flat.values.detach().clone()
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    for t in range(1, 6):
        train(optimizer, net, [t])
        g = optimizer.flat.grads
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g * g
        rate = 0.05 * (1 - 0.999**t) ** 0.5 / (1 - 0.9**t)
        w = w - rate * m / (v.sqrt() + 1e-2)
        torch.testing.assert_close(w, optimizer.flat.values.detach(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("solver", ["adam", "amsgrad", "sgd"])
def test_fused_and_plain_agree(solver, monkeypatch):
    fused_net, plain_net = make_net(), make_net()
    fused = FlatOptimizer(FlatParameters(fused_net), solver, 0.05)
    monkeypatch.delattr(torch, "_fused_adam_")
    monkeypatch.delattr(torch, "_fused_sgd_")
    plain = FlatOptimizer(FlatParameters(plain_net), solver, 0.05)
    monkeypatch.undo()
    train(fused, fused_net, range(8))
    train(plain, plain_net, range(8))
    # The bias before the normalisation has a gradient of rounding errors, which Adam enlarges.
    torch.testing.assert_close(fused.flat.values, plain.flat.values, rtol=1e-7, atol=1e-8)


def test_decoupled_decay_is_for_weights_alone():
    net = make_net()
    optimizer = FlatOptimizer(FlatParameters(net), "adamw", 0.1, weight_decay=0.5)
    weights, biases = optimizer.flat.weights.clone(), net[0].bias.detach().clone()
    optimizer.flat.grads.zero_()
    with torch.no_grad():
        optimizer.step()
    torch.testing.assert_close(optimizer.flat.weights, weights * 0.95)
    torch.testing.assert_close(net[0].bias.detach(), biases)


@pytest.mark.parametrize("solver", SOLVERS)
def test_state_resumes(solver):
    straight, resumed = make_net(), make_net()
    one = FlatOptimizer(FlatParameters(straight), solver, 0.05)
    train(one, straight, range(6))
    two = FlatOptimizer(FlatParameters(resumed), solver, 0.05)
    train(two, resumed, range(3))
    again = copy.deepcopy(resumed)
    three = FlatOptimizer(FlatParameters(again), solver, 0.05)
    three.load(two.state())
    train(three, again, range(3, 6))
    assert torch.equal(one.flat.values, three.flat.values)
