"""The objects that read arrays, series and token ids, apart from any network."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import get_tags

from skdeep.data.rows import MappedRows, PaddedRows, RaggedRows
from skdeep.inputs.arrays import ArrayInput, wants_own_scale
from skdeep.inputs.sequences import SequenceInput, TokenInput, sequence_input

SERIES = np.arange(24, dtype=np.float32).reshape(3, 4, 2)


class Owner(BaseEstimator):
    """What a reader remembers things on."""

    _target_is_numeric = True

    def __init__(self, data_format="channels_last", missing="error", vocabulary_size=None):
        self.data_format = data_format
        self.missing = missing
        self.vocabulary_size = vocabulary_size


def test_reads_the_parameters_that_an_estimator_has():
    owner = Owner(data_format="channels_first", missing="mask")
    owner.input_shape_ = (2, 4)
    reader = ArrayInput.of(owner, ranks=(3,))
    assert reader == ArrayInput(
        data_format="channels_first", missing="mask", shape=(2, 4), ranks=(3,)
    )
    assert ArrayInput.of(object()) == ArrayInput()
    assert ArrayInput.of(owner, missing="error").missing == "error"


def test_remembers_the_shape_on_the_estimator_alone():
    owner = Owner()
    reader = ArrayInput.of(owner)
    X = reader.check(owner, SERIES, reset=True)
    np.testing.assert_array_equal(X, SERIES.transpose(0, 2, 1))
    assert owner.input_shape_ == (4, 2) and reader.shape is None
    assert ArrayInput.of(owner).check(owner, SERIES[:1]).shape == (1, 2, 4)
    with pytest.raises(ValueError, match="X has 1 channels, but Owner is expecting 2 channels"):
        ArrayInput.of(owner).check(owner, SERIES[:, :, :1])


@pytest.mark.parametrize("flat", [False, True])
def test_axis_of_the_one_channel_of_vectors(flat, tmp_path):
    owner, X = Owner(), np.arange(6.0).reshape(2, 3)
    reader = ArrayInput.of(owner, flat=flat)
    expected = X if flat else X[:, None]
    np.testing.assert_array_equal(reader.check(owner, X, reset=True), expected)
    np.save(tmp_path / "X.npy", X)
    mapped = reader.check(owner, np.load(tmp_path / "X.npy", mmap_mode="r"), reset=True)
    assert isinstance(mapped, MappedRows)
    np.testing.assert_array_equal(mapped.load(), expected)
    assert reader.check(owner, SERIES, reset=True).shape == (3, 2, 4)


def test_bytes_stay_bytes_unless_the_network_wants_numbers():
    X = np.full((2, 1, 2, 2), 255, dtype=np.uint8)
    kept, turned = (
        ArrayInput(keeps_bytes=keeps).place(X, torch.float32, torch.device("cpu"))
        for keeps in (True, False)
    )
    assert kept.dtype == torch.uint8 and turned.dtype == torch.float32
    assert kept.max() == turned.max() == 255


def test_precision():
    cpu, vectors, series = torch.device("cpu"), ArrayInput(shape=(3,)), ArrayInput(shape=(4, 2))
    double = SERIES.astype(np.float64).transpose(0, 2, 1)
    assert series.precision(None, double, cpu) == torch.float32
    assert series.precision("float64", double, cpu) == torch.float64
    assert series.precision(None, double + 1e9, cpu) == torch.float64  # float32 would round it away
    assert vectors.precision(None, double[:, :1, :3], cpu) == torch.float64
    assert TokenInput(vocabulary_size=9).precision(None, None, cpu) == torch.float32


def test_keys_and_the_largest_value_of_all_kinds_of_rows():
    reader, target = ArrayInput(), np.arange(3)
    X = np.ascontiguousarray(SERIES.transpose(0, 2, 1))
    ragged = RaggedRows.from_list([-s for s in SERIES])
    kinds = (X, torch.from_numpy(X), MappedRows(X))
    keys = [reader.keys(rows, target) for rows in kinds]
    assert keys[0] == keys[1] == keys[2] and len(set(keys[0])) == 3
    assert reader.keys(X[[0, 0]], target[[1, 2]])[0] != reader.keys(X[[0, 0]], target[[1, 2]])[1]
    assert [reader.largest(rows) for rows in (*kinds, ragged)] == [23.0] * 4


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_numbers_are_given_back_in_the_layout_of_x(data_format):
    X = SERIES if data_format == "channels_last" else SERIES.transpose(0, 2, 1)
    for kind in (ArrayInput, SequenceInput):
        owner = Owner(data_format=data_format)
        rows = kind.of(owner).check(owner, X, reset=True)
        back = kind.of(owner).give_back(X, rows, list(rows))
        np.testing.assert_array_equal(back, X)
    lists = [x[:n] if data_format == "channels_last" else x[:, :n] for x, n in zip(X, (4, 2, 3))]
    rows = ArrayInput.of(owner).check(owner, lists, reset=True)
    back = ArrayInput.of(owner).give_back(lists, rows, [row.T for row in rows])
    assert all(np.array_equal(a, b) for a, b in zip(back, lists, strict=True))


def test_numbers_of_vectors_and_images_are_given_back():
    owner, X = Owner(), np.arange(8.0).reshape(2, 4)
    rows = ArrayInput.of(owner).check(owner, X, reset=True)
    np.testing.assert_array_equal(ArrayInput.of(owner).give_back(X, rows, list(rows)), X)
    rows = ArrayInput.of(owner, image_shape=(2, 2)).check(owner, X, reset=True)
    back = ArrayInput.of(owner, image_shape=(2, 2)).give_back(X, rows, list(rows))
    np.testing.assert_array_equal(back, X.reshape(2, 2, 2, 1))


def test_token_ids():
    owner = Owner(vocabulary_size="auto")
    rows = sequence_input(owner).check(owner, [[5, 3, 0], [3]], reset=True)
    assert isinstance(rows, RaggedRows) and [r.ravel().tolist() for r in rows] == [[5, 3], [3]]
    assert owner.vocabulary_size_ == 6 and owner.input_shape_ == (None,)
    given = np.array([[4, 9, 3], [0, 5, 5]])  # ids that `fit` did not see become 1
    rows = sequence_input(owner).check(owner, given)
    assert [r.ravel().tolist() for r in rows] == [[1, 1, 3], [5, 5]]
    x = sequence_input(owner).place(rows, torch.float32, torch.device("cpu"))
    assert isinstance(x, PaddedRows) and x.values.dtype == torch.int64
    values = [np.array([[1.0, 2, 3], [10, 20, 30]]), np.array([[4.0, 5], [0, 0]])]
    np.testing.assert_array_equal(
        sequence_input(owner).give_back(given, rows, values), [[11, 22, 33], [0, 4, 5]]
    )


def test_series_forget_the_vocabulary_of_an_earlier_fit():
    owner = Owner(vocabulary_size=9)
    sequence_input(owner).check(owner, [[5, 3], [3]], reset=True)
    owner.set_params(vocabulary_size=None)
    sequence_input(owner).check(owner, SERIES, reset=True)
    assert not hasattr(owner, "vocabulary_size_") and owner.input_shape_ == (4, 2)


@pytest.mark.parametrize(
    "reader, three_d, nan",
    [
        (ArrayInput(), True, False),
        (ArrayInput(ranks=(2, 4), missing="mask"), False, True),
        (TokenInput(vocabulary_size=5), False, False),
    ],
)
def test_tags(reader, three_d, nan):
    tags = get_tags(Owner()).input_tags
    tags.sparse = True
    reader.tag(tags)
    assert (tags.sparse, tags.three_d_array, tags.allow_nan) == (False, three_d, nan)


def test_own_scale_where_series_differ_in_size():
    X = np.tile(np.arange(10.0), (30, 1, 1))
    sizes = np.logspace(-1, 1, 30)[:, None, None]
    assert [wants_own_scale("auto", x) for x in (X, X * sizes)] == [False, True]
    assert wants_own_scale(True, SimpleNamespace()) and not wants_own_scale(False, None)
