"""LSTMClassifier and LSTMRegressor: what they read, what they learn, what they refuse."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_sample_weight_equivalence_on_dense_data

from skdeep import LSTMClassifier, LSTMRegressor, SequenceVectorizer
from skdeep.base.learning import Plan
from skdeep.inputs.rows import Rows

SMALL = {
    "hidden_layer_sizes": (6,),
    "convolutional": [(5, 3)],
    "max_iter": 3,
    "random_state": 0,
    "device": "cpu",
}


def classifier(**params):
    return LSTMClassifier(**{**SMALL, **params})


def data(n=30, length=9, n_channels=2, seed=0):
    rng = np.random.RandomState(seed)
    return rng.normal(size=(n, length, n_channels)), np.arange(n) % 3


def ragged(n=30, seed=0):
    rng = np.random.RandomState(seed)
    return [rng.normal(size=(k, 2)) for k in rng.randint(1, 9, n)], np.arange(n) % 3


def token_ids(n=30, length=8, seed=0):
    ids = np.random.RandomState(seed).randint(1, 20, size=(n, length))
    ids[::2, 5:] = 0
    return ids, np.arange(n) % 3


# --- what goes in ---------------------------------------------------------------------------


def test_forms_of_the_same_series():
    X, y = data()
    expected = classifier().fit(X, y).predict_proba(X)
    for other, params in (
        (X.transpose(0, 2, 1), {"data_format": "channels_first"}),
        (torch.as_tensor(X), {}),
        (list(X), {}),
    ):
        fitted = classifier(**params).fit(other, y)
        np.testing.assert_allclose(fitted.predict_proba(other), expected, atol=1e-6)


def test_unequal_lengths_do_not_see_their_padding():
    X, y = ragged()
    fitted = classifier(dtype="float64").fit(X, y)
    together = fitted.predict_proba(X)
    alone = np.concatenate([fitted.predict_proba([x]) for x in X])
    np.testing.assert_allclose(together, alone)
    assert fitted.predict([np.ones((50, 2))]).shape == (1,)
    assert fitted.predict(data()[0]).shape == (30,)


def test_lists_of_plain_numbers():
    X, y = ragged()
    with_axis = classifier().fit([x[:, :1] for x in X], y)
    without = classifier().fit([x[:, 0] for x in X], y)
    expected = with_axis.predict_proba([x[:, :1] for x in X])
    np.testing.assert_array_equal(without.predict_proba([x[:, 0].tolist() for x in X]), expected)
    assert without.predict(np.ones((3, 4))).shape == (3,)


@pytest.mark.parametrize("pooling", ["last", "max", "mean", "attention"])
def test_series_of_length_one(pooling):
    X, y = data(length=1)
    assert np.isfinite(classifier(pooling=pooling).fit(X, y).predict_proba(X)).all()


def test_memory_map_is_read_batch_by_batch(tmp_path):
    X, y = data()
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    expected = classifier().fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(classifier().fit(mapped, y).predict_proba(mapped), expected)


def test_missing_numbers():
    X, y = data()
    X[3, 4, 1] = np.nan
    X[5] = np.nan
    X[6, 4:] = np.nan
    with pytest.raises(ValueError, match="contains NaN"):
        classifier().fit(X, y)
    with pytest.raises(ValueError, match="contains NaN"):
        classifier().fit(list(X), y)
    fitted = classifier(missing="mask").fit(X, y)
    proba = fitted.predict_proba(X)
    assert np.isfinite(proba).all()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(X), proba)
    np.testing.assert_allclose(fitted.predict_proba([X[6, :4]]), proba[6:7], atol=1e-6)
    assert get_tags(fitted).input_tags.allow_nan
    assert get_tags(fitted).input_tags.three_d_array


# --- token ids ------------------------------------------------------------------------------


def test_padding_may_stand_anywhere():
    ids, y = token_ids()
    fitted = classifier(vocabulary_size="auto").fit(ids, y)
    expected = fitted.predict_proba(ids)
    assert fitted.vocabulary_size_ == ids.max() + 1
    before = np.stack([np.concatenate([row[row == 0], row[row != 0]]) for row in ids])
    as_list = [row[row != 0].tolist() for row in ids]
    wider = np.hstack([ids, np.zeros_like(ids)])
    for other in (before, as_list, wider, ids.astype(float)):
        np.testing.assert_array_equal(fitted.predict_proba(other), expected)


def test_ids_that_fit_did_not_see_are_unknown():
    ids, y = token_ids()
    ids[ids == 7] = 8
    for size in ("auto", 20):
        fitted = classifier(vocabulary_size=size).fit(ids, y)
        unknown = fitted.predict_proba([[2, 1, 3]])
        np.testing.assert_array_equal(fitted.predict_proba([[2, 7, 3]]), unknown)
    fitted = classifier(vocabulary_size="auto").fit(ids, y)
    np.testing.assert_array_equal(fitted.predict_proba([[2, 99, 3]]), unknown)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([[1, 25]], r"token id 25: with vocabulary_size=20 ids must be in \[0, 20\)"),
        ([[1, -2]], "negative id -2"),
        ([[1, 2.5]], "not integers"),
        ([[1, np.nan]], "NaN"),
        (np.array([[3, 4], [0, 0]]), r"X\[1\] is an empty sequence"),
        ([[1], []], r"X\[1\] is an empty sequence"),
        ([], "0 sample"),
        (["good", "bad"], "token ids"),
        (np.ones((2, 3, 1), int), "dim 3"),
    ],
    ids=str,
)
def test_bad_token_ids(X, message):
    ids, y = token_ids()
    fitted = classifier(vocabulary_size=20).fit(ids, y)
    with pytest.raises(ValueError, match=message):
        fitted.predict(X)
    with pytest.raises(ValueError, match=message):
        clone(fitted).fit(X, y[: len(X)])


def test_words_decide():
    words = np.array(["film", "story", "actor", "plot", "scene"])
    rng = np.random.RandomState(0)
    y = np.arange(160) % 2
    texts = [" ".join([*rng.choice(words, rng.randint(1, 12)), ("awful", "great")[k]]) for k in y]
    clf = make_pipeline(
        SequenceVectorizer(max_length=16),
        LSTMClassifier((8,), vocabulary_size="auto", max_iter=15, random_state=0, device="cpu"),
    )
    assert clf.fit(texts[:120], y[:120]).score(texts[120:], y[120:]) == 1.0
    assert isinstance(clf.predict_proba([""]), np.ndarray)  # a text without words
    assert CountVectorizer().fit(texts).vocabulary_.keys() == clf[0].vocabulary_.keys()


# --- bad input ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.ones((30, 4, 4, 1)), "3-D arrays .n_samples, length, n_channels. or lists"),
        (np.ones(30), "1D array"),
        ([np.ones((3, 2))] * 29 + [np.ones((0, 2))], r"0 steps or channels .X\[29\]"),
        ([np.ones((3, 2))] * 29 + [np.ones((4, 3))], "same number of channels"),
    ],
    ids=["4-D", "1-D", "empty series", "other channels"],
)
def test_bad_series(X, message):
    with pytest.raises(ValueError, match=message):
        classifier().fit(X, np.arange(30) % 3)


@pytest.mark.parametrize(
    ("cut", "message"),
    [
        (lambda X: X[:, :, :1], "1 channels, but LSTMClassifier is expecting 2"),
        (lambda X: X[:, :5], "length 5, but LSTMClassifier is expecting the length 9"),
        (lambda X: X[:, :, 0], "rows of shape"),
    ],
)
def test_other_shapes_than_in_fit(cut, message):
    X, y = data()
    with pytest.raises(ValueError, match=message):
        classifier().fit(X, y).predict(cut(X))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"hidden_layer_sizes": (0,)}, "hidden_layer_sizes"),
        ({"convolutional": [(3, 4)]}, "odd kernel size"),
        ({"convolutional": [3]}, "a pair"),
        ({"missing": "mask", "vocabulary_size": 20}, "series of numbers"),
        ({"vocabulary_size": 1}, "vocabulary_size"),
        ({"cell": "gated"}, "cell"),
        ({"max_iter": 0}, "max_iter"),
    ],
    ids=str,
)
def test_bad_parameters(params, message):
    X, y = data()
    with pytest.raises(ValueError, match=message):
        classifier(**params).fit(X, y)


# --- training -------------------------------------------------------------------------------


def test_automatic_epochs_and_batches():
    over_numbers, over_tokens = LSTMClassifier(), LSTMClassifier(vocabulary_size="auto")
    for n, batch, *epochs in (
        (20, 20, 1000, 1000),
        (65, 32, 667, 367),
        (2000, 32, 32, 18),
        (25_000, 64, 6, 3),
    ):
        plan = Plan(train=Rows(np.empty((n, 1, 7)), np.empty(n)))
        for estimator, expected in zip((over_numbers, over_tokens), epochs):
            recipe = estimator._recipe(plan)
            assert (recipe.batch_size, recipe.max_iter) == (batch, expected)


@pytest.mark.parametrize("convolutional", [None, "auto"])
def test_weight_of_two_is_a_row_given_twice(convolutional):
    # At defaults but for the number of epochs: nothing random is switched on.
    for cls in (LSTMClassifier, LSTMRegressor):
        estimator = cls(convolutional=convolutional, max_iter=4, device="cpu")
        check_sample_weight_equivalence_on_dense_data(cls.__name__, estimator)


def test_weights_of_series_of_unequal_length():
    X, y = ragged()
    weight = np.arange(30) // 3 % 3
    weighted = classifier(dtype="float64").fit(X, y, sample_weight=weight)
    repeated = [x for x, w in zip(X, weight) for _ in range(w)]
    twice = classifier(dtype="float64").fit(repeated, np.repeat(y, weight))
    np.testing.assert_allclose(weighted.predict_proba(X), twice.predict_proba(X))


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_noise_comes_from_the_seed(cell):
    X, y = ragged()
    params = {"cell": cell, "dropout": 0.4, "recurrent_dropout": 0.3, "hidden_layer_sizes": (5, 4)}
    first, second = (classifier(**params).fit(X, y).predict_proba(X) for _ in "ab")
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(
        first, classifier(**params, pooling="mean").fit(X, y).predict_proba(X)
    )


def test_several_layers_and_no_branch():
    X, y = data()
    net = classifier(hidden_layer_sizes=(5, 4), convolutional=None).fit(X, y).net_.module_
    assert [len(layer) for layer in net.layers] == [2, 2] and net.branch is None
    assert classifier(bidirectional=False).fit(X, y).net_.module_.head.in_features == 6 + 5
    assert LSTMClassifier(max_iter=1).fit(X, y).net_.module_.branch is not None
    ids, y = token_ids()
    tokens = LSTMClassifier(max_iter=1, vocabulary_size="auto").fit(ids, y)
    assert tokens.net_.module_.branch is None
    assert tokens.net_.module_.config["dropout"] == 0.5
    assert classifier().fit(*data()).net_.module_.config["dropout"] == 0.0


def test_early_stopping_with_series_of_unequal_length():
    X, y = ragged(120)
    fitted = classifier(early_stopping=True, max_iter=20, n_iter_no_change=2).fit(X, y)
    assert len(fitted.validation_scores_) == fitted.n_iter_
    assert fitted.n_iter_ >= 6  # the warm-up of 'one_cycle' is no reason to stop
    curve = classifier().fit(X, y, X_val=X[:9], y_val=y[:9]).validation_loss_curve_
    assert len(curve) == 3


def test_a_planned_rate_goes_on_to_its_end():
    X, y = data()
    impatient = classifier(max_iter=12, n_iter_no_change=1, tol=1.0)
    assert impatient.fit(X, y).n_iter_ == 12
    impatient.set_params(learning_rate="constant")
    assert impatient.fit(X, y).n_iter_ == 3


def test_warm_start():
    X, y = data()
    fitted = classifier(warm_start=True).fit(X, y)
    first = list(fitted.loss_curve_)
    assert fitted.fit(X, y).loss_curve_[:3] == first and len(fitted.loss_curve_) == 6
    with pytest.raises(ValueError, match="pooling of the previous call to fit"):
        fitted.set_params(pooling="mean").fit(X, y)


def test_forecast_of_several_steps():
    wave = 1000 + 50 * np.sin(np.arange(260) / 5)
    windows = np.lib.stride_tricks.sliding_window_view(wave, 24)
    X, y = windows[:, :20, None], windows[:, 20:]
    reg = LSTMRegressor((8,), max_iter=15, learning_rate_init=0.01, random_state=0, device="cpu")
    assert reg.fit(X[:180], y[:180]).predict(X[180:]).shape == (57, 4)
    assert reg.score(X[180:], y[180:]) > 0.9  # targets and series far from 0 are scaled inside
    poisson = LSTMRegressor(**SMALL, loss="poisson").fit(X, np.abs(y))
    assert (poisson.predict(X) > 0).all()


# --- a look inside --------------------------------------------------------------------------


def test_transform_is_what_the_head_sees():
    X, y = ragged()
    fitted = classifier().fit(X, y)
    features = fitted.transform(X)
    head = fitted.net_.module_.head
    raw = features @ head.weight.detach().numpy().T + head.bias.detach().numpy()
    np.testing.assert_array_equal(raw.argmax(1), fitted.predict(X))
    assert features.shape == (30, len(fitted.get_feature_names_out())) == (30, 2 * 6 + 5)


def test_saliency_is_slope_times_distance_from_the_mean():
    X, y = data()
    fitted = classifier(dtype="float64").fit(X, y)
    saliency = fitted.saliency(X, y)
    assert saliency.shape == X.shape
    step, moved = 1e-6, X.copy()
    moved[:, 4, 1] += step
    rows = np.arange(len(X))
    slope = (fitted._predict_raw(moved) - fitted._predict_raw(X)).numpy()[rows, y] / step
    expected = slope * (X[:, 4, 1] - X[:, :, 1].mean())
    np.testing.assert_allclose(saliency[:, 4, 1], expected, atol=1e-5)
    np.testing.assert_allclose(fitted.saliency(X, fitted.predict(X)), fitted.saliency(X))


def test_saliency_has_the_layout_of_X():
    X, y = ragged()
    for one, two in zip(classifier().fit(X, y).saliency(X), X):
        assert one.shape == two.shape
    flat = [x[:, 0] for x in X]
    for one, two in zip(classifier().fit(flat, y).saliency(flat), flat):
        assert one.shape == two.shape
    whole, y = data()
    first = classifier(data_format="channels_first").fit(whole.transpose(0, 2, 1), y)
    assert first.saliency(whole.transpose(0, 2, 1)).shape == (30, 2, 9)
    assert classifier().fit(whole[:, :, 0], y).saliency(whole[:, :, 0]).shape == (30, 9)
    whole[3, 5:] = np.nan
    padded = classifier(missing="mask").fit(whole, y).saliency(whole)
    assert padded.shape == whole.shape and not padded[3, 5:].any() and padded[3, :5].all()
    ids, y = token_ids()
    fitted = classifier(vocabulary_size="auto").fit(ids, y)
    np.testing.assert_array_equal(fitted.saliency(ids) != 0, ids != 0)
    assert [len(s) for s in fitted.saliency([[2, 3], [4]])] == [2, 1]
    reg = LSTMRegressor(**SMALL).fit(whole[:3], np.ones((3, 2)))
    assert reg.saliency(whole[:3], [0, 1, 1]).shape == whole[:3].shape


def test_saliency_is_drawn_over_a_series_and_a_text():
    plt = pytest.importorskip("matplotlib.pyplot")
    from skdeep.plotting import SaliencyDisplay

    plt.switch_backend("Agg")
    X, y = ragged()
    display = SaliencyDisplay.from_estimator(classifier().fit(X, y), X[0])
    assert display.saliency.shape == X[0].shape
    vectorizer = SequenceVectorizer(max_length=6)
    ids = vectorizer.fit_transform(["a fine old film", "an awful film"])
    fitted = classifier(vocabulary_size="auto").fit(ids, [1, 0])
    words = vectorizer.inverse_transform(ids)[0].tolist()
    display = SaliencyDisplay(fitted.saliency(ids)[0, : len(words)], words).plot()
    assert "film" in [text.get_text().strip() for text in display.ax_.texts]
    plt.close("all")
