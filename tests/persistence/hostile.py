"""Load each file of a folder with little memory and time, and write down how it ended.

A program of its own: what takes the memory or the process with it takes nothing of the tests.
"""

import json
import os
import pickle
import resource
import signal
import sys
import time
import warnings

from skdeep.persistence import load

MEGABYTES, SECONDS = 300, 5  # SECONDS of the processor's time


class Late(BaseException):
    """Time is up; no Exception, which `load` would take for a damaged file."""


def peak():
    """Most memory so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def outcome(path, rows):
    """How `load` ends, and, where it opens the file, whether the process survives predictions."""
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        model = load(path)
    except MemoryError:
        return "MemoryError"
    except Exception as error:
        text = type(error).__name__
        cause = error.__cause__
        return f"{text} of MemoryError" if isinstance(cause, MemoryError) else text
    except Late:
        return f"more than {SECONDS} s"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        model.predict(rows[os.path.basename(path).split("-")[0]])
    except (Exception, Late):  # NumPy's or scikit-learn's refusal is as good as ours
        pass
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return "loaded"


def late(number, frame):
    """Called when the alarm goes off."""
    raise Late


def main(folder):
    """Print a line of JSON for each file."""
    warnings.simplefilter("ignore")
    with open(os.path.join(folder, "rows.pickle"), "rb") as file:
        rows = pickle.load(file)
    names = sorted(name for name in os.listdir(folder) if name.endswith(".skdeep"))
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (4 * MEGABYTES << 20),) * 2)
    signal.signal(signal.SIGPROF, late)
    for name in names:
        before, start = peak(), time.process_time()
        print(json.dumps({"name": name}), end="\r", flush=True)  # who it was, if this is the end
        text = outcome(os.path.join(folder, name), rows)
        used = peak() - before if text != "loaded" else 0
        found = {"name": name, "outcome": text, "MB": used, "s": time.process_time() - start}
        print("\n" + json.dumps(found), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
