"""From distances to decisions: thresholds, calibrated probabilities, drawn pairs."""

import numpy as np
import pytest
from siamese_data import X, y
from sklearn.base import clone
from sklearn.metrics import log_loss

from skdeep.siamese.thresholds import best_threshold, draw_pairs, fit_sigmoid

RNG = np.random.RandomState(0)


def rates(distances, similar, threshold):
    called = distances <= threshold
    tp, fp = (called & similar).sum(), (called & ~similar).sum()
    tpr, tnr = tp / similar.sum(), 1 - fp / (~similar).sum()
    return tp, fp, tpr, tnr


def f_beta(tp, fp, n_similar, beta):
    return (1 + beta**2) * tp / ((1 + beta**2) * tp + beta**2 * (n_similar - tp) + fp)


def slow_best(distances, similar, strategy, beta, min_rate):
    best = -1
    for threshold in [distances.min() - 1, *distances]:
        tp, fp, tpr, tnr = rates(distances, similar, threshold)
        quality = {
            "accuracy": ((distances <= threshold) == similar).mean(),
            "f_beta": f_beta(tp, fp, similar.sum(), beta),
            "max_tpr": tpr if tnr >= min_rate else -1,
            "max_tnr": tnr if tpr >= min_rate else -1,
        }[strategy]
        best = max(best, quality)
    return best


@pytest.mark.parametrize("strategy", ["accuracy", "f_beta", "max_tpr", "max_tnr"])
@pytest.mark.parametrize("seed", range(6))
def test_best_threshold_against_a_slow_loop(strategy, seed):
    rng = np.random.RandomState(seed)
    distances = rng.uniform(size=40) if seed % 2 else rng.randint(6, size=40).astype(float)
    similar = rng.uniform(size=40) > distances / max(distances.max(), 1)
    similar[:2] = True, False
    threshold = best_threshold(distances, similar, strategy, beta=2.0, min_rate=0.7)
    tp, fp, tpr, tnr = rates(distances, similar, threshold)
    reached = {
        "accuracy": ((distances <= threshold) == similar).mean(),
        "f_beta": f_beta(tp, fp, similar.sum(), 2.0),
        "max_tpr": tpr if tnr >= 0.7 else -1,
        "max_tnr": tnr if tpr >= 0.7 else -1,
    }[strategy]
    assert reached == pytest.approx(slow_best(distances, similar, strategy, 2.0, 0.7))


def test_threshold_lies_in_the_widest_gap():
    distances = np.array([0.1, 0.2, 1.0, 1.1])
    assert best_threshold(distances, np.array([1, 1, 0, 0], bool)) == pytest.approx(0.6)


def test_sigmoid_is_the_minimum_of_platts_likelihood():
    rng = np.random.RandomState(0)
    similar = rng.uniform(size=200) < 0.4
    distances = np.where(similar, 0.5, 1.0) + rng.normal(0, 0.3, 200)
    slope, intercept = fit_sigmoid(distances, similar)
    n1, n0 = similar.sum(), (~similar).sum()
    target = np.where(similar, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))

    def cost(slope, intercept):
        p = 1 / (1 + np.exp(-(slope * distances + intercept)))
        return -(target * np.log(p) + (1 - target) * np.log(1 - p)).sum()

    best = cost(slope, intercept)
    for d_slope, d_intercept in np.random.RandomState(1).normal(0, 0.2, (50, 2)):
        assert cost(slope + d_slope, intercept + d_intercept) >= best - 1e-6
    assert slope < 0


def test_separable_pairs_keep_finite_probabilities():
    slope, intercept = fit_sigmoid(np.array([0.1, 0.2, 0.9, 1.0]), np.array([1, 1, 0, 0], bool))
    assert np.isfinite([slope, intercept]).all() and slope < 0


def test_calibrated_pairs(fitted):
    est = clone(fitted).fit(X[::2], y[::2])
    held = np.arange(1, 150, 2)
    numbers = held[RNG.randint(75, size=(400, 2))]
    same = y[numbers[:, 0]] == y[numbers[:, 1]]
    half = slice(0, 200), slice(200, 400)
    assert est.calibrate_threshold(numbers[half[0]], same[half[0]].astype(int), X=X) is est
    proba = est.predict_pairs_proba(numbers[half[1]], X=X)
    np.testing.assert_allclose(proba.sum(1), 1)
    constant = np.full(200, same.mean())
    assert log_loss(same[half[1]], proba[:, 1]) < 0.6 * log_loss(same[half[1]], constant)
    assert set(est.predict_pairs(numbers, X=X)) == {0, 1}
    before = est.threshold_
    est.calibrate_threshold(numbers, same, X=X, strategy="max_tpr", min_rate=0.99)
    called = est.predict_pairs(numbers, X=X) == 1
    assert (~called[~same]).mean() >= 0.99
    est.calibrate_threshold(numbers, same, X=X, strategy="max_tnr", min_rate=1.0)
    assert (est.predict_pairs(numbers, X=X) == 1)[same].all()
    assert est.threshold_ > before


def test_drawn_pairs():
    labels = np.array([0, 0, 1, 2, 2, 2])
    pairs, similar = draw_pairs(labels, 1000, np.random.RandomState(0))
    np.testing.assert_array_equal(labels[pairs[:, 0]] == labels[pairs[:, 1]], similar)
    assert (pairs[:, 0] != pairs[:, 1]).all() and similar.sum() == 500
    assert {tuple(p) for p in pairs[similar]} == {(0, 1), (1, 0)} | {
        (i, j) for i in (3, 4, 5) for j in (3, 4, 5) if i != j
    }
