"""Time of `import skdeep` and of the first fit after it, in fresh processes.

The first fit of a process pays for what is loaded lazily; workers of a parallel search pay it
again, each for itself.
"""

import json
import pathlib
import statistics
import subprocess
import sys
import time

if __package__:
    from . import _common as common
else:
    import _common as common

CANDIDATES = ("skdeep", "plain", "sklearn", "skorch")
BELOW = "torch, sklearn.neural_network, skorch"
EXTRA = "skdeep after all three"
STATEMENTS = {  # name -> what is imported before the clock starts, what is timed
    "torch": ("", "torch"),
    "sklearn.neural_network": ("", "sklearn.neural_network"),
    "skorch": ("", "skorch"),
    "all three": ("", BELOW),
    "skdeep": ("", "skdeep"),
    EXTRA: (BELOW, "skdeep"),
}
CODE = """
import sys, time
{before}
known = set(sys.modules)
wall, process = time.perf_counter(), time.process_time()
import {timed}
process, wall = time.process_time() - process, time.perf_counter() - wall
new = [name for name in sys.modules if name not in known]
import json
print(json.dumps([process, wall, new]))
"""


def measure(name):
    """Process time, wall time and the new modules of an import in a fresh process."""
    before, timed = STATEMENTS[name]
    code = CODE.format(before=before and f"import {before}", timed=timed)
    run = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    return json.loads(run.stdout)


def measure_first_fit(candidate):
    """Process time, wall time and the new modules of the first fit in a fresh process."""
    command = [sys.executable, str(pathlib.Path(__file__).resolve()), "--first-fit", candidate]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def first_fit(candidate):
    """The first fit in this process, with all libraries imported."""
    common.one_thread()
    fit = common.fits(common.MORE_TASKS["one batch"])[candidate]
    known = set(sys.modules)
    wall, process = time.perf_counter(), time.process_time()
    fit()
    process, wall = time.process_time() - process, time.perf_counter() - wall
    return process, wall, [name for name in sys.modules if name not in known]


class Import:
    """Time of an import, in seconds, and the number of modules that it loads."""

    params = tuple(STATEMENTS)
    param_names = ("statement",)
    timeout = 600

    def track_seconds(self, statement):
        return statistics.median(measure(statement)[0] for _ in range(5))

    track_seconds.unit = "s"

    def track_modules(self, statement):
        return len(measure(statement)[2])

    track_modules.unit = "modules"


class FirstFit:
    """Time of the first fit of a process, in seconds, and the modules that it loads."""

    params = CANDIDATES
    param_names = ("candidate",)
    timeout = 600

    def track_seconds(self, candidate):
        return statistics.median(measure_first_fit(candidate)[0] for _ in range(5))

    track_seconds.unit = "s"

    def track_modules(self, candidate):
        return len(measure_first_fit(candidate)[2])

    track_modules.unit = "modules"


def measure_in_turns(measure, names, repeat):
    """Times and new modules of each name; the first turn fills the disk cache."""
    times = {name: common.Times([], []) for name in names}
    modules = {}
    for turn in range(repeat + 1):
        for name in names:
            process, wall, modules[name] = measure(name)
            if turn:
                times[name].process.append(process)
                times[name].wall.append(wall)
    return times, modules


def main():
    first = {"choices": CANDIDATES, "help": "print the first fit of this process, as JSON"}
    args = common.arguments(__doc__, repeat=7, **{"first-fit": first})
    if args.first_fit:
        print(json.dumps(first_fit(args.first_fit)))
        return
    times, modules = measure_in_turns(measure, STATEMENTS, args.repeat)
    extra = times.pop(EXTRA)
    common.print_times("import in a fresh process", times)
    added = common.seconds(statistics.median(extra.process))
    low, share, high = common.quartiles(
        sorted(a / b for a, b in zip(extra.process, times["skdeep"].process))
    )
    print(f"\nskdeep adds {added} to {BELOW}: {share:.3f} [{low:.3f}, {high:.3f}] of its import")
    print("modules: " + ", ".join(f"{name} {len(found)}" for name, found in modules.items()))
    others = [name for name in modules[EXTRA] if name.split(".")[0] != "skdeep"]
    print(f"of other packages, loaded for skdeep alone: {', '.join(others) or 'none'}")

    times, modules = measure_in_turns(measure_first_fit, CANDIDATES, args.repeat)
    common.print_times("first fit of a process: one batch of 150 rows", times)
    print("modules: " + ", ".join(f"{name} {len(found)}" for name, found in modules.items()))


if __name__ == "__main__":
    main()
