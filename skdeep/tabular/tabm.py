"""TabM: an ensemble of perceptrons with shared weights for mixed tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from skdeep import engine
from skdeep._checks import layer_sizes
from skdeep.base.classifier import DeepClassifier
from skdeep.base.learning import Given
from skdeep.base.regressor import DeepRegressor
from skdeep.nets.tabm import TabMNet, initialize
from skdeep.parameters import tabular as tables
from skdeep.parameters.entry import public
from skdeep.preprocessing.columns import weighted_quantiles
from skdeep.tabular.answers import predict_interval
from skdeep.tabular.base import DeepTable, Design, member_scores

_BATCHES = ((2_800, 32), (4_500, 64), (6_400, 128), (32_000, 256), (108_000, 512))


class TabMDesign(Design):
    """Network, initial weights and schedule of TabM."""

    numeric = "quantile"
    mixes_on_cpu = True  # its time goes into large products; the paper's nets do so, too

    @property
    def n_networks(self) -> int:
        return math.gcd(self.estimator.n_estimators, self.estimator.n_networks)

    def batch_size(self, n_samples: int) -> int:
        return next((size for limit, size in _BATCHES if n_samples < limit), 1024)

    def module(self, encoder: Any, n_outputs: int) -> TabMNet:
        own, n_networks = self.estimator, self.n_networks
        return TabMNet(
            n_networks,
            own.n_estimators // n_networks,
            encoder.n_numeric_,
            encoder.n_plain_,
            encoder.cardinalities_,
            layer_sizes(own.hidden_layer_sizes, "hidden_layer_sizes"),
            n_outputs,
            float(own.dropout),
            n_bins=own.n_bins,
            n_embedding=own.embedding_size,
            is_mini=own.variant == "mini",
        )

    def draw(self, module: Any, rng: np.random.RandomState, x: Any, weight: Any) -> None:
        edges = []
        if module.numbers is not None:
            X = x[:, : module.n_numeric].double().cpu().numpy()
            w = None if weight is None else weight.double().cpu().numpy()
            shares = np.linspace(0, 1, self.estimator.n_bins + 1)
            edges = [_distinct(q) for q in weighted_quantiles(X, shares, w).T]
        initialize(module, rng, edges)

    def average(self, task: Any, n_batches: int) -> engine.MovingAverage | None:
        averaging = self.estimator.averaging
        if not averaging:
            return None
        horizon = max(averaging * n_batches, 1.0)
        return engine.MovingAverage(task.net.flat_optimizers_[0].flat, 1 - 1 / horizon)

    def judged(self, raw: torch.Tensor) -> torch.Tensor:
        """Combined scores: the members of a network choose its best epoch together."""
        grouped = raw.unflatten(0, (self.n_networks, -1)).transpose(1, 2)
        pooled = self.estimator._answers.mean(grouped.flatten(0, 1))
        return pooled.unflatten(0, grouped.shape[:2])


def prune(self: Any, X: Any, y: Any, n_members: int) -> Any:
    """Keep the members that predict best together.

    Members are added one by one, each time the one whose addition lowers the loss of the
    average most. A few chosen of many are better than as many trained from the start
    (Gorishniy et al., 2025).

    Parameters
    ----------
    X : DataFrame or array-like of shape (n_samples, n_features)
        Rows to judge by, which training has not seen.

    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their targets.

    n_members : int
        How many to keep, from 1 to `n_estimators`.

    Returns
    -------
    self : estimator
        With the numbers of the kept members in `members_`; ``n_members=n_estimators`` brings
        all back.

    Raises
    ------
    ValueError
        If `n_members` is out of range.
    """
    check_is_fitted(self)
    n_all = self.net_.module_.n_members
    if not isinstance(n_members, Integral) or not 1 <= n_members <= n_all:
        raise ValueError(f"n_members must be from 1 to {n_all}, got {n_members!r}.")
    net = self.net_
    place = net.dtype, torch.device(net.device)
    rows = self._read_validation(Given(X=None, X_val=X, y_val=y))
    x = self._input.place(self.encoder_.encode(rows.x.table), *place)
    target = self._target_tensor(rows.target, *place)
    with torch.inference_mode():
        raw = member_scores(net.module_, x)
    loss = type(net.criterion_)()
    kept: list[int] = []
    while len(kept) < min(n_members, n_all - 1):
        rest = [k for k in range(n_all) if k not in kept]
        risks = [float(loss(self._pool(raw[:, [*kept, k]]), target).mean()) for k in rest]
        kept.append(rest[int(np.argmin(risks))])
    self.members_ = sorted(kept) if n_members < n_all else None
    return self


def _distinct(edges: np.ndarray) -> np.ndarray:
    """Remove edges that differ only by rounding."""
    kept = [edges[0]]
    for edge in edges[1:]:
        if edge - kept[-1] > 1e-6:
            kept.append(edge)
    return np.array(kept)


@public(tables.TABM, tables.TABLE_CLASSIFIER_ATTRIBUTES)
class TabMClassifier(DeepClassifier, DeepTable):
    """TabM classifier for mixed tables (Gorishniy, Kotelnikov and Babenko, ICLR 2025).

    An ensemble of perceptrons that share most weights in groups, on normal scores and piecewise
    linear embeddings of numbers. Each member sees the rows in its own order; the mean of their
    losses is minimised, and their probabilities are averaged. Mixed DataFrames are supported
    directly.

    Differences from the paper's defaults: 16 members instead of 32 (as few errors in less time),
    distributed over `n_networks` networks, each with other held-out rows, by which its best epoch
    is selected (as fast as one network, fewer errors); a moving average of the weights is scored
    and kept, so that training stops after 10 instead of 16 epochs without improvement; the best
    epoch is selected by accuracy and Brier score instead of accuracy; layers of 256 units instead
    of 512; no noise is added before numbers are transformed to normal scores (equal numbers get
    equal scores).

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    TabMRegressor : The same for regression.
    RealMLPClassifier : A smaller ensemble with tuned defaults.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skdeep import TabMClassifier
    >>> X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    >>> clf = TabMClassifier(n_iter_no_change=2, random_state=0, device="cpu")
    >>> clf.fit(X[:400], y[:400]).score(X[400:], y[400:]) > 0.95
    True
    """

    temperature_: float
    members_: list[int] | None

    _design = property(TabMDesign)

    def __init__(
        self,
        hidden_layer_sizes: ArrayLike = (256, 256),
        *,
        n_estimators: int = 16,
        n_networks: int = 8,
        variant: str = "mini",
        categorical_features: Any = "from_dtype",
        max_one_hot: int = 64,
        n_bins: int = 48,
        embedding_size: int = 16,
        dropout: float = 0.1,
        alpha: float = 3e-4,
        label_smoothing: float = 0.0,
        scoring: str = "accuracy",
        class_weight: dict[Any, Any] | Sequence[Any] | str | None = None,
        calibrate: bool = False,
        refit: bool = False,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate_init: float = 2e-3,
        averaging: float = 1.0,
        max_iter: int = 100,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 0.0,
        verbose: bool | int = False,
        early_stopping: bool = True,
        validation_fraction: float = 0.2,
        n_iter_no_change: float = 10,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        gradient_clip_norm: float | None = 1.0,
        device: str | torch.device = "auto",
        dtype: str | None = "float32",
        amp: bool | Literal["auto"] = "auto",
        max_time: float | None = None,
        skorch_callbacks: Any = None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.n_estimators = n_estimators
        self.n_networks = n_networks
        self.variant = variant
        self.categorical_features = categorical_features
        self.max_one_hot = max_one_hot
        self.n_bins = n_bins
        self.embedding_size = embedding_size
        self.dropout = dropout
        self.alpha = alpha
        self.label_smoothing = label_smoothing
        self.scoring = scoring
        self.class_weight = class_weight
        self.calibrate = calibrate
        self.refit = refit
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.averaging = averaging
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
        self.device = device
        self.dtype = dtype
        self.amp = amp
        self.max_time = max_time
        self.skorch_callbacks = skorch_callbacks

    prune = prune


@public(tables.TABM, tables.TABLE_ATTRIBUTES)
class TabMRegressor(DeepRegressor, DeepTable):
    """TabM regressor for mixed tables (Gorishniy, Kotelnikov and Babenko, ICLR 2025).

    See `TabMClassifier` for the model and its differences from the paper. Targets, one or
    several, are standardised internally; predictions stay in the range of the targets of `fit`.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    TabMClassifier : The same for classification.
    RealMLPRegressor : A smaller ensemble with tuned defaults.

    Examples
    --------
    >>> from sklearn.datasets import make_friedman1
    >>> from skdeep import TabMRegressor
    >>> X, y = make_friedman1(300, random_state=0)
    >>> reg = TabMRegressor(n_iter_no_change=3, random_state=0, device="cpu")
    >>> reg.fit(X[:200], y[:200]).score(X[200:], y[200:]) > 0.8
    True
    """

    members_: list[int] | None

    _design = property(TabMDesign)
    _target_scaling = "bounded"

    def __init__(
        self,
        hidden_layer_sizes: ArrayLike = (256, 256),
        *,
        loss: str = "squared_error",
        quantile: float = 0.5,
        n_estimators: int = 16,
        n_networks: int = 8,
        variant: str = "mini",
        categorical_features: Any = "from_dtype",
        max_one_hot: int = 64,
        n_bins: int = 48,
        embedding_size: int = 16,
        dropout: float = 0.1,
        alpha: float = 3e-4,
        refit: bool = False,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate_init: float = 2e-3,
        averaging: float = 1.0,
        max_iter: int = 100,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 0.0,
        verbose: bool | int = False,
        early_stopping: bool = True,
        validation_fraction: float = 0.2,
        n_iter_no_change: float = 10,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        gradient_clip_norm: float | None = 1.0,
        device: str | torch.device = "auto",
        dtype: str | None = "float32",
        amp: bool | Literal["auto"] = "auto",
        max_time: float | None = None,
        skorch_callbacks: Any = None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.loss = loss
        self.quantile = quantile
        self.n_estimators = n_estimators
        self.n_networks = n_networks
        self.variant = variant
        self.categorical_features = categorical_features
        self.max_one_hot = max_one_hot
        self.n_bins = n_bins
        self.embedding_size = embedding_size
        self.dropout = dropout
        self.alpha = alpha
        self.refit = refit
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.averaging = averaging
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
        self.device = device
        self.dtype = dtype
        self.amp = amp
        self.max_time = max_time
        self.skorch_callbacks = skorch_callbacks

    prune = prune
    predict_interval = predict_interval
