"""Autoencoder of vectors: what each option does, and what makes no sense."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import Autoencoder

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

QUICK = {"random_state": 0, "device": "cpu", "learning_rate": "cosine", "tol": 0}


def error(net, X, target=None):
    return np.square(net.reconstruct(X) - (X if target is None else target)).mean()


def test_linear_autoencoder_is_as_good_as_principal_components(digits):
    X = digits[0]
    net = Autoencoder(
        (8,), alpha=0.0, max_iter=300, learning_rate_init=0.01, n_iter_no_change=np.inf, **QUICK
    ).fit(X)
    pca = PCA(8).fit(X)
    best = np.square(pca.inverse_transform(pca.transform(X)) - X).mean()
    assert best * 0.999 < error(net, X) < 1.03 * best


def test_deep_autoencoder_beats_principal_components(digits):
    X = digits[0]
    net = Autoencoder((128, 8), max_iter=120, learning_rate_init=0.005, **QUICK).fit(X)
    pca = PCA(8).fit(X)
    assert error(net, X) < np.square(pca.inverse_transform(pca.transform(X)) - X).mean()


@pytest.mark.parametrize("layer", ["code", 1, 2, 3])
def test_layers_and_the_way_back(digits, layer):
    X, X_test, *_ = digits
    net = Autoencoder((32, 6), transform_layer=layer, max_iter=3, **QUICK).fit(X)
    H = net.transform(X_test)
    width = {"code": 6, 1: 32, 2: 6, 3: 32}[layer]
    assert H.shape == (len(X_test), width)
    np.testing.assert_allclose(net.inverse_transform(H), net.reconstruct(X_test), atol=1e-12)
    names = net.get_feature_names_out()
    assert len(names) == width and names[0] == "autoencoder0"
    framed = clone(net).set_output(transform="pandas").fit(X).transform(X_test)
    assert list(framed.columns) == list(names)
    per_row = -np.square(net.reconstruct(X_test) - X_test).mean(1)
    np.testing.assert_allclose(net.score_samples(X_test), per_row)
    assert net.score(X_test) == pytest.approx(per_row.mean())


def test_decoder_of_its_own(digits):
    net = Autoencoder((32, 6), decoder_layer_sizes=(20, 10), max_iter=2, **QUICK).fit(digits[0])
    assert net.net_.module_.config["decoder_units"] == (6, 20, 10, 64)


def test_tied_weights_are_one_set(digits):
    X = digits[0]
    net = Autoencoder((32, 6), tied=True, max_iter=20, learning_rate_init=0.005, **QUICK).fit(X)
    sizes = [tuple(p.shape) for p in net.net_.module_.parameters()]
    assert sorted(map(len, sizes)) == [1, 1, 1, 1, 2, 2]
    assert error(net, X) < 0.7 * X.var(0).mean()


@pytest.mark.parametrize("noise", ["masking", "gaussian", "salt_and_pepper"])
def test_denoising_takes_noise_away(digits, noise):
    X, X_test, *_ = digits
    nets = [
        Autoencoder((128, 64), noise=kind, max_iter=60, learning_rate_init=0.003, **QUICK).fit(X)
        for kind in (None, noise)
    ]
    generator = torch.Generator().manual_seed(1)
    corrupted = nets[1].net_.module_.noise.corrupt(torch.as_tensor(X_test), generator).numpy()
    plain, denoising = (error(net, corrupted, X_test) for net in nets)
    assert denoising < 0.6 * np.square(corrupted - X_test).mean()
    assert denoising < 0.9 * plain


def test_noise_follows_its_rate(digits):
    from skdeep.nets.corruption import Corruption

    x = torch.rand(400, 50, generator=torch.Generator().manual_seed(0)) * 0.8 + 0.1
    generator = torch.Generator().manual_seed(1)
    masked = Corruption("masking", 0.3).corrupt(x, generator)
    assert (masked == 0).double().mean() == pytest.approx(0.3, abs=0.01)
    assert ((masked == 0) | (masked == x)).all()
    noisy = Corruption("gaussian", 0.3).corrupt(x, generator)
    assert (noisy - x).std() == pytest.approx(0.3, abs=0.01)
    low, high = (0.0,) * 50, (1.0,) * 50
    peppered = Corruption("salt_and_pepper", 0.3, low, high).corrupt(x, generator)
    for value in (0, 1):
        assert (peppered == value).double().mean() == pytest.approx(0.15, abs=0.01)


def test_contraction_makes_codes_insensitive(digits):
    X = digits[0]

    def sensitivity(net):
        step = 1e-4 * np.random.RandomState(0).normal(size=X.shape)
        return np.square(net.transform(X + step) - net.transform(X)).sum(1).mean()

    nets = [
        Autoencoder(
            (32, 8), "logistic", code_activation="logistic", contraction=weight, max_iter=40,
            learning_rate_init=0.01, **QUICK,
        ).fit(X)
        for weight in (0.0, 0.1)
    ]  # fmt: skip
    assert sensitivity(nets[1]) < 0.5 * sensitivity(nets[0])


@pytest.mark.parametrize("kind", ["l1", "kl"])
def test_sparsity_makes_codes_sparse(digits, kind):
    X = digits[0]
    options = {"code_activation": "logistic"} if kind == "kl" else {"code_activation": "relu"}
    nets = [
        Autoencoder(
            (64,), sparsity=kind, sparsity_weight=weight, max_iter=60, learning_rate_init=0.01,
            **options, **QUICK,
        ).fit(X)
        for weight in (0.0, 0.01)
    ]  # fmt: skip
    means = [np.abs(net.transform(X)).mean() for net in nets]
    assert means[1] < 0.6 * means[0]
    if kind == "kl":
        assert means[1] == pytest.approx(0.05, abs=0.05)


def test_losses(digits):
    X = digits[0]
    bits = (X > 0.5).astype(float)
    net = Autoencoder((32, 8), loss="cross_entropy", max_iter=20, **QUICK).fit(X)
    out = net.reconstruct(X)
    assert out.min() >= 0 and out.max() <= 1
    per_row = (X * np.log(out) + (1 - X) * np.log1p(-out)).mean(1)
    np.testing.assert_allclose(net.score_samples(X), per_row, rtol=1e-6)
    both = np.hstack([bits[:, 20:40], 5 + 3 * X[:, 20:40]])
    net = Autoencoder((32, 8), loss="mixed", max_iter=60, learning_rate_init=0.01, **QUICK)
    out = net.fit(both).reconstruct(both)
    assert out[:, :20].min() >= 0 and out[:, :20].max() <= 1 and out[:, 20:].max() > 2
    np.testing.assert_allclose(net.inverse_transform(net.transform(both)), out)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", ["autoencoder", "rbm"])
def test_pretraining_helps_a_deep_logistic_network(digits, kind, tied):
    X, X_test, *_ = digits
    plain, pretrained = (
        Autoencoder(
            (100, 50, 25, 10), "logistic", code_activation="logistic", loss="cross_entropy",
            tied=tied, pretraining=pretraining, pretraining_iter=40, max_iter=20,
            learning_rate_init=0.005, **QUICK,
        ).fit(X)
        for pretraining in (None, kind)
    )  # fmt: skip
    assert error(pretrained, X_test) < 0.9 * error(plain, X_test)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"hidden_layer_sizes": (5, 0)}, "must be > 0"),
        ({"hidden_layer_sizes": ()}, "must be > 0"),
        ({"tied": True, "decoder_layer_sizes": (3,)}, "tied=True needs a mirrored decoder"),
        ({"pretraining": "rbm"}, "pretraining='rbm' needs activation='logistic'"),
        ({"pretraining": "autoencoder", "decoder_layer_sizes": (3,)}, "pretraining needs"),
        ({"sparsity": "kl"}, "sparsity='kl' needs code_activation='logistic'"),
        ({"noise": "masking", "noise_rate": 1.5}, "noise_rate=1.5"),
        ({"loss": "cross_entropy", "output_activation": "tanh"}, "has its own output"),
        ({"transform_layer": 9}, "transform_layer=9"),
        ({"loss": "cross_entropy"}, r"needs values in \[0, 1\]"),
        ({"solver": "lbfgs"}, "solver"),
        ({"contraction": -1.0}, "contraction"),
    ],
)
def test_what_makes_no_sense_is_refused(digits, params, words):
    with pytest.raises(ValueError, match=words):
        Autoencoder(**params).fit(digits[0] * 3)


def test_codes_of_the_wrong_width_are_refused(digits):
    net = Autoencoder((8, 4), max_iter=1, **QUICK).fit(digits[0])
    with pytest.raises(ValueError, match="5 columns.*4 units"):
        net.inverse_transform(np.zeros((2, 5)))


def test_warm_start_and_early_stopping(digits):
    X, X_test, *_ = digits
    net = Autoencoder((32, 8), warm_start=True, max_iter=5, random_state=0, device="cpu").fit(X)
    first = error(net, X)
    assert error(net.fit(X), X) < first and len(net.loss_curve_) == 10
    with pytest.raises(ValueError, match="warm_start"):
        net.set_params(hidden_layer_sizes=(16, 8)).fit(X)
    assert error(net.set_params(hidden_layer_sizes=(32, 8)), X) < first
    net = Autoencoder((32, 8), early_stopping=True, max_iter=30, **QUICK).fit(X, X_val=X_test)
    np.testing.assert_allclose(net.best_validation_score_, net.score(X_test), rtol=1e-6)


def test_search_in_a_pipeline(digits):
    X, X_test, y, y_test = digits
    pipe = make_pipeline(
        StandardScaler(), Autoencoder(max_iter=10, **QUICK), LogisticRegression(max_iter=300)
    )
    grid = {"autoencoder__hidden_layer_sizes": [(64, 2), (64, 20)]}
    search = GridSearchCV(pipe, grid, cv=2).fit(X, y)
    assert search.best_params_ == {"autoencoder__hidden_layer_sizes": (64, 20)}
    assert search.score(X_test, y_test) > 0.7
