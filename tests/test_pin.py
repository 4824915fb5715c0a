"""What every public estimator computes, held fixed while its code is rearranged.

For each estimator and each of its settings (`settings.py`), `pin.json` has a checksum of every
output, the fitted attributes, the signature and the ranges of parameters. On the processor that
wrote the file outputs must be equal to the bit; on others their mean, spread and first numbers must
be near. ``python tests/test_pin.py`` writes the file anew: a change that must alter results does so
in a commit of its own that says why.
"""

import hashlib
import inspect
import json
import platform
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from settings import SETTINGS, build
from threadpoolctl import threadpool_limits

PINS = Path(__file__).with_name("pin.json")
METHODS = {
    "predict": (),
    "predict_proba": (),
    "predict_interval": (),
    "decision_function": (),
    "transform": (),
    "reconstruct": (),
    "score_samples": (),
    "explain": (),
    "saliency": (),
}
CASES = [(name, i) for name, s in SETTINGS.items() for i in range(len(s.pins))]


def machine():
    """The processor, as far as results depend on it."""
    return (
        f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()} torch {torch.__version__}"
    )


def flat(value):
    """Numbers and bytes of an output, whatever its type."""
    if isinstance(value, pd.DataFrame):
        return np.concatenate([flat(value[c]) for c in value])
    if isinstance(value, (list, tuple)) and len(value) and not np.isscalar(value[0]):
        return np.concatenate([flat(v) for v in value])
    array = np.asarray(value)
    if array.dtype.kind == "M":
        array = array.astype("int64")
    if array.dtype.kind not in "biuf":  # labels and texts
        codes = [int(hashlib.sha1(str(v).encode()).hexdigest()[:6], 16) for v in array.ravel()]
        return np.array(codes, dtype=float)
    return array.ravel()


def summary(value):
    """Checksum and a few numbers of an output."""
    numbers = flat(value)
    digest = hashlib.sha1(np.ascontiguousarray(numbers).tobytes()).hexdigest()[:16]
    finite = numbers[np.isfinite(numbers)].astype(float)
    few = [finite.mean(), finite.std(), *finite[:3]] if len(finite) else []
    return {"digest": digest, "size": len(numbers), "numbers": [float(f"{v:.6g}") for v in few]}


def kind(value):
    return f"{type(value).__name__}{list(np.shape(value)) if isinstance(value, np.ndarray) else ''}"


def outputs_of(estimator, X):
    """What each method of a fitted estimator returns."""
    outputs = {}
    for method in METHODS:
        if hasattr(estimator, method):
            try:
                outputs[method] = getattr(estimator, method)(X)
            except ValueError as error:  # intervals without held-out rows
                outputs[method] = [str(error)]
    if hasattr(estimator, "inverse_transform"):
        lengths = {"lengths": [len(x) for x in X]} if isinstance(X, list) else {}
        if type(estimator).__name__ != "SequenceVectorizer":
            codes = outputs["transform"]
            outputs["inverse_transform"] = estimator.inverse_transform(codes, **lengths)
    if hasattr(estimator, "sample"):
        outputs["sample"] = estimator.sample(20, random_state=1)
    return outputs


def pin(name, i):
    """What setting `i` of an estimator does."""
    estimator, X, y = build(name, SETTINGS[name].pins[i])
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        if hasattr(estimator, "fit_resample"):
            outputs = {"fit_resample": estimator.fit_resample(X, y)}
        else:
            estimator.fit(X) if y is None else estimator.fit(X, y)
            outputs = outputs_of(estimator, X)
    return {
        "outputs": {method: summary(value) for method, value in outputs.items()},
        "fitted": {
            a: kind(v)
            for a, v in sorted(vars(estimator).items())
            if a.endswith("_") and a[0] != "_"
        },
    }


def facade(name):
    """Signature and ranges of the parameters of a class."""
    import skdeep

    cls = getattr(skdeep, name)
    ranges = getattr(cls, "_parameter_constraints", {})
    signature = inspect.signature(cls)
    bare = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    return {
        "signature": str(signature.replace(parameters=bare)),
        "ranges": {p: sorted(map(_range, ranges[p])) for p in sorted(ranges)},
    }


def _range(constraint):
    if isinstance(constraint, type):
        return constraint.__name__
    options = getattr(constraint, "options", None)
    if options is not None:
        return f"{type(constraint).__name__}{sorted(map(str, options))}"
    return str(constraint)


def near(was, now):
    return was["size"] == now["size"] and np.allclose(
        was["numbers"], now["numbers"], rtol=0.02, atol=0.02
    )


@pytest.fixture(scope="module")
def pins():
    return json.loads(PINS.read_text())


@pytest.mark.slow
@pytest.mark.parametrize(("name", "i"), CASES)
def test_results_are_as_pinned(name, i, pins):
    was, now = pins["results"][f"{name} {i}"], pin(name, i)
    assert now["fitted"] == was["fitted"]
    assert now["outputs"].keys() == was["outputs"].keys()
    same = pins["machine"] == machine()
    changed = {
        method: (was["outputs"][method], output)
        for method, output in now["outputs"].items()
        if not (output == was["outputs"][method] if same else near(was["outputs"][method], output))
    }
    assert not changed


@pytest.mark.parametrize("name", SETTINGS)
def test_signature_and_ranges_are_as_pinned(name, pins):
    assert facade(name) == pins["facades"][name]


if __name__ == "__main__":
    results = {f"{name} {i}": pin(name, i) for name, i in CASES}
    written = {
        "machine": machine(),
        "facades": {name: facade(name) for name in SETTINGS},
        "results": results,
    }
    PINS.write_text(json.dumps(written, indent=1, sort_keys=True) + "\n")
