"""Reproducible descriptions of code and settings.

Two searches may share trials only if everything that determines a score is equal, including code:
scorers, steps of a pipeline, modules. Code of installed packages is identified by its name; any
other code is described by its bytecode and everything that it refers to by name.
"""

import dis
import functools
import re
import sys
import types
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import torch
from optuna.distributions import BaseDistribution
from sklearn.base import BaseEstimator

_PLAIN = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis), np.generic)
_OF_CLASSES = {  # what Python notes of a class beside its body
    "__module__",
    "__dict__",
    "__weakref__",
    "__doc__",
    "__firstlineno__",
    "__static_attributes__",
    "__annotations__",
    "__annotate_func__",
    "__annotations_cache__",
    "__parameters__",
    "__orig_bases__",
    "_abc_impl",
}


def describe(value):
    """Text that identifies settings and code.

    Parameters
    ----------
    value : object
        An estimator, a scorer, a class, a function, or data of them.

    Returns
    -------
    str
        The same in another process, where nothing was edited; it depends on the version of
        Python, which compiles functions.
    """
    return _Describer().text(value)


class _Describer:
    """Describes objects that may contain each other: an object seen before is described by its
    number."""

    def __init__(self):
        self._seen = {}

    def text(self, value):
        """Text of any object."""
        if isinstance(value, _PLAIN):
            return f"{type(value).__name__} {value!r}"
        if id(value) in self._seen:
            return f"again {self._seen[id(value)][0]}"
        self._seen[id(value)] = (len(self._seen), value)  # keeps it, so that its id stays its own
        for kinds, method in self._METHODS:
            if isinstance(value, kinds):
                return method(self, value)
        return self._object(value)

    def _texts(self, values):
        return ", ".join(self.text(v) for v in values)

    def _dict(self, value):
        items = sorted(value.items(), key=lambda item: str(item[0]))
        return f"dict {[(_short(k), self.text(v)) for k, v in items]}"

    def _sequence(self, value):
        return f"{type(value).__name__} [{self._texts(value)}]"

    def _set(self, value):
        return f"set {sorted(describe(v) for v in value)}"

    def _array(self, value):
        return f"array {value.dtype} {value.shape} {_hash(value)}"

    def _table(self, value):
        return f"table {_hash(value)}"

    def _tensor(self, value):
        plain = value.detach().cpu().contiguous()
        plain = plain.reshape(-1).view(torch.uint8) if plain.numel() else plain
        return f"tensor {value.dtype} {tuple(value.shape)} {_hash(plain.numpy())}"

    def _random(self, value):
        state = value.get_state() if hasattr(value, "get_state") else value.bit_generator.state
        return f"{type(value).__name__} {self.text(state)}"

    def _estimator(self, value):
        if hasattr(value, "__sklearn_clone__"):  # a clone of it keeps what it learned
            return self._object(value)
        settings = value.get_params(deep=False)
        return f"{self.text(type(value))} {self._dict(settings)}"

    def _class(self, cls):
        name = f"class {cls.__module__}.{cls.__qualname__}"
        if _is_installed(cls.__module__):
            return name
        body = {k: v for k, v in vars(cls).items() if k not in _OF_CLASSES}
        return f"{name} ({self._texts(cls.__bases__)}) {self._dict(body)}"

    def _function(self, function):
        name = f"function {function.__module__}.{function.__qualname__}"
        if _is_installed(function.__module__) and not function.__closure__:
            return name
        parts = [
            name,
            self._code(function.__code__),
            self.text(function.__defaults__),
            self.text(function.__kwdefaults__),
            self._texts(map(_content, function.__closure__ or ())),
            self._dict(_constants(function)),
        ]
        return " ".join(parts)

    def _code(self, code):
        parts = [
            f"code {code.co_name} {code.co_code.hex()} {code.co_exceptiontable.hex()}",
            f"{code.co_argcount} {code.co_posonlyargcount} {code.co_kwonlyargcount}",
            f"{code.co_flags} {code.co_names} {code.co_varnames} {code.co_freevars}",
            self._texts(code.co_consts),
        ]
        return " ".join(parts)

    def _method(self, method):
        return f"method {self.text(method.__func__)} of {self.text(method.__self__)}"

    def _wrapper(self, value):
        return f"{type(value).__name__} {self.text(value.__func__)}"

    def _property(self, value):
        return f"property {self._texts((value.fget, value.fset, value.fdel))}"

    def _partial(self, value):
        return f"partial {self._texts((value.func, value.args, value.keywords))}"

    def _module(self, value):
        return f"module {value.__name__}"

    def _distribution(self, value):
        return repr(value)

    def _object(self, value):
        if isinstance(getattr(value, "__wrapped__", None), types.FunctionType):  # a cache of it
            return f"{type(value).__name__} {self.text(value.__wrapped__)}"
        if type(getattr(value, "dist", None)).__module__.startswith("scipy.stats"):
            # A frozen distribution; what else it holds is the state of its generator.
            return f"{value.dist.name} {self._texts((value.args, value.kwds))}"
        try:
            parts = value.__reduce_ex__(4)
        except Exception:  # objects may raise what they like where they cannot be pickled
            return f"{self.text(type(value))} {_short(value)}"
        if isinstance(parts, str):
            return f"{type(value).__name__} {parts}"
        parts = [list(p) if i > 2 and p is not None else p for i, p in enumerate(parts[:5])]
        return f"{self.text(type(value))} {self._texts(parts)}"

    _METHODS = (
        (dict, _dict),
        (types.MappingProxyType, _dict),
        ((list, tuple), _sequence),
        ((set, frozenset), _set),
        (np.ndarray, _array),
        ((pd.DataFrame, pd.Series, pd.Index), _table),
        (torch.Tensor, _tensor),
        ((np.random.RandomState, np.random.Generator), _random),
        (type, _class),
        (types.FunctionType, _function),
        (types.CodeType, _code),
        (types.MethodType, _method),
        ((classmethod, staticmethod), _wrapper),
        (property, _property),
        (functools.partial, _partial),
        (types.ModuleType, _module),
        (BaseDistribution, _distribution),
        (BaseEstimator, _estimator),
    )


def _hash(value):
    return joblib.hash(value)


def _short(value):
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def _content(cell):
    try:
        return cell.cell_contents
    except ValueError:  # not set yet
        return None


def _constants(function):
    """Global functions, classes and plain values that a function refers to by name.

    Objects that change while it runs, such as lists, and its own variables are excluded.
    """
    names, set_there = _global_names(function.__code__)
    known = function.__globals__
    found = {name: known[name] for name in names - set_there if name in known}
    return {name: value for name, value in found.items() if _is_constant(value)}


def _is_constant(value):
    if isinstance(value, tuple):
        return all(map(_is_constant, value))
    return isinstance(value, (*_PLAIN, type, types.FunctionType, functools.partial))


def _global_names(code):
    names, set_there = set(), set()
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            names.add(step.argval)
        elif step.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
            set_there.add(step.argval)
    for part in code.co_consts:
        if isinstance(part, types.CodeType):
            inner = _global_names(part)
            names, set_there = names | inner[0], set_there | inner[1]
    return names, set_there


@functools.cache
def _is_installed(name):
    """Whether a module belongs to Python, skdeep or an installed package."""
    top = (name or "builtins").partition(".")[0]
    if top == "__main__":
        return False
    if top in sys.stdlib_module_names or top == "skdeep":
        return True
    file = getattr(sys.modules.get(name), "__file__", None)
    return file is not None and not {"site-packages", "dist-packages"}.isdisjoint(Path(file).parts)
