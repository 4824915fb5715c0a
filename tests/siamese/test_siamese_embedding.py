"""Embeddings that siamese networks learn from classes: losses, mining, early stopping, modules."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from siamese_data import (
    X,
    make,
    y,
)
from sklearn.base import clone
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

OF_CLASSES = ["nt_xent", "prototypical", "triplet", "contrastive", "contrastive_squared"]


@pytest.mark.parametrize("loss", OF_CLASSES)
def test_every_loss_brings_classes_together(loss):
    Z = make(loss=loss).fit(X[::2], y[::2]).transform(X)
    assert KNeighborsClassifier(1).fit(Z[::2], y[::2]).score(Z[1::2], y[1::2]) > 0.9
    np.testing.assert_allclose(np.linalg.norm(Z, axis=1), 1)


@pytest.mark.parametrize("mining", ["semi_hard", "batch_hard", "all"])
def test_every_way_of_mining(mining):
    Z = make(loss="triplet", mining=mining, max_iter=5).fit(X[::2], y[::2]).transform(X)
    assert KNeighborsClassifier(1).fit(Z[::2], y[::2]).score(Z[1::2], y[1::2]) > 0.85


@pytest.mark.parametrize(
    "params", [{"normalize": False, "loss": "triplet"}, {"temperature": 1.0}, {"margin": 0.5}]
)
def test_parameters_of_losses_matter(params, fitted):
    base = {"loss": "triplet"} if "temperature" not in params else {}
    first, second = make(**base).fit(X, y), make(**base | params).fit(X, y)
    assert not np.array_equal(first.transform(X), second.transform(X))


def test_embedding_in_a_pipeline_with_names():
    frame = pd.DataFrame(X, columns=list("abcd"))
    est = make(n_components=3).set_output(transform="pandas").fit(frame, y)
    out = est.transform(frame)
    assert list(out.columns) == [f"siamesetransformer{i}" for i in range(3)]
    assert est.feature_names_in_.tolist() == list("abcd")
    pipe = make_pipeline(StandardScaler(), make(), KNeighborsClassifier(3)).fit(X, y)
    assert pipe.score(X, y) > 0.9


def test_early_stopping_scores_held_out_rows():
    est = make(early_stopping=True, max_iter=60, n_iter_no_change=3).fit(X, y)
    assert len(est.validation_scores_) == est.n_iter_ == len(est.validation_loss_curve_)
    assert 0.8 < est.best_validation_score_ <= 1
    given = make(early_stopping=True, max_iter=3).fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    Z = given.transform(X)
    assert max(given.validation_scores_) == given.best_validation_score_
    assert len(Z) == 150


def test_held_out_score_is_that_of_a_slow_loop():
    train, held = np.arange(0, 150, 2), np.arange(1, 150, 2)
    est = make(early_stopping=True, max_iter=1).fit(
        X[train], y[train], X_val=X[held], y_val=y[held]
    )
    Z = est.transform(X)
    means = np.stack([Z[train][y[train] == c][:5].mean(0) for c in range(3)])
    right = [np.linalg.norm(means - Z[i], axis=1).argmin() == y[i] for i in held]
    assert est.validation_scores_[-1] == pytest.approx(np.mean(right))


def test_module_of_the_user():
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.Tanh(), torch.nn.Linear(16, 3))
    before = [p.detach().clone() for p in module.parameters()]
    est = make(encoder=module).fit(X, y)
    assert est.transform(X).shape == (150, 3) and est.n_outputs_ == 3
    assert len(est.get_feature_names_out()) == 3
    assert all(torch.equal(a, b) for a, b in zip(before, module.parameters()))
    again = pickle.loads(pickle.dumps(est))
    np.testing.assert_array_equal(again.transform(X), est.transform(X))
    np.testing.assert_array_equal(clone(est).fit(X, y).transform(X), est.transform(X))
