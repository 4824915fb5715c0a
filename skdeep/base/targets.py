"""What a target is: labels for classifiers, numbers for regressors.

Each class turns `y` into what a loss compares with, names the loss and turns raw scores into
predictions. It stands left of `DeepEstimator` in the bases of an estimator.
"""

import functools
import math

import numpy as np
import torch
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import (
    d2_absolute_error_score,
    d2_pinball_score,
    r2_score,
)
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import type_of_target, unique_labels

from skdeep import losses
from skdeep._compat import _check_partial_fit_first_call
from skdeep.data.tensors import to_tensor
from skdeep.inputs.rows import to_host
from skdeep.inputs.supervision import check_target, scored_against, with_class_weight

_FAR = 8.0  # standard deviations
_SINGLE = np.finfo(np.float32)
_FINE_IN_SINGLE = 1e-6 / (0.5 * float(_SINGLE.eps))
"""Targets that many standard deviations from zero are rounded in single precision by a millionth
of one."""

_ROBUST_LOSSES = ("absolute_error", "huber")  # R2 would be a matter of the outliers alone
_TOO_LARGE = (
    "of which no sum of squares can be a number any more: scale it, with "
    "TransformedTargetRegressor for example"
)
_LARGEST = {False: 1e150, True: 1e306}  # of targets, by whether they are standardised
_SMALLEST_SHARE = 1e-7  # of the range of targets, that their scale is at least
_LARGEST_SINGLE = {True: 1e16, False: torch.finfo(torch.float32).max}  # by squared error or not


class DeepClassifier(ClassifierMixin):
    """Target methods of classifiers: two classes, several, or several labels at once."""

    _target_is_numeric = False

    def _encode_target(self, y, resumed, incremental):
        """Remember or check the classes; return class numbers, or rows of 0 and 1."""
        y = _one_column(y)
        if not hasattr(self, "classes_") or (not self.warm_start and not incremental):
            self._learn_classes(y)
        else:
            classes = unique_labels(y)
            if self.warm_start:
                if set(classes) != set(self.classes_):
                    raise ValueError(
                        "warm_start can only be used where `y` has the same "
                        "classes as in the previous call to fit. Previously "
                        f"got {self.classes_}, `y` has {classes}"
                    )
            else:
                self._refuse_new_classes(classes, "y")
        return self._class_numbers(y)

    def _encode_known_target(self, y, name):
        y = _one_column(y)
        self._refuse_new_classes(unique_labels(y), name)
        return self._class_numbers(y, name)

    def _refuse_new_classes(self, classes, name):
        try:
            new = np.setdiff1d(classes, self.classes_, assume_unique=True)
        except TypeError:  # labels of kinds that NumPy cannot compare
            new = classes
        if len(new):
            raise ValueError(
                f"`{name}` has classes not in `self.classes_`. "
                f"`self.classes_` has {self.classes_}. '{name}' has {classes}."
            )

    def _learn_classes(self, y):
        """Set `classes_` and what kind of target it is, from labels."""
        binarizer = LabelBinarizer().fit(y)  # for its checks and messages
        self.classes_ = binarizer.classes_
        self._target_type = binarizer.y_type_
        self.n_outputs_ = 1 if self._target_type == "binary" else len(self.classes_)
        self.out_activation_ = "softmax" if self._target_type == "multiclass" else "logistic"

    def _learn_classes_of_stream(self, y, classes):
        """Set the classes in the first call of `partial_fit`; check them in later ones."""
        if classes is not None:
            classes = check_target(self, classes, name="classes")
            if classes.ndim != 1:
                raise ValueError(
                    f"classes has the shape {classes.shape}: expected all classes that any call "
                    "will see, of shape (n_classes,)."
                )
        if _check_partial_fit_first_call(self, classes):
            y = check_target(self, y)
            self._learn_classes(y if type_of_target(y).startswith("multilabel") else classes)

    def _class_numbers(self, y, name="y"):
        several = self._target_type.startswith("multilabel")
        if several != (y.ndim == 2) or (several and y.shape[1] != len(self.classes_)):
            raise ValueError(
                f"{name} has the shape {y.shape}: expected "
                + (f"(n_samples, {len(self.classes_)})" if several else "(n_samples,)")
                + ", as in the first call of a fitting method."
            )
        if several:
            y = y.toarray() if hasattr(y, "toarray") else np.asarray(y)
            return y.astype(bool)
        return np.searchsorted(self.classes_, y)

    def _target_tensor(self, target, dtype, device):
        if self._target_type == "multiclass":
            return to_tensor(target, torch.int64, device)
        return to_tensor(target, dtype, device).reshape(len(target), -1)

    def _stratify_by(self, target):
        if self.n_outputs_ > 1 and self._target_type.startswith("multilabel"):
            return None
        return target == 1 if self._target_type == "binary" else target

    def _times_class_weight(self, target, weight, incremental):
        if self.class_weight is None:
            return weight
        if incremental and isinstance(self.class_weight, str):
            raise ValueError(
                "class_weight 'balanced' is not supported for partial_fit. In order to use "
                "'balanced' weights, use compute_class_weight('balanced', classes=classes, y=y) "
                "on all of y and pass them as class_weight, a dict."
            )
        return with_class_weight(self.class_weight, weight, target, self.classes_)

    def _make_loss(self):
        if self._target_type == "multiclass":
            return losses.CrossEntropy(self.label_smoothing)
        return losses.BinaryCrossEntropy(self.label_smoothing)

    def _reported_share(self):
        return 1.0

    def _target_too_large(self, target):
        return None

    def _proba(self, raw):
        """Probabilities of each class from raw scores."""
        if self._target_type == "multiclass":
            return torch.softmax(raw, 1).cpu().numpy()
        positive = torch.sigmoid(raw)
        if self._target_type == "binary":
            if len(self.classes_) == 1:
                return np.ones((len(raw), 1), dtype=to_host(raw[:0]).dtype)
            positive = torch.cat([1 - positive, positive], 1)
        return positive.cpu().numpy()

    def _numbers(self, raw):
        """Class numbers, or rows of 0 and 1, from raw scores."""
        if self._target_type == "multiclass":
            return raw.argmax(1).cpu().numpy()
        numbers = (raw > 0).cpu().numpy()
        if self._target_type == "binary":
            return numbers[:, 0] & (len(self.classes_) > 1)
        return numbers

    def _decode(self, raw):
        """Labels from raw scores."""
        numbers = self._numbers(raw)
        if self._target_type.startswith("multilabel"):
            return numbers.astype(int)
        return self.classes_[numbers.astype(int)]

    def _score_of(self, raw, chosen):
        """The raw score of each row's chosen class; None stands for the predicted one."""
        if self._target_type == "binary":
            chosen = raw[:, 0] > 0 if chosen is None else chosen > 0
            return raw[:, 0] * (2 * chosen.to(raw.dtype) - 1)
        chosen = raw.argmax(1) if chosen is None else chosen
        return raw.gather(1, chosen[:, None])

    def _output_numbers(self, y):
        y = np.asarray(y)
        self._refuse_new_classes(np.unique(y), "y")
        return np.searchsorted(self.classes_, y)

    def _score_raw(self, raw, target, weight):
        if self._target_type == "binary":
            target = target[:, 0]
        right = target == self._numbers(raw)
        if right.ndim == 2:
            right = right.all(1)
        return float(np.average(right, weights=weight))  # accuracy_score takes longer than an epoch

    def predict(self, X):
        """Predict the class of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features)
            The rows to classify.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_classes)
            The predicted classes; for multilabel targets a matrix of 0 and 1.
        """
        return self._decode(self._predict_raw(X))

    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features)
            The rows to classify.

        Returns
        -------
        y_prob : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`. For multilabel targets each column is the probability of
            its label, and rows need not sum to 1.
        """
        return self._proba(self._predict_raw(X))

    def predict_log_proba(self, X):
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features)
            The rows to classify.

        Returns
        -------
        log_y_prob : ndarray of shape (n_samples, n_classes)
            ``log(predict_proba(X))``, where 0 counts as the smallest number of its type.
        """
        proba = self.predict_proba(X)
        smallest = np.finfo(proba.dtype).smallest_subnormal
        return np.log(np.maximum(proba, smallest, out=proba), out=proba)

    def score(self, X, y, sample_weight=None):
        """Share of rows whose label, or whose labels all, are predicted.

        Parameters
        ----------
        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features)
            The rows.

        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Their labels.

        sample_weight : array-like of shape (n_samples,), default=None
            Their weights.

        Returns
        -------
        accuracy : float
        """
        return super().score(X, *scored_against(y, sample_weight, numeric=False))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class DeepRegressor(RegressorMixin):
    """Target methods of regressors, with one or several outputs."""

    _target_is_numeric = True
    _is_scaled = False  # otherwise training itself says that targets are too large

    def _encode_target(self, y, resumed, incremental):
        y = _one_column(y)
        self._check_range(y)
        n_outputs = 1 if y.ndim == 1 else y.shape[1]
        if resumed and n_outputs != self.n_outputs_:
            raise ValueError(
                f"y has {n_outputs} outputs, but this {type(self).__name__} was fitted with "
                f"{self.n_outputs_}."
            )
        self.n_outputs_ = n_outputs
        self.out_activation_ = "exp" if self.loss == "poisson" else "identity"
        return y

    def _encode_known_target(self, y, name):
        y = _one_column(y)
        self._check_range(y, name)
        n_outputs = 1 if y.ndim == 1 else y.shape[1]
        if n_outputs != self.n_outputs_:
            raise ValueError(f"{name} has {n_outputs} outputs, but y has {self.n_outputs_}.")
        return y

    def _check_range(self, y, name="y"):
        if self.loss == "poisson" and (y < 0).any():
            raise ValueError(
                f"Some value(s) of {name} are out of the valid range of the loss 'poisson': "
                f"{name} must not be negative."
            )
        most = _LARGEST[self._is_scaled] if self._is_scaled or name != "y" else np.inf
        if _largest(y) > most:
            raise ValueError(f"{name} holds values up to {_largest(y):.3g}, {_TOO_LARGE}.")

    def _target_tensor(self, target, dtype, device):
        if dtype == torch.float32:
            largest = _largest(target)
            if largest > _LARGEST_SINGLE[self.loss == "squared_error"]:
                raise ValueError(
                    f"y or y_val holds values up to {largest:.3g}, {_TOO_LARGE}; or take "
                    "dtype='float64'."
                )
        return to_tensor(target, dtype, device).reshape(len(target), -1)

    def _stratify_by(self, target):
        return None

    def _times_class_weight(self, target, weight, incremental):
        return weight

    def _make_loss(self):
        if self.loss == "huber":
            return losses.Huber(float(self.huber_delta))
        if self.loss == "quantile":
            return losses.Quantile(float(self.quantile))
        return {
            "squared_error": losses.SquaredError,
            "absolute_error": losses.AbsoluteError,
            "poisson": losses.Poisson,
        }[self.loss]()

    def _reported_share(self):
        # scikit-learn minimises the sum over outputs and reports the mean (not for Poisson).
        return 1.0 if self.loss == "poisson" else 1.0 / self.n_outputs_

    def _target_too_large(self, target):
        largest = _largest(target)
        if largest > 1e3:
            return (
                f"y holds values up to {largest:.3g}: scale it, with TransformedTargetRegressor "
                "for example"
            )
        return None

    def _decode(self, raw):
        if self.out_activation_ == "exp":
            raw = raw.exp().clamp(max=torch.finfo(raw.dtype).max)
        predicted = raw.cpu().numpy()
        return predicted[:, 0] if self.n_outputs_ == 1 else predicted

    def _score_of(self, raw, chosen):
        """The raw score of each row's chosen output; None stands for the first."""
        return raw[:, 0] if chosen is None else raw.gather(1, chosen[:, None])

    def _output_numbers(self, y):
        last = self.n_outputs_ - 1
        if y.dtype.kind not in "iu" or y.min(initial=0) < 0 or y.max(initial=0) > last:
            raise ValueError(
                f"y={y!r}: expected the number of an output for each row, integers in [0, {last}]."
            )
        return y

    def _score_raw(self, raw, target, weight):
        predicted = self._decode(raw)
        if not np.isfinite(predicted).all():
            return float("nan")
        if self.loss == "quantile":
            score = functools.partial(d2_pinball_score, alpha=self.quantile)
        else:
            score = d2_absolute_error_score if self.loss in _ROBUST_LOSSES else r2_score
        with np.errstate(over="ignore", invalid="ignore"):  # of a training that diverges
            return float(score(target, predicted, sample_weight=weight))

    def predict(self, X):
        """Predict the target of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features)
            The rows to predict for.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predicted values, in the precision of the network, or in double precision where
            that would be too coarse for targets far from zero.
        """
        return self._decode(self._predict_raw(X))

    def score(self, X, y, sample_weight=None):
        """Coefficient of determination, R2, of the predictions.

        Parameters
        ----------
        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features)
            The rows.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Their weights.

        Returns
        -------
        r2 : float
            NaN, with a warning, of a single row.
        """
        y, sample_weight = scored_against(y, sample_weight, numeric=True)
        with np.errstate(over="ignore", invalid="ignore"):
            score = super().score(X, y, sample_weight)
        if np.isinf(score) or (np.isnan(score) and len(y) > 1):
            raise ValueError(
                f"R2 is no finite number: y, up to {np.abs(y).max():.3g}, or its distance from "
                "the predictions has no square in double precision."
            )
        return score


class ShiftedRegressor(DeepRegressor):
    """Regressors whose networks see targets that lie far from zero less their mean.

    Single precision could not tell time stamps or coordinates apart. Predictions are back in y's
    units, in double precision where single precision is too coarse for them.
    """

    _target_scale = 1.0

    _is_scaled = True

    def _learn_target_scale(self, target, weight):
        center, scale = self._learn_units(target, weight)
        is_far = (np.abs(center) > _FAR * scale) & (self.loss != "poisson")
        self._target_center = np.where(is_far, center, 0.0) if is_far.any() else 0.0

    def _learn_units(self, target, weight):
        """Mean and standard deviation of each output, by the rows that count."""
        y = np.asarray(target, dtype=np.float64)
        if weight is not None:
            y, weight = y[weight > 0], weight[weight > 0]
        low, high = self._target_range = (y.min(axis=0), y.max(axis=0))
        # In units of a power of two, which change no digit: the square of 1e200 is no number.
        largest = np.maximum(np.abs(low), np.abs(high))
        unit = np.ldexp(1.0, np.frexp(largest)[1] - 1)
        center = np.average(y / unit, axis=0, weights=weight)
        scale = np.sqrt(np.average((y / unit - center) ** 2, axis=0, weights=weight)) * unit
        scale = np.maximum(scale, _SMALLEST_SHARE * (high - low))  # one row may have all weight
        scale = np.where(low < high, scale, 1.0)
        self._needs_double = bool((largest > _FINE_IN_SINGLE * scale).any()) or not (
            _SINGLE.tiny < scale.min() and largest.max() < _SINGLE.max
        )
        return center * unit, scale

    def _target_tensor(self, target, dtype, device):
        with np.errstate(over="ignore"):  # the loss says so
            scaled = (np.asarray(target, np.float64) - self._target_center) / self._target_scale
        return super()._target_tensor(scaled, dtype, device)

    def _score_raw(self, raw, target, weight):
        return super()._score_raw(raw, target * self._target_scale + self._target_center, weight)

    def _decode(self, raw):
        predicted = super()._decode(raw)
        out = self._to_units(predicted.astype(np.float64))
        return out if self._needs_double else out.astype(predicted.dtype)

    def _to_units(self, scaled):
        return scaled * self._target_scale + self._target_center


class ScaledRegressor(ShiftedRegressor):
    """Regressors whose networks see standardised targets; predictions are back in y's units and
    inside the range of the targets seen in fit."""

    def _learn_target_scale(self, target, weight):
        self._target_center, self._target_scale = self._learn_units(target, weight)

    def _target_too_large(self, target):
        return None

    def _to_units(self, scaled):
        return np.clip(super()._to_units(scaled), *self._target_range)


def mean_scores(raw, target_type):
    """Raw scores of which the probabilities are the mean of those of several networks.

    Parameters
    ----------
    raw : Tensor of shape (n_samples, n_members, n_outputs)
    target_type : {'multiclass', 'binary', 'multilabel-indicator'}

    Returns
    -------
    Tensor of shape (n_samples, n_outputs)
        Logarithms of probabilities, for two classes and for labels log odds.
    """
    if target_type == "multiclass":
        return torch.log_softmax(raw, 2).logsumexp(1) - math.log(raw.shape[1])
    if raw.shape[1] == 1:
        return raw[:, 0]
    log_sigmoid = torch.nn.functional.logsigmoid
    return log_sigmoid(raw).logsumexp(1) - log_sigmoid(-raw).logsumexp(1)


def _largest(y):
    """The largest absolute value of an array."""
    return max(float(y.max()), -float(y.min()))


def _one_column(y):
    """A matrix of one column is taken for that column, with scikit-learn's warning."""
    return column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y
