"""Which device and which precision the parameters of an estimator name."""

import ast
import contextlib
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from skdeep.engine import device as device_module
from skdeep.engine.device import (
    can_record,
    capture,
    current,
    device_names,
    fits,
    is_available,
    mixed_precision,
    resolve_device,
    resolve_dtype,
    training_kernels,
    wants_mixed,
    warm_up,
)

CPU, MPS = torch.device("cpu"), torch.device("mps")


@pytest.fixture
def gpus(monkeypatch):
    """Set how many devices the process sees, and of which kind; they add numbers as processors."""

    def see(count, kind="cuda"):
        found = torch.device(kind) if count else None
        monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda *a, **k: found)
        monkeypatch.setattr(torch.accelerator, "device_count", lambda: count)

    monkeypatch.setattr(device_module, "_working", set())
    monkeypatch.setattr(device_module, "_add_numbers", lambda device: None)
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
        (0, "cuda", "sees no CUDA devices [(].+[)]"),
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
    with pytest.raises(ValueError, match=r"device='meta' is not available.*no 'meta' devices"):
        resolve_device("meta")


@pytest.mark.parametrize("given", ["gpu", "", "cuda:x", None, 1.5])
def test_unknown_devices(given):
    with pytest.raises(ValueError, match=r"expected 'auto', 'cpu', 'cuda'"):
        resolve_device(given)


@pytest.mark.parametrize("there", [False, True])
def test_mps_is_asked_of_torch(gpus, there):
    gpus(int(there), "mps")
    assert is_available(MPS) is there
    assert resolve_device("auto") == CPU  # it has no float64
    if there:
        assert resolve_device("mps") == MPS


@pytest.mark.parametrize("kind", ["xpu", "privateuseone"])
def test_other_kinds_of_accelerators(gpus, kind):
    gpus(2, kind)
    assert resolve_device("auto") == torch.device(kind)
    assert resolve_device(f"{kind}:1") == torch.device(f"{kind}:1")
    with pytest.raises(ValueError, match=f"'{kind}:2' is not .* sees 2 '{kind}' devices[.]"):
        resolve_device(f"{kind}:2")
    with pytest.raises(ValueError, match="'cuda' is not available"):
        resolve_device("cuda")


BROKEN = [
    (RuntimeError("CUDA error: no kernel image is available\nfor execution"), "no kernel image"),
    (RuntimeError("The NVIDIA driver on your system is too old"), "driver on your system is too"),
    (AssertionError("Torch not compiled with CUDA enabled"), "not compiled with CUDA"),
    (torch.OutOfMemoryError("CUDA out of memory. Tried"), "no memory left.*other processes"),
    (RuntimeError(), "failed [(]RuntimeError[)]"),
]


@pytest.mark.parametrize("error, reason", BROKEN, ids=lambda value: str(value)[:20])
def test_devices_that_do_not_work(gpus, monkeypatch, error, reason):
    def fail(device):
        raise error

    gpus(1)
    monkeypatch.setattr(device_module, "_add_numbers", fail)
    for given in ("cuda", "cuda:0"):
        with pytest.raises(ValueError, match=f"device='{given}' does not work: .*{reason}"):
            resolve_device(given)
    with pytest.warns(UserWarning, match=f"device='auto' is the CPU, because .*{reason}"):
        assert resolve_device("auto") == CPU


def test_a_device_is_tried_once(gpus, monkeypatch):
    tried = []
    gpus(2)
    monkeypatch.setattr(device_module, "_add_numbers", tried.append)
    for given in ("cuda:1", "auto", "cuda:1", "cpu", torch.device("cuda:1")):
        resolve_device(given)
    assert tried == [torch.device("cuda:1"), torch.device("cuda")]


def test_trying_a_device_adds_numbers_on_it():
    device_module._add_numbers(CPU)
    with pytest.raises(RuntimeError):  # no numbers there
        device_module._add_numbers(torch.device("meta"))


def test_names_of_devices(gpus, monkeypatch):
    gpus(0)
    assert device_names() == []
    gpus(2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"card {device.index}")
    assert device_names() == [("cuda:0", "card 0"), ("cuda:1", "card 1")]
    gpus(1, "mps")
    assert device_names() == [("mps:0", "")]


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


@pytest.mark.parametrize("double", [False, True])
def test_intels_devices_may_have_double_precision(monkeypatch, double):
    class Properties:
        has_fp64 = double

    monkeypatch.setattr(torch.xpu, "get_device_properties", lambda device: Properties)
    found = resolve_dtype("float64", np.dtype("f8"), torch.device("xpu"))
    assert found == (torch.float64 if double else torch.float32)


def test_no_other_file_asks_torch_about_devices():
    package = Path(device_module.__file__).parents[1]
    asked = {"accelerator", "backends", "cpu", "cuda", "get_device_module", "mps", "xpu"}
    found = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in asked
        if isinstance(node.value, ast.Name) and node.value.id == "torch"
    }
    assert found == {"engine/device.py"}


# --- mixed precision ------------------------------------------------------------------------


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
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: units)
    assert wants_mixed("auto", torch.float32, "cpu", on_cpu) is expected


@pytest.mark.parametrize("capability, expected", [((7, 5), False), ((8, 0), True), ((9, 0), True)])
def test_auto_on_gpus(monkeypatch, capability, expected):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert wants_mixed("auto", torch.float32, "cuda") is expected
    assert wants_mixed("auto", torch.float32, torch.device("cuda:1")) is expected
    assert wants_mixed("auto", torch.float32, "cuda", widths=(8, 64)) is expected
    assert wants_mixed("auto", torch.float32, "cuda", widths=(8, 20)) is False


@pytest.mark.parametrize("device", ["cpu", "cuda", "mps"])
def test_auto_leaves_double_precision_alone(device):
    assert wants_mixed("auto", torch.float64, device, True) is False


def test_cards_that_are_too_old_for_bfloat16(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Tesla P100")
    for capability in ((6, 0), (7, 5), (8, 0)):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)  # noqa: B023
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert wants_mixed(True, torch.float32, "cuda:1") is True
            assert wants_mixed(False, torch.float32, "cuda:1") is False
        said = [str(w.message) for w in caught]
        old = capability < (8, 0)
        assert len(said) == old and (not old or "Tesla P100 is too old for bfloat16" in said[0])


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


# --- products in TF32 -----------------------------------------------------------------------


@pytest.fixture
def matmul():
    before = torch.backends.cuda.matmul.fp32_precision
    yield torch.backends.cuda.matmul
    torch.backends.cuda.matmul.fp32_precision = before


def test_products_are_fast_inside_alone(matmul):
    before = matmul.fp32_precision
    with training_kernels("cuda:1"):
        assert matmul.fp32_precision == "tf32"
        with training_kernels(torch.device("cuda")):
            assert matmul.fp32_precision == "tf32"
        assert matmul.fp32_precision == "tf32"  # the outer one is not over
    assert matmul.fp32_precision == before
    with pytest.raises(KeyError), training_kernels("cuda"):
        raise KeyError
    assert matmul.fp32_precision == before


def test_products_of_threads_end_when_the_last_has_left(matmul):
    before, entered, leave = matmul.fp32_precision, threading.Event(), threading.Event()

    def other():
        with training_kernels("cuda"):
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with training_kernels("cuda"):
        thread.start()
        entered.wait(10)
    assert matmul.fp32_precision == "tf32"
    leave.set()
    thread.join()
    assert matmul.fp32_precision == before


def test_small_networks_keep_all_digits(matmul):
    before = matmul.fp32_precision
    with training_kernels("cuda", 1000):
        assert matmul.fp32_precision == before


@pytest.mark.parametrize("n_parameters", [1000, 100_000])
def test_convolutions_are_deterministic_inside_alone(n_parameters):
    before = torch.backends.cudnn.deterministic
    with training_kernels("cuda", n_parameters):
        assert torch.backends.cudnn.deterministic
    assert torch.backends.cudnn.deterministic == before


def test_a_user_who_wants_all_digits_has_them(matmul):
    matmul.fp32_precision = "ieee"
    with training_kernels("cuda"):
        assert matmul.fp32_precision == "ieee"
    assert matmul.fp32_precision == "ieee"


@pytest.mark.parametrize("device", ["cpu", "mps", "xpu"])
def test_products_of_other_devices_are_as_they_are(matmul, device):
    before = matmul.fp32_precision
    with training_kernels(device):
        assert matmul.fp32_precision == before


# --- recordings ---------------------------------------------------------------------------------


@pytest.fixture
def cuda(monkeypatch):
    """What is asked of `torch.cuda` to record kernels, in order."""
    asked = []

    class Graph:
        def register_generator_state(self, generator):
            asked.append("generator")

        def capture_begin(self, **options):
            asked.append(f"begin {options}")

        def capture_end(self):
            asked.append("end")

        def replay(self):
            asked.append("replay")

    class Stream:
        def __init__(self, device):
            self.name = f"own stream on {device}"

        def wait_stream(self, other):
            asked.append(f"{self.name} waits for {other.name}")

    usual = Stream("x")
    usual.name = "usual stream"

    @contextlib.contextmanager
    def within(name):
        asked.append(f"in {name}")
        yield
        asked.append(f"out {name}")

    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: usual)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: within(stream.name))
    monkeypatch.setattr(torch.cuda, "device", lambda device: within(str(device)))
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: asked.append(f"wait {device}"))
    return asked


def test_recording_on_a_stream_of_its_own(cuda):
    device = torch.device("cuda:1")
    with current(device):
        replay = capture(lambda: cuda.append("body"), device, [torch.Generator()])
        replay()
    own = "own stream on cuda:1"
    assert cuda == [
        "in cuda:1",
        "generator",
        "wait cuda:1",
        f"{own} waits for usual stream",
        f"in {own}",
        "begin {'capture_error_mode': 'thread_local'}",
        "body",
        "end",
        f"out {own}",
        f"usual stream waits for {own}",
        "replay",
        "out cuda:1",
    ]


def test_recordings_that_fail_end_and_say_why(cuda):
    def body():
        raise RuntimeError("not permitted")

    with pytest.raises(RuntimeError, match="not permitted"):
        capture(body, torch.device("cuda"), [])
    assert cuda[-1] == "end"
    capture(lambda: None, torch.device("cuda"), [])  # nothing is locked


def test_processors_record_nothing():
    assert not can_record(CPU) and not can_record(MPS) and can_record(torch.device("cuda:1"))
    with current(CPU), warm_up(CPU):
        pass


# --- memory -------------------------------------------------------------------------------------


def test_rows_may_take_half_of_what_is_free(monkeypatch):
    asked = []
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda d: (asked.append(str(d)) or 600, 9999))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda d: 500)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda d: 100)
    assert fits(500, "cuda:1") and not fits(501, torch.device("cuda:1"))
    assert asked == ["cuda:1", "cuda:1"]
    assert fits(1e18, "cpu") and fits(1e18, "mps")
