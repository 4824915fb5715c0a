"""Which names a file may speak of, and what they stand for.

A file holds data, and names of classes and functions. `look_up` is the only way from such a name
to a thing of Python. What it trusts by itself is never called: a class is made empty with
``__new__`` and given its state, a function is handed over.
"""

import builtins
import importlib
import pkgutil

import numpy as np
import scipy.special
from sklearn import feature_selection, metrics
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.metrics import make_scorer
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import Bunch
from sklearn.utils.metadata_routing import MetadataRequest

# Importing runs a module's code: a name may do that in these packages alone.
_PACKAGES = ("skdeep", "sklearn")
# Other names are looked up where they are already.
_HOMES = {"builtins": builtins, "numpy": np, "scipy.special": scipy.special}

_PLAIN = frozenset({bool, int, float, complex, str, object, list, dict, set, tuple})
# scikit-learn's compiled classes (trees, for one) are not here: a state with a wrong index in it
# makes them read memory that is not theirs.
_BASES = (BaseEstimator, Bunch, np.generic)
# Splitters, scorers, metadata requests and calibrators are no estimators, but Python all the same.
_MODULES = {
    thing.__module__
    for thing in (BaseCrossValidator, make_scorer, MetadataRequest, CalibratedClassifierCV)
}


class UntrustedTypeError(ValueError):
    """A file needs types or functions that are not trusted.

    Parameters
    ----------
    path : str
        The file.
    names : list of str
        What it needs.

    Attributes
    ----------
    names : list of str
        To pass as ``load(path, trusted=names)`` once you have read them and know where the file
        comes from.

    Examples
    --------
    >>> from skdeep.persistence import UntrustedTypeError
    >>> UntrustedTypeError("model.skdeep", ["os.system"]).names
    ['os.system']
    """

    def __init__(self, path, names):
        super().__init__(path, names)  # as `args`, with which an error leaves a worker process
        self.names = names

    def __str__(self):
        path, names = self.args
        return (
            f"{path} needs types or functions that are not trusted: {names}. To load them runs "
            f"their code. If you know what they do and who wrote the file, pass trusted={names}."
        )


def name_of(obj):
    """The dotted name under which a class or function is found.

    Parameters
    ----------
    obj : class or function

    Returns
    -------
    str

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.metrics import accuracy_score
    >>> from skdeep.persistence._trust import name_of
    >>> name_of(accuracy_score), name_of(np.log1p)
    ('sklearn.metrics._classification.accuracy_score', 'numpy.log1p')
    """
    home, name = getattr(obj, "__module__", None), getattr(obj, "__qualname__", obj.__name__)
    if isinstance(obj, np.ufunc):  # not all know their module
        home = next((h for h, m in _HOMES.items() if getattr(m, name, None) is obj), home)
    return f"{home}.{name}"


def grant(trusted):
    """What the user trusts, by name.

    Parameters
    ----------
    trusted : list of str, type or function, or None

    Returns
    -------
    dict of str to str, type or function

    Raises
    ------
    TypeError
        If `trusted` is not a list.

    Examples
    --------
    >>> from collections import Counter
    >>> from skdeep.persistence._trust import grant
    >>> grant([Counter, "functools.partial"])
    {'collections.Counter': <class 'collections.Counter'>, 'functools.partial': 'functools.partial'}
    """
    trusted = () if trusted is None else trusted
    if not isinstance(trusted, (list, tuple, set, frozenset)):
        raise TypeError(f"trusted={trusted!r}: expected a list of dotted names, classes, functions")
    return {t if isinstance(t, str) else name_of(t): t for t in trusted}


def look_up(path, made, called, granted):
    """What the names in a file stand for.

    Parameters
    ----------
    path : str
        The file, for the error.
    made : set of str
        Names of classes to make empty, and of classes and functions to hand over.
    called : set of str
        Names of what would be called with arguments of the file's choice; none of them is
        trusted by default.
    granted : dict
        What `grant` returned.

    Returns
    -------
    dict of str to type or function

    Raises
    ------
    UntrustedTypeError
        If a name is neither granted nor known to be harmless.

    Examples
    --------
    >>> from skdeep.persistence._trust import look_up
    >>> look_up("model.skdeep", {"numpy.log1p"}, set(), {})
    {'numpy.log1p': <ufunc 'log1p'>}
    """
    found = {name: _harmless(name) for name in (made - called) - granted.keys()}
    refused = {name for name, obj in found.items() if obj is None} | (called - granted.keys())
    if refused:
        raise UntrustedTypeError(path, sorted(refused))
    for name in (made | called) & granted.keys():
        thing = granted[name]
        found[name] = pkgutil.resolve_name(name) if isinstance(thing, str) else thing
    return found


def _harmless(name):
    """What `name` stands for, or None if it is not known to be harmless."""
    home, _, attribute = name.rpartition(".")
    if home.split(".")[0] in _PACKAGES:
        module = importlib.import_module(home)
    elif home in _HOMES:
        module = _HOMES[home]
    else:
        return None
    obj = getattr(module, attribute)
    if isinstance(obj, type):
        known = issubclass(obj, _BASES) or obj in _PLAIN or obj.__module__ in _MODULES
    else:
        known = isinstance(obj, np.ufunc) or any(  # or a score function
            getattr(room, getattr(obj, "__name__", ""), None) is obj
            for room in (metrics, feature_selection)
        )
    # Its own name alone: modules also hold what they import from elsewhere.
    return obj if known and name_of(obj) == name else None
