"""Types stored as plain data.

What is read from a file is under the file's control: `unpack` checks the type of every part before
it passes it to NumPy, SciPy or torch, which would call its methods or trust its numbers.
"""

import re
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
import torch


class Plain(NamedTuple):
    """How a type is converted to plain data and back.

    Attributes
    ----------
    type : type, tuple of type, or tuple of str
        Dotted names stand for types whose modules are imported when they are needed.
    pack, unpack : callable
    with_subclasses : bool
        Whether subclasses come back as well; a namedtuple as a tuple would be wrong.
    is_value : bool
        Whether two equal objects are as good as one that is held twice.
    cost : callable or None
        Bytes that `unpack` makes, or reads, beyond what its parts take already.

    Examples
    --------
    >>> from skdeep.persistence._plain import BASIC
    >>> BASIC["slice"].pack(slice(2, 5))
    [2, 5, None]
    >>> BASIC["slice"].unpack([2, 5, None])
    slice(2, 5, None)
    """

    type: object
    pack: Callable
    unpack: Callable
    with_subclasses: bool = False
    is_value: bool = True
    cost: Callable | None = None


def expect(value, *types):
    """Return `value` if its type is one of `types`, subclasses excluded, else raise.

    Examples
    --------
    >>> from skdeep.persistence._plain import expect
    >>> expect([1], list)
    [1]
    """
    if type(value) not in types:
        names = " or ".join(t.__name__ for t in types)
        raise ValueError(f"{type(value).__name__} where {names} was expected")
    return value


def parts(value, *types):
    """Return a list with one item for each of `types`; an entry may be a tuple of types.

    Examples
    --------
    >>> from skdeep.persistence._plain import parts
    >>> parts([1, "a"], int, str)
    [1, 'a']
    """
    if len(expect(value, list)) != len(types):
        raise ValueError(f"{len(value)} parts where {len(types)} were expected")
    for item, allowed in zip(value, types):
        expect(item, *(allowed if isinstance(allowed, tuple) else (allowed,)))
    return value


def sizes(value):
    """Check a shape: integers of at least 0.

    Examples
    --------
    >>> from skdeep.persistence._plain import sizes
    >>> sizes([2, 3])
    (2, 3)
    """
    for n in expect(value, list, tuple):
        if not 0 <= expect(n, int) < 2**63:
            raise ValueError(f"a size of {n}")
    return tuple(value)


def require(condition, what):
    """Raise a ValueError that says that `what` does not fit.

    Examples
    --------
    >>> from skdeep.persistence._plain import require
    >>> require(1 + 1 == 2, "numbers")
    """
    if not condition:
        raise ValueError(f"{what} that do not fit the rest of the model")


_ANY_FLOAT = (int, float)


def unpack_keys(items):
    """Items of a set, unless many share a hash: such a set would take forever to build."""
    check_hashes(expect(items, list))
    return items


def check_hashes(keys):
    """Raise if more than a hundred keys share a hash: each would be compared with all."""
    if len(keys) > 100:
        _, counts = np.unique(np.fromiter(map(hash, keys), np.int64, len(keys)), return_counts=True)
        if counts.max() > 100:
            raise ValueError(f"{counts.max()} keys with the same hash")


def _random_state(state):
    if not {"bit_generator", "state", "has_gauss", "gauss"} <= expect(state, dict).keys():
        raise ValueError("a RandomState without its parts")
    _mersenne(state)
    expect(state["has_gauss"], int)
    expect(state["gauss"], float, int)
    random_state = np.random.RandomState()
    random_state.set_state(state)
    return random_state


def _mersenne(state):
    if expect(state["bit_generator"], str) != "MT19937":
        raise ValueError("a generator other than MT19937")
    inner = expect(state["state"], dict)
    key, position = expect(inner["key"], np.ndarray), expect(inner["pos"], int)
    if key.shape != (624,) or key.dtype != np.uint32 or not 0 <= position <= 624:
        raise ValueError("a RandomState at a position that does not exist")


_GENERATORS = ("PCG64", "PCG64DXSM", "SFC64", "MT19937")


def _pack_generator(generator):
    state = generator.bit_generator.state
    if state["bit_generator"] not in _GENERATORS:
        raise TypeError(f"a random generator of {state['bit_generator']}")
    return state


def _generator(state):
    name = expect(expect(state, dict)["bit_generator"], str)
    if name not in _GENERATORS:
        raise ValueError(f"a random generator of {name}")
    if name == "MT19937":
        _mersenne(state)
    else:
        for value in expect(state["state"], dict).values():
            expect(value, int, np.ndarray)
        for key in ("has_uint32", "uinteger"):
            expect(state[key], int)
    bits = getattr(np.random, name)(0)
    bits.state = state
    return np.random.Generator(bits)


def _pack_sparse(matrix):
    form = matrix.format
    if form in ("csr", "csc"):  # as they are: sorted indices would add up in another order
        arrays = [matrix.data, matrix.indices, matrix.indptr]
    else:
        coo = matrix.tocoo()
        coords = coo.coords if hasattr(coo, "coords") else (coo.row, coo.col)  # SciPy < 1.13
        arrays = [coo.data, *coords]
    return [isinstance(matrix, sp.sparray), form, matrix.shape, *arrays]


def _check_sparse(packed):
    is_array, form, shape, *arrays = expect(packed, list)
    expect(is_array, bool)
    for array in arrays:
        if expect(array, np.ndarray).dtype == object:
            raise ValueError("a sparse matrix of objects")
    return is_array, expect(form, str), sizes(shape), *arrays


def _sparse_cost(packed):
    """Memory of the format beyond its entries: rows, diagonals, blocks."""
    _, form, shape, data, *coords = _check_sparse(packed)
    cost = sum(a.nbytes for a in (data, *coords))
    if form in ("csr", "csc", "coo"):
        return cost
    cost += 300 * data.size
    if form == "lil":
        cost += 200 * shape[0]
    if form == "bsr":
        cost += 8 * shape[0] + 64 * data.nbytes
    if form == "dia" and data.size:
        row, col = coords
        n_diagonals = len(np.unique(col.astype(np.int64) - row.astype(np.int64)))
        cost += n_diagonals * (int(col.max()) + 1) * data.itemsize
    return cost


def _unpack_sparse(packed):
    """A matrix whose indices are within its shape: SciPy's compiled code trusts them."""
    is_array, form, shape, data, *coords = _check_sparse(packed)
    if form in ("csr", "csc"):
        make = getattr(sp, f"{form}_{'array' if is_array else 'matrix'}")
        matrix = make((data, *coords), shape=shape)
        matrix.check_format(full_check=True)
        return matrix
    if form not in ("coo", "dia", "lil", "dok", "bsr"):
        raise ValueError(f"a sparse matrix of the form {form!r}")
    make = sp.coo_array if is_array else sp.coo_matrix
    return make((data, tuple(coords)), shape=shape).asformat(form)


# A string that NumPy's parser takes at once; others are lists of fields, or take it long.
_TYPE = re.compile(r"[<>=|]?[?bBhHiIlLqQefdgcFDGmMSUVu]\d{0,10}(\[\d{0,10}[A-Za-zμ]{0,10}\])?")


def _dtype(described):
    _check_dtype(described)
    return np.lib.format.descr_to_dtype(described)


def _check_dtype(described):
    if isinstance(described, str):
        if not _TYPE.fullmatch(described):
            raise ValueError(f"a dtype of {described[:50]!r}")
    elif type(described) is tuple:
        base, shape = described
        _check_dtype(base)
        sizes(shape)
    else:
        for field in expect(described, list):
            name, kind, *shapes = expect(field, tuple)
            for text in name if type(name) is tuple else (name,):
                expect(text, str)
            _check_dtype(kind)
            for shape in shapes:
                sizes(shape)


def _scalar(array):
    if expect(array, np.ndarray).ndim or array.dtype == object:
        raise ValueError("an invalid scalar")
    return array[()]


def _masked(value):
    data, mask, fill_value = expect(value, list)
    expect(data, np.ndarray)
    if type(mask) is np.ndarray and mask.shape != data.shape:
        raise ValueError("a mask of another shape than its array")
    if type(mask) not in (np.ndarray, bool, np.bool_):
        raise ValueError("a mask that is not boolean")
    if not (isinstance(fill_value, np.generic) or type(fill_value) in (int, float, str, bool)):
        raise ValueError("a fill value that is not a number")
    return np.ma.MaskedArray(data, mask, fill_value=fill_value)


def _masked_cost(value):
    data = expect(expect(value, list)[0], np.ndarray)
    return data.nbytes + data.size


def _tensor(array):
    return torch.from_numpy(expect(array, np.ndarray))


def _bytes(array):
    if expect(array, np.ndarray).dtype != np.uint8 or array.ndim != 1:
        raise ValueError("bytes of another type")
    return array.tobytes()


def _nbytes(array):
    return expect(array, np.ndarray).nbytes


def _ordered(value):
    return OrderedDict(expect(value, dict))


BASIC = {
    "tuple": Plain(tuple, list, lambda v: tuple(expect(v, list))),
    "set": Plain(set, lambda s: sorted(s, key=repr), lambda v: set(unpack_keys(v)), is_value=False),
    "frozenset": Plain(
        frozenset, lambda s: sorted(s, key=repr), lambda v: frozenset(unpack_keys(v))
    ),
    "slice": Plain(slice, lambda s: [s.start, s.stop, s.step], lambda v: slice(*expect(v, list))),
    "range": Plain(
        range, lambda r: [r.start, r.stop, r.step], lambda v: range(*parts(v, int, int, int))
    ),
    "complex": Plain(
        complex,
        lambda z: [z.real, z.imag],
        lambda v: complex(*parts(v, _ANY_FLOAT, _ANY_FLOAT)),
    ),
    "bytes": Plain(bytes, lambda b: np.frombuffer(b, np.uint8), _bytes, cost=_nbytes),
    "ordered": Plain(OrderedDict, dict, _ordered, is_value=False),
    "scalar": Plain(np.generic, np.asarray, _scalar, with_subclasses=True),
    "dtype": Plain(np.dtype, np.lib.format.dtype_to_descr, _dtype, with_subclasses=True),
    "masked": Plain(
        np.ma.MaskedArray,
        lambda m: [m.data, np.ma.getmask(m), m.fill_value],
        _masked,
        is_value=False,
        cost=_masked_cost,
    ),
    "sparse": Plain(
        (sp.spmatrix, sp.sparray),
        _pack_sparse,
        _unpack_sparse,
        with_subclasses=True,
        is_value=False,
        cost=_sparse_cost,
    ),
    "random_state": Plain(
        np.random.RandomState,
        lambda r: r.get_state(legacy=False),
        _random_state,
        is_value=False,
        cost=lambda state: 5000,
    ),
    "generator": Plain(
        np.random.Generator, _pack_generator, _generator, is_value=False, cost=lambda state: 5000
    ),
    "device": Plain(torch.device, str, lambda name: torch.device(expect(name, str))),
    "tensor": Plain(torch.Tensor, lambda t: t.detach().cpu().numpy(), _tensor, is_value=False),
    "parameter": Plain(
        torch.nn.Parameter,
        lambda p: [p.detach().cpu().numpy(), p.requires_grad],
        lambda v: torch.nn.Parameter(
            torch.from_numpy(parts(v, np.ndarray, bool)[0]), requires_grad=v[1]
        ),
        is_value=False,
    ),
}
