"""Recurrent networks against torch's packed modules and against one sequence at a time."""

import numpy as np
import pytest
import torch
from torch import nn

from skdeep.nets.blocks import set_generator
from skdeep.nets.recurrence import Recurrence, reversal, reverse
from skdeep.nets.recurrent import RecurrentNet, initialize

LENGTHS = torch.tensor([7, 4, 1, 6, 7])

POOLINGS = ("last", "max", "mean", "attention")


def make_net(**params):
    params = {"hidden_sizes": (5,), "embedding_size": 4, **params}
    net = RecurrentNet(3, 2, **params).double()
    initialize(net, np.random.RandomState(0))
    return net


def padded(fill=0.0, extra=0):
    x = torch.from_numpy(np.random.RandomState(1).normal(size=(5, 3, 10)))[:, :, : 7 + extra]
    for row, length in zip(x, LENGTHS):
        row[:, length:] = fill
    return x.contiguous()


def reference(net, x, lengths):
    """torch's own module over packed sequences, with the weights of `net`, one layer."""
    forward, backward = net.layers[0]
    kind = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[forward.cell]
    theirs = kind(3, forward.n_units, bidirectional=True).double()
    for ours, end in ((forward, ""), (backward, "_reverse")):
        for mine, name in (
            (ours.weight_in, "weight_ih_l0"),
            (ours.weight_recurrent, "weight_hh_l0"),
            (ours.bias_in, "bias_ih_l0"),
            (ours.bias_recurrent, "bias_hh_l0"),
        ):
            getattr(theirs, name + end).data = mine.data
    packed = nn.utils.rnn.pack_padded_sequence(x.permute(2, 0, 1), lengths, enforce_sorted=False)
    out, _ = nn.utils.rnn.pad_packed_sequence(theirs(packed)[0])
    return out.detach()  # (length, n, 2 * units)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("pooling", ["last", "max", "mean"])
def test_same_as_packed_sequences_of_torch(cell, pooling):
    net, x = make_net(cell=cell, pooling=pooling), padded()
    out = reference(net, x, LENGTHS)
    rows = [out[:n, i] for i, n in enumerate(LENGTHS)]
    if pooling == "max":
        expected = [row.amax(0) for row in rows]
    elif pooling == "mean":
        expected = [row.mean(0) for row in rows]
    else:
        expected = [torch.cat([row[-1, :5], row[0, 5:]]) for row in rows]
    torch.testing.assert_close(net.features((x, LENGTHS)), torch.stack(expected))


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("hidden_sizes", [(5,), (5, 3)])
@pytest.mark.parametrize("convolutional", [(), ((4, 3), (6, 5))])
def test_padding_changes_nothing(pooling, bidirectional, hidden_sizes, convolutional):
    net = make_net(
        pooling=pooling,
        bidirectional=bidirectional,
        hidden_sizes=hidden_sizes,
        convolutional=convolutional,
    ).eval()
    together = net((padded(), LENGTHS))
    assert together.shape == (5, 2)
    torch.testing.assert_close(together, net((padded(fill=9.0, extra=3), LENGTHS)))
    alone = torch.cat([net(row[None, :, :n]) for row, n in zip(padded(), LENGTHS)])
    torch.testing.assert_close(together, alone)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_padding_has_no_gradient(pooling):
    net = make_net(pooling=pooling, convolutional=((4, 3),), hidden_sizes=(5, 3))
    x = padded(fill=2.0).requires_grad_()
    net((x, LENGTHS)).square().sum().backward()
    for grad, length in zip(x.grad, LENGTHS):
        assert not grad[:, length:].any() and grad[:, :length].abs().sum() > 0


def test_gradient_is_the_slope():
    net, x = make_net(pooling="attention", hidden_sizes=(5, 3), convolutional=((4, 3),)), padded()
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    x.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: net((x, LENGTHS)), (x,))


def test_reverse_is_its_own_inverse():
    x = padded().permute(2, 0, 1)
    order = reversal(7, LENGTHS)
    once = reverse(x, order)
    for i, n in enumerate(LENGTHS):
        torch.testing.assert_close(once[:n, i], x[:n, i].flip(0))
    torch.testing.assert_close(reverse(once, order), x)


def test_tokens():
    net = make_net(vocabulary_size=9)
    ids = torch.tensor([[[2, 3, 8, 4]], [[5, 1, 0, 0]]])
    together = net((ids, torch.tensor([4, 2])))
    torch.testing.assert_close(together[1:], net(ids[1:, :, :2]))
    net((ids, torch.tensor([4, 2]))).sum().backward()
    assert not net.embedding.weight.grad[[0, 6, 7]].any()
    assert net.embedding.weight.grad[[1, 2, 3, 4, 5, 8]].any(1).all()


def test_channels_are_scaled():
    net, x = make_net(), padded()
    before = net(x)
    net.standardize.mean += torch.tensor([1.0, -2.0, 3.0])
    net.standardize.scale /= torch.tensor([2.0, 0.5, 10.0])
    moved = x / net.standardize.scale[:, None] + net.standardize.mean[:, None]
    torch.testing.assert_close(net(moved), before)


def test_noise_needs_a_generator_and_training():
    net, x = make_net(hidden_sizes=(5, 3), dropout=0.5, recurrent_dropout=0.5), padded()
    quiet = net(x)
    torch.testing.assert_close(net(x), quiet, rtol=0, atol=0)
    outputs = []
    for seed in (0, 0, 1):
        set_generator(net, torch.Generator().manual_seed(seed))
        outputs.append(net(x))
    torch.testing.assert_close(outputs[0], outputs[1], rtol=0, atol=0)
    assert (outputs[0] - outputs[2]).abs().max() > 0.01
    net.eval()
    torch.testing.assert_close(net(x), quiet)


def test_recurrent_dropout_leaves_out_weights_and_keeps_their_mean():
    layer = Recurrence("rnn", 2, 64, p=0.25).double()
    layer.weight_recurrent.data.fill_(1e-6)  # so small that tanh is linear
    layer.weight_in.data.fill_(1.0)
    layer.generator = torch.Generator().manual_seed(0)
    x = torch.zeros(2, 1, 2, dtype=torch.float64)
    x[0] = 0.05
    second = layer(x)[1, 0] / layer(x)[0, 0, 0] / 1e-6  # sum of 64 kept weights, each 4 / 3
    kept = second.detach() * 0.75
    torch.testing.assert_close(kept, kept.round(), atol=1e-3, rtol=0)
    assert 44 < kept.mean() < 52 and kept.std() > 1


@pytest.mark.parametrize("length", [1, 2])
def test_shortest_sequences(length):
    net = make_net(convolutional=((4, 7), (6, 5)), pooling="attention", hidden_sizes=(5, 3))
    x, lengths = padded()[:, :, :length].contiguous(), torch.full((5,), length)
    torch.testing.assert_close(net(x), net((x, lengths)))  # moments of the batch
    net.eval()
    beside_longer = net((padded(), torch.cat([lengths[:-1], torch.tensor([7])])))
    torch.testing.assert_close(net(x)[:-1], beside_longer[:-1])


def test_initial_weights():
    net = make_net(vocabulary_size=50, hidden_sizes=(6,))
    layer = net.layers[0][0]
    for gate in layer.weight_recurrent.split(6):
        torch.testing.assert_close(gate @ gate.T, torch.eye(6, dtype=torch.float64))
    bias = layer.bias_in.reshape(4, 6)
    assert (bias[1] == 1).all() and not bias[[0, 2, 3]].any() and not layer.bias_recurrent.any()
    assert net.embedding.weight.std().item() == pytest.approx(0.1, rel=0.2)
    again = make_net(vocabulary_size=50, hidden_sizes=(6,))
    for mine, other in zip(net.parameters(), again.parameters()):
        torch.testing.assert_close(mine, other, rtol=0, atol=0)


def test_outputs_are_scaled_and_missing_numbers_are_means():
    net, x = make_net(scaled_output=True, has_missing=True), padded()
    before = net(x)
    net.output.shift += 3.0
    net.output.scale *= 2.0
    torch.testing.assert_close(net(x), 2 * before + 3)
    net.standardize.mean += 5.0
    x[0, 1, 2] = 5.0
    expected = net(x)
    x[0, 1, 2] = torch.nan
    torch.testing.assert_close(net(x), expected)
