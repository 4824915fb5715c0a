"""Constraints of the parameters that estimators share, in scikit-learn's terms."""

from numbers import Integral, Real

import numpy as np
import torch

from skdeep._compat import HasMethods, Interval, Options, StrOptions
from skdeep.engine.optim import SOLVERS

_MOST = 2**16
"""Networks, bins or numbers of an embedding: more would only fill the memory."""

TRAINING = {
    "solver": [StrOptions({"lbfgs", *SOLVERS})],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "learning_rate": [
        StrOptions(
            {
                "constant",
                "invscaling",
                "adaptive",
                "cosine",
                "one_cycle",
                "one-cycle",
                "exponential",
                "plateau",
            }
        )
    ],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "power_t": [Interval(Real, 0, None, closed="left")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [Interval(Real, 0, None, closed="left")],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="left")],
    "beta_1": [Interval(Real, 0, 1, closed="left")],
    "beta_2": [Interval(Real, 0, 1, closed="left")],
    "epsilon": [Interval(Real, 0, None, closed="neither")],
    "n_iter_no_change": [
        Interval(Integral, 1, None, closed="left"),
        Options(Real, {np.inf}),
    ],
    "max_fun": [Interval(Integral, 1, None, closed="left")],
    "device": [str, torch.device],
    "dtype": [StrOptions({"float32", "float64"}), None],
    "l1_ratio": [Interval(Real, 0, 1, closed="both")],
    "gradient_clip_norm": [Interval(Real, 0, None, closed="neither"), None],
    "max_time": [Interval(Real, 0, None, closed="neither"), None],
    "skorch_callbacks": [list, tuple, HasMethods("on_train_begin"), None],
}
"""Of everything that trains by gradient descent."""

CLASSIFIER = {
    "class_weight": [dict, list, StrOptions({"balanced"}), None],
    "label_smoothing": [Interval(Real, 0, 1, closed="left")],
}
"""Of classifiers beyond `TRAINING`."""

REGRESSOR = {
    "loss": [StrOptions({"squared_error", "absolute_error", "huber", "quantile", "poisson"})],
    "huber_delta": [Interval(Real, 0, None, closed="neither")],
    "quantile": [Interval(Real, 0, 1, closed="neither")],
}
"""Of regressors beyond `TRAINING`."""

DENSE = {
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "activation": [
        StrOptions(
            {
                "identity",
                "logistic",
                "tanh",
                "relu",
                "elu",
                "leaky_relu",
                "prelu",
                "selu",
                "softplus",
                "gelu",
                "silu",
                "mish",
            }
        )
    ],
    "dropout": [Interval(Real, 0, 1, closed="left")],
    "normalization": [StrOptions({"batch", "layer"}), None],
    "weight_init": [
        StrOptions(
            {
                "auto",
                "orthogonal",
                "xavier_uniform",
                "xavier_normal",
                "he_uniform",
                "he_normal",
            }
        )
    ],
    "input_noise": [Interval(Real, 0, None, closed="left")],
}
"""Of stacks of dense layers."""

TABLES = {
    **{
        name: constraint
        for name, constraint in TRAINING.items()
        if name
        not in {
            *("solver", "learning_rate", "power_t", "warm_start", "momentum", "l1_ratio"),
            *("nesterovs_momentum", "max_fun"),
        }
    },
    "hidden_layer_sizes": DENSE["hidden_layer_sizes"],
    "n_estimators": [Interval(Integral, 1, _MOST, closed="both")],
    "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
    "max_one_hot": [Interval(Integral, 1, None, closed="left")],
    "dropout": DENSE["dropout"],
    "refit": ["boolean"],
    "amp": ["boolean", StrOptions({"auto"})],
    "compile": ["boolean"],
}
"""Of the estimators for mixed tables."""

TABLE_CLASSIFIER = {
    **CLASSIFIER,
    "scoring": [StrOptions({"accuracy", "log_loss"})],
    "calibrate": ["boolean"],
}

TABLE_REGRESSOR = {
    "loss": [StrOptions({"squared_error", "absolute_error", "quantile"})],
    "quantile": [Interval(Real, 0, 1, closed="neither")],
}

CNN = {
    **{
        name: constraint
        for name, constraint in TRAINING.items()
        if name
        not in {
            *("warm_start", "momentum", "nesterovs_momentum", "l1_ratio", "power_t", "max_fun"),
            *("beta_1", "beta_2", "epsilon"),
        }
    },
    "solver": [StrOptions(set(SOLVERS))],
    "max_iter": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "architecture": [
        StrOptions({"auto", "lenet", "resnet", "inception"}),
        HasMethods("forward"),
        callable,
    ],
    "n_filters": ["array-like", Interval(Integral, 1, None, closed="left"), None],
    "kernel_size": ["array-like", Interval(Integral, 1, None, closed="left"), None],
    "pooling": [StrOptions({"max", "mean"})],
    "pool_size": [Interval(Integral, 1, None, closed="left")],
    **{name: DENSE[name] for name in ("activation", "hidden_layer_sizes", "dropout")},
    "n_estimators": [Interval(Integral, 1, _MOST, closed="both")],
    "augment": [str, "array-like", dict, None],
    "pretrained": "no_validation",
    "freeze": ["boolean"],
    "amp": ["boolean", StrOptions({"auto"})],
    "data_format": [StrOptions({"channels_last", "channels_first"})],
    "image_shape": [tuple, list, None],
    "own_scale": ["boolean", StrOptions({"auto"})],
    "missing": [StrOptions({"error", "mask"})],
}
"""Of convolutional networks."""

REALMLP = {
    "activation": [StrOptions({"selu", "mish", "relu", "silu"})],
    "embedding_size": [Interval(Integral, 0, _MOST, closed="both")],
    "frequency_scale": [Interval(Real, 0, None, closed="left")],
    "learning_rate": [StrOptions({"coslog4", "flat_cos", "cosine", "constant"})],
    "scaling_layer": ["boolean"],
    "parametric_activation": ["boolean"],
    "weight_init": [StrOptions({"data", "normal"})],
}
"""Of RealMLP."""

TABM = {
    "n_networks": [Interval(Integral, 1, None, closed="left")],
    "averaging": [Interval(Real, 0, None, closed="left")],
    "variant": [StrOptions({"mini", "full"})],
    "n_bins": [Interval(Integral, 2, _MOST, closed="both")],
    "embedding_size": [Interval(Integral, 0, _MOST, closed="both")],
}
"""Of TabM."""

TABULAR_GAN = {
    "hidden_layer_sizes": DENSE["hidden_layer_sizes"],
    "critic_layer_sizes": DENSE["hidden_layer_sizes"],
    "loss": [StrOptions({"relativistic", "wgan-gp"})],
    "gradient_penalty": [Interval(Real, 0, None, closed="left")],
    "pac": [Interval(Integral, 1, None, closed="left")],
    "critic_ratio": [Interval(Integral, 1, None, closed="left")],
    "max_iter": [StrOptions({"auto"}), *TRAINING["max_iter"]],
    "warm_up": [Interval(Real, 0, 1, closed="both")],
    "n_bins": [StrOptions({"auto"}), Interval(Integral, 2, None, closed="left")],
    "max_categories": [Interval(Integral, 1, None, closed="left")],
    "ema": [Interval(Real, 0, 1, closed="left")],
    "dropout": DENSE["dropout"],
    "play_learning_rate": [Interval(Real, 0, None, closed="neither")],
}
"""Of TabularGAN."""

SEQUENCES = {
    **{
        name: constraint
        for name, constraint in TRAINING.items()
        if name not in {"power_t", "momentum", "nesterovs_momentum", "max_fun", "l1_ratio"}
    },
    "solver": [StrOptions(set(SOLVERS))],
    "max_iter": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "hidden_layer_sizes": DENSE["hidden_layer_sizes"],
    "cell": [StrOptions({"lstm", "gru", "rnn"})],
    "vocabulary_size": [StrOptions({"auto"}), Interval(Integral, 2, None, closed="left"), None],
    "embedding_size": [Interval(Integral, 1, _MOST, closed="both")],
    "bidirectional": ["boolean"],
    "pooling": [StrOptions({"last", "max", "mean", "attention"})],
    "convolutional": [StrOptions({"auto"}), list, tuple, None],
    "dropout": [StrOptions({"auto"}), *DENSE["dropout"]],
    "recurrent_dropout": DENSE["dropout"],
    "data_format": [StrOptions({"channels_last", "channels_first"})],
    "own_scale": ["boolean", StrOptions({"auto"})],
    "missing": [StrOptions({"error", "mask"})],
}
"""Of recurrent networks."""
