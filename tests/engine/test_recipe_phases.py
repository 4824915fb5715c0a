"""A fit as one phase after another."""

import time

import numpy as np
import pytest
import torch

from skdeep.engine import recipe
from skdeep.engine.recipe import Curves, Shared, run_phases

SMALL, LARGE = (1, 1.0), (10**6, 1000.0)


class Run:
    """A phase that sees some rows, takes some time on the clock and may be interrupted."""

    def __init__(self, shared, log, name, rows=10, seconds=0.0, interrupted=False):
        self.shared, self.log, self.name, self.seconds = shared, log, name, seconds
        self.n_seen = shared.n_seen + rows
        self.ends_interrupted = interrupted

    def run(self):
        self.log.append((self.name, torch.get_num_threads()))
        self.log.now += self.seconds
        self.interrupted = self.ends_interrupted


class Log(list):
    now = 100.0


@pytest.fixture
def log(monkeypatch):
    found = Log()
    monkeypatch.setattr(recipe.time, "monotonic", lambda: found.now)
    return found


def phase(log, name, **options):
    return lambda shared: Run(shared, log, name, **options)


def run(shared, *made, report=None, work=SMALL):
    return run_phases(made, shared, report=report, work=work)


def shared(**options):
    return Shared(rng=np.random.RandomState(0), **options)


def test_phases_run_in_their_order(log):
    runs = run(shared(), *(phase(log, name) for name in "abc"))
    assert [name for name, _ in log] == ["a", "b", "c"] == [r.name for r in runs]


def test_a_phase_is_made_when_its_turn_has_come(log):
    def second(shared):
        assert [name for name, _ in log] == ["first"]
        return Run(shared, log, "second")

    assert len(run(shared(), phase(log, "first"), second)) == 2


def test_no_phases_are_no_runs():
    assert run(shared()) == []


def test_curves_and_generator_go_from_phase_to_phase(log):
    its = shared(curves=Curves([1.0]))
    runs = run(its, phase(log, "a"), phase(log, "b"))
    assert all(r.shared.curves is its.curves and r.shared.rng is its.rng for r in runs)


def test_rows_seen_add_up(log):
    runs = run(shared(n_seen=5), phase(log, "a", rows=10), phase(log, "b", rows=20))
    assert [r.shared.n_seen for r in runs] == [5, 15]
    assert runs[-1].n_seen == 35


def test_phases_share_the_time(log):
    runs = run(shared(max_time=10.0), phase(log, "a", seconds=4), phase(log, "b", seconds=3))
    assert [r.shared.max_time for r in runs] == [10.0, 6.0]


def test_without_a_limit_there_is_none(log):
    runs = run(shared(), phase(log, "a", seconds=4), phase(log, "b"))
    assert [r.shared.max_time for r in runs] == [None, None]


@pytest.mark.parametrize("seconds, expected", [(9.9, "ab"), (10.0, "a"), (99.0, "a")])
def test_no_phase_begins_when_time_is_up(log, seconds, expected):
    made = phase(log, "a", seconds=seconds), phase(log, "b")
    assert "".join(r.name for r in run(shared(max_time=10.0), *made)) == expected


def test_the_first_phase_runs_without_any_time(log):
    assert [r.name for r in run(shared(max_time=0.0), phase(log, "a"), phase(log, "b"))] == ["a"]


def test_none_begins_after_ctrl_c(log):
    made = phase(log, "a"), phase(log, "b", interrupted=True), phase(log, "c")
    assert [r.name for r in run(shared(), *made)] == ["a", "b"]


@pytest.mark.parametrize("replaces", [True, False])
def test_the_first_phase_alone_replaces_a_trained_model(log, replaces):
    runs = run(shared(replaces=replaces), phase(log, "a"), phase(log, "b"))
    assert [r.shared.replaces for r in runs] == [replaces, False]


def test_a_report_is_made_for_each_phase_of_the_runs_before_it(log):
    seen = []

    def report(runs):
        seen.append([r.name for r in runs])
        runs.clear()  # what it does with its list is its own affair
        return f"report {len(seen)}"

    runs = run(shared(), phase(log, "a"), phase(log, "b"), report=report)
    assert seen == [[], ["a"]]
    assert [r.shared.report for r in runs] == ["report 1", "report 2"]


def test_what_is_shared_stays_as_it_was(log):
    its = shared(max_time=10.0, n_seen=3)
    run(its, phase(log, "a", seconds=4), phase(log, "b"), report=lambda runs: "report")
    assert (its.max_time, its.n_seen, its.report) == (10.0, 3, None)


@pytest.mark.parametrize("work, expected", [(SMALL, 1), (LARGE, 2)])
def test_threads_by_the_work_of_a_step(log, work, expected):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    if torch.get_num_threads() != 2:
        pytest.skip("torch does not compute on two threads here")
    try:
        run(shared(), phase(log, "a"), work=work)
        assert log == [("a", expected)]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_the_clock_is_the_processs_own():
    """Not patched: what a phase takes is what the next has less."""
    log = []

    class Slow:
        n_seen = 0

        def __init__(self, shared):
            log.append(shared.max_time)

        def run(self):
            time.sleep(0.02)

    run(shared(max_time=30.0), Slow, Slow)
    assert log[0] == 30.0 and 1.0 < log[1] <= 29.98
