"""An object as JSON and arrays.

``None``, booleans, numbers, strings and lists are JSON's own. Everything else is a JSON object
with one of these keys; a dict of the user's is a list of pairs, so the two cannot be confused.

=========== ======================================================================================
``dict``    pairs of key and value
``array``   name of a tensor; ``order`` is "F" where it is stored transposed; ``type`` and
            ``shape`` where it is stored as bytes
``objects`` items of an array of objects, with its ``shape``
``name``    a class or a function
``object``  a class to make empty with ``__new__`` and ``args``; then its ``state``, ``items`` of a
            list, ``pairs`` of a dict: what `pickle` keeps, as data
``call``    the same for what must be called instead
``same``    the object with this ``id``, again
others      see `skdeep.persistence._registry.PLAIN`
=========== ======================================================================================
"""

import copyreg
import pkgutil
from types import BuiltinFunctionType, FunctionType, NoneType
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from skdeep.persistence._models import check_model, check_state
from skdeep.persistence._registry import PLAIN, tag_of
from skdeep.persistence._trust import name_of

_PACKAGES = ("skdeep", "sklearn")
_MOST_BITS = 10_000  # JSON's readers refuse integers of more digits
_MOST_LEVELS = 100  # what Python's stack holds, with room for the caller's
_JSON = (NoneType, bool, int, float, str)
# What safetensors has a type for.
_NATIVE = {"bool", "float16", "float32", "float64"}
_NATIVE |= {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}


class Encoder:
    """Encodes an object as JSON.

    Attributes
    ----------
    arrays : dict of str to ndarray
        C-ordered arrays of safetensors' types, named by where they are:
        ``net_.module_state.tensors.linears.0.weight``.
    names : dict of str to (str, str)
        Each class and function by its name: what is done with it ('object', 'name' or 'call'), and
        where it was found.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep.persistence._encode import Encoder
    >>> encoder = Encoder()
    >>> encoder.encode({"a": (1, np.arange(3))}, "")
    {'dict': [['a', {'tuple': [1, {'array': 'a.1'}]}]]}
    >>> encoder.arrays
    {'a.1': array([0, 1, 2])}
    """

    def __init__(self):
        self.arrays = {}
        self.names = {}
        self._depth = 0
        self._seen = {}  # id -> object, node, number; who is alive keeps its id

    def encode(self, obj, path):
        """Encode `obj`, which is found at `path` in the saved object."""
        if type(obj) in _JSON:
            if type(obj) is int and obj.bit_length() > _MOST_BITS:
                raise _cannot(path, f"an integer of {obj.bit_length()} bits")
            return obj
        self._depth += 1
        if self._depth > _MOST_LEVELS:
            raise _cannot(path, f"there are more than {_MOST_LEVELS} levels of objects in objects")
        try:
            return self._node(obj, path)
        finally:
            self._depth -= 1

    def _node(self, obj, path):
        if type(obj) is list:
            return [self.encode(v, _join(path, i)) for i, v in enumerate(obj)]
        tag = tag_of(obj)
        if tag is not None and PLAIN[tag].is_value:
            return {tag: self.encode(_pack(tag, obj, path), path)}
        if id(obj) in self._seen:
            _, first, number = self._seen[id(obj)]
            first["id"] = number
            return {"same": number}
        node: dict[str, Any] = {}
        self._seen[id(obj)] = obj, node, len(self._seen)
        if tag is not None:
            node[tag] = self.encode(_pack(tag, obj, path), path)
        else:
            node.update(self._structure(obj, path))
        return node

    def _structure(self, obj, path):
        if type(obj) is dict:
            return {"dict": self._pairs(obj.items(), path)}
        if type(obj) in (np.ndarray, np.memmap):
            return self._array(obj, path)
        if isinstance(obj, (type, FunctionType, BuiltinFunctionType, np.ufunc)):
            return {"name": self._name(obj, path, "name")}
        return self._object(obj, path)

    def _pairs(self, pairs, path):
        return [[self.encode(k, path), self.encode(v, _join(path, k))] for k, v in pairs]

    def _array(self, array, path):
        if array.dtype.hasobject and array.dtype != object:
            raise _cannot(path, f"an array of {array.dtype}")
        if array.dtype == object:
            items = self.encode(array.ravel().tolist(), path)
            return {"objects": items, "shape": list(array.shape)}
        while path in self.arrays:  # keys with dots in them
            path += "'"
        node = {"array": path}
        if array.flags.f_contiguous and not array.flags.c_contiguous:
            # The order is kept: a matrix product in the other one rounds differently.
            node["order"], array = "F", array.T
        if array.dtype.name not in _NATIVE or not array.dtype.isnative:
            node |= {"type": self.encode(array.dtype, path), "shape": list(array.shape)}
            array = np.frombuffer(array.tobytes(), np.uint8)
        self.arrays[path] = np.asarray(array, order="C")
        return node

    def _object(self, obj, path):
        try:
            reduced = obj.__reduce_ex__(2)
        except TypeError as error:
            raise _cannot(path, error) from error
        if isinstance(reduced, str):
            return {"name": self._name(obj, path, "name")}
        function, args, state, items, pairs, setter = (*reduced, *[None] * 4)[:6]
        if setter is not None:
            raise _cannot(path, f"{type(obj)} is not supported")
        if function is copyreg.__newobj__:  # type: ignore[attr-defined]  # not in its stubs
            node = {"object": self._name(args[0], path, "object")}
            args = args[1:]
        else:
            node = {"call": self._name(function, path, "call")}
        self._check(obj, state, path)
        node["args"] = self.encode(list(args), path)
        if state is not None:
            node["state"] = self.encode(state, path)
        if items is not None:
            node["items"] = self.encode(list(items), path)
        if pairs is not None:
            node["pairs"] = self._pairs(pairs, path)
        return node

    def _check(self, obj, state, path):
        """Raise now what `load` would raise."""
        try:
            if (
                isinstance(obj, BaseEstimator)
                and type(obj).__module__.partition(".")[0] in _PACKAGES
            ):
                check_state(obj, {} if state is None else state)
            check_model(obj)
        except Exception as error:  # a fitted model without its parts
            raise _cannot(path, error) from error

    def _name(self, obj, path, use):
        name = name_of(obj)
        try:
            is_found = pkgutil.resolve_name(name) is obj
        except (AttributeError, ImportError, ValueError):
            is_found = False
        if not is_found:
            raise _cannot(
                path, f"{name} is not found by its name; define it at the top of a module"
            )
        if use != "name" or name not in self.names:
            self.names[name] = use, path
        return name


def _pack(tag, obj, path):
    try:
        return PLAIN[tag].pack(obj)
    except (TypeError, ValueError) as error:
        raise _cannot(path, f"{type(obj).__name__}: {error}") from error


def _cannot(path, why):
    return TypeError(f"{path or 'estimator'} cannot be saved: {why}")


def _join(path, key):
    return f"{path}.{key}" if path else str(key)
