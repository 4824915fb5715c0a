"""Multi-layer perceptrons: drop-in for `sklearn.neural_network`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils.metaestimators import available_if

from skdeep import engine
from skdeep._checks import all_or_nothing, layer_sizes
from skdeep._compat import _fit_context
from skdeep.base.classifier import DeepClassifier
from skdeep.base.estimator import DeepEstimator
from skdeep.base.explanation import explain, number_scores
from skdeep.base.learning import Given, Mode, Plan
from skdeep.base.regressor import DeepRegressor
from skdeep.engine.recipe import capped_batch_size
from skdeep.inputs.rows import VECTORS, Rows
from skdeep.nets.blocks import MLPNet, initialize
from skdeep.parameters import dense as tables
from skdeep.parameters.entry import public


def _is_stochastic(estimator: Any) -> bool:
    if estimator.solver == "lbfgs":
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. "
            f"{estimator.solver} is not stochastic."
        )
    return True


class _BaseMLP(DeepEstimator):
    """Shared methods of the classifier and the regressor."""

    _input = VECTORS
    _reads_from_disk = True
    _trains_in_packs = True  # a search may train several as one
    _table_scores = number_scores
    explain = explain

    def _hidden_layer_sizes(self, n_inputs: int = 1) -> list[int]:
        sizes = self.hidden_layer_sizes
        return layer_sizes(sizes, "hidden_layer_sizes", n_inputs=n_inputs, may_be_empty=True)

    def _check_parameters(self) -> None:
        self._hidden_layer_sizes()  # for its errors
        if self.solver == "lbfgs" and (self.dropout or self.input_noise):
            raise ValueError(
                "solver='lbfgs' needs a loss without noise: dropout and input_noise must be 0, "
                f"got dropout={self.dropout} and input_noise={self.input_noise}."
            )
        super()._check_parameters()

    def _module(self, rows: Rows, rng: np.random.RandomState) -> torch.nn.Module:
        n_inputs = rows.x.shape[1]
        net = MLPNet(
            [n_inputs, *self._hidden_layer_sizes(n_inputs), self.n_outputs_],
            self.activation,
            self.dropout,
            self.normalization,
            self.input_noise,
        ).double()
        factor = 2.0 if self.activation == "logistic" else 6.0
        initialize(net, self.weight_init, rng, factor=factor)
        return net

    def _recipe(self, plan: Plan) -> engine.Recipe:
        n_samples, least = plan.train.n_rows, 2 if self.normalization == "batch" else 1
        if n_samples < least:
            raise ValueError(
                f"normalization='batch' needs at least 2 rows to train on, got {n_samples}."
            )
        size = capped_batch_size(self.batch_size, n_samples)
        return engine.Recipe.of(self, batch_size=size, smallest_batch=least, recordable=True)

    @property
    def _optimizer(self) -> Any:
        """The optimizer, under scikit-learn's name."""
        return self.net_.flat_optimizers_[0]

    @property
    def n_layers_(self) -> int:
        """Number of layers, input and output included."""
        return len(self.net_.module_.linears) + 1

    @property
    def coefs_(self) -> list[np.ndarray]:
        """Weight matrix of each layer, of shape (n_units_in, n_units_out).

        On the CPU the arrays share the network's memory: writing into them changes predictions.
        """
        return [m.weight.detach().cpu().numpy().T for m in self.net_.module_.linears]

    @coefs_.setter
    def coefs_(self, values: Sequence[Any]) -> None:
        self._assign([m.weight.T for m in self.net_.module_.linears], values, "coefs_")

    @property
    def intercepts_(self) -> list[np.ndarray]:
        """Bias vector of each layer but the input, of shape (n_units,); see `coefs_`."""
        return [m.bias.detach().cpu().numpy() for m in self.net_.module_.linears]

    @intercepts_.setter
    def intercepts_(self, values: Sequence[Any]) -> None:
        self._assign([m.bias for m in self.net_.module_.linears], values, "intercepts_")

    @torch.no_grad()
    def _assign(self, tensors: list[torch.Tensor], values: Sequence[Any], name: str) -> None:
        shapes, wanted = [np.shape(v) for v in values], [tuple(t.shape) for t in tensors]
        if shapes != wanted:
            raise ValueError(f"{name} must have the shapes {wanted}, got {shapes}.")
        for tensor, value in zip(tensors, values):
            tensor.copy_(torch.as_tensor(np.asarray(value)))


@public(tables.MLP, tables.MLP_CLASSIFIER_ATTRIBUTES)
class MLPClassifier(DeepClassifier, _BaseMLP):
    """Multi-layer perceptron classifier.

    Minimises the cross-entropy. It is a drop-in replacement of
    `sklearn.neural_network.MLPClassifier`: parameters, defaults, fitted attributes, errors and
    warnings are the same, and for scikit-learn's parameters so are the results for a seed, up to
    rounding, except as documented in `early_stopping`. Parameters after `max_fun` are new.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    MLPRegressor : The same for numbers instead of classes.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import train_test_split
    >>> from skdeep import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0, stratify=y)
    >>> clf = MLPClassifier(max_iter=300, tol=1e-3, random_state=0, device="cpu")
    >>> clf.fit(X_train, y_train).predict_proba(X_test[:1]).round(2)
    array([[0.98, 0.02, 0.  ]])
    >>> clf.score(X_test, y_test) > 0.9
    True
    """

    def __init__(
        self,
        hidden_layer_sizes: ArrayLike = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        device: str | torch.device = "auto",
        dtype: str | None = None,
        class_weight: dict[Any, Any] | Sequence[Any] | str | None = None,
        label_smoothing: float = 0.0,
        dropout: float = 0.0,
        l1_ratio: float = 0.0,
        gradient_clip_norm: float | None = None,
        normalization: str | None = None,
        weight_init: str = "auto",
        input_noise: float = 0.0,
        max_time: float | None = None,
        skorch_callbacks: Any = None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.device = device
        self.dtype = dtype
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
        self.dropout = dropout
        self.l1_ratio = l1_ratio
        self.gradient_clip_norm = gradient_clip_norm
        self.normalization = normalization
        self.weight_init = weight_init
        self.input_noise = input_noise
        self.max_time = max_time
        self.skorch_callbacks = skorch_callbacks

    @available_if(_is_stochastic)
    @_fit_context(prefer_skip_nested_validation=True)
    @all_or_nothing
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Train for one epoch on X and y, starting from the current weights.

        The optimizer's moments are kept from call to call; the first call after `fit` starts
        with fresh ones. `early_stopping` is not used.

        Parameters
        ----------
        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features)
            The rows to learn from.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their labels.

        sample_weight : array-like of shape (n_samples,), default=None
            Their weights.

        classes : array-like of shape (n_classes,), default=None
            All classes that any call will see; needed in the first call.

        Returns
        -------
        self : MLPClassifier
        """
        self._learn_classes_of_stream(y, classes)
        return self._fit(Given(X=X, y=y, sample_weight=sample_weight), Mode(incremental=True))


@public(tables.MLP, tables.MLP_ATTRIBUTES)
class MLPRegressor(DeepRegressor, _BaseMLP):
    """Multi-layer perceptron regressor.

    It is a drop-in replacement of `sklearn.neural_network.MLPRegressor`: parameters, defaults,
    fitted attributes, errors and warnings are the same, and for scikit-learn's parameters so are
    the results for a seed, up to rounding, except as documented in `early_stopping` and for
    'lbfgs' with several outputs, of which scikit-learn 1.9 follows the mean. Parameters after
    `max_fun` are new.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    MLPClassifier : The same for classes.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from skdeep import MLPRegressor
    >>> X, y = make_regression(n_samples=200, n_features=20, random_state=1)
    >>> reg = MLPRegressor(max_iter=2000, tol=0.1, random_state=1, device="cpu").fit(X, y)
    >>> reg.score(X, y) > 0.95
    True
    """

    _target_scaling = None

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: ArrayLike = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        device: str | torch.device = "auto",
        dtype: str | None = None,
        huber_delta: float = 1.0,
        quantile: float = 0.5,
        dropout: float = 0.0,
        l1_ratio: float = 0.0,
        gradient_clip_norm: float | None = None,
        normalization: str | None = None,
        weight_init: str = "auto",
        input_noise: float = 0.0,
        max_time: float | None = None,
        skorch_callbacks: Any = None,
    ):
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.device = device
        self.dtype = dtype
        self.huber_delta = huber_delta
        self.quantile = quantile
        self.dropout = dropout
        self.l1_ratio = l1_ratio
        self.gradient_clip_norm = gradient_clip_norm
        self.normalization = normalization
        self.weight_init = weight_init
        self.input_noise = input_noise
        self.max_time = max_time
        self.skorch_callbacks = skorch_callbacks

    @available_if(_is_stochastic)
    @_fit_context(prefer_skip_nested_validation=True)
    @all_or_nothing
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train for one epoch on X and y, starting from the current weights.

        The optimizer's moments are kept from call to call; the first call after `fit` starts
        with fresh ones. `early_stopping` is not used.

        Parameters
        ----------
        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features)
            The rows to learn from.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Their weights.

        Returns
        -------
        self : MLPRegressor
        """
        return self._fit(Given(X=X, y=y, sample_weight=sample_weight), Mode(incremental=True))
