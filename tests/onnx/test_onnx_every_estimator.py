"""Every public estimator in its settings has a file that says what it says, or a reason why not."""

import subprocess
import sys
import time
import warnings

import numpy as np
import pytest

pytest.importorskip("skl2onnx")
pytest.importorskip("onnxruntime")

from agreement import assert_close, outputs, session
from rows import padded
from settings import SETTINGS, build

from skdeep.onnx import to_onnx
from skdeep.onnx._register import FAMILIES, REFUSED

WRITTEN = [
    (name, i)
    for name, known in SETTINGS.items()
    for i in range(len(known.pins))
    if name not in {cls.__name__ for cls in REFUSED}
]


def test_no_estimator_is_forgotten():
    known = {cls.__name__ for cls in [*FAMILIES, *REFUSED]}
    assert set(SETTINGS) <= known, "neither a converter nor a reason in skdeep.onnx._register"


def fitted(name, i):
    estimator, X, y = build(name, SETTINGS[name].pins[i])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return (estimator.fit(X) if y is None else estimator.fit(X, y)), X


def size_of_what_was_learned(model):
    """Bytes of the network, and of rows that are kept beside it."""
    module, scorer = model.net_.module_, getattr(model, "_scorer", None)
    tensors = [*module.parameters(), *module.buffers()]
    rows = [getattr(scorer, "rows_", None), getattr(model, "_rows", None)]
    size = sum(t.numel() * t.element_size() for t in tensors)
    return size + sum(2 * r.nbytes for r in rows if r is not None)


@pytest.mark.parametrize(("name", "i"), WRITTEN)
def test_agreement_size_and_time(name, i):
    model, X = fitted(name, i)
    methods = [m for m in FAMILIES[type(model)].methods if hasattr(model, m)]
    alone = {m for m in methods if m in FAMILIES[type(model)].inputs}
    methods = [m for m in methods if m not in alone and m != "predict_interval"]
    given = None if not methods else padded(X) if isinstance(X, list) else X
    to_onnx(model, given)  # once, for what is imported at the first call
    started = time.perf_counter()
    proto = to_onnx(model, given, methods=methods or None)
    assert time.perf_counter() - started < 1
    room = 20_000
    if getattr(model, "network", None) == "lstm":  # gradients of each step of a window
        room = 100_000
    assert len(proto.SerializeToString()) < size_of_what_was_learned(model) + room
    found = outputs(proto, given) if methods else {}
    for value, method in zip(found.values(), methods):
        expected = getattr(model, method)(X)
        if isinstance(expected, list):  # series of unequal length
            expected, value = np.concatenate(expected), value[~np.isnan(given)].reshape(-1, 1)
        assert_close(value, expected)
    for method in alone if not isinstance(X, list) else ():  # whose codes say no length
        session(to_onnx(model, None, methods=[method]))


ALONE = """
import sys

import numpy as np
import onnxruntime

for path in sys.argv[1:]:
    onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
heavy = {"torch", "sklearn", "pandas", "skdeep", "skl2onnx", "onnx"} & set(sys.modules)
print(len(sys.argv) - 1, sorted(heavy))
"""


def test_a_process_that_has_only_onnxruntime_and_numpy(tmp_path):
    paths = []
    for name in dict(WRITTEN):
        model, X = fitted(name, 0)
        rows = None if FAMILIES[type(model)].default == ("sample",) else X
        paths.append(tmp_path / f"{name}.onnx")
        paths[-1].write_bytes(to_onnx(model, rows).SerializeToString())
    command = [sys.executable, "-I", "-c", ALONE, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(len(paths)), "[]"]
