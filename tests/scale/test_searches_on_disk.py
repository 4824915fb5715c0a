"""Searches over rows on disk."""

import numpy as np
import optuna
import pandas as pd
import pytest

from skdeep import MLPClassifier
from skdeep.scale import DiskRows
from skdeep.tuning import OptunaSearchCV

pytest.importorskip("pyarrow")


@pytest.fixture
def paths(tmp_path):
    rng = np.random.RandomState(0)
    frame = pd.DataFrame(rng.normal(size=(900, 3)), columns=list("abc"))
    frame["label"] = np.where(frame["a"] > 0, "yes", "no")
    frame[:600].to_parquet(tmp_path / "train.parquet", row_group_size=50)
    frame[600:].to_parquet(tmp_path / "valid.parquet")
    return tmp_path / "train.parquet", tmp_path / "valid.parquet"


def test_an_objective_that_streams(paths):
    train, valid = paths

    def objective(trial):
        rate = trial.suggest_categorical("learning_rate_init", [1e-5, 0.02])
        clf = MLPClassifier((8,), learning_rate_init=rate, learning_rate="cosine", max_iter=4)
        clf.set_params(random_state=0, device="cpu", batch_size=20)
        return clf.fit(DiskRows(train, buffer_rows=200), "label").score(valid, "label")

    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.GridSampler({"learning_rate_init": [1e-5, 0.02]}),
    )
    study.optimize(objective)
    assert study.best_params == {"learning_rate_init": 0.02} and study.best_value > 0.9


@pytest.mark.parametrize("kind", [DiskRows, str, lambda path: path])
def test_a_search_does_not_split_them(paths, kind):
    search = OptunaSearchCV(MLPClassifier(), {"alpha": [0.1]}, n_trials=1)
    with pytest.raises(ValueError, match="rows on disk, which cannot be split into folds"):
        search.fit(kind(paths[0]), "label")
