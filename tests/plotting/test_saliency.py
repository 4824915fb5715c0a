"""`SaliencyDisplay`: images, series and texts."""

import numpy as np
import pytest

from skdeep import CNNClassifier

plt = pytest.importorskip("matplotlib.pyplot")
plt.switch_backend("Agg")

from skdeep.plotting import SaliencyDisplay  # noqa: E402

RNG = np.random.default_rng(0)
y = np.arange(10) % 2


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def fitted(X, **parameters):
    clf = CNNClassifier("resnet", n_filters=(4,), max_iter=2, random_state=0, **parameters)
    return clf.fit(X, y)


def test_image():
    X = RNG.normal(size=(10, 6, 5, 2))
    clf = fitted(X)
    display = SaliencyDisplay.from_estimator(clf, X[0])
    np.testing.assert_allclose(display.artist_.get_array(), clf.saliency(X[:1])[0].sum(2))
    assert display.ax_.get_title() == f"Saliency for {clf.predict(X[:1])[0]}"
    assert len(display.ax_.images) == 2


def test_flat_image_and_channels_first():
    X = RNG.normal(size=(10, 30))
    clf = fitted(X, image_shape=(6, 5))
    flat = SaliencyDisplay.from_estimator(clf, X[0]).saliency
    np.testing.assert_allclose(flat[..., 0].ravel(), clf.saliency(X[:1])[0].ravel(), atol=1e-9)
    assert flat.shape == (6, 5, 1)
    X = RNG.normal(size=(10, 3, 6, 5))
    clf = fitted(X, data_format="channels_first")
    display = SaliencyDisplay.from_estimator(clf, X[0], title=None)
    expected = np.moveaxis(clf.saliency(X[:1])[0], 0, 2)
    np.testing.assert_allclose(display.saliency, expected, atol=1e-9)
    assert display.saliency.shape == (6, 5, 3) and display.ax_.get_title() == ""


@pytest.mark.parametrize("ragged", [False, True])
def test_series(ragged):
    X = [RNG.normal(size=(n, 2)) for n in range(3, 13)] if ragged else RNG.normal(size=(10, 7, 2))
    clf = fitted(X)
    ax = plt.figure().add_subplot()
    display = SaliencyDisplay.from_estimator(clf, X[4], y=1, ax=ax)
    assert display.ax_ is ax and len(display.artist_) == 2
    expected = clf.saliency(X, [1] * 10)[4]
    np.testing.assert_allclose(display.artist_[1].get_array(), expected[:, 1], atol=1e-5)
    np.testing.assert_allclose(display.artist_[0].get_offsets()[:, 1], X[4][:, 0])


def test_rows_of_one_channel():
    X = RNG.normal(size=(10, 7))
    clf = fitted(X)
    (line,) = SaliencyDisplay.from_estimator(clf, X[0]).artist_
    np.testing.assert_allclose(line.get_array(), clf.saliency(X[:1])[0].ravel(), atol=1e-9)


def test_text():
    tokens = ["a", "truly", "bad", "film"] * 8
    values = np.tile([0.0, 0.1, -2.0, 0.5], 8)
    display = SaliencyDisplay(values, tokens, title="a review").plot(cmap="bwr")
    assert [t.get_text() for t in display.artist_] == tokens
    colors = [t.get_bbox_patch().get_facecolor() for t in display.artist_[:4]]
    assert colors[2] == (0.0, 0.0, 1.0, 1.0) and min(colors[0][:3]) > 0.98
    assert len({t.get_position()[1] for t in display.artist_}) > 1


def test_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match=r"saliency has the shape \(3,\), x has \(4,\)"):
        SaliencyDisplay(np.zeros(3), np.zeros(4)).plot()
    with pytest.raises(ValueError, match="2 tokens have 3 numbers"):
        SaliencyDisplay(np.zeros(3), ["a", "b"]).plot()
