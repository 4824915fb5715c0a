"""Every family that reads rows from disk: it learns, with the seed's bits, as well as in memory."""

import numpy as np
import pandas as pd
import pytest

import skdeep
from skdeep.callbacks import Checkpoint
from skdeep.scale import DiskRows

pytest.importorskip("pyarrow")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N, BUFFER = 1600, 400
SMALL = {"hidden_layer_sizes": (32,), "n_estimators": 2, "max_iter": 8}
SMALL |= {"random_state": 0, "device": "cpu"}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A mixed table in which city and numbers decide, sorted by class; a level that is rare."""
    rng = np.random.RandomState(0)
    frame = pd.DataFrame(rng.normal(size=(N, 4)).astype(np.float32), columns=list("abcd"))
    frame["city"] = rng.choice(["Ulm", "Bonn", "Kiel"], N)
    frame.loc[rng.choice(N, 2, replace=False), "city"] = "Rome"
    frame.loc[rng.choice(N, 50, replace=False), "b"] = np.nan
    score = frame["a"] + 2 * (frame["city"] == "Ulm")
    frame["label"] = np.where(score > 1, "high", "low")
    frame["price"] = 100 * score + 1e4
    frame = frame.sort_values("label", ignore_index=True)
    path = tmp_path_factory.mktemp("table") / "rows.parquet"
    frame.to_parquet(path, row_group_size=100)
    return frame, path


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    rng = np.random.RandomState(0)
    codes = rng.normal(size=(N, 2))
    X = np.hstack([codes, codes @ rng.normal(size=(2, 4))]).astype(np.float32)
    y = (codes[:, 0] > 0).astype(int) + (codes[:, 1] > 0)
    frame = pd.DataFrame(X, columns=list("uvwxyz")).assign(label=y)
    path = tmp_path_factory.mktemp("numbers") / "rows.parquet"
    frame.to_parquet(path, row_group_size=100)
    return frame, path


def rows(path, columns):
    return DiskRows(path, columns=columns, buffer_rows=BUFFER)


def same(one, other):
    pairs = zip(one.net_.module_.parameters(), other.net_.module_.parameters())
    return all(bool((a == b).all()) for a, b in pairs)


MIXED = [*"abcd", "city"]


@pytest.mark.parametrize(
    "kind, options",
    [
        ("RealMLP", {}),
        ("RealMLP", {"early_stopping": False}),
        ("RealMLP", {"refit": True}),
        ("TabM", {}),
    ],
    ids=str,
)
def test_tables(table, kind, options):
    frame, path = table
    clf = getattr(skdeep, f"{kind}Classifier")(**SMALL | options)
    clf.fit(rows(path, MIXED), "label")
    assert clf.score(frame[MIXED], frame["label"]) > 0.93
    assert clf.score(rows(path, MIXED), "label") == clf.score(frame[MIXED], frame["label"])
    other = getattr(skdeep, f"{kind}Classifier")(**clf.get_params())
    assert same(clf, other.fit(rows(path, MIXED), "label"))


@pytest.mark.parametrize("kind", ["RealMLP", "TabM"])
def test_regression_of_tables(table, kind):
    frame, path = table
    reg = getattr(skdeep, f"{kind}Regressor")(**SMALL)
    reg.fit(rows(path, MIXED), "price", X_val=path, y_val="price")
    assert reg.score(frame[MIXED], frame["price"]) > 0.9
    # The range of predictions is that of all targets, not of the sample's.
    assert reg._target_range[0] == frame["price"].min()
    assert reg._target_range[1] == frame["price"].max()
    assert reg._target_center == pytest.approx(frame["price"].mean())
    assert reg._target_scale == pytest.approx(frame["price"].std(ddof=0))


def test_held_out_rows_of_tables_are_not_trained_on(table):
    _, path = table
    seen = []

    class Watching(skdeep.RealMLPClassifier):
        def _read_more(self, X, y, sample):
            seen.append(X["a"].to_numpy())
            return super()._read_more(X, y, sample)

    clf = Watching(**SMALL | {"max_iter": 1}).fit(rows(path, MIXED), "label")
    n_held_out = round(clf.validation_fraction * BUFFER)
    assert abs(N - sum(map(len, seen)) - n_held_out) <= 10


def test_autoencoder(numbers):
    frame, path = numbers
    X = frame[list("uvwxyz")]
    model = skdeep.Autoencoder((16, 2), max_iter=15, random_state=0, device="cpu")
    model.set_params(learning_rate="cosine", learning_rate_init=0.01)
    model.fit(rows(path, list("uvwxyz")))
    variance = X.to_numpy().var(axis=0).mean()
    assert ((model.reconstruct(X) - X.to_numpy()) ** 2).mean() < 0.1 * variance
    for method in (model.transform, model.score_samples, model.reconstruct):
        np.testing.assert_allclose(method(rows(path, None)), method(X), rtol=1e-4, atol=1e-5)
    bounded = skdeep.Autoencoder((4,), loss="cross_entropy", max_iter=1, random_state=0)
    with pytest.raises(ValueError, match=r"values in \[0, 1\]"):
        bounded.fit(rows(path, list("uvwxyz")))


def test_outlier_detector(numbers):
    frame, path = numbers
    X = frame[list("uvwxyz")]
    model = skdeep.AutoencoderOutlierDetector((32,), random_state=0, device="cpu")
    model.fit(rows(path, list("uvwxyz")))
    broken = X.copy()
    broken["z"] = broken["z"].to_numpy()[::-1]
    scores = model.score_samples(X)
    assert (model.score_samples(broken) < np.quantile(scores, 0.05)).mean() > 0.6
    np.testing.assert_allclose(model.score_samples(rows(path, None)), scores, rtol=1e-5)
    assert model.predict(path).shape == (N,)


def test_siamese(numbers):
    frame, path = numbers
    X, y = frame[list("uvwxyz")], frame["label"]
    model = skdeep.SiameseTransformer(
        hidden_layer_sizes=(16,), max_iter=10, random_state=0, device="cpu"
    )
    Z = model.fit(rows(path, None), "label").transform(rows(path, list("uvwxyz")))
    centers = np.stack([Z[y == c].mean(axis=0) for c in range(3)])
    nearest = ((Z[:, None] - centers) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == y).mean() > 0.85
    assert model.classes_.tolist() == [0, 1, 2]
    np.testing.assert_allclose(Z, model.transform(X), atol=1e-5)


@pytest.mark.parametrize("kind", ["CNN", "LSTM"])
def test_series_in_memory_maps(kind, tmp_path):
    rng = np.random.RandomState(0)
    y = np.sort(rng.randint(0, 2, 900))
    t = np.linspace(0, 1, 24)
    X = np.sin(2 * np.pi * (2 + 3 * y[:, None]) * t + rng.uniform(0, 6, (900, 1)))
    np.save(tmp_path / "rows.npy", X[:, :, None].astype(np.float32))
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    options = {"n_filters": 4} if kind == "CNN" else {"hidden_layer_sizes": (16,)}
    clf = getattr(skdeep, f"{kind}Classifier")(**options, random_state=0, max_iter=6, device="cpu")
    clf.fit(DiskRows(mapped, buffer_rows=300), y)
    assert clf.score(mapped, y) > 0.9
    features = clf.transform(DiskRows(mapped, buffer_rows=300))
    np.testing.assert_allclose(features, clf.transform(mapped), atol=1e-4)


@pytest.mark.parametrize("kind", ["MLPClassifier", "RealMLPClassifier", "SiameseTransformer"])
def test_streams_go_on_from_a_checkpoint(numbers, kind, tmp_path):
    class Ends:
        def setup(self, estimator, context): ...

        def teardown(self, estimator, context): ...

        def on_fit_task_begin(self, estimator, context, **kwargs):
            if context.task_name == "epoch" and context.task_id == 2:
                raise InterruptedError

        def on_fit_task_end(self, estimator, context, **kwargs): ...

    pytest.importorskip("safetensors")
    _, path = numbers
    make = getattr(skdeep, kind)
    options = {"hidden_layer_sizes": (8,), "max_iter": 4, "random_state": 0, "device": "cpu"}
    options["tol"] = 0.0
    whole = make(**options)
    resume = Checkpoint(tmp_path / "fit", resume=True)
    ended, resumed = make(**options), make(**options)
    whole.fit(rows(path, list("uvwxyz")), "label")
    with pytest.raises(InterruptedError):
        ended.set_callbacks(resume, Ends()).fit(rows(path, list("uvwxyz")), "label")
    resumed.set_callbacks(resume).fit(rows(path, list("uvwxyz")), "label")
    assert same(whole, resumed) and whole.loss_curve_ == resumed.loss_curve_
