"""RealMLP: perceptrons for mixed tables with tuned defaults."""

import numpy as np
from sklearn.callback import with_callbacks

from skdeep import _params, engine
from skdeep._base import all_or_nothing
from skdeep._compat import _fit_context
from skdeep._docs import shared_docs
from skdeep._tables import DeepTable
from skdeep._tables_targets import TableClassifier, TableRegressor
from skdeep.nets.realmlp import RealMLPNet, initialize

_INITIAL_ROWS = 10_000  # that the data-driven initial weights look at


class _BaseRealMLP(DeepTable):
    """What the classifier and the regressor share."""

    _parameter_constraints: dict = {**_params.TABLES, **_params.REALMLP}

    def _members(self):
        return self.n_estimators

    def _auto_batch_size(self, n_samples):
        return 256

    def _new_module(self, n_outputs):
        encoder = self.encoder_
        return RealMLPNet(
            self.n_estimators,
            encoder.n_numeric_,
            encoder.n_plain_,
            encoder.cardinalities_,
            [int(n) for n in np.atleast_1d(self.hidden_layer_sizes)],
            n_outputs,
            self.activation,
            float(self.dropout),
            n_embedding=self.embedding_size,
            parametric=self.parametric_activation,
            scaled=self.scaling_layer,
        )

    def _draw_weights(self, module, rng, x, weight):
        seen = slice(0, _INITIAL_ROWS)
        if self.weight_init == "normal":
            initialize(module, rng, self.frequency_scale)
        else:
            weight = None if weight is None else weight[seen]
            initialize(module, rng, self.frequency_scale, x[seen], weight)

    def _schedule(self, net, n_steps):
        optimizer, dropout = net.flat_optimizers_[0], net.module_.dropout
        decay, p, flat_cos = self._decoupled_decay(), float(self.dropout), engine.CURVES["flat_cos"]

        def regularise(t):
            optimizer.weight_decay = decay * flat_cos(t)
            dropout.p = p * flat_cos(t)

        return engine.Course(
            optimizer,
            float(self.learning_rate_init),
            n_steps,
            engine.CURVES[self.learning_rate],
            others=[regularise],
            max_time=self.max_time,
        )

    def _patience(self, best, plan, stops_early):
        limit = self.n_iter_no_change if plan.held_out is not None else np.inf
        return engine.GrowingPatience(self.tol, limit, stops_early, lambda: best.epochs)

    def _draws_noise(self):
        return bool(self.dropout)


class RealMLPClassifier(TableClassifier, _BaseRealMLP):
    """RealMLP classifier (Holzmueller, Grinsztajn and Steinwart, NeurIPS 2024)."""

    _parameter_constraints: dict = {
        **_BaseRealMLP._parameter_constraints,
        **_params.TABLE_CLASSIFIER,
    }

    def __init__(
        self,
        hidden_layer_sizes=(256, 256, 256),
        activation="selu",
        *,
        n_estimators=2,
        categorical_features="from_dtype",
        max_one_hot=8,
        embedding_size=4,
        frequency_scale=0.1,
        dropout=0.15,
        alpha=0.02,
        label_smoothing=0.1,
        scoring="accuracy",
        class_weight=None,
        calibrate=False,
        refit=False,
        batch_size="auto",
        learning_rate="coslog4",
        learning_rate_init=0.04,
        max_iter=256,
        shuffle=True,
        random_state=None,
        tol=0.0,
        verbose=False,
        early_stopping=True,
        validation_fraction=0.2,
        n_iter_no_change=40,
        beta_1=0.9,
        beta_2=0.95,
        epsilon=1e-8,
        gradient_clip_norm=None,
        scaling_layer=True,
        parametric_activation=True,
        weight_init="data",
        device="auto",
        dtype="float32",
        max_time=None,
        skorch_callbacks=None,
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
        self.max_time = max_time
        self.skorch_callbacks = skorch_callbacks

    @_fit_context(prefer_skip_nested_validation=True)
    @all_or_nothing
    @with_callbacks
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Train on X and y."""
        return self._run_fit(X, y, sample_weight, X_val, y_val, sample_weight_val)


class RealMLPRegressor(TableRegressor, _BaseRealMLP):
    """RealMLP regressor (Holzmueller, Grinsztajn and Steinwart, NeurIPS 2024)."""

    _parameter_constraints: dict = {
        **_BaseRealMLP._parameter_constraints,
        **_params.TABLE_REGRESSOR,
    }

    def __init__(
        self,
        hidden_layer_sizes=(256, 256, 256),
        activation="mish",
        *,
        loss="squared_error",
        quantile=0.5,
        n_estimators=2,
        categorical_features="from_dtype",
        max_one_hot=8,
        embedding_size=4,
        frequency_scale=0.1,
        dropout=0.15,
        alpha=0.02,
        refit=False,
        batch_size="auto",
        learning_rate="coslog4",
        learning_rate_init=0.2,
        max_iter=256,
        shuffle=True,
        random_state=None,
        tol=0.0,
        verbose=False,
        early_stopping=True,
        validation_fraction=0.2,
        n_iter_no_change=40,
        beta_1=0.9,
        beta_2=0.95,
        epsilon=1e-8,
        gradient_clip_norm=None,
        scaling_layer=True,
        parametric_activation=True,
        weight_init="data",
        device="auto",
        dtype="float32",
        max_time=None,
        skorch_callbacks=None,
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
        self.max_time = max_time
        self.skorch_callbacks = skorch_callbacks

    @_fit_context(prefer_skip_nested_validation=True)
    @all_or_nothing
    @with_callbacks
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Train on X and y."""
        return self._run_fit(X, y, sample_weight, X_val, y_val, sample_weight_val)
