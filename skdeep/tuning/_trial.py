"""The trial of an objective of one's own, and which fit reports to it."""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import Any


class OwnTrial:
    """A trial, the first of the fits that ask to report to it, and whether that was pruned.

    After `share`, all of this is in files too, so that the fits may run in several processes.

    Parameters
    ----------
    trial : optuna.Trial or None
    """

    def __init__(self, trial: Any) -> None:
        self.trial = trial
        self.pruned_at: int | None = None
        self._fit: str | None = None
        self._folder: str | None = None
        self._pid = os.getpid()

    @property
    def is_shared(self) -> bool:
        """Whether several processes may work for the trial."""
        return self._folder is not None

    @property
    def is_elsewhere(self) -> bool:
        """Whether this is a copy in another process."""
        return self._pid != os.getpid()

    def share(self) -> None:
        """Begin to keep everything in files."""
        self._folder = tempfile.mkdtemp(prefix="skdeep-")

    def close(self) -> None:
        """Report what other processes reported to their copies of the trial; delete the files."""
        assert self._folder is not None
        self._fit = self._read("fit")
        for line in self._read("scores").splitlines():
            epoch, score = line.split()
            self.trial.report(float(score), int(epoch))
        pruned = self._read("pruned")
        self.pruned_at = int(pruned) if pruned else self.pruned_at
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = None

    def claims(self, fit: str) -> bool:
        """Whether a fit is the one that reports: the first that asks."""
        if self._folder is None:
            self._fit = fit if self._fit is None else self._fit
            return self._fit == fit
        try:
            with open(self._path("fit"), "x") as file:
                file.write(fit)
            return True
        except FileExistsError:
            return self._read("fit") == fit

    def report(self, score: float, epoch: int) -> None:
        """Report the score of an epoch, from 0, of the fit that claimed the trial."""
        self.trial.report(score, epoch)
        if self.is_shared and self.is_elsewhere:
            with open(self._path("scores"), "a") as file:
                file.write(f"{epoch} {score!r}\n")
        if self.trial.should_prune():
            self.pruned_at = epoch + 1
            if self.is_shared:
                with open(self._path("pruned"), "w") as file:
                    file.write(str(self.pruned_at))

    def is_pruned(self) -> bool:
        """Whether a fit was pruned, in whichever process."""
        shared = self.is_shared and os.path.exists(self._path("pruned"))
        return shared or self.pruned_at is not None

    def _path(self, name: str) -> str:
        assert self._folder is not None
        return os.path.join(self._folder, name)

    def _read(self, name: str) -> str:
        if not os.path.exists(self._path(name)):
            return ""
        with open(self._path(name)) as file:
            return file.read()
