"""Growth of the peak memory during `fit`, as a multiple of the size of X (which is not counted).

Each fit runs in a process of its own, since a process never forgets its peak. The peak is read
from the kernel's VmHWM, set back just before the fit where that is allowed (Linux), and from
getrusage, which also holds what came before.
"""

import json
import pathlib
import resource
import statistics
import subprocess
import sys

if __package__:
    from . import _common as common
else:
    import _common as common

CASES = ("skdeep", "skdeep, early_stopping", "sklearn", "sklearn, early_stopping")
SHAPE = (1_000_000, 50)


def estimator_of(case, task):
    """The unfitted estimator of a case."""
    library, _, early = case.partition(", ")
    make = common.skdeep_estimator if library == "skdeep" else common.sklearn_estimator
    return make(task).set_params(early_stopping=bool(early))


def growth(case, shape, epochs=1):
    """Growth of the peak during a fit in this process, in units of the size of X."""
    task = common.Task(*shape, (100,), 200, epochs)
    common.one_thread()
    few = task._replace(n=2_000)
    common.fit(estimator_of(case, few), *common.make_data(few))  # loads what is loaded lazily
    X, y = common.make_data(task)
    model = estimator_of(case, task)
    reset = _reset_peak()
    rss, usage = _status("VmRSS"), _max_rss()
    common.fit(model, X, y)
    result = {"rusage": (_max_rss() - usage) / X.nbytes}
    if reset:
        result["peak"] = (_status("VmHWM") - rss) / X.nbytes
    return result


def measure(case, shape=SHAPE, epochs=1):
    """`growth` in a fresh process."""
    command = [sys.executable, str(pathlib.Path(__file__).resolve()), "--case", case]
    command += ["--rows", str(shape[0]), "--features", str(shape[1]), "--epochs", str(epochs)]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout)


def _reset_peak():
    try:
        pathlib.Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return _status("VmHWM") is not None


def _status(key):
    """A number of /proc/self/status, in bytes, or None."""
    try:
        lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(s.split()[1]) * 1024 for s in lines if s.startswith(key + ":")), None)


def _max_rss():
    """The peak since the process began, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


class Memory:
    """Growth of the peak during fit, as a multiple of the size of X."""

    params = CASES
    param_names = ("case",)
    unit = "times X"
    timeout = 600

    def track_growth(self, case):
        result = measure(case)
        return result.get("peak", result["rusage"])


def main():
    args = common.arguments(
        __doc__,
        repeat=1,
        rows={"type": int, "default": SHAPE[0]},
        features={"type": int, "default": SHAPE[1]},
        epochs={"type": int, "default": 1},
        case={"choices": CASES, "help": "print one measurement in this process, as JSON"},
    )
    shape = (args.rows, args.features)
    if args.case:
        print(json.dumps(growth(args.case, shape, args.epochs)))
        return
    size = shape[0] * shape[1] * 4 / 2**20
    print(f"\npeak memory of fit beyond X, n={shape[0]:,} d={shape[1]} float32 ({size:.0f} MiB)")
    print(f"  {'':<26}{'peak / X':>10}{'MiB':>8}{'by getrusage':>15}")
    for case in CASES:
        runs = [measure(case, shape, args.epochs) for _ in range(args.repeat)]
        usage = statistics.median(run["rusage"] for run in runs)
        peak = statistics.median(run.get("peak", run["rusage"]) for run in runs)
        print(f"  {case:<26}{peak:>10.2f}{peak * size:>8.0f}{usage:>15.2f}", flush=True)


if __name__ == "__main__":
    main()
