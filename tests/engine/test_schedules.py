"""What the learning rate is at a step and after an epoch."""

import itertools
import math

import numpy as np
import pytest
import torch
from sklearn.neural_network._stochastic_optimizers import SGDOptimizer
from torch import nn

from skdeep.engine import schedules
from skdeep.engine.optim import FlatOptimizer, FlatParameters
from skdeep.engine.schedules import BOUNDED_SCHEDULES, CURVES, Course, make_schedule

NAMES = ["constant", "invscaling", "adaptive", "cosine", "one_cycle", "exponential", "plateau"]


class Rate:
    """Where a schedule puts its rate."""

    def __init__(self, solver="sgd"):
        self.solver, self.learning_rate, self.momentum = solver, 0.1, 1.0

    def rescale_momentum(self, factor):
        self.momentum *= factor


def make(name, solver="sgd", n_epochs=10, steps=4):
    optimizer = Rate(solver)
    schedule = make_schedule(
        name, optimizer, base=0.1, power_t=0.5, n_epochs=n_epochs, steps_per_epoch=steps
    )
    return optimizer, schedule


def rates(name, solver="sgd", n_epochs=10, steps=4):
    """The rate of each step."""
    optimizer, schedule = make(name, solver, n_epochs, steps)
    seen = []
    for epoch in range(n_epochs):
        for step in range(steps):
            schedule.before_step(epoch * steps + step)
            seen.append(optimizer.learning_rate)
        schedule.after_epoch(epoch + 1, (epoch + 1) * 100)
    return seen


def test_constant():
    assert set(rates("constant")) == {0.1}


def test_inverse_scaling():
    assert rates("invscaling")[::4] == [0.1 / (100 * k + 1) ** 0.5 for k in range(10)]


@pytest.mark.parametrize("name", ["invscaling", "adaptive"])
def test_sklearns_own_are_for_sgd_alone(name):
    assert set(rates(name, "adam")) == {0.1}
    assert make(name, "adam")[1].on_plateau() == "Stopping."


def test_cosine_is_torchs():
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    reference = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 40)
    for rate in rates("cosine", "adam"):
        assert rate == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9, abs=1e-12)
        optimizer.step()
        reference.step()


@pytest.mark.parametrize("name", ["one_cycle", "one-cycle"])
def test_one_cycle_is_torchs(name):
    """torch turns one step earlier, so that a run of 100 steps compares with its 101."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    reference = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=101)
    found, wanted = rates(name, steps=10), []
    for _ in found:
        wanted.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        reference.step()
    np.testing.assert_allclose(found, wanted, atol=0.004)
    assert found[0] == pytest.approx(wanted[0]) == pytest.approx(0.1 / 25)
    assert np.argmax(found) == 30 and max(found) == pytest.approx(0.1)


def test_exponential_falls_to_a_hundredth_in_equal_shares():
    found = rates("exponential", "adam")[::4]
    np.testing.assert_allclose(found, 0.1 * 0.01 ** (np.arange(10) / 9))


def test_exponential_of_a_single_epoch():
    optimizer, schedule = make("exponential", n_epochs=1)
    assert optimizer.learning_rate == 0.1
    schedule.after_epoch(1, 100)
    assert optimizer.learning_rate == pytest.approx(0.001)


@pytest.mark.parametrize("name", ["cosine", "one_cycle", "exponential"])
def test_runs_that_go_on_stay_at_the_end(name):
    optimizer, schedule = make(name)
    for step in (40, 45):
        schedule.before_step(step)
        schedule.after_epoch(step // 4, 100)
        assert 0 <= optimizer.learning_rate <= 0.1 * 0.01 + 1e-12


def test_adaptive_is_sklearns():
    """Down to a millionth, with the momentum that its velocities have."""
    optimizer, schedule = make("adaptive")
    theirs = SGDOptimizer([], learning_rate_init=0.1, lr_schedule="adaptive")
    for n_divisions in range(1, 20):
        stops = theirs.trigger_stopping("", False)
        assert (schedule.on_plateau() is not None) == stops
        assert optimizer.learning_rate == theirs.learning_rate
        if stops:
            break
        assert optimizer.momentum == 5.0**n_divisions
    assert n_divisions == 9  # 0.1 / 5**8 is the first rate below a millionth


def test_plateau_ends_at_a_thousandth():
    optimizer, schedule = make("plateau", "adam")
    seen = [optimizer.learning_rate]
    while (reason := schedule.on_plateau()) is None:
        seen.append(optimizer.learning_rate)
    np.testing.assert_allclose(seen, 0.1 / 5.0 ** np.arange(6))
    assert reason == "Learning rate too small. Stopping."
    assert optimizer.momentum == 1.0


@pytest.mark.parametrize("name", ["constant", "invscaling", "cosine", "one_cycle", "exponential"])
def test_others_end_training_when_patience_runs_out(name):
    optimizer, schedule = make(name)
    assert schedule.on_plateau() == "Stopping."
    assert optimizer.learning_rate == 0.1


@pytest.mark.parametrize("name", NAMES)
def test_only_schedules_with_an_end_need_to_know_it(name):
    assert make(name)[1].has_end == (name in BOUNDED_SCHEDULES)


def quadratic(rate, momentum=0.9):
    module = nn.Linear(1, 1, bias=False).double()
    nn.init.ones_(module.weight)
    flat = FlatParameters(module)
    return flat, FlatOptimizer(flat, "sgd", rate, momentum=momentum, nesterov=False)


@pytest.mark.parametrize("name", ["invscaling", "adaptive"])
def test_momentum_goes_on_as_in_sklearn(name):
    """Theirs has the rate inside the velocity, torch's outside of it."""
    flat, optimizer = quadratic(0.1)
    schedule = make_schedule(name, optimizer, base=0.1, power_t=0.5, n_epochs=9, steps_per_epoch=1)
    w = np.ones(1)
    theirs = SGDOptimizer([w], 0.1, name, momentum=0.9, nesterov=False, power_t=0.5)
    for epoch in range(1, 10):
        theirs.update_params([w], [2 * w])
        with torch.no_grad():
            flat.grads.copy_(2 * flat.values)
            optimizer.step()
        assert flat.values.item() == pytest.approx(w[0], rel=1e-10)
        theirs.iteration_ends(3 * epoch)
        schedule.after_epoch(epoch, 3 * epoch)
        if name == "adaptive" and epoch % 3 == 0:
            theirs.trigger_stopping("", False)
            schedule.on_plateau()


QUARTERS = (0.0, 0.25, 0.5, 0.75, 1 - 1e-9)
CURVE_VALUES = {  # at these, by the published formulas
    "coslog4": [0.5 - 0.5 * math.cos(2 * math.pi * math.log2(1 + 15 * t)) for t in QUARTERS],
    "flat_cos": [1.0, 1.0, 1.0, 0.5, 0.0],
    "cosine": [1.0, (1 + 0.5**0.5) / 2, 0.5, (1 - 0.5**0.5) / 2, 0.0],
    "constant": [1.0] * 5,
    "one_cycle": [0.04, 0.04 + 0.96 * (1 - math.cos(math.pi / 1.2)) / 2, None, None, 4e-6],
}


@pytest.mark.parametrize("name", CURVES)
def test_curves(name):
    for t, value in zip(QUARTERS, CURVE_VALUES[name]):
        if value is not None:
            assert CURVES[name](t) == pytest.approx(value, abs=1e-7)


def test_cycles_of_coslog4_double_in_length():
    ends = [(2**k - 1) / 15 for k in range(5)]
    for start, stop in itertools.pairwise(ends):
        t = np.linspace(start, stop, 400)
        found = [CURVES["coslog4"](x) for x in t]
        assert found[0] == pytest.approx(0, abs=1e-9) and found[-1] == pytest.approx(0, abs=1e-9)
        turns = np.flatnonzero(np.diff(np.sign(np.diff(found))))
        assert len(turns) == 1 and max(found) == pytest.approx(1.0, abs=1e-3)


def test_a_course_moves_rate_and_others_together():
    optimizer, seen = Rate(), []
    course = Course(optimizer, 0.2, 4, lambda t: 1 - t, others=[seen.append])
    found = []
    for step in (0, 1, 2, 3, 4, 9):
        course.before_step(step)
        found.append(optimizer.learning_rate)
    np.testing.assert_allclose(found, 0.2 * np.array([1, 0.75, 0.5, 0.25, 0, 0]))
    assert seen == [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]


def test_a_course_short_of_time_cools_down(monkeypatch):
    clock = iter([100.0, 101.0, 109.0, 130.0])
    monkeypatch.setattr(schedules.time, "monotonic", lambda: next(clock))
    optimizer = Rate()
    course = Course(optimizer, 1.0, 10, lambda t: 1 - t, max_time=10.0)
    found = []
    for step in (0, 5, 6, 7):
        course.before_step(step)
        found.append(optimizer.learning_rate)
    np.testing.assert_allclose(found, [1.0, 0.5, 0.1, 0.0], atol=1e-12)
