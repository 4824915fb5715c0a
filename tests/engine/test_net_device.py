"""Which device and which precision the parameters of an estimator name."""

import numpy as np
import pytest
import torch

from skdeep.engine.net import is_available, resolve_device, resolve_dtype

CPU, MPS = torch.device("cpu"), torch.device("mps")


@pytest.fixture
def gpus(monkeypatch):
    """Set how many CUDA devices the process sees."""

    def see(count):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)

    return see


@pytest.mark.parametrize("count, kind", [(0, "cpu"), (2, "cuda")])
def test_auto_takes_a_gpu_where_there_is_one(gpus, count, kind):
    gpus(count)
    assert resolve_device("auto") == torch.device(kind)
    assert resolve_device("auto", np.ones((2, 2))) == torch.device(kind)
    assert resolve_device("auto", torch.ones(2, 2)) == torch.device(kind)


@pytest.mark.parametrize("given", ["cuda", "cuda:0", "cuda:1", torch.device("cuda:1")])
def test_gpus_by_name(gpus, given):
    gpus(2)
    assert resolve_device(given) == torch.device(given)


@pytest.mark.parametrize(
    "count, given, seen",
    [
        (0, "cuda", "sees no CUDA devices"),
        (1, "cuda:1", "sees 1 CUDA device[.]"),
        (2, "cuda:2", "sees 2 CUDA devices"),
    ],
)
def test_gpus_that_are_not_there(gpus, count, given, seen):
    gpus(count)
    with pytest.raises(ValueError, match=f"device='{given}' is not available: this process {seen}"):
        resolve_device(given)


def test_cpu_by_name_and_as_a_device():
    assert resolve_device("cpu") == resolve_device(CPU) == CPU


def test_devices_that_skdeep_does_not_compute_on():
    with pytest.raises(ValueError, match=r"device='meta' is not available.*type 'meta'"):
        resolve_device("meta")


@pytest.mark.parametrize("given", ["gpu", "", "cuda:x", None, 1.5])
def test_unknown_devices(given):
    with pytest.raises(ValueError, match=r"expected 'auto', 'cpu', 'cuda'"):
        resolve_device(given)


@pytest.mark.parametrize("there", [False, True])
def test_mps_is_asked_of_torch(monkeypatch, there):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: there)
    assert is_available(MPS) is there


@pytest.mark.parametrize(
    "given, expected",
    [
        (np.dtype("f4"), torch.float32),
        (np.dtype("f8"), torch.float64),
        (np.dtype("f2"), torch.float64),
        (np.dtype("i8"), torch.float64),
        (np.dtype("u1"), torch.float64),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
        (torch.int32, torch.float64),
    ],
)
def test_none_keeps_the_precision_of_the_data(given, expected):
    assert resolve_dtype(None, given, CPU) == expected


@pytest.mark.parametrize(
    "named, expected", [("float32", torch.float32), ("float64", torch.float64)]
)
def test_named_precision_wins(named, expected):
    assert resolve_dtype(named, np.dtype("f4"), CPU) == expected
    assert resolve_dtype(named, np.dtype("f8"), CPU) == expected


def test_mps_has_single_precision_alone():
    assert resolve_dtype("float64", np.dtype("f8"), MPS) == torch.float32
