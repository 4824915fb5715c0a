"""Measures of made rows against slow loops, and on rows whose quality is known."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist

from skdeep.metrics import (
    closest_record_share,
    column_shapes,
    copy_share,
    pair_trends,
    train_on_synthetic_score,
    two_sample_score,
)


def table(n, seed):
    rng = np.random.default_rng(seed)
    kind = rng.choice(list("abc"), size=n, p=[0.6, 0.3, 0.1])
    x = rng.normal(size=n) + 3 * (kind == "b")
    return pd.DataFrame({"kind": kind, "x": x, "y": 2 * x + rng.normal(size=n), "z": kind == "a"})


@pytest.fixture(scope="module")
def tables():
    return table(800, 0), table(700, 1)


def shuffled(frame):
    return pd.DataFrame(
        {c: frame[c].sample(frac=1, random_state=i).to_numpy() for i, c in enumerate(frame)}
    )


def test_shapes_equal_a_slow_loop(tables):
    real, made = tables
    scores = column_shapes(real, made)
    a, b = real["x"].to_numpy(), made["x"].to_numpy()
    steps = np.concatenate([a, b])
    largest = max(abs((a <= t).mean() - (b <= t).mean()) for t in steps)
    assert scores["x"] == pytest.approx(1 - largest)
    tv = sum(abs((real["kind"] == k).mean() - (made["kind"] == k).mean()) for k in "abc") / 2
    assert scores["kind"] == pytest.approx(1 - tv)


def test_trends_equal_a_slow_loop(tables):
    real, made = tables
    scores = pair_trends(real, made)
    np.testing.assert_array_equal(scores, scores.T)
    wanted = 1 - abs(real["x"].corr(real["y"]) - made["x"].corr(made["y"])) / 2
    assert scores.loc["x", "y"] == pytest.approx(wanted)
    edges = np.quantile(real["x"], np.linspace(0, 1, 11))[1:-1]
    joint = [
        pd.Series(list(zip(d["kind"], np.searchsorted(edges, d["x"])))).value_counts(normalize=True)
        for d in tables
    ]
    distance = joint[0].sub(joint[1], fill_value=0).abs().sum() / 2
    assert scores.loc["kind", "x"] == pytest.approx(1 - distance)


def test_independent_columns_have_shapes_but_no_trends(tables):
    real, _ = tables
    floor = shuffled(real)
    assert column_shapes(real, floor).min() == 1
    assert pair_trends(real, floor).to_numpy().mean() < pair_trends(*tables).to_numpy().mean()
    assert two_sample_score(real, floor) > 0.9
    assert two_sample_score(*tables) < 0.6
    assert train_on_synthetic_score(floor, tables[1], "y") < 0.1
    assert train_on_synthetic_score(real, tables[1], "y") > 0.8
    assert train_on_synthetic_score(real, tables[1], "z") > 0.95  # of two classes
    assert train_on_synthetic_score(real, tables[1], "kind", scoring="accuracy") > 0.8


def test_missing_values_and_dates_are_values():
    real = pd.DataFrame({"a": [1.0, np.nan, 3.0, np.nan], "d": pd.to_datetime(["2020-01-01"] * 4)})
    assert column_shapes(real, real).tolist() == [1.0, 1.0]
    assert column_shapes(real, real.assign(a=[1.0, 3.0, 1.0, 3.0]))["a"] == pytest.approx(0.5)
    assert (pair_trends(real, real) == 1).all(axis=None)


def test_closest_records_equal_a_slow_loop():
    rng = np.random.RandomState(0)
    made, train, holdout = (rng.normal(size=(n, 3)) for n in (50, 40, 30))
    share, expected = closest_record_share(made, train, holdout)
    both = np.concatenate([train, holdout])
    scaled = [(x - both.mean(0)) / both.std(0) for x in (made, train, holdout)]
    near = [cdist(scaled[0], s).min(1) for s in scaled[1:]]
    assert share == pytest.approx((near[0] < near[1]).mean())
    assert expected == pytest.approx(40 / 70)


def test_copies(tables):
    real, made = tables
    assert copy_share(real, real) == 1
    assert copy_share(made, real) == 0


def test_bad_tables(tables):
    real, made = tables
    with pytest.raises(ValueError, match="must have the same columns"):
        column_shapes(real, made.drop(columns="x"))
    with pytest.raises(ValueError, match="Expected rows to compare, got made rows of shape"):
        pair_trends(real, made.iloc[:0])


SMALL = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 4)), columns=list("abcd"))
TEXT = SMALL.assign(b=list("xyz") * 10)
BOTH = [column_shapes, pair_trends, two_sample_score, copy_share]


@pytest.mark.parametrize("score", BOTH)
@pytest.mark.parametrize(
    "real, made, message",
    [
        (SMALL, SMALL.drop(columns="a"), "must have the same columns"),
        (SMALL.set_axis(list("aabb"), axis=1), SMALL, "several columns named 'a'"),
        (SMALL, SMALL.iloc[:, :0], r"(made|train) rows of shape \(30, 0\)"),
        (np.zeros(3), np.zeros(3), "Expected 2D array, got 1D array"),
        (np.zeros((3, 2, 2)), np.zeros((3, 2, 2)), "dim 3"),
        ("table", "table", "2D array"),
    ],
)
def test_tables_that_cannot_be_compared(score, real, made, message):
    with pytest.raises(ValueError, match=message):
        score(real, made)


@pytest.mark.parametrize("score", BOTH[:3])
@pytest.mark.parametrize(
    "real, made, message",
    [
        (SMALL, TEXT, "Column 'b' holds numbers or dates in real, but levels .* in made"),
        (TEXT, SMALL, "Column 'b' holds numbers or dates in made, but levels .* in real"),
        (SMALL.replace(SMALL["a"][0], np.inf), SMALL, "infinity.*column 'a'"),
        (SMALL.astype(complex), SMALL, "Complex"),
        (SMALL.assign(a=pd.Timestamp("2024-01-01")), SMALL, "held instants in fit|numbers"),
    ],
)
def test_columns_that_cannot_be_compared(score, real, made, message):
    with pytest.raises(ValueError, match=message):
        score(real, made)


def test_other_types_of_the_same_values_are_no_difference():
    n = np.arange(30)
    real = pd.DataFrame(
        {"i": n, "f": n / 4, "k": list("ab") * 15, "d": pd.Timestamp(0) + pd.to_timedelta(n, "D")}
    )
    made = real.astype({"i": "Float64", "f": object, "k": "category", "d": "datetime64[s]"})
    assert (column_shapes(real, made) == 1).all() and (pair_trends(real, made) == 1).all().all()
    assert copy_share(made, real) == 1
    missing = real.assign(f=None)
    assert column_shapes(missing, missing)["f"] == 1 and column_shapes(real, missing)["f"] == 0


def test_large_numbers_are_compared():
    large = SMALL * 1e300
    assert (column_shapes(large, large) == 1).all()
    np.testing.assert_allclose(pair_trends(large, SMALL), np.ones((4, 4)), atol=1e-9)
    near, far = SMALL[:15], large[15:]
    assert closest_record_share(near, near, far) == (1.0, 0.5)
    assert closest_record_share(far, near, far) == (0.0, 0.5)


@pytest.mark.parametrize("target", ["z", None, ["a"]])
def test_targets_that_are_no_column(target):
    with pytest.raises(ValueError, match="expected one of the columns"):
        train_on_synthetic_score(SMALL, SMALL, target)
    with pytest.raises(ValueError, match="one class in test"):
        train_on_synthetic_score(SMALL.assign(z="a"), SMALL.assign(z="a"), "z")
