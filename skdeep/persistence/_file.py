"""The file: safetensors, with the estimator's structure as one of the tensors.

Any reader of safetensors finds the weights by their names. The metadata have a header with the
number of the format, the versions of the libraries and a checksum.
"""

import json
import os
import uuid
import zlib

import numpy as np
import sklearn
import torch

from skdeep._version import __version__
from skdeep.persistence._decode import Decoder
from skdeep.persistence._encode import Encoder
from skdeep.persistence._trust import UntrustedTypeError, grant, look_up

FORMAT = 1  # a file of a higher number is refused; count up when an older skdeep cannot read it
_HEADER = "skdeep"  # one text: safetensors writes several in no certain order
_STRUCTURE = "estimator.json"  # a tensor: the metadata of safetensors must not grow large
_VERSIONS = {"skdeep": __version__, "scikit-learn": sklearn.__version__, "torch": torch.__version__}


def save(estimator, path):
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

    Raises
    ------
    ImportError
        If safetensors is not installed.
    TypeError
        If `estimator` is no instance of an estimator, or holds something that cannot be saved: an
        open file, a lambda, a class defined in a function.
    OSError
        If the file cannot be written.

    See Also
    --------
    load : The way back.

    Notes
    -----
    Arrays keep their type, their order in memory and, where one array or object is held twice,
    its identity; lists do not keep their identity. What a fitted estimator does not pickle is not
    saved either: ``skorch_callbacks`` at work in the net, for one.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skdeep import MLPClassifier
    >>> from skdeep.persistence import load, save
    >>> X, y = load_iris(return_X_y=True)
    >>> model = make_pipeline(
    ...     StandardScaler(), MLPClassifier(solver="lbfgs", max_iter=500, random_state=0)
    ... ).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "iris.skdeep")
    ...     save(model, path)
    ...     loaded = load(path)
    >>> bool((loaded.predict_proba(X) == model.predict_proba(X)).all())
    True
    """
    safetensors = _safetensors()
    if isinstance(estimator, type) or not hasattr(estimator, "get_params"):
        raise TypeError(f"estimator={estimator!r}: expected an instance of an estimator")
    encoder = Encoder()
    structure = json.dumps(encoder.encode(estimator, "")).encode()
    arrays = encoder.arrays | {_STRUCTURE: np.frombuffer(structure, np.uint8)}
    header = {"format": FORMAT, **_VERSIONS, "crc32": _checksum(arrays)}
    content = safetensors.numpy.save(arrays, {_HEADER: json.dumps(header)})
    _write(os.path.realpath(os.fsdecode(path)), content)


def load(path, *, trusted=None):
    """Load an estimator that `save` wrote.

    Nothing in the file is executed. It may name estimators of skdeep and scikit-learn with their
    splitters and scorers, and types and ufuncs of NumPy and SciPy; all else is refused.

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
        If the file is truncated, damaged, of another kind or of a newer format.
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
    with open(path, "rb"):  # raises what Python raises, FileNotFoundError for example
        pass
    try:
        with safetensors.safe_open(path, framework="np") as file:
            header = _read_header(path, file.metadata() or {})
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except safetensors.SafetensorError as error:
        raise ValueError(_not_ours(path, error)) from error
    if header.get("crc32") != _checksum(arrays):
        raise ValueError(f"{path} is damaged: its checksum does not match. Save the model again.")
    return _rebuild(path, arrays, header, granted)


def _rebuild(path, arrays, header, granted):
    made, called = set(), set()

    def note_names(node):  # sees every JSON object of the file: no name can pass it by
        for key, names in (("object", made), ("name", made), ("call", called)):
            if key in node:
                names.add(node[key])
        return node

    try:
        structure = arrays.pop(_STRUCTURE).tobytes()
        tree = json.loads(structure, object_hook=note_names)
        return Decoder(arrays, look_up(path, made, called, granted)).decode(tree)
    except UntrustedTypeError:
        raise
    except Exception as error:  # a file made by hand, or by a scikit-learn with other insides
        written = {name: header.get(name) for name in _VERSIONS}
        raise ValueError(
            f"{path} cannot be rebuilt: {type(error).__name__}: {error}. It was written with "
            f"{written}; here are {_VERSIONS}."
        ) from error


def _read_header(path, metadata):
    """The header, or an error that says why this file cannot be loaded."""
    try:
        header = json.loads(metadata.get(_HEADER, ""))
        number = header["format"]
        is_ours = type(number) is int and number > 0
    except (ValueError, TypeError, KeyError):
        is_ours = False
    if not is_ours:
        raise ValueError(_not_ours(path, "there is no header of skdeep's in its metadata"))
    if number > FORMAT:
        raise ValueError(
            f"{path} has format={number}, written by skdeep {header.get('skdeep')}; this skdeep "
            f"{__version__} reads formats up to {FORMAT}. Install a newer skdeep."
        )
    return header


def _not_ours(path, reason):
    return (
        f"{path} is no file that skdeep.persistence.save wrote, or it is truncated or damaged "
        f"({reason})."
    )


def _checksum(arrays):
    crc = 0
    for name in sorted(arrays):
        array = arrays[name]
        crc = zlib.crc32(array, zlib.crc32(f"{name} {array.dtype} {array.shape}".encode(), crc))
    return f"{crc:08x}"


def _write(path, content):
    """Put the content in a new file next to `path` and give it that name when it is complete."""
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
