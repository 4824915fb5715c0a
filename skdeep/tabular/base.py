"""What the estimators for mixed tables share: encoder, members, held-out rows, calibration.

They train several networks (members) as one, on rows that `TabularEncoder` made, and average
their predictions. The rows that a member does not train on choose its best epoch, calibrate
probabilities and give prediction intervals.
"""

import contextlib
import functools
import time
import warnings

import numpy as np
import pandas as pd
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted, validate_data

from skdeep import engine
from skdeep.base.old_estimator import DeepEstimator, new_random_state
from skdeep.base.old_training import Mode, skorch_dataset
from skdeep.data.batches import chunks
from skdeep.data.members import MemberBatches
from skdeep.data.split import FULL_BATCH_ROWS, split_rows
from skdeep.data.tensors import to_tensor
from skdeep.inputs.supervision import check_target, check_weights
from skdeep.losses import weighted_mean
from skdeep.preprocessing import TabularEncoder
from skdeep.preprocessing.columns import check_table
from skdeep.tabular.plan import Plan, count_epochs, folds, spread, stack
from skdeep.tabular.targets import out_of_fold

_SPARE = 0.95  # of the time for a training that another one is to follow: clocks are not exact
_SHORTEST = 1e-3  # seconds


class DeepTable(DeepEstimator):
    """Base of the estimators for tables; a subclass adds the network and its course.

    It has ``_new_module(n_outputs)``, ``_draw_weights(module, rng, x, weight)`` and
    ``_schedule(net, n_steps, max_time)``. Members are networks of their own, or (`_networks`)
    share the weights of one in groups of equal size.
    """

    # What `DeepEstimator` leaves to the parameters of a perceptron is settled here.
    solver = "adamw"
    l1_ratio = 0.0
    momentum, nesterovs_momentum = 0.9, True
    warm_start = False
    numeric = "robust"
    _patience_growth = 0.0
    _answers_in = "float32"
    _mixes_on_cpu = False  # whether amp='auto' is for processors, too

    def _fit(
        self,
        X,
        y,
        sample_weight,
        validation=(None, None, None),
        *,
        incremental=False,
        report=None,
        watched=False,
        in_search=False,
    ):
        if y is None:
            validate_data(self, "no_validation", y)  # for its error
        y = check_target(self, y)
        X = check_table(self, X, categorical_features=self.categorical_features, reset=True)
        check_consistent_length(np.empty((len(X), 0)), y)
        target = self._encode_target(y, False, False)
        weight = self._total_weight(np.empty((len(X), 0)), target, sample_weight, False)
        rows = np.empty((len(X), 0))
        counts = None if sample_weight is None else check_weights(sample_weight, rows)
        validation = self._check_validation(*validation)
        if weight is not None and not weight.all():
            rows = np.flatnonzero(weight)
            X = X.iloc[rows] if isinstance(X, pd.DataFrame) else X[rows]
            target, weight = target[rows], weight[rows]
            counts = None if counts is None else counts[rows]
        self._learn_target_scale(target, weight)
        self._answers_in = self._precision_of_answers(X)
        self.encoder_ = TabularEncoder(
            numeric=self.numeric,
            categorical_features=self.categorical_features,
            max_one_hot=self.max_one_hot,
        ).fit(X, sample_weight=weight)
        everyone = (self.encoder_.encode(X), target, weight)
        rng = new_random_state(self.random_state)
        plan, data = self._plan(everyone, validation, rng, counts, watched)
        plan.max_time = self.max_time
        device = engine.resolve_device(self.device, X)
        if self.refit and plan.held_out is not None:
            fitted = self._train_twice(device, everyone, data, plan, rng, in_search, report)
        else:
            fitted = self._train_members(device, data, plan, rng, in_search, report)
        self._forget_training()
        self.__dict__.pop("members_", None)
        self.__dict__.update(fitted)
        return self

    # --- before training -------------------------------------------------------------------

    def _precision_of_answers(self, X):
        """That of X, as in other estimators, though the network has a precision of its own."""
        types = list(X.dtypes) if isinstance(X, pd.DataFrame) else [X.dtype]
        single = all(t == np.float32 for t in types) and self.dtype != "float64"
        return "float32" if single else "float64"

    def _check_validation(self, X_val, y_val, sample_weight_val):
        if X_val is not None and y_val is not None:
            X_val = check_table(
                self, X_val, categorical_features=self.categorical_features, reset=False
            )
            y_val = check_target(self, y_val, name="y_val")
            rows = np.empty((len(X_val), 0))
            check_consistent_length(rows, y_val)
            if sample_weight_val is not None:
                sample_weight_val = check_weights(sample_weight_val, rows, "sample_weight_val")
            return X_val, self._encode_known_target(y_val, "y_val"), sample_weight_val
        return super()._check_validation(X_val, y_val, sample_weight_val)

    def _plan(self, data, validation, rng, counts, watched=False):
        """Deal the rows out; return the plan and the data, with validation rows at their end."""
        n_samples, n_members = len(data[0]), self._members()
        everything = np.tile(np.arange(n_samples), (n_members, 1))
        if validation is not None:
            X_val, target_val, weight_val = validation
            added = (self.encoder_.encode(X_val), target_val, weight_val)
            held_out = n_samples + np.arange(len(X_val))
            return Plan(everything, held_out[None]), stack(data, added)
        if not self.early_stopping and not watched:
            return Plan(everything), data
        name = "held_out" if self.early_stopping else "watched"
        labels = self._stratify_by(data[1])
        if n_samples <= FULL_BATCH_ROWS:
            rows = self._small_split(data, labels, rng, counts)
            if rows is None:
                return Plan(everything), data
            train, held_out = rows
            if rows.shares is not None:  # some rows are on both sides, with another weight on each
                sides = zip(rows, rows.weights(data[2]))
                data = stack(*((data[0][side], data[1][side], w) for side, w in sides))
                train, held_out = np.arange(len(train)), len(train) + np.arange(len(held_out))
            return Plan(np.tile(train, (n_members, 1)), **{name: held_out[None]}), data
        keys = data[1] if labels is None and data[1].ndim == 1 else labels
        n_draws = self._networks()
        train, held_out = folds(n_samples, keys, self.validation_fraction, n_draws, rng)
        train = np.repeat(train, n_members // n_draws, axis=0)
        return Plan(train, **{name: held_out}), data

    def _small_split(self, data, labels, rng, counts):
        """One split for all members, the same for equal rows; None where data are too few."""
        X, target, weight = data
        purpose = "early_stopping=True" if self.early_stopping else "Pruning"
        if len(X) <= 4:  # where `split_rows` raises, as scikit-learn does
            warnings.warn(f"{purpose} has no effect: {len(X)} rows are too few to hold some out.")
            return None
        keys = functools.partial(self._row_keys, X, target)
        return split_rows(
            keys,
            len(X),
            self.validation_fraction,
            rng,
            labels,
            weight,
            purpose,
            target=target,
            counts=counts,
        )

    def _members(self):
        return self.n_estimators

    def _networks(self):
        """How many networks without a common weight the members are spread over."""
        return self._members()

    def _train_members(self, device, data, plan, rng, in_search, report=None):
        """Make a net, train it by `plan` and return the fitted attributes."""
        net = self._new_net(device, data[0], rng)
        tensors = self._tensors(net, *data)
        x, _, weight = tensors
        seen = slice(0, int(plan.train.max()) + 1)
        if weight is not None:  # of a validation row it says nothing about those to train on
            weight = None if (weight[seen] == 1).all() else weight[seen]
        self._draw_weights(net.module_, rng, x[seen], weight)
        try:
            stops_early = plan.held_out is not None or plan.epochs is not None
            mode = Mode(False, False, stops_early, in_search=in_search)
            return self._train(net, tensors, plan, rng, mode, report)
        except engine.NonFiniteLoss as error:
            raise ValueError(self._explain(error, data[0], data[1])) from None

    def _train_twice(self, device, everyone, data, plan, rng, in_search, report):
        """Train by `plan`, then again on everyone for the best numbers of epochs.

        Both together take `max_time`: the first is to leave as much as the second needs where it
        goes through as many epochs.
        """
        started, n_all, n_train = time.monotonic(), len(everyone[1]), plan.train.shape[1]
        if self.max_time is not None:
            plan.max_time = _SPARE * self.max_time * n_train / (n_train + n_all)
        reports = []
        noted = report and (lambda reconstruct: reports.append(report(reconstruct)) or reports[-1])
        fitted = self._train_members(device, data, plan, rng, in_search, noted)
        if in_search and any(r.asked for r in reports):  # it has lost, or time is over
            return fitted
        epochs = fitted["best_epochs_"]
        if not epochs:  # Ctrl-C in the first epoch
            return fitted
        rows = np.tile(np.arange(n_all), (len(plan.train), 1))
        plan = Plan(rows, epochs=epochs, max_time=self.max_time)
        if self.max_time is not None:
            plan.max_time = max(self.max_time - (time.monotonic() - started), _SHORTEST)
        again = self._train_members(device, everyone, plan, rng, in_search)
        if again["best_epochs_"] == epochs:
            return {**fitted, "net_": again["net_"]}
        warnings.warn(
            f"refit=True has no effect: it was ended in epoch {again['n_iter_']} of {max(epochs)}. "
            "The networks that have not seen the held-out rows are kept.",
            ConvergenceWarning,
        )
        return fitted

    def _make_module(self, shape, n_outputs, rng):
        return self._new_module(n_outputs)

    def _batch_size(self, n_samples):
        """Batches of nearly equal size: a small last one would be a noisy step."""
        size = self._auto_batch_size(n_samples) if self.batch_size == "auto" else self.batch_size
        return -(-n_samples // max(1, round(n_samples / size)))

    # --- training --------------------------------------------------------------------------

    def _training_forward(self, net):
        forward, device = net.module_, torch.device(net.device)
        if self.compile:
            forward = engine.compiled(forward, device)
        if engine.wants_mixed(self.amp, net.dtype, device, self._mixes_on_cpu):
            forward = engine.mixed_precision(forward, net.dtype, device)
        return forward

    def _make_run(self, net, data, plan, rng, mode):
        stops_early = mode.stops_early
        net.batch_size = self._batch_size(plan.train.shape[1])
        batches = MemberBatches(
            *data, plan.train, batch_size=net.batch_size, rng=rng if self.shuffle else None
        )
        best = engine.BestMembers(net.module_, self.tol)
        step = self._make_step(net)
        validator = self._make_validator(net, (data, plan, best), stops_early)
        average, make = self._average(net, len(batches)), engine.Training
        if average is not None:
            validator = average.under(validator)
            make = functools.partial(engine.AveragedTraining, average=average)
        return make(
            net,
            step,
            batches,
            schedule=self._schedule(net, self.max_iter * len(batches), plan.max_time),
            patience=self._patience(best, plan, stops_early),
            rng=rng,
            curves=engine.Curves([], [], []),
            max_iter=self.max_iter if plan.epochs is None else max(max(plan.epochs), 1),
            shuffle=False,
            early_stopping=stops_early,
            validator=validator,
            datasets=(skorch_dataset(net, data), None),
            best=best if stops_early else None,
            max_time=plan.max_time,
            verbose=self.verbose,
            interruptible=not mode.in_search,
            replaces=self.__sklearn_is_fitted__() and plan.epochs is None,
        )

    def _patience(self, best, plan, stops_early):
        if plan.held_out is None:
            return engine.Patience(self.tol, np.inf, higher_is_better=stops_early)
        return engine.LastBestPatience(
            self.tol, self.n_iter_no_change, stops_early, lambda: best.epochs, self._patience_growth
        )

    def _average(self, net, n_batches):
        """A `MovingAverage` whose weights are judged and kept, or None."""
        return None

    def _make_validator(self, net, validation, with_score):
        data, plan, best = validation
        if plan.epochs is not None:
            return count_epochs(plan.epochs, best)
        rows = plan.watched if plan.held_out is None else plan.held_out
        if rows is None:
            return None
        rows = torch.as_tensor(rows, device=data[0].device)
        x, *known = (None if d is None else d[rows] for d in data)
        share = self._reported_share()
        of_members = [spread(t, net.module_.n_members) for t in known]
        of_judged = [spread(t, self._networks()) for t in known]

        def validate():
            raw = self._held_out_raw(net.module_, x)
            target, weight = of_members
            loss = weighted_mean(
                net.criterion_(raw.flatten(0, 1), target.flatten(0, 1)),
                None if weight is None else weight.flatten(),
            )
            judged = self._judged(raw)
            scores = self._validation_scores(judged, *of_judged, net.criterion_)
            best.observe(self._steadied(scores, judged, *of_judged))
            return float(loss) * share, float(scores.mean())

        return validate

    def _steadied(self, scores, raw, target, weight):
        """The scores by which members choose their best epochs."""
        return scores

    def _judged(self, raw):
        """Raw scores that choose the best epoch of each network."""
        return raw

    @torch.inference_mode()
    def _held_out_raw(self, module, x):
        """Raw scores (n_members, n_rows, n_outputs) of rows that networks have or share."""
        if len(x) == 1 and module.n_members > 1:
            return self._forward(module, x[0]).transpose(0, 1)
        pieces = chunks(x.shape[1], self._width(module), x.device)
        out = [module(x[:, piece]).unflatten(0, (module.n_members, -1)) for piece in pieces]
        return torch.cat(out, 1)

    def _forward(self, module, x, **options):
        """Raw scores (n_rows, n_members, n_outputs)."""
        if len(x) <= 256:
            return module(x, **options)
        pieces = chunks(len(x), self._width(module), x.device)
        return torch.cat([module(x[piece], **options) for piece in pieces])

    def _forward_options(self):
        return {}

    @torch.inference_mode()
    def _all_raw(self, module, x):
        """Raw scores of all members, whatever the precision of training."""
        return self._forward(module, x)

    def _width(self, module):
        """Numbers that a row takes in the widest layer, for all members."""
        return module.n_members * max(max(p.shape[-2:]) for p in module.parameters())

    def _fitted_attributes(self, net, run, mode):
        fitted = super()._fitted_attributes(net, run, mode)
        fitted.pop("t_")
        fitted["best_epochs_"] = list(run.best.epochs) if mode.stops_early else None
        return fitted

    def _train(self, net, data, plan, rng, mode, report):
        with engine.compiler_environment() if self.compile else contextlib.nullcontext():
            fitted = super()._train(net, data, plan, rng, mode, report)
        if plan.epochs is None:
            rows = raw = None
            if plan.held_out is not None:
                rows = plan.held_out
                index = torch.as_tensor(rows, device=data[0].device)
                raw = self._held_out_raw(net.module_, data[0][index])
            fitted |= out_of_fold(
                self, raw, rows, data, lambda index: self._all_raw(net.module_, data[0][index])
            )
        return fitted

    # --- prediction ------------------------------------------------------------------------

    def _predict_raw(self, X):
        check_is_fitted(self)
        raw = self._members_raw(X)
        if self._answers_in == "float64":  # which not every device has
            raw = raw.cpu().double()
        return self._pool(raw)

    @torch.inference_mode()
    def _members_raw(self, X):
        """Raw scores of each member, (n_rows, n_members, n_outputs)."""
        X = check_table(self, X, categorical_features=self.categorical_features, reset=False)
        module = self.net_.module_
        parameter = next(module.parameters())
        x = to_tensor(self.encoder_.encode(X), parameter.dtype, parameter.device)
        return self._forward(module, x, **self._forward_options())

    def _known_target(self, X, y):
        """Targets as the network has them, for rows after fit."""
        _, target, _ = self._check_validation(X, y, None)
        parameter = next(self.net_.module_.parameters())
        return self._target_tensor(target, parameter.dtype, parameter.device)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        return tags
