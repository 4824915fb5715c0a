"""Predictions for dask collections, which wait until they are computed."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal, assert_series_equal

from skdeep import (
    Autoencoder,
    AutoencoderOutlierDetector,
    MLPClassifier,
    MLPRegressor,
    TabMClassifier,
)
from skdeep.scale import DiskRows

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")

SHORT = {"max_iter": 3, "random_state": 0, "device": "cpu"}
pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer. Maximum iterations")

rng = np.random.RandomState(0)
X = rng.normal(size=(100, 4))
Y = np.where(X[:, 0] + X[:, 1] > 0, "yes", "no")
FRAME = pd.DataFrame(X, columns=list("abcd"), index=np.arange(100) * 2)
ARRAY = da.from_array(X, chunks=(30, 3))


def frames(frame):
    return dd.from_pandas(frame, npartitions=3)


@pytest.fixture(scope="module")
def clf():
    return MLPClassifier(**SHORT).fit(X, Y)


@pytest.fixture(scope="module")
def named():
    return MLPClassifier(**SHORT).fit(FRAME, Y)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba"])
def test_arrays(clf, method):
    lazy, known = getattr(clf, method)(ARRAY), getattr(clf, method)(X)
    assert isinstance(lazy, da.Array)
    assert (lazy.shape, lazy.dtype, lazy.ndim) == (known.shape, known.dtype, known.ndim)
    assert lazy.chunks[0] == ARRAY.chunks[0]
    assert lazy._meta.dtype == known.dtype and lazy._meta.ndim == known.ndim
    found = lazy.compute(scheduler="threads")
    assert found.dtype == known.dtype
    if method == "predict":
        assert_array_equal(found, known)
    else:
        assert_allclose(found, known, rtol=1e-6)


def test_nothing_is_computed_before_it_is_asked_for(clf):
    def fail(block):
        if len(block):
            raise RuntimeError("computed")
        return block

    lazy = clf.predict(ARRAY.map_blocks(fail, meta=X[:0]))
    with pytest.raises(RuntimeError, match="computed"):
        lazy.compute()


def test_series_and_frames_with_the_index_of_X(named):
    lazy = named.predict(frames(FRAME))
    assert lazy.known_divisions
    assert_series_equal(
        lazy.compute(), pd.Series(named.predict(FRAME), FRAME.index), check_names=False
    )
    assert lazy.dtype == lazy.compute().dtype
    lazy = named.predict_proba(frames(FRAME))
    assert list(lazy.columns) == ["no", "yes"] and (lazy.dtypes == np.float64).all()
    known = pd.DataFrame(named.predict_proba(FRAME), FRAME.index, ["no", "yes"])
    assert_frame_equal(lazy.compute(), known)
    joined = frames(FRAME).assign(label=named.predict(frames(FRAME))).compute()
    assert_array_equal(joined["label"], named.predict(FRAME))


def test_columns_that_fit_has_not_seen_are_left_out(named):
    more = frames(FRAME.assign(label=Y)[["label", "d", "c", "b", "a"]])
    assert_array_equal(named.predict(more).compute(), named.predict(FRAME))
    with pytest.raises(ValueError, match="X has no column 'b', which the model was fitted with"):
        named.predict(frames(FRAME.drop(columns="b")))


def test_partitions_without_rows(named, clf):
    ordered = FRAME.sort_values("a")
    few = dd.from_pandas(ordered, npartitions=3, sort=False)
    few, known = few[few["a"] > 0.5], ordered[ordered["a"] > 0.5]
    assert_array_equal(named.predict_proba(few).compute(), named.predict_proba(known))
    none = few[few["a"] > 1e9]
    assert named.predict_proba(none).compute().shape == (0, 2)
    assert named.predict(none).compute().dtype == named.predict(few).dtype
    unknown = da.from_array(ordered.to_numpy(), chunks=30)
    unknown = unknown[unknown[:, 0] > 0.5]
    assert_array_equal(clf.predict(unknown).compute(), clf.predict(known.to_numpy()))


def test_categories_and_texts():
    mixed = FRAME.assign(city=pd.Categorical(rng.choice(["Ulm", "Bonn"], 100)), word="x")
    model = TabMClassifier(n_estimators=2, **SHORT).fit(mixed, Y)
    assert_allclose(
        model.predict_proba(frames(mixed)).compute(), model.predict_proba(mixed), atol=1e-6
    )


def test_regressors_of_one_and_of_two_outputs():
    one = MLPRegressor(**SHORT).fit(X, X[:, 0])
    two = MLPRegressor(**SHORT).fit(FRAME, X[:, :2])
    assert_allclose(one.predict(ARRAY).compute(), one.predict(X), rtol=1e-6)
    lazy = two.predict(frames(FRAME))
    assert list(lazy.columns) == [0, 1]
    assert_allclose(lazy.compute(), two.predict(FRAME), rtol=1e-6)


def test_scores_of_outliers_and_codes():
    detector = AutoencoderOutlierDetector(**SHORT).fit(FRAME)
    for method in ("score_samples", "decision_function", "predict"):
        lazy = getattr(detector, method)(frames(FRAME))
        assert_allclose(lazy.compute(), getattr(detector, method)(FRAME), rtol=1e-6)
    lazy = detector.explain(frames(FRAME))
    assert_frame_equal(lazy.compute(), detector.explain(FRAME), rtol=1e-5)
    coder = Autoencoder((3, 2), **SHORT).fit(FRAME)
    lazy = coder.transform(frames(FRAME))
    assert list(lazy.columns) == list(coder.get_feature_names_out())
    assert_allclose(lazy.compute(), coder.transform(FRAME), rtol=1e-5)


def test_series_as_arrays():
    from skdeep import LSTMClassifier

    series = rng.normal(size=(20, 9, 2))
    model = LSTMClassifier(kernels=None, **SHORT).fit(series, np.arange(20) % 3)
    lazy = model.predict_proba(da.from_array(series, chunks=(7, 3, 1)))
    assert lazy.shape == (20, 3)
    assert_allclose(lazy.compute(), model.predict_proba(series), rtol=1e-5)


def test_score(clf, named):
    assert clf.score(ARRAY, da.from_array(Y, chunks=30)) == clf.score(X, Y)
    assert clf.score(ARRAY, Y) == clf.score(X, Y)
    labelled = FRAME.assign(label=Y, weight=1.0 + (X[:, 0] > 0))
    known = named.score(FRAME, Y, labelled["weight"])
    assert named.score(frames(labelled), "label", "weight") == pytest.approx(known)
    lazy = frames(labelled)
    assert named.score(lazy, lazy["label"], lazy["weight"]) == pytest.approx(known)
    reg = MLPRegressor(**SHORT).fit(FRAME, X[:, :2])
    assert reg.score(frames(FRAME), X[:, :2]) == pytest.approx(reg.score(FRAME, X[:, :2]))


def test_the_model_of_now(clf):
    model = MLPClassifier(**SHORT).fit(X, Y)
    lazy, known = model.predict_proba(ARRAY), model.predict_proba(X)
    model.fit(X, Y[::-1])
    assert_allclose(lazy.compute(), known, rtol=1e-6)


def test_options_of_DiskRows_stand_for_the_collection(clf):
    assert_array_equal(clf.predict(DiskRows(ARRAY)).compute(), clf.predict(X))


def test_set_output(named):
    coder = Autoencoder((2,), **SHORT).set_output(transform="pandas").fit(FRAME)
    assert_allclose(coder.transform(frames(FRAME)), coder.transform(FRAME), rtol=1e-5)


def test_tasks_are_pickled(named):
    import pickle

    lazy = named.predict_proba(frames(FRAME))
    found = pickle.loads(pickle.dumps(lazy)).compute()
    assert_allclose(found, named.predict_proba(FRAME), rtol=1e-6)


def test_bad_collections(clf, named):
    with pytest.raises(ValueError, match="X has 5 features, but MLPClassifier is expecting 4"):
        clf.predict(da.zeros((10, 5), chunks=5))
    unknown = frames(FRAME).to_dask_array()
    assert_array_equal(clf.predict(unknown).compute(), clf.predict(X))
    with pytest.raises(ValueError, match="expected a known number of columns"):
        clf.predict(ARRAY.T[ARRAY[0] > -9].T)
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        MLPClassifier().predict(ARRAY)
