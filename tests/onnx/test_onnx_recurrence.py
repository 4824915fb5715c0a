"""Files of recurrent networks, over series and token ids."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

pytest.importorskip("skl2onnx")
pytest.importorskip("onnxruntime")

from agreement import assert_close, outputs
from rows import QUICK, check_sizes, rng, unequal

from skdeep import LSTMClassifier, LSTMRegressor, SequenceVectorizer
from skdeep.onnx import to_onnx

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SERIES = rng().normal(size=(1000, 12, 2))
CLASSES = np.arange(1000) % 3
ALL = ["predict", "predict_proba", "transform"]


def lstm(X=SERIES, y=CLASSES, **parameters):
    parameters = {"hidden_layer_sizes": (5, 4), "convolutional": [(6, 3)], **parameters}
    return LSTMClassifier(kernels=None, **parameters, **QUICK).fit(X[:40], y[:40])


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("pooling", ["last", "max", "mean", "attention"])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_cells_and_poolings(cell, pooling, bidirectional):
    options = {"cell": cell, "pooling": pooling, "bidirectional": bidirectional}
    check_sizes(lstm(**options), SERIES, ALL)
    series = unequal(1000)
    check_sizes(lstm(series, **options), series, ALL)


@pytest.mark.parametrize("convolutional", [None, "auto", [(3, 5), (4, 3)]])
@pytest.mark.parametrize("own_scale", [False, True])
def test_branch_and_own_scale(convolutional, own_scale):
    options = {"convolutional": convolutional, "own_scale": own_scale, "hidden_layer_sizes": (4,)}
    series = unequal(1000)
    check_sizes(lstm(**options), SERIES, ALL)
    check_sizes(lstm(series, **options), series, ALL)


def test_layouts():
    first = np.moveaxis(SERIES, 2, 1)
    check_sizes(lstm(first, data_format="channels_first"), first, ALL)
    check_sizes(lstm(SERIES[:, :, 0]), SERIES[:, :, 0], ALL)
    flat = [x[:, 0] for x in unequal(1000)]
    check_sizes(lstm(flat), flat, ALL)


def test_dropout_and_targets():
    options = {"dropout": 0.2, "recurrent_dropout": 0.2, "label_smoothing": 0.1}
    for y in (CLASSES == 1, np.array(["a", "b", "c"])[CLASSES], np.eye(3, dtype=int)[CLASSES]):
        check_sizes(lstm(y=y, **options), SERIES, ALL)


def test_missing_numbers():
    X = np.where(rng().random(SERIES.shape) < 0.1, np.nan, SERIES)
    X[:, :, 0] = SERIES[:, :, 0]
    check_sizes(lstm(X, missing="mask"), X, ALL)


@pytest.mark.parametrize("loss", ["squared_error", "huber"])
@pytest.mark.parametrize("shape", [(), (3,)])
def test_numbers(loss, shape):
    y = 100 + 20 * rng().normal(size=(1000, *shape))
    reg = LSTMRegressor((4,), loss=loss, **QUICK).fit(SERIES[:40], y[:40])
    check_sizes(reg, SERIES, ["predict", "transform"])


@pytest.mark.parametrize("vocabulary_size", ["auto", 30])
def test_token_ids(vocabulary_size):
    ids = rng().integers(1, 20, (1000, 9))
    ids[rng().random(ids.shape) < 0.3] = 0  # padding, in the middle, too
    ids[:, 4] = 2
    clf = lstm(ids[:40], vocabulary_size=vocabulary_size)
    unseen = ids.copy()
    unseen[::3, 4] = 25 if vocabulary_size == 30 else 2**30
    for dtype in (np.int64, np.int32, np.uint8, np.float32):
        rows = ids.astype(dtype) if dtype is np.uint8 else unseen.astype(dtype)
        proto = to_onnx(clf, rows[:2], methods=ALL)
        for n in (1, 7, 1000):
            for value, method in zip(outputs(proto, rows[:n]).values(), ALL):
                assert_close(value, getattr(clf, method)(rows[:n]))
    longer = np.concatenate([ids, ids[:, ::-1]], 1)
    assert_close(outputs(proto, longer.astype(np.float32))["label"], clf.predict(longer))


def test_texts_have_no_file_but_their_token_ids_do():
    texts = ["what a fine film", "a dull film", "so dull", "fine, very fine"] * 5
    vectorizer = SequenceVectorizer(max_length=6)
    clf = LSTMClassifier((4,), vocabulary_size="auto", **QUICK)
    pipe = make_pipeline(vectorizer, clf).fit(texts, [1, 0, 0, 1] * 5)
    with pytest.raises(ValueError, match="'sequencevectorizer': SequenceVectorizer cuts texts"):
        to_onnx(pipe, texts)
    ids = vectorizer.transform(["a very fine story", "a dull story"])
    found = outputs(to_onnx(clf, ids), ids)
    assert_close(found["probabilities"], pipe.predict_proba(["a very fine story", "a dull story"]))
