"""Siamese networks as classifiers: classes by distance in an embedding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy.special import softmax
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d

from skdeep._checks import all_or_nothing
from skdeep._compat import _fit_context
from skdeep.base.learning import Given, Mode, Task
from skdeep.inputs.rows import Rows, read_target, to_host
from skdeep.inputs.weights import scored_against
from skdeep.parameters import siamese as tables
from skdeep.parameters.entry import public
from skdeep.siamese.base import BaseSiamese
from skdeep.siamese.classes import (
    KnownClasses,
    distance_exceeded,
    fit_temperature,
    label_of_unknown,
)
from skdeep.siamese.rows import read_classes


@public(tables.SIAMESE_CLASSIFIER, tables.SIAMESE_CLASSIFIER_ATTRIBUTES)
class SiameseClassifier(ClassifierMixin, BaseSiamese):
    """Classifier by distance in an embedding that a siamese network learns.

    A row is assigned to the class with the nearest prototype, or with the nearest rows. New
    classes need no training: `partial_fit` embeds their rows, of which one may be sufficient.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    SiameseTransformer : The embedding itself, also from pairs and triplets.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeep import SiameseClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> known, new = y < 8, y >= 8
    >>> clf = SiameseClassifier(max_iter=20, random_state=0, device="cpu")
    >>> clf = clf.fit(X[known] / 16, y[known])
    >>> clf = clf.partial_fit(X[new][:20] / 16, y[new][:20])
    >>> clf.classes_.tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    >>> clf.score(X / 16, y) > 0.85
    True
    """

    class_count_: np.ndarray
    prototypes_: np.ndarray
    temperature_: float
    rejection_threshold_: float
    _rows: np.ndarray | None
    _row_numbers: np.ndarray | None

    def __init__(
        self,
        n_components: int = 128,
        *,
        n_neighbors: int | None = None,
        rejection_rate: float | None = None,
        encoder: Any = "auto",
        image_shape: Sequence[int] | None = None,
        data_format: str = "channels_last",
        augment: str | None = "auto",
        n_views: int | Literal["auto"] = "auto",
        hidden_layer_sizes: ArrayLike = (256,),
        activation: str = "relu",
        dropout: float = 0.0,
        loss: str = "auto",
        mining: str = "semi_hard",
        margin: float | Literal["auto"] = "auto",
        temperature: float = 0.1,
        normalize: bool = True,
        n_rows_per_class: int = 4,
        solver: str = "adamw",
        alpha: float = 0.05,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: str = "cosine",
        learning_rate_init: float | Literal["auto"] = "auto",
        max_iter: int = 150,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: float = 20,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        gradient_clip_norm: float | None = None,
        amp: bool | Literal["auto"] = "auto",
        device: str | torch.device = "auto",
        dtype: str | None = None,
        max_time: float | None = None,
        skorch_callbacks: Any = None,
    ):
        self.n_components = n_components
        self.n_neighbors = n_neighbors
        self.rejection_rate = rejection_rate
        self.encoder = encoder
        self.image_shape = image_shape
        self.data_format = data_format
        self.augment = augment
        self.n_views = n_views
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.dropout = dropout
        self.loss = loss
        self.mining = mining
        self.margin = margin
        self.temperature = temperature
        self.normalize = normalize
        self.n_rows_per_class = n_rows_per_class
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.gradient_clip_norm = gradient_clip_norm
        self.amp = amp
        self.device = device
        self.dtype = dtype
        self.max_time = max_time
        self.skorch_callbacks = skorch_callbacks

    @_fit_context(prefer_skip_nested_validation=True)
    @all_or_nothing
    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Self:
        """Add rows, of known or of new classes, without training the network.

        The embedding and `temperature_` stay as `fit` left them. Where `rejection_rate` is set
        and rows lie farther from the other rows of their class than those of `fit` did,
        `rejection_threshold_` grows, so that no more than this share of them would be rejected.
        An estimator that is not fitted is fitted.

        Parameters
        ----------
        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features)
            The rows.

        y : array-like of shape (n_samples,)
            Their classes, of the kind (numbers or strings) of those in `fit`.

        classes : array-like of shape (n_classes,), default=None
            Not needed, since classes may come with any call; where given, y may hold no others.

        Returns
        -------
        self : SiameseClassifier
        """
        y = column_or_1d(read_target(y, numeric=False), warn=True)
        if classes is not None:
            known = read_target(np.asarray(to_host(classes)), numeric=False, name="classes")
            unknown = [label for label in np.unique(y).tolist() if label not in known]
            if unknown:
                raise ValueError(
                    f"y contains labels {unknown} that are not in `classes`: {classes!r}."
                )
        if not self.__sklearn_is_fitted__():
            return self.fit(X, y)
        X, y = self._input.check_with_target(self, X, y, reset=False)
        y = column_or_1d(y, warn=True)
        if _kind_of(y) != _kind_of(self.classes_):
            raise ValueError(
                f"y holds {y.dtype.type.__name__} labels, but those of `fit` are "
                f"{self.classes_.dtype.type.__name__}: expected the same kind."
            )
        self._check_labels(y)
        Z = self._embed_checked(self.net_.module_, X, self._axes)
        known = self._known_classes().add(Z, y, keep_rows=self.n_neighbors is not None)
        self.__dict__.update(_attributes(known))
        own = np.searchsorted(known.labels, y)
        several = known.counts[own] > 1
        if self.rejection_rate is not None and several.any():
            distances = known.distances(Z, self.n_neighbors, own)[several]
            needed = distance_exceeded(distances, self.rejection_rate)
            self.rejection_threshold_ = max(self.rejection_threshold_, needed)
        return self

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Share of rows whose class is predicted.

        Parameters
        ----------
        X : {array-like, Tensor} of shape (n_samples, n_features)
            The rows.

        y : array-like of shape (n_samples,)
            Their classes.

        sample_weight : array-like of shape (n_samples,), default=None
            Their weights.

        Returns
        -------
        accuracy : float
        """
        return super().score(X, *scored_against(y, sample_weight, numeric=False))

    def class_distance(self, X: Any) -> np.ndarray:
        """Distance of each row to each class, in the embedding.

        Parameters
        ----------
        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        distances : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        Z = self._embed(X)
        return self._known_classes().distances(Z, self.n_neighbors)

    def decision_function(self, X: Any) -> np.ndarray:
        """Negative distance of each row to each class.

        Parameters
        ----------
        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        scores : ndarray of shape (n_samples, n_classes) or (n_samples,)
            In the order of `classes_`. Where there are two, the distance to the first minus that
            to the second, as scikit-learn's classifiers have one score then.
        """
        distances = self.class_distance(X)
        return distances[:, 0] - distances[:, 1] if distances.shape[1] == 2 else -distances

    def predict(self, X: Any) -> np.ndarray:
        """Predict the class of each row, or that its class is unknown.

        Parameters
        ----------
        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features)
            The rows to classify.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            The nearest classes; rows beyond `rejection_threshold_` get -1, or 'unknown' where
            labels are strings.
        """
        distances = self.class_distance(X)
        labels = self.classes_[distances.argmin(1)]
        unknown = distances.min(1) > self.rejection_threshold_
        if unknown.any():
            labels = np.where(unknown, label_of_unknown(self.classes_), labels)
        return labels

    def is_known(self, X: Any) -> np.ndarray:
        """Determine whether each row is within `rejection_threshold_` of a class.

        Parameters
        ----------
        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        known : ndarray of bool of shape (n_samples,)
        """
        return self.class_distance(X).min(1) <= self.rejection_threshold_

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict the probability of each class.

        It is the softmax of minus the distances over `temperature_`, which was chosen on
        rows that the network had not seen (Guo et al., 2017, "On calibration of modern neural
        networks"). That a row belongs to no known class has no share in it.

        Parameters
        ----------
        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features)
            The rows to classify.

        Returns
        -------
        y_prob : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        return softmax(-self.class_distance(X) / self.temperature_, axis=1)

    # --- fitting ---------------------------------------------------------------------------

    def _read(
        self, given: Given, mode: Mode, rng: np.random.RandomState
    ) -> tuple[Rows, Rows | None]:
        found = read_classes(self, given, mode, rng, holds_out=True)
        self._check_labels(self.classes_)
        return found

    def _keep(self, task: Task, runs: list) -> dict[str, Any]:
        plan, module, labels = task.plan, task.net.module_, self.classes_
        keep_rows, axes = self.n_neighbors is not None, self._found_axes(task)
        Z, target = self._embed_checked(module, plan.train.x, axes), plan.train.target
        known = KnownClasses.none(labels, Z.shape[1]).add(Z, labels[target], keep_rows=keep_rows)
        if plan.held_out is None:
            several = known.counts[target] > 1
            distances = known.distances(Z, self.n_neighbors, own=target)[several]
            target = target[several]
        else:
            Z, target = self._embed_checked(module, plan.held_out.x, axes), plan.held_out.target
            distances = known.distances(Z, self.n_neighbors)
            if plan.rows.parts is not None:  # they are rows of `fit` that were held out
                known = known.add(Z, labels[target], keep_rows=keep_rows)
        learned = {
            "temperature_": fit_temperature(distances, target),
            "rejection_threshold_": distance_exceeded(distances, self.rejection_rate),
        }
        return super()._keep(task, runs) | {"_axes": axes} | _attributes(known) | learned

    def _known_classes(self) -> KnownClasses:
        if self.n_neighbors is not None and self._rows is None:
            raise ValueError(
                f"n_neighbors={self.n_neighbors}: this {type(self).__name__} was fitted with "
                "n_neighbors=None and has kept no rows; fit it again."
            )
        means = self.prototypes_
        return KnownClasses(self.classes_, self.class_count_, means, self._rows, self._row_numbers)

    def _check_labels(self, labels: np.ndarray) -> None:
        unknown = label_of_unknown(self.classes_)
        if self.rejection_rate is not None and unknown in labels:
            raise ValueError(
                f"y holds the label {unknown!r}, which with rejection_rate={self.rejection_rate} "
                "stands for rows of no known class."
            )


def _attributes(known: KnownClasses) -> dict[str, Any]:
    """Known classes as fitted attributes."""
    return {
        "classes_": known.labels,
        "class_count_": known.counts,
        "prototypes_": known.means,
        "_rows": known.rows,
        "_row_numbers": known.numbers,
    }


def _kind_of(labels: np.ndarray) -> str:
    """Type of labels: labels of one type can be sorted."""
    return {**dict.fromkeys("OUS", "text"), **dict.fromkeys("biuf", "number")}.get(
        labels.dtype.kind, labels.dtype.kind
    )
