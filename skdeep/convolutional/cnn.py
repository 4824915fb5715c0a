"""Convolutional networks for images, signals and series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike

from skdeep import losses
from skdeep.base.classifier import DeepClassifier
from skdeep.base.regressor import DeepRegressor
from skdeep.convolutional.base import BaseCNN
from skdeep.parameters import arrays as tables
from skdeep.parameters.entry import public


@public(tables.CNN, tables.ARRAY_CLASSIFIER_ATTRIBUTES | tables.KERNEL_ATTRIBUTES)
class CNNClassifier(DeepClassifier, BaseCNN):
    """Convolutional network classifier for images, signals and series.

    The number of dimensions of X decides: 2-D rows are signals of one channel, 3-D arrays
    (n_samples, length, n_channels) are series, 4-D arrays (n_samples, height, width, n_channels)
    are images, and a list of 2-D arrays, tensors or frames (length, n_channels), or of nested lists
    of unequal length, holds series of unequal length; see `data_format` and `image_shape` for other
    layouts. Channels are standardised internally, and byte images are converted on the device only.
    A `numpy.memmap` is read batch by batch.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    CNNRegressor : The same for regression.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeep import CNNClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = CNNClassifier(image_shape=(8, 8), max_iter=3, random_state=0, device="cpu")
    >>> clf.fit(X[:1000], y[:1000]).score(X[1000:], y[1000:]) > 0.9
    True
    >>> clf.transform(X[:2]).shape, clf.saliency(X[:2]).shape
    ((2, 128), (2, 8, 8, 1))
    """

    def __init__(
        self,
        architecture: Any = "auto",
        *,
        n_filters: ArrayLike | None = None,
        kernel_size: ArrayLike | None = None,
        activation: str = "relu",
        pooling: str = "max",
        pool_size: int = 2,
        hidden_layer_sizes: ArrayLike = (500,),
        dropout: float = 0.0,
        n_estimators: int = 1,
        kernels: Any = "auto",
        augment: Any = "auto",
        pretrained: Any = None,
        freeze: bool = False,
        data_format: str = "channels_last",
        image_shape: Sequence[int] | None = None,
        own_scale: bool | Literal["auto"] = "auto",
        missing: str = "error",
        solver: str = "adamw",
        alpha: float = 0.02,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: str = "one_cycle",
        learning_rate_init: float = 0.01,
        max_iter: int | Literal["auto"] = "auto",
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: float = np.inf,
        device: str | torch.device = "auto",
        dtype: str | None = None,
        amp: bool | Literal["auto"] = "auto",
        class_weight: dict[Any, Any] | Sequence[Any] | str | None = None,
        label_smoothing: float = 0.0,
        gradient_clip_norm: float | None = None,
        max_time: float | None = None,
        skorch_callbacks: Any = None,
    ):
        self.architecture = architecture
        self.n_filters = n_filters
        self.kernel_size = kernel_size
        self.activation = activation
        self.pooling = pooling
        self.pool_size = pool_size
        self.hidden_layer_sizes = hidden_layer_sizes
        self.dropout = dropout
        self.n_estimators = n_estimators
        self.kernels = kernels
        self.augment = augment
        self.pretrained = pretrained
        self.freeze = freeze
        self.data_format = data_format
        self.image_shape = image_shape
        self.own_scale = own_scale
        self.missing = missing
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.device = device
        self.dtype = dtype
        self.amp = amp
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
        self.gradient_clip_norm = gradient_clip_norm
        self.max_time = max_time
        self.skorch_callbacks = skorch_callbacks

    def _mean_scores(self, raw):
        return losses.mean_scores(raw, self._target_type)


@public(tables.CNN, tables.ARRAY_ATTRIBUTES | tables.KERNEL_ATTRIBUTES)
class CNNRegressor(DeepRegressor, BaseCNN):
    """Convolutional network regressor for images, signals and series.

    X is that of `CNNClassifier`. Targets are standardised internally, and predictions stay
    within the range of those seen in `fit`.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    CNNClassifier : The same for classification.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep import CNNRegressor
    >>> t = np.linspace(0, 1, 50)
    >>> frequency = np.linspace(2, 8, 100)
    >>> X = np.sin(2 * np.pi * frequency[:, None] * t)[:, :, None]
    >>> reg = CNNRegressor("resnet", max_iter=20, random_state=0, device="cpu").fit(X, frequency)
    >>> reg.score(X, frequency) > 0.9
    True
    """

    _target_scaling = "bounded"

    def __init__(
        self,
        architecture: Any = "auto",
        *,
        loss: str = "squared_error",
        quantile: float = 0.5,
        n_filters: ArrayLike | None = None,
        kernel_size: ArrayLike | None = None,
        activation: str = "relu",
        pooling: str = "max",
        pool_size: int = 2,
        hidden_layer_sizes: ArrayLike = (500,),
        dropout: float = 0.0,
        n_estimators: int = 1,
        kernels: Any = "auto",
        augment: Any = "auto",
        pretrained: Any = None,
        freeze: bool = False,
        data_format: str = "channels_last",
        image_shape: Sequence[int] | None = None,
        own_scale: bool | Literal["auto"] = "auto",
        instance_norm: str | None = None,
        linear_skip: bool = False,
        missing: str = "error",
        solver: str = "adamw",
        alpha: float = 0.02,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: str = "one_cycle",
        learning_rate_init: float = 0.01,
        max_iter: int | Literal["auto"] = "auto",
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: float = np.inf,
        device: str | torch.device = "auto",
        dtype: str | None = None,
        amp: bool | Literal["auto"] = "auto",
        gradient_clip_norm: float | None = None,
        max_time: float | None = None,
        skorch_callbacks: Any = None,
    ):
        self.architecture = architecture
        self.loss = loss
        self.quantile = quantile
        self.n_filters = n_filters
        self.kernel_size = kernel_size
        self.activation = activation
        self.pooling = pooling
        self.pool_size = pool_size
        self.hidden_layer_sizes = hidden_layer_sizes
        self.dropout = dropout
        self.n_estimators = n_estimators
        self.kernels = kernels
        self.augment = augment
        self.pretrained = pretrained
        self.freeze = freeze
        self.data_format = data_format
        self.image_shape = image_shape
        self.own_scale = own_scale
        self.instance_norm = instance_norm
        self.linear_skip = linear_skip
        self.missing = missing
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.device = device
        self.dtype = dtype
        self.amp = amp
        self.gradient_clip_norm = gradient_clip_norm
        self.max_time = max_time
        self.skorch_callbacks = skorch_callbacks

    def _mean_scores(self, raw):
        return raw.mean(1)
