"""All parameters in one tensor: nothing that reads or moves the network sees a difference."""

import copy

import pytest
import torch
from torch import nn

from skdeep.engine.optim import FlatParameters


def make_net():
    g = torch.Generator().manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).double()
    with torch.no_grad():
        for p in net.parameters():
            p.normal_(generator=g)
    return net


def numbers(module):
    return [p.detach().clone() for p in module.parameters()]


def rows(n=5):
    return torch.linspace(-1, 1, 3 * n, dtype=torch.float64).reshape(n, 3)


def test_values_are_those_of_the_network():
    net = make_net()
    expected = numbers(net)
    FlatParameters(net)
    for p, q in zip(net.parameters(), expected):
        assert torch.equal(p, q)


def test_what_changes_in_one_changes_in_the_other():
    net = make_net()
    flat = FlatParameters(net)
    with torch.no_grad():
        flat.values.fill_(2.0)
    assert all((t == 2.0).all() for t in numbers(net))
    net.load_state_dict(make_net().state_dict())
    assert sorted(flat.values.tolist()) == sorted(
        torch.cat([p.flatten() for p in numbers(make_net())]).tolist()
    )


def test_gradients_are_those_of_separate_parameters():
    plain, net = make_net(), make_net()
    flat = FlatParameters(net)
    for module in (plain, net):
        module(rows()).square().sum().backward()
    for p, q in zip(plain.parameters(), net.parameters()):
        assert torch.equal(p.grad, q.grad)
    assert flat.grads.norm() > 0
    assert flat.values.grad is flat.grads


def test_weights_come_first():
    net = make_net()
    flat = FlatParameters(net)
    assert flat.n_weights == 3 * 4 + 4 * 2
    weights = torch.cat([net[0].weight.flatten(), net[2].weight.flatten()])
    assert torch.equal(flat.weights, weights)
    flat.weight_grads.fill_(1.0)
    assert (net[2].weight.grad == 1).all()
    assert not net[0].bias.grad.any() and not net[1].weight.grad.any()


def test_frozen_parameters_stay_outside():
    net = make_net()
    net[0].requires_grad_(False)
    flat = FlatParameters(net)
    assert flat.values.numel() == sum(p.numel() for p in net.parameters() if p.requires_grad)
    before = net[0].weight.clone()
    with torch.no_grad():
        flat.values.zero_()
    assert torch.equal(net[0].weight, before)
    assert flat.owns(net)


def test_snapshots_hold_parameters_and_buffers():
    net = make_net()
    expected = numbers(net)
    flat = FlatParameters(net)
    saved = flat.snapshot()
    net.train()(rows())  # moves the running means
    assert net[1].running_mean.any()
    with torch.no_grad():
        flat.values.mul_(3)
    flat.restore(saved)
    for p, q in zip(net.parameters(), expected):
        assert torch.equal(p, q)
    assert not net[1].running_mean.any()


def test_owns_its_module_and_no_copy_of_it():
    net = make_net()
    flat = FlatParameters(net)
    assert flat.owns(net)
    assert not flat.owns(make_net())
    assert not flat.owns(copy.deepcopy(net))
    assert not flat.owns(net[0])


def test_a_replaced_parameter_is_noticed():
    net = make_net()
    flat = FlatParameters(net)
    net[2].bias = nn.Parameter(torch.zeros(2, dtype=torch.float64))
    assert not flat.owns(net)


def test_layers_without_numbers_are_owned():
    net = nn.Sequential(nn.Linear(2, 1), nn.ParameterList([torch.empty(0, 3)]))
    assert FlatParameters(net).owns(net)


def test_release_gives_gradients_back_and_attach_takes_them():
    net = make_net()
    flat = FlatParameters(net)
    flat.release()
    assert all(p.grad is None for p in net.parameters()) and flat.values.grad is None
    flat.attach()
    net(rows()).sum().backward()
    assert (net[2].bias.grad == 5).all()
    expected = sum(p.grad.double().sum() for p in net.parameters())
    torch.testing.assert_close(flat.grads.double().sum(), expected)


def test_joined_gradients_are_the_accumulated_ones():
    net = nn.ModuleDict({"used": make_net(), "unused": nn.Linear(2, 2)})
    flat = FlatParameters(net)
    flat.backward(net["used"](rows()).square().sum())
    expected = flat.grads.clone()
    flat.grads.fill_(7.0)
    flat.join(net["used"](rows()).square().sum())
    assert torch.equal(flat.grads, expected) and expected.any()
    assert (net["unused"].weight.grad == 0).all()


class Grouped(nn.Module):
    """Slow biases, and one weight that is not decayed."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(2, 3), nn.Linear(2, 3), nn.Linear(3, 1)

    def parameter_group(self, name):
        if name.endswith("bias"):
            return (0.1, 0.0)
        return (1.0, 0.0) if name == "b.weight" else (1.0, 1.0)


def test_groups_are_stretches_of_equal_factors():
    net = Grouped()
    flat = FlatParameters(net)
    assert flat.groups == [
        (slice(0, 9), 1.0, 1.0),  # the weights of a and c are neighbours
        (slice(9, 15), 1.0, 0.0),
        (slice(15, 22), 0.1, 0.0),
    ]
    with torch.no_grad():
        flat.values[flat.groups[1][0]] = 7.0
    assert (net.b.weight == 7).all() and not (net.a.weight == 7).any()


@pytest.mark.parametrize("module", [nn.Linear(2, 1), Grouped()])
def test_no_groups_without_a_rule(module):
    assert (FlatParameters(module).groups is None) == (not hasattr(module, "parameter_group"))
