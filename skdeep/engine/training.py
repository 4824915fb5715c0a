"""The loop over epochs and batches.

One `Training` is one run: a `fit`, or the single epoch of a `partial_fit`. The loop uses batches, a
step, a schedule and a validator, and is independent of estimators, networks and losses.
"""

from __future__ import annotations

import contextlib
import functools
import math
import time
import warnings
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor, nn

from skdeep.data.batches import n_rows, row_order
from skdeep.engine.device import can_record, training_kernels
from skdeep.engine.graph import Recorder
from skdeep.engine.schedules import BestWeights, Patience

if TYPE_CHECKING:
    from skdeep.data.batches import Batch
    from skdeep.engine.net import DeepNet
    from skdeep.engine.protocols import Best, Epochs, Losses, Step, Validator
    from skdeep.engine.recipe import Shared
    from skdeep.engine.schedules import Constant
    from skdeep.engine.steps import MovingAverage
    from skdeep.engine.team import Team

T = TypeVar("T")


class NonFiniteLoss(Exception):
    """Raised when the loss of an epoch or the final weights are NaN or infinite.

    Parameters
    ----------
    epoch : int
        The epoch that it happened in, from 1.
    """

    def __init__(self, epoch: int) -> None:
        super().__init__(f"epoch {epoch}")
        self.epoch = epoch


class Training:
    """A run over up to `max_iter` epochs.

    Parameters
    ----------
    net : DeepNet
        Its history and callbacks are served.
    step : callable
        See `skdeep.engine.steps`.
    batches : Batches
        Or another class with `epoch(order)`, `n_samples` and `__len__`.
    shared : Shared
        What it has in common with other phases of the fit; `report` is called at the beginning and
        the end of each epoch, and a true value at the end stops training.
    schedule : Constant
        Of `skdeep.engine.schedules`.
    patience : Patience
        Watches the validation score under `early_stopping`, else the training loss.
    max_iter : int
    shuffle : bool, default=True
    early_stopping : bool, default=False
        Watch the validator's score and end with the weights of the best epoch.
    validator : callable, default=None
        Gives ``(loss, score)`` on the validation rows, each a float or None.
    single_epoch : bool, default=False
        The run is part of a stream: one epoch, no warning about convergence.
    best : BestWeights, default=None
        Or another class with `save` and `restore`: `BestMembers`.
    average : MovingAverage, default=None
        Of the weights, which the run ends with unless the best epoch is kept.
    recordable : bool, default=False
        Whether steps may be replayed on a GPU; see `Recipe`.
    team : Team, default=None
        The processes that train the network, if they are several; see `skdeep.engine.team`.

    Attributes
    ----------
    n_iter : int
        Epochs begun in this run, counting one that was cut short by `max_time`.
    n_seen : int
    interrupted : bool
        Whether Ctrl-C ended the run.
    """

    def __init__(
        self,
        net: DeepNet,
        step: Step,
        batches: Epochs,
        shared: Shared,
        *,
        schedule: Constant,
        patience: Patience,
        max_iter: int,
        shuffle: bool = True,
        early_stopping: bool = False,
        validator: Validator | None = None,
        single_epoch: bool = False,
        best: Best | None = None,
        average: MovingAverage | None = None,
        recordable: bool = False,
        team: Team | None = None,
    ) -> None:
        self.net, self.step, self.batches = net, step, batches
        self.rng, self.curves, self.report = shared.rng, shared.curves, shared.report
        self.verbose, self.datasets = shared.verbose, shared.datasets
        self.interruptible, self.replaces = shared.interruptible, shared.replaces
        self.max_time, self.n_seen = shared.max_time, shared.n_seen
        self.schedule, self.patience, self.average = schedule, patience, average
        self.max_iter, self.shuffle, self.single_epoch = max_iter, shuffle, single_epoch
        self.early_stopping, self.validator, self.team = early_stopping, validator, team
        self.n_iter = 0
        self.flats = [optimizer.flat for optimizer in step.optimizers]
        self.best = BestWeights(self.flats) if best is None else best
        # What "best so far" means when a run is cut short and no score is watched.
        self._kept = Patience(0.0, math.inf, higher_is_better=False)
        self._tie_loss = math.inf  # of the best score: breaks ties between equal scores
        self._order: np.ndarray | None = None
        self._next_order: np.ndarray | None = None
        self._steps, self._n_finished = 0, 0
        self._began, self._deadline = 0.0, math.inf
        self.spent, self.begin = 0.0, dict[str, Any]()  # see `skdeep.engine.resume`
        can_replay = recordable and team is None and can_record(self.flats[0].values.device)
        self._recorder = Recorder() if can_replay else None
        self.interrupted = False

    def run(self) -> None:
        """Train; the parameters of the net are changed in place."""
        epochs = self.epochs()
        with contextlib.suppress(StopIteration):
            next(epochs)
            while True:
                try:
                    losses = self._one_pass()
                except KeyboardInterrupt as interrupt:
                    epochs.throw(interrupt)
                else:
                    epochs.send(losses)
        if self.average is not None and not self.early_stopping:
            self.average.apply()

    def epochs(self) -> Generator[None, Losses, None]:
        """All of a run but its passes over the rows.

        It yields where a pass is due, and is sent the losses of the pass, or thrown the
        KeyboardInterrupt that came in it. `Pack` trains several runs by this.
        """
        if self.report is not None:
            self.report.resume(self)
        self._began = time.monotonic() - self.spent
        if self.max_time is not None:
            self._deadline = self._began + self.max_time
        if self.early_stopping and not self.n_iter:
            self.best.save()
        rows = {name: getattr(self.datasets[0], name, None) for name in ("X", "y")}
        self.net.notify("on_train_begin", **rows)
        try:
            interrupted = yield from self._run_epochs()
        except KeyboardInterrupt:
            if not self.interruptible or (self.replaces and not self._n_finished):
                raise
            warnings.warn("Training interrupted by user.")
            self.interrupted = interrupted = True
            if self.net.history and "learning_rate" not in self.net.history[-1]:
                self.net.history.pop()  # the epoch that was not finished
        if self.early_stopping or interrupted:
            self.best.restore()
        if self.team is not None:
            self.team.equal(self.flats, self.rng)
        self.net.module_.eval()
        self.net.notify("on_train_end", **rows)
        if not all(torch.isfinite(flat.values).all() for flat in self.flats):
            raise NonFiniteLoss(self.n_iter)

    def _run_epochs(self) -> Generator[None, Losses, bool]:
        """Return whether the run was cut short, so that the best weights must come back."""
        if self.n_iter and ((self.report is not None and self.report.asked) or self._is_over()):
            return False
        for epoch in range(self.n_iter + 1, self.max_iter + 1):
            self.n_iter = epoch
            started = time.monotonic()
            self._notify("on_epoch_begin")
            if self.report is not None:
                self.report.begin()
            _set_mode(self.net.module_, training=True)
            losses = yield
            learning_rate = self.step.optimizers[0].learning_rate
            diverged = not self._watch(losses, *self._validate())
            self._record(losses, learning_rate, time.monotonic() - started)
            if diverged:
                return True
            self._n_finished += 1
            self.schedule.after_epoch(self.n_iter, self.n_seen)
            asked = self._notify("on_epoch_end")
            if self.report is not None:
                asked |= self.report.end(self)
            if self._agreed(asked or self._is_over()):
                return False
            if not self.is_in_time():
                return True
        return False

    def order(self) -> np.ndarray | None:
        """Order of the rows in the next pass."""
        if self.shuffle:
            drawn, self._next_order = self._next_order, None
            self._order = self._shuffled() if drawn is None else drawn
        return self._order

    def _shuffled(self) -> np.ndarray:
        return row_order(self.batches.n_samples, self._order, self.rng)

    def draw_ahead(self) -> None:
        """Draw the order of the next pass, if one is planned, while the device works on this."""
        if self.shuffle and self.n_iter < self.max_iter:
            self._next_order = self._shuffled()

    def before_step(self) -> None:
        """A step is about to be made: the schedule sets the rate, if it does so for each step."""
        if self.schedule.per_step:
            self.schedule.before_step(self._steps)
        self._steps += 1

    def is_in_time(self) -> bool:
        """Whether there is time for another step."""
        in_time = time.monotonic() < self._deadline
        return in_time if self.team is None else self.team.goes_on(in_time)

    def _agreed(self, value: T) -> T:
        """The value that the first of several processes has."""
        return value if self.team is None else self.team.first(lambda: value)

    @torch.no_grad()
    def _one_pass(self) -> Losses:
        values = self.flats[0].values
        with training_kernels(values.device, values.numel()):
            replayed = self._recorder and self._recorder.one_pass(self)
            total, n_done = replayed or self._step_by_step()
            if self.team is not None:
                total, n_done = self.team.all_rows(total, n_done, self.flats)
        self.n_seen += n_done
        return _as_tuple((total / n_done).tolist())  # the one wait for the device in an epoch

    def _step_by_step(self) -> tuple[Tensor, int]:
        """Sum of the losses of all rows, and their number."""
        step: Callable[[Batch], Tensor] = self.step
        if self.net.wants_batches:
            step = functools.partial(self.net.step_with_hooks, self.step)
        total: Tensor | None = None
        n_done = 0
        for batch in self.batches.epoch(self.order()):
            self.before_step()
            losses = step(batch)
            if self.average is not None:
                self.average.update()
            n = n_rows(batch[0])
            if total is None:
                total = torch.zeros_like(losses)
            total.add_(losses, alpha=n)
            n_done += n
            if not self.is_in_time() or (self.team is not None and self.team.used_up):
                break
        assert total is not None
        return total, n_done

    def _validate(self) -> tuple[float | None, float | None]:
        """Loss and score on the validation rows, each None where there is none."""
        if self.validator is None:
            return None, None
        _set_mode(self.net.module_, training=False)
        loss, score = self._agreed(self.validator())
        self.curves.validation_losses.append(loss)
        if score is not None:
            self.curves.scores.append(score)
        return loss, score

    def _watch(self, losses: Losses, valid_loss: float | None, score: float | None) -> bool:
        """Update patience and keep the best weights; return whether training goes on."""
        loss = losses[0]
        self.curves.losses.append(loss if len(losses) == 1 else losses)
        if self.verbose:
            self._print(loss, score)
        finite = all(map(math.isfinite, losses))
        if not finite and not (self.early_stopping and math.isfinite(self.patience.best)):
            raise NonFiniteLoss(self.n_iter)
        if self.early_stopping:
            assert score is not None
            tied = score == self.patience.best and (
                valid_loss is not None and valid_loss < self._tie_loss
            )
            better = self.patience.update(score) or tied
            if better and valid_loss is not None:
                self._tie_loss = valid_loss
        else:
            self.patience.update(loss)
            better = self._kept.update(loss if valid_loss is None else valid_loss)
        if not finite:
            warnings.warn(
                f"Training diverged in epoch {self.n_iter}: the loss is {loss}. The weights of the "
                "best epoch before it are kept.",
                ConvergenceWarning,
            )
        elif better:
            self.best.save()
        return finite

    def _print(self, loss: float, score: float | None) -> None:
        """Figures of an epoch, at once also where they go to a file."""
        left = (time.monotonic() - self._began) / self.n_iter * (self.max_iter - self.n_iter)
        shown = "" if score is None else f", validation score = {score:.6f}"
        shown = f"loss = {loss:.8f}{shown}, at most {left:.0f} s left"
        print(f"Iteration {self.n_iter}/{self.max_iter}, {shown}", flush=True)

    def _is_over(self) -> bool:
        if self.patience.ran_out and self._gives_up():
            return True
        planned = self.single_epoch or self.schedule.has_end
        if self.n_iter == self.max_iter and not planned:
            warnings.warn(
                "Stochastic Optimizer: Maximum iterations (%d) "
                "reached and the optimization hasn't converged yet." % self.max_iter,
                ConvergenceWarning,
            )
        return self.n_iter == self.max_iter

    def _gives_up(self) -> bool:
        """Handle the end of patience: lower the rate, or return that training ends."""
        reason = self.schedule.on_plateau()
        if self.verbose:
            watched = "Validation score" if self.early_stopping else "Training loss"
            rate = f"Setting learning rate to {self.step.optimizers[0].learning_rate:f}"
            since = f"tol={self.patience.tol:f} for {self.patience.limit} consecutive epochs"
            print(f"{watched} did not improve more than {since}. {reason or rate}", flush=True)
        if reason is None:
            self.patience.count = 0
        return reason is not None

    def _record(self, losses: Losses, learning_rate: float, seconds: float) -> None:
        values = dict(zip(self.step.loss_names, losses))
        if self.validator is not None:
            values["valid_loss"] = self.curves.validation_losses[-1]
            if self.curves.scores:
                values["valid_score"] = self.curves.scores[-1]
        history = self.net.history
        if self.net.callbacks_:  # skorch's own look for these
            if not history[-1]["batches"]:
                history.new_batch()
            for name in values.keys() & {"train_loss", "valid_loss"}:
                earlier = [epoch[name] for epoch in history[:-1] if name in epoch]
                history.record(f"{name}_best", values[name] <= min(earlier, default=math.inf))
        # Straight into the epoch's dict: each call of `record` copies the whole history.
        list.__getitem__(history, -1).update(values, learning_rate=learning_rate, dur=seconds)

    def _notify(self, hook: str) -> bool:
        """Call skorch's callbacks, which stop training by raising KeyboardInterrupt."""
        try:
            train, valid = self.datasets
            self.net.notify(hook, dataset_train=train, dataset_valid=valid)
        except KeyboardInterrupt:
            return True
        return False


def _set_mode(module: nn.Module, training: bool) -> None:
    """Call `train` or `eval`, which visit all layers, only if the mode changes."""
    if module.training != training:
        module.train(training)


def _as_tuple(losses: float | list[float]) -> Losses:
    return (losses,) if isinstance(losses, float) else tuple(losses)
