"""Whether a call ended well: a finite answer of the right length, or an error of our own."""

import contextlib
import io
import linecache
import numbers
import re
import signal
import sys
import traceback
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp
import sklearn
import torch
from sklearn.base import BaseEstimator

import skdeep

OURS = str(Path(skdeep.__file__).parent)
SKLEARN = str(Path(sklearn.__file__).parent)
ERRORS = (ValueError, TypeError, NotImplementedError, AttributeError)
"""What may be raised; `NotFittedError` is one of them."""

_LIMIT = 20  # seconds


class Hung(BaseException):
    """A call that did not end."""


class Fault:
    """One wrong outcome.

    Attributes
    ----------
    place : str
        File and line in skdeep where it comes from, as far as that can be told.
    text : str
        What is wrong.
    """

    def __init__(self, place, text):
        self.place, self.text = place, " ".join(str(text).split())[:300]

    @property
    def key(self):
        """The same for the same fault, whatever the sizes and values in its message."""
        return self.place, re.sub(r"\d[\d.e+-]*|'.*?'", "#", self.text)[:60]

    def __str__(self):
        return f"{self.place}: {self.text}"


def _where(path, line):
    path = str(path)
    for root, name in ((OURS, "skdeep"), (SKLEARN, "sklearn")):
        if path.startswith(root):
            return f"{name}{path[len(root) :]}:{line}"
    return f"{Path(path).name}:{line}"


def _deepest(frames):
    """Where in skdeep, else in scikit-learn, a stack of (path, line) last was."""
    for root in (OURS, SKLEARN):
        inside = [f for f in frames if f[0].startswith(root)]
        if inside:
            return _where(*inside[-1])
    return _where(*frames[-1])


def judge_error(error):
    """A Fault, or None where the error is scikit-learn's or was raised by skdeep."""
    frames = [(f.filename, f.lineno) for f in traceback.extract_tb(error.__traceback__)]
    text = f"{type(error).__name__}: {error}"
    path, line = frames[-1]
    code = linecache.getline(path, line).strip()
    raised = path.startswith(OURS) and code.startswith("raise ")
    if isinstance(error, ERRORS) and (raised or path.startswith(SKLEARN)):
        return None
    if isinstance(error, FileNotFoundError) and path.startswith(SKLEARN):
        return None  # texts that were said to be names of files
    return Fault(f"{_deepest(frames)} ({_where(path, line)})", text)


def _stack():
    frame, frames = sys._getframe(2), []
    while frame is not None:
        frames.append((frame.f_code.co_filename, frame.f_lineno))
        frame = frame.f_back
    return [f for f in frames[::-1] if not f[0].endswith("warnings.py")]


def _judge_warning(message, category, frames):
    path, line = frames[-1]
    code = linecache.getline(path, line)
    if path.startswith(SKLEARN) or (path.startswith(OURS) and "warn" in code):
        return None
    inside = [f for f in frames if f[0].startswith((OURS, SKLEARN))]
    if inside and inside[-1][0].startswith(SKLEARN):
        return None  # NumPy's under scikit-learn's own arithmetic
    return Fault(_deepest(frames), f"warning {category.__name__}: {message}")


@contextlib.contextmanager
def _limited():
    def stop(*_):
        raise Hung

    old = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, _LIMIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


def call(function, *args, **kwargs):
    """(answer, error, faults) of a call; the answer is None where it raised."""
    faults, answer, failed, told = [], None, None, []

    def note(message, category, *_, **__):
        told.append(category)
        fault = _judge_warning(message, category, _stack())
        if fault is not None:
            faults.append(fault)

    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("always")
        warnings.showwarning = note
        try:
            with _limited():
                answer = function(*args, **kwargs)
        except Hung as error:
            failed = error
            frames = [(f.filename, f.lineno) for f in traceback.extract_tb(error.__traceback__)]
            faults.append(Fault(_deepest(frames), f"no answer in {_LIMIT} s"))
        except Exception as error:
            failed = error
            fault = judge_error(error)
            if fault is not None:
                faults.append(fault)
    if any(issubclass(c, sklearn.exceptions.UndefinedMetricWarning) for c in told):
        answer = None  # NaN, and scikit-learn says so
    return answer, failed, faults


def is_finite(answer, missing_allowed=False):
    """Whether all numbers of an answer are finite."""
    if answer is None or isinstance(answer, (str, bytes, BaseEstimator)):
        return True
    if isinstance(answer, (list, tuple)):
        return all(is_finite(a, missing_allowed) for a in answer)
    if sp.issparse(answer):
        return bool(np.isfinite(answer.data).all())
    if isinstance(answer, torch.Tensor):
        return bool(torch.isfinite(answer).all())
    if isinstance(answer, pd.DataFrame):
        return all(is_finite(answer[[c]].to_numpy(), missing_allowed) for c in answer)
    if isinstance(answer, numbers.Number):
        return bool(np.isfinite(answer))
    if not hasattr(answer, "dtype") or not isinstance(answer, np.ndarray):
        return True
    if answer.dtype.kind not in "fc":
        return True
    return not np.isinf(answer).any() if missing_allowed else bool(np.isfinite(answer).all())


def judge_answer(answer, name, n_expected=None, missing_allowed=False):
    """Faults of an answer of a method."""
    place = f"answer of {name}"
    if not is_finite(answer, missing_allowed):
        return [Fault(place, "not finite")]
    if n_expected is None or answer is None:
        return []
    parts = answer if isinstance(answer, tuple) else (answer,)
    sizes = [p.shape[0] if hasattr(p, "shape") else len(p) for p in parts if p is not None]
    if any(s != n_expected for s in sizes):
        return [Fault(place, f"{sizes} rows for {n_expected}")]
    return []
