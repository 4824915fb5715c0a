"""Networks as plain data, from which they are restored."""

from __future__ import annotations

import copy
import importlib
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

_MOVED = {"skdeep.nets.mlp": "skdeep.nets.blocks"}
"""Where modules that files of earlier versions name have moved."""


def copy_module(module: nn.Module) -> nn.Module:
    """A deep copy whose tensors own their memory (views of a flat tensor would copy all of it)."""
    copied = module_from_state(module_state(module, to_host=False))
    first = next(module.parameters(), None)
    return copied if first is None else copied.to(first.device)  # buffers that no state holds


def module_state(module: nn.Module, to_host: bool = True) -> dict[str, Any]:
    """A module as plain data: how to make it, and its tensors.

    Modules of skdeep carry their constructor's parameters as `config`. Any other module is stored
    as a copy without tensors, whatever its `config`.

    Parameters
    ----------
    module : torch.nn.Module
    to_host : bool, default=True
        Whether to return NumPy arrays, else copies of tensors on their device.
    """
    tensors = module.state_dict(keep_vars=True)
    if hasattr(module, "config") and type(module).__module__.startswith("skdeep."):
        name = f"{type(module).__module__}:{type(module).__qualname__}"
        origin: dict[str, Any] = {"class": name, "config": module.config}
    else:
        memo = {id(t): _placeholder(t) for t in tensors.values()}
        origin = {"skeleton": copy.deepcopy(module, memo)}
    convert = to_array if to_host else lambda t: t.detach().clone()
    return origin | {"tensors": {name: convert(t) for name, t in tensors.items()}}


def module_from_state(state: dict[str, Any]) -> nn.Module:
    """Restore the module described by `module_state`."""
    tensors = {
        k: torch.from_numpy(np.array(v)) if isinstance(v, np.ndarray) else v
        for k, v in state["tensors"].items()
    }
    if "skeleton" in state:
        module = copy.deepcopy(state["skeleton"])
        places = module.state_dict(keep_vars=True)
        for name, tensor in tensors.items():
            places[name].data = tensor
    else:
        module = module_class(state["class"])(**state["config"])
        module.load_state_dict(tensors, assign=True)
    return module.eval()


def module_class(name: str) -> type[nn.Module]:
    """The module class named by a state; names from a file must not resolve to anything else."""
    place, _, attribute = name.partition(":")
    place = _MOVED.get(place, place)
    found: Any = None
    if place.startswith("skdeep."):
        found = getattr(importlib.import_module(place), attribute, None)
    is_module = isinstance(found, type) and issubclass(found, torch.nn.Module)
    if not (is_module and found.__module__ == place):
        raise ValueError(f"{name!r} is not a module of skdeep")
    return found


def _placeholder(tensor: Tensor) -> Tensor:
    empty = torch.empty(0, dtype=tensor.dtype)
    if isinstance(tensor, torch.nn.Parameter):
        return torch.nn.Parameter(empty, requires_grad=tensor.requires_grad)
    return empty


def to_array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().copy()
