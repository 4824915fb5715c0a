"""Images that are embedded in several orientations."""

import numpy as np
import pytest
import torch
from siamese_data import NUMBERS, PICTURES, X, classifier, make, triplets_of, y

from skdeep.persistence import load, save

BOTH = pytest.mark.parametrize("build", [make, classifier])
SMALL = {"image_shape": (8, 8), "max_iter": 2, "amp": False}
ROWS = PICTURES[:200], NUMBERS[:200]
WIDE = PICTURES[:200, 1:7]
MANY = PICTURES[:400], np.arange(400) // 4  # labels of 100 classes, for the rule alone


def unit(z):
    return z / np.linalg.norm(z, axis=1, keepdims=True)


def by_hand(images):
    """All orientations, by NumPy."""
    turns = (0, 1, 2, 3) if images.shape[1] == images.shape[2] else (0, 2)
    mirrored = images[:, :, ::-1]
    return [np.rot90(a, k, (1, 2)).copy() for a in (images, mirrored) for k in turns]


@BOTH
@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("images, n_views", [(ROWS[0], 8), (ROWS[0], 3), (WIDE, 4)])
def test_distances_are_those_of_all_views(build, images, n_views, normalize):
    params = SMALL | {"image_shape": images.shape[1:], "normalize": normalize}
    params |= {"validation_fraction": 0.0}  # all rows are trained on
    est = build(**params, n_views=n_views).fit(images, NUMBERS[:200])
    plain = build(**params).fit(images, NUMBERS[:200])
    Z, module = est._embed(images), plain.net_.module_
    assert Z.shape == (200, 8) and est._axes.shape == (n_views, 8, 8)
    with torch.inference_mode():
        parts = [module(torch.from_numpy(x)[:, None]).numpy() for x in by_hand(images)]
    parts = [unit(part) if normalize else part for part in parts[:n_views]]
    whole = np.hstack(parts) / np.sqrt(n_views)
    # The coordinates are those of an analysis by NumPy's singular values, up to signs.
    centered = whole - whole.mean(0)
    axes = np.linalg.svd(centered, full_matrices=False)[2][:8]
    expected = np.abs(whole @ axes.T)
    expected = unit(expected) if normalize else expected
    np.testing.assert_allclose(np.abs(Z), expected, atol=2e-3)
    spread = centered.var(0).sum()
    assert (centered @ axes.T).var(0).sum() > 0.7 * spread  # little of the distances is lost
    # Training is the same.
    for one, other in zip(module.parameters(), est.net_.module_.parameters()):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


@BOTH
def test_defaults_follow_the_augmentation(build):
    def found(images, labels, **params):
        axes = build(**SMALL | params).fit(images, labels)._axes
        return 1 if axes is None else len(axes)

    assert found(*ROWS) == 1
    assert found(*ROWS, augment="affine_turns") == 8
    assert found(*MANY) == 8
    assert found(*MANY, augment=None) == found(*MANY, augment="affine") == 1
    assert found(*MANY, n_views=1) == 1
    wide = {"image_shape": (6, 8)}
    assert found(MANY[0][:, 1:7], MANY[1], **wide) == 4
    rows = X[:100], np.arange(100) // 2 % 50
    assert found(*rows, image_shape=None) == 1


@BOTH
def test_axes_are_those_of_the_rows_trained_on(build):
    est = build(**SMALL, n_views=8, early_stopping=True).fit(*ROWS)
    axes = est._axes.reshape(64, 8)
    np.testing.assert_allclose(axes.T @ axes, np.eye(8), atol=1e-9)
    given = build(**SMALL, n_views=8, early_stopping=True)
    given.fit(*ROWS, X_val=PICTURES[200:300], y_val=NUMBERS[200:300])
    assert not np.allclose(given._axes, est._axes)


def test_another_fit_forgets_the_views():
    est = make(**SMALL, n_views=4).fit(*ROWS)
    est.set_params(n_views="auto").fit(*ROWS)
    np.testing.assert_array_equal(
        est.transform(ROWS[0]), make(**SMALL).fit(*ROWS).transform(ROWS[0])
    )


def test_pairs_and_triplets():
    est = make(**SMALL, n_views=8)
    numbers = np.random.RandomState(0).randint(200, size=(60, 2))
    same = NUMBERS[numbers[:, 0]] == NUMBERS[numbers[:, 1]]
    distances = est.fit_pairs(numbers, same, X=ROWS[0]).pair_distance(numbers, X=ROWS[0])
    Z = est.transform(ROWS[0])
    expected = np.linalg.norm(Z[numbers[:, 0]] - Z[numbers[:, 1]], axis=1)
    np.testing.assert_allclose(distances, expected, atol=1e-5)
    assert est.fit_triplets(triplets_of(NUMBERS[:200], 40), X=ROWS[0])._axes.shape == (8, 8, 8)


def test_classes_that_come_later():
    known = NUMBERS[:300] < 8
    clf = classifier(**SMALL, n_views=8).fit(PICTURES[:300][known], NUMBERS[:300][known])
    clf.partial_fit(PICTURES[:300][~known], NUMBERS[:300][~known])
    Z = clf._embed(PICTURES[:300][~known])
    means = [Z[NUMBERS[:300][~known] == c].mean(0) for c in (8, 9)]
    np.testing.assert_allclose(clf.prototypes_[8:], means, atol=1e-5)


@BOTH
def test_kept_in_a_file(build, tmp_path):
    est = build(**SMALL, n_views=8).fit(*ROWS)
    save(est, tmp_path / "model.skdeep")
    again = load(tmp_path / "model.skdeep")
    np.testing.assert_array_equal(again._embed(PICTURES[:9]), est._embed(PICTURES[:9]))


@BOTH
@pytest.mark.parametrize(
    "data, params, message",
    [
        ((X, y), {"n_views": 2}, r"n_views=2, but rows have the shape \(4,\): expected 'auto'"),
        (ROWS, SMALL | {"n_views": 9}, r"n_views=9, .*at most 8 for square images"),
        ((WIDE, ROWS[1]), {"image_shape": (6, 8), "n_views": 5}, "n_views=5, .*4 for others"),
        ((X, y), {"n_views": 0}, "The 'n_views' parameter"),
    ],
)
def test_views_that_rows_have_not(build, data, params, message):
    with pytest.raises(ValueError, match=message):
        build(**params).fit(*data)


@pytest.mark.parametrize("shape", [(9, 8), (10, 10)])
def test_images_of_another_size(shape):
    est = make(max_iter=1, n_views=8).fit(PICTURES[:60, ..., None], NUMBERS[:60])
    expected = f"images of {shape[0]} x {shape[1]} pixels, but SiameseTransformer is expecting 8 x"
    with pytest.raises(ValueError, match=expected):
        est.transform(np.zeros((3, *shape, 1)))
    with pytest.raises(ValueError, match=r"image_shape=\(8, 8\): expected X of shape"):
        make(**SMALL).fit(np.zeros((60, *shape)), NUMBERS[:60])
