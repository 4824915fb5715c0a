"""The outlier detector on tables with many columns or rows."""

import numpy as np
import pandas as pd
import pytest
from sklearn.covariance import LedoitWolf

from skdeep import AutoencoderOutlierDetector
from skdeep.outlier import scores
from skdeep.outlier.covariance import shrunk_precision
from skdeep.preprocessing import outliers
from skdeep.preprocessing.outliers import OutlierEncoder

SMALL = {"hidden_layer_sizes": (16,), "max_iter": 3, "random_state": 0, "device": "cpu"}


def factors(n_samples, n_columns, seed=0):
    """Columns that follow a few hidden numbers, with noise."""
    rng = np.random.RandomState(seed)
    hidden = rng.normal(size=(n_samples, 5))
    noise = rng.normal(size=(n_samples, n_columns))
    return hidden @ rng.normal(size=(5, n_columns)) + 0.5 * noise


@pytest.mark.parametrize("shape", [(400, 20), (400, 300), (200, 300), (60, 900)])
def test_shares_of_columns_are_those_of_the_matrix_of_ledoit_and_wolf(shape):
    v, new = factors(*shape), factors(30, shape[1], seed=1)
    known = LedoitWolf().fit(v)
    expected = np.array([[w[j] * (w @ known.precision_[:, j]) for j in range(shape[1])]
                         for w in new - known.location_])  # fmt: skip
    found = shrunk_precision(v).parts(new)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10 * np.abs(expected).max())
    np.testing.assert_allclose(found.sum(1), known.mahalanobis(new), rtol=1e-9)
    np.testing.assert_allclose(shrunk_precision(v).distances(new), found.sum(1), rtol=1e-9)


@pytest.mark.parametrize("shape", [(400, 20), (400, 300), (200, 300)])
def test_the_farthest_rows_are_left_out_of_the_covariance_matrix(shape):
    v = factors(*shape)
    v[:10, 3] += 40
    distance = LedoitWolf().fit(v).mahalanobis(v)
    near = v[distance <= np.quantile(distance, 0.9)]
    expected = LedoitWolf().fit(near).mahalanobis(v)
    np.testing.assert_allclose(shrunk_precision(v, 0.1).distances(v), expected, rtol=1e-9)


@pytest.mark.parametrize("n_samples", [20, 500])
def test_wide_tables_without_rank_have_finite_distances(n_samples):
    alike = np.outer(np.random.RandomState(0).normal(size=n_samples), np.ones(300))
    for v in (np.ones((n_samples, 300)), alike):
        assert np.isfinite(shrunk_precision(v).parts(v)).all()
    assert not shrunk_precision(np.ones((n_samples, 300))).parts(alike).any()


@pytest.mark.parametrize("method", ["mahalanobis", "sampled"])
def test_one_wrong_value_in_a_wide_table(method):
    X = factors(120, 400)
    odd = X[:5].copy()
    odd[:, 7] += 6 * X[:, 7].std()
    detector = AutoencoderOutlierDetector(score_method=method, **SMALL).fit(X)
    assert (detector.score_samples(odd) < detector.score_samples(X[:5])).all()
    parts = detector.explain(odd)
    assert parts.shape == (5, 400)
    np.testing.assert_allclose(parts.sum(1), -detector.score_samples(odd))
    assert (parts.argmax(1) == 7).all()


@pytest.mark.parametrize("novelty", [True, False])
def test_long_tables_are_scored_in_passes_and_learned_from_a_sample(monkeypatch, novelty):
    X = factors(1200, 4)
    params = {"novelty": novelty, "contamination": 0.1, **SMALL}
    monkeypatch.setattr(scores, "MOST_ROWS", 400)
    detector = AutoencoderOutlierDetector(**params).fit(X)
    whole, parts = detector.score_samples(X), detector.explain(X)
    assert abs((whole < detector.offset_).mean() - 0.1) < 0.06  # of 120 or 400 rows
    assert detector._tail.n_rows_ == 120
    monkeypatch.setattr(scores, "_PASS", 100)
    np.testing.assert_allclose(detector.score_samples(X), whole, rtol=1e-9)
    np.testing.assert_allclose(detector.explain(X), parts, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("novelty", [True, False])
def test_more_rows_than_are_stored_and_fewer_that_train(novelty):
    """Of 105 rows 95 train the network, and 100 may be stored."""
    X = factors(105, 4)
    params = {"score_method": "local", "max_reference_rows": 100, "novelty": novelty, **SMALL}
    detector = AutoencoderOutlierDetector(**params).fit(X)
    assert len(detector._scorer.rows_) == 95
    assert np.isfinite(detector.score_samples(X)).all()


def test_a_long_table_is_encoded_in_passes(monkeypatch):
    rng = np.random.RandomState(0)
    X = pd.DataFrame(factors(300, 3), columns=list("abc"), index=rng.permutation(300) + 0.5)
    X["kind"], X["town"] = rng.choice(list("xyz"), 300), rng.randint(0, 50, 300).astype(str)
    X["same"], X.iloc[::9, 1] = 1.0, np.nan
    encoder = OutlierEncoder().fit(X)
    whole = encoder.transform(X)
    monkeypatch.setattr(outliers, "_PASS", 64)
    np.testing.assert_array_equal(encoder.transform(X), whole)
    monkeypatch.setattr(outliers, "_PIECE", 600)  # two columns at a time
    np.testing.assert_allclose(OutlierEncoder().fit(X).transform(X), whole, rtol=1e-5)
    X.iloc[290, 2] = np.inf
    with pytest.raises(ValueError, match="infinity.*column 'c'"):
        encoder.transform(X)


def test_bad_wide_tables_are_refused():
    X = factors(30, 300)
    detector = AutoencoderOutlierDetector(**SMALL)
    with pytest.raises(ValueError, match="299 features.*expecting 300"):
        detector.fit(X).score_samples(X[:, 1:])
    with pytest.raises(ValueError, match="299 features.*expecting 300"):
        detector.fit(X, X_val=X[:, 1:])
    with pytest.raises(ValueError, match="too large to be squared"):
        detector.fit(np.where(np.arange(300) == 299, 1e200 * X, X))
    X[4, 299] = np.nan
    with pytest.raises(ValueError, match="NaN: column 299"):
        AutoencoderOutlierDetector(missing="error", **SMALL).fit(X)
