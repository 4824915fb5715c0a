"""Synthetic images."""

import numpy as np
import pytest
from generator_data import SMALL
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from skdeep import ImageGAN

pytestmark = [
    # The data of the checks are tiny: validation splits are refused, generators hardly trained.
    pytest.mark.filterwarnings("ignore:early_stopping=True has no effect"),
    pytest.mark.filterwarnings("ignore:The generator has collapsed"),
]


@pytest.mark.parametrize("recipe", ["r3gan", "dcgan"])
def test_pictures_of_any_layout(digits, recipe):
    images, _ = digits
    gan = ImageGAN(recipe, **SMALL)
    made = gan.fit(images).sample(5)
    assert made.shape == (5, 8, 8) and made.dtype == images.dtype
    assert made.min() >= images.min() and made.max() <= images.max()
    bytes_ = (images * 15).astype(np.uint8)
    assert gan.fit(bytes_).sample(5).dtype == np.uint8
    colour = np.repeat(images[:, :7, :, None], 3, axis=3)  # of an odd height
    assert gan.fit(colour).sample(2).shape == (2, 7, 8, 3)
    first = ImageGAN(recipe, data_format="channels_first", **SMALL)
    assert first.fit(colour.transpose(0, 3, 1, 2)).sample(2).shape == (2, 3, 7, 8)
    flat = ImageGAN(recipe, image_shape=(8, 8), **SMALL).fit(images.reshape(-1, 64))
    assert flat.sample(4).shape == (4, 64)
    assert flat.n_iter_ == len(flat.loss_curve_) == len(flat.critic_loss_curve_) == 2


def test_pictures_without_labels_are_made_by_clusters():
    """As often as there are: four dark pictures to a bright one."""
    rng = np.random.RandomState(0)
    images = rng.uniform(0, 0.2, (400, 8, 8))
    images[::5] += 0.8
    quick = {**SMALL, "max_iter": 40, "batch_size": 32, "learning_rate_init": 0.005, "ema": 0.9}
    gan = ImageGAN(n_clusters=2, **quick).fit(images)
    assert not hasattr(gan, "classes_")
    made = gan.sample(500)  # without clusters: no bright one among them
    assert abs(np.mean(made.mean((1, 2)) > 0.5) - 0.2) < 0.06
    assert gan.interpolate(3).shape == (3, 8, 8)
    with pytest.raises(ValueError, match="y was given, but fit had none"):
        gan.sample(1, y=0)
    with pytest.raises(ValueError, match="n_clusters=5: expected at most .* images, 4"):
        ImageGAN(n_clusters=5).fit(images[:4])
    alike = ImageGAN(n_clusters=3, **SMALL).fit(np.ones((6, 8, 8)))  # there are no clusters
    assert alike.sample(2).shape == (2, 8, 8)


def test_pictures_of_classes(digits):
    images, y = digits
    names = np.array([f"d{i}" for i in y])
    gan = ImageGAN(**SMALL).fit(images, names)
    made, labels = gan.sample(3, y=["d1", "d7", "d1"])
    assert made.shape == (3, 8, 8) and labels.tolist() == ["d1", "d7", "d1"]
    _, labels = gan.sample(50)
    assert len(set(labels)) > 4
    first, second = gan.sample(2, y="d3"), gan.sample(2, y="d3")
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(gan.sample(4)[0], clone(gan).fit(images, names).sample(4)[0])
    way = gan.interpolate(6, y="d3")
    assert way.shape == (6, 8, 8)
    steps = np.abs(np.diff(way, axis=0)).mean((1, 2))
    assert steps.max() < np.abs(way[0] - way[-1]).mean()


@pytest.mark.slow
def test_made_digits_teach_a_classifier():
    from sklearn.svm import SVC

    X, y = load_digits(return_X_y=True)
    images = X.reshape(-1, 8, 8)
    gan = ImageGAN(channels=(32, 16), max_iter=40, random_state=0, device="cpu")
    made, labels = gan.fit(images[:1200], y[:1200]).sample(1500)
    assert SVC().fit(made.reshape(len(made), -1), labels).score(X[1200:], y[1200:]) > 0.8


def test_bad_pictures(digits):
    images, y = digits
    gan = ImageGAN(**SMALL)
    with pytest.raises(ValueError, match="rows with their image_shape"):
        gan.fit(images.reshape(-1, 64))
    with pytest.raises(ValueError, match=r"image_shape=\(8, 9\).*number of features, 64"):
        ImageGAN(image_shape=(8, 9)).fit(images.reshape(-1, 64))
    with pytest.raises(ValueError, match="y has one class"):
        gan.fit(images, np.zeros(len(images)))
    with pytest.raises(ValueError, match="contains NaN"):
        gan.fit(np.where(images > 10, np.nan, images))
    with pytest.raises(ValueError, match="channels must be > 0"):
        ImageGAN(channels=(8, 0)).fit(images)
    with pytest.raises(NotFittedError):
        gan.sample()
    gan.fit(images, y)
    with pytest.raises(ValueError, match=r"labels that fit did not see: \[11\]"):
        gan.sample(2, y=11)
    with pytest.raises(ValueError, match="3 labels for n_samples=2"):
        gan.sample(2, y=[1, 2, 3])
    with pytest.raises(ValueError, match="n_samples=0"):
        gan.sample(0)
    with pytest.raises(ValueError, match="n_steps=1"):
        gan.interpolate(1)
    with pytest.raises(ValueError, match="fit had none"):
        gan.fit(images).sample(2, y=1)


def test_held_out_pictures_choose_the_epoch(digits):
    images, _ = digits
    gan = ImageGAN(**{**SMALL, "max_iter": 4}, early_stopping=True).fit(images)
    assert len(gan.validation_scores_) == 4
    assert gan.best_validation_score_ == max(gan.validation_scores_) < 0


@pytest.mark.filterwarnings("default:The generator has collapsed")
def test_a_generator_that_makes_one_picture_is_reported(digits):
    weak = ImageGAN("dcgan", **{**SMALL, "max_iter": 1}, learning_rate_init=1e-12)
    with pytest.warns(ConvergenceWarning, match="The generator has collapsed: its samples vary 0"):
        weak.fit(digits[0])


def test_pictures_survive_a_pickle(digits):
    import pickle

    gan = ImageGAN(**SMALL).fit(*digits)
    again = pickle.loads(pickle.dumps(gan))
    np.testing.assert_array_equal(gan.sample(3)[0], again.sample(3)[0])


def test_pictures_far_from_zero_or_large(digits):
    images = digits[0][:60]
    near = ImageGAN(**SMALL).fit(images).sample(4)
    far = ImageGAN(**SMALL).fit(images / 16 + 1e9).sample(4)
    np.testing.assert_allclose(far - 1e9, near / 16, atol=1e-6)
    large = ImageGAN(**SMALL).fit(images * 1e60).sample(4)
    np.testing.assert_allclose(large / 1e60, near, rtol=1e-3, atol=1e-3)
    with pytest.raises(ValueError, match="up to 1.6e.301, too large"):
        ImageGAN(**SMALL).fit(images * 1e300)
    with pytest.raises(ValueError, match="too large for images of int64"):
        ImageGAN(**SMALL).fit((images * 2**58).astype(np.int64))
    assert np.isfinite(ImageGAN(**SMALL).fit(np.full((6, 8, 8), 1e60)).sample()).all()


@pytest.mark.parametrize("y", [{"a": 1}, [1, 2, {}], "d", [[1], [2], [3]], None])
def test_classes_of_no_kind(digits, y):
    gan = ImageGAN(**SMALL).fit(digits[0][:60], digits[1][:60])
    if y is None:
        assert gan.sample(3, y=y)[0].shape == (3, 8, 8)
        return
    with pytest.raises(ValueError, match="labels that fit did not see"):
        gan.sample(3, y=y)
    with pytest.raises(ValueError, match="random_state=-1: "):
        gan.sample(3, random_state=-1)
