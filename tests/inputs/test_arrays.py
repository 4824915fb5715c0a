"""What comes in: ranks, layouts, shapes remembered, NaN, lists, memory maps, messages."""

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError

from skdeep import CNNClassifier

RNG = np.random.default_rng(0)
SERIES = RNG.normal(size=(12, 9, 2))
PICTURES = RNG.normal(size=(12, 6, 5, 3)).astype("f4")
y = np.arange(12) % 2


def cnn(**parameters):
    fixed = {"architecture": "resnet", "n_filters": (4,), "max_iter": 2, "random_state": 0}
    return CNNClassifier(**{**fixed, "device": "cpu", **parameters})


def ragged(*lengths, n_channels=2):
    return [RNG.normal(size=(n, n_channels)) for n in lengths]


@pytest.mark.parametrize(
    "X, parameters, shape",
    [
        (RNG.normal(size=(12, 7)), {}, (7,)),
        (SERIES, {}, (9, 2)),
        (PICTURES, {}, (6, 5, 3)),
        (PICTURES[..., 0], {"image_shape": (6, 5)}, (6, 5, 1)),
        (PICTURES.reshape(12, -1), {"image_shape": (6, 5, 3)}, (6, 5, 3)),
        (ragged(*range(1, 13)), {}, (None, 2)),
        (list(PICTURES), {}, (6, 5, 3)),
        (torch.as_tensor(PICTURES), {}, (6, 5, 3)),
        ((PICTURES * 20 + 100).astype("u1"), {}, (6, 5, 3)),
    ],
)
def test_ranks(X, parameters, shape):
    clf = cnn(**parameters).fit(X, y)
    assert clf.input_shape_ == shape
    assert clf.predict_proba(X).shape == (12, 2)
    assert hasattr(clf, "n_features_in_") == (np.ndim(X) == 2 if isinstance(X, np.ndarray) else 0)


@pytest.mark.parametrize("X", [SERIES, PICTURES], ids=["series", "pictures"])
def test_layouts_and_containers_are_the_same(X):
    expected = cnn().fit(X, y).predict_proba(X)
    first = np.moveaxis(X, -1, 1)
    for other in (first, np.ascontiguousarray(first), torch.as_tensor(first.copy())):
        clf = cnn(data_format="channels_first").fit(other, y)
        np.testing.assert_allclose(clf.predict_proba(other), expected, atol=1e-4)


def test_bytes_are_numbers():
    X = RNG.integers(0, 256, (12, 6, 5, 1)).astype("u1")
    expected = cnn().fit(X.astype("f4"), y).predict_proba(X.astype("f4"))
    np.testing.assert_allclose(cnn().fit(X, y).predict_proba(X), expected, atol=1e-5)


def test_equal_series_in_a_list_are_an_array():
    expected = cnn().fit(SERIES, y).predict_proba(SERIES)
    clf = cnn().fit(list(SERIES), y)
    np.testing.assert_allclose(clf.predict_proba(list(SERIES)), expected, atol=1e-5)
    assert clf.predict(ragged(3, 20)).shape == (2,)  # any length, having seen a list


@pytest.mark.parametrize("architecture", ["resnet", "inception", "lenet"])
def test_a_series_is_predicted_alike_in_any_company(architecture):
    X = ragged(*range(1, 13))
    clf = cnn().set_params(architecture=architecture).fit(X, y)
    together = clf.predict_proba(X)
    alone = np.vstack([clf.predict_proba([x]) for x in X])
    np.testing.assert_allclose(alone, together, atol=1e-5)


@pytest.mark.parametrize(
    "fitted, X, message",
    [
        (SERIES, SERIES[:, :, :1], "X has 1 channels, but CNNClassifier is expecting 2 channels"),
        (SERIES, SERIES[:, :4], "series of length 4, but CNNClassifier is expecting the length 9"),
        (SERIES, ragged(9, 3), "series of unequal length, but .* the length 9"),
        (SERIES, SERIES[:, :, 0], "rows of shape \\(9,\\), but .* shape \\(9, 2\\)"),
        (PICTURES, PICTURES[:, :5], "images of 5 x 5 pixels, but .* expecting 6 x 5 pixels"),
        (PICTURES, PICTURES[..., :2], "X has 2 channels, but .* expecting 3 channels"),
        (SERIES[:, :, 0], SERIES[:, :4, 0], "X has 4 features, but CNNClassifier is expecting 9"),
        (ragged(*[4] * 12), ragged(3, n_channels=5), "X has 5 channels, but .* expecting 2"),
    ],
)
def test_other_shapes_at_predict_time(fitted, X, message):
    clf = cnn().fit(fitted, y)
    for method in (clf.predict, clf.transform, clf.saliency):
        with pytest.raises(ValueError, match=message):
            method(X)


@pytest.mark.parametrize(
    "X, parameters, message",
    [
        (np.zeros((12, 2, 2, 2, 2)), {}, "dim 5. CNNClassifier expected <= 4: 2-D rows are sig"),
        (np.zeros(12), {}, "Expected 2D array, got 1D array"),
        (ragged(*[3] * 11, 0), {}, r"0 steps or channels \(X\[11\]\)"),
        ([*ragged(3), *ragged(*[3] * 11, n_channels=1)], {}, "same number of channels, got .1, 2."),
        ([np.zeros((4, 4, 1))] * 11 + [np.zeros((4, 5, 1))], {}, "arrays of one shape"),
        (PICTURES, {"image_shape": (5, 6, 3)}, "expected X of shape"),
        (PICTURES, {"image_shape": (0, 6)}, r"image_shape=\(0, 6\): expected \(height, width\)"),
        (PICTURES, {"architecture": "inception"}, "'inception' is for series, and X holds images"),
        (SERIES, {"augment": "flip"}, "augment='flip': for series expected any of"),
        (SERIES, {"augment": ["mixup", "cutmix"]}, "expected one of"),
        (SERIES, {"freeze": True}, "freeze=True trains the last layer alone"),
        (np.zeros((12, 0, 2)), {}, r"0 feature\(s\)"),
        (SERIES.astype(complex), {}, "Complex data not supported"),
    ],
)
def test_bad_input(X, parameters, message):
    with pytest.raises(ValueError, match=message):
        cnn(**parameters).fit(X, y)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("kind", ["array", "tensor", "list", "map"])
def test_numbers_that_are_none(bad, kind, tmp_path):
    X = SERIES.copy()
    X[3, 4, 1] = bad
    if kind == "map":
        stored = np.memmap(tmp_path / "x", X.dtype, "w+", shape=X.shape)
        stored[:] = X
        X = stored
    X = {"tensor": torch.as_tensor(X), "list": list(X)}.get(kind, X)
    with pytest.raises(ValueError, match="Input X contains (NaN|infinity)"):
        cnn().fit(X, y)


def test_missing_numbers_count_as_the_mean():
    X = SERIES.astype("f4")
    holes = X.copy()
    holes[:, 3, 0] = np.nan
    clf = cnn(missing="mask").fit(holes, y)
    filled = np.where(np.isnan(holes), clf.net_.module_.scale.mean.numpy(), holes)
    np.testing.assert_allclose(clf.predict_proba(filled), clf.predict_proba(holes), atol=1e-5)


def test_series_that_end_in_nan_are_shorter():
    series = ragged(*range(1, 13))
    padded = np.full((12, 12, 2), np.nan)
    for row, values in zip(padded, series):
        row[: len(values)] = values
    expected = cnn().fit(series, y).predict_proba(series)
    clf = cnn(missing="mask").fit(padded, y)
    assert clf.input_shape_ == (None, 2)
    np.testing.assert_allclose(clf.predict_proba(padded), expected, atol=1e-5)


@pytest.mark.parametrize("dtype", ["u1", "f4", "i2"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_memory_maps_are_read_in_pieces(dtype, early_stopping, tmp_path, monkeypatch):
    from skdeep.data.rows import MappedRows

    values = RNG.integers(0, 100, (80, 6, 5, 3)).astype(dtype)
    X = np.memmap(tmp_path / "x", dtype, "w+", shape=values.shape)
    X[:] = values
    target, sizes, load = np.arange(80) % 2, [], MappedRows.load

    def counted(self, rows=slice(None)):
        found = load(self, rows)
        sizes.append(len(found))
        return found

    expected = cnn(batch_size=16, early_stopping=early_stopping).fit(values, target)
    monkeypatch.setattr(MappedRows, "load", counted)
    monkeypatch.setattr("skdeep.data.pieces.STATISTICS_ROWS", 80)
    clf = cnn(batch_size=16, early_stopping=early_stopping).fit(X, target)
    assert sizes.count(16) >= 6
    np.testing.assert_allclose(clf.predict_proba(X), expected.predict_proba(values), atol=1e-5)


def test_series_of_one_step():
    X = RNG.normal(size=(12, 1, 2))
    for architecture in ("auto", "lenet", "resnet"):
        clf = cnn(n_filters=None).set_params(architecture=architecture).fit(X, y)
        assert clf.predict(X[:1]).shape == (1,)


def test_not_fitted():
    with pytest.raises(NotFittedError):
        cnn().transform(SERIES)
    with pytest.raises(NotFittedError):
        cnn().saliency(SERIES)
