"""When training has stopped getting better, and which weights were the best."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from skdeep.engine.optim import FlatParameters
from skdeep.engine.schedules import BestMembers, BestWeights, LastBestPatience, Patience


def counts(patience, values):
    found = []
    for value in values:
        patience.update(value)
        found.append(patience.count)
    return found


def test_patience_with_losses_is_sklearns():
    patience = Patience(0.1, 2, higher_is_better=False)
    assert counts(patience, [1.0, 0.95, 0.8, 0.79, 0.78, 0.77]) == [0, 1, 0, 1, 2, 3]
    assert patience.ran_out and patience.best == 0.77


def test_patience_with_scores_is_sklearns():
    patience = Patience(0.1, 2, higher_is_better=True)
    assert counts(patience, [0.5, 0.55, 0.7, math.nan, 0.6]) == [0, 1, 0, 0, 1]
    assert patience.best == 0.7


def test_patience_runs_out_after_more_than_its_limit():
    patience = Patience(0.0, 2, higher_is_better=False)
    ends = []
    for loss in (1.0, 2.0, 2.0, 2.0):
        patience.update(loss)
        ends.append(patience.ran_out)
    assert ends == [False, False, False, True]


def test_the_best_is_told_however_small_the_step():
    patience = Patience(0.1, 5, higher_is_better=False)
    assert [patience.update(loss) for loss in (1.0, 0.999, 0.999, 1.0)] == [
        True,
        True,
        False,
        False,
    ]


def test_infinite_patience_never_ends():
    patience = Patience(0.0, math.inf, higher_is_better=True)
    counts(patience, [1.0] + [0.0] * 1000)
    assert not patience.ran_out


def test_patience_goes_on_from_an_earlier_run():
    patience = Patience(0.0, 2, higher_is_better=False, best=0.5, count=2)
    assert not patience.update(0.6)
    assert patience.ran_out and patience.best == 0.5


@pytest.mark.parametrize("growth, expected", [(0.0, 8), (1.0, 13), (2.0, 18)])
def test_patience_grows_with_the_last_best_epoch(growth, expected):
    """The best epochs are 2 and 5, the limit is 3: the end is 3 + (1 + growth) * 5."""
    epochs = []
    patience = LastBestPatience(0.0, 3, True, lambda: epochs, growth)
    for epoch in range(1, 100):
        epochs[:] = [2, 5][: 1 + (epoch >= 5)] if epoch >= 2 else []
        patience.update(0.0)
        if patience.ran_out:
            break
    assert epoch == expected


def test_patience_without_a_best_epoch():
    patience = LastBestPatience(0.0, 2, True, list)
    ends = []
    for _ in range(3):
        patience.update(math.nan)
        ends.append(patience.ran_out)
    assert ends == [False, True, True]


def norm_net():
    module = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    return module, FlatParameters(module)


def everything(module):
    return [t.detach().clone() for t in module.state_dict().values()]


def test_best_weights_come_back_with_running_means():
    module, flat = norm_net()
    best = BestWeights([flat])
    expected = everything(module)
    best.save()
    module.train()(torch.randn(5, 2, generator=torch.Generator().manual_seed(0)))
    with torch.no_grad():
        flat.values.add_(1.0)
    best.restore()
    for t, q in zip(everything(module), expected):
        assert torch.equal(t, q)


def test_nothing_saved_is_nothing_restored():
    _, flat = norm_net()
    with torch.no_grad():
        flat.values.fill_(3.0)
    BestWeights([flat]).restore()
    assert (flat.values == 3).all()


def test_best_weights_of_several_networks():
    flats = [norm_net()[1] for _ in range(2)]
    best = BestWeights(flats)
    expected = [flat.values.detach().clone() for flat in flats]
    best.save()
    with torch.no_grad():
        for flat in flats:
            flat.values.zero_()
    best.restore()
    for flat, values in zip(flats, expected):
        assert torch.equal(flat.values, values)


def test_the_best_epoch_is_the_last_one_saved():
    best = BestWeights([norm_net()[1]])
    for epoch in range(1, 6):
        best.observe([0.0])
        if epoch in (1, 4):
            best.save()
    assert best.epochs == [4]


class Packed(nn.Module):
    """Three networks of one number."""

    def __init__(self):
        super().__init__()
        self.values = nn.Parameter(torch.zeros(3, 1))


def observe(best, module, table):
    """Judge epochs; in epoch t every member's weight is t."""
    for epoch, scores in enumerate(table, 1):
        with torch.no_grad():
            module.values.fill_(float(epoch))
        best.observe(torch.tensor(scores))


def test_members_keep_their_own_best_epochs_and_the_last_of_equal_ones():
    rng = np.random.RandomState(0)
    table = rng.randint(0, 5, (12, 3)) / 4.0
    module = Packed()
    best = BestMembers(module)
    observe(best, module, table)
    expected = [max(t for t in range(12) if table[t, m] == table[:, m].max()) + 1 for m in range(3)]
    best.restore()
    assert best.epochs == expected
    assert module.values.flatten().tolist() == [float(e) for e in expected]
    np.testing.assert_array_equal(best.scores, table.max(0))


def test_members_must_be_better_by_the_tolerance():
    module = Packed()
    best = BestMembers(module, tol=0.1)
    observe(best, module, [[0.0, 0.0, 0.0], [0.05, 0.2, 0.0], [0.09, 0.25, 0.0]])
    assert best.epochs == [1, 2, 1]


def test_scores_that_are_no_numbers_are_never_the_best():
    module = Packed()
    best = BestMembers(module)
    observe(best, module, [[1.0, math.nan, 1.0], [math.nan, 2.0, math.nan]])
    best.restore()
    assert best.epochs == [1, 2, 1]
    assert module.values.flatten().tolist() == [1.0, 2.0, 1.0]


def test_members_without_an_epoch_stay_as_they_are():
    module = Packed()
    with torch.no_grad():
        module.values.fill_(7.0)
    BestMembers(module).restore()
    assert (module.values == 7).all()
