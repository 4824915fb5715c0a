"""Grids of made images."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from skdeep import ImageGAN
from skdeep.plotting import SampleDisplay

plt = pytest.importorskip("matplotlib.pyplot")
plt.switch_backend("Agg")


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def test_images_stand_where_they_belong():
    images = np.arange(7 * 4).reshape(7, 2, 2)
    display = SampleDisplay(images=images, labels=list("abcdefg"), n_columns=3).plot(vmax=100)
    assert display.axes_.shape == (3, 3)
    for i, ax in enumerate(display.axes_.flat[:7]):
        np.testing.assert_array_equal(ax.images[0].get_array(), images[i])
        assert ax.images[0].get_clim() == (0, 100) and ax.get_title() == "abcdefg"[i]
    assert not display.axes_[2, 2].images


def test_colour_and_bad_shapes():
    display = SampleDisplay(images=np.random.RandomState(0).uniform(size=(4, 3, 3, 3))).plot()
    assert display.axes_.shape == (2, 2)
    with pytest.raises(ValueError, match="expected"):
        SampleDisplay(images=np.zeros((4, 9))).plot()
    with pytest.raises(ValueError, match="1, 3 or 4 channels"):
        SampleDisplay(images=np.zeros((4, 3, 3, 2))).plot()


def test_samples_of_generators():
    digits = load_digits()
    gan = ImageGAN(
        channels=(4, 2), max_iter=1, random_state=0, device="cpu", image_shape=(8, 8)
    ).fit(digits.data[:200], digits.target[:200])
    display = SampleDisplay.from_estimator(gan, 30)
    assert display.axes_.shape == (10, 3)
    made, _ = gan.sample(30, y=np.repeat(np.arange(10), 3))
    np.testing.assert_array_equal(display.images.reshape(30, -1), made)
    named = [[text.get_text() for text in ax.texts] for ax in display.axes_.flat]
    assert named == [[str(i // 3)] if i % 3 == 0 else [] for i in range(30)]
    assert not any(ax.get_title() for ax in display.axes_.flat)
    assert SampleDisplay.from_estimator(gan, 12, kind="interpolation").axes_.shape == (2, 10)
    assert SampleDisplay.from_estimator(gan.fit(digits.data[:200]), 9).axes_.shape == (3, 3)
    with pytest.raises(ValueError, match="kind='rows'"):
        SampleDisplay.from_estimator(gan, kind="rows")
