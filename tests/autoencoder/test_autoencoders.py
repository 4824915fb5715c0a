"""Autoencoder, VariationalAutoencoder and RBM: what each option does, and what makes no sense."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import (
    check_sample_weight_equivalence_on_dense_data,
    check_sample_weight_equivalence_on_sparse_data,
)

from skdeep import RBM, Autoencoder, MLPClassifier, VariationalAutoencoder

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

QUICK = {"random_state": 0, "device": "cpu", "learning_rate": "cosine", "tol": 0}


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:1200] / 16.0, X[1200:] / 16.0, y[:1200], y[1200:]


def error(net, X, target=None):
    return np.square(net.reconstruct(X) - (X if target is None else target)).mean()


# --- Autoencoder ------------------------------------------------------------------------------


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


# --- VariationalAutoencoder ---------------------------------------------------------------------


def test_bound_of_a_model_whose_likelihood_is_known():
    """Where rows do not depend on the code, the likelihood is that of the output alone."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(500, 3)) * [0.5, 1.0, 2.0]
    vae = VariationalAutoencoder(2, n_draws=10, max_iter=1, random_state=0, device="cpu").fit(X)
    module = vae.net_.module_
    with torch.no_grad():
        for linear in (*module.encoder[-1:], *module.decoder):
            linear.weight.zero_()
            linear.bias.zero_()
        variance = torch.tensor([0.25, 1.0, 4.0], dtype=torch.float64)
        module.spread.copy_(torch.log(torch.expm1((variance - 0.05**2) * np.log(2))))
    exact = -0.5 * (X**2 / [0.25, 1, 4] + np.log(2 * np.pi * np.array([0.25, 1, 4]))).sum(1)
    np.testing.assert_allclose(vae.score_samples(X), exact, rtol=1e-9)


def test_without_hidden_layers_all_maps_are_linear():
    X = np.random.RandomState(0).normal(size=(60, 4))
    vae = VariationalAutoencoder(2, hidden_layer_sizes=(), max_iter=3, random_state=0).fit(X)
    codes = vae.transform(X)
    np.testing.assert_allclose(vae.transform((X[:30] + X[30:]) / 2), (codes[:30] + codes[30:]) / 2)
    np.testing.assert_allclose(vae.inverse_transform(codes), vae.reconstruct(X))


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
def test_vae_learns_and_samples(digits, likelihood):
    X, X_test, *_ = digits
    vae = VariationalAutoencoder(
        8, likelihood=likelihood, max_iter=40, learning_rate_init=0.005, **QUICK
    ).fit(X)
    assert vae.score_samples(X_test).mean() > vae.score_samples(1 - X_test).mean() + 20
    assert np.square(vae.reconstruct(X_test) - X_test).mean() < 0.6 * X_test.var(0).mean()
    np.testing.assert_allclose(
        vae.inverse_transform(vae.transform(X_test)), vae.reconstruct(X_test), atol=1e-12
    )
    rows = vae.sample(500, random_state=0)
    np.testing.assert_array_equal(rows, vae.sample(500, random_state=0))
    assert np.corrcoef(rows.mean(0), X.mean(0))[0, 1] > 0.95
    draws = vae.sample(500, random_state=0, mean=False)
    assert draws.std(0).mean() > rows.std(0).mean()
    if likelihood == "bernoulli":
        assert set(np.unique(draws)) == {0.0, 1.0}


def test_more_draws_tighten_the_bound(digits):
    X = digits[0]
    vae = VariationalAutoencoder(4, likelihood="bernoulli", max_iter=20, **QUICK).fit(X)
    bounds = [vae.set_params(n_draws=n).score_samples(X[:200]).mean() for n in (1, 10, 200)]
    assert bounds[0] < bounds[1] < bounds[2]


def test_beta_limits_what_codes_say(digits):
    X = digits[0]
    spread = [
        VariationalAutoencoder(4, likelihood="bernoulli", beta=beta, max_iter=30, **QUICK)
        .fit(X)
        .transform(X)
        .std(0)
        .mean()
        for beta in (0.1, 20.0)
    ]
    assert spread[1] < 0.5 * spread[0]


def test_without_drawn_codes_nothing_is_random_and_weights_are_repetitions(digits):
    X, X_test, *_ = digits
    options = {"likelihood": "bernoulli", "max_iter": 40, "learning_rate_init": 0.005}
    drawn, held = (
        VariationalAutoencoder(8, draw_codes=draw, **options, **QUICK).fit(X)
        for draw in (True, False)
    )
    assert error(held, X_test) < 0.9 * error(drawn, X_test)
    assert np.isfinite(held.score_samples(X_test)).all()
    for name in ("gaussian", "bernoulli"):
        vae = VariationalAutoencoder(draw_codes=False, likelihood=name, max_iter=40)
        if name == "gaussian":  # the data of the check are no probabilities
            check_sample_weight_equivalence_on_dense_data("VariationalAutoencoder", vae)
        weight = np.arange(100) % 3
        common = vae.set_params(random_state=0, device="cpu", max_iter=5)
        weighted = clone(common).fit(X[:100], sample_weight=weight)
        repeated = clone(common).fit(np.repeat(X[:100], weight, axis=0))
        np.testing.assert_allclose(weighted.transform(X), repeated.transform(X), rtol=1e-6)


def test_vae_refuses():
    X = np.random.RandomState(0).normal(size=(20, 3))
    with pytest.raises(ValueError, match=r"likelihood='bernoulli' needs values in \[0, 1\]"):
        VariationalAutoencoder(likelihood="bernoulli").fit(X)
    vae = VariationalAutoencoder(2, max_iter=1, device="cpu").fit(X)
    with pytest.raises(ValueError, match="n_samples=0"):
        vae.sample(0)


# --- RBM ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("visible", ["bernoulli", "gaussian"])
def test_free_energy_is_that_of_a_sum_over_all_states(visible):
    rng = np.random.RandomState(0)
    X = rng.uniform(size=(30, 5)) if visible == "bernoulli" else rng.normal(size=(30, 5))
    rbm = RBM(4, visible=visible, max_iter=3, random_state=0, device="cpu").fit(X)
    W, b, c = rbm.components_, rbm.intercept_visible_, rbm.intercept_hidden_
    for v, score in zip(X, rbm.score_samples(X)):
        total = 0.0
        for state in range(16):
            h = np.array([state >> i & 1 for i in range(4)])
            energy = -h @ W @ v - c @ h
            energy += -b @ v if visible == "bernoulli" else 0.5 * np.sum((v - b) ** 2)
            total += np.exp(-energy)
        assert score == pytest.approx(np.log(total))


@pytest.mark.parametrize("method", ["cd", "pcd"])
def test_a_step_is_that_of_a_numpy_loop(method):
    rng = np.random.RandomState(0)
    X = (rng.uniform(size=(6, 5)) < 0.5).astype(float)
    options = {
        "method": method, "batch_size": 6, "shuffle": False, "learning_rate_init": 0.1,
        "random_state": 0, "device": "cpu",
    }  # fmt: skip
    start = RBM(3, max_iter=1, **options).fit(X)
    W, b, c = (
        np.array(a) for a in (start.components_, start.intercept_visible_, start.intercept_hidden_)
    )
    chains = start.net_.module_.chains.numpy().copy()
    generator = torch.Generator()
    after = start.partial_fit(X)
    generator.manual_seed(int(np.random.RandomState(0).randint(2**31 - 1)))

    def flip(p):
        return torch.empty(p.shape, dtype=torch.float64).uniform_(generator=generator).numpy() < p

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    v = (X if method == "cd" else chains).astype(float)
    h = flip(sigmoid(v @ W.T + c)).astype(float)
    v = flip(sigmoid(h @ W + b)).astype(float)
    for i in range(3):
        for j in range(5):
            data = np.mean([sigmoid(W[i] @ x + c[i]) * x[j] for x in X])
            model = np.mean([sigmoid(W[i] @ x + c[i]) * x[j] for x in v])
            assert after.components_[i, j] == pytest.approx(W[i, j] + 0.1 * (data - model))
    expected = b + 0.1 * (X.mean(0) - v.mean(0))
    np.testing.assert_allclose(after.intercept_visible_, expected)


@pytest.mark.parametrize("visible", ["bernoulli", "gaussian"])
def test_means_instead_of_states(digits, visible):
    """Mean-field contrastive divergence: the step of a loop, and weights are repetitions."""
    X = digits[0][:60]
    options = {"method": "cd", "draw_states": False, "batch_size": 1000, "visible": visible}
    options |= {"learning_rate_init": 0.1, "max_iter": 1, "device": "cpu", "random_state": 0}
    start = RBM(5, **options).fit(X)
    W, b, c = (
        np.array(a) for a in (start.components_, start.intercept_visible_, start.intercept_hidden_)
    )

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    after = start.partial_fit(X)
    h = sigmoid(X @ W.T + c)
    v = h @ W + b if visible == "gaussian" else sigmoid(h @ W + b)
    h_again = sigmoid(v @ W.T + c)
    step = (h.T @ X - h_again.T @ v) / len(X)
    np.testing.assert_allclose(after.components_, W + 0.1 * step, rtol=1e-9)
    np.testing.assert_allclose(after.intercept_hidden_, c + 0.1 * (h - h_again).mean(0))
    weight = np.arange(60) % 3
    again = clone(start).set_params(max_iter=5)
    weighted = clone(again).fit(X, sample_weight=weight)
    repeated = again.fit(np.repeat(X, weight, axis=0))
    np.testing.assert_allclose(weighted.transform(X), repeated.transform(X), rtol=1e-9)


def test_means_pass_the_check_of_weights_and_learn(digits):
    X, X_test, *_ = digits
    options = {"method": "cd", "draw_states": False}
    check_sample_weight_equivalence_on_dense_data("RBM", RBM(batch_size=1000, **options))
    check_sample_weight_equivalence_on_sparse_data("RBM", RBM(batch_size=1000, **options))
    rbm = RBM(64, max_iter=30, random_state=0, device="cpu", **options).fit(X)
    restored = rbm.inverse_transform(rbm.transform(X_test))
    assert np.square(restored - X_test).mean() < 0.5 * X_test.var(0).mean()
    with pytest.raises(ValueError, match="draw_states=False needs method='cd'"):
        RBM(draw_states=False).fit(X)


def test_rbm_learns_a_distribution():
    """Two bits that are always equal, a third that is not: what is sampled says the same."""
    rng = np.random.RandomState(0)
    a = rng.randint(0, 2, 500)
    X = np.column_stack([a, a, rng.randint(0, 2, 500)]).astype(float)
    rbm = RBM(8, learning_rate_init=0.1, max_iter=60, random_state=0, device="cpu").fit(X)
    good, bad = rbm.score_samples([[0, 0, 1], [1, 1, 1]]), rbm.score_samples([[0, 1, 1], [1, 0, 1]])
    assert good.min() > bad.max() + 1
    rows = rbm.gibbs(X, 50)
    assert (rows[:, 0] == rows[:, 1]).mean() > 0.85
    assert rows[:, 2].mean() == pytest.approx(0.5, abs=0.1)


def test_rbm_starts_an_mlp(digits):
    X, X_test, y, y_test = digits
    rbm = RBM(100, max_iter=15, random_state=0, device="cpu").fit(X)
    mlp = MLPClassifier((100,), "logistic", warm_start=True, max_iter=1, random_state=0)
    with warnings.catch_warnings(category=ConvergenceWarning, action="ignore"):
        mlp.fit(X, y)
        scratch = clone(mlp).set_params(max_iter=6).fit(X, y).score(X_test, y_test)
        mlp.coefs_ = [rbm.components_.T, mlp.coefs_[1]]
        mlp.intercepts_ = [rbm.intercept_hidden_, mlp.intercepts_[1]]
        started = mlp.set_params(max_iter=5).fit(X, y).score(X_test, y_test)
    assert started > scratch


def test_rbm_kinds_of_visible_units(digits):
    X = digits[0]
    assert RBM(5, max_iter=1).fit(X).visible_ == "bernoulli"
    scaled = StandardScaler().fit_transform(X)
    gaussian = RBM(50, max_iter=20, random_state=0, device="cpu").fit(scaled)
    assert gaussian.visible_ == "gaussian"
    restored = gaussian.inverse_transform(gaussian.transform(scaled))
    assert np.square(restored - scaled).mean() < 0.9 * np.square(scaled).mean()
    with pytest.raises(ValueError, match=r"visible='bernoulli' needs values in \[0, 1\]"):
        RBM(visible="bernoulli").fit(scaled)
    with pytest.raises(ValueError, match="n_steps=0"):
        gaussian.gibbs(scaled, 0)


@pytest.mark.slow
def test_rbm_features_of_moved_digits():
    """scikit-learn's example: features of a machine under logistic regression."""
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import minmax_scale

    X, y = load_digits(return_X_y=True)
    square = X.reshape(-1, 8, 8)
    moved = [square]
    for axis, cut, end in ((1, slice(1, None), 7), (1, slice(None, 7), 0),
                           (2, slice(1, None), 7), (2, slice(None, 7), 0)):  # fmt: skip
        kept = square[:, cut] if axis == 1 else square[:, :, cut]
        moved.append(np.insert(kept, end, 0, axis=axis))
    X, y = minmax_scale(np.concatenate(moved).reshape(-1, 64)), np.tile(y, 5)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=0)
    rbm = RBM(100, learning_rate_init=0.06, max_iter=10, random_state=0, device="cpu")
    pipe = make_pipeline(rbm, LogisticRegression(C=6000, max_iter=1000)).fit(X_train, y_train)
    assert pipe.score(X_test, y_test) >= 0.92
