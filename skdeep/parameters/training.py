"""Parameters and attributes of everything that trains by gradient descent."""

from numbers import Integral, Real

import numpy as np
import torch

from skdeep._compat import HasMethods, Interval, Options, StrOptions
from skdeep.engine.optim import SOLVERS
from skdeep.parameters.entry import (
    AT_LEAST_1,
    AUTO,
    BELOW_1,
    MOST,
    NOT_NEGATIVE,
    POSITIVE,
    UP_TO_1,
    Parameter,
)


class ScheduleOptions(StrOptions):
    """Names of schedules; who passes a number is told where it belongs."""

    def __str__(self) -> str:
        return f"{super().__str__()} (a number is for 'learning_rate_init')"


TRAINING = {
    "solver": Parameter(
        [StrOptions(set(SOLVERS))],
        """{'sgd', 'adam', 'adamw', 'amsgrad', 'nadam', 'adamax', 'adagrad', 'adadelta', 'rmsprop'}
        The optimizer of the weights; see `MLPClassifier`.""",
    ),
    "alpha": Parameter(
        [NOT_NEGATIVE],
        """float
        Strength of the penalty on the weights (not on the biases), not negative. It is divided by
        the number of rows in the batch (by the sum of their weights, if any), as in scikit-learn.
        For 'adamw' it is the decay rate instead: each step subtracts ``learning_rate * alpha`` of
        the weights.""",
    ),
    "batch_size": Parameter(
        [AUTO, AT_LEAST_1],
        """int or 'auto'
        Number of rows in a mini-batch; 'auto' is ``min(200, n_samples)``.""",
    ),
    "learning_rate": Parameter(
        [
            ScheduleOptions(
                {
                    *("constant", "invscaling", "adaptive", "cosine"),
                    *("one_cycle", "one-cycle", "exponential", "plateau"),
                }
            )
        ],
        """{'constant', 'invscaling', 'adaptive', 'cosine', 'one_cycle', 'exponential', 'plateau'}
        Schedule of the learning rate. The first three are scikit-learn's; 'invscaling' and
        'adaptive' are used by solver 'sgd' only, as there. The others are used by every solver
        but 'lbfgs':

        - 'constant': `learning_rate_init` throughout.
        - 'invscaling': ``learning_rate_init / (t + 1) ** power_t``, where t is the number of rows
          seen.
        - 'adaptive': divided by 5 each time patience runs out (see `n_iter_no_change`).
        - 'cosine': half a cosine from `learning_rate_init` to 0 over `max_iter` epochs (Loshchilov
          and Hutter, 2017).
        - 'one_cycle' (or 'one-cycle'): up to `learning_rate_init` during the first 30 % of
          `max_iter` epochs, then down, both along a cosine (Smith and Topin, 2018).
        - 'exponential': multiplied by the same factor each epoch, down to 1 % in epoch `max_iter`.
        - 'plateau': divided by 5 each time patience runs out, down to a thousandth.

        Training with 'cosine', 'one_cycle' and 'exponential' is complete at `max_iter`, so there
        is no convergence warning. `partial_fit` cannot know when training ends: there the
        learning rate of these three stays at `learning_rate_init`.""",
    ),
    "learning_rate_init": Parameter(
        [POSITIVE],
        """float
        Initial learning rate, or the largest one of 'one_cycle'; positive.""",
    ),
    "power_t": Parameter(
        [NOT_NEGATIVE],
        """float
        Exponent of 'invscaling'.""",
    ),
    "max_iter": Parameter(
        [AT_LEAST_1],
        """int
        Maximum number of epochs (passes over the data).""",
    ),
    "shuffle": Parameter(
        ["boolean"],
        """bool
        Whether to shuffle the rows in each epoch.""",
    ),
    "random_state": Parameter(
        ["random_state"],
        """int, RandomState instance or None
        Seed of the initial weights, the validation split, the order of the rows and all noise.
        Pass an int for identical results across fits on the CPU. None uses fresh entropy: unlike
        in scikit-learn, NumPy's global generator is neither read nor advanced.""",
    ),
    "tol": Parameter(
        [NOT_NEGATIVE],
        """float
        An epoch that does not improve the training loss (with `early_stopping`, the validation
        score) by at least this much counts as no improvement.""",
    ),
    "verbose": Parameter(
        ["verbose"],
        """bool or int
        Whether to print a line after each epoch: its number, the loss, the validation score if
        there is one, and how long the epochs that are left take at most.""",
    ),
    "warm_start": Parameter(
        ["boolean"],
        """bool
        Whether `fit` continues from the weights of the previous fit.""",
    ),
    "momentum": Parameter(
        [UP_TO_1],
        """float
        Momentum of solver 'sgd', in [0, 1].""",
    ),
    "nesterovs_momentum": Parameter(
        ["boolean"],
        """bool
        Whether to use Nesterov's momentum with solver 'sgd'.""",
    ),
    "early_stopping": Parameter(
        ["boolean"],
        """bool
        Whether to hold out a part of the rows, score each epoch on it, stop when the score no
        longer improves and restore the weights of the best epoch (among equal scores, the one
        with the lowest validation loss). The held-out rows are `validation_fraction` of the data,
        stratified by class (in scikit-learn only for two classes), or `X_val` if passed to `fit`.
        If the split would hold fewer than 2 rows or cannot contain each class, a warning is
        issued and nothing is held out; fewer than 4 rows, or 4 with a class of one row, raise an
        error. Up to 200 rows, identical rows stay in the same part. The score is the accuracy or
        R2; D2 of the absolute error for the losses 'absolute_error' and 'huber', and D2 of the
        pinball loss for 'quantile'. `partial_fit` does not stop early (it does not raise either,
        unlike in scikit-learn).""",
    ),
    "validation_fraction": Parameter(
        [BELOW_1],
        """float
        Fraction of the rows that `early_stopping` holds out, in [0, 1).""",
    ),
    "beta_1": Parameter(
        [BELOW_1],
        """float
        Decay rate of the first moment estimate in solvers of the Adam family, in [0, 1).""",
    ),
    "beta_2": Parameter(
        [BELOW_1],
        """float
        Decay rate of the second moment estimate in solvers of the Adam family, in [0, 1).""",
    ),
    "epsilon": Parameter(
        [POSITIVE],
        """float
        Added to denominators in solvers of the Adam family; positive.""",
    ),
    "n_iter_no_change": Parameter(
        [AT_LEAST_1, Options(Real, {np.inf})],
        """int or inf
        Patience runs out after more than this number of consecutive epochs without an improvement
        by `tol`; training then stops, or the learning rate is reduced.""",
    ),
    "device": Parameter(
        [str, torch.device],
        """str or torch.device
        Device of the network: 'cpu', 'cuda', 'cuda:1', 'mps', 'xpu', or 'auto' for the first
        visible GPU, if any, else the CPU (the GPU of `X` if X is a tensor on one). On CUDA devices
        matrices of float32 are multiplied in TF32 during training, unless
        `torch.backends.cuda.matmul.fp32_precision` is 'ieee'.""",
    ),
    "dtype": Parameter(
        [StrOptions({"float32", "float64"}), None],
        """{'float32', 'float64'} or None
        Precision of the network. None uses that of `X`, as scikit-learn does: float32 for
        float32, float64 for anything else. On 'mps' it is always float32.""",
    ),
    "l1_ratio": Parameter(
        [UP_TO_1],
        """float
        Share of `alpha` that is used as an L1 penalty, in [0, 1].""",
    ),
    "gradient_clip_norm": Parameter(
        [POSITIVE, None],
        """float or None
        Maximum norm of the gradient of a batch; larger gradients are scaled down (Pascanu et al.,
        2013). None does not clip.""",
    ),
    "max_time": Parameter(
        [POSITIVE, None],
        """float or None
        Maximum training time in seconds. Training then stops, even in the middle of an epoch, and
        restores the best weights so far: those of the best validation score or loss if rows are
        held out, otherwise of the lowest training loss.""",
    ),
    "skorch_callbacks": Parameter(
        [list, tuple, HasMethods("on_train_begin"), None],
        """list of skorch callbacks or None
        Copied and called at each epoch (and at each batch, if they implement these methods, which
        takes time). scikit-learn's own callbacks are set with `set_callbacks`.""",
    ),
}

MAX_ITER = Parameter(
    [AUTO, AT_LEAST_1],
    """int or 'auto'
    Number of epochs.""",
)
"""Where 'auto' plans for a number of training steps."""

AMP = Parameter(
    ["boolean", AUTO],
    """bool or 'auto'
    Whether to train in mixed precision (bfloat16).""",
)

N_ESTIMATORS = Parameter(
    [Interval(Integral, 1, MOST, closed="both")],
    """int
    Number of networks (members) that are trained in parallel and averaged, from 1 to 65,536.""",
)

CLASSIFIER = {
    "class_weight": Parameter(
        [dict, list, StrOptions({"balanced"}), None],
        """dict, list of dict, 'balanced' or None
        Weight of each class, by label; 'balanced' is ``n_samples / (n_classes * count)``; a list of
        dicts for multilabel targets. Multiplied with `sample_weight`.""",
    ),
    "label_smoothing": Parameter(
        [BELOW_1],
        """float
        Share of each target that is spread evenly over all classes, in [0, 1) (Szegedy et al.,
        2016).""",
    ),
}

REGRESSOR = {
    "loss": Parameter(
        [StrOptions({"squared_error", "absolute_error", "huber", "quantile", "poisson"})],
        """{'squared_error', 'absolute_error', 'huber', 'quantile', 'poisson'}
        Loss function. 'squared_error' is half the squared error; 'absolute_error' estimates the
        median; 'huber' is quadratic up to `huber_delta` and linear beyond it (Huber, 1964);
        'quantile' estimates the given `quantile` (Koenker and Bassett, 1978); 'poisson' is half
        the Poisson deviance with ``exp`` as the output activation, for non-negative targets.""",
    ),
    "huber_delta": Parameter(
        [POSITIVE],
        """float
        Error beyond which the loss 'huber' is linear, in the units of y.""",
    ),
    "quantile": Parameter(
        [Interval(Real, 0, 1, closed="neither")],
        """float
        Quantile that the loss 'quantile' estimates, in (0, 1).""",
    ),
}

SCALED_REGRESSOR = {
    "loss": Parameter(
        [StrOptions({"squared_error", "absolute_error", "quantile"})],
        """{'squared_error', 'absolute_error', 'quantile'}
        Loss function. 'squared_error' is half the squared error, 'absolute_error' estimates the
        median, 'quantile' the given `quantile` (Koenker and Bassett, 1978). Targets are
        standardised internally.""",
    ),
    "quantile": REGRESSOR["quantile"],
}

CLASSES = {
    "classes_": """ndarray of shape (n_classes,)
        The class labels; for multilabel targets the indices of the labels.""",
}

PROGRESS = {
    "loss_": """float
        Loss of the last epoch, penalty included.""",
    "best_loss_": """float or None
        Lowest loss of an epoch; None with early stopping.""",
    "loss_curve_": """list of float
        Training loss of each epoch, penalty included.""",
    "validation_loss_curve_": """list of float or None
        Loss on the validation rows after each epoch, without the penalty; None without such
        rows.""",
    "validation_scores_": """list of float or None
        Score on the validation rows after each epoch; None without early stopping.""",
    "best_validation_score_": """float or None
        Best of `validation_scores_`.""",
    "n_iter_": """int
        Number of epochs of the last fit.""",
    "net_": """skorch.NeuralNet
        The skorch net: ``net_.module_`` is the network, ``net_.history`` the record of epochs.""",
}

OUTPUTS = {
    "n_outputs_": """int
        Number of outputs of the network.""",
    "out_activation_": """str
        Name of the output activation.""",
}

FEATURES = {
    "n_features_in_": """int
        Number of features seen during `fit`.""",
    "feature_names_in_": """ndarray of shape (`n_features_in_`,)
        Names of features seen during `fit`; defined only if all of them are strings.""",
}

ATTRIBUTES = {
    **PROGRESS,
    "t_": """int
        Number of training rows that the solver has seen.""",
    **OUTPUTS,
    **FEATURES,
}
