"""Outliers as what a generator cannot make."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.callback import ScoringMonitor
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

from skdeep import GANOutlierDetector

pytestmark = [
    # The data of the checks are tiny: validation splits are refused, generators hardly trained.
    pytest.mark.filterwarnings("ignore:early_stopping=True has no effect"),
    pytest.mark.filterwarnings("ignore:The generator has collapsed"),
]


def test_outliers_off_a_plane():
    rng = np.random.RandomState(0)
    a = rng.normal(size=(300, 2))
    X = np.hstack([a, a @ [[1.0, -1.0], [0.5, 2.0]]]) + 0.01 * rng.normal(size=(300, 4))
    odd = np.column_stack(
        [rng.permutation(x) for x in X.T]
    )  # each column as before, the plane gone
    detector = GANOutlierDetector(latent_size=2, max_iter=300, random_state=0, device="cpu")
    scores = detector.fit(X[:200]).score_samples(np.concatenate([X[200:], odd]))
    assert roc_auc_score(np.repeat([1, 0], [100, 300]), scores) > 0.9
    np.testing.assert_array_equal(
        detector.predict(odd), np.where(detector.decision_function(odd) < 0, -1, 1)
    )
    flagged = clone(detector).set_params(contamination=0.2, max_iter=20).fit(X[:200])
    assert (flagged.predict(X[:200]) == -1).sum() == 40


def test_the_search_improves_on_the_encoder():
    X = load_digits().data[:150]
    detector = GANOutlierDetector(max_iter=30, search_steps=0, random_state=0, device="cpu").fit(X)
    start = detector.score_samples(X)
    searched = detector.set_params(search_steps=10).score_samples(X)
    assert (searched >= start - 1e-12).all() and searched.mean() > start.mean()


def sensor(n, seed, anomalies=()):
    rng = np.random.RandomState(seed)
    t = np.arange(n)
    series = np.sin(2 * np.pi * t / 16) + 0.05 * rng.normal(size=n)
    for start in anomalies:
        series[start : start + 12] = series[start]
    return series


def windows(series, length=32):
    return np.lib.stride_tricks.sliding_window_view(series, length)


def test_anomalies_of_a_series_by_window_and_by_step():
    train, test = windows(sensor(500, 0))[::3], windows(sensor(300, 1, [100, 200]))[::4]
    detector = GANOutlierDetector(
        "lstm",
        hidden_layer_sizes=32,
        latent_size=4,
        max_iter=250,
        search_steps=5,
        learning_rate_init=0.003,
        random_state=0,
        device="cpu",
    ).fit(train)
    steps = detector.score_steps(test, stride=4)
    assert steps.shape == ((len(test) - 1) * 4 + 32,)
    is_odd = np.zeros(len(steps), dtype=bool)
    for start in (100, 200):
        is_odd[start : start + 12] = True
    assert roc_auc_score(~is_odd, steps) > 0.9
    shaped = detector.score_samples(test[:, :, None])
    np.testing.assert_allclose(shaped, detector.score_samples(test), rtol=1e-9)


def test_bad_windows():
    detector = GANOutlierDetector("lstm", hidden_layer_sizes=4, max_iter=2, device="cpu")
    two = np.random.RandomState(0).normal(size=(20, 6, 2))
    detector.fit(two)
    with pytest.raises(ValueError, match=r"windows of shape \(5, 2\), but fit had \(6, 2\)"):
        detector.score_samples(two[:, :5])
    with pytest.raises(ValueError, match="dim <= 3"):
        detector.fit(two[..., None])
    before = detector.score_samples(two)
    with pytest.raises(ValueError, match="contains NaN"):
        detector.fit(two * np.nan)
    np.testing.assert_array_equal(detector.score_samples(two), before)
    dense = GANOutlierDetector(max_iter=2, device="cpu").fit(two[:, :, 0])
    for stride in (0, None, "a", 1.5):
        with pytest.raises(ValueError, match=f"stride={stride!r}: expected an integer"):
            detector.score_steps(two, stride=stride)
    with pytest.raises(ValueError, match="need network='lstm'"):
        dense.score_steps(two[:, :, 0])


def test_no_warning_of_collapse_in_a_good_fit():
    X = np.random.RandomState(0).normal(size=(200, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        GANOutlierDetector(max_iter=100, random_state=0, device="cpu").fit(X)


@pytest.mark.parametrize("network", ["dense", "lstm"])
def test_outliers_of_any_size_are_outliers(network):
    X = np.random.RandomState(0).normal(size=(60, 6))
    detector = GANOutlierDetector(
        network, hidden_layer_sizes=8, max_iter=10, search_steps=1, random_state=0, device="cpu"
    ).fit(X)
    far = detector.score_samples([np.full(6, 1e3), np.full(6, 1e200), np.full(6, -1e308)])
    assert np.isfinite(far).all() and far.max() < detector.score_samples(X).min()
    large = clone(detector).fit(X * 1e300).score_samples(X * 1e300)
    np.testing.assert_allclose(large, detector.score_samples(X), rtol=1e-3)


def test_a_detector_in_training_has_the_offset_of_its_weights():
    """After the last epoch a callback sees the detector that `fit` returns; looking at it changes
    nothing."""
    X = np.random.RandomState(0).normal(size=(40, 3))
    monitor = ScoringMonitor(scoring={"normal": lambda d, X, y: d.decision_function(X).mean()})
    detector = GANOutlierDetector(
        hidden_layer_sizes=8, max_iter=6, search_steps=1, random_state=0, device="cpu"
    )
    alone = clone(detector).fit(X)
    watched = detector.set_callbacks(monitor).fit(X, np.zeros(40))
    logs = [e["normal"] for e in monitor.get_logs().data if e["task_name"] == "epoch"]
    assert len(logs) == 6 and len(set(logs)) == 6
    np.testing.assert_allclose(logs[-1], watched.decision_function(X).mean(), rtol=1e-12)
    np.testing.assert_array_equal(watched.score_samples(X), alone.score_samples(X))
    assert watched.offset_ == alone.offset_


def test_the_encoder_has_its_share_of_the_time():
    X = np.random.RandomState(0).normal(size=(100, 3))
    detector = GANOutlierDetector(max_iter=100_000, max_time=0.9, random_state=0, device="cpu")
    detector.fit(X)
    assert len(detector.critic_loss_curve_) + len(detector.encoder_loss_curve_) < 100_000
    assert len(detector.encoder_loss_curve_) > 1
