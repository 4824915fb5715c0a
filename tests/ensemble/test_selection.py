"""Greedy weights against a plain loop over subsets, and what scorers say of predictions."""

import numpy as np
import pytest
from sklearn.metrics import get_scorer, log_loss, mean_pinball_loss, r2_score, roc_auc_score

from skdeep.ensemble.selection import greedy_weights, scores_of_predictions


def plain_greedy(predictions, targets, score, n_rounds):
    """As Caruana et al. (2004) describe it, with lists and no running sums."""
    chosen, rounds = [], []
    for _ in range(n_rounds):
        tried = [
            score(np.mean([predictions[k] for k in [*chosen, i]], axis=0), targets)
            for i in range(len(predictions))
        ]
        chosen = [*chosen, int(np.argmax(tried))]
        rounds.append((max(tried), chosen))
    best = max(rounds, key=lambda pair: pair[0])[1]
    return np.bincount(best, minlength=len(predictions)) / len(best)


def minus_squared_error(predictions, targets):
    return -np.square(predictions - targets).mean()


@pytest.mark.parametrize("seed", range(5))
def test_against_a_plain_loop(seed):
    rng = np.random.RandomState(seed)
    targets = rng.normal(size=50)
    predictions = targets + rng.normal(size=(6, 50))
    weights = greedy_weights(predictions, targets, minus_squared_error, 15)
    wanted = plain_greedy(predictions, targets, minus_squared_error, 15)
    np.testing.assert_allclose(weights, wanted)
    assert weights.sum() == pytest.approx(1) and (weights > 0).sum() > 1


def test_ten_rounds_without_a_better_score_end_it():
    n_scored = []

    def score(predictions, targets):
        n_scored.append(1)
        return minus_squared_error(predictions, targets)

    weights = greedy_weights(np.array([[2.0], [3.0]]), np.array([2.0]), score, 1000)
    assert weights.tolist() == [1, 0]
    assert len(n_scored) == 2 * 11


def test_the_first_of_equals():
    weights = greedy_weights(np.zeros((3, 4)), np.zeros(4), minus_squared_error, 5)
    assert weights.tolist() == [1, 0, 0]


def test_candidates_without_a_finite_score_are_left_out():
    predictions, targets = np.array([[np.nan, 1.0], [2.0, 2.0]]), np.array([2.0, 2.0])
    assert greedy_weights(predictions, targets, minus_squared_error, 3).tolist() == [0, 1]
    with pytest.raises(ValueError, match="No candidate of the ensemble has a finite score"):
        greedy_weights(predictions, targets, lambda p, y: np.nan, 3)


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
