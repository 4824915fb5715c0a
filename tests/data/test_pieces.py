"""Statistics and forward passes piece by piece, against NumPy on all rows at once."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from skdeep.data import pieces as pieces_module
from skdeep.data.pieces import channel_statistics, in_pieces, is_far, pieces, scales_differ
from skdeep.data.rows import MappedRows, RaggedRows

VALUES = np.random.default_rng(0).normal([[[2.0], [-1.0]]], [[[3.0], [0.5]]], (250, 2, 6))


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def as_kind(values, kind):
    """The same rows as a tensor, from a memory map, or as series of unequal length."""
    if kind == "tensor":
        return torch.as_tensor(values)
    if kind == "mapped":
        return MappedRows(values).to(None, "cpu")
    return RaggedRows.from_list([np.ascontiguousarray(v.T) for v in values]).to(
        torch.float64, "cpu"
    )


KINDS = pytest.mark.parametrize("kind", ["tensor", "mapped", "padded"])

# --- channel_statistics ------------------------------------------------------------------------


@KINDS
def test_mean_and_deviation_are_numpys(kind):
    mean, deviation = channel_statistics(as_kind(VALUES, kind))
    np.testing.assert_allclose(mean, VALUES.mean((0, 2)), rtol=1e-9)
    np.testing.assert_allclose(deviation, VALUES.std((0, 2)), rtol=1e-9)


@KINDS
def test_missing_numbers_are_left_out(rng, kind):
    values = np.where(rng.uniform(size=VALUES.shape) < 0.3, np.nan, VALUES)
    mean, deviation = channel_statistics(as_kind(values, kind))
    np.testing.assert_allclose(mean, np.nanmean(values, (0, 2)), rtol=1e-9)
    np.testing.assert_allclose(deviation, np.nanstd(values, (0, 2)), rtol=1e-9)


@KINDS
def test_weights_are_rows(rng, kind):
    weight = rng.integers(0, 4, 250)
    again = np.repeat(VALUES, weight, 0)
    mean, deviation = channel_statistics(as_kind(VALUES, kind), torch.as_tensor(weight))
    np.testing.assert_allclose(mean, again.mean((0, 2)), rtol=1e-9)
    np.testing.assert_allclose(deviation, again.std((0, 2)), rtol=1e-9)


def test_padding_does_not_count(rng):
    series = [rng.normal(5, 1, (n, 2)) for n in rng.integers(1, 30, 120)]
    mean, deviation = channel_statistics(RaggedRows.from_list(series).to(torch.float64, "cpu"))
    every = np.concatenate(series)
    np.testing.assert_allclose(mean, every.mean(0), rtol=1e-9)
    np.testing.assert_allclose(deviation, every.std(0), rtol=1e-9)


def test_images_have_one_mean_for_all_places(rng):
    x = rng.normal(size=(30, 3, 4, 5))
    mean, deviation = channel_statistics(torch.as_tensor(x))
    np.testing.assert_allclose(mean, x.mean((0, 2, 3)), atol=1e-12)
    np.testing.assert_allclose(deviation, x.std((0, 2, 3)), rtol=1e-9)


def test_bytes_are_numbers(rng):
    x = rng.integers(0, 256, (40, 1, 5, 5)).astype(np.uint8)
    mean, deviation = channel_statistics(torch.as_tensor(x))
    assert mean.item() == pytest.approx(x.mean()) and deviation.item() == pytest.approx(x.std())
    assert mean.dtype == torch.float64


@pytest.mark.parametrize("constant", [0.0, 1.0, -1e9, 0.1])
def test_channels_that_do_not_vary_have_the_deviation_one(constant):
    values = VALUES.copy()
    values[:, 1] = constant
    mean, deviation = channel_statistics(torch.as_tensor(values))
    assert mean[1].item() == pytest.approx(constant, abs=1e-12)
    assert deviation[1] == 1.0 and deviation[0].item() == pytest.approx(values[:, 0].std())


def test_a_channel_of_missing_numbers_alone():
    values = VALUES.copy()
    values[:, 0] = np.nan
    mean, deviation = channel_statistics(torch.as_tensor(values))
    assert mean[0] == 0 and deviation[0] == 1


@pytest.mark.parametrize("offset", [1e4, 1e8, -1e10])
def test_numbers_far_from_zero_keep_their_deviation(offset):
    """One pass over squares in double precision would leave nothing of it."""
    values = VALUES + offset
    mean, deviation = channel_statistics(torch.as_tensor(values))
    np.testing.assert_allclose(mean, values.mean((0, 2)), rtol=1e-12)
    np.testing.assert_allclose(deviation, values.std((0, 2)), rtol=1e-4)


def test_of_many_rows_some_at_equal_distances_are_looked_at(monkeypatch):
    monkeypatch.setattr(pieces_module, "STATISTICS_ROWS", 50)
    mean, _ = channel_statistics(torch.as_tensor(VALUES))
    np.testing.assert_allclose(mean, VALUES[::5].mean((0, 2)), rtol=1e-9)


# --- is_far, scales_differ -----------------------------------------------------------------------


@pytest.mark.parametrize("factor, expected", [(0.0, False), (500, False), (2000, True)])
@pytest.mark.parametrize("kind", [torch.as_tensor, MappedRows, np.asarray])
def test_far_is_a_thousand_deviations(rng, kind, factor, expected):
    x = rng.normal(size=(100, 2, 3))
    x[:, 1] = (x[:, 1] - x[:, 1].mean()) / x[:, 1].std() + factor
    assert is_far(kind(x)) is expected


def test_constant_channels_are_not_far():
    assert is_far(np.full((20, 1, 3), 1e9)) is False


@pytest.mark.parametrize("offset", [0.0, 1e5])
def test_far_series_of_unequal_length(rng, offset):
    series = [rng.normal(size=(n, 1)) + offset for n in (3, 9, 5)]
    assert is_far(RaggedRows.from_list(series)) is (offset > 0)


@KINDS
@pytest.mark.parametrize("last, expected", [(-0.4, False), (2.0, True)])
def test_scales_of_different_orders(rng, kind, last, expected):
    x = rng.normal(size=(60, 1, 40)) * np.logspace(0, last, 60)[:, None, None]
    assert scales_differ(as_kind(x, kind)) is expected


def test_levels_are_no_scales():
    x = np.arange(10.0) + np.logspace(0, 4, 30)[:, None, None]
    assert scales_differ(torch.as_tensor(x)) is False


def test_one_channel_is_enough(rng):
    x = rng.normal(size=(60, 2, 40))
    x[:, 1] *= np.logspace(0, 3, 60)[:, None]
    assert scales_differ(torch.as_tensor(x)) is True


def test_missing_steps_do_not_change_a_scale(rng):
    x = rng.normal(size=(60, 1, 40))
    x[rng.uniform(size=x.shape) < 0.5] = np.nan
    assert scales_differ(torch.as_tensor(x)) is False


def test_short_series_say_nothing(rng):
    x = rng.normal(size=(60, 1, 7)) * np.logspace(0, 5, 60)[:, None, None]
    assert scales_differ(torch.as_tensor(x)) is False


# --- pieces, in_pieces ---------------------------------------------------------------------------


def network(width=8):
    return nn.Conv1d(2, width, 3, padding=1).double()


@KINDS
def test_pieces_hold_every_row_once(kind):
    cut = pieces(network(), as_kind(VALUES, kind))
    np.testing.assert_array_equal(np.sort(np.concatenate(cut)), np.arange(250))


@pytest.mark.parametrize("budget, size", [(8 * 6 * 10, 10), (8 * 6, 1), (1, 1), (2**40, 250)])
def test_pieces_are_as_large_as_the_widest_layer_allows(monkeypatch, budget, size):
    monkeypatch.setitem(pieces_module.LARGEST, "cpu", budget)
    assert max(map(len, pieces(network(), torch.as_tensor(VALUES)))) == size


def test_pieces_hold_at_most_1024_rows():
    x = torch.zeros(3000, 2, 6).double()
    assert list(map(len, pieces(network(), x))) == [1024, 1024, 952]


def test_series_of_like_length_go_together(rng, monkeypatch):
    lengths = rng.integers(1, 50, 90)
    rows = RaggedRows.from_list([np.ones((n, 2)) for n in lengths]).to(torch.float64, "cpu")
    monkeypatch.setitem(pieces_module.LARGEST, "cpu", 8 * 49 * 10)
    cut = pieces(network(), rows)
    assert len(cut) > 5
    sizes = [lengths[piece] for piece in cut]
    assert all(a.max() <= b.min() for a, b in itertools.pairwise(sizes))


@KINDS
@pytest.mark.parametrize("budget", [2**22, 8 * 6 * 7])
def test_outputs_are_those_of_all_rows_at_once_in_their_order(monkeypatch, kind, budget):
    monkeypatch.setitem(pieces_module.LARGEST, "cpu", budget)
    net, calls = network(), []

    def function(batch):
        x = batch[0] if isinstance(batch, tuple) else batch
        calls.append(len(x))
        return net(x).mean(2)

    with torch.no_grad():
        found = in_pieces(net, as_kind(VALUES, kind), function)
        expected = net(torch.as_tensor(VALUES)).mean(2)
    torch.testing.assert_close(found, expected)
    assert len(calls) == (1 if budget == 2**22 else 36)


def test_series_come_back_in_their_order(rng, monkeypatch):
    monkeypatch.setitem(pieces_module.LARGEST, "cpu", 8 * 49 * 10)
    lengths = rng.integers(1, 50, 90)
    rows = RaggedRows.from_list([np.full((n, 2), float(i)) for i, n in enumerate(lengths)])
    found = in_pieces(network(), rows.to(torch.float64, "cpu"), lambda batch: batch[0][:, 0, 0])
    np.testing.assert_array_equal(found, np.arange(90))
