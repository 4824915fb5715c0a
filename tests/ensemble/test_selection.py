"""Greedy weights against a plain loop over subsets, and what scorers say of predictions."""

import numpy as np
import pytest
from sklearn.metrics import get_scorer, log_loss, mean_pinball_loss, r2_score, roc_auc_score

from skdeep.ensemble.selection import greedy_weights, scores_of_predictions


def plain_greedy(folds, score, n_rounds):
    """As Caruana et al. (2004) describe it, with lists and no running sums."""
    chosen, rounds = [], []
    for _ in range(n_rounds):
        tried = []
        for i in range(len(folds[0][0])):
            means = [np.mean([p[k] for k in [*chosen, i]], axis=0) for p, _ in folds]
            tried.append(np.mean([score(m, y) for m, (_, y) in zip(means, folds)]))
        chosen = [*chosen, int(np.argmax(tried))]
        rounds.append((max(tried), chosen))
    best = max(rounds, key=lambda pair: pair[0])[1]
    return np.bincount(best, minlength=len(folds[0][0])) / len(best)


@pytest.mark.parametrize("seed", range(5))
def test_against_a_plain_loop(seed):
    rng = np.random.RandomState(seed)
    folds = []
    for n in (20, 30):
        y = rng.normal(size=n)
        folds.append((y + rng.normal(size=(6, n)), y))

    def score(predictions, targets):
        return -np.square(predictions - targets).mean()

    weights = greedy_weights(folds, score, 15)
    np.testing.assert_allclose(weights, plain_greedy(folds, score, 15))
    assert weights.sum() == pytest.approx(1) and (weights > 0).sum() > 1


def test_the_first_of_equals():
    predictions = np.zeros((3, 4))
    weights = greedy_weights([(predictions, np.zeros(4))], lambda p, y: -np.abs(p - y).sum(), 5)
    assert weights.tolist() == [1, 0, 0]


def test_candidates_without_a_finite_score_are_left_out():
    predictions = np.array([[np.nan, 1.0], [2.0, 2.0]])
    folds = [(predictions, np.array([2.0, 2.0]))]
    assert greedy_weights(folds, lambda p, y: -np.abs(p - y).sum(), 3).tolist() == [0, 1]
    with pytest.raises(ValueError, match="No candidate of the ensemble has a finite score"):
        greedy_weights(folds, lambda p, y: np.nan, 3)


def test_scores_of_classifiers():
    rng = np.random.RandomState(0)
    classes, y = np.array(["a", "b"]), np.array(["a", "b", "b", "a", "b"])
    p = rng.dirichlet([1, 1], size=5)
    wanted = {
        "accuracy": np.mean(classes[p.argmax(1)] == y),
        "neg_log_loss": -log_loss(y, p),
        "roc_auc": roc_auc_score(y, p[:, 1]),
    }
    for name, value in wanted.items():
        score = scores_of_predictions(get_scorer(name), classes)
        assert score(p, y) == pytest.approx(value)


def test_scores_of_regressors():
    rng = np.random.RandomState(0)
    y, p = rng.normal(size=(2, 9, 2))
    assert scores_of_predictions(get_scorer("r2"), None)(p, y) == pytest.approx(r2_score(y, p))

    def pinball(estimator, X, y):
        return -mean_pinball_loss(y, estimator.predict(X), alpha=0.9)

    score = scores_of_predictions(pinball, None)
    assert score(p, y) == pytest.approx(-mean_pinball_loss(y, p, alpha=0.9))
