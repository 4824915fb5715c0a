"""Every family on a device that is neither the host nor CUDA; see `fake_device`.

What lies on the wrong device, or on the current one instead of the one that was asked for, fails
here as it would on a second GPU. Results are those of the CPU.
"""

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from settings import SETTINGS, build

HERE = Path(__file__).parent
ON_DEVICES = [n for n in SETTINGS if n != "SequenceVectorizer"]
pytestmark = pytest.mark.skipif(torch.accelerator.is_available(), reason="there is a real one")
METHODS = (
    *("predict", "predict_proba", "decision_function", "transform", "reconstruct"),
    *("score_samples", "explain", "saliency"),
)


def results(name, i, device):
    """Numbers that a model gives that was trained, in double precision, on a device."""
    from test_pin import flat

    estimator, X, y = build(name, SETTINGS[name].pins[i])
    wanted = {"device": device, "amp": False, "dtype": "float64"}
    names = {name: name.split("__")[-1] for name in estimator.get_params()}
    estimator.set_params(**{n: wanted[last] for n, last in names.items() if last in wanted})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if hasattr(estimator, "fit_resample"):
            return [flat(estimator.fit_resample(X, y)[0])]
        estimator.fit(X) if y is None else estimator.fit(X, y)
        outputs = [flat(getattr(estimator, m)(X)) for m in METHODS if hasattr(estimator, m)]
        if hasattr(estimator, "sample"):
            outputs.append(flat(estimator.sample(20, random_state=1)))
    return outputs


def compare(name, i):
    """What is wrong with a setting on the fake device, as texts."""
    import fake_device

    expected = results(name, i, "cpu")
    fake_device.GENERATORS.clear()
    fake_device.UNINDEXED.clear()
    found = results(name, i, "fake:0")
    wrong = [f"made on the current device: {op}" for op in set(fake_device.UNINDEXED)]
    wrong += [f"generator on {d}" for d in fake_device.GENERATORS if str(d) != "fake:0"]
    for k, (a, b) in enumerate(zip(expected, found, strict=True)):
        if not np.allclose(a, b, rtol=1e-3, atol=1e-3, equal_nan=True):
            wrong.append(f"output {k} differs by {np.abs(a - b).max():.2g}")
    return wrong


def wrong_in_a_process_of_its_own(*cases):
    run = subprocess.run(
        [sys.executable, __file__, json.dumps(cases)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE.parent), str(HERE)])},
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout.splitlines()[-1])


@pytest.mark.parametrize("family", sorted({SETTINGS[n].family for n in ON_DEVICES}))
def test_another_device(family):
    cases = [(name, 0) for name in ON_DEVICES if SETTINGS[name].family == family]
    assert not wrong_in_a_process_of_its_own(*cases)


@pytest.mark.slow
@pytest.mark.parametrize("name", ON_DEVICES)
def test_another_device_in_every_setting(name):
    assert not wrong_in_a_process_of_its_own(*[(name, i) for i in range(len(SETTINGS[name].pins))])


def test_fake_device_is_strict():
    script = """
import fake_device, torch
x = torch.ones(3, device="fake:0")
for wrong in (lambda: x + torch.ones(3), lambda: x.numpy(), lambda: torch.dot(torch.ones(3), x)):
    try:
        wrong()
    except (RuntimeError, TypeError):
        continue
    raise AssertionError
assert (x * 2 + torch.tensor(1.0)).cpu().tolist() == [3.0] * 3 and not fake_device.UNINDEXED
torch.zeros(2, device="fake")
assert fake_device.UNINDEXED
weight = torch.nn.Parameter(torch.arange(3.0).to("fake:0"))
(weight.square() * x).sum().backward()
assert weight.grad.tolist() == [0.0, 2.0, 4.0]
"""
    path = os.pathsep.join([str(HERE.parent), str(HERE)])
    run = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr


if __name__ == "__main__":
    import fake_device  # noqa: F401  # before anything is made

    wrong = {f"{n} {i}": w for n, i in json.loads(sys.argv[1]) if (w := compare(n, i))}
    print(json.dumps(wrong), flush=True)
    os._exit(0)  # torch does not expect that the device is gone before the last tensor
