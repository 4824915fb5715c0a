"""Inputs of every kind: right where they can be read, else an error that names what was given."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch

from skdeep import (
    RBM,
    Autoencoder,
    AutoencoderOutlierDetector,
    CNNClassifier,
    GANOutlierDetector,
    ImageGAN,
    LSTMClassifier,
    LSTMRegressor,
    MLPClassifier,
    RealMLPClassifier,
    SequenceVectorizer,
    SiameseTransformer,
    TabMClassifier,
    TabularGAN,
    VariationalAutoencoder,
)
from skdeep._checks import layer_sizes
from skdeep.preprocessing import SlidingWindow

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

QUICK = {"max_iter": 1, "random_state": 0, "device": "cpu"}
rng = np.random.default_rng(0)
ROWS = rng.random((20, 4))
PICTURES = rng.random((20, 8, 8, 1))
SERIES = [rng.random((3 + i % 4, 2)) for i in range(20)]
Y = np.arange(20) % 2


def cnn(**params):
    small = {"n_filters": (2,), "kernel_size": 3, "hidden_layer_sizes": (3,)}
    return CNNClassifier("lenet", **QUICK | small | params)


def lstm(**params):
    return LSTMClassifier((3,), convolutional=None, **QUICK | params)


# --- sizes of layers ------------------------------------------------------------------------

NO_SIZES = [
    *(1.5, [1.5], [float("nan")], ["a"], [[3]], [None], {"a": 3}, {3}, np.array(3)),
    *(np.array([2.0]), [True], True, b"ab", [2**70], 10**12, [10**7, 10**7]),
]


@pytest.mark.parametrize("sizes", NO_SIZES, ids=repr)
def test_what_is_no_size(sizes):
    with pytest.raises(ValueError, match="units="):
        layer_sizes(sizes, "units")


@pytest.mark.parametrize("sizes", [0, -1, [0], [3, -1], ()], ids=repr)
def test_sizes_that_are_not_positive(sizes):
    with pytest.raises(ValueError, match="units must be > 0"):
        layer_sizes(sizes, "units")


@pytest.mark.parametrize(
    "sizes", [[3, 2], (3, 2), np.array([3, 2]), pd.Series([3, 2]), range(3, 1, -1)], ids=repr
)
def test_sizes_of_any_sequence(sizes):
    assert layer_sizes(sizes, "units") == [3, 2]
    assert layer_sizes(np.int64(3), "units") == [3]
    assert layer_sizes((), "units", may_be_empty=True) == []


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (MLPClassifier(), "hidden_layer_sizes"),
        (RealMLPClassifier(), "hidden_layer_sizes"),
        (TabMClassifier(), "hidden_layer_sizes"),
        (CNNClassifier(), "hidden_layer_sizes"),
        (CNNClassifier(), "n_filters"),
        (CNNClassifier(), "kernel_size"),
        (LSTMClassifier(), "hidden_layer_sizes"),
        (LSTMClassifier(), "convolutional"),
        (SiameseTransformer(), "hidden_layer_sizes"),
        (Autoencoder(), "hidden_layer_sizes"),
        (Autoencoder(), "decoder_layer_sizes"),
        (Autoencoder(), "n_filters"),
        (VariationalAutoencoder(), "hidden_layer_sizes"),
        (AutoencoderOutlierDetector(), "hidden_layer_sizes"),
        (GANOutlierDetector(), "hidden_layer_sizes"),
        (TabularGAN(), "hidden_layer_sizes"),
        (TabularGAN(), "critic_layer_sizes"),
        (ImageGAN(image_shape=(2, 2)), "channels"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_each_estimator_names_its_sizes(estimator, name):
    for sizes in ([1.5], ["a"], [[2]], [10**10, 10**10]):
        estimator.set_params(**{name: sizes}, max_iter=1)
        with pytest.raises(ValueError, match=name):
            estimator.fit(ROWS, Y)


def test_as_many_sizes_as_layers():
    with pytest.raises(ValueError, match="kernel_size=.* has 1 convolutions"):
        cnn(kernel_size=(3, 3)).fit(PICTURES, Y)
    with pytest.raises(ValueError, match="n_filters=.* one number"):
        CNNClassifier("inception", n_filters=(4, 4), **QUICK).fit(ROWS, Y)


# --- tensors --------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.uint8, torch.int64])
def test_tensors_of_any_type_are_numbers(dtype):
    X = torch.from_numpy(ROWS * 8).to(dtype)
    same = X.double().numpy().astype(np.float32 if X.is_floating_point() else np.float64)
    for make in (lambda: MLPClassifier((3,), **QUICK), cnn, lstm):
        left, right = make().fit(X, Y), make().fit(same, Y)
        np.testing.assert_allclose(left.predict_proba(X), right.predict_proba(same), atol=1e-5)


@pytest.mark.parametrize(
    "X",
    [
        torch.from_numpy(ROWS).to_sparse(),
        torch.empty((20, 4), device="meta"),
    ],
    ids=["sparse", "meta"],
)
def test_tensors_without_a_place_for_each_value(X):
    for estimator in (MLPClassifier((3,), **QUICK), cnn(), lstm(), RBM(3, **QUICK)):
        with pytest.raises(TypeError, match=r"A tensor .* was passed"):
            estimator.fit(X, Y)


def test_vectors_where_pictures_were_fitted():
    clf = cnn().fit(PICTURES, Y)
    for X in (np.zeros((3, 64)), torch.zeros(3, 64)):
        with pytest.raises(ValueError, match=r"rows of shape \(64,\).*expecting rows of shape"):
            clf.predict(X)


# --- arrays and frames ----------------------------------------------------------------------


def test_masked_values_are_not_read():
    X = np.ma.masked_greater(ROWS, 0.9)
    for estimator in (MLPClassifier((3,), **QUICK), cnn(), lstm(), RBM(3, **QUICK)):
        with pytest.raises(ValueError, match="Input X is a masked array"):
            estimator.fit(X, Y)
        estimator.fit(np.ma.masked_array(ROWS), Y)  # with no value masked


@pytest.mark.parametrize(
    "X",
    [
        pd.DataFrame({"a": ["x", "y"] * 10}),
        pd.DataFrame({"a": [np.zeros(3)] * 20}),
        pd.Series([np.zeros(3)] * 20),
        [[1.0, 2.0], [3.0]] * 10,
    ],
    ids=["text", "arrays in cells", "column of arrays", "ragged"],
)
def test_what_is_no_table_of_numbers(X):
    for estimator in (MLPClassifier((3,), **QUICK), RBM(3, **QUICK)):
        with pytest.raises((ValueError, TypeError), match=r"Input X cannot be turned|2D array"):
            estimator.fit(X, Y)


def test_sparse_rows_where_they_are_not_taken():
    X = sp.csr_array(ROWS)
    frame = pd.DataFrame(ROWS).astype(pd.SparseDtype("float", 0.0))
    for estimator in (Autoencoder((3,), **QUICK), VariationalAutoencoder(2, **QUICK), cnn()):
        estimator.fit(ROWS, Y)
        for rows in (X, frame):
            with pytest.raises(TypeError, match="Sparse data was passed for X"):
                estimator.transform(rows)


def test_rbm_on_sparse_rows():
    X = (ROWS > 0.6).astype(float)
    weight = np.arange(20) % 3
    dense, sparse = (
        RBM(3, method="cd", draw_states=False, **QUICK).fit(rows, sample_weight=weight, X_val=rows)
        for rows in (X, sp.csr_matrix(X))
    )
    np.testing.assert_allclose(sparse.components_, dense.components_, atol=1e-12)
    np.testing.assert_allclose(sparse.loss_curve_, dense.loss_curve_)
    for method in ("transform", "score_samples", "gibbs"):
        expected = getattr(dense, method)(X)
        for rows in (
            sp.csr_array(X),
            sp.coo_matrix(X),
            pd.DataFrame(X).astype(pd.SparseDtype("float", 0.0)),
        ):
            np.testing.assert_allclose(getattr(sparse, method)(rows), expected, atol=1e-9)
    assert RBM(3, **QUICK).partial_fit(sp.csr_matrix(X)).partial_fit(X).n_features_in_ == 4


# --- lists of series ------------------------------------------------------------------------


@pytest.mark.parametrize("make", [cnn, lstm])
def test_lists_of_series_of_every_kind(make):
    expected = make().fit(SERIES, Y).predict_proba(SERIES)
    saliency = make().fit(SERIES, Y).saliency(SERIES)
    kinds = {
        "frames": [pd.DataFrame(s, columns=["u", "v"]) for s in SERIES],
        "nested lists": [s.tolist() for s in SERIES],
        "tensors": [torch.from_numpy(s) for s in SERIES],
        "column": pd.Series(SERIES),
    }
    for name, X in kinds.items():
        clf = make().fit(X, Y)
        np.testing.assert_array_equal(clf.predict_proba(X), expected, err_msg=name)
        for got, wanted in zip(clf.saliency(X), saliency, strict=True):
            np.testing.assert_array_equal(got, wanted, err_msg=name)


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (None, r"X\[0\] is not an array of numbers \(a NoneType"),
        ("abc", r"X\[0\] is not an array of numbers \(a str"),
        ([[1.0], [2.0, 3.0]], r"X\[0\] is not an array of numbers \(a list"),
        (
            pd.DataFrame({"u": ["a"], "v": ["b"]}),
            r"X\[0\] is not an array of numbers \(a DataFrame",
        ),
        (sp.csr_array(np.eye(2)), r"X\[0\] is not an array of numbers \(a csr_array"),
        (np.zeros((0, 2)), r"0 steps or channels \(X\[0\]\)"),
        (np.zeros((3, 5)), "same number of channels"),
    ],
)
def test_lists_in_which_one_element_is_no_series(first, words):
    for estimator in (cnn(), lstm()):
        with pytest.raises(ValueError, match=words):
            estimator.fit([first, *SERIES[1:]], Y)


def test_ids_that_no_embedding_has_rows_for():
    clf = LSTMClassifier((3,), vocabulary_size="auto", embedding_size=2, **QUICK)
    for largest in (2**40, 1e300):
        with pytest.raises(ValueError, match="X holds the id"):
            clf.fit(np.full((20, 3), largest), Y)


# --- other inputs ---------------------------------------------------------------------------


def test_targets_of_saliency():
    clf = cnn().fit(PICTURES, Y)
    reg = LSTMRegressor((3,), convolutional=None, **QUICK).fit(ROWS, ROWS[:, 0])
    for estimator, X in ((clf, PICTURES), (reg, ROWS)):
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            estimator.saliency(X, Y[:-1])
        with pytest.raises(ValueError, match="y should be a 1d array"):
            estimator.saliency(X, np.zeros((20, 3), int))
    for y in (np.ones(20, int), ["a"] * 20, np.zeros(20)):
        with pytest.raises(ValueError, match=r"number of an output.*\[0, 0\]"):
            reg.saliency(ROWS, y)
    np.testing.assert_array_equal(reg.saliency(ROWS, np.zeros(20, int)), reg.saliency(ROWS))


@pytest.mark.parametrize(
    "texts",
    [[1, 2], ["a b", None], ["a b", float("nan")], [["alpha", "beta"]], [{"a": 1}]],
    ids=repr,
)
def test_texts_that_are_none(texts):
    with pytest.raises(ValueError, match="raw_documents contains .* expected texts"):
        SequenceVectorizer().fit(texts)


@pytest.mark.parametrize(
    "texts",
    [None, 3, b"ab", {"a": 1}, pd.DataFrame({"a": ["x y"]}), np.array([["a b"]]), sp.eye(2)],
    ids=lambda texts: type(texts).__name__,
)
def test_what_holds_no_texts(texts):
    with pytest.raises(ValueError, match="Iterable over raw text documents expected"):
        SequenceVectorizer().fit(texts)


def test_documents_of_other_kinds_where_a_function_reads_them():
    words = [["alpha", "beta"], ["beta"]]
    ids = SequenceVectorizer(analyzer=lambda doc: doc, max_length=2).fit_transform(words)
    assert ids.tolist() == [[2, 3], [3, 0]]


def test_ids_back_to_texts():
    vectorizer = SequenceVectorizer(max_length=2).fit(["alpha beta"])
    for ids, words in (
        ([[2.5, 0]], "not integers"),
        ([[1e300, 0]], "ids from"),
        ([["a"]], "numeric"),
    ):
        with pytest.raises(ValueError, match=words):
            vectorizer.inverse_transform(ids)


def test_pairs_and_their_labels():
    siamese = SiameseTransformer(2, hidden_layer_sizes=(3,), **QUICK)
    pairs, similar = ROWS.reshape(10, 2, 4), np.arange(10) % 2
    np.testing.assert_array_equal(
        siamese.fit_pairs(torch.from_numpy(pairs).bfloat16(), similar).predict_pairs(pairs).shape,
        (10,),
    )
    for wrong in (ROWS, [[1, 2], [3]], None, "pairs"):
        with pytest.raises(ValueError, match="pairs of"):
            siamese.fit_pairs(wrong, similar)
    with pytest.raises(ValueError, match="row numbers"):
        siamese.fit_pairs([[0, 1], [2]], similar[:2], X=ROWS)
    for labels in (["a"] * 10, [{}] * 10, np.full(10, 2), [[1], [0, 1]] * 5):
        with pytest.raises(ValueError, match="y "):
            siamese.fit_pairs(pairs, labels)
    for beta in ("a", None, -1, np.inf):
        with pytest.raises(ValueError, match="beta="):
            siamese.calibrate_threshold(pairs, similar, beta=beta)


def test_windows_and_pictures_without_values():
    for shape in ((20, 0, 2), (20, 6, 0), (0, 6, 2)):
        with pytest.raises(ValueError, match="Found array with 0"):
            GANOutlierDetector("lstm", hidden_layer_sizes=(3,), max_iter=1).fit(np.zeros(shape))
    with pytest.raises(ValueError, match="windows of one shape"):
        GANOutlierDetector("lstm", hidden_layer_sizes=(3,), max_iter=1).fit(SERIES)
    with pytest.raises(ValueError, match="Found array with 0"):
        ImageGAN(max_iter=1).fit(np.zeros((20, 8, 0)))
    with pytest.raises(ValueError, match="expected numbers"):
        ImageGAN(max_iter=1).fit(np.full((20, 4, 4), "2020", dtype="datetime64[s]"))
    for X in ([["a"]], pd.Series([np.zeros(3)] * 2)):
        with pytest.raises(ValueError, match="Input X cannot be turned"):
            SlidingWindow(3).fit(X)


@pytest.mark.skipif(not hasattr(np.dtypes, "StringDType"), reason="NumPy 2 has strings of its own")
def test_labels_in_the_strings_of_numpy():
    y_ = np.array(["a", "b"])[np.arange(40) % 2]
    X_ = np.random.RandomState(0).normal(size=(40, 3))
    found, expected = (
        MLPClassifier(max_iter=2, random_state=0, tol=1e9, n_iter_no_change=1).fit(X_, labels)
        for labels in (y_.astype(np.dtypes.StringDType()), y_.astype(object))
    )
    assert found.classes_.tolist() == ["a", "b"]
    np.testing.assert_array_equal(found.predict(X_), expected.predict(X_))
    with pytest.raises(ValueError, match="y contains NaN"):
        gap = np.array(["a", None] * 20, dtype=np.dtypes.StringDType(na_object=None))
        MLPClassifier().fit(X_, gap)
