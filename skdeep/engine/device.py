"""Where a network lives and in which precision it computes."""

from __future__ import annotations

from typing import Any

import torch

FLOAT_TYPES = {"float32": torch.float32, "float64": torch.float64}


def resolve_device(device: str | torch.device, X: Any = None) -> torch.device:
    """Turn the `device` parameter of an estimator into a `torch.device`.

    Parameters
    ----------
    device : {'auto', 'cpu', 'cuda', 'mps'} or str like 'cuda:1' or torch.device
        'auto' follows `X` when it is a tensor on a GPU; otherwise it is the process's first CUDA
        device, else the CPU. Apple's 'mps' is taken only by name: it has no float64.
    X : tensor or array, default=None
        The data that the device is wanted for.

    Returns
    -------
    torch.device

    Raises
    ------
    ValueError
        If the device is unknown, or not there in this process.
    """
    if isinstance(device, str) and device == "auto":
        if isinstance(X, torch.Tensor) and X.device.type == "cuda":
            return X.device
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
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
    return resolved


def is_available(device: torch.device) -> bool:
    """Whether this process can compute on `device`."""
    if device.type == "cuda":
        return (device.index or 0) < (torch.cuda.device_count() if torch.cuda.is_available() else 0)
    if device.type == "mps":
        return torch.backends.mps.is_available()
    return device.type == "cpu"


def _what_is_there(kind: str) -> str:
    if kind == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        return f"this process sees {count or 'no'} CUDA device{'s' if count != 1 else ''}"
    return f"this process sees no device of the type {kind!r}"


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
        The device that the network lives on; mps has float32 only.

    Returns
    -------
    torch.dtype
    """
    if device.type == "mps":
        return torch.float32
    if dtype is None:
        dtype = "float32" if str(X_dtype).endswith("float32") else "float64"
    return FLOAT_TYPES[dtype]
