"""Columns of whole numbers, dates and exact decimals come back as values that can exist."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from skdeep.preprocessing.modes import learn_modes
from skdeep.preprocessing.values import described_dtype, dtype_from

RNG = np.random.default_rng(0)
FEW = RNG.integers(0, 40, 300)
DAYS = pd.date_range("2024-01-01", periods=300)
BERLIN = pd.date_range("2024-01-01", periods=300, tz="Europe/Berlin")


def nullable(values, dtype):
    out = pd.Series(values, dtype=dtype)
    out[::7] = None
    return out


def plain_columns():
    yield "beyond_2**53", pd.Series(2**53 + 1 + 2 * FEW)
    yield "hashes", pd.Series(RNG.integers(-(2**63), 2**63 - 1, 25)[FEW % 25])
    yield "uint64", pd.Series(2**64 - 1 - 3 * FEW.astype(np.uint64))
    yield "wide_uint64", pd.Series(RNG.integers(0, 2**64 - 1, 300, dtype=np.uint64))
    yield "UInt64", nullable(2**63 + FEW.astype(np.uint64), "UInt64")
    yield "Int64", nullable(2**60 + 10 * FEW, "Int64")
    yield "Int8", nullable(FEW - 20, "Int8")
    yield "Float32", nullable(FEW / 4, "Float32")
    yield "boolean", nullable(FEW % 2 == 0, "boolean")
    yield "string", nullable([f"k{i}" for i in FEW], "string[python]")
    yield "python_integers", nullable([10**30 + 7 * int(i) for i in FEW], object)
    yield "small_python_integers", nullable([int(i) for i in FEW], object)
    yield "python_decimals", nullable([Decimal(int(i)) / 100 for i in FEW], object)
    yield "many_digits", pd.Series([Decimal(f"{10**34 + int(i)}E-2") for i in FEW], dtype=object)
    yield "python_dates", nullable([d.date() for d in DAYS], object)
    yield "python_instants", pd.Series([d.to_pydatetime() for d in DAYS], dtype=object)
    yield (
        "nanoseconds",
        pd.Series(pd.Timestamp("2024-02-03T04:05:06.123457") + DAYS.diff()[1] * FEW),
    )
    yield "period", pd.Series(pd.period_range("2001-01", periods=300, freq="M"))
    yield (
        "period_with_gaps",
        nullable(pd.period_range("2001-01-01", periods=300, freq="D"), "period[D]"),
    )
    yield "timedelta", pd.Series(pd.to_timedelta(FEW * 1001, "us"))
    yield "berlin", pd.Series(BERLIN)
    yield (
        "berlin_at_nine",
        pd.Series(BERLIN + pd.Timedelta(hours=9))
        .dt.tz_localize(None)
        .dt.floor("D")
        .add(pd.Timedelta(hours=9))
        .dt.tz_localize("Europe/Berlin"),
    )
    yield (
        "hours_in_berlin",
        pd.Series(pd.date_range("2024-10-26", periods=100, freq="h", tz="Europe/Berlin")),
    )
    yield (
        "no_midnight",
        pd.Series(DAYS - pd.Timedelta(days=200)).dt.tz_localize(
            "Africa/Cairo", nonexistent="shift_forward", ambiguous=np.ones(300, bool)
        ),
    )
    yield "categories_of_dates", pd.Series(pd.Categorical(DAYS[FEW]))
    yield "intervals", pd.Series(pd.cut(FEW, 5)).astype("interval[float64, right]")
    yield "sparse", pd.Series(pd.arrays.SparseArray(np.where(FEW > 30, FEW / 2, 0.0)))
    yield "sparse_integers", pd.Series(pd.arrays.SparseArray(np.where(FEW > 30, FEW, 0)))


def arrow_columns():
    try:
        import pyarrow as pa
    except ImportError:
        return

    def arrow(values, kind):
        return nullable(list(values), pd.ArrowDtype(kind))

    yield arrow(2**60 + FEW, pa.int64())
    yield arrow([2**63 + int(i) for i in FEW], pa.uint64())
    yield arrow(FEW, pa.int8())
    yield arrow(FEW / 8, pa.float32())
    yield arrow(FEW > 9, pa.bool_())
    yield arrow([f"k{i}" for i in FEW], pa.large_string())
    yield arrow([b"%d" % i for i in FEW % 5], pa.binary())
    yield arrow([Decimal(int(i)).scaleb(-2) for i in FEW], pa.decimal128(10, 2))
    yield arrow([Decimal(10**40 + int(i)) for i in FEW], pa.decimal256(50, 0))
    yield arrow([d.date() for d in DAYS], pa.date32())
    yield arrow([d.date() for d in DAYS], pa.date64())
    yield arrow(DAYS, pa.timestamp("us"))
    yield arrow(BERLIN, pa.timestamp("ns", "Europe/Berlin"))
    yield arrow([datetime.time(int(i) % 24, 30) for i in FEW], pa.time32("s"))
    yield arrow([datetime.timedelta(seconds=int(i)) for i in FEW], pa.duration("ms"))
    kind = pa.dictionary(pa.int16(), pa.string())
    yield pd.Series(list("abca") * 75, dtype=pd.ArrowDtype(pa.string())).astype(pd.ArrowDtype(kind))


def check_column(values):
    """Every position is a value of the type, in the range, and some are the very values of fit."""
    values = values.rename("c")
    modes = learn_modes(values, 8, 100)
    again = pd.Series(modes.decode(modes.encode(values)), name="c", dtype=values.dtype)
    assert again.dtype == values.dtype
    assert (again.isna() == values.isna()).all()
    everywhere = np.random.default_rng(1).uniform(0, len(modes), 2000)
    made = pd.Series(modes.decode(everywhere), dtype=values.dtype)
    assert made.dtype == values.dtype
    known, made = values.dropna(), made.dropna()
    if not isinstance(values.dtype, (pd.CategoricalDtype, pd.IntervalDtype)) and modes.is_number:
        sparse = isinstance(values.dtype, pd.SparseDtype)
        known, made = (x.sparse.to_dense() if sparse else x for x in (known, made))
        assert min(made) >= min(known) and max(made) <= max(known)
    else:
        assert set(made) <= set(known)
    description = described_dtype(values.dtype)
    assert dtype_from(description) == values.dtype
    return known, made, modes


@pytest.mark.parametrize(
    "name, values", list(plain_columns()), ids=lambda x: x if isinstance(x, str) else ""
)
def test_columns_of_pandas(name, values):
    known, made, _ = check_column(values)
    if name in ("hashes", "wide_uint64"):
        assert set(made) <= set(known)
    if name == "beyond_2**53":
        assert (made % 2 == 1).all()
    if name == "uint64":
        assert all((2**64 - 1 - int(v)) % 3 == 0 for v in made)
    if name in ("python_integers", "python_decimals", "many_digits", "python_dates"):
        assert {type(v) for v in made} == {type(v) for v in known}
    if name == "python_integers":
        assert all((v - 10**30) % 7 == 0 for v in made)
    if name == "many_digits":
        assert all(v * 100 == int(v * 100) for v in made)
    if name == "nanoseconds":
        assert (made.dt.time == known.dt.time.iloc[0]).all()
    if name == "berlin":
        assert (made == made.dt.normalize()).all()
    if name == "berlin_at_nine":
        assert (made.dt.hour == 9).all() and made.nunique() > 100
    if name == "no_midnight":
        assert set(made) <= set(
            pd.Series(
                DAYS[0] - pd.Timedelta(days=200) + pd.to_timedelta(np.arange(300), "D")
            ).dt.tz_localize("Africa/Cairo", nonexistent="shift_forward")
        )


@pytest.mark.parametrize("values", list(arrow_columns()), ids=lambda v: str(v.dtype))
def test_columns_of_arrow(values):
    _, made, _ = check_column(values)
    if "timestamp[ns, tz" in str(values.dtype):
        assert (made.dt.hour == 0).all()
    if "time32" in str(values.dtype):
        assert all(v.minute == 30 for v in made)


def test_values_are_compared_in_the_units_of_fit():
    """Seconds and nanoseconds, integers and floats, wherever the same value stands."""
    instants = pd.Series(DAYS.as_unit("ns"), name="c")
    modes = learn_modes(instants, 8, 8)
    np.testing.assert_array_equal(modes.encode(instants), modes.encode(instants.dt.as_unit("s")))
    big = pd.Series(2**60 + FEW, name="c")
    modes = learn_modes(big, 64, 8)
    np.testing.assert_array_equal(modes.encode(big), modes.encode(big.astype(object)))
    with pytest.raises(ValueError, match="'c' held instants in fit"):
        learn_modes(instants, 8, 8).encode(big)
    with pytest.raises(ValueError, match="'c' held numbers in fit"):
        modes.encode(instants)
    with pytest.raises(ValueError, match="'c' held numbers in fit"):
        modes.encode(pd.Series(["a"], name="c"))


def test_densities_of_exact_columns_are_in_units_of_the_data():
    small = pd.Series(1000 * RNG.integers(0, 10**6, 400), name="c")
    plain, exact = learn_modes(small, 8, 8), learn_modes(small + 2**60, 8, 8)
    got = exact.log_densities(exact.encode(small + 2**60))
    np.testing.assert_allclose(got, plain.log_densities(plain.encode(small)), rtol=1e-6)


@pytest.mark.parametrize(
    "values, message",
    [
        (pd.Series([[1], [2]], name="c"), "'c' has cells that hold no single value"),
        (pd.Series([{"a": 1}, {}], name="c"), "'c' has cells that hold no single value"),
        (pd.Series([1.7e308, -1.7e308], name="c"), "value too large .* column 'c'"),
        (pd.Series([Decimal("Infinity"), Decimal(1)], name="c"), "infinity: column 'c'"),
    ],
)
def test_columns_that_cannot_be_learnt(values, message):
    with pytest.raises(ValueError, match=message):
        learn_modes(values, 8, 8)


def test_large_floats_are_learnt():
    values = pd.Series([1e300, -1e300, 0.5, 3.0] * 10, name="c")
    modes = learn_modes(values, 8, 8)
    assert np.isfinite(modes.scaled_edges()).all()
    np.testing.assert_array_equal(modes.decode(modes.encode(values)), values)
