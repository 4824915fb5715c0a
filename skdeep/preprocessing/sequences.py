"""Conversion of texts to rows of token ids."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.utils.validation import check_is_fitted

from skdeep._checks import all_or_nothing, checked_array
from skdeep._compat import Interval, StrOptions, _fit_context, with_doc_link
from skdeep.preprocessing.vocabulary import (
    PADDING,
    UNKNOWN,
    checked_vocabulary,
    kept_terms,
    known_ids,
    token_ids,
)

_OF_TOKENS = (
    *("input", "encoding", "decode_error", "strip_accents", "lowercase", "preprocessor"),
    *("tokenizer", "analyzer", "stop_words", "token_pattern", "ngram_range"),
)
"""Parameters that `CountVectorizer` reads when it cuts texts into tokens."""
_OF_COUNTS = ("max_df", "min_df", "max_features")
_TEXTS = {
    # np.nan is scikit-learn's to refuse, in its own words.
    "content": (
        lambda d: isinstance(d, (str, bytes)) or d is np.nan,
        "texts, str or bytes, and '' for none",
    ),
    "filename": (
        lambda d: isinstance(d, (str, bytes)) or hasattr(d, "__fspath__"),
        "names of files",
    ),
    "file": (lambda d: hasattr(d, "read"), "open files"),
}


@with_doc_link
class SequenceVectorizer(TransformerMixin, BaseEstimator):
    """Convert texts to sequences of token ids.

    Tokenisation and vocabulary are controlled by the parameters of
    `sklearn.feature_extraction.text.CountVectorizer`, with the same defaults except for
    `max_features`; for the same settings both have the same terms. Unlike `CountVectorizer`, which
    counts tokens, it keeps their order.

    Parameters
    ----------
    input : {'content', 'filename', 'file'}, default='content'
        Input of `fit` and `transform`: texts, filenames, or open files.

    encoding : str, default='utf-8'
        Encoding of bytes and files.

    decode_error : {'strict', 'ignore', 'replace'}, default='strict'
        How to handle bytes that cannot be decoded with `encoding`.

    strip_accents : {'ascii', 'unicode'} or callable, default=None
        How to remove accents, if at all.

    lowercase : bool, default=True
        Whether to convert texts to lower case.

    preprocessor : callable, default=None
        Replaces `strip_accents` and `lowercase`.

    tokenizer : callable, default=None
        Splits a text into a list of tokens, instead of `token_pattern`.

    stop_words : {'english'} or list, default=None
        Words that are removed.

    token_pattern : str or None, default=r"(?u)\\b\\w\\w+\\b"
        Regular expression of a word: by default at least two letters or digits.

    ngram_range : tuple (min_n, max_n), default=(1, 1)
        Lengths of n-grams of words or characters. With several lengths the tokens of the second
        length follow those of the first.

    analyzer : {'word', 'char', 'char_wb'} or callable, default='word'
        Whether tokens are words or characters; a callable extracts tokens from a raw text.

    max_df : float in [0.0, 1.0] or int, default=1.0
        Ignore terms that occur in more texts: a fraction of the texts, or a number.

    min_df : float in [0.0, 1.0] or int, default=1
        Ignore terms that occur in fewer texts: a fraction of the texts, or a number.

    max_features : int or None, default=20000
        Maximum number of terms in the vocabulary, the most frequent ones; None keeps all. An
        embedding has a row of weights for each term, and those of rare terms learn little: 20,000
        words are usual in tutorials on film reviews.

    vocabulary : Mapping or iterable, default=None
        The terms, with ids 2, 3, ..., or a mapping of terms to ids from 2 on. If None, the
        vocabulary is learned in `fit`.

    max_length : int or None, default=400
        Number of columns. Longer texts are truncated, shorter ones padded; None uses the length of
        the longest text in `fit`. It determines the time and memory of the next steps.

    truncating : {'pre', 'post', 'middle'}, default='pre'
        Where to truncate long texts: 'pre' keeps the end of a text, 'post' its beginning,
        'middle' half of each.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        Mapping of terms to ids from 2 on; 0 is padding and 1 an unknown term. Terms are sorted
        alphabetically, unless `vocabulary` was given.

    fixed_vocabulary_ : bool
        Whether a `vocabulary` was given.

    max_length_ : int
        Number of columns.

    See Also
    --------
    LSTMClassifier : Classifier of token ids with ``vocabulary_size='auto'``.

    Notes
    -----
    A text without tokens is converted to one unknown token, because a row of padding would be an
    empty sequence, which has no prediction.

    Examples
    --------
    >>> from skdeep import SequenceVectorizer
    >>> vectorizer = SequenceVectorizer(max_length=5)
    >>> vectorizer.fit_transform(["The cat sat.", "The cat saw the other cat!"])
    array([[6, 2, 4, 0, 0],
           [2, 5, 6, 3, 2]], dtype=int32)
    >>> vectorizer.vocabulary_
    {'cat': 2, 'other': 3, 'sat': 4, 'saw': 5, 'the': 6}
    >>> vectorizer.transform(["A dog and the cat"])
    array([[1, 1, 6, 2, 0]], dtype=int32)
    """

    vocabulary_: dict[str, int]
    fixed_vocabulary_: bool
    max_length_: int
    __module__ = "skdeep"
    _parameter_constraints: dict = {
        **{
            name: CountVectorizer._parameter_constraints[name]
            for name in (*_OF_TOKENS, *_OF_COUNTS, "vocabulary")
        },
        "max_length": [Interval(Integral, 1, None, closed="left"), None],
        "truncating": [StrOptions({"pre", "post", "middle"})],
    }

    def __init__(
        self,
        *,
        input: str = "content",
        encoding: str = "utf-8",
        decode_error: str = "strict",
        strip_accents: str | Callable[..., Any] | None = None,
        lowercase: bool = True,
        preprocessor: Callable[..., Any] | None = None,
        tokenizer: Callable[..., Any] | None = None,
        stop_words: str | Sequence[str] | None = None,
        token_pattern: str | None = r"(?u)\b\w\w+\b",
        ngram_range: tuple[int, int] = (1, 1),
        analyzer: str | Callable[..., Any] = "word",
        max_df: float = 1.0,
        min_df: float = 1,
        max_features: int | None = 20_000,
        vocabulary: Any = None,
        max_length: int | None = 400,
        truncating: str = "pre",
    ):
        self.input = input
        self.encoding = encoding
        self.decode_error = decode_error
        self.strip_accents = strip_accents
        self.lowercase = lowercase
        self.preprocessor = preprocessor
        self.tokenizer = tokenizer
        self.stop_words = stop_words
        self.token_pattern = token_pattern
        self.ngram_range = ngram_range
        self.analyzer = analyzer
        self.max_df = max_df
        self.min_df = min_df
        self.max_features = max_features
        self.vocabulary = vocabulary
        self.max_length = max_length
        self.truncating = truncating

    def fit(self, raw_documents: Any, y: Any = None) -> Self:
        """Learn the vocabulary.

        Parameters
        ----------
        raw_documents : iterable of str, bytes or file
            The texts; see `input`.

        y : None
            Not used.

        Returns
        -------
        self : SequenceVectorizer
        """
        self.fit_transform(raw_documents)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    @all_or_nothing
    def fit_transform(self, raw_documents: Any, y: Any = None) -> np.ndarray:
        """Learn the vocabulary and return token ids.

        Parameters
        ----------
        raw_documents : iterable of str, bytes or file
            The texts; see `input`.

        y : None
            Not used.

        Returns
        -------
        X : ndarray of int32 of shape (n_texts, max_length)
            Token ids of each text, padded with 0 at the end.
        """
        analyze = self._analyzer(raw_documents)
        fixed = self.vocabulary is not None
        if fixed:
            vocabulary = checked_vocabulary(self.vocabulary, self.lowercase)
            rows = known_ids(analyze, raw_documents, vocabulary)
        else:
            rows, vocabulary = self._learn(analyze, raw_documents)
        max_length = self.max_length
        if max_length is None:
            max_length = max(map(len, rows), default=1)
        self.vocabulary_, self.fixed_vocabulary_ = vocabulary, fixed
        self.max_length_ = max(int(max_length), 1)
        return self._matrix(rows)

    def transform(self, raw_documents: Any) -> np.ndarray:
        """Convert texts to token ids.

        Parameters
        ----------
        raw_documents : iterable of str, bytes or file
            The texts; see `input`.

        Returns
        -------
        X : ndarray of int32 of shape (n_texts, max_length)
            Token ids of each text, padded with 0 at the end.
        """
        check_is_fitted(self, "vocabulary_")
        analyze = self._analyzer(raw_documents)
        return self._matrix(known_ids(analyze, raw_documents, self.vocabulary_))

    def inverse_transform(self, X: Any) -> list[Any]:
        """Return the tokens of each row.

        Parameters
        ----------
        X : array-like of int of shape (n_texts, max_length)
            Token ids, as returned by `transform`.

        Returns
        -------
        tokens : list of ndarray of str, length n_texts
            Tokens without padding; unknown tokens are '[UNK]'.
        """
        check_is_fitted(self, "vocabulary_")
        X = checked_array(X, dtype="numeric", ensure_min_features=0)
        if X.dtype.kind not in "iubf":
            raise ValueError(f"X contains values of dtype {X.dtype}: expected integer ids.")
        terms = np.full(max(self.vocabulary_.values(), default=UNKNOWN) + 1, "[UNK]", dtype=object)
        for term, number in self.vocabulary_.items():
            terms[number] = term
        if X.size and not (X.min() >= 0 and X.max() < len(terms)):
            raise ValueError(
                f"X contains ids from {X.min()} to {X.max()}: expected 0 to {len(terms) - 1}, the "
                "ids of this vectorizer."
            )
        if ((ids := X.astype(np.int64)) != X).any():
            raise ValueError("X contains ids that are not integers.")
        return [terms[row[row != PADDING]].astype(str) for row in ids]

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return a name for each column.

        Parameters
        ----------
        input_features : None
            Not used.

        Returns
        -------
        names : ndarray of str of shape (max_length,)
            'token0', 'token1', ...: columns are positions in the text, not terms.
        """
        check_is_fitted(self, "vocabulary_")
        return np.array([f"token{i}" for i in range(self.max_length_)], dtype=object)

    def _analyzer(self, raw_documents):
        """Function that tokenises a raw text, created and validated by `CountVectorizer`."""
        _check_iterable(raw_documents)
        if len(self.ngram_range) != 2:
            raise ValueError(f"ngram_range={self.ngram_range!r}: expected (min_n, max_n).")
        low, high = self.ngram_range
        if low > high:
            raise ValueError(
                f"Invalid value for ngram_range={self.ngram_range} lower boundary larger than the "
                "upper boundary."
            )
        if self.token_pattern is None and self.tokenizer is None and self.analyzer == "word":
            raise ValueError("token_pattern=None: expected a pattern, or a tokenizer instead.")
        settings = {name: getattr(self, name) for name in _OF_TOKENS}
        analyze = CountVectorizer(**settings).build_analyzer()
        if self.input == "content" and (callable(self.analyzer) or self.preprocessor is not None):
            return analyze  # what a text is, the user's function knows
        is_text, wanted = _TEXTS[self.input]

        def checked(document):
            if not is_text(document):
                raise ValueError(
                    f"raw_documents contains {document!r:.60} of type {type(document).__name__}: "
                    f"with input={self.input!r} expected {wanted}."
                )
            return analyze(document)

        return checked

    def _learn(self, analyze, raw_documents):
        """Ids of each text, and their vocabulary."""
        vocabulary: defaultdict[Any, int] = defaultdict()
        vocabulary.default_factory = vocabulary.__len__
        rows = list(token_ids(analyze, raw_documents, vocabulary.__getitem__))
        if not vocabulary:
            raise ValueError("empty vocabulary; perhaps the documents only contain stop words")
        terms = list(vocabulary)
        limits = self.min_df, self.max_df, self.max_features
        kept = kept_terms(rows, np.array(terms, dtype=object), *limits)
        final = np.full(len(vocabulary), UNKNOWN, dtype=np.int32)
        final[kept] = np.arange(2, 2 + len(kept))
        return [final[row] for row in rows], {terms[i]: 2 + n for n, i in enumerate(kept)}

    def _matrix(self, rows):
        """Cut and pad the ids of each text."""
        n = self.max_length_
        out = np.zeros((len(rows), n), dtype=np.int32)
        for row, ids in zip(out, rows):
            if len(ids) > n:
                ids = _shortened(ids, n, self.truncating)
            row[: len(ids)] = ids
        out[out[:, 0] == PADDING, 0] = UNKNOWN  # texts without a token
        return out

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags


def _check_iterable(raw_documents):
    """Raise if X is not an iterable of texts, with scikit-learn's message."""
    is_table = getattr(raw_documents, "ndim", 1) != 1 or hasattr(raw_documents, "columns")
    if (
        isinstance(raw_documents, (str, bytes, Mapping))
        or is_table
        or not hasattr(raw_documents, "__iter__")
    ):
        kind = "string" if isinstance(raw_documents, str) else type(raw_documents).__name__
        raise ValueError(f"Iterable over raw text documents expected, {kind} object received.")


def _shortened(ids, n, truncating):
    if truncating == "pre":
        return ids[-n:]
    if truncating == "post":
        return ids[:n]
    half = n // 2
    return np.concatenate([ids[: n - half], ids[len(ids) - half :]])
