"""Who keeps which weights."""

import torch

from skdeep.adversarial.play import BestAverage, BestParts
from skdeep.engine import MovingAverage
from skdeep.engine.optim import FlatParameters


def flat_of(value=0.0):
    net = torch.nn.Linear(2, 1)
    flat = FlatParameters(net)
    flat.values.data.fill_(value)
    return net, flat


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
