"""Siamese networks that read images and series; files and memory maps of them."""

import numpy as np
import pytest
from siamese_data import (
    DIGITS,
    NUMBERS,
    PICTURES,
    X32,
    X,
    classifier,
    make,
    series,
    triplets_of,
    y,
)
from sklearn.neighbors import KNeighborsClassifier

from skdeep.persistence import load, save


def test_pictures():
    settings = {"image_shape": (8, 8), "max_iter": 4}
    grey = make(**settings).fit(PICTURES[:300], NUMBERS[:300])
    flat = make(**settings).fit(PICTURES[:300].reshape(300, -1), NUMBERS[:300])
    with_channel = make(max_iter=4).fit(PICTURES[:300, ..., None], NUMBERS[:300])
    expected = grey.transform(PICTURES[:20])
    assert expected.dtype == np.float32
    np.testing.assert_array_equal(expected, flat.transform(PICTURES[:20].reshape(20, -1)))
    np.testing.assert_array_equal(expected, with_channel.transform(PICTURES[:20, ..., None]))
    np.testing.assert_allclose(expected[7:8], grey.transform(PICTURES[7:8]), atol=1e-5)


@pytest.mark.parametrize(
    "data, params",
    [
        ((PICTURES[:200], NUMBERS[:200]), {"image_shape": (8, 8)}),
        ((X32, y), {}),
        ((X32, y), {"encoder": "lstm", "hidden_layer_sizes": 8}),
        ((X32, y), {"encoder": "conv"}),
    ],
)
def test_mixed_precision_on_request(data, params):
    settings = {"max_iter": 3, "n_components": 32, "amp": True} | params
    mixed, again, full = (make(**settings | {"amp": amp}).fit(*data) for amp in (True, True, False))
    rows = data[0]
    Z = mixed.transform(rows)
    np.testing.assert_array_equal(Z, again.transform(rows))
    other = full.transform(rows)
    assert Z.dtype == other.dtype and not np.array_equal(Z, other)
    near = np.linalg.norm(Z - other, axis=1)  # of unit vectors; of unlike ones it is about 1.4
    assert np.median(near) < 0.5


def test_learning_rate_suits_the_encoder():
    rows = {"image_shape": (8, 8), "max_iter": 1}, PICTURES[:100], NUMBERS[:100]
    flat = rows[0], PICTURES[:100].reshape(100, -1), NUMBERS[:100]
    for (params, A, labels), rate in ((rows, 0.01), (flat, 0.01), (({"max_iter": 1}, X, y), 0.005)):
        auto = make(**params).fit(A, labels).transform(A)
        given = make(**params, learning_rate_init=rate).fit(A, labels).transform(A)
        np.testing.assert_array_equal(auto, given)


def test_bytes_are_like_numbers():
    settings = {"image_shape": (8, 8), "max_iter": 2, "augment": None, "amp": False}
    as_bytes = DIGITS.images[:200].astype(np.uint8)
    first = make(**settings).fit(as_bytes, NUMBERS[:200]).transform(as_bytes)
    numbers = as_bytes.astype(np.float32)
    second = make(**settings).fit(numbers, NUMBERS[:200]).transform(numbers)
    np.testing.assert_allclose(first, second, atol=1e-4)


def test_pairs_and_triplets_of_pictures():
    numbers = np.random.RandomState(0).randint(200, size=(100, 2))
    same = NUMBERS[numbers[:, 0]] == NUMBERS[numbers[:, 1]]
    est = make(image_shape=(8, 8), max_iter=2).fit_pairs(PICTURES[numbers], same)
    assert est.pair_distance(PICTURES[numbers]).shape == (100,)
    triplets = triplets_of(NUMBERS[:200], 50)
    est.fit_triplets(triplets, X=PICTURES[:200])
    assert est.pair_distance(numbers, X=PICTURES[:200]).shape == (100,)


@pytest.mark.parametrize("augment", [None, "affine", "affine_turns"])
def test_augmentation_is_the_seeds(augment):
    settings = {"image_shape": (8, 8), "max_iter": 2, "augment": augment}
    first, second = (make(**settings).fit(PICTURES[:200], NUMBERS[:200]) for _ in "ab")
    Z = first.transform(PICTURES)
    np.testing.assert_array_equal(Z, second.transform(PICTURES))
    other = make(**settings | {"augment": "affine" if augment is None else None})
    assert not np.array_equal(Z, other.fit(PICTURES[:200], NUMBERS[:200]).transform(PICTURES))


@pytest.mark.filterwarnings("ignore:.* classes in y have 1 row")
def test_auto_turns_pictures_of_many_classes():
    many = np.arange(300) % 120
    settings = {"image_shape": (8, 8), "max_iter": 1}
    auto = make(**settings).fit(PICTURES[:300], many)
    turned = make(**settings, augment="affine_turns").fit(PICTURES[:300], many)
    np.testing.assert_array_equal(auto.transform(PICTURES), turned.transform(PICTURES))


def test_series_of_unequal_length():
    rows, labels = series()
    est = make(max_iter=10).fit(rows, labels)
    Z = est.transform(rows)
    assert Z.shape == (60, 8)
    np.testing.assert_allclose(est.transform(rows[:3]), Z[:3], atol=1e-5)
    assert KNeighborsClassifier(1).fit(Z[::2], labels[::2]).score(Z[1::2], labels[1::2]) > 0.6


def test_recurrent_encoder():
    rows, labels = series()
    est = make(encoder="lstm", hidden_layer_sizes=16, max_iter=15).fit(rows, labels)
    Z = est.transform(rows)
    assert KNeighborsClassifier(1).fit(Z[::2], labels[::2]).score(Z[1::2], labels[1::2]) > 0.6
    np.testing.assert_allclose(est.transform(rows[:3]), Z[:3], atol=1e-5)
    assert make(encoder="lstm", hidden_layer_sizes=4, max_iter=2).fit(X, y).n_features_in_ == 4
    with pytest.raises(ValueError, match="encoder='lstm' is for vectors and series"):
        make(encoder="lstm", image_shape=(8, 8)).fit(PICTURES[:50], NUMBERS[:50])


def test_memory_map(tmp_path):
    np.save(tmp_path / "x.npy", PICTURES[:200])
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    settings = {"image_shape": (8, 8), "max_iter": 2}
    first = make(**settings).fit(mapped, NUMBERS[:200]).transform(mapped)
    second = make(**settings).fit(PICTURES[:200], NUMBERS[:200]).transform(PICTURES[:200])
    np.testing.assert_allclose(first, second, atol=1e-6)


def test_files_without_code(tmp_path):
    pytest.importorskip("safetensors")
    clf = classifier(image_shape=(8, 8), max_iter=1, n_neighbors=2, rejection_rate=0.1)
    clf.fit(PICTURES[:200], NUMBERS[:200])
    save(clf, tmp_path / "model")
    again = load(tmp_path / "model")
    expected = clf.predict_proba(PICTURES[:50])
    np.testing.assert_array_equal(again.predict_proba(PICTURES[:50]), expected)
    again.partial_fit(PICTURES[200:210], np.full(10, 99))
    assert again.classes_[-1] == 99 and clf.classes_[-1] == 9
