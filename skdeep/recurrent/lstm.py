"""Recurrent networks for series, sequences of numbers and texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike

from skdeep.base.classifier import DeepClassifier
from skdeep.base.regressor import DeepRegressor
from skdeep.parameters import sequences as tables
from skdeep.parameters.entry import public
from skdeep.recurrent.base import DeepSequence


@public(tables.LSTM, tables.LSTM_CLASSIFIER_ATTRIBUTES)
class LSTMClassifier(DeepClassifier, DeepSequence):
    """Classifier of sequences: series of numbers, also of unequal length, or token ids.

    A recurrent network (LSTM, GRU or plain) reads each sequence, in both directions; its outputs
    at all steps are pooled into one vector, from which a linear layer predicts the classes. For
    series, a convolutional branch runs in parallel.

    X is an array (n_samples, length, n_channels), (n_samples, length) for one channel, a list of
    arrays of unequal length, or, with `vocabulary_size`, token ids, as returned by
    `SequenceVectorizer`. Channels are standardised internally.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    LSTMRegressor : The same for numbers instead of classes, and forecasts.
    SequenceVectorizer : Texts to token ids.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from skdeep import LSTMClassifier, SequenceVectorizer
    >>> texts = ["what a fine film", "a dull film", "so dull", "fine, very fine"] * 5
    >>> clf = make_pipeline(
    ...     SequenceVectorizer(max_length=6),
    ...     LSTMClassifier(vocabulary_size="auto", max_iter=20, random_state=0, device="cpu"),
    ... )
    >>> clf.fit(texts, [1, 0, 0, 1] * 5).predict(["a very fine story", "a dull story"])
    array([1, 0])
    >>> import numpy as np  # and series of unequal length, rising or falling
    >>> X = [np.linspace(0, sign, n) for n in (5, 8, 6, 9) for sign in (1, -1)]
    >>> clf = LSTMClassifier(max_iter=20, random_state=0, device="cpu")
    >>> clf.fit(X, ["up", "down"] * 4).predict([np.linspace(2, 3, 7)])
    array(['up'], dtype='<U4')
    """

    def __init__(
        self,
        hidden_layer_sizes: ArrayLike = (32,),
        *,
        cell: str = "lstm",
        vocabulary_size: int | Literal["auto"] | None = None,
        embedding_size: int = 64,
        bidirectional: bool = True,
        pooling: str = "max",
        convolutional: str | Sequence[int] | None = "auto",
        kernels: Any = "auto",
        dropout: float | Literal["auto"] = "auto",
        recurrent_dropout: float = 0.0,
        data_format: str = "channels_last",
        own_scale: bool | Literal["auto"] = "auto",
        missing: str = "error",
        class_weight: dict[Any, Any] | Sequence[Any] | str | None = None,
        label_smoothing: float = 0.0,
        solver: str = "adam",
        alpha: float = 0.0,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: str = "one_cycle",
        learning_rate_init: float = 0.005,
        max_iter: int | Literal["auto"] = "auto",
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 0.0,
        verbose: bool | int = False,
        warm_start: bool = False,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: float = 10,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        gradient_clip_norm: float | None = None,
        device: str | torch.device = "auto",
        dtype: str | None = None,
        max_time: float | None = None,
        skorch_callbacks: Any = None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.cell = cell
        self.vocabulary_size = vocabulary_size
        self.embedding_size = embedding_size
        self.bidirectional = bidirectional
        self.pooling = pooling
        self.convolutional = convolutional
        self.kernels = kernels
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.data_format = data_format
        self.own_scale = own_scale
        self.missing = missing
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
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
        self.warm_start = warm_start
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.gradient_clip_norm = gradient_clip_norm
        self.device = device
        self.dtype = dtype
        self.max_time = max_time
        self.skorch_callbacks = skorch_callbacks


@public(tables.LSTM, tables.LSTM_ATTRIBUTES)
class LSTMRegressor(DeepRegressor, DeepSequence):
    """Regressor over sequences: series of numbers, also of unequal length, or token ids.

    The network is that of `LSTMClassifier`; see there for the format of X. With a target of several
    columns it predicts all of them at once: for a forecast over several steps, X are windows of
    the past and y the values that follow each. Channels of X and targets are standardised
    internally.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    LSTMClassifier : The same for classes.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep import LSTMRegressor
    >>> wave = np.sin(np.arange(300) / 4)
    >>> windows = np.lib.stride_tricks.sliding_window_view(wave, 22)
    >>> X, y = windows[:, :20], windows[:, 20:]  # 20 values of the past, two to come
    >>> reg = LSTMRegressor(max_iter=10, random_state=0, device="cpu").fit(X[:200], y[:200])
    >>> reg.predict(X[200:]).shape
    (79, 2)
    >>> reg.score(X[200:], y[200:]) > 0.95
    True
    """

    _target_scaling = "standardise"

    def __init__(
        self,
        hidden_layer_sizes: ArrayLike = (32,),
        *,
        loss: str = "squared_error",
        huber_delta: float = 1.0,
        quantile: float = 0.5,
        cell: str = "lstm",
        vocabulary_size: int | Literal["auto"] | None = None,
        embedding_size: int = 64,
        bidirectional: bool = True,
        pooling: str = "max",
        convolutional: str | Sequence[int] | None = "auto",
        kernels: Any = None,
        dropout: float | Literal["auto"] = "auto",
        recurrent_dropout: float = 0.0,
        data_format: str = "channels_last",
        own_scale: bool | Literal["auto"] = "auto",
        instance_norm: str | None = None,
        linear_skip: bool = False,
        missing: str = "error",
        solver: str = "adam",
        alpha: float = 0.0,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: str = "one_cycle",
        learning_rate_init: float = 0.005,
        max_iter: int | Literal["auto"] = "auto",
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 0.0,
        verbose: bool | int = False,
        warm_start: bool = False,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: float = 10,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        gradient_clip_norm: float | None = None,
        device: str | torch.device = "auto",
        dtype: str | None = None,
        max_time: float | None = None,
        skorch_callbacks: Any = None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.loss = loss
        self.huber_delta = huber_delta
        self.quantile = quantile
        self.cell = cell
        self.vocabulary_size = vocabulary_size
        self.embedding_size = embedding_size
        self.bidirectional = bidirectional
        self.pooling = pooling
        self.convolutional = convolutional
        self.kernels = kernels
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.data_format = data_format
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
        self.warm_start = warm_start
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.gradient_clip_norm = gradient_clip_norm
        self.device = device
        self.dtype = dtype
        self.max_time = max_time
        self.skorch_callbacks = skorch_callbacks
