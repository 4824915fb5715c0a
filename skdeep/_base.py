"""What every estimator of skdeep does: validate, build, train, remember.

`DeepEstimator._fit` is the one road from data to fitted attributes. A family adds how its network
is made (`_make_module`); what a target is, and what a prediction, is said in `_targets.py`.
"""

import copy
import functools
import warnings

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from skorch.dataset import Dataset

from skdeep import engine
from skdeep._compat import _fit_context
from skdeep._validation import (
    check_rows,
    check_rows_and_target,
    check_weights,
    to_host,
)
from skdeep.data.batches import Batches, SparseRows, chunks
from skdeep.data.split import split_rows
from skdeep.data.tensors import to_tensor
from skdeep.losses.reduce import weighted_mean
from skdeep.nets.backprop import PlainBackprop
from skdeep.nets.blocks import set_generator

_NON_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed."
)
_LARGE = 1e3  # beyond it a value is named as the likely cause of a diverging loss


def all_or_nothing(method):
    """Make a fitting method leave the estimator as it was if it raises."""

    @functools.wraps(method)
    def wrapped(self, *args, **kwargs):
        before = dict(self.__dict__)
        try:
            return method(self, *args, **kwargs)
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    return wrapped


class DeepEstimator(CallbackSupportMixin, BaseEstimator):
    """Base of the estimators that train one network on rows with targets.

    A subclass has the parameters of `_params.TRAINING`, the target methods of `_targets` and
    ``_make_module(n_features, n_outputs, rng)``.
    """

    @_fit_context(prefer_skip_nested_validation=True)
    @all_or_nothing
    @with_callbacks
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Train on X and y.

        A fit that raises leaves the estimator as it was. Ctrl-C ends training with the best
        weights so far and a warning.

        Parameters
        ----------
        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features)
            Sparse rows become sparse tensors batch by batch. A tensor on a GPU stays there.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            For a classifier labels of any kind, or a matrix of 0 and 1 for several labels at
            once; numbers for a regressor.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, not negative; a row of weight 0 is not there.

        X_val : array-like of shape (n_val, n_features), default=None
            Rows whose loss is recorded after each epoch, and whose score decides under
            `early_stopping`. In a Pipeline, ``Pipeline(..., transform_input=["X_val"])``
            transforms them like X. scikit-learn's searches take any argument of `fit` that has
            as many rows as X for data of these rows and slice it: there, X_val must have
            another number of rows than X.

        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Targets of `X_val`.

        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of `X_val`.

        Returns
        -------
        self : estimator
        """
        context = self._init_callback_context(max_subtasks=self.max_iter)
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        data = {"X": X, "y": y, "metadata": metadata}
        context.call_on_fit_task_begin(estimator=self, **data)
        report = None
        if getattr(self, "_skl_callbacks", None):
            report = functools.partial(engine.EpochReport, self, context, X, y, metadata)
        self._fit(
            X,
            y,
            sample_weight,
            (X_val, y_val, sample_weight_val),
            incremental=False,
            report=report,
        )
        context.call_on_fit_task_end(estimator=self, **data, reconstruction_attributes=dict)
        return self

    def _fit(self, X, y, sample_weight, validation=(None, None, None), *, incremental, report=None):
        """Train on X and y; `report` makes the `EpochReport`, if somebody listens."""
        resumed = hasattr(self, "net_") and (self.warm_start or incremental)
        self._check_combinations()
        X, y = check_rows_and_target(
            self, X, y, reset=not resumed, y_numeric=self._target_is_numeric
        )
        target = self._encode_target(y, resumed, incremental)
        weight = self._total_weight(X, target, sample_weight, incremental)
        validation = self._check_validation(*validation)

        rng = _random_state(self.random_state)
        device = engine.resolve_device(self.device, X)
        net = self._known_net(device, incremental) if resumed else self._new_net(device, X, rng)
        stops_early = self.early_stopping and not incremental and self.solver != "lbfgs"
        if stops_early and validation is None:
            rows = split_rows(
                functools.partial(_row_keys, X, target),
                len(target),
                self.validation_fraction,
                rng,
                labels=self._stratify_by(target),
                weight=weight,
            )
            stops_early = rows is not None
            if rows is not None:
                train, held_out = rows
                validation = _take((X, target, weight), held_out)
                X, target, weight = _take((X, target, weight), train)
        X, target, weight = _without_zero_weights(X, target, weight)
        self._check_training_rows(len(target))
        try:
            fitted = self._train(
                net,
                self._tensors(net, X, target, weight),
                None if validation is None else self._tensors(net, *validation),
                rng,
                resumed=resumed,
                incremental=incremental,
                stops_early=stops_early,
                report=report,
            )
        except engine.NonFiniteLoss as error:
            raise ValueError(self._explain(error, X, target)) from None
        except torch.OutOfMemoryError as error:
            raise torch.OutOfMemoryError(
                f"{net.device} ran out of memory with batch_size={net.batch_size}: try a smaller "
                f"one. {error}"
            ) from error
        if not resumed:
            self._forget_training()
        self.__dict__.update(fitted)
        return self

    # --- before training -------------------------------------------------------------------

    def _check_combinations(self):
        """Raise where parameters contradict each other."""

    def _check_training_rows(self, n_samples):
        """Raise where the rows left to train on are too few."""

    def _check_validation(self, X_val, y_val, sample_weight_val):
        """Check what the user gave to validate on, as HistGradientBoosting does."""
        if X_val is None and y_val is None:
            return None
        if y_val is None:
            raise ValueError("X_val is provided, but y_val was not provided.")
        if X_val is None:
            raise ValueError("y_val is provided, but X_val was not provided.")
        X_val, y_val = check_rows_and_target(
            self, X_val, y_val, reset=False, y_numeric=self._target_is_numeric
        )
        if sample_weight_val is not None:
            sample_weight_val = check_weights(sample_weight_val, X_val)
        return X_val, self._encode_known_target(y_val, "y_val"), sample_weight_val

    def _total_weight(self, X, target, sample_weight, incremental):
        """Weight of each row, or None where all are 1."""
        weight = None if sample_weight is None else check_weights(sample_weight, X)
        weight = self._times_class_weight(target, weight, incremental)
        return None if weight is None or (weight == 1).all() else weight

    def _new_net(self, device, X, rng):
        dtype = engine.resolve_dtype(self.dtype, X.dtype, device)
        module = self._make_module(X.shape[1], self.n_outputs_, rng).to(dtype).to(device)
        return engine.DeepNet(
            module,
            self._make_loss().to(device),
            players=self._players(),
            callbacks=self._copied_callbacks(),
            device=device,
            lr=self.learning_rate_init,
            max_epochs=self.max_iter,
        ).initialize()

    def _known_net(self, device, incremental):
        """The net of the last fit; a warm start gives it what the parameters say now."""
        net = self.net_
        if torch.device(net.device) != device:
            net.move(device)
        if not incremental:
            net.restart(self._make_loss().to(device), self._players(), self._copied_callbacks())
        return net

    def _players(self):
        """Options of the optimizer of the whole network; see `engine.DeepNet`."""
        options = {
            "solver": "sgd" if self.solver == "lbfgs" else self.solver,
            "learning_rate": float(self.learning_rate_init),
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
        return copy.deepcopy(list(callbacks))

    def _tensors(self, net, X, target, weight):
        """Rows, targets and weights where the network lives, in its precision."""
        dtype, device = net.dtype, torch.device(net.device)
        weight = None if weight is None else to_tensor(weight, dtype, device)
        return _rows(X, dtype, device), self._target_tensor(target, dtype, device), weight

    def _batch_size(self, n_samples):
        if self.batch_size == "auto":
            return min(200, n_samples)
        if self.batch_size > n_samples:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped"
            )
        return min(self.batch_size, n_samples)

    # --- training --------------------------------------------------------------------------

    def _train(self, net, data, validation, rng, *, resumed, incremental, stops_early, report):
        """Train `net` and return the fitted attributes; undo a half-done continuation."""
        net.resume()
        saved = net.checkpoint() if resumed else None
        generator = torch.Generator(device=net.device)
        generator.manual_seed(int(rng.randint(2**31 - 1)) if self._draws_noise() else 0)
        set_generator(net.module_, generator)
        try:
            run = self._make_run(net, data, validation, rng, resumed, incremental, stops_early)
            if report is not None:
                run.report = report(
                    lambda run: self._fitted_attributes(net.frozen_copy(), run, stops_early)
                )
            run.run()
        except BaseException:
            if saved is not None:
                net.rollback(saved)
            raise
        finally:
            set_generator(net.module_, None)
            net.finish(keep_moments=incremental)
        return self._fitted_attributes(net, run, stops_early)

    def _make_run(self, net, data, validation, rng, resumed, incremental, stops_early):
        step = self._make_step(net)
        limits = {"max_time": self.max_time, "verbose": self.verbose}
        if self.solver == "lbfgs":
            x, target, weight = data
            x = x[np.arange(x.shape[0])] if isinstance(x, SparseRows) else x
            return engine.LBFGS(
                net,
                step,
                (x, target, weight),
                max_iter=self.max_iter,
                max_fun=self.max_fun,
                tol=self.tol,
                **limits,
            )
        net.batch_size = self._batch_size(data[0].shape[0])
        batches = Batches(*data, batch_size=net.batch_size, smallest=self._smallest_batch())
        max_iter = 1 if incremental else self.max_iter
        past = self.__dict__ if resumed else {}
        best = past.get("best_validation_score_" if stops_early else "best_loss_")
        return engine.Training(
            net,
            step,
            batches,
            schedule=engine.make_schedule(
                self.learning_rate,
                step.optimizers[0],
                base=float(self.learning_rate_init),
                power_t=self.power_t,
                n_epochs=max_iter,
                steps_per_epoch=len(batches),
            ),
            patience=engine.Patience(
                self.tol,
                self.n_iter_no_change,
                higher_is_better=stops_early,
                best=best,
                count=past.get("_no_improvement_count", 0),
            ),
            rng=rng,
            curves=engine.Curves(
                list(past.get("loss_curve_", [])),
                list(past.get("validation_loss_curve_") or []),
                list(past.get("validation_scores_") or []),
            ),
            max_iter=max_iter,
            shuffle=self.shuffle,
            early_stopping=stops_early,
            validator=self._make_validator(net, validation, stops_early),
            n_seen=past.get("t_", 0),
            single_epoch=incremental,
            datasets=(_skorch_dataset(net, data), _skorch_dataset(net, validation)),
            **limits,
        )

    def _make_step(self, net):
        optimizer, loss = net.flat_optimizers_[0], net.criterion_
        if PlainBackprop.applies_to(net.module_, loss):
            gradient = PlainBackprop(net.module_, loss)
        else:
            gradient = engine.Autograd(net.module_, loss, optimizer.flat)
        l1 = self.alpha * self.l1_ratio
        l2 = 0.0 if self.solver == "adamw" else self.alpha - l1
        return engine.SingleStep(
            optimizer,
            gradient,
            engine.Penalty(optimizer.flat, l2, l1),
            clip=self.gradient_clip_norm,
            data_scale=self._reported_share(),
        )

    def _make_validator(self, net, validation, with_score):
        """A function that gives (loss, score) on the validation rows."""
        if validation is None:
            return None
        x, target, weight = validation
        host_target, host_weight = to_host(target), to_host(weight)
        share = self._reported_share()

        def validate():
            with torch.inference_mode():
                raw = _forward(net.module_, x)
                loss = weighted_mean(net.criterion_(raw, target), weight) * share
                score = None
                if with_score:
                    score = self._score_raw(raw, host_target, host_weight)
                return float(loss), score

        return validate

    def _decoupled_decay(self):
        return self.alpha * (1 - self.l1_ratio) if self.solver == "adamw" else 0.0

    def _draws_noise(self):
        return False

    def _smallest_batch(self):
        """Rows that a batch must have for a step to make sense."""
        return 1

    # --- after training --------------------------------------------------------------------

    def _fitted_attributes(self, net, run, stops_early):
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
            "best_loss_": None if stops_early else patience.best,
            "best_validation_score_": patience.best if stops_early else None,
            "validation_scores_": list(curves.scores) if stops_early else None,
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

    def _explain(self, error, X, target):
        """The likely cause of a loss that is not finite."""
        largest = float(abs(X.data if sp.issparse(X) else X).max())
        cause = (
            f"X holds values up to {largest:.3g}: scale it, with StandardScaler for example"
            if largest > _LARGE
            else self._target_too_large(target)
        )
        if cause is None:
            cause = (
                f"learning_rate_init={self.learning_rate_init} is too large: lower it, or set "
                "gradient_clip_norm=1.0"
            )
        return (
            f"{_NON_FINITE} The loss became infinite or NaN in epoch {error.epoch}; likely {cause}."
        )

    @property
    def _optimizer(self):
        return self.net_.flat_optimizers_[0]

    # --- prediction ------------------------------------------------------------------------

    def _predict_raw(self, X):
        """Raw scores for X, as a tensor on the network's device."""
        if not self.__sklearn_is_fitted__():
            check_is_fitted(self)  # for its error; its search for attributes is slow
        X = check_rows(self, X)
        module = self.net_.module_
        parameter = next(module.parameters())
        with torch.inference_mode():
            return _forward(module, _rows(X, parameter.dtype, parameter.device))

    def __sklearn_is_fitted__(self):
        return "net_" in self.__dict__

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _rows(X, dtype, device):
    """Checked rows where a network lives, in its precision; sparse ones go there in batches."""
    return SparseRows(X, dtype, device) if sp.issparse(X) else to_tensor(X, dtype, device)


def _forward(module, x):
    """Raw scores of all rows, in pieces where a piece would be large."""
    n_samples = x.shape[0]
    if not isinstance(x, SparseRows) and n_samples <= 256:
        return module(x)
    pieces = chunks(n_samples, max(p.shape[0] for p in module.parameters()))
    return torch.cat([module(x[piece]) for piece in pieces])


def _skorch_dataset(net, data):
    """Rows as skorch's callbacks expect them, where there are any callbacks."""
    if data is None or not net.callbacks_ or isinstance(data[0], SparseRows):
        return None
    return Dataset(*data[:2])


def _random_state(random_state):
    """scikit-learn's `check_random_state`, but None is fresh entropy: NumPy's global generator
    belongs to the user, and two threads that fit would share it."""
    return np.random.RandomState() if random_state is None else check_random_state(random_state)


def _take(arrays, rows):
    return tuple(None if a is None else a[rows] for a in arrays)


def _without_zero_weights(X, target, weight):
    """A row of weight zero is a row that is not there."""
    if weight is None or weight.all():
        return X, target, weight
    return _take((X, target, weight), np.flatnonzero(weight))


def _row_keys(X, target):
    """The content of each row and its target, as bytes."""
    X = to_host(X)
    if sp.issparse(X):
        X = X.toarray()
    return [x.tobytes() + t.tobytes() for x, t in zip(X, np.asarray(target))]
