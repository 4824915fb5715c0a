"""Files of autoencoders, variational ones and Boltzmann machines."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

pytest.importorskip("skl2onnx")
pytest.importorskip("onnxruntime")

from agreement import assert_close, outputs, session
from rows import QUICK, check_sizes, padded, rng, unequal

from skdeep import RBM, Autoencoder, VariationalAutoencoder
from skdeep.nets.blocks import ACTIVATIONS
from skdeep.onnx import to_onnx

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ROWS = rng().normal(size=(1000, 6))
SHARES = rng().random((1000, 6)).round(1)
SHARES[:, :2] = SHARES[:, :2] > 0.5
IMAGES = rng().normal(size=(1000, 9, 6, 2))
SERIES = rng().normal(size=(1000, 11, 2))
ALL = ["transform", "reconstruct", "score_samples"]


def autoencoder(X, sizes=(5, 3), **parameters):
    return Autoencoder(sizes, **{**QUICK, **parameters}).fit(X[:40])


def check_way_back(model, X):
    """A file of the decoder alone."""
    proto, codes = to_onnx(model, None, methods=["inverse_transform"]), model.transform(X)
    run = session(proto)
    codes = codes.astype({"tensor(float)": "f4", "tensor(double)": "f8"}[run.get_inputs()[0].type])
    for n in (1, 7, 1000):
        (found,) = run.run(None, {"codes": codes[:n]})
        assert_close(found, model.inverse_transform(codes[:n]))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"decoder_layer_sizes": (4,), "output_activation": "tanh"},
        {"tied": True, "code_activation": "logistic", "sparsity": "kl"},
        {"noise": "gaussian", "contraction": 0.1, "activation": "tanh"},
        {"loss": "cross_entropy"},
        {"loss": "mixed", "transform_layer": 1, "noise": "salt_and_pepper"},
        {"pretraining": "autoencoder", "pretraining_iter": 1, "transform_layer": 3},
    ],
)
def test_dense(options):
    X = SHARES if "loss" in options else ROWS
    for dtype in ("float32", "float64"):
        model = autoencoder(X, dtype=dtype, **options)
        check_sizes(model, X, ALL)
        check_way_back(model, X)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations(activation):
    options = {"activation": activation, "code_activation": activation}
    check_sizes(autoencoder(ROWS, **options), ROWS, ALL)
    conv = autoencoder(IMAGES, encoder="conv", n_filters=(3,), **options)
    check_sizes(conv, IMAGES, ALL)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("sizes", [(5, 3), ()])
def test_images_and_series(sizes, data_format):
    for X in (IMAGES, SERIES):
        X = X if data_format == "channels_last" else np.moveaxis(X, -1, 1)
        options = {"encoder": "conv", "n_filters": (4, 6), "data_format": data_format}
        model = autoencoder(X, sizes, **options)
        check_sizes(model, X, ALL)
        check_way_back(model, X)


def test_signals_and_bytes():
    check_sizes(autoencoder(ROWS, encoder="conv", n_filters=(4,)), ROWS, ALL)
    X = rng().integers(0, 256, (1000, 8, 6)).astype(np.uint8)
    options = {"encoder": "conv", "n_filters": (4, 6), "loss": "cross_entropy"}
    model = autoencoder(X, image_shape=(8, 6), **options)
    for given in (X, X.astype(np.float32), X.reshape(1000, 48)):
        proto = to_onnx(model, given[:2], methods=ALL)
        for value, method in zip(outputs(proto, given).values(), ALL):
            assert_close(value, getattr(model, method)(given))
    check_way_back(model, X)


@pytest.mark.parametrize("sizes", [(3,), (5, 4, 3)])
@pytest.mark.parametrize("output_activation", ["identity", "tanh"])
def test_sequences(sizes, output_activation):
    options = {"encoder": "lstm", "output_activation": output_activation}
    model = autoencoder(SERIES, sizes, **options)
    check_sizes(model, SERIES, ALL)
    check_way_back(model, SERIES)


def test_sequences_of_unequal_length():
    series = unequal(1000)
    model = autoencoder(series, encoder="lstm")
    check_sizes(model, series, ["transform", "score_samples"])
    given = padded(series)
    (found,) = outputs(to_onnx(model, given[:2], methods=["reconstruct"]), given).values()
    assert np.isnan(found).tolist() == np.isnan(given).tolist()
    for made, expected in zip(found, model.reconstruct(series)):
        assert_close(made[: len(expected)], expected)
    with pytest.raises(ValueError, match="a code does not say how long its row was"):
        to_onnx(model, None, methods=["inverse_transform"])


@pytest.mark.parametrize("hidden", [(8,), (), (8, 4)])
@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
def test_variational(likelihood, hidden):
    X = SHARES if likelihood == "bernoulli" else ROWS
    options = {"hidden_layer_sizes": hidden, "likelihood": likelihood, "n_draws": 5}
    for dtype in ("float32", "float64"):
        model = VariationalAutoencoder(3, dtype=dtype, **options, **QUICK).fit(X[:40])
        check_sizes(model, X, ALL)
        check_way_back(model, X)


def test_draws_of_a_score_need_a_seed():
    model = VariationalAutoencoder(3, **{**QUICK, "random_state": None}).fit(ROWS[:40])
    with pytest.raises(ValueError, match="random_state=None others in each call: set random_state"):
        to_onnx(model, ROWS[:2], methods=["score_samples"])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("X", [ROWS, SHARES], ids=["gaussian", "bernoulli"])
def test_boltzmann_machines(X, dtype):
    model = RBM(4, **QUICK).fit(X[:40].astype(dtype))
    check_sizes(model, X, ["transform", "score_samples"])
    check_way_back(model, X)


def test_samples_of_given_noise():
    model = VariationalAutoencoder(3, **QUICK).fit(ROWS[:40])
    noise = np.random.RandomState(5).standard_normal((7, 3))
    (found,) = session(to_onnx(model, None, methods=["sample"])).run(None, {"noise": noise})
    assert_close(found, model.sample(7, random_state=5))


def test_methods_that_take_no_rows():
    model = autoencoder(ROWS)
    with pytest.raises(ValueError, match="'inverse_transform' of Autoencoder takes no rows"):
        to_onnx(model, ROWS[:2], methods=["inverse_transform"])
    with pytest.raises(ValueError, match="takes no rows: expected X=None and no other method"):
        to_onnx(model, None, methods=["transform", "inverse_transform"])
    with pytest.raises(ValueError, match="X=None: expected some rows like those that Autoencoder"):
        to_onnx(model, None)
    pipe = make_pipeline(StandardScaler(), model).fit(ROWS[:40])
    with pytest.raises(ValueError, match="step 'autoencoder': inverse_transform takes no rows"):
        to_onnx(pipe, ROWS[:2], methods=["inverse_transform"])
