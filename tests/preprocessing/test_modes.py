"""Columns as positions in modes, and back."""

import numpy as np
import pandas as pd
import pytest

from skdeep.preprocessing.modes import LevelModes, NumberModes, learn_modes


def column(values, **options):
    return pd.Series(values, name="c", **options)


@pytest.mark.parametrize(
    "values",
    [
        column(np.random.RandomState(0).normal(size=500)),
        column(np.random.RandomState(0).normal(size=500).round(2).astype(np.float32)),
        column(np.r_[np.zeros(300), np.random.RandomState(0).exponential(size=200)]),
        column(np.random.RandomState(0).poisson(4, size=500)),
        column(7 + 5 * np.random.RandomState(0).randint(0, 10**6, size=500)),
        column([1, None, 3] * 50, dtype="Int64"),
        column(pd.Timestamp("2020-02-01", tz="UTC") + pd.to_timedelta(np.arange(99) ** 2, "h")),
        column(pd.to_timedelta(np.arange(200) * 7, "s")),
        column(["x", "y", None, "x"] * 20, dtype=object),
        column(pd.Categorical(list("abca"), categories=list("abcd"), ordered=True)),
        column([True, False, True]),
        column([1.5, np.nan] * 10),
        column([np.nan] * 10),
        column([3.0] * 10),
    ],
    ids=lambda s: f"{s.dtype}-{len(s)}-{s.nunique()}",
)
def test_there_and_back(values):
    modes = learn_modes(values, 16, 10)
    positions = modes.encode(values)
    assert (positions >= 0).all() and (positions < len(modes)).all()
    assert modes.counts.sum() == len(values)
    again = pd.Series(modes.decode(positions), name="c", dtype=values.dtype)
    if values.dtype.kind == "f":
        np.testing.assert_allclose(again, values, rtol=2e-3, atol=2e-3)
    else:
        pd.testing.assert_series_equal(again, values)


def test_modes_of_numbers_by_hand():
    """A frequent value has a mode of its own, the rest is cut at quantiles."""
    values = column(np.r_[np.full(100, 5.0), np.arange(50) / 50, 10 + np.arange(50) / 50])
    modes = NumberModes.learn(values, 10)
    single = modes.grid[:, 0] == modes.grid[:, -1]
    assert single.sum() == 1 and modes.grid[single][0, 0] == 5.0
    assert modes.counts[single] == 100
    assert (np.diff(modes.grid.ravel()) >= 0).all()
    inside = modes.grid[~single]
    assert ((inside < 1).all(1) | (inside >= 10).all(1)).all()  # no mode crosses the gap
    drawn = np.asarray(modes.decode(np.random.RandomState(0).uniform(0, len(modes), size=2000)))
    assert not ((drawn > 1) & (drawn < 5)).any()


def test_density_by_hand():
    values = column(np.linspace(0, 8, 801))
    modes = NumberModes.learn(values, 8)
    density = modes.log_densities(modes.encode(values))
    np.testing.assert_allclose(
        np.exp(density), 1 / (modes.grid[0, -1] - modes.grid[0, 0]), rtol=0.1
    )


def test_what_fit_did_not_see():
    modes = NumberModes.learn(column([1.0, 2.0, 4.0]), 8)
    assert modes.out_of_range(column([1.0, 5.0])) == (1.0, 4.0)
    assert modes.out_of_range(column([3.0])) == (None, None)
    with pytest.raises(ValueError, match="'c' has missing values"):
        modes.encode(column([np.nan]))
    levels = LevelModes.learn(column(list("ab")), 8)
    with pytest.raises(ValueError, match=r"a level that fit did not see: \['d'\]"):
        levels.encode(column(list("ad")))
    with pytest.raises(ValueError, match="Complex"):
        learn_modes(column([1j]), 8, 8)


def test_rare_levels_are_pooled_and_come_back_by_frequency():
    values = column(list("a" * 50 + "b" * 30 + "c" * 15 + "d" * 5))
    with pytest.warns(UserWarning, match="max_categories=2"):
        modes = LevelModes.learn(values, 2)
    assert len(modes) == 3
    drawn = modes.decode(2 + np.random.RandomState(0).uniform(size=4000))
    np.testing.assert_allclose((np.asarray(drawn) == "c").mean(), 0.75, atol=0.03)
    assert (np.asarray(modes.decode(modes.encode(values))) == values).all()
