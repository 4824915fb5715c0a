"""Perceptrons on rows on disk: the same as in memory where they are few, near it where not."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning

from skdeep import MLPClassifier, MLPRegressor
from skdeep.callbacks import EarlyStopping
from skdeep.scale import DiskRows

pa = pytest.importorskip("pyarrow")
pytest.importorskip("pyarrow.parquet")
ds = pytest.importorskip("pyarrow.dataset")
feather = pytest.importorskip("pyarrow.feather")

FEATURES = list("abcde")
N = 3000
MLP = MLPClassifier(
    (16,),
    max_iter=4,
    learning_rate="cosine",
    learning_rate_init=0.02,
    batch_size=50,
    random_state=0,
    device="cpu",
)


@pytest.fixture(scope="module")
def frame():
    """Rows that are sorted by their class."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(N, 5)).astype(np.float32)
    frame = pd.DataFrame(X, columns=FEATURES)
    frame["label"] = np.where(X[:, 0] + X[:, 1] > 0.5, "yes", "no")
    frame["number"] = X[:, 0] - 2 * X[:, 1] + 5
    frame["weight"] = rng.randint(0, 3, N).astype(float)
    return frame.sort_values("label", ignore_index=True)


@pytest.fixture(scope="module")
def path(frame, tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "rows.parquet"
    frame.to_parquet(path, row_group_size=100)
    return path


def on_disk(path, buffer_rows=600):
    return DiskRows(path, columns=FEATURES, buffer_rows=buffer_rows)


def weights_of(model):
    return np.concatenate([w.ravel() for w in (*model.coefs_, *model.intercepts_)])


@pytest.mark.parametrize(
    "options", [{}, {"early_stopping": True}, {"class_weight": "balanced"}], ids=str
)
def test_few_rows_are_read_into_memory_and_all_is_as_ever(frame, path, options):
    model = MLP.__sklearn_clone__().set_params(**options)
    here = model.fit(frame[FEATURES], frame["label"], frame["weight"])
    here = weights_of(here), here.loss_curve_, here.classes_.tolist()
    model.fit(on_disk(path, N), "label", "weight")
    np.testing.assert_array_equal(weights_of(model), here[0])
    assert (model.loss_curve_, model.classes_.tolist()) == here[1:]


def test_many_rows_stream_and_are_learned_as_well(frame, path):
    X, y = frame[FEATURES], frame["label"]
    in_memory = MLP.fit(X, y).score(X, y)
    model = MLPClassifier(**MLP.get_params()).fit(on_disk(path), "label")
    assert model.t_ == 4 * N and model.n_iter_ == 4
    assert model.feature_names_in_.tolist() == FEATURES
    assert model.score(X, y) > in_memory - 0.01
    again = MLPClassifier(**MLP.get_params()).fit(on_disk(path), "label")
    np.testing.assert_array_equal(weights_of(model), weights_of(again))  # same seed, same bits


def test_weights_of_rows_and_classes_are_exact(frame, path):
    """From the same weights, a step on all rows is that of the rows in memory."""
    X, y, weight = frame[FEATURES], frame["label"].to_numpy(), frame["weight"].to_numpy()
    n_rows = int((weight > 0).sum())
    options = {"class_weight": "balanced", "dtype": "float64", "warm_start": True, "max_iter": 1}
    options |= {"batch_size": n_rows, "alpha": 0.1}
    models = [MLPClassifier(**MLP.get_params() | options).fit(X, y, weight) for _ in range(2)]
    in_memory, streamed = models
    in_memory.fit(X, y, weight)
    streamed.fit(on_disk(path, 400), "label", "weight")
    assert streamed.t_ == in_memory.t_ == 2 * n_rows
    np.testing.assert_allclose(streamed.loss_curve_, in_memory.loss_curve_, rtol=1e-10)
    np.testing.assert_allclose(weights_of(streamed), weights_of(in_memory), atol=1e-8)


def test_rows_held_out_are_not_trained_on(frame, path):
    model = MLPClassifier(**MLP.get_params() | {"early_stopping": True})
    model.fit(on_disk(path), "label")
    # A tenth of the sample: 600 rows, and as many as two of each class if it lacks them.
    assert N - model.t_ / model.n_iter_ in (60, 61)
    assert len(model.validation_scores_) == model.n_iter_
    assert model.score(frame[FEATURES], frame["label"]) > 0.95


def test_regressor_with_validation_rows_of_its_own(frame, path):
    model = MLPRegressor(hidden_layer_sizes=(16,), random_state=0, device="cpu", max_iter=8)
    model.set_params(learning_rate="cosine", learning_rate_init=0.02, batch_size=50)
    X, y = frame[FEATURES], frame["number"]
    model.fit(on_disk(path), "number", X_val=str(path), y_val="number")
    assert len(model.validation_loss_curve_) == 8
    assert model.score(X, y) > 0.98
    assert model.score(path, "number", "weight") == pytest.approx(
        model.score(X, y, frame["weight"])
    )
    model.fit(DiskRows(path, columns=FEATURES[1:], buffer_rows=600), ["number", "a"])
    assert model.n_outputs_ == 2 and model.predict(X[:3].drop(columns="a")).shape == (3, 2)


def test_kinds_of_files(frame, path, tmp_path):
    wanted = MLPClassifier(**MLP.get_params()).fit(frame[FEATURES], frame["label"])
    small = frame[[*FEATURES, "label"]]
    half = N // 2
    feather.write_feather(small, str(tmp_path / "rows.feather"), chunksize=500)
    small[:half].to_parquet(tmp_path / "1.parquet")
    small[half:].to_parquet(tmp_path / "2.parquet")
    for given in [
        str(tmp_path / "rows.feather"),
        [tmp_path / "1.parquet", str(tmp_path / "2.parquet")],
        ds.dataset([str(tmp_path / "1.parquet"), str(tmp_path / "2.parquet")]),
    ]:
        model = MLPClassifier(**MLP.get_params()).fit(given, "label")
        np.testing.assert_array_equal(weights_of(model), weights_of(wanted))
        streamed = MLPClassifier(**MLP.get_params()).fit(DiskRows(given, buffer_rows=600), "label")
        assert streamed.score(frame[FEATURES], frame["label"]) > 0.9


def test_memory_maps(frame, tmp_path):
    X, y = frame[FEATURES].to_numpy(), frame["label"].to_numpy()
    np.save(tmp_path / "rows.npy", X)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    for given in (mapped, tmp_path / "rows.npy"):
        model = MLPClassifier(**MLP.get_params()).fit(DiskRows(given, buffer_rows=600), y)
        assert model.score(X, y) > 0.95 and not hasattr(model, "feature_names_in_")
    np.testing.assert_allclose(
        model.predict_proba(tmp_path / "rows.npy"), model.predict_proba(X), atol=1e-6
    )


def test_categories_of_arrow_are_labels_and_names_are_matched(frame, tmp_path):
    table = pa.table(
        {
            "label": pa.array(frame["label"]).dictionary_encode(),
            **{name: frame[name].to_numpy() for name in reversed(FEATURES)},
        }
    )
    pa.parquet.write_table(table, tmp_path / "rows.parquet", row_group_size=250)
    model = MLPClassifier(**MLP.get_params()).fit(frame[FEATURES], frame["label"])
    expected = model.predict(frame[FEATURES])  # columns are found by name, not by place
    np.testing.assert_array_equal(model.predict(tmp_path / "rows.parquet"), expected)
    model.fit(DiskRows(tmp_path / "rows.parquet", buffer_rows=600), "label")
    assert model.feature_names_in_.tolist() == FEATURES[::-1]


@pytest.mark.parametrize("name", [None, "day"])
@pytest.mark.parametrize("kind", ["parquet", "feather"])
def test_the_index_of_a_frame_is_no_feature(frame, tmp_path, name, kind):
    shuffled = frame.sort_values("label").rename_axis(name)
    path = tmp_path / f"rows.{kind}"
    if kind == "parquet":
        shuffled.to_parquet(path, row_group_size=250)
    else:
        feather.write_feather(pa.Table.from_pandas(shuffled), str(path))
    columns = [c for c in frame.columns if c != "label"]
    for rows in (path, DiskRows(path, buffer_rows=600)):
        model = MLPClassifier(**MLP.get_params()).fit(rows, "label")
        assert model.feature_names_in_.tolist() == columns
    np.testing.assert_array_equal(model.predict(path), model.predict(shuffled[columns]))


def test_predictions_in_pieces(frame, path):
    X = frame[FEATURES]
    model = MLPClassifier(**MLP.get_params()).fit(X, frame["label"])
    rows = on_disk(path, 10)
    np.testing.assert_array_equal(model.predict(rows), model.predict(X))
    found, known = model.predict_proba(rows), model.predict_proba(X)
    np.testing.assert_allclose(found, known, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(rows)), known, rtol=1e-4, atol=1e-5)
    assert model.score(rows, "label") == model.score(X, frame["label"])
    assert model.score(path, frame["label"].to_numpy()) == model.score(X, frame["label"])


def test_limits_callbacks_and_warm_starts(frame, path):
    rows = on_disk(path)
    model = MLPClassifier(**MLP.get_params() | {"max_iter": 1000, "max_time": 0.3})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(rows, "label")
    assert model.n_iter_ < 1000
    stopper = EarlyStopping("valid_score", patience=1)
    model = MLPClassifier(**MLP.get_params() | {"max_iter": 50}).set_callbacks(stopper)
    model.fit(rows, "label")
    assert model.n_iter_ < 50
    model = MLPClassifier(**MLP.get_params() | {"warm_start": True})
    model.fit(rows, "label")
    first = model.loss_
    model.fit(rows, "label")
    assert model.loss_ < first and len(model.loss_curve_) == 8


def test_ctrl_c_keeps_the_best_weights(path):
    class Interrupts:
        def __init__(self):
            self.epochs = 0

        def on_train_begin(self, net, **kwargs): ...

        def initialize(self):
            return self

        def set_params(self, **params):
            return self

        def __getattr__(self, name):
            if name.startswith("on_"):
                return lambda *args, **kwargs: None
            raise AttributeError(name)

        def on_epoch_begin(self, net, **kwargs):
            self.epochs += 1

        def on_batch_begin(self, net, **kwargs):
            if self.epochs == 3:
                raise KeyboardInterrupt

    model = MLPClassifier(**MLP.get_params() | {"skorch_callbacks": [Interrupts()]})
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model.fit(on_disk(path), "label")
    assert model.n_iter_ == 3 and np.isfinite(weights_of(model)).all()
