"""Any columns given, any columns asked: conditions, gaps, predictions and densities."""

import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from generator_data import LIGHT, mixed_table
from scipy.stats import ks_2samp
from sklearn.exceptions import NotFittedError

from skdeep import TabularGAN, TabularImputer
from skdeep.nets.tabular_gan import AnyOrderGenerator
from skdeep.persistence import load, save

pytestmark = [
    pytest.mark.filterwarnings("ignore:early_stopping=True has no effect"),
    pytest.mark.filterwarnings("ignore:The generator has collapsed"),
]


@pytest.fixture(scope="module")
def known():
    """A table without columns that are always missing."""
    return mixed_table().drop(columns="nothing")


@pytest.fixture(scope="module")
def gan(known):
    return TabularGAN(hidden_layer_sizes=32, random_state=0, device="cpu").fit(known)


@pytest.fixture(scope="module")
def dice():
    """Three columns of few levels, whose joint distribution is a table."""
    rng = np.random.default_rng(0)
    a = rng.choice(["x", "y"], 4000, p=[0.6, 0.4])
    b = np.where(rng.random(4000) < np.where(a == "x", 0.8, 0.3), "u", "v")
    c = np.where(rng.random(4000) < 0.3 + 0.5 * (b == "u"), 1, 0) + (a == "y")
    return pd.DataFrame({"a": a, "b": b, "c": c})


@pytest.fixture(scope="module")
def rolled(dice):
    options = {"hidden_layer_sizes": (64, 64), "learning_rate_init": 0.01, "device": "cpu"}
    return TabularGAN(max_iter=60, dropout=0.0, random_state=0, **options).fit(dice)


def generator(seed=0):
    columns = [
        {"n_modes": 3, "has_missing": False, "edges": None},
        {"n_modes": 4, "has_missing": True, "edges": [[0, 1], [1, 1], [1, 3], [0, 0]]},
        {"n_modes": 2, "has_missing": False, "edges": None},
    ]
    torch.manual_seed(seed)
    net = AnyOrderGenerator(columns, [5, 4], 0.0)
    for p in net.parameters():
        torch.nn.init.normal_(p)
    return net.eval()


def test_networks_in_table_order_are_the_same_function():
    net = generator()
    rows = torch.tensor([[0.5, 1.5, 1.5], [2.2, 3.1, 0.4], [1.0, 0.3, 1.9]])
    x, _ = net.seen(rows)
    for j, own in enumerate(net.nets_in_order()):
        visible = (torch.arange(3) < j).float().expand(3, 3)
        wanted = net.logits(j, x, visible)
        torch.testing.assert_close(own(x[:, : net.features.widths[j]]), wanted)
    log_p = net.log_probabilities(rows)
    visible = (torch.arange(3) < 2).float().expand(3, 3)
    wanted = torch.log_softmax(net.logits(2, x, visible), 1)[torch.arange(3), [1, 0, 1]]
    torch.testing.assert_close(log_p[:, 2], wanted)


def test_hidden_columns_do_not_matter():
    net = generator()
    rows = torch.tensor([[0.5, 1.5, 1.5], [2.5, 3.5, 0.5]])
    gaps = rows.clone()
    gaps[:, 1] = torch.nan
    others = rows.clone()
    others[:, 1] = torch.tensor([0.2, 2.7])
    for j in (0, 2):
        x, visible = net.seen(others)
        visible[:, 1] = visible[:, j] = 0
        torch.testing.assert_close(
            net.mode_probabilities(j, gaps), net.logits(j, x, visible).softmax(1)
        )


def test_training_sees_what_a_loop_sees():
    net = generator()
    rows = torch.tensor([[0.5, 1.5, 1.5], [2.2, 3.1, 0.4], [1.0, 0.3, 1.9]] * 4)
    flags = net._inputs(rows)[..., -3:]
    x, _ = net.seen(rows)
    for j in range(3):
        wanted = net.logits(j, x, flags[j]).log_softmax(1)
        found = net(rows)[:, j]
        torch.testing.assert_close(found, wanted[torch.arange(12), rows[:, j].long()])


def test_what_the_rows_of_training_show():
    """Half are in the order of the table, a quarter in one of their own, a quarter have gaps."""
    net = generator().train()
    net.generator = torch.Generator().manual_seed(0)
    shown = net._inputs(torch.full((6000, 3), 0.5))[..., -3:].bool()
    assert not shown.diagonal(dim1=0, dim2=2).any()
    in_order = torch.ones(3, 3).tril(-1).bool()
    n_shown = shown.sum(2)
    share = (shown == in_order[:, None]).all(0).all(1).float().mean()
    assert float(share) == pytest.approx(0.5 + 0.25 / 6, abs=0.02)
    is_order = (n_shown.sort(0)[0] == torch.arange(3)[:, None]).all(0)
    assert float(is_order.float().mean()) == pytest.approx(0.75, abs=0.02)
    gaps = shown[:, ~is_order]
    seen_by_any = gaps.any(0)
    for j in range(3):
        others = torch.arange(3) != j
        assert (gaps[j][:, others] == seen_by_any[:, others]).all()
    # A cell is hidden in a share of the rows that is uniform between 0 and a half.
    assert float((~seen_by_any).float().mean()) == pytest.approx(0.25, abs=0.05)


def test_missing_cells_are_hidden_in_half_of_the_rows():
    columns = [{"n_modes": 2, "has_missing": k == 1, "edges": None} for k in range(3)]
    net = AnyOrderGenerator(columns, [4], 0.0).train()
    net.generator = torch.Generator().manual_seed(0)
    rates = []
    for missing in (0.5, 1.5):
        rows = torch.tensor([0.5, missing, 0.5]).expand(6000, 3)
        flags = net._inputs(rows)[..., -3:]
        rates.append(float(flags[2, :, 1].mean()))
    rest = rates[0] - 0.5  # of the rows that are in another order than that of the table
    assert rates[1] == pytest.approx(0.5 + rest / 2, abs=0.03)


def test_joint_distribution_and_all_conditionals(dice, rolled):
    """Against the frequencies of the table, each column from each subset of the others."""
    cells = dice.drop_duplicates().reset_index(drop=True)
    p = np.exp(rolled.score_samples(cells))
    assert p.sum() == pytest.approx(1, abs=0.02)
    for given in itertools.chain.from_iterable(itertools.combinations("abc", r) for r in (1, 2)):
        for asked in set("abc") - set(given):
            row = dice.iloc[[0]].astype(object)
            row[[c for c in "abc" if c not in given]] = None
            found = rolled.predict_proba(row, asked).iloc[0]
            same = (dice[list(given)] == dice[list(given)].iloc[0]).all(axis=1)
            wanted = (
                dice.loc[same, asked].value_counts(normalize=True).reindex(found.index).fillna(0)
            )
            np.testing.assert_allclose(found, wanted, atol=0.06)


def test_rows_with_gaps_have_marginal_densities(dice, rolled):
    row = pd.DataFrame({"a": ["x", None], "b": [None, "u"], "c": [None, None]})
    wanted = [(dice["a"] == "x").mean(), (dice["b"] == "u").mean()]
    np.testing.assert_allclose(np.exp(rolled.score_samples(row)), wanted, atol=0.03)


def test_sets_and_intervals_are_exact_conditionals(dice, rolled):
    made = rolled.sample(4000, conditions={"a": {"y"}, "c": slice(1, None)})
    real = dice[(dice["a"] == "y") & (dice["c"] >= 1)]
    assert (made["a"] == "y").all() and (made["c"] >= 1).all()
    assert (made["c"] == 2).mean() == pytest.approx((real["c"] == 2).mean(), abs=0.04)
    assert (made["b"] == "u").mean() == pytest.approx((real["b"] == "u").mean(), abs=0.04)


def test_frequent_conditions_choose_rows(dice, rolled, monkeypatch):
    """Rows with and without choosing have the same distribution, that of the table."""
    for name in ("a", "b"):
        conditions = {name: dice[name].iloc[0], "c": {0, 1}}
        real = dice[(dice[name] == conditions[name]) & dice["c"].isin([0, 1])]
        other = "b" if name == "a" else "a"
        wanted = real[other].value_counts(normalize=True)
        for share in (0.0, 1.1):  # chosen, and not
            monkeypatch.setattr("skdeep.adversarial.conditions._FREQUENT", share)
            made = rolled.sample(4000, conditions=conditions)
            assert len(made) == 4000
            assert (made[name] == conditions[name]).all() and made["c"].isin([0, 1]).all()
            found = made[other].value_counts(normalize=True).reindex(wanted.index).fillna(0)
            np.testing.assert_allclose(found, wanted, atol=0.05)


def test_intervals_hold_to_the_last_bit(known, gan):
    made = gan.sample(500, conditions={"size": slice(3.33, 4.44), "count": {2, 3}})
    assert made["size"].between(3.33, 4.44).all() and set(made["count"]) == {2, 3}
    assert (made["size"].round(2) == made["size"]).all()
    assert made["size"].min() < 3.6 and made["size"].max() > 4.2
    real = known.loc[known["size"].between(3.33, 4.44), "size"]
    assert ks_2samp(made["size"], real).statistic < 0.25
    days = pd.Interval(pd.Timestamp("2024-03-01"), pd.Timestamp("2024-03-04"), closed="left")
    made = gan.sample(
        200, conditions={"day": days, "even": pd.Interval(100, 300, closed="neither")}
    )
    assert set(made["day"]) == set(pd.date_range("2024-03-01", "2024-03-03"))
    assert made["even"].between(102, 298).all() and (made["even"] % 2 == 0).all()
    made = gan.sample(50, conditions={"gaps": {1.25, np.nan}})
    assert made["gaps"].isna().any() and set(made["gaps"].dropna()) <= {1.25}


def test_restrictions_in_a_fixed_order(known):
    fixed = TabularGAN(order="fixed", **LIGHT, random_state=0).fit(known)
    made = fixed.sample(300, conditions={"size": slice(2, 3), "kind": {"a", "b"}, "flag": False})
    assert made["size"].between(2, 3).all() and set(made["kind"]) <= {"a", "b"}
    assert not made["flag"].any()
    for method in ("impute", "predict_proba"):
        assert not hasattr(fixed, method)
    with pytest.raises(AttributeError, match="has no attribute 'impute'"):
        fixed.impute(known)


def test_pooled_levels_are_drawn_from_a_set():
    kinds = pd.Series(np.repeat(np.arange(12), np.arange(12, 0, -1) * 4)).astype(str)
    with pytest.warns(UserWarning, match="max_categories=5"):
        gan = TabularGAN(**LIGHT, max_categories=5, random_state=0).fit(pd.DataFrame({"k": kinds}))
    made = gan.sample(300, conditions={"k": {"0", "9", "10"}})["k"]
    assert set(made) == {"0", "9", "10"}
    share = gan.predict_proba(pd.DataFrame({"k": ["0"]}))
    assert share.columns.tolist() == [str(k) for k in range(12)]
    assert share.iloc[0].sum() == pytest.approx(1)


def test_contradictions_are_warned_of():
    rng = np.random.default_rng(0)
    a = rng.choice(["x", "y"], 3000)
    table = pd.DataFrame({"a": a, "b": np.where(a == "x", "u", "v")})
    gan = TabularGAN(hidden_layer_sizes=32, max_iter=80, random_state=0, device="cpu").fit(table)
    with pytest.warns(UserWarning, match="Conditions contradict each other"):
        made = gan.sample(5, conditions={"a": "x", "b": "v"})
    assert (made["b"] == "v").all()
    with pytest.warns(UserWarning, match="Conditions contradict each other"):
        gan.sample(5, conditions={"a": {"x"}, "b": {"v"}})
    gan.sample(5, conditions={"a": "x", "b": "u"})


def test_conditions_that_no_row_meets(known, gan):
    size = known["size"].max()
    with pytest.raises(ValueError, match="column 'size' was between .* cannot be met"):
        gan.sample(2, conditions={"size": size + 1})
    with pytest.raises(ValueError, match="column 'size' cannot be slice"):
        gan.sample(2, conditions={"size": slice(size + 1, None)})
    with pytest.raises(ValueError, match="column 'size' cannot be slice"):
        gan.sample(2, conditions={"size": slice(3, 2)})
    with pytest.raises(ValueError, match="column 'kind' cannot be that: .*'z'"):
        gan.sample(2, conditions={"kind": "z"})
    with pytest.raises(ValueError, match="column 'kind' cannot be .*set is empty"):
        gan.sample(2, conditions={"kind": set()})


def test_imputed_cells_follow_from_the_others(known, gan):
    gaps = known.copy()
    gaps.loc[::3, "size"] = np.nan
    gaps.loc[1::3, "kind"] = np.nan
    gaps.loc[2::3, "day"] = pd.NaT
    filled = gan.impute(gaps)
    pd.testing.assert_series_equal(filled.dtypes, known.dtypes)
    kept = gaps.notna() & known.notna()
    assert (filled[kept] == known[kept]).where(kept, True).all(axis=None)
    assert not filled.isna().any(axis=None)
    assert (filled["kind"] == known["kind"])[1::3].mean() > 0.9
    assert np.corrcoef(filled["size"][::3], known["size"][::3])[0, 1] > 0.9
    drawn = gan.impute(gaps, sample_posterior=True, random_state=1)
    pd.testing.assert_frame_equal(drawn, gan.impute(gaps, sample_posterior=True, random_state=1))
    error = [(t["size"] - known["size"])[::3].std() for t in (filled, drawn)]
    assert error[0] < error[1] < 2 * error[0]


def test_draws_have_the_conditional_distribution(dice, rolled):
    gaps = pd.DataFrame({"a": [None] * 4000, "b": ["u"] * 4000, "c": [1] * 4000})
    drawn = rolled.impute(gaps, sample_posterior=True)
    real = dice[(dice["b"] == "u") & (dice["c"] == 1)]
    assert (drawn["a"] == "x").mean() == pytest.approx((real["a"] == "x").mean(), abs=0.05)


def test_predictions_of_numbers_are_intervals(known, gan):
    p = gan.predict_proba(known[:20], "size")
    assert p.shape[1] > 5 and np.allclose(p.sum(axis=1), 1)
    interval = next(c for c in p if isinstance(c, pd.Interval))
    assert interval.left >= known["size"].min() and interval.right <= known["size"].max()
    middle = np.array([c.mid if isinstance(c, pd.Interval) else c for c in p])
    assert np.corrcoef(p @ middle, known["size"][:20])[0, 1] > 0.9


def test_y_is_predicted():
    X = np.random.RandomState(0).normal(size=(400, 2))
    gan = TabularGAN(hidden_layer_sizes=32, random_state=0, device="cpu").fit(X, X[:, 0] > 0)
    p = gan.predict_proba(X)
    assert set(p.columns) == {False, True} and ((p[True] > 0.5) == (X[:, 0] > 0)).mean() > 0.9
    assert gan.predict_proba(X, 0).shape[0] == 400
    with pytest.raises(ValueError, match="column: there is no column 3 among 3"):
        gan.predict_proba(X, 3)


def test_few_numbers_have_modes_of_their_own():
    ages = np.random.RandomState(0).randint(20, 90, size=(2000, 1))
    light = {"max_iter": 1, "hidden_layer_sizes": 8, "device": "cpu"}
    assert len(TabularGAN(**light).fit(ages).modes_[0]) == 70
    assert len(TabularGAN(order="fixed", **light).fit(ages).modes_[0]) < 70


def test_columns_that_were_always_missing(fitted, table):
    with pytest.raises(ValueError, match="Column 'nothing' was missing in all rows of fit"):
        fitted.impute(table)
    with pytest.raises(ValueError, match="Column 'nothing' was missing in all rows of fit"):
        fitted.predict_proba(table)
    with pytest.raises(ValueError, match="Column 'nothing' is missing in all rows"):
        TabularImputer().fit(table)


def test_imputer(known):
    generator = TabularGAN(**LIGHT)
    gaps = known.copy()
    for name in ("kind", "size", "day", "maybe"):
        gaps[name] = known[name].mask(np.random.default_rng(0).random(len(known)) < 0.2)
    gaps.index = range(5, 405)
    imputer = TabularImputer(generator, random_state=0).fit(gaps)
    filled = imputer.transform(gaps)
    assert not filled.isna().any(axis=None) and filled.index.equals(gaps.index)
    assert imputer.get_feature_names_out().tolist() == list(known.columns)
    pd.testing.assert_frame_equal(filled, imputer.transform(gaps))
    drawn = TabularImputer(generator, sample_posterior=True, random_state=0).fit(gaps)
    assert not drawn.transform(gaps).equals(filled)
    X = np.random.RandomState(0).normal(size=(100, 3))
    X[::4, 1] = np.nan
    out = TabularImputer(generator, random_state=0).fit_transform(X)
    assert out.dtype == X.dtype and not np.isnan(out).any()
    np.testing.assert_array_equal(out[~np.isnan(X)], X[~np.isnan(X)])


def test_imputers_that_cannot_be(known):
    with pytest.raises(NotFittedError):
        TabularImputer().transform(known)
    with pytest.raises(ValueError, match="order='fixed'.* has no method impute"):
        TabularImputer(TabularGAN(order="fixed")).fit(known)
    imputer = TabularImputer(TabularGAN(**LIGHT), random_state=0).fit(known)
    with pytest.raises(ValueError, match="a level that fit did not see"):
        imputer.transform(known.assign(text="new"))


def test_cells_of_another_type_than_in_fit():
    table = pd.DataFrame({"n": np.arange(40) % 7, "x": np.arange(40) * 1.5})
    table["small"] = (table["n"] % 3).astype("int8")
    imputer = TabularImputer(TabularGAN(**LIGHT), random_state=0).fit(table)
    for name, value, why in (
        ("n", 2.5, "2.5 is not an integer"),
        ("n", 1e300, r"1e\+300 is not between -9223372036854775808 and 9223372036854775807"),
        ("small", 300, "300 is not between -128 and 127, as values of type int8 are"),
    ):
        row = table[:1].astype(object).assign(**{"x": np.nan, name: value})
        with pytest.raises(
            ValueError, match=f"Column '{name}' has another type than in fit: {why}"
        ):
            imputer.transform(row)


def test_files_hold_any_order(known, gan, tmp_path):
    save(gan, tmp_path / "gan.skdeep")
    again = load(tmp_path / "gan.skdeep")
    pd.testing.assert_frame_equal(again.sample(20), gan.sample(20))
    pd.testing.assert_frame_equal(again.impute(known), gan.impute(known))
