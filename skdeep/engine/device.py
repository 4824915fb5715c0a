"""Where a network lives and in which precision it computes: the one file that asks torch about its
devices, by `torch.accelerator` where that knows the answer."""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

FLOAT_TYPES = {"float32": torch.float32, "float64": torch.float64}
_BFLOAT16 = (8, 0)  # Ampere, the first of NVIDIA's with units for bfloat16


def resolve_device(device: str | torch.device, X: Any = None) -> torch.device:
    """Turn the `device` parameter of an estimator into a `torch.device` that works.

    Parameters
    ----------
    device : {'auto', 'cpu', 'cuda', 'mps', 'xpu'} or str like 'cuda:1' or torch.device
        'auto' follows `X` when it is a tensor on a GPU; otherwise it is the first GPU that the
        process sees, else the CPU, with a warning where there is a GPU that does not work. Apple's
        'mps' is taken only by name: it has no float64.
    X : tensor or array, default=None
        Data to be processed.

    Returns
    -------
    torch.device

    Raises
    ------
    ValueError
        If the device is unknown, not there in this process, or does not work: its driver is
        broken, it is too old for this build of torch, or has no memory left.
    """
    if isinstance(device, str) and device == "auto":
        return _automatic(X)
    try:
        resolved = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f"device={device!r}: expected 'auto', 'cpu', 'cuda', 'cuda:1', ..., 'mps' or a "
            "torch.device"
        ) from error
    if not is_available(resolved):
        raise ValueError(
            f"device={str(device)!r} is not available: {_what_is_there(resolved.type)}. "
            "Use device='auto' or device='cpu'."
        )
    reason = _failure(resolved)
    if reason is not None:
        raise ValueError(
            f"device={str(device)!r} does not work: {reason} Use another device or device='cpu'."
        )
    return resolved


def _automatic(X: Any) -> torch.device:
    own = X.device if isinstance(X, torch.Tensor) else torch.device("cpu")
    if own.type not in ("cpu", "mps") and is_available(own):
        return own
    found = _accelerator()
    if found is None or found.type == "mps":
        return torch.device("cpu")
    reason = _failure(found)
    if reason is not None:
        warnings.warn(
            f"device='auto' is the CPU, because the device {str(found)!r} does not work: {reason}"
        )
        return torch.device("cpu")
    return found


def is_available(device: torch.device) -> bool:
    """Whether this process can compute on `device`."""
    return device.type == "cpu" or (device.index or 0) < n_devices(device.type)


def _accelerator() -> torch.device | None:
    """The kind of accelerator of this process, of which there is at least one."""
    found = torch.accelerator.current_accelerator(check_available=True)
    return None if found is None else torch.device(found.type)


def n_devices(kind: str) -> int:
    """How many devices of a kind this process sees."""
    found = _accelerator()
    return torch.accelerator.device_count() if found is not None and found.type == kind else 0


def _what_is_there(kind: str) -> str:
    count = n_devices(kind)
    name = "CUDA device" if kind == "cuda" else f"{kind!r} device"
    if count:
        return f"this process sees {count} {name}{'s' if count > 1 else ''}"
    return f"this process sees no {name}s" + (f" ({_why_none()})" if kind == "cuda" else "")


def _why_none() -> str:
    """What torch says when it is to use CUDA but sees no device: its build, or the driver."""
    try:
        torch.cuda.init()
    except Exception as error:  # an AssertionError of builds without it, a RuntimeError of drivers
        return _first_line(error)
    return "none is visible"


_working: set[torch.device] = set()


def _failure(device: torch.device) -> str | None:
    """Why a device that is there cannot add two numbers; None where it can."""
    if device.type == "cpu" or device in _working:
        return None
    try:
        _add_numbers(device)
    except torch.OutOfMemoryError as error:
        return f"it has no memory left, which other processes may use ({_first_line(error)})."
    except (RuntimeError, AssertionError) as error:
        return f"its driver, or this build of torch, failed ({_first_line(error)})."
    _working.add(device)
    return None


def _add_numbers(device: torch.device) -> None:
    torch.ones(2, device=device).sum().item()


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


def device_names() -> list[tuple[str, str]]:
    """Each accelerator that this process sees, as 'cuda:0', and what its maker calls it."""
    found = _accelerator()
    if found is None:
        return []
    name_of = getattr(torch.get_device_module(found), "get_device_name", None)
    devices = [torch.device(found.type, i) for i in range(n_devices(found.type))]
    return [(str(d), "" if name_of is None else name_of(d)) for d in devices]


SHARE_OF_MEMORY = 0.5
"""Of what is free on a device: rows that take more of it come batch by batch."""


def fits(n_bytes: float, device: str | torch.device) -> bool:
    """Whether rows may lie on a device as a whole, beside the network and what it computes with."""
    device = torch.device(device)
    if device.type not in ("cuda", "xpu"):
        return True  # of mps memory is the host's
    module = torch.get_device_module(device)
    free, _ = module.mem_get_info(device)
    kept = module.memory_reserved(device) - module.memory_allocated(device)  # by torch, unused
    return n_bytes <= SHARE_OF_MEMORY * (free + kept)


def resolve_dtype(dtype: str | None, X_dtype: Any, device: torch.device) -> torch.dtype:
    """Turn the `dtype` parameter of an estimator into a `torch.dtype`.

    Parameters
    ----------
    dtype : {'float32', 'float64'} or None
        None keeps the precision of the data: float32 for float32, float64 for everything else,
        as scikit-learn does.
    X_dtype : numpy.dtype or torch.dtype
        Type of the data.
    device : torch.device
        The device that the network lives on; mps has float32 only, as have some of Intel's GPUs.

    Returns
    -------
    torch.dtype
    """
    if not has_double(device):
        return torch.float32
    if dtype is None:
        dtype = "float32" if str(X_dtype).endswith("float32") else "float64"
    return FLOAT_TYPES[dtype]


def has_double(device: torch.device) -> bool:
    """Whether a device computes in float64."""
    if device.type == "xpu":
        return bool(torch.get_device_module(device).get_device_properties(device).has_fp64)
    return device.type != "mps"


def wants_mixed(
    amp: str | bool,
    dtype: torch.dtype,
    device: str | torch.device,
    on_cpu: bool = False,
    widths: Iterable[int] = (),
) -> bool:
    """Turn the `amp` parameter of an estimator into a bool.

    Parameters
    ----------
    amp : 'auto' or bool
        'auto' is True for float32 on a CUDA device that has units for bfloat16. True on one that
        has none is slower than False: there is a warning.
    dtype : torch.dtype
    device : torch.device
    on_cpu : bool, default=False
        Whether 'auto' is True on processors with such units, too.
    widths : iterable of int, default=()
        Channels of the convolutions. CUDA's kernels in bfloat16 take them by eight: 'auto' is False
        for other numbers, which are faster in TF32.
    """
    device = torch.device(device)
    if amp != "auto":
        if amp and device.type == "cuda" and not _has_bfloat16(device):
            warnings.warn(
                f"amp={amp!r}: {torch.cuda.get_device_name(device)} is too old for bfloat16, which "
                "it emulates: amp=False is faster."
            )
        return bool(amp)
    if dtype != torch.float32:
        return False
    if device.type == "cuda":
        return _has_bfloat16(device) and not any(width % 8 for width in widths)
    known = torch.cpu.get_capabilities()
    units = ("avx512_bf16", "amx_bf16")
    return device.type == "cpu" and on_cpu and any(known.get(unit) for unit in units)


def _has_bfloat16(device: torch.device) -> bool:
    return torch.cuda.get_device_capability(device) >= _BFLOAT16


def mixed_precision(
    forward: Callable[..., Tensor], dtype: torch.dtype, device: str | torch.device
) -> Callable[..., Tensor]:
    """The same function with its matrix products in bfloat16 (Micikevicius et al., 2018; of
    Kalamkar et al., 2019, the type, which needs no scaling of the loss).

    Parameters
    ----------
    forward : callable
    dtype : torch.dtype
        Type of what is returned: losses are computed in full precision.
    device : torch.device
    """
    kind = torch.device(device).type

    def mixed(*args: Any) -> Tensor:
        with torch.autocast(kind, torch.bfloat16):
            out = forward(*args)
        return out.to(dtype)

    return mixed


class _Setting:
    """A setting of the process, counting the passes that want another value: the first to come sets
    it and the last to leave takes it back.

    Parameters
    ----------
    holder, name : object, str
        What has the setting as an attribute.
    value : object
        What the passes want.
    kept : object, default=None
        A value that somebody has chosen on purpose, which stays.
    """

    def __init__(self, holder: Any, name: str, value: Any, kept: Any = None) -> None:
        self.holder, self.name, self.value, self.kept = holder, name, value, kept
        self.lock, self.n_inside, self.before = threading.Lock(), 0, None

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        with self.lock:
            if not self.n_inside:
                self.before = getattr(self.holder, self.name)
                if self.before != self.kept:
                    setattr(self.holder, self.name, self.value)
            self.n_inside += 1
        try:
            yield
        finally:
            with self.lock:
                self.n_inside -= 1
                if not self.n_inside:
                    setattr(self.holder, self.name, self.before)


_tf32 = _Setting(torch.backends.cuda.matmul, "fp32_precision", "tf32", kept="ieee")
_deterministic = _Setting(torch.backends.cudnn, "deterministic", True)

LARGE = 2**16
"""Parameters of a network from which on products take longer than their launch."""


@contextlib.contextmanager
def training_kernels(device: str | torch.device, n_parameters: int = LARGE) -> Iterator[None]:
    """A context in which a CUDA device computes gradients of convolutions with the same bits each
    time and, for large networks, multiplies matrices of float32 in TF32, which has the range of
    float32 and the 10 bits of float16, and adds in float32: several times as fast.

    Other devices and types are as they are, and so is everything after the context; other threads
    meanwhile are not, for torch has the settings once for a process. TF32 is left out where
    ``torch.backends.cuda.matmul.fp32_precision`` is 'ieee'.

    Parameters
    ----------
    device : torch.device
    n_parameters : int, default=65536
        Of the network.
    """
    with contextlib.ExitStack() as stack:
        if torch.device(device).type == "cuda":
            stack.enter_context(_deterministic.inside())
            if n_parameters >= LARGE:
                stack.enter_context(_tf32.inside())
        yield


def can_record(device: torch.device) -> bool:
    """Whether a device replays kernels that were recorded: a CUDA graph."""
    return device.type == "cuda"


def current(device: torch.device) -> contextlib.AbstractContextManager:
    """A context in which a CUDA device is the one that torch means by 'cuda'."""
    return torch.cuda.device(device) if device.type == "cuda" else contextlib.nullcontext()


@contextlib.contextmanager
def warm_up(device: torch.device) -> Iterator[None]:
    """A context for the steps before a recording, which are to be on a stream of their own."""
    if device.type != "cuda":
        yield
        return
    usual, own = torch.cuda.current_stream(device), torch.cuda.Stream(device)
    own.wait_stream(usual)
    with torch.cuda.stream(own):
        yield
    usual.wait_stream(own)


_capturing = threading.Lock()  # one recording at a time


def capture(
    body: Callable[[], None], device: torch.device, generators: Sequence[torch.Generator]
) -> Callable[[], None]:
    """Record the kernels that `body` launches, and return a function that launches them again.

    Parameters
    ----------
    body : callable
        It is called once, launches nothing then, and must not wait for the device.
    device : torch.device
        A CUDA device, the current one.
    generators : sequence of torch.Generator
        That `body` draws from; each replay draws other numbers.
    """
    graph = torch.cuda.CUDAGraph()
    for generator in generators:
        graph.register_generator_state(generator)
    torch.cuda.synchronize(device)
    with _capturing, warm_up(device):
        graph.capture_begin(capture_error_mode="thread_local")
        try:
            body()
        finally:
            graph.capture_end()
    return graph.replay
