"""Instance normalisation and linear skip of the regressors over series."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import RidgeCV

from skdeep import CNNRegressor, LSTMRegressor
from skdeep.base.window import ALPHAS

RNG = np.random.default_rng(0)
WAVE = np.sin(np.arange(400) / 5) + 0.1 * RNG.normal(size=400)
WINDOWS = np.lib.stride_tricks.sliding_window_view(WAVE, 23)
X, Y = WINDOWS[:, :20], WINDOWS[:, 20:]
LSTM = LSTMRegressor((6,), convolutional=None, max_iter=4, random_state=0, device="cpu")
CNN = CNNRegressor(n_filters=4, max_iter=4, kernels=None, random_state=0, device="cpu")
BOTH = pytest.mark.parametrize("regressor", [LSTM, CNN], ids=["LSTM", "CNN"])


def fit(regressor, rows=X, targets=Y, **parameters):
    return clone(regressor).set_params(**parameters).fit(rows, targets)


@BOTH
@pytest.mark.parametrize("center", ["last", "mean"])
def test_predictions_move_and_stretch_with_their_series(regressor, center):
    model = fit(regressor, instance_norm=center, dtype="float64")
    expected = model.predict(X[:20])
    np.testing.assert_allclose(model.predict(X[:20] + 300), expected + 300, atol=1e-4)
    # The variance of a window is raised a little, which is less for larger ones.
    np.testing.assert_allclose(model.predict(50 * X[:20]) / 50, expected, atol=1e-3)


@BOTH
def test_levels_that_fit_has_not_seen(regressor):
    rows, targets = X + np.arange(len(X))[:, None], Y + np.arange(len(X))[:, None]
    scores = [
        fit(regressor, rows[:250], targets[:250], instance_norm=norm).score(
            rows[280:], targets[280:]
        )
        for norm in (None, "last")
    ]
    assert scores[0] < 0.5 and scores[1] > 0.99


@BOTH
def test_linear_skip_is_a_ridge_regression_at_which_training_starts(regressor):
    model = fit(regressor, linear_skip=True, learning_rate_init=1e-12)
    Z = (X - X.mean(0)) / X.std(0)
    expected = RidgeCV(ALPHAS).fit(Z, Y).predict(Z)
    np.testing.assert_allclose(model.predict(X), expected, atol=2e-4)
    assert fit(regressor, linear_skip=True).score(X, Y) > model.score(X, Y) - 0.01


@BOTH
@pytest.mark.parametrize("center", [None, "last"])
def test_weights_count_in_the_linear_skip(regressor, center):
    options = {"linear_skip": True, "instance_norm": center, "learning_rate_init": 1e-12}
    weight = np.r_[np.ones(200), np.zeros(len(X) - 200)]
    wrong = np.r_[Y[:200], RNG.normal(size=(len(X) - 200, 3))]
    model = clone(regressor).set_params(**options).fit(X, wrong, sample_weight=weight)
    expected = fit(regressor, X[:200], Y[:200], **options).predict(X)
    np.testing.assert_allclose(model.predict(X), expected, atol=0.02)


def test_series_of_unequal_length_have_their_own_last_value():
    rows = [x[i % 7 :] for i, x in enumerate(X)]
    model = fit(LSTM, rows, instance_norm="last", dtype="float64")
    moved = model.predict([x + 9 for x in rows[:14]])
    np.testing.assert_allclose(moved, model.predict(rows[:14]) + 9, atol=1e-4)
    one = np.concatenate([model.predict([x]) for x in rows[:14]])
    np.testing.assert_allclose(one, model.predict(rows[:14]), atol=1e-6)
    with pytest.raises(ValueError, match="linear_skip=True: expected series of one length"):
        fit(LSTM, rows, linear_skip=True)


@BOTH
def test_saliency_is_that_of_the_whole_prediction(regressor):
    model = fit(regressor, linear_skip=True, learning_rate_init=1e-12, dtype="float64")
    found = model.saliency(X[:9], np.full(9, 2))
    moved = model.predict(X[:9])[:, 2] - model.predict(X.mean() * np.ones((9, 20)))[:, 2]
    np.testing.assert_allclose(found.sum(1), moved, atol=1e-3)


@BOTH
@pytest.mark.parametrize("option", [{"linear_skip": True}, {"instance_norm": "mean"}])
def test_what_cannot_have_a_window(regressor, option):
    with pytest.raises(ValueError, match="with missing='mask' the level of a series is unknown"):
        fit(regressor, missing="mask", **option)
    if regressor is CNN:
        with pytest.raises(ValueError, match="is for series, and X holds images"):
            fit(CNN, X, image_shape=(4, 5), **option)
    else:
        with pytest.raises(ValueError, match="with a vocabulary_size use the default"):
            fit(LSTM, np.ones((len(X), 4), int), vocabulary_size=3, **option)


def test_warm_start_keeps_the_window():
    model = fit(LSTM, instance_norm="last", warm_start=True)
    model.fit(X, Y)
    with pytest.raises(ValueError, match="warm_start can only be used with the instance_norm"):
        model.set_params(instance_norm=None).fit(X, Y)


def test_kernels_are_left_out():
    assert fit(CNN, X[:, :, None], kernels="auto").kernels_ is not None
    assert fit(CNN, X[:, :, None], kernels="auto", instance_norm="last").kernels_ is None


@BOTH
def test_onnx_says_that_it_has_no_window(regressor, tmp_path):
    pytest.importorskip("skl2onnx")
    from skdeep import onnx

    with pytest.raises(Exception, match="instance_norm or linear_skip cannot be written"):
        onnx.save(fit(regressor, linear_skip=True), X[:4], tmp_path / "model.onnx")
