"""Figures of epochs in MLflow and TensorBoard, where they are installed."""

import pickle
import warnings

import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import MLPClassifier, TabularGAN
from skdeep.callbacks import MLflowCallback, TensorBoard

# Of the programs themselves: nothing of ours warns here, the other tests see to that.
pytestmark = pytest.mark.filterwarnings("ignore")

X, y = load_iris(return_X_y=True)


def mlp(**params):
    return MLPClassifier(random_state=0, tol=0, n_iter_no_change=1000, max_iter=3, **params)


@pytest.fixture
def mlflow(tmp_path, monkeypatch):
    with warnings.catch_warnings(action="ignore"):
        mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    yield mlflow
    mlflow.set_tracking_uri(before)


def curve(mlflow, run_id, name):
    history = mlflow.MlflowClient().get_metric_history(run_id, name)
    return {metric.step: metric.value for metric in history}


def children(mlflow, run_id):
    query = f"tags.mlflow.parentRunId = '{run_id}'"
    return mlflow.search_runs(filter_string=query, output_format="list")


def test_epochs_are_metrics_of_the_active_run(mlflow):
    with mlflow.start_run() as run:
        clf = mlp(early_stopping=True).set_callbacks(MLflowCallback()).fit(X, y)
        assert mlflow.active_run().info.run_id == run.info.run_id
    run_id = run.info.run_id
    assert curve(mlflow, run_id, "loss") == dict(enumerate(clf.loss_curve_, 1))
    assert curve(mlflow, run_id, "valid_score") == dict(enumerate(clf.validation_scores_, 1))
    assert children(mlflow, run_id) == []


def test_the_steps_of_two_phases_are_one_sequence(mlflow):
    with mlflow.start_run() as run:
        gan = TabularGAN(max_iter=4, random_state=0).set_callbacks(MLflowCallback()).fit(X)
    steps = curve(mlflow, run.info.run_id, "loss")
    assert list(steps) == list(range(1, gan.n_iter_ + 1))


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_candidates_have_runs_below_the_active_one(mlflow, n_jobs):
    with mlflow.start_run() as run:
        clf = mlp().set_callbacks(MLflowCallback())
        pipe = make_pipeline(StandardScaler(), clf)
        grid = {"mlpclassifier__alpha": [0.25, 0.5]}
        search = GridSearchCV(pipe, grid, cv=2, n_jobs=n_jobs).fit(X, y)
    below = children(mlflow, run.info.run_id)
    assert sorted(run.data.params["alpha"] for run in below) == ["0.25"] * 2 + ["0.5"] * 2
    assert {run.info.status for run in below} == {"FINISHED"}
    assert all(len(curve(mlflow, run.info.run_id, "loss")) == 3 for run in below)
    refit = search.best_estimator_[-1]
    assert curve(mlflow, run.info.run_id, "loss") == dict(enumerate(refit.loss_curve_, 1))


def test_nested_runs_and_a_fit_that_fails(mlflow):
    class Broken(MLflowCallback):
        def _write(self, target, epoch, values):
            super()._write(target, epoch, values)
            if epoch == 2:
                raise RuntimeError("no")

    with mlflow.start_run() as run:
        mlp().set_callbacks(MLflowCallback(nested=True)).fit(X, y)
        with pytest.raises(RuntimeError, match="no"):
            mlp().set_callbacks(Broken(nested=True)).fit(X, y)
    states = [each.info.status for each in children(mlflow, run.info.run_id)]
    assert sorted(states) == ["FAILED", "FINISHED"]


def test_without_a_run(mlflow):
    with pytest.raises(ValueError, match="run_id=None: no run of MLflow is active"):
        MLflowCallback()
    with mlflow.start_run() as run:
        pass
    callback = pickle.loads(pickle.dumps(MLflowCallback(run.info.run_id)))
    clf = mlp().set_callbacks(callback).fit(X, y)
    assert curve(mlflow, run.info.run_id, "loss") == dict(enumerate(clf.loss_curve_, 1))


def test_tensorboard_reads_the_curves(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    grid = GridSearchCV(mlp(), {"alpha": [0.25, 0.5]}, cv=2, n_jobs=2)
    grid.estimator.set_callbacks(TensorBoard(tmp_path))
    best = grid.fit(X, y).best_estimator_
    curves = {}
    for folder in tmp_path.iterdir():
        events = EventAccumulator(str(folder)).Reload()
        curves[folder.name] = {e.step: e.value for e in events.Scalars("loss")}
    assert len(curves) == 5
    assert all(list(curve) == [1, 2, 3] for curve in curves.values())
    expected = pytest.approx(dict(enumerate(best.loss_curve_, 1)), rel=1e-6)
    assert any(curve == expected for curve in curves.values())


def test_what_is_missing_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(ImportError, match=r"MLflowCallback needs .* skdeep\[tracking\]"):
        MLflowCallback()
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ImportError, match=r"TensorBoard needs .* skdeep\[tracking\]"):
        TensorBoard("runs")
