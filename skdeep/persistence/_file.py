"""File format: safetensors, with the estimator's structure as one of the tensors.

Any safetensors reader finds the weights by their names. The metadata hold a header with the format
number, library versions and a checksum.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
import uuid
import zlib
from typing import Any

import numpy as np
import sklearn
import torch

from skdeep._version import __version__
from skdeep.persistence._decode import Decoder
from skdeep.persistence._encode import Encoder
from skdeep.persistence._trust import UntrustedTypeError, grant, harmless, look_up

FORMAT = 1  # a file of a higher number is refused; count up when an older skdeep cannot read it
_HEADER = "skdeep"  # one text: safetensors writes several in no certain order
_STRUCTURE = "estimator.json"  # a tensor: the metadata of safetensors must not grow large
_VERSIONS = {"skdeep": __version__, "scikit-learn": sklearn.__version__, "torch": torch.__version__}


def save(estimator: Any, path: Any, *, trusted: Any = None) -> None:
    """Save an estimator to a file that is loaded without executing code.

    The file is in the safetensors format. It takes the place of `path` once it is complete: a
    save that fails leaves an older file as it was.

    Parameters
    ----------
    estimator : estimator
        Fitted or not: an estimator of skdeep, or one of scikit-learn that holds some, such as a
        Pipeline or a GridSearchCV. What an object holds is found as `pickle` finds it, so that
        types of your own can be saved too; `load` asks whether they are trusted.
    path : str or os.PathLike
        A file, or the name of one to be: no folder, pipe or device.
    trusted : list of str, type or function, default=None
        Types and functions of scikit-learn, NumPy, SciPy, pandas and Python that `load` does not
        open by itself, and that you will trust when loading. Types of your own, and torch's and
        functools' around them, need not be listed.

    Raises
    ------
    ImportError
        If safetensors is not installed.
    TypeError
        If `estimator` is not an instance of an estimator, or holds what cannot be saved: an open
        file, a lambda, a local class, or a type that neither `load` nor `trusted` trusts.
    OSError
        If the file cannot be written, or `path` is a folder, a pipe or a device.

    See Also
    --------
    load : The way back.

    Notes
    -----
    Arrays keep their type, their order in memory and, where one array or object is held twice,
    its identity; lists do not keep their identity. What a fitted estimator does not pickle is not
    saved either: ``skorch_callbacks`` at work in the net, for one. Trees, and what finds
    neighbours, are saved as their nodes and rows, and made anew. A hundred objects may stand in
    each other, and an integer may have 10,000 bits.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import MLPClassifier
    >>> from skdeep.persistence import load, save
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier(learning_rate="cosine", random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(model, os.path.join(folder, "iris.skdeep"))
    ...     loaded = load(os.path.join(folder, "iris.skdeep"))
    >>> bool((loaded.predict_proba(X) == model.predict_proba(X)).all())
    True
    """
    if isinstance(estimator, type) or not hasattr(estimator, "get_params"):
        raise TypeError(f"estimator={estimator!r}: expected an instance of an estimator")
    granted, path = grant(trusted), os.path.realpath(os.fsdecode(path))
    _check_place(path)
    _write(path, _content(estimator, granted))


def _content(estimator, granted):
    """Bytes of the file."""
    safetensors, encoder = _safetensors(), Encoder()
    structure = json.dumps(encoder.encode(estimator, "")).encode()
    _check_names(encoder.names, granted)
    arrays = encoder.arrays | {_STRUCTURE: np.frombuffer(structure, np.uint8)}
    header = {"format": FORMAT, **_VERSIONS, "crc32": _checksum(arrays)}
    return safetensors.numpy.save(arrays, {_HEADER: json.dumps(header)})


def load(path: Any, *, trusted: Any = None) -> Any:
    """Load an estimator that `save` wrote.

    Nothing in the file is executed. It may name estimators of skdeep and scikit-learn with their
    splitters and scorers, and types and ufuncs of NumPy and SciPy; all else is refused. What is
    made is bounded by the file's size, and a model whose arrays and networks do not fit each other
    is refused.

    Parameters
    ----------
    path : str or os.PathLike
    trusted : list of str, type or function, default=None
        What the file may hold beyond that: dotted names, as the error that refuses them writes
        them, or the classes and functions themselves. Their modules are imported, and what they
        do while they are made is done: it is up to you to know that it is harmless.

    Returns
    -------
    estimator : estimator
        Networks are on the device that they were saved on, or on the CPU where there is no such
        device.

    Raises
    ------
    ImportError
        If safetensors is not installed.
    UntrustedTypeError
        If the file needs types or functions that are not trusted. It is a ValueError.
    ValueError
        If the file is truncated, damaged, of another kind or of a newer format, or if it holds no
        estimator, or one whose parts do not fit each other.
    TypeError
        If `trusted` is not a list.
    OSError
        If the file is not there or cannot be read.

    See Also
    --------
    save : Writes the file, with an example.
    """
    safetensors = _safetensors()
    path, granted = os.fsdecode(path), grant(trusted)
    with open(path, "rb", opener=_open_now) as file:  # raises what Python raises
        status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(_not_ours(path, "it is a pipe or a device"))
    try:
        with safetensors.safe_open(path, framework="np") as file:
            header = _read_header(path, file.metadata() or {})
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(_not_ours(path, error)) from error
    if header.get("crc32") != _checksum(arrays):
        raise ValueError(f"{path} is damaged: its checksum does not match. Save the model again.")
    return _rebuild(path, arrays, header, granted, status.st_size)


def _open_now(path, flags):
    """Open a file without blocking on a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _rebuild(path, arrays, header, granted, n_bytes):
    names: dict[str, set[str]] = {"object": set(), "name": set(), "call": set()}

    def note_names(node):  # sees every JSON object of the file: no name can pass it by
        for use in names.keys() & node.keys():
            names[use].add(node[use])
        return node

    try:
        structure = arrays.pop(_STRUCTURE).tobytes()
        tree = json.loads(structure, object_hook=note_names)
        found = look_up(path, names, granted)
        obj = Decoder(arrays, found, granted, n_bytes).decode_model(tree)
        if isinstance(obj, type) or not hasattr(type(obj), "get_params"):
            raise ValueError(
                f"it does not hold an estimator, but an object of type {type(obj).__name__}"
            )
    except UntrustedTypeError:
        raise
    except Exception as error:  # a file made by hand, or by a scikit-learn with other insides
        written = {name: header.get(name) for name in _VERSIONS}
        raise ValueError(
            f"{path} cannot be rebuilt: {type(error).__name__}: {str(error)[:1000]}. It was "
            f"written with {written}; here are {_VERSIONS}."
        ) from error
    return obj


def _read_header(path, metadata):
    """Read the header, or raise an error that says why the file cannot be loaded."""
    try:
        header = json.loads(metadata.get(_HEADER, ""))
        number = header["format"]
        is_ours = type(number) is int and number > 0
    except (ValueError, TypeError, KeyError, RecursionError):
        is_ours = False
    if not is_ours:
        raise ValueError(_not_ours(path, "its metadata has no skdeep header"))
    if number > FORMAT:
        raise ValueError(
            f"{path} has format={number}, written by skdeep {header.get('skdeep')}; this skdeep "
            f"{__version__} reads formats up to {FORMAT}. Install a newer skdeep."
        )
    return header


def _not_ours(path, reason):
    return (
        f"{path} is not a file written by skdeep.persistence.save, or it is truncated or damaged "
        f"({reason})."
    )


def _checksum(arrays):
    crc = 0
    for name in sorted(arrays):
        array = arrays[name]
        crc = zlib.crc32(array, zlib.crc32(f"{name} {array.dtype} {array.shape}".encode(), crc))
    return f"{crc:08x}"


# Types that only stand around what is the user's: `load` asks for all of them at once.
_AROUND = ("functools", "torch", "collections")
_LIBRARIES = {"skdeep", "sklearn", "numpy", "scipy", "pandas", "pyarrow", "polars", "optuna"}


def _check_names(names, granted):
    """Raise now what `load` would raise, unless the user has types of their own to trust."""
    refused: dict[str, Any] = {}
    for name, (use, path) in names.items():
        home = name.partition(".")[0]
        is_library = home in _LIBRARIES or home in sys.stdlib_module_names - set(_AROUND)
        if is_library and name not in granted and harmless(name, use) is None:
            refused.setdefault(name, path)
    if refused:
        places = ", ".join(
            f"{name} (at {path or 'the estimator'})" for name, path in refused.items()
        )
        raise TypeError(
            f"the estimator cannot be saved: `load` does not open {places} by itself. If you are "
            f"going to trust this there, pass trusted={sorted(refused)} here too."
        )


def _check_place(path):
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError(errno.EINVAL, "a pipe or a device cannot become a saved estimator", path)


def _write(path, content):
    """Write the content to a temporary file next to `path` and rename it when it is complete."""
    temporary = f"{path}.{uuid.uuid4().hex}.tmp"
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # or a power cut could leave the new name with no content
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)


def _safetensors():
    try:
        import safetensors
        import safetensors.numpy
    except ImportError as error:
        raise ImportError(
            "Saving and loading estimators needs safetensors: pip install skdeep[persistence]"
        ) from error
    return safetensors
