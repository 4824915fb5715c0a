"""Checks of a network described in a file, before a network of that size is created."""

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from skdeep.engine.modules import module_class
from skdeep.persistence._plain import expect

_PLAIN = (type(None), bool, int, float, str)
_MOST_SETTINGS = 1_000_000
# A number of features, of classes, a length: as many as there are weights, or this many.
_FREE_SIZE = 1 << 16


def check_net(state):
    """Raise if the state of a `DeepNet` is invalid or its weights do not fit its network.

    Parameters
    ----------
    state : dict

    Returns
    -------
    int
        Bytes that its weights take.
    """
    expect(state, dict)
    expect(state["device"], str)
    for epoch in expect(state["epochs"], list):
        expect(epoch, dict)
    expect(state.get("players"), dict, type(None))
    return sum(_check_module(state[name]) for name in ("module_state", "criterion_state"))


def _check_module(state):
    tensors = expect(expect(state, dict)["tensors"], dict)
    for name, tensor in tensors.items():
        expect(name, str)
        if expect(tensor, np.ndarray).dtype.kind not in "fiub":
            raise ValueError(f"weights of {tensor.dtype}")
    if "skeleton" in state:  # a network of the user's, who trusts its types
        if not isinstance(state["skeleton"], torch.nn.Module):
            raise ValueError("an invalid network")
    else:
        _check_config(expect(state["config"], dict), tensors)
        _check_shapes(module_class(expect(state["class"], str)), state["config"], tensors)
    return sum(t.nbytes for t in tensors.values())


def _check_config(config, tensors):
    """Raise unless settings are plain data and no size exceeds what the weights explain."""
    largest = max(_FREE_SIZE, sum(t.size for t in tensors.values()))
    left, n_seen = [config], 0
    while left:
        n_seen += 1
        if n_seen > _MOST_SETTINGS:
            raise ValueError("a network of too many settings")
        value = left.pop()
        if isinstance(value, np.generic):
            value = value.item()
        if type(value) is dict:
            left.extend(expect(key, str) for key in value)
            left.extend(value.values())
        elif type(value) in (list, tuple):
            left.extend(value)
        elif type(expect(value, *_PLAIN)) is int and abs(value) > largest:
            raise ValueError(f"a network with a size of {value}")


class _Count(TorchFunctionMode):
    """Raises when more tensors are created than a file's weights explain."""

    def __init__(self, n_items, n_calls):
        super().__init__()
        self._n_items, self._n_calls = n_items, n_calls

    def __torch_function__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        self._n_calls -= 1
        if isinstance(out, torch.Tensor):
            self._n_items -= out.numel()
        if self._n_items < 0 or self._n_calls < 0:
            raise ValueError("a network that is larger than its weights")
        return out


def _check_shapes(make, config, tensors):
    """Create the network on the meta device and compare its weights with the file's."""
    n_items = sum(t.size for t in tensors.values())
    with torch.device("meta"), _Count(8 * n_items + (1 << 22), 100 * len(tensors) + 1000):
        module = make(**config)
    expected = {name: (tuple(t.shape), _kind(t)) for name, t in module.state_dict().items()}
    given = {name: (t.shape, t.dtype.kind) for name, t in tensors.items()}
    if expected != given:
        names = [n for n in expected.keys() | given.keys() if expected.get(n) != given.get(n)]
        raise ValueError(f"weights that do not fit {make.__name__}: {sorted(names)[:5]}")


def _kind(tensor):
    if tensor.dtype == torch.bool:
        return "b"
    return "f" if tensor.is_floating_point() else "u" if tensor.dtype == torch.uint8 else "i"
