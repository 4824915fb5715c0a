"""Siamese networks trained on pairs and triplets."""

import numpy as np
import pytest
from siamese_data import PAIRS, SAME, X, make, triplets_of, y
from sklearn.metrics import roc_auc_score
from skorch.callbacks import Callback

RNG = np.random.RandomState(0)


@pytest.mark.parametrize("loss", ["auto", "contrastive_squared", "nt_xent"])
@pytest.mark.parametrize("low", [-1, 0])
def test_pairs(loss, low):
    labels = np.where(SAME, 1, low)
    est = make(loss=loss).fit_pairs(X[PAIRS], labels)
    assert not hasattr(est, "classes_")
    numbers = RNG.randint(150, size=(200, 2))
    same = y[numbers[:, 0]] == y[numbers[:, 1]]
    assert roc_auc_score(same, est.pair_score(X[numbers])) > 0.9
    assert set(est.predict_pairs(X[numbers])) == {low, 1}
    assert np.mean((est.predict_pairs(X[numbers]) == 1) == same) > 0.85
    np.testing.assert_allclose(est.pair_distance(numbers, X=X), est.pair_distance(X[numbers]))


def test_pairs_of_numbers_train_like_pairs_of_distinct_rows():
    rows = RNG.permutation(150).reshape(-1, 2)  # each row once: the same batches
    labels = (y[rows[:, 0]] == y[rows[:, 1]]).astype(int)
    settings = {"max_iter": 1, "batch_size": 75, "dtype": "float64", "loss": "contrastive"}
    first = make(**settings).fit_pairs(X[rows], labels)
    second = make(**settings).fit_pairs(rows, labels, X=X)
    np.testing.assert_allclose(first.transform(X), second.transform(X), atol=1e-9)


@pytest.mark.parametrize("loss", ["auto", "contrastive"])
def test_triplets(loss):
    triplets = triplets_of(y, 300)
    est = make(loss=loss).fit_triplets(triplets, X=X)
    assert roc_auc_score(SAME, est.pair_score(PAIRS, X=X)) > 0.9
    assert np.mean((est.predict_pairs(PAIRS, X=X) == 1) == SAME) > 0.85
    assert make(max_iter=2).fit_triplets(X[triplets]).n_iter_ == 2


def test_early_stopping_on_pairs_and_triplets():
    est = make(early_stopping=True).fit_pairs(PAIRS, SAME, X=X)
    assert 0.8 < est.best_validation_score_ <= 1
    est = make(early_stopping=True).fit_triplets(triplets_of(y, 200), X=X)
    assert 0.8 < est.best_validation_score_ <= 1


class CountEpochs(Callback):
    epochs = []

    def on_epoch_end(self, net, **kwargs):
        self.epochs.append(len(net.history))


def test_skorch_callbacks_hear_of_pairs():
    make(max_iter=3, skorch_callbacks=[CountEpochs()]).fit_pairs(PAIRS, SAME, X=X)
    assert CountEpochs.epochs == [1, 2, 3]


def test_no_fit_of_pairs_leaves_classes_or_labels_of_another():
    est = make(max_iter=2).fit(X, y)
    est.fit_pairs(PAIRS, np.where(np.asarray(SAME) > 0, 1, 0), X=X)
    assert not hasattr(est, "classes_") and est.pair_labels_.tolist() == [0, 1]
    assert est.fit(X, y).pair_labels_.tolist() == [-1, 1]
