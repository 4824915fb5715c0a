"""AutoencoderOutlierDetector: scores, thresholds, explanations, streams, bad input."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import NearestNeighbors
from sklearn.utils.estimator_checks import check_estimator

from skdeep import AutoencoderOutlierDetector
from skdeep.outlier.scorers import (
    Local,
    Mahalanobis,
    Neighbors,
    Sampled,
    SquaredResiduals,
    Tail,
    total,
)
from skdeep.persistence import load, save

METHODS = ("mse", "normalized", "robust", "mahalanobis", "neighbors", "latent_knn")
METHODS += ("local", "sampled")
SMALL = {"hidden_layer_sizes": (32, 32), "max_iter": 60, "random_state": 0, "device": "cpu"}


def related(n_samples=300, seed=0):
    """Two features that say the same, one that says nothing, and rows that break the rule."""
    rng = np.random.RandomState(seed)
    a = rng.normal(size=n_samples)
    X = np.column_stack([a, a + 0.1 * rng.normal(size=n_samples), rng.normal(size=n_samples)])
    odd = np.column_stack([[1.5, -1.5, 1.0], [-1.5, 1.5, -1.0], [0.0, 0.5, 0.0]]).T
    return X, odd


# --- scores ---------------------------------------------------------------------------------


@pytest.mark.parametrize("novelty", [True, False])
@pytest.mark.parametrize("method", METHODS)
def test_every_score_finds_a_broken_rule_and_explains_it(method, novelty):
    X, odd = related()
    detector = AutoencoderOutlierDetector(novelty=novelty, score_method=method, **SMALL).fit(X)
    rows = np.vstack([odd[:2], X[:20]])
    parts = detector.explain(rows)
    assert parts.shape == rows.shape
    np.testing.assert_allclose(parts.sum(1), -detector.score_samples(rows), rtol=1e-9)
    scores = detector.score_samples(rows)
    assert scores[:2].max() < np.quantile(scores[2:], 0.1)
    assert (parts[:2].argmin(1) == 2).all()  # the feature that has nothing to do with it
    p = detector.predict_tail_proba(rows)
    assert p.shape == (22,) and (p > 0).all() and (p <= 1).all()
    assert p[:2].max() < p[2:].mean()
    assert (np.argsort(scores) == np.argsort(scores, kind="stable")).all()
    np.testing.assert_array_equal(
        detector.predict(rows), np.where(detector.decision_function(rows) < 0, -1, 1)
    )


def test_training_is_what_finds_the_broken_rule():
    X, odd = related()
    auc = {}
    for rate in (2e-3, 1e-12):
        detector = AutoencoderOutlierDetector(
            novelty=True, score_method="normalized", learning_rate_init=rate, **SMALL
        ).fit(X)
        rows, y = np.vstack([odd, X]), np.r_[np.zeros(3), np.ones(len(X))]
        auc[rate] = roc_auc_score(y, detector.score_samples(rows))
    assert auc[2e-3] > auc[1e-12] + 0.1


def test_scores_are_those_of_a_slow_loop():
    rng = np.random.RandomState(0)
    x, r, x_new, r_new = (rng.normal(size=(n, 4)) for n in (30, 30, 7, 7))
    s = np.sqrt((r**2).mean(0))
    v, v_new = np.hstack([x, r / s]), np.hstack([x_new, r_new / s])

    def near(a, rows, skip=0):
        d = np.sort(((rows - a) ** 2).sum(1))
        return d[skip : skip + 3].mean(), np.argsort(((rows - a) ** 2).sum(1))[:3]

    expected = [near(a, v)[0] for a in v_new]
    np.testing.assert_allclose(total(Neighbors(3, False).fit(x, r), x_new, r_new), expected)
    expected = [near(a, v, skip=1)[0] for a in v]
    np.testing.assert_allclose(total(Neighbors(3, True).fit(x, r), x, r), expected)

    own = np.array([near(a, x, skip=1)[0] for a in x])
    usual = ((r / s) ** 2).mean(1)
    expected = []
    for a, b in zip(x_new, r_new):
        d, place = near(a, x)
        far = d / np.sqrt(own[place].mean() + 0.05 * np.median(own))
        off = ((b / s) ** 2).mean() / np.sqrt(usual[place].mean() + 0.05 * np.median(usual))
        expected.append(np.sqrt(far * off))
    np.testing.assert_allclose(total(Local(3, False).fit(x, r), x_new, r_new), expected)

    expected = ((r_new / s) ** 2).sum(1)
    np.testing.assert_allclose(
        total(SquaredResiduals("standard").fit(x, r), x_new, r_new), expected
    )
    known = Sampled(rows=np.arange(20)).fit(x, r)
    expected = [
        np.sqrt(total(Mahalanobis().fit(x, r), a[None], b[None])[0])
        * np.sqrt(np.sort(((x[:20] - a) ** 2).sum(1))[:2].mean())
        for a, b in zip(x_new, r_new)
    ]
    np.testing.assert_allclose(total(known, x_new, r_new), expected)

    known = Mahalanobis().fit(x, r)
    expected = [(a - known.location_) @ known.precision_ @ (a - known.location_) for a in v_new]
    np.testing.assert_allclose(total(known, x_new, r_new), expected)


def test_tail_counts_rows():
    values = np.arange(10.0)
    tail = Tail().fit(values)
    np.testing.assert_allclose(
        tail.probability(np.array([-1.0, 4.5, 9.0, 20.0])), np.array([11, 6, 2, 1]) / 11
    )
    rng = np.random.RandomState(0)
    values, asked = rng.normal(size=5000), rng.normal(size=200) * 2
    exact = (1 + (values[None] >= asked[:, None]).sum(1)) / 5001
    kept = Tail().fit(values)
    assert len(kept.values_) <= 1000
    np.testing.assert_allclose(kept.probability(asked), exact, rtol=0.02, atol=0.005)


@pytest.mark.parametrize("method", ["mahalanobis", "neighbors", "local", "normalized"])
def test_contamination_is_the_share_of_training_rows(method):
    X, _ = related()
    for share in (0.05, 0.25):
        detector = AutoencoderOutlierDetector(score_method=method, contamination=share, **SMALL)
        assert (detector.fit_predict(X) == -1).sum() == round(share * len(X))


def test_novelty_has_no_fit_predict_and_a_threshold_from_held_out_rows():
    X, _ = related(600)
    detector = AutoencoderOutlierDetector(novelty=True, contamination=0.1, **SMALL)
    with pytest.raises(AttributeError, match="fit_predict"):
        detector.fit_predict(X)
    fresh = related(600, seed=1)[0]
    assert 0.02 < (detector.fit(X).predict(fresh) == -1).mean() < 0.25
    by_hand = clone(detector).fit(X, X_val=fresh)
    np.testing.assert_allclose((by_hand.predict(fresh) == -1).mean(), 0.1, atol=0.01)
    assert len(by_hand.validation_loss_curve_) == by_hand.n_iter_


@pytest.mark.parametrize("novelty", [True, False])
def test_sklearn_checks_with_both_meanings_of_the_training_rows(novelty):
    detector = AutoencoderOutlierDetector((16,), novelty=novelty, max_iter=30, device="cpu")
    with warnings.catch_warnings(action="ignore"):
        check_estimator(detector, on_skip=None)


def test_early_stopping_keeps_the_best_epoch():
    X, _ = related()
    detector = AutoencoderOutlierDetector(
        novelty=True, early_stopping=True, learning_rate_init=0.03, **SMALL
    ).fit(X)
    assert detector.best_validation_score_ == max(detector.validation_scores_)


def test_members_and_reference_rows():
    X, odd = related()
    many = AutoencoderOutlierDetector(n_estimators=3, novelty=True, **SMALL).fit(X)
    weight = many.net_.module_.linears[0].weight
    assert weight.shape[0] == 3 and not weight[0].equal(weight[1])
    assert many.score_samples(odd).max() < np.quantile(many.score_samples(X), 0.2)
    few = AutoencoderOutlierDetector(max_reference_rows=50, novelty=True, **SMALL).fit(X)
    assert len(few._scorer.rows_) == 50
    assert np.isfinite(few.score_samples(X)).all()


def test_trimming_leaves_outliers_unlearnt():
    rng = np.random.RandomState(0)
    a = rng.normal(size=400)
    X = np.column_stack([a, a, a]) + 0.05 * rng.normal(size=(400, 3))
    X[:32, 2] *= -1  # a second rule, of outliers
    scores = {}
    for trim in (0.0, 0.1):
        detector = AutoencoderOutlierDetector(
            score_method="normalized", trim=trim, **SMALL | {"max_iter": 300}
        ).fit(X)
        rows = torch.as_tensor(detector.encoder_.encode(X))
        with torch.no_grad():
            r = detector.net_.module_.residuals(rows, [[0], [1], [2]])
        scores[trim] = float(r[32:].abs().mean())
    assert scores[0.1] < scores[0.0]  # the rule of the others is learned better without them


# --- tables -----------------------------------------------------------------------------------


def mixed(n_samples=400, seed=0):
    rng = np.random.RandomState(seed)
    kind = rng.choice(["a", "b", "c"], n_samples, p=[0.6, 0.3, 0.1])
    level = np.select([kind == "a", kind == "b"], [0.0, 5.0], 10.0)
    X = pd.DataFrame(
        {
            "kind": kind,
            "size": level + rng.normal(size=n_samples),
            "gap": np.where(rng.uniform(size=n_samples) < 0.2, np.nan, rng.normal(size=n_samples)),
            "town": rng.choice([f"t{i}" for i in range(50)], n_samples),
            "same": 1.0,
        }
    )
    return X


def test_mixed_table_with_gaps_and_constants():
    X = mixed()
    detector = AutoencoderOutlierDetector(novelty=True, **SMALL).fit(X)
    odd = X.iloc[:5].copy()
    odd.loc[:, "kind"], odd.loc[:, "size"], odd.loc[:, "gap"] = "a", 10.0, 0.0  # each is common
    usual = X.iloc[:5].copy()
    assert detector.score_samples(odd).max() < np.median(detector.score_samples(X))
    parts = detector.explain(odd).to_numpy()
    assert (parts[:, :2].sum(1) > parts[:, 2:].sum(1)).all()
    changed = usual.assign(same=2.0)
    gained = (detector.explain(changed) - detector.explain(usual)).to_numpy()
    assert (gained[:, 4] > 50).all() and np.allclose(gained[:, :4], 0)
    unknown = usual.assign(kind="z", town="nowhere")
    assert (detector.score_samples(unknown) < detector.score_samples(usual)).mean() >= 0.8


def test_missing_values_are_hidden_or_refused():
    X, _ = related()
    X[::7, 1] = np.nan
    detector = AutoencoderOutlierDetector(**SMALL).fit(X)
    assert np.isfinite(detector.score_samples(X)).all()
    assert np.isfinite(detector.score_samples([[np.nan] * 3])).all()
    with pytest.raises(ValueError, match=r"NaN: column 1.*missing='mask'"):
        AutoencoderOutlierDetector(missing="error", **SMALL).fit(X)


@pytest.mark.parametrize("novelty", [True, False])
@pytest.mark.parametrize(
    "X",
    [
        np.array([[0.0, 1.0], [1.0, 0.0]]),
        np.ones((30, 3)),
        np.arange(40)[:, None],
        np.random.RandomState(0).normal(size=(6, 40)),
        np.random.RandomState(0).randint(0, 3, (50, 4)),
        np.column_stack([np.random.RandomState(0).normal(size=50), np.full(50, 1e6)]),
        np.eye(30) * 1e12,
    ],
    ids=["two rows", "all the same", "one feature", "wide", "integers", "constant", "huge"],
)
def test_difficult_tables(X, novelty):
    for method in METHODS:
        detector = AutoencoderOutlierDetector(novelty=novelty, score_method=method, **SMALL).fit(X)
        scores = detector.score_samples(X)
        assert np.isfinite(scores).all() and scores.dtype == np.float64
        assert set(detector.predict(X)) <= {-1, 1}
        if np.ptp(X, axis=0).max() == 0:
            assert (detector.predict(X) == 1).all()
            assert (detector.predict(X + 1) == -1).all()


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"contamination": 0.0}, "contamination"),
        ({"contamination": 0.6}, "contamination"),
        ({"contamination": "few"}, "contamination"),
        ({"score_method": "distance"}, "score_method"),
        ({"trim": 0.9}, "trim"),
        ({"mask_rate": 0.0}, "mask_rate"),
        ({"n_estimators": 0}, "n_estimators"),
        ({"hidden_layer_sizes": ()}, "hidden_layer_sizes"),
        ({"hidden_layer_sizes": (5, 0)}, "hidden_layer_sizes"),
    ],
)
def test_bad_parameters(params, words):
    with pytest.raises(ValueError, match=words):
        AutoencoderOutlierDetector(**params).fit(related()[0])


def test_one_row_and_infinity_are_refused():
    with pytest.raises(ValueError, match="minimum of 2"):
        AutoencoderOutlierDetector().fit([[1.0, 2.0]])
    with pytest.raises(ValueError, match="infinity"):
        AutoencoderOutlierDetector().fit([[1.0, 2.0], [np.inf, 1.0]])


# --- streams, searches, files -------------------------------------------------------------------


def test_stream():
    X, odd = related(900)
    detector = AutoencoderOutlierDetector((32,), max_reference_rows=200, random_state=0)
    for start in range(0, 900, 100):
        for _ in range(5):
            detector.partial_fit(X[start : start + 100])
    kept, n_seen = detector._stream
    assert kept.shape == (200, 3) and n_seen == 4500
    rows = detector.encoder_.encode(X)
    origin = [int(np.abs(rows - row).sum(1).argmin()) // 100 for row in kept]
    assert len(set(origin)) == 9  # from all of the stream
    assert detector.score_samples(odd[:2]).max() < np.quantile(detector.score_samples(X), 0.05)
    again = pickle.loads(pickle.dumps(detector)).partial_fit(X[:50])
    np.testing.assert_array_equal(
        again.score_samples(odd), detector.partial_fit(X[:50]).score_samples(odd)
    )


def test_search_over_scores_and_sizes_is_the_same_in_processes():
    X, _ = related(120)
    X[:12, 1] *= -1
    y = np.where(np.arange(120) < 12, -1, 1)
    order = np.random.RandomState(0).permutation(120)
    grid = {"score_method": ["mse", "local"], "hidden_layer_sizes": [(8,), (16, 16)]}
    found = [
        GridSearchCV(
            AutoencoderOutlierDetector(**SMALL), grid, scoring="roc_auc", cv=3, n_jobs=n_jobs
        ).fit(X[order], y[order])
        for n_jobs in (None, 2)
    ]
    for name in ("mean_test_score", "std_test_score"):
        np.testing.assert_array_equal(*(search.cv_results_[name] for search in found))
    assert found[0].best_score_ > 0.7


@pytest.mark.parametrize("method", METHODS)
def test_files_without_code(method, tmp_path):
    X = mixed(120)
    detector = AutoencoderOutlierDetector(novelty=True, score_method=method, **SMALL).fit(X)
    save(detector, tmp_path / "detector.skdeep")
    again = load(tmp_path / "detector.skdeep")
    np.testing.assert_array_equal(again.score_samples(X), detector.score_samples(X))
    np.testing.assert_array_equal(again.explain(X[:5]), detector.explain(X[:5]))


def test_digits_that_are_not_ones():
    X, y = load_digits(return_X_y=True)
    normal = np.flatnonzero(y == 1)
    half = len(normal) // 2
    detector = AutoencoderOutlierDetector(novelty=True, random_state=0, device="cpu")
    detector.fit(X[normal[:half]])
    rows = np.r_[normal[half:], np.flatnonzero(y != 1)]
    auc = roc_auc_score(y[rows] == 1, detector.score_samples(X[rows]))
    search = NearestNeighbors(n_neighbors=5).fit(X[normal[:half]])
    nearest = roc_auc_score(y[rows] == 1, -search.kneighbors(X[rows])[0].mean(1))
    assert auc > 0.95 and auc > nearest - 0.02


def test_recipe_for_frauds():
    """H2O's demonstration: an autoencoder 64-8-2-8-64 (tanh), the features of its third layer, and
    a look at the 20 rows that it rebuilds worst."""
    from skdeep import Autoencoder

    rng = np.random.RandomState(0)
    mixing = rng.normal(size=(4, 20))
    X = np.tanh(rng.normal(size=(2000, 4))) @ mixing + 0.1 * rng.normal(size=(2000, 20))
    fraud = rng.choice(2000, 25, replace=False)
    X[fraud] += 3.0 * rng.normal(size=(25, 20))
    X = (X - X.mean(0)) / X.std(0)
    net = Autoencoder(
        (64, 8, 2), "tanh", code_activation="tanh", transform_layer=3, max_iter=40,
        learning_rate="cosine", random_state=0, device="cpu",
    ).fit(X)  # fmt: skip
    assert net.transform(X).shape == (2000, 2)
    worst = np.argsort(net.score_samples(X))[:20]
    assert np.isin(worst, fraud).sum() >= 17


class Look:
    """A callback that scores rows after each epoch."""

    def __init__(self, X):
        self.X, self.scores = X, []

    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if context.task_name == "epoch":
            self.scores.append(fitted_estimator.score_samples(self.X))


def test_a_look_at_the_model_in_training_changes_nothing():
    X, odd = related()
    options = SMALL | {"max_iter": 4, "max_reference_rows": 50}
    look = Look(odd)
    watched = AutoencoderOutlierDetector(**options).set_callbacks(look).fit(X)
    alone = AutoencoderOutlierDetector(**options).fit(X)
    np.testing.assert_array_equal(watched.score_samples(odd), alone.score_samples(odd))
    assert len(look.scores) == 4
    np.testing.assert_allclose(look.scores[-1], alone.score_samples(odd), rtol=1e-6)


def test_contributions_keep_the_names_of_columns():
    X = pd.DataFrame(
        np.random.RandomState(0).normal(size=(40, 3)),
        columns=["a", "b", "c"],
        index=np.arange(40) + 5,
    )
    detector = AutoencoderOutlierDetector(novelty=True, max_iter=2, random_state=0).fit(X)
    parts = detector.explain(X[:4])
    assert list(parts.columns) == ["a", "b", "c"] and list(parts.index) == [5, 6, 7, 8]
    np.testing.assert_allclose(parts.sum(axis=1), -detector.score_samples(X[:4]), rtol=1e-5)
