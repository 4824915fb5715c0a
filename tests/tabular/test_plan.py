"""Which rows members train on, and which judge them."""

import time

import numpy as np
import pytest

from skdeep.inputs.rows import Rows
from skdeep.tabular.plan import folds, stack, with_given, with_held_out, without_held_out


def rows(n, weight=None):
    x = np.random.RandomState(0).normal(size=(n, 2)).astype(np.float32)
    return Rows(x, np.arange(n) % 3, weight)


def keys(x, target):
    return [row.tobytes() + number.tobytes() for row, number in zip(x, target)]


def held_out(data, n_members=4, n_networks=2, stops_early=True):
    rng = np.random.RandomState(0)
    return with_held_out(
        data, keys, data.target, 0.2, n_members, n_networks, rng, stops_early=stops_early
    )


def test_members_train_on_other_rows():
    train, held_out = folds(103, np.arange(103) % 3, 0.2, 5, np.random.RandomState(0))
    assert train.shape[0] == held_out.shape[0] == 5
    assert len(np.unique(held_out)) == held_out.size
    for t, h in zip(train, held_out):
        assert not set(t) & set(h)


def test_many_rows_are_dealt_out_to_networks():
    """Members of one network train on the same rows and are judged by the others."""
    data = rows(300)
    plan = held_out(data)
    assert plan.members.shape == (4, 240) and plan.judges.shape == (2, 60)
    assert plan.holds_out and plan.scores
    np.testing.assert_array_equal(plan.members[0], plan.members[1])
    np.testing.assert_array_equal(plan.members[2], plan.members[3])
    for network, judges in enumerate(plan.judges):
        both = np.sort(np.concatenate([plan.members[2 * network], judges]))
        np.testing.assert_array_equal(both, np.arange(300))
    assert not set(plan.judges[0]) & set(plan.judges[1])


def test_few_rows_are_split_once_for_all():
    plan = held_out(rows(60))
    assert plan.members.shape == (4, 48) and plan.judges.shape == (1, 12)
    assert not set(plan.members[0]) & set(plan.judges[0])
    assert (plan.members == plan.members[0]).all()


def test_too_few_rows_are_all_trained_on():
    with pytest.warns(UserWarning, match="early_stopping=True has no effect: 4 rows"):
        plan = held_out(rows(4))
    assert plan.judges is None and not plan.stops_early
    np.testing.assert_array_equal(plan.members, np.tile(np.arange(4), (4, 1)))


def test_rows_for_a_callback_choose_nothing():
    plan = held_out(rows(300), stops_early=False)
    assert plan.judges is not None and plan.scores
    assert not plan.holds_out


def test_given_rows_come_after_those_to_train_on():
    data, given = rows(10), rows(3, weight=np.array([1.0, 2.0, 3.0]))
    plan = with_given(data, given, 2)
    assert plan.last_row == 9 and plan.judges.tolist() == [[10, 11, 12]]
    np.testing.assert_array_equal(plan.train.x[10:], given.x)
    assert plan.train.weight.tolist() == [1.0] * 10 + [1.0, 2.0, 3.0]
    assert plan.everyone is data


def test_stacked_rows_without_weights_have_none():
    assert stack(rows(2), rows(3)).weight is None
    assert stack(rows(2, np.array([2.0, 3.0])), rows(1)).weight.tolist() == [2.0, 3.0, 1.0]


def test_training_leaves_time_for_another():
    plan = held_out(rows(300))
    assert plan.timed(None, refit=True) is plan
    assert plan.timed(9.0, refit=False).max_time == 9.0
    timed = plan.timed(9.0, refit=True)
    assert timed.max_time == pytest.approx(0.95 * 9.0 * 240 / 540)
    assert timed.deadline - time.monotonic() == pytest.approx(9.0, abs=0.5)
    again = timed.again([3, 5])
    assert again.epochs == [3, 5] and again.members.shape == (4, 300)
    assert again.max_time == pytest.approx(9.0, abs=0.5)
    assert without_held_out(rows(5), 2).timed(9.0, refit=True).max_time == 9.0


def test_second_training_has_a_moment_where_no_time_is_left():
    plan = held_out(rows(300)).timed(1e-9, refit=True)
    assert 0 < plan.again([1, 1]).max_time < 0.01
