"""Synthetic rows of mixed tables."""

import numpy as np
import pandas as pd
import pytest
from generator_data import LIGHT, mixed_table
from scipy.integrate import trapezoid
from sklearn.base import clone
from sklearn.callback import ScoringMonitor
from sklearn.exceptions import NotFittedError

from skdeep import TabularGAN
from skdeep.metrics import closest_record_share, column_shapes, pair_trends

pytestmark = [
    # The data of the checks are tiny: validation splits are refused, generators hardly trained.
    pytest.mark.filterwarnings("ignore:early_stopping=True has no effect"),
    pytest.mark.filterwarnings("ignore:The generator has collapsed"),
]


def test_made_rows_have_the_types_of_the_real_ones(table, fitted):
    made = fitted.sample(300)
    assert list(made.columns) == list(table.columns)
    pd.testing.assert_series_equal(made.dtypes, table.dtypes)
    assert (made["size"].round(2) == made["size"]).all()
    assert (made["even"] % 2 == 0).all()
    assert (made["day"] == made["day"].dt.normalize()).all()
    assert made["nothing"].isna().all()
    for name in ("gaps", "text", "maybe"):
        assert 0 < made[name].isna().mean() < 0.4
    for name in ("size", "gaps", "count", "even", "day"):
        assert made[name].min() >= table[name].min() and made[name].max() <= table[name].max()
    assert set(made["kind"]) <= {"a", "b", "c"}


def test_made_rows_keep_the_rules(table, fitted):
    made = fitted.sample(2000)
    assert column_shapes(table, made).mean() > 0.93
    assert pair_trends(table, made).to_numpy().mean() > 0.9
    means = made.groupby("kind", observed=True)["size"].mean()
    assert means["a"] < 1.5 and 2.5 < means["b"] < 5.5 and means["c"] > 7.5
    share, expected = closest_record_share(made, table, mixed_table(seed=1))
    assert share < expected + 0.1


def test_same_seed_same_rows(table, fitted):
    pd.testing.assert_frame_equal(fitted.sample(50), fitted.sample(50))
    pd.testing.assert_frame_equal(
        fitted.sample(50, random_state=3), fitted.sample(50, random_state=3)
    )
    assert not fitted.sample(50).equals(fitted.sample(50, random_state=3))
    again = clone(fitted).fit(table)
    pd.testing.assert_frame_equal(fitted.sample(50), again.sample(50))


def test_conditions_hold_exactly_and_the_rest_follows(fitted):
    made = fitted.sample(200, conditions={"kind": "c"})
    assert (made["kind"] == "c").all() and made["size"].median() > 7
    made = fitted.sample(200, conditions={"size": 9.37})  # a later column decides about earlier
    assert (made["size"] == 9.37).all() and (made["kind"] == "c").mean() > 0.9
    made = fitted.sample(2, conditions={"kind": ["a", "b"], "day": pd.Timestamp("2024-03-01")})
    assert made["kind"].tolist() == ["a", "b"]
    assert (made["day"] == pd.Timestamp("2024-03-01")).all()
    assert fitted.sample(3, conditions={"gaps": np.nan})["gaps"].isna().all()


def test_conditional_rows_have_the_conditional_distribution():
    """Bayes' rule by hand, on two columns of two levels."""
    table = pd.DataFrame({"a": list("xxxxxxyyyy") * 200, "b": list("uuuvvvuvvv") * 200})
    gan = TabularGAN(hidden_layer_sizes=64, random_state=0, device="cpu").fit(table)
    p = np.exp(gan.score_samples(pd.DataFrame({"a": list("xxyy"), "b": list("uvuv")})))
    np.testing.assert_allclose(p.sum(), 1.0, rtol=1e-5)
    np.testing.assert_allclose(p, [0.3, 0.3, 0.1, 0.3], atol=0.03)
    made = gan.sample(4000, conditions={"b": "u"})
    np.testing.assert_allclose((made["a"] == "x").mean(), 0.3 / (0.3 + 0.1), atol=0.03)


@pytest.mark.parametrize(
    "conditions, message",
    [
        ({"colour": "red"}, "there is no column 'colour'"),
        ({"kind": "unused"}, "a level that fit did not see"),
        ({"kind": "d"}, "column 'kind' cannot be that"),
        ({"text": "d"}, "a level that fit did not see"),
        ({"size": 1e6}, "was between .* so that 1000000.0 cannot be met"),
        ({"size": np.nan}, "has missing values, but had none in fit"),
        ({"size": "large"}, "column 'size' cannot be that"),
        ({"kind": ["a", "b"]}, "2 values for n_samples=3"),
        ({"kind": {"a", "unused"}}, "a level that fit did not see"),
        ({"kind": set()}, "column 'kind' cannot be set.*: the set is empty"),
        ({"kind": slice("a", "b")}, "it holds levels, of which there are no intervals"),
        ({"size": slice(4, 2)}, "slice.* no value of fit lies in that interval"),
        ({"size": slice(1e6, None)}, "no value of fit lies in that interval"),
        ({"count": pd.Interval(2, 3, closed="neither")}, "no value of fit lies in that interval"),
        ({"count": slice(1, 5, 2)}, "a step is not supported"),
        ({"day": slice(3, 4)}, "held instants in fit"),
        ({"size": {1e6, 2.0}}, "was between .* cannot be met"),
        ({"nothing": slice(0, 1)}, "no value of fit lies in that interval"),
        ({"count": 2.5}, "2.5 is not an integer"),
        ({"day": 3}, "held instants in fit"),
        ("kind", "conditions='kind': expected a dict"),
        (3, "conditions=3: expected a dict"),
        (["kind"], "expected a dict"),
        ({("kind",): "a"}, "there is no column"),
    ],
)
def test_conditions_that_cannot_be_met(fitted, conditions, message):
    with pytest.raises(ValueError, match=message):
        fitted.sample(3, conditions=conditions)


@pytest.mark.parametrize("n_samples", [0, -1, 2.5, True, "a", None])
def test_number_of_samples(fitted, n_samples):
    with pytest.raises(ValueError, match=f"n_samples={n_samples!r}: expected an integer"):
        fitted.sample(n_samples)


def test_density_sums_to_one():
    """Of a number, over a fine grid."""
    x = np.random.RandomState(0).normal(size=(600, 1))
    gan = TabularGAN(max_iter=10, hidden_layer_sizes=8, random_state=0, device="cpu").fit(x)
    grid = np.linspace(x.min(), x.max(), 20001)[:, None]
    density = np.exp(gan.score_samples(grid))
    np.testing.assert_allclose(trapezoid(density, grid[:, 0]), 1.0, atol=0.02)
    assert gan.score_samples([[1e9]])[0] == gan.score_samples([[x.max()]])[0]


def test_y_is_the_last_column():
    X = np.random.RandomState(0).normal(size=(200, 2)).astype(np.float32)
    y = (X[:, 0] > 0).astype(int)
    gan = TabularGAN(hidden_layer_sizes=32, random_state=0, device="cpu").fit(X, y)
    made = gan.sample(300)
    assert made.shape == (300, 3) and set(made[:, 2]) == {0, 1}
    assert ((made[:, 0] > 0) == made[:, 2]).mean() > 0.9
    assert gan.score(X, y) != gan.score(X)
    assert (gan.sample(5, conditions={2: 1})[:, 2] == 1).all()
    frame = pd.DataFrame(X, columns=["a", "b"])
    assert list(clone(gan).fit(frame, pd.Series(y, name="z")).sample().columns) == ["a", "b", "z"]


def test_arrays_keep_their_type():
    ints = np.random.RandomState(0).randint(0, 5, size=(100, 2))
    assert TabularGAN(**LIGHT).fit(ints).sample(3).dtype == ints.dtype
    texts = np.array([["a", 1.5], ["b", 2.5]] * 50, dtype=object)
    made = TabularGAN(**LIGHT).fit(texts).sample(20)
    assert made.dtype == object and set(made[:, 0]) == {"a", "b"} and set(made[:, 1]) == {1.5, 2.5}


def test_identifiers_and_many_levels_are_warned_of():
    n = 300
    names = pd.DataFrame({"id": [f"n{i}" for i in range(n)], "x": np.arange(n) % 7})
    with pytest.warns(UserWarning, match="Column 'id' has a different value in each"):
        made = TabularGAN(**LIGHT).fit(names).sample(200)
    assert set(made["id"]) <= set(names["id"])
    with pytest.warns(UserWarning, match="Column 'no' has a different value in each"):
        TabularGAN(**LIGHT).fit(pd.DataFrame({"no": np.arange(n), "x": np.arange(n) % 7}))
    many = pd.DataFrame({"k": pd.Series(np.arange(n) % 120).astype(str)})
    with pytest.warns(UserWarning, match="has 120 levels.*max_categories=20"):
        gan = TabularGAN(**LIGHT, max_categories=20).fit(many)
    assert len(gan.modes_[0]) == 21
    assert gan.sample(500)["k"].nunique() > 60
    np.testing.assert_allclose(
        np.exp(gan.score_samples(pd.DataFrame({"k": many["k"].unique()}))).sum(), 1.0, rtol=1e-5
    )


def test_bad_tables():
    gan = TabularGAN(**LIGHT)
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        gan.fit(pd.DataFrame({"a": [1.0]}))
    with pytest.raises(ValueError, match="infinity.*column 'a'"):
        gan.fit(pd.DataFrame({"a": [1.0, np.inf, 2.0]}))
    with pytest.raises(ValueError, match="several columns of the name 'a'"):
        gan.fit(pd.DataFrame(np.zeros((9, 2)), columns=["a", "a"]))
    with pytest.raises(NotFittedError):
        gan.sample()
    with pytest.raises(ValueError, match="warm_up"):
        TabularGAN(warm_up=2.0).fit([[1.0], [2.0]])


def test_held_out_rows_choose_the_epochs(table):
    play = {"order": "fixed", "warm_up": 0.8, "early_stopping": True, "device": "cpu"}
    gan = TabularGAN(max_iter=20, hidden_layer_sizes=64, random_state=0, **play).fit(table)
    scores = gan.validation_scores_
    assert len(scores) == gan.n_iter_ == len(gan.loss_curve_)
    assert gan.n_iter_warm_up_ <= 16
    assert len(gan.critic_loss_curve_) == gan.n_iter_ - gan.n_iter_warm_up_ > 0
    assert gan.score(mixed_table(seed=2)) > gan.set_params(warm_up=0.05, max_iter=1).fit(
        table
    ).score(mixed_table(seed=2))


def test_columns_of_any_order_stop_together(table):
    options = {"hidden_layer_sizes": 32, "learning_rate_init": 0.02, "device": "cpu"}
    gan = TabularGAN(max_iter=40, early_stopping=True, n_iter_no_change=3, **options)
    gan.set_params(random_state=0).fit(table)
    assert 3 < len(gan.validation_scores_) == gan.n_iter_ < 40
    assert np.argmax(gan.validation_scores_) < gan.n_iter_ - 1


def test_small_tables_have_a_limit_of_epochs(table):
    short = TabularGAN(hidden_layer_sizes=2, random_state=0, device="cpu").fit(table[:40])
    assert short.n_iter_ == 60


def test_scoring_monitor_hears_of_each_epoch(table):
    monitor = ScoringMonitor(scoring={"density": lambda gan, X, y: gan.score(X, y)})
    X, y = table[["size", "count"]], table["kind"]  # scikit-learn's monitor wants a y
    gan = TabularGAN(**LIGHT, random_state=0).set_callbacks(monitor).fit(X, y)
    scores = [
        entry["density"] for entry in monitor.get_logs().data if entry["task_name"] == "epoch"
    ]
    assert len(scores) == gan.n_iter_ == 5 and np.isfinite(scores).all()


def test_max_time_ends_training(table):
    gan = TabularGAN(max_iter=100_000, max_time=1.0, random_state=0, device="cpu").fit(table)
    assert gan.n_iter_ < 100_000
    assert np.isfinite(gan.score(table))


def test_diverging_training_is_an_error(table):
    gan = TabularGAN(max_iter=6, learning_rate_init=1e30, early_stopping=False, device="cpu")
    with pytest.raises(ValueError, match=r"non-finite.*learning_rate_init=1e\+30"):
        gan.fit(table)


@pytest.mark.parametrize("name, y_name", [("a", "a"), ("target", None)])
def test_y_may_not_bear_the_name_of_a_column(name, y_name):
    X = pd.DataFrame({name: np.arange(20.0), "b": np.arange(20) % 3})
    y = pd.Series(np.arange(20) % 2, name=y_name)
    with pytest.raises(ValueError, match=f"y is called '{name}' in synthetic rows, as a column"):
        TabularGAN(max_iter=1).fit(X, y)
