"""Decoding of objects from the JSON and arrays written by `skdeep.persistence._encode`."""

import math

import numpy as np
from sklearn.utils import Bunch

from skdeep.engine import DeepNet
from skdeep.persistence._models import check_attribute, check_model, check_state
from skdeep.persistence._nets import check_net
from skdeep.persistence._plain import check_hashes, expect, sizes
from skdeep.persistence._registry import PLAIN

_TAGS = frozenset({"dict", "array", "objects", "name", "object", "call", *PLAIN})
# Whatever a file says, this much may be made: it is less than the imports take.
_FREE_BYTES = 64 << 20
_BYTES_PER_BYTE = 16


class Decoder:
    """Decodes JSON to an object whose size is bounded by that of the file.

    Each tensor of the file is taken once, what is held twice is one object, and what an object
    takes beyond its parts is counted. Nothing is looked up on instances: their attributes are of
    the file's choice.

    Parameters
    ----------
    arrays : dict of str to ndarray
    found : dict of str to object
        What `look_up` returned; no other class or function can be reached.
    granted : container of str, default=()
        Names in `found` that the user answers for.
    n_bytes : int, default=0
        Size of the file.

    Examples
    --------
    >>> from skdeep.persistence._decode import Decoder
    >>> Decoder({}, {}).decode({"dict": [["a", {"tuple": [1, 2]}]]})
    {'a': (1, 2)}
    """

    def __init__(self, arrays, found, granted=(), n_bytes=0):
        self.arrays = dict(arrays)
        self.found = found
        self.granted = granted
        self._n_bytes_left = _FREE_BYTES + _BYTES_PER_BYTE * n_bytes
        self._shared = {}
        self._models = []

    def decode_model(self, node):
        """Decode `node` and check the fitted models in it."""
        obj = self.decode(node)
        for model in self._models:
            check_model(model)
        return obj

    def decode(self, node):
        """Decode `node`."""
        if isinstance(node, list):
            return [self.decode(v) for v in node]
        if not isinstance(node, dict):
            return node
        if "same" in node:
            return self._shared[node["same"]]
        (tag,) = node.keys() & _TAGS
        if tag == "dict":
            return self._fill(self._share(node, {}), node["dict"])
        if tag in ("object", "call"):
            return self._object(node, tag)
        if tag in PLAIN:
            return self._plain(node, tag)
        return self._share(node, getattr(self, f"_{tag}")(node))

    def _plain(self, node, tag):
        plain, packed = PLAIN[tag], self.decode(node[tag])
        if plain.cost is not None:
            self._spend(plain.cost(packed))
        obj = plain.unpack(packed)
        # Values are written out each time: a tuple of tuples that are shared has a hash that takes
        # exponential time.
        return obj if plain.is_value else self._share(node, obj)

    def _spend(self, n_bytes):
        self._n_bytes_left -= n_bytes
        if self._n_bytes_left < 0:
            raise ValueError("it would take much more memory than the file")

    def _share(self, node, obj):
        if "id" in node:
            self._shared[expect(node["id"], int)] = obj
        return obj

    def _fill(self, mapping, pairs):
        decoded = [(self.decode(key), self.decode(value)) for key, value in expect(pairs, list)]
        check_hashes([key for key, _ in decoded])
        for key, value in decoded:
            if type(mapping) is Bunch:  # its keys are attributes
                check_attribute(key)
            mapping[key] = value
        return mapping

    def _name(self, node):
        return self.found[node["name"]]

    def _array(self, node):
        array = self.arrays.pop(node["array"])
        if "type" in node:
            dtype, shape = self.decode(node["type"]), sizes(node["shape"])
            if not isinstance(dtype, np.dtype) or dtype.hasobject or dtype.subdtype:
                # The bytes would be taken for addresses.
                raise ValueError(f"an array of {dtype}")
            size = math.prod(shape)
            self._spend(max(size, array.nbytes))
            if size * dtype.itemsize != array.nbytes:
                raise ValueError(f"{array.nbytes} bytes for an array of {shape} {dtype}")
            array = np.ndarray(shape, dtype, buffer=array).copy()
        return array.T if node.get("order") == "F" else array

    def _objects(self, node):
        items = expect(self.decode(node["objects"]), list)
        array = np.empty(len(items), object)
        for i, item in enumerate(items):  # an item may be a list itself
            array[i] = item
        return array.reshape(sizes(node["shape"]))

    def _object(self, node, tag):
        make, args = self.found[node[tag]], expect(self.decode(node["args"]), list)
        is_granted = node[tag] in self.granted
        if tag == "call":
            obj = make(*args)
        elif issubclass(make, tuple) and not is_granted:
            obj = _named_tuple(make, args)
        elif args and not is_granted:
            raise ValueError(f"arguments for {make}")
        else:
            obj = make.__new__(make, *args)
        self._share(node, obj)  # before its state, which may hold it
        if "state" in node:
            self._set_state(obj, self.decode(node["state"]), is_granted)
        if "items" in node:
            type(obj).extend(obj, expect(self.decode(node["items"]), list))
        if not is_granted:
            self._models.append(obj)
        return self._fill(obj, node.get("pairs", []))

    def _set_state(self, obj, state, is_granted):
        """Set the state of an object, as `pickle` does."""
        if not is_granted:
            check_state(obj, state)
        if isinstance(obj, DeepNet):
            self._spend(check_net(state))
        if hasattr(type(obj), "__setstate__"):
            type(obj).__setstate__(obj, state)
            return
        attributes, slots = state if isinstance(state, tuple) else (state, None)
        if attributes:
            vars(obj).update(expect(attributes, dict))
        for name, value in expect({} if slots is None else slots, dict).items():
            object.__setattr__(obj, expect(name, str), value)


def _named_tuple(make, args):
    if len(args) != len(make._fields):
        raise ValueError(f"{len(args)} fields for {make}")
    return tuple.__new__(make, args)
