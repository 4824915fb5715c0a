"""Faster forward passes for training: mixed precision and torch's compiler."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from skdeep.engine.protocols import Gradient

_COMPILER_FILES = "TORCHINDUCTOR_CACHE_DIR"


def wants_mixed(
    amp: str | bool, dtype: torch.dtype, device: str | torch.device, on_cpu: bool = False
) -> bool:
    """Turn the `amp` parameter of an estimator into a bool.

    Parameters
    ----------
    amp : 'auto' or bool
        'auto' is True for float32 on a CUDA device that has units for bfloat16.
    dtype : torch.dtype
    device : torch.device
    on_cpu : bool, default=False
        Whether 'auto' is True on processors with such units, too.
    """
    if amp != "auto":
        return bool(amp)
    kind = torch.device(device).type
    if dtype != torch.float32 or kind not in ("cpu", "cuda"):
        return False
    if kind == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)  # Ampere
    known: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()  # torch 2.10
    return on_cpu and any(known.get(unit) for unit in ("avx512_bf16", "amx_bf16"))


def mixed_precision(
    forward: Callable[..., Tensor], dtype: torch.dtype, device: str | torch.device
) -> Callable[..., Tensor]:
    """The same function with its matrix products in bfloat16 (Micikevicius et al., 2018; of
    Kalamkar et al., 2019, the type, which needs no scaling of the loss).

    Parameters
    ----------
    forward : callable
    dtype : torch.dtype
        Type of what is returned: losses are worked out in full precision.
    device : torch.device
    """
    kind = torch.device(device).type

    def mixed(*args: Any) -> Tensor:
        with torch.autocast(kind, torch.bfloat16):
            out = forward(*args)
        return out.to(dtype)

    return mixed


def compiled(module: nn.Module, device: str | torch.device) -> Callable[..., Any]:
    """The forward pass of a module through torch's compiler, which writes one kernel for what
    stands between two matrix products. Where the compiler cannot work (it needs one for C++) the
    module goes on without it, with a warning; so it does on all devices but processors, where
    compiled networks with dropout do not learn what plain ones learn.

    Parameters
    ----------
    module : torch.nn.Module
    device : torch.device
        Where the module is.
    """
    kind = torch.device(device).type
    if kind != "cpu":
        warnings.warn(
            f"compile=True has no effect on a device of the type {kind!r}: compiled networks do "
            "not train right there. Training goes on without torch's compiler."
        )
        return module
    with compiler_environment():
        fast = torch.compile(module, dynamic=True)
    failed: list[Exception] = []

    def forward(x: Any) -> Any:
        if failed:
            return module(x)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # of torch's own code
                # The compiler looks at the gradients of parameters that are views of one tensor.
                warnings.filterwarnings("ignore", "The .grad attribute of a Tensor")
                return fast(x)
        except Exception as error:  # the compiler's own errors have no common class
            failed.append(error)
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            warnings.warn(f"compile=True has no effect: torch's compiler failed with {reason!r}.")
            return module(x)

    return forward


def with_compiler(gradient: Gradient) -> Gradient:
    """The same gradient, after which the environment is as it was: torch's compiler, which begins
    its work in the first passes forward and backward, notes there where it keeps its files.

    Parameters
    ----------
    gradient : callable
    """

    def compute(*batch: Any) -> Tensor:
        with compiler_environment():
            return gradient(*batch)

    return compute


@contextlib.contextmanager
def compiler_environment() -> Iterator[None]:
    """A context that ends with the environment as it was before torch's compiler."""
    had = _COMPILER_FILES in os.environ
    try:
        yield
    finally:
        if not had:
            os.environ.pop(_COMPILER_FILES, None)
