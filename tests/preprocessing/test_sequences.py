"""SequenceVectorizer against CountVectorizer, and what it does alone."""

import pickle
from collections import Counter

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.utils.estimator_checks import check_estimator

from skdeep.preprocessing import SequenceVectorizer

TEXTS = [
    "The cat sat on the mat.",
    "A dog, a CAT and another dog!",
    "",
    "Über allen Gipfeln ist Ruh; the end of the café",
    "cat cat cat dog the the on on mat",
]


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"max_features": 3},
        {"min_df": 2},
        {"min_df": 0.3, "max_df": 0.5},
        {"max_df": 2},
        {"stop_words": "english"},
        {"lowercase": False},
        {"strip_accents": "unicode", "ngram_range": (1, 2)},
        {"analyzer": "char_wb", "ngram_range": (2, 3), "max_features": 10},
        {"token_pattern": r"(?u)\b\w+\b"},
        {"tokenizer": str.split, "token_pattern": None},
        {"preprocessor": str.upper},
    ],
    ids=str,
)
def test_same_terms_and_counts_as_count_vectorizer(params):
    counter = CountVectorizer(**params)
    counts = counter.fit_transform(TEXTS).toarray()
    vectorizer = SequenceVectorizer(max_length=None, **{"max_features": None, **params})
    X = vectorizer.fit_transform(TEXTS)
    assert list(vectorizer.vocabulary_) == list(counter.get_feature_names_out())
    assert vectorizer.vocabulary_ == {k: v + 2 for k, v in counter.vocabulary_.items()}
    for row, expected in zip(X, counts):
        assert Counter(row[row > 1] - 2) == Counter(np.repeat(np.arange(len(expected)), expected))
    np.testing.assert_array_equal(X, vectorizer.transform(TEXTS))


def test_order_padding_and_unknown():
    vectorizer = SequenceVectorizer(max_length=4, max_features=2)
    X = vectorizer.fit_transform(["bb aa bb", "aa cc bb bb bb", "aa"])
    assert X.dtype == np.int32
    assert vectorizer.vocabulary_ == {"aa": 2, "bb": 3}
    assert X.tolist() == [[3, 2, 3, 0], [1, 3, 3, 3], [2, 0, 0, 0]]
    assert vectorizer.transform(["zz aa"]).tolist() == [[1, 2, 0, 0]]


@pytest.mark.parametrize(
    ("truncating", "n", "expected"),
    [
        ("pre", 3, "ccc ddd eee"),
        ("post", 3, "aaa bbb ccc"),
        ("middle", 3, "aaa bbb eee"),
        ("middle", 1, "aaa"),
        ("middle", 4, "aaa bbb ddd eee"),
    ],
)
def test_truncating(truncating, n, expected):
    vectorizer = SequenceVectorizer(max_length=n, truncating=truncating)
    X = vectorizer.fit_transform(["aaa bbb ccc ddd eee", "aaa"])
    assert " ".join(vectorizer.inverse_transform(X)[0]) == expected
    assert X[1].tolist() == [2] + [0] * (n - 1)


def test_text_without_tokens_is_one_unknown_token():
    vectorizer = SequenceVectorizer(max_length=2).fit(["aa bb", ""])
    assert vectorizer.transform(["", "?!"]).tolist() == [[1, 0], [1, 0]]


def test_length_of_the_longest_text():
    vectorizer = SequenceVectorizer(max_length=None).fit(["aa bb cc", "aa"])
    assert vectorizer.max_length_ == 3
    whole, cut = (vectorizer.transform([text]).tolist() for text in ("bb cc aa", "aa bb cc aa"))
    assert cut == whole and len(whole[0]) == 3
    names = vectorizer.get_feature_names_out()
    assert names.tolist() == ["token0", "token1", "token2"]
    frame = clone(vectorizer).set_output(transform="pandas").fit_transform(["aa bb", "bb"])
    assert frame.columns.tolist() == ["token0", "token1"]


def test_inverse_transform():
    vectorizer = SequenceVectorizer(max_length=3).fit(["aa bb"])
    tokens = vectorizer.inverse_transform([[2, 1, 3], [3, 0, 0]])
    assert [list(t) for t in tokens] == [["aa", "[UNK]", "bb"], ["bb"]]
    with pytest.raises(ValueError, match="ids from 0 to 9: expected 0 to 3"):
        vectorizer.inverse_transform([[0, 9]])


@pytest.mark.parametrize("vocabulary", [["bb", "aa"], {"bb": 2, "aa": 3}, iter(["bb", "aa"])])
def test_given_vocabulary(vocabulary):
    vectorizer = SequenceVectorizer(vocabulary=vocabulary, max_length=3)
    assert vectorizer.fit_transform(["aa bb cc"]).tolist() == [[3, 2, 1]]
    assert vectorizer.fixed_vocabulary_


@pytest.mark.parametrize(
    ("vocabulary", "message"),
    [
        ([], "empty vocabulary"),
        (["aa", "aa"], "Duplicate term in vocabulary: 'aa'"),
        ({"aa": 2, "bb": 2}, "repeated indices"),
        ({"aa": 0, "bb": 1}, "start at 2"),
        ({"aa": 2.5}, "start at 2"),
    ],
)
def test_bad_vocabulary(vocabulary, message):
    with pytest.raises(ValueError, match=message):
        SequenceVectorizer(vocabulary=vocabulary).fit(["aa"])


def test_upper_case_in_a_vocabulary_of_lower_case():
    with pytest.warns(UserWarning, match="Upper case"):
        SequenceVectorizer(vocabulary=["Aa"]).fit(["aa"])


@pytest.mark.parametrize(
    ("params", "texts", "message"),
    [
        ({}, "one text", "string object received"),
        ({}, ["", "?"], "empty vocabulary"),
        ({}, [], "empty vocabulary"),
        ({"min_df": 3, "max_df": 2}, ["aa"], "fewer documents|< documents"),
        ({"min_df": 2}, ["aa", "bb"], "no terms remain"),
        ({"ngram_range": (2, 1)}, ["aa"], "ngram_range"),
        ({}, [np.nan], "np.nan is an invalid document"),
        ({"max_length": 0}, ["aa"], "max_length"),
        ({"truncating": "both"}, ["aa"], "truncating"),
        ({"max_features": 0}, ["aa"], "max_features"),
    ],
    ids=str,
)
def test_bad_input(params, texts, message):
    with pytest.raises(ValueError, match=message):
        SequenceVectorizer(**params).fit(texts)


def test_failed_fit_keeps_what_was_learnt():
    vectorizer = SequenceVectorizer(max_length=2).fit(["aa bb"])
    with pytest.raises(ValueError):
        vectorizer.fit([""])
    assert vectorizer.transform(["bb aa"]).tolist() == [[3, 2]]


def test_files_and_bytes(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes("aa né".encode("latin-1"))
    expected = SequenceVectorizer(max_length=2).fit_transform(["aa né"])
    for params, texts in (
        ({"input": "filename"}, [str(path)]),
        ({"input": "content"}, [path.read_bytes()]),
    ):
        vectorizer = SequenceVectorizer(encoding="latin-1", max_length=2, **params)
        np.testing.assert_array_equal(vectorizer.fit_transform(texts), expected)
    with path.open("rb") as file:
        vectorizer = SequenceVectorizer(input="file", encoding="latin-1", max_length=2)
        np.testing.assert_array_equal(vectorizer.fit_transform([file]), expected)


def test_not_fitted_and_pickle():
    with pytest.raises(NotFittedError):
        SequenceVectorizer().transform(["aa"])
    vectorizer = SequenceVectorizer(max_length=3).fit(TEXTS)
    again = pickle.loads(pickle.dumps(vectorizer))
    np.testing.assert_array_equal(again.transform(TEXTS), vectorizer.transform(TEXTS))


@pytest.mark.filterwarnings("ignore:Can't test estimator")  # texts are no rows of numbers
def test_sklearn_checks():
    check_estimator(SequenceVectorizer())
