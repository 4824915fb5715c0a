"""Attacks, utility of columns and the report, on rows whose quality is known."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import r2_score, roc_auc_score

from skdeep.metrics import (
    attribute_inference,
    column_utility,
    membership_inference_score,
    synthesis_report,
    two_sample_score,
)


def table(n, seed):
    rng = np.random.default_rng(seed)
    kind = rng.choice(list("abc"), size=n, p=[0.6, 0.3, 0.1])
    x = rng.normal(size=n) + 3 * (kind == "b")
    return pd.DataFrame({"kind": kind, "x": x, "y": 2 * x + rng.normal(size=n), "one": "k"})


@pytest.fixture(scope="module")
def tables():
    return table(400, 0), table(350, 1), table(300, 2)


def shuffled(frame):
    return pd.DataFrame(
        {c: frame[c].sample(frac=1, random_state=i).to_numpy() for i, c in enumerate(frame)}
    )


def test_membership_equals_a_slow_loop():
    rng = np.random.RandomState(3)
    real, synthetic, held_out = (rng.normal(size=(n, 2)) for n in (30, 40, 20))
    score = membership_inference_score(real, synthetic, held_out, random_state=5)
    both = np.concatenate([real, held_out])
    real, synthetic, held_out = (
        (x - both.mean(0)) / both.std(0) for x in (real, synthetic, held_out)
    )
    order = np.random.RandomState(5).permutation(20)
    reference, others = held_out[order[:10]], held_out[order[10:]]
    guesses = []
    for row in np.concatenate([real, others]):
        near, usual = (cdist(row[None], points).min() for points in (synthetic, reference))
        guesses.append(usual / (near + usual))
    assert score == pytest.approx(roc_auc_score(np.arange(40) < 30, guesses))


def test_copies_give_members_away(tables):
    real, other, held_out = tables
    assert membership_inference_score(real, real, held_out) > 0.99
    assert 0.4 < membership_inference_score(real, other, held_out) < 0.6
    few = membership_inference_score(real, other, held_out, max_rows=50)
    assert few == membership_inference_score(real, other, held_out, max_rows=50)


def test_attribute_inference_equals_a_slow_loop():
    rng = np.random.RandomState(0)
    real, synthetic, held_out = (rng.normal(size=(n, 2)) for n in (30, 40, 20))
    found = attribute_inference(real, synthetic, held_out, tolerance=0.5)
    spread = np.concatenate([synthetic, real, held_out])[:, 1].std()
    shares = []
    for rows in (real, held_out):
        hits = [
            abs(synthetic[np.abs(synthetic[:, 0] - a).argmin(), 1] - b) <= 0.5 * spread
            for a, b in rows
        ]
        shares.append(np.mean(hits))
    np.testing.assert_allclose(found.loc[1, ["real", "held_out"]], shares)
    assert found.loc[1, "risk"] == pytest.approx((shares[0] - shares[1]) / (1 - shares[1]))


def test_copies_give_attributes_away(tables):
    real, other, held_out = tables
    copied = attribute_inference(real, real, held_out)
    assert (copied["real"] == 1).all() and copied.loc["x", "risk"] > 0.8
    assert copied.loc["one"].tolist() == [1.0, 1.0, 0.0]
    assert attribute_inference(real, other, held_out)["risk"].abs().max() < 0.15
    assert attribute_inference(real, other, held_out, columns=["y"]).index.tolist() == ["y"]


def test_missing_values_can_be_guessed():
    """Where they follow from another column."""
    rng = np.random.default_rng(0)
    kind = rng.choice(["a", "b"], 300)
    rows = pd.DataFrame({"kind": kind, "x": np.where(kind == "a", np.nan, 1.0)})
    found = attribute_inference(rows[:100], rows[100:200], rows[200:])
    assert (found[["real", "held_out"]] == 1).all(axis=None) and (found["risk"] == 0).all()


def test_utility_of_columns(tables):
    real, other, held_out = tables
    good = column_utility(real, other, held_out)
    assert good.loc["y", "synthetic"] > 0.85 and good.loc["kind", "synthetic"] > 0.8
    assert good.loc["one"].isna().all()
    assert (good["real"] - good["synthetic"]).abs().max() < 0.1
    floor = column_utility(real, shuffled(other), held_out)
    assert floor.loc["y", "synthetic"] < 0.1 and 0.3 < floor.loc["kind", "synthetic"] < 0.7
    np.testing.assert_allclose(floor["real"], good["real"])
    one = column_utility(real, other.assign(kind="a"), held_out)
    assert one.loc["kind", "synthetic"] == 0.5  # nothing to learn from one level


def test_utility_equals_a_model_by_hand(tables):
    from sklearn.ensemble import HistGradientBoostingRegressor

    frames = [t[["x", "y"]] for t in tables]
    scores = column_utility(*frames)
    seed = np.random.RandomState(0).randint(2**31 - 1)
    model = HistGradientBoostingRegressor(max_iter=50, random_state=seed)
    model.fit(frames[1][["x"]], frames[1]["y"])
    wanted = r2_score(frames[2]["y"], model.predict(frames[2][["x"]]))
    assert scores.loc["y", "synthetic"] == pytest.approx(wanted, rel=1e-6)


def test_gaps_and_rare_levels_are_scored():
    rng = np.random.default_rng(0)
    n = 600
    x = rng.normal(size=n)
    many = pd.Series(rng.integers(0, 30, n)).astype(str)
    rows = pd.DataFrame({"x": np.where(rng.random(n) < 0.2, np.nan, x), "y": x, "many": many})
    scores = column_utility(rows[:200], rows[200:400], rows[400:])
    assert scores.loc["x"].min() > 0.9 and scores.notna().all(axis=None)


def test_report(tables):
    real, other, held_out = tables
    good = synthesis_report(real, other, held_out)
    assert (good.summary["synthetic"] - good.summary["reference"]).abs().max() < 0.15
    assert good.summary.loc["two-sample AUC", "synthetic"] == two_sample_score(
        real, other, random_state=int(np.random.RandomState(0).randint(2**31 - 1))
    )
    assert good.summary.loc["column shapes", "synthetic"] == pytest.approx(good.shapes.mean())
    copied = synthesis_report(real, real, held_out).summary["synthetic"]
    assert copied["copies"] == 1 and copied["membership AUC"] > 0.99
    assert copied["attribute risk"] > 0.8 and copied["nearest to real"] == 1
    small, again = (synthesis_report(real, other, held_out, max_rows=60) for _ in range(2))
    pd.testing.assert_frame_equal(small.summary, again.summary)


@pytest.mark.parametrize("score", [attribute_inference, column_utility, synthesis_report])
def test_one_column_is_refused(tables, score):
    with pytest.raises(ValueError, match="The tables have one column: expected others"):
        score(*(t[["x"]] for t in tables))


def test_bad_attacks(tables):
    real, other, held_out = tables
    with pytest.raises(ValueError, match="held_out has a single row: expected at least two"):
        membership_inference_score(real, other, held_out[:1])
    with pytest.raises(ValueError, match="there is no column 'z'; the columns are"):
        attribute_inference(real, other, held_out, columns=["z"])
    with pytest.raises(ValueError, match="tolerance == -1, must be >= 0"):
        attribute_inference(real, other, held_out, tolerance=-1)
    with pytest.raises(ValueError, match="max_rows == 0, must be >= 1"):
        synthesis_report(real, other, held_out, max_rows=0)
    with pytest.raises(ValueError, match="real and held_out rows must have the same columns"):
        synthesis_report(real, other, held_out.drop(columns="x"))
