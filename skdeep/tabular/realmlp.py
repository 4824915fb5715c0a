"""RealMLP: perceptrons for mixed tables with tuned defaults."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike

from skdeep import engine
from skdeep._checks import layer_sizes
from skdeep.base.classifier import DeepClassifier
from skdeep.base.regressor import DeepRegressor
from skdeep.nets.realmlp import RealMLPNet, initialize
from skdeep.parameters import tabular as tables
from skdeep.parameters.entry import public
from skdeep.tabular.answers import predict_interval
from skdeep.tabular.base import DeepTable, Design

_BATCHES = ((1024, 64), (2048, 128))
_INITIAL_ROWS = 10_000  # that the data-driven initial weights look at


class RealMLPDesign(Design):
    """Network, initial weights and schedule of RealMLP."""

    rounds_by_batch = True
    patience_growth = 2.0  # of the learning rate's waves each is twice as long as the one before

    def batch_size(self, n_samples: int) -> int:
        return next((size for limit, size in _BATCHES if n_samples <= limit), 256)

    def module(self, encoder: Any, n_outputs: int) -> RealMLPNet:
        own = self.estimator
        return RealMLPNet(
            own.n_estimators,
            encoder.n_numeric_,
            encoder.n_plain_,
            encoder.cardinalities_,
            layer_sizes(own.hidden_layer_sizes, "hidden_layer_sizes"),
            n_outputs,
            own.activation,
            float(own.dropout),
            n_embedding=own.embedding_size,
            parametric=bool(own.parametric_activation),
            scaled=bool(own.scaling_layer),
        )

    def draw(self, module: Any, rng: np.random.RandomState, x: Any, weight: Any) -> None:
        own, seen = self.estimator, slice(0, _INITIAL_ROWS)
        if own.weight_init == "normal":
            initialize(module, rng, own.frequency_scale)
        else:
            weight = None if weight is None else weight[seen]
            initialize(module, rng, own.frequency_scale, x[seen], weight)

    def schedule(self, task: Any, n_steps: int) -> engine.Course:
        own, flat_cos = self.estimator, engine.CURVES["flat_cos"]
        optimizer, dropout = task.net.flat_optimizers_[0], task.net.module_.dropout
        decay, p = optimizer.weight_decay, float(own.dropout)

        def regularise(t: float) -> None:
            optimizer.weight_decay = decay * flat_cos(t)
            dropout.p = p * flat_cos(t)

        return engine.Course(
            optimizer,
            float(own.learning_rate_init),
            n_steps,
            engine.CURVES[own.learning_rate],
            others=[regularise],
            max_time=task.plan.max_time if task.team is None else None,  # their clocks differ
        )


@public(tables.REALMLP, tables.TABLE_CLASSIFIER_ATTRIBUTES)
class RealMLPClassifier(DeepClassifier, DeepTable):
    """RealMLP classifier for mixed tables (Holzmueller, Grinsztajn and Steinwart, NeurIPS 2024).

    A perceptron with scaled and periodically embedded numbers, learned activations, a learning
    rate schedule in waves, and defaults that its authors tuned on more than a hundred tables.
    Mixed DataFrames are supported directly: `TabularEncoder` is part of it. `n_estimators`
    networks are trained in parallel, each with other held-out rows, by which its best epoch is
    selected; their probabilities are averaged.

    Differences from the paper's RealMLP-TD: four members of 128 epochs instead of one of 256
    (twice the time, fewer errors); the best epoch by accuracy and Brier score instead of
    accuracy; early stopping when the best epoch is long past; smaller batches below 2,000 rows;
    batches of equal size instead of a dropped last batch; two-valued numbers are not embedded.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    RealMLPRegressor : The same for regression.
    TabMClassifier : A larger ensemble with shared weights.

    Examples
    --------
    >>> import pandas as pd
    >>> from skdeep import RealMLPClassifier
    >>> X = pd.DataFrame({"size": [1.0, 2.0, None, 8.0, 9.0, 7.5], "sort": list("aabbcc")})
    >>> clf = RealMLPClassifier(max_iter=30, early_stopping=False, random_state=0, device="cpu")
    >>> clf.fit(X, ["no", "no", "no", "yes", "yes", "yes"]).predict(X).tolist()
    ['no', 'no', 'no', 'yes', 'yes', 'yes']
    """

    temperature_: float

    _design = property(RealMLPDesign)

    def __init__(
        self,
        hidden_layer_sizes: ArrayLike = (256, 256, 256),
        activation: str = "selu",
        *,
        n_estimators: int = 4,
        categorical_features: Any = "from_dtype",
        max_one_hot: int = 8,
        embedding_size: int = 4,
        frequency_scale: float = 0.1,
        dropout: float = 0.15,
        alpha: float = 0.02,
        label_smoothing: float = 0.1,
        scoring: str = "accuracy",
        class_weight: dict[Any, Any] | Sequence[Any] | str | None = None,
        calibrate: bool = False,
        refit: bool = False,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: str = "coslog4",
        learning_rate_init: float = 0.04,
        max_iter: int = 128,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 0.0,
        verbose: bool | int = False,
        early_stopping: bool = True,
        validation_fraction: float = 0.2,
        n_iter_no_change: float = 40,
        beta_1: float = 0.9,
        beta_2: float = 0.95,
        epsilon: float = 1e-8,
        gradient_clip_norm: float | None = None,
        scaling_layer: bool = True,
        parametric_activation: bool = True,
        weight_init: str = "data",
        device: str | torch.device = "auto",
        dtype: str | None = "float32",
        amp: bool | Literal["auto"] = "auto",
        max_time: float | None = None,
        skorch_callbacks: Any = None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.n_estimators = n_estimators
        self.categorical_features = categorical_features
        self.max_one_hot = max_one_hot
        self.embedding_size = embedding_size
        self.frequency_scale = frequency_scale
        self.dropout = dropout
        self.alpha = alpha
        self.label_smoothing = label_smoothing
        self.scoring = scoring
        self.class_weight = class_weight
        self.calibrate = calibrate
        self.refit = refit
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
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.gradient_clip_norm = gradient_clip_norm
        self.scaling_layer = scaling_layer
        self.parametric_activation = parametric_activation
        self.weight_init = weight_init
        self.device = device
        self.dtype = dtype
        self.amp = amp
        self.max_time = max_time
        self.skorch_callbacks = skorch_callbacks


@public(tables.REALMLP, tables.TABLE_ATTRIBUTES)
class RealMLPRegressor(DeepRegressor, DeepTable):
    """RealMLP regressor for mixed tables (Holzmueller, Grinsztajn and Steinwart, NeurIPS 2024).

    See `RealMLPClassifier` for the model and its differences from the paper. Targets, one or
    several, are standardised internally; predictions stay in the range of the targets of `fit`.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    RealMLPClassifier : The same for classification.
    TabMRegressor : A larger ensemble with shared weights.

    Examples
    --------
    >>> from sklearn.datasets import make_friedman1
    >>> from skdeep import RealMLPRegressor
    >>> X, y = make_friedman1(300, random_state=0)
    >>> reg = RealMLPRegressor(max_iter=60, random_state=0, device="cpu").fit(X[:200], y[:200])
    >>> reg.score(X[200:], y[200:]) > 0.8
    True
    >>> reg.predict_interval(X[200:], coverage=0.8).shape
    (100, 2)
    """

    _design = property(RealMLPDesign)
    _target_scaling = "bounded"

    def __init__(
        self,
        hidden_layer_sizes: ArrayLike = (256, 256, 256),
        activation: str = "mish",
        *,
        loss: str = "squared_error",
        quantile: float = 0.5,
        n_estimators: int = 4,
        categorical_features: Any = "from_dtype",
        max_one_hot: int = 8,
        embedding_size: int = 4,
        frequency_scale: float = 0.1,
        dropout: float = 0.15,
        alpha: float = 0.02,
        refit: bool = False,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: str = "coslog4",
        learning_rate_init: float = 0.2,
        max_iter: int = 128,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 0.0,
        verbose: bool | int = False,
        early_stopping: bool = True,
        validation_fraction: float = 0.2,
        n_iter_no_change: float = 40,
        beta_1: float = 0.9,
        beta_2: float = 0.95,
        epsilon: float = 1e-8,
        gradient_clip_norm: float | None = None,
        scaling_layer: bool = True,
        parametric_activation: bool = True,
        weight_init: str = "data",
        device: str | torch.device = "auto",
        dtype: str | None = "float32",
        amp: bool | Literal["auto"] = "auto",
        max_time: float | None = None,
        skorch_callbacks: Any = None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.loss = loss
        self.quantile = quantile
        self.n_estimators = n_estimators
        self.categorical_features = categorical_features
        self.max_one_hot = max_one_hot
        self.embedding_size = embedding_size
        self.frequency_scale = frequency_scale
        self.dropout = dropout
        self.alpha = alpha
        self.refit = refit
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
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.gradient_clip_norm = gradient_clip_norm
        self.scaling_layer = scaling_layer
        self.parametric_activation = parametric_activation
        self.weight_init = weight_init
        self.device = device
        self.dtype = dtype
        self.amp = amp
        self.max_time = max_time
        self.skorch_callbacks = skorch_callbacks

    predict_interval = predict_interval
