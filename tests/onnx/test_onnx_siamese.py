"""Files of siamese networks, and of windows over a series."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from torch import nn

pytest.importorskip("skl2onnx")
pytest.importorskip("onnxruntime")

from agreement import assert_close, outputs
from rows import QUICK, check_sizes, rng, unequal

from skdeep import Autoencoder, SiameseClassifier, SiameseTransformer
from skdeep.onnx import to_onnx
from skdeep.preprocessing import SlidingWindow

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ROWS = rng().normal(size=(1000, 6))
IMAGES = rng().normal(size=(1000, 9, 6, 2))
SERIES = rng().normal(size=(1000, 12, 2))
CLASSES = np.arange(1000) % 3
BOTH = ["predict", "predict_proba"]
EVERY = [*BOTH, "decision_function", "class_distance", "is_known"]
KINDS = {
    "rows": ({}, ROWS),
    "no hidden layer": ({"hidden_layer_sizes": (), "activation": "tanh"}, ROWS),
    "rows as series": ({"encoder": "lstm", "hidden_layer_sizes": (4,)}, ROWS),
    "rows as images": ({"image_shape": (2, 3)}, ROWS),
    "images": ({}, IMAGES),
    "images as rows": ({"encoder": "dense"}, IMAGES),
    "large images": ({}, rng().normal(size=(1000, 21, 18, 1))),
    "series": ({}, SERIES),
    "series by steps": ({"encoder": "lstm", "hidden_layer_sizes": (4, 3)}, SERIES),
    "unequal": ({}, unequal(1000)),
    "unequal by steps": ({"encoder": "lstm", "hidden_layer_sizes": (4,)}, unequal(1000)),
    "module": ({"encoder": nn.Sequential(nn.Linear(6, 4), nn.ELU(), nn.Linear(4, 3))}, ROWS),
}


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_embeddings(kind, normalize):
    options, X = KINDS[kind]
    model = SiameseTransformer(4, normalize=normalize, **options, **QUICK)
    check_sizes(model.fit(X[:40], CLASSES[:40]), X, ["transform"])


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("n_views, width", [(4, 6), (3, 9), (8, 9)])
def test_embeddings_of_views(n_views, width, normalize):
    X = rng().normal(size=(1000, 9, width, 1))
    model = SiameseTransformer(4, normalize=normalize, n_views=n_views, **QUICK)
    # Scaled to unit length, short sums of views show more of the rounding.
    check_sizes(model.fit(X[:40], CLASSES[:40]), X, ["transform"], tolerance=1e-4)


@pytest.mark.parametrize("encoder", ["dense", nn.Sequential(nn.Flatten(), nn.Linear(81, 3))])
def test_classes_of_views(encoder):
    X = rng().normal(size=(1000, 9, 9, 1))
    model = SiameseClassifier(4, encoder=encoder, n_views=8, **QUICK)
    check_sizes(model.fit(X[:40], CLASSES[:40]), X, BOTH, tolerance=1e-4)


@pytest.mark.parametrize("rejection_rate", [None, 0.3])
@pytest.mark.parametrize("n_neighbors", [None, 1, 4])
@pytest.mark.parametrize("labels", [[3, 1, 7], ["b", "a", "c"]])
def test_classes(labels, n_neighbors, rejection_rate):
    y = np.array(labels)[CLASSES]
    options = {"n_neighbors": n_neighbors, "rejection_rate": rejection_rate}
    model = SiameseClassifier(4, **options, **QUICK).fit(ROWS[:40], y[:40])
    check_sizes(model, ROWS, EVERY)
    unknown = "unknown" if y.dtype.kind == "U" else -1
    assert (model.predict(ROWS) == unknown).any() == (rejection_rate is not None)


def test_classes_that_came_later():
    model = SiameseClassifier(4, n_neighbors=2, **QUICK).fit(ROWS[:40], CLASSES[:40])
    model.partial_fit(ROWS[40:43], [8, 8, 9])
    check_sizes(model, ROWS, BOTH)


@pytest.mark.parametrize("kind", ["images", "unequal"])
def test_classes_of_arrays(kind):
    options, X = KINDS[kind]
    model = SiameseClassifier(4, **options, **QUICK).fit(X[:40], CLASSES[:40])
    check_sizes(model, X, BOTH)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("padding", ["edge", "zero", "reflect"])
def test_windows(padding, dtype):
    X = ROWS.astype(dtype)
    X[5, 2] = np.nan
    model = SlidingWindow(9, padding=padding).fit(X)
    proto = to_onnx(model, X[:2])
    for n in (1, 2, 3, 7, 8, 9, 10, 1000):
        found = outputs(proto, X[:n])["variable"]
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, model.transform(X[:n]))


def test_a_pipeline_of_windows():
    pipe = make_pipeline(SlidingWindow(4), Autoencoder((5, 2), **QUICK)).fit(ROWS[:40])
    proto = to_onnx(pipe, ROWS[:2])
    assert_close(outputs(proto, ROWS)["variable"], pipe.transform(ROWS))


def test_two_classes():
    model = SiameseClassifier(4, **QUICK).fit(ROWS[:40], CLASSES[:40] == 1)
    check_sizes(model, ROWS, EVERY)
