"""The levels of a categorical column and their numbers."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

_FEW = 64  # up to this many values are looked up one by one: factorising costs more


@dataclass
class Levels:
    """Numbers for the levels of one column; missing values and unseen levels are -1.

    Attributes
    ----------
    name : object
        Of the column, for messages.
    numbers : dict
        The number of each level, in the levels' natural order where they have one.
    are_text : bool
        Whether all levels are strings.
    """

    name: object
    numbers: dict
    are_text: bool

    @classmethod
    def learn(cls, values, weight, name):
        """The levels that occur in `values` with a positive weight.

        Parameters
        ----------
        values : Series or ndarray of shape (n_samples,)
        weight : ndarray of shape (n_samples,) or None
        name : object

        Returns
        -------
        Levels
        """
        codes, uniques = _factorize(values)
        present = codes >= 0 if weight is None else (codes >= 0) & (weight > 0)
        levels = _in_order([uniques[i] for i in np.unique(codes[present])])
        are_text = bool(levels) and all(isinstance(level, str) for level in levels)
        return cls(name, {level: i for i, level in enumerate(levels)}, are_text)

    def __len__(self):
        return len(self.numbers)

    def encode(self, values):
        """Level numbers of a column.

        Raises
        ------
        ValueError
            If the levels were text in fit and the column now holds numbers.
        """
        if self.are_text:
            self._refuse_numbers(values)
        if len(values) <= _FEW and not isinstance(_dtype(values), pd.CategoricalDtype):
            return np.array([self._number(v) for v in values], dtype=np.int64)
        codes, uniques = _factorize(values)
        lookup = np.array([*(self.numbers.get(u, -1) for u in uniques), -1], dtype=np.int64)
        return lookup[codes]

    def _number(self, value):
        try:
            return self.numbers.get(value, -1)
        except TypeError:  # unhashable
            return -1

    def _refuse_numbers(self, values):
        dtype = _dtype(values)
        if isinstance(dtype, np.dtype) and dtype.kind in "iufcmM" and not pd.isna(values).all():
            raise ValueError(
                f"Column {self.name!r} held text in fit, but is now of the type {dtype}."
            )


def _dtype(values):
    return values.dtype


def _factorize(values):
    """Codes, and what they stand for; the code of a missing value is -1."""
    if isinstance(_dtype(values), pd.CategoricalDtype):
        return values.cat.codes.to_numpy(), list(values.cat.categories)
    codes, uniques = pd.factorize(values)
    return codes, list(uniques)


def _in_order(levels):
    try:
        return sorted(levels)
    except TypeError:  # of several types
        return sorted(levels, key=lambda level: (type(level).__name__, str(level)))
