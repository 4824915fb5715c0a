"""Files beside those that torch's own exporter makes of the same networks."""

import io
import warnings

import numpy as np
import pytest
import torch
from scipy.special import softmax

pytest.importorskip("skl2onnx")
pytest.importorskip("onnxruntime")

import onnxruntime
from agreement import assert_close, outputs
from rows import QUICK, rng

from skdeep import (
    RBM,
    Autoencoder,
    CNNClassifier,
    LSTMClassifier,
    MLPClassifier,
    SiameseTransformer,
)
from skdeep.onnx import to_onnx

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
ROWS = rng().normal(size=(60, 6)).astype(np.float32)
SERIES = rng().normal(size=(60, 12, 2)).astype(np.float32)
IMAGES = rng().normal(size=(60, 18, 16, 2)).astype(np.float32)
CLASSES = np.arange(60) % 3


def exported(module, x):
    """What onnxruntime makes of a network by torch's exporter."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter is an old one, which needs no onnxscript
        torch.onnx.export(
            module.eval(),
            (torch.as_tensor(x[:2]),),
            file,
            input_names=["x"],
            dynamic_axes={"x": {0: "n"}},
            opset_version=18,
            dynamo=False,
        )
    session = onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


CLASSIFIERS = {
    "MLP": (MLPClassifier((8, 4), activation="elu", normalization="batch", **QUICK), ROWS),
    "ResNet of images": (CNNClassifier("resnet", n_filters=(4, 6), **QUICK), IMAGES),
    "LeNet": (CNNClassifier("lenet", n_filters=(4, 6), **QUICK), IMAGES),
    "ResNet of series": (CNNClassifier("resnet", n_filters=(4, 6), kernels=None, **QUICK), SERIES),
    "Inception": (CNNClassifier("inception", n_filters=4, kernels=None, **QUICK), SERIES),
    "LSTM": (LSTMClassifier((5, 4), pooling="attention", kernels=None, **QUICK), SERIES),
    "GRU": (LSTMClassifier((5, 4), cell="gru", pooling="last", kernels=None, **QUICK), SERIES),
    "RNN": (LSTMClassifier((5,), cell="rnn", bidirectional=False, kernels=None, **QUICK), SERIES),
}


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_classifiers(kind):
    model, X = CLASSIFIERS[kind]
    model.fit(X, CLASSES)
    x = X if X.ndim == 2 else np.ascontiguousarray(np.moveaxis(X, -1, 1))
    expected = softmax(exported(model.net_.module_, x), axis=1)
    assert_close(outputs(to_onnx(model, X[:2]), X)["probabilities"], expected)


class Encoder(torch.nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net.encode(x)


def test_codes():
    model = Autoencoder((5, 3), encoder="conv", n_filters=(4, 6), **QUICK).fit(IMAGES)
    x = np.ascontiguousarray(np.moveaxis(IMAGES, -1, 1))
    expected = exported(Encoder(model.net_.module_), x)
    assert_close(outputs(to_onnx(model, IMAGES[:2]), IMAGES)["variable"], expected)
    model = Autoencoder((5, 3), encoder="lstm", **QUICK).fit(SERIES)
    x = np.ascontiguousarray(np.moveaxis(SERIES, -1, 1))
    expected = exported(Encoder(model.net_.module_), x)
    assert_close(outputs(to_onnx(model, SERIES[:2]), SERIES)["variable"], expected)


def test_embeddings_and_machines():
    model = SiameseTransformer(4, normalize=False, **QUICK).fit(SERIES, CLASSES)
    x = np.ascontiguousarray(np.moveaxis(SERIES, -1, 1))
    expected = exported(model.net_.module_, x)
    assert_close(outputs(to_onnx(model, SERIES[:2]), SERIES)["variable"], expected)
    model = RBM(4, **QUICK).fit(ROWS)
    assert_close(
        outputs(to_onnx(model, ROWS[:2]), ROWS)["variable"], exported(model.net_.module_, ROWS)
    )
