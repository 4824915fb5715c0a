"""Averages of weights over steps."""

import math

import pytest
import torch

from skdeep.engine import MovingAverage
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
    assert average.under(lambda: flat.values[0].item())() == pytest.approx(wanted)
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
