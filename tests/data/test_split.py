"""Rows to hold out: distinct rows whole, large groups of equal rows in part."""

import warnings

import numpy as np
import pytest

import skdeep
from skdeep.data.split import split_classes, split_rows


def split(x, y, weight=None, fraction=0.2, **options):
    x, y = np.asarray(x), np.asarray(y)
    keys = [a.tobytes() + b.tobytes() for a, b in zip(x, y)]
    rng = np.random.RandomState(0)
    return split_rows(
        lambda: keys, len(y), fraction, rng, y, weight, target=y, counts=weight, **options
    )


def weight_of_each(x, y, rows, weight):
    found = {}
    for row, w in zip(rows, np.ones(len(rows)) if weight is None else weight):
        found[x[row], y[row]] = found.get((x[row], y[row]), 0.0) + w
    return {key: w for key, w in found.items() if w}


def test_distinct_rows_are_whole_and_on_one_side():
    rows = split(np.arange(100), np.arange(100) % 2)
    assert rows.shares is None
    assert sorted(np.concatenate(rows)) == list(range(100))
    assert len(rows[1]) == 20


def test_few_distinct_rows_give_each_their_share():
    x, y = np.repeat(np.arange(10), 20), np.tile([0, 1], 100)
    rows = split(x, y)
    for side, weight, n in zip(rows, rows.weights(None), (8, 2)):
        shares = weight_of_each(x, y, side, weight)
        np.testing.assert_allclose(list(shares.values()), n)
        assert len(shares) == 20


def test_one_pair_of_equal_rows_stays_together():
    x = np.r_[np.arange(99), 5]
    rows = split(x, x % 2)
    assert rows.shares is None
    assert len({5, 99} & set(rows[1])) in (0, 2)


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.5])
def test_a_weight_is_rows(fraction):
    rng = np.random.RandomState(0)
    x = np.r_[np.arange(40), np.arange(10)]
    y = np.r_[np.arange(40) % 2, 1 - np.arange(10) % 2]
    weight = rng.randint(0, 4, 50).astype(float)
    weight[[0, 1, 45]] = 12
    again = np.repeat(np.arange(50), weight.astype(int))
    again = again[rng.permutation(len(again))]
    few = split(x, y, weight, fraction)
    many = split(x[again], y[again], None, fraction)
    for side in range(2):
        weights = few.weights(weight)[side], many.weights(None)[side]
        expected = weight_of_each(x, y, few[side], weights[0])
        assert expected == pytest.approx(
            weight_of_each(x[again], y[again], many[side], weights[1]), rel=1e-12
        )
    assert few.shares is not None


def test_too_few_rows_of_a_class_beside_large_groups():
    x, y = np.r_[np.zeros(50), 1.0, 2.0], np.r_[np.zeros(50, int), 1, 1]
    with pytest.warns(UserWarning, match="early_stopping=True has no effect"):
        assert split(x, y) is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = split(np.r_[x, np.ones(9)], np.r_[y, np.ones(9, int)])
    assert len(rows[1]) == 60


def test_split_by_class():
    labels = np.repeat([0, 1, 2, 3, 4], [1, 2, 3, 10, 40])
    train, held_out = split_classes(labels, 0.2, np.random.RandomState(0))
    assert sorted([*train, *held_out]) == list(range(56))
    assert np.bincount(labels[held_out], minlength=5).tolist() == [0, 0, 1, 2, 8]
    assert (np.bincount(labels[train]) >= np.minimum(2, np.bincount(labels))).all()
    again = split_classes(labels, 0.2, np.random.RandomState(1))[1]
    assert not np.array_equal(held_out, again)
    assert not len(split_classes(labels, 0.0, np.random.RandomState(0))[1])


@pytest.mark.parametrize("cls", [skdeep.RealMLPClassifier, skdeep.MLPClassifier])
def test_probabilities_of_few_distinct_rows(cls):
    """Half and half, and nine to one, at each level."""
    level, n = np.repeat(np.arange(8), 20), np.tile(np.arange(20), 8)
    y = np.where(level % 2, n < 10, n < 2).astype(int)
    X = np.eye(8)[level]
    truth = np.where(np.arange(8) % 2, 0.5, 0.1)
    options = {"hidden_layer_sizes": (32,), "random_state": 0, "max_iter": 150}
    options |= {"early_stopping": True, "n_iter_no_change": 150, "validation_fraction": 0.2}
    if cls is skdeep.RealMLPClassifier:
        options |= {"label_smoothing": 0.0, "scoring": "log_loss"}
    else:
        options |= {"learning_rate_init": 0.01, "alpha": 0.0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = cls(device="cpu", **options).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(np.eye(8))[:, 1], truth, atol=0.06)


@pytest.mark.parametrize("cls", [skdeep.RealMLPRegressor, skdeep.TabMRegressor])
def test_weights_are_rows_where_large_groups_are_held_out_in_part(cls):
    rng = np.random.RandomState(0)
    X = np.r_[rng.normal(size=(30, 3)), np.zeros((2, 3))]
    y = np.r_[X[:30, 0], 0.0, 1.0]
    weight = np.r_[rng.randint(0, 3, 30), 9, 14]
    options = {"dropout": 0.0, "dtype": "float64", "max_iter": 10, "shuffle": False}
    options |= {"n_estimators": 2, "batch_size": 1000, "random_state": 0, "device": "cpu"}
    if cls is skdeep.RealMLPRegressor:
        options["weight_init"] = "normal"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        few = cls(**options).fit(X, y, sample_weight=weight)
        many = cls(**options).fit(np.repeat(X, weight, 0), np.repeat(y, weight))
    np.testing.assert_allclose(few.predict(X), many.predict(X), rtol=1e-7)
