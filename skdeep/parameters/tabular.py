"""Parameters and attributes of the estimators for mixed tables."""

from dataclasses import replace
from numbers import Integral

from skdeep._compat import Interval, StrOptions
from skdeep.parameters.dense import DENSE
from skdeep.parameters.entry import AT_LEAST_1, MOST, NOT_NEGATIVE, Parameter
from skdeep.parameters.training import (
    AMP,
    CLASSES,
    CLASSIFIER,
    FEATURES,
    N_ESTIMATORS,
    OUTPUTS,
    PROGRESS,
    SCALED_REGRESSOR,
    TRAINING,
    ScheduleOptions,
)

TABLES = {
    **TRAINING,
    **CLASSIFIER,
    **SCALED_REGRESSOR,
    "hidden_layer_sizes": replace(
        DENSE["hidden_layer_sizes"],
        text="""array-like of int or int
        Number of units in each hidden layer.""",
    ),
    "n_estimators": replace(
        N_ESTIMATORS,
        text="""int
        Number of members: networks that are trained in parallel and whose probabilities (or
        values) are averaged; at least 1.""",
    ),
    "categorical_features": Parameter(
        ["array-like", StrOptions({"from_dtype"}), None],
        """'from_dtype', array-like of {bool, int, str} or None
        Which columns are categorical: a mask, indices or names, as in
        `HistGradientBoostingClassifier`. 'from_dtype' selects the columns of a DataFrame with
        dtype category and, unlike HistGradientBoosting, strings, booleans and objects; an object
        column that contains numbers only (decimals, for instance) is numeric.""",
    ),
    "max_one_hot": Parameter(
        [AT_LEAST_1],
        """int
        Categories with more levels are embedded instead of one-hot encoded; at least 1.""",
    ),
    "embedding_size": Parameter(
        [Interval(Integral, 0, MOST, closed="both")],
        """int
        Size of the embedding of a number, up to 65,536; at 0 numbers are not embedded.""",
    ),
    "dropout": DENSE["dropout"],
    "alpha": replace(
        TRAINING["alpha"],
        text="""float
        Decoupled weight decay (Loshchilov and Hutter, 2019), not negative: each step subtracts
        ``learning_rate * alpha`` of the weights, not the biases.""",
    ),
    "label_smoothing": replace(
        CLASSIFIER["label_smoothing"],
        text="""float
        Share of each target that is spread evenly over all classes, in [0, 1) (Szegedy et al.,
        2016). It improves accuracy at the expense of log loss and AUC: see `scoring`.""",
    ),
    "scoring": Parameter(
        [StrOptions({"accuracy", "log_loss"})],
        """{'accuracy', 'log_loss'}
        Score by which the best epoch is selected. 'log_loss' also disables label smoothing, which
        is better for probabilities and for rankings (Holzmueller et al., 2024, appendix B.5).""",
    ),
    "calibrate": Parameter(
        ["boolean"],
        """bool
        Whether to divide log probabilities by the temperature that minimises the log loss of the
        held-out rows (Guo et al., 2017).""",
    ),
    "refit": Parameter(
        ["boolean"],
        """bool
        Whether to train a second time on all rows, up to the best epoch of each member in the
        first training. Takes twice the time; `max_time` includes both.""",
    ),
    "learning_rate_init": replace(
        TRAINING["learning_rate_init"],
        text="""float
        The (maximum) learning rate; positive.""",
    ),
    "max_iter": replace(
        TRAINING["max_iter"],
        text="""int
        Maximum number of epochs.""",
    ),
    "tol": replace(
        TRAINING["tol"],
        text="""float
        Minimum improvement of the validation score for an epoch to become the best one.""",
    ),
    "early_stopping": replace(
        TRAINING["early_stopping"],
        text="""bool
        Whether to hold out `validation_fraction` of the rows, score each epoch on them and
        restore the weights of the best epoch. Rows passed as `X_val` are used in any case.""",
    ),
    "validation_fraction": replace(
        TRAINING["validation_fraction"],
        text="""float
        Fraction of the rows that is held out, in [0, 1).""",
    ),
    "amp": replace(
        AMP,
        text="""bool or 'auto'
        Whether to multiply matrices in bfloat16 in training and keep everything else in `dtype`,
        which must be 'float32': about twice as fast on processors that support it. 'auto' enables
        it on GPUs that support it.""",
    ),
}

REALMLP = {
    **TABLES,
    "activation": Parameter(
        [StrOptions({"selu", "mish", "relu", "silu"})],
        """{'selu', 'mish', 'relu', 'silu'}
        Activation function of the hidden layers: SELU (Klambauer et al., 2017), Mish (Misra,
        2020), ReLU or SiLU (Elfwing et al., 2018).""",
    ),
    "embedding_size": replace(
        TABLES["embedding_size"],
        text="""int
        Size of the embedding of a number; below 2 numbers are not embedded.""",
    ),
    "frequency_scale": Parameter(
        [NOT_NEGATIVE],
        """float
        Standard deviation of the initial frequencies of the number embedding, in periods per unit
        of the scaled number; not negative.""",
    ),
    "dropout": replace(
        TABLES["dropout"],
        text="""float
        Dropout rate of the hidden units, in [0, 1) (Srivastava et al., 2014). It decreases to 0
        along half a cosine in the second half of `max_iter`.""",
    ),
    "alpha": replace(
        TABLES["alpha"],
        text="""float
        Decoupled weight decay (Loshchilov and Hutter, 2019), not negative: each step subtracts
        ``learning_rate * alpha`` of the weights, not the biases. It decreases like `dropout`.""",
    ),
    "batch_size": replace(
        TRAINING["batch_size"],
        text="""int or 'auto'
        Number of rows in a mini-batch of each member; 'auto' is 64 up to 1,024 rows, 128 up to
        2,048 and 256 above. The batches of an epoch are of nearly equal size.""",
    ),
    "learning_rate": Parameter(
        [ScheduleOptions({"coslog4", "flat_cos", "cosine", "constant"})],
        """{'coslog4', 'flat_cos', 'cosine', 'constant'}
        Schedule of the learning rate over `max_iter` epochs. 'coslog4' consists of four waves,
        each twice as long as the one before, ``(1 - cos(2 pi log2(1 + 15 t))) / 2`` (Holzmueller
        et al., 2024); 'flat_cos' decreases along a cosine in the second half, 'cosine' from the
        beginning.""",
    ),
    "n_iter_no_change": replace(
        TRAINING["n_iter_no_change"],
        text="""int or inf
        Training stops this number of epochs plus twice the best epoch after the best epoch (of
        the member with the latest one), and in epoch `max_iter`. Without held-out rows it does
        not stop early.""",
    ),
    "scaling_layer": Parameter(
        ["boolean"],
        """bool
        Whether inputs have a learned scale.""",
    ),
    "parametric_activation": Parameter(
        ["boolean"],
        """bool
        Whether activations have a learned slope for each unit.""",
    ),
    "weight_init": Parameter(
        [StrOptions({"data", "normal"})],
        """{'data', 'normal'}
        Initial weights. 'data' uses up to 10,000 rows: outputs have unit variance and hyperplanes
        pass through the data; 'normal' draws weights and biases from the normal distribution.""",
    ),
}

TABM = {
    **TABLES,
    "n_networks": Parameter(
        [AT_LEAST_1],
        """int
        Number of networks without common weights over which the members are distributed, at least
        1; the greatest common divisor of it and `n_estimators` is used. Each holds out other
        rows.""",
    ),
    "variant": Parameter(
        [StrOptions({"mini", "full"})],
        """{'mini', 'full'}
        'mini': members differ in the scales of their inputs and in their last layer only; 'full':
        each has factors of its own in every layer (BatchEnsemble; Wen et al., 2020).""",
    ),
    "n_bins": Parameter(
        [Interval(Integral, 2, MOST, closed="both")],
        """int
        Number of bins of the piecewise linear embedding of numbers, from 2 to 65,536.""",
    ),
    "batch_size": replace(
        TRAINING["batch_size"],
        text="""int or 'auto'
        Number of rows in a mini-batch of each member; 'auto' increases with the number of rows,
        from 32 below 2,800 to 1,024 from 108,000 on. The batches of an epoch are of nearly equal
        size.""",
    ),
    "averaging": Parameter(
        [NOT_NEGATIVE],
        """float
        Horizon, in epochs, of the moving average of the weights, which is what is scored and kept
        (Polyak and Juditsky, 1992); 0 uses the weights themselves.""",
    ),
    "n_iter_no_change": replace(
        TRAINING["n_iter_no_change"],
        text="""int or inf
        Training stops this number of epochs after the best epoch (of the network with the latest
        one), and in epoch `max_iter`. Without held-out rows it does not stop early.""",
    ),
    "amp": replace(
        AMP,
        text="""bool or 'auto'
        Whether to multiply matrices in bfloat16 in training and keep everything else in `dtype`,
        which must be 'float32'. 'auto' enables it on GPUs and processors that support it, where
        it takes half the time; for the same seed, processors without support then give slightly
        different results.""",
    ),
}

TABLE_ATTRIBUTES = {
    "encoder_": """TabularEncoder
        Encodes the columns of X as the input of the network.""",
    "best_epochs_": """list of int or None
        Epoch, from 1, of the weights of each network; None if no rows were held out.""",
    **PROGRESS,
    **OUTPUTS,
    **FEATURES,
}
TABLE_CLASSIFIER_ATTRIBUTES = {
    **CLASSES,
    "temperature_": """float
        Temperature found by `calibrate`, otherwise 1. Above 1 it makes probabilities less
        extreme.""",
    **TABLE_ATTRIBUTES,
}
