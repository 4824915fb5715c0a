"""Bars in a terminal, lines in a log."""

from __future__ import annotations

import importlib.util
import queue
import time
from typing import Any

import sklearn.callback
from sklearn.callback import CallbackContext

from skdeep._compat import ProgressMonitor, begin_progress


class ProgressBar(sklearn.callback.ProgressBar):
    """Progress of each fit: bars in a terminal or notebook, else a line every few seconds.

    In a terminal, and in a notebook where ipywidgets is installed, these are the bars of
    `sklearn.callback.ProgressBar`. Elsewhere (a file, a container's log, a notebook without
    ipywidgets) that one shows nothing before the end; this one prints which tasks run and how far
    they are, for all processes of a search.

    Parameters
    ----------
    max_propagation_depth : int or None, default=1
        Levels of nested estimators that are shown: 0 is the outermost one alone, None is all.
    every : float, default=5.0
        Seconds between two lines.

    Raises
    ------
    ImportError
        If rich is not installed (``pip install skdeep[progress]``).
    ValueError
        If `every` is not positive.

    Notes
    -----
    The parameter `verbose` of the estimators prints the losses of each epoch instead. A
    `GANOverSampler` shows its progress if the callback is set on its `generator`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import MLPClassifier
    >>> from skdeep.callbacks import ProgressBar
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = MLPClassifier(max_iter=20, learning_rate="cosine").set_callbacks(ProgressBar())
    >>> clf = clf.fit(X, y)  # doctest: +SKIP
    MLPClassifier - fit: done after 0 s
    """

    __module__ = "skdeep.callbacks"

    def __init__(self, max_propagation_depth: int | None = 1, *, every: float = 5.0):
        super().__init__(max_propagation_depth)
        if not every > 0:
            raise ValueError(f"every={every!r}: expected a positive number of seconds.")
        self.every: float = every

    def setup(self, estimator: Any, context: CallbackContext) -> None:
        """Called by scikit-learn at the beginning of `fit`.

        Parameters
        ----------
        estimator : estimator
        context : sklearn.callback.CallbackContext
        """
        if _can_draw():
            super().setup(estimator, context)
        else:
            news: queue.Queue = queue.Queue()
            begin_progress(self, context.root_uuid, news, _Lines(queue=news, every=self.every))


def _can_draw() -> bool:
    """Whether rich can draw bars where it would draw them."""
    import rich

    console = rich.get_console()
    if console.is_jupyter:
        return importlib.util.find_spec("ipywidgets") is not None
    return console.is_terminal and not console.is_dumb_terminal


class _Lines(ProgressMonitor):
    """Thread that prints the tasks that run, instead of drawing their bars."""

    def __init__(self, *, queue: queue.Queue, every: float) -> None:
        super().__init__(queue=queue)
        self.every = every

    def run(self) -> None:
        """Read what the tasks send until the fit is over."""
        from rich.progress import Progress

        self.progress_ctx = Progress()  # keeps the figures; it is not started and draws nothing
        self.root_rich_task = None
        began = last = time.monotonic()
        while True:
            try:
                news = self.queue.get(timeout=max(0.0, last + self.every - time.monotonic()))
            except queue.Empty:
                news = {}
            if news is None:
                break
            if news:
                handle = self._on_task_begin if news.pop("event") == "begin" else self._on_task_end
                handle(news)
            if time.monotonic() - last >= self.every:
                self._print()
                last = time.monotonic()
        if self.root_rich_task is not None:
            outermost = self._task(self.root_rich_task).description
            _print(f"{outermost}: done after {time.monotonic() - began:.0f} s")

    def _task(self, task: Any) -> Any:
        return self.progress_ctx.tasks[task.id]

    def _print(self) -> None:
        """A line of the tasks that are not over, the outermost first."""
        shown = []
        for task in map(self._task, self.root_rich_task or ()):
            if not task.finished:
                left = task.time_remaining
                rest = "" if left is None else f", {left:.0f} s left"
                shown.append(f"{task.description.strip()}: {task.percentage:.0f} %{rest}")
        if shown:
            _print("; ".join(shown))


def _print(line: str) -> None:
    print(f"{line}\n", end="", flush=True)  # in one piece, as other threads print too
