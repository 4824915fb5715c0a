"""Journal files that survive processes killed at any moment.

Optuna appends a line to the journal for each operation, under a lock that is a symbolic link. A
process that is killed may leave the lock, for which others would wait half a minute, or the
beginning of a line, behind which no later line could be read.
"""

import contextlib
import json
import os
import socket
import time
import warnings

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_BEGINNING = b'{"op_code":'
_BLOCK = 65536
_PATIENCE = 10.0  # seconds for a lock that is held during one write


def open_journal(path):
    """Optuna storage in a journal file, with all complete lines of a truncated one.

    Parameters
    ----------
    path : str

    Returns
    -------
    optuna.storages.JournalStorage

    Raises
    ------
    ValueError
        Where the file cannot be opened, or has a line that is not an operation of Optuna.
    """
    try:
        lock = Lock(path)
        backend = JournalFileBackend(path, lock_obj=lock)
        lock.acquire()
        try:
            _drop_unreadable_end(path)
        finally:
            lock.release()
        return JournalStorage(backend)
    except OSError as error:
        raise ValueError(f"storage={path!r} cannot be opened: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError) as error:
        raise ValueError(
            f"storage={path!r} is not a journal that Optuna can read{_first_damage(path)}. Give "
            "the name of a new file, or repair or delete that line."
        ) from error


class Lock(JournalFileSymlinkLock):
    """Optuna's lock, taken away from a process that died with it.

    Whoever holds the link also holds a lock of the system's on the journal, which ends with its
    process. So, where that one is free, a link with the mark of this machine is of a dead process.
    Other programs keep to the link alone, and this respects theirs.

    Whoever holds the lock may append to the journal; half a line at its end, which can only be
    from a process that died, is cut off first.

    Parameters
    ----------
    path : str
        Of the journal.
    """

    def __init__(self, path):
        super().__init__(path)
        self._journal, self._file = path, None
        # Optuna looks at what the link points to, for its age, so that it must be there.
        self._lock_target_file = f"{os.path.abspath(path)}.{socket.gethostname()}"

    def __getstate__(self):
        return {**self.__dict__, "_file": None}

    def acquire(self):
        """Wait for the lock and take it."""
        file = open(self._journal, "rb+")  # noqa: SIM115  # closed by `release`
        try:
            if _system_lock(file):
                with contextlib.suppress(OSError):
                    if os.readlink(self._lock_file) == self._lock_target_file:
                        os.unlink(self._lock_file)
            with open(self._lock_target_file, "ab"):
                super().acquire()
            self._file = file
            _cut_off_half_a_line(file, self._journal)
        except BaseException:
            file.close()
            if self._file is file:
                self.release()
            raise
        return True

    def release(self):
        """Release the lock."""
        try:
            super().release()
        finally:
            file, self._file = self._file, None
            if file is not None:
                with contextlib.suppress(OSError):
                    os.unlink(self._lock_target_file)
                file.close()


def _system_lock(file):
    """Try to take the system's lock on an open file; return whether that succeeded."""
    if fcntl is None:
        return False
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.001)
        except OSError:  # a file system without such locks
            return False


def _cut_off_half_a_line(file, path):
    """Remove an incomplete last line."""
    size = end = file.seek(0, os.SEEK_END)
    if size == 0 or not _is_journal(file):
        return
    file.seek(size - 1)
    if file.read(1) == b"\n":
        return
    while end > 0:
        start = max(0, end - _BLOCK)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        end = start if found < 0 else start + found + 1
        if found >= 0:
            break
    file.truncate(end)
    warnings.warn(
        f"The last line of the journal {path!r} was cut short, by a kill or a full disk: its "
        f"{size - end} bytes are dropped, and all whole lines are kept."
    )


def _is_journal(file):
    """Whether a file begins like an Optuna journal; other files must not be changed."""
    file.seek(0)
    return _BEGINNING.startswith(file.read(len(_BEGINNING)))


def _drop_unreadable_end(path):
    """Remove complete last lines that are not operations, as left by a full disk."""
    with open(path, "rb+") as file:
        if not _is_journal(file):
            raise ValueError("another file")  # `open_journal` says more
        file.seek(0)
        lines = file.readlines()
        n = len(lines)
        while n and not _is_operation(lines[n - 1]):
            n -= 1
        if n == len(lines):
            return
        dropped = sum(map(len, lines[n:]))
        file.truncate(sum(map(len, lines[:n])))
    warnings.warn(
        f"The end of the journal {path!r} cannot be read: its last {len(lines) - n} line(s), "
        f"{dropped} bytes, are dropped, and the {n} lines before them are kept."
    )


def _is_operation(line):
    try:
        found = json.loads(line)
    except ValueError:
        return False
    return isinstance(found, dict) and "op_code" in found


def _first_damage(path):
    """Position of the first line that is not an operation."""
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            if not _is_operation(line):
                return f": line {number} of it is {line[:40]!r}"
    return ""
