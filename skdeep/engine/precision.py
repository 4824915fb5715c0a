"""Faster forward passes for training: mixed precision and torch's compiler."""

import warnings

import torch


def wants_mixed(amp, dtype, device):
    """Turn the `amp` parameter of an estimator into a bool.

    Parameters
    ----------
    amp : 'auto' or bool
        'auto' is True for float32 on a CUDA device that has units for bfloat16.
    dtype : torch.dtype
    device : torch.device
    """
    if amp != "auto":
        return bool(amp)
    if torch.device(device).type != "cuda" or dtype != torch.float32:
        return False
    return torch.cuda.get_device_capability(device) >= (8, 0)  # Ampere


def mixed_precision(forward, dtype, device):
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

    def mixed(*args):
        with torch.autocast(kind, torch.bfloat16):
            out = forward(*args)
        return out.to(dtype)

    return mixed


def compiled(module):
    """The forward pass of a module through torch's compiler, which writes one kernel for what
    stands between two matrix products. Where the compiler cannot work (it needs one for C++ or
    Triton) the module goes on without it, with a warning.

    Parameters
    ----------
    module : torch.nn.Module
    """
    fast = torch.compile(module, dynamic=True)
    failed = []

    def forward(x):
        if failed:
            return module(x)
        try:
            return fast(x)
        except Exception as error:  # the compiler's own errors have no common class
            failed.append(error)
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            warnings.warn(f"compile=True has no effect: torch's compiler failed with {reason!r}.")
            return module(x)

    return forward
