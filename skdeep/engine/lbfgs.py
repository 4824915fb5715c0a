"""Full-batch training with SciPy's L-BFGS-B, as scikit-learn's solver 'lbfgs'."""

from __future__ import annotations

import math
import time
import warnings
from typing import TYPE_CHECKING

import numpy as np
import scipy.optimize
import torch

from skdeep._compat import _check_optimize_result
from skdeep.engine.training import NonFiniteLoss

if TYPE_CHECKING:
    from skdeep.data.batches import Batch
    from skdeep.engine.net import DeepNet
    from skdeep.engine.recipe import Shared
    from skdeep.engine.steps import SingleStep


class LBFGS:
    """Minimise the loss over one batch that holds all rows.

    Parameters
    ----------
    net : DeepNet
    step : SingleStep
        Its `objective` is minimised; its optimizer is not used.
    batch : tuple
        (input, target, weight) of all rows.
    shared : Shared
        Iterations take the place of epochs.
    max_iter, max_fun : int
        Largest numbers of iterations and of evaluations.
    tol : float
        Largest component of the projected gradient at which to stop.

    Attributes
    ----------
    n_iter : int
    loss : float
    """

    def __init__(
        self,
        net: DeepNet,
        step: SingleStep,
        batch: Batch,
        shared: Shared,
        *,
        max_iter: int,
        max_fun: int,
        tol: float,
    ) -> None:
        self.net, self.step, self.batch = net, step, batch
        self.max_iter, self.max_fun, self.tol = max_iter, max_fun, tol
        left = math.inf if shared.max_time is None else shared.max_time
        self.deadline = time.monotonic() + left
        self.verbose, self.report = shared.verbose, shared.report
        self.interruptible, self.replaces = shared.interruptible, shared.replaces
        self.flat = step.optimizers[0].flat
        self.n_iter, self.loss = 0, math.inf
        self._best: tuple[float, np.ndarray] | None = None
        self._ended_by_choice = False

    def run(self) -> None:
        """Minimise; the parameters of the net are changed in place."""
        self.net.module_.train()
        start = self.flat.values.detach().double().cpu().numpy()
        try:
            result = scipy.optimize.minimize(
                self._evaluate,
                start,
                method="L-BFGS-B",
                jac=True,
                callback=self._after_iteration,
                options={"maxfun": self.max_fun, "maxiter": self.max_iter, "gtol": self.tol},
            )
        except KeyboardInterrupt:
            nothing = self.replaces and not self.n_iter
            if self._best is None or nothing or not self.interruptible:
                raise
            warnings.warn("Training interrupted by user.")
            x, self.loss = self._best[1], self._best[0]
        else:
            x, self.loss = result.x, float(result.fun)
            if not self._ended_by_choice:
                self.n_iter = _check_optimize_result("lbfgs", result, self.max_iter)
        self._set(x)
        self.net.module_.eval()
        if not (math.isfinite(self.loss) and torch.isfinite(self.flat.values).all()):
            raise NonFiniteLoss(self.n_iter)

    @torch.no_grad()
    def _set(self, x: np.ndarray) -> None:
        self.flat.values.copy_(torch.from_numpy(x))

    @torch.no_grad()
    def _evaluate(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        self._set(x)
        loss = float(self.step.objective(*self.batch))
        if self._best is None or loss < self._best[0]:
            self._best = loss, x.copy()
        return loss, self.flat.grads.double().cpu().numpy()

    def _after_iteration(self, intermediate_result: scipy.optimize.OptimizeResult) -> None:
        self.n_iter += 1
        self.loss = float(intermediate_result.fun)
        if self.verbose:
            print("Iteration %d, loss = %.8f" % (self.n_iter, self.loss), flush=True)
        stop = time.monotonic() >= self.deadline
        if self.report is not None:
            self._set(intermediate_result.x)
            self.report.begin()
            stop |= self.report.end(self)
        if stop:
            self._ended_by_choice = True
            raise StopIteration
