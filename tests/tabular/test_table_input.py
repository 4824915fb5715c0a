"""Tables as they come in."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import BaseEstimator

from skdeep.preprocessing import TabularEncoder
from skdeep.tabular.plan import TableInput, TableRows

FRAME = pd.DataFrame({"size": [1.0, 2.0, np.nan, 4.0], "kind": ["a", "b", "b", "a"]})


class Table(BaseEstimator):
    _target_is_numeric = True

    def fit(self, X, y):
        return self


def test_rows_of_fit_are_not_encoded():
    estimator = Table()
    rows, y = TableInput().check_with_target(estimator, FRAME, [1, 2, 3, 4], reset=True)
    assert isinstance(rows, TableRows) and rows.shape == (4, 2) and len(rows) == 4
    pd.testing.assert_frame_equal(rows.table, FRAME)
    assert estimator.feature_names_in_.tolist() == ["size", "kind"]
    assert y.tolist() == [1, 2, 3, 4]


def test_later_rows_are_encoded():
    estimator = Table()
    TableInput().check_with_target(estimator, FRAME, [1, 2, 3, 4], reset=True)
    estimator.encoder_ = TabularEncoder().fit(FRAME)
    X = TableInput().check(estimator, FRAME)
    np.testing.assert_array_equal(X, estimator.encoder_.transform(FRAME))
    with pytest.raises(ValueError, match="feature names"):
        TableInput().check(estimator, FRAME.rename(columns={"size": "length"}))


@pytest.mark.parametrize(
    "table", [FRAME, FRAME["size"].to_numpy()[:, None]], ids=["frame", "array"]
)
def test_rows_are_taken_by_number(table):
    taken = TableRows(table)[np.array([3, 0])]
    assert np.asarray(taken.table)[:, 0].tolist() == [4.0, 1.0]


@pytest.mark.parametrize(
    "table, expected",
    [
        (FRAME, False),
        (FRAME[["size"]].astype(np.float32), True),
        (FRAME[["size"]].astype(np.float32).assign(more=1.0), False),
        (np.zeros((2, 2), np.float32), True),
        (np.zeros((2, 2)), False),
    ],
)
def test_single_precision_is_that_of_all_columns(table, expected):
    assert TableRows(table).is_single == expected


def test_precision_is_that_of_encoded_rows():
    cpu = torch.device("cpu")
    assert TableInput().precision(None, FRAME, cpu) == torch.float32
    assert TableInput().precision("float64", FRAME, cpu) == torch.float64


def test_errors_name_what_was_given():
    with pytest.raises(ValueError, match="Input y contains NaN"):
        TableInput().check_with_target(Table(), FRAME, [1.0, np.nan, 3.0, 4.0], reset=True)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        TableInput().check_with_target(Table(), FRAME, [1.0], reset=True)


def test_tags():
    tags = SimpleNamespace(sparse=True, allow_nan=False, categorical=False)
    TableInput().tag(tags)
    assert vars(tags) == {"sparse": False, "allow_nan": True, "categorical": True}
