"""A kind of device that is not there: two of it, whose numbers lie on the host.

An operation on tensors of different devices raises an error, as it does on real ones, and so does
NumPy's look at memory that is not the host's. Importing this changes torch for the whole process.
"""

import torch
import torch.nn.functional as F
from torch.utils import _pytree as pytree
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

KIND = "fake"
_MIXING = tuple(
    "aten::" + name for name in ("copy_", "_to_copy", "index.", "index_put", "_index_put", "set_")
)


class _Module:
    """What torch asks of ``torch.fake``."""

    def is_initialized(self):
        return True

    def is_available(self):
        return True

    def current_device(self):
        return 0

    def _is_in_bad_fork(self):
        return False

    def manual_seed_all(self, seed):
        raise AssertionError("a global seed")

    def device_count(self):
        return 2


class FakeTensor(torch.Tensor):
    """A tensor of the fake device around one of the host."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, raw, device):
        return torch.Tensor._make_wrapper_subclass(
            cls, raw.shape, strides=raw.stride(), storage_offset=raw.storage_offset(),
            dtype=raw.dtype, layout=raw.layout, device=device, requires_grad=raw.requires_grad,
        )  # fmt: skip

    def __init__(self, raw, device):
        self.raw = raw.detach()

    @property
    def data(self):
        return torch.Tensor.data.__get__(self)

    @data.setter
    def data(self, value):
        torch.Tensor.data.__set__(self, value)
        self.raw = value.raw

    def __deepcopy__(self, memo):
        made = FakeTensor(self.raw.clone(), self.device).requires_grad_(self.requires_grad)
        return torch.nn.Parameter(made) if isinstance(self, torch.nn.Parameter) else made

    def tolist(self):
        return self.raw.tolist()

    def numpy(self, **options):
        raise TypeError("can't convert fake device type tensor to numpy")

    __array__ = numpy

    def __repr__(self):
        return f"fake({self.raw!r})"

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _computed(func, args, kwargs or {})


@torch.inference_mode(False)
@torch.no_grad()
def _computed(func, args, kwargs):
    leaves = pytree.tree_leaves((args, kwargs))
    tensors = [t for t in leaves if isinstance(t, torch.Tensor)]
    places = {t.device for t in tensors if isinstance(t, FakeTensor)}
    host = [t for t in tensors if not isinstance(t, FakeTensor) and t.ndim]
    name = func.name()
    mixing = name.startswith(_MIXING)
    if (len(places) > 1 or (host and places)) and not mixing:
        raise RuntimeError(f"{name}: tensors on {places} and {len(host)} on the host")
    wanted = kwargs.get("device")
    if wanted is not None and str(wanted) == KIND:
        UNINDEXED.append(name)
    if wanted is None and places:
        wanted = args[0].device if name.startswith("aten::copy_") else next(iter(places))
    wanted = torch.device("cpu") if wanted is None else torch.device(wanted)
    raw_args, raw_kwargs = pytree.tree_map(_raw, (args, kwargs))
    if "device" in raw_kwargs:
        raw_kwargs["device"] = torch.device("cpu")
    if raw_kwargs.get("pin_memory"):
        raw_kwargs["pin_memory"] = False
    out = func(*raw_args, **raw_kwargs)
    known = {id(t.raw): t for t in tensors if isinstance(t, FakeTensor)}

    def wrapped(value):
        if not isinstance(value, torch.Tensor) or wanted.type != KIND:
            return value
        return known[id(value)] if id(value) in known else FakeTensor(value, _indexed(wanted))

    return pytree.tree_map(wrapped, out)


def _raw(value):
    if isinstance(value, FakeTensor):
        return value.raw
    if isinstance(value, torch.device):
        return torch.device("cpu")
    return value


def _indexed(device):
    return torch.device(KIND, device.index or 0)


_setup_privateuseone_for_python_backend(KIND, backend_module=_Module())
_library = torch.library.Library("_", "IMPL")
_library.fallback(lambda op, *args, **kwargs: _computed(op, args, kwargs), "PrivateUse1")

GENERATORS = []
"""Devices of all generators."""
UNINDEXED = []
"""Operations that made tensors on the current device, which may be another one."""


class _Generator(torch.Generator):
    """A generator of the host that names the device it was made for."""

    def __new__(cls, device="cpu"):
        made = super().__new__(cls)
        made.place = torch.device(device)
        GENERATORS.append(made.place)
        return made

    def __init__(self, device="cpu"):
        pass

    @property
    def device(self):
        return self.place


torch.Generator = _Generator
_host_tensor = torch.tensor


def _tensor(data, *, device=None, **options):
    """`torch.tensor`, which cannot be taught about devices made in Python."""
    made = _host_tensor(data, **options)
    return made if device is None else made.to(device)


torch.tensor = _tensor


def _recurrence(step):
    """A recurrent layer by operations of the device, step by step."""

    def run(x, state, weights, biases, n_layers, dropout, training, bidirectional, batch_first):
        assert biases and n_layers == 1 and not bidirectional
        w_in, w_recurrent, b_in, b_recurrent = weights
        state, outputs = [s[0] for s in state] if isinstance(state, list) else [state[0]], []
        for row in x.unbind(int(batch_first)):
            recurrent = F.linear(state[0], w_recurrent, b_recurrent)
            state = step(F.linear(row, w_in, b_in), recurrent, state)
            outputs.append(state[0])
        return torch.stack(outputs, int(batch_first)), *(s[None] for s in state)

    return run


def _lstm(inner, recurrent, state):
    i, f, g, o = (inner + recurrent).chunk(4, 1)
    c = f.sigmoid() * state[1] + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def _gru(inner, recurrent, state):
    (r, z, n), (r_h, z_h, n_h) = inner.chunk(3, 1), recurrent.chunk(3, 1)
    z = (z + z_h).sigmoid()
    return ((1 - z) * (n + (r + r_h).sigmoid() * n_h).tanh() + z * state[0],)


_aten = torch.library.Library("aten", "IMPL")
_aten.impl("lstm.input", _recurrence(_lstm), "AutogradPrivateUse1")
_aten.impl("gru.input", _recurrence(_gru), "AutogradPrivateUse1")
