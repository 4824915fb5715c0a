"""Generators of rows and pictures, and what stands on them."""

import datetime
import warnings
from decimal import Decimal

import checks
import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.callback import ScoringMonitor
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdeep import GANOutlierDetector, GANOverSampler, ImageGAN, TabularGAN
from skdeep.metrics import closest_record_share, column_shapes, pair_trends

pytestmark = [
    # The data of the checks are tiny: validation splits are refused, generators hardly trained.
    pytest.mark.filterwarnings("ignore:early_stopping=True has no effect"),
    pytest.mark.filterwarnings("ignore:The generator has collapsed"),
]

LIGHT = {"max_iter": 5, "n_bins": 8, "hidden_layer_sizes": 16, "device": "cpu"}
ESTIMATORS = [
    TabularGAN(**LIGHT),
    TabularGAN(**LIGHT, loss="wgan-gp", pac=2, warm_up=0.4, early_stopping=False),
    GANOutlierDetector(hidden_layer_sizes=32, max_iter=60, search_steps=3, device="cpu"),
    GANOutlierDetector(
        "lstm", hidden_layer_sizes=8, max_iter=15, search_steps=2, contamination=0.1, device="cpu"
    ),
    GANOverSampler(generator=TabularGAN(**LIGHT)),
]


@parametrize_with_checks(ESTIMATORS)
def test_sklearn_checks(estimator, check):
    check(estimator)


OWN_CHECKS = [
    checks.check_same_seed_same_bits,
    checks.check_global_state_untouched,
    checks.check_pickle_round_trip,
    checks.check_pickle_holds_no_rows,
    checks.check_threads,
    checks.check_inputs_unchanged,
    checks.check_failed_fit_keeps_model,
    checks.check_init_only_stores,
]


@pytest.mark.parametrize("check", OWN_CHECKS, ids=lambda c: c.__name__)
@pytest.mark.parametrize("estimator", [ESTIMATORS[0], ESTIMATORS[2]], ids=repr)
def test_own_checks(estimator, check):
    if check is checks.check_failed_fit_keeps_model and isinstance(estimator, GANOutlierDetector):
        pytest.skip("y is not looked at; see test_bad_windows")
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS[:3], ids=repr)
def test_read_only_memmap(estimator, tmp_path):
    checks.check_read_only_memmap(estimator, tmp_path)


@pytest.mark.parametrize("cls", [GANOverSampler, ImageGAN])
def test_init_only_stores(cls):
    checks.check_init_only_stores(cls())


# --- TabularGAN -----------------------------------------------------------------------------


def mixed_table(n=400, seed=0):
    """Every type that a column can have, with rules between them."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(["a", "b", "c"], size=n, p=[0.5, 0.3, 0.2])
    size = np.select([kind == "a", kind == "b"], [0.0, 4.0], 9.0) + rng.normal(size=n)
    gaps = size.copy()
    gaps[rng.random(n) < 0.2] = np.nan
    return pd.DataFrame(
        {
            "kind": pd.Categorical(kind, categories=["a", "b", "c", "unused"]),
            "size": size.round(2),
            "gaps": gaps,
            "count": rng.poisson(3, size=n),
            "even": 2 * rng.integers(0, 1000, size=n),
            "flag": size > 3,
            "text": pd.Series(kind, dtype=object).where(rng.random(n) > 0.1, None),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 365, n), "D"),
            "maybe": pd.array(np.where(rng.random(n) < 0.1, None, rng.integers(0, 9, n)), "Int64"),
            "nothing": np.full(n, np.nan),
        }
    )


@pytest.fixture(scope="module")
def table():
    return mixed_table()


@pytest.fixture(scope="module")
def fitted(table):
    return TabularGAN(hidden_layer_sizes=32, random_state=0, device="cpu").fit(table)


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
    gan = TabularGAN(hidden_layer_sizes=16, random_state=0, device="cpu").fit(table)
    p = np.exp(gan.score_samples(pd.DataFrame({"a": list("xxyy"), "b": list("uvuv")})))
    np.testing.assert_allclose(p.sum(), 1.0, rtol=1e-5)
    np.testing.assert_allclose(p, [0.3, 0.3, 0.1, 0.3], atol=0.03)
    made = gan.sample(4000, conditions={"b": "u"})
    np.testing.assert_allclose((made["a"] == "x").mean(), p[0] / (p[0] + p[2]), atol=0.03)


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
        ({"kind": {"a"}}, "column 'kind' cannot be that"),
        ({"count": 2.5}, "2.5 is no integer"),
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
    np.testing.assert_allclose(np.trapezoid(density, grid[:, 0]), 1.0, atol=0.02)
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
    gan = TabularGAN(max_iter=20, hidden_layer_sizes=64, random_state=0, device="cpu").fit(table)
    scores = gan.validation_scores_
    assert len(scores) == gan.n_iter_ == len(gan.loss_curve_)
    assert gan.n_iter_warm_up_ <= 16
    assert len(gan.critic_loss_curve_) == gan.n_iter_ - gan.n_iter_warm_up_ > 0
    assert gan.score(mixed_table(seed=2)) > gan.set_params(warm_up=0.05, max_iter=1).fit(
        table
    ).score(mixed_table(seed=2))


def test_the_play_brings_a_poor_generator_nearer_to_the_data():
    """Without its likelihood term the generator can only learn from the critic."""
    from skdeep.adversarial.tabular_play import RowPlay

    rng = np.random.RandomState(0)
    table = pd.DataFrame({"a": rng.choice(list("xyz"), size=600, p=[0.7, 0.2, 0.1])})
    gan = TabularGAN(**LIGHT, random_state=0).fit(table)
    net = gan.net_
    with torch.no_grad():
        net.module_.generator.nets[0].bias.zero_()
    net.resume()
    noise = torch.Generator().manual_seed(0)
    x = torch.as_tensor(gan.modes_[0].encode(table["a"]), dtype=torch.float32)[:, None]
    play = RowPlay(
        net.module_.generator,
        net.module_.critic,
        lambda p, t: -p.sum(1),
        "relativistic",
        0.1,
        noise,
    )

    def without_likelihood(batch):
        value = play.generator_loss(batch)
        return value + net.module_.generator(batch[0]).sum(1).mean()

    from skdeep import engine

    for optimizer in net.flat_optimizers_:
        optimizer.learning_rate = 0.01
    step = engine.TwoPlayerStep(without_likelihood, play.critic_loss, *net.flat_optimizers_)
    with torch.no_grad():
        for _ in range(150):
            step((x, None, None))
    share = torch.softmax(net.module_.generator.nets[0].bias, 0).detach().numpy()
    wanted = table["a"].value_counts(normalize=True)[gan.modes_[0].levels].to_numpy()
    np.testing.assert_allclose(share, wanted, atol=0.1)


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


# --- GANOverSampler -------------------------------------------------------------------------


def imbalanced(n=200, rare=30):
    rng = np.random.RandomState(0)
    X = np.concatenate([rng.normal(0, 1, (n, 2)), rng.normal(4, 1, (rare, 2))])
    return X, np.repeat(["many", "few"], [n, rare])


def sampler(**params):
    generator = TabularGAN(max_iter=60, hidden_layer_sizes=16, device="cpu")
    return GANOverSampler(generator=generator, random_state=0, **params)


def test_oversampling_balances_the_classes():
    X, y = imbalanced()
    X_more, y_more = sampler().fit_resample(X, y)
    assert X_more.shape == (400, 2) and X_more.dtype == X.dtype
    np.testing.assert_array_equal(X_more[: len(X)], X)
    np.testing.assert_array_equal(y_more[: len(y)], y)
    assert (y_more[len(y) :] == "few").all()
    assert np.median(X_more[len(X) :]) > 2.5
    np.testing.assert_array_equal(X_more, sampler().fit_resample(X, y)[0])


@pytest.mark.parametrize(
    "strategy, made",
    [
        ("minority", {"few": 170}),
        ("not minority", {}),
        ("all", {"few": 170}),
        (0.5, {"few": 70}),
        ({"few": 40, "many": 210}, {"few": 10, "many": 10}),
        (lambda y: {"few": 31}, {"few": 1}),
    ],
)
def test_sampling_strategies(strategy, made):
    assert sampler(sampling_strategy=strategy).fit(*imbalanced()).sampling_strategy_ == made


@pytest.mark.parametrize(
    "strategy, message",
    [
        ({"none": 5}, "the class 'none' is not in y"),
        ({"few": 5}, "5 rows of class 'few' are fewer than the 30"),
        (0.1, "20 rows of class 'few' are fewer than the 30"),
        ("some", "sampling_strategy"),
    ],
)
def test_bad_sampling_strategies(strategy, message):
    with pytest.raises(ValueError, match=message):
        sampler(sampling_strategy=strategy).fit(*imbalanced())


def test_oversampling_refuses_single_classes_and_rows():
    X, _ = imbalanced()
    with pytest.raises(ValueError, match="more than 1 class. Got 1 class"):
        sampler().fit_resample(X, np.zeros(len(X), dtype=int))
    y = np.r_[1, np.zeros(len(X) - 1, dtype=int)]
    with pytest.raises(ValueError, match="Class 1 has a single row"):
        sampler().fit_resample(X, y)


def test_oversampling_keeps_frames():
    table = mixed_table(150).drop(columns=["nothing"])
    y = pd.Series(np.where(table["kind"] == "c", 1, 0), name="y")
    X_more, y_more = sampler().fit_resample(table, y)
    pd.testing.assert_series_equal(X_more.dtypes, table.dtypes)
    assert y_more.name == "y" and y_more.dtype == y.dtype
    assert y_more.value_counts().nunique() == 1


def test_oversampling_keeps_kinds_of_targets():
    X, y = imbalanced()
    X_more, y_more = sampler().fit_resample(X, y)
    lists = sampler().fit_resample(X.tolist(), y.tolist())
    assert all(isinstance(made, list) for made in lists)
    np.testing.assert_allclose(lists[0], X_more)
    assert lists[1] == y_more.tolist()
    _, frame = sampler().fit_resample(X, pd.DataFrame({"kind": y}))
    assert frame.columns.tolist() == ["kind"] and frame["kind"].tolist() == y_more.tolist()
    fitted = sampler().fit(pd.DataFrame(X, columns=["a", "b"]), y)
    assert fitted.get_feature_names_out().tolist() == ["a", "b"]


def test_oversampling_in_a_pipeline_of_imbalanced_learn():
    """Rows are made in `fit` alone: from the training folds of a search, never from test rows."""
    pipeline = pytest.importorskip("imblearn.pipeline")
    X, y = imbalanced()
    seen = []

    class Counting(LogisticRegression):
        def fit(self, X, y):
            seen.append(np.unique(y, return_counts=True)[1].tolist())
            return super().fit(X, y)

    pipe = pipeline.Pipeline([("more", sampler()), ("clf", Counting())]).fit(X, y)
    assert seen == [[200, 200]]
    assert pipe.predict(X).shape == y.shape
    search = GridSearchCV(pipe, {"more__sampling_strategy": ["auto", 0.5]}, cv=2, refit=False)
    search.fit(X, y)
    assert seen[1:] == [[100, 100]] * 2 + [[50, 100]] * 2


def imbalanced_learns_checks(estimator):
    """The checks of imbalanced-learn for a sampler, with the seed that its own samplers have in
    its tests: three of them compare two calls."""
    try:
        from imblearn.utils.estimator_checks import estimator_checks_generator
    except ImportError:
        return []
    checks_ = list(estimator_checks_generator(estimator))
    assert len(checks_) > 10
    return [pytest.param(e, c, id=getattr(c, "func", c).__name__) for e, c in checks_]


@pytest.mark.parametrize(
    "estimator, check",
    imbalanced_learns_checks(GANOverSampler(generator=TabularGAN(**LIGHT), random_state=42)),
)
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore:Column")
def test_checks_of_imbalanced_learn(estimator, check):
    check(estimator)


@pytest.mark.slow
@pytest.mark.parametrize(
    "estimator, check", imbalanced_learns_checks(GANOverSampler(random_state=42))
)
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore:Column")
def test_checks_of_imbalanced_learn_at_the_defaults(estimator, check):
    check(estimator)


def test_a_sampler_for_the_tools_of_imbalanced_learn():
    base = pytest.importorskip("imblearn.base")
    assert base.is_sampler(GANOverSampler())


@pytest.mark.parametrize("kind", ["array", "frame", "list", "sparse"])
def test_a_column_for_each_class(kind):
    X, names = imbalanced()
    y = np.column_stack([names == "many", names == "few", np.zeros(len(X))]).astype(int)
    if kind == "frame":
        y = pd.DataFrame(y, columns=["many", "few", "none"])
    given = {"list": y.tolist() if kind == "list" else y, "sparse": sparse.csr_matrix(y)}
    y = given.get(kind, y)
    _, more = sampler().fit_resample(X, y)
    assert type(more) is type(y)
    more = more.toarray() if kind == "sparse" else np.asarray(more)
    assert more.sum(0).tolist() == [200, 200, 0] and (more.sum(1) == 1).all()
    with pytest.raises(ValueError, match="not exactly one 1"):
        sampler().fit_resample(X, np.ones((len(X), 3), dtype=int))


def test_oversampling_keeps_sparse_columns():
    X, y = imbalanced()
    table = pd.DataFrame(X, columns=["a", "b"])
    table.insert(2, "s", pd.arrays.SparseArray(np.where(X[:, 0] > 1, 1.5, 0.0)))
    more, _ = sampler().fit_resample(table, y)
    assert more.dtypes.tolist() == table.dtypes.tolist()
    assert more.columns.tolist() == ["a", "b", "s"] and len(more) == 400
    made = TabularGAN(**LIGHT).fit(table).sample(5)
    assert made.dtypes.tolist() == table.dtypes.tolist()


def polars_table(pl, n=120):
    rng = np.random.default_rng(0)
    s = rng.integers(0, 6, n)
    first = datetime.date(2024, 3, 1)
    days = [first + datetime.timedelta(days=int(v)) for v in rng.integers(0, 90, n)]
    return pl.DataFrame(
        {
            "count": [None if v == 0 else 2**60 + int(v) for v in s],
            "large": pl.Series([2**64 - 1 - int(v) for v in s], dtype=pl.UInt64),
            "day": days,
            "noon": pl.Series(days)
            .dt.combine(datetime.time(12))
            .dt.replace_time_zone("Europe/Oslo"),
            "naive": pl.Series(days).cast(pl.Datetime("ms")),
            "size": pl.Series([str(v % 3) for v in s], dtype=pl.Enum(["0", "1", "2"])),
            "kind": pl.Series([str(v % 2) for v in s], dtype=pl.Categorical),
            "price": pl.Series([Decimal(int(v)) / 4 for v in s], dtype=pl.Decimal(12, 2)),
            "wait": [datetime.timedelta(seconds=int(v)) for v in s],
            "clock": [datetime.time(int(v)) for v in s],
            "flag": [None if v == 1 else bool(v % 2) for v in s],
            "text": [None if v == 2 else f"t{v}" for v in s],
            "x": rng.normal(size=n),
            "y": pl.Series(rng.normal(size=n), dtype=pl.Float32),
            "nothing": pl.Series([None] * n, dtype=pl.Float64),
        }
    )


def test_frames_of_polars_keep_their_schema():
    pl = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    table = polars_table(pl)
    y = np.arange(len(table)) % 4 == 0
    more, labels = sampler().fit_resample(table, pl.Series("y", y))
    assert more.schema == table.schema and len(more) == len(labels) == 180
    assert more[: len(table)].equals(table) and labels.dtype == pl.Boolean
    made = TabularGAN(**LIGHT).fit(table).sample(50, conditions={"size": "1"})
    assert made.schema == table.schema and (made["size"] == "1").all()
    assert (made["noon"].dt.hour() == 12).all()
    assert made["large"].is_in(table["large"].implode()).all()
    with_target = TabularGAN(**LIGHT).fit(table, pl.Series("z", y)).sample(4)
    assert with_target.columns == [*table.columns, "z"]


class Lazy:
    """What a frame of another library looks like."""

    columns, dtypes, ndim = ["a"], [float], 2
    shape = property(lambda self: 1 / 0)


@pytest.mark.parametrize("fit", [TabularGAN().fit, lambda X: sampler().fit(X, [0, 1])])
def test_frames_of_other_libraries(fit):
    with pytest.raises(TypeError, match="Lazy: expected a DataFrame of pandas or polars"):
        fit(Lazy())


@pytest.mark.parametrize(
    "strategy, message",
    [
        ({"few": 40.5}, "expected an integer of rows for each class, got 40.5"),
        (lambda y: 3, "expected the callable to return a dict, got 3"),
    ],
)
def test_strategies_of_no_kind(strategy, message):
    with pytest.raises(ValueError, match=message):
        sampler(sampling_strategy=strategy).fit(*imbalanced())
    assert sampler(sampling_strategy=1).fit(*imbalanced()).sampling_strategy_ == {"few": 170}


# --- ImageGAN -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    return data.images[:300], data.target[:300]


SMALL = {"channels": (8, 4), "max_iter": 2, "random_state": 0, "device": "cpu"}


@pytest.mark.parametrize("recipe", ["r3gan", "dcgan"])
def test_pictures_of_any_layout(digits, recipe):
    images, _ = digits
    gan = ImageGAN(recipe, **SMALL)
    made = gan.fit(images).sample(5)
    assert made.shape == (5, 8, 8) and made.dtype == images.dtype
    assert made.min() >= images.min() and made.max() <= images.max()
    bytes_ = (images * 15).astype(np.uint8)
    assert gan.fit(bytes_).sample(5).dtype == np.uint8
    colour = np.repeat(images[:, :7, :, None], 3, axis=3)  # of an odd height
    assert gan.fit(colour).sample(2).shape == (2, 7, 8, 3)
    first = ImageGAN(recipe, data_format="channels_first", **SMALL)
    assert first.fit(colour.transpose(0, 3, 1, 2)).sample(2).shape == (2, 3, 7, 8)
    flat = ImageGAN(recipe, image_shape=(8, 8), **SMALL).fit(images.reshape(-1, 64))
    assert flat.sample(4).shape == (4, 64)
    assert flat.n_iter_ == len(flat.loss_curve_) == len(flat.critic_loss_curve_) == 2


def test_pictures_without_labels_are_made_by_clusters():
    """As often as there are: four dark pictures to a bright one."""
    rng = np.random.RandomState(0)
    images = rng.uniform(0, 0.2, (400, 8, 8))
    images[::5] += 0.8
    quick = {**SMALL, "max_iter": 40, "batch_size": 32, "learning_rate_init": 0.005, "ema": 0.9}
    gan = ImageGAN(n_clusters=2, **quick).fit(images)
    assert not hasattr(gan, "classes_")
    made = gan.sample(500)  # without clusters: no bright one among them
    assert abs(np.mean(made.mean((1, 2)) > 0.5) - 0.2) < 0.06
    assert gan.interpolate(3).shape == (3, 8, 8)
    with pytest.raises(ValueError, match="y was given, but fit had none"):
        gan.sample(1, y=0)
    with pytest.raises(ValueError, match="n_clusters=5: expected at most .* images, 4"):
        ImageGAN(n_clusters=5).fit(images[:4])
    alike = ImageGAN(n_clusters=3, **SMALL).fit(np.ones((6, 8, 8)))  # there are no clusters
    assert alike.sample(2).shape == (2, 8, 8)


def test_pictures_of_classes(digits):
    images, y = digits
    names = np.array([f"d{i}" for i in y])
    gan = ImageGAN(**SMALL).fit(images, names)
    made, labels = gan.sample(3, y=["d1", "d7", "d1"])
    assert made.shape == (3, 8, 8) and labels.tolist() == ["d1", "d7", "d1"]
    _, labels = gan.sample(50)
    assert len(set(labels)) > 4
    first, second = gan.sample(2, y="d3"), gan.sample(2, y="d3")
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(gan.sample(4)[0], clone(gan).fit(images, names).sample(4)[0])
    way = gan.interpolate(6, y="d3")
    assert way.shape == (6, 8, 8)
    steps = np.abs(np.diff(way, axis=0)).mean((1, 2))
    assert steps.max() < np.abs(way[0] - way[-1]).mean()


@pytest.mark.slow
def test_made_digits_teach_a_classifier():
    from sklearn.svm import SVC

    X, y = load_digits(return_X_y=True)
    images = X.reshape(-1, 8, 8)
    gan = ImageGAN(channels=(32, 16), max_iter=40, random_state=0, device="cpu")
    made, labels = gan.fit(images[:1200], y[:1200]).sample(1500)
    assert SVC().fit(made.reshape(len(made), -1), labels).score(X[1200:], y[1200:]) > 0.8


def test_bad_pictures(digits):
    images, y = digits
    gan = ImageGAN(**SMALL)
    with pytest.raises(ValueError, match="rows with their image_shape"):
        gan.fit(images.reshape(-1, 64))
    with pytest.raises(ValueError, match=r"image_shape=\(8, 9\).*number of features, 64"):
        ImageGAN(image_shape=(8, 9)).fit(images.reshape(-1, 64))
    with pytest.raises(ValueError, match="y has one class"):
        gan.fit(images, np.zeros(len(images)))
    with pytest.raises(ValueError, match="contains NaN"):
        gan.fit(np.where(images > 10, np.nan, images))
    with pytest.raises(ValueError, match="channels must be > 0"):
        ImageGAN(channels=(8, 0)).fit(images)
    with pytest.raises(NotFittedError):
        gan.sample()
    gan.fit(images, y)
    with pytest.raises(ValueError, match=r"labels that fit did not see: \[11\]"):
        gan.sample(2, y=11)
    with pytest.raises(ValueError, match="3 labels for n_samples=2"):
        gan.sample(2, y=[1, 2, 3])
    with pytest.raises(ValueError, match="n_samples=0"):
        gan.sample(0)
    with pytest.raises(ValueError, match="n_steps=1"):
        gan.interpolate(1)
    with pytest.raises(ValueError, match="fit had none"):
        gan.fit(images).sample(2, y=1)


def test_held_out_pictures_choose_the_epoch(digits):
    images, _ = digits
    gan = ImageGAN(**{**SMALL, "max_iter": 4}, early_stopping=True).fit(images)
    assert len(gan.validation_scores_) == 4
    assert gan.best_validation_score_ == max(gan.validation_scores_) < 0


@pytest.mark.filterwarnings("default:The generator has collapsed")
def test_a_generator_that_makes_one_picture_is_reported(digits):
    weak = ImageGAN("dcgan", **{**SMALL, "max_iter": 1}, learning_rate_init=1e-12)
    with pytest.warns(ConvergenceWarning, match="The generator has collapsed: its samples vary 0"):
        weak.fit(digits[0])


def test_pictures_survive_a_pickle(digits):
    import pickle

    gan = ImageGAN(**SMALL).fit(*digits)
    again = pickle.loads(pickle.dumps(gan))
    np.testing.assert_array_equal(gan.sample(3)[0], again.sample(3)[0])


# --- GANOutlierDetector ---------------------------------------------------------------------


def test_outliers_off_a_plane():
    rng = np.random.RandomState(0)
    a = rng.normal(size=(300, 2))
    X = np.hstack([a, a @ [[1.0, -1.0], [0.5, 2.0]]]) + 0.01 * rng.normal(size=(300, 4))
    odd = np.column_stack(
        [rng.permutation(x) for x in X.T]
    )  # each column as before, the plane gone
    detector = GANOutlierDetector(latent_size=2, max_iter=300, random_state=0, device="cpu")
    scores = detector.fit(X[:200]).score_samples(np.concatenate([X[200:], odd]))
    assert roc_auc_score(np.repeat([1, 0], [100, 300]), scores) > 0.9
    np.testing.assert_array_equal(
        detector.predict(odd), np.where(detector.decision_function(odd) < 0, -1, 1)
    )
    flagged = clone(detector).set_params(contamination=0.2, max_iter=20).fit(X[:200])
    assert (flagged.predict(X[:200]) == -1).sum() == 40


def test_the_search_improves_on_the_encoder():
    X = load_digits().data[:150]
    detector = GANOutlierDetector(max_iter=30, search_steps=0, random_state=0, device="cpu").fit(X)
    start = detector.score_samples(X)
    searched = detector.set_params(search_steps=10).score_samples(X)
    assert (searched >= start - 1e-12).all() and searched.mean() > start.mean()


def sensor(n, seed, anomalies=()):
    rng = np.random.RandomState(seed)
    t = np.arange(n)
    series = np.sin(2 * np.pi * t / 16) + 0.05 * rng.normal(size=n)
    for start in anomalies:
        series[start : start + 12] = series[start]
    return series


def windows(series, length=32):
    return np.lib.stride_tricks.sliding_window_view(series, length)


def test_anomalies_of_a_series_by_window_and_by_step():
    train, test = windows(sensor(500, 0))[::3], windows(sensor(300, 1, [100, 200]))[::4]
    detector = GANOutlierDetector(
        "lstm",
        hidden_layer_sizes=32,
        latent_size=4,
        max_iter=250,
        search_steps=5,
        learning_rate_init=0.003,
        random_state=0,
        device="cpu",
    ).fit(train)
    steps = detector.score_steps(test, stride=4)
    assert steps.shape == ((len(test) - 1) * 4 + 32,)
    is_odd = np.zeros(len(steps), dtype=bool)
    for start in (100, 200):
        is_odd[start : start + 12] = True
    assert roc_auc_score(~is_odd, steps) > 0.9
    shaped = detector.score_samples(test[:, :, None])
    np.testing.assert_allclose(shaped, detector.score_samples(test), rtol=1e-9)


def test_bad_windows():
    detector = GANOutlierDetector("lstm", hidden_layer_sizes=4, max_iter=2, device="cpu")
    two = np.random.RandomState(0).normal(size=(20, 6, 2))
    detector.fit(two)
    with pytest.raises(ValueError, match=r"windows of shape \(5, 2\), but fit had \(6, 2\)"):
        detector.score_samples(two[:, :5])
    with pytest.raises(ValueError, match="dim <= 3"):
        detector.fit(two[..., None])
    before = detector.score_samples(two)
    with pytest.raises(ValueError, match="contains NaN"):
        detector.fit(two * np.nan)
    np.testing.assert_array_equal(detector.score_samples(two), before)
    dense = GANOutlierDetector(max_iter=2, device="cpu").fit(two[:, :, 0])
    for stride in (0, None, "a", 1.5):
        with pytest.raises(ValueError, match=f"stride={stride!r}: expected an integer"):
            detector.score_steps(two, stride=stride)
    with pytest.raises(ValueError, match="need network='lstm'"):
        dense.score_steps(two[:, :, 0])


def test_no_warning_of_collapse_in_a_good_fit():
    X = np.random.RandomState(0).normal(size=(200, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        GANOutlierDetector(max_iter=100, random_state=0, device="cpu").fit(X)


# --- files ----------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", [ESTIMATORS[0], ESTIMATORS[2], ImageGAN(**SMALL)], ids=repr)
def test_files_without_code(estimator, tmp_path, digits):
    pytest.importorskip("safetensors")
    from skdeep.persistence import load, save

    X = mixed_table(60) if isinstance(estimator, TabularGAN) else digits[0][:60]
    X = X.reshape(60, -1) if isinstance(estimator, GANOutlierDetector) else X
    fitted = clone(estimator).set_params(random_state=0).fit(X)
    save(fitted, tmp_path / "model.skdeep")
    again = load(tmp_path / "model.skdeep")
    if hasattr(fitted, "score_samples"):
        np.testing.assert_array_equal(again.score_samples(X), fitted.score_samples(X))
    if hasattr(fitted, "sample"):
        assert str(again.sample(3)) == str(fitted.sample(3))


# --- numbers of extreme size, interrupts --------------------------------------------------------


@pytest.mark.parametrize("network", ["dense", "lstm"])
def test_outliers_of_any_size_are_outliers(network):
    X = np.random.RandomState(0).normal(size=(60, 6))
    detector = GANOutlierDetector(
        network, hidden_layer_sizes=8, max_iter=10, search_steps=1, random_state=0, device="cpu"
    ).fit(X)
    far = detector.score_samples([np.full(6, 1e3), np.full(6, 1e200), np.full(6, -1e308)])
    assert np.isfinite(far).all() and far.max() < detector.score_samples(X).min()
    large = clone(detector).fit(X * 1e300).score_samples(X * 1e300)
    np.testing.assert_allclose(large, detector.score_samples(X), rtol=1e-3)


def test_pictures_far_from_zero_or_large(digits):
    images = digits[0][:60]
    near = ImageGAN(**SMALL).fit(images).sample(4)
    far = ImageGAN(**SMALL).fit(images / 16 + 1e9).sample(4)
    np.testing.assert_allclose(far - 1e9, near / 16, atol=1e-6)
    large = ImageGAN(**SMALL).fit(images * 1e60).sample(4)
    np.testing.assert_allclose(large / 1e60, near, rtol=1e-3, atol=1e-3)
    with pytest.raises(ValueError, match="up to 1.6e.301, too large"):
        ImageGAN(**SMALL).fit(images * 1e300)
    with pytest.raises(ValueError, match="too large for images of int64"):
        ImageGAN(**SMALL).fit((images * 2**58).astype(np.int64))
    assert np.isfinite(ImageGAN(**SMALL).fit(np.full((6, 8, 8), 1e60)).sample()).all()


@pytest.mark.parametrize("y", [{"a": 1}, [1, 2, {}], "d", [[1], [2], [3]], None])
def test_classes_of_no_kind(digits, y):
    gan = ImageGAN(**SMALL).fit(digits[0][:60], digits[1][:60])
    if y is None:
        assert gan.sample(3, y=y)[0].shape == (3, 8, 8)
        return
    with pytest.raises(ValueError, match="labels that fit did not see"):
        gan.sample(3, y=y)
    with pytest.raises(ValueError, match="random_state=-1: "):
        gan.sample(3, random_state=-1)


@pytest.mark.parametrize(
    "estimator",
    [
        TabularGAN(**{**LIGHT, "max_iter": 20}, random_state=0),
        ImageGAN(**{**SMALL, "max_iter": 20}),
        GANOutlierDetector(hidden_layer_sizes=8, max_iter=20, device="cpu", random_state=0),
    ],
    ids=repr,
)
def test_interrupt_before_anything_is_finished_keeps_the_old_model(estimator, monkeypatch):
    X = load_digits().images[:40]
    X = X if isinstance(estimator, ImageGAN) else X.reshape(40, -1)[:, 20:24]
    old = estimator.fit(X).net_

    def interrupted(self):
        raise KeyboardInterrupt

    monkeypatch.setattr("skdeep.engine.training.Training._one_pass", interrupted)
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(X)
    assert estimator.net_ is old and not old.module_.training
    with pytest.warns(UserWarning, match="interrupted by user"):
        assert clone(estimator).fit(X).n_iter_ == 1


@pytest.mark.parametrize("cls", [TabularGAN, GANOutlierDetector])
def test_interrupt_ends_all_of_the_training(cls, monkeypatch):
    """Not the first of its parts alone."""
    from skdeep.engine.training import Training

    one_pass, n_passes = Training._one_pass, []

    def third_interrupted(self):
        n_passes.append(1)
        if len(n_passes) == 3:
            raise KeyboardInterrupt
        return one_pass(self)

    monkeypatch.setattr(Training, "_one_pass", third_interrupted)
    X = np.random.RandomState(0).normal(size=(40, 2))
    with pytest.warns(UserWarning, match="interrupted by user"):
        cls(hidden_layer_sizes=8, max_iter=20, random_state=0, device="cpu").fit(X)
    assert len(n_passes) == 3
