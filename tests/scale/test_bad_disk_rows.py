"""What is wrong with rows on disk is said, and a fit that raises leaves nothing behind."""

import shutil
import threading

import numpy as np
import pandas as pd
import pytest

from skdeep import GANOutlierDetector, MLPClassifier, MLPRegressor
from skdeep.scale import DiskRows

pytest.importorskip("pyarrow")

N = 2000
MLP = MLPClassifier((8,), max_iter=3, learning_rate="cosine", random_state=0, device="cpu")


@pytest.fixture(scope="module")
def frame():
    rng = np.random.RandomState(0)
    frame = pd.DataFrame(rng.normal(size=(N, 3)), columns=list("abc"))
    return frame.assign(y=rng.randint(0, 3, N), w=1.0)


@pytest.fixture
def path(frame, tmp_path):
    return write(frame, tmp_path / "rows.parquet")


def write(frame, path):
    frame.to_parquet(path, row_group_size=100)
    return path


def refuses(match, X, y="y", *args, error=ValueError, model=MLP, **kwargs):
    model = model.__sklearn_clone__()
    with pytest.raises(error, match=match):
        model.fit(X, y, *args, **kwargs)
    assert not [name for name in vars(model) if name.endswith("_") and not name.startswith("_")]
    assert not [t for t in threading.enumerate() if t.name == "skdeep reads ahead"]


def streamed(path):
    return DiskRows(path, buffer_rows=500)


def test_columns_that_are_not_there(path):
    refuses("y: there is no column 'label' in the rows on disk, 'a', 'b'", path, "label")
    refuses("sample_weight: there is no column 'v'", path, "y", "v")
    refuses("columns: there is no column 'z'", DiskRows(path, columns=["a", "z"]))
    refuses("y_val: there is no column|y: there is no column", path, X_val=path, y_val="z")


def test_features_that_are_targets_too(path):
    text = "'y' is given as y or sample_weight, too. Expected features only"
    refuses(text, DiskRows(path, columns=["a", "y"]))
    refuses("'w' is given as y", DiskRows(path, columns=["a", "w"]), sample_weight="w")
    assert MLP.__sklearn_clone__().fit(DiskRows(path, columns=["a"]), "y").n_features_in_ == 1


def test_text_columns(frame, tmp_path):
    path = write(frame.assign(city="Ulm"), tmp_path / "text.parquet")
    for X in (path, streamed(path)):
        refuses("cannot be turned into an array of numbers.*'city'", X)


def test_zero_rows_and_columns(frame, tmp_path):
    refuses("0 sample", write(frame[:0], tmp_path / "none.parquet"))
    refuses("0 feature", write(frame[["y"]], tmp_path / "y.parquet"))
    (tmp_path / "empty").mkdir()
    refuses("holds no Parquet", tmp_path / "empty")
    refuses("no file", tmp_path / "missing.parquet", error=FileNotFoundError)


def test_missing_values_and_infinity(frame, tmp_path):
    bad = frame.copy()
    bad.loc[1503, "b"] = np.nan
    path = write(bad, tmp_path / "nan.parquet")
    for X in (path, streamed(path)):
        refuses("X contains NaN", X)
    path = write(frame.assign(y=np.where(frame.index == 7, np.nan, frame["a"])), path)
    for X in (path, streamed(path)):
        refuses("y contains NaN", X, model=MLPRegressor(hidden_layer_sizes=(8,)))


def test_weights(frame, tmp_path, path):
    negative = write(frame.assign(w=-1.0), tmp_path / "negative.parquet")
    zero = write(frame.assign(w=0.0), tmp_path / "zero.parquet")
    for kind in (DiskRows, streamed):
        refuses("[Nn]egative", kind(negative), "y", "w")
        refuses("at least one non-zero", kind(zero), "y", "w")
    huge = write(frame.assign(w=1e30), tmp_path / "huge.parquet")
    refuses("largest is 1e\\+30", streamed(huge), "y", "w")
    refuses("X has 2000 rows on disk, sample_weight has 3", path, "y", np.ones(3))


def test_lengths(path, frame):
    refuses("X has 2000 rows on disk, y has 10", path, np.zeros(10))


def test_schema_that_differs(frame, tmp_path):
    first = write(frame, tmp_path / "1.parquet")
    second = write(frame.astype({"b": "float32"}), tmp_path / "2.parquet")
    refuses("2.parquet has the column 'b' as float.*one schema", [first, second])
    second = write(frame.drop(columns="b"), tmp_path / "2.parquet")
    refuses("2.parquet has other columns than the dataset, 'b'", [first, second])
    second = write(frame.assign(d=1), tmp_path / "2.parquet")
    refuses("2.parquet has other columns than the dataset, 'd'", [first, second])


def test_files_cut_short_or_of_another_kind(path, tmp_path):
    content = path.read_bytes()
    short = tmp_path / "short.parquet"
    for n in (0, 10, len(content) // 2, len(content) - 1):
        short.write_bytes(content[:n])
        refuses("damaged or cut short|damaged, cut short", short)
    # The footer is whole, and says what is no longer there.
    footer = 8 + int.from_bytes(content[-8:-4], "little")
    short.write_bytes(content[:1000] + bytes(len(content) - 1000 - footer) + content[-footer:])
    refuses("short.parquet cannot be read", streamed(short))
    array = tmp_path / "rows.npy"
    np.save(array, np.zeros((3, 2)))
    refuses("files of one format", [path, array])


def test_files_that_change_during_the_fit(frame, path, tmp_path):
    """More classes than the first pass saw, or fewer rows."""

    class Swaps:
        def __init__(self, new):
            self.new = new

        def setup(self, estimator, context): ...

        def teardown(self, estimator, context): ...

        def on_fit_task_begin(self, estimator, context):
            if context.task_name == "epoch" and context.task_id == 1:
                shutil.copy(self.new, path)

        def on_fit_task_end(self, estimator, context): ...

    new = write(frame.assign(y=frame["y"] + 1), tmp_path / "new.parquet")
    old = shutil.copy(path, tmp_path / "old.parquet")
    model = MLP.__sklearn_clone__().set_callbacks(Swaps(new))
    with pytest.raises(ValueError, match="has classes not in|cannot be read"):
        model.fit(streamed(path), "y")
    assert not hasattr(model, "classes_")
    shutil.copy(old, path)
    model.set_callbacks(Swaps(write(frame[:1000], tmp_path / "new.parquet")))
    with pytest.raises(ValueError, match="cannot be read|have changed during `fit`"):
        model.fit(streamed(path), "y")


def test_what_does_not_read_from_disk(path):
    refuses("'lbfgs' needs all rows in memory", path, model=MLP.set_params(solver="lbfgs"))
    MLP.set_params(solver="adam")
    with pytest.raises(ValueError, match="partial_fit takes rows in memory"):
        MLPRegressor().partial_fit(path, np.zeros(N))
    refuses("GANOutlierDetector takes rows in memory", path, None, model=GANOutlierDetector())
    refuses("labels on disk are one column", streamed(path), ["y", "w"])


def test_options():
    for size in (0, -1, 1.5, "some"):
        with pytest.raises(ValueError, match=f"buffer_rows={size!r}"):
            DiskRows("rows.parquet", buffer_rows=size)


def test_other_texts_are_no_paths():
    for X in ("rows", ["some", "words"], [["a.parquet"]]):
        refuses("2D array|cannot be turned into an array of numbers", X, [1, 2])


def test_a_collection_without_a_cluster():
    pytest.importorskip("distributed")
    X = pytest.importorskip("dask.array").zeros((10, 2), chunks=(5, 2))
    for given in (X, DiskRows(X, buffer_rows=5)):
        with pytest.raises(ValueError, match=r"make a distributed.Client\(\) first"):
            MLPClassifier().fit(given, X[:, 0])
