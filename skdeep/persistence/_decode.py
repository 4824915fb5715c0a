"""An object from the JSON and arrays that `skdeep.persistence._encode` describes."""

import numpy as np

from skdeep.persistence._plain import PLAIN

_TAGS = frozenset({"dict", "array", "objects", "name", "object", "call", *PLAIN})


class Decoder:
    """Turns JSON back into an object.

    Parameters
    ----------
    arrays : dict of str to ndarray
    found : dict of str to object
        What `look_up` returned; no other class or function can be reached.

    Examples
    --------
    >>> from skdeep.persistence._decode import Decoder
    >>> Decoder({}, {}).decode({"dict": [["a", {"tuple": [1, 2]}]]})
    {'a': (1, 2)}
    """

    def __init__(self, arrays, found):
        self.arrays = arrays
        self.found = found
        self._shared = {}

    def decode(self, node):
        """The object that `node` describes."""
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
            obj = PLAIN[tag].unpack(self.decode(node[tag]))
        else:
            obj = getattr(self, f"_{tag}")(node)
        return self._share(node, obj)

    def _share(self, node, obj):
        if "id" in node:
            self._shared[node["id"]] = obj
        return obj

    def _fill(self, mapping, pairs):
        for key, value in pairs:
            mapping[self.decode(key)] = self.decode(value)
        return mapping

    def _name(self, node):
        return self.found[node["name"]]

    def _array(self, node):
        array = self.arrays[node["array"]]
        if "type" in node:
            dtype = self.decode(node["type"])
            if dtype.hasobject:  # the bytes would be taken for addresses
                raise ValueError(f"an array of {dtype}")
            array = np.ndarray(node["shape"], dtype, buffer=array).copy()
        return array.T if node.get("order") == "F" else array

    def _objects(self, node):
        items = self.decode(node["objects"])
        array = np.empty(len(items), object)
        array[:] = items
        return array.reshape(node["shape"])

    def _object(self, node, tag):
        make = self.found[node[tag]]
        args = self.decode(node["args"])
        obj = make.__new__(make, *args) if tag == "object" else make(*args)
        self._share(node, obj)  # before its state, which may hold it
        if "state" in node:
            _set_state(obj, self.decode(node["state"]))
        if "items" in node:
            obj.extend(self.decode(node["items"]))
        return self._fill(obj, node.get("pairs", ()))


def _set_state(obj, state):
    """Give an object its state, as `pickle` does."""
    if hasattr(obj, "__setstate__"):
        obj.__setstate__(state)
        return
    attributes, slots = state if isinstance(state, tuple) else (state, None)
    if attributes:
        obj.__dict__.update(attributes)
    for name, value in (slots or {}).items():
        setattr(obj, name, value)
