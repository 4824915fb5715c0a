"""Vocabularies of tokens and their ids."""

import warnings
from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np

PADDING, UNKNOWN = 0, 1
"""The ids that are no tokens."""


def token_ids(analyze, raw_documents, number_of):
    """Yield the ids of each text."""
    for document in raw_documents:
        tokens = analyze(document)
        if not hasattr(tokens, "__len__"):
            raise ValueError(
                f"tokenizer or analyzer made {tokens!r} of a text: expected a list of tokens."
            )
        yield np.fromiter(map(number_of, tokens), dtype=np.int32, count=len(tokens))


def known_ids(analyze, raw_documents, vocabulary):
    """Ids of each text by a fixed vocabulary."""
    known = _Known(vocabulary)
    return list(token_ids(analyze, raw_documents, known.__getitem__))


class _Known(dict):
    """A vocabulary that maps all other tokens to unknown (faster than `get` with a default)."""

    def __missing__(self, token):
        return UNKNOWN


def kept_terms(rows, terms, min_df, max_df, max_features):
    """Indices of the terms that `CountVectorizer` would keep, in alphabetical order."""
    n_texts, n_terms = len(rows), len(terms)
    order = np.argsort(terms)
    tokens = np.concatenate(rows)
    stays = np.ones(n_terms, dtype=bool)
    if (min_df, max_df) != (1, 1.0) or isinstance(max_df, Integral):
        low, high = (
            int(df) if isinstance(df, Integral) else df * n_texts for df in (min_df, max_df)
        )
        if high < low:
            raise ValueError("max_df corresponds to < documents than min_df")
        frequency = np.bincount(np.concatenate(list(map(np.unique, rows))), minlength=n_terms)
        stays = ((low <= frequency) & (frequency <= high))[order]
    if not stays.any():
        raise ValueError("After pruning, no terms remain. Try a lower min_df or a higher max_df.")
    order = order[stays]
    if max_features is not None and len(order) > max_features:
        counts = np.bincount(tokens, minlength=n_terms)[order]
        order = order[np.sort((-counts).argsort()[:max_features])]
    return order


def checked_vocabulary(vocabulary, lowercase):
    """A user's vocabulary as a dict of terms to ids."""
    if not isinstance(vocabulary, Mapping):
        try:
            terms = sorted(vocabulary) if isinstance(vocabulary, set) else list(vocabulary)
            set(terms)
        except TypeError as error:
            raise ValueError(
                f"vocabulary={vocabulary!r}: expected a mapping or a list of terms; {error}."
            ) from None
        numbers: dict[Any, int] = {}
        for i, term in enumerate(terms):
            if numbers.setdefault(term, i + 2) != i + 2:
                raise ValueError(f"Duplicate term in vocabulary: {term!r}")
        vocabulary = numbers
    if not vocabulary:
        raise ValueError("empty vocabulary passed to fit")
    ids = list(vocabulary.values())
    if len(set(ids)) != len(ids):
        raise ValueError("Vocabulary contains repeated indices.")
    if not all(isinstance(i, Integral) and int(i) > UNKNOWN for i in ids):
        raise ValueError(
            "The ids of a vocabulary start at 2, since 0 is padding and 1 an unknown token: "
            "expected integers from 2 on. A list of the terms gets such ids."
        )
    words = [term for term in vocabulary if isinstance(term, str)]  # tokenizers may make others
    if lowercase and any(any(map(str.isupper, word)) for word in words):
        warnings.warn(
            "Upper case characters found in vocabulary while 'lowercase' is True. These entries "
            "will not be matched with any documents"
        )
    return {term: int(i) for term, i in vocabulary.items()}
