"""Predictions for rows on disk, written to a file."""

import sys

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

from skdeep import Autoencoder, MLPClassifier
from skdeep.scale import DiskRows, write_predictions

dataset = pytest.importorskip("pyarrow.dataset")
pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer. Maximum iterations")

SHORT = {"max_iter": 2, "random_state": 0, "device": "cpu"}
rng = np.random.RandomState(0)
FRAME = pd.DataFrame(rng.normal(size=(500, 3)), columns=list("abc"))
LABELS = np.where(FRAME["a"] > 0, "yes", "no")


@pytest.fixture(scope="module")
def clf():
    return MLPClassifier(**SHORT).fit(FRAME, LABELS)


@pytest.fixture
def rows(tmp_path):
    FRAME.assign(label=LABELS).to_parquet(tmp_path / "rows.parquet", row_group_size=90)
    return tmp_path / "rows.parquet"


@pytest.mark.parametrize("buffer_rows", [40, "auto"])
def test_tables(clf, rows, tmp_path, buffer_rows):
    out = tmp_path / "out.parquet"
    write_predictions(clf, DiskRows(rows, buffer_rows=buffer_rows), out)
    written = pd.read_parquet(out)
    assert list(written.columns) == ["prediction"]
    assert_array_equal(written["prediction"], clf.predict(FRAME))
    write_predictions(clf, DiskRows(rows, buffer_rows=buffer_rows), out, method="predict_proba")
    written = pd.read_parquet(out)
    assert list(written.columns) == ["no", "yes"]
    assert_allclose(written, clf.predict_proba(FRAME), rtol=1e-6)


def test_arrays(clf, rows, tmp_path):
    out = tmp_path / "out.npy"
    write_predictions(clf, DiskRows(rows, buffer_rows=40), out, method="predict_proba")
    assert_allclose(np.load(out), clf.predict_proba(FRAME), rtol=1e-6)
    np.save(tmp_path / "x.npy", FRAME.to_numpy())
    coder = Autoencoder((2,), **SHORT).fit(FRAME.to_numpy())
    write_predictions(coder, tmp_path / "x.npy", str(out), method="transform")
    assert_allclose(np.load(out), coder.transform(FRAME.to_numpy()), rtol=1e-5)
    write_predictions(coder, tmp_path / "x.npy", tmp_path / "codes.parquet", method="transform")
    written = pd.read_parquet(tmp_path / "codes.parquet")
    assert list(written.columns) == list(coder.get_feature_names_out())


@pytest.mark.parametrize("end", ["npy", "parquet"])
def test_what_stood_there_stays_until_all_is_written(rows, tmp_path, end, monkeypatch):
    out = tmp_path / f"out.{end}"
    out.write_text("of before")
    model = MLPClassifier(**SHORT).fit(FRAME, np.arange(500) % 2)
    calls = []

    def predict(X):
        calls.append(len(X))
        if len(calls) == 3:
            raise OSError("No space left on device")
        return np.zeros(len(X))

    monkeypatch.setattr(model, "predict", predict, raising=False)
    with pytest.raises(OSError, match="No space left"):
        write_predictions(model, DiskRows(rows, buffer_rows=40), out)
    assert out.read_text() == "of before"
    assert sorted(path.name for path in tmp_path.iterdir()) == [out.name, "rows.parquet"]


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files as Linux does")
@pytest.mark.parametrize("end", ["npy", "parquet"])
def test_disk_full(clf, rows, tmp_path, end):
    import resource
    import signal

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError):
            write_predictions(clf, rows, tmp_path / f"out.{end}", method="predict_proba")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.parquet"]


def test_the_rows_themselves_are_not_written_over(clf, rows, tmp_path):
    content = rows.read_bytes()
    given = [rows, str(rows), [rows], tmp_path, DiskRows(rows), dataset.dataset(rows)]
    for X in given:
        with pytest.raises(ValueError, match="is one of the files of X: expected another one"):
            write_predictions(clf, X, tmp_path / "." / rows.name)
    np.save(tmp_path / "x.npy", FRAME.to_numpy())
    coder = Autoencoder((2,), **SHORT).fit(FRAME.to_numpy())
    for X in (tmp_path / "x.npy", DiskRows(np.load(tmp_path / "x.npy", mmap_mode="r"))):
        with pytest.raises(ValueError, match="is one of the files of X"):
            write_predictions(coder, X, tmp_path / "x.npy", method="transform")
    assert rows.read_bytes() == content


def test_bad_arguments(clf, rows, tmp_path):
    with pytest.raises(ValueError, match=r"out.csv'?: expected one that ends in '.parquet' or"):
        write_predictions(clf, rows, tmp_path / "out.csv")
    with pytest.raises(ValueError, match="X is of type DataFrame: expected rows on disk"):
        write_predictions(clf, FRAME, tmp_path / "out.npy")
    with pytest.raises(ValueError, match=r"dtype <U3: expected numbers, or a path that ends in"):
        write_predictions(clf, rows, tmp_path / "out.npy")
    with pytest.raises(AttributeError, match="transform"):
        write_predictions(clf, rows, tmp_path / "out.npy", method="transform")
    with pytest.raises(NotFittedError):
        write_predictions(MLPClassifier(), rows, tmp_path / "out.npy")
    assert [path.name for path in tmp_path.iterdir()] == ["rows.parquet"]
