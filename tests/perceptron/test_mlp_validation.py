"""Validation rows of perceptrons: held out or given."""

import numpy as np
import pytest
from perceptron_data import X_iris, both, output, y_iris
from sklearn.metrics import (
    accuracy_score,
)
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer. Maximum iterations")


@pytest.mark.parametrize(
    "X, y, message",
    [
        (X_iris[:12], np.arange(12) % 2, None),  # two rows, one of each class
        (X_iris[:10], np.arange(10) % 2, "would hold 1 of 10 rows"),
        (X_iris[:40], [0] * 39 + [1], "a class has only 1 row"),
        (X_iris[:20], np.arange(20) % 3, "cannot hold 3 classes"),
    ],
)
def test_validation_splits_of_small_data(X, y, message):
    clf = MLPClassifier(early_stopping=True, max_iter=3, random_state=0)
    if message is None:
        assert len(clf.fit(X, y).validation_scores_) == 3
        return
    with pytest.warns(UserWarning, match=message):
        clf.fit(X, y)
    assert clf.validation_scores_ is None
    assert clf.best_loss_ is not None


def test_validation_split_of_three_rows():
    with pytest.raises(ValueError, match="The validation set is too small"):
        MLPRegressor(early_stopping=True).fit(X_iris[:3], y_iris[:3])
    with pytest.warns(UserWarning, match="early_stopping=True has no effect"):
        MLPRegressor(early_stopping=True, max_iter=2).fit(X_iris[:4], y_iris[:4])


@both
def test_validation_rows_given(cls, X, y):
    params = {"max_iter": 30, "random_state": 0}
    Xa, Xb, ya, yb = train_test_split(X, y, random_state=0)
    plain = cls(**params).fit(Xa, ya)
    watched = cls(**params).fit(Xa, ya, X_val=Xb, y_val=yb)
    np.testing.assert_array_equal(output(plain, Xb), output(watched, Xb))
    assert plain.validation_loss_curve_ is None
    assert len(watched.validation_loss_curve_) == watched.n_iter_
    assert watched.validation_scores_ is None
    assert watched.net_.history[:, "valid_loss"] == watched.validation_loss_curve_
    stopped = cls(early_stopping=True, **params).fit(Xa, ya, X_val=Xb, y_val=yb)
    assert max(stopped.validation_scores_) == pytest.approx(stopped.score(Xb, yb))
    weight = np.random.RandomState(0).uniform(0, 2, len(yb))
    stopped.fit(Xa, ya, X_val=Xb, y_val=yb, sample_weight_val=weight)
    assert max(stopped.validation_scores_) == pytest.approx(stopped.score(Xb, yb, weight))


def test_validation_loss_is_that_of_the_rows():
    clf = MLPClassifier(max_iter=5, random_state=0)
    clf.fit(X_iris[::2], y_iris[::2], X_val=X_iris[1::2], y_val=y_iris[1::2])
    proba = clf.predict_proba(X_iris[1::2])
    expected = -np.log(proba[np.arange(75), y_iris[1::2]]).mean()
    assert clf.validation_loss_curve_[-1] == pytest.approx(expected)


def test_validation_rows_in_a_pipeline():
    import sklearn

    with sklearn.config_context(enable_metadata_routing=True):
        clf = MLPClassifier(
            early_stopping=True, max_iter=40, random_state=0, learning_rate_init=0.01
        )
        pipe = Pipeline(
            [("scale", StandardScaler()), ("clf", clf.set_fit_request(X_val=True, y_val=True))],
            transform_input=["X_val"],
        )
        pipe.fit(X_iris[::2], y_iris[::2], X_val=X_iris[1::2], y_val=y_iris[1::2])
    scores = pipe[-1].validation_scores_
    assert max(scores) == accuracy_score(y_iris[1::2], pipe.predict(X_iris[1::2])) > 0.9


def test_validation_rows_in_a_search():
    """A search slices X_val if it has as many rows as X, and passes it on whole if not."""
    from sklearn.model_selection import GridSearchCV

    search = GridSearchCV(MLPClassifier(max_iter=2, random_state=0), {"alpha": [1e-4]}, cv=3)
    search.fit(X_iris, y_iris, X_val=X_iris[:30], y_val=y_iris[:30])
    assert len(search.best_estimator_.validation_loss_curve_) == 2
    sizes = []

    class Spy(MLPClassifier):
        def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None):
            sizes.append(len(X_val))
            return super().fit(X, y, sample_weight, X_val=X_val, y_val=y_val)

    search.set_params(estimator=Spy(max_iter=2))
    search.fit(X_iris, y_iris, X_val=X_iris, y_val=y_iris)
    assert sizes == [100, 100, 100, 150]


@pytest.mark.parametrize(
    "given, message",
    [
        ({"X_val": X_iris}, "X_val is provided, but y_val was not provided"),
        ({"y_val": y_iris}, "y_val is provided, but X_val was not provided"),
        ({"X_val": X_iris[:, :2], "y_val": y_iris}, "X has 2 features, but MLPClassifier is exp"),
        ({"X_val": X_iris, "y_val": y_iris + 1}, "`y_val` has classes not in"),
        ({"X_val": X_iris, "y_val": y_iris[:9]}, "inconsistent numbers of samples"),
    ],
)
def test_bad_validation_rows(given, message):
    with pytest.raises(ValueError, match=message):
        MLPClassifier().fit(X_iris, y_iris, **given)
