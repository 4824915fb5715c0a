"""Levels of categorical columns and their codes."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from skdeep.preprocessing.cells import is_missing, kinds_of, unfit_cell

_FEW = 64  # up to this many values are looked up one by one: factorising costs more


@dataclass
class Levels:
    """Codes of the levels of one column; missing values and unseen levels are -1.

    Attributes
    ----------
    name : object
        Of the column, for messages.
    levels : list
        In their natural order where they have one.
    are_text : bool
        Whether all levels are strings.
    numbers : dict
        The number of each level.
    """

    name: object
    levels: list
    are_text: bool
    numbers: dict = field(init=False)

    def __post_init__(self):
        self.numbers = {level: i for i, level in enumerate(self.levels)}

    @classmethod
    def learn(cls, values, weight, name):
        """Learn the levels that occur in `values` with positive weight.

        Parameters
        ----------
        values : Series or ndarray of shape (n_samples,)
        weight : ndarray of shape (n_samples,) or None
        name : object

        Returns
        -------
        Levels
        """
        codes, uniques = _factorize(values, name)
        present = codes >= 0 if weight is None else (codes >= 0) & (weight > 0)
        levels = _in_order([uniques[i] for i in np.unique(codes[present])])
        are_text = bool(levels) and all(isinstance(level, str) for level in levels)
        return cls(name, levels, are_text)

    def kept(self):
        """What an encoder keeps: no dict of levels, whose keys skops writes as text."""
        return {"name": self.name, "levels": self.levels, "are_text": self.are_text}

    @classmethod
    def of(cls, kept):
        """The levels that an encoder keeps."""
        return cls(kept["name"], levels_in(kept), kept["are_text"])

    def __len__(self):
        return len(self.numbers)

    def encode(self, values):
        """Codes of a column.

        Raises
        ------
        ValueError
            If values are of a kind that fit did not see, numbers where the levels were text, say:
            they would all be unknown.
        """
        if len(values) <= _FEW and not isinstance(values.dtype, pd.CategoricalDtype):
            values = list(values)
            out = np.array([self._number(v) for v in values], dtype=np.int64)
            if self.numbers and (out < 0).any():
                self._refuse_other_kinds(v for v, i in zip(values, out) if i < 0)
            return out
        codes, uniques = _factorize(values, self.name)
        lookup = np.array([*(self.numbers.get(u, -1) for u in uniques), -1], dtype=np.int64)
        out = lookup[codes]
        if self.numbers and (lookup[:-1] < 0).any():
            unknown = np.unique(codes[(codes >= 0) & (out < 0)])
            self._refuse_other_kinds(uniques[i] for i in unknown)
        return out

    def _number(self, value):
        try:
            return self.numbers.get(value, -1)
        except TypeError:
            raise unfit_cell(type(value), self.name) from None

    def _refuse_other_kinds(self, unknown):
        examples = kinds_of(v for v in unknown if not is_missing(v))
        known = {"text"} if self.are_text else set(kinds_of(self.numbers))
        for kind, example in examples.items():
            if kind not in known:
                raise ValueError(
                    f"Column {self.name!r} held {' and '.join(sorted(known))} in fit, but now has "
                    f"{kind}, such as {example!r}: no level can be equal to it. Give the column "
                    "the type that it had in fit."
                )


def levels_in(kept):
    """The list of what an encoder keeps."""
    # "numbers": in files of older versions
    return kept["levels"] if "levels" in kept else list(kept["numbers"])


def _factorize(values, name):
    """Codes and levels; the code of missing values is -1."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values.cat.codes.to_numpy(), list(values.cat.categories)
    if isinstance(values.dtype, np.dtype) and not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    try:
        codes, uniques = pd.factorize(values)
    except TypeError:
        for value in values:
            if not _can_be_hashed(value):
                raise unfit_cell(type(value), name) from None
        raise
    return codes, list(uniques)


def _can_be_hashed(value):
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _in_order(levels):
    try:
        return sorted(levels)
    except TypeError:  # of several types
        return sorted(levels, key=lambda level: (type(level).__name__, str(level)))
