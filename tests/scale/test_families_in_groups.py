"""Every family that reads rows from disk, trained by two processes; here they are threads."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from test_groups import together, weights_of

import skdeep
from skdeep.scale import DiskRows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N, BUFFER = 900, 300
MIXED = [*"abcd", "city"]
TABLE = {"hidden_layer_sizes": (32,), "n_estimators": 2, "max_iter": 8, "random_state": 0}
TABLE |= {"device": "cpu"}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    pytest.importorskip("pyarrow")
    rng = np.random.RandomState(0)
    frame = pd.DataFrame(rng.normal(size=(N, 4)).astype(np.float32), columns=list("abcd"))
    frame["city"] = rng.choice(["Ulm", "Bonn", "Kiel"], N)
    frame.loc[rng.choice(N, 50, replace=False), "b"] = np.nan
    score = frame["a"] + 2 * (frame["city"] == "Ulm")
    frame["label"] = np.where(score > 1, "high", "low")
    frame["price"] = 100 * score + 1e4
    path = tmp_path_factory.mktemp("table") / "rows.parquet"
    frame.to_parquet(path, row_group_size=50)
    return frame, path


def trained(estimator, *args):
    """What both processes have, which is the same."""
    one, other = together(lambda rank: clone(estimator).fit(*args))
    for model in (one, other):
        if isinstance(model, BaseException):
            raise model
    np.testing.assert_array_equal(weights_of(one), weights_of(other))
    return one, other


def rows(path, columns=None):
    return DiskRows(path, columns=columns, buffer_rows=BUFFER)


@pytest.mark.parametrize(
    "kind, options",
    [("RealMLP", {}), ("RealMLP", {"refit": True}), ("TabM", {}), ("TabM", {"calibrate": True})],
    ids=str,
)
def test_tables(table, kind, options):
    frame, path = table
    clf = getattr(skdeep, f"{kind}Classifier")(**TABLE | options)
    one, other = trained(clf, rows(path, MIXED), "label")
    assert one.score(frame[MIXED], frame["label"]) > 0.9
    np.testing.assert_array_equal(
        one.predict_proba(frame[MIXED][:9]), other.predict_proba(frame[MIXED][:9])
    )


def test_regression_of_tables(table):
    frame, path = table
    one, _ = trained(skdeep.RealMLPRegressor(**TABLE), rows(path, MIXED), "price")
    assert one.score(frame[MIXED], frame["price"]) > 0.9
    assert one._target_range[1] == frame["price"].max()


@pytest.fixture(scope="module")
def numbers():
    rng = np.random.RandomState(0)
    codes = rng.normal(size=(N, 2))
    X = np.hstack([codes, codes @ rng.normal(size=(2, 4))]).astype(np.float32)
    return X, (codes[:, 0] > 0).astype(int) + (codes[:, 1] > 0)


def test_autoencoder(numbers):
    X, _ = numbers
    model = skdeep.Autoencoder((16, 2), max_iter=40, random_state=0, device="cpu")
    model.set_params(learning_rate="cosine", learning_rate_init=0.01, batch_size=100)
    one, _ = trained(model, DiskRows(X, buffer_rows=BUFFER))
    assert ((one.reconstruct(X) - X) ** 2).mean() < 0.15 * X.var(axis=0).mean()


def test_outlier_detector(numbers):
    X, _ = numbers
    detector = skdeep.AutoencoderOutlierDetector(hidden_layer_sizes=(32,), n_estimators=2)
    detector.set_params(max_iter=10, random_state=0, device="cpu")
    one, other = trained(detector, DiskRows(X, buffer_rows=BUFFER))
    odd = X[:50] * [1, 1, -1, 1, -1, 1]
    assert np.median(one.score_samples(odd)) < np.quantile(one.score_samples(X), 0.1)
    np.testing.assert_array_equal(one.score_samples(odd), other.score_samples(odd))
    assert one.offset_ == other.offset_


def test_embedding(numbers):
    X, y = numbers
    model = skdeep.SiameseTransformer(max_iter=8, random_state=0, device="cpu")
    one, _ = trained(model, DiskRows(X, buffer_rows=BUFFER), y)
    Z = one.transform(X)
    centers = np.stack([Z[y == k].mean(axis=0) for k in range(3)])
    nearest = ((Z[:, None] - centers) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == y).mean() > 0.9


@pytest.mark.parametrize("kind", ["CNN", "LSTM"])
def test_series(kind, tmp_path):
    rng = np.random.RandomState(0)
    y = rng.randint(0, 2, 600)
    X = rng.normal(size=(600, 12)).astype(np.float32)
    X[:, 3:6] += 2 * y[:, None]
    np.save(tmp_path / "series.npy", X)
    clf = getattr(skdeep, f"{kind}Classifier")(max_iter=6, random_state=0, device="cpu")
    one, _ = trained(clf, DiskRows(tmp_path / "series.npy", buffer_rows=200), y)
    assert one.score(X, y) > 0.9
