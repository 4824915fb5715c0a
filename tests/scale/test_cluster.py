"""Fits on dask collections, on a cluster of two processes."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import skdeep
from skdeep.callbacks import Checkpoint
from skdeep.scale import DiskRows

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")

pytestmark = [pytest.mark.scale, pytest.mark.filterwarnings("default")]

N = 301
FEATURES = list("abcde")
CUTS = (60, 0, 200, 41)


@pytest.fixture(scope="module")
def client():
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    locks = "distributed.scheduler.locks"  # how soon one that is killed no longer holds them
    soon = {f"{locks}.lease-timeout": "10s", f"{locks}.lease-validation-interval": "1s"}
    soon["distributed.scheduler.work-stealing"] = False  # tasks run where their rows are
    with (
        dask.config.set(soon),
        distributed.LocalCluster(**options) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def frame():
    rng = np.random.RandomState(0)
    frame = pd.DataFrame(rng.normal(size=(N, 5)), columns=FEATURES)
    frame["label"] = np.where(frame["a"] + frame["b"] > 0.2, "yes", "no")
    frame["weight"] = rng.randint(0, 3, N).astype(float)
    frame["city"] = rng.choice(["Ulm", "Bonn"], N)
    return frame


@pytest.fixture(scope="module")
def clf(frame):
    n = int((frame["weight"] > 0).sum())
    clf = skdeep.MLPClassifier((16,), max_iter=30, batch_size=n, learning_rate_init=0.01, alpha=0.1)
    clf.set_params(random_state=0, device="cpu", dtype="float64", class_weight="balanced")
    return clf.fit(frame[FEATURES], frame["label"], frame["weight"])


def weights_of(model):
    return np.concatenate([p.detach().numpy().ravel() for p in model.net_.module_.parameters()])


def on_workers(values, cuts=CUTS):
    return da.from_array(np.asarray(values), chunks=(cuts, *np.shape(values)[1:]))


def on_both(client, *arrays):
    """Arrays of which each of two workers holds a part."""
    parts = [
        client.persist(
            [da.from_array(values[rows], chunks=-1) for values in arrays], workers=[worker]
        )
        for worker, rows in zip(sorted(client.nthreads()), (slice(0, 120), slice(120, None)))
    ]
    distributed.wait(parts)
    return [da.concatenate(both) for both in zip(*parts)]


@pytest.mark.parametrize("kind", ["arrays", "chunks", "names", "frames", "options"])
def test_two_workers_train_as_one_process_does(client, frame, clf, kind):
    table = dd.from_pandas(frame, npartitions=5)
    given = {
        "arrays": on_both(client, *(frame[c].to_numpy() for c in (FEATURES, "label", "weight"))),
        "chunks": [on_workers(frame[c]) for c in (FEATURES, "label", "weight")],
        "names": [table[[*FEATURES, "label", "weight"]], "label", "weight"],
        "frames": [table[FEATURES], table["label"], table["weight"]],
        "options": [DiskRows(table, columns=FEATURES, buffer_rows=N), "label", "weight"],
    }[kind]
    model = clone(clf).fit(*given)
    np.testing.assert_allclose(weights_of(model), weights_of(clf), atol=1e-10)
    np.testing.assert_allclose(model.loss_curve_, clf.loss_curve_, rtol=1e-10)
    assert model.classes_.tolist() == ["no", "yes"] and model.t_ == clf.t_
    names = {"feature_names_in_"} if kind in ("arrays", "chunks") else set()
    assert vars(model).keys() == vars(clf).keys() - names


def test_rows_that_are_held_out_and_rows_to_validate_on(client, frame, clf):
    X, y = on_both(client, frame[FEATURES].to_numpy(), frame["label"].to_numpy())
    model = clone(clf).set_params(early_stopping=True, batch_size=50, dtype=None).fit(X, y)
    assert model.t_ < model.n_iter_ * N
    assert model.score(frame[FEATURES].to_numpy(), frame["label"]) > 0.9
    model.fit(X, y, X_val=X, y_val=y)
    assert len(model.validation_scores_) == model.n_iter_ and model.t_ == model.n_iter_ * N


def test_each_worker_trains_on_the_rows_that_it_holds(client, frame, tmp_path):
    X, y = on_both(client, frame[FEATURES].to_numpy(), frame["a"].to_numpy())
    pids = set()

    def look_and_end():
        pids.update(pid for pid, n in client.run(lambda: (os.getpid(), n_groups())).values() if n)
        os.kill(os.getpid(), signal.SIGINT)

    looking = when((tmp_path / "model").exists, look_and_end)
    slow_fit(tmp_path / "model", 10**6).fit(X, y)
    looking.join()
    assert len(pids) == 2
    until(lambda: not any("_join" in str(k) for keys in client.has_what().values() for k in keys))


def test_tables_with_text_and_an_outlier_detector(client, frame):
    table = dd.from_pandas(frame, npartitions=4)
    columns = [*FEATURES, "city"]
    real = skdeep.RealMLPClassifier(hidden_layer_sizes=(16,), n_estimators=1, max_iter=10)
    real.set_params(random_state=0, device="cpu").fit(table[columns], table["label"])
    assert real.score(frame[columns], frame["label"]) > 0.85
    detector = skdeep.AutoencoderOutlierDetector(hidden_layer_sizes=(16,), n_estimators=1)
    detector.set_params(max_iter=5, random_state=0, device="cpu").fit(table[columns])
    assert detector.score_samples(frame[columns]).shape == (N,)


def test_images_series_and_codes(frame):
    """The workers are threads of this process."""
    rng = np.random.RandomState(0)
    y = rng.randint(0, 2, 120)
    images = rng.normal(size=(120, 8, 8)).astype(np.float32) + 2 * y[:, None, None]
    X, classes = on_workers(images, (50, 70)), on_workers(y, (50, 70))
    rows = on_workers(images.reshape(120, -1), (50, 70))
    options = {"random_state": 0, "device": "cpu", "max_iter": 3}
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster),
    ):
        cnn = skdeep.CNNClassifier(n_filters=4, **options).fit(X, classes)
        lstm = skdeep.LSTMClassifier(hidden_layer_sizes=(8,), **options).fit(X, classes)
        siamese = skdeep.SiameseTransformer(**options).fit(rows, classes)
        coder = skdeep.Autoencoder((4,), **options).fit(rows)
    assert cnn.score(images, y) > 0.9 and lstm.score(images, y) > 0.9
    assert siamese.transform(rows.compute()).shape[0] == 120
    assert coder.transform(rows.compute()).shape == (120, 4)


def test_errors_of_workers_come_to_the_client(client, frame):
    broken = frame.assign(c=np.where(np.arange(N) == 7, np.nan, frame["c"]))
    with pytest.raises(ValueError, match="Input X contains NaN"):
        skdeep.MLPClassifier().fit(
            dd.from_pandas(broken, npartitions=3)[FEATURES + ["label"]], "label"
        )
    with pytest.raises(ValueError, match="there is no column 'lable'"):
        skdeep.MLPClassifier().fit(dd.from_pandas(frame, npartitions=3), "lable")


X10 = np.zeros((10, 2))


def refused():
    X = da.from_array(X10, chunks=(5, 2))
    y = da.from_array(np.arange(10) % 2, chunks=5)
    table = dd.from_pandas(pd.DataFrame(X10, columns=["a", "b"]), npartitions=2)
    column = dd.from_pandas(pd.Series(np.arange(10) % 2), npartitions=2)
    unknown = X[X[:, 0] == 0]  # as many rows, which dask does not know
    return {
        "columns": (X.rechunk((5, 1)), y, r"X.rechunk\({1: -1}\)"),
        "array": (X, np.arange(10) % 2, "y is of type ndarray: expected a dask collection"),
        "name": (X, "label", "y is of type str: expected a dask collection"),
        "chunks": (X, y.rechunk(10), "X has 2 partitions, y has 1"),
        "lengths": (X, y.rechunk(((4, 6),)), "not of the same rows"),
        "unknown lengths": (
            unknown,
            y.rechunk(((4, 6),)),
            r"Partition \d of X has 5 rows, that of y",
        ),
        "divisions": (table, column.repartition(divisions=(0, 2, 9)), "not of the same rows"),
        "unknown divisions": (
            table.clear_divisions(),
            column.repartition(divisions=(0, 2, 9)),
            r"Partition \d of X has 5 rows, that of y has other rows",
        ),
        "bag": (dask_bag(), y, "expected a dask.array or dask.dataframe"),
        "no rows": (X[:0], y[:0], "0 sample"),
    }


def dask_bag():
    return pytest.importorskip("dask.bag").from_sequence(range(4), npartitions=2)


@pytest.mark.parametrize("case", list(refused()))
def test_collections_that_do_not_fit(client, case):
    X, y, message = refused()[case]
    with pytest.raises(ValueError, match=message):
        skdeep.MLPClassifier(max_iter=1).fit(X, y)


def test_unknown_lengths_that_fit(client):
    X, y, _ = refused()["unknown lengths"]
    assert skdeep.MLPClassifier(max_iter=1).fit(X, y.rechunk(5)).t_ == 10


def test_what_does_not_train_on_a_cluster(client):
    X = da.from_array(X10, chunks=(5, 2))
    with pytest.raises(ValueError, match="VariationalAutoencoder takes rows in memory"):
        skdeep.VariationalAutoencoder().fit(X)
    with pytest.raises(ValueError, match="solver='lbfgs' needs all rows in memory"):
        skdeep.MLPRegressor(solver="lbfgs").fit(X, X[:, 0])


# --- what goes wrong in a fit ----------------------------------------------------------------


class Slow:
    """Makes epochs last so long that something can happen in them."""

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context, **kwargs): ...

    def on_fit_task_end(self, estimator, context, **kwargs):
        if hasattr(context, "epoch_values"):
            time.sleep(0.05)


def slow_fit(path, max_iter):
    reg = skdeep.MLPRegressor(hidden_layer_sizes=(4,), max_iter=max_iter, n_iter_no_change=np.inf)
    reg.set_params(random_state=0, device="cpu", batch_size=N, dtype="float64")
    return reg.set_callbacks(Checkpoint(path, resume=True), Slow())


def rows_and_numbers(client):
    X = np.random.RandomState(0).normal(size=(N, 3))
    return on_both(client, X, X[:, 0])


def when(happens, then, seconds=60):
    """Do something in another thread once something else has happened."""

    def work():
        deadline = time.monotonic() + seconds
        while not happens() and time.monotonic() < deadline:
            time.sleep(0.05)
        then()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def until(happens, seconds=60):
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def n_groups():
    from skdeep.engine import group

    return len(group._groups)


def test_ctrl_c_ends_a_fit_with_what_it_has(client, tmp_path):
    X, y = rows_and_numbers(client)
    path = tmp_path / "model"
    pressing = when(path.exists, lambda: os.kill(os.getpid(), signal.SIGINT))
    reg = slow_fit(path, 10**6).fit(X, y)
    pressing.join()
    assert 1 <= reg.n_iter_ < 10**6
    assert reg.predict(np.zeros((2, 3))).shape == (2,)


def test_a_worker_that_is_killed_and_a_fit_that_goes_on(client, tmp_path):
    values = np.random.RandomState(0).normal(size=(N, 3))
    X, y = client.persist([on_workers(values, (150, 151)), on_workers(values[:, 0], (150, 151))])
    distributed.wait([X, y])
    path = tmp_path / "model"
    holders = {address for holding in client.who_has(X).values() for address in holding}
    last = client.run(os.getpid)[max(holders)]
    killing = when(path.exists, lambda: os.kill(last, signal.SIGKILL))
    with pytest.raises(RuntimeError, match=r"A worker that trained is gone: tcp://.*Checkpoint"):
        slow_fit(path, 400).fit(X, y)
    killing.join()
    client.wait_for_workers(2, timeout=60)
    until(lambda: set(client.run(n_groups).values()) == {0})
    quick = Checkpoint(path, resume=True, every=50)
    again = slow_fit(path, 400).set_callbacks(quick).fit(X, y)
    assert again.n_iter_ == 400 and again.t_ == 400 * N
    whole = clone(again).set_callbacks().fit(X.compute(), y.compute())
    np.testing.assert_allclose(weights_of(again), weights_of(whole), atol=1e-10)


def test_workers_end_when_the_client_is_killed(client, tmp_path):
    path = tmp_path / "model"
    script = f"""
import sys
sys.path.insert(0, {os.path.dirname(__file__)!r})
import distributed, test_cluster
client = distributed.Client({client.scheduler.address!r})
test_cluster.slow_fit({str(path)!r}, 10**6).fit(*test_cluster.rows_and_numbers(client))
"""
    process = subprocess.Popen([sys.executable, "-c", script])
    until(path.exists)
    process.kill()
    process.wait()
    until(lambda: set(client.run(n_groups).values()) == {0})
    X, y = rows_and_numbers(client)
    assert slow_fit(tmp_path / "other", 2).fit(X, y).n_iter_ == 2  # they take the next
