"""Searches on a dask cluster and by two processes at once."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import joblib
import numpy as np
import optuna
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import MLPClassifier
from skdeep.tuning import OptunaSearchCV, PruneTrials

pytestmark = [pytest.mark.scale, pytest.mark.filterwarnings("default")]

SPACE = {
    "mlpclassifier__learning_rate_init": [0.05, 0.02, 0.01, 1e-6, 1e-7, 0.03],
}
PIPE = make_pipeline(StandardScaler(), MLPClassifier((8,), max_iter=12, random_state=0))


def score_and_process(estimator, X, y):
    return {"accuracy": estimator.score(X, y), "process": float(os.getpid())}


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    with (
        warnings.catch_warnings(action="ignore"),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, resources={"GPU": 1}
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def search():
    return OptunaSearchCV(
        PIPE,
        SPACE,
        n_trials=6,
        n_trials_per_batch=2,
        cv=3,
        scoring=score_and_process,
        refit="accuracy",
        random_state=0,
    )


def processes(search):
    columns = [search.cv_results_[f"split{i}_test_process"] for i in range(search.n_splits_)]
    return set(np.concatenate(columns).tolist())


def test_dask_gives_what_one_process_gives(cluster, search, data):
    alone = clone(search).fit(*data)
    with joblib.parallel_config("dask", resources={"GPU": 1}):
        on_dask = clone(search).fit(*data)
    for name, values in alone.cv_results_.items():
        if not name.endswith("_time") and "process" not in name:
            np.testing.assert_array_equal(values, on_dask.cv_results_[name], err_msg=name)
    assert len(processes(on_dask)) == 2 and os.getpid() not in processes(on_dask)
    # The refit was here.
    np.testing.assert_array_equal(alone.predict_proba(data[0]), on_dask.predict_proba(data[0]))


def test_default_batch_is_the_number_of_workers(cluster, search, data):
    with joblib.parallel_config("dask"):
        search.set_params(n_trials_per_batch=None).fit(*data)
    assert len(processes(search)) == 2


@pytest.mark.parametrize("shared", [False, True])
def test_pruning_on_dask(cluster, search, data, shared, tmp_path):
    pruner = optuna.pruners.MedianPruner(n_startup_trials=1, n_warmup_steps=1)
    prune = PruneTrials(pruner, storage=tmp_path / "scores" if shared else None)
    search.set_params(sampler="grid").set_callbacks(prune)
    with joblib.parallel_config("dask"):
        search.fit(*data)
    assert len(prune.fits_) == 18
    assert search.cv_results_["pruned"][[3, 4]].all()
    assert prune.fits_["n_epochs"].sum() < 18 * 12


SCRIPT = """
import sys, time
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from optuna.distributions import FloatDistribution
from skdeep.tuning import OptunaSearchCV
class Slow(LogisticRegression):
    def fit(self, X, y):
        time.sleep(0.1)
        return super().fit(X, y)
search = OptunaSearchCV(
    Slow(), {"C": FloatDistribution(1e-2, 1e2, log=True)}, n_trials=30,
    storage=sys.argv[1], random_state=0, cv=2,
).fit(*make_classification(random_state=0))
"""


@pytest.mark.parametrize("kind", ["journal", "database"])
def test_two_processes_share_a_storage(tmp_path, kind):
    storage = str(tmp_path / "journal")
    storage = storage if kind == "journal" else f"sqlite:///{storage}.db"
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"}
    running = [
        subprocess.Popen([sys.executable, "-c", SCRIPT, storage], env=environment) for _ in "ab"
    ]
    assert [process.wait(120) for process in running] == [0, 0]
    from skdeep.tuning._optuna import open_storage

    opened = open_storage(storage)
    (name,) = optuna.get_all_study_names(opened)
    trials = optuna.load_study(study_name=name, storage=opened).trials
    assert 30 <= len(trials) <= 31  # both may ask for the last one at the same moment
    assert all(trial.state.name == "COMPLETE" for trial in trials)
    assert len({t.user_attrs["skdeep:owner"] for t in trials}) == 2
