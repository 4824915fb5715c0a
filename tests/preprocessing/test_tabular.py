"""TabularEncoder: scales, levels, weights, bad input."""

import numpy as np
import pandas as pd
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdeep.preprocessing import TabularEncoder
from skdeep.preprocessing.columns import weighted_quantiles


@parametrize_with_checks([TabularEncoder(), TabularEncoder(numeric="quantile")])
def test_sklearn_checks(estimator, check):
    check(estimator)


@pytest.fixture
def table():
    rng = np.random.RandomState(0)
    n = 60
    return pd.DataFrame(
        {
            "number": rng.normal(50, 10, n),
            "gaps": np.where(rng.uniform(size=n) < 0.2, np.nan, rng.uniform(size=n)),
            "two": rng.randint(0, 2, n) * 5 + 1,
            "text": rng.choice(["x", "y", "z"], n),
            "flag": rng.uniform(size=n) < 0.3,
            "many": pd.Categorical(rng.choice([f"l{i:02d}" for i in range(12)], n)),
            "constant": 3.0,
            "empty": np.nan,
        }
    )


def test_layout(table):
    encoder = TabularEncoder().fit(table)
    Z = encoder.transform(table)
    names = encoder.get_feature_names_out().tolist()
    assert names == [
        *("number", "gaps", "two", "gaps_missing", "text_x", "text_y", "text_z", "flag_True"),
        "many",
    ]
    assert Z.dtype == np.float32
    assert Z.shape == (60, 9)
    assert (encoder.n_numeric_, encoder.n_plain_, encoder.cardinalities_) == (2, 6, [13])
    assert np.isfinite(Z).all()
    assert abs(Z[:, :8]).max() < 3


def test_robust_scale_is_the_papers():
    x = np.array([0.0, 1.0, 2.0, 3.0, 100.0])
    Z = TabularEncoder().fit_transform(x[:, None])[:, 0]
    scaled = (x - 2) / (3 - 1)
    np.testing.assert_allclose(Z, scaled / np.sqrt(1 + (scaled / 3) ** 2), rtol=1e-6)


def test_half_the_range_where_quartiles_agree():
    x = np.array([0.0] * 9 + [4.0, 1.0])
    Z = TabularEncoder().fit_transform(x[:, None])[:, 0]
    np.testing.assert_allclose(Z[9], 2 / np.sqrt(1 + 4 / 9), rtol=1e-6)


def test_normal_scores():
    x = np.random.RandomState(0).exponential(size=3000)
    Z = TabularEncoder(numeric="quantile").fit_transform(x[:, None])[:, 0]
    assert abs(Z.mean()) < 0.02
    assert abs(Z.std() - 1) < 0.02
    assert (np.diff(Z[np.argsort(x)]) >= 0).all()


@pytest.mark.parametrize("numeric", ["robust", "quantile"])
def test_weight_two_is_a_row_twice(table, numeric):
    rng = np.random.RandomState(1)
    weight = rng.randint(0, 4, len(table))
    twice = table.iloc[np.repeat(np.arange(len(table)), weight)]
    a = TabularEncoder(numeric=numeric).fit(table, sample_weight=weight)
    b = TabularEncoder(numeric=numeric).fit(twice)
    np.testing.assert_array_equal(a.get_feature_names_out(), b.get_feature_names_out())
    np.testing.assert_array_equal(a.transform(table), b.transform(table))


def test_weighted_quantiles_of_repeated_rows():
    rng = np.random.RandomState(0)
    X, weight = rng.normal(size=(30, 2)), rng.randint(0, 5, 30)
    X[3, 0] = np.nan
    levels = [0, 0.1, 0.25, 0.5, 0.9, 1]
    got = weighted_quantiles(X, levels, weight)
    repeated = np.repeat(X, weight, axis=0)
    expected = np.nanquantile(repeated, levels, axis=0, method="averaged_inverted_cdf")
    np.testing.assert_allclose(got, expected)


def test_unseen_levels_and_new_gaps_are_encoded(table):
    encoder = TabularEncoder().fit(table)
    new = table.iloc[:3].copy()
    new["text"] = ["w", None, "x"]
    new["many"] = pd.Categorical(["new", None, "l03"])
    new["number"] = np.nan
    Z = encoder.transform(new)
    names = encoder.get_feature_names_out().tolist()
    assert Z[:2, names.index("many")].tolist() == [0, 0]
    assert Z[2, names.index("many")] > 0
    assert (Z[:, names.index("number")] == 0).all()
    np.testing.assert_array_equal(Z[0, 4:7], Z[1, 4:7])
    assert Z[2, names.index("text_x")] > Z[0, names.index("text_x")]


def test_small_and_large_frames_agree(table):
    table = pd.concat([table] * 3, ignore_index=True)
    encoder = TabularEncoder().fit(table)
    Z = encoder.transform(table)
    for row in (0, 17):
        np.testing.assert_array_equal(encoder.transform(table.iloc[[row]]), Z[[row]])


def test_categories_as_text_are_the_same(table):
    encoder = TabularEncoder().fit(table)
    as_text = table.assign(many=table["many"].astype(str))
    np.testing.assert_array_equal(encoder.transform(as_text), encoder.transform(table))


def test_integers_wider_than_float32():
    x = 2**40 + np.arange(50)
    Z = TabularEncoder().fit_transform(pd.DataFrame({"id": x}))[:, 0]
    assert len(np.unique(Z)) == 50


def test_categorical_features(table):
    names = ["two", "text", "flag", "many"]
    mask = [c in names for c in table]
    places = [list(table).index(c) for c in names]
    reference = TabularEncoder(categorical_features=names).fit(table).transform(table)
    for chosen in (mask, places):
        Z = TabularEncoder(categorical_features=chosen).fit_transform(table)
        np.testing.assert_array_equal(Z, reference)
    X = np.array([[1, "a"], [2, "b"], [4, "a"]], dtype=object)
    assert TabularEncoder(categorical_features=[1]).fit_transform(X).shape == (3, 2)
    with pytest.raises(ValueError, match="not a valid feature name"):
        TabularEncoder(categorical_features=["nothing"]).fit(table)
    with pytest.raises(ValueError, match="boolean mask must have shape"):
        TabularEncoder(categorical_features=[True, False]).fit(table)
    with pytest.raises(ValueError, match=r"must be in \[0, n_features - 1\]"):
        TabularEncoder(categorical_features=[99]).fit(table)


def test_bad_columns_are_named(table):
    encoder = TabularEncoder().fit(table)
    dates = table.assign(when=pd.Timestamp("2020-01-01"))
    with pytest.raises(ValueError, match="'when' holds dates"):
        TabularEncoder().fit(dates)
    with pytest.raises(ValueError, match="infinity.*'number'"):
        TabularEncoder().fit(table.assign(number=np.inf))
    with pytest.raises(ValueError, match="'number' is not numeric"):
        encoder.transform(table.assign(number="high"))
    with pytest.raises(ValueError, match="'text' held text in fit"):
        encoder.transform(table.assign(text=1.5))
    with pytest.raises(ValueError, match="feature names should match"):
        encoder.transform(table[table.columns[::-1]])


def test_nothing_but_constants():
    Z = TabularEncoder().fit_transform(pd.DataFrame({"a": [1.0, 1.0], "b": ["x", "x"]}))
    assert Z.tolist() == [[0.0], [0.0]]


def test_ten_thousand_levels():
    levels = np.array([f"user {i}" for i in range(10_000)])
    table = pd.DataFrame({"user": np.repeat(levels, 2)})
    encoder = TabularEncoder().fit(table)
    assert encoder.cardinalities_ == [10_001]
    assert encoder.transform(table)[:, 0].max() == 10_000


def test_pandas_output(table):
    out = TabularEncoder().set_output(transform="pandas").fit_transform(table)
    assert list(out)[:2] == ["number", "gaps"]


def test_polars(table):
    pl = pytest.importorskip("polars")
    kept = table[["number", "gaps", "text", "flag"]]
    encoder = TabularEncoder().fit(kept)
    np.testing.assert_array_equal(encoder.transform(pl.from_pandas(kept)), encoder.transform(kept))
