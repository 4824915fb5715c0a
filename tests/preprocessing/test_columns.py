"""What the columns of a frame are, whatever they are stored as."""

import datetime
import warnings
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

import skdeep
from skdeep.preprocessing import SequenceVectorizer, SlidingWindow, TabularEncoder

VALUES = np.random.RandomState(0).normal(size=60).round(3)


def frame(column, **more):
    return pd.DataFrame({"a": column, **more})


@pytest.mark.parametrize(
    "make",
    [float, Decimal, Fraction, np.float32, lambda v: Decimal(v) if v > 0 else v],
    ids=["float", "Decimal", "Fraction", "float32", "Decimal and float"],
)
@pytest.mark.parametrize("has_gaps", [False, True])
def test_objects_that_are_numbers_are_numbers(make, has_gaps):
    plain = pd.Series(VALUES).astype(np.float32).astype(float)
    objects = pd.Series([make(v) for v in plain.tolist()], dtype=object)
    if has_gaps:
        plain[3], objects[3], objects[4], plain[4] = np.nan, None, pd.NA, np.nan
    encoder = TabularEncoder().fit(frame(objects))
    assert not encoder.is_categorical_.any()
    expected = TabularEncoder().fit_transform(frame(plain))
    np.testing.assert_array_equal(encoder.transform(frame(objects)), expected)
    np.testing.assert_array_equal(encoder.transform(frame(objects[:5])), expected[:5])
    np.testing.assert_array_equal(encoder.transform(frame(plain)), expected)


def test_decimals_of_arrow_and_polars():
    pa, pl = pytest.importorskip("pyarrow"), pytest.importorskip("polars")
    cells = [Decimal(str(v)) for v in VALUES]
    expected = TabularEncoder().fit_transform(frame(VALUES))
    arrow = frame(pd.Series(cells, dtype=pd.ArrowDtype(pa.decimal128(9, 3))))
    for data in (arrow, pl.DataFrame({"a": cells})):
        np.testing.assert_array_equal(TabularEncoder().fit_transform(data), expected)


def test_whole_numbers_and_truth_values_in_objects():
    whole = frame(pd.Series([1, 2, 3, 5] * 5, dtype=object))
    assert not TabularEncoder().fit(whole).is_categorical_.any()
    truth = frame(pd.Series([True, False, None, np.nan], dtype=object))
    assert TabularEncoder().fit(truth).is_categorical_.all()
    assert TabularEncoder(categorical_features=["a"]).fit(whole).is_categorical_.all()


def test_numbers_and_text_in_one_column_are_warned_of():
    mixed = frame(pd.Series([1.5, "low", 2.5, "n/a"], dtype=object))
    with pytest.warns(UserWarning, match="Column 'a' holds numbers and text"):
        encoder = TabularEncoder().fit(mixed)
    assert encoder.is_categorical_.all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encoder.transform(mixed)
        TabularEncoder(categorical_features=["a"]).fit(mixed)


CODES = pd.Series([1, 2, 3, 2, 1, 3])
KINDS = {
    "text": CODES.astype(str),
    "numbers": CODES.astype("category"),
    "booleans": CODES > 1,
    "dates": pd.Series([datetime.date(2020, 1, d) for d in CODES], dtype=object),
    "times": pd.to_datetime("2020-01-0" + CODES.astype(str)).astype("category"),
    "values of the type Interval": pd.cut(CODES, [0, 1, 2, 3]),
}


@pytest.mark.parametrize("known", KINDS)
@pytest.mark.parametrize("now", KINDS)
@pytest.mark.parametrize("n", [1, 6, 600])
def test_levels_of_another_kind(known, now, n):
    """Equal values are the same level, whatever their type; others of a new kind are refused."""
    encoder = TabularEncoder().fit(frame(KINDS[known]))
    data = frame(pd.concat([KINDS[now]] * 100, ignore_index=True)[:n])
    if known == now:
        assert encoder.transform(data).any()
    elif (known, now, n) == ("booleans", "numbers", 1):
        encoder.transform(data)  # 1 is True
    else:
        with pytest.raises(ValueError, match=f"'a' held {known} in fit, but now has {now}"):
            encoder.transform(data)


@pytest.mark.parametrize("dtype", ["int64", "float64", "Int64", "object", "category"])
def test_levels_of_equal_numbers(dtype):
    encoder = TabularEncoder().fit(frame(CODES.astype("category")))
    expected = encoder.transform(frame(CODES.astype("category")))
    np.testing.assert_array_equal(encoder.transform(frame(CODES.astype(dtype))), expected)


@pytest.mark.parametrize("dtype", ["int64", "float64", "Int64", "int64[pyarrow]", "object"])
def test_text_levels_then_numbers(dtype):
    pytest.importorskip("pyarrow")
    encoder = TabularEncoder().fit(frame(CODES.astype(str)))
    for codes in (CODES.astype(dtype), CODES.astype(dtype).astype("category")):
        with pytest.raises(ValueError, match="'a' held text in fit, but now has numbers"):
            encoder.transform(frame(codes))


def test_missing_and_unused_levels_are_of_no_kind():
    encoder = TabularEncoder().fit(frame(CODES.astype(str)))
    nothing = [[None, np.nan, pd.NA, pd.NaT], pd.Categorical([None] * 4, categories=[1, 2])]
    for cells in nothing:
        data = frame(pd.Series(cells, dtype=object if isinstance(cells, list) else None))
        assert not encoder.transform(data).any()
        assert not encoder.transform(pd.concat([data] * 50)).any()


def test_arrow_dictionaries_are_categories():
    pa = pytest.importorskip("pyarrow")
    text = pd.Series(list("abcab") * 9)
    coded = text.astype(pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string())))
    coded[2] = None
    text[2] = None
    encoder = TabularEncoder().fit(frame(coded))
    expected = TabularEncoder().fit_transform(frame(text))
    for n in (1, 3, 45):
        for data in (coded, text):
            np.testing.assert_array_equal(encoder.transform(frame(data[:n])), expected[:n])


def test_sparse_columns():
    dense = frame(np.where(VALUES > 0, VALUES, 0.0), b=VALUES)
    sparse = dense.astype({"a": pd.SparseDtype(float, 0.0)})
    expected = TabularEncoder().fit_transform(dense)
    np.testing.assert_array_equal(TabularEncoder().fit_transform(sparse), expected)


@pytest.mark.parametrize("cell", [["x"], {"x": 1}, {1}, np.arange(2), (1, [2]), object()])
@pytest.mark.parametrize("n", [3, 100])
def test_cells_that_cannot_be_compared(cell, n):
    column = pd.Series(["x"] * (n - 1) + ["y"], dtype=object)
    encoder = TabularEncoder().fit(frame(column, b=range(n)))
    column[1] = cell
    bad = frame(column, b=range(n))
    for fit in (TabularEncoder().fit, TabularEncoder(categorical_features=["a"]).fit):
        if type(cell) is object and fit.__self__.categorical_features == ["a"]:
            continue  # a level of its own
        with pytest.raises(ValueError, match=f"Column 'a' holds.*{type(cell).__name__}"):
            fit(bad)
    with pytest.raises(ValueError, match="Column 'a' h"):
        encoder.transform(bad)


def test_columns_of_no_use_are_named():
    pa = pytest.importorskip("pyarrow")
    lists = pd.Series([[1]] * 4, dtype=pd.ArrowDtype(pa.list_(pa.int64())))
    records = pd.Series([{"x": 1}] * 4, dtype=pd.ArrowDtype(pa.struct([("x", pa.int64())])))
    columns = {
        "holds a value of the type list": lists,
        "holds a value of the type struct": records,
        "dates or times": pd.Series(pd.period_range("2020", periods=4, freq="M")),
        "times .dtype timedelta": pd.Series(pd.to_timedelta(range(4), "s")),
        "is not numeric": pd.Series(pd.interval_range(0, 4)),
        "of the type complex": pd.Series([1j] * 4),
        "not supported: column 'bad'": pd.Series([1j, 2, 3, 4], dtype=object),
        "large": pd.Series([10**400, 2, 3, 4], dtype=object),
    }
    for words, column in columns.items():
        with pytest.raises(ValueError, match=words) as caught:
            TabularEncoder().fit(frame(range(4), bad=column))
        assert "'bad'" in str(caught.value)


def test_equal_names_and_several_levels_of_names():
    X = pd.DataFrame(np.c_[VALUES, VALUES > 0, VALUES**2])
    with pytest.raises(ValueError, match="several columns of the name 'a'"):
        TabularEncoder().fit(X.set_axis(["a", "b", "a"], axis=1))
    named = X.set_axis(pd.MultiIndex.from_tuples([("a", "x"), ("a", "y"), ("b", "x")]), axis=1)
    expected = TabularEncoder().fit_transform(X)
    np.testing.assert_array_equal(TabularEncoder().fit_transform(named), expected)
    with pytest.raises(ValueError, match=r"column \"\('b', 'x'\)\""):
        TabularEncoder().fit(named.replace(X.iloc[0, 2], np.inf))


ESTIMATORS = [
    skdeep.RealMLPClassifier(max_iter=1, device="cpu"),
    skdeep.TabMClassifier(max_iter=1, device="cpu"),
    skdeep.AutoencoderOutlierDetector(max_iter=1, device="cpu"),
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_frames_that_are_empty_or_not_in_memory(estimator):
    pl = pytest.importorskip("polars")
    X, y = frame(VALUES, b=VALUES > 0), VALUES > 0
    with pytest.raises(ValueError, match="0 sample"):
        estimator.fit(X[:0], y[:0])
    estimator.fit(X, y)
    for empty in (X[:0], pl.from_pandas(X[:0])):
        with pytest.raises(ValueError, match=r"0 sample\(s\) \(shape=\(0, 2\)\)"):
            estimator.predict(empty)
    with pytest.raises(TypeError, match="polars LazyFrame: expected a DataFrame"):
        estimator.predict(pl.from_pandas(X).lazy())


@pytest.mark.parametrize("name", ["TabularGAN", "GANOverSampler"])
def test_cells_that_generators_cannot_make(name):
    y = np.arange(60) % 3 == 0
    short = skdeep.TabularGAN(max_iter=1, device="cpu")
    for cell in ([1], np.arange(2), {1}, object()):
        X = frame(VALUES, bad=pd.Series([cell] * 60, dtype=object))
        with pytest.raises(ValueError, match=r"(?i)column 'bad'"):
            if name == "TabularGAN":
                short.fit(X)
            else:
                skdeep.GANOverSampler(generator=short).fit_resample(X, y)


def test_dask_frames_are_refused():
    dask = pytest.importorskip("dask.dataframe")
    lazy = dask.from_pandas(frame(VALUES), npartitions=2)
    with pytest.raises(TypeError, match=r"dask.* DataFrame.*compute"):
        TabularEncoder().fit(lazy)


@pytest.mark.parametrize(
    ("transformer", "good", "bad"),
    [
        (TabularEncoder(), frame(VALUES), frame([[1], [2]], b=1)),
        (SequenceVectorizer(), ["aa bb", "bb cc"] * 3, ["aa bb", 3]),
        (SlidingWindow(2), VALUES[:, None], np.full((3, 2), np.inf)),
    ],
    ids=lambda t: type(t).__name__,
)
def test_a_fit_that_fails_changes_nothing(transformer, good, bad):
    before = transformer.fit(good).transform(good)
    with pytest.raises((ValueError, TypeError, AttributeError)):
        transformer.fit(bad)
    np.testing.assert_array_equal(transformer.transform(good), before)
