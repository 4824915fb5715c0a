"""Base of classifiers: targets of the loss, and predictions from raw scores.

`DeepClassifier` stands left of `DeepEstimator` in the bases of an estimator.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.base import ClassifierMixin
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import Tags
from sklearn.utils.multiclass import (
    check_classification_targets,
    type_of_target,
    unique_labels,
)
from torch import Tensor, nn

from skdeep import losses
from skdeep._compat import _check_partial_fit_first_call
from skdeep.base.disk import in_memory, piece_by_piece
from skdeep.data.batches import to_tensor
from skdeep.inputs.rows import check_target, one_column, read_target, to_host
from skdeep.inputs.weights import scored_against, with_class_weight


class DeepClassifier(ClassifierMixin):
    """Target methods of classifiers: two classes, several, or several labels at once."""

    classes_: np.ndarray
    _target_is_numeric = False

    def _encode_target(self, y: Any, resumed: bool, incremental: bool) -> np.ndarray:
        """Remember or check the classes; return class numbers, or rows of 0 and 1."""
        y = one_column(y)
        warm_start = getattr(self, "warm_start", False)
        if not hasattr(self, "classes_") or (not warm_start and not incremental):
            self._learn_classes(y)
        else:
            classes = unique_labels(y)
            if warm_start:
                if set(classes) != set(self.classes_):
                    raise ValueError(
                        "warm_start can only be used where `y` has the same "
                        "classes as in the previous call to fit. Previously "
                        f"got {self.classes_}, `y` has {classes}"
                    )
            else:
                self._refuse_new_classes(classes, "y")
        return self._class_numbers(y)

    def _encode_known_target(self, y: Any, name: str) -> np.ndarray:
        y = one_column(y)
        self._refuse_new_classes(unique_labels(y), name)
        return self._class_numbers(y, name)

    def _refuse_new_classes(self, classes: Any, name: str) -> None:
        try:
            new = np.setdiff1d(classes, self.classes_, assume_unique=True)
        except TypeError:  # labels of kinds that NumPy cannot compare
            new = classes
        if len(new):
            raise ValueError(
                f"`{name}` has classes not in `self.classes_`. "
                f"`self.classes_` has {self.classes_}. '{name}' has {classes}."
            )

    def _learn_classes(self, y: Any) -> None:
        """Set `classes_` and the type of the target from labels."""
        check_classification_targets(y)
        binarizer = LabelBinarizer().fit(y)  # for its checks and messages
        self.classes_ = binarizer.classes_
        self._target_type = binarizer.y_type_
        self.n_outputs_ = 1 if self._target_type == "binary" else len(self.classes_)
        self.out_activation_ = "softmax" if self._target_type == "multiclass" else "logistic"

    def _learn_classes_of_stream(self, y: Any, classes: Any) -> None:
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

    def _class_numbers(self, y: Any, name: str = "y") -> np.ndarray:
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

    def _target_tensor(self, target: Any, dtype: torch.dtype, device: torch.device) -> Tensor:
        if self._target_type == "multiclass":
            return to_tensor(target, torch.int64, device)
        return to_tensor(target, dtype, device).reshape(len(target), -1)

    def _stratify_by(self, target: Any) -> np.ndarray | None:
        if self.n_outputs_ > 1 and self._target_type.startswith("multilabel"):
            return None
        return target == 1 if self._target_type == "binary" else target

    def _times_class_weight(
        self, target: Any, weight: np.ndarray | None, incremental: bool
    ) -> np.ndarray | None:
        class_weight = getattr(self, "class_weight", None)
        if class_weight is None:
            return weight
        if incremental and isinstance(class_weight, str):
            raise ValueError(
                "class_weight 'balanced' is not supported for partial_fit. In order to use "
                "'balanced' weights, use compute_class_weight('balanced', classes=classes, y=y) "
                "on all of y and pass them as class_weight, a dict."
            )
        return with_class_weight(class_weight, weight, target, self.classes_)

    def _make_loss(self) -> nn.Module:
        # Smoothing helps accuracy and harms the log loss, where that is what chooses an epoch.
        scoring = getattr(self, "scoring", None)
        smoothing = 0.0 if scoring == "log_loss" else self.label_smoothing
        if self._target_type == "multiclass":
            return losses.CrossEntropy(smoothing)
        return losses.BinaryCrossEntropy(smoothing)

    def _learn_target_scale(self, target: Any, weight: np.ndarray | None) -> None:
        """Do nothing: labels have no scale."""

    def _reported_share(self) -> float:
        return 1.0

    def _target_too_large(self, target: Any) -> str | None:
        return None

    def _proba(self, raw: Tensor) -> np.ndarray:
        """Probabilities of each class from raw scores."""
        if self._target_type == "multiclass":
            temperature = getattr(self, "temperature", None)
            raw = raw if temperature is None else raw / temperature
            return torch.softmax(raw, 1).cpu().numpy()
        positive = torch.sigmoid(raw)
        if self._target_type == "binary":
            if len(self.classes_) == 1:
                return np.ones((len(raw), 1), dtype=to_host(raw[:0]).dtype)
            positive = torch.cat([1 - positive, positive], 1)
        return positive.cpu().numpy()

    def _numbers(self, raw: Tensor) -> np.ndarray:
        """Class numbers, or rows of 0 and 1, from raw scores."""
        if self._target_type == "multiclass":
            return raw.argmax(1).cpu().numpy()
        numbers = (raw > 0).cpu().numpy()
        if self._target_type == "binary":
            return numbers[:, 0] & (len(self.classes_) > 1)
        return numbers

    def _decode(self, raw: Tensor) -> np.ndarray:
        """Labels from raw scores."""
        numbers = self._numbers(raw)
        if self._target_type.startswith("multilabel"):
            return numbers.astype(int)
        return self.classes_[numbers.astype(int)]

    def _score_of(self, raw: Tensor, chosen: Tensor) -> Tensor:
        """The raw score of each row's chosen class."""
        if self._target_type == "binary":
            return raw[:, 0] * (2 * chosen.to(raw.dtype) - 1)
        return raw.gather(1, chosen[:, None])

    def _predicted_outputs(self, raw: Tensor) -> Tensor:
        """The number of each row's predicted class."""
        return (raw[:, 0] > 0).long() if self._target_type == "binary" else raw.argmax(1)

    def _output_units(self, chosen: np.ndarray) -> float:
        """Raw scores are explained as they are."""
        return 1.0

    def _output_numbers(self, y: Any) -> np.ndarray:
        y = read_target(np.asarray(y), numeric=False)
        self._refuse_new_classes(np.unique(y), "y")
        return np.searchsorted(self.classes_, y)

    def _score_raw(self, raw: Tensor, target: np.ndarray, weight: np.ndarray | None) -> float:
        if self._target_type == "binary":
            target = target[:, 0]
        right = target == self._numbers(raw)
        if right.ndim == 2:
            right = right.all(1)
        return float(np.average(right, weights=weight))  # accuracy_score takes longer than an epoch

    @piece_by_piece
    def predict(self, X: Any) -> np.ndarray:
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

    @piece_by_piece
    def predict_proba(self, X: Any) -> np.ndarray:
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

    def predict_log_proba(self, X: Any) -> np.ndarray:
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

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
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
        y, sample_weight = in_memory(X, y, sample_weight)
        return super().score(X, *scored_against(y, sample_weight, numeric=False))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
