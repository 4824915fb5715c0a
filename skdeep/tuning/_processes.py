"""Names of processes, which distinguish dead from running ones."""

import os
import socket
from pathlib import Path


def process_name():
    """The name of this process: machine, number and when it was started."""
    return f"{socket.gethostname()}|{os.getpid()}|{_started(os.getpid()) or ''}"


def is_running(name):
    """Whether a process exists.

    Parameters
    ----------
    name : str
        As `process_name` gives it.

    Returns
    -------
    bool or None
        None where nothing is known about it here: it is of another machine, or no such name.
    """
    host, number, started = (name.split("|") + ["", ""])[:3]
    if host != socket.gethostname() or not number.isdecimal():
        return None
    if not _exists(int(number)):
        return False
    now = _started(int(number))
    return now is not None and (not started or now == started)


def _exists(number):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it belongs to somebody else
        return True
    return True


def _started(number):
    """Start time of a process, in Linux's units; '' elsewhere, None if it has ended."""
    if not Path("/proc/self/stat").exists():
        return ""
    try:
        fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    # One that was killed is a zombie until its parent looks.
    return None if fields[0] in "ZX" else fields[19]
