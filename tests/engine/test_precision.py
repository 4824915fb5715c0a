"""Mixed precision."""

import pytest
import torch
from torch import nn

from skdeep.engine.precision import mixed_precision, wants_mixed


@pytest.mark.parametrize("amp", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_bool_decides(amp, dtype):
    assert wants_mixed(amp, dtype, "cpu") is amp


@pytest.mark.parametrize(
    "units, on_cpu, expected",
    [
        ({"avx512_bf16": True}, True, True),
        ({"amx_bf16": True, "avx512_bf16": False}, True, True),
        ({"avx2": True, "avx512_bf16": False}, True, False),
        ({}, True, False),
        ({"avx512_bf16": True}, False, False),
    ],
)
def test_auto_looks_for_units_of_processors(monkeypatch, units, on_cpu, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: units, raising=False)
    assert wants_mixed("auto", torch.float32, "cpu", on_cpu) is expected


def test_auto_on_a_torch_that_knows_no_units(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert wants_mixed("auto", torch.float32, "cpu", True) is False


@pytest.mark.parametrize("capability, expected", [((7, 5), False), ((8, 0), True), ((9, 0), True)])
def test_auto_on_gpus(monkeypatch, capability, expected):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert wants_mixed("auto", torch.float32, "cuda") is expected
    assert wants_mixed("auto", torch.float32, torch.device("cuda:1")) is expected


@pytest.mark.parametrize("device", ["cpu", "cuda", "mps"])
def test_auto_leaves_double_precision_alone(device):
    assert wants_mixed("auto", torch.float64, device, True) is False


def test_auto_is_off_on_other_devices():
    assert wants_mixed("auto", torch.float32, "mps", True) is False


def test_products_are_rounded_to_bfloat16_and_returned_in_full():
    g = torch.Generator().manual_seed(0)
    x, layer = torch.randn(20, 7, generator=g), nn.Linear(7, 3)
    found = mixed_precision(layer, torch.float32, "cpu")(x)
    expected = nn.functional.linear(
        *(t.detach().bfloat16() for t in (x, layer.weight, layer.bias))
    ).float()
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected)
    assert not torch.equal(found, layer(x))


def test_several_arguments_and_gradients_of_full_precision():
    a, b = (torch.randn(3, 3, requires_grad=True) for _ in "ab")
    mixed_precision(lambda x, y: x @ y, torch.float32, "cpu")(a, b).sum().backward()
    assert a.grad.dtype == b.grad.dtype == torch.float32
    torch.testing.assert_close(a.grad, b.detach().sum(1).expand(3, 3), rtol=0.02, atol=0.02)


def test_autocast_ends_with_the_call():
    mixed_precision(nn.Linear(2, 2), torch.float32, "cpu")(torch.ones(1, 2))
    assert not torch.is_autocast_enabled("cpu")
