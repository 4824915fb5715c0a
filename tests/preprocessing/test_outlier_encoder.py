"""OutlierEncoder: nothing that could be odd is thrown away."""

import numpy as np
import pandas as pd

from skdeep.preprocessing.outliers import FENCE, OutlierEncoder, soft_clip


def test_numbers_are_standardised_and_wild_ones_grow_slowly():
    x = np.random.RandomState(0).normal(5.0, 3.0, size=(1000, 1))
    encoder = OutlierEncoder().fit(x)
    np.testing.assert_allclose(encoder.transform(x), (x - x.mean()) / x.std(), atol=1e-5)
    far = encoder.transform([[1e3], [1e6], [1e12]])[:, 0]
    assert FENCE < far[0] < far[1] < far[2] < 40
    wild = np.vstack([x, [[1e9]]])
    np.testing.assert_allclose(
        OutlierEncoder().fit(wild).transform(x), encoder.transform(x), atol=0.3
    )


def test_soft_clip_has_no_step_and_no_kink():
    z = np.array([FENCE - 1e-6, FENCE, FENCE + 1e-6])
    np.testing.assert_allclose(np.diff(soft_clip(z)), 1e-6, rtol=1e-3)
    np.testing.assert_array_equal(soft_clip(-z), -soft_clip(z))
    assert np.isnan(soft_clip(np.array([np.nan]))).all()


def test_columns_know_where_they_are_from():
    X = pd.DataFrame(
        {
            "kind": ["a", "b", "c", "a", "b", "a"],
            "gap": [1.0, np.nan, 2.0, 3.0, 4.0, 5.0],
            "same": [7.0] * 6,
            "word": ["x"] * 6,
            "never": [np.nan] * 6,
        }
    )
    encoder = OutlierEncoder().fit(X)
    assert encoder.sources_.tolist() == [1, 1, 0, 0, 0]
    assert encoder.constant_sources_.tolist() == [2, 4, 3]
    out = encoder.transform(X)
    assert out.shape == (6, len(encoder.sources_) + 3)
    assert np.isnan(out[1, 0]) and np.isfinite(out[0]).all()
    assert (out[:, -3:] == 0).all()
    odd = X.iloc[:2].assign(same=[7.0, 8.0], never=[np.nan, 1.0], word=["x", "y"])
    np.testing.assert_allclose(encoder.transform(odd)[:, -3:], [[0] * 3, [np.sqrt(6)] * 3])


def test_rare_levels_of_many():
    rng = np.random.RandomState(0)
    town = np.r_[rng.choice([f"t{i}" for i in range(40)], 990), ["rare"] * 2, ["t0"] * 8]
    X = pd.DataFrame({"town": town})
    encoder = OutlierEncoder(max_one_hot=10).fit(X)
    out = encoder.transform(pd.DataFrame({"town": ["t0", "rare", "unknown"]}))[:, 0]
    assert out[0] < out[1] < out[2]
    np.testing.assert_allclose(encoder.transform(X).mean(), 0, atol=0.01)


def test_integers_and_rows_that_are_all_the_same():
    encoder = OutlierEncoder().fit(np.full((5, 2), 3))
    np.testing.assert_array_equal(encoder.transform(np.full((5, 2), 3)), np.zeros((5, 3)))
    assert encoder.sources_.tolist() == [-1]
