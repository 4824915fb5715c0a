"""Warnings where X can be read in two ways."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_digits

from skdeep import CNNClassifier, LSTMClassifier, SiameseClassifier
from skdeep.preprocessing import SequenceVectorizer

RNG = np.random.RandomState(0)


def cnn(**params):
    return CNNClassifier(max_iter=1, n_filters=(4,), architecture="resnet", kernels=None, **params)


def messages(estimator, X):
    y = np.arange(len(X)) % 2
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(X, y)
    return [str(w.message) for w in caught if w.category is UserWarning]


@pytest.mark.parametrize(
    "X, params, expected",
    [
        (RNG.rand(20, 12, 12), {}, "pass image_shape=(12, 12) to CNNClassifier"),
        (RNG.rand(20, 8, 8), {}, None),
        ((255 * RNG.rand(20, 8, 8)).astype("u1"), {}, "pass image_shape=(8, 8) to CNNClassifier"),
        (RNG.rand(20, 12, 12), {"image_shape": (12, 12)}, None),
        (RNG.rand(20, 16, 12), {}, None),
        (RNG.rand(20, 3, 10, 12), {}, "pass data_format='channels_first'"),
        (RNG.rand(20, 3, 10, 12), {"data_format": "channels_first"}, None),
        (RNG.rand(20, 10, 12, 3), {"data_format": "channels_first"}, "data_format='channels_last'"),
        (RNG.rand(20, 10, 12, 3), {}, None),
        (RNG.rand(20, 3, 10, 3), {}, None),
        ([RNG.rand(12, 12)] * 10 + [RNG.rand(13, 12)] * 10, {}, None),
    ],
)
def test_images(X, params, expected):
    found = messages(cnn(**params), X)
    assert len(found) == (expected is not None)
    assert expected is None or expected in found[0]


def test_images_for_a_siamese_network():
    found = messages(SiameseClassifier(max_iter=1), RNG.rand(20, 12, 12))
    assert len(found) == 1 and "image_shape=(12, 12) to SiameseClassifier" in found[0]


def texts(n=80, n_words=60):
    words = np.array([f"w{i}" for i in range(n_words)])
    share = 1 / np.arange(1, n_words + 1)
    share /= share.sum()
    return [" ".join(RNG.choice(words, size=RNG.randint(3, 12), p=share)) for _ in range(n)]


IDS = SequenceVectorizer().fit_transform(texts())


@pytest.mark.parametrize(
    "X, is_named",
    [
        (IDS, True),
        ([row[row > 0] for row in IDS], True),
        ([row[row > 0].tolist() for row in IDS], True),
        (IDS.astype(float), False),
        (RNG.poisson(10, (60, 20)), False),
        (RNG.poisson(2, (60, 20)), False),
        (load_digits().data[:60].astype(int), False),
        (np.abs(RNG.normal(size=(60, 30)).cumsum(1) * 5).astype(int) + 1, False),
        ([np.arange(1, RNG.randint(10, 30)) for _ in range(30)], False),
        (RNG.rand(40, 12), False),
    ],
    ids=["ids", "list", "lists", "floats", "counts", "few", "digits", "walk", "rising", "numbers"],
)
def test_tokens(X, is_named):
    found = messages(LSTMClassifier((2,), max_iter=1, convolutional=None, kernels=None), X)
    assert len(found) == is_named
    if is_named:
        assert "pass vocabulary_size='auto'" in found[0]
        assert f"whole numbers up to {IDS.max()}" in found[0]
    if X is IDS:
        assert not messages(LSTMClassifier((2,), max_iter=1, vocabulary_size="auto"), X)
