"""Synthetic rows of the rarer classes."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from generator_data import LIGHT, mixed_table
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from skdeep import GANOverSampler, TabularGAN

pytestmark = [
    # The data of the checks are tiny: validation splits are refused, generators hardly trained.
    pytest.mark.filterwarnings("ignore:early_stopping=True has no effect"),
    pytest.mark.filterwarnings("ignore:The generator has collapsed"),
]


def imbalanced(n=200, rare=30):
    rng = np.random.RandomState(0)
    X = np.concatenate([rng.normal(0, 1, (n, 2)), rng.normal(4, 1, (rare, 2))])
    return X, np.repeat(["many", "few"], [n, rare])


def sampler(**params):
    generator = TabularGAN(order="fixed", max_iter=60, hidden_layer_sizes=16, device="cpu")
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
        (lambda y: 3, "expected the callable to return a dict, got int"),
    ],
)
def test_strategies_of_no_kind(strategy, message):
    with pytest.raises(ValueError, match=message):
        sampler(sampling_strategy=strategy).fit(*imbalanced())
    assert sampler(sampling_strategy=1).fit(*imbalanced()).sampling_strategy_ == {"few": 170}
