"""Levels, classes and parameters of the kinds that tables hold, and files of earlier versions."""

import datetime
import decimal
import fractions
import uuid
import zoneinfo
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from skdeep import MLPClassifier, RealMLPClassifier, TabMRegressor
from skdeep.persistence import load, save

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N = 40
DAY = datetime.date(2024, 2, 28)
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
DAYS = [i % 5 for i in range(N)]


def again(model, folder):
    save(model, folder / "model")
    return load(folder / "model")


LEVELS = {
    "interval": lambda: pd.cut(np.linspace(0, 1, N), 4),
    "date": lambda: [DAY + datetime.timedelta(i) for i in DAYS],
    "decimal": lambda: pd.Categorical([decimal.Decimal(i) / 4 for i in DAYS]),
    "timestamp": lambda: pd.Categorical(pd.date_range("2024", periods=5)[DAYS]),
    "timestamp with a zone": lambda: pd.Categorical(
        pd.date_range("2024-10-26", periods=5, tz="Europe/Berlin")[DAYS]
    ),
    "period": lambda: pd.Categorical(pd.period_range("2024-01", periods=5, freq="M")[DAYS]),
    "duration": lambda: pd.Categorical(pd.to_timedelta(DAYS, unit="h")),
    "time": lambda: pd.Categorical([datetime.time(i) for i in DAYS]),
    "uuid": lambda: pd.Categorical([uuid.UUID(int=i) for i in DAYS]),
    "bool": lambda: pd.Categorical([i > 2 for i in DAYS]),
    "bytes": lambda: pd.Categorical([b"%d" % i for i in DAYS]),
    "tuple": lambda: pd.Categorical([(i, "a") for i in DAYS]),
}


@pytest.mark.parametrize("kind", LEVELS)
def test_levels(kind, tmp_path):
    X = pd.DataFrame({"z": np.linspace(0, 1, N), "level": LEVELS[kind]()})
    y = np.arange(N) % 2
    model = RealMLPClassifier((4,), max_iter=1, random_state=0, device="cpu").fit(X, y)
    loaded = again(model, tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


VALUES = [
    DAY,
    datetime.datetime(2024, 10, 27, 2, 30, 1, 7, fold=1),
    datetime.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=BERLIN),
    datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC),
    datetime.datetime(1, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=-3))),
    datetime.timezone(datetime.timedelta(hours=2), "there"),
    datetime.time(1, 2, 3, 4),
    datetime.timedelta(-1, 2, 3),
    decimal.Decimal("1.10"),
    decimal.Decimal("-Infinity"),
    fractions.Fraction(-1, 3),
    uuid.UUID(int=7),
    pd.Timestamp("2024-01-01 00:00:00.123456789"),
    pd.Timestamp("1600-01-01").as_unit("s"),
    pd.Timestamp("2024-10-27 02:30", tz="UTC").tz_convert(BERLIN),
    pd.Timedelta(1, "ns"),
    pd.Period("2024-02", "M"),
    pd.Period("2024-02-01 03:00", "h"),
    pd.Interval(0, 1.5, closed="both"),
    pd.Interval(pd.Timestamp(0), pd.Timestamp(1)),
    pd.Int64Dtype(),
    pd.DatetimeTZDtype("ns", "Europe/Berlin"),
    pd.PeriodDtype("D"),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda v: f"{type(v).__name__} {v}")
def test_values(value, tmp_path):
    step = FunctionTransformer(kw_args={"value": value, value: 1})
    held = again(step, tmp_path).kw_args
    assert held == step.kw_args
    assert type(held["value"]) is type(value) and str(held["value"]) == str(value)
    for name in ("unit", "fold", "freqstr", "closed", "tzinfo"):
        assert getattr(held["value"], name, None) == getattr(value, name, None)


def test_missing_values_are_the_only_ones(tmp_path):
    values = {"values": [pd.NaT, pd.NA, None]}
    held = again(FunctionTransformer(kw_args=values), tmp_path).kw_args["values"]
    assert all(a is b for a, b in zip(held, values["values"]))


SEEDS = [0, np.random.MT19937(0), np.random.SFC64(0)]


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: type(seed).__name__)
def test_generators_go_on(seed, tmp_path):
    rng = np.random.default_rng(seed)
    rng.random(5)
    rng.integers(9, dtype=np.int32)
    held = again(FunctionTransformer(kw_args={"rng": rng}), tmp_path).kw_args["rng"]
    assert held.integers(9, size=9, dtype=np.int32).tolist() == (
        rng.integers(9, size=9, dtype=np.int32).tolist()
    )
    assert held.random(9).tolist() == rng.random(9).tolist()


def test_arrays_of_lists(tmp_path):
    items = np.empty(2, object)
    items[:] = [[1, 2], [3, 4]]
    held = again(FunctionTransformer(kw_args={"items": items}), tmp_path).kw_args["items"]
    assert held.shape == (2,) and held.tolist() == items.tolist()


def test_columns_by_their_types(tmp_path):
    X = pd.DataFrame({"size": np.arange(N) / N, "color": ["red", "blue"] * (N // 2)})
    columns = ColumnTransformer(
        [
            (
                "numbers",
                make_pipeline(SimpleImputer(), StandardScaler()),
                make_column_selector(dtype_include=np.number),
            ),
            ("colors", OneHotEncoder(), make_column_selector(dtype_exclude=np.number)),
        ]
    )
    mlp = MLPClassifier((3,), max_iter=2, random_state=0, device="cpu")
    model = make_pipeline(columns, mlp).fit(X, np.arange(N) % 2)
    loaded = again(model, tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    loaded.fit(X, np.arange(N) % 2)


DATA = Path(__file__).with_name("data")


@pytest.mark.filterwarnings("ignore:Trying to unpickle")
def test_files_of_version_1_open(tmp_path):
    rows = pd.DataFrame(
        {
            "size": [1.764, 0.4, 0.979, np.nan, 1.868],
            "color": ["green", "blue", "red", "blue", "green"],
            "weight": [-0.044, -0.363, -0.012, 0.042, 1.959],
        }
    )
    model = load(DATA / "realmlp_v1.skdeep")
    assert model.classes_.tolist() == ["big", "small"]
    np.testing.assert_allclose(
        model.predict_proba(rows)[:, 0],
        [0.7586239576, 0.5867704153, 0.7324484586, 0.5110902786, 0.679006338],
        rtol=1e-5,
    )
    assert "compile" not in model.get_params()  # a parameter of that version, since removed
    assert vars(model)["compile"] is False and "compile" not in vars(clone(model))
    save(model, tmp_path / "again.skdeep")
    again = load(tmp_path / "again.skdeep")
    np.testing.assert_array_equal(again.predict_proba(rows), model.predict_proba(rows))
    pipeline = load(DATA / "pipeline_v1.skdeep")
    numbers = rows[["size", "weight"]].fillna(0.5).to_numpy()
    np.testing.assert_allclose(
        pipeline.predict_proba(numbers)[:, 0],
        [0.6848886134, 0.5756101406, 0.6807988359, 0.6358865754, 0.7667082066],
        rtol=1e-5,
    )


def test_regressor_for_frames(tmp_path):
    X = pd.DataFrame({"z": np.linspace(0, 1, N), "level": pd.cut(np.linspace(0, 1, N), 3)})
    model = TabMRegressor(max_iter=1, random_state=0, device="cpu").fit(X, np.arange(N) / N)
    np.testing.assert_array_equal(again(model, tmp_path).predict(X), model.predict(X))
