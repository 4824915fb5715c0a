"""Averages of weights and who keeps which."""

import math

import pytest
import torch

from skdeep.engine import BestAverage, BestParts, MovingAverage
from skdeep.engine.optim import FlatParameters


def flat_of(value=0.0):
    net = torch.nn.Linear(2, 1)
    flat = FlatParameters(net)
    flat.values.data.fill_(value)
    return net, flat


def test_moving_average_equals_a_loop():
    _, flat = flat_of()
    average = MovingAverage(flat, 0.9)
    wanted = 0.0
    for step in range(1, 200):
        flat.values.data.fill_(math.sin(step))
        average.update()
        decay = min(0.9, step / (step + 10))
        wanted = decay * wanted + (1 - decay) * math.sin(step)
    torch.testing.assert_close(average.values, torch.full((3,), wanted))
    with average.applied():
        assert flat.values[0].item() == pytest.approx(wanted)
    assert flat.values[0].item() == pytest.approx(math.sin(199))
    average.apply()
    assert flat.values[0].item() == pytest.approx(wanted)


def test_weights_of_many_steps_are_not_forgotten_as_initial_ones_are():
    _, flat = flat_of(1.0)
    new, old = MovingAverage(flat, 0.99), MovingAverage(flat, 0.99, count=10_000)
    flat.values.data.fill_(2.0)
    new.update()
    old.update()
    assert new.values[0].item() == pytest.approx(1 + 10 / 11)  # decay 1 / 11
    assert old.values[0].item() == pytest.approx(1.01)


def test_best_average_comes_back():
    _, flat = flat_of(1.0)
    average = MovingAverage(flat, 0.0)
    best = BestAverage(average)
    best.restore()  # nothing to bring back yet
    best.save()
    flat.values.data.fill_(2.0)
    average.update()
    best.restore()
    assert flat.values.tolist() == [1.0] * 3


def test_each_part_keeps_its_best_epoch():
    parts = [torch.nn.Linear(1, 1, bias=False) for _ in range(2)]
    best = BestParts(parts)
    for losses in ([3.0, 1.0], [2.0, 5.0], [4.0, float("nan")]):
        best.observe(losses)
        for part, loss in zip(parts, losses):
            part.weight.data.fill_(-loss)
    best.restore()
    assert best.epochs == [2, 1] and best.losses == [2.0, 1.0]
    assert parts[0].weight.item() == -3.0  # as it was when the second epoch was judged
