"""Early stopping, checkpoints and logs on scikit-learn's callback protocol."""

import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import Autoencoder, GANOutlierDetector, MLPClassifier, RealMLPClassifier, TabularGAN
from skdeep.callbacks import Checkpoint, CSVLogger, EarlyStopping
from skdeep.persistence import load

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer. Maximum iterations")

X, y = load_iris(return_X_y=True)


def mlp(**params):
    return MLPClassifier(random_state=0, tol=0, n_iter_no_change=1000, device="cpu", **params)


# --- early stopping -----------------------------------------------------------------------------


def slow_end(losses, patience, tol):
    """The epoch after which training stops: a loop over the losses."""
    best, since = np.inf, 0
    for epoch, loss in enumerate(losses, 1):
        since = 0 if loss < best - tol else since + 1
        best = min(best, loss) if since == 0 else best
        if since >= patience:
            return epoch
    return len(losses)


@pytest.mark.parametrize("patience, tol", [(1, 0.0), (3, 0.0), (2, 0.05)])
def test_it_stops_where_a_loop_would(patience, tol):
    params = {"learning_rate_init": 0.2, "max_iter": 60, "batch_size": 20}
    losses = mlp(**params).fit(X, y).loss_curve_
    expected = slow_end(losses, patience, tol)
    assert expected < 60
    clf = mlp(**params).set_callbacks(EarlyStopping("loss", patience=patience, tol=tol)).fit(X, y)
    assert clf.n_iter_ == expected
    assert clf.loss_curve_ == losses[:expected]


@pytest.mark.parametrize("monitor", ["valid_loss", "valid_score"])
@pytest.mark.parametrize("given", [True, False], ids=["X_val", "held out"])
def test_rows_for_validation(monitor, given):
    clf = mlp(learning_rate_init=0.2, max_iter=100)
    clf.set_callbacks(EarlyStopping(monitor, patience=2))
    clf.fit(X[::2], y[::2], **({"X_val": X[1::2], "y_val": y[1::2]} if given else {}))
    scores = clf.validation_scores_ if monitor == "valid_score" else None
    assert 2 < clf.n_iter_ < 100
    if scores is not None:
        assert max(scores[-2:]) <= max(scores[:-2])


@pytest.mark.parametrize(
    "estimator",
    [
        RealMLPClassifier(max_iter=30, random_state=0),
        Autoencoder((4,), max_iter=200, learning_rate_init=0.3, random_state=0),
        TabularGAN(max_iter=40, random_state=0),
        GANOutlierDetector(max_iter=40, random_state=0),
    ],
    ids=lambda e: type(e).__name__,
)
def test_every_family_stops(estimator):
    class Second(EarlyStopping):
        def on_fit_task_end(self, estimator, context):
            super().on_fit_task_end(estimator, context)
            return hasattr(context, "epoch_values") and context.task_id == 1

    log = Second("loss", patience=1)
    y_of = y if isinstance(estimator, RealMLPClassifier) else None
    estimator.set_callbacks(log).fit(X, y_of)
    if isinstance(estimator, GANOutlierDetector):  # its second phase goes on to the end
        assert 2 < estimator.n_iter_ < 40
    else:
        assert estimator.n_iter_ == 2


def test_each_fit_of_a_search_has_its_own_count():
    stop = EarlyStopping("loss", patience=2)
    pipe = make_pipeline(StandardScaler(), mlp(max_iter=40, batch_size=20).set_callbacks(stop))
    grid = {"mlpclassifier__learning_rate_init": [0.3, 0.2]}
    both, alone = GridSearchCV(pipe, grid, cv=2), GridSearchCV(pipe, grid, cv=2, n_jobs=2)
    assert both.fit(X, y).best_estimator_[-1].n_iter_ < 40
    np.testing.assert_array_equal(
        both.cv_results_["mean_test_score"], alone.fit(X, y).cv_results_["mean_test_score"]
    )
    assert not stop._best._fits


@pytest.mark.parametrize(
    "params, message",
    [
        ({"monitor": "accuracy"}, "monitor='accuracy': expected one of"),
        ({"patience": 0}, "patience=0: expected a positive integer"),
        ({"tol": -1.0}, "tol=-1.0: expected a number of at least 0"),
        ({"tol": float("nan")}, "tol=nan: expected a number of at least 0"),
    ],
)
def test_bad_parameters_of_early_stopping(params, message):
    with pytest.raises(ValueError, match=message):
        EarlyStopping(**params)


def test_a_value_that_is_not_there_is_named():
    gan = GANOutlierDetector(max_iter=2).set_callbacks(EarlyStopping("valid_score"))
    with pytest.raises(ValueError, match="GANOutlierDetector"):
        gan.fit(X)


# --- checkpoints --------------------------------------------------------------------------------


def test_a_checkpoint_is_the_model_of_its_epoch(tmp_path):
    mlp(max_iter=4).set_callbacks(Checkpoint(tmp_path / "at {epoch}")).fit(X, y)
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"at {i}" for i in range(1, 5)]
    expected = mlp(max_iter=3).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(load(tmp_path / "at 3").predict_proba(X), expected)


def test_the_best_epoch_only(tmp_path):
    callback = Checkpoint(tmp_path / "{epoch}", monitor="loss")
    clf = mlp(max_iter=30, learning_rate_init=0.3, batch_size=20).set_callbacks(callback).fit(X, y)
    losses = np.array(clf.loss_curve_)
    better = losses < np.minimum.accumulate(np.r_[np.inf, losses[:-1]])
    assert 0 < better.sum() < 30
    saved = sorted(int(p.name) for p in tmp_path.iterdir())
    assert saved == list(np.flatnonzero(better) + 1)


def test_fits_of_a_search_have_files_of_their_own(tmp_path):
    callback = Checkpoint(tmp_path / "{fit} {epoch}", every=2)
    search = GridSearchCV(mlp(max_iter=2), {"alpha": [0.1, 0.01]}, cv=2, refit=False)
    search.estimator.set_callbacks(callback)
    search.fit(X, y)
    names = [p.name for p in tmp_path.iterdir()]
    assert len(names) == 4 and all(name.endswith(" 2") for name in names), names


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(OSError):
        mlp(max_iter=2).set_callbacks(Checkpoint(tmp_path / "no" / "file")).fit(X, y)
    with pytest.raises(ValueError, match="every=0: expected a positive integer"):
        Checkpoint(tmp_path, every=0)


# --- logs ---------------------------------------------------------------------------------------


def test_lines_are_the_curves(tmp_path):
    path = tmp_path / "log.csv"
    clf = mlp(max_iter=5, early_stopping=True).set_callbacks(CSVLogger(path)).fit(X, y)
    log = pd.read_csv(path, converters={"loss": float, "valid_score": float})  # to the last digit
    assert list(log["epoch"]) == [1, 2, 3, 4, 5]
    np.testing.assert_array_equal(log["loss"], clf.loss_curve_)
    np.testing.assert_array_equal(log["valid_score"], clf.validation_scores_)
    assert (log["seconds"] > 0).all() and (log["learning_rate"] == 0.001).all()
    assert log["run"].nunique() == 1
    clf.fit(X, y)
    assert pd.read_csv(path)["run"].nunique() == 2


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_log_of_lbfgs_has_the_losses_of_its_iterations(tmp_path):
    path = tmp_path / "log.csv"
    clf = mlp(solver="lbfgs", max_iter=4).set_callbacks(CSVLogger(path)).fit(X, y)
    log = pd.read_csv(path)
    assert list(log["epoch"]) == [1, 2, 3, 4]
    assert log["loss"].is_monotonic_decreasing and log["loss"].iloc[-1] == clf.loss_


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_processes_share_a_file(tmp_path, n_jobs):
    path = tmp_path / "log.csv"
    pipe = make_pipeline(StandardScaler(), mlp(max_iter=3).set_callbacks(CSVLogger(path)))
    grid = {"mlpclassifier__alpha": [0.1, 0.01]}
    GridSearchCV(pipe, grid, cv=2, n_jobs=n_jobs).fit(X, y)
    log = pd.read_csv(path)
    assert len(log) == 3 * (2 * 2 + 1)
    assert (log["estimator"] == "MLPClassifier").all()
    assert log["valid_loss"].isna().all()


def test_the_header_is_first_however_many_begin(tmp_path):
    for trial in range(30):
        path, start = tmp_path / f"{trial}.csv", Barrier(8)

        def log_an_epoch(number, path=path, start=start):
            start.wait()
            CSVLogger(path)._write([number])

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(log_an_epoch, range(8)))
        header, *lines = path.read_text().splitlines()
        assert header.startswith("run,estimator")
        assert sorted(map(int, lines)) == list(range(8))
        assert [file.name for file in tmp_path.iterdir() if file.suffix != ".csv"] == []


@pytest.mark.parametrize("error", [PermissionError, OSError])
def test_a_file_system_without_links(tmp_path, monkeypatch, error):
    def no_link(source, target):
        raise error("Operation not supported")

    monkeypatch.setattr(os, "link", no_link)
    CSVLogger(tmp_path / "log.csv")._write([1])
    assert len(pd.read_csv(tmp_path / "log.csv")) == 1
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "callback",
    [EarlyStopping(patience=3), Checkpoint("a"), CSVLogger("b")],
    ids=lambda callback: type(callback).__name__,
)
def test_pickles(callback):
    again = pickle.loads(pickle.dumps(callback))
    assert {k: v for k, v in vars(again).items() if k != "_best"} == {
        k: v for k, v in vars(callback).items() if k != "_best"
    }
