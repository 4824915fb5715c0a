"""Files of `RandomKernels`, and of networks with a linear model on them."""

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

pytest.importorskip("skl2onnx")
pytest.importorskip("onnxruntime")

from agreement import assert_close, outputs
from rows import QUICK, check_sizes, padded, rng, unequal

from skdeep import CNNClassifier, CNNRegressor, LSTMClassifier, LSTMRegressor
from skdeep.nets.kernels import POOLINGS
from skdeep.onnx import to_onnx
from skdeep.preprocessing import RandomKernels

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N = 100
SERIES = rng().normal(size=(N, 30, 2)).cumsum(1)
CLASSES = np.arange(N) % 3
FEW = RandomKernels(n_kernels=252, n_groups=2)


def kernels(X=SERIES, **parameters):
    parameters = {"n_kernels": 420, "n_groups": 2, **parameters}
    return RandomKernels(random_state=0, device="cpu", **parameters).fit(X[:40])


@pytest.mark.parametrize("own_scale", [False, True])
@pytest.mark.parametrize("difference", [False, True])
def test_features(own_scale, difference):
    options = {"own_scale": own_scale, "difference": difference}
    check_sizes(kernels(**options), SERIES, ["transform"])
    series = unequal(N)
    check_sizes(kernels(series, **options), series, ["transform"])


@pytest.mark.parametrize(
    "options", [{"n_groups": 0}, {"n_kernels": 0}, *({"poolings": (name,)} for name in POOLINGS)]
)
def test_parts(options):
    check_sizes(kernels(**options), SERIES, ["transform"])


@pytest.mark.parametrize("length", [1, 2, 5, 9])
def test_short_series(length):
    check_sizes(kernels(SERIES[:, :length]), SERIES[:, :length], ["transform"])


def test_layouts():
    first = np.moveaxis(SERIES, 2, 1)
    check_sizes(kernels(first, data_format="channels_first"), first, ["transform"])
    check_sizes(kernels(SERIES[:, :, 0]), SERIES[:, :, 0], ["transform"])


@pytest.mark.parametrize("own_scale", [False, True])
def test_missing_numbers(own_scale):
    X = np.where(rng().random(SERIES.shape) < 0.2, np.nan, SERIES)
    X[::5, 9:14] = np.nan
    X[:, -1] = SERIES[:, -1]
    check_sizes(kernels(X, missing="mask", own_scale=own_scale), X, ["transform"])
    X[::2, 20:] = np.nan
    check_sizes(kernels(X, missing="mask", own_scale=own_scale), X, ["transform"])


def test_values_far_from_zero():
    """float32 has no tenths there: a file for float64 sees the differences between steps."""
    X = 2.0**30 + SERIES
    model = kernels(X)
    found = outputs(to_onnx(model, X[:2]), X)["variable"]
    assert_close(found, model.transform(X))
    assert found.std(0).max() > 0.1


def test_long_series_are_transformed_in_pieces():
    X = rng().normal(size=(12, 3000)).cumsum(1)  # eight at a time
    model = kernels(X)
    assert_close(outputs(to_onnx(model, X[:2]), X)["variable"], model.transform(X))


@pytest.mark.parametrize(
    "y", [CLASSES, CLASSES == 1, np.array(["a", "b", "c"])[CLASSES], np.eye(3, dtype=int)[CLASSES]]
)
def test_classifiers(y):
    cnn = CNNClassifier("resnet", n_filters=(4,), kernels=FEW, **QUICK).fit(SERIES[:60], y[:60])
    lstm = LSTMClassifier((4,), kernels=FEW, **QUICK).fit(SERIES[:60], y[:60])
    for model in (cnn, lstm):
        check_sizes(model, SERIES, ["predict", "predict_proba"])


def test_defaults():
    X = SERIES.astype(np.float32)
    for estimator in (CNNClassifier("resnet", n_estimators=2, **QUICK), LSTMClassifier(**QUICK)):
        model = estimator.fit(X[:60], CLASSES[:60])
        assert isinstance(model.kernels_, RandomKernels)
        proto = to_onnx(model, X[:2])
        found = outputs(proto, X)
        assert_close(found["label"], model.predict(X))
        assert_close(found["probabilities"], model.predict_proba(X))


@pytest.mark.parametrize("shape", [(), (3,)])
def test_regressors(shape):
    y = 100 + 20 * rng().normal(size=(N, *shape))
    cnn = CNNRegressor("resnet", n_filters=(4,), kernels=FEW, **QUICK).fit(SERIES[:60], y[:60])
    lstm = LSTMRegressor((4,), kernels=FEW, **QUICK).fit(SERIES[:60], y[:60])
    for model in (cnn, lstm):
        check_sizes(model, SERIES, ["predict"])


def test_unequal_lengths_and_missing_numbers_in_classifiers():
    series = unequal(N)
    flat = [x[:, 0] for x in series]
    options = {"kernels": FEW, **QUICK}
    for rows in (series, flat):
        check_sizes(LSTMClassifier((4,), **options).fit(rows[:60], CLASSES[:60]), rows, ["predict"])
    holes = padded(series, np.float64)
    holes[::3, :4, 0] = np.nan
    cnn = CNNClassifier("resnet", n_filters=(4,), missing="mask", **options)
    check_sizes(cnn.fit(holes[:60], CLASSES[:60]), holes, ["predict_proba"])


def test_pipeline():
    clf = make_pipeline(kernels(), StandardScaler(), RidgeClassifierCV())
    X = SERIES.astype(np.float32)
    clf.fit(X[:60], CLASSES[:60])
    assert_close(outputs(to_onnx(clf, X[:2]), X)["label"], clf.predict(X))
