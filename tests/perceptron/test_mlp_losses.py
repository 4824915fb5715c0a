"""Losses of the regressor."""

import numpy as np
import pytest
from perceptron_data import X_diabetes, X_iris, y_diabetes, y_iris
from sklearn.datasets import (
    make_regression,
)
from sklearn.metrics import (
    d2_absolute_error_score,
    d2_pinball_score,
    mean_pinball_loss,
    r2_score,
)
from sklearn.model_selection import train_test_split

from skdeep import MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer. Maximum iterations")


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "quantile"])
def test_losses_of_the_regressor(loss):
    reg = MLPRegressor(loss, max_iter=300, learning_rate_init=0.01, random_state=0)
    assert reg.fit(X_diabetes, y_diabetes).score(X_diabetes, y_diabetes) > 0.5


def test_absolute_error_shrugs_off_outliers():
    X, y = make_regression(300, 3, noise=1.0, random_state=0)
    y = y / y.std()
    spoilt = y.copy()
    spoilt[::10] += 50
    errors = {
        loss: abs(
            MLPRegressor(loss, max_iter=300, learning_rate_init=0.01, random_state=0)
            .fit(X, spoilt)
            .predict(X)
            - y
        ).mean()
        for loss in ("squared_error", "absolute_error", "huber")
    }
    assert errors["absolute_error"] < 0.3 * errors["squared_error"]
    assert errors["huber"] < 0.5 * errors["squared_error"]


def test_quantiles_cover():
    rng = np.random.RandomState(0)
    X = rng.uniform(0, 1, (2000, 1))
    y = X[:, 0] + (0.1 + X[:, 0]) * rng.normal(size=2000)
    for quantile in (0.1, 0.9):
        reg = MLPRegressor(
            "quantile", quantile=quantile, max_iter=60, learning_rate_init=0.01, random_state=0
        ).fit(X[:1000], y[:1000])
        predicted = reg.predict(X[1000:])
        assert abs((y[1000:] <= predicted).mean() - quantile) < 0.04
        if quantile == 0.1:
            continue  # the true one hardly depends on X
        constant = np.full(1000, np.quantile(y[:1000], quantile))
        assert mean_pinball_loss(y[1000:], predicted, alpha=quantile) < 0.9 * mean_pinball_loss(
            y[1000:], constant, alpha=quantile
        )


@pytest.mark.parametrize(
    "loss, score",
    [
        ("squared_error", r2_score),
        ("poisson", r2_score),
        ("absolute_error", d2_absolute_error_score),
        ("huber", d2_absolute_error_score),
        ("quantile", lambda y, p: d2_pinball_score(y, p, alpha=0.8)),
    ],
)
def test_score_of_early_stopping_suits_the_loss(loss, score):
    y = y_diabetes - y_diabetes.min()
    Xa, Xb, ya, yb = train_test_split(X_diabetes, y, random_state=0)
    reg = MLPRegressor(loss, quantile=0.8, early_stopping=True, max_iter=20, random_state=0)
    reg.fit(Xa, ya, X_val=Xb, y_val=yb)
    assert reg.best_validation_score_ == pytest.approx(score(yb, reg.predict(Xb)))


def test_poisson_needs_counts():
    with pytest.raises(ValueError, match="out of the valid range of the loss 'poisson'"):
        MLPRegressor("poisson").fit(X_iris, y_iris - 1)
