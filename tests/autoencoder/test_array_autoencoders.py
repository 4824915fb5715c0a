"""Autoencoder with encoder='conv' and 'lstm': layouts, lengths, what makes no sense."""

import pickle

import checks
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdeep import Autoencoder
from skdeep.plotting import ReconstructionDisplay

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

QUICK = {"random_state": 0, "device": "cpu", "learning_rate": "cosine", "tol": 0}
DIGITS = load_digits()
PICTURES = (DIGITS.images[:800] / 16).astype(np.float32)
COLOUR = np.stack([PICTURES, 1 - PICTURES, PICTURES * np.linspace(0, 1, 8)], 3)[:100, :, :6]


def waves(n=150, ragged=True, seed=0):
    """Series of two channels: cycles of any phase and pace, and what they say of each other."""
    rng = np.random.RandomState(seed)
    out = []
    for length in rng.randint(8, 25, n) if ragged else np.full(n, 20):
        phase = rng.uniform(0, 6) + rng.uniform(0.2, 0.5) * np.arange(length)
        series = np.column_stack([np.sin(phase), 100 + 10 * np.cos(phase)])
        out.append(series + [0.05, 0.5] * rng.normal(size=(length, 2)))
    return out if ragged else np.stack(out)


def make(encoder, **params):
    return Autoencoder(**{
        "hidden_layer_sizes": (24, 6), "encoder": encoder, "n_filters": (6, 8), "max_iter": 2,
        **QUICK, **params,
    })  # fmt: skip


LAYOUTS = {
    "grey": (PICTURES[:100], {"encoder": "conv", "image_shape": (8, 8)}),
    "flat": (DIGITS.data[:100], {"encoder": "conv", "image_shape": (8, 8)}),
    "colour": (COLOUR, {"encoder": "conv"}),
    "channels first": (
        np.moveaxis(COLOUR, 3, 1),
        {"encoder": "conv", "data_format": "channels_first"},
    ),
    "flat colour": (COLOUR.reshape(100, -1), {"encoder": "conv", "image_shape": (8, 6, 3)}),
    "bytes": (
        (DIGITS.images[:100] * 15).astype(np.uint8),
        {"encoder": "conv", "image_shape": (8, 8)},
    ),
    "tensor": (torch.as_tensor(COLOUR), {"encoder": "conv"}),
    "signals": (DIGITS.data[:100, :13], {"encoder": "conv"}),
    "series": (waves(40, ragged=False), {"encoder": "conv"}),
    "lstm": (waves(40, ragged=False), {"encoder": "lstm"}),
    "lstm, channels first": (
        waves(40, ragged=False).transpose(0, 2, 1),
        {"encoder": "lstm", "data_format": "channels_first"},
    ),
    "lstm, signals": (DIGITS.data[:100, :13], {"encoder": "lstm"}),
    "lstm, one step": (DIGITS.data[:100, 3:4], {"encoder": "lstm"}),
    "conv, one number": (DIGITS.data[:100, 3:4], {"encoder": "conv"}),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_rows_come_back_as_they_went_in(name):
    X, params = LAYOUTS[name]
    net = make(**params).fit(X)
    codes, restored = net.transform(X), net.reconstruct(X)
    assert codes.shape == (len(X), 6) and restored.shape == tuple(X.shape)
    np.testing.assert_allclose(net.inverse_transform(codes), restored, atol=1e-4)
    values = np.asarray(X, dtype=float)
    spread = values.std()
    if values[0].size > 64 or (values.ndim == 3 and net.image_shape is None):  # several channels
        channels = {"channels_first": 1}.get(net.data_format, -1)
        apart = values.reshape(len(X), 8, 6, 3) if name == "flat colour" else values
        others = tuple(np.delete(np.arange(apart.ndim), channels))
        spread = np.broadcast_to(apart.std(others, keepdims=True), apart.shape)
        spread = spread.reshape(values.shape)
    errors = np.square((restored - values) / spread).reshape(len(X), -1).mean(1)
    np.testing.assert_allclose(net.score_samples(X), -errors, 1e-4)
    again = pickle.loads(pickle.dumps(net))
    np.testing.assert_array_equal(again.transform(X), codes)
    np.testing.assert_array_equal(again.reconstruct(X), restored)
    assert len(net.get_feature_names_out()) == 6


def test_layouts_of_the_same_pictures_are_the_same_pictures():
    flat = make("conv", image_shape=(8, 6, 3)).fit(COLOUR.reshape(100, -1))
    last = make("conv").fit(COLOUR)
    first = make("conv", data_format="channels_first").fit(np.moveaxis(COLOUR, 3, 1))
    codes = last.transform(COLOUR)
    np.testing.assert_allclose(flat.transform(COLOUR.reshape(100, -1)), codes, atol=1e-5)
    np.testing.assert_allclose(first.transform(np.moveaxis(COLOUR, 3, 1)), codes, atol=1e-5)
    np.testing.assert_allclose(
        np.moveaxis(first.reconstruct(np.moveaxis(COLOUR, 3, 1)), 1, 3),
        last.reconstruct(COLOUR),
        atol=1e-5,
    )


@pytest.mark.parametrize("params", [{}, {"loss": "cross_entropy"}, {"noise": "gaussian"}])
def test_bytes_are_numbers_from_0_to_1(params, tmp_path):
    pictures = (DIGITS.images[:100] * 15).astype(np.uint8)
    common = {"image_shape": (8, 8), **params}
    of_bytes = make("conv", **common).fit(pictures)
    of_floats = make("conv", **common).fit((pictures / 255).astype(np.float32))
    restored = of_bytes.reconstruct(pictures)
    np.testing.assert_allclose(
        restored / 255, of_floats.reconstruct(pictures / np.float32(255)), atol=1e-4
    )
    np.save(tmp_path / "pictures.npy", pictures)
    on_disk = np.load(tmp_path / "pictures.npy", mmap_mode="r")
    np.testing.assert_allclose(make("conv", **common).fit(on_disk).reconstruct(on_disk), restored)


def test_convolutions_learn_pictures():
    net = make(
        "conv", hidden_layer_sizes=(64, 8), n_filters=(12, 24), image_shape=(8, 8), max_iter=30,
        learning_rate_init=0.01, batch_size=50,
    ).fit(PICTURES)  # fmt: skip
    flat = PICTURES.reshape(len(PICTURES), -1)
    pca = PCA(8).fit(flat)
    best = np.square(pca.inverse_transform(pca.transform(flat)) - flat).mean()
    assert np.square(net.reconstruct(PICTURES) - PICTURES).mean() < 0.75 * best


@pytest.mark.parametrize(
    "params", [{}, {"loss": "cross_entropy"}, {"output_activation": "logistic"}]
)
def test_convolutions_start_at_the_mean_picture(params):
    """Whatever restores the mean of all pixels has learned nothing yet; worse is a bad start."""
    net = make("conv", image_shape=(8, 8), max_iter=1, learning_rate_init=1e-9, **params)
    mean = PICTURES.mean()
    error = {"": 1.0, "loss": -mean * np.log(mean) - (1 - mean) * np.log(1 - mean),
             "output_activation": PICTURES.var()}["".join(params)]  # fmt: skip
    assert net.fit(PICTURES).score(PICTURES) == pytest.approx(-error, rel=0.05)
    net.set_params(max_iter=10, learning_rate_init=0.01, batch_size=50)
    error = np.square(net.fit(PICTURES).reconstruct(PICTURES) - PICTURES).mean()
    assert error < 0.4 * PICTURES.var()


@pytest.mark.parametrize("ragged", [True, False])
def test_a_recurrent_network_learns_series(ragged):
    X, X_test = waves(200, ragged), waves(100, ragged, seed=1)
    net = make("lstm", hidden_layer_sizes=(32, 6), max_iter=60, learning_rate_init=0.02,
               batch_size=50).fit(X)  # fmt: skip
    assert net.score(X_test) > -0.5  # of a variance of 1
    assert net.input_shape_ == ((None, 2) if ragged else (20, 2))


def test_series_of_unequal_length():
    X = waves(60)
    net = make("lstm").fit(X)
    assert "n_features_in_" not in vars(net)
    restored = net.reconstruct(X)
    assert isinstance(restored, list)
    assert [r.shape for r in restored] == [x.shape for x in X]
    values = np.concatenate(X)
    scores = [-np.square((r - x) / values.std(0)).mean() for r, x in zip(restored, X)]
    np.testing.assert_allclose(net.score_samples(X), scores, rtol=1e-4)
    for i in (0, 7):  # a row by itself, without padding
        np.testing.assert_allclose(net.transform(X[i : i + 1])[0], net.transform(X)[i], atol=1e-5)
        np.testing.assert_allclose(net.reconstruct(X[i : i + 1])[0], restored[i], atol=1e-3)
    lengths = [len(x) for x in X]
    made = net.inverse_transform(net.transform(X), lengths)
    for one, other in zip(made, restored):
        np.testing.assert_allclose(one, other, atol=1e-3)
    turned = make("lstm", data_format="channels_first").fit([x.T for x in X])
    assert [r.shape for r in turned.reconstruct([x.T for x in X])] == [x.T.shape for x in X]
    assert turned.inverse_transform(turned.transform([X[0].T]), [5])[0].shape == (2, 5)


def test_sequences_are_written_from_their_end():
    net = make("lstm").fit(waves(60))
    codes = net.transform(waves(5, seed=3))
    short, long = (net.inverse_transform(codes, [n] * 5) for n in (3, 9))
    for a, b in zip(short, long):
        np.testing.assert_allclose(a, b[-3:], atol=1e-4)


@pytest.mark.parametrize("noise", ["masking", "gaussian", "salt_and_pepper"])
def test_denoising_pictures(noise):
    X, X_test = PICTURES[:600], PICTURES[600:]
    nets = [
        make("conv", hidden_layer_sizes=(), n_filters=(16,), code_activation="relu", noise=kind,
             image_shape=(8, 8), max_iter=20, learning_rate_init=0.02, batch_size=50).fit(X)
        for kind in (None, noise)
    ]  # fmt: skip
    assert nets[0].transform(X[:2]).shape == (2, 16 * 4 * 4)
    generator = torch.Generator().manual_seed(1)
    corrupt = nets[1].net_.module_.noise.corrupt
    corrupted = corrupt(torch.as_tensor(X_test)[:, None], generator)[:, 0].numpy()
    plain, denoising = (np.square(net.reconstruct(corrupted) - X_test).mean() for net in nets)
    assert denoising < 0.7 * np.square(corrupted - X_test).mean()
    assert denoising < 0.9 * plain


def test_noise_of_channels_and_none_behind_the_end_of_a_series():
    net = make("lstm", noise="salt_and_pepper", noise_rate=0.9).fit(waves(60))
    module = net.net_.module_.train()
    values = np.concatenate(waves(60))
    np.testing.assert_allclose(module.noise.low.flatten(), values.min(0))
    module.noise.generator = torch.Generator().manual_seed(0)
    x, lengths = torch.zeros(2, 2, 6), torch.tensor([6, 2])
    x, lengths, mask = module.prepared((x, lengths))
    corrupted = module._corrupted(x, module.scale(x, mask), mask)
    assert (corrupted[1, :, 2:] == 0).all() and (corrupted[0] != 0).any()


@pytest.mark.parametrize("encoder", ["conv", "lstm"])
def test_sparse_codes(encoder):
    X = PICTURES[:300]
    codes = [
        make(encoder, sparsity="l1", sparsity_weight=weight, code_activation="relu", max_iter=20,
             learning_rate_init=0.01).fit(X).transform(X)
        for weight in (0.0, 0.1)
    ]  # fmt: skip
    assert np.abs(codes[1]).mean() < 0.5 * np.abs(codes[0]).mean()


@pytest.mark.parametrize("encoder", ["conv", "lstm"])
def test_early_stopping_warm_start_and_sets_to_validate_on(encoder):
    X, X_test = waves(100, ragged=False), waves(50, ragged=False, seed=1)
    net = make(encoder, early_stopping=True, max_iter=10).fit(X, X_val=X_test)
    assert net.best_validation_score_ == pytest.approx(net.score(X_test), rel=1e-5)
    assert len(make(encoder, early_stopping=True).fit(X).validation_scores_) == 2
    net = make(encoder, warm_start=True, max_iter=5).fit(X)
    first = net.score(X)
    assert net.fit(X).score(X) > first and len(net.loss_curve_) == 10
    with pytest.raises(ValueError, match="warm_start"):
        net.set_params(hidden_layer_sizes=(24, 7)).fit(X)
    with pytest.raises(ValueError, match="warm_start"):
        net.set_params(hidden_layer_sizes=(24, 6), encoder="dense").fit(X.reshape(100, -1))
    if encoder == "lstm":
        ragged = make(encoder, early_stopping=True).fit(waves(100), X_val=waves(20, seed=1))
        assert ragged.best_validation_score_ == pytest.approx(
            ragged.score(waves(20, seed=1)), rel=1e-4
        )


@pytest.mark.parametrize("encoder", ["conv", "lstm"])
def test_a_row_of_weight_two_is_a_row_twice(encoder):
    X = waves(30, ragged=False)
    weight = np.arange(30) % 3
    twice = np.repeat(X, weight, axis=0)
    params = {"max_iter": 10, "dtype": "float64", "shuffle": False}
    weighted = make(encoder, **params).fit(X, sample_weight=weight)
    np.testing.assert_allclose(
        weighted.transform(X), make(encoder, **params).fit(twice).transform(X), rtol=1e-6
    )


def test_search_over_encoders_in_a_pipeline():
    pipe = make_pipeline(
        make("conv", image_shape=(8, 8), max_iter=15, learning_rate_init=0.01),
        LogisticRegression(max_iter=500),
    )
    grid = {"autoencoder__hidden_layer_sizes": [(24, 1), (64, 20)]}
    search = GridSearchCV(pipe, grid, cv=2).fit(PICTURES, DIGITS.target[:800])
    assert search.best_params_ == {"autoencoder__hidden_layer_sizes": (64, 20)}
    framed = clone(pipe[0]).set_output(transform="pandas").fit_transform(PICTURES)
    assert list(framed.columns[:2]) == ["autoencoder0", "autoencoder1"]


def test_tags_follow_the_encoder():
    assert not get_tags(Autoencoder()).input_tags.three_d_array
    assert get_tags(make("conv")).input_tags.three_d_array
    assert get_tags(make("lstm")).input_tags.three_d_array


@pytest.mark.parametrize(
    ("params", "X", "words"),
    [
        ({"encoder": "conv", "tied": True}, PICTURES, "tied=True requires encoder='dense'"),
        ({"encoder": "lstm", "pretraining": "rbm"}, PICTURES, "pretraining='rbm' requires encoder"),
        ({"encoder": "conv", "contraction": 0.1}, PICTURES, "contraction=0.1 requires encoder"),
        ({"encoder": "conv", "transform_layer": 1}, PICTURES, "transform_layer=1 requires encoder"),
        ({"encoder": "conv", "loss": "mixed"}, PICTURES, "loss='mixed' requires encoder='dense'"),
        ({"encoder": "lstm", "weight_init": "he_normal"}, PICTURES, "weight_init='he_normal'"),
        ({"encoder": "lstm", "image_shape": (8, 8)}, PICTURES, "image_shape=.* encoder='conv'"),
        ({"image_shape": (8, 8)}, DIGITS.data, "image_shape=.* requires encoder='conv'"),
        ({"encoder": "conv", "n_filters": (4, 0)}, PICTURES, "n_filters must be > 0"),
        ({"encoder": "conv", "n_filters": ()}, PICTURES, "n_filters must be > 0"),
        ({"encoder": "lstm", "hidden_layer_sizes": ()}, PICTURES, "must be > 0"),
        (
            {"encoder": "conv", "hidden_layer_sizes": (), "decoder_layer_sizes": (5,)},
            PICTURES,
            "the maps of the convolutions are the code",
        ),
        ({"encoder": "conv"}, waves(5), "encoder='conv' needs series of one length"),
        ({"encoder": "conv", "loss": "cross_entropy"}, PICTURES * 2, r"values in \[0, 1\]"),
        ({"encoder": "lstm", "loss": "cross_entropy"}, waves(5), r"values in \[0, 1\]"),
        ({"encoder": "lstm"}, COLOUR, "Found array with dim 4"),
        ({"encoder": "conv"}, PICTURES * np.nan, "NaN"),
        ({"encoder": "lstm"}, [np.ones((3, 2)), np.ones((0, 2))], "0 steps"),
        ({"encoder": "lstm"}, [np.ones((3, 2)), np.ones((3, 1))], "same number of channels"),
        ({"encoder": "transformer"}, PICTURES, "encoder"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(params, X, words):
    with pytest.raises(ValueError, match=words):
        Autoencoder(**{"max_iter": 1, "device": "cpu", **params}).fit(X)


def test_rows_of_another_shape_are_refused():
    net = make("conv").fit(COLOUR)
    with pytest.raises(ValueError, match="images of 8 x 8 pixels"):
        net.reconstruct(np.zeros((2, 8, 8, 3)))
    with pytest.raises(ValueError, match="2 channels"):
        net.transform(COLOUR[..., :2])
    with pytest.raises(ValueError, match="5 columns.*6 units"):
        net.inverse_transform(np.zeros((2, 5)))
    with pytest.raises(ValueError, match="rows of `fit` were of one shape"):
        net.inverse_transform(np.zeros((2, 6)), lengths=[3, 4])
    net = make("lstm").fit(waves(20))
    with pytest.raises(ValueError, match="does not say how long"):
        net.inverse_transform(np.zeros((2, 6)))
    with pytest.raises(ValueError, match="whole numbers from 1"):
        net.inverse_transform(np.zeros((2, 6)), lengths=[3, 0])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        net.inverse_transform(np.zeros((2, 6)), lengths=[3])


# --- display -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoder", "X", "params"),
    [
        ("conv", PICTURES[:30], {"image_shape": (8, 8)}),
        ("conv", COLOUR[:30], {}),
        ("conv", (COLOUR[:30] * 255).astype(np.uint8), {}),
        ("conv", np.moveaxis(COLOUR[:30], 3, 1), {"data_format": "channels_first"}),
        ("conv", PICTURES[:30, :, :, None], {}),
        ("lstm", waves(30, ragged=False), {}),
        ("lstm", waves(30), {}),
        ("lstm", [x.T for x in waves(30)], {"data_format": "channels_first"}),
    ],
)
def test_display_of_pictures_and_series(encoder, X, params):
    plt = pytest.importorskip("matplotlib.pyplot")
    net = make(encoder, max_iter=1, **params).fit(X)
    display = ReconstructionDisplay.from_estimator(net, X, targets=X, n_rows=3)
    assert display.axes_.shape == (3, 3)
    one, again = display.axes_[0, 1], display.axes_[2, 1]  # the input, and the target
    if encoder == "conv":
        shown = np.asarray(one.images[0].get_array())
        assert shown.shape == ((8, 6, 3) if X[0].size == 144 else (8, 8))
        assert shown.min() >= 0 and shown.max() <= 1
        np.testing.assert_array_equal(shown, again.images[0].get_array())
        assert len(display.axes_[1, 1].images) == 1
    else:
        axis = 1 if "data_format" in params else 0
        assert len(one.lines) == 2
        assert len(one.lines[0].get_ydata()) == X[1].shape[axis]
    plt.close(display.figure_)


# --- scikit-learn's checks and ours ------------------------------------------------------------


def tiny(encoder):
    return Autoencoder((16, 4), encoder=encoder, n_filters=(8,), max_iter=5)


@parametrize_with_checks([tiny("conv"), tiny("lstm")])
@pytest.mark.filterwarnings("ignore:Got `batch_size` less than 1 or larger")
def test_sklearn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda c: c.__name__)
@pytest.mark.parametrize("encoder", ["conv", "lstm"])
def test_own_checks(encoder, check):
    check(tiny(encoder))


@pytest.mark.parametrize("encoder", ["conv", "lstm"])
def test_read_only_memmap(encoder, tmp_path):
    checks.check_read_only_memmap(tiny(encoder), tmp_path)
