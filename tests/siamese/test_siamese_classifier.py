"""SiameseClassifier: prototypes and neighbors, new classes, rejection."""

import numpy as np
import pytest
import torch
from siamese_data import NUMBERS, PICTURES, X, classifier, y
from sklearn.callback import ScoringMonitor
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV


def test_new_classes_without_training():
    known, new = NUMBERS < 7, NUMBERS >= 7
    rows = PICTURES.reshape(-1, 64)
    clf = classifier(n_components=32, max_iter=30).fit(rows[known], NUMBERS[known])
    before = [p.detach().clone() for p in clf.net_.module_.parameters()]
    few = np.concatenate([np.flatnonzero(c == NUMBERS)[:5] for c in (7, 8, 9)])
    clf.partial_fit(rows[few], NUMBERS[few])
    assert all(torch.equal(a, b) for a, b in zip(before, clf.net_.module_.parameters()))
    assert clf.classes_.tolist() == list(range(10))
    assert clf.class_count_.sum() == known.sum() + 15
    rest = np.setdiff1d(np.flatnonzero(new), few)
    assert clf.score(rows[rest], NUMBERS[rest]) > 0.3  # of ten classes, three by five rows each
    assert clf.score(rows[known], NUMBERS[known]) > 0.9


def test_partial_fit_is_fit_on_the_same_embedding():
    clf = classifier().fit(X, y)
    Z = clf._embed(X)
    for c in range(3):
        np.testing.assert_allclose(clf.prototypes_[c], Z[y == c].mean(0))
    more = np.random.RandomState(0).normal(size=(10, 4))
    labels = np.array([1] * 5 + [7] * 5)
    clf.partial_fit(more, labels)
    Z_all, y_all = np.concatenate([Z, clf._embed(more)]), np.concatenate([y, labels])
    assert clf.classes_.tolist() == [0, 1, 2, 7]
    for c, label in enumerate(clf.classes_):
        np.testing.assert_allclose(clf.prototypes_[c], Z_all[y_all == label].mean(0))
    assert clf.class_count_.tolist() == [50, 55, 50, 5]


def test_distances_to_prototypes_and_neighbors():
    clf = classifier().fit(X, y)
    Z = clf._embed(X)
    slow = [[np.linalg.norm(z - Z[y == c].mean(0)) for c in range(3)] for z in Z]
    np.testing.assert_allclose(clf.class_distance(X), slow, atol=1e-7)
    np.testing.assert_allclose(clf.decision_function(X), -clf.class_distance(X))
    near = classifier(n_neighbors=3).fit(X, y)
    Z = near._embed(X)
    slow = [
        [np.sort(np.linalg.norm(Z[y == c] - z, axis=1))[:3].mean() for c in range(3)] for z in Z
    ]
    np.testing.assert_allclose(near.class_distance(X), slow, atol=1e-6)
    near.partial_fit(X[:2] + 5, [9, 9])
    assert near.class_distance(X).shape == (150, 4)
    assert near.predict(X[:2] + 5).tolist() == [9, 9]


def test_two_classes_have_one_score():
    two = y < 2
    clf = classifier().fit(X[two], y[two])
    distance = clf.class_distance(X)
    np.testing.assert_allclose(clf.decision_function(X), distance[:, 0] - distance[:, 1])


def test_probabilities_are_calibrated_on_held_out_rows():
    rng = np.random.RandomState(0)
    labels = rng.randint(3, size=900)
    rows = rng.normal(size=(900, 6)) + np.eye(6)[labels] * 1.5  # classes overlap
    clf = classifier(max_iter=40).fit(rows[:600], labels[:600])
    assert clf.loss_ > 0 and clf.temperature_ > 0
    proba = clf.predict_proba(rows[600:])
    np.testing.assert_allclose(proba.sum(1), 1)
    np.testing.assert_array_equal(clf.classes_[proba.argmax(1)], clf.predict(rows[600:]))
    prior = np.tile(np.bincount(labels) / 900, (300, 1))
    assert log_loss(labels[600:], proba) < 0.95 * log_loss(labels[600:], prior)
    assert abs(proba.max(1).mean() - clf.score(rows[600:], labels[600:])) < 0.12


@pytest.mark.parametrize("strings", [False, True])
def test_rejection(strings):
    labels = np.array(["a", "bb", "c"])[y] if strings else y
    known = y < 2
    clf = classifier(rejection_rate=0.1, max_iter=30).fit(X[known], labels[known])
    unknown = "unknown" if strings else -1
    far = np.full((5, 4), [8.0, -9.0, 7.0, -8.0])
    predicted = clf.predict(X[known])
    assert 0 < (predicted == unknown).mean() < 0.35
    assert (clf.is_known(X[known]) == (predicted != unknown)).all()
    clf.rejection_threshold_ = 0.0
    assert (clf.predict(far) == unknown).all()
    clf.rejection_threshold_ = np.inf
    assert set(clf.predict(X)) <= set(labels[known])
    with pytest.raises(ValueError, match="stands for rows of no known class"):
        clf.partial_fit(X[:2], [unknown, unknown])


def test_classifier_in_a_grid_search():
    search = GridSearchCV(classifier(max_iter=5), {"n_neighbors": [None, 3]}, cv=2).fit(X, y)
    assert search.best_score_ > 0.8


def test_a_monitor_scores_each_epoch_and_changes_nothing():
    monitor = ScoringMonitor(scoring={"accuracy": lambda clf, X, y: clf.score(X, y)})
    watched = classifier(max_iter=4).set_callbacks(monitor).fit(X, y)
    scores = [e["accuracy"] for e in monitor.get_logs().data if e["task_name"] == "epoch"]
    alone = classifier(max_iter=4).fit(X, y)
    np.testing.assert_array_equal(watched.predict_proba(X), alone.predict_proba(X))
    assert len(scores) == 4 and scores[-1] == pytest.approx(alone.score(X, y), abs=0.02)
