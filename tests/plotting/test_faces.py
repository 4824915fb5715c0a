"""Displays of anomaly scores, reconstructions and codes."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import Autoencoder
from skdeep.plotting import AnomalyScoreDisplay, EmbeddingDisplay, ReconstructionDisplay

plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def closed():
    plt.switch_backend("Agg")
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def forest():
    X = np.random.RandomState(0).normal(size=(100, 2))
    return make_pipeline(StandardScaler(), IsolationForest(random_state=0)).fit(X), X


def test_histogram_and_threshold(forest):
    pipe, X = forest
    display = AnomalyScoreDisplay.from_estimator(pipe, X)
    assert display.threshold == -0.5 and display.name == "IsolationForest"
    assert sum(p.get_height() for p in display.ax_.patches) == 100
    assert display.ax_.lines[0].get_xdata()[0] == -0.5
    y = np.where(np.arange(100) < 10, -1, 1)
    fig, ax = plt.subplots()
    display = AnomalyScoreDisplay.from_estimator(pipe, X, y, ax=ax)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert display.ax_ is ax and display.figure_ is fig
    assert {"normal", "outlier", "threshold"} <= set(labels)


def test_scores_in_time(forest):
    pipe, X = forest
    scores = pipe.score_samples(X)
    y = np.where(np.arange(100) < 10, -1, 1)
    display = AnomalyScoreDisplay.from_predictions(scores, -0.5, y_true=y, kind="time")
    course, below = display.ax_.lines[:2]
    np.testing.assert_array_equal(course.get_ydata(), scores)
    np.testing.assert_array_equal(below.get_xdata(), np.flatnonzero(scores < -0.5))
    with pytest.raises(ValueError, match="kind='pie'"):
        display.plot(kind="pie")


def test_images_and_curves():
    X = load_digits().data / 16.0
    net = Autoencoder((4,), learning_rate="cosine", max_iter=1, random_state=0).fit(X)
    display = ReconstructionDisplay.from_estimator(net, X, image_shape=(8, 8), n_rows=3)
    assert display.axes_.shape == (2, 3)
    shown = display.axes_[1, 2].images[0].get_array()
    np.testing.assert_allclose(shown, net.reconstruct(X[2:3]).reshape(8, 8), atol=1e-12)
    pca = PCA(2).fit(X)
    display = ReconstructionDisplay.from_estimator(pca, X, targets=X, n_rows=2)
    assert display.axes_.shape == (3, 2)
    np.testing.assert_array_equal(display.axes_[2, 1].lines[0].get_ydata(), X[1])


@pytest.mark.parametrize("n_components", [1, 2, 5])
def test_codes(n_components):
    X, y = load_digits(return_X_y=True)
    pca = PCA(n_components).fit(X)
    display = EmbeddingDisplay.from_estimator(pca, X, y)
    assert display.points_.shape == (1797, 2)
    assert len(display.ax_.collections) == 10
    assert display.ax_.get_title() == "PCA"
    number = EmbeddingDisplay.from_predictions(pca.transform(X), X.sum(1))
    assert len(number.figure_.axes) == 2  # with a colour bar
    assert len(EmbeddingDisplay(pca.transform(X)).plot().ax_.collections) == 1
