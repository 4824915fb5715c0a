"""Bad input to siamese estimators."""

import numpy as np
import pytest
import torch
from siamese_data import PAIRS, SAME, X, classifier, make, series, triplets_of, y
from sklearn.base import clone

BOTH = pytest.mark.parametrize("build", [make, classifier])


@BOTH
@pytest.mark.parametrize(
    "labels, message",
    [
        (np.zeros(150, int), "y holds 1 class"),
        (np.linspace(0, 1, 150), "Unknown label type"),
        (np.eye(3)[y], "1d array"),
        (y[:100], "inconsistent numbers of samples"),
    ],
)
def test_bad_classes(build, labels, message):
    with pytest.raises(ValueError, match=message):
        build().fit(X, labels)


@BOTH
def test_classes_of_one_row_each(build):
    with pytest.raises(ValueError, match="Each of the 20 classes in y has 1 row"):
        build().fit(X[:20], np.arange(20))


@BOTH
def test_a_class_with_one_row_is_a_warning(build):
    labels = y.copy()
    labels[0] = 9
    with pytest.warns(UserWarning, match="1 of 4 classes in y have 1 row"):
        est = build(max_iter=2).fit(X, labels)
    assert est.classes_.tolist() == [0, 1, 2, 9]


def test_no_rows_to_hold_out_is_a_warning():
    with pytest.warns(UserWarning, match="early_stopping=True has no effect"):
        make(early_stopping=True, max_iter=2).fit(X[:4], [0, 0, 1, 1])
    with pytest.warns(UserWarning, match="validation_fraction=0"):
        make(early_stopping=True, max_iter=2, validation_fraction=0).fit(X, y)


@pytest.mark.parametrize(
    "pairs, labels, message",
    [
        ([[X[0], X[1, :3]]], [1], "pairs of unequal shape"),
        (X[:10], y[:10], r"pairs of shape \(10, 4\)"),
        (X[triplets_of(y, 4)], [1, 0, 1, 0], r"pairs of shape \(4, 3, 4\)"),
        (X[PAIRS][:0], [], "0 sample"),
        (X[PAIRS], np.where(SAME, 2, 1), r"y holds \[1, 2\]: expected 1 for similar"),
        (X[PAIRS], np.where(SAME, 0, -1), r"y holds \[-1, 0\]"),
        (X[PAIRS], np.where(SAME, "s", "d"), r"y holds \['d', 's'\]"),
        (X[PAIRS], np.ones(300), "y holds only 1.0: expected similar and dissimilar"),
        (X[PAIRS], SAME[:10], "300 pairs"),
        (X[PAIRS] * np.nan, SAME, "NaN"),
    ],
)
def test_bad_pairs(pairs, labels, message):
    with pytest.raises(ValueError, match=message):
        make().fit_pairs(pairs, labels)


@pytest.mark.parametrize(
    "pairs, message",
    [
        (PAIRS + 1, "X has 150 rows: expected numbers from 0 to 149"),
        (PAIRS - 1, "pairs name the rows -1 to"),
        (PAIRS.astype(float), "type float64"),
        (X[PAIRS], r"expected row numbers of shape \(n_pairs, 2\)"),
        (PAIRS[:0], "pairs is empty"),
    ],
)
def test_bad_row_numbers(pairs, message, fitted):
    with pytest.raises(ValueError, match=message):
        make().fit_pairs(pairs, SAME, X=X)
    with pytest.raises(ValueError, match=message):
        fitted.pair_distance(pairs, X=X)


def test_other_bad_input(fitted):
    with pytest.raises(ValueError, match="triplets of shape"):
        make().fit_triplets(X[PAIRS])
    with pytest.raises(ValueError, match="loss='triplet' cannot be made of pairs"):
        make(loss="triplet").fit_pairs(PAIRS, SAME, X=X)
    with pytest.raises(ValueError, match="loss='prototypical' cannot be made of triplets"):
        make(loss="prototypical").fit_triplets(triplets_of(y, 9), X=X)
    with pytest.raises(ValueError, match="X has 3 features"):
        fitted.pair_distance(X[PAIRS][..., :3])
    with pytest.raises(ValueError, match="strategy='best'"):
        fitted.calibrate_threshold(PAIRS, SAME, X=X, strategy="best")
    with pytest.raises(ValueError, match="beta=-1"):
        fitted.calibrate_threshold(PAIRS, SAME, X=X, strategy="f_beta", beta=-1)
    with pytest.raises(ValueError, match="min_rate=2"):
        fitted.calibrate_threshold(PAIRS, SAME, X=X, min_rate=2)
    with pytest.raises(ValueError, match="augment='affine' is for images"):
        make(augment="affine").fit(X, y)
    with pytest.raises(ValueError, match="encoder made"):
        make(encoder=torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.Flatten(0))).fit(X, y)
    with pytest.raises(ValueError, match="needs rows of one length"):
        make(encoder="dense").fit(*series())
    with pytest.raises(ValueError, match="'y_val' has also"):
        make().fit(X, y, X_val=X[:2], y_val=[0, 5])


def test_bad_labels_of_new_classes():
    clf = classifier(max_iter=2).fit(X, y)
    with pytest.raises(ValueError, match="expected the same kind"):
        clf.partial_fit(X[:2], ["a", "b"])
    with pytest.raises(ValueError, match="not in `classes`"):
        clf.partial_fit(X[:2], [0, 5], classes=[0, 1, 2])
    clf.set_params(n_neighbors=2)
    with pytest.raises(ValueError, match="fitted with n_neighbors=None"):
        clf.predict(X)
    with pytest.raises(ValueError, match="stands for rows of no known class"):
        classifier(rejection_rate=0.1).fit(X, y - 1)


@pytest.mark.parametrize("method", ["fit_pairs", "calibrate_threshold"])
def test_a_failed_call_changes_nothing(method, fitted):
    est = clone(fitted).fit(X, y)
    expected, attributes = est.transform(X), dict(vars(est))
    with pytest.raises(ValueError):
        getattr(est, method)(X[PAIRS], np.full(300, 3))
    assert vars(est) == attributes
    np.testing.assert_array_equal(est.transform(X), expected)
