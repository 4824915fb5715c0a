"""From tensors to fitted attributes: the network, its step, the run and what it leaves.

The middle of the road that `_base.DeepEstimator.fit` goes; all of it reads the estimator's
parameters and hands work to `engine`.
"""

import copy
import warnings
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch

from skdeep import engine
from skdeep.data.batches import Batches, SparseRows, chunks
from skdeep.data.tensors import to_tensor
from skdeep.engine import skorch_dataset
from skdeep.inputs.rows import to_host
from skdeep.losses.reduce import weighted_mean
from skdeep.nets.backprop import PlainBackprop
from skdeep.nets.blocks import set_generator

_NON_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed."
)
_LARGE = 1e3  # beyond it a value is named as the likely cause of a diverging loss


@dataclass(frozen=True)
class Mode:
    """What kind of training a call asks for.

    Attributes
    ----------
    resumed : bool
        It goes on from the weights of an earlier call.
    incremental : bool
        It is one epoch of a stream (`partial_fit`).
    stops_early : bool
        A validation score decides when it ends.
    watched : bool
        A callback wants a validation score of each epoch.
    in_search : bool
        It is one of many fits of a search: Ctrl-C is for the search.
    """

    resumed: bool
    incremental: bool
    stops_early: bool
    watched: bool = False
    in_search: bool = False


class GradientTraining:
    """Training methods of `DeepEstimator`.

    A family overrides what differs in it: `_players` (optimizers), `_make_step`, `_forward`,
    `_draws_noise`, `_smallest_batch`, and, where `max_iter` may be 'auto', `_automatic_epochs`: the
    steps to plan for, the fewest and the most epochs.
    """

    def _new_net(self, device, X, rng):
        dtype = self._precision(X, device)
        module = self._make_module(X.shape[1:], self.n_outputs_, rng).to(dtype).to(device)
        return engine.DeepNet(
            module,
            self._make_loss().to(device),
            players=self._players(),
            callbacks=self._copied_callbacks(),
            device=device,
            lr=self._base_rate(),
            max_epochs=self._most_epochs() or 1,
        ).initialize()

    def _precision(self, X, device):
        """The type of the network's parameters."""
        return engine.resolve_dtype(self.dtype, X.dtype, device)

    def _most_epochs(self):
        """`max_iter`, or None where only the data will tell."""
        return None if self.max_iter == "auto" else self.max_iter

    def _known_net(self, device, incremental):
        """The net of the last fit; a warm start gives it what the parameters say now."""
        net = self.net_
        if torch.device(net.device) != device:
            net.move(device)
        if not incremental:
            net.restart(self._make_loss().to(device), self._players(), self._copied_callbacks())
        return net

    def _base_rate(self):
        """`learning_rate_init` as a number."""
        return float(self.learning_rate_init)

    def _players(self):
        """Options of the optimizer of the whole network; see `engine.DeepNet`."""
        options = {
            "solver": "sgd" if self.solver == "lbfgs" else self.solver,
            "learning_rate": self._base_rate(),
            "momentum": self.momentum,
            "nesterov": self.nesterovs_momentum,
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "weight_decay": self._decoupled_decay(),
        }
        return {"": options}

    def _copied_callbacks(self):
        callbacks = self.skorch_callbacks or []
        if not isinstance(callbacks, (list, tuple)):
            callbacks = [callbacks]
        for given in callbacks:
            callback = given[-1] if isinstance(given, (tuple, list)) and given else given
            if not (hasattr(callback, "on_train_begin") and hasattr(callback, "initialize")):
                raise ValueError(
                    f"skorch_callbacks={self.skorch_callbacks!r}: expected callbacks of skorch, or "
                    f"pairs of a name and one, got {given!r}."
                )
        return copy.deepcopy(list(callbacks))

    def _tensors(self, net, X, target, weight):
        """Rows, targets and weights where the network lives, in its precision."""
        dtype, device = net.dtype, torch.device(net.device)
        weight = None if weight is None else to_tensor(weight, dtype, device)
        X = self._as_input(X, dtype, device)
        return X, self._target_tensor(target, dtype, device), weight

    def _batch_size(self, n_samples):
        if self.batch_size == "auto":
            return min(200, n_samples)
        if self.batch_size > n_samples:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped"
            )
        return min(self.batch_size, n_samples)

    def _train(self, net, data, validation, rng, mode, report):
        """Train `net` and return the fitted attributes; undo a half-done continuation."""
        net.resume()
        saved = net.checkpoint() if mode.resumed else None
        generator = torch.Generator(device=net.device)
        generator.manual_seed(int(rng.randint(2**31 - 1)) if self._draws_noise() else 0)
        set_generator(net.module_, generator)
        try:
            run = self._make_run(net, data, validation, rng, mode)
            if report is not None:
                run.report = report(
                    lambda run: self._fitted_attributes(net.frozen_copy(), run, mode)
                )
            n_rows = data[1].shape[0] if self.solver == "lbfgs" else net.batch_size
            with engine.threads_for(n_rows, self._uses_of_parameters(net)):
                run.run()
        except BaseException:
            if saved is not None:
                net.rollback(saved)
                net.module_.eval()
            raise
        finally:
            set_generator(net.module_, None)
            net.finish(keep_moments=mode.incremental)
        return self._fitted_attributes(net, run, mode)

    def _make_run(self, net, data, validation, rng, mode):
        step = self._make_step(net)
        if self.solver == "lbfgs":
            return self._make_lbfgs(net, step, data, mode)
        net.batch_size = self._batch_size(data[0].shape[0])
        batches = self._make_batches(net, data, rng)
        n_epochs = self._n_epochs(batches)
        past = self.__dict__ if mode.resumed else {}
        return engine.Training(
            net,
            step,
            batches,
            schedule=self._make_schedule(step.optimizers[0], len(batches), mode, n_epochs),
            patience=engine.Patience(
                self.tol,
                self.n_iter_no_change,
                higher_is_better=mode.stops_early,
                best=past.get("best_validation_score_" if mode.stops_early else "best_loss_"),
                count=past.get("_no_improvement_count", 0),
            ),
            rng=rng,
            curves=engine.Curves(
                list(past.get("loss_curve_", [])),
                list(past.get("validation_loss_curve_") or []),
                list(past.get("validation_scores_") or []),
            ),
            max_iter=1 if mode.incremental else n_epochs,
            shuffle=self.shuffle,
            early_stopping=mode.stops_early,
            validator=self._make_validator(net, validation, mode.stops_early or mode.watched),
            max_time=self.max_time,
            n_seen=past.get("t_", 0),
            verbose=self.verbose,
            single_epoch=mode.incremental,
            interruptible=not mode.in_search,
            replaces=self.__sklearn_is_fitted__(),
            datasets=(skorch_dataset(net, data), skorch_dataset(net, validation)),
        )

    def _make_batches(self, net, data, rng):
        return Batches(*data, batch_size=net.batch_size, smallest=self._smallest_batch())

    def _n_epochs(self, batches):
        if self.max_iter != "auto":
            return self.max_iter
        n_steps, fewest, most = self._automatic_epochs()
        return int(np.clip(-(-n_steps // len(batches)), fewest, most))

    def _uses_of_parameters(self, net):
        """How often a row meets a parameter, over all parameters: the work of a forward pass."""
        return net.n_parameters

    def _make_lbfgs(self, net, step, data, mode):
        x, target, weight = data
        x = x[np.arange(x.shape[0])] if isinstance(x, SparseRows) else x
        return engine.LBFGS(
            net,
            step,
            (x, target, weight),
            max_iter=self.max_iter,
            max_fun=self.max_fun,
            tol=self.tol,
            max_time=self.max_time,
            verbose=self.verbose,
            interruptible=not mode.in_search,
            replaces=self.__sklearn_is_fitted__(),
        )

    def _make_schedule(self, optimizer, n_batches, mode, n_epochs):
        name = self.learning_rate
        if mode.incremental and name in engine.BOUNDED_SCHEDULES:
            name = "constant"
        return engine.make_schedule(
            name,
            optimizer,
            base=self._base_rate(),
            power_t=self.power_t,
            n_epochs=n_epochs,
            steps_per_epoch=n_batches,
        )

    def _make_step(self, net):
        optimizer, loss = net.flat_optimizers_[0], net.criterion_
        gradient = engine.Autograd(self._training_forward(net), loss, optimizer.flat)
        if PlainBackprop.applies_to(net.module_, loss):
            gradient = PlainBackprop(net.module_, loss, watched=gradient)
        l1 = self.alpha * self.l1_ratio
        l2 = 0.0 if self.solver == "adamw" else self.alpha - l1
        return engine.SingleStep(
            optimizer,
            gradient,
            engine.Penalty(optimizer.flat, l2, l1),
            clip=self.gradient_clip_norm,
            data_scale=self._reported_share(),
        )

    def _training_forward(self, net):
        """What a training step calls: the module, or a faster form of it."""
        return net.module_

    def _make_validator(self, net, validation, with_score):
        """A function that gives (loss, score) on the validation rows."""
        if validation is None:
            return None
        x, target, weight = validation
        host_target, host_weight = to_host(target), to_host(weight)
        share = self._reported_share()

        def validate():
            with torch.inference_mode():
                raw = self._forward(net.module_, x)
                loss = weighted_mean(net.criterion_(raw, target), weight) * share
                score = None
                if with_score:
                    score = self._score_raw(raw, host_target, host_weight)
                return float(loss), score

        return validate

    def _forward(self, module, x):
        """Raw scores of all rows; a family whose layers are not dense cuts them up otherwise."""
        return forward(module, x)

    def _decoupled_decay(self):
        return self.alpha * (1 - self.l1_ratio) if self.solver == "adamw" else 0.0

    def _draws_noise(self):
        return False

    def _smallest_batch(self):
        """Rows that a batch must have for a step to make sense."""
        return 1

    def _fitted_attributes(self, net, run, mode):
        """What a run leaves on the estimator."""
        fitted = {"net_": net, "n_iter_": run.n_iter, "n_outputs_": self.n_outputs_}
        if isinstance(run, engine.LBFGS):
            return fitted | {"loss_": run.loss, "t_": getattr(self, "t_", 0)}
        curves, patience = run.curves, run.patience
        validated = run.validator is not None
        return fitted | {
            "t_": run.n_seen,
            "loss_": curves.losses[-1] if curves.losses else np.inf,  # Ctrl-C in the first epoch
            "loss_curve_": list(curves.losses),
            "best_loss_": None if mode.stops_early else patience.best,
            "best_validation_score_": patience.best if mode.stops_early else None,
            "validation_scores_": list(curves.scores) if mode.stops_early else None,
            "validation_loss_curve_": list(curves.validation_losses) if validated else None,
            "_no_improvement_count": patience.count,
        }

    def _forget_training(self):
        """Drop what an earlier fit with another solver left."""
        for name in (
            "loss_curve_",
            "best_loss_",
            "best_validation_score_",
            "validation_scores_",
            "validation_loss_curve_",
            "_no_improvement_count",
        ):
            self.__dict__.pop(name, None)

    def _largest(self, X):
        """The largest absolute value in checked rows."""
        values = X.data if sp.issparse(X) else X
        return float(abs(values).max()) if len(values) else 0.0

    def _explain(self, error, X, target, weight=None):
        """The likely cause of a loss that is not finite."""
        largest = self._largest(X)
        total = np.inf if weight is None else float(weight.sum())
        cause = (
            f"X holds values up to {largest:.3g}: scale it, with StandardScaler for example"
            if largest > _LARGE
            else self._target_too_large(target)
        )
        if cause is None and self.alpha > total:
            cause = (
                f"the weights of rows, which sum to {total:.3g}: against them alpha={self.alpha} "
                "is large; scale sample_weight or class_weight, or lower alpha"
            )
        if cause is None:
            cause = (
                f"learning_rate_init={self.learning_rate_init} is too large: lower it, or set "
                "gradient_clip_norm=1.0"
            )
        return (
            f"{_NON_FINITE} The loss became infinite or NaN in epoch {error.epoch}; likely {cause}."
        )


def as_rows(X, dtype, device):
    """Checked rows where a network lives, in its precision; sparse ones go there in batches."""
    return SparseRows(X, dtype, device) if sp.issparse(X) else to_tensor(X, dtype, device)


def forward(module, x):
    """Raw scores of all rows, in pieces where a piece would be large."""
    n_samples = x.shape[0]
    if not isinstance(x, SparseRows) and n_samples <= 256:
        return module(x)
    parameters = list(module.parameters())
    pieces = chunks(n_samples, max(p.shape[0] for p in parameters), parameters[0].device)
    return torch.cat([module(x[piece]) for piece in pieces])
