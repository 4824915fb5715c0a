"""Files of convolutional networks, over images and series, of users' modules, too."""

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from torch import nn

pytest.importorskip("skl2onnx")
pytest.importorskip("onnxruntime")

from agreement import assert_close, outputs
from rows import QUICK, check_sizes, rng, unequal

from skdeep import CNNClassifier, CNNRegressor
from skdeep.nets.blocks import ACTIVATIONS
from skdeep.onnx import to_onnx

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

IMAGES = rng().normal(size=(1000, 9, 6, 2))
SERIES = rng().normal(size=(1000, 12, 2))
CLASSES = np.arange(1000) % 3
ALL = ["predict", "predict_proba", "transform"]
SMALL = {"resnet": (4, 6), "lenet": (4, 6), "inception": 4}


def cnn(architecture="resnet", X=SERIES, y=CLASSES, **parameters):
    n_filters = SMALL.get(architecture)
    clf = CNNClassifier(architecture, n_filters=n_filters, kernels=None, **QUICK, **parameters)
    return clf.fit(X[:40], y[:40])


@pytest.mark.parametrize("own_scale", [False, True])
@pytest.mark.parametrize("architecture", SMALL)
def test_series(architecture, own_scale):
    check_sizes(cnn(architecture, own_scale=own_scale), SERIES, ALL)


@pytest.mark.parametrize("own_scale", [False, True])
@pytest.mark.parametrize("architecture", SMALL)
def test_series_of_unequal_length(architecture, own_scale):
    series = unequal(1000)
    check_sizes(cnn(architecture, series, own_scale=own_scale), series, ALL)


@pytest.mark.parametrize("architecture", ["resnet", "lenet"])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_images(architecture, data_format):
    X = IMAGES if data_format == "channels_last" else np.moveaxis(IMAGES, -1, 1)
    check_sizes(cnn(architecture, X, data_format=data_format), X, ALL)


@pytest.mark.parametrize("side", [16, 70])  # a stem that pools; one with a stride, too
def test_large_images(side):
    X = rng().normal(size=(1000, side, 9 + side % 16, 1)).astype(np.float32)
    proto = to_onnx(model := cnn(X=X), X[:2], methods=ALL)
    for value, method in zip(outputs(proto, X[:7]).values(), ALL):
        assert_close(value, getattr(model, method)(X[:7]))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("pooling", ["max", "mean"])
def test_options_of_lenet(activation, pooling):
    options = {"kernel_size": (3, 2), "pool_size": 3, "hidden_layer_sizes": (5, 4), "dropout": 0.1}
    clf = cnn("lenet", IMAGES, activation=activation, pooling=pooling, **options)
    check_sizes(clf, IMAGES, ALL)
    check_sizes(cnn("lenet", hidden_layer_sizes=()), SERIES, ALL)


@pytest.mark.parametrize("n_estimators", [1, 3])
@pytest.mark.parametrize(
    "y", [CLASSES, CLASSES == 1, np.array(["a", "b", "c"])[CLASSES], np.eye(3, dtype=int)[CLASSES]]
)
def test_targets_and_members(y, n_estimators):
    check_sizes(cnn(y=y, n_estimators=n_estimators), SERIES, ALL)


@pytest.mark.parametrize("loss", ["squared_error", "quantile"])
@pytest.mark.parametrize("shape", [(), (3,)])
@pytest.mark.parametrize("n_estimators", [1, 2])
def test_numbers(loss, shape, n_estimators):
    y = 100 + 20 * rng().normal(size=(1000, *shape))
    options = {"n_filters": (4,), "kernel_size": 3, "kernels": None} | QUICK
    reg = CNNRegressor(loss=loss, n_estimators=n_estimators, **options)
    check_sizes(reg.set_params(architecture="resnet").fit(SERIES[:40], y[:40]), SERIES, ["predict"])


def test_targets_far_from_zero():
    y = 1e9 + rng().normal(size=1000)
    reg = CNNRegressor("resnet", n_filters=(4,), kernels=None, **QUICK).fit(SERIES[:40], y[:40])
    found = outputs(to_onnx(reg, SERIES[:2]), SERIES)["variable"]
    assert found.dtype == np.float64
    assert_close(found - 1e9, reg.predict(SERIES) - 1e9)


def test_missing_numbers():
    X = np.where(rng().random(SERIES.shape) < 0.1, np.nan, SERIES)
    X[:, :, 0] = SERIES[:, :, 0]
    check_sizes(cnn(X=X, missing="mask"), X, ALL)
    ends_early = X.copy()
    ends_early[::2, 8:] = np.nan
    check_sizes(cnn(X=ends_early, missing="mask"), ends_early, ALL)


def test_bytes_and_flat_images():
    X = rng().integers(0, 256, (1000, 48)).astype(np.uint8)
    clf = cnn(X=X, image_shape=(8, 6))
    for given in (X, X.astype(np.float32), X.reshape(-1, 8, 6), X.reshape(-1, 8, 6, 1)):
        found = outputs(to_onnx(clf, given[:2]), given)
        assert_close(found["label"], clf.predict(given))
        assert_close(found["probabilities"], clf.predict_proba(given))


def test_signals_in_double_precision():
    X = rng().normal(size=(1000, 12))
    clf = cnn(X=X)
    assert clf.net_.parameter.dtype == torch.float64
    check_sizes(clf, X, ALL)
    far = 1e8 + X  # float32 has no tenths there
    clf = cnn(X=far)
    found = outputs(to_onnx(clf, far[:2]), far)
    assert_close(found["probabilities"], clf.predict_proba(far))


def module(*rest):
    return nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), *rest)


@pytest.mark.parametrize(
    "rest",
    [
        (nn.MaxPool2d(2), nn.AvgPool2d(2, padding=1), nn.Flatten(), nn.Linear(24, 5)),
        (nn.AvgPool2d(3, 2, 1, count_include_pad=False), nn.Dropout2d(0.1)),
        (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.1), nn.Linear(4, 5), nn.Tanh()),
        (nn.AdaptiveMaxPool2d((1, 1)), nn.Flatten()),
        (nn.ConvTranspose2d(4, 3, 3, 2, 1, output_padding=1), nn.GELU()),
    ],
)
def test_modules_of_users(rest):
    check_sizes(cnn(module(*rest), IMAGES), IMAGES, ALL)


class Cube(nn.Module):
    def forward(self, x):
        return x**3


def test_a_module_that_is_not_known():
    clf = cnn(module(Cube()), IMAGES)
    with pytest.raises(ValueError, match=r"converters=\{Cube: function\}"):
        to_onnx(clf, IMAGES[:2])

    def cube(graph, module, x):
        return graph.op("Mul", x, graph.op("Mul", x, x))

    check_sizes(clf, IMAGES, ALL, converters={Cube: cube})


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (nn.AdaptiveAvgPool2d(2), r"AdaptiveAvgPool2d with output_size=2: expected 1"),
        (nn.Flatten(2), r"Flatten\(start_dim=2, end_dim=-1\): expected"),
        (nn.Conv2d(4, 4, 3, padding="same"), r"padding='same': expected numbers"),
        (nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular"), r"padding_mode='circular'"),
    ],
)
def test_layers_that_cannot_be_written(layer, message):
    clf = cnn(module(layer, nn.ReLU()), IMAGES)
    with pytest.raises(ValueError, match=message):
        to_onnx(clf, IMAGES[:2])


def test_rows_of_another_shape():
    clf, series = cnn(), unequal(40)
    with pytest.raises(ValueError, match="X has 3 channels, but CNNClassifier is expecting 2"):
        to_onnx(clf, SERIES[:2, :, [0, 1, 1]])
    with pytest.raises(ValueError, match="series of length 5, but .* is expecting the length 12"):
        to_onnx(clf, SERIES[:2, :5])
    with pytest.raises(ValueError, match=r"X has rows of shape \(12,\), but"):
        to_onnx(clf, SERIES[:2, :, 0])
    with pytest.raises(ValueError, match="X has 3 channels, but CNNClassifier is expecting 2"):
        to_onnx(cnn(X=series), SERIES[:2, :, [0, 1, 1]])
    with pytest.raises(ValueError, match="images of 9 x 5 pixels, but .* expecting 9 x 6 pixels"):
        to_onnx(cnn(X=IMAGES), IMAGES[:2, :, :5])
    flat = cnn(X=IMAGES.reshape(1000, -1), image_shape=(9, 6, 2))
    with pytest.raises(ValueError, match=r"expecting rows of shape \(9, 6, 2\) as input"):
        to_onnx(flat, IMAGES[:2, :, :5])
    with pytest.raises(NotFittedError, match="This CNNClassifier instance is not fitted yet"):
        to_onnx(CNNClassifier(), SERIES[:2])
