"""Names of classes and functions that a file may use, and how they are resolved.

A file holds data and names of classes and functions. `look_up` is the only way from a name to a
Python object. Trusted objects are never called: a class is instantiated empty with ``__new__`` and
given its state, a function is passed on.
"""

from __future__ import annotations

import builtins
import importlib
import pkgutil
import re
from typing import Any

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
# Parts of them that no saved model speaks of: tests, what changes scikit-learn as it is imported,
# copies of other libraries, scripts.
_NEVER = re.compile(
    r"tests?|_?test.*|.*_tests?|_?testing|conftest|experimental|externals|datasets"
    r"|enable_.*|__.*|_build_utils|estimator_checks|setup|.*\W.*|"
)
# Other names are looked up where they are already.
_HOMES = {"builtins": builtins, "numpy": np, "scipy.special": scipy.special}

# Python's own types can be named; of them, only what has no state is made.
_PLAIN = frozenset({bool, int, float, complex, str, object, list, dict, set, tuple})
# scikit-learn's compiled classes (trees, for one) are not here: a state with a wrong index in it
# makes them read memory that is not theirs. `skdeep.persistence._compiled` has some.
_BASES = (BaseEstimator, Bunch)
# Kernels, losses, splitters, scorers, metadata requests and calibrators are no estimators, but
# Python all the same.
_MODULES = {
    thing.__module__
    for thing in (BaseCrossValidator, make_scorer, MetadataRequest, CalibratedClassifierCV)
} | {
    "sklearn._loss.link",
    "sklearn._loss.loss",
    "sklearn.ensemble._hist_gradient_boosting.predictor",
    "sklearn.gaussian_process.kernels",
    "sklearn.neural_network._stochastic_optimizers",
}
# Functions of NumPy that steps of scikit-learn take, and that are not ufuncs.
_NUMPY = {
    *("mean", "median", "max", "min", "amax", "amin", "sum", "std", "var", "prod"),
    *("nanmean", "nanmedian", "nan_to_num", "round", "clip"),
}
_CLASSES = {"sklearn.compose._column_transformer.make_column_selector"}
_MOVED = {"skdeep._anomaly": "skdeep.outlier.scorers"}
"""Where private classes that files name have moved."""
_MODULES_OF_PUBLIC = {
    "skdeep": (
        *("autoencoder", "cnn", "gan_outlier", "image_gan", "lstm", "mlp", "outlier"),
        *("oversampler", "rbm", "realmlp", "siamese", "tabm", "tabular_gan", "vae"),
        *("adversarial.gan_outlier", "adversarial.image_gan", "adversarial.oversampler"),
        *(
            "adversarial.imputer",
            "adversarial.tabular_gan",
            "autoencoder.autoencoder",
            "autoencoder.rbm",
        ),
        *("autoencoder.vae", "convolutional.cnn", "outlier.detector", "perceptron.mlp"),
        *(
            "preprocessing.sequences",
            "recurrent.lstm",
            "siamese.estimators",
            "siamese.transformer",
            "siamese.classifier",
        ),
        *("policies.fitted_q", "tabular.realmlp", "tabular.tabm"),
    ),
    "skdeep.preprocessing": ("preprocessing.tabular", "preprocessing.windows"),
    "skdeep.tuning": ("tuning.search",),
}
_PUBLIC = {
    f"skdeep.{module}": place for place, modules in _MODULES_OF_PUBLIC.items() for module in modules
}
"""Modules that files of earlier versions name, and where users import their classes from."""


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

    def __init__(self, path: Any, names: list[str]) -> None:
        super().__init__(path, names)  # as `args`, with which an error leaves a worker process
        self.names = names

    def __str__(self):
        path, names = self.args
        return (
            f"{path} needs types or functions that are not trusted: {names}. To load them runs "
            f"their code. If you know what they do and who wrote the file, pass trusted={names}."
        )


def name_of(obj):
    """Dotted name under which a class or function is found.

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


def look_up(path, names, granted):
    """Resolve the names in a file.

    Parameters
    ----------
    path : str
        The file, for the error.
    names : dict of str to set of str
        Names of classes to make empty ('object'), of classes and functions to hand over ('name'),
        and of what would be called with arguments of the file's choice ('call'); none of the last
        is trusted by default.
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
    >>> look_up("model.skdeep", {"object": set(), "name": {"numpy.log1p"}, "call": set()}, {})
    {'numpy.log1p': <ufunc 'log1p'>}
    """
    found, refused = {}, set()
    for use, chosen in names.items():
        for name in chosen - granted.keys():
            obj = harmless(name, use)
            if obj is None:
                refused.add(name)
            found[name] = obj
    if refused:
        raise UntrustedTypeError(path, sorted(refused))
    for name in set().union(*names.values()) & granted.keys():
        thing = granted[name]
        found[name] = pkgutil.resolve_name(name) if isinstance(thing, str) else thing
    return found


def harmless(name, use):
    """Resolve `name`, or return None if it is not known to be harmless for that use.

    Parameters
    ----------
    name : str
    use : {'object', 'name', 'call'}

    Returns
    -------
    type, function or None

    Examples
    --------
    >>> from skdeep.persistence._trust import harmless
    >>> harmless("sklearn.dummy.DummyClassifier", "object")
    <class 'sklearn.dummy.DummyClassifier'>
    >>> harmless("os.system", "name")
    """
    home, _, attribute = name.rpartition(".")
    if use == "call":
        return None
    home = _MOVED.get(home, home)
    if attribute in getattr(_module(_PUBLIC.get(home)), "__all__", ()):
        home = _PUBLIC[home]
    module = _module(home)
    # Its own name alone: modules also hold what they import from elsewhere, and some import more
    # when they are asked. skdeep loads what is public when it is asked.
    if (
        home in ("skdeep", "skdeep.ensemble", "skdeep.preprocessing")
        and attribute in module.__all__
    ):
        obj = getattr(module, attribute)
    else:
        obj = getattr(module, "__dict__", {}).get(attribute)
    known = _is_known_class(obj, use) if isinstance(obj, type) else _is_known_function(obj, use)
    return obj if known and name_of(obj) == f"{home}.{attribute}" else None


def _module(home):
    """Module of this name, or None if a file must not use it."""
    if home is None or home in _HOMES:
        return _HOMES.get(home)
    rooms = home.split(".")
    if rooms[0] not in _PACKAGES or any(_NEVER.fullmatch(room) for room in rooms):
        return None
    return importlib.import_module(home)


def _is_known_class(obj, use):
    if use == "name" and (obj in _PLAIN or issubclass(obj, np.generic)):
        return True
    if use == "object" and obj is object:
        return True
    if obj.__module__.partition(".")[0] not in _PACKAGES:
        return False
    is_named_tuple = issubclass(obj, tuple) and hasattr(obj, "_fields")
    return (
        issubclass(obj, _BASES)
        or is_named_tuple
        or obj.__module__ in _MODULES
        or f"{obj.__module__}.{obj.__qualname__}" in _CLASSES
    )


def _is_known_function(obj, use):
    if use != "name":
        return False
    name = getattr(obj, "__name__", "")
    if name in _NUMPY and vars(np).get(name) is obj:
        return True
    return isinstance(obj, np.ufunc) or any(  # or a score function
        vars(room).get(name) is obj for room in (metrics, feature_selection) if obj is not None
    )
