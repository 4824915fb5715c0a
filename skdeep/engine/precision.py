"""Faster forward passes for training: mixed precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


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
