"""Types that are plain data: each as something simpler."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
import torch


class Plain(NamedTuple):
    """How a type becomes something simpler, and comes back.

    Attributes
    ----------
    type : type or tuple of type
    pack, unpack : callable
    with_subclasses : bool
        Whether subclasses come back as well; a namedtuple as a tuple would be wrong.
    is_value : bool
        Whether two equal objects are as good as one that is held twice.

    Examples
    --------
    >>> from skdeep.persistence._plain import PLAIN
    >>> PLAIN["slice"].pack(slice(2, 5))
    [2, 5, None]
    >>> PLAIN["slice"].unpack([2, 5, None])
    slice(2, 5, None)
    """

    type: Any
    pack: Callable
    unpack: Callable
    with_subclasses: bool = False
    is_value: bool = True


def _random_state(state):
    if not 0 <= state["state"]["pos"] <= 624:  # NumPy would read beyond its key
        raise ValueError("a RandomState at a position that does not exist")
    random_state = np.random.RandomState()
    random_state.set_state(state)
    return random_state


def _pack_sparse(matrix):
    form = matrix.format
    if form in ("csr", "csc"):  # as they are: sorted indices would add up in another order
        parts = [matrix.data, matrix.indices, matrix.indptr]
    else:
        coo = matrix.tocoo()
        coords = coo.coords if hasattr(coo, "coords") else (coo.row, coo.col)  # SciPy < 1.13
        parts = [coo.data, *coords]
    return [isinstance(matrix, sp.sparray), form, matrix.shape, *parts]


def _unpack_sparse(packed):
    """A matrix whose indices are within its shape: SciPy's compiled code believes them."""
    is_array, form, shape, data, *parts = packed
    if form in ("csr", "csc"):
        make = getattr(sp, f"{form}_{'array' if is_array else 'matrix'}")
        matrix = make((data, *parts), shape=shape)
        matrix.check_format(full_check=True)
        return matrix
    make = sp.coo_array if is_array else sp.coo_matrix
    return make((data, tuple(parts)), shape=shape).asformat(form)


PLAIN = {
    "tuple": Plain(tuple, list, tuple),
    "set": Plain(set, lambda s: sorted(s, key=repr), set, is_value=False),
    "frozenset": Plain(frozenset, lambda s: sorted(s, key=repr), frozenset),
    "slice": Plain(slice, lambda s: [s.start, s.stop, s.step], lambda v: slice(*v)),
    "range": Plain(range, lambda r: [r.start, r.stop, r.step], lambda v: range(*v)),
    "complex": Plain(complex, lambda z: [z.real, z.imag], lambda v: complex(*v)),
    "bytes": Plain(bytes, lambda b: np.frombuffer(b, np.uint8), lambda a: a.tobytes()),
    "ordered": Plain(OrderedDict, dict, OrderedDict, is_value=False),
    "scalar": Plain(np.generic, np.asarray, lambda a: a[()], with_subclasses=True),
    "dtype": Plain(
        np.dtype, np.lib.format.dtype_to_descr, np.lib.format.descr_to_dtype, with_subclasses=True
    ),
    "masked": Plain(
        np.ma.MaskedArray,
        lambda m: [m.data, np.ma.getmask(m), m.fill_value],
        lambda v: np.ma.MaskedArray(v[0], v[1], fill_value=v[2]),
        is_value=False,
    ),
    "sparse": Plain(
        (sp.spmatrix, sp.sparray),
        _pack_sparse,
        _unpack_sparse,
        with_subclasses=True,
        is_value=False,
    ),
    "random_state": Plain(
        np.random.RandomState, lambda r: r.get_state(legacy=False), _random_state, is_value=False
    ),
    "device": Plain(torch.device, str, torch.device),
    "tensor": Plain(
        torch.Tensor, lambda t: t.detach().cpu().numpy(), torch.from_numpy, is_value=False
    ),
    "parameter": Plain(
        torch.nn.Parameter,
        lambda p: [p.detach().cpu().numpy(), p.requires_grad],
        lambda v: torch.nn.Parameter(torch.from_numpy(v[0]), requires_grad=v[1]),
        is_value=False,
    ),
}


def tag_of(obj):
    """The key in `PLAIN` for `obj`, or None."""
    for tag, plain in PLAIN.items():
        if isinstance(obj, plain.type) and (plain.with_subclasses or type(obj) is plain.type):
            return tag
    return None
