"""What every estimator of skdeep does: validate, train, remember, predict.

`DeepEstimator.fit` is the one road from data to fitted attributes. A family adds how its network
is made (`_make_module`); how it is trained stands in `_training.py`, what a target is, and what a
prediction, in `_targets.py`.
"""

import functools
import math

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skdeep import engine
from skdeep._compat import _fit_context, evaluated_candidate
from skdeep._fitting import all_or_nothing
from skdeep.base.old_training import GradientTraining, Mode, as_rows
from skdeep.data.split import split_rows
from skdeep.inputs.rows import check_rows, to_host
from skdeep.inputs.supervision import (
    check_rows_and_target,
    check_weights,
    read_target,
    refuse_orphan,
)


class DeepEstimator(CallbackSupportMixin, GradientTraining, BaseEstimator):
    """Base of the estimators that train one network on rows with targets.

    A subclass has the parameters of `_params.TRAINING`, the target methods of `_targets` and
    ``_make_module(shape, n_outputs, rng)``, `shape` being that of one row. Where its rows are not
    vectors it says so in `_check_training_data`, `_check_inputs` and `_as_input`.
    """

    _has_validation_score = True  # whether held-out rows can be scored after each epoch

    @_fit_context(prefer_skip_nested_validation=True)
    @all_or_nothing
    @with_callbacks
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Train on X and y.

        A fit that raises leaves the estimator as it was. Ctrl-C ends training with the best
        weights so far and a warning; in the first epoch of another fit it raises, too.

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
        return self._fit_and_report(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    def _fit_and_report(self, X, y, sample_weight, validation):
        """`_fit`, with the callbacks of the user told of it and of its epochs."""
        context = self._init_callback_context(max_subtasks=self._most_epochs())
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        data = {"X": X, "y": y, "metadata": metadata}
        context.call_on_fit_task_begin(estimator=self, **data)
        report, callbacks = None, getattr(self, "_skl_callbacks", [])
        watched = engine.wants_score(callbacks, context)
        if watched and not self._has_validation_score:
            raise ValueError(
                f"{type(self).__name__} has no validation score of an epoch, which a callback asks "
                "for (PruneTrials, the pruner of a search): fit it without that."
            )
        if callbacks:
            report = functools.partial(engine.EpochReport, self, context, X, y, metadata)
        self._fit(
            X,
            y,
            sample_weight,
            validation,
            incremental=False,
            report=report,
            watched=watched,
            in_search=evaluated_candidate(context) is not None,
        )
        context.call_on_fit_task_end(estimator=self, **data, reconstruction_attributes=dict)
        return self

    def _fit(
        self,
        X,
        y,
        sample_weight,
        validation=(None, None, None),
        *,
        incremental,
        report=None,
        watched=False,
        in_search=False,
    ):
        """Train on X and y; `report` makes the `EpochReport`, if somebody listens."""
        resumed = hasattr(self, "net_") and (self.warm_start or incremental)
        self._check_combinations()
        X, y = self._check_training_data(X, y, reset=not resumed)
        target = self._encode_target(y, resumed, incremental)
        weight = self._total_weight(X, target, sample_weight, incremental)
        validation = self._check_validation(*validation)
        if not resumed:
            self._learn_target_scale(target, weight)

        rng = new_random_state(self.random_state)
        device = engine.resolve_device(self.device, X)
        net = self._known_net(device, incremental) if resumed else self._new_net(device, X, rng)
        stops_early = self.early_stopping and not incremental and self.solver != "lbfgs"
        watched = watched and self.solver != "lbfgs"
        if (stops_early or watched) and validation is None:
            rows = split_rows(
                functools.partial(self._row_keys, X, target),
                len(target),
                self.validation_fraction,
                rng,
                labels=self._stratify_by(target),
                weight=weight,
                purpose="early_stopping=True" if stops_early else "Pruning",
                target=target,
                counts=None if sample_weight is None else check_weights(sample_weight, X),
            )
            if rows is None:
                stops_early = watched = False
            else:
                (train, held_out), (weight, weight_val) = rows, rows.weights(weight)
                validation = (*_take((X, target), held_out), weight_val)
                X, target = _take((X, target), train)
        X, target, weight = _without_zero_weights(X, target, weight)
        self._check_training_rows(len(target))
        try:
            fitted = self._train(
                net,
                self._tensors(net, X, target, weight),
                None if validation is None else self._tensors(net, *validation),
                rng,
                Mode(resumed, incremental, stops_early, watched, in_search),
                report,
            )
        except engine.NonFiniteLoss as error:
            raise ValueError(self._explain(error, X, target, weight)) from None
        except torch.OutOfMemoryError as error:
            raise torch.OutOfMemoryError(
                f"{net.device} ran out of memory with batch_size={net.batch_size}: try a smaller "
                f"one. {error}"
            ) from error
        if not resumed or self.solver == "lbfgs":
            self._forget_training()
        self.__dict__.update(fitted)
        return self

    def _check_training_data(self, X, y, *, reset):
        """Check X and y of `fit`; with `reset` remember the shape and names of X's columns."""
        numeric = self._target_is_numeric
        return check_rows_and_target(self, X, y, reset=reset, y_numeric=numeric)

    def _check_inputs(self, X):
        """Check X of a prediction."""
        return check_rows(self, X)

    def _as_input(self, X, dtype, device):
        """Checked rows where the network lives, as it eats them."""
        return as_rows(X, dtype, device)

    def _learn_target_scale(self, target, weight):
        """Remember what targets are standardised by, where they are."""

    def _check_combinations(self):
        """Raise where parameters contradict each other."""

    def _check_training_rows(self, n_samples):
        """Raise where the rows left to train on are too few."""

    def _check_validation(self, X_val, y_val, sample_weight_val):
        """Check what the user gave to validate on, as HistGradientBoosting does."""
        if X_val is None and y_val is None:
            refuse_orphan(sample_weight_val)
            return None
        if y_val is None:
            raise ValueError("X_val is provided, but y_val was not provided.")
        if X_val is None:
            raise ValueError("y_val is provided, but X_val was not provided.")
        y_val = read_target(y_val, numeric=self._target_is_numeric, name="y_val")
        X_val, y_val = self._check_training_data(X_val, y_val, reset=False)
        if sample_weight_val is not None:
            sample_weight_val = check_weights(sample_weight_val, X_val, "sample_weight_val")
        return X_val, self._encode_known_target(y_val, "y_val"), sample_weight_val

    def _total_weight(self, X, target, sample_weight, incremental):
        """Weight of each row, or None where all are 1."""
        weight = None if sample_weight is None else check_weights(sample_weight, X)
        weight = self._times_class_weight(target, weight, incremental)
        return None if weight is None or (weight == 1).all() else weight

    def _row_keys(self, X, target):
        """The content of each row and its target, as bytes."""
        X = to_host(X)
        if sp.issparse(X):
            X = X.toarray()
        return [x.tobytes() + t.tobytes() for x, t in zip(X, np.asarray(target))]

    @property
    def _optimizer(self):
        return self.net_.flat_optimizers_[0]

    def _predict_raw(self, X):
        """Raw scores for X, as a tensor on the network's device."""
        if not self.__sklearn_is_fitted__():
            check_is_fitted(self)  # for its error; its search for attributes is slow
        X = self._check_inputs(X)
        module = self.net_.module_
        parameter = next(module.parameters())
        with torch.inference_mode():
            raw = self._forward(module, self._as_input(X, parameter.dtype, parameter.device))
            return self._only_finite(raw, X)

    def _only_finite(self, out, X):
        """What the network made of checked rows or of codes, where all of it is numbers."""
        total = out if out.numel() == 1 else out.sum()  # which may overflow where `out` does not
        if math.isfinite(total) or torch.isfinite(out).all():
            return out
        raise ValueError(
            f"X holds values up to {self._largest(X):.3g}, of which this {type(self).__name__} "
            "makes infinity or NaN: scale it, with StandardScaler for example, before fit and "
            "before predictions."
        )

    def __sklearn_is_fitted__(self):
        return "net_" in self.__dict__

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def new_random_state(random_state):
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
